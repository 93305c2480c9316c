"""What a pass is given, checked beforehand: all that would otherwise fail deep inside, or not at all."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from bertlab.model.kernels import values_known

# Before torch 2.7, whoever exports compiles.
_exporting = getattr(torch.compiler, "is_exporting", None) or torch.compiler.is_compiling


def check_inputs(
    model: Any,
    input_ids: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
    position_ids: torch.Tensor | None,
    head_mask: torch.Tensor | None,
    inputs_embeds: torch.Tensor | None,
    encoder_states: torch.Tensor | None,
    encoder_mask: torch.Tensor | None,
    past_key_values: Any,
) -> None:
    """Everything that `BertModel.forward` takes.

    Raises:
        TypeError, ValueError, IndexError: naming the argument, what was given and what is allowed.
    """
    if torch.jit.is_tracing() or _exporting():
        return  # shapes have no numbers yet
    batch, sequence = _check_tokens(model, input_ids, inputs_embeds)
    if input_ids is not None:
        _warn_of_forgotten_mask(model.config.pad_token_id, input_ids, attention_mask)
    past = 0
    if past_key_values is not None:
        past = _check_cache(model, past_key_values, batch)
    _check_positions(model.config, position_ids, batch, sequence, past)
    if token_type_ids is not None:
        rows, columns = token_type_ids.shape if token_type_ids.dim() == 2 else (0, 0)
        if columns != sequence or rows not in (1, batch):
            raise ValueError(f"token_type_ids has shape {tuple(token_type_ids.shape)}; give ({batch}, {sequence})")
        check_range("token_type_ids", token_type_ids, model.config.type_vocab_size, "type_vocab_size")
    total = past + sequence
    if attention_mask is not None:
        allowed = [(batch, total), (batch, sequence, total), (1, total), (1, sequence, total)]
        if not has_shape(attention_mask, allowed):
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}; give ({batch}, {total}) or "
                f"({batch}, {sequence}, {total}), counting what is in the cache"
            )
    if head_mask is not None:
        layers, heads = model.config.num_hidden_layers, model.config.num_attention_heads
        if not has_shape(head_mask, [(heads,), (layers, heads)]) and head_mask.dim() != 5:
            raise ValueError(f"head_mask has shape {tuple(head_mask.shape)}; give ({heads},) or ({layers}, {heads})")
    if encoder_states is not None:
        _check_encoder(model.config, encoder_states, encoder_mask, batch, sequence)


def has_shape(tensor: torch.Tensor, allowed: list[tuple[int, ...]]) -> bool:
    """Whether a tensor has one of these shapes; True while it is traced or exported, when sizes are no numbers yet."""
    if torch.jit.is_tracing() or _exporting():
        return True
    # number by number, as the compiler knows whether symbols are equal, but not whether they are in a list
    return any(
        tensor.dim() == len(shape) and all(own == one for own, one in zip(tensor.shape, shape, strict=True))
        for shape in allowed
    )


def check_range(name: str, ids: torch.Tensor, limit: int, limit_name: str, ignored: int | None = None) -> None:
    """Raise IndexError for the first id outside 0 ... limit - 1, saying where it stands."""
    if not values_known(ids) or not ids.numel():
        return
    wrong = (ids < 0) | (ids >= limit)
    if ignored is not None:
        wrong &= ids != ignored
    if bool(wrong.any()):
        place = tuple(wrong.nonzero()[0].tolist())
        raise IndexError(
            f"{name}{list(place)} is {int(ids[place])}; allowed are 0 to {limit - 1} ({limit_name} = {limit})"
            + (f" and {ignored} for places without a label" if ignored is not None else "")
        )


def _check_tokens(model: Any, input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor | None) -> tuple[int, int]:
    """Piece numbers or word vectors; returns batch and sequence."""
    if input_ids is not None and inputs_embeds is not None:
        raise ValueError("both input_ids and inputs_embeds are given; give one of them")
    if input_ids is None and inputs_embeds is None:
        raise ValueError("neither input_ids nor inputs_embeds is given; give one of them")
    if input_ids is not None:
        if not isinstance(input_ids, torch.Tensor):
            raise TypeError(
                f"input_ids is a {type(input_ids).__name__}; give a tensor, as the tokenizer does with "
                "return_tensors='pt'"
            )
        if input_ids.dim() != 2:
            raise ValueError(f"input_ids has shape {tuple(input_ids.shape)}; give (batch, sequence)")
        if input_ids.dtype not in (torch.long, torch.int):
            raise TypeError(f"input_ids holds {input_ids.dtype}; piece numbers are whole (torch.long)")
        check_range("input_ids", input_ids, model.config.vocab_size, "vocab_size")
        batch, sequence = input_ids.shape
    else:
        size = model.config.hidden_size
        if inputs_embeds.dim() != 3 or inputs_embeds.shape[2] != size:
            raise ValueError(f"inputs_embeds has shape {tuple(inputs_embeds.shape)}; give (batch, sequence, {size})")
        batch, sequence = inputs_embeds.shape[:2]
    if sequence == 0:
        raise ValueError("the input has no tokens; give at least one, such as [CLS]")
    return batch, sequence


def _check_positions(config: Any, position_ids: torch.Tensor | None, batch: int, sequence: int, past: int) -> None:
    table = config.max_position_embeddings
    if position_ids is not None:
        rows, columns = position_ids.shape if position_ids.dim() == 2 else (0, 0)
        if rows not in (1, batch) or columns != sequence:
            raise ValueError(
                f"position_ids has shape {tuple(position_ids.shape)}; give ({batch}, {sequence}) or (1, {sequence})"
            )
        check_range("position_ids", position_ids, table, "max_position_embeddings")
    elif past + sequence > table:
        cached = f" ({past} of them in the cache)" if past else ""
        raise IndexError(
            f"the sequence has {past + sequence} positions{cached}, the model's table {table} "
            "(max_position_embeddings); truncate the text or cut it into windows"
        )


def _check_encoder(config: Any, states: torch.Tensor, mask: torch.Tensor | None, batch: int, sequence: int) -> None:
    """The states of an encoder and their mask, for cross-attention."""
    if not (config.is_decoder and config.add_cross_attention):
        raise ValueError(
            "encoder_hidden_states is given, but the model has no cross-attention; build it with "
            "is_decoder=True and add_cross_attention=True"
        )
    if states.dim() != 3 or states.shape[0] != batch or states.shape[2] != config.hidden_size:
        raise ValueError(
            f"encoder_hidden_states has shape {tuple(states.shape)}; give ({batch}, keys, {config.hidden_size})"
        )
    keys = states.shape[1]
    if mask is not None and not has_shape(mask, [(batch, keys), (batch, sequence, keys)]):
        raise ValueError(f"encoder_attention_mask has shape {tuple(mask.shape)}; give ({batch}, {keys})")


def _check_cache(model: Any, past_key_values: Any, batch: int) -> int:
    """A tuple of layers, each of k and v (batch, heads, sequence, head size), of equal length everywhere, which is
    returned."""
    if not model.config.is_decoder:
        raise ValueError("past_key_values is given, but only a decoder has a cache: set is_decoder=True")
    layers = model.encoder.layer
    if len(past_key_values) != len(layers):
        raise ValueError(f"past_key_values has {len(past_key_values)} layers, the model {len(layers)}")
    length = None
    for number, (cached, layer) in enumerate(zip(past_key_values, layers, strict=True)):
        is_pair = isinstance(cached, (tuple, list)) and len(cached) in (2, 4)
        if not is_pair or not all(isinstance(part, torch.Tensor) and part.dim() == 4 for part in cached):
            raise TypeError(
                f"past_key_values[{number}] must be 2 or 4 tensors (batch, heads, sequence, head size), as the "
                "model returned them"
            )
        length = cached[0].shape[2] if length is None else length
        attention = layer.attention.self
        wanted = (batch, attention.num_attention_heads, length, attention.attention_head_size)
        for part in cached[:2]:
            if tuple(part.shape) != wanted:
                raise ValueError(
                    f"past_key_values[{number}] holds shape {tuple(part.shape)} where {wanted} is needed; give the "
                    "cache of this model for this batch"
                )
    return length or 0


def _warn_of_forgotten_mask(padding: int | None, input_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> None:
    if attention_mask is None and padding is not None and input_ids.numel() and values_known(input_ids):
        if bool((input_ids[:, [0, -1]] == padding).any()):
            warnings.warn(
                "the input holds padding but no attention_mask is given, so padding is attended to and changes "
                "all outputs; pass the tokenizer's attention_mask",
                stacklevel=5,
            )
