"""Which component causes a prediction: values of one run put into another (activation patching, also called causal
tracing: Vig et al. 2020; Meng et al. 2022), and edges of attention cut.

    target = masked_token(place=5, measure="log_probability")           # the clean model's own prediction
    found = patch(lab.model, lab.encode(clean), lab.encode(corrupt), target)
    found.effect                                                        # (layers + 1, positions): 1 = restored
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.heads import head_numbers, listed
from bertlab.analysis.parts import from_hidden, upper_layers
from bertlab.analysis.passes import (
    Batch,
    Progress,
    checked,
    evaluating,
    in_copies,
    real_tokens,
    repeated,
    report,
    rows_of,
    whole_number,
)
from bertlab.analysis.targets import Metric, evaluate, one_number, resolved
from bertlab.model import BertPreTrainedModel
from bertlab.recording import edit, names, record

# What can be patched -> the name of its values in a layer. Hidden states are put in from outside.
COMPONENTS = {
    "hidden": None,
    "attention_output": names.attention_output,
    "mlp_output": names.mlp_output,
    "heads": names.context,
}


@dataclass(frozen=True)
class Patching:
    """How far each patch brings the metric back: `effect` = (patched - corrupt) / (clean - corrupt), so 1 = restored
    and 0 = nothing; `clean` and `corrupt` are the metric of both runs, the mean over the pairs.

    `effect` is (layers + 1, positions) for hidden states, (layers, positions) for the outputs of attention and
    feed-forward network, (layers, heads) for heads, with NaN where a head is gone.
    """

    effect: torch.Tensor
    clean: torch.Tensor
    corrupt: torch.Tensor
    what: str


@dataclass(frozen=True)
class Patch:
    """One cell of the map: `layer` (the hidden state, for "hidden") and `place` (the head, for "heads"), the `effect`
    there, and the share of the map that is `done`, 0 to 1."""

    layer: int
    place: int
    effect: float
    done: float


def patch(
    model: BertPreTrainedModel,
    clean: Mapping[str, torch.Tensor],
    corrupt: Mapping[str, torch.Tensor],
    metric: Metric,
    *,
    what: str = "hidden",
    progress: Progress | None = None,
    tokens_per_pass: int = 512,
) -> Patching:
    """Put values of the clean run into the corrupt one, one cell at a time, and see how far the metric comes back.

    Args:
        clean, corrupt: two batches of as many texts, pair by pair of as many real tokens.
        metric: a `Target` (without an index: the prediction for the clean text), or a function of the output that
            gives (batch,).
        what: "hidden", the hidden state of a position; "attention_output" and "mlp_output", what attention or the
            feed-forward network adds there, before the residual sum; "heads", the context of one head at all positions.
        progress: called with the share that is done; raising in it stops the work.
        tokens_per_pass: how many tokens run together; more is faster, fewer stops sooner.

    Raises:
        ValueError: for texts of unequal length, for a pair of which the metric is the same, for another `what`.
    """
    pair = _Pair(model, clean, corrupt, metric, what)
    effect = pair.empty_map()
    for cell in _cells(pair, tokens_per_pass):
        effect[cell.layer, cell.place] = cell.effect
        report(progress, cell.done)
    return Patching(effect, pair.value.mean().cpu(), pair.corrupt_value.mean().cpu(), what)


def stream_patches(
    model: BertPreTrainedModel,
    clean: Mapping[str, torch.Tensor],
    corrupt: Mapping[str, torch.Tensor],
    metric: Metric,
    *,
    what: str = "hidden",
    tokens_per_pass: int = 512,
) -> Iterator[Patch]:
    """The cells of `patch` as they are known, the last layers first, since they are the quickest. Args as there."""
    return _cells(_Pair(model, clean, corrupt, metric, what), tokens_per_pass)


@torch.no_grad()
def patch_all(
    model: BertPreTrainedModel,
    clean: Mapping[str, torch.Tensor],
    corrupt: Mapping[str, torch.Tensor],
    metric: Metric,
) -> torch.Tensor:
    """All positions of a hidden state at once: (layers + 1,), 1 everywhere, for a hidden state is all that the layers
    above it see. Args and errors as `patch`."""
    pair = _Pair(model, clean, corrupt, metric, "hidden")
    effects = []
    for state in range(pair.layers + 1):
        upper = upper_layers(model, state)
        with evaluating(upper):
            values = evaluate(upper, from_hidden(pair.batch, pair.recording.hidden(state)), pair.metric)
        effects.append(pair.effect_of(values))
    return torch.tensor(effects)


class _Pair:
    """Both runs: what is patched from where, and the metric at both ends."""

    @torch.no_grad()
    def __init__(self, model: BertPreTrainedModel, clean: Any, corrupt: Any, metric: Metric, what: str):
        if what not in COMPONENTS:
            raise ValueError(f"what is {what!r}; allowed are {', '.join(COMPONENTS)}")
        self.model, self.what = model, what
        self.layers = len(model.base_model.encoder.layer)
        clean, self.batch = _of_one_length(checked(clean, model), checked(corrupt, model))
        states = names.all_hidden()
        wanted = states if what == "hidden" else [COMPONENTS[what]()]
        with evaluating(model):
            self.metric = resolved(model, clean, metric)
            with record(model, wanted) as self.recording:
                self.value = one_number(evaluate(model, clean, self.metric))
            with record(model, states) as self.corrupt_recording:
                self.corrupt_value = one_number(evaluate(model, self.batch, self.metric))
        self._check_difference()

    def _check_difference(self) -> None:
        ends = torch.stack([self.value, self.corrupt_value])  # (2, batch)
        smallest = 8 * torch.finfo(ends.dtype).eps * ends.abs().amax(0)
        same = (ends[0] - ends[1]).abs() <= smallest
        if bool(same.any()):
            number = int(same.nonzero()[0])
            raise ValueError(
                f"the metric of pair {number} is {float(self.value[number]):.6g} for the clean and the corrupt text, "
                "so that nothing can be restored; give texts that differ in what the metric measures"
            )
        if abs(float(ends[0].mean() - ends[1].mean())) <= float(smallest.mean()):
            raise ValueError(
                f"the mean of the metric is {float(self.value.mean()):.6g} for the clean and the corrupt texts, as "
                "pairs that rise and pairs that fall cancel; give pairs that differ in one direction"
            )

    @property
    def real(self) -> torch.Tensor:
        """(sequence,): the positions at which some text has a token."""
        return real_tokens(self.batch).flatten(0, -2).any(0)

    def empty_map(self) -> torch.Tensor:
        """The effects before anything is patched: NaN for heads, 0 for positions, of which padding stays so."""
        if self.what == "heads":
            return torch.full((self.layers, self.model.config.num_attention_heads), float("nan"))
        return torch.zeros(self.layers + (self.what == "hidden"), len(self.real))

    def places(self, layer: int) -> list[int]:
        """The numbers of the cells of a layer."""
        if self.what == "heads":
            return head_numbers(self.model, layer)
        return self.real.nonzero().flatten().tolist()

    def effect_of(self, values: torch.Tensor) -> float:
        """(batch,) -> the share of the way from the corrupt to the clean metric."""
        start, end = self.corrupt_value.double().mean(), self.value.double().mean()
        return float((values.double().mean() - start) / (end - start))


@torch.no_grad()
def _cells(pair: _Pair, tokens_per_pass: int) -> Iterator[Patch]:
    rows = rows_of(pair.batch)
    copies = max(1, tokens_per_pass // (rows * len(pair.real)))
    levels = list(range(pair.layers + (pair.what == "hidden")))
    total, done = sum(len(pair.places(level)) for level in levels), 0
    for level in reversed(levels):
        upper, places = upper_layers(pair.model, level), pair.places(level)
        for at in range(0, len(places), copies):
            together = list(range(len(places)))[at : at + copies]
            with evaluating(upper), in_copies(len(together)):
                values = _patched(pair, upper, level, [places[number] for number in together], together)
            for number, value in zip(together, values.unflatten(0, (len(together), rows))):
                done += 1
                yield Patch(level, places[number], pair.effect_of(value), done / total)


def _patched(
    pair: _Pair, upper: BertPreTrainedModel, level: int, places: list[int], indices: list[int]
) -> torch.Tensor:
    """(copies x batch,): the metric of the corrupt texts, in each copy of which another place is patched."""
    hidden = pair.corrupt_recording.hidden(level).repeat(len(places), 1, 1)  # (copies x texts, sequence, hidden)
    batch = repeated(pair.batch, len(places))
    if pair.what == "hidden":
        given, copies = pair.recording.hidden(level), hidden.unflatten(0, (len(places), -1))
        for copy, place in enumerate(places):
            copies[copy, :, place] = given[:, place]
        return evaluate(upper, from_hidden(batch, hidden), pair.metric)
    name = COMPONENTS[pair.what](level)
    given = pair.recording[name]  # (texts, sequence, hidden), or (texts, heads, sequence, head size)

    def put_in(value: torch.Tensor) -> torch.Tensor:
        copies = value.unflatten(0, (len(places), -1))
        for copy, place in enumerate(indices if pair.what == "heads" else places):
            copies[copy, :, place] = given[:, place]
        return value

    with edit(pair.model, {name: put_in}):
        return evaluate(upper, from_hidden(batch, hidden), pair.metric)


def _of_one_length(clean: Batch, corrupt: Batch) -> tuple[Batch, Batch]:
    """Both batches with their tokens in the same places; the corrupt one padded as the clean one is.

    Raises:
        ValueError: for another number of texts, and for a pair of unequal numbers of real tokens.
    """
    real, other = real_tokens(clean), real_tokens(corrupt)
    if real.shape[:-1] != other.shape[:-1]:
        raise ValueError(
            f"clean holds {len(real)} texts and corrupt {len(other)}; give pairs, one corrupt text for each"
        )
    counts, others = real.sum(-1).flatten(), other.sum(-1).flatten()
    if bool((counts != others).any()):
        number = int((counts != others).nonzero()[0])
        raise ValueError(
            f"pair {number} has {int(counts[number])} tokens in the clean and {int(others[number])} in the corrupt "
            "text; give texts of equal length (padding does not count), so that places belong together"
        )
    if real.shape == other.shape and bool((real == other).all()):
        return clean, corrupt
    for name, marks in (("clean", real), ("corrupt", other)):
        if bool((marks[..., 1:] & ~marks[..., :-1]).any()):
            raise ValueError(f"the padding of the {name} texts is not at their end; pad both alike, on the right")
    width = real.shape[-1]
    corrupt = {name: _to_width(value, width, 2 if name == "inputs_embeds" else 1) for name, value in corrupt.items()}
    return clean, corrupt | {"attention_mask": real.long()}


def _to_width(value: torch.Tensor, width: int, axis_from_end: int) -> torch.Tensor:
    axis = value.dim() - axis_from_end
    if value.shape[axis] >= width:
        return value.narrow(axis, 0, width)
    missing = list(value.shape)
    missing[axis] = width - value.shape[axis]
    return torch.cat([value, value.new_zeros(missing)], axis)


# -- edges of attention --------------------------------------------------------------------------------------------

Edge = tuple[int, "int | None", int, int]
SMALLEST_ROW = 1e-30  # what is left of a row below that is too small to be divided by


@dataclass(frozen=True)
class KnockOut:
    """The metric without the edges, `value` (batch,), and its `change`, the difference from the whole model's."""

    value: torch.Tensor
    change: torch.Tensor


