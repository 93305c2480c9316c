"""What a check says, how checks are found, and what they are written with.

A check is a function in `chapter_NN.py`, marked with `@exercise`. It gets the answer, returns a sentence when it is
right, and raises `Differs` (with a hint for the kind of mistake) when it is not. `check` makes a `Verdict` of it.
"""

from __future__ import annotations

import difflib
import functools
import html
import importlib
import math
import numbers
import pkgutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TODO, CORRECT, DIFFERS, UNKNOWN = "todo", "correct", "differs", "unknown"
_SIGNS = {TODO: "○", CORRECT: "✓", DIFFERS: "✗", UNKNOWN: "?"}
_COLOURS = {TODO: "#6b6b6b", CORRECT: "#0072b2", DIFFERS: "#bd4b00", UNKNOWN: "#bd4b00"}


@dataclass(frozen=True)
class Verdict:
    """What `check` says: `state` is todo, correct, differs or unknown; `hint` may help where the answer differs.

    `share` is how much of the answer is right: 1 or 0, and between them where an answer has parts.
    """

    exercise: str
    state: str
    message: str = ""
    hint: str = ""
    share: float = 0.0

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.state == CORRECT

    def points(self, total: float) -> float:
        """The points that the answer earns of `total`: a plain number, as nbgrader and otter-grader count them.

        Raises:
            TypeError, ValueError: `total` is no number, negative, or not finite.
        """
        if isinstance(total, bool) or not isinstance(total, numbers.Real):
            raise TypeError(f"the points are {total!r}: give the number that a right answer earns")
        if not math.isfinite(total) or total < 0:
            raise ValueError(f"the points are {total!r}: give a finite number that is not negative")
        return float(total) * self.share

    def __repr__(self) -> str:
        text = f"{_SIGNS[self.state]} {self.exercise} {self.state}"
        if self.message:
            text += f": {self.message}"
        return text + ("\n  (there is a hint in .hint)" if self.hint else "")

    def _repr_html_(self) -> str:
        # The sign alone has a colour, one that is seen on light and on dark paper; the words keep the page's own ink.
        sign = f'<span style="color:{_COLOURS[self.state]}">{_SIGNS[self.state]}</span>'
        head = f"<b>{sign} {html.escape(self.exercise)} {self.state}</b>"
        body = f": {html.escape(self.message)}" if self.message else ""
        fold = f"<details><summary>Hint</summary>{html.escape(self.hint)}</details>" if self.hint else ""
        return f"<div>{head}{body}{fold}</div>"


class NotRight(AssertionError):
    """What a strict `check` raises: the verdict as a sentence, and itself in `.verdict`."""

    def __init__(self, verdict: Verdict):
        super().__init__(f"{verdict!r}\n  {verdict.hint}" if verdict.hint else repr(verdict))
        self.verdict = verdict


class Differs(Exception):
    """The answer is not right: what differs and where, a hint for this kind of mistake, and how much of the answer is
    right all the same (`share`, from 0 to 1)."""

    def __init__(self, message: str, hint: str = "", share: float = 0.0):
        super().__init__(message)
        self.hint, self.share = hint, share


class Todo(Exception):
    """There is no answer yet."""


_CHECKS: dict[str, Callable[[Any], str]] = {}


def exercise(number: str) -> Callable:
    """Mark a function as the check of an exercise, such as "03.2"."""

    def register(function: Callable[[Any], str]) -> Callable[[Any], str]:
        _CHECKS[number] = function
        return function

    return register


def exercises() -> list[str]:
    """The numbers of all exercises."""
    package = importlib.import_module("bertlab.check")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("chapter_"):
            importlib.import_module(f"bertlab.check.{module.name}")
    return sorted(_CHECKS)


def check(number: str, answer: Any = ..., *, strict: bool = False) -> Verdict:
    """Compare an answer with the library. Never raises: whatever goes wrong is part of the verdict.

    Args:
        number: of the exercise, such as "03.2".
        answer: a value, or the function that the exercise asks for; `...` means that it is still to be done.
        strict: for autograders that want an exception where an answer is not right.

    Raises:
        NotRight: only with `strict`, for every verdict but "correct".
    """
    verdict = _judged(number, answer)
    if strict and not verdict.correct:
        raise NotRight(verdict)
    return verdict


