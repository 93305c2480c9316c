"""What attention heads look at: statistics over a text or a corpus, and kinds of heads.

Weights are probabilities before dropout, as recorded: (batch, heads, query, key), rows sum to 1. Row i is where token
i looks. Statistics are averages over the tokens of the text; special tokens and padding look too, but do not count as
those who look.

What single rows say is in `weights`, what attention brings in `norms`, its way through the layers in `paths`; all of it
can be had from here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from bertlab.analysis.heads import remaining_heads
from bertlab.analysis.norms import Mixing, head_contributions, mixing, norm_weighted
from bertlab.analysis.passes import Progress, checked, evaluating, report
from bertlab.analysis.paths import FLOW_LIMIT, flow, rollout
from bertlab.analysis.weights import (
    Layers,
    at_offset,
    distance,
    entropy,
    hide,
    layers_of,
    mass_on,
    segment_mass,
)
from bertlab.language import mark
from bertlab.model import BertPreTrainedModel
from bertlab.recording import names, record

__all__ = [
    "FLOW_LIMIT", "GONE", "KINDS", "PATTERNS", "HeadStatistics", "Mixing", "at_offset", "distance", "entropy", "flow",
    "head_contributions", "hide", "kinds_of", "mass_on", "mixing", "norm_weighted", "over_corpus", "patterns_of",
    "rollout", "segment_mass", "statistics", "stream_corpus",
]  # fmt: skip


# -- of heads ------------------------------------------------------------------------------------------------------


@dataclass
class HeadStatistics:
    """Averages for every head, each a tensor (layers, heads), NaN where a head is gone; `texts` and `tokens` say over
    how much.

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
        """A row for each head that is there, with its kind and pattern, for a data frame or CSV."""
        plain = ("entropy", "broadness", "distance", "previous", "next", "same", "within")
        measured = {name: getattr(self, name) for name in plain} | self.mass
        kinds, patterns = kinds_of(self), patterns_of(self)
        layers, heads = self.entropy.shape
        return [
            {"layer": layer, "head": head, "kind": kinds[layer][head], "pattern": patterns[layer][head]}
            | {name: float(value[layer, head]) for name, value in measured.items()}
            for layer in range(layers)
            for head in range(heads)
            if kinds[layer][head] != GONE
        ]


def statistics(
    attention: Layers,
    special: torch.Tensor,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    groups: Mapping[str, torch.Tensor] | None = None,
    model: BertPreTrainedModel | None = None,
) -> HeadStatistics:
    """Statistics of every head over the texts of one batch.

    Args:
        attention: a recording, or (batch, heads, query, key) for each layer.
        special: (batch, sequence) or (sequence,), marks [CLS], [SEP] and their like, as the tokenizer's
            `special_tokens_mask` does.
        attention_mask: (batch, sequence), 0 for padding; all tokens are real when None.
        token_type_ids: (batch, sequence); gives `within`.
        groups: further masses to measure, each name with its marks (batch, sequence), such as punctuation.
        model: whose attention it is; needed where heads were pruned, to number those that are left.

    Raises:
        ValueError: when no text has any token but special ones, shapes do not fit, or layers have unequal numbers of
            heads and no model tells which.
    """
    sums = _Sums(model)
    sums.add(layers_of(attention), special, attention_mask, token_type_ids, groups or {})
    return sums.means()


