"""Optional (study): Correlation, least squares and bootstrap intervals; Python 3 standard library only."""
import random


def mean(x):
    return sum(x) / len(x)


def pearson(x, y):
    mx, my = mean(x), mean(y)
    xx, yy = sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
    xy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return xy / (xx * yy) ** 0.5 if xx > 0 and yy > 0 else 0.0


def ranks(x):
    """Ranks from 0; equal values share their mean rank."""
    order, out, i = sorted(range(len(x)), key=x.__getitem__), [0.0] * len(x), 0
    while i < len(x):
        end = i + 1
        while end < len(x) and x[order[end]] == x[order[i]]:
            end += 1
        for k in order[i:end]:
            out[k] = (i + end - 1) / 2
        i = end
    return out


def spearman(x, y):
    return pearson(ranks(x), ranks(y))


def slope(x, y):
    """Of the least-squares line."""
    mx, my = mean(x), mean(y)
    xx = sum((a - mx) ** 2 for a in x)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / xx if xx > 0 else 0.0


def r_squared(x, y):
    return pearson(x, y) ** 2


def bootstrap(statistic, samples, times=1000, seed=1, level=0.95):
    """(value, low, high): the statistic of a list of samples, and its percentile interval over resampled lists."""
    rng = random.Random(seed)
    values = (statistic(rng.choices(samples, k=len(samples))) for _ in range(times))
    values = sorted(v for v in values if v == v) or [float("nan")]  # a resample may have no value: NaN
    tail = (1 - level) / 2
    times = len(values)
    return statistic(samples), values[int(tail * times)], values[min(times - 1, int((1 - tail) * times))]
