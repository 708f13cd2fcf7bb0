"""Optional (study): a setting's picture for docs/evidence.md: on the left each arm's paired difference to GRPO, on the
right the learning curves of a few arms. Python 3 standard library only."""
import pathlib
import sys
from statistics import fmean

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pictures"))
from canvas import Canvas  # noqa: E402

ROW, TOP = 25, 92
LEFT, RIGHT = 190, 520             # of the differences
CURVE_LEFT, CURVE_RIGHT = 590, 960  # of the curves
CURVES = {"grpo": "ink", "dynamo": "violet", "dapo": "orange", "dynamo-oracle": "green", "w-reinforce": "blue"}


def ticks(low, high, count):
    """Round steps that cover [low, high] with about `count` of them."""
    step = next(s for s in (1, 2, 5, 10, 20, 50) if (high - low) / s <= count)
    first = int(low // step) * step
    return list(range(first, int(-(-high // step)) * step + 1, step))


def draw_differences(c, study, setting, names, bottom):
    figures = {name: study.arm(setting, name) for name in names}
    shown = {name: a for name, a in figures.items() if "diff1" in a}
    edges = [a[f"diff{k}{end}"] for a in shown.values() for k in (1, 8) for end in ("_low", "_high")] or [-1, 1]
    marks = ticks(min(0, *edges), max(0, *edges), 8)
    x = lambda v: LEFT + (v - marks[0]) / (marks[-1] - marks[0]) * (RIGHT - LEFT)
    for mark in marks:
        c.line([(x(mark), TOP - 12), (x(mark), bottom)], "soft", 1.6 if mark == 0 else 0.5)
        c.text(x(mark), bottom + 18, f"{mark:+d}" if mark else "0", "body", "soft", "middle")
    for i, name in enumerate(shown):
        y = TOP + ROW * i
        c.text(LEFT - 14, y + 5, name, "body", "ink", "end")
        for k, ink, dy in ((1, "violet", -4), (8, "orange", 5)):
            a = shown[name]
            c.line([(x(a[f"diff{k}_low"]), y + dy), (x(a[f"diff{k}_high"]), y + dy)], ink, 2)
            c.rect(x(a[f"diff{k}"]) - 3.5, y + dy - 3.5, 7, 7, "violet" if k == 1 else "orange", radius=3.5)
    c.text(LEFT, 68, "difference to grpo, points:", "body", "soft")
    c.text(LEFT + 186, 68, "pass@1", "bold", "violet")
    c.text(LEFT + 244, 68, "pass@8", "bold", "orange")


def draw_curves(c, study, setting, bottom):
    runs = {name: list(study.rows[setting][name].values()) for name in CURVES if name in study.rows[setting]}
    curves = {name: [(points[0][0], 100 * fmean(y for _, y in points)) for points in
                     zip(*(row["curve"] for row in rows))] for name, rows in runs.items()}
    ys = [y for points in curves.values() for _, y in points]
    marks, end = ticks(min(ys), max(ys), 8), max(p[-1][0] for p in curves.values())
    x = lambda v: CURVE_LEFT + v / end * (CURVE_RIGHT - CURVE_LEFT)
    y = lambda v: bottom - (v - marks[0]) / (marks[-1] - marks[0]) * (bottom - TOP)
    for mark in marks:
        c.line([(CURVE_LEFT, y(mark)), (CURVE_RIGHT, y(mark))], "soft", 0.5)
        c.text(CURVE_LEFT - 8, y(mark) + 5, f"{mark}", "body", "soft", "end")
    for part in range(5):
        c.text(x(end * part / 4), bottom + 18, f"{end * part / 4000:.0f}k", "body", "soft", "middle")
    for i, (name, points) in enumerate(curves.items()):
        c.line([(x(a), y(b)) for a, b in points], CURVES[name], 2)
        c.text(CURVE_RIGHT, bottom - 12 - 18 * (len(curves) - 1 - i), name, "bold", CURVES[name], "end")
    c.text(CURVE_LEFT, 68, "held-out pass@1, %, over rollouts of training", "body", "soft")


def draw(study, setting, names):
    names = [name for name in names if name in study.rows[setting]]
    bottom = TOP + ROW * max(len(names) - 1, 9)
    c = Canvas(1000, bottom + 42, f"The arms of the setting '{setting}'",
               "Paired differences to GRPO in pass@1 and pass@8 with 95 % intervals, and learning curves")
    c.text(30, 40, f"Setting “{setting}”: differences to GRPO with 95 % intervals, and learning curves", "head")
    draw_differences(c, study, setting, names, bottom)
    draw_curves(c, study, setting, bottom)
    return c
