"""Sequences and the same backwards."""

from collections import Counter

import pytest

from bertlab.nano.backwards import ReversalPair, reversal_pairs, reversal_vocabulary


def test_reversal_pairs_are_sequences_and_the_same_backwards():
    for pair in reversal_pairs(200, seed=4, min_length=2, max_length=5, letters=7):
        assert 2 <= len(pair.source) <= 5
        assert pair.target == tuple(reversed(pair.source))
        assert set(pair.source) <= set("abcdefg")
        assert pair.source_text.split() == pair.target_text.split()[::-1]


def test_reversal_pairs_differ_follow_from_the_seed_and_leave_out_excluded_ones():
    train = reversal_pairs(300, seed=1, max_length=6)
    test = reversal_pairs(300, seed=1, max_length=6, exclude=train)
    assert train == reversal_pairs(300, seed=1, max_length=6)
    assert len({pair.source for pair in train + test}) == 600


def test_reversal_pairs_have_all_lengths_and_letters():
    pairs = reversal_pairs(1000, seed=0)
    lengths = Counter(len(pair.source) for pair in pairs)
    assert set(lengths) == {4, 5, 6, 7, 8} and min(lengths.values()) > 140
    assert {letter for pair in pairs for letter in pair.source} == set(reversal_vocabulary()[5:])


@pytest.mark.parametrize("options", [{"n": -1}, {"min_length": 0}, {"min_length": 9}, {"letters": 27}, {"letters": 0}])
def test_impossible_requests_for_pairs_are_refused(options):
    with pytest.raises(ValueError, match="must be|min_length"):
        reversal_pairs(**{"n": 3, "seed": 0, **options})


def test_more_pairs_than_there_are_is_an_error_rather_than_an_endless_search():
    with pytest.raises(ValueError, match="more than half of the 12 sequences"):
        reversal_pairs(7, seed=0, min_length=2, max_length=3, letters=2)
    seen = [ReversalPair(("a", "b")), ReversalPair(("b", "b"))]
    assert len(reversal_pairs(4, seed=0, min_length=2, max_length=3, letters=2, exclude=seen)) == 4
