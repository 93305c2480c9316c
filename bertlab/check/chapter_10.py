"""10 Choice and question answering: the shape of choices, windows that overlap, the best legal span."""

from __future__ import annotations

from typing import Any

from bertlab.check.verdict import Differs, call, compare, exercise, shipped_lab
from bertlab.data import Task, encode
from bertlab.language import say
from bertlab.training import qa_answers

PROMPTS = ("The ice on the lake was thin, so the children", "He put on a second jumper because")
ENDINGS = (
    ("were told to stay on the shore.", "drove a lorry across it.", "finished their homework."),
    ("the heating had failed.", "the sun was hot.", "he was hungry."),
)


@exercise("10.1")
def choice_batch(answer: Any) -> str:
    """Asked for: `choice_batch(prompts, endings)` -> tensors of shape (batch, choices, sequence)."""
    lab = shipped_lab()
    given = call(answer, list(PROMPTS), [list(row) for row in ENDINGS], shown=say("2 prompts with 3 endings each"))
    count = len(ENDINGS[0])
    flat = [ending for row in ENDINGS for ending in row]

    def encoded(prompts: list[str], endings: list[str] | None) -> Any:
        return lab.tokenizer(prompts, endings, padding=True, return_tensors="pt")

    right = encoded([prompt for prompt in PROMPTS for _ in range(count)], flat)
    tiled = encoded([prompt for _ in range(count) for prompt in PROMPTS], flat)
    alone = encoded(flat, None)
    joined = encoded([f"{prompt} {end}" for prompt, row in zip(PROMPTS, ENDINGS) for end in row], None)
    if not hasattr(given, "keys"):
        raise Differs(
            say("a dictionary of tensors was expected, but the answer is of type {kind}.", kind=type(given).__name__)
        )
    for name, value in right.items():
        if name not in given:
            raise Differs(say("{name!r} is missing; there are {names}.", name=name, names=", ".join(given.keys())))
        hints = [(value, say("The right rows, but flat: the model wants (batch, choices, sequence)."))]
        if name == "input_ids":
            hints += [
                (value.view(2, count, -1).transpose(0, 1), say("Batch and choices are swapped.")),
                (
                    tiled[name].view(2, count, -1),
                    say(
                        "Prompts and endings do not belong together: each prompt is repeated for its own "
                        "endings first, then comes the next one."
                    ),
                ),
                (
                    alone[name].view(2, count, -1),
                    say("The prompts are missing: an ending is read together with its prompt."),
                ),
                (
                    joined[name].view(2, count, -1),
                    say("Prompt and ending are a pair of texts, with [SEP] between them."),
                ),
            ]
        compare(given[name], value.view(2, count, -1), name, 0, hints)
    return say("the batch is (2, 3, sequence), as BertForMultipleChoice reads it.")


WINDOWS = ((10, 4, 2), (10, 4, 1), (10, 4, 0), (11, 5, 3), (3, 4, 1), (4, 4, 1), (1, 4, 0), (50, 16, 8), (6, 5, 4))


