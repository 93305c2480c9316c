"""A little real text, and what its single words explain."""

import math

import pytest
import torch

from bertlab.nano.texts import unigram_entropy, written_texts
from bertlab.samples import samples


def test_written_texts_are_our_passages_and_sentences_each_once():
    train, dev = written_texts("train"), written_texts("dev")
    assert len(set(train)) == len(train)
    assert not set(train) & set(dev)
    assert set(written_texts()) == set(train) | set(dev)
    assert samples("questions")[0]["context"] == train[0]
    assert 17_000 < sum(len(text.split()) for text in written_texts()) < 18_000


def test_unigram_entropy_is_that_of_known_distributions():
    assert unigram_entropy([7, 7, 7]) == 0
    assert unigram_entropy(range(8)) == pytest.approx(math.log(8))
    assert unigram_entropy([1, 1, 2, 3]) == pytest.approx(1.5 * math.log(2))
    assert unigram_entropy("to be or not to be".split()) == pytest.approx(
        -(2 * (1 / 3) * math.log(1 / 3) + 2 * (1 / 6) * math.log(1 / 6))
    )


def test_unigram_entropy_reads_tensors_nested_lists_and_lists_of_tensors_alike():
    rows = [[5, 5, 2], [2, 9, 5]]
    expected = unigram_entropy([5, 5, 2, 2, 9, 5])
    assert unigram_entropy(rows) == expected
    assert unigram_entropy(torch.tensor(rows)) == expected
    assert unigram_entropy([torch.tensor(row) for row in rows]) == expected
    assert unigram_entropy(list(torch.tensor(rows).flatten())) == expected


def test_unigram_entropy_leaves_out_ignored_ids():
    assert unigram_entropy([0, 0, 0, 4, 5], ignore=[0]) == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match="no ids to count"):
        unigram_entropy([0, 0], ignore=[0])


def test_no_unigram_model_beats_the_unigram_entropy():
    ids = torch.tensor([1, 1, 2, 3, 3, 3])
    for logits in torch.randn(50, 4, generator=torch.Generator().manual_seed(0)):
        loss = torch.nn.functional.cross_entropy(logits.expand(6, 4), ids).item()
        assert loss >= unigram_entropy(ids)
