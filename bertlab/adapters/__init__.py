"""Small additions to a model that stays as it is: low-rank adapters, and a decoder on a frozen encoder.

Read `lora` first, then `store` (adapters on disk), `decoder` and `sharing` (several heads on one encoder).
"""

from __future__ import annotations

from bertlab.adapters.decoder import EncoderDecoder, is_decoder_folder, sequence_batch, sequence_feature
from bertlab.adapters.lora import add_lora, lora_layers, merge_lora, nearest_factors, remove_lora, take_addition
from bertlab.adapters.sharing import fresh_head, set_on_encoder
from bertlab.adapters.store import (
    base_of,
    described,
    fingerprint,
    is_adapter_folder,
    load_adapter,
    save_adapter,
    save_merged,
)

__all__ = [
    "EncoderDecoder", "add_lora", "base_of", "described", "fingerprint", "fresh_head", "is_adapter_folder",
    "is_decoder_folder", "load_adapter", "lora_layers", "merge_lora", "nearest_factors", "remove_lora", "save_adapter",
    "save_merged", "sequence_batch", "sequence_feature", "set_on_encoder", "take_addition",
]  # fmt: skip
