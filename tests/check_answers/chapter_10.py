"""10 Choices and questions: right answers, and the typical wrong ones with a word of the hint or message."""

import torch

from bertlab.check.chapter_10 import library_span, library_windows
from bertlab.check.verdict import shipped_lab


def choices(prompts, endings, order="repeat", flat=False):
    count = len(endings[0])
    repeated = [p for p in prompts for _ in range(count)] if order == "repeat" else list(prompts) * count
    batch = shipped_lab().tokenizer(repeated, [e for row in endings for e in row], padding=True, return_tensors="pt")
    return dict(batch) if flat else {name: value.view(len(prompts), count, -1) for name, value in batch.items()}


def stride_as_step(length, size, overlap):
    starts = range(0, max(1, length - size + max(1, overlap)), max(1, overlap))
    return [(start, min(start + size, length)) for start in starts]


def windows_with_a_gap(length, size, overlap):
    return library_windows(length, size, overlap)[:1]


def two_maxima(start, end, inside, longest):
    low = torch.tensor(-1e9)
    return int(torch.where(inside, start, low).argmax()), int(torch.where(inside, end, low).argmax())


def anywhere(start, end, inside, longest):
    return library_span(start, end, torch.ones_like(inside), longest)


RIGHT = {
    "10.1": lambda: choices,
    "10.2": lambda: library_windows,
    "10.3": lambda: library_span,
}

WRONG = [
    ("10.1", "flat", lambda: lambda p, e: choices(p, e, flat=True), "flat"),
    ("10.1", "prompts mixed up", lambda: lambda p, e: choices(p, e, order="tile"), "repeated"),
    ("10.1", "no dictionary", lambda: lambda p, e: choices(p, e)["input_ids"], "dictionary"),
    ("10.2", "the stride as the step", lambda: stride_as_step, "share"),
    ("10.2", "the first window only", lambda: windows_with_a_gap, "in no window"),
    ("10.2", "numbers", lambda: lambda length, size, overlap: [1, 2], "(start, end)"),
    ("10.3", "two maxima", lambda: two_maxima, "before it begins"),
    ("10.3", "outside of the text", lambda: anywhere, "leaves the context"),
    ("10.3", "too long", lambda: lambda s, e, i, n: library_span(s, e, i, 100), "too long"),
]
