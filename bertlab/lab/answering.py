"""The stretch of a text that answers a question, read in windows where the text is long."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.lab.results import Answer, AnswerWindow
from bertlab.tasks import Window, all_spans, no_answer_score

AT_ONCE = 8  # windows a pass
USUAL = 384  # tokens that a window has beyond the longest input's room, where the model has so many places


def answer(lab: Any, model: Any, question: str, context: str, *, longest: int, stride: int, trained: bool) -> Answer:
    """The best span of all windows, and all others: see `Lab.answer`."""
    for name, value in (("question", question), ("context", context)):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"the {name} is {value!r}; give some text")
    lab.check_length(question)
    room = lab.max_length - len(lab.tokenizer(question)["input_ids"]) - 1
    if room < 8:
        raise ValueError(f"the question leaves {max(room, 0)} of {lab.max_length} places; shorten it")
    encoding = lab.tokenizer(
        question, context, truncation="only_second", max_length=min(lab.max_length, USUAL + lab.max_length - room),
        stride=min(stride, room // 2), return_overflowing_tokens=True, return_offsets_mapping=True,
        padding=True, return_tensors="pt",
    )  # fmt: skip
    windows = _windows(lab, model, encoding)
    decoded = [
        Window(
            torch.tensor(window.start_logits).numpy(), torch.tensor(window.end_logits).numpy(),
            [offset if inside else None for offset, inside in zip(window.offsets, window.in_context)],
        )
        for window in windows
    ]  # fmt: skip
    spans = all_spans(decoded, longest)
    if not spans:
        raise ValueError("the context holds no token that the vocabulary knows; give some text")
    everything = torch.tensor([no_answer_score(decoded), *spans.values()]).softmax(0)  # no answer, then each span
    best = int(everything[1:].argmax())
    start, end = list(spans)[best]
    ranked = sorted(zip(spans, everything[1:].tolist()), key=lambda pair: -pair[1])
    return Answer(
        context[start:end], start, end, float(everything[1 + best]), float(everything[0]), windows, trained,
        [(first, last, p) for (first, last), p in ranked],
    )  # fmt: skip


def _windows(lab: Any, model: Any, encoding: Any) -> list[AnswerWindow]:
    """What the model says about each window, without its padding."""
    offsets = encoding.pop("offset_mapping").tolist()
    encoding.pop("overflow_to_sample_mapping", None)
    inputs = encoding.to(lab.device)
    ids = inputs["input_ids"]  # (windows, sequence)
    outputs = [
        model(**{name: value[at : at + AT_ONCE] for name, value in inputs.items()})
        for at in range(0, len(ids), AT_ONCE)
    ]
    starts = lab.sound(torch.cat([output.start_logits for output in outputs]).float()).cpu()  # (windows, sequence)
    ends = lab.sound(torch.cat([output.end_logits for output in outputs]).float()).cpu()
    windows = []
    for number, sequence in enumerate(ids.tolist()):
        real = int(inputs["attention_mask"][number].sum())
        inside = [part == 1 for part in encoding.sequence_ids(number)][:real]
        start, end = starts[number, :real], ends[number, :real]
        windows.append(
            AnswerWindow(
                lab.tokenizer.convert_ids_to_tokens(sequence[:real]),
                [tuple(o) if i else (0, 0) for o, i in zip(offsets[number], inside)],
                inside,
                *(x.tolist() for x in (start, end, start.softmax(-1), end.softmax(-1))),
            )
        )
    return windows
