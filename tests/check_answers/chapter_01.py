"""01 Tokens: right answers, and the typical wrong ones with a word of the hint or message."""

from bertlab.check.chapter_01 import matched
from bertlab.check.verdict import shipped_lab


def shortest_match(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(start + 1, len(word) + 1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return ["[UNK]"]
        found.append(prefix + word[start : ends[0]])
        start = ends[0]
    return found if len(word) <= 100 else ["[UNK]"]


def without_limit(word, vocabulary):
    return matched(word, vocabulary) if len(word) <= 100 else ["x"] * len(word)


def partly_unknown(word, vocabulary):
    pieces = matched(word, vocabulary)
    return ["a", "[UNK]"] if pieces == ["[UNK]"] and word.startswith("a") else pieces


def cut(text, limit, count=-2):
    spans = shipped_lab().tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text[spans[: limit + count][-1][1] :]


RIGHT = {
    "01.1": lambda: matched,
    "01.2": lambda: "antidisestablishmentarianism",
    "01.3": lambda: ("Zoë", "zoe"),
    "01.4": lambda: lambda text, limit: cut(text, limit),
}

WRONG = [
    ("01.1", "the shortest piece", lambda: shortest_match, "longest"),
    ("01.1", "no ##", lambda: lambda w, v: [p.removeprefix("##") for p in matched(w, v)], "prefix"),
    ("01.1", "a part unknown", lambda: partly_unknown, "whole word"),
    ("01.1", "words of any length", lambda: without_limit, "100 characters"),
    ("01.1", "a string", lambda: lambda w, v: " ".join(matched(w, v)), "list of pieces"),
    ("01.1", "a function that raises", lambda: lambda w, v: v["no such piece"], "KeyError"),
    ("01.1", "a function without return", lambda: lambda w, v: None, "return"),
    ("01.1", "no function", lambda: ["un", "##aff"], "function"),
    ("01.2", "a whole word", lambda: "house", "five or more"),
    ("01.2", "an unknown word", lambda: "ꙮꙮꙮꙮꙮ", "unknown"),
    ("01.2", "two words", lambda: "two words", "one word"),
    ("01.2", "no string", lambda: 5, "one word"),
    ("01.3", "capitals only", lambda: ("Polish", "polish"), "capitals"),
    ("01.3", "different words", lambda: ("one", "two"), "tell them apart"),
    ("01.3", "unknown ones", lambda: ("☃", "𝔹"), "[UNK]"),
    ("01.3", "one text", lambda: "x", "two texts"),
    ("01.4", "special tokens forgotten", lambda: lambda text, limit: cut(text, limit, 0), "[CLS] and [SEP]"),
    ("01.4", "words", lambda: lambda text, limit: " ".join(text.split()[limit - 2 :]), "tokens, not words"),
    ("01.4", "nothing", lambda: lambda text, limit: "", "last token"),
]
