"""Optional (study): Axes, points with intervals, lines and bars on the house's canvas (dev/pictures/canvas.py)."""
import math


class Axes:
    """A plot in the rectangle (x, y, w, h) of a canvas, y counted downwards. low and high are the values at its edges;
    log: a logarithmic vertical axis."""

    def __init__(self, canvas, box, xlim, ylim, title, xlabel, ylabel, log=False):
        self.c, self.box, self.xlim, self.ylim, self.log = canvas, box, xlim, ylim, log
        x, y, w, h = box
        canvas.rect(x, y, w, h, "empty", radius=0, width=1)
        canvas.text(x, y - 12, title, "bold")
        canvas.text(x + w / 2, y + h + 40, xlabel, "body", "soft", "middle")
        canvas.text(x - 46, y + h / 2, ylabel, "body", "soft", "middle", turn=-90)

    def at(self, x, y):
        (left, top, w, h), (x0, x1) = self.box, self.xlim
        y0, y1 = self.ylim
        if self.log:
            y, y0, y1 = math.log(max(y, 1e-300)), math.log(y0), math.log(y1)
        up = min(max((y - y0) / (y1 - y0), 0), 1)
        return left + w * (x - x0) / (x1 - x0), top + h * (1 - up)

    def xticks(self, ticks, turn=0):
        """ticks: (value, text) pairs"""
        bottom = self.box[1] + self.box[3]
        for value, text in ticks:
            x = self.at(value, self.ylim[0])[0]
            self.c.line([(x, bottom), (x, bottom + 4)], width=1)
            self.c.text(x, bottom + 18, text, "body", "soft", "end" if turn else "middle", turn)

    def yticks(self, values):
        left, _, w, _ = self.box
        for value in values:
            y = self.at(self.xlim[0], value)[1]
            self.c.line([(left, y), (left + w, y)], "soft", 0.4, "2 4")
            self.c.text(left - 7, y + 4, f"{value:g}", "body", "soft", "end")

    def point(self, x, y, ink, low=None, high=None, size=3.2):
        px, py = self.at(x, y)
        if low is not None:
            below, above = self.at(x, low)[1], self.at(x, high)[1]
            if below > above:
                self.c.line([(px, below), (px, above)], ink, 1.4)
        self.c.parts.append(f'<circle class="t-{ink}" cx="{px:.5g}" cy="{py:.5g}" r="{size:g}"/>')

    def line(self, points, ink, width=1.6, dash=""):
        if len(points) > 1:
            self.c.line([self.at(x, y) for x, y in points], ink, width, dash)

    def bar(self, x, width, y, colour, low=None, high=None):
        left, top = self.at(x - width / 2, y)
        right, bottom = self.at(x + width / 2, self.ylim[0])
        self.c.rect(left, top, right - left, max(bottom - top, 0.01), colour, radius=1, width=1)
        if low is not None:
            middle = (left + right) / 2
            above, below = self.at(x, high)[1], self.at(x, low)[1]
            if below > above:
                self.c.line([(middle, below), (middle, above)], "ink", 1.2)

    def legend(self, entries, x, y, pitch=19):
        """entries: (text, ink) pairs; x, y from the plot's upper left corner"""
        for i, (text, ink) in enumerate(entries):
            px, py = self.box[0] + x, self.box[1] + y + pitch * i
            self.c.parts.append(f'<circle class="t-{ink}" cx="{px:g}" cy="{py - 4:g}" r="4"/>')
            self.c.text(px + 10, py, text, "body", "ink")
