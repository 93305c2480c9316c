"""Neurons of the feed-forward networks: the words that each one promotes, the contexts that move it most, and models
without some of them.

A neuron is one number between the two halves of a layer's feed-forward network, after the activation function; its
output weights are the vector that it adds to the residual stream (Geva et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.neighbours import special_ids
from bertlab.analysis.parts import lower_layers
from bertlab.analysis.passes import Progress, evaluating, report, whole_number
from bertlab.analysis.states import in_float, text_batches, text_list, token_ids
from bertlab.model import BertPreTrainedModel
from bertlab.recording import edit, names, record


@dataclass(frozen=True)
class PromotedWord:
    """A vocabulary item, and the logit that a neuron's output vector gets for it by itself."""

    token_id: int
    logit: float


@dataclass(frozen=True)
class Context:
    """A token that moves a neuron: the `text`, its `place` among the text's tokens ([CLS] is 0), the piece, and the
    neuron's `activation` there."""

    text: str
    place: int
    token: str
    activation: float


@torch.no_grad()
def words(model: BertPreTrainedModel, layer: int, neuron: int, k: int) -> list[PromotedWord]:
    """The k vocabulary items that a neuron promotes most: its output weights read by the vocabulary head (Geva et al.
    2022, who read values of the feed-forward network as distributions over words).

    Raises:
        LookupError: when the model has no vocabulary head. ValueError: for a layer, neuron or k out of range.
    """
    head = getattr(getattr(model, "cls", None), "predictions", None)
    if head is None:
        raise LookupError(f"{type(model).__name__} has no vocabulary head to read neurons with; give one that has")
    layer, neuron = _checked(model, layer, neuron)
    k = whole_number(k, "k", 1, model.config.vocab_size)
    vector = model.base_model.encoder.layer[layer].output.dense.weight[:, neuron]  # (hidden,)
    with evaluating(model):
        best = head(vector[None])[0].float().topk(k)
    return [PromotedWord(*pair) for pair in zip(best.indices.tolist(), best.values.tolist())]


@torch.no_grad()
def strongest(
    lab: Any, texts: Any, layer: int, k: int, *, special: bool = True, progress: Progress | None = None
) -> list[list[Context]]:
    """For each neuron of a layer the k tokens at which it is most active, the strongest first: [neuron][k].

    Args:
        special: count [CLS], [SEP] and their like too, as all real tokens.
        progress: called with the share of the tokens that is done; raising in it stops the work.

    Raises:
        TypeError, ValueError: as `Lab.embed`, and for more contexts than there are tokens.
    """
    layer, _ = _checked(lab.model, layer, 0)
    texts = text_list(texts)
    rows = token_ids(lab, texts)
    left_out = set() if special else special_ids(lab.tokenizer)
    counted = torch.tensor(sorted(left_out), dtype=torch.long, device=lab.device)
    total = sum(token not in left_out for row in rows for token in row)
    k = whole_number(k, "k", 1, total, f"the texts have {total} tokens")
    lower, name, done = lower_layers(lab.model, layer + 1), names.neurons(layer), 0
    best: torch.Tensor | None = None  # (tokens so far, at most k; neurons)
    where = torch.empty(0, 0, 2, dtype=torch.long)  # the (text, place) of each
    for batch in text_batches(lab, rows):
        with evaluating(lower), record(lower, name) as recording:
            lower(**batch.inputs)
        keep = batch.real & ~torch.isin(batch.ids, counted)
        values = in_float(recording[name])[keep]  # (tokens, neurons)
        text, place = keep.nonzero().T.cpu()
        at = torch.stack([torch.tensor(batch.numbers)[text], place], -1)  # (tokens, 2)
        at = at[:, None].expand(-1, values.shape[1], -1)  # (tokens, neurons, 2)
        if best is not None:
            values, at = torch.cat([best, values]), torch.cat([where, at])
        best, order = values.topk(min(k, len(values)), dim=0)
        where = at.gather(0, order.cpu()[..., None].expand(-1, -1, 2))
        done += int(batch.real.sum())
        report(progress, done / sum(map(len, rows)))
    pieces = [lab.tokenizer.convert_ids_to_tokens(row) for row in rows]
    return [
        [Context(texts[t], p, pieces[t][p], value) for (t, p), value in zip(where[:, n].tolist(), best[:, n].tolist())]
        for n in range(best.shape[1])
    ]


@contextmanager
def ablate(model: BertPreTrainedModel, neurons: Iterable[tuple[int, int]]) -> Iterator[None]:
    """Inside `with ablate(model, [(2, 17), (3, 0)]):` these neurons, (layer, neuron) pairs, are 0.

    Raises:
        TypeError: when they are no pairs. ValueError: for a layer or neuron that the model does not have.
    """
    by_layer: dict[int, set[int]] = {}
    for pair in neurons:
        try:
            layer, neuron = pair
        except (TypeError, ValueError):
            raise TypeError(f"neurons are (layer, neuron) pairs, such as [(2, 17)]; given was {pair!r}") from None
        layer, neuron = _checked(model, layer, neuron)
        by_layer.setdefault(layer, set()).add(neuron)

    def silenced(chosen: list[int]) -> Any:
        def silence(activated: torch.Tensor) -> torch.Tensor:  # (batch, sequence, neurons)
            activated[..., chosen] = 0
            return activated

        return silence

    with edit(model, {names.neurons(layer): silenced(sorted(chosen)) for layer, chosen in by_layer.items()}):
        yield


def _checked(model: BertPreTrainedModel, layer: Any, neuron: Any) -> tuple[int, int]:
    layers = model.base_model.encoder.layer
    layer = whole_number(layer, "layer", 0, len(layers) - 1)
    return layer, whole_number(neuron, "neuron", 0, layers[layer].intermediate.dense.out_features - 1)
