"""A model as a function of its parameters, for `torch.func`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

Parameters = dict[str, torch.Tensor]


def functional(model: nn.Module) -> tuple[Parameters, Callable[..., Any]]:
    """A model's parameters, and a function that runs it with any others of these names.

        params, apply = bertlab.functional(model)

        def loss(params, ids, label):                         # one text: (sequence,) and ()
            return apply(params, ids[None], labels=label[None]).loss

        torch.func.grad(loss)(params, ids[0], labels[0])                                # a gradient as a dictionary
        torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(params, ids, labels)       # one for each text

    The model itself keeps its weights. It runs as it is set, `model.train()` or `model.eval()`, and recordings and
    edits of it are in force; dropout under `vmap` needs its `randomness=`.

    Returns:
        The parameters by name, detached (they share the model's memory; tied ones once), and `apply(params, *args,
        **kwargs)`, which takes what the model takes.

    Raises:
        LookupError: from `apply`, for a name that the model does not have, or one that is missing.
    """
    known = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    once = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def apply(params: Mapping[str, torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        """Run the model with these parameters."""
        for name in params:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
                raise LookupError(f"there is no parameter {name!r}; the nearest are {', '.join(close)}")
        missing = [name for name in once if name not in params]
        if missing:
            raise LookupError(
                f"{len(missing)} parameters are missing, {missing[0]!r} first; give all of them, such as "
                "{**params, **changed}"
            )
        return torch.func.functional_call(model, dict(params), args, kwargs)

    return once, apply
