"""09 Tagging: right answers, and the typical wrong ones with a word of the hint or message."""

from bertlab.metrics import spans


def align(word_ids, labels, ignored=-100):
    starts = [word is not None and word != before for word, before in zip(word_ids, [None, *word_ids[:-1]])]
    return [labels[word] if first else ignored for word, first in zip(word_ids, starts)]


def every_piece(word_ids, labels):
    return [-100 if word is None else labels[word] for word in word_ids]


def f1(predicted, expected, factor=2):
    right = sum(len(set(a) & set(b)) for a, b in zip(predicted, expected))
    return factor * right / (sum(map(len, predicted)) + sum(map(len, expected)))


def recall(predicted, expected):
    return sum(len(set(a) & set(b)) for a, b in zip(predicted, expected)) / sum(map(len, expected))


def without_types(predicted, expected):
    return f1(*([[span[1:] for span in row] for row in side] for side in (predicted, expected)))


def mean_of_sentences(predicted, expected):
    scores = [f1([a], [b]) if a or b else 1.0 for a, b in zip(predicted, expected)]
    return sum(scores) / len(scores)


RIGHT = {
    "09.1": lambda: align,
    "09.2": lambda: spans,
    "09.3": lambda: f1,
}

WRONG = [
    ("09.1", "every piece", lambda: every_piece, "pieces after it"),
    ("09.1", "zeros", lambda: lambda w, labels: align(w, labels, ignored=0), "0 is a label"),
    ("09.1", "one a word", lambda: lambda w, labels: labels, "each piece"),
    ("09.1", "no [CLS] and [SEP]", lambda: lambda w, labels: align(w, labels)[1:-1], "have a place"),
    ("09.2", "up to the last word", lambda: lambda t: [(k, a, b - 1) for k, a, b in spans(t)], "as in a slice"),
    ("09.2", "the type with its B-", lambda: lambda t: [(f"B-{k}", a, b) for k, a, b in spans(t)], "without its B-"),
    ("09.2", "neighbours joined", lambda: lambda t: spans([tag.replace("B-", "I-") for tag in t]), "a new span"),
    ("09.2", "lost at the end", lambda: lambda t: [s for s in spans(t) if s[2] < len(t)], "end of the sentence"),
    ("09.2", "no tuples", lambda: lambda t: [1, 2], "list of tuples"),
    ("09.3", "recall", lambda: recall, "recall"),
    ("09.3", "half", lambda: lambda p, e: f1(p, e, factor=1), "factor of 2"),
    ("09.3", "types do not count", lambda: without_types, "type of a span"),
    ("09.3", "mean of the sentences", lambda: mean_of_sentences, "all sentences together"),
    ("09.3", "per cent", lambda: lambda p, e: 100 * f1(p, e), "percent"),
]
