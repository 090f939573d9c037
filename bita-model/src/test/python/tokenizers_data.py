"""Trains small tokenizers of all kinds and writes them with what the reference libraries make of difficult texts.

python tokenizers_data.py ../resources/bita/model/tokenizer   (needs tokenizers, sentencepiece and protobuf)
"""
import io
import json
import random
import sys
from pathlib import Path

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

folder = Path(sys.argv[1])
SPECIAL = ["<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "<|eot_id|>"]
USER = ["<tab>", "\n\n", "   "]
TEXTS = [
    "", " ", "  ", "   ", "    ", " " * 21, "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n  x", " \n", "\n ", "a", " a", "a ",
    "  a", "a  b", "a   b", "a \n b", "\ta\tb", "Hello, world!", "the other the theatre", "It's we'll I'VE don'T 'sun",
    "1", "12", "123", "1234567890", "3.14159 -2e10 1,000,000", "x1y22z333", "½ ² ٣ ४ Ⅷ",
    "foo(bar[0]);\n    return x+=1; // done\n", "!!!???...", "a.b,c;d:e", "($5) `x` ~y~ <z> a|b^c", "naïve café",
    "e\u0301 a\u0308 \u212b \u2126 ﬁ", "日本語のテキスト", "汉字 한국어 ไทย", "مرحبا بالعالم", "नमस्ते", "Привет", "ÄÖÜ ß ẞ",
    "😀", "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪", "a😀b", "\U0001f9ff\U00010348", "\u200b\u200d\ufeff", "\u00a0x\u2003y\u3000z", "x\u0000y\u007f",
    "<s>", "</s>", "<unk>", "<0x41>", "<|im_start|>user\nhi<|im_end|>\n", "a<|eot_id|>b", "<|im_end", "< s >", " <s> x",
    "<tab>x <tab>", "a\n\nb", "▁", "▁the", "a▁b", "camelCaseWords HTTPServer ABCdef", "aaaaaaaaaaaaaaaaaaaaaaaaa",
    "th" * 200, "the " * 50, "\u0301", "Ⓐ🅰️", "\\n \"quoted\" 'x'", "http://example.org/a?b=c#d",
]


def corpus():
    random.seed(20240122)
    words = ("the a of and to in is it he was for on are as with his they at be this from have or by one had not but what all "
             "were when we there can an your which their said if do will each about how up out them then she many some so "
             "these would other into has more her two like him see time could no make than first been its who now people "
             "server theatre return value café naïve 日本語 中文 Привет مرحبا don't it's we'll 1234 2024 x1 3.14").split()
    lines = []
    for _ in range(3000):
        line = " ".join(random.choice(words) for _ in range(random.randint(3, 14)))
        lines.append(random.choice(["", "  ", "\t", "    "]) + random.choice([line, line.capitalize(), line.upper()])
                     + random.choice([".", "!", "\n", " \n", "()", "; ", "..."]))
    return lines


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
WORD, SUFFIX = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = f"{WORD}{UPPER}*{LOWER}+|{WORD}{UPPER}+{LOWER}*|" + r"\p{N}" + REST
GPT4O = f"{WORD}{UPPER}*{LOWER}+{SUFFIX}|{WORD}{UPPER}+{LOWER}*{SUFFIX}|" + r"\p{N}{1,3}" + REST


def byte_level(use_regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def regex(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(False)])


# The name in GGUF files, the normalizer, the pre-tokenizer, whether merges are ignored for whole words
BYTE_LEVEL = {
    "gpt-2": (None, byte_level(), False),
    "olmo": (normalizers.NFC(), byte_level(), False),
    "smollm": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()]), False),
    "falcon": (None, pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]), False),
    "llama-bpe": (None, regex(LLAMA3), True),
    "dbrx": (None, regex(LLAMA3), False),
    "qwen2": (normalizers.NFC(), regex(QWEN2), False),
    "tekken": (None, regex(TEKKEN), True),
    "gpt-4o": (None, regex(GPT4O), False),
}


def expected(tokenizer):
    rows = []
    for text in TEXTS:
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        rows.append({"ids": ids} if ids == plain else {"ids": ids, "plain": plain})
    tokenizer.encode_special_tokens = False
    return rows


