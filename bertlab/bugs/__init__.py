"""The usual mistakes, by name: what goes wrong in practice, done on purpose, and by how much it changes predictions.

    bugs.try_on(lab, "The cat sat on the mat.", "forgotten_mask").change          # 0 to 1

Each mistake is a function whose docstring says how it happens. From batch to batch: `forgotten_mask`,
`swapped_segments`, `shifted_positions`, `padding_left`, `silent_truncation`, `missing_special_tokens`; from a lab and a
text to a batch: `wrong_case`, `other_vocabulary`; of a model, as a context: `forgotten_eval`; of logits:
`softmax_twice`. `MISTAKES` has them all by name.
"""

from bertlab.bugs.mistakes import (
    forgotten_eval,
    forgotten_mask,
    missing_special_tokens,
    other_vocabulary,
    padding_left,
    shifted_positions,
    silent_truncation,
    softmax_twice,
    swapped_segments,
    wrong_case,
)
from bertlab.bugs.trial import MISTAKES, Trial, try_on

__all__ = [
    "MISTAKES", "Trial", "forgotten_eval", "forgotten_mask", "missing_special_tokens", "other_vocabulary",
    "padding_left", "shifted_positions", "silent_truncation", "softmax_twice", "swapped_segments", "try_on",
    "wrong_case",
]  # fmt: skip
