"""Optional (study): figures of the arms, from dev/study/results.jsonl (rows: row.py). Python 3 standard library only.

An arm is a method or a variant of it; its runs differ by seed. All arms of a seed start from the same warm-up, train on
the same prompts and are evaluated on the same held-out problems with the same random numbers, so their differences are
paired. Every interval is 95 %: of an arm's mean over seeds by Student's t; of a paired difference by bootstrap over
seeds and, within them, over problems.
"""
import json
import random
from math import comb, sqrt
from statistics import fmean, stdev

T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}  # by count of seeds
RESAMPLES = 2000
BASELINE = "grpo"


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def pass_at(k, correct, samples):
    """Chance that at least one of k samples is correct: unbiased from `correct` of `samples` (arXiv 2107.03374)."""
    return 1 - comb(samples - correct, k) / comb(samples, k)


def per_problem(row, k):
    return [100 * pass_at(k, c, row["samples"]) for c in row["correct"]]


def curve_mean(row):
    """Mean held-out pass@1 over the run's budget of rollouts, by the trapezoid rule."""
    points = row["curve"]
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(points, points[1:]))
    return 100 * area / (points[-1][0] - points[0][0])


def rollouts_to(row, level):
    """Rollouts after which the curve first reaches `level` %, linear between evaluations; None: never."""
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
    """(mean, half width of its interval; None for a single value)"""
    if len(values) < 2:
        return fmean(values), None
    return fmean(values), T_975[len(values)] * stdev(values) / sqrt(len(values))


def paired(rows, baseline, k):
    """Mean over the seeds that both arms have of the difference in pass@k, and its interval: (mean, low, high, seeds).

    rows, baseline: {seed: row}. One draw of problems serves all seeds, since the held-out problems are the same."""
    seeds = sorted(set(rows) & set(baseline))
    differences = [[a - b for a, b in zip(per_problem(rows[s], k), per_problem(baseline[s], k))] for s in seeds]
    n = len(differences[0])
    assert all(len(d) == n for d in differences)
    generator, means = random.Random(1), []
    for _ in range(RESAMPLES):
        problems = generator.choices(range(n), k=n)
        drawn = generator.choices(differences, k=len(seeds))
        means.append(sum(sum(map(d.__getitem__, problems)) for d in drawn) / (n * len(seeds)))
    means.sort()
    return (fmean(map(fmean, differences)), means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1], len(seeds))


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
                out[f"diff{k}"], out[f"diff{k}_low"], out[f"diff{k}_high"], _ = paired(
                    runs, self.rows[setting][BASELINE], k)
        return out
