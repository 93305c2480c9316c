"""`AutoTokenizer`: the fast tokenizer of a folder or name, or the readable one."""

from __future__ import annotations

import os
from typing import Any

from bertlab.tokenizer.fast import BertTokenizerFast
from bertlab.tokenizer.readable import BertTokenizer


class AutoTokenizer:
    """Loads the fast tokenizer, or the readable one with `use_fast=False`."""

    def __init__(self):
        raise TypeError("AutoTokenizer has no instances; use AutoTokenizer.from_pretrained(name_or_path)")

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | os.PathLike, *inputs: Any, use_fast: bool = True, **options: Any
    ) -> BertTokenizer | BertTokenizerFast:
        """Load a tokenizer by folder or name, as `BertTokenizerFast.from_pretrained`."""
        kind = BertTokenizerFast if use_fast else BertTokenizer
        return kind.from_pretrained(pretrained_model_name_or_path, *inputs, **options)
