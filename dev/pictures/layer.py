"""Optional (pictures): layer.svg: the tensors of one decoder layer and of the head, with the ops of model/gpt.c and
model/gpt_head.c."""
from canvas import Canvas

W, LANES = 252, (40, 324, 608)  # width of a lane and its left edges


def tensor(c, x, y, name, shape, colour="grey"):
    c.rect(x, y, W, 30, colour, radius=15)
    c.text(x + 16, y + 20, name, "bold")
    c.text(x + W - 16, y + 20, shape, "mono", "soft", "end")


def op(c, x, y, name, detail, gap=46):
    """An op between the tensor that ends at y and the next one, gap below it."""
    c.arrow((x + 26, y), (x + 26, y + gap))
    c.text(x + 40, y + gap / 2 - 3, name, "mono", "orange")
    c.text(x + 40, y + gap / 2 + 14, detail, "body", "soft")


def chain(c, lane, y, steps):
    """Tensors and the ops that lead from each to the next; returns where each tensor starts."""
    x, at = LANES[lane], []
    for name, shape, colour, *after in steps:
        tensor(c, x, y, name, shape, colour)
        at.append(y)
        y += 30
        if after:
            op(c, x, y, *after)
            y += 46
    return at


def heads(c, x, y):
    """qkv of one token, head by head: NH 4, NKV 2; heads of one colour work together."""
    for i, name in enumerate(("q0", "q1", "q2", "q3", "k0", "k1", "v0", "v1")):
        left, group = x + 29 * i + (i >= 4) * 10 + (i >= 6) * 10, int(name[1]) // (2 if i < 4 else 1)
        c.rect(left, y, 26, 24, ("green", "violet")[group], radius=3)
        c.text(left + 13, y + 17, name, "mono", "ink", "middle")


def draw():
    c = Canvas(900, 672, "One decoder layer and the head",
               "Attention, feed-forward block and head: every tensor with its shape, every op with its name")
    c.text(24, 36, "One decoder layer and the head", "title")
    for lane, words in enumerate(("attention", "feed-forward (SwiGLU)", "head, after layer L − 1")):
        c.text(LANES[lane], 68, words, "head", "soft")
    top = 84
    a = chain(c, 0, top, (
        ("x", "(N, C)", "blue", "rmsnorm_forward", "ln1"),
        ("y1", "(N, C)", "grey", "matmul_forward", "wqkv; + bqkv (Qwen2)"),
        ("qkv", "(N, Q)", "grey", "rmsnorm_forward", "Qwen3 only: q and k, per head"),
        ("qk", "(N, (NH + NKV) HS)", "grey", "rope_forward", "q and k, in place; v as it is"),
        ("q, k, v", "NH, NKV, NKV heads", "grey", "attention_forward", "starts: causal in a sequence"),
        ("o", "(N, NH HS)", "grey", "matmul_forward", "wo"),
        ("delta", "(N, C)", "grey"),
    ))
    b = chain(c, 1, top, (
        ("x2 = x + delta", "(N, C)", "blue", "rmsnorm_residual_forward", "the sum, then ln2"),
        ("y2", "(N, C)", "grey", "matmul_forward", "w_gate_up"),
        ("gate_up", "(N, 2, F)", "grey", "swiglu_forward", "silu(gate) · up"),
        ("act", "(N, F)", "grey", "matmul_forward", "w_down"),
        ("delta", "(N, C)", "grey"),
    ))
    chain(c, 2, top, (
        ("x_final", "(N, C)", "blue", "rmsnorm_residual_forward", "x2 + delta, then final norm"),
        ("hidden", "(N, C)", "grey", "gather_rows", "rows that have a target"),
        ("x, gathered", "(chunk, C)", "grey", "matmul_logits", "head, or embed where tied"),
        ("logits", "(chunk, V) fp32", "grey", "policy_loss", "in place in the fp32 build"),
        ("dlogits", "(chunk, V)", "grey", "matmul_backward_input", "and _weight; scatter_rows"),
        ("dhidden", "(N, C)", "grey"),
    ))
    for start, x1, x2 in ((a[-1], LANES[0], LANES[1]), (b[-1], LANES[1], LANES[2])):  # delta joins the stream
        middle = (x1 + W + x2) / 2
        c.arrow((x1 + W, start + 15), (middle, start + 15), (middle, top + 22), (x2, top + 22), ink="soft")
        c.arrow((x1 + W, top + 9), (x2, top + 9), ink="blue", width=2.6)
    c.arrow((16, top + 15), (LANES[0], top + 15), ink="blue", width=2.6)
    y = b[-1] + 62
    c.text(LANES[1], y, "Grouped-query attention", "head", "soft")
    heads(c, LANES[1], y + 14)
    c.text(LANES[1], y + 60, "qkv of one token: Q = (NH + 2 NKV) HS.")
    c.paragraph(LANES[1], y + 78, "Here NH = 4 and NKV = 2. Query head h reads kv head h / (NH / NKV).", "ink", 36)
    c.paragraph(24, 612, """Blue: the residual stream. The sum that ends a layer and the next layer's ln1 are one call:
                layer l writes x and y1 of layer l + 1. In generation kv_append and attention_decode_forward take the
                place of attention_forward, and sample_forward that of policy_loss. x of layer 0 is
                embedding_forward(ids). floatX is bf16 or fp32.""")
    return c