@torch.no_grad()
def knock_out(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    metric: Metric,
    edges: Iterable[Edge],
    *,
    renormalise: bool = False,
) -> KnockOut:
    """Cut edges of attention: their weights are set to 0 after the softmax (Geva et al. 2023 cut them before it, which
    is `renormalise`).

    Args:
        metric: as in `patch`; a `Target` without an index means the prediction of the whole model.
        edges: (layer, head, query, key): the query looks at the key no more; head None stands for all of the layer.
            The same edges in every text of the batch.
        renormalise: the other weights of the rows that lost some sum to 1 again; a row that lost everything stays 0.

    Raises:
        TypeError: for edges that are none. ValueError: for no edges, and for layers, heads and places that are not
            there.
    """
    batch = checked(batch, model)
    length = real_tokens(batch).shape[-1]
    cut = _cut_by_layer(model, edges, length)
    with evaluating(model):
        metric = resolved(model, batch, metric)
        whole = one_number(evaluate(model, batch, metric))
        edits: dict[str, Any] = {}
        for layer, gone in cut.items():
            scores: dict[str, torch.Tensor] = {}
            edits[names.scores(layer)] = _kept(scores)
            edits[names.probs(layer)] = _cutting(gone.to(model.device), scores, renormalise)
        with edit(model, edits):
            value = one_number(evaluate(model, batch, metric))
    return KnockOut(value, value - whole)


