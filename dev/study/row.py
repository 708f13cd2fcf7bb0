"""Optional (study): the row of dev/study/results.jsonl of one finished run; called by recipes/study.sh. Python 3
standard library only.

    row.py within-budget OUT BUDGET                      prints the run's last checkpoint within BUDGET rollouts
    row.py row SETTING SEED ARM OUT MODEL FLAGS          prints the row

A row: setting, seed, arm, flags, commit, machine; step (of the checkpoint that is evaluated), rollouts, tokens and
seconds of reinforcement learning up to it; curve: [rollouts so far, held-out pass@1] at every evaluation; entropy: the
policy's mean entropy over the last 10 steps; samples; correct: for each held-out problem, in order, how many of its
samples are correct.
"""
import json
import os
import sys


def steps(out):
    """The RL lines of metrics.jsonl, in order; the first may be the evaluation before step 1."""
    with open(os.path.join(out, "metrics.jsonl")) as lines:
        return [line for line in map(json.loads, lines) if line["phase"] == "rl"]


def spent(line, flags):
    """Rollouts that a step generated for training."""
    return 0 if line["step"] == 0 else line.get("rollouts_generated") or flags["prompts"] * flags["rollouts"]


def running(out, key):
    """(step, sum of key(line) up to it) of every step."""
    total, sums = 0, []
    for line in steps(out):
        total += key(line)
        sums.append((line["step"], total))
    return sums


def within_budget(out, budget):
    folder = os.path.join(out, "checkpoints")
    saved = {int(name.rpartition("-")[2]): name for name in os.listdir(folder) if name.startswith("step-")}
    last = max(step for step, total in running(out, lambda line: spent(line, flag_values(out))) if
               total <= budget and step in saved)
    return os.path.join(folder, saved[last])


def flag_values(out):
    for name in "run.json", "metrics.jsonl":
        path = os.path.join(out, name)
        if os.path.exists(path):
            with open(path) as file:
                values = json.load(file) if name == "run.json" else json.loads(file.readline())
            return values.get("flags", values)
    raise SystemExit(f"{out}: no run")


def machine():
    with open("/proc/cpuinfo") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else "unknown"


def correct_counts(path):
    """Per problem, in order: how many samples are correct; and how many samples each has."""
    counts = {}
    samples = 0
    with open(path) as rows:
        for row in map(json.loads, rows):
            counts[row["prompt_id"]] = counts.get(row["prompt_id"], 0) + (row["verdict"] == "correct")
            samples = max(samples, row["sample"] + 1)
    return list(counts.values()), samples


def row(setting, seed, arm, out, model, flags):
    values = flag_values(out)
    last = int(os.path.basename(model).rpartition("-")[2])
    lines = [line for line in steps(out) if line["step"] <= last]
    rollouts, curve = 0, []
    for line in lines:
        rollouts += spent(line, values)
        if line.get("heldout_pass1") is not None:
            curve.append([rollouts, line["heldout_pass1"]])
    trained = [line for line in lines if line["step"] > 0]
    late = [line["entropy"] for line in trained[-10:]]
    correct, samples = correct_counts(os.path.join(out, "heldout.jsonl"))
    with open(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(out))), "bin", "commit")) as file:
        commit = file.read().strip()
    return {"setting": setting, "seed": int(seed), "arm": arm, "flags": flags, "commit": commit, "machine": machine(),
            "step": last, "rollouts": rollouts, "tokens": round(sum(line["tokens"] for line in trained)),
            "seconds": round(sum(line["sec_total"] for line in trained), 1), "curve": curve,
            "entropy": sum(late) / len(late), "samples": samples, "correct": correct}


if __name__ == "__main__":
    if sys.argv[1] == "within-budget":
        print(within_budget(sys.argv[2], int(sys.argv[3])))
    else:
        print(json.dumps(row(*sys.argv[2:])))
