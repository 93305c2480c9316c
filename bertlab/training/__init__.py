"""Training as a generator of steps: `finetune` for tasks, `pretrain` for masked words and next sentences.

    for record in finetune(model, tokenizer, rows, task, steps=200, learning_rate=1e-4):
        print(record.step, record.loss)

`train_jointly` does both at once, for models that share one encoder. Each `next()` does one optimiser step. To stop,
pull no more. Between two steps the model is in eval mode and may be used, and torch's global random numbers are
nobody's business but the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from bertlab.data import (
    DataError,
    Task,
    collate,
    collate_pretraining,
    encode,
    prepared_batches,
    pretraining_batches,
    read,
    word_numbers,
)
from bertlab.tasks import qa_answers
from bertlab.training.checkpoints import read_checkpoint
from bertlab.training.engine import Run
from bertlab.training.evaluation import check_fit, evaluate, evaluate_features, main_metric, predict
from bertlab.training.held_out import evaluate_pretraining, mask_batch, sequence_accuracy
from bertlab.training.objectives import PretrainingObjective, TaskObjective, gather_masked
from bertlab.training.settings import Settings, StepRecord, TrainingError
from bertlab.training.streams import SharedEncoder, Stream, join_streams

__all__ = [
    "Settings", "SharedEncoder", "StepRecord", "Stream", "TrainingError", "evaluate", "evaluate_pretraining",
    "finetune", "join_streams", "main_metric", "predict", "pretrain", "pretraining_stream", "qa_answers",
    "read_checkpoint", "sequence_accuracy", "task_stream", "train_jointly",
]  # fmt: skip


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
        features = encode(rows, task, tokenizer)

        def evaluate_now() -> dict[str, float]:
            return evaluate_features(
                model, features, rows, task, precision=options.precision, pad_token_id=tokenizer.pad_token_id
            )

    stream, per_epoch = task_stream(
        model, tokenizer, data, task, batch_size=options.batch_size, seed=options.seed, columns=columns
    )
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
    batches, per_epoch = prepared_batches(data, task, tokenizer, batch_size, seed=seed, columns=columns)
    stream = Stream(
        TaskObjective(model, task), batches,
        lambda features, step: collate(features, task, tokenizer.pad_token_id), identity={"task": task.to_dict()},
    )  # fmt: skip
    return stream, per_epoch


def pretrain(
    model: nn.Module,
    tokenizer: Any,
    corpus: Sequence,
    *,
    max_length: int = 128,
    mask_rate: float = 0.15,
    whole_words: bool = False,
    next_sentence: bool = True,
    evaluation: Sequence | None = None,
    evaluation_sequences: int = 1000,
    **settings: Any,
) -> Iterator[StepRecord]:
    """Train a BertForPreTraining on running text; each `next()` is one optimiser step.

    Args:
        corpus: a `bertlab.data.Corpus`, or any sequence of documents of sentences of ids.
        max_length: tokens of a sequence, special ones included.
        mask_rate: share of the tokens that are asked for.
        whole_words: mask all the pieces of a word together.
        next_sentence: sentence pairs with their objective; otherwise packed text and masked words only.
        evaluation: held-out documents; masks and pairs for them come from a generator of their own.
        settings: the fields of `Settings`.

    Raises:
        as `finetune`.
    """
    options = Settings.from_dict(settings)
    if options.device is None:
        options.device = str(next(model.parameters()).device)
    if options.epochs is not None:
        raise ValueError("epochs have no fixed length in pre-training: give steps or minutes")
    stream = pretraining_stream(
        model, tokenizer, corpus, max_length=max_length, mask_rate=mask_rate, whole_words=whole_words,
        next_sentence=next_sentence, batch_size=options.batch_size, seed=options.seed,
    )  # fmt: skip

    def evaluate_now() -> dict[str, float]:
        return evaluate_pretraining(
            model, evaluation, tokenizer, max_length=max_length, sequences=evaluation_sequences,
            precision=options.precision,
        )  # fmt: skip

    run = Run(
        model, stream, options, evaluate=None if evaluation is None else evaluate_now, metric="masked_loss",
        total_steps=options.steps,
    )  # fmt: skip
    return run.steps()


def pretraining_stream(
    model: nn.Module,
    tokenizer: Any,
    corpus: Sequence,
    *,
    max_length: int = 128,
    mask_rate: float = 0.15,
    whole_words: bool = False,
    next_sentence: bool = True,
    single_sentences: bool = False,
    batch_size: int = 32,
    seed: int = 0,
) -> Stream:
    """Running text as a stream of masked words and next sentences.

    Args:
        single_sentences: each sentence is a sequence of its own, without a next one.
        others, and errors: as `pretrain`.
    """
    if type(model).__name__ != "BertForPreTraining":
        raise TypeError(f"pre-training is the task of a BertForPreTraining, but the model is a {type(model).__name__}")
    if max_length < 5:
        raise ValueError(f"max_length is {max_length}, but a pair with its special tokens needs at least 5 tokens")
    if max_length > model.config.max_position_embeddings:
        limit = model.config.max_position_embeddings
        raise ValueError(f"max_length is {max_length}, but the model has positions for {limit}")
    if not len(corpus):
        raise DataError("the pre-training text is empty")
    next_sentence = next_sentence and not single_sentences
    identity = {
        "max_length": max_length, "mask_rate": mask_rate, "whole_words": whole_words, "next_sentence": next_sentence,
        **({"single_sentences": True} if single_sentences else {}),
    }  # fmt: skip
    continues = continuation_pieces(tokenizer) if whole_words else None

    def collate_masked(features: list, step: int) -> dict:
        batch = collate_pretraining(features, tokenizer.pad_token_id)
        words = None if continues is None else word_numbers(batch["input_ids"], continues)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)  # masks depend on the step alone
        return mask_batch(batch, tokenizer, rate=mask_rate, generator=generator, words=words)

    batches = pretraining_batches(
        corpus, tokenizer, batch_size, max_length, seed=seed, pairs=next_sentence, single_sentences=single_sentences
    )
    return Stream(PretrainingObjective(model, next_sentence), batches, collate_masked, gather_masked, identity)


def train_jointly(
    base: nn.Module,
    members: Mapping[str, nn.Module],
    streams: Mapping[str, Stream],
    shares: Mapping[str, float],
    **settings: Any,
) -> Iterator[StepRecord]:
    """Train a model and others that share its encoder on several streams at once (Liu et al. 2019, MT-DNN).

    Each `next()` is one optimiser step on a batch of one of the streams. What is not in the encoder of `base`
    (heads, LoRA layers) learns at `head_learning_rate`.

    Args:
        base: the model whose encoder is shared.
        members: the models that share it, by name (see `SharedEncoder`).
        streams: what they learn from, by name (see `pretraining_stream`, `task_stream`).
        shares: how many of the batches each stream gives.
        settings: the fields of `Settings`; steps or minutes for the length. Batch sizes are those of the streams.

    Raises:
        as `finetune`.
    """
    options = Settings.from_dict(settings)
    if options.epochs is not None:
        raise ValueError("streams have epochs of different lengths: give steps or minutes")
    if options.device is None:
        options.device = str(next(base.parameters()).device)
    joined = join_streams(streams, shares, options.seed)
    return Run(SharedEncoder(base, members), joined, options, total_steps=options.steps).steps()


def continuation_pieces(tokenizer: Any) -> torch.Tensor:
    """(vocabulary,) bool: True for the pieces that continue a word ("##ing")."""
    continues = torch.zeros(len(tokenizer), dtype=torch.bool)
    for piece, number in tokenizer.get_vocab().items():
        continues[number] = piece.startswith("##")
    return continues
