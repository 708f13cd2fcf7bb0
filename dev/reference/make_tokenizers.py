"""Optional (reference values): tokenizers and ids of Hugging Face's `tokenizers` package, for tests/model/tokenizer.

    python dev/reference/make_tokenizers.py [tests/model/fixtures/tokenizers] [../shared]

Needs tokenizers. Trains four small byte-level BPE tokenizers, one for each pre-tokenizer of real models (GPT-2, Llama
3, Qwen2/3, SmolLM2), and writes them as FAMILY.json. Beside them:

    cases.json      texts, whose ids under each family are renewed; the pieces and Unicode blocks of random texts (first
                    and last code point, long assigned everywhere but for the last block, which is unassigned)
    expected.txt    a line "TOKENIZER SOURCE texts ids hash" for each tokenizer and each source of many texts

A source is `random` (100,000 texts of the generator below, which the test has too), `decode` (20,000 random sequences
of ids; the bytes of their text are hashed) or a file of the data folder (every string in it, in the file's order).
Lines that need the data folder (the real Qwen3 and GPT-2 tokenizers, and its files) are left out if it is missing, and
the test skips them too. The hash is FNV-1a over whole numbers: the ids of a text, then their count.
"""
import json
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

MASK = (1 << 64) - 1
TAIL = r"[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
FILES = ["aime/train-1983-2023.json", "aime/aime24.jsonl", "aime/aime25.jsonl", "amc/amc23.jsonl",
         "deepmath/sample.jsonl", "gsm8k/train.jsonl", "gsm8k/test.jsonl", "math/train.json", "math/math500.jsonl",
         "mawps/test.jsonl", "minerva/test.jsonl", "olympiadbench/test.jsonl", "svamp/test.jsonl"]

TRAIN = ("the quick brown fox jumps over the lazy dog and the other one runs through the river where they were there "
         "then that this is it's don't we'll The answer is 12 and 345; therefore x = 1 / 2 + 3. return if else for "
         "while <b>caf\u00e9 na\u00efve \u65e5\u672c\u8a9e \u65e5\u672c \u043f\u0440\u0438\u0432\u0435\u0442 "
         "\u043c\u0438\u0440 \U0001f600\U0001f600 \\frac{1}{2} \\boxed{42} #### 7\n\n  \n")


class Draws:
    def __init__(self, seed):
        self.state = (seed + 1) * 0x9e3779b97f4a7c15 & MASK

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 33) % n


def random_text(number, blocks, pieces):
    draws = Draws(number)
    length, out = draws.below(24), []
    for _ in range(length):
        if number % 4 == 0:  # a byte, as its character
            out.append(chr(draws.below(256)))
        elif number % 4 == 1:
            out.append(chr(33 + draws.below(94)) if draws.below(4) else " \n\t\r"[draws.below(4)])
        elif number % 4 == 2:
            low, high = blocks[draws.below(len(blocks))]
            out.append(chr(low + draws.below(high - low + 1)))
        else:
            out.append(pieces[draws.below(len(pieces))])
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
        vocab_size=360, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"],
        show_progress=False))
    tokenizer.add_special_tokens([special("<|im_start|>"), special("<|im_end|>")])
    takes_spaces = family == "smollm2"
    tokenizer.add_tokens([plain("<think>"), plain("</think>", lstrip=takes_spaces, rstrip=takes_spaces)])
    if family == "qwen2":  # matched after the normalizer: its own form is composed
        tokenizer.add_tokens([plain("ha\u0323t", normalized=True)])
    if family == "llama3":
        tokenizer.post_processor = processors.TemplateProcessing(single="<|endoftext|> $A",
                                                                 special_tokens=[("<|endoftext|>", 0)])
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
    with open(out + "/cases.json") as file:
        cases = json.load(file)
    for family in ("gpt2", "llama3", "qwen2", "smollm2"):
        path = f"{out}/{family}.json"
        store(train(family), family, path)
        families[family] = Tokenizer.from_file(path)
    random_texts = [random_text(number, cases["blocks"], cases["pieces"]) for number in range(100000)]
    real = {}
    if os.path.isdir(shared + "/tokenizers"):
        real = {"Qwen3": Tokenizer.from_file(shared + "/tokenizers/qwen3/tokenizer.json"),
                "GPT-2": gpt2(shared + "/tokenizers/gpt2")}
    for name, tokenizer in {**families, **real}.items():
        lines += [line(name, "random", tokenizer, random_texts), decode_line(name, tokenizer)]
    for file in FILES if real else []:
        texts = texts_of(f"{shared}/data/{file}")
        lines += [line(name, file, tokenizer, texts) for name, tokenizer in {**families, **real}.items()]
    with open(out + "/expected.txt", "w") as file:
        file.writelines(lines)
    for case in cases["cases"]:
        case.update({name: t.encode(case["text"], add_special_tokens=False).ids for name, t in families.items()})
    with open(out + "/cases.json", "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")
    print("".join(lines), end="")


if __name__ == "__main__":
    main(*(sys.argv[1:] + ["tests/model/fixtures/tokenizers", "../shared"][len(sys.argv) - 1:]))