def _cut_by_layer(model: BertPreTrainedModel, edges: Iterable[Edge], length: int) -> dict[int, torch.Tensor]:
    """{layer: (heads that it has, query, key) of booleans}, True for what is cut."""
    layers = len(model.base_model.encoder.layer)
    cut: dict[int, torch.Tensor] = {}
    for edge in edges:
        if not isinstance(edge, Sequence) or len(edge) != 4:
            raise TypeError(f"edges are (layer, head or None, query, key), such as [(2, 5, 4, 1)]; given was {edge!r}")
        layer, head, query, key = edge
        layer = whole_number(layer, "the layer of an edge", 0, layers - 1)
        query, key = (
            whole_number(place, f"the {name} of an edge", 0, length - 1)
            for name, place in (("query", query), ("key", key))
        )
        numbers = head_numbers(model, layer)
        if head is not None and whole_number(head, "the head of an edge", 0) not in numbers:
            raise ValueError(f"there is no head {head} in layer {layer}; it has heads {listed(numbers)}")
        gone = cut.setdefault(layer, torch.zeros(len(numbers), length, length, dtype=torch.bool))
        gone[slice(None) if head is None else numbers.index(head), query, key] = True
    if not cut:
        raise ValueError("there are no edges to cut; give at least one (layer, head or None, query, key)")
    return cut


def _kept(scores: dict[str, torch.Tensor]) -> Any:
    def keep(value: torch.Tensor) -> torch.Tensor:
        scores["now"] = value
        return value

    return keep


def _cutting(gone: torch.Tensor, scores: dict[str, torch.Tensor], renormalise: bool) -> Any:
    def cut(probs: torch.Tensor) -> torch.Tensor:  # (batch, heads, query, key)
        left = probs.masked_fill(gone, 0)
        if not renormalise:
            return left
        total = left.float().sum(-1, keepdim=True)
        hidden = torch.finfo(probs.dtype).min / 2  # what the mask adds to the scores of keys that nobody may see
        seen = (scores["now"] > hidden) & ~gone
        # Where all weights that are left are too small for their numbers, the scores still tell them apart.
        again = scores["now"].float().masked_fill(~seen, -torch.inf).softmax(-1).nan_to_num(0.0)
        renewed = torch.where(total > SMALLEST_ROW, left / total.clamp_min(SMALLEST_ROW), again)
        return torch.where(gone.any(-1, keepdim=True), renewed.to(probs), left)

    return cut
