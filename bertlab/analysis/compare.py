"""What differs between two models of one vocabulary, such as a base and its fine-tuned version: hidden states,
attention, predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.heads import remaining_heads
from bertlab.analysis.passes import Progress, evaluating, report
from bertlab.analysis.states import TextBatch, in_float, text_batches, text_list, token_ids
from bertlab.recording import Recording, names, record

TOKENS_PER_PASS = 512  # of which all hidden states, attention and vocabulary logits are held at once


@dataclass(frozen=True)
class Change:
    """A place of a text ([CLS] is 0) at which the most probable vocabulary item was `before` in the first model and
    is `after` in the second."""

    text: str
    place: int
    before: str
    after: str


@dataclass(frozen=True)
class ModelComparison:
    """Two models side by side, over all real tokens of the texts, of which there were `tokens`.

    `cka` and `cosine` (layers + 1,): how alike the clouds of hidden states are (`geometry.cka`), and the mean cosine
    of a token's states in both (NaN where the models are not of one width). `attention` (layers, heads): the mean
    over the tokens that look of half the sum of |difference| of weights, 0 to 1; NaN where a head is gone in one of
    them. `changed`: where the most probable vocabulary item differs, text by text.
    """

    cka: torch.Tensor
    cosine: torch.Tensor
    attention: torch.Tensor
    changed: list[Change]
    tokens: int


@torch.no_grad()
def models(a: Any, b: Any, texts: Any, *, progress: Progress | None = None) -> ModelComparison:
    """Run two labs on the same texts and compare what is inside.

    Raises:
        TypeError: for texts that are none. ValueError: for models of different vocabularies, depths or numbers of
            heads, no texts, and texts that do not fit into one of the models.
    """
    texts = text_list(texts)
    _check_alike(a, b)
    rows = token_ids(a, texts)
    if token_ids(b, texts) != rows:
        raise ValueError(f"{a.name} and {b.name} cut the texts into different tokens; give models of one tokenizer")
    layers, heads = len(a.model.base_model.encoder.layer), a.model.config.num_attention_heads
    clouds = [_Clouds() for _ in range(layers + 1)]
    distance, done, total = torch.zeros(layers, heads, dtype=torch.float64), 0, sum(map(len, rows))
    changed: list[tuple[int, int, int, int]] = []
    for batch in text_batches(a, rows, TOKENS_PER_PASS):
        (one, said), (other, answered) = _seen(a, batch), _seen(b, batch)
        real = batch.real.cpu()
        for state, cloud in enumerate(clouds):
            cloud.add(one.hidden(state).cpu()[real], other.hidden(state).cpu()[real])
        for layer in range(layers):
            distance[layer] += _distance(a.model, b.model, layer, one, other, real)
        for text, place in (real & (said != answered)).nonzero().tolist():
            changed.append((batch.numbers[text], place, int(said[text, place]), int(answered[text, place])))
        done += int(real.sum())
        report(progress, done / total)
    name = a.tokenizer.convert_ids_to_tokens
    return ModelComparison(
        torch.tensor([cloud.cka for cloud in clouds]),
        torch.tensor([cloud.cosine for cloud in clouds]),
        (distance / total).float(),
        [Change(texts[text], place, name(before), name(after)) for text, place, before, after in sorted(changed)],
        total,
    )


class _Clouds:
    """Sums over tokens from which the likeness of two clouds of hidden states is taken; nothing else is kept."""

    def __init__(self) -> None:
        self.count, self.cosines = 0, 0.0
        self.sums: list[Any] = [0.0] * 5

    def add(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """(tokens, hidden) of both models."""
        x, y = x.double(), y.double()
        parts = (x.sum(0), y.sum(0), x.T @ x, y.T @ y, x.T @ y)
        self.sums = [total + part for total, part in zip(self.sums, parts)]
        self.count += len(x)
        same_width = x.shape == y.shape
        self.cosines += float(torch.cosine_similarity(x, y, dim=1).sum()) if same_width else float("nan")

    @property
    def cosine(self) -> float:
        return self.cosines / self.count

    @property
    def cka(self) -> float:
        """`geometry.cka`, from products of dimensions."""
        x, y, xx, yy, xy = self.sums
        xx, yy, xy = (
            product - torch.outer(left, right) / self.count
            for product, left, right in ((xx, x, x), (yy, y, y), (xy, x, y))
        )
        return float(xy.square().sum() / (xx.norm() * yy.norm()))


def _seen(lab: Any, batch: TextBatch) -> tuple[Recording, torch.Tensor]:
    """What a model computes on the texts, and the most probable vocabulary item at each place, (texts, sequence)."""
    inputs = {name: value.to(lab.device) for name, value in batch.inputs.items()}
    with evaluating(lab.model), record(lab.model, [*names.all_hidden(), names.probs()]) as recording:
        hidden = lab.model.base_model(**inputs, return_dict=True).last_hidden_state
        logits = lab.model.cls.predictions(hidden)
    return recording, logits[..., : len(lab.tokenizer)].argmax(-1).cpu()  # rows behind the vocabulary name nothing


def _distance(a: Any, b: Any, layer: int, one: Recording, other: Recording, real: torch.Tensor) -> torch.Tensor:
    """(heads,): the sum over the tokens that look of half the sum of |difference|; NaN where a head is gone."""
    maps = []
    for model, recording in ((a, one), (b, other)):
        probs = in_float(recording.attention(layer)).cpu()  # (texts, heads left, query, key)
        whole = probs.new_full((len(probs), model.config.num_attention_heads, *probs.shape[2:]), float("nan"))
        whole[:, remaining_heads(model)[layer]] = probs
        maps.append(whole)
    half = (maps[0] - maps[1]).abs().sum(-1) / 2  # (texts, heads, query)
    return torch.where(real[:, None], half, 0).sum((0, 2)).double()


def _check_alike(a: Any, b: Any) -> None:
    if a.tokenizer.get_vocab() != b.tokenizer.get_vocab():
        raise ValueError(f"{a.name} and {b.name} have different vocabularies; give models of one")
    for name, count in (
        ("layers", lambda model: len(model.base_model.encoder.layer)),
        ("heads", lambda model: model.config.num_attention_heads),
    ):
        counts = count(a.model), count(b.model)
        if counts[0] != counts[1]:
            raise ValueError(f"{a.name} has {counts[0]} {name} and {b.name} {counts[1]}; give models of one size")
