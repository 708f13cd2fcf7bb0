"""Optional (study): docs/pictures/evidence_*.svg, from the measurements."""
import canvas
import mechanisms
from chart import Axes, nice

INKS = ("blue", "green", "orange", "violet")


def of(measurements, instrument):
    return [m for m in measurements if m.instrument == instrument]


def draw_proxy(found):
    """Variance of a group's gradient against p (1 - p), one colour a policy."""
    c = canvas.Canvas(900, 470, "Gradient variance against reward variance",
                      "Variance of the gradient of a group of 16 against p (1 - p), with and without std")
    c.text(24, 36, "Does p (1 − p) tell how much a prompt's gradient varies?", "title")
    for i, loss in enumerate(("no-std/token", "grpo/token")):
        most = max(mechanisms.group_variance(p, loss) for m in found for p in m.rows["prompt"])
        ticks = nice(most)
        a = Axes(c, (82 + 428 * i, 92, 358, 270), (-0.01, 0.26), (0, ticks[-1]),
                 ("without std", "divided by std (GRPO)")[i], "p (1 − p) of the prompt", "variance, groups of 16")
        a.yticks(ticks)
        a.xticks([(x / 20, f"{x / 20:g}") for x in range(6)])
        for m, ink in zip(found, INKS):
            for p in m.rows["prompt"]:
                a.point(mechanisms.proxy(p), mechanisms.group_variance(p, loss), ink, size=2.4)
        entries = []
        for m, ink in zip(found, INKS):
            r2 = mechanisms.proxy_values(m)[f"{loss} r2"]
            entries.append((f"{m.label}: R² {r2[0]:.2f} ({r2[1]:.2f} to {r2[2]:.2f})", ink))
        a.legend(entries, 14, 20)
    c.paragraph(24, 434, """A point is a prompt; the variance is the trace of the covariance of its group's gradient, the
                token mean over the group. R² is of a straight line, with a 95 % bootstrap interval over prompts.""")
    return c


SHOWN = ("variance 8", "variance 64", "variance p", "stddev 8", "stddev 64", "stddev p", "beta 8", "beta 64", "oracle",
         "oracle wide")


def draw_allocation(found):
    """A batch's variance relative to uniform allocation."""
    c = canvas.Canvas(900, 520, "Allocation and the variance of a batch's gradient",
                      "Variance relative to uniform allocation, by allocation and policy")
    c.text(24, 36, "A batch's gradient variance, relative to equally many rollouts for every prompt", "title")
    for i, loss in enumerate(("no-std/prompt", "grpo/token")):
        a = Axes(c, (82 + 428 * i, 92, 358, 270), (-0.6, len(SHOWN) - 0.4), (0.4, 1.6),
                 ("without std, prompt mean", "divided by std (GRPO), token mean")[i], "", "variance / uniform's")
        a.yticks([0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6])
        a.xticks(list(enumerate(SHOWN)), turn=-45)
        a.line([(-0.6, 1), (len(SHOWN) - 0.4, 1)], "ink", 1)
        for k, (m, ink) in enumerate(zip(found, INKS)):
            values = mechanisms.allocation_values(m)
            for x, name in enumerate(SHOWN):
                v = values.get(f"natural {loss} {name} ratio")
                if v:
                    a.point(x + 0.16 * (k - (len(found) - 1) / 2), v[0], ink, v[1], v[2], size=2.6)
        a.legend([(m.label, ink) for m, ink in zip(found, INKS)], 14, 20)
    c.paragraph(24, 476, """Batches with the pass rates that training meets. 8 and 64: earlier rollouts from which the pass
                rate is estimated; p: the pass rate is known; oracle: the gradient's variance is known; wide: from 2 to
                4 n rollouts, else the run's bounds. Bars: 95 % bootstrap intervals over batches.""")
    return c


def draw_attenuation(found):
    """Length of a token's gradient by probability, and who holds the total, at the first policy."""
    m = found[0]
    names = mechanisms.bin_names(m, "probability")
    c = canvas.Canvas(900, 520, "How long a token's gradient is", "By the probability of the token, right rollouts")
    c.text(24, 36, f"A token's gradient on the logits, by its probability ({m.label}, right rollouts)", "title")
    a = Axes(c, (82, 92, 358, 270), (-0.6, len(names) - 0.4), (1e-5, 2), "mean length for A = 1", "", "length", log=True)
    a.yticks([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])
    b = Axes(c, (510, 92, 358, 270), (-0.6, len(names) - 0.4), (0, 0.8), "share of all tokens' summed lengths", "", "share")
    b.yticks([0, 0.2, 0.4, 0.6, 0.8])
    kinds = (("off", "blue", "no modulation"), ("comp", "green", "b_comp"), ("const", "orange", "constant 1.4"))
    for k, _ in enumerate(names):
        length = mechanisms.quotient(m, "probability", 1, "unit", "count", k)
        if length is None:
            continue
        a.point(k, length[0], "blue", length[1], length[2])
        for i, (kind, ink, _) in enumerate(kinds):
            value = mechanisms.share(m, "probability", 1, kind, k)
            b.bar(k + 0.27 * (i - 1), 0.25, value[0], ink, value[1], value[2])
        tokens = mechanisms.share(m, "probability", 1, "count", k)
        b.point(k, tokens[0], "violet")
    for axes in (a, b):
        axes.xticks(list(enumerate(names)), turn=-45)
    b.legend([(text, ink) for _, ink, text in kinds] + [("share of tokens", "violet")], 14, 20)
    c.paragraph(24, 476, """Each bar is a bin of right tokens, as a share of right and wrong ones together. Bars: 95 %
                bootstrap intervals over batches.""")
    return c


def draw_entropy(found):
    """Correlation of Eq. 29 with the measured change, by step size."""
    c = canvas.Canvas(900, 470, "Eq. 29 against a real step", "Rank correlation and sign agreement by step size")
    c.text(24, 36, "Does Eq. 29 foretell how a token's entropy changes in a real step?", "title")
    sizes = sorted({r["size"] for m in found for r in m.rows["change"]})
    for i, (statistic, title) in enumerate((("pearson", "linear correlation"), ("sign", "share of signs that agree"))):
        a = Axes(c, (82 + 428 * i, 92, 358, 270), (-0.3, len(sizes) - 0.7), (0, 1), title, "step, in learning rates",
                 title)
        a.yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        a.xticks([(x, f"{s:g}") for x, s in enumerate(sizes)])
        for m, ink in zip(found, INKS):
            values = mechanisms.change_values(m)
            for optimizer, dash in (("adamw", ""), ("sgd", "5 4")):
                line = [values[f"{optimizer} {s:g} token exact {statistic}"] for s in sizes]
                a.line([(x, v[0]) for x, v in enumerate(line)], ink, 1.6, dash)
                for x, v in enumerate(line):
                    a.point(x, v[0], ink, v[1], v[2], size=2.4)
        a.legend([(m.label, ink) for m, ink in zip(found, INKS)], 14, 20)
    c.paragraph(24, 434, """Solid: AdamW as in training; dashed: plain SGD by a step of the same length. Tokens with an
                advantage, exact E. A step on one token's own logits would give 1 in both panels.""")
    return c


FIGURES = (("variance", "proxy", draw_proxy), ("variance", "allocation", draw_allocation),
           ("attenuation", "attenuation", draw_attenuation), ("entropy", "entropy", draw_entropy))


def draw_all(measurements, folder):
    for instrument, name, draw in FIGURES:
        found = of(measurements, instrument)
        if found:
            draw(found).save(folder / f"evidence_{name}.svg")
