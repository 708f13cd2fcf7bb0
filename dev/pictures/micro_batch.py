"""Optional (pictures): micro_batch.svg: a packed micro-batch, as rl/update.c: pack lays it out."""
from canvas import Canvas

# prompt, its responses; \n is the end-of-sequence token of the procedural tasks
PROMPTS = (("2+3=", ("5\n", "06\n")), ("10-7=", ("3\n",)))
COLOURS = ("green", "orange", "violet")
LEFT, CELL = 142, 45


def packed():
    """The sequences in order: tokens, position of the first, sequence that it continues, targets, colour."""
    colours, sequences = iter(COLOURS), []
    for prompt, responses in PROMPTS:
        shared = len(prompt) - 1 if len(responses) > 1 else 0
        first = len(sequences)
        if shared:
            sequences.append((prompt[:shared], 0, -1, "", "grey"))
        for response in responses:  # the last response token is a target only
            tokens = prompt[shared:] + response[:-1]
            sequences.append((tokens, shared, first if shared else -1, response, next(colours)))
    return sequences


def cell(c, i, y, text, colour, ink="ink"):
    c.rect(LEFT + CELL * i + 2, y, CELL - 4, 28, colour, radius=4)
    c.text(LEFT + CELL * (i + 0.5), y + 19, text, "mono", ink, "middle")


def label(c, y, name, shape):
    c.text(24, y + 19, name, "bold")
    c.text(LEFT - 12, y + 19, shape, "mono", "soft", "end")


def draw():
    c = Canvas(900, 596, "A packed micro-batch",
               "A prompt and its two responses, and a sequence by itself, end to end: ids, positions, starts, prefix, "
               "the rows of hidden with a target, the targets")
    c.text(24, 36, "A packed micro-batch: N = 14 tokens of B = 4 sequences, M = 7 targets", "title")
    y_ids, y_pos, y_starts, y_prefix, y_hidden, y_rows, y_target, y_of = 92, 128, 164, 196, 276, 334, 404, 440
    for y, name, shape in ((y_ids, "ids", "(N)"), (y_pos, "pos", "(N)"), (y_starts, "starts", "(B + 1)"),
                           (y_prefix, "prefix", "(B)"), (y_hidden, "hidden", "(N, C)"), (y_rows, "rows", "(M)"),
                           (y_target, "target", "(M)")):
        label(c, y, name, shape)
    n = m = 0
    for b, (tokens, position, prefix, response, colour) in enumerate(packed()):
        words = f"after {prefix}" if prefix >= 0 else "by itself" if response else "shared prompt"
        c.text(LEFT + CELL * n + 4, y_ids - 12, f"{b}: {words}", "body", "soft" if colour == "grey" else colour)
        asked = len(tokens) - len(response)  # the token whose row predicts the first response token
        for t, token in enumerate(tokens):
            cell(c, n + t, y_ids, token, "grey" if t <= asked or not response else colour)
            cell(c, n + t, y_pos, str(position + t), "empty")
            target = t - asked if response else -1  # the row of token t predicts token t + 1
            cell(c, n + t, y_hidden, "", "blue" if target >= 0 else "empty")
            if target < 0:
                continue
            x = LEFT + CELL * (n + t + 0.5)
            c.line([(x, y_hidden + 28), (x, y_rows)])
            c.arrow((x, y_rows + 28), (x, y_target))
            cell(c, n + t, y_rows, str(n + t), "blue")
            cell(c, n + t, y_target, response[target].replace("\n", "\\n"), colour)
            c.text(x, y_of + 10, str(m), "mono", "soft", "middle")
            m += 1
        c.line([(LEFT + CELL * n, y_ids - 4), (LEFT + CELL * n, y_starts - 4)], "soft", 1.2)
        c.text(LEFT + CELL * n, y_starts + 14, str(n), "mono", "ink", "middle")
        middle = LEFT + CELL * (n + len(tokens) / 2)
        c.text(middle, y_prefix + 18, str(prefix).replace("-", "−"), "mono", "ink", "middle")
        n += len(tokens)
    c.line([(LEFT + CELL * n, y_ids - 4), (LEFT + CELL * n, y_starts - 4)], "soft", 1.2)
    c.text(LEFT + CELL * n, y_starts + 14, str(n), "mono", "ink", "middle")
    c.arrow((LEFT + CELL * 0.5, y_prefix + 32), (LEFT + CELL * 0.5, y_hidden - 8))
    c.text(LEFT + CELL * 0.5 + 12, y_hidden - 24,
           "gpt_forward: a token attends to its own sequence, up to itself, and to the prompt that it continues")
    c.text(24, y_of + 10, "m", "bold")
    c.paragraph(24, 492, """The row of a token predicts the next one: the row of the prompt's last token predicts the
                first response token. So every response begins with that token, and what is shared is the prompt without
                it. The last token of a response is a target only and is not among the ids.""", "ink")
    c.paragraph(24, 554, """Each target m also has its advantage, its weight in the loss, and (log π, H, E) as sampled.
                The head makes logits of these M rows alone, a chunk at a time.""")
    return c
