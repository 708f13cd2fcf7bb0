"""Optional (pictures): micro_batch.svg: a packed micro-batch, as rl/update.c: pack_sequence lays it out."""
from canvas import Canvas

# prompt, response; \n is the end-of-sequence token of the procedural tasks
SEQUENCES = (("2+3=", "5\n"), ("2+3=", "06\n"), ("10-7=", "3\n"))
COLOURS = ("green", "orange", "violet")
LEFT, CELL = 142, 43


def cell(c, i, y, text, colour, ink="ink"):
    c.rect(LEFT + CELL * i + 2, y, CELL - 4, 28, colour, radius=4)
    c.text(LEFT + CELL * (i + 0.5), y + 19, text, "mono", ink, "middle")


def label(c, y, name, shape):
    c.text(24, y + 19, name, "bold")
    c.text(LEFT - 12, y + 19, shape, "mono", "soft", "end")


def draw():
    c = Canvas(900, 540, "A packed micro-batch",
               "Three sequences end to end: ids, positions, starts, the rows of hidden with a target, the targets")
    c.text(24, 36, "A packed micro-batch: N = 17 tokens of B = 3 sequences, M = 7 targets", "title")
    y_ids, y_pos, y_starts, y_hidden, y_rows, y_target, y_of = 92, 128, 164, 242, 300, 370, 406
    for y, name, shape in ((y_ids, "ids", "(N)"), (y_pos, "pos", "(N)"), (y_starts, "starts", "(B + 1)"),
                           (y_hidden, "hidden", "(N, C)"), (y_rows, "rows", "(M)"), (y_target, "target", "(M)")):
        label(c, y, name, shape)
    n = m = 0
    for (prompt, response), colour in zip(SEQUENCES, COLOURS):
        fed = prompt + response[:-1]  # the last response token is a target only
        words = f"{len(prompt)} + {len(response)} − 1 = {len(fed)} tokens"
        c.text(LEFT + CELL * n + 4, y_ids - 12, words, "body", colour)
        for t, token in enumerate(fed):
            cell(c, n + t, y_ids, token, "grey" if t < len(prompt) else colour)
            cell(c, n + t, y_pos, str(t), "empty")
            target = t - (len(prompt) - 1)  # row t predicts token t + 1
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
        n += len(fed)
    c.line([(LEFT + CELL * n, y_ids - 4), (LEFT + CELL * n, y_starts - 4)], "soft", 1.2)
    c.text(LEFT + CELL * n, y_starts + 14, str(n), "mono", "ink", "middle")
    c.arrow((LEFT + CELL * 1.5, y_pos + 44), (LEFT + CELL * 1.5, y_hidden - 8))
    c.text(LEFT + CELL * 1.5 + 12, y_hidden - 34, "gpt_forward: a token attends to its own sequence, up to itself")
    c.text(24, y_of + 10, "m", "bold")
    c.paragraph(24, 458, """Row t of hidden predicts token t + 1: the row of the prompt's last token predicts the first
                response token. The last token of a response is a target only, so a sequence has prompt + response − 1
                tokens among the ids.""", "ink")
    c.paragraph(24, 500, """Each target m also has its advantage, its weight in the loss, and (log π, H, E) as sampled.
                The head makes logits of these M rows alone, a chunk at a time. A prompt is repeated in front of each of
                its responses.""")
    return c
