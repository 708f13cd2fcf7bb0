#!/usr/bin/env python3
"""Optional (study): writes docs/evidence.md, its pictures and its summary in README.md, from dev/study/evidence.md.in
and the raw rows. Python 3 standard library only. Run from the project's root:

    dev/study/evidence.py            writes the page and the pictures
    dev/study/evidence.py --check    compares them with what the rows give, and names the first difference

In evidence.md.in {{expression}} or {{expression:format}} is replaced by a value, {{table(...)}} by a table, and a line
{{assert expression}} vanishes if the expression is true and stops everything if it is not: each verdict in the page
stands beside the assertions that it rests on, so no verdict outlives its figures.
"""
import pathlib
import re
import sys
from functools import cache, partial

import arms
import draw_arms
import figures
from mechanisms import Mechanisms

HERE = pathlib.Path("dev/study")
SETTINGS = ("easy", "hard")
FUNCTIONS = {"abs": abs, "min": min, "max": max, "len": len}  # that an expression of the page may call
# In the order of the table: an arm and what it is
ARMS = {
    "grpo": "GRPO, the baseline",
    "clip-higher": "upper clip 0.28",
    "entropy-loss": "entropy bonus 0.001",
    "fork-tokens": "loss on the 20 % tokens of highest entropy",
    "entropy-advantage": "advantage + min(0.4 H, abs(A) / 2)",
    "clip-cov": "2e-4 of the tokens, of high covariance, left out",
    "kl-cov": "KL penalty on the 2e-3 tokens of highest covariance",
    "w-reinforce": "+0.1 if correct, -1 if not, no baseline",
    "dynamo": "variance allocation, both modulations",
    "dapo": "clip-higher, dynamic sampling, overlong shaping",
    "dynamo-allocation": "allocation alone",
    "dynamo-modulation": "modulation alone",
    "dynamo-const": "a constant boost instead of modulation",
    "dynamo-authors": "the release's E and normalisers",
    "dynamo-prompt-mean": "every prompt weighs the same in the loss",
    "dynamo-decay": "counts halved at each visit",
    "dynamo-beta": "allocation by posterior variance",
    "dynamo-oracle": "allocation by the measured pass rate",
}


