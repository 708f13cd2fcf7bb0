"""Optional (pictures): ranks.svg: gradient buckets summed over ranks during backward, and the shards of ZeRO-1;
model/buckets.c.
The program's two rules decide when a bucket starts: all have the same size, and one starts once all of it is final."""
from canvas import Canvas

LAYERS, EMBED, BUCKETS, RANKS = 5, 1.6, 6, 4
LEFT, RIGHT = 150, 876
SUM = 0.55                             # the time of one all-reduce; a layer's backward takes 1
TOTAL = EMBED + LAYERS                 # parameters, in layers; the final norm is too small to draw
COLOURS = ("green", "violet", "blue")  # of buckets, in turn


def colour(bucket):
    return COLOURS[bucket % 3]


def timeline():
    """(what, start, end) of backward, and (bucket, ready, start, end) of the sums."""
    work, sums, begun, clock, busy = [], [], 0, 0.0, 0.0
    spans = [(f"layer {l}", 1.0, EMBED + l) for l in reversed(range(LAYERS))] + [("embedding", 1.0, 0.0)]
    for what, seconds, final_from in spans:
        work.append((what, clock, clock + seconds))
        clock += seconds
        while begun < BUCKETS and (BUCKETS - 1 - begun) * TOTAL / BUCKETS >= final_from - 1e-9:
            start = max(clock, busy)
            busy = start + SUM
            sums.append((BUCKETS - 1 - begun, clock, start, busy))
            begun += 1
    return work, sums


def buffer(c, y):
    scale = (RIGHT - LEFT) / TOTAL
    c.text(24, y + 20, "parameters", "bold")
    at = 0.0
    for name, size in [("embedding", EMBED)] + [(f"layer {l}", 1.0) for l in range(LAYERS)]:
        c.rect(LEFT + at * scale, y, size * scale, 30, "grey", radius=2)
        c.text(LEFT + (at + size / 2) * scale, y + 20, name, "body", anchor="middle")
        at += size
    width = (RIGHT - LEFT) / BUCKETS
    c.text(24, y + 57, "buckets", "bold")
    for i in range(BUCKETS):
        c.rect(LEFT + i * width + 1, y + 38, width - 2, 28, colour(i), radius=4)
        c.text(LEFT + (i + 0.5) * width, y + 57, f"bucket {i}", "body", anchor="middle")


def schedule(c, y):
    work, sums = timeline()
    end = max(sums[-1][3], work[-1][2]) + 0.75
    scale = (RIGHT - LEFT) / end
    c.text(24, y + 20, "backward", "bold")
    c.text(24, y + 86, "all-reduce", "bold")
    c.text(24, y + 104, "(second stream)", "body", "soft")
    for what, a, b in work:
        c.rect(LEFT + a * scale + 1, y, (b - a) * scale - 2, 30, "orange", radius=4)
        c.text(LEFT + (a + b) / 2 * scale, y + 20, what, "body", anchor="middle")
    for bucket, ready, a, b in sums:
        c.rect(LEFT + a * scale + 1, y + 68, (b - a) * scale - 2, 30, colour(bucket), radius=4)
        c.text(LEFT + (a + b) / 2 * scale, y + 88, str(bucket), "bold", anchor="middle")
        if a == ready:
            c.arrow((LEFT + a * scale + 3, y + 31), (LEFT + a * scale + 3, y + 67))
    x = LEFT + sums[-1][3] * scale + 2
    c.rect(x, y, 2 + RIGHT - x, 30, "grey", radius=4)
    c.text((x + RIGHT) / 2 + 1, y + 20, "AdamW", "body", anchor="middle")
    c.arrow((x, y + 83), (x + 34, y + 83), (x + 34, y + 31))
    c.line([(LEFT, y + 112), (RIGHT - 8, y + 112)], "soft", 1.2, head=True)
    c.text(RIGHT - 8, y + 130, "time, last micro-batch (durations are only an example)", "body", "soft", "end")


def shards(c, y):
    width, unit = (RIGHT - LEFT) / BUCKETS, (RIGHT - LEFT) / BUCKETS / RANKS
    for r in range(RANKS):
        c.text(24, y + 18 + 34 * r, f"rank {r}", "bold")
        for i in range(BUCKETS):
            for s in range(RANKS):
                x, fill = LEFT + i * width + s * unit + 2, colour(i) if s == r else "empty"
                c.rect(x, y + 34 * r, unit - 4, 26, fill, radius=3)


def draw():
    c = Canvas(900, 664, "Ranks and gradient buckets",
               "Backward finishes layers from the last to the first; buckets of the flat gradient are summed over the "
               "ranks meanwhile; with ZeRO-1 each rank updates its shard of every bucket")
    c.text(24, 36, "Gradient buckets, summed over ranks during backward", "title")
    c.paragraph(24, 62, """Parameters and gradients are flat buffers with the same offsets, cut into six buckets of
                equal size.""")
    buffer(c, 80)
    c.paragraph(24, 176, """Backward goes from the last layer to the first. A bucket is summed as soon as it is final,
                so AdamW waits only for the last buckets. A tied head's gradient is added to the embedding's after
                backward.""")
    schedule(c, 212)
    c.line([(24, 362), (876, 362)], "soft", 0.4)
    c.text(24, 394, "ZeRO-1: the optimizer's state in shards (--zero 1, here with 4 ranks)", "title")
    c.paragraph(24, 420, """Coloured: the shard of each bucket whose optimizer state a rank holds. All ranks hold all
                parameters.""")
    shards(c, 436)
    steps = ("1  reduce-scatter: a rank gets the sums of its shards only",
             "2  AdamW: it updates the parameters in its shards",
             "3  all-gather: all ranks get all updated parameters")
    for i, words in enumerate(steps):
        c.text(LEFT, 594 + 19 * i, words)
    c.text(876, 594, "optimizer state per rank:", "body", "soft", "end")
    c.text(876, 613, "12 / W bytes a parameter in bf16", "body", "soft", "end")
    c.text(876, 632, "8 / W in fp32", "body", "soft", "end")
    return c
