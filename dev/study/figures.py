"""Optional (study): docs/pictures/evidence_*.svg of the three mechanisms. Python 3 standard library only.

The label of a measurement is SETTING-POLICY, such as easy-half. A picture shows the policies of one setting, each in
its own colour.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pictures"))
from canvas import Canvas  # noqa: E402

import mechanisms  # noqa: E402
from chart import Axes  # noqa: E402

INKS = ("blue", "green", "orange", "violet")


def setting_of(m):
    return m.label.rpartition("-")[0]


def policy_of(m):
    return m.label.rpartition("-")[2]


def panels(title, description, height, note):
    """A canvas, and the boxes of two plots on it."""
    c = Canvas(900, height, title, description)
    c.text(24, 36, title, "title")
    c.paragraph(24, height - 55, note)
    return c, [(82 + 428 * i, 92, 358, height - 212) for i in range(2)]


def draw_proxy(found, ms):
    c, boxes = panels("Does p (1 − p) tell how much a prompt's gradient varies?",
                      "Variance of the gradient of a group of 16 against p (1 - p), without std and with it", 470,
                      """A point is a prompt; the variance is the trace of the covariance of its group's gradient, with
                      the token mean over the group. R² is that of a straight line (the vertical axis is logarithmic),
                      with a 95 % bootstrap interval over prompts.""")
    for box, loss, title in zip(boxes, ("no-std/token", "grpo/token"), ("without std", "divided by std (GRPO)")):
        a = Axes(c, box, (-0.01, 0.26), (1e-3, 200), title, "p (1 − p) of the prompt", "variance, groups of 16",
                 log=True)
        a.yticks([1e-3, 0.01, 0.1, 1, 10, 100])
        a.xticks([(x / 20, f"{x / 20:g}") for x in range(6)])
        entries = []
        for m, ink in zip(ms, INKS):
            for p in m.rows["prompt"]:
                if mechanisms.group_variance(p, loss) > 0:
                    a.point(mechanisms.proxy(p), mechanisms.group_variance(p, loss), ink, size=2.4)
            entries.append((f"{policy_of(m)}: R² {found.interval(f'variance {m.label} {loss} r2')}", ink))
        a.legend(entries, 130, 190)
    return c


PLANS = ("variance 8", "variance 64", "variance run", "variance p", "stddev 64", "stddev run", "stddev p", "beta 8",
         "beta 64")
OF_PROMPT_MEAN = ("neyman", "optimum")  # what they know is the variance under the prompt mean


def draw_allocation(found, ms):
    c, boxes = panels("How noisy a batch's gradient is, relative to uniform allocation",
                      "Variance of a batch's gradient relative to uniform allocation, by allocation and policy", 560,
                      """Batches with the pass rates that training meets. 8, 64: earlier rollouts that estimate the pass
                      rate; run: the run's history; p: the pass rate is known; neyman, optimum: the gradient's variance
                      under the prompt mean is known. Bars: 95 % bootstrap intervals over batches.""")
    shown = (("no-std/prompt", "ratio", "without std, prompt mean", "variance / uniform's"),
             ("grpo/token", "noise ratio", "GRPO, token mean", "variance / |mean|² / uniform's"))
    for (x, y, w, h), (loss, what, title, label) in zip(boxes, shown):
        names = PLANS + OF_PROMPT_MEAN if loss.endswith("prompt") else PLANS
        a = Axes(c, (x, y, w, h - 52), (-0.6, len(names) - 0.4), (0, 1.5), title, "", label)
        a.yticks([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5])
        a.xticks(list(enumerate(names)), turn=-45)
        a.line([(-0.6, 1), (len(names) - 0.4, 1)], "ink", 1)
        for k, (m, ink) in enumerate(zip(ms, INKS)):
            for i, name in enumerate(names):
                key = f"variance {m.label} natural {loss} {name} {what}"
                if key in found.found:
                    a.point(i + 0.17 * (k - (len(ms) - 1) / 2), *order(found, key, ink), size=2.4)
        if loss.endswith("prompt"):
            a.legend([(policy_of(m), ink) for m, ink in zip(ms, INKS)], 14, 215)
    return c


def draw_attenuation(found, ms):
    c, boxes = panels("How long a token's gradient on the logits is",
                      "Mean length by probability, and its share in the sum of all tokens, for right rollouts", 560,
                      """Tokens of right rollouts, by the probability they were drawn with. A length is |onehot − π|,
                      as with advantage 1. Shares are of the summed lengths of all tokens, right and wrong: without
                      modulation (points), with b_comp (line), with a constant 1.4 (dashed). Bars: 95 % intervals over
                      batches.""")
    names = mechanisms.bin_names(ms[0], "probability")
    xlim = (-0.6, len(names) - 0.4)
    (left, top, w, h), (right, *_) = boxes
    a = Axes(c, (left, top, w, h - 52), xlim, (1e-5, 3), "mean length", "", "length", log=True)
    b = Axes(c, (right, top, w, h - 52), xlim, (0, 0.15), "share of all lengths", "", "share")
    a.yticks([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])
    b.yticks([0, 0.03, 0.06, 0.09, 0.12, 0.15])
    for k, (m, ink) in enumerate(zip(ms, INKS)):
        lines = {"comp": [], "const": []}
        for i, name in enumerate(names):
            key = f"attenuation {m.label} right probability {name}"
            if f"{key} length" not in found.found:
                continue
            at = i + 0.17 * (k - (len(ms) - 1) / 2)
            a.point(at, *order(found, f"{key} length", ink), size=2.4)
            b.point(at, *order(found, f"{key} share off", ink), size=2.4)
            for variant, line in lines.items():
                line.append((at, found.value(f"{key} share {variant}")))
        b.line(lines["comp"], ink, 1.2)
        b.line(lines["const"], ink, 1.2, "4 3")
    for axes in (a, b):
        axes.xticks(list(enumerate(names)), turn=-45)
    b.legend([(policy_of(m), ink) for m, ink in zip(ms, INKS)], 14, 20)
    return c


def order(found, name, ink):
    value, low, high = found.found[name]()
    return value, ink, low, high


def draw_entropy(found, ms):
    c, boxes = panels("Does Eq. 29 foretell how a token's entropy changes in a real step?",
                      "Linear correlation and sign agreement by the size of the step, AdamW and SGD", 470,
                      """Solid: AdamW as in training; dashed: plain SGD by a step of the same length. Tokens with an
                      advantage, exact E. If every token's logits moved alone, both panels would show 1.""")
    sizes = sorted({r["size"] for m in ms for r in m.rows["change"]})
    for box, statistic, title in zip(boxes, ("pearson", "sign"), ("linear correlation", "share of signs that agree")):
        a = Axes(c, box, (-0.3, len(sizes) - 0.7), (0, 1), title, "step, in learning rates of the run", title)
        a.yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        a.xticks([(x, f"{s:g}") for x, s in enumerate(sizes)])
        for k, (m, ink) in enumerate(zip(ms, INKS)):
            for optimizer, dash in (("adamw", ""), ("sgd", "5 4")):
                names = [f"entropy {m.label} {optimizer} {s:g} token exact {statistic}" for s in sizes]
                at = [x + 0.03 * (k - (len(ms) - 1) / 2) for x in range(len(sizes))]
                a.line([(x, found.value(name)) for x, name in zip(at, names)], ink, 1.4, dash)
                for x, name in zip(at, names):
                    a.point(x, *order(found, name, ink), size=2.4)
        a.legend([(policy_of(m), ink) for m, ink in zip(ms, INKS)], 14, 20)
    return c


DRAWN = {"proxy": ("variance", draw_proxy), "allocation": ("variance", draw_allocation),
         "attenuation": ("attenuation", draw_attenuation), "entropy": ("entropy", draw_entropy)}
ORDER = ("start", "quarter", "half", "end")


def draw_all(found):
    """{file name: canvas} for a Mechanisms."""
    out = {}
    for setting in sorted({setting_of(m) for m in found.measurements}):
        for name, (instrument, draw) in DRAWN.items():
            ms = [m for m in found.measurements if m.instrument == instrument and setting_of(m) == setting]
            ms.sort(key=lambda m: ORDER.index(policy_of(m)) if policy_of(m) in ORDER else len(ORDER))
            if ms:
                out[f"evidence_{name}{'_' + setting if setting else ''}.svg"] = draw(found, ms[:len(INKS)])
    return out
