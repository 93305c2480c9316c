"""Learning from running text: masked words and next sentences (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from bertlab.data import collate_pretraining, pretraining_batches, word_numbers
from bertlab.rows import DataError
from bertlab.training.held_out import evaluate_pretraining, mask_batch
from bertlab.training.identity import corpus_digest, vocabulary_digest
from bertlab.training.objectives import PretrainingObjective, gather_masked
from bertlab.training.run import Run
from bertlab.training.settings import Settings, StepRecord
from bertlab.training.streams import Stream


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

    if evaluation is not None:
        training = stream.origin
        stream = replace(stream, origin=lambda: {**training(), "evaluation": corpus_digest(evaluation)})

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
    if not 0 < mask_rate <= 1:
        raise ValueError(f"mask_rate is {mask_rate}, but a share of the tokens is asked for: above 0 and at most 1")
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
    return Stream(
        PretrainingObjective(model, next_sentence), batches, collate_masked, gather_masked, identity,
        lambda: {"data": corpus_digest(corpus), "vocabulary": vocabulary_digest(tokenizer)},
    )  # fmt: skip


def continuation_pieces(tokenizer: Any) -> torch.Tensor:
    """(vocabulary,) bool: True for the pieces that continue a word ("##ing")."""
    continues = torch.zeros(len(tokenizer), dtype=torch.bool)
    for piece, number in tokenizer.get_vocab().items():
        continues[number] = piece.startswith("##")
    return continues
