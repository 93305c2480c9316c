"""The name under which earlier notebooks know `bertlab.data`'s masking."""

from bertlab.data import mask_tokens, word_numbers

__all__ = ["mask_tokens", "word_numbers"]
