"""The state of a panel as short JSON: what is shared by all panels, and how a state that was given is looked at."""

from __future__ import annotations

import json
import math

from traitlets import Float, Int

from bertlab.language import say

from ..workbench import SelectionError

SHARED = ("text", "text_pair", "selected", "layer", "head", "heads", "masked", "forced", "ablated", "ablation")


def state_of(state: dict | str) -> dict:
    """A state that was given as a dict or as its JSON text, as a dict of its own.

    Raises:
        SelectionError: it is neither.
    """
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except (ValueError, RecursionError) as error:
            problem = say("the state is no JSON text ({reason}); give what .state() returned", reason=error)
            raise SelectionError(problem) from None
    if not isinstance(state, dict):
        kind = type(state).__name__
        raise SelectionError(say("the state is a {kind}; give what .state() returned, or its JSON text", kind=kind))
    return dict(state)


def refuse_strange(name: str, value, trait) -> None:
    """No setting is a number that is none, and where a number is meant a truth value is none."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SelectionError(say("{name} is {value}; it must be a finite number", name=name, value=value))
    if isinstance(value, bool) and isinstance(trait, (Int, Float)):
        raise SelectionError(say("{name} {value!r} was given; it must be a number", name=name, value=value))


def plain(value):
    """Traits as JSON has them: tuples become lists, integer keys strings."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value
