"""The name under which earlier notebooks know the texts of `bertlab.nano`."""

from bertlab.nano import written_texts

__all__ = ["written_texts"]
