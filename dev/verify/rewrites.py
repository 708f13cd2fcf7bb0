"""Optional (tests of the verifier): Golds rewritten by rule in equivalent and in wrong ways. rewrites(gold) yields
(name, text, is it equal).

A rule applies to the golds whose form it understands exactly, and a wrong rewrite is made only where it is wrong for
certain (no sign flip of 0, no swap of equal ends).
"""
import re
from fractions import Fraction

NUMBER = r"-?(?:\d+|\\frac\{\d+\}\{\d+\}|\d+\.\d+)"
UNITS = ["cm", "apples", "dollars", "minutes"]


def clean(gold):
    text = gold.strip().strip("$").strip().rstrip(".").replace(",\\!", "")
    for old, new in (("\\left", ""), ("\\right", ""), ("\\dfrac", "\\frac"), ("\\tfrac", "\\frac"), ("\\!", "")):
        text = text.replace(old, new)
    text = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", text)
    return re.sub(r"\s+", " ", text).replace("{,}", "")


def value(text):
    """The Fraction a number stands for, or None."""
    text = text.replace(" ", "")
    if re.fullmatch(r"-?\d+", text):
        return Fraction(int(text))
    match = re.fullmatch(r"(-?)\\frac\{(\d+)\}\{(\d+)\}", text)
    if match and int(match[3]):
        return Fraction(int(match[2]), int(match[3])) * (-1 if match[1] else 1)
    return Fraction(text) if re.fullmatch(r"-?\d+\.\d+", text) else None


def tex(q):
    sign, q = "-" if q < 0 else "", abs(q)
    return f"{sign}{q.numerator}" if q.denominator == 1 else f"{sign}\\frac{{{q.numerator}}}{{{q.denominator}}}"


def decimal(q):
    """q as an exact decimal, or None when it does not end."""
    for places in range(1, 7):
        if (q * 10**places).denominator == 1:
            digits = f"{abs(int(q * 10**places)):0{places + 1}d}"
            return ("-" if q < 0 else "") + digits[:-places] + "." + digits[-places:]
    return None


