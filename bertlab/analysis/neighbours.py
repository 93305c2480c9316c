"""The nearest contexts: tokens of many sentences whose hidden states point most nearly where one token's does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.passes import Progress, whole_number
from bertlab.analysis.states import in_float, state_number, stream_states, text_list, token_ids


@dataclass(frozen=True)
class Neighbour:
    """A token in its context: the `text`, its `place` among the text's tokens ([CLS] is 0), the piece itself, and the
    cosine `similarity` of its hidden state with the one asked for."""

    text: str
    place: int
    token: str
    similarity: float


class Index:
    """The hidden states of every token of many texts, made to be searched exactly.

    Special tokens are left out; a word that the vocabulary does not know is none of them. `vectors` (tokens, hidden)
    have length 1; `len(index)` says how many there are. They take 4 bytes a number: 150 MB for 50,000 tokens of
    768 dimensions.

    Args:
        texts: a list of strings.
        layer: the hidden state, 0 (embeddings) to the number of layers, or from the end.
        progress: called with the share of the tokens that is done; raising in it stops the work.

    Raises:
        TypeError, ValueError: as `Lab.embed`, and for texts of special tokens alone.
    """

    def __init__(self, lab: Any, texts: Any, *, layer: int = -1, progress: Progress | None = None):
        self.lab, self.layer = lab, state_number(lab.model, layer)
        self.texts = text_list(texts)
        rows = token_ids(lab, self.texts)
        special = special_ids(lab.tokenizer)
        kept = [[place for place, token in enumerate(row) if token not in special] for row in rows]
        count = sum(map(len, kept))
        if not count:
            raise ValueError(f"the {len(rows)} texts hold no tokens but special ones; give at least one word")
        starts = [0]
        for places in kept:
            starts.append(starts[-1] + len(places))
        vectors: torch.Tensor | None = None
        for batch, hidden in stream_states(lab, rows, self.layer, progress=progress):
            unit = torch.nn.functional.normalize(in_float(hidden), dim=-1)  # (texts, sequence, hidden)
            if vectors is None:
                vectors = unit.new_empty(count, unit.shape[-1])
            for number, states in zip(batch.numbers, unit):
                at = torch.tensor(kept[number], dtype=torch.long, device=unit.device)
                vectors[starts[number] : starts[number + 1]] = states[at]
        self.vectors = vectors
        self._where = [(number, place) for number, places in enumerate(kept) for place in places]
        self._ids = [rows[number][place] for number, place in self._where]

    def __len__(self) -> int:
        return len(self._where)

    def __repr__(self) -> str:
        return f"Index of {len(self)} tokens in {len(self.texts)} texts, hidden state {self.layer} of {self.lab.name}"

    def nearest(self, text: str, place: int, k: int) -> list[Neighbour]:
        """The k tokens most like the one at a place of a text (which need not be among those indexed, and is its own
        nearest one if it is), nearest first.

        Raises:
            TypeError: for what is no text. ValueError: for a place that the text does not have, and for more
                neighbours than tokens.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is a {type(text).__name__}: {str(text)[:60]!r}; give one text")
        rows = token_ids(self.lab, [text])
        place = whole_number(place, "place", 0, len(rows[0]) - 1, "counted in tokens from [CLS]")
        ((_, hidden),) = stream_states(self.lab, rows, self.layer)
        return self.search(hidden[0, place], k)

    def search(self, vector: torch.Tensor, k: int) -> list[Neighbour]:
        """The k tokens whose hidden states make the smallest angle with a vector (hidden,), nearest first."""
        k = whole_number(k, "k", 1, len(self), f"the index holds {len(self)} tokens")
        if vector.shape != self.vectors.shape[1:]:
            raise ValueError(f"the vector has shape {tuple(vector.shape)}; give ({self.vectors.shape[1]},)")
        unit = torch.nn.functional.normalize(vector.to(self.vectors), dim=0)
        best = torch.mv(self.vectors, unit).topk(k)
        names = self.lab.tokenizer.convert_ids_to_tokens([self._ids[at] for at in best.indices.tolist()])
        places = [self._where[at] for at in best.indices.tolist()]
        return [
            Neighbour(self.texts[number], place, token, similarity)
            for (number, place), token, similarity in zip(places, names, best.values.tolist())
        ]


def special_ids(tokenizer: Any) -> set[int]:
    """The ids of [CLS], [SEP] and their like, without [UNK], which stands for a word."""
    return set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
