"""What attention heads look at: statistics, kinds of heads, norm-weighted attention, rollout and flow.

Weights are probabilities before dropout, as recorded: (batch, heads, query, key), rows sum to 1. Row i is where token
i looks. Statistics are averages over the tokens of the text; special tokens and padding look too, but do not count as
those who look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bertlab.analysis.passes import Batch, checked, evaluating
from bertlab.model import BertPreTrainedModel
from bertlab.recording import Recording, record

Layers = Recording | Sequence[torch.Tensor]
PROBS = "encoder.layer.*.attention.self.probs"

# -- of single rows ------------------------------------------------------------------------------------------------


def entropy(weights: torch.Tensor) -> torch.Tensor:
    """Entropy of each row in nats, 0 for one key alone to ln(keys) for all alike (Clark et al. 2019, section 3.3).

    (..., query, key) -> (..., query)
    """
    return torch.special.entr(weights).sum(-1)


def distance(weights: torch.Tensor) -> torch.Tensor:
    """Mean distance in tokens from the one who looks to what it looks at (Vig & Belinkov 2019).

    (..., query, key) -> (..., query)
    """
    query = torch.arange(weights.shape[-2], device=weights.device)
    key = torch.arange(weights.shape[-1], device=weights.device)
    return (weights * (query[:, None] - key).abs()).sum(-1)


def mass_on(weights: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """How much of each row falls on the marked keys; `keys` (key,) or (batch, key) of booleans.

    (..., query, key) -> (..., query)
    """
    return (weights * _as_keys(weights, keys, "keys")).sum(-1)


def at_offset(weights: torch.Tensor, offset: int) -> torch.Tensor:
    """The weight on the token `offset` places on (-1 the previous, 0 itself, 1 the next); 0 where there is none.

    (..., query, key) -> (..., query)
    """
    queries = weights.shape[-2]
    found = weights.new_zeros(weights.shape[:-1])
    diagonal = weights.diagonal(offset, -2, -1)  # (..., those who have such a token)
    start = max(0, -offset)
    if start < queries:
        found[..., start : start + diagonal.shape[-1]] = diagonal
    return found


def hide(weights: torch.Tensor, hidden: torch.Tensor, *, renormalise: bool = False) -> torch.Tensor:
    """Leave tokens out, as those who look and as what is looked at.

    (..., query, key) -> (..., shown, shown). `hidden` (sequence,) marks what goes. With `renormalise` the remaining
    weights of each row sum to 1 again (a row that had everything on hidden tokens stays zero).
    """
    if hidden.shape != weights.shape[-1:] or weights.shape[-2] != weights.shape[-1]:
        raise ValueError(
            f"hidden has shape {tuple(hidden.shape)} for weights {tuple(weights.shape)}; give one mark a token"
        )
    shown = (~hidden.bool()).nonzero().squeeze(1).to(weights.device)
    left = weights.index_select(-2, shown).index_select(-1, shown)
    if renormalise:
        left = left / left.sum(-1, keepdim=True).clamp_min(torch.finfo(left.dtype).tiny)
    return left


def segment_mass(weights: torch.Tensor, segments: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """From group to group: the mean over the tokens of one of what they put on another.

    (..., query, key) -> (..., group that looks, group looked at). `segments` (sequence,) numbers each token's group,
    such as its token type; -1 leaves a token out (then rows sum to less than 1). NaN for a group without tokens.
    """
    if segments.shape != weights.shape[-1:]:
        raise ValueError(
            f"segments has shape {tuple(segments.shape)} for weights {tuple(weights.shape)}; give a number a token"
        )
    member = torch.stack([segments == group for group in range(groups)]).to(weights)  # (group, token)
    return (member / member.sum(1, keepdim=True)) @ weights @ member.T


# -- of heads ------------------------------------------------------------------------------------------------------


@dataclass
class HeadStatistics:
    """Averages for every head, each a tensor (layers, heads); `texts` and `tokens` say over how much.

    `entropy` in nats; `broadness`: entropy as a part of the largest possible, ln(visible keys), 0 to 1; `distance` in
    tokens; `previous`, `next`, `same`: weight on the token before, after, itself (over tokens that have one);
    `within`: of the weight on words in pairs of texts, the part that stays in the own text (NaN without pairs);
    `mass`: weight on groups of tokens by name, always with "special".
    """

    entropy: torch.Tensor
    broadness: torch.Tensor
    distance: torch.Tensor
    previous: torch.Tensor
    next: torch.Tensor
    same: torch.Tensor
    within: torch.Tensor
    mass: dict[str, torch.Tensor] = field(default_factory=dict)
    texts: int = 0
    tokens: int = 0

    @property
    def special(self) -> torch.Tensor:
        """(layers, heads): weight on [CLS], [SEP] and their like."""
        return self.mass["special"]

    def table(self) -> list[dict[str, Any]]:
        """A row for each head, with its kind and pattern, for a data frame or CSV."""
        names = ("entropy", "broadness", "distance", "previous", "next", "same", "within")
        measured = {name: getattr(self, name) for name in names} | self.mass
        kinds, patterns = kinds_of(self), patterns_of(self)
        layers, heads = self.entropy.shape
        return [
            {"layer": layer, "head": head, "kind": kinds[layer][head], "pattern": patterns[layer][head]}
            | {name: float(value[layer, head]) for name, value in measured.items()}
            for layer in range(layers)
            for head in range(heads)
        ]


def statistics(
    attention: Layers,
    special: torch.Tensor,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    groups: Mapping[str, torch.Tensor] | None = None,
) -> HeadStatistics:
    """Statistics of every head over the texts of one batch.

    Args:
        attention: a recording, or (batch, heads, query, key) for each layer.
        special: (batch, sequence) or (sequence,), marks [CLS], [SEP] and their like, as the tokenizer's
            `special_tokens_mask` does.
        attention_mask: (batch, sequence), 0 for padding; all tokens are real when None.
        token_type_ids: (batch, sequence); gives `within`.
        groups: further masses to measure, each name with its marks (batch, sequence), such as punctuation.

    Raises:
        ValueError: when no text has any token but special ones, or shapes do not fit.
    """
    sums = _Sums()
    sums.add(_layers(attention), special, attention_mask, token_type_ids, groups or {})
    return sums.means()


def over_corpus(lab: Any, texts: Iterable[Any], *, texts_per_pass: int = 8) -> HeadStatistics:
    """Statistics of every head averaged over the tokens of many texts; see `stream_corpus`."""
    steps = deque(stream_corpus(lab, texts, texts_per_pass=texts_per_pass), maxlen=1)  # the last one
    if not steps:
        raise ValueError("there are no texts to average over; give at least one")
    return steps[0]


def stream_corpus(lab: Any, texts: Iterable[Any], *, texts_per_pass: int = 8) -> Iterator[HeadStatistics]:
    """The same as it grows: yields the averages so far after every few texts. Only sums are kept.

    `texts` are strings or pairs of strings, from any iterable. Besides "special", `mass` has "[CLS]", "[SEP]" and
    "punctuation" (full stops, commas and other single marks; Clark et al. 2019, section 3.2, watch the first two).
    """
    sums, waiting = _Sums(), []
    for text in texts:
        waiting.append(text)
        if len(waiting) == texts_per_pass:
            yield _add_texts(sums, lab, waiting)
            waiting = []
    if waiting:
        yield _add_texts(sums, lab, waiting)


def _add_texts(sums: _Sums, lab: Any, texts: list[Any]) -> HeadStatistics:
    pairs = [not isinstance(text, str) for text in texts]
    for chosen in ([t for t, p in zip(texts, pairs) if not p], [t for t, p in zip(texts, pairs) if p]):
        if not chosen:
            continue
        first, second = (chosen, None) if isinstance(chosen[0], str) else map(list, zip(*chosen))
        encoding = lab.encode(first, second, return_special_tokens_mask=True)
        special = encoding.pop("special_tokens_mask").bool()
        batch = checked(encoding)
        tokenizer, ids = lab.tokenizer, batch["input_ids"]
        marks = {i for token, i in tokenizer.get_vocab().items() if len(token) == 1 and _is_punctuation(token)}
        groups = {
            "[CLS]": ids == tokenizer.cls_token_id,
            "[SEP]": ids == tokenizer.sep_token_id,
            "punctuation": torch.isin(ids, torch.tensor(sorted(marks), device=ids.device)),
        }
        with torch.no_grad(), evaluating(lab.model), record(lab.model, PROBS) as recording:
            lab.model.base_model(**batch)
        sums.add(_layers(recording), special, batch.get("attention_mask"), batch.get("token_type_ids"), groups)
    return sums.means()


class _Sums:
    """Weighted sums over tokens, from which means are taken at any time. Double precision, so that a corpus of any
    length adds up."""

    def __init__(self) -> None:
        self.total: dict[str, torch.Tensor] = {}  # name -> (layers, heads)
        self.count: dict[str, int] = {}  # name -> tokens that had such a value
        self.texts = self.tokens = 0

    def add(
        self,
        attention: list[torch.Tensor],
        special: torch.Tensor,
        mask: torch.Tensor | None,
        types: torch.Tensor | None,
        groups: Mapping[str, torch.Tensor],
    ) -> None:
        batch, _, length, _ = attention[0].shape

        def full(marks: torch.Tensor, name: str) -> torch.Tensor:
            if marks.shape not in ((length,), (batch, length)):
                raise ValueError(f"{name} has shape {tuple(marks.shape)}; give ({batch}, {length})")
            return marks.to(attention[0].device).expand(batch, length)

        real = torch.ones(batch, length, dtype=torch.bool) if mask is None else full(mask, "attention_mask").bool()
        special = full(special, "special").bool()
        real = real.to(special.device)
        words = real & ~special  # (batch, query): those who count as looking
        if not bool(words.any()):
            raise ValueError("the text has no tokens but special ones; give at least one word")
        nobody = torch.zeros_like(words[:, :1])
        has_previous = words & torch.cat([nobody, real[:, :-1]], 1)
        has_next = words & torch.cat([real[:, 1:], nobody], 1)
        visible = real.sum(1, keepdim=True).clamp_min(2).log()[:, None]  # (batch, 1, 1)
        keys = {"special": special & real} | {name: full(g, name).bool() & real for name, g in groups.items()}
        paired = words
        if types is not None:
            types = full(types, "token_type_ids")
            same_text = (types[:, :, None] == types[:, None, :])[:, None]  # (batch, 1, query, key)
            is_pair = ((types > 0) & words).any(1) & ((types == 0) & words).any(1)
            paired = words & is_pair[:, None]
        rows: dict[str, list[torch.Tensor]] = {}
        for weights in attention:
            weights = weights.float()
            spread = entropy(weights)  # (batch, heads, query)
            values = {
                "entropy": (spread, words),
                "broadness": (spread / visible, words),
                "distance": (distance(weights), words),
                "previous": (at_offset(weights, -1), has_previous),
                "next": (at_offset(weights, 1), has_next),
                "same": (at_offset(weights, 0), words),
            }
            values |= {f"mass {name}": (mass_on(weights, marks), words) for name, marks in keys.items()}
            if types is not None:
                on_words = weights * words[:, None, None, :]
                values["own text"] = ((on_words * same_text).sum(-1), paired)
                values["words"] = (on_words.sum(-1), paired)
            for name, (value, counted) in values.items():
                rows.setdefault(name, []).append((value * counted[:, None]).sum((0, 2)))  # (heads,)
                self.count.setdefault(name, 0)
        for name, layers in rows.items():
            self.total[name] = self.total.get(name, 0) + torch.stack(layers).cpu().double()
            counted = {"previous": has_previous, "next": has_next, "own text": paired, "words": paired}.get(name, words)
            self.count[name] += int(counted.sum())
        self.texts += batch
        self.tokens += int(words.sum())

    def means(self) -> HeadStatistics:
        def mean(name: str) -> torch.Tensor:
            return (self.total[name] / max(self.count[name], 1)).float()

        unknown = torch.full_like(self.total["entropy"], float("nan")).float()
        # 0 / 0 is NaN, which says that there were no pairs
        within = (self.total["own text"] / self.total["words"]).float() if "words" in self.total else unknown
        mass = {name.removeprefix("mass "): mean(name) for name in self.total if name.startswith("mass ")}
        plain = {name: mean(name) for name in ("entropy", "broadness", "distance", "previous", "next", "same")}
        return HeadStatistics(**plain, within=within, mass=mass, texts=self.texts, tokens=self.tokens)


# -- kinds of heads ------------------------------------------------------------------------------------------------

KINDS = {  # name -> meaning; the first whose rule holds
    "previous": "more than half of its weight is on the token before",
    "next": "more than half of its weight is on the token after",
    "same": "more than half of its weight is on the token itself",
    "delimiter": "more than half of its weight is on special tokens: as good as a rest",
    "broad": "its entropy is more than 0.8 of the largest possible: it looks at all tokens",
    "focused": "its entropy is below 1 nat: it looks at few words, not at a fixed place",
    "mixed": "none of these",
}


def kinds_of(measured: HeadStatistics) -> list[list[str]]:
    """A name for every head, by the first rule of `KINDS` that holds: [layer][head].

    After Clark et al. 2019, section 3: more than half of the weight on the previous or next token (3.1), on a
    delimiter (3.2), and broad heads by their entropy (3.3). The bounds on entropy are ours.
    """
    rules = [
        ("previous", measured.previous > 0.5),
        ("next", measured.next > 0.5),
        ("same", measured.same > 0.5),
        ("delimiter", measured.special > 0.5),
        ("broad", measured.broadness > 0.8),
        ("focused", measured.entropy < 1.0),
    ]
    return _first_that_holds(rules, "mixed", measured.entropy.shape)


PATTERNS = {  # Kovaleva et al. 2019, figure 1 -> the rule here
    "vertical": "at least 0.6 of the weight is on special tokens",
    "diagonal": "at least 0.6 of the weight is on the previous token, the next or the token itself",
    "vertical and diagonal": "at least 0.6 on both together, and at least 0.2 on each",
    "block": "in pairs, at least 0.9 of the weight on words stays in the own text",
    "heterogeneous": "none of these; also heads that look at all tokens, where a short text leaves little else",
}


def patterns_of(measured: HeadStatistics) -> list[list[str]]:
    """The five shapes of Kovaleva et al. 2019, section 4.1: [layer][head].

    They let a network learn the shapes from annotated maps; here each has a stated rule, in `PATTERNS`.
    """
    vertical = measured.special
    diagonal = measured.previous + measured.next + measured.same
    narrow = measured.broadness <= 0.8
    rules = [
        ("vertical and diagonal", narrow & (vertical + diagonal >= 0.6) & (vertical >= 0.2) & (diagonal >= 0.2)),
        ("vertical", narrow & (vertical >= 0.6)),
        ("diagonal", narrow & (diagonal >= 0.6)),
        ("block", measured.within >= 0.9),  # NaN, without pairs, is no block
    ]
    return _first_that_holds(rules, "heterogeneous", measured.entropy.shape)


def _first_that_holds(rules: list[tuple[str, torch.Tensor]], otherwise: str, shape: torch.Size) -> list[list[str]]:
    layers, heads = shape
    return [
        [next((name for name, holds in rules if holds[layer, head]), otherwise) for head in range(heads)]
        for layer in range(layers)
    ]


# -- what attention brings -----------------------------------------------------------------------------------------


@torch.no_grad()
def head_contributions(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """What each head adds to its layer: (batch, heads, sequence, hidden) for every layer.

    Over the heads they sum, with the bias of the output projection, to `attention.output.projected` exactly
    (Elhage et al. 2021: heads are independent and additive).
    """
    recording = _run(model, checked(batch), "encoder.layer.*.attention.self.context")
    return [
        _through_output(layer.attention, recording[f"encoder.layer.{n}.attention.self.context"])
        for n, layer in enumerate(model.base_model.encoder.layer)
    ]


@torch.no_grad()
def norm_weighted(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    *,
    residual: bool = False,
    layer_norm: bool = False,
) -> list[torch.Tensor]:
    """How long the vectors are that attention brings, ||a f(x)||: (batch, heads, query, key) for every layer.

    f(x) is a token's value sent through the head's part of the output projection (Kobayashi et al. 2020, equation 3):
    a large weight on a short vector brings little.

    With `residual` the vectors of all heads and the token's own, which bypasses attention, are added before they are
    measured (Kobayashi et al. 2021, AttnRes-N); with `layer_norm` as well, after the LayerNorm's share
    of each (AttnResLn-N). Both belong to the layer as a whole, so they have one map: (batch, 1, query,
    key). Padding that is masked brings nothing.

    Raises:
        ValueError: for `layer_norm` without `residual`, which the LayerNorm always sees.
    """
    if layer_norm and not residual:
        raise ValueError("the LayerNorm stands after the residual sum; give residual=True with layer_norm=True")
    maps = []
    for inside in _brought(model, batch, layer_norm):
        if not residual:
            maps.append(inside["probs"] * inside["value"].norm(dim=-1)[:, :, None, :])  # (batch, heads, query, key)
            continue
        value, probs, own = inside["value"], inside["probs"], inside["own"]
        gram = torch.einsum("bhkd,bgkd->bkhg", value, value)  # (batch, key, heads, heads)
        # ||sum over heads of a_h f_h||^2 = sum over pairs of heads of a_h a_g f_h.f_g, without the vectors themselves
        squared = torch.einsum("bhqk,bkhg,bgqk->bqk", probs, gram, probs).clamp_min(0)
        norm = squared.sqrt()
        norm.diagonal(0, 1, 2).copy_((inside["kept"] + own).norm(dim=-1))
        if "scale" in inside:
            norm = norm / inside["scale"]  # (batch, query, 1)
        maps.append(norm[:, None])
    return maps


@dataclass(frozen=True)
class Mixing:
    """For each token of a layer, (batch, sequence): the length of what comes from other tokens (`context`), of what
    it keeps of itself (`preserved`), and `ratio`, context / (context + preserved)."""

    context: torch.Tensor
    preserved: torch.Tensor

    @property
    def ratio(self) -> torch.Tensor:
        """(batch, sequence): 0 when a token stays as it is, 1 when it is made of others alone."""
        return self.context / (self.context + self.preserved)


@torch.no_grad()
def mixing(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], *, layer_norm: bool = True) -> list[Mixing]:
    """How far each layer's attention mixes tokens, residual connection included (Kobayashi et al. 2021, who
    find far less mixing than the weights alone suggest)."""
    results = []
    for inside in _brought(model, batch, layer_norm):
        preserved = inside["kept"] + inside["own"]  # (batch, sequence, hidden)
        brought = torch.einsum("bhqk,bhkd->bqd", inside["probs"], inside["value"])
        context = (brought - inside["kept"]).norm(dim=-1)
        preserved = preserved.norm(dim=-1)
        if "scale" in inside:
            context, preserved = context / inside["scale"][..., 0], preserved / inside["scale"][..., 0]
        results.append(Mixing(context, preserved))
    return results


def _brought(
    model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], layer_norm: bool
) -> Iterator[dict[str, torch.Tensor]]:
    """For each layer the parts of its attention's output, as (batch, ...) tensors:

    `probs` (heads, query, key); `value` f(x), (heads, key, hidden); `own`, the residual (query, hidden); `kept`, what
    attention brings each token from itself (query, hidden). With `layer_norm` the vectors are centred and multiplied
    by the norm's weight, and `scale` (query, 1) is the standard deviation that still divides them.
    """
    batch = checked(batch)
    base = [f"encoder.layer.*.attention.{name}" for name in ("self.probs", "self.v", "output.residual")]
    recording = _run(model, batch, [*base, "embeddings.hidden", "encoder.layer.*.hidden"])
    for n, layer in enumerate(model.base_model.encoder.layer):
        prefix = f"encoder.layer.{n}.attention."
        probs = recording[prefix + "self.probs"].float()
        value = _through_output(layer.attention, recording[prefix + "self.v"]).float()
        own = recording.hidden(n).float()
        inside = {"probs": probs}
        if layer_norm:
            norm = layer.attention.output.LayerNorm
            total = recording[prefix + "output.residual"].float()
            inside["scale"] = (total.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            value, own = ((x - x.mean(-1, keepdim=True)) * norm.weight.float() for x in (value, own))
        inside["kept"] = torch.einsum("bhq,bhqd->bqd", probs.diagonal(0, 2, 3), value)
        yield inside | {"value": value, "own": own}


def _through_output(attention: Any, by_head: torch.Tensor) -> torch.Tensor:
    """(batch, heads, sequence, head size) -> (batch, heads, sequence, hidden): each head's part of the projection."""
    weight = attention.output.dense.weight  # (hidden, heads x head size)
    split = weight.unflatten(1, by_head.shape[1::2]).to(by_head)  # (hidden, heads, head size)
    return torch.einsum("bhsd,ohd->bhso", by_head, split)