def over_corpus(
    lab: Any, texts: Iterable[Any], *, texts_per_pass: int = 8, progress: Progress | None = None
) -> HeadStatistics:
    """Statistics of every head averaged over the tokens of many texts; see `stream_corpus`. `progress` is called with
    the share that is done; raising in it stops the work.

    Raises:
        ValueError: when there are no texts, or none in those of one pass has any word.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("there are no texts to average over; give at least one")
    for measured in stream_corpus(lab, texts, texts_per_pass=texts_per_pass):
        report(progress, measured.texts / len(texts))
    return measured


def stream_corpus(lab: Any, texts: Iterable[Any], *, texts_per_pass: int = 8) -> Iterator[HeadStatistics]:
    """The same as it grows: yields the averages so far after every few texts. Only sums are kept.

    `texts` are strings or pairs of strings, from any iterable. Besides "special", `mass` has "[CLS]", "[SEP]" and
    "punctuation" (full stops, commas and other single marks; Clark et al. 2019, section 3.2, watch the first two).
    """
    sums, waiting = _Sums(lab.model), []
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
        batch = checked(encoding, lab.model)
        tokenizer, ids = lab.tokenizer, batch["input_ids"]
        marks = {i for token, i in tokenizer.get_vocab().items() if len(token) == 1 and _is_punctuation(token)}
        groups = {
            "[CLS]": ids == tokenizer.cls_token_id,
            "[SEP]": ids == tokenizer.sep_token_id,
            "punctuation": torch.isin(ids, torch.tensor(sorted(marks), device=ids.device)),
        }
        with torch.no_grad(), evaluating(lab.model), record(lab.model, names.probs()) as recording:
            lab.model.base_model(**batch)
        sums.add(layers_of(recording), special, batch.get("attention_mask"), batch.get("token_type_ids"), groups)
    return sums.means()


class _Sums:
    """Weighted sums over tokens, from which means are taken at any time. Double precision, so that a corpus of any
    length adds up."""

    def __init__(self, model: BertPreTrainedModel | None) -> None:
        self.model = model
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
        """`attention` holds (batch, heads, query, key) for each layer; the others are (batch, sequence)."""
        tokens = _Tokens(attention[0], special, mask, types, groups)
        numbers = self._numbers([weights.shape[1] for weights in attention])
        width = max(map(len, numbers)) if self.model is None else self.model.config.num_attention_heads
        rows: dict[str, torch.Tensor] = {}
        for layer, weights in enumerate(attention):
            for name, (value, counted) in tokens.values_of(weights.float()).items():
                if name not in rows:
                    rows[name] = torch.full((len(attention), width), float("nan"), dtype=torch.float64)
                rows[name][layer, numbers[layer]] = (value * counted[:, None]).sum((0, 2)).cpu().double()
        for name, sums in rows.items():
            self.total[name] = self.total.get(name, 0) + sums
            self.count[name] = self.count.get(name, 0) + int(tokens.counted(name).sum())
        self.texts += len(attention[0])
        self.tokens += int(tokens.words.sum())

    def _numbers(self, counts: list[int]) -> list[list[int]]:
        """The numbers of each layer's heads."""
        if self.model is None:
            if len(set(counts)) > 1:
                raise ValueError(
                    f"the layers have {', '.join(map(str, counts))} heads, so some are pruned; give model=, which "
                    "tells which"
                )
            return [list(range(count)) for count in counts]
        numbers = list(remaining_heads(self.model).values())
        if [len(layer) for layer in numbers] != counts:
            raise ValueError(
                f"the layers have {', '.join(map(str, counts))} heads and the model's "
                f"{', '.join(str(len(layer)) for layer in numbers)}; give the model whose attention it is"
            )
        return numbers

    def means(self) -> HeadStatistics:
        """The averages so far."""

        def mean(name: str) -> torch.Tensor:
            return (self.total[name] / max(self.count[name], 1)).float()

        unknown = torch.full_like(self.total["entropy"], float("nan")).float()
        # 0 / 0 is NaN, which says that there were no pairs
        within = (self.total["own text"] / self.total["words"]).float() if "words" in self.total else unknown
        mass = {name.removeprefix("mass "): mean(name) for name in self.total if name.startswith("mass ")}
        plain = {name: mean(name) for name in ("entropy", "broadness", "distance", "previous", "next", "same")}
        return HeadStatistics(**plain, within=within, mass=mass, texts=self.texts, tokens=self.tokens)


