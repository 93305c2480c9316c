"""How to continue a text: the options, and what they come from."""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass, fields
from typing import Any

import torch

from bertlab.numbers import as_whole, is_number, is_whole

DEFAULT_MAX_LENGTH = 20  # tokens, the prompt included, when no length is asked for


@dataclass(kw_only=True)
class GenerationOptions:
    """How to continue a text. What is not given comes from the model's configuration, where it says anything.

    Args:
        max_new_tokens: how many tokens to add at most; or `max_length`, which counts the prompt too (default 20).
        min_new_tokens, min_length: before these lengths the tokens that end a text are excluded.
        do_sample: draw each token at random; otherwise take the most probable.
        temperature: divides the scores before drawing: below 1 sharper, above 1 flatter.
        top_k: draw among the k most probable tokens only; 0 or None for all.
        top_p: draw among the fewest tokens whose probabilities reach this sum (Holtzman et al. 2020, section 3.1).
        repetition_penalty: above 1 makes tokens of the text so far less likely (Keskar et al. 2019, section 4.1).
        no_repeat_ngram_size: no run of this many tokens comes twice (Paulus et al. 2018, section 2.5); 0 allows all.
        num_beams: how many continuations beam search keeps; 1 for none.
        length_penalty: the log-probability of a finished beam is divided by (new tokens ** length_penalty).
        early_stopping: when beam search may stop: True as soon as `num_beams` continuations have ended, False when
            the open ones are unlikely to win, "never" when they cannot.
        num_return_sequences: how many continuations of each prompt to return.
        bos_token_id: what to start from when there is no prompt.
        eos_token_id: what ends a text, one id or several.
        pad_token_id: what fills up texts that ended early.
        use_cache: keep the keys and values of the tokens so far; without, the tokens are the same, only slower.
        generator: a `torch.Generator` to draw with, or a number to seed a fresh one; torch's own when None.
        count_padding: count positions from the first place, padding or not, as transformers 4.37 does. By default
            they count from each prompt's first token, as in current transformers, so that a batch padded on the left
            gives the same tokens as each prompt alone.

    Raises:
        ValueError: naming the option, what was given and what is allowed.
    """

    max_new_tokens: int | None = None
    max_length: int | None = None
    min_new_tokens: int = 0
    min_length: int = 0
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | str = False
    num_return_sequences: int = 1
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    pad_token_id: int | None = None
    use_cache: bool = True
    generator: Any = None  # a torch.Generator; or a number, of which chosen_options makes one
    count_padding: bool = False

    def __post_init__(self) -> None:
        for name, least in (
            ("max_new_tokens", 1), ("max_length", 1), ("min_new_tokens", 0), ("min_length", 0), ("top_k", 0),
            ("no_repeat_ngram_size", 0), ("num_beams", 1), ("num_return_sequences", 1),
        ):  # fmt: skip
            given = getattr(self, name)
            if given is None and name in ("max_new_tokens", "max_length"):
                continue
            value = as_whole(given)
            if value is None or value < least:
                raise ValueError(f"{name} is {given!r}; it must be a whole number of at least {least}")
            setattr(self, name, value)
        for name in ("temperature", "repetition_penalty", "top_p"):
            value = getattr(self, name)
            if not is_number(value) or value <= 0:
                advice = "; for the most probable token use do_sample=False" if name == "temperature" else ""
                raise ValueError(f"{name} is {value!r}; it must be a number above 0{advice}")
        if self.top_p > 1:
            raise ValueError(f"top_p is {self.top_p!r}; it is a probability above 0 and at most 1, where 1 keeps all")
        if not is_number(self.length_penalty):
            raise ValueError(f"length_penalty is {self.length_penalty!r}; it must be a number")
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise ValueError(f"early_stopping is {self.early_stopping!r}; allowed are True, False and 'never'")
        if self.num_return_sequences > self.num_beams and not (self.do_sample and self.num_beams == 1):
            raise ValueError(
                f"num_return_sequences is {self.num_return_sequences} but num_beams {self.num_beams}: there are only "
                "as many continuations as beams; raise num_beams, or draw with do_sample=True and no beams"
            )
        if self.generator is not None and not is_whole(self.generator):
            if not isinstance(self.generator, torch.Generator):
                raise TypeError(
                    f"generator is a {type(self.generator).__name__}; give a torch.Generator or a number to seed one"
                )

    @property
    def ends(self) -> list[int]:
        """The ids that end a text."""
        if self.eos_token_id is None:
            return []
        given: Any = self.eos_token_id
        ids = [given] if is_whole(given) else list(given)
        return [number if as_whole(number) is None else as_whole(number) for number in ids]


def chosen_options(config: Any, given: dict[str, Any], device: torch.device) -> GenerationOptions:
    """The options that were given, over those in the configuration, over the defaults."""
    defaults = {field.name: field.default for field in fields(GenerationOptions)}
    for name in given:
        if name not in defaults:
            nearest = ", ".join(difflib.get_close_matches(name, defaults, n=3, cutoff=0.0))
            raise TypeError(f"there is no generation option {name!r}; the nearest are {nearest}")
    if "top_k" in given and given["top_k"] is None:
        given = {**given, "top_k": 0}
    given = {name: value for name, value in given.items() if value is not None}
    if "max_length" in given and "max_new_tokens" in given:
        raise ValueError(
            f"both max_length={given['max_length']} and max_new_tokens={given['max_new_tokens']} are given; give one"
        )
    chosen = {name: getattr(config, name) for name in defaults if getattr(config, name, None) is not None}
    if "max_length" in given or "max_new_tokens" in given:
        chosen = {name: value for name, value in chosen.items() if name not in ("max_length", "max_new_tokens")}
    options = GenerationOptions(**(chosen | given))

    for needed, met, names in (
        ("do_sample=True", options.do_sample, ("temperature", "top_k", "top_p")),
        ("num_beams above 1", options.num_beams > 1, ("length_penalty", "early_stopping")),
    ):
        idle = [name for name in names if name in given and given[name] != defaults[name]]
        if idle and not met:
            warnings.warn(f"{' and '.join(idle)} changes nothing without {needed}", stacklevel=4)
    for name, ids in (
        ("eos_token_id", options.ends),
        ("bos_token_id", [] if options.bos_token_id is None else [options.bos_token_id]),
        ("pad_token_id", [] if options.pad_token_id is None or not options.ends else [options.pad_token_id]),
    ):
        for number in ids:
            if not is_whole(number) or not 0 <= number < config.vocab_size:
                raise ValueError(f"{name} is {number!r}; the vocabulary has the ids 0 to {config.vocab_size - 1}")
    if options.pad_token_id is None and options.ends:
        options.pad_token_id = options.ends[0]
    if is_whole(options.generator):
        options.generator = torch.Generator(device).manual_seed(as_whole(options.generator))
    return options