def _judged(number: Any, answer: Any) -> Verdict:
    try:
        number = str(number).strip()
        if number not in exercises():
            near = difflib.get_close_matches(number.zfill(4), exercises(), n=1, cutoff=0.0)
            return Verdict(number, UNKNOWN, f"there is no such exercise; the nearest number is {near[0]}.")
        if answer is ...:
            raise Todo
        with warnings.catch_warnings():  # nbgrader gives no points to a cell that warns
            warnings.simplefilter("ignore")
            return Verdict(number, CORRECT, _CHECKS[number](answer), share=1.0)
    except Todo:
        return Verdict(number, TODO)
    except Differs as difference:
        return Verdict(number, DIFFERS, str(difference), difference.hint, difference.share)
    except KeyboardInterrupt:
        return Verdict(number, DIFFERS, "interrupted before there was an answer.", "Does every loop come to an end?")
    except SystemExit:
        return Verdict(number, DIFFERS, "the answer ends Python.", "Return the value instead of calling exit().")
    except BaseException as error:  # whatever an answer raises, in its own __repr__ or __str__ too
        message = f"the answer could not be compared ({_told(error)})."
        return Verdict(_text(number), DIFFERS, message, "Is it of the kind that the exercise asks for?")


def _told(error: BaseException) -> str:
    """An error's kind and message; the kind alone where even its message raises."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:
        return type(error).__name__


def _text(number: Any) -> str:
    return number if isinstance(number, str) else type(number).__name__


# ---------------------------------------------------------------------------------- what checks are written with


@functools.cache
def shipped_lab() -> Any:
    """The model that comes with bertlab, on the CPU; loaded once."""
    from bertlab.lab import load

    return load(device="cpu")


def call(function: Any, *arguments: Any, shown: str = "") -> Any:
    """What the answer's function returns.

    Raises:
        Todo: it returns `...`, or raises NotImplementedError.
        Differs: it is no function, raises, or returns nothing. `shown` says with what it was called.
    """
    if not callable(function):
        raise Differs(
            f"a function was expected, but the answer is of type {type(function).__name__}.",
            "Give the function itself, without calling it: check(number, my_function).",
        )
    given = f" for {shown}" if shown else ""
    try:
        value = function(*arguments)
    except NotImplementedError:
        raise Todo from None
    except Exception as error:
        hint = "Call it yourself with such arguments and read the whole message."
        kind, _, said = _told(error).partition(": ")
        raise Differs(f"the function raised {kind}{given}: {said}", hint) from error
    if value is ...:
        raise Todo
    if value is None:
        raise Differs(f"the function returned None{given}.", "Does it end in a return?")
    return value


def as_tensor(value: Any, what: str) -> Any:
    """A tensor, array, list or number as a float64 tensor.

    Raises:
        Todo: for `...`. Differs: for anything that holds no numbers.
    """
    import torch

    if value is ...:
        raise Todo
    try:
        return torch.as_tensor(value, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Differs(f"{what} should be numbers in a tensor, but is {_short(value)}.") from error


def compare(
    value: Any,
    expected: Any,
    what: str,
    tolerance: float = 1e-5,
    hints: Sequence[tuple[Any, str]] = (),
    reveal: bool = True,
    share: float = 0.0,
) -> None:
    """Compare tensors, and name the place of the largest difference.

    Args:
        hints: (wrong value, hint): where the answer equals one of these, its hint is given.
        reveal: whether the message names the expected number; not where that number is the whole answer.
        share: how much of the answer is right although this part of it is not.

    Raises:
        Todo, Differs.
    """
    value, expected = as_tensor(value, what), as_tensor(expected, what)
    if value.shape == expected.shape and close(value, expected, tolerance):
        return
    hint = next((hint for wrong, hint in hints if close(value, as_tensor(wrong, what), tolerance)), "")
    if value.shape != expected.shape:
        raise Differs(f"{what} has shape {tuple(value.shape)}, but expected is {tuple(expected.shape)}.", hint, share)
    if not value.isfinite().all():
        raise Differs(
            f"{what} holds values that are no finite numbers.", hint or "Is something divided by zero?", share
        )
    difference = (value - expected).abs()
    if not difference.dim():
        reference = f"but expected is {float(expected):.5g}" if reveal else "which is not the library's"
        raise Differs(f"{what} is {float(value):.5g}, {reference}.", hint, share)
    place = tuple(int(i) for i in (difference == difference.max()).nonzero()[0])
    shown = ", ".join(map(str, place))
    raise Differs(
        f"{what} differs most at [{shown}]: {float(value[place]):.5g}, but expected is {float(expected[place]):.5g}.",
        hint,
        share,
    )


def close(value: Any, expected: Any, tolerance: float) -> bool:
    """Whether two tensors have one shape and differ nowhere by more than the tolerance."""
    if value.shape != expected.shape:
        return False
    return bool(value.numel() == 0 or float((value - expected).abs().max()) <= tolerance)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
