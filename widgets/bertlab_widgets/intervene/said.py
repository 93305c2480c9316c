"""Phrases that more than one look of an `IntervenePanel` says."""

from __future__ import annotations

from collections.abc import Sequence

from bertlab.language import mark, say, say_n

from ..panel import percent, quoted

MEASURES = {
    "probability": mark("probability"),
    "log_probability": mark("log-probability"),
    "logit": mark("logit"),
}
NAMED = 3  # neurons that are called by their names


def both(parts: Sequence[str]) -> str:
    """One phrase, or two with an "and" between them."""
    return parts[0] if len(parts) == 1 else say("{one} and {other}", one=parts[0], other=parts[1])


def names_of(neurons: Sequence[Sequence[int]]) -> str:
    """Neurons by layer and number: "0.1, 2.5"."""
    return ", ".join(f"{layer}.{neuron}" for layer, neuron in neurons)


def neurons_named(neurons: Sequence[Sequence[int]]) -> str:
    """ "neuron 0.1", "neurons 0.1, 0.2, 2.5 and 4 more"."""
    count, names = len(neurons), names_of(neurons[:NAMED])
    if count > NAMED:
        return say("neurons {names} and {more} more", names=names, more=count - NAMED)
    return say_n("neuron {names}", "neurons {names}", count, names=names)


def chance_of(word: str, probability: float) -> str:
    """How likely a word is."""
    return say("{word} has {probability}", word=quoted(word), probability=percent(probability))


def no_number(guess: str, said: str) -> str:
    """The verdict on a guess that should have been a number; `said` tells what is so."""
    return say("{guess} is no number; {said}.", guess=quoted(guess), said=said)


def right(said: str) -> str:
    """The verdict on a guess that was right; `said` tells what is so."""
    return say("Right: {said}.", said=said)


def guessed(guess: str, said: str) -> str:
    """The verdict on another guess; `said` tells what is so."""
    return say("Your guess was {guess}; {said}.", guess=guess, said=said)
