"""Starting weights, and tables of another size."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bertlab.numbers import as_whole


class undrawn_weights(TorchFunctionMode):
    """Inside `with undrawn_weights():` models are built without drawing random weights, for those about to be loaded.

    Their values are whatever the memory held.
    """

    DRAWS = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, torch.Tensor.normal_}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in self.DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def draw(module: nn.Module, deviation: float) -> None:
    """Normal with that standard deviation; zeros for biases and padding; ones for the norms."""
    with torch.no_grad():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.normal_(0.0, deviation)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx].zero_()
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1.0)
        if isinstance(module, (nn.Linear, nn.LayerNorm)) and module.bias is not None:
            module.bias.zero_()


def draw_fresh(model: Any, names: set[str]) -> None:
    """Draw the parameters that no file gave, each as its module draws it."""
    for prefix, module in model.named_modules():
        own = {f"{prefix}.{name}" if prefix else name: p for name, p in module.named_parameters(recurse=False)}
        missing = names & set(own)
        if not missing:
            continue
        kept = {name: p.detach().clone() for name, p in own.items() if name not in missing}
        with torch.no_grad():
            for name in missing:  # a bare parameter, such as the bias of the vocabulary head, starts at zero
                own[name].zero_()
        model._init_weights(module)
        with torch.no_grad():
            for name, value in kept.items():
                own[name].copy_(value)


def resize_vocabulary(model: Any, size: int | None, multiple: int | None) -> nn.Embedding:
    """Give embeddings, decoder and its bias another number of rows: old ones keep their values, new ones are drawn as
    at the start (biases zero). Returns the word embeddings.

    Raises:
        ValueError: for a size or multiple that is no whole number of at least 1.
    """
    old = model.get_input_embeddings()
    given, size = size, old.num_embeddings if size is None else as_whole(size)
    if size is None or size < 1:
        raise ValueError(f"the vocabulary cannot have {given!r} tokens; give a whole number of at least 1")
    if multiple is not None:
        step = as_whole(multiple)
        if step is None or step < 1:
            raise ValueError(f"pad_to_multiple_of is {multiple!r}; give a whole number of at least 1")
        size = -(-size // step) * step
    if size == old.num_embeddings:
        return old
    padding = old.padding_idx if old.padding_idx is not None and old.padding_idx < size else None
    new = nn.Embedding(size, old.embedding_dim, padding, device=old.weight.device, dtype=old.weight.dtype)
    model._init_weights(new)
    _copy_rows(old.weight, new.weight)
    new.weight.requires_grad_(old.weight.requires_grad)
    model.set_input_embeddings(new)
    head = model.get_output_embeddings()
    if head is not None:
        decoder = nn.Linear(
            old.embedding_dim, size, bias=head.bias is not None, device=head.weight.device, dtype=head.weight.dtype
        )
        model._init_weights(decoder)
        _copy_rows(head.weight, decoder.weight)
        if head.bias is not None:
            _copy_rows(head.bias, decoder.bias)
        model.set_output_embeddings(decoder)
    model.config.vocab_size = size
    model.tie_weights()
    return new


def _copy_rows(old: torch.Tensor, new: torch.Tensor) -> None:
    rows = min(len(old), len(new))
    with torch.no_grad():
        new[:rows] = old[:rows]