class _Tokens:
    """Who counts as looking, and what is looked at, in the texts of one batch: (batch, sequence) of booleans each."""

    def __init__(
        self,
        weights: torch.Tensor,
        special: torch.Tensor,
        mask: torch.Tensor | None,
        types: torch.Tensor | None,
        groups: Mapping[str, torch.Tensor],
    ):
        batch, _, length, _ = weights.shape

        def full(marks: torch.Tensor, name: str) -> torch.Tensor:
            if marks.shape not in ((length,), (batch, length)):
                raise ValueError(f"{name} has shape {tuple(marks.shape)}; give ({batch}, {length})")
            return marks.to(weights.device).expand(batch, length)

        special = full(special, "special").bool()
        real = torch.ones_like(special) if mask is None else full(mask, "attention_mask").bool()
        self.words = real & ~special
        if not bool(self.words.any()):
            raise ValueError("the text has no tokens but special ones; give at least one word")
        nobody = torch.zeros_like(self.words[:, :1])
        self.has_previous = self.words & torch.cat([nobody, real[:, :-1]], 1)
        self.has_next = self.words & torch.cat([real[:, 1:], nobody], 1)
        self.visible = real.sum(1, keepdim=True).clamp_min(2).log()[:, None]  # (batch, 1, 1)
        self.keys = {"special": special & real} | {name: full(g, name).bool() & real for name, g in groups.items()}
        self.paired, self.same_text = self.words, None
        if types is not None:
            types = full(types, "token_type_ids")
            self.same_text = (types[:, :, None] == types[:, None, :])[:, None]  # (batch, 1, query, key)
            is_pair = ((types > 0) & self.words).any(1) & ((types == 0) & self.words).any(1)
            self.paired = self.words & is_pair[:, None]

    def counted(self, name: str) -> torch.Tensor:
        """The tokens that have a value of this name."""
        exceptions = {
            "previous": self.has_previous, "next": self.has_next, "own text": self.paired, "words": self.paired,
        }  # fmt: skip
        return exceptions.get(name, self.words)

    def values_of(self, weights: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """(batch, heads, query, key) -> for each name the values (batch, heads, query), and whose count."""
        spread = entropy(weights)
        values = {
            "entropy": spread,
            "broadness": spread / self.visible,
            "distance": distance(weights),
            "previous": at_offset(weights, -1),
            "next": at_offset(weights, 1),
            "same": at_offset(weights, 0),
        }
        values |= {f"mass {name}": mass_on(weights, marks) for name, marks in self.keys.items()}
        if self.same_text is not None:
            on_words = weights * self.words[:, None, None, :]
            values["own text"] = (on_words * self.same_text).sum(-1)
            values["words"] = on_words.sum(-1)
        return {name: (value, self.counted(name)) for name, value in values.items()}


# -- kinds of heads ------------------------------------------------------------------------------------------------

GONE = "gone"  # in place of a kind or pattern: the head was pruned

KINDS = {  # name -> meaning; the first whose rule holds
    "previous": mark("more than half of its weight is on the token before"),
    "next": mark("more than half of its weight is on the token after"),
    "same": mark("more than half of its weight is on the token itself"),
    "delimiter": mark("more than half of its weight is on special tokens: as good as a rest"),
    "broad": mark("its entropy is more than 0.8 of the largest possible: it looks at all tokens"),
    "focused": mark("its entropy is below 1 nat: it looks at few words, not at a fixed place"),
    "mixed": mark("none of these"),
}


def kinds_of(measured: HeadStatistics) -> list[list[str]]:
    """A name for every head, by the first rule of `KINDS` that holds, or `GONE`: [layer][head].

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
    return _first_that_holds(rules, "mixed", measured.entropy.isnan())


PATTERNS = {  # Kovaleva et al. 2019, figure 1 -> the rule here
    "vertical": "at least 0.6 of the weight is on special tokens",
    "diagonal": "at least 0.6 of the weight is on the previous token, the next or the token itself",
    "vertical and diagonal": "at least 0.6 on both together, and at least 0.2 on each",
    "block": "in pairs, at least 0.9 of the weight on words stays in the own text",
    "heterogeneous": "none of these; also heads that look at all tokens, where a short text leaves little else",
}


def patterns_of(measured: HeadStatistics) -> list[list[str]]:
    """The five shapes of Kovaleva et al. 2019, section 4.1, or `GONE`: [layer][head].

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
    return _first_that_holds(rules, "heterogeneous", measured.entropy.isnan())


def _first_that_holds(rules: list[tuple[str, torch.Tensor]], otherwise: str, gone: torch.Tensor) -> list[list[str]]:
    rules = [(GONE, gone), *rules]
    layers, heads = gone.shape
    return [
        [next((name for name, holds in rules if holds[layer, head]), otherwise) for head in range(heads)]
        for layer in range(layers)
    ]


def _is_punctuation(token: str) -> bool:
    return unicodedata.category(token).startswith("P")
