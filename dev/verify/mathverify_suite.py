#!/usr/bin/env python3
"""Optional (tests of the verifier): Holds our verifier against Math-Verify's own test-suite.

    pip download math-verify==0.8.0 --no-binary math-verify --no-deps && tar xzf math_verify-0.8.0.tar.gz
    dev/verify/mathverify_suite.py math_verify-0.8.0/tests            # needs ./eval

Reads the parametrised tests with ast and runs none of them. Comparable are the tests that pair a gold and a prediction
at the suite's default of strict, six decimals or those the test names (our approx_digits), both settings of
allow_set_relation_comp, and the tests of letters; left out are extraction settings, timeouts, sympy objects, a gold
that is itself rounded (our rounded_gold) and the non-strict variant. A gold that is a whole response is judged by the
answer that our extraction finds in it.
"""
import ast
import json
import pathlib
import subprocess
import sys
import tempfile

# Where we differ on purpose: a part of gold and prediction, and why.
DISPUTED = [
    ("$9$", "Answer $ \n", "a line break inside $ $ does not hide the 9; Math-Verify reads no answer"),
    ("$9$", "Answer \\( \n", "a line break inside \\( \\) does not hide the 9; Math-Verify reads no answer"),
    ("$x = 11$", "x = 5+5+1 = 7 =11", "a chain that says 11 = 7 = 11 contradicts itself"),
    ("$x = 1/3$", "5+5+1 = 1/3", "a chain that says 11 = 1/3 contradicts itself"),
    ("$z = 1 + 1 = 2$", "3+3 = 2", "a chain that says 6 = 2 contradicts itself"),
    ("$x \\in [-2,7]$", "-2 \\\\le x", "interval and inequality are equal from either side"),
    ("1,22", "1.22", "the gold may be a list of two"),
    ("0,111", "0.111", "the gold may be a list of two"),
    ("1 - \\frac{1}{\\mathrm{e}}", "1 + \\frac{1}{\\mathrm{e}}", "values differ; a known error that the suite pins"),
    ("$\text{13}$", "$13$", "a tab for \\t in the test's source: the gold reads ext{13}"),
]


def parametrised(tree):
    """Yields (function name, parameter names, list of value nodes)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("parametrize"):
                names = [name.strip() for name in ast.literal_eval(mark.args[0]).split(",")]
                yield node.name, names, mark.args[1].elts


def letter_row(case):
    """(prediction, [letter, ...] or [], configuration): the letter is the gold; no letter means no answer."""
    pred, letters = ast.literal_eval(case.elts[0]), ast.literal_eval(case.elts[1])
    return {"gold": letters[-1] if letters else "A", "pred": pred, "expected": bool(letters)}


def rows(path):
    for name, names, cases in parametrised(ast.parse(path.read_text())):
        for case in cases:
            if names == ["pred", "expected", "config"]:
                row = letter_row(case)
            else:
                try:
                    row = dict(zip(names, (ast.literal_eval(element) for element in case.elts)))
                except ValueError:  # an f-string: the one of sqrt(17) to 15 digits
                    continue
            if row.get("strict") is False or not isinstance(row.get("gold"), str):
                continue
            expected = row["expected"] if "expected" in row else row["result"]
            yield {"gold": row["gold"], "response": row["pred"], "expected": bool(expected),
                   "approx_digits": row.get("precision", 6),
                   "category": f"{path.stem}.{name}"}


def judge(items):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)
        file.flush()
        out = subprocess.run(["./eval", "--score", file.name], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def main():
    cases = [row for path in sorted(pathlib.Path(sys.argv[1]).glob("test_*.py")) for row in rows(path)]
    for row in cases:
        if len(row["gold"]) > 200 and "boxed" not in row["gold"]:
            found = judge([{"gold": "0", "response": row["gold"]}])[0]
            row["gold"] = row["gold"].encode()[found["begin"]:found["end"]].decode()
    agree = explained = 0
    for row, verdict in zip(cases, judge(cases)):
        if (verdict["verdict"] == "EQUAL") == row["expected"]:
            agree += 1
            continue
        why = [why for gold, pred, why in DISPUTED if gold in row["gold"] and pred in row["response"]]
        explained += bool(why)
        print(f"{row['category']}: suite says {row['expected']}, we say {verdict['verdict']}: "
              f"gold {row['gold']!r} prediction {row['response'][-80:]!r}")
        print("    " + (why[0] if why else "NOT EXPLAINED"))
    print(f"{agree} of {len(cases)} agree, {explained} of the {len(cases) - agree} others explained")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
