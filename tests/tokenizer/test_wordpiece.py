"""The whole algorithm: its trace, added tokens, and texts made to hurt."""

import pytest

from bertlab.tokenizer import AddedToken, WordPiece
from bertlab.tokenizer.wordpiece import trace

TOKENS = "[UNK] [MASK] un ##aff ##able , . cafe stra ##ße istanbul 中 国 i a ##b σ ##α ##σ don ' t x".split()

VOCABULARY = {token: number for number, token in enumerate(TOKENS)}


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
