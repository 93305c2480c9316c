"""A mistake tried on a text: predictions without it, with it, and how far apart they are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis import evaluating
from bertlab.bugs import mistakes

FROM_BATCHES = (
    "forgotten_mask", "swapped_segments", "shifted_positions", "padding_left", "silent_truncation",
    "missing_special_tokens",
)  # fmt: skip
FROM_TEXTS = ("wrong_case", "other_vocabulary")
MISTAKES: dict[str, Callable[..., Any]] = {
    name: getattr(mistakes, name) for name in (*FROM_BATCHES, *FROM_TEXTS, "forgotten_eval", "softmax_twice")
}


@dataclass(frozen=True)
class Trial:
    """`before` and `after`: the distributions over the vocabulary without and with the mistake, (places, vocabulary),
    at the `tokens` that both have, which stand at `places` of the right batch; `change`, the mean over these places of
    half the sum of |difference|: 0 for the same predictions, 1 for predictions with nothing in common. `text` is what
    was read.
    """

    name: str
    text: str
    tokens: list[str]
    before: torch.Tensor
    after: torch.Tensor
    places: list[int]

    @property
    def change(self) -> float:
        """Mean distance (total variation) of the predicted distributions, 0 to 1."""
        return float(self.changes.mean())

    @property
    def changes(self) -> torch.Tensor:
        """(places,): the distance at each place."""
        return (self.after - self.before).abs().sum(-1) / 2


@torch.no_grad()
def try_on(lab: Any, text: str, name: str) -> Trial:
    """Make a mistake with a text and see what becomes of the model's guesses.

    So that it bites, the text gets padding where the mistake is about padding, is cut where it is about cutting (or is
    too long), and gets capitals where it is about case. Lab, tokenizer and random numbers stay as they were.

    Args:
        name: one of `MISTAKES`.

    Raises:
        LookupError: for a mistake that is none of these. TypeError, ValueError: for what is no text, or has no words;
            and where the model has no second segment to swap.
    """
    if name not in MISTAKES:
        raise LookupError(f"there is no mistake {name!r}; there are {', '.join(MISTAKES)}")
    if not isinstance(text, str):
        raise TypeError(f"the text is a {type(text).__name__}: {str(text)[:60]!r}; give one text")
    if name == "swapped_segments" and lab.model.config.type_vocab_size < 2:
        raise ValueError(f"{lab.name} knows one segment only, so that none can be swapped")
    if name == "wrong_case":
        text = re.sub(r"(^|\s)(\w)", lambda found: found[0].upper(), text)
    limit = {"forgotten_mask": lab.max_length // 2, "padding_left": lab.max_length // 2}.get(name, lab.max_length - 1)
    text = _cut(lab, text, max(3, limit))
    encoding = lab.encode(text)
    batch = dict(encoding)
    if name in ("forgotten_mask", "padding_left"):
        batch = _padded(batch, lab)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the model notices some of the mistakes, which is not the point here
        before, after, places = _compared(lab, text, name, encoding, batch)
    tokens = lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][0][places].tolist())
    return Trial(name, text, tokens, before.cpu(), after.cpu(), places)


def _compared(
    lab: Any, text: str, name: str, encoding: Any, batch: mistakes.Batch
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """The distributions of both runs at the places that both have, and these places in the right batch."""
    mistake, logits = MISTAKES[name], _logits(lab, batch)
    real = batch["attention_mask"][0].bool()
    places = real.nonzero().flatten().tolist()
    if name == "softmax_twice":
        return logits[places].softmax(-1), mistake(logits[places]), places
    after_places = places
    if name == "forgotten_eval":
        with _own_random_numbers(lab.device), mistake(lab.model):
            wrong = _logits(lab, batch, training=True)
    elif name in FROM_BATCHES:
        numbered = {**batch, "place": torch.arange(real.shape[0], device=lab.device)[None]}
        changed = mistake(numbered)
        came_from = changed.pop("place")[0]
        kept = changed.get("attention_mask", batch["attention_mask"])[0].bool()
        after_places = kept.nonzero().flatten().tolist()
        places = came_from[after_places].tolist()
        wrong = _logits(lab, changed)
    else:
        changed = mistake(lab, text)
        wrong = _logits(lab, dict(changed))
        if name == "wrong_case":
            places, after_places = _same_places(encoding, changed)
        else:
            after_places = places
    return logits[places].softmax(-1), wrong[after_places].softmax(-1), places


def _cut(lab: Any, text: str, length: int) -> str:
    """The part of a text that makes at most `length` tokens."""
    encoding = lab.tokenizer(text, truncation=True, max_length=length, return_offsets_mapping=True, verbose=False)
    if len(encoding["input_ids"]) < 3:
        raise ValueError(f"the text is {text!r}, which has no words to get wrong; give at least one")
    return text[: max(end for _, end in encoding["offset_mapping"])]


def _same_places(encoding: Any, other: Any) -> tuple[list[int], list[int]]:
    """The places that both encodings have: the special tokens, and the first piece of each word."""
    found = []
    for one in (encoding, other):
        places: dict[Any, int] = {}
        special = 0
        for place, word in enumerate(one.word_ids(0)):
            if word is None:
                special += 1
            places.setdefault(("special", special) if word is None else word, place)
        found.append(places)
    first, second = found
    both = [part for part in first if part in second]
    return [first[part] for part in both], [second[part] for part in both]


def _logits(lab: Any, batch: Mapping[str, torch.Tensor], training: bool = False) -> torch.Tensor:
    """(sequence, vocabulary) of one text."""
    model = lab.model
    if training:
        hidden = model.base_model(**batch, return_dict=True).last_hidden_state
        return model.cls.predictions(hidden)[0].float()
    with evaluating(model):
        return model.cls.predictions(model.base_model(**batch, return_dict=True).last_hidden_state)[0].float()


def _padded(batch: mistakes.Batch, lab: Any) -> mistakes.Batch:
    """As much padding behind the text as it has tokens."""
    padding = {"input_ids": lab.tokenizer.pad_token_id or 0}
    return {
        name: torch.cat([value, torch.full_like(value, padding.get(name, 0))], dim=1) for name, value in batch.items()
    }


@contextmanager
def _own_random_numbers(device: torch.device) -> Iterator[None]:
    """Random numbers that begin anew, and afterwards go on as if nothing had been drawn."""
    state = torch.mps.get_rng_state() if device.type == "mps" else None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            yield
        finally:
            if state is not None:
                torch.mps.set_rng_state(state)
