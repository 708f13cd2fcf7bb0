"""Optional (pictures): An SVG canvas with a few shapes and one palette for light and dark pages; Python 3 standard
library only.

Every colour is a CSS class that is defined twice, the second time under prefers-color-scheme: dark. The picture brings
its own background, so it can be read on a page whose colours differ from the reader's system setting. Run draw.py.
"""
import re
import textwrap
from html import escape

# class: (fill, stroke) on a light page and on a dark one
SHAPES = {
    "paper": ("#ffffff", "#d1d9e0", "#0d1117", "#3d444d"),
    "grey": ("#f3f5f7", "#7d8792", "#1a2028", "#8b949e"),
    "blue": ("#ddeffd", "#0969da", "#16345a", "#58a6ff"),
    "green": ("#dcf7e2", "#1a7f37", "#15402a", "#3fb950"),
    "orange": ("#ffecd9", "#bc4c00", "#482c12", "#f0883e"),
    "violet": ("#f1e7fd", "#8250df", "#38275e", "#ab7df8"),
    "empty": ("none", "#b3bbc4", "none", "#444c56"),
    "band": ("none", "#9aa4ae", "none", "#626c77"),
}
INK = {"ink": ("#1f2328", "#e6edf3"), "soft": ("#59636e", "#9ea7b3"), "blue": ("#0757b8", "#79b8ff"),
       "green": ("#116329", "#56d364"), "orange": ("#9a3c00", "#ffa657"), "violet": ("#6f3fc8", "#c297ff")}
SIZES = {"title": "font: 600 19px system-ui, sans-serif", "head": "font: 600 15px system-ui, sans-serif",
         "body": "font: 13.5px system-ui, sans-serif", "mono": "font: 13px ui-monospace, monospace",
         "bold": "font: 600 13.5px system-ui, sans-serif", "count": "font: 600 17px system-ui, sans-serif"}


def style():
    def rules(dark):
        out = [f".{name} {{ fill: {c[2 * dark]}; stroke: {c[2 * dark + 1]} }}" for name, c in SHAPES.items()]
        out += [f".t-{name} {{ fill: {c[dark]} }}" for name, c in INK.items()]
        out += [f".l-{name} {{ stroke: {c[dark]}; fill: none }}" for name, c in INK.items()]
        return out
    sizes = [f".{name} {{ {font} }}" for name, font in SIZES.items()] + [".sub { font-size: 12px }"]
    return "\n".join(sizes + rules(0) + ["@media (prefers-color-scheme: dark) {"] + rules(1) + ["}"])


def markup(text):
    """Escaped text in which _{x} is a subscript."""
    parts = re.split(r"_\{(.+?)\}", text)
    out = escape(parts[0])
    for subscript, rest in zip(parts[1::2], parts[2::2]):
        out += f'<tspan class="sub" dy="3">{escape(subscript)}</tspan>'
        out += f'<tspan dy="-3">{escape(rest) or "&#8203;"}</tspan>'
    return out


def coordinates(points):
    return " ".join(f"{x:.5g},{y:.5g}" for x, y in points)


class Canvas:
    def __init__(self, width, height, title, description):
        self.size, self.title, self.description, self.parts = (width, height), title, description, []
        self.rect(0.5, 0.5, width - 1, height - 1, "paper", radius=10)

    def rect(self, x, y, w, h, colour, radius=7, width=1.3, dash=""):
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<rect class="{colour}" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius}" '
                          f'stroke-width="{width}"{dash}/>')

    def text(self, x, y, text, size="body", ink="ink", anchor="start", turn=0):
        turn = f' transform="rotate({turn} {x:g} {y:g})"' if turn else ""
        self.parts.append(f'<text class="{size} t-{ink}" x="{x:g}" y="{y:g}" text-anchor="{anchor}"{turn}>'
                          f"{markup(text)}</text>")

    def paragraph(self, x, y, text, ink="soft", columns=112, pitch=19):
        for i, line in enumerate(textwrap.wrap(" ".join(text.split()), columns)):
            self.text(x, y + pitch * i, line, "body", ink)

    def line(self, points, ink="soft", width=1.6, dash="", head=False):
        """A polyline; head: an arrow head at its last point."""
        (x1, y1), (x2, y2) = points[-2:]
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        u, v = (x2 - x1) / length, (y2 - y1) / length
        if head:
            x, y = x2 - 9 * u, y2 - 9 * v
            corners = [(x2, y2), (x - 4.5 * v, y + 4.5 * u), (x + 4.5 * v, y - 4.5 * u)]
            self.parts.append(f'<polygon class="t-{ink}" points="{coordinates(corners)}"/>')
            points = points[:-1] + [(x2 - 7 * u, y2 - 7 * v)]
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<polyline class="l-{ink}" points="{coordinates(points)}" '
                          f'stroke-width="{width}" stroke-linejoin="round"{dash}/>')

    def arrow(self, *points, ink="soft", width=1.6, dash=""):
        self.line(list(points), ink, width, dash, head=True)

    def svg(self):
        w, h = self.size
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img">\n'
                f"<title>{escape(self.title)}</title>\n<desc>{escape(self.description)}</desc>\n"
                f"<style>\n{style()}\n</style>\n" + "\n".join(self.parts) + "\n</svg>\n")

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg())
