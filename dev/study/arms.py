"""Optional (study): figures of the arms, from dev/study/results.jsonl (rows: row.py). Python 3 standard library only.

An arm is a method or a variant of it; its runs differ by seed. All arms of a seed start from the same warm-up, train on
the same prompts and are evaluated on the same held-out problems with the same random numbers, so their differences are
paired. Every interval is 95 %: of an arm's mean over seeds by Student's t; of a paired difference by bootstrap over
seeds and, within them, over problems.
"""
import json
import random
from functools import cache
from math import comb, sqrt
from operator import mul
from statistics import fmean, stdev

T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}  # by seeds
RESAMPLES = 1000
BASELINE = "grpo"


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def pass_at(k, correct, samples):
    """Chance that at least one of k samples is correct: unbiased from `correct` of `samples` (arXiv 2107.03374).

    >>> pass_at(1, 4, 16), pass_at(8, 0, 16), pass_at(8, 9, 16)
    (0.25, 0.0, 1.0)
    >>> round(pass_at(2, 1, 4), 3)  # 3 of the 6 pairs have the correct one
    0.5
    """
    return 1 - comb(samples - correct, k) / comb(samples, k)


def per_problem(row, k):
    return [100 * pass_at(k, c, row["samples"]) for c in row["correct"]]


def curve_mean(row):
    """Mean held-out pass@1 over the run's budget of rollouts, by the trapezoid rule.

    >>> curve_mean({"curve": [[0, 0.2], [10, 0.4], [30, 0.4]]})  # (10 x 0.3 + 20 x 0.4) / 30
    36.666666666666664
    """
    points = row["curve"]
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(points, points[1:]))
    return 100 * area / (points[-1][0] - points[0][0])


def rollouts_to(row, level):
    """Rollouts after which the curve first reaches `level` %, linear between evaluations; None: never.

    >>> round(rollouts_to({"curve": [[0, 0.2], [10, 0.4], [20, 0.3]]}, 30), 6)
    5.0
    >>> rollouts_to({"curve": [[0, 0.2], [9, 0.4]]}, 50)
    >>> rollouts_to({"curve": [[0, 0.2], [10, 0.4]]}, 10)  # from the start
    0.0
    """
    points = row["curve"]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if 100 * y1 >= level:
            return x0 + (x1 - x0) * max(0.0, (level / 100 - y0) / (y1 - y0)) if y1 > y0 else x1
    return None


MEASURES = {
    "pass1": lambda row: fmean(per_problem(row, 1)),
    "pass8": lambda row: fmean(per_problem(row, 8)),
    "curve": curve_mean,
    "entropy": lambda row: row["entropy"],
}


def mean_interval(values):
    """(mean, half width of its interval; None for a single value)

    >>> mean, half = mean_interval([1.0, 2.0, 3.0])  # 4.303 x 1 / sqrt(3)
    >>> mean, round(half, 3)
    (2.0, 2.484)
    """
    if len(values) < 2:
        return fmean(values), None
    return fmean(values), T_975[len(values)] * stdev(values) / sqrt(len(values))


@cache
def draws(problems, seeds):
    """The bootstrap's draws, the same for all arms: how often each problem was drawn, and which seeds."""
    generator = random.Random(1)
    out = []
    for _ in range(RESAMPLES):
        times = [0] * problems
        for i in generator.choices(range(problems), k=problems):
            times[i] += 1
        out.append((times, generator.choices(range(seeds), k=seeds)))
    return out


def paired(rows, baseline, k):
    """Mean over the seeds that both arms have of the difference in pass@k, and its interval: (mean, low, high).

    rows, baseline: {seed: row}. One draw of problems serves all seeds, since the held-out problems are the same.

    >>> one, other = {"samples": 2, "correct": [2, 1]}, {"samples": 2, "correct": [1, 0]}
    >>> paired({1: one, 2: one}, {1: other, 2: other, 3: other}, 1)  # 50 points on every problem and seed
    (50.0, 50.0, 50.0)
    >>> low, high = paired({1: {"samples": 2, "correct": [2, 0]}}, {1: {"samples": 2, "correct": [0, 0]}}, 1)[1:]
    >>> low, high  # either problem drawn twice
    (0.0, 100.0)
    """
    seeds = sorted(set(rows) & set(baseline))
    differences = [[a - b for a, b in zip(per_problem(rows[s], k), per_problem(baseline[s], k))] for s in seeds]
    n = len(differences[0])
    assert all(len(d) == n for d in differences)
    means = []
    for times, drawn in draws(n, len(seeds)):
        of_seed = {i: sum(map(mul, times, differences[i])) for i in set(drawn)}
        means.append(sum(of_seed[i] for i in drawn) / (n * len(seeds)))
    means.sort()
    return fmean(map(fmean, differences)), means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


class Study:
    """The rows by setting, arm and seed."""

    def __init__(self, rows):
        self.rows = {}
        for row in rows:
            runs = self.rows.setdefault(row["setting"], {}).setdefault(row["arm"], {})
            assert row["seed"] not in runs, f"two rows of {row['setting']} {row['arm']} seed {row['seed']}"
            runs[row["seed"]] = row

    def level(self, setting):
        """Half way from the mean start to the mean end of the baseline's curve, %."""
        curves = [row["curve"] for row in self.rows[setting][BASELINE].values()]
        return 50 * (fmean(c[0][1] for c in curves) + fmean(c[-1][1] for c in curves))

    def arm(self, setting, arm):
        """All figures of an arm, by name."""
        runs, level = self.rows[setting][arm], self.level(setting)
        out = {"seeds": len(runs), "level": level}
        for name, measure in MEASURES.items():
            out[name], out[name + "_half"] = mean_interval([measure(row) for row in runs.values()])
        reached = [rollouts_to(row, level) for row in runs.values()]
        out["reached"] = sum(r is not None for r in reached)
        out["rollouts_to"] = fmean(reached) if None not in reached else None
        for k in 1, 8:
            if arm != BASELINE and BASELINE in self.rows[setting] and set(runs) & set(self.rows[setting][BASELINE]):
                out[f"diff{k}"], out[f"diff{k}_low"], out[f"diff{k}_high"] = paired(
                    runs, self.rows[setting][BASELINE], k)
        return out
