"""The greedy search for pieces."""

from bertlab.tokenizer.pieces import cut_greedily, longest_match
from bertlab.tokenizer.steps import Chunk

TOKENS = "[UNK] [MASK] un ##aff ##able , . cafe stra ##ße istanbul 中 国 i a ##b σ ##α ##σ don ' t x".split()

VOCABULARY = {token: number for number, token in enumerate(TOKENS)}


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
