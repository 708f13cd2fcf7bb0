"""Optional (reference values): greedy decoding of a llama2.c checkpoint in numpy, for tests/convert/test_llama2c.c.

    python dev/reference/llama2c_generate.py ../shared/models/stories260K > tests/convert/fixtures/stories260K.json

Written in float64 from the file format and the model's definition, not from the project's C: rotations of adjacent
channels as in llama2.c (the project rotates halves), one token at a time with a KV cache, SentencePiece merges by
score. Prints the text and ids of 200 greedy tokens from <s>, the smallest gap between the best and the second logit on
that path (float32 and another order of sums must not change the choice), and the ids of a few prompts.
"""
import json
import struct
import sys

import numpy as np

TOKENS = 200
PROMPTS = ["Once upon a time", " Once upon a time", "Lily said, \"I'm happy!\"\nThey  played.",
           "He had 42 red balls; she had 7.", "\u201cDon\u2019t go\u201d \u2014 caf\u00e9 \u2026 \u65e5",
           "zebra quartz <jumps> [over] {x} @home", "\t tabs", "", " ", "verylittleTimmyhappyfriend"]


def read_model(path):
    with open(path, "rb") as file:
        data = file.read()
    C, F, L, NH, NKV, V, T = struct.unpack("<7i", data[:28])
    tied, V = V > 0, abs(V)
    HS, at = C // NH, 28
    weights = {}
    shapes = [("embed", (V, C)), ("ln1", (L, C)), ("wq", (L, NH * HS, C)), ("wk", (L, NKV * HS, C)),
              ("wv", (L, NKV * HS, C)), ("wo", (L, C, NH * HS)), ("ln2", (L, C)), ("w1", (L, F, C)), ("w2", (L, C, F)),
              ("w3", (L, F, C)), ("norm", (C,)), ("cos", (T, HS // 2)), ("sin", (T, HS // 2)), ("head", (V, C))]
    for name, shape in shapes[:-1] if tied else shapes:
        count = int(np.prod(shape))
        weights[name] = np.frombuffer(data, "<f4", count, at).reshape(shape).astype(np.float64)
        at += 4 * count
    assert at == len(data)
    weights.setdefault("head", weights["embed"])
    return dict(L=L, NH=NH, NKV=NKV, HS=HS, **weights)


def read_tokenizer(path, size):
    with open(path, "rb") as file:
        data = file.read()
    pieces, at = [], 4
    for _ in range(size):
        score, n = struct.unpack("<fi", data[at:at + 8])
        pieces.append((data[at + 8:at + 8 + n], score))
        at += 8 + n
    return pieces


def encode(pieces, text):
    """As SentencePiece: characters, or their bytes if there is no such piece; then merges by best score."""
    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    parts = []
    for character in text:
        raw = character.encode()
        parts += [ids[raw]] if raw in ids else [byte + 3 for byte in raw]
    while True:
        best, where = -1e10, -1
        for i in range(len(parts) - 1):
            merged = ids.get(pieces[parts[i]][0] + pieces[parts[i + 1]][0])
            if merged is not None and pieces[merged][1] > best:
                best, where = pieces[merged][1], i
        if where < 0:
            return parts
        parts[where:where + 2] = [ids[pieces[parts[where]][0] + pieces[parts[where + 1]][0]]]


def norm(x, weight):
    return x / np.sqrt((x * x).mean() + 1e-5) * weight


def rotate(x, position, HS):
    """x (heads, HS): the pair (2 i, 2 i + 1) by the angle position / 10000^(2 i / HS)"""
    angle = position / 10000.0 ** (np.arange(0, HS, 2) / HS)
    even, odd = x[:, 0::2], x[:, 1::2]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(m, token, position, cache):
    x = m["embed"][token].copy()
    for l in range(m["L"]):
        y = norm(x, m["ln1"][l])
        q = rotate((m["wq"][l] @ y).reshape(m["NH"], m["HS"]), position, m["HS"])
        k = rotate((m["wk"][l] @ y).reshape(m["NKV"], m["HS"]), position, m["HS"])
        cache[l].append((k, (m["wv"][l] @ y).reshape(m["NKV"], m["HS"])))
        out = []
        for h in range(m["NH"]):
            kv = h * m["NKV"] // m["NH"]
            keys, values = np.array([c[0][kv] for c in cache[l]]), np.array([c[1][kv] for c in cache[l]])
            scores = keys @ q[h] / np.sqrt(m["HS"])
            weight = np.exp(scores - scores.max())
            out.append(weight @ values / weight.sum())
        x += m["wo"][l] @ np.concatenate(out)
        y = norm(x, m["ln2"][l])
        gate = m["w1"][l] @ y
        x += m["w2"][l] @ (gate / (1 + np.exp(-gate)) * (m["w3"][l] @ y))
    return m["head"] @ norm(x, m["norm"])


def main(folder):
    model = read_model(folder + "/stories260K.bin")
    pieces = read_tokenizer(folder + "/tok512.bin", len(model["embed"]))
    ids, cache, gap, token = [], [[] for _ in range(model["L"])], np.inf, 1
    for position in range(TOKENS):
        logits = forward(model, token, position, cache)
        second, first = np.partition(logits, -2)[-2:]
        gap = min(gap, first - second)
        token = int(logits.argmax())
        ids.append(token)
    text = b"".join(bytes([token - 3]) if 3 <= token < 259 else pieces[token][0] for token in ids)
    json.dump({"tokens": ids, "text": text.decode(), "smallest_gap": float(gap),
               "prompts": [{"text": prompt, "ids": encode(pieces, prompt)} for prompt in PROMPTS]}, sys.stdout)
    print()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "../shared/models/stories260K")
