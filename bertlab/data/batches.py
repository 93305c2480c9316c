"""In which order examples are learnt: batches of similar length, epoch after epoch, from memory or from a stream."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bertlab.rows import DataError, Row, chunks, read
from bertlab.tasks import Feature, Task, answered, encode, length, parts


def length_sorted_batches(
    lengths: Sequence[int], batch_size: int, *, generator: random.Random | None = None, window: int = 50
) -> list[list[int]]:
    """Batches of numbers whose examples are of similar length, so that little is padded.

    With a generator the examples are shuffled, sorted by length within windows of `window` batches, and the
    batches shuffled again; without one, all are sorted, longest first (for evaluation). Each number comes
    exactly once; the last batch of a window may be smaller.

    Raises:
        ValueError: batch_size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but a batch holds at least 1 example")
    numbers = list(range(len(lengths)))
    if generator is None:
        numbers.sort(key=lambda number: -lengths[number])
        return [numbers[start : start + batch_size] for start in range(0, len(numbers), batch_size)]
    generator.shuffle(numbers)
    batches = []
    for start in range(0, len(numbers), batch_size * window):
        part = sorted(numbers[start : start + batch_size * window], key=lambda number: -lengths[number])
        batches += [part[at : at + batch_size] for at in range(0, len(part), batch_size)]
    generator.shuffle(batches)
    return batches


def prepared_batches(
    source: Any,
    task: Task,
    tokenizer: Any,
    batch_size: int,
    *,
    seed: int = 0,
    columns: Mapping[str, Any] | None = None,
    buffer: int = 50_000,
) -> tuple[Iterator[list[Feature]], int | None]:
    """Endless batches of features, and the number of batches in an epoch; every epoch has another order.

    Sets of fewer than `buffer` rows are held in memory. Larger ones are streamed: `buffer` rows at a time are
    read, encoded, shuffled and used up, so a file may be larger than memory; their epochs have no known length
    (None).

    Raises:
        DataError: as `read` and `encode`; also if there are no rows, or rows without labels.
    """
    rows = read(source, columns=columns)
    first = list(itertools.islice(rows, buffer))
    if not first:
        raise DataError("the training data is empty")
    features = _with_labels(first, task, tokenizer)
    if len(first) < buffer:
        per_epoch = sum(1 for _ in shuffled_batches(features, batch_size, random.Random(0)))
        return _epochs(features, batch_size, seed), per_epoch
    if isinstance(source, Iterator):
        raise TypeError("a set this large is read again for each epoch: give a file name or a dataset, no iterator")
    return _streamed(source, task, tokenizer, batch_size, seed, columns, buffer), None


def _epochs(features: list[Feature], batch_size: int, seed: int) -> Iterator[list[Feature]]:
    for epoch in itertools.count():
        yield from shuffled_batches(features, batch_size, random.Random(f"{seed}/{epoch}"))


def _streamed(source, task, tokenizer, batch_size, seed, columns, buffer) -> Iterator[list[Feature]]:
    for epoch in itertools.count():
        order = random.Random(f"{seed}/{epoch}")
        for chunk in chunks(read(source, columns=columns), buffer):
            yield from shuffled_batches(_with_labels(chunk, task, tokenizer), batch_size, order)


def _with_labels(rows: list[Row], task: Task, tokenizer: Any) -> list[Feature]:
    return encode(answered(rows, task), task, tokenizer)


def shuffled_batches(features: list[Feature], batch_size: int, order: random.Random) -> Iterator[list[Feature]]:
    """All features once, in batches of similar length (see `length_sorted_batches`)."""
    by_shape: dict[int, list[Feature]] = {}
    for feature in features:  # choices of different counts cannot share a batch
        by_shape.setdefault(parts(feature), []).append(feature)
    batches = []
    for group in by_shape.values():
        numbers = length_sorted_batches([length(feature) for feature in group], batch_size, generator=order)
        batches += [[group[number] for number in batch] for batch in numbers]
    if len(by_shape) > 1:
        order.shuffle(batches)
    yield from batches
