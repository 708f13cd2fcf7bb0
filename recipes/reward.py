#!/usr/bin/env python3
# Optional (recipes): an example of --reward-command: a reward of one's own, in Python, without a package.
#
#   ./train ... --reward-command "python3 recipes/reward.py"          also ./eval; the protocol: rl/reward_command.h
#
# A response earns 1 where its last number is the gold, else up to 0.3 for how many of its last digits are right, less
# 0.002 a character: a short right answer is worth more than a long one. Only the first counts as correct.
import json
import re
import sys


def grade(row):
    numbers = re.findall(r"-?\d+", row["response"])
    gold = re.findall(r"-?\d+", row["gold"])[-1:]
    correct = bool(numbers) and numbers[-1:] == gold and not row["truncated"]
    reward = 1.0 if correct else 0.3 * ending(numbers[-1], gold[0]) if numbers and gold else 0.0
    return reward - 0.002 * len(row["response"]), correct


def ending(a, b):
    """The share of b's digits with which both end."""
    same = 0
    while same < min(len(a), len(b)) and a[-1 - same] == b[-1 - same]:
        same += 1
    return same / len(b)


for line in sys.stdin:  # one row a line, until the run ends
    row = json.loads(line)
    reward, correct = grade(row)
    print(json.dumps({"id": row["id"], "reward": reward, "correct": correct}), flush=True)
