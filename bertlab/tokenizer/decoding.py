"""From ids back to text: which ids, and what is tidied at the end."""

from __future__ import annotations

from typing import Any

from bertlab.tokenizer.tensors import as_lists

# What is tidied, in this order.
_TIDYING = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def tidied(text: str) -> str:
    """The text without the spaces before . , ? ! and English contractions."""
    for spaced, tidy in _TIDYING:
        text = text.replace(spaced, tidy)
    return text


def ids_of_one_text(token_ids: Any) -> list[int]:
    """An id, a list of ids or a tensor of one axis as a list; TypeError for a batch."""
    ids = as_lists(token_ids)
    ids = [ids] if isinstance(ids, int) else list(ids)
    for token_id in ids:
        if not isinstance(token_id, int):
            raise TypeError(
                f"decode takes the ids of one text, not {type(token_id).__name__}; for a batch use batch_decode"
            )
    return ids
