"""Optional (study): what the rows of the instruments say about DynaMO's mechanisms. Python 3 standard library only.

The functions *_values take one measurement (a file of `measure`, README.md) and return {name: f}, where f() is (value,
low, high) with a 95 % bootstrap interval, or (value,) where there is none. analyse.py prints all of them; a page asks
Mechanisms for those that it quotes.
"""
import functools
import json
import pathlib

from resample import bootstrap, mean, r_squared, slope, spearman

ROWS = pathlib.Path(__file__).resolve().parent / "rows"
SIZES = (4, 8, 16)  # of groups
LOSSES = [f"{kind}/{over}" for kind in ("no-std", "rloo", "grpo") for over in ("token", "sequence", "constant")]
BATCH_LOSSES = [f"{kind}/{over}" for kind in ("no-std", "grpo") for over in ("prompt", "token")]
later = functools.partial


def exactly(x):
    return lambda: (x,)


class Measurement:
    """One file: its setting, its policy, and its other rows by name."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        if len(lines) < 3 or lines[0]["row"] != "setting" or lines[0]["format"] != 1:
            raise ValueError(f"{path} is no result of this version of measure")
        self.setting, self.policy, self.rows = lines[0], lines[1], {}
        self.instrument, self.label = lines[0]["instrument"], lines[0]["label"]
        for line in lines[2:]:
            self.rows.setdefault(line["row"], []).append(line)


def ratio_of_sums(pairs):
    below = sum(b for _, b in pairs)
    return sum(a for a, _ in pairs) / below if below > 0 else float("nan")


# ---- Gradient variance: prompts ------------------------------------------------------------------------------------
def proxy(prompt):
    return prompt["p"] * (1 - prompt["p"])


def stored(prompt, loss):
    """The prompt's numbers under a loss: variance at the three sizes, standard error of the last; None: no spread.
    RLOO's advantage is that without std times n / (n - 1)."""
    kind, over = loss.split("/")
    numbers = prompt.get(("no-std" if kind == "rloo" else kind) + "/" + over)
    if numbers and kind == "rloo":
        factors = [(n / (n - 1)) ** 2 for n in SIZES]
        numbers = [x * f for x, f in zip(numbers, factors + factors[-1:])]
    return numbers


def group_variance(prompt, loss, n=16):
    numbers = stored(prompt, loss)
    return numbers[SIZES.index(n)] if numbers else 0.0


def on_pairs(statistic):
    return lambda pairs: statistic(*zip(*pairs))


def reliability(prompts, loss):
    """The R^2 that a perfect predictor would have: 1 - noise of the measurement / variance over prompts."""
    values = [group_variance(p, loss) for p in prompts]
    noise = mean([(stored(p, loss) or [0])[-1] ** 2 for p in prompts])
    spread = mean([v * v for v in values]) - mean(values) ** 2
    return 1 - noise / spread if spread > 0 else 0.0


def prompt_values(m):
    """The variance of a prompt's group of 16 against p (1 - p); `inner`: over prompts with spread only."""
    prompts = m.rows["prompt"]
    inner = [p for p in prompts if "squares" in p]
    out = {"prompts": exactly(len(prompts)), "prompts inner": exactly(len(inner))}
    for check in ("squares", "spread"):
        out[f"sketch error {check}"] = exactly(max(abs(p[check][1] / p[check][0] - 1) for p in inner))
    for loss in LOSSES:
        pairs = [(proxy(p), group_variance(p, loss)) for p in prompts]
        out[f"{loss} slope"] = later(bootstrap, on_pairs(slope), pairs)
        out[f"{loss} r2"] = later(bootstrap, on_pairs(r_squared), pairs)
        out[f"{loss} rank"] = later(bootstrap, on_pairs(spearman), pairs)
        out[f"{loss} r2 limit"] = exactly(reliability(prompts, loss))
        pairs = [(proxy(p), group_variance(p, loss)) for p in inner]
        out[f"{loss} inner r2"] = later(bootstrap, on_pairs(r_squared), pairs)
        out[f"{loss} inner rank"] = later(bootstrap, on_pairs(spearman), pairs)
        pairs = [(proxy(p) * p["squares"][0], group_variance(p, loss)) for p in inner]
        out[f"{loss} inner r2 of p(1-p)|g|^2"] = later(bootstrap, on_pairs(r_squared), pairs)
        pairs = [(group_variance(p, loss, 4), group_variance(p, loss, 16)) for p in inner]
        out[f"{loss} 4 over 16"] = later(bootstrap, ratio_of_sums, pairs)  # 4 if it falls as 1 / n
        for k in range(11):
            values = [group_variance(p, loss) for p in prompts if tenth(p["p"]) == k]
            if values:
                out[f"{loss} near {k / 10:g}"] = later(bootstrap, mean, values)
    return out


