#!/usr/bin/env python3
"""Optional (study): writes docs/evidence.md and its pictures from dev/study/evidence.in.md and the raw rows. Python 3
standard library only. Run from the project's root:

    dev/study/evidence.py            writes the page and the pictures
    dev/study/evidence.py --check    compares them with what the rows give, and names the first difference

In evidence.in.md {{expression}} or {{expression:format}} is replaced by a value, {{table(...)}} by a table, and a line
{{assert expression}} vanishes if the expression is true and stops everything if it is not: each verdict in the page
stands beside the assertions that it rests on, so no verdict outlives its figures.
"""
import pathlib
import re
import sys

import arms
import draw_arms

HERE = pathlib.Path("dev/study")
SETTINGS = ("easy", "hard")
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


def signed(low, high, value):
    return f"{value:+.1f} [{low:+.1f} {high:+.1f}]"


def table(setting, study):
    """A row an arm; an arm without runs is listed as missing."""
    rows = ["| arm | what it is | seeds | pass@1 | - grpo | pass@8 | - grpo | curve | half way after | H |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for name, what in ARMS.items():
        if name not in study.rows.get(setting, {}):
            rows.append(f"| {name} | {what} | 0 | not run yet | | | | | | |")
            continue
        a = study.arm(setting, name)
        half = lambda key: "" if a[key + "_half"] is None else f" ± {a[key + '_half']:.1f}"
        cells = [name, what, f"{a['seeds']}"]
        for k in 1, 8:
            cells.append(f"{a[f'pass{k}']:.1f}{half(f'pass{k}')}")
            cells.append(signed(a[f"diff{k}_low"], a[f"diff{k}_high"], a[f"diff{k}"]) if f"diff{k}" in a else "")
        cells.append(f"{a['curve']:.1f}{half('curve')}")
        reached = f"{a['reached']} of {a['seeds']} reach it"
        cells.append(f"{a['rollouts_to'] / 1000:.1f}k" if a["rollouts_to"] is not None else reached)
        cells.append(f"{a['entropy']:.3f}")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def missing(study, seeds=5):
    """The cells of the study without a row, in words."""
    lacking = {}
    for setting in SETTINGS:
        for name in ARMS:
            left = seeds - len(study.rows.get(setting, {}).get(name, {}))
            if left:
                lacking.setdefault(setting, []).append(f"{name} ({left})")
    total = len(SETTINGS) * len(ARMS) * seeds
    done = sum(len(runs) for setting in study.rows.values() for runs in setting.values())
    if not lacking:
        return f"All {total} runs are there."
    return f"{done} of {total} runs are there. Missing, with the number of seeds: " + "; ".join(
        f"{setting}: {', '.join(names)}" for setting, names in lacking.items()) + "."


def fill(template, values):
    def replace(match):
        expression, _, spec = match.group(1).partition("::")
        return format(eval(expression, {"__builtins__": {"abs": abs, "min": min, "max": max, "len": len}}, values), spec)

    lines = []
    for number, line in enumerate(template.splitlines(), 1):
        claim = re.fullmatch(r"\{\{assert (.+)\}\}", line)
        try:
            if claim:
                if not eval(claim.group(1), {"__builtins__": {"abs": abs, "min": min, "max": max}}, values):
                    raise SystemExit(f"dev/study/evidence.in.md:{number}: no longer true: {claim.group(1)}")
                continue
            lines.append(re.sub(r"\{\{(.+?)\}\}", replace, line))
        except (KeyError, NameError, TypeError, SyntaxError) as error:
            raise SystemExit(f"dev/study/evidence.in.md:{number}: {error}")
    return "\n".join(lines) + "\n"


def products():
    """{path: text} of everything that is written."""
    study = arms.Study(arms.read(HERE / "results.jsonl"))
    values = {"arm": study.arm, "table": lambda setting: table(setting, study), "missing": missing(study),
              "level": study.level, "rows": study.rows}
    page = fill((HERE / "evidence.in.md").read_text(), values)
    out = {pathlib.Path("docs/evidence.md"): page}
    for setting in SETTINGS:
        if setting in study.rows:
            out[pathlib.Path(f"docs/pictures/evidence_{setting}.svg")] = draw_arms.draw(study, setting, ARMS).svg()
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
