"""01 Tokenize: the greedy matcher, a word of many pieces, what an uncased model cannot tell apart, truncation."""

from __future__ import annotations

import functools
import random
from typing import Any

from bertlab.check.verdict import Differs, Todo, call, exercise, shipped_lab
from bertlab.language import say
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
            raise Differs(
                say("for {word!r} the answer is {pieces!r}; a list of pieces was expected.", word=word, pieces=pieces)
            )
        if list(pieces) != expected:
            shown = (
                word
                if len(word) <= 40
                else say("{beginning}… ({length} characters)", beginning=word[:10], length=len(word))
            )
            raise Differs(
                say(
                    "{shown!r} gives {pieces}, but the library says {expected}.",
                    shown=shown,
                    pieces=list(pieces)[:8],
                    expected=expected[:8],
                ),
                _matcher_hint(word, list(pieces), expected),
            )
    return say("equal to the library on {count:,} words.", count=len(words))


def _matcher_hint(word: str, pieces: list, expected: list[str]) -> str:
    if len(word) > 100:
        return say("A word of more than 100 characters is not searched at all: it is [UNK].")
    if expected == ["[UNK]"]:
        return say("If any place of the word matches no piece, the whole word becomes one [UNK], not only that place.")
    if [str(piece).removeprefix("##") for piece in pieces] == [piece.removeprefix("##") for piece in expected]:
        return say("Pieces that do not begin the word carry the prefix ##, in the list as in the vocabulary.")
    if not pieces:
        return say("Nothing was found: does your search begin with the whole rest of the word and then shorten it?")
    if len(str(pieces[0])) < len(expected[0]):
        return say("The longest piece wins: try the whole rest of the word first, then shorten it from the right.")
    return say(
        "After the first piece, look up '##' + the rest: a piece inside a word is another entry of the vocabulary."
    )


@exercise("01.2")
def many_pieces(answer: Any) -> str:
    """Asked for: one word of five or more pieces, none of them [UNK]."""
    if not isinstance(answer, str):
        raise Differs(say("one word was expected, but the answer is of type {kind}.", kind=type(answer).__name__))
    tokenizer = shipped_lab().tokenizer
    if not answer.isalpha():
        raise Differs(
            say("{answer!r} is not one word of letters only.", answer=answer),
            say("Punctuation and spaces would make it easy."),
        )
    pieces = tokenizer.tokenize(answer)
    if tokenizer.unk_token in pieces:
        raise Differs(
            say("{answer!r} is unknown: {pieces}.", answer=answer, pieces=pieces),
            say("One [UNK] is one token; take letters BERT knows."),
        )
    if len(pieces) < 5:
        raise Differs(
            say(
                "{answer!r} is {count} pieces: {pieces}; five or more were asked for.",
                answer=answer,
                count=len(pieces),
                pieces=" ".join(pieces),
            ),
            say("Frequent words are whole. Try technical, very long, or dialect words."),
        )
    return say("{answer} is {count} pieces: {pieces}.", answer=answer, count=len(pieces), pieces=" ".join(pieces))


@exercise("01.3")
def twins(answer: Any) -> str:
    """Asked for: two texts, different in more than capitals and spaces, that give the same ids."""
    try:
        first, second = answer
    except (TypeError, ValueError):
        raise Differs(say("two texts were expected: (first, second).")) from None
    if not isinstance(first, str) or not isinstance(second, str):
        raise Differs(say("both have to be strings."))
    tokenizer = shipped_lab().tokenizer
    ids = [tokenizer(text)["input_ids"] for text in (first, second)]
    if ids[0] != ids[1]:
        tokens = [" ".join(tokenizer.tokenize(text)) for text in (first, second)]
        raise Differs(
            say("BERT can tell them apart: {first!r} and {second!r}.", first=tokens[0], second=tokens[1]),
            say("What does the tokenizer throw away beside capitals? Step through it in the panel."),
        )
    if tokenizer.unk_token_id in ids[0]:
        raise Differs(
            say("they are the same only because both hold [UNK]."), say("Find two whose pieces are all known.")
        )
    if "".join(first.lower().split()) == "".join(second.lower().split()):
        raise Differs(
            say("they differ in capitals or spaces only."), say("Lowercasing is not the only thing that is done.")
        )
    return say("both are {tokens!r} to BERT.", tokens=" ".join(tokenizer.tokenize(first)))


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
                say(
                    "for {beginning!r}… and {limit} tokens the answer is {given!r}, left out is {expected!r}.",
                    beginning=text[:30],
                    limit=limit,
                    given=given,
                    expected=expected,
                ),
                _left_out_hint(text, limit, given, tokenizer),
            )
    return say("the library's cut in {count} texts.", count=len(LEFT_OUT))


def _left_out_hint(text: str, limit: int, given: Any, tokenizer: Any) -> str:
    if not isinstance(given, str):
        return say("Return the part of the text that is left out, a string; an empty one where all of it fits.")
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if given.strip() == text[spans[:limit][-1][1] :].strip():
        return say("[CLS] and [SEP] count too: two of the places are theirs.")
    words = [" ".join(text.split()[count:]) for count in (limit - 2, limit)]
    if given.strip() and given.strip() in words:
        return say("The limit counts tokens, not words.")
    if "#" in given:
        return say("Ask for return_offsets_mapping=True and cut the text itself; tokens cannot be joined back exactly.")
    return say("Where does the last token that is kept end in the text? [SEP] has the empty span (0, 0).")
