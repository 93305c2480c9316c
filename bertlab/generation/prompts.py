"""The prompts and options of a call, checked before the first step."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import torch
from torch import nn

from bertlab.generation.options import DEFAULT_MAX_LENGTH, GenerationOptions, chosen_options
from bertlab.generation.texts import Texts


def prepare(
    model: nn.Module,
    input_ids: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
    encoder_hidden_states: torch.Tensor | None,
    encoder_attention_mask: torch.Tensor | None,
    given: dict[str, Any],
) -> tuple[Texts, GenerationOptions, int]:
    """The texts to continue, the options, and the length (prompt included) at which to stop."""
    _check_model(model)
    device = next(model.parameters()).device
    options = chosen_options(model.config, given, device)
    if encoder_hidden_states is None and encoder_attention_mask is not None:
        raise ValueError("encoder_attention_mask is given without the encoder_hidden_states that it masks")
    encoder = {
        "encoder_hidden_states": encoder_hidden_states,
        "encoder_attention_mask": encoder_attention_mask,
    }
    encoder = {name: value.to(device) for name, value in encoder.items() if value is not None}

    if input_ids is None:
        if options.bos_token_id is None:
            raise ValueError("there is no prompt and no bos_token_id to start from; give input_ids or bos_token_id")
        batch = 1 if encoder_hidden_states is None else len(encoder_hidden_states)
        input_ids = torch.full((batch, 1), options.bos_token_id)
    if not isinstance(input_ids, torch.Tensor):
        raise TypeError(
            f"input_ids is a {type(input_ids).__name__}; give a tensor, as the tokenizer does with return_tensors='pt'"
        )
    if input_ids.dim() != 2 or input_ids.is_floating_point():
        raise ValueError(
            f"input_ids has shape {tuple(input_ids.shape)} and type {input_ids.dtype}; "
            "give whole numbers as (batch, sequence)"
        )
    if not input_ids.numel():
        raise ValueError(f"the prompt is empty: input_ids has shape {tuple(input_ids.shape)}; give at least one token")
    input_ids = input_ids.to(device, torch.long)
    for name, value in encoder.items():
        if len(value) != len(input_ids):
            raise ValueError(f"{name} has {len(value)} rows for {len(input_ids)} prompts; give one for each prompt")

    mask = _mask(attention_mask, input_ids, options)
    if token_type_ids is not None:
        if token_type_ids.shape != input_ids.shape:
            raise ValueError(
                f"token_type_ids has shape {tuple(token_type_ids.shape)}; give {tuple(input_ids.shape)} like input_ids"
            )
        token_type_ids = token_type_ids.to(device, torch.long)
    texts = Texts(model, input_ids, mask, token_type_ids, encoder, options.use_cache, options.count_padding)
    return texts, options, _length(model.config, options, texts)


def _check_model(model: nn.Module) -> None:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if head is None or "past_key_values" not in inspect.signature(model.forward).parameters:
        raise TypeError(f"{type(model).__name__} cannot generate text; load the weights as a BertLMHeadModel")
    if not model.config.is_decoder:
        raise ValueError(
            "is_decoder is False in the model's configuration, so its tokens see what comes after them; load it with "
            "BertLMHeadModel.from_pretrained(name, is_decoder=True) to generate"
        )
    if model.training:
        warnings.warn(
            "the model is in training mode, so dropout makes what it generates random; call model.eval() first",
            stacklevel=4,
        )


def _mask(given: torch.Tensor | None, input_ids: torch.Tensor, options: GenerationOptions) -> torch.Tensor:
    """1 for tokens and 0 for padding: (batch, sequence)"""
    if given is None:
        padding = options.pad_token_id
        if padding is None or padding in options.ends:
            return torch.ones_like(input_ids)
        mask = (input_ids != padding).long()
    elif given.shape != input_ids.shape:
        raise ValueError(f"attention_mask has shape {tuple(given.shape)}; give {tuple(input_ids.shape)} like input_ids")
    else:
        mask = given.to(input_ids.device, torch.long)
    if bool(((mask != 0) & (mask != 1)).any()):
        raise ValueError("attention_mask holds other numbers than 1 (a token) and 0 (padding)")
    empty = (mask.sum(1) == 0).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"prompt {empty[0]} is empty: its attention mask hides every token; give at least one token")
    if bool((mask[:, -1] == 0).any()):
        warnings.warn(
            "the prompts are padded on the right, so the model continues padding; "
            "pad them on the left (padding_side='left' in the tokenizer)",
            stacklevel=4,
        )
    return mask


def _length(config: Any, options: GenerationOptions, texts: Texts) -> int:
    """How long texts may become, after checking that the model has positions for them."""
    prompt, table = texts.length, config.max_position_embeddings
    by_token = texts.positions_follow_mask and getattr(config, "position_embedding_type", "absolute") == "absolute"
    used = int(texts.attention_mask.sum(1).max()) if by_token else prompt
    room = table - used + 1  # the last new token needs no position: the model never sees it
    if room < 1:
        raise ValueError(
            f"the prompt has {used} tokens, the model {table} positions (max_position_embeddings); shorten the prompt"
        )
    if options.max_new_tokens is not None:
        new = options.max_new_tokens
    elif options.max_length is not None:
        new = options.max_length - prompt
    else:
        new = min(DEFAULT_MAX_LENGTH - prompt, room)
    if new < 1:
        longest = options.max_length or DEFAULT_MAX_LENGTH
        raise ValueError(
            f"the prompt has {prompt} tokens already and max_length is {longest}, which counts the prompt; "
            "say with max_new_tokens how many to add"
        )
    if new > room:
        raise ValueError(
            f"the prompt has {used} tokens and {new} more are asked for; the model has {table} positions "
            f"(max_position_embeddings), enough for at most {room} new tokens"
        )
    if options.min_new_tokens > new or options.min_length > prompt + new:
        least = max(options.min_new_tokens, options.min_length - prompt)
        raise ValueError(f"at least {least} new tokens are asked for, but also at most {new}; lower the minimum")
    return prompt + new
