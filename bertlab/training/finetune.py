"""Learning a task from labelled examples (Devlin et al. 2019, section 4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from bertlab.data import prepared_batches
from bertlab.rows import DataError, read
from bertlab.tasks import Task, answered, collate, encode
from bertlab.training.evaluation import check_fit, evaluate_features, main_metric
from bertlab.training.identity import rows_digest, vocabulary_digest
from bertlab.training.objectives import TaskObjective
from bertlab.training.run import Run
from bertlab.training.settings import Settings, StepRecord
from bertlab.training.streams import Stream

LARGE = 50_000  # rows; a set of so many is read again for each epoch


def finetune(
    model: nn.Module,
    tokenizer: Any,
    data: Any,
    task: Task,
    *,
    evaluation: Any = None,
    columns: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[StepRecord]:
    """Train a head model, or one with LoRA layers, on a labelled set; each `next()` is one optimiser step.

    Args:
        model: a head model of the kind that `task` needs; trained in place.
        data: a file name, a list of dictionaries or a `datasets` object (see `bertlab.data.read`).
        task: kind, labels and lengths (see `bertlab.data.Task`).
        evaluation: a labelled set for evaluations, of the same kind.
        columns: names of the columns, where they are not the usual ones.
        settings: the fields of `Settings`: steps, epochs or minutes; batch_size; learning_rate; seed; ...

    Raises:
        DataError: something in the data is wrong; names file and line. Before the first step where possible.
        TrainingError: a loss that is not a number, memory or disk full; says what to do.
        LookupError, ValueError: a setting that does not exist, or with a wrong value.
    """
    options = Settings.from_dict(settings)
    if options.device is None:
        options.device = str(next(model.parameters()).device)
    check_fit(model, task)
    return _finetune(model, tokenizer, data, task, evaluation, columns, options)


def _finetune(model, tokenizer, data, task, evaluation, columns, options: Settings) -> Iterator[StepRecord]:
    evaluate_now = None
    if evaluation is not None:
        rows = list(read(evaluation, columns=columns))
        if not rows:
            raise DataError("the evaluation data is empty")
        rows = answered(rows, task)
        features = encode(rows, task, tokenizer)

        def evaluate_now() -> dict[str, float]:
            return evaluate_features(
                model, features, rows, task, precision=options.precision, pad_token_id=tokenizer.pad_token_id
            )

    stream, per_epoch = task_stream(
        model, tokenizer, data, task, batch_size=options.batch_size, seed=options.seed, columns=columns
    )
    if evaluation is not None:
        training = stream.origin
        stream = replace(stream, origin=lambda: {**training(), "evaluation": rows_digest(rows)})
    total = options.steps
    if options.epochs is not None:
        if per_epoch is None:
            raise ValueError("the set is too large to be held in memory, so an epoch has no known length: give steps")
        total = max(1, round(options.epochs * per_epoch))
    run = Run(model, stream, options, evaluate=evaluate_now, metric=main_metric(task), total_steps=total)
    yield from run.steps()


def task_stream(
    model: nn.Module, tokenizer: Any, data: Any, task: Task, *, batch_size: int = 32, seed: int = 0,
    columns: Mapping[str, Any] | None = None,
) -> tuple[Stream, int | None]:  # fmt: skip
    """A labelled set as a stream, and the number of batches in an epoch (None for sets larger than memory).

    Args and errors: as `finetune`.
    """
    check_fit(model, task)
    if isinstance(data, Iterator):  # its rows are wanted twice: for the batches, and for the digest of the run
        first = list(itertools.islice(data, LARGE))
        data = first if len(first) < LARGE else itertools.chain(first, data)
    batches, per_epoch = prepared_batches(data, task, tokenizer, batch_size, seed=seed, columns=columns)

    def origin() -> dict[str, str]:
        return {"data": rows_digest(read(data, columns=columns)), "vocabulary": vocabulary_digest(tokenizer)}

    stream = Stream(
        TaskObjective(model, task), batches,
        lambda features, step: collate(features, task, tokenizer.pad_token_id), identity={"task": task.to_dict()},
        origin=origin,
    )  # fmt: skip
    return stream, per_epoch
