"""Each mistake as code, and the code that avoids it: what the panel shows is the body of these functions.

Both give (tokens, vocabulary), what the model expects at each token. `WRONG` and `RIGHT` have them by the names of
`bertlab.bugs`; `REPAIRS` says in a few words what to do.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable

import torch

from bertlab.language import mark

TITLES = {
    "forgotten_mask": mark("Attention mask forgotten"),
    "swapped_segments": mark("Segments swapped"),
    "shifted_positions": mark("Positions shifted by one"),
    "padding_left": mark("Padding on the left"),
    "silent_truncation": mark("Cut without a word"),
    "missing_special_tokens": mark("No [CLS] and [SEP]"),
    "wrong_case": mark("Tokenizer of the other case"),
    "other_vocabulary": mark("Another model's vocabulary"),
    "forgotten_eval": mark("eval() forgotten"),
    "softmax_twice": mark("Softmax twice"),
}
REPAIRS = {
    "forgotten_mask": mark("Pass the attention mask on"),
    "swapped_segments": mark("Take the token types that the tokenizer gives"),
    "shifted_positions": mark("Let the model count positions from 0"),
    "padding_left": mark("Pad behind the text"),
    "silent_truncation": mark("Read the text as far as the model can"),
    "missing_special_tokens": mark("Let the tokenizer add [CLS] and [SEP]"),
    "wrong_case": mark("Use the model's own tokenizer, with its case"),
    "other_vocabulary": mark("Load tokenizer and model from one place"),
    "forgotten_eval": mark("Call model.eval() before predicting"),
    "softmax_twice": mark("Give the softmax logits, once"),
}
PREPARED = {  # what is done to the text so that the mistake bites
    "forgotten_mask": mark("In a batch, beside a text twice as long: as much padding as it has tokens."),
    "padding_left": mark("In a batch, beside a text twice as long: as much padding as it has tokens."),
    "silent_truncation": mark("Cut to half of its tokens."),
    "wrong_case": mark("Every word begins with a capital letter here."),
    "forgotten_eval": mark("One draw of dropout, seed 0."),
}


def plain(lab, text):
    """What BERT expects at each token, as it should be asked."""
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def forgotten_mask(lab, text):
    """The padding is looked at."""
    count = len(lab.tokenizer(text)["input_ids"])
    batch = lab.tokenizer(text, padding="max_length", max_length=2 * count, return_tensors="pt").to(lab.device)
    logits = lab.model(batch["input_ids"]).prediction_logits[0, :count]  # the mask is not passed on
    probabilities = logits.softmax(-1)
    return probabilities


def passed_mask(lab, text):
    """The padding is left alone."""
    count = len(lab.tokenizer(text)["input_ids"])
    batch = lab.tokenizer(text, padding="max_length", max_length=2 * count, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0, :count]  # input_ids, token_type_ids and attention_mask
    probabilities = logits.softmax(-1)
    return probabilities


def swapped_segments(lab, text):
    """The first text is marked as the second."""
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    batch["token_type_ids"] = torch.ones_like(batch["input_ids"])  # counted from 1: the first text is 0
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def shifted_positions(lab, text):
    """Every token gets the position behind its own."""
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    count = batch["input_ids"].shape[1]
    positions = torch.arange(1, count + 1, device=lab.device)[None]  # from 1; BERT counts from 0
    logits = lab.model(**batch, position_ids=positions).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def padding_left(lab, text):
    """The padding stands before the text."""
    count = len(lab.tokenizer(text)["input_ids"])
    padding = {"padding": "max_length", "max_length": 2 * count, "padding_side": "left"}  # as for writing text
    batch = lab.tokenizer(text, **padding, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0, count:]
    probabilities = logits.softmax(-1)
    return probabilities


def silent_truncation(lab, text):
    """Half of the text is not read."""
    half = (len(lab.tokenizer(text)["input_ids"]) + 1) // 2
    batch = lab.tokenizer(text, truncation=True, max_length=half, return_tensors="pt").to(lab.device)  # no warning
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def missing_special_tokens(lab, text):
    """The text stands alone."""
    batch = lab.tokenizer(text, add_special_tokens=False, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def wrong_case(lab, text):
    """Another tokenizer, of the other case."""
    from bertlab.tokenizer import BertTokenizer

    other = BertTokenizer(lab.tokenizer.get_vocab(), do_lower_case=not lab.tokenizer.do_lower_case)
    batch = other(text, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def other_vocabulary(lab, text):
    """The ids mean other words."""
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    special = set(lab.tokenizer.all_special_ids)
    words = [token for token in sorted(lab.tokenizer.get_vocab().values()) if token not in special]
    order = torch.arange(max([*words, *special]) + 1)
    order[words] = torch.tensor(words[::-1])  # the same words, numbered from back to front
    logits = lab.model(**{**batch, "input_ids": order.to(lab.device)[batch["input_ids"]]}).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def forgotten_eval(lab, text):
    """Dropout while predicting."""
    lab.model.train()  # or left so by the last round of training
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def evaluated(lab, text):
    """No dropout while predicting."""
    lab.model.eval()  # no dropout from here on
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    probabilities = logits.softmax(-1)
    return probabilities


def softmax_twice(lab, text):
    """Probabilities are taken for logits."""
    batch = lab.tokenizer(text, return_tensors="pt").to(lab.device)
    logits = lab.model(**batch).prediction_logits[0]
    scores = logits.softmax(-1)  # probabilities already
    probabilities = scores.softmax(-1)
    return probabilities


WRONG: dict[str, Callable] = {
    function.__name__: function
    for function in (
        forgotten_mask, swapped_segments, shifted_positions, padding_left, silent_truncation, missing_special_tokens,
        wrong_case, other_vocabulary, forgotten_eval, softmax_twice,
    )
}  # fmt: skip
RIGHT: dict[str, Callable] = {
    **dict.fromkeys(WRONG, plain),
    "forgotten_mask": passed_mask,
    "padding_left": passed_mask,
    "forgotten_eval": evaluated,
}


@functools.cache
def source_of(function: Callable) -> str:
    """The body of one of these functions, without its docstring and the line that gives the result back."""
    lines = inspect.getsource(function).splitlines()[2:-1]
    return textwrap.dedent("\n".join(lines)).strip()
