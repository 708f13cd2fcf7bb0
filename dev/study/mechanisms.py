"""Optional (study): What the rows of the instruments say about DynaMO's three mechanisms.

Each function takes one measurement (a file of `measure`, README.md) and returns {name: (value, low, high)} with 95 %
bootstrap intervals, or (value,) where there is none. The names are those that analyse.py prints.
"""
import json

from resample import bootstrap, mean, r_squared, slope, spearman

SIZES = (4, 8, 16)  # of groups
LOSSES = [f"{kind}/{over}" for kind in ("grpo", "no-std", "rloo") for over in ("token", "sequence", "constant")]


class Measurement:
    """One file: its setting, its policy, and its other rows by name."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        if not lines or lines[0]["row"] != "setting" or lines[0]["format"] != 1:
            raise ValueError(f"{path} is not a result of this version of measure")
        self.setting, self.policy, self.rows = lines[0], lines[1], {}
        self.instrument, self.label = lines[0]["instrument"], lines[0]["label"]
        for line in lines[2:]:
            self.rows.setdefault(line["row"], []).append(line)


# ---- Gradient variance ----------------------------------------------------------------------------------------------
def proxy(prompt):
    return prompt["p"] * (1 - prompt["p"])


def group_variance(prompt, loss, n=16):
    """Of a prompt's group of n. RLOO's advantage is that without std times n / (n - 1)."""
    kind, over = loss.split("/")
    values = prompt.get(("no-std" if kind == "rloo" else kind) + "/" + over)
    scale = (n / (n - 1)) ** 2 if kind == "rloo" else 1
    return values[SIZES.index(n)] * scale if values else 0.0


def noise(prompt, loss):
    """Standard error of group_variance at n = 16."""
    kind, over = loss.split("/")
    values = prompt.get(("no-std" if kind == "rloo" else kind) + "/" + over)
    return values[-1] * ((16 / 15) ** 2 if kind == "rloo" else 1) if values else 0.0


def proxy_values(m):
    """Part 2 of the instrument: the variance of a group's gradient against p (1 - p), over prompts."""
    prompts, out = m.rows["prompt"], {}
    out["prompts"] = (len(prompts),)
    out["prompts with spread"] = (sum("squares" in p for p in prompts),)
    for check in ("squares", "spread"):
        out[f"sketch error of {check}"] = (max(abs(p[check][1] / p[check][0] - 1) for p in prompts if check in p),)
    for loss in LOSSES:
        pairs = [(proxy(p), group_variance(p, loss)) for p in prompts]
        spread = mean([v * v for _, v in pairs]) - mean([v for _, v in pairs]) ** 2
        out[f"{loss} slope"] = bootstrap(lambda s: slope(*zip(*s)), pairs)
        out[f"{loss} r2"] = bootstrap(lambda s: r_squared(*zip(*s)), pairs)
        out[f"{loss} rank"] = bootstrap(lambda s: spearman(*zip(*s)), pairs)
        out[f"{loss} r2 limit"] = (1 - mean([noise(p, loss) ** 2 for p in prompts]) / spread if spread > 0 else 0,)
        inner = [(p, v) for p, v in zip(prompts, (v for _, v in pairs)) if "squares" in p]
        scaled = [(proxy(p) * p["squares"][0], v) for p, v in inner]
        out[f"{loss} r2 of p(1-p)|g|2"] = bootstrap(lambda s: r_squared(*zip(*s)), scaled)
        out[f"{loss} r2 with spread"] = bootstrap(lambda s: r_squared(*zip(*s)), [(proxy(p), v) for p, v in inner])
        ratio = [(group_variance(p, loss, 4), group_variance(p, loss, 16)) for p, _ in inner]
        out[f"{loss} 4 over 16"] = bootstrap(lambda s: sum(a for a, _ in s) / sum(b for _, b in s), ratio)
    return out


