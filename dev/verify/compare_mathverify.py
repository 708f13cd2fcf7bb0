#!/usr/bin/env python3
"""Optional (tests of the verifier): Math-Verify and our verifier on rewritten golds of MATH and OlympiadBench.

    pip install math-verify==0.8.0
    DATA_DIR=... dev/verify/compare_mathverify.py [CAP]        # needs ./eval; CAP rows of each rewrite, default 200

Every gold is rewritten in equivalent and in wrong ways (rewrites.py); both verifiers judge "... $\\boxed{rewrite}$."
against the gold. Prints a table of what each accepted, then precision and recall. Our wrong rows go to stderr.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from rewrites import rewrites

SETS = [("math/math500.jsonl", "answer"), ("math/train.json", "answer"), ("olympiadbench/test.jsonl", "final_answer")]


def golds(folder):
    for path, field in SETS:
        text = (folder / "data" / path).read_text()
        lines = [line for line in text.splitlines() if line.strip()]
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in lines]
        for row in rows:
            gold = row[field][0] if isinstance(row[field], list) else row[field]
            if gold:
                yield gold


def sample(folder, cap):
    """Up to cap rows of each rewrite, spread evenly over the golds."""
    by_name = collections.defaultdict(list)
    for gold in dict.fromkeys(golds(folder)):
        for name, text, equal in rewrites(gold):
            response = f"Therefore the answer is $\\boxed{{{text}}}$."
            by_name[name, equal].append({"gold": gold, "response": response, "expected": equal, "category": name})
    for rows in by_name.values():
        step = max(1, len(rows) // cap)
        yield from rows[::step][:cap]


def ours(rows):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        start = time.time()
        out = subprocess.run(["./eval", "--score", file.name], capture_output=True, text=True, check=True).stdout
        took = time.time() - start
    return [json.loads(line)["verdict"] == "EQUAL" for line in out.splitlines() if line.startswith("{")], took


def math_verify(rows):
    import logging

    from math_verify import parse, verify
    logging.disable(logging.CRITICAL)
    parsed, verdicts, start = {}, [], time.time()
    for row in rows:
        gold = row["gold"] if row["gold"].startswith("$") else f"${row['gold']}$"
        if gold not in parsed:
            parsed[gold] = parse(gold)
        verdicts.append(bool(verify(parsed[gold], parse(row["response"]))))
    return verdicts, time.time() - start


def summary(name, rows, verdicts, took):
    paid = [row for row, verdict in zip(rows, verdicts) if verdict]
    right = sum(row["expected"] for row in paid)
    equal = sum(row["expected"] for row in rows)
    print(f"{name}: precision {right / len(paid):.4f}, recall {right / equal:.4f}, {took:.1f} s for {len(rows)} rows")


def main():
    folder = pathlib.Path(os.environ.get("DATA_DIR", "../shared"))
    rows = list(sample(folder, int(sys.argv[1]) if len(sys.argv) > 1 else 200))
    our, our_time = ours(rows)
    for row, verdict in zip(rows, our):
        if verdict != row["expected"]:
            print(f"ours: {row['category']}, expected {row['expected']}: gold {row['gold']!r} response "
                  f"{row['response']!r}", file=sys.stderr)
    theirs, their_time = math_verify(rows) if os.environ.get("OURS_ONLY") is None else ([False] * len(rows), 0)
    table = collections.defaultdict(lambda: [0, 0, 0])
    for row, a, b in zip(rows, theirs, our):
        entry = table[not row["expected"], row["category"]]
        entry[0] += 1
        entry[1] += a
        entry[2] += b
    print("| rewrite | rows | Math-Verify accepts | we accept |\n|---|---|---|---|")
    for (wrong, name), (count, a, b) in sorted(table.items()):
        print(f"| {'wrong' if wrong else 'equal'}: {name} | {count} | {a} | {b} |")
    if any(theirs):
        summary("Math-Verify", rows, theirs, their_time)
    summary("ours", rows, our, our_time)


if __name__ == "__main__":
    main()
