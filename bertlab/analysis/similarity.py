"""Why two sentences are similar: the cosine of their vectors, split into pairs of tokens that add up to it.

With mean pooling a sentence's vector is a sum over its tokens, so that the product of two vectors is a sum over pairs
of tokens, exactly: cosine = sum over i, j of h_i . h_j / (n m |mean_a| |mean_b|). Maximum pooling splits too, since
each dimension comes from one token of each sentence; with "cls" and "pooler" everything rests on one pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis import words as by_words
from bertlab.analysis.parts import lower_layers
from bertlab.analysis.passes import evaluating, report
from bertlab.analysis.states import (
    Progress,
    check_pooling,
    embed,
    in_float,
    pooled,
    state_number,
    text_batches,
    text_list,
    token_ids,
)
from bertlab.recording import names, record


@dataclass(frozen=True)
class Explanation:
    """The `cosine` of two sentences and the `pairs` that add up to it, (tokens of a, tokens of b), positive where a
    pair makes them more alike. `tokens_a` and `tokens_b` name the rows and columns, words where words were asked for;
    `layer` is the hidden state, from 0, and `pooling` how the vectors were made."""

    cosine: float
    pairs: torch.Tensor
    tokens_a: list[str]
    tokens_b: list[str]
    layer: int
    pooling: str


def explain(lab: Any, a: Any, b: Any, *, layer: int = -1, words: bool = False, pooling: str = "mean") -> Explanation:
    """Split the similarity of two sentences into pairs of tokens, over all real tokens.

    Args:
        a, b: texts, or what `lab.encode` gives for one, whose `input_ids` may have been changed (a token masked, say).
        layer: the hidden state, 0 (embeddings) to the number of layers, or from the end.
        words: add pieces up into words; the sum stays the same.
        pooling: as in `Lab.embed`.

    Returns:
        `pairs.sum()` is `cosine`, which is that of the vectors of `Lab.embed`, to 1e-5.

    Raises:
        TypeError: for what is no text. ValueError: for a text that does not fit, an encoding of several, another layer
            or pooling.
    """
    layer = state_number(lab.model, layer)
    return next(_explanations(lab, a, b, [layer], words, pooling))


def explain_layers(lab: Any, a: Any, b: Any, *, words: bool = False, pooling: str = "mean") -> list[Explanation]:
    """The same at every hidden state, embeddings first, from one pass: layers + 1 explanations."""
    layers = range(len(lab.model.base_model.encoder.layer) + 1)
    return list(_explanations(lab, a, b, layers, words, pooling))


def matrix(
    lab: Any, texts: Any, *, layer: int = -1, pooling: str = "mean", progress: Progress | None = None
) -> torch.Tensor:
    """The cosine of every text with every other: (texts, texts), with 1 on the diagonal.

    Args and errors: as `Lab.embed`.
    """
    vectors = embed(lab, texts, layer=layer, pooling=pooling, progress=progress)
    unit = torch.nn.functional.normalize(vectors, dim=-1)
    return (unit @ unit.T).clamp(-1, 1)


@torch.no_grad()
def matrices(lab: Any, texts: Any, *, pooling: str = "mean", progress: Progress | None = None) -> torch.Tensor:
    """The same at every hidden state, embeddings first, from one pass: (layers + 1, texts, texts)."""
    check_pooling(lab.model, pooling)
    rows, layers, done = token_ids(lab, text_list(texts)), len(lab.model.base_model.encoder.layer), 0
    lower = lower_layers(lab.model, layers)
    vectors: list[list[Any]] = [[None] * len(rows) for _ in range(layers + 1)]
    for batch in text_batches(lab, rows):
        with evaluating(lower, every_row=False), record(lower, names.all_hidden()) as recording:
            lower(**batch.inputs)
        for layer in range(layers + 1):
            for number, vector in zip(batch.numbers, pooled(lab.model, recording.hidden(layer), batch.real, pooling)):
                vectors[layer][number] = vector
        done += len(batch.numbers)
        report(progress, done / len(rows))
    unit = torch.nn.functional.normalize(torch.stack([torch.stack(rows) for rows in vectors]), dim=-1)
    return (unit @ unit.transpose(1, 2)).clamp(-1, 1)


@torch.no_grad()
def _explanations(lab: Any, a: Any, b: Any, layers: Any, words: bool, pooling: str) -> Iterator[Explanation]:
    check_pooling(lab.model, pooling)
    encodings = [_encoded(lab, name, text) for name, text in (("a", a), ("b", b))]
    token_ids(lab, [text if isinstance(text, str) else "" for text in (a, b)])  # which says whose text is too long
    rows = [encoding["input_ids"] for encoding in encodings]
    rows = [row[0].tolist() if isinstance(row, torch.Tensor) else row for row in rows]
    tokens = [lab.tokenizer.convert_ids_to_tokens(row) for row in rows]
    called, numbers = tokens, None
    if words:
        numbers = [by_words.of(encoding) for encoding in encodings]
        called = [by_words.names(*pair, lab.tokenizer) for pair in zip(tokens, numbers)]
    tokens_a, tokens_b = called
    for layer, states in _states(lab, rows, layers):
        vectors, shares = zip(*(_shares(lab.model, hidden, pooling) for hidden in states))
        lengths = [vector.norm().clamp_min(torch.finfo(vector.dtype).tiny) for vector in vectors]
        one, other = (share / length for share, length in zip(shares, lengths))
        pairs = torch.einsum("id,jd->ij", one, other).cpu()  # (tokens of a, tokens of b)
        if numbers is not None:
            pairs = by_words.total(by_words.total(pairs, numbers[1]).T, numbers[0]).T
        cosine = float(torch.dot(vectors[0] / lengths[0], vectors[1] / lengths[1]))
        yield Explanation(cosine, pairs, tokens_a, tokens_b, layer, pooling)


def _encoded(lab: Any, name: str, text: Any) -> Any:
    """One text as the tokenizer gives it: `input_ids` are a list, or of shape (1, tokens)."""
    if isinstance(text, str):
        return lab.tokenizer(text, verbose=False)
    if not isinstance(text, Mapping) or not isinstance(text.get("input_ids"), torch.Tensor):
        raise TypeError(f"{name} is a {type(text).__name__}: {str(text)[:60]!r}; give one text, or lab.encode(text)")
    ids, real = text["input_ids"], text.get("attention_mask")
    if ids.dim() != 2 or len(ids) != 1 or (real is not None and not bool(real.bool().all())):
        raise ValueError(f"{name} holds ids of shape {tuple(ids.shape)}; give one text without padding")
    if ids.shape[1] > lab.max_length:
        raise ValueError(f"{name} has {ids.shape[1]} tokens; {lab.name} takes at most {lab.max_length}; shorten it")
    return text


def _states(lab: Any, rows: list[list[int]], layers: Any) -> Iterator[tuple[int, list[torch.Tensor]]]:
    """For each layer the hidden states of both texts, (sequence, hidden) of real tokens."""
    (batch,) = text_batches(lab, rows, 2 * max(map(len, rows)))
    lower = lower_layers(lab.model, max(layers))
    with evaluating(lower), record(lower, [names.hidden(layer) for layer in layers]) as recording:
        lower(**batch.inputs)
    for layer in layers:
        hidden = recording[names.hidden(layer)]
        states = {number: state[real] for number, state, real in zip(batch.numbers, hidden, batch.real)}
        yield layer, [states[0], states[1]]


def _shares(model: Any, hidden: torch.Tensor, pooling: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, hidden) -> the text's vector (hidden,), and what each token gives to it, (tokens, hidden)."""
    hidden = in_float(hidden)
    if pooling == "mean":
        return hidden.mean(0), hidden / len(hidden)
    share = torch.zeros_like(hidden)
    if pooling == "max":
        vector, chosen = hidden.max(0)
        return vector, share.scatter(0, chosen[None], vector[None])
    real = torch.ones(1, len(hidden), dtype=torch.bool, device=hidden.device)
    share[0] = vector = pooled(model, hidden[None].to(model.dtype), real, pooling)[0]
    return vector, share