def table(setting, study):
    """A row an arm; an arm without runs is listed as missing."""
    rows = ["| arm | what it is | seeds | pass@1 | - grpo | pass@8 | - grpo | curve | half way after | H |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for name, what in ARMS.items():
        if name not in study.rows.get(setting, {}):
            rows.append(f"| {name} | {what} | 0 | not run yet | | | | | | |")
            continue
        a = study.arm(setting, name)
        half = lambda key: "" if a["seeds"] < 3 else f" ± {a[key + '_half']:.1f}"
        cells = [name, what, f"{a['seeds']}"]
        for k in 1, 8:
            cells.append(f"{a[f'pass{k}']:.1f}{half(f'pass{k}')}")
            cells.append(difference(study, setting, name, k) if f"diff{k}" in a else "")
        cells.append(f"{a['curve']:.1f}{half('curve')}")
        reached = f"{a['reached']} of {a['seeds']} reach it"
        cells.append(f"{a['rollouts_to'] / 1000:.1f}k" if a["rollouts_to"] is not None else reached)
        cells.append(f"{a['entropy']:.3f}")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def missing(study, seeds=5):
    """The cells of the study without a row, in words."""
    parts, done = [], 0
    for setting in SETTINGS:
        lacking = {}
        for name in ARMS:
            runs = len(study.rows.get(setting, {}).get(name, {}))
            done += runs
            lacking.setdefault(seeds - runs, []).append(name)
        words = [f"{count} of {', '.join(names) if len(names) < len(ARMS) else 'every arm'}" for count, names in
                 sorted(lacking.items()) if count > 0]
        if words:
            parts.append(f"in {setting}, {'; '.join(words)}")
    total = len(SETTINGS) * len(ARMS) * seeds
    return f"{done} of {total} runs are there" + (f". Seeds without a run: {'. And '.join(parts)}." if parts else ".")


# ---- Tables of the mechanisms: a row a policy or an allocation, of those that were measured -------------------------
def labels(m, instrument):
    """Of its measurements, in the order of a run."""
    order = ("start", "quarter", "half", "end")
    found = [x.label for x in m.measurements if x.instrument == instrument]
    return sorted(found, key=lambda label: (label.split("-")[0], order.index(label.split("-")[1])))


def rows_of(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def proxy_table(m):
    """How much of the variance of a prompt's gradient p (1 - p) explains."""
    names = ("no-std/token r2", "no-std/token rank", "grpo/token r2", "grpo/token rank", "no-std/token r2 limit")
    head = ["policy", "R², no std", "rank, no std", "R², std", "rank, std", "most that R² could be"]
    return rows_of(head, [[label] + [m.interval(f"variance {label} {name}") for name in names]
                          for label in labels(m, "variance")])


PLANS = {
    "uniform": "uniform",
    "variance 8": "variance, from 8 earlier rollouts",
    "variance 64": "variance, from 64",
    "variance run": "variance, from the run's own counts",
    "variance p": "variance, from the pass rate",
    "stddev p": "stddev, from the pass rate",
    "beta 8": "beta, from 8 earlier rollouts",
    "beta run": "beta, from the run's own counts",
    "knapsack p": "knapsack, from the pass rate",
    "oracle p": "oracle, from the pass rate",
    "neyman": "by the root of the gradient's variance",
    "optimum": "least sum of the prompts' gradient variances",
}


def plan_table(m, label):
    """A batch's gradient under an allocation, over that under uniform allocation. The last two plans know the variance
    that counts in the prompt mean, and say nothing about others."""
    head = ["allocation", "variance (no std, prompt mean)", "variance (GRPO)", "noise over signal (GRPO)"]
    columns = ("no-std/prompt {} ratio", "grpo/token {} ratio", "grpo/token {} noise ratio")
    rows = []
    for plan, what in PLANS.items():
        names = [f"variance {label} natural {column.format(plan)}" for column in columns]
        known = [name in m.found and not (i and plan in ("neyman", "optimum")) for i, name in enumerate(names)]
        if any(known):
            rows.append([what] + [m.interval(name) if is_known else "" for name, is_known in zip(names, known)])
    return rows_of(head, rows)


def attenuation_table(m, label, sign="right"):
    """By entropy: share of tokens, length of a token's gradient, share of all gradient with and without modulation."""
    head = ["entropy H", "tokens, %", "length of a gradient", "share of all, %", "with b_comp, %", "constant boost, %"]
    rows = []
    for bin_ in dict.fromkeys(name.split(f" {sign} entropy ")[1].removesuffix(" share off") for name in m.names()
                              if name.startswith(f"attenuation {label} {sign} entropy ") and
                              name.endswith(" share off")):
        key = f"attenuation {label} {sign} entropy {bin_}"
        percent = lambda name: f"{100 * m.value(f'{key} {name}'):.2f}"
        rows.append([bin_, percent("tokens"), f"{m.value(key + ' length'):.4f}"] +
                    [percent(f"share {variant}") for variant in ("off", "comp", "const")])
    return rows_of(head, rows)


def entropy_table(m, size="1"):
    """Eq. 29 against the measured change of entropy, by token, and how many tokens b_stab touches."""
    head = ["policy", "r, exact E", "rank, exact E", "r, release's E", "rank, release's E", "b_stab < 0.95, %"]
    names = [f"adamw {size} token {e} {statistic}" for e in ("exact", "response mean") for statistic in
             ("pearson", "rank")]
    rows = []
    for label in labels(m, "entropy"):
        row = [label] + [m.interval(f"entropy {label} {name}") for name in names]
        rows.append(row + [f"{100 * m.value(f'entropy {label} b_stab < 0.95 paper'):.2f}"])
    return rows_of(head, rows)


def share_below(m, label, most, field):
    """Of right tokens with an entropy below `most`: the sum of a share over their bins, in %."""
    start, end = f"attenuation {label} right entropy ", f" {field}"
    found = [name for name in m.names() if name.startswith(start) and name.endswith(end)]
    below = [name for name in found if float(name.removeprefix(start).removesuffix(end).split()[-1]) <= most and
             not name.startswith(start + ">=")]
    return 100 * sum(m.value(name) for name in below)


def difference(study, setting, name, k):
    """An arm's paired difference to the baseline in pass@k."""
    a = study.arm(setting, name)
    return f"{a[f'diff{k}']:+.1f} [{a[f'diff{k}_low']:+.1f} {a[f'diff{k}_high']:+.1f}]"


def fill(template, values):
    def replace(match):
        expression, _, spec = match.group(1).partition("::")
        return format(eval(expression, {"__builtins__": FUNCTIONS}, values), spec)

    lines = []
    for number, line in enumerate(template.splitlines(), 1):
        claim = re.fullmatch(r"\{\{assert (.+)\}\}", line)
        try:
            if claim:
                if not eval(claim.group(1), {"__builtins__": FUNCTIONS}, values):
                    raise SystemExit(f"dev/study/evidence.md.in:{number}: no longer true: {claim.group(1)}")
                continue
            lines.append(re.sub(r"\{\{(.+?)\}\}", replace, line))
        except (KeyError, NameError, TypeError, SyntaxError) as error:
            raise SystemExit(f"dev/study/evidence.md.in:{number}: {error}")
    return "\n".join(lines) + "\n"


def with_summary(page):
    """README.md with the page's summary between its two marks."""
    summary = page.split("## In short\n")[1].split("\n## ")[0].strip()
    before, _, rest = pathlib.Path("README.md").read_text().partition("<!-- from docs/evidence.md -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end:
        raise SystemExit("README.md: the marks around the summary of docs/evidence.md are gone")
    return f"{before}<!-- from docs/evidence.md -->\n{summary}\n{end}{after}"


def products():
    """{path: text} of everything that is written."""
    study, m = arms.Study(arms.read(HERE / "results.jsonl")), Mechanisms()
    study.arm = cache(study.arm)
    values = {"arm": study.arm, "table": lambda setting: table(setting, study), "missing": missing(study),
              "level": study.level, "rows": study.rows, "m": m, "labels": lambda instrument: labels(m, instrument)}
    for function in proxy_table, plan_table, attenuation_table, entropy_table, share_below:
        values[function.__name__] = partial(function, m)
    values["diff"] = partial(difference, study)
    page = fill((HERE / "evidence.md.in").read_text(), values)
    out = {pathlib.Path("docs/evidence.md"): page, pathlib.Path("README.md"): with_summary(page)}
    for setting in SETTINGS:
        if setting in study.rows:
            out[pathlib.Path(f"docs/pictures/evidence_{setting}.svg")] = draw_arms.draw(study, setting, ARMS).svg()
    for name, picture in figures.draw_all(m).items():
        out[pathlib.Path("docs/pictures") / name] = picture.svg()
    return out


def main():
    check = sys.argv[1:] == ["--check"]
    for path, text in products().items():
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            old = path.read_text().splitlines() if path.exists() else []
            new = text.splitlines()
            at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
            raise SystemExit(f"{path}:{at + 1}: differs from what dev/study's rows give: run dev/study/evidence.py")


if __name__ == "__main__":
    main()