def bin_values(m, loss):
    """Mean variance at n = 16 by tenths of the pass rate: [(bin, prompts, mean p, (value, low, high))]."""
    out = []
    for k in range(11):
        members = [p for p in m.rows["prompt"] if min(p["p"] * 10 + 0.5, 10) // 1 == k]
        if members:
            values = [group_variance(p, loss) for p in members]
            out.append((k, len(members), mean([p["p"] for p in members]), bootstrap(mean, values)))
    return out


def batch_rows(m, prompts, loss):
    return {r["allocation"]: r for r in m.rows["batch"] if r["prompts"] == prompts and r["loss"] == loss}


def ratio_of_sums(pairs):
    below = sum(b for _, b in pairs)
    return sum(a for a, _ in pairs) / below if below > 0 else float("nan")


def allocation_values(m):
    """Part 3: a batch's variance relative to uniform allocation, and how far its expectation is from that of uniform
    allocation with every prompt weighing the same, relative to that one's squared length."""
    out = {}
    for prompts in ("natural", "spread"):
        for loss in ("grpo/token", "grpo/prompt", "no-std/token", "no-std/prompt"):
            rows = batch_rows(m, prompts, loss)
            reference = batch_rows(m, prompts, loss.split("/")[0] + "/prompt")["uniform"]["signal"]
            for name, row in rows.items():
                key = f"{prompts} {loss} {name}"
                pairs = list(zip(row["variance"], rows["uniform"]["variance"]))
                if name != "uniform":
                    out[f"{key} ratio"] = bootstrap(ratio_of_sums, pairs)
                if reference > 0 and row["signal"] > 0:
                    out[f"{key} bias"] = ((row["signal"] - 2 * row["cross"] + reference) / reference,)
                    out[f"{key} turn"] = (1 - row["cross"] ** 2 / row["signal"] / reference,)
            variance = mean(rows["uniform"]["variance"])
            out[f"{prompts} {loss} uniform noise"] = (variance / reference if reference > 0 else float("nan"),)
    return out


# ---- Attenuation ----------------------------------------------------------------------------------------------------
VARIANTS = ("off", "comp", "stab", "both", "const", "comp release")


def bins(m, axis, sign, field):
    """[[value of each bin] of each batch]"""
    return [r[field] for r in m.rows["tokens"] if r["by"] == axis and r["sign"] == sign]


def bin_names(m, axis):
    at = next(r["at"] for r in m.rows["edges"] if r["by"] == axis)
    return [f"< {at[0]:g}"] + [f"{a:g} to {b:g}" for a, b in zip(at, at[1:])] + [f">= {at[-1]:g}"]


def quotient(m, axis, sign, over, under, k):
    pairs = list(zip((b[k] for b in bins(m, axis, sign, over)), (b[k] for b in bins(m, axis, sign, under))))
    return bootstrap(ratio_of_sums, pairs) if sum(b for _, b in pairs) > 0 else None


def share(m, axis, sign, field, k):
    """Of the sum over all bins of both signs."""
    own, total = [b[k] for b in bins(m, axis, sign, field)], None
    total = [sum(a) + sum(b) for a, b in zip(bins(m, axis, 1, field), bins(m, axis, -1, field))]
    return bootstrap(ratio_of_sums, list(zip(own, total)))


def attenuation_values(m):
    out = {}
    for sign, word in ((1, "right"), (-1, "wrong")):
        for axis in ("probability", "entropy"):
            for k, name in enumerate(bin_names(m, axis)):
                key = f"{word} {axis} {name}"
                length = quotient(m, axis, sign, "unit", "count", k)
                if length is None:
                    continue
                out[f"{key} length"] = length
                out[f"{key} tokens"] = share(m, axis, sign, "count", k)
                for variant in ("off", "comp", "const", "both"):
                    out[f"{key} share {variant}"] = share(m, axis, sign, variant, k)
                out[f"{key} share of squares"] = share(m, axis, sign, "power", k)
                if axis == "entropy":
                    out[f"{key} square over bound"] = quotient(m, axis, sign, "square", "bound", k)
        for variant in VARIANTS[1:]:
            totals = [(sum(a), sum(b)) for a, b in zip(bins(m, "entropy", sign, variant), bins(m, "entropy", sign, "off"))]
            out[f"{word} {variant} over off"] = bootstrap(ratio_of_sums, totals)
    return out


# ---- Entropy --------------------------------------------------------------------------------------------------------
STATISTICS = ("pearson", "rank", "sign", "slope")


def change_values(m):
    out = {}
    keys = sorted({(r["optimizer"], r["size"], r["level"], r["E"]) for r in m.rows["change"]})
    for optimizer, size, level, e in keys:
        rows = [r for r in m.rows["change"] if (r["optimizer"], r["size"], r["level"], r["E"]) == (optimizer, size, level, e)]
        for i, statistic in enumerate(STATISTICS):
            out[f"{optimizer} {size:g} {level} {e} {statistic}"] = bootstrap(mean, [r["values"][i] for r in rows])
    for optimizer, size in sorted({(r["optimizer"], r["size"]) for r in m.rows["step"]}):
        rows = [r for r in m.rows["step"] if (r["optimizer"], r["size"]) == (optimizer, size)]
        out[f"{optimizer} {size:g} mean change"] = bootstrap(mean, [r["mean"] for r in rows])
    stabilised = m.rows["stabilised"]
    for constants in ("paper", "release", "compat"):
        pairs = [(r[constants], r["active"]) for r in stabilised]
        out[f"b_stab below 0.95, {constants}"] = bootstrap(ratio_of_sums, pairs)
    for i, q in enumerate(("50", "90", "99", "99.9")):
        out[f"dH over largest, {q} %"] = bootstrap(mean, [r["quantiles"][i] for r in stabilised])
    return out


def values(m):
    """All named values of a measurement."""
    if m.instrument == "variance":
        return {**proxy_values(m), **allocation_values(m)}
    return attenuation_values(m) if m.instrument == "attenuation" else change_values(m)