def _run(model: BertPreTrainedModel, batch: Batch, names: Any) -> Recording:
    with evaluating(model), record(model, names) as recording:
        model(**batch)
    return recording


# -- through the layers --------------------------------------------------------------------------------------------


def rollout(attention: Layers, *, residual: float = 0.5) -> torch.Tensor:
    """Attention multiplied through the layers: how much of each input token is in each token of every layer, if
    attention weights and a fixed residual share were all (Abnar & Zuidema 2020, section 3).

    Heads are averaged, mixed with the identity (`residual` of it; 0.5 in the paper), rows made to sum to 1, and
    multiplied from the first layer up. Maps of norms are possible too (`norm_weighted(..., residual=True)`, with
    `residual=0` here, because they hold it already; Modarressi et al. 2022).

    Returns:
        (layers, batch, query, key); each row sums to 1.
    """
    if not 0 <= residual <= 1:
        raise ValueError(f"residual is {residual}; give a share from 0 to 1")
    maps = [_mixed(weights, residual) for weights in _layers(attention)]
    for number in range(1, len(maps)):
        maps[number] = maps[number] @ maps[number - 1]
    return torch.stack(maps)


FLOW_LIMIT = 64  # tokens


def flow(attention: Layers, places: Iterable[int] | None = None, *, residual: float = 0.5) -> torch.Tensor:
    """How much could flow from each input token to a token of the last layer, if weights were the widths of pipes:
    the maximum flow (Abnar & Zuidema 2020, section 3). For one short text.

    Args:
        attention: a recording, or weights (heads, query, key) or (1, heads, query, key) for each layer.
        places: tokens of the last layer to follow; all when None. Each takes as many flows as there are tokens.
        residual: as in `rollout`.

    Returns:
        (places, key): exact to about 1e-6.

    Raises:
        ValueError: for more than one text, more than `FLOW_LIMIT` tokens, and places that are not there.
    """
    import numpy
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    maps = [_mixed(weights, residual) for weights in _layers(attention)]
    texts, length, _ = maps[0].shape
    if texts != 1 or length > FLOW_LIMIT:
        raise ValueError(
            f"flow was asked of {texts} texts of {length} tokens; give one text of at most {FLOW_LIMIT}, or use rollout"
        )
    chosen = list(range(length)) if places is None else [int(place) for place in places]
    wrong = [place for place in chosen if not 0 <= place < length]
    if wrong:
        raise ValueError(f"there is no place {wrong[0]}; the text has places 0 to {length - 1}")
    whole = 2**24  # maximum_flow counts in whole units
    nodes = (len(maps) + 1) * length  # level 0 is the input, level n what layer n - 1 puts out
    capacity = numpy.zeros((nodes, nodes), dtype=numpy.int32)
    for level, weights in enumerate(maps):
        below = slice(level * length, (level + 1) * length)
        above = slice((level + 1) * length, (level + 2) * length)
        capacity[below, above] = (weights[0].T.cpu().double() * whole).round().numpy()
    graph = csr_matrix(capacity)
    top = len(maps) * length
    flows = [[maximum_flow(graph, key, top + place).flow_value / whole for key in range(length)] for place in chosen]
    return torch.tensor(flows, dtype=torch.float32)


