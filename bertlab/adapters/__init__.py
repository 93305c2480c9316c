"""Small additions to a model that stays as it is: low-rank adapters, and a decoder on a frozen encoder."""

from __future__ import annotations

from bertlab.adapters.lora import (
    add_lora,
    described,
    fingerprint,
    load_adapter,
    lora_layers,
    merge_lora,
    nearest_factors,
    save_adapter,
    take_addition,
)
from bertlab.adapters.sequence_to_sequence import EncoderDecoder, is_decoder_folder, sequence_batch, sequence_feature
from bertlab.adapters.sharing import fresh_head, set_on_encoder

__all__ = [
    "EncoderDecoder",
    "add_lora",
    "described",
    "fingerprint",
    "fresh_head",
    "is_decoder_folder",
    "load_adapter",
    "lora_layers",
    "merge_lora",
    "nearest_factors",
    "save_adapter",
    "sequence_batch",
    "sequence_feature",
    "set_on_encoder",
    "take_addition",
]
