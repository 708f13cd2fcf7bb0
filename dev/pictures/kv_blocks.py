"""Optional (pictures): kv_blocks.svg: KV blocks and their reference counts over time. The bookkeeping of
rl/generate.c is replayed here,
function by function, for one prompt with three rollouts in three slots; every number in the picture comes from it."""
from canvas import Canvas

BLOCK, SLOTS, WIDTH = 4, 3, 5  # tokens of a block, slots, blocks of a slot's table
PROMPT = 11                    # tokens of the prompt
RESPONSES = (2, 8, 5)          # tokens drawn for rollouts r0, r1, r2, the end-of-sequence token included
COLOURS = ("green", "orange", "violet")
SHOWN, PITCH = 6, 74           # blocks that the picture shows, height of a moment


class Generator:
    def __init__(self):
        self.total = SLOTS * WIDTH + 1
        self.free = list(range(self.total))[::-1]
        self.references = [0] * self.total
        self.tables, self.length = [[] for _ in range(SLOTS)], [None] * SLOTS  # None: the slot is free
        self.cells = [[] for _ in range(self.total)]  # who wrote each token of a block: "blue" is the prompt
        self.drawn = [0] * SLOTS

    def take_block(self):
        block = self.free.pop()
        self.references[block], self.cells[block] = 1, []
        return block

    def drop_block(self, block):
        self.references[block] -= 1
        if self.references[block] == 0:
            self.free.append(block)

    def open_prefix(self):
        n = PROMPT - 1
        self.prefix = [self.take_block() for _ in range(-(-n // BLOCK))]
        for t in range(n):
            self.cells[self.prefix[t // BLOCK]].append("blue")
        self.tables[0] = list(self.prefix)

    def start(self, s, last):
        self.tables[s], self.length[s] = list(self.prefix), PROMPT - 1
        for block in self.prefix[:(PROMPT - 1) // BLOCK]:
            self.references[block] += not last  # the last one to start takes over the reference of the prefix

    def copy_tails(self):
        for s in range(SLOTS - 1):
            source, self.tables[s][-1] = self.tables[s][-1], self.take_block()
            self.cells[self.tables[s][-1]] = list(self.cells[source])

    def decode(self, steps):
        for _ in range(steps):
            for s in range(SLOTS):
                if self.length[s] is None:
                    continue
                if self.length[s] == len(self.tables[s]) * BLOCK:
                    self.tables[s].append(self.take_block())
                self.cells[self.tables[s][-1]].append(COLOURS[s])
                self.length[s] += 1
                self.drawn[s] += 1

    def free_slot(self, s):
        assert self.drawn[s] == RESPONSES[s]
        for block in self.tables[s]:
            self.drop_block(block)
        self.tables[s], self.length[s] = [], None


def snapshot(c, g, y, title, lines):
    c.text(24, y + 14, title, "bold")
    for i, line in enumerate(lines):
        c.text(24, y + 33 + 17 * i, line, "body", "soft")
    for b in range(SHOWN):
        x, used = 306 + 72 * b, g.references[b] > 0
        c.rect(x, y, 62, 30, "grey" if used else "empty", radius=4, dash="" if used else "3 3")
        for t, colour in enumerate(g.cells[b] if used else []):
            c.rect(x + 4 + 13.5 * t, y + 5, 13.5, 20, colour, radius=1, width=1)
        if used:
            c.text(x + 31, y + 49, str(g.references[b]), "count", "blue" if g.references[b] > 1 else "ink", "middle")
        else:
            c.text(x + 31, y + 48, "free", "body", "soft", "middle")
    for s in range(SLOTS):
        c.text(762, y + 10 + 19 * s, f"r{s}", "mono", COLOURS[s])
        c.text(790, y + 10 + 19 * s, " ".join(map(str, g.tables[s])) or "-", "mono")


def moments(g):
    """Yields (title, lines) each time the picture shows the blocks."""
    g.open_prefix()
    yield "open_prefix", ["Blocks for all tokens of the prompt", "but the last"]
    for s in range(SLOTS):
        g.start(s, s == SLOTS - 1)
    yield "start, for r0, r1 and r2", ["r0 and r1 add a reference to each", "full block; r2 takes the prefix's own"]
    g.copy_tails()
    yield "prefill, then copy_tails", ["r0 and r1 get copies of the partly", "filled block; r2 keeps the original"]
    g.decode(2)
    yield "2 decoding steps", ["First the prompt's last token, which", "every rollout runs itself"]
    g.free_slot(0)
    yield "free_slot: r0 has ended", ["Shared blocks lose a reference;", "block 3 has none left"]
    g.decode(3)
    yield "3 more steps", ["Slots take blocks when theirs are full;", "block 3 is in use again"]
    g.free_slot(2)
    yield "free_slot: r2 has ended", ["Its blocks 2 and 5 are free; 0 and 1", "are r1's alone"]
    g.decode(3)
    g.free_slot(1)
    yield "3 more steps, then free_slot: r1", ["No reference is left: every block is", "on the free list"]
    assert len(g.free) == g.total


def draw():
    c = Canvas(900, 716, "KV blocks and reference counts",
               "One prompt is prefilled once; three rollouts share its full blocks, two get a copy of the partly "
               "filled one, and blocks return to the free list as the rollouts end")
    c.text(24, 36, "KV blocks of one prompt and its three rollouts", "title")
    x = 560
    for colour, words in (("blue", "prompt"), ("green", "r0"), ("orange", "r1"), ("violet", "r2, starts last")):
        c.rect(x, 23, 12, 14, colour, radius=2)
        c.text(x + 18, 35, words)
        x += 44 + 8 * len(words)
    c.text(292, 68, "block", "body", "soft", "end")
    for b in range(SHOWN):
        c.text(337 + 72 * b, 68, str(b), "mono", "soft", "middle")
    c.text(762, 68, "block tables", "body", "soft")
    g = Generator()
    for i, (title, lines) in enumerate(moments(g)):
        snapshot(c, g, 86 + i * PITCH, title, lines)
        if i > 0:
            c.line([(24, 86 + i * PITCH - 13), (876, 86 + i * PITCH - 13)], "soft", 0.4)
    c.paragraph(24, 700, f"""The number under a block is its reference count. A block has {BLOCK} tokens here and 16 or
                32 in the program.""")
    return c
