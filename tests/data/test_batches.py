"""Labelled examples come in batches of similar length, all of them, epoch after epoch."""

import json
import random

import pytest

from bertlab.data import DataError, Task, length_sorted_batches, prepared_batches

from training_cases import reviews, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def test_batches_hold_everything_once_and_similar_lengths():
    lengths = [random.Random(n).randint(3, 90) for n in range(1000)]
    batches = length_sorted_batches(lengths, 16, generator=random.Random(0))
    assert sorted(number for batch in batches for number in batch) == list(range(1000))
    padded = sum(max(lengths[n] for n in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert batches != length_sorted_batches(lengths, 16, generator=random.Random(1))
    assert batches == length_sorted_batches(lengths, 16, generator=random.Random(0))


def test_large_sets_are_streamed_and_repeat_every_epoch(tokenizer, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({**row, "id": n}) + "\n" for n, row in enumerate(reviews(50))))
    task = Task("classification", ("bad", "good"))
    held, per_epoch = prepared_batches(path, task, tokenizer, 8)
    assert per_epoch == 7
    streamed, unknown = prepared_batches(path, task, tokenizer, 8, buffer=20)
    assert unknown is None
    for batches in (held, streamed):
        first = [next(batches) for _ in range(8 if batches is streamed else 7)]
        assert sum(map(len, first)) == 50
    with pytest.raises(TypeError, match="no iterator"):
        prepared_batches(iter(reviews(50)), task, tokenizer, 8, buffer=20)
    with pytest.raises(DataError, match="no column 'label'"):
        prepared_batches([{"text": "a"}], task, tokenizer, 8)
    with pytest.raises(DataError, match="empty"):
        prepared_batches([], task, tokenizer, 8)
