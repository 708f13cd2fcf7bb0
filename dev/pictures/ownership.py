"""Optional (pictures): ownership.svg: what a Trainer owns on the device and on the host, and which part writes what;
rl/trainer.h."""
from canvas import Canvas

W, H = 242, 118
X, Y = (40, 329, 618), (84, 254, 424)

BOXES = [  # column, row, colour, title, arena or place, lines
    (0, 0, "blue", "Generator", "arena: generation",
     ("KV blocks, block tables", "activations of one layer", "logits of the slots")),
    (1, 0, "orange", "Gpt", "arena: weights", ("params, one flat buffer", "cos_sin, the rope table")),
    (2, 0, "orange", "Updater", "arena: training",
     ("activations of every layer", "the packed micro-batch", "logits, a chunk of rows")),
    (0, 1, "green", "RolloutBatch", "host",
     ("tokens (rollouts, max_new)", "log π, H, E of each token", "reward, verdict, advantage")),
    (1, 1, "orange", "Optimizer", "arena: gradients, optimizer",
     ("m, v; in bf16 a master copy", "own shards only with ZeRO-1")),
    (2, 1, "orange", "Gradients", "arena: gradients, optimizer", ("flat, fp32, as params", "head apart where tied")),
    (0, 2, "violet", "StepArrays", "arena: step",
     ("k_{i}, G_{i}, n_{i} of each prompt", "reward and A of each rollout")),
    (1, 2, "green", "History", "host, in the checkpoint", ("k_{i}, G_{i}, mean length", "of every training prompt")),
    (2, 2, "grey", "Prompts, grader", "host", ("problems and token ids", "compiled gold answers")),
]


def draw():
    c = Canvas(900, 614, "What a Trainer owns",
               "Generator, Gpt, Updater, RolloutBatch, Optimizer, Gradients, StepArrays, History and data, with the "
               "arena of each and who reads and writes what")
    c.text(24, 36, "What a Trainer owns", "title")
    c.paragraph(24, 62, """An arena is one allocation on the device, planned before it is taken: a step allocates no
                device memory.""")
    for column, row, colour, title, place, lines in BOXES:
        x, y = X[column], Y[row]
        c.rect(x, y, W, H, colour)
        c.text(x + 14, y + 24, title, "head")
        c.text(x + 14, y + 44, place, "mono", "soft")
        for i, line in enumerate(lines):
            c.text(x + 14, y + 68 + 19 * i, line)
    for x1, x2, y in ((X[0] + W, X[1], Y[0] + 40), (X[2], X[1] + W, Y[0] + 40), (X[1] + W, X[2], Y[1] + 40),
                      (X[0] + W, X[1], Y[2] + 40)):
        c.arrow((x1, y), (x2, y))
        c.text((x1 + x2) / 2, y - 8, "reads", "body", "soft", "middle")
    for x, y1, y2, words in ((X[0] + 60, Y[0] + H, Y[1], "writes tokens, log π, H, E"),
                             (X[2] + 60, Y[0] + H, Y[1], "adds gradients"),
                             (X[1] + 60, Y[1], Y[0] + H, "writes params"),
                             (X[0] + 60, Y[1] + H, Y[2], "rewards go down, A comes up")):
        c.arrow((x, y1), (x, y2))
        if "comes up" in words:
            c.arrow((x, y2), (x, y1))
        c.text(x + 12, (y1 + y2) / 2 + 5, words, "body", "soft")
    c.paragraph(24, 576, """Generator and Updater hold a const Gpt and run the same gpt_forward. Within a step only
                Optimizer writes params. The sequences that Updater packs point into the RolloutBatch and the
                prompts.""")
    return c
