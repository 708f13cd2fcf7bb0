"""Tokenizers and the ids that Hugging Face's `tokenizers` package gives: the fixtures of tests/model/test_tokenizer*.c.

    python dev/reference/make_tokenizers.py [tests/model/fixtures/tokenizers] [../shared]

Needs tokenizers. Four small byte-level BPE tokenizers are trained here, one for each way that real models cut text into
words (GPT-2, Llama 3, Qwen2/3, SmolLM2), and stored as FAMILY.json. Beside them:

    cases.json      texts and their ids under each family; the pieces and Unicode blocks that random texts are made of
    expected.txt    a line "TOKENIZER SOURCE texts ids hash" for each tokenizer and each source of many texts

A source is `random` (100,000 texts, the generator below; the test has the same one), `decode` (20,000 random sequences of
ids; the bytes of their text are hashed) or a file of the data folder (every string in it, in the file's order). Lines that
need the data folder (the real Qwen3 and GPT-2 tokenizers, and its files) are made only where it is there; the test skips
them in the same way. The hash is FNV-1a over whole numbers: the ids of a text, then their count.
"""
import json
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

MASK = (1 << 64) - 1
TAIL = r"[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
FILES = ["aime/train-1983-2023.json", "aime/aime24.jsonl", "aime/aime25.jsonl", "amc/amc23.jsonl", "deepmath/sample.jsonl",
         "gsm8k/train.jsonl", "gsm8k/test.jsonl", "math/train.json", "math/math500.jsonl", "mawps/test.jsonl",
         "minerva/test.jsonl", "olympiadbench/test.jsonl", "svamp/test.jsonl"]

# Inclusive. Long assigned everywhere, but for the last, which is not assigned at all.
BLOCKS = [(0x20, 0x7e), (0xa0, 0x17f), (0x300, 0x36f), (0x391, 0x3c9), (0x410, 0x44f), (0x5d0, 0x5ea), (0x621, 0x64a), (0x660, 0x669),
          (0x905, 0x939), (0x1100, 0x1112), (0x1161, 0x1175), (0x11a8, 0x11c2), (0x1e00, 0x1eff), (0x2000, 0x206f), (0x2150, 0x218b),
          (0x2200, 0x22ff), (0x3000, 0x303f), (0x3041, 0x3096), (0x4e00, 0x4e80), (0xac00, 0xac80), (0xf900, 0xf930), (0xfb1d, 0xfb1e),
          (0xff01, 0xff5e), (0x1d400, 0x1d4ff), (0x1f600, 0x1f64f), (0xe000, 0xe00f), (0x10fff0, 0x10ffff), (0x80, 0x9f)]
PIECES = ["the", " the", "The", "'s", "'S", "'ll", "'LL", "'re", "'ve", "'m", "'d", "'", "\u2019s", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n",
          "\r", " \n", "\u00a0", "\u2003", "\u3000", "\u0085", "\u180e", "\u200b", "0", "7", "12", "345", "6789", "1,234.50", "\u0663", "\u00b2", "\u2167",
          "x", "=", "+", "\\frac{1}{2}", "$", "\\boxed{", "}", "...", "!!", "?", "\"", "(", ")", "caf\u00e9", "cafe\u0301", "\u212b", "\u1100\u1161\u11a8", "\uac00",
          "\u65e5\u672c", "\u043f\u0440\u0438\u0432\u0435\u0442", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301\u0327", "\ufb01", "\u017f", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
          "<|im", "_start|>", "<think>", "</think>", "_", "__", "#", "####", "\u2028", "I", "i", "\u0130", "snowman\u2603", "\ufeff", "\ufffd", "antidisestablishmentarianism", "ha\u0323t", "h\u1ea1t"]
CASES = ["", " ", "a ha\u0323t h\u1ea1t hat", "a", "Hello, world!", "Hello  world", "  leading", "trailing  ", "tabs\tand\nlines\r\n\r\nmore", "I'm, you're, we'll, he'd, IT'S, don'T",
         "12345678901234567890", "3.14159 and 2,718", "1/2 = 0.5", "x^{2} + y_{1}", "\\frac{\\sqrt{3}}{2}", "#### 72", "caf\u00e9 cafe\u0301", "\u212b ngstr\u00f6m",
         "\u1112\u1161\u11ab\u1100\u1173\u11af \ud55c\uae00", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467", "a\u00a0b\u2003c\u3000d", "line\u2028separator\u0085next",
         "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|><|endoftext|>", "a<|im_start|", "<|im_start|><|im", "text <think>\n\n</think>", "_a __b", "\u0660\u0661\u0662\u0663\u0664", "\u00bd \u00b2 \u2167",
         "a  </think>\n\n b", "word's\u2019s \u017fong '\u017f", "\n\n\n", " \n \n ", "   x", "\t\t\tx", "a" * 200, "ab" * 100, "\u00e9" * 60, "!?" * 40, "if (x == 1) { return y[0]; } // done",
         "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."]
TRAIN = ("the quick brown fox jumps over the lazy dog and the other one runs through the river where they were there then that this is it's don't we'll "
         "The answer is 12 and 345; therefore x = 1 / 2 + 3. return if else for while <b>caf\u00e9 na\u00efve \u65e5\u672c\u8a9e \u65e5\u672c \u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 \U0001f600\U0001f600 \\frac{1}{2} \\boxed{42} #### 7\n\n  \n")