def tenth(p):
    """The nearest tenth of a pass rate, of which 0 and 10 are exact (rl/history.h: pass_rate_bin)."""
    return int(10 * p) if p in (0, 1) else min(max(int(10 * p + 0.5), 1), 9)


# ---- Gradient variance: batches ------------------------------------------------------------------------------------
def batch_rows(m, prompts, loss):
    return {r["allocation"]: r for r in m.rows["batch"] if r["prompts"] == prompts and r["loss"] == loss}


def noise_ratio(batches):
    variance, signal, uniform_variance, uniform_signal = map(sum, zip(*batches))
    if min(signal, uniform_signal) <= 0:
        return float("nan")
    return variance / signal / (uniform_variance / uniform_signal)


def bias(batches):
    signal, cross, reference = map(sum, zip(*batches))
    return (signal - 2 * cross + reference) / reference if reference > 0 else float("nan")


def turn(batches):
    signal, cross, reference = map(sum, zip(*batches))
    return 1 - cross ** 2 / signal / reference if signal > 0 and reference > 0 else float("nan")


def batch_values(m):
    """ratio: a batch's variance over that of uniform allocation. With E its expected gradient, E0 that of uniform
    allocation under the prompt mean: noise, variance / |E|^2; noise ratio, over that of uniform allocation; bias,
    |E - E0|^2 / |E0|^2; turn, the squared sine of the angle between E and E0."""
    out = {}
    for prompts in ("natural", "spread"):
        for loss in BATCH_LOSSES:
            rows = batch_rows(m, prompts, loss)
            uniform = rows["uniform"]
            reference = batch_rows(m, prompts, loss.split("/")[0] + "/prompt")["uniform"]["signal"]
            for name, row in rows.items():
                key, variance, signal = f"{prompts} {loss} {name}", row["variance"], row["signal"]
                out[f"{key} ratio"] = later(bootstrap, ratio_of_sums, list(zip(variance, uniform["variance"])))
                out[f"{key} noise"] = later(bootstrap, ratio_of_sums, list(zip(variance, signal)))
                batches = list(zip(variance, signal, uniform["variance"], uniform["signal"]))
                out[f"{key} noise ratio"] = later(bootstrap, noise_ratio, batches)
                for what in (bias, turn):
                    batches = list(zip(signal, row["cross"], reference))
                    out[f"{key} {what.__name__}"] = later(bootstrap, what, batches)
    return out


# ---- Attenuation ---------------------------------------------------------------------------------------------------
VARIANTS = ("off", "comp", "stab", "both", "const", "comp release")
AXES = ("probability", "entropy")
SIGNS = {1: "right", -1: "wrong"}


def bins(m, axis, sign, field):
    """[[value of each bin] of each batch]"""
    return [r[field] for r in m.rows["tokens"] if r["by"] == axis and r["sign"] == sign]


def bin_names(m, axis):
    at = next(r["at"] for r in m.rows["edges"] if r["by"] == axis)
    return [f"< {at[0]:g}"] + [f"{a:g} to {b:g}" for a, b in zip(at, at[1:])] + [f">= {at[-1]:g}"]


def quotient(m, axis, sign, over, under, k):
    """Of two sums over bin k."""
    pairs = zip(bins(m, axis, sign, over), bins(m, axis, sign, under))
    return bootstrap(ratio_of_sums, [(a[k], b[k]) for a, b in pairs])


