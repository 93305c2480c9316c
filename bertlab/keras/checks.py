"""What would otherwise fail deep inside, or not at all, said beforehand."""

from __future__ import annotations

from typing import Any

from bertlab.keras.backend import check_range, keras
from bertlab.model import BertConfig


def check_inputs(config: BertConfig, values: dict[str, Any], axes: tuple[str, ...] = ("batch", "sequence")) -> None:
    """Shapes, types and ranges of a call's arguments; `axes` are those of the ids.

    Raises:
        ValueError: for shapes that do not fit, and when not one of ids and vectors is given.
        TypeError: for ids that are no whole numbers.
        IndexError: for a number outside of its table, saying where it stands.
        NotImplementedError: for a head mask, which TensorFlow's classes never had.
    """
    ids, vectors = values.get("input_ids"), values.get("inputs_embeds")
    if ids is not None and vectors is not None:
        raise ValueError("both input_ids and inputs_embeds are given; give one of them")
    if ids is None and vectors is None:
        raise ValueError("neither input_ids nor inputs_embeds is given; give one of them")
    if values.get("head_mask") is not None:
        raise NotImplementedError("TensorFlow's BERT has no head_mask; use bertlab.BertModel, or leave it out")
    if ids is not None:
        if len(ids.shape) != len(axes):
            raise ValueError(f"input_ids has shape {tuple(ids.shape)}; give ({', '.join(axes)})")
        _check_whole("input_ids", ids)
        check_range("input_ids", ids, config.vocab_size, "vocab_size")
        shape = tuple(ids.shape)
    else:
        if len(vectors.shape) != len(axes) + 1 or vectors.shape[-1] != config.hidden_size:
            raise ValueError(
                f"inputs_embeds has shape {tuple(vectors.shape)}; give ({', '.join(axes)}, {config.hidden_size})"
            )
        shape = tuple(vectors.shape)[:-1]
    if shape[-1] == 0:
        raise ValueError("the input has no tokens; give at least one, such as [CLS]")

    past = values.get("past_key_values")
    cached = 0 if past is None else past[0][0].shape[2]
    length = None if None in (shape[-1], cached) else shape[-1] + cached
    positions = values.get("position_ids")
    if positions is not None:
        _check_fits("position_ids", positions, shape)
        _check_whole("position_ids", positions)
        check_range("position_ids", positions, config.max_position_embeddings, "max_position_embeddings")
    elif length is not None and length > config.max_position_embeddings:
        raise IndexError(
            f"the sequence has {length} positions, the model's table {config.max_position_embeddings} "
            "(max_position_embeddings); truncate the text or cut it into windows"
        )
    types = values.get("token_type_ids")
    if types is not None:
        _check_fits("token_type_ids", types, shape)
        _check_whole("token_type_ids", types)
        check_range("token_type_ids", types, config.type_vocab_size, "type_vocab_size")
    mask = values.get("attention_mask")
    if mask is not None:
        _check_fits("attention_mask", mask, (*shape[:-1], length))
    if values.get("encoder_hidden_states") is not None and config.is_decoder and not config.add_cross_attention:
        raise ValueError(
            "encoder_hidden_states is given, but the model has no cross-attention; build it with is_decoder=True and "
            "add_cross_attention=True"
        )


def _check_whole(name: str, x: Any) -> None:
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        raise TypeError(f"{name} holds {x.dtype}; give whole numbers (int32 or int64)")


def _check_fits(name: str, x: Any, shape: tuple[int | None, ...]) -> None:
    """An array of this shape, or with one row that serves them all."""
    found = tuple(x.shape)
    rows = (found[:1] in (shape[:1], (1,))) or None in (found[0], shape[0])
    rest = zip(found[1:], shape[1:])
    if len(found) != len(shape) or not rows or any(None not in pair and pair[0] != pair[1] for pair in rest):
        raise ValueError(f"{name} has shape {found}; give {shape}")
