"""The steps before the search for pieces, and where every character came from."""

import unicodedata

import pytest

from bertlab.tokenizer.steps import (
    Chunk,
    clean,
    compose,
    is_chinese,
    is_punctuation,
    lowercase,
    space_chinese,
    split_on_punctuation,
    strip_accents,
)


def spans(chunk: Chunk) -> list[tuple[str, tuple[int, int]]]:
    return list(zip(chunk.text, chunk.spans, strict=True))


def test_lowercasing_goes_character_by_character_and_keeps_places():
    lowered = lowercase(Chunk.of("İΣ"))
    assert spans(lowered) == [("i", (0, 1)), ("\u0307", (0, 1)), ("σ", (1, 2))]


def test_cleaning_drops_control_characters_and_unifies_blanks():
    cleaned = clean(Chunk.of("a\x00b\tc\u200dd\ufffd\u3000e"))
    assert cleaned.text == "ab cd e"
    assert cleaned.spans == ((0, 1), (2, 3), (3, 4), (4, 5), (6, 7), (8, 9), (9, 10))


def test_spaces_around_chinese_characters_have_empty_spans():
    assert spans(space_chinese(Chunk.of("a中"))) == [
        ("a", (0, 1)),
        (" ", (1, 1)),
        ("中", (1, 2)),
        (" ", (2, 2)),
    ]


def test_composing_joins_the_places_of_what_it_joins():
    assert spans(compose(Chunk.of("xe\u0301"))) == [("x", (0, 1)), ("é", (1, 3))]


def test_stripping_accents_keeps_the_place_of_the_letter():
    assert spans(strip_accents(Chunk.of("éa"))) == [("e", (0, 1)), ("a", (1, 2))]


@pytest.mark.parametrize(
    "text",
    [
        "e\u0323\u0301\u0302",
        "\u1100\u1161\u11a8\u1100",
        "\u09c7\u09be\u09be",
        "a\u0301\u0323" * 40,
        "\u0301 \u0344\u0f73",
    ],
)
def test_composing_and_stripping_equal_unicode_normalization(text):
    assert compose(Chunk.of(text)).text == unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", text)
    expected = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    assert strip_accents(Chunk.of(text)).text == expected


def test_each_punctuation_mark_becomes_a_word():
    assert [part.text for part in split_on_punctuation(Chunk.of("a.b!?$c"))] == ["a", ".", "b", "!", "?", "$", "c"]


def test_kinds_of_characters():
    assert all(map(is_punctuation, "!$^`~。„"))
    assert not any(map(is_punctuation, "a1 é中"))
    assert is_chinese("中")
    assert not any(map(is_chinese, "한カか"))
