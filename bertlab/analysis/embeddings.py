"""The input representation in its parts: word, position and segment vectors, the norm over their sum, and what the
order of the words does (section 3 of Devlin et al. 2019, figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.passes import checked, evaluating, whole_number
from bertlab.model import BertPreTrainedModel
from bertlab.recording import edit, names, record

SUM = "embeddings.sum"


@dataclass(frozen=True)
class EmbeddingParts:
    """The vectors of a batch, (texts, sequence, hidden) each: `word` + `position` + `token_type` = `sum`, and `hidden`
    is its LayerNorm, what the first layer gets. `position` is None where a model has no position vectors."""

    word: torch.Tensor
    position: torch.Tensor | None
    token_type: torch.Tensor
    sum: torch.Tensor
    hidden: torch.Tensor

    def named(self) -> dict[str, torch.Tensor]:
        """Those that are added, by name."""
        found = {"word": self.word, "position": self.position, "token_type": self.token_type}
        return {name: value for name, value in found.items() if value is not None}

    def shares(self) -> dict[str, torch.Tensor]:
        """How much of the sum each part is, (texts, sequence): its length along the sum, divided by the sum's. They add
        up to 1; a part that points the other way has a negative share."""
        squared = (self.sum * self.sum).sum(-1)
        return {name: (value * self.sum).sum(-1) / squared for name, value in self.named().items()}


@dataclass(frozen=True)
class Rearranged:
    """What a model puts out for each token, (sequence, hidden): `before`, and `after` its text was put into another
    order, in the order of before."""

    before: torch.Tensor
    after: torch.Tensor

    @property
    def cosine(self) -> torch.Tensor:
        """(sequence,): 1 where a token's vector points where it did."""
        return torch.nn.functional.cosine_similarity(self.before, self.after, dim=-1)

    @property
    def distance(self) -> torch.Tensor:
        """(sequence,): the largest change of a number of the token's vector."""
        return (self.before - self.after).abs().amax(-1)


@torch.no_grad()
def parts(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor]) -> EmbeddingParts:
    """The parts of the input representation of a batch."""
    watched = [names.WORDS, names.POSITIONS, names.TYPES, SUM, names.EMBEDDED]
    with evaluating(model), record(model, watched) as recording:
        model.base_model(**checked(batch, model))
    rows = recording[SUM].shape
    found = {name: recording[name].float().expand(rows) for name in watched if name in recording}
    return EmbeddingParts(
        found[names.WORDS], found.get(names.POSITIONS), found[names.TYPES], found[SUM], found[names.EMBEDDED]
    )


def position_similarity(model: BertPreTrainedModel) -> torch.Tensor:
    """Cosines of the position vectors with each other: (positions, positions).

    Raises:
        LookupError: the model has no position vectors: it measures distances inside attention.
    """
    _check_positions(model)
    return _cosines(model.base_model.embeddings.position_embeddings.weight.detach())


def _check_positions(model: BertPreTrainedModel) -> None:
    if model.config.position_embedding_type != "absolute":
        raise LookupError(
            f"this model has no position vectors (position_embedding_type is {model.config.position_embedding_type!r}):"
            " it measures distances inside attention"
        )


def _cosines(table: torch.Tensor) -> torch.Tensor:
    directions = torch.nn.functional.normalize(table.float(), dim=-1)
    return directions @ directions.T


@torch.no_grad()
def rearranged(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    order: Sequence[int],
    *,
    positions: bool = True,
) -> Rearranged:
    """The last hidden states of one text before and after its tokens were put into another order, segments with them.

    Args:
        order: which token stands at each place now; every place once.
        positions: False takes the position vectors away in both: what is left cannot tell one order from another, so
            that every token gets the same vector wherever it stands (up to rounding).

    Raises:
        TypeError: for places that are no whole numbers. ValueError: for several texts, for an order that is none.
        LookupError: without positions, for a model that has none to take away.
    """
    given = checked(batch, model)
    ids = given.get("input_ids")
    if ids is None or len(ids) != 1 or ids.dim() != 2:
        raise ValueError("order is tried on one text; give a batch of one row of input_ids")
    order = [whole_number(place, "a place", 0, ids.shape[1] - 1) for place in order]
    if sorted(order) != list(range(ids.shape[1])):
        raise ValueError(f"the order {order} must name each of the {ids.shape[1]} places once")
    given.pop("position_ids", None)
    moved = {name: value[:, order] for name, value in given.items()}
    if not positions:
        _check_positions(model)
    context = nullcontext() if positions else edit(model, {names.POSITIONS: torch.zeros_like})
    with evaluating(model), context:
        before = model.base_model(**given, return_dict=True).last_hidden_state[0].float()
        after = model.base_model(**moved, return_dict=True).last_hidden_state[0].float()
    back = torch.empty_like(after)
    back[order] = after
    return Rearranged(before, back)


@dataclass(frozen=True)
class NearWord:
    """A vocabulary item and the cosine of its word vector with that of another."""

    token_id: int
    similarity: float


@torch.no_grad()
def nearest_words(model: BertPreTrainedModel, token_id: int, k: int) -> list[NearWord]:
    """The k vocabulary items whose word vectors are nearest by cosine, nearest first, the item itself left out. A
    vector of zeros, as padding has, is near to nothing: 0.

    Raises:
        TypeError: for what are no whole numbers. ValueError: for an id or a k out of range.
    """
    table: Any = model.base_model.embeddings.word_embeddings.weight.detach()
    token_id = whole_number(token_id, "token_id", 0, len(table) - 1)
    k = whole_number(k, "k", 1, len(table) - 1)
    table = table.float()
    wanted = torch.nn.functional.normalize(table[token_id], dim=0)
    similarity = (table @ wanted) / table.norm(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
    similarity[token_id] = -torch.inf
    best = similarity.topk(k)
    return [NearWord(*pair) for pair in zip(best.indices.tolist(), best.values.tolist())]
