"""The usual mistakes as functions: what goes wrong in practice, done on purpose. Nothing that is given is changed.

A batch is what the tokenizer returns: tensors (batch, sequence) by the names of the model's arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from bertlab.tokenizer import BatchEncoding, BertTokenizer

Batch = dict[str, torch.Tensor]


# -- from batch to batch -------------------------------------------------------------------------------------------


def forgotten_mask(batch: Mapping[str, torch.Tensor]) -> Batch:
    """The attention mask is not passed on, so every token looks at the padding too.

    It happens where ids are taken out of the tokenizer's answer, `model(batch["input_ids"])`, or a data loader keeps
    the ids alone. One text by itself has no padding and shows nothing; in a batch the answer for a text then depends on
    the longest one beside it.
    """
    return {name: value for name, value in _given(batch).items() if name != "attention_mask"}


def swapped_segments(batch: Mapping[str, torch.Tensor]) -> Batch:
    """Token types 0 and 1 change places: the first text is marked as the second.

    It happens where token types are built by hand, counting from 1, or from a mask that means something else; and where
    two texts are passed in the wrong order after the types were made. No shape tells.
    """
    batch = _given(batch)
    types = batch.get("token_type_ids", torch.zeros_like(batch["input_ids"]))
    return batch | {"token_type_ids": torch.where(types == 0, 1, torch.where(types == 1, 0, types))}


def shifted_positions(batch: Mapping[str, torch.Tensor]) -> Batch:
    """Positions count from 1 instead of 0, so that every token gets the vector of the place behind its own.

    It happens where code for RoBERTa, whose positions begin behind the number of its padding token, is used for BERT,
    and where a cache of one token is counted that is not there.
    """
    batch = _given(batch)
    ids = batch["input_ids"]
    positions = batch.get("position_ids", torch.arange(ids.shape[1], device=ids.device).expand_as(ids))
    return batch | {"position_ids": positions + 1}


def padding_left(batch: Mapping[str, torch.Tensor]) -> Batch:
    """Padding stands before the text instead of behind it, and positions are counted over it.

    It happens where a tokenizer that was set up for generation (`padding_side="left"`) serves an encoder: the mask is
    right, but [CLS] no longer stands at position 0, and short texts are read as if they began in the middle. A batch
    without padding stays as it is.
    """
    batch = _given(batch)
    order = _real(batch).long().argsort(dim=1, stable=True)  # padding first, tokens in their order
    return {name: value.gather(1, order) for name, value in batch.items()}


def silent_truncation(batch: Mapping[str, torch.Tensor], length: int | None = None) -> Batch:
    """Texts are cut to `length` tokens, the last of them [SEP], as if they ended there.

    It happens with `truncation=True` and a small `max_length`, or one that a checkpoint brings along: there is neither
    an error nor a warning, and what stood behind is not read. Half of the longest text when `length` is None.
    """
    batch = _given(batch)
    counts = _real(batch).sum(1)
    longest = int(counts.max())
    length = max(2, (longest + 1) // 2) if length is None else length
    if not 2 <= length:
        raise ValueError(f"length is {length}; give at least 2, for [CLS] and [SEP]")
    width = min(length, longest)
    order = torch.arange(width, device=counts.device).expand(len(counts), width).clone()
    order[:, -1] = torch.where(counts > width, counts - 1, order[:, -1])  # the text's own [SEP] comes last
    return {name: value.gather(1, order) for name, value in _padded_right(batch).items()}


def missing_special_tokens(batch: Mapping[str, torch.Tensor]) -> Batch:
    """[CLS] and [SEP] are missing: the first and last token of each text, and the last of the first of two.

    It happens with `add_special_tokens=False`, and where ids are put together from `tokenize` and
    `convert_tokens_to_ids`. Heads that read [CLS] then read the first word.

    Raises:
        ValueError: for a text that is nothing but special tokens.
    """
    batch = _padded_right(_given(batch))
    real = _real(batch)
    counts = real.sum(1, keepdim=True)
    place = torch.arange(real.shape[1], device=real.device)[None, :]
    kept = real & (place > 0) & (place < counts - 1)
    types = batch.get("token_type_ids", torch.zeros_like(batch["input_ids"]))
    pairs = ((types == 1) & real).any(1, keepdim=True)
    firsts = ((types == 0) & real).sum(1, keepdim=True)
    kept &= ~(pairs & (place == firsts - 1))
    if not bool(kept.any(1).all()):
        raise ValueError("a text is nothing but special tokens, so that nothing is left without them; give words")
    order = (~kept).long().argsort(dim=1, stable=True)[:, : int(kept.sum(1).max())]
    shorter = {name: value.gather(1, order) for name, value in batch.items()}
    return shorter | {"attention_mask": kept.gather(1, order).long()}


# -- from a lab and a text to a batch ------------------------------------------------------------------------------


def wrong_case(lab: Any, text: str) -> BatchEncoding:
    """The text is tokenized as for a model of the other case.

    It happens where `do_lower_case` is lost or guessed: an uncased model then gets capitals, which its vocabulary does
    not have, so that names become [UNK] or crumbs; a cased model gets small letters only, and sees no names. A text
    without capitals shows nothing.
    """
    ours = lab.tokenizer
    names: dict[str, Any] = {
        name: str(token) for name, token in ours.special_tokens_map.items() if isinstance(token, str)
    }
    other = BertTokenizer(
        ours.get_vocab(), do_lower_case=not ours.do_lower_case, model_max_length=ours.model_max_length, **names
    )
    return other(text, truncation=True, max_length=lab.max_length, return_tensors="pt").to(lab.device)


def other_vocabulary(lab: Any, text: str) -> BatchEncoding:
    """The ids come from a vocabulary that has the same words in another order (here from back to front).

    It happens where tokenizer and model are loaded from different places: the one from a checkpoint's name, the other
    from a folder that was trained with a vocabulary of its own. Every id exists, so nothing complains; they only mean
    other words. Special tokens often have the same ids in both, as here.
    """
    encoding = lab.encode(text)
    special = set(lab.tokenizer.all_special_ids)
    ordinary = [token_id for token_id in sorted(lab.tokenizer.get_vocab().values()) if token_id not in special]
    order = torch.arange(max([*ordinary, *special]) + 1)
    order[ordinary] = torch.tensor(ordinary[::-1], dtype=torch.long)
    encoding["input_ids"] = order.to(lab.device)[encoding["input_ids"]]
    return encoding


# -- of a model, and of logits -------------------------------------------------------------------------------------


@contextmanager
def forgotten_eval(model: nn.Module) -> Iterator[None]:
    """Inside `with forgotten_eval(model):` the model trains: dropout changes its answers from call to call.

    It happens where `model.eval()` is forgotten before predicting, or after a round of evaluation in a training loop
    (`model.train()` and no way back). Afterwards every part is in the mode it was in. A model whose dropout is 0 shows
    nothing.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def softmax_twice(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities are taken for logits and sent through the softmax again: (..., classes), nearly all alike.

    It happens where a model already ends in a softmax and the loss (`cross_entropy`) or the code that reads it has one
    too. The most probable class stays the same, so accuracy does not tell; losses and confidences are wrong.
    """
    return logits.softmax(-1).softmax(-1)


# -- helpers -------------------------------------------------------------------------------------------------------


def _given(batch: Mapping[str, torch.Tensor]) -> Batch:
    """A new dictionary of the batch's tensors.

    Raises:
        TypeError: when it is no mapping of tensors. ValueError: when they are not all (batch, sequence).
    """
    if not isinstance(batch, Mapping):
        raise TypeError(f"the batch is a {type(batch).__name__}; give what the tokenizer returns")
    given = dict(batch)
    if "input_ids" not in given:
        raise ValueError("the batch has no input_ids; give what the tokenizer returns")
    for name, value in given.items():
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; tokenize with return_tensors='pt'")
        if value.dim() != 2 or value.shape != given["input_ids"].shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}; give (batch, sequence)")
    return given


def _real(batch: Batch) -> torch.Tensor:
    """(batch, sequence) of booleans: what is no padding."""
    ids = batch["input_ids"]
    return batch.get("attention_mask", torch.ones_like(ids)).bool()


def _padded_right(batch: Batch) -> Batch:
    order = (~_real(batch)).long().argsort(dim=1, stable=True)  # tokens in their order, then padding
    return {name: value.gather(1, order) for name, value in batch.items()}
