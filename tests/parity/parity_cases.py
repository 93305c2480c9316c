"""How two models are compared: outputs, gradients."""

import torch
from model_cases import (
    assert_same,
    assert_same_gradients,
)
from oracle import DOCUMENTED, without_empty

POSITION_TYPES = ["absolute"] + (["relative_key", "relative_key_query"] if DOCUMENTED else [])


def compare(ours, theirs, tolerance=None, **batch):
    with torch.no_grad():
        answer, wanted = ours(**batch), theirs(**batch)
    assert_same(answer, without_empty(wanted), tolerance)
    return answer, wanted


def compare_gradients(ours, theirs, tolerance, **batch):
    ours.zero_grad()
    theirs.zero_grad()
    answer, wanted = ours(**batch), theirs(**batch)
    assert_same(answer, without_empty(wanted), tolerance)
    sum_of(answer).backward()
    sum_of(wanted).backward()
    assert_same_gradients(ours, theirs, tolerance)


def sum_of(output):
    """The loss; without one, a number that every value of the first output takes part in differently."""
    if "loss" in output:
        return output.loss
    first = output[0]
    return (first * torch.linspace(-1, 1, first.numel(), dtype=first.dtype).view_as(first)).sum()