def library_windows(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Where the library cuts a context of `length` one-token words."""
    tokenizer = shipped_lab().tokenizer
    row = {"question": "who", "context": " ".join(["a"] * length)}
    task = Task("qa", max_length=size + 4, stride=overlap)  # [CLS] who [SEP] ... [SEP]
    spans = [feature["offsets"] for feature in encode([row], task, tokenizer)]
    return [(span[0][0] // 2, span[-1][0] // 2 + 1) for span in spans]


@exercise("10.2")
def windows(answer: Any) -> str:
    """Asked for: `windows(length, size, overlap)` -> list of (start, end) that covers every token."""
    for length, size, overlap in WINDOWS:
        shown = say("length {length}, size {size}, overlap {overlap}", length=length, size=size, overlap=overlap)
        given = call(answer, length, size, overlap, shown=shown)
        try:
            given = [(int(start), int(end)) for start, end in given]
        except (TypeError, ValueError):
            raise Differs(
                say(
                    "for {shown} a list of (start, end) was expected, but given is {given!r}.", shown=shown, given=given
                )
            ) from None
        expected = library_windows(length, size, overlap)
        if given != expected:
            message = say(
                "for {shown} the answer is {given}, but the library cuts {expected}.",
                shown=shown,
                given=given[:6],
                expected=expected[:6],
            )
            raise Differs(message, _window_hint(length, size, overlap, given, expected))
    return say("every token is covered, in {count} cases.", count=len(WINDOWS))


def _window_hint(length: int, size: int, overlap: int, given: list, expected: list) -> str:
    covered = {place for start, end in given for place in range(start, end)}
    missing = sorted(set(range(length)) - covered)
    if missing:
        return say("Token {place} is in no window: an answer there would never be found.", place=missing[0])
    if any(end > length for _, end in given):
        return say("The last window ends with the text.")
    if any(end - start > size for start, end in given):
        return say("A window holds at most {size} tokens.", size=size)
    if len(given) > 1 and given[1][0] - given[0][0] == overlap != size - overlap:
        return say("The overlap (“stride”) is what two windows share, not the step from one to the next.")
    if given[: len(expected)] == expected:
        return say("The text ends in an earlier window: what follows holds nothing new.")
    return say("A window begins size - overlap tokens after the one before it; the last is the first to reach the end.")


@exercise("10.3")
def best_span(answer: Any) -> str:
    """Asked for: `best_span(start, end, inside, longest)` -> first and last token of the best legal span."""
    import torch

    generator = torch.Generator().manual_seed(5)
    cases = 60
    for number in range(cases):
        length = 8 + number % 23
        first = 2 + number % 5  # [CLS], the question and [SEP] stand before the context
        longest = 1 + number % 6
        start, end = (torch.randn(length, generator=generator) * 3 for _ in range(2))
        inside = torch.zeros(length, dtype=torch.bool)
        inside[first : length - 1] = True
        expected = library_span(start, end, inside, longest)
        shown = say(
            "{length} tokens, context {first} to {last}, at most {longest} long",
            length=length,
            first=first,
            last=length - 2,
            longest=longest,
        )
        given = call(answer, start.clone(), end.clone(), inside.clone(), longest, shown=shown)
        try:
            given = tuple(int(place) for place in given)
        except (TypeError, ValueError):
            raise Differs(
                say("for {shown} a pair (start, end) was expected, but given is {given!r}.", shown=shown, given=given)
            ) from None
        if given != expected:
            raise Differs(
                say(
                    "for {shown} the answer is {given}, but the best legal span is {expected}.",
                    shown=shown,
                    given=given,
                    expected=expected,
                ),
                _span_hint(start, end, inside, longest, given),
            )
    return say("the library's span in {cases} cases.", cases=cases)


def library_span(start: Any, end: Any, inside: Any, longest: int) -> tuple[int, int]:
    """The span that `bertlab.training.qa_answers` takes: both ends are its first and last token."""
    places = inside.nonzero().flatten().tolist()
    context = "".join(chr(0x4E00 + place) for place in places)
    feature = {"example": 0, "offsets": [(i, i + 1) for i in range(len(places))], "context_start": places[0]}
    outputs = [(start.numpy(), end.numpy())]
    rows = [{"context": context}]
    text = qa_answers(outputs, [feature], rows, no_answer=False, longest=longest, candidates=len(places))[0]
    return ord(text[0]) - 0x4E00, ord(text[-1]) - 0x4E00


def _span_hint(start: Any, end: Any, inside: Any, longest: int, given: tuple) -> str:
    if len(given) != 2 or not all(0 <= place < len(start) for place in given):
        return say("Return the positions of its first and last token.")
    if not all(bool(inside[place]) for place in given):
        return say("The span leaves the context: [CLS], the question and [SEP] are no answers.")
    if given[1] < given[0]:
        return say("It ends before it begins: the two best places taken one by one need not fit each other.")
    if given[1] - given[0] >= longest:
        return say("It is too long: from its first to its last token it may hold so many tokens, both counted.")
    return say("It is legal, but another one has a higher sum of its start logit and its end logit.")
