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

from bertlab.language import mark, say

TODO, CORRECT, DIFFERS, UNKNOWN = "todo", "correct", "differs", "unknown"  # for programs, in every language
_WORDS = {TODO: mark("todo"), CORRECT: mark("correct"), DIFFERS: mark("differs"), UNKNOWN: mark("unknown")}
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
        text = self._with_message(f"{_SIGNS[self.state]} {self.exercise} {say(_WORDS[self.state])}", self.message)
        return text + ("\n  " + say("(there is a hint in .hint)") if self.hint else "")

    def _repr_html_(self) -> str:
        # The sign alone has a colour, one that is seen on light and on dark paper; the words keep the page's own ink.
        sign = f'<span style="color:{_COLOURS[self.state]}">{_SIGNS[self.state]}</span>'
        head = f"<b>{sign} {html.escape(self.exercise)} {html.escape(say(_WORDS[self.state]))}</b>"
        said = self._with_message(head, html.escape(self.message))
        if self.hint:
            summary = html.escape(say("Hint"))
            said += f"<details><summary>{summary}</summary>{html.escape(self.hint)}</details>"
        return f"<div>{said}</div>"

    @staticmethod
    def _with_message(verdict: str, message: str) -> str:
        return say("{verdict}: {message}", verdict=verdict, message=message) if message else verdict


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
            message = say("there is no such exercise; the nearest number is {near}.", near=near[0])
            return Verdict(number, UNKNOWN, message)
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
        hint = say("Does every loop come to an end?")
        return Verdict(number, DIFFERS, say("interrupted before there was an answer."), hint)
    except SystemExit:
        hint = say("Return the value instead of calling exit().")
        return Verdict(number, DIFFERS, say("the answer ends Python."), hint)
    except BaseException as error:  # whatever an answer raises, in its own __repr__ or __str__ too
        message = say("the answer could not be compared ({error}).", error=_told(error))
        return Verdict(_text(number), DIFFERS, message, say("Is it of the kind that the exercise asks for?"))


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
            say("a function was expected, but the answer is of type {kind}.", kind=type(function).__name__),
            say("Give the function itself, without calling it: check(number, my_function)."),
        )
    try:
        value = function(*arguments)
    except NotImplementedError:
        raise Todo from None
    except Exception as error:
        hint = say("Call it yourself with such arguments and read the whole message.")
        kind, _, told = _told(error).partition(": ")
        raise Differs(_raised(kind, shown, told), hint) from error
    if value is ...:
        raise Todo
    if value is None:
        if shown:
            message = say("the function returned None for {shown}.", shown=shown)
        else:
            message = say("the function returned None.")
        raise Differs(message, say("Does it end in a return?"))
    return value


def _raised(kind: str, shown: str, told: str) -> str:
    if shown:
        return say("the function raised {kind} for {shown}: {told}", kind=kind, shown=shown, told=told)
    return say("the function raised {kind}: {told}", kind=kind, told=told)


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
        message = say("{what} should be numbers in a tensor, but is {value}.", what=what, value=_short(value))
        raise Differs(message) from error


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
        shapes = {"shape": tuple(value.shape), "expected": tuple(expected.shape)}
        raise Differs(say("{what} has shape {shape}, but expected is {expected}.", what=what, **shapes), hint, share)
    if not value.isfinite().all():
        message = say("{what} holds values that are no finite numbers.", what=what)
        raise Differs(message, hint or say("Is something divided by zero?"), share)
    raise Differs(_difference(value, expected, what, reveal), hint, share)


def _difference(value: Any, expected: Any, what: str, reveal: bool) -> str:
    """The sentence that two tensors differ, and where."""
    difference = (value - expected).abs()
    if not difference.dim():
        numbers = {"value": float(value), "expected": float(expected)}
        if reveal:
            return say("{what} is {value:.5g}, but expected is {expected:.5g}.", what=what, **numbers)
        return say("{what} is {value:.5g}, which is not the library's.", what=what, **numbers)
    place = tuple(int(i) for i in (difference == difference.max()).nonzero()[0])
    return say(
        "{what} differs most at [{place}]: {value:.5g}, but expected is {expected:.5g}.",
        what=what,
        place=", ".join(map(str, place)),
        value=float(value[place]),
        expected=float(expected[place]),
    )


def close(value: Any, expected: Any, tolerance: float) -> bool:
    """Whether two tensors have one shape and differ nowhere by more than the tolerance."""
    if value.shape != expected.shape:
        return False
    return bool(value.numel() == 0 or float((value - expected).abs().max()) <= tolerance)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
