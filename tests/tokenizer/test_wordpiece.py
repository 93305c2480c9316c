"""The WordPiece algorithm, step by step, and where every piece came from."""

import unicodedata

import pytest

from bertlab.tokenizer.wordpiece import (
    AddedToken,
    Chunk,
    WordPiece,
    clean,
    compose,
    cut_greedily,
    is_chinese,
    is_punctuation,
    longest_match,
    lowercase,
    space_chinese,
    split_on_punctuation,
    strip_accents,
    trace,
)

TOKENS = "[UNK] [MASK] un ##aff ##able , . cafe stra ##ße istanbul 中 国 i a ##b σ ##α ##σ don ' t x".split()
VOCABULARY = {token: number for number, token in enumerate(TOKENS)}


def spans(chunk: Chunk) -> list[tuple[str, tuple[int, int]]]:
    return list(zip(chunk.text, chunk.spans, strict=True))


def test_a_word_is_cut_at_the_longest_pieces():
    assert cut_greedily("unaffable", VOCABULARY) == ([2, 5, 9], None)


def test_the_search_says_where_no_piece_matches():
    assert cut_greedily("unaffx", VOCABULARY) == ([2, 5], 5)


def test_every_candidate_is_recorded_in_the_order_tried():
    word = longest_match(Chunk.of("aba"), {"[UNK]": 0, "a": 1, "##ba": 2, "##a": 3})
    assert [attempt.candidate for attempt in word.attempts] == ["aba", "ab", "a", "##ba"]
    assert [attempt.found for attempt in word.attempts] == [False, False, True, True]
    assert [(piece.token, piece.start, piece.end) for piece in word.pieces] == [("a", 0, 1), ("##ba", 1, 3)]


def test_an_unknown_word_names_the_place_where_the_search_stopped():
    word = longest_match(Chunk.of("a☃b"), VOCABULARY)
    assert [piece.token for piece in word.pieces] == ["[UNK]"]
    assert word.unknown_at == 1
    assert "'☃'" in word.unknown
    assert [attempt.candidate for attempt in word.attempts][-2:] == ["##☃b", "##☃"]


def test_a_word_of_more_than_100_characters_is_unknown():
    assert len(longest_match(Chunk.of("x" + "b" * 99), {"[UNK]": 0, "x": 1, "##b": 2}).pieces) == 100
    word = longest_match(Chunk.of("x" * 101), VOCABULARY)
    assert word.pieces[0].token == "[UNK]"
    assert word.unknown_at is None
    assert "101 characters" in word.unknown


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


def test_a_trace_shows_every_step_and_every_place():
    result = trace("Café 中国, İstanbul unaffable", VOCABULARY)
    names = ["text", "lowercase", "added tokens", "clean", "chinese", "compose", "split", "accents", "punctuation"]
    assert [step.name for step in result.steps] == [*names, "pieces"]
    assert result.tokens == ["cafe", "中", "国", ",", "istanbul", "un", "##aff", "##able"]
    originals = [result.text[piece.start : piece.end] for piece in result.pieces]
    assert originals == ["Café", "中", "国", ",", "İstanbul", "un", "aff", "able"]
    assert [piece.word for piece in result.pieces] == [0, 1, 2, 3, 4, 5, 5, 5]
    assert "istanbul | un | ##aff | ##able" in str(result)


def test_a_trace_explains_unknown_words():
    result = trace("a☃", VOCABULARY)
    assert result.words[0].unknown in str(result)


def test_added_tokens_are_cut_out_first():
    mask = AddedToken("[MASK]", special=True)
    wordpiece = WordPiece(VOCABULARY, added_tokens=[mask], special_tokens=["[MASK]"])
    assert wordpiece.trace("A [MASK].").tokens == ["a", "[MASK]", "."]
    assert wordpiece.locate("A [MASK].") == ([(0, 1), (2, 8), (8, 9)], [0, 1, 2])
    assert wordpiece.tokens("A [MASK].", split_special_tokens=True) != ["a", "[MASK]", "."]


def test_an_added_token_may_swallow_blanks_or_want_to_stand_alone():
    swallowing = WordPiece(VOCABULARY, added_tokens=[AddedToken("x", lstrip=True, rstrip=True)])
    assert swallowing.tokens("a  x  a") == ["a", "x", "a"]
    alone = WordPiece(VOCABULARY | {"new": 99}, added_tokens=[AddedToken("new", single_word=True)])
    assert alone.tokens("a new a") == ["a", "new", "a"]
    assert alone.tokens("anew a") == ["[UNK]", "a"]


def test_never_split_keeps_a_word_whole():
    assert WordPiece(VOCABULARY, never_split=["don't"]).tokens("don't a") == ["don't", "a"]
    assert WordPiece(VOCABULARY).tokens("don't a") == ["don", "'", "t", "a"]


TEXTS = [
    "A unaffable café, don't 中国",
    "İστΣΑ \ue000a\u2028b\x0bc \u0301a",
    "a.b,c [MASK]x X" + "x" * 101,
    "e\u0301\u0323 a\u200db 豈\ufae6a",
]
OPTIONS = [
    {},
    {"do_lower_case": False},
    {"do_basic_tokenize": False},
    {"never_split": ["a", "x"]},
    {"clean_text": False},
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_quick_way_and_the_trace_agree(text, options):
    wordpiece = WordPiece(VOCABULARY, **options)
    result = wordpiece.trace(text)
    assert wordpiece.tokens(text) == result.tokens
    places = [(piece.start, piece.end) for piece in result.pieces], [piece.word for piece in result.pieces]
    assert wordpiece.locate(text) == places


@pytest.mark.parametrize("text", ["a" * 200_000, "a" + "\u0301\u0323" * 50_000, "\u0301\u0323" * 50_000, "中" * 50_000])
def test_long_hostile_texts_take_time_in_proportion(text):
    tokens = WordPiece(VOCABULARY).tokens(text)  # quadratic time would make this test hang
    assert set(tokens) <= {"[UNK]", "中", "a"}
