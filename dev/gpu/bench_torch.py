"""Optional (benchmarks): the same ops in PyTorch on the same GPU:   python3 dev/gpu/bench_torch.py OUTDIR

Writes OUTDIR/torch.json and torch.md. Shapes are those of dev/gpu/bench_ops.c: N 8192 tokens, Qwen2.5-0.5B's sizes,
bf16. Each op is what a PyTorch user would write (functional calls, scaled_dot_product_attention, fused AdamW).
"""
import json
import sys
import time

import torch
import torch.nn.functional as F


def seconds(work):
    work()
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    calls = max(1, int(0.1 / max(time.perf_counter() - start, 1e-6)))
    best = 1e30
    for _ in range(3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def main():
    N, C, FF, NH, NKV, HS, V = 8192, 896, 4864, 14, 2, 64, 151936
    gpu = {"device": "cuda", "dtype": torch.bfloat16}
    rows = []

    def row(name, value, unit):
        rows.append({"name": name, "value": value, "unit": unit})
        print(f"{name:56s} {value:10.1f} {unit}")

    x, w, y = torch.randn(N, C, **gpu), torch.randn(2 * FF, C, **gpu), torch.randn(N, 2 * FF, **gpu)
    flops = 2 * N * C * 2 * FF / 1e12
    row("gate and up", flops / seconds(lambda: F.linear(x, w)), "TFLOP/s")
    row("  dx", flops / seconds(lambda: y @ w), "TFLOP/s")
    row("  dW", flops / seconds(lambda: y.t() @ x), "TFLOP/s")
    gain = torch.randn(C, **gpu)
    row("residual + rms_norm", 4 * N * C * 2 / seconds(lambda: F.rms_norm(x + x, (C,), gain)) / 1e9, "GB/s")
    row("swiglu", 3 * N * FF * 2 / seconds(lambda: F.silu(y[:, :FF]) * y[:, FF:]) / 1e9, "GB/s")
    B, T = 8, 1024
    q = torch.randn(B, NH, T, HS, requires_grad=True, **gpu)
    k, v = (torch.randn(B, NKV, T, HS, requires_grad=True, **gpu) for _ in range(2))
    flops = 2 * B * T * T * NH * HS / 1e12
    attend = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    with torch.no_grad():
        row("attention forward, 8 x 1024 tokens", flops / seconds(attend), "TFLOP/s")
    o = attend()
    d = torch.randn_like(o)
    backward = lambda: torch.autograd.grad(o, (q, k, v), d, retain_graph=True)
    row("attention backward", 2.5 * flops / seconds(backward), "TFLOP/s")
    n = 100 << 20
    p = torch.zeros(n, device="cuda", requires_grad=True)
    p.grad = torch.zeros_like(p)
    adamw = torch.optim.AdamW([p], fused=True)
    row("adamw, fused, fp32", n * 28 / seconds(adamw.step) / 1e9, "GB/s")
    del p, adamw
    logits = torch.randn(512, V, device="cuda")
    draw = lambda: torch.multinomial(torch.softmax(logits, -1), 1)
    row("softmax + multinomial, 512 rows", 512 * V * 4 / seconds(draw) / 1e9, "GB/s")
    with open(f"{sys.argv[1]}/torch.json", "w") as file:
        json.dump({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "rows": rows}, file, indent=1)
    with open(f"{sys.argv[1]}/torch.md", "w") as file:
        file.write(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}.\n\n")
        file.write("| what | rate |\n| --- | --- |\n")
        for r in rows:
            file.write(f"| {r['name']} | {r['value']:.1f} {r['unit']} |\n")


main()
