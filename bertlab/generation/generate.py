"""Continuing a text: greedy search, sampling and beam search over the key/value cache of a causal model.

Works on any model with the documented decoder forward (`BertLMHeadModel`). `stream` yields every step as it comes;
`generate` runs it to the end and returns the tokens, the same as transformers' `generate` for the same options.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bertlab.generation.beams import BeamStep, beam_search
from bertlab.generation.options import GenerationOptions
from bertlab.generation.prompts import prepare
from bertlab.generation.search import Step, search
from bertlab.generation.texts import Texts
from bertlab.outputs import ModelOutput


@dataclass
class GenerationOutput(ModelOutput):
    """What `generate` returns with `return_dict_in_generate=True`; rows are prompts x `num_return_sequences`."""

    sequences: torch.Tensor | None = None  # (rows, length)
    sequences_scores: torch.Tensor | None = None  # (rows,): of beam search, see `Hypothesis.score`
    scores: tuple[torch.Tensor, ...] | None = None  # per new token (rows, or prompts x beams; vocabulary)
    beam_indices: torch.Tensor | None = None  # (rows, length): `Hypothesis.beam_indices`, then -1


def generate(
    model: nn.Module,
    input_ids: torch.Tensor | None = None,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    encoder_hidden_states: torch.Tensor | None = None,
    encoder_attention_mask: torch.Tensor | None = None,
    return_dict_in_generate: bool = False,
    output_scores: bool = False,
    **options: Any,
) -> torch.Tensor | GenerationOutput:
    """Continue texts to the end.

        model = BertLMHeadModel.from_pretrained("bertlab-mini", is_decoder=True)
        prompt = tokenizer("the capital of", add_special_tokens=False, return_tensors="pt")
        model.generate(**prompt, max_new_tokens=10)

    Args:
        input_ids, attention_mask, token_type_ids, encoder_hidden_states, encoder_attention_mask, options:
            as for `stream`; the options are the fields of `GenerationOptions`.
        return_dict_in_generate: return a `GenerationOutput`, with the scores of every step when `output_scores`.

    Returns:
        (batch x num_return_sequences, length): the prompts and their continuations, padded on the right.

    Raises:
        TypeError, ValueError: as `stream`.
    """
    texts, chosen, length = prepare(
        model,
        input_ids,
        attention_mask,
        token_type_ids,
        encoder_hidden_states,
        encoder_attention_mask,
        options,
    )
    scores = []
    for step in _steps(texts, chosen, length):
        if return_dict_in_generate and output_scores:
            scores.append(step.scores if isinstance(step, Step) else step.token_scores.flatten(0, 1))
    if isinstance(step, Step):
        output = GenerationOutput(step.input_ids)
    else:
        output = _best_of_beams(step, chosen, length)
    if not return_dict_in_generate:
        return output.sequences
    if scores:
        output["scores"] = tuple(scores)
    return output


def stream(
    model: nn.Module,
    input_ids: torch.Tensor | None = None,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    encoder_hidden_states: torch.Tensor | None = None,
    encoder_attention_mask: torch.Tensor | None = None,
    **options: Any,
) -> Iterator[Step] | Iterator[BeamStep]:
    """Continue texts one step at a time; to stop early, stop pulling.

        for step in stream(model, input_ids, max_new_tokens=20):
            print(step.token_ids, step.probabilities)

    Args:
        input_ids: (batch, sequence) prompts, padded on the left; `bos_token_id` alone when None.
        attention_mask: (batch, sequence), 0 for padding; found by `pad_token_id` when None.
        token_type_ids: (batch, sequence); new tokens get the last one's. (transformers 4.37 ignores them.)
        encoder_hidden_states, encoder_attention_mask: (batch, keys, hidden) and (batch, keys), what a decoder with
            cross-attention looks at. (transformers 4.37 ignores them here.)
        options: the fields of `GenerationOptions`.

    Yields:
        `Step`, or `BeamStep` when `num_beams` is above 1.

    Raises:
        TypeError: for an unknown option, and for a model that cannot generate.
        ValueError: for options that contradict each other, an empty prompt, or more tokens than the model has
            positions for. These are raised at once, before the first step.
    """
    return _steps(
        *prepare(
            model,
            input_ids,
            attention_mask,
            token_type_ids,
            encoder_hidden_states,
            encoder_attention_mask,
            options,
        )
    )


def _steps(texts: Texts, options: GenerationOptions, length: int) -> Iterator[Step] | Iterator[BeamStep]:
    return (search if options.num_beams == 1 else beam_search)(texts, options, length)


def _best_of_beams(step: BeamStep, options: GenerationOptions, length: int) -> GenerationOutput:
    """The best `num_return_sequences` hypotheses of each text in one tensor, the token that ends them put back."""
    best = [hypothesis for found in step.hypotheses for hypothesis in found[: options.num_return_sequences]]
    width = min(max(len(hypothesis.token_ids) for hypothesis in best) + 1, length)
    sequences = step.input_ids.new_full((len(best), width), options.pad_token_id or 0)
    beam_indices = torch.full_like(sequences, -1)
    for row, hypothesis in enumerate(best):
        end = len(hypothesis.token_ids)
        sequences[row, :end] = hypothesis.token_ids
        if end < width:
            sequences[row, end] = options.ends[0]
        beam_indices[row, : len(hypothesis.beam_indices)] = hypothesis.beam_indices
    scores = torch.tensor([hypothesis.score for hypothesis in best], device=sequences.device)
    return GenerationOutput(sequences, scores, beam_indices=beam_indices)
