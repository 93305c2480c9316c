"""A small vocabulary, awkward texts and option sets for comparing tokenizers."""

from __future__ import annotations

import random

_LETTERS = "abcdefghijklmnopqrstuvwxyzαβγσςω0123456789éßəאעם한국語"
_WORDS = """the capital of france is paris un ##aff ##able ##ing ##ed ##s do ' t not n ##t new ##tok tok ##en
café naïve cafe naive istanbul straße hello world ΣΑΣ Hello Paris σασ 中 国 日 本 語 \u2028 ½ [unused1] .""".split(" ")


def vocabulary() -> list[str]:
    """Special tokens, letters as words and as pieces, punctuation, some words: enough for every branch."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(_LETTERS) + list(_LETTERS.upper()) + [f"##{letter}" for letter in _LETTERS + _LETTERS.upper()]
    tokens += list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…„“") + [word.strip() for word in _WORDS]
    return [token for token in dict.fromkeys(tokens) if token]


FIXED_TEXTS = [
    "",
    " ",
    "Hello, world!",
    "The capital of France is [MASK].",
    "Don't — un-affable, naïve café CAFÉ cafe\u0301 Straße",
    "İstanbul ΣΑΣ ὈΔΥΣΣΕΎΣ ẞ ǅ",
    "中国語 日本\u30b3 한국어 \u1100\u1161\u11a8 豈\ufae6 \U0002f800",
    "a\u0338 =\u0338 \u0301x \u09c7\u09be \u0f73 \u0344 e\u0323\u0301\u0302",
    "tab\tline\nfeed\rnbsp\xa0thin\u2009sep\u2028par\u2029zero\u200bbom\ufeffnul\x00repl\ufffdvt\x0bfs\x1cnel\x85",
    "[CLS] [SEP] [UNK] [PAD] [mask] [MASK][MASK] <ent> newtok NewTok",
    "x" * 100 + " " + "x" * 101,
    "🏳️‍🌈 𝔘𝔫𝔦 ﬁ ﷺ \U0001d165 \u302e unassigned\u0378",
    "price: $3.50 (50%) #1 a_b <b>bold</b> C:\\x {y} ~z",
]

_RANGES = [(0x20, 0x7F), (0, 0x600), (0x900, 0x1200), (0x1E00, 0x2100), (0x3000, 0x9FFF), (0xAC00, 0xD7A4),
           (0xF900, 0x10000), (0x10000, 0x12000), (0x1D000, 0x1F600), (0x20000, 0x2FA20)]  # fmt: skip


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Texts of known words, fixed awkward ones and random characters."""
    generator = random.Random(seed)
    words = [word.strip() for word in _WORDS] + [part for text in FIXED_TEXTS for part in text.split(" ")]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(generator.randint(0, 12)):
            if generator.random() < 0.6:
                parts.append(generator.choice(words))
            else:
                first, last = generator.choice(_RANGES)
                parts.append("".join(chr(generator.randrange(first, last)) for _ in range(generator.randint(1, 5))))
            parts.append(generator.choice([" ", " ", "", "\t", ".", "\u3000"]))
        texts.append("".join(character for character in "".join(parts) if not "\ud800" <= character < "\ue000"))
    return texts


def random_call(generator: random.Random, fast: bool) -> tuple[tuple, dict]:
    """Arguments and options of one call."""
    words = generator.random() < 0.25
    batched, paired = generator.random() < 0.6, generator.random() < 0.5
    plain = [text for text in FIXED_TEXTS if len(text) < 80]

    def one():
        if words:
            return generator.choices(["Hello", "naïve", "[MASK]", "wor ld", "", "unaffable", "中国"], k=3)
        return generator.choice(plain)

    count = generator.randint(1, 4)
    text = [one() for _ in range(count)] if batched else one()
    pair = ([one() for _ in range(count)] if batched else one()) if paired else None
    options = {
        "is_split_into_words": words,
        "add_special_tokens": generator.random() < 0.85,
        "padding": generator.choice([False, True, "longest", "max_length", "do_not_pad"]),
        "truncation": generator.choice([None, True, False, "longest_first", "only_first", "only_second"]),
        "max_length": generator.choice([None, 8, 12, 16, 24]),
        "stride": generator.choice([0, 0, 1, 2]),
        "pad_to_multiple_of": generator.choice([None, None, 4, 8]),
        "return_tensors": generator.choice([None, "pt", "np"]),
        "return_token_type_ids": generator.choice([None, True, False]),
        "return_attention_mask": generator.choice([None, True, False]),
        "return_overflowing_tokens": generator.random() < 0.25,
        "return_special_tokens_mask": generator.random() < 0.4,
        "return_length": generator.random() < 0.3,
        "return_offsets_mapping": fast and generator.random() < 0.4,
        "verbose": False,
    }
    if options["return_overflowing_tokens"] and options["return_tensors"] == "pt":
        options["return_tensors"] = None  # they drop overflowing tokens when the first row has none; we refuse
    return (text, pair), options
