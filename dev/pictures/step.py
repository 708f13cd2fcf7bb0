"""Optional (pictures): step.svg: one RL step, rl/step.c: rl_step. Twelve boxes in a closed loop, every other row
from right to left."""
from canvas import Canvas

X, Y = (58, 354, 650), (62, 210, 358, 506)  # left edges of the columns, upper edges of the rows
W, H = 208, 98

BOXES = [  # column, row, colour, title, two lines, file
    (0, 0, "violet", "allocate", "More rollouts where the", "outcome is less certain", "kernels/allocate.c"),
    (1, 0, "grey", "deal", "Each rollout to the rank", "with the least work", "rl/rollout.c"),
    (2, 0, "blue", "prefill", "Every prompt once, many", "prompts in one forward", "rl/generate.c"),
    (2, 1, "blue", "decode and sample", "One token a step in every", "slot; slots are refilled", "kernels/sample.c"),
    (1, 1, "green", "grade", "Is the answer right?", "Reward 1 or 0", "rl/reward.c, verify/"),
    (0, 1, "green", "advantages", "Reward against the other", "rollouts of its prompt", "kernels/advantage.c"),
    (0, 2, "grey", "pack a micro-batch", "Sequences of any length,", "end to end, no padding", "rl/update.c"),
    (1, 2, "orange", "forward", "The same ops in the same", "order as in generation", "model/gpt.c"),
    (2, 2, "violet", "policy loss", "Clipped ratio times the", "modulated A b_{comp} b_{stab}",
     "kernels/policy_loss.c"),
    (2, 3, "orange", "backward", "From the last layer down,", "hand-written", "model/gpt.c"),
    (1, 3, "orange", "all-reduce", "In six buckets, during", "the last backward", "model/buckets.c"),
    (0, 3, "orange", "AdamW", "Clip the norm, then update", "every parameter", "model/optimizer.c"),
]


def box(c, number, column, row, colour, title, line1, line2, file):
    x, y = X[column], Y[row]
    c.rect(x, y, W, H, colour)
    c.text(x + 12, y + 23, f"{number}", "head", colour if colour != "grey" else "soft")
    c.text(x + 12 + (14 if number < 10 else 24), y + 23, title, "head")
    c.text(x + 12, y + 45, line1)
    c.text(x + 12, y + 63, line2)
    c.text(x + 12, y + 86, file, "mono", "soft")


def across(c, row, column, above, below=""):
    """The arrow between a column and the next one, in the row's direction, with the data it carries."""
    a, b, y = X[column] + W, X[column + 1], Y[row] + H / 2
    c.arrow(*([(a, y), (b, y)] if row % 2 == 0 else [(b, y), (a, y)]))
    c.text((a + b) / 2, y - 8, above, "body", anchor="middle")
    c.text((a + b) / 2, y + 20, below, "body", anchor="middle")


def down(c, row, x, lines, ink="soft", up=False):
    a, b = Y[row] + H, Y[row + 1]
    c.arrow(*([(x, b), (x, a)] if up else [(x, a), (x, b)]), ink=ink)
    for i, line in enumerate(lines):
        c.text(x + 9, (a + b) / 2 + 1 + 17 * (i - (len(lines) - 1) / 2), line)


def draw():
    c = Canvas(900, 658, "One RL step of dynamo.c",
               "allocate, deal, prefill, decode and sample, grade, advantages, pack, forward, policy loss with "
               "modulation, backward, all-reduce, AdamW; then the next step")
    c.text(58, 36, "One RL step", "title")
    x = 330
    for colour, words, width in (("blue", "generate", 92), ("green", "grade", 72), ("orange", "train", 68),
                                 ("violet", "what DynaMO adds", 0)):
        c.rect(x, 24, 14, 14, colour, radius=3)
        c.text(x + 21, 36, words)
        x += width + 22
    left, right, top, low = 46, 872, Y[2] - 9, Y[3] - 16  # around what runs once for each micro-batch
    end, inner = Y[3] + H + 12, X[2] - 9
    c.line([(left, top), (right, top), (right, end), (inner, end), (inner, low), (left, low), (left, top)],
           "soft", 1.2, dash="2 5")
    for number, fields in enumerate(BOXES, 1):
        box(c, number, *fields)
    across(c, 0, 0, "n_{i}")
    across(c, 0, 1, "rollouts,", "prompt id")
    down(c, 0, X[2] + 104, ["KV blocks, shared", "by n_{i} rollouts"])
    across(c, 1, 1, "tokens")
    across(c, 1, 0, "rewards", "(all ranks)")
    down(c, 0, X[0] + 60, ["history: c_{i} correct", "of v_{i} graded"], up=True)
    down(c, 1, X[0] + 60, ["A, token weights"])
    down(c, 1, X[2] + 104, ["log π, H, E", "as sampled"])
    across(c, 2, 0, "ids, pos,", "starts")
    across(c, 2, 1, "hidden", "(N, C)")
    down(c, 2, X[2] + 104, ["d hidden", "(N, C)"])
    c.text(330, Y[3] - 25, "once for every micro-batch", "body", "soft", "middle")
    across(c, 3, 1, "gradients", "(fp32)")
    across(c, 3, 0, "sums over", "all ranks")
    y = Y[3] + H / 2
    c.arrow((X[0], y), (30, y), (30, Y[0] + H / 2), (X[0], Y[0] + H / 2))
    c.text(22, (Y[0] + Y[3] + H) / 2, "next step, with the updated policy", "body", "ink", "middle", turn=-90)
    c.paragraph(58, 640, "Every rollout carries its prompt's id; each stage asserts that it matches before using it.")
    return c