class Draws:
    def __init__(self, seed):
        self.state = (seed + 1) * 0x9e3779b97f4a7c15 & MASK

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 33) % n


def random_text(number):
    draws = Draws(number)
    length, out = draws.below(24), []
    for _ in range(length):
        if number % 4 == 0:  # a byte, as its character
            out.append(chr(draws.below(256)))
        elif number % 4 == 1:
            out.append(chr(33 + draws.below(94)) if draws.below(4) else " \n\t\r"[draws.below(4)])
        elif number % 4 == 2:
            low, high = BLOCKS[draws.below(len(BLOCKS))]
            out.append(chr(low + draws.below(high - low + 1)))
        else:
            out.append(PIECES[draws.below(len(PIECES))])
    return "".join(out)


def hash_of(lists):
    value = 0xcbf29ce484222325
    for numbers in lists:
        for number in numbers:
            value = (value ^ number) * 0x100000001b3 & MASK
        value = (value ^ len(numbers)) * 0x100000001b3 & MASK
    return value


def strings(node):
    if isinstance(node, str):
        yield node
    elif isinstance(node, (list, dict)):
        for item in node if isinstance(node, list) else node.values():
            yield from strings(item)


def texts_of(path):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file) if path.endswith(".json") else [json.loads(line) for line in file if line.strip()]
    return list(strings(rows))


def special(content, normalized=False):
    return AddedToken(content, single_word=False, lstrip=False, rstrip=False, normalized=normalized, special=True)


def plain(content, **how):
    return AddedToken(content, single_word=False, normalized=how.pop("normalized", False), special=False, **how)


def train(family):
    tokenizer = Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=family in ("gpt2", "smollm2"))
    first = {"llama3": lambda: pre_tokenizers.Split(Regex(CONTRACTIONS + TAIL % r"\p{N}{1,3}"), "isolated"),
             "qwen2": lambda: pre_tokenizers.Split(Regex(CONTRACTIONS + TAIL % r"\p{N}"), "isolated"),
             "smollm2": lambda: pre_tokenizers.Digits(individual_digits=True)}.get(family)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first(), level]) if first else level
    if family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([TRAIN] * 4, trainers.BpeTrainer(
        vocab_size=360, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"], show_progress=False))
    tokenizer.add_special_tokens([special("<|im_start|>"), special("<|im_end|>")])
    takes_spaces = family == "smollm2"
    tokenizer.add_tokens([plain("<think>"), plain("</think>", lstrip=takes_spaces, rstrip=takes_spaces)])
    if family == "qwen2":  # matched after the normalizer: its own form is composed
        tokenizer.add_tokens([plain("ha\u0323t", normalized=True)])
    if family == "llama3":
        tokenizer.post_processor = processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])
    return tokenizer


def store(tokenizer, family, path):
    tree = json.loads(tokenizer.to_str())
    if family == "llama3":  # no merges make it: only ignore_merges finds it
        tree["model"]["vocab"]["Hello"] = max(tree["model"]["vocab"].values()) + 1
        for token in tree["added_tokens"][1:]:
            token["id"] += 1
    if family == "smollm2":  # the older spelling of merges
        tree["model"]["merges"] = [" ".join(pair) for pair in tree["model"]["merges"]]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tree, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def gpt2(folder):
    tokenizer = Tokenizer(models.BPE.from_file(folder + "/encoder.json", folder + "/vocab.bpe"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([special("<|endoftext|>")])
    return tokenizer


def line(name, source, tokenizer, texts):
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return f"{name} {source} {len(texts)} {sum(map(len, ids))} {hash_of(ids):016x}\n"


def decode_line(name, tokenizer):
    size, total, texts = tokenizer.get_vocab_size(), 0, []
    for number in range(20000):
        draws = Draws(number)
        ids = [draws.below(size) for _ in range(1 + draws.below(12))]
        total += len(ids)
        texts.append(tokenizer.decode(ids, skip_special_tokens=False).encode())
    return f"{name} decode {len(texts)} {total} {hash_of(texts):016x}\n"


def main(out, shared):
    lines, families = [], {}
    for family in ("gpt2", "llama3", "qwen2", "smollm2"):
        path = f"{out}/{family}.json"
        store(train(family), family, path)
        families[family] = Tokenizer.from_file(path)
    random_texts = [random_text(number) for number in range(100000)]
    real = {}
    if os.path.isdir(shared + "/tokenizers"):
        real = {"Qwen3": Tokenizer.from_file(shared + "/tokenizers/qwen3/tokenizer.json"), "GPT-2": gpt2(shared + "/tokenizers/gpt2")}
    for name, tokenizer in {**families, **real}.items():
        lines += [line(name, "random", tokenizer, random_texts), decode_line(name, tokenizer)]
    for file in FILES if real else []:
        texts = texts_of(f"{shared}/data/{file}")
        lines += [line(name, file, tokenizer, texts) for name, tokenizer in {**families, **real}.items()]
    with open(out + "/expected.txt", "w") as file:
        file.writelines(lines)
    cases = {"blocks": BLOCKS, "pieces": PIECES, "cases": [
        {"text": text, **{name: t.encode(text, add_special_tokens=False).ids for name, t in families.items()}} for text in CASES]}
    with open(out + "/cases.json", "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")
    print("".join(lines), end="")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/model/fixtures/tokenizers", sys.argv[2] if len(sys.argv) > 2 else "../shared")
