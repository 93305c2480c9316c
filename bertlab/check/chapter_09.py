"""09 Tagging: labels on the first pieces, BIO tags as spans, F1 of whole spans."""

from __future__ import annotations

import copy
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import mark, say

IGNORED = -100
SENTENCES = (
    ["Zainab", "left", "Elmford", "yesterday", "."],
    ["Antidisestablishmentarianism", "unaffable"],
    ["A", "b", "c"],
)


def _alignments(word_ids: list, labels: list[int]) -> dict[str, list[int]]:
    """The right labels, and what common mistakes give."""
    starts = [word is not None and word != before for word, before in zip(word_ids, [None, *word_ids[:-1]])]
    ends = [word is not None and word != after for word, after in zip(word_ids, [*word_ids[1:], None])]
    at = [IGNORED if word is None else labels[word] for word in word_ids]
    return {
        "right": [label if first else IGNORED for label, first in zip(at, starts)],
        "every": at,
        "last": [label if last else IGNORED for label, last in zip(at, ends)],
        "zeros": [label if first else 0 for label, first in zip(at, starts)],
        "zeros special": [0 if word is None else label for word, label in zip(word_ids, at)],
        "words": list(labels),
        "bare": [label for label, word, first in zip(at, word_ids, starts) if word is not None and first],
        "short": [label if first else IGNORED for label, first in zip(at, starts)][1:-1],
    }


_ALIGNMENT_HINTS = {
    "every": mark("The first piece of a word carries its label; the pieces after it get -100."),
    "last": mark("The label stands on the last piece; the first one carries it."),
    "zeros": mark("What is not asked gets -100: 0 is a label like the others."),
    "zeros special": mark("Special tokens get -100: 0 is a label like the others."),
    "words": mark("One number for each piece, not for each word."),
    "short": mark("[CLS] and [SEP] have a place too: -100."),
}


@exercise("09.1")
def align(answer: Any) -> str:
    """Asked for: `align(word_ids, labels)`: the label at a word's first piece, -100 everywhere else."""
    tokenizer = shipped_lab().tokenizer
    for words in SENTENCES:
        word_ids = tokenizer(words, is_split_into_words=True).word_ids()
        labels = [5 + place for place in range(len(words))]
        given = call(answer, list(word_ids), list(labels), shown=say("the words {words}", words=words))
        wrongs = _alignments(word_ids, labels)
        given = as_tensor(given, say("the labels")).tolist()
        if given != wrongs["right"]:
            hint = next((say(text) for name, text in _ALIGNMENT_HINTS.items() if given == wrongs[name]), "")
            raise Differs(
                say(
                    "for the word ids {word_ids} the labels are {given}, but expected are {expected}.",
                    word_ids=word_ids,
                    given=given,
                    expected=wrongs["right"],
                ),
                hint,
            )
    return say("the first piece of every word, for {count} sentences.", count=len(SENTENCES))


TAGS = (
    ["B-PER", "I-PER", "O", "B-LOC"],
    ["O", "O"],
    ["B-LOC", "B-LOC", "I-LOC", "B-ORG", "O", "B-PER"],
    ["O", "B-ORG", "I-ORG", "I-ORG"],
)


@exercise("09.2")
def spans_of_tags(answer: Any) -> str:
    """Asked for: `spans(tags)`: [(type, first word, behind the last word)] in their order."""
    from bertlab.metrics import spans

    for tags in TAGS:
        right = [tuple(span) for span in spans(tags)]
        given = call(answer, list(tags), shown=f"{tags}")
        try:
            found = [(str(kind), int(first), int(end)) for kind, first, end in given]
        except (TypeError, ValueError):
            raise Differs(
                say("the answer for {tags} is no list of (type, first word, behind the last word).", tags=tags),
                say("A list of tuples of three; an empty list where there is no name."),
            ) from None
        if found == right:
            continue
        joined = [tuple(span) for span in spans([tag.replace("B-", "I-") for tag in tags])]
        if found == [(kind, first, end - 1) for kind, first, end in right]:
            hint = say("The last number is the place behind the last word, as in a slice.")
        elif found == [(f"B-{kind}", first, end) for kind, first, end in right]:
            hint = say("The type without its B-.")
        elif found == joined:
            hint = say("A B begins a new span, also right behind another of the same type.")
        elif found == [span for span in right if span[2] < len(tags)]:
            hint = say("A span that goes on to the end of the sentence counts too.")
        elif sorted(found) == sorted(right):
            hint = say("In the order of the sentence.")
        else:
            hint = ""
        raise Differs(
            say("the spans of {tags} are {found}, but expected are {right}.", tags=tags, found=found, right=right), hint
        )
    return say("the spans of {count} sentences.", count=len(TAGS))


_Spans = list[list[tuple[str, int, int]]]
_CASES: list[tuple[_Spans, _Spans]] = [
    (
        [[("PER", 0, 2), ("LOC", 3, 4)], [("ORG", 1, 3)]],
        [[("PER", 0, 2)], [("PER", 0, 1), ("LOC", 5, 6), ("ORG", 1, 3)]],
    ),
    ([[("PER", 0, 2), ("LOC", 3, 4), ("LOC", 6, 7)]], [[("PER", 0, 3), ("ORG", 3, 4), ("LOC", 6, 7)]]),
    ([[], []], [[("PER", 0, 1)], []]),
    ([[("LOC", 0, 1)], [("LOC", 0, 1)], []], [[("LOC", 0, 1)], [], [("LOC", 0, 1)]]),
]


@exercise("09.3")
def span_f1(answer: Any) -> str:
    """Asked for: `f1(predicted, expected)`: 2 right / (predicted + expected) over all sentences, 0 to 1."""
    for predicted, expected in _CASES:
        pairs = list(zip(predicted, expected))
        right = sum(len(set(ours) & set(theirs)) for ours, theirs in pairs)
        ours, theirs = sum(map(len, predicted)), sum(map(len, expected))
        f1 = 2 * right / (ours + theirs) if right else 0.0
        by_sentence = [2 * len(set(a) & set(b)) / (len(a) + len(b)) if a or b else 1.0 for a, b in pairs]
        without_types = [[{span[1:] for span in spans} for spans in side] for side in (predicted, expected)]
        loose = 2 * sum(len(a & b) for a, b in zip(*without_types)) / (ours + theirs)
        mixed = 2 * len({s for row in predicted for s in row} & {s for row in expected for s in row}) / (ours + theirs)
        given = call(
            answer,
            *copy.deepcopy((predicted, expected)),
            shown=say("predicted {predicted} and expected {expected}", predicted=predicted, expected=expected),
        )
        hints = [
            (f1 * 100, say("This is in percent; give a share between 0 and 1.")),
            (right / max(ours, 1), say("This is the precision: right ones among those predicted.")),
            (right / max(theirs, 1), say("This is the recall: right ones among those expected.")),
            (f1 / 2, say("A factor of 2 is missing.")),
            (
                sum(by_sentence) / len(by_sentence),
                say("Count over all sentences together; this is the mean of theirs."),
            ),
            (loose, say("The type of a span has to be right too.")),
            (mixed, say("Compare sentence with sentence: the same place in another sentence is another span.")),
        ]
        compare(given, f1, say("F1"), 1e-6, [pair for pair in hints if abs(pair[0] - f1) > 1e-6])
    return say("as the benchmarks count it, for {count} sets.", count=len(_CASES))
