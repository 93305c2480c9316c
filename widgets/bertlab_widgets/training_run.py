"""The former name of parts of `bertlab_widgets.train`: what code that panels printed before imports."""

from .train import fresh_model, pasted_rows, split_rows

__all__ = ["fresh_model", "pasted_rows", "split_rows"]