def _mixed(weights: torch.Tensor, residual: float) -> torch.Tensor:
    """(batch, heads, query, key) -> (batch, query, key): heads averaged, the identity mixed in, rows of sum 1."""
    mean = weights.float().mean(1)
    if mean.shape[-1] != mean.shape[-2]:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; layers multiply only where query and key agree")
    mean = mean / mean.sum(-1, keepdim=True)
    mixed = residual * torch.eye(mean.shape[-1], device=mean.device) + (1 - residual) * mean
    return mixed / mixed.sum(-1, keepdim=True)


# -- helpers -------------------------------------------------------------------------------------------------------


def _layers(attention: Layers) -> list[torch.Tensor]:
    """A recording, or a tensor for each layer, as a list of (batch, heads, query, key)."""
    if isinstance(attention, Recording):
        attention = [attention.attention(layer) for layer in attention.layers]
    layers = [weights.unsqueeze(0) if weights.dim() == 3 else weights for weights in attention]
    if not layers:
        raise ValueError("there is no layer's attention; record '*.probs' while the model runs")
    wrong = [weights for weights in layers if weights.dim() != 4]
    if wrong:
        raise ValueError(f"a layer's attention has shape {tuple(wrong[0].shape)}; give (batch, heads, query, key)")
    return layers


def _as_keys(weights: torch.Tensor, keys: torch.Tensor, name: str) -> torch.Tensor:
    """(key,) or (batch, key) -> what multiplies (batch, ..., query, key)."""
    if keys.dim() == 1 and keys.shape == weights.shape[-1:]:
        return keys.to(weights)
    if keys.dim() == 2 and weights.dim() > 2 and keys.shape == (weights.shape[0], weights.shape[-1]):
        return keys.view(len(keys), *[1] * (weights.dim() - 2), -1).to(weights)
    raise ValueError(
        f"{name} has shape {tuple(keys.shape)} for weights {tuple(weights.shape)}; give (key,) or (batch, key)"
    )


def _is_punctuation(token: str) -> bool:
    import unicodedata

    return unicodedata.category(token).startswith("P")