def share(m, axis, sign, field, k):
    """Of bin k in the sum over all bins of both signs."""
    batches = zip(bins(m, axis, 1, field), bins(m, axis, -1, field))
    return bootstrap(ratio_of_sums, [((a if sign > 0 else b)[k], sum(a) + sum(b)) for a, b in batches])


def attenuation_values(m):
    out = {}
    for sign, word in SIGNS.items():
        for axis in AXES:
            for k, name in enumerate(bin_names(m, axis)):
                key = f"{word} {axis} {name}"
                if sum(b[k] for b in bins(m, axis, sign, "count")) == 0:
                    continue
                out[f"{key} length"] = later(quotient, m, axis, sign, "unit", "count", k)
                out[f"{key} tokens"] = later(share, m, axis, sign, "count", k)
                out[f"{key} share of squares"] = later(share, m, axis, sign, "power", k)
                out[f"{key} square over bound"] = later(quotient, m, axis, sign, "square", "bound", k)
                for variant in VARIANTS:
                    out[f"{key} share {variant}"] = later(share, m, axis, sign, variant, k)
        for variant in VARIANTS[1:]:
            totals = zip(bins(m, "entropy", sign, variant), bins(m, "entropy", sign, "off"))
            out[f"{word} {variant} over off"] = later(bootstrap, ratio_of_sums, [(sum(a), sum(b)) for a, b in totals])
    return out


# ---- Entropy -------------------------------------------------------------------------------------------------------
STATISTICS = ("pearson", "rank", "sign", "slope")
CONSTANTS = ("paper", "release", "compat")
QUANTILES = ("50 %", "90 %", "99 %", "99.9 %")


def grouped(rows, *fields):
    out = {}
    for row in rows:
        out.setdefault(tuple(row[f] for f in fields), []).append(row)
    return out


def entropy_values(m):
    out = {}
    for (optimizer, size, level, e), rows in grouped(m.rows["change"], "optimizer", "size", "level", "E").items():
        for i, statistic in enumerate(STATISTICS):
            key = f"{optimizer} {size:g} {level} {e} {statistic}"
            out[key] = later(bootstrap, mean, [r["values"][i] for r in rows])
    for (optimizer, size), rows in grouped(m.rows["step"], "optimizer", "size").items():
        out[f"{optimizer} {size:g} mean change"] = later(bootstrap, mean, [r["mean"] for r in rows])
    rows = m.rows["stabilised"]
    for constants in CONSTANTS:
        out[f"b_stab < 0.95 {constants}"] = later(bootstrap, ratio_of_sums, [(r[constants], r["active"]) for r in rows])
    for i, q in enumerate(QUANTILES):
        out[f"dH over largest {q}"] = later(bootstrap, mean, [r["quantiles"][i] for r in rows])
    return out


# ---- All -----------------------------------------------------------------------------------------------------------
def measurement_values(m):
    if m.instrument == "variance":
        return {**prompt_values(m), **batch_values(m)}
    return attenuation_values(m) if m.instrument == "attenuation" else entropy_values(m)


class Mechanisms:
    """All values of all measurements, by name: "INSTRUMENT LABEL ...", as analyse.py prints them."""

    def __init__(self, paths=None):
        paths = sorted(ROWS.glob("*.jsonl")) if paths is None else paths
        self.measurements = [Measurement(path) for path in paths]
        self.found = {}
        for m in self.measurements:
            for name, f in measurement_values(m).items():
                key = f"{m.instrument} {m.label} {name}"
                if key in self.found:
                    raise ValueError(f"two measurements give {key}")
                self.found[key] = functools.lru_cache(None)(f)

    def names(self):
        return list(self.found)

    def value(self, name):
        return self.found[name]()[0]

    def low(self, name):
        return self.found[name]()[1]

    def high(self, name):
        return self.found[name]()[2]

    def interval(self, name, spec=".2f"):
        """0.43 [0.31 0.55]"""
        value, *ends = self.found[name]()
        return format(value, spec) + (f" [{' '.join(format(x, spec) for x in ends)}]" if ends else "")