def write(name, value):
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def train_byte_level():
    """One vocabulary for all: split by blanks only, so that each pre-tokenizer splits some of its tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "merged_with_next"), byte_level(False)])
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    results = {}
    for name, (normalizer, pre_tokenizer, ignore_merges) in BYTE_LEVEL.items():
        # A word that no merge makes: it is a token only where merges are ignored.
        vocabulary = dict(trained["vocab"])
        vocabulary["Ġtheatrex"] = len(vocabulary)
        vocabulary["Hello"] = len(vocabulary)
        merges = [tuple(m) for m in trained["merges"]]
        made = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=ignore_merges))
        if normalizer:
            made.normalizer = normalizer
        made.pre_tokenizer = pre_tokenizer
        made.decoder = decoders.ByteLevel()
        made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
        made.add_tokens([AddedToken(t, special=False, normalized=False) for t in USER])
        (folder / f"tokenizer-{name}.json").write_text(made.to_str(), encoding="utf-8")
        results[name] = expected(made)
    return results


def merges_of(pieces):
    """As transformers' converters: all splits, by score, then the lengths of the parts."""
    vocabulary = {p.piece: i for i, p in enumerate(pieces)}
    skipped = {p.piece for p in pieces if p.type != 1}
    merges = []
    for piece in pieces:
        if piece.piece in skipped:
            continue
        local = []
        for at in range(1, len(piece.piece)):
            left, right = piece.piece[:at], piece.piece[at:]
            if left in vocabulary and right in vocabulary and left not in skipped and right not in skipped:
                local.append((left, right, piece.score))
        merges += sorted(local, key=lambda m: (vocabulary[m[0]], vocabulary[m[1]]))
    return [(m[0], m[1]) for m in sorted(merges, key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)]


def train_sentencepiece(name, prefix):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="bpe", vocab_size=620, byte_fallback=True,
        character_coverage=0.998, normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=prefix, split_digits=True, allow_whitespace_only_pieces=True,
        control_symbols=["<|im_start|>", "<|im_end|>", "<|eot_id|>"], user_defined_symbols=["<tab>", "\n\n", "▁▁▁"],
        num_threads=1, minloglevel=2)
    (folder / f"{name}.model").write_bytes(model.getvalue())
    parsed = proto.ModelProto.FromString(model.getvalue())
    pieces = parsed.pieces
    made = Tokenizer(models.BPE(
        {p.piece: i for i, p in enumerate(pieces)}, merges_of(pieces), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    steps = [normalizers.Prepend("▁")] if prefix else []
    made.normalizer = normalizers.Sequence(steps + [normalizers.Replace(" ", "▁")])
    steps = [decoders.Strip(" ", 1, 0)] if prefix else []
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()] + steps)
    made.add_special_tokens([AddedToken(p.piece, special=True, normalized=False) for p in pieces if p.type in (2, 3)])
    made.add_tokens([
        AddedToken(p.piece.replace("▁", " "), special=False, normalized=False) for p in pieces if p.type == 4])
    # What the converter writes: user-defined blanks as they stand in text.
    text = json.loads(made.to_str())
    blanks = {p.piece: p.piece.replace("▁", " ") for p in pieces if p.type == 4 and "▁" in p.piece}
    text["model"]["vocab"] = {blanks.get(t, t): i for t, i in text["model"]["vocab"].items()}
    for token in text["added_tokens"]:
        token["id"] = text["model"]["vocab"][token["content"]]
    made = Tokenizer.from_str(json.dumps(text))
    (folder / f"tokenizer-{name}.json").write_text(made.to_str(), encoding="utf-8")
    write(f"{name}.json", {
        "tokens": [blanks.get(p.piece, p.piece) for p in pieces],
        "scores": [p.score for p in pieces], "types": [p.type for p in pieces]})
    processor = spm.SentencePieceProcessor(model_proto=model.getvalue())
    rows = expected(made)
    # SentencePiece itself has no control tokens in text, and no blank behind a token that it finds whole.
    differing = [t for t, r in zip(TEXTS, rows) if processor.encode(t) != r.get("plain", r["ids"])]
    print(name, "differs from SentencePiece in", differing)
    return rows


results = train_byte_level()
results["spm"] = train_sentencepiece("spm", True)
results["spm-bare"] = train_sentencepiece("spm-bare", False)
write("expected.json", {"texts": TEXTS, "tokenizers": results})
