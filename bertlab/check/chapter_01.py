"""01 Tokenize: the greedy matcher, a word of many pieces, what an uncased model cannot tell apart, truncation."""

from __future__ import annotations

import functools
import random
from typing import Any

from bertlab.check.verdict import Differs, Todo, call, exercise, shipped_lab
from bertlab.nano import written_texts
from bertlab.tokenizer import Chunk, longest_match


@functools.cache
def matcher_words() -> tuple[str, ...]:
    """1,000 words: those of the sample texts, letters at random, and the awkward ones."""
    words = {word for text in written_texts() for word in text.lower().split() if word.isalpha()}
    generator = random.Random(0)
    chosen = generator.sample(sorted(words), 790)
    chosen += ["".join(generator.choices("etaoinshrdlu", k=generator.randint(2, 14))) for _ in range(200)]
    awkward = ["a", "unaffable", "antidisestablishmentarianism", "a☃", "☃a", "☃", "x" * 100, "x" * 101, "naïve", "東京"]
    return (*chosen, *awkward)


def matched(word: str, vocabulary: dict[str, int]) -> list[str]:
    """The pieces of one word, as the library finds them."""
    return [piece.token for piece in longest_match(Chunk.of(word), vocabulary).pieces]


@exercise("01.1")
def matcher(answer: Any) -> str:
    """Asked for: `pieces(word, vocabulary)` -> list of pieces, by greedy longest match."""
    vocabulary = shipped_lab().tokenizer.get_vocab()
    words = matcher_words()
    for word in words:
        expected = matched(word, vocabulary)
        pieces = call(answer, word, vocabulary, shown=repr(word[:40]))
        if isinstance(pieces, str) or not hasattr(pieces, "__iter__"):
            raise Differs(f"for {word!r} the answer is {pieces!r}; a list of pieces was expected.")
        if list(pieces) != expected:
            shown = word if len(word) <= 40 else f"{word[:10]}… ({len(word)} characters)"
            raise Differs(
                f"{shown!r} gives {list(pieces)[:8]}, but the library says {expected[:8]}.",
                _matcher_hint(word, list(pieces), expected),
            )
    return f"equal to the library on {len(words):,} words."


def _matcher_hint(word: str, pieces: list, expected: list[str]) -> str:
    if len(word) > 100:
        return "A word of more than 100 characters is not searched at all: it is [UNK]."
    if expected == ["[UNK]"]:
        return "If any place of the word matches no piece, the whole word becomes one [UNK], not only that place."
    if [str(piece).removeprefix("##") for piece in pieces] == [piece.removeprefix("##") for piece in expected]:
        return "Pieces that do not begin the word carry the prefix ##, in the list as in the vocabulary."
    if not pieces:
        return "Nothing was found: does your search begin with the whole rest of the word and then shorten it?"
    if len(str(pieces[0])) < len(expected[0]):
        return "The longest piece wins: try the whole rest of the word first, then shorten it from the right."
    return "After the first piece, look up '##' + the rest: a piece inside a word is another entry of the vocabulary."


@exercise("01.2")
def many_pieces(answer: Any) -> str:
    """Asked for: one word of five or more pieces, none of them [UNK]."""
    if not isinstance(answer, str):
        raise Differs(f"one word was expected, but the answer is of type {type(answer).__name__}.")
    tokenizer = shipped_lab().tokenizer
    if not answer.isalpha():
        raise Differs(f"{answer!r} is not one word of letters only.", "Punctuation and spaces would make it easy.")
    pieces = tokenizer.tokenize(answer)
    if tokenizer.unk_token in pieces:
        raise Differs(f"{answer!r} is unknown: {pieces}.", "One [UNK] is one token; take letters BERT knows.")
    if len(pieces) < 5:
        raise Differs(
            f"{answer!r} is {len(pieces)} pieces: {' '.join(pieces)}; five or more were asked for.",
            "Frequent words are whole. Try technical, very long, or dialect words.",
        )
    return f"{answer} is {len(pieces)} pieces: {' '.join(pieces)}."


@exercise("01.3")
def twins(answer: Any) -> str:
    """Asked for: two texts, different in more than capitals and spaces, that give the same ids."""
    try:
        first, second = answer
    except (TypeError, ValueError):
        raise Differs("two texts were expected: (first, second).") from None
    if not isinstance(first, str) or not isinstance(second, str):
        raise Differs("both have to be strings.")
    tokenizer = shipped_lab().tokenizer
    ids = [tokenizer(text)["input_ids"] for text in (first, second)]
    if ids[0] != ids[1]:
        tokens = [" ".join(tokenizer.tokenize(text)) for text in (first, second)]
        raise Differs(
            f"BERT can tell them apart: {tokens[0]!r} and {tokens[1]!r}.",
            "What does the tokenizer throw away beside capitals? Step through it in the panel.",
        )
    if tokenizer.unk_token_id in ids[0]:
        raise Differs("they are the same only because both hold [UNK].", "Find two whose pieces are all known.")
    if "".join(first.lower().split()) == "".join(second.lower().split()):
        raise Differs("they differ in capitals or spaces only.", "Lowercasing is not the only thing that is done.")
    return f"both are {' '.join(tokenizer.tokenize(first))!r} to BERT."


LEFT_OUT = (
    ("The committee thanked the unflappable stenographer, but it rejected her proposal.", 12),
    ("The committee thanked the unflappable stenographer, but it rejected her proposal.", 7),
    ("A short text.", 20),
    ("Naïve tokenizers, they said, would be unaffordable.", 9),
)


@exercise("01.4")
def left_out(answer: Any) -> str:
    """Asked for: `left_out(text, limit)` -> the end of the text that a limit of so many tokens cuts off."""
    tokenizer = shipped_lab().tokenizer
    for text, limit in LEFT_OUT:
        spans = tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True)["offset_mapping"]
        end = max(stop for _, stop in spans)
        expected = text[end:] if len(tokenizer(text)["input_ids"]) > limit else ""
        given = call(answer, text, limit, shown=f"{text[:30]!r}…, {limit}")
        if given is ...:
            raise Todo
        if not isinstance(given, str) or given.strip() != expected.strip():
            raise Differs(
                f"for {text[:30]!r}… and {limit} tokens the answer is {given!r}, left out is {expected!r}.",
                _left_out_hint(text, limit, given, tokenizer),
            )
    return f"the library's cut in {len(LEFT_OUT)} texts."


def _left_out_hint(text: str, limit: int, given: Any, tokenizer: Any) -> str:
    if not isinstance(given, str):
        return "Return the part of the text that is left out, a string; an empty one where all of it fits."
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if given.strip() == text[spans[:limit][-1][1] :].strip():
        return "[CLS] and [SEP] count too: two of the places are theirs."
    words = [" ".join(text.split()[count:]) for count in (limit - 2, limit)]
    if given.strip() and given.strip() in words:
        return "The limit counts tokens, not words."
    if "#" in given:
        return "Ask for return_offsets_mapping=True and cut the text itself; tokens cannot be joined back exactly."
    return "Where does the last token that is kept end in the text? [SEP] has the empty span (0, 0)."
