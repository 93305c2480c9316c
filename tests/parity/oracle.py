"""A bertlab model and a transformers model with the same weights, for tests that compare them.

transformers 4.37.2 is the documented version. The current one is used where it still has the feature.
"""

import pytest
import torch
from model_cases import as_tuple, randomize, settings

import bertlab

transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()

DOCUMENTED = int(transformers.__version__.split(".")[0]) < 5
only_documented = pytest.mark.skipif(
    not DOCUMENTED, reason=f"transformers {transformers.__version__} no longer has this; 4.37.2 is compared with"
)


def both(name, dtype=torch.float64, **options):
    """`(ours, theirs)` of that class with equal random weights, in eval mode."""
    config = settings(name, **options)
    theirs = randomize(getattr(transformers, name)(transformers.BertConfig(**config))).to(dtype).eval()
    if not DOCUMENTED:
        theirs.set_attn_implementation("eager")  # the default one returns no attention
    ours = getattr(bertlab, name)(bertlab.BertConfig(**config)).to(dtype).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def without_empty(output):
    """Their output without the fields that the current version fills with `()` where there is nothing."""
    if DOCUMENTED:
        return output
    return tuple(value for value in as_tuple(output) if not (isinstance(value, tuple) and not value))