def terms(text):
    """Top-level terms of a sum, each with its sign; one term when it is no sum."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "{([") - (c in "})]")
        if c in "+-" and depth == 0 and i > start and text[i - 1] not in "^_*/=<>(,":
            parts.append(text[start:i].strip())
            start = i
    parts.append(text[start:].strip())
    return [part if part[0] in "+-" else "+" + part for part in parts if part]


def joined(parts):
    text = " ".join(part[0] + " " + part[1:].strip() for part in parts)
    return text[2:] if text.startswith("+ ") else text


def numbers(text, q):
    n, d = abs(q.numerator), q.denominator
    sign = "-" if q < 0 else ""
    yield "unreduced fraction", f"{sign}\\frac{{{6 * n}}}{{{6 * d}}}", True
    yield "slash fraction", f"{sign}{3 * n}/{3 * d}", True
    yield "split into a sum", f"{tex(q - 7)} + 7", True
    yield "power of ten", f"{tex(q / 100)} \\times 10^{{2}}", True
    exact = decimal(q)
    if exact:
        yield "decimal with zeros", exact + "00", True
    if d > 1 and n > d:
        yield "mixed number", f"{sign}{n // d}\\frac{{{n % d}}}{{{d}}}", True
    if d == 1 and n >= 1000:
        yield "thousands separators", f"{sign}{n:,}", True
    yield "unit added", f"{text}\\text{{ {UNITS[n % len(UNITS)]}}}", True
    yield "digit changed", tex(Fraction(n + (1 if n % 10 < 9 else -1), d) * (-1 if q < 0 else 1)), False
    yield "off by one", tex(q + 1), False
    if q:
        yield "sign flipped", tex(-q), False
        yield "ten times", tex(10 * q), False
    if q and abs(q) != 1:
        yield "inverted", tex(1 / q), False
    if not exact:
        yield "rounded", f"{float(q):.3f}", False
    yield "given with another", f"{text} \\text{{ or }} {tex(q + 2)}", False
    if d == 1:
        yield "one part in a billion more", f"{text}.000000001", False


def radicals(text, c, d):
    yield "under one root", ("-" if c < 0 else "") + f"\\sqrt{{{c * c * d}}}", True
    yield "root as a power", f"{c} \\cdot {d}^{{1/2}}", True
    yield "irrational denominator", f"\\frac{{{c * d}}}{{\\sqrt{{{d}}}}}", True
    yield "plain text root", f"{c}*sqrt({d})", True
    yield "radical dropped", f"{c}", False
    yield "rounded", f"{c * d**0.5:.3f}", False
    yield "sign flipped", f"{-c}\\sqrt{{{d}}}", False


def sequences(text, left, items, right):
    inside = [item.strip() for item in items]
    values = [value(item) for item in inside]
    if None in values:
        return
    spaced = ",\\ ".join(f"\\frac{{{2 * v.numerator}}}{{{2 * v.denominator}}}" for v in values)
    yield "entries unreduced", f"\\left{left}{spaced}\\right{right}" if left else spaced, True
    extra = tex(max(values) + 3)
    if not left:
        yield "list reordered", ", ".join(reversed(inside)), True
        yield "list as a set", "\\{" + ", ".join(inside) + "\\}", True
        yield "list with words", ", ".join(inside[:-1]) + " \\text{ and } " + inside[-1], True
    elif inside != inside[::-1]:
        yield "order reversed", left + ", ".join(reversed(inside)) + right, False
        yield "tuple as a set", "\\{" + ", ".join(inside) + "\\}", False
    if not left and len(set(values)) == len(values):
        yield "element dropped", ", ".join(inside[:-1]), False
    if left:
        yield "element dropped", left + ", ".join(inside[:-1]) + right, False
    yield "element added", left + ", ".join(inside + [extra]) + right, False
    yield "element changed", left + ", ".join(inside[:-1] + [extra]) + right, False


def intervals(text, left, low, high, right):
    less = {"(": "<", "[": "\\le"}[left], {")": "<", "]": "\\le"}[right]
    bounded = "\\infty" not in low, "\\infty" not in high
    form = (f"{low} {less[0]} " if bounded[0] else "") + "x" + (f" {less[1]} {high}" if bounded[1] else "")
    if any(bounded):
        yield "interval as inequality", form if bounded[0] or bounded[1] else "x", True
        yield "membership", f"x \\in {text}", True
        flip = {"(": "[", "[": "("}[left] if bounded[0] else left, {")": "]", "]": ")"}[right] if bounded[1] else right
        yield "bracket kind changed", flip[0] + low + ", " + high + flip[1], False
    if low != high and not ("\\infty" in low and "\\infty" in high):
        yield "ends swapped", left + high + ", " + low + right, False


def expressions(text):
    parts = terms(text)
    yield "doubled and halved", f"\\frac{{2\\left({text}\\right)}}{{2}}", True
    yield "one added and taken", f"\\left({text}\\right) + 1 - 1", True
    yield "plus one", f"{text} + 1", False
    if len(parts) > 1:
        yield "sum reordered", joined(parts[::-1]), True
        flipped = ("-" if parts[-1][0] == "+" else "+") + parts[-1][1:]
        yield "one sign changed", joined(parts[:-1] + [flipped]), False
        yield "a term dropped", joined(parts[:-1]), False
    yield "doubled", f"2\\left({text}\\right)", False


def equations(text, left, right):
    yield "sides swapped", f"{right} = {left}", True
    if re.fullmatch(r"[a-zA-Z]", left):
        if left not in re.sub(r"\\[a-z]+", "", right):
            yield "value only", right, True
            yield "value plus one", f"{right} + 1", False
        return
    if left.endswith(")"):
        return  # f(x) = ...: a definition, not an equation in f
    yield "moved to one side", f"{left} - ({right}) = 0", True
    yield "scaled equation", f"3({left}) = 3({right})", True
    yield "scaled on one side", f"3({left}) = {right} + 5", False
    yield "constant added", f"{left} = {right} + 1", False
    if re.search(r"[-+*/^].*[a-z]", left):
        yield "right side alone", right, False


def rewrites(gold):
    text = clean(gold)
    q = value(text)
    root = re.fullmatch(r"(-?\d*)\\sqrt\{(\d+)\}", text.replace(" ", ""))
    bracketed = re.fullmatch(r"([(\[])([^()\[\]]*)([)\]])", text)
    items = (bracketed[2] if bracketed else text).split(",")
    if q is not None:
        yield from numbers(text, q)
        yield "name added", f"n = {text}", True
    elif root and int(root[2]) ** 0.5 != int(int(root[2]) ** 0.5):
        yield from radicals(text, int({"": 1, "-": -1}.get(root[1], root[1])), int(root[2]))
        yield from expressions(text)
    elif bracketed and len(items) == 2 and ("\\infty" in text or bracketed[1] + bracketed[3] != "()"):
        yield from intervals(text, bracketed[1], items[0].strip(), items[1].strip(), bracketed[3])
    elif bracketed and len(items) > 1 and bracketed[1] + bracketed[3] == "()":
        yield from sequences(text, "(", items, ")")
    elif len(items) > 1 and all(value(item) is not None for item in items):
        yield from sequences(text, "", items, "")
    elif text.count("=") == 1 and not re.search(
            r"text|%|[<>,;]|\\(le|ge|ne|pm|in|quad|approx|equiv|cdots|ldots)", text):
        yield from equations(text, *(side.strip() for side in text.split("=")))
    elif not re.search(
            r"text|mathrm|operatorname|[=<>,;:&%|!?]|\\\\|\\\$|\\(le|ge|ne|pm|mp|in|infty|cup|cap|begin|equiv|circ|"
            r"mathbb|emptyset|approx|angle|ldots|cdots|vec|overline)\b|_\{?\d|^[A-Z]+$", text):
        yield from expressions(text)
