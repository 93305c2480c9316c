"""What a model computed: a mapping from hook name to tensor."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from bertlab.files import replacing
from bertlab.recording import names, pictures


class Recording(Mapping[str, torch.Tensor]):
    """What a model computed: a mapping from hook name to tensor, from the last forward pass inside `record`.

    Axes by the last part of the name:

    - `q`, `k`, `v`, `context`: (batch, heads, sequence, head size)
    - `scores`, `probs`: (batch, heads, query, key); scores are scaled and masked, what the softmax gets
    - `preactivation`, `activated` of a layer: (batch, sequence, intermediate)
    - `prediction logits`: (batch, sequence, vocabulary); `pooled`: (batch, hidden)
    - all else: (batch, sequence, hidden)

    `tokens` are the pieces of the sequence when they are known, a list for one text or a list of lists for a batch;
    `output` is the model's own output when whoever recorded kept it.
    """

    def __init__(
        self,
        values: Mapping[str, torch.Tensor] | None = None,
        *,
        tokens: list[str] | list[list[str]] | None = None,
        prefix: str = "",
    ):
        self._values: dict[str, torch.Tensor] = dict(values or {})
        self._prefix = prefix
        self.tokens = tokens
        self.output: Any = None

    def __getitem__(self, name: str) -> torch.Tensor:
        values = self._values
        if name in values:
            return values[name]
        if self._prefix and name.removeprefix(self._prefix) in values:
            return values[name.removeprefix(self._prefix)]
        if not values:
            raise KeyError(f"nothing is recorded yet under {name!r}: run the model inside `with record(model)`")
        raise KeyError(f"{name!r} was not recorded; {nearest(name, list(values))}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        size = sum(value.numel() * value.element_size() for value in self._values.values())
        about = f", {_count_tokens(self.tokens)} tokens" if self.tokens else ""
        return f"Recording of {len(self)} values{about}, {size / 1e6:.1f} MB"

    def _repr_html_(self) -> str:
        """Folded pictures of all values, for a notebook: plain HTML of less than 100 kB, without a script."""
        first = self.tokens[0] if self.tokens and isinstance(self.tokens[0], list) else self.tokens
        return pictures.page(self._values, repr(self), [str(token) for token in first or ()])

    def picture(self, name: str) -> pictures.Picture:
        """One value as a larger picture, which a notebook shows; `print` gives its shape, mean, spread and range.

        Raises:
            KeyError: it was not recorded; names the nearest that were.
        """
        return pictures.Picture(name, self[name])

    @property
    def layers(self) -> list[int]:
        """The numbers of the layers of which anything was recorded."""
        return names.layers(self)

    def attention(self, layer: int, *, cross: bool = False) -> torch.Tensor:
        """The attention probabilities of one layer before dropout: (batch, heads, query, key).

        `layer` counts from 0, or from the end when negative; `cross` takes the decoder's cross-attention.

        Raises:
            LookupError: when that layer's probabilities were not recorded.
        """
        number = layer + self._depth() if isinstance(layer, int) and layer < 0 else layer
        if names.probs(number, cross=cross) not in self:
            there = [n for n in self.layers if names.probs(n, cross=cross) in self]
            raise LookupError(
                f"{names.probs('', cross=cross).partition('..')[2]} of layer {layer} was not recorded; "
                f"recorded are layers {there or 'none'}"
            )
        return self[names.probs(number, cross=cross)]

    def hidden(self, layer: int) -> torch.Tensor:
        """A hidden state: 0 is what the embeddings give to the first layer, n is what layer n - 1 puts out,
        as `hidden_states[n]` of the model: (batch, sequence, hidden). Negative numbers count from the end.

        Raises:
            LookupError: when it was not recorded.
        """
        states = [names.hidden(number) for number in range(self._depth() + 1)]
        if not isinstance(layer, int) or not -len(states) <= layer < len(states) or states[layer] not in self:
            there = [number for number, name in enumerate(states) if name in self]
            raise LookupError(f"hidden state {layer} was not recorded; recorded are {there or 'none'}")
        return self[states[layer]]

    def _depth(self) -> int:
        return max(self.layers, default=-1) + 1

    def save(self, path: str | os.PathLike) -> None:
        """Write the values and tokens as one safetensors file (whole or not at all)."""
        from safetensors.torch import save_file

        values = {name: value.detach().cpu().contiguous().clone() for name, value in self._values.items()}
        about = {"format": "pt", "tokens": json.dumps(self.tokens), "prefix": self._prefix}
        with replacing(path) as unfinished:
            save_file(values, unfinished, metadata=about)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Recording:
        """Read what `save` wrote.

        Raises:
            OSError: when there is no such file.
            ValueError: when it is not a recording.
        """
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no recording at {path}")
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                values = {name: file.get_tensor(name) for name in file.keys()}
            tokens = json.loads(about.get("tokens", "null"))
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"{path} is not a recording saved by bertlab ({error})") from error
        return cls(values, tokens=tokens, prefix=about.get("prefix", ""))


def nearest(name: str, known: list[str]) -> str:
    """The known names that look most like it, as a part of a sentence."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    return f"the nearest are {', '.join(close)}"


def _count_tokens(tokens: list[Any]) -> int:
    return sum(len(row) for row in tokens) if isinstance(tokens[0], list) else len(tokens)
