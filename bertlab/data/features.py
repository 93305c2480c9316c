"""Labelled sets -> batches: encoding for each task, collation, order.

Three steps, each a plain function: `read` turns files into rows (dictionaries), `encode` turns rows into
features (lists of ids) for a `Task`, `collate` turns features into tensors.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertlab.data.masking import IGNORED, truncate_pair
from bertlab.data.reading import COLUMN_NAMES, DataError, Row, chunks, column_of, place_of, read

__all__ = [
    "DataError", "KINDS", "Row", "Task", "collate", "encode", "infer_task", "length", "length_sorted_batches",
    "prepared_batches", "read", "samples",
]  # fmt: skip

Feature = dict[str, Any]


def samples(task: str) -> Any:
    """The small labelled set that comes with bertlab for a task, such as "sentiment"."""
    from bertlab.samples import samples as load_samples

    return load_samples(task)


# ------------------------------------------------------------------------------------------- tasks and labels

KINDS = {
    "classification": "BertForSequenceClassification",
    "regression": "BertForSequenceClassification",
    "multilabel": "BertForSequenceClassification",
    "tagging": "BertForTokenClassification",
    "choice": "BertForMultipleChoice",
    "qa": "BertForQuestionAnswering",
    "next_sentence": "BertForNextSentencePrediction",
    "causal": "BertLMHeadModel",
}
_LABELLED = ("classification", "multilabel", "tagging")


@dataclass(frozen=True)
class Task:
    """What is asked of a text: the kind of head, the names of its labels, and how long inputs may be.

    Args:
        kind: one of classification, regression, multilabel, tagging, choice, qa, next_sentence, causal.
        labels: names by label id (classification, multilabel, tagging).
        max_length: most tokens of an input, [CLS] and [SEP] included; longer ones are truncated, except that
            tagging and qa cut them into windows.
        stride: tokens that consecutive qa windows share.
        name: what the task is called, for reports.
    """

    kind: str
    labels: tuple[str, ...] = ()
    max_length: int = 128
    stride: int = 64
    name: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise LookupError(f"there is no task kind {self.kind!r}; kinds are {', '.join(KINDS)}")
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"the labels of a task must differ, but they are {list(self.labels)}")
        if self.max_length < 4:
            raise ValueError(f"max_length is {self.max_length}, but an input needs at least 4 tokens")
        if self.stride < 0:
            raise ValueError(f"stride is {self.stride}, but windows overlap by 0 tokens or more")

    @property
    def model_class(self) -> str:
        """Name of the head model that does this task."""
        return KINDS[self.kind]

    def config(self) -> dict[str, Any]:
        """The config fields that a head model for this task needs."""
        if self.kind in _LABELLED:
            names = dict(enumerate(self.labels))
            fields: dict[str, Any] = {"id2label": names, "label2id": {name: i for i, name in names.items()}}
            if self.kind != "tagging":
                multi = self.kind == "multilabel"
                fields["problem_type"] = "multi_label_classification" if multi else "single_label_classification"
            return fields
        if self.kind == "regression":
            return {"id2label": {0: "score"}, "label2id": {"score": 0}, "problem_type": "regression"}
        return {"is_decoder": True} if self.kind == "causal" else {}

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data: `Task(**task.to_dict())` is the task again."""
        return {**asdict(self), "labels": list(self.labels)}


def infer_task(kind: str, rows: Iterable[Mapping[str, Any]], **fields: Any) -> Task:
    """A task whose labels are those that occur in the rows, which are gone through once.

    Names are sorted (for tags "O" comes first). Numbers keep their order from 0 on, and take the names that a
    column "label_text" gives them.

    Raises:
        DataError: no label column, only one label to choose from, or probabilities instead of a label.
    """
    task = Task(kind, **fields)
    if kind not in _LABELLED or task.labels:
        return task
    found: set[Any] = set()
    given: dict[int, str] = {}
    for row in rows:
        value = column_of(row, "tags" if kind == "tagging" else "label")
        if kind == "classification" and isinstance(value, (list, tuple)):
            raise DataError(f"{place_of(row)}: {value!r:.60} does not tell the names of the labels; give labels")
        found.update(value if isinstance(value, (list, tuple)) else [value])
        if isinstance(value, int) and isinstance(row.get("label_text"), str):
            given[value] = row["label_text"]
    numbers = [value for value in found if isinstance(value, int) and not isinstance(value, bool)]
    if numbers and len(numbers) == len(found) and min(numbers) >= 0:
        names = [given.get(number, str(number)) for number in range(max(numbers) + 1)]
    else:
        names = sorted(map(str, found), key=lambda name: (name != "O", name))
    if not found:
        raise DataError("there are no rows, so there are no labels to tell apart; give labels, or other data")
    if kind == "classification" and len(names) < 2:
        raise DataError(f"every row has the label {names}, but a classifier needs at least two labels to choose from")
    return replace(task, labels=tuple(names))


def _label_id(row: Mapping[str, Any], column: str, value: Any, labels: tuple[str, ...]) -> int:
    """A label given as a number, a name, or a number in letters -> its id."""
    if isinstance(value, (bool, np.bool_)):
        value = int(value)
    if str(value) in labels:  # a name, also where names are numbers: the label 1 of ("1", "2", "3") is the first
        return labels.index(str(value))
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, (int, np.integer)) and 0 <= value < len(labels):
        return int(value)
    shown = ", ".join(map(repr, labels[:12])) + (" ..." if len(labels) > 12 else "")
    raise DataError(
        f"{place_of(row)}, column {column!r}: label {value!r:.60} is not known; "
        f"labels are {shown} or their ids 0..{len(labels) - 1}"
    )


# ------------------------------------------------------------------------------------------------- encoding


def encode(rows: Iterable[Mapping[str, Any]], task: Task, tokenizer: Any) -> list[Feature]:
    """Turn rows into features of ids for a task; `feature["example"]` is the number of the row it is from.

    Columns (with their usual aliases): classification, regression, multilabel, next_sentence: text, pair
    (optional), label; tagging: tokens, tags; choice: prompt, endings, label; qa: question, context, answers;
    causal: text. Label columns may be missing: such features can be predicted but not trained on. The label of a
    classification may also be a list, the probability of every label, such as a teacher's judgement (Hinton et al.
    2015, section 2).

    Raises:
        DataError: a column is missing or of the wrong kind, or a label is unknown; names file and line.
    """
    return _ENCODERS[task.kind](list(rows), task, tokenizer)


def length(feature: Feature) -> int:
    """Number of tokens of a feature (of its longest part, for choices)."""
    ids = feature["input_ids"]
    return max(map(len, ids)) if ids and isinstance(ids[0], list) else len(ids)


def pieces_of(tokenizer: Any, texts: Sequence[str], offsets: bool = False) -> list[Any]:
    """Ids of each text without special tokens, or with `offsets` pairs (ids, offsets)."""
    if not texts:
        return []
    # not verbose: whoever asks for pieces cuts them to length
    encoded = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=offsets, verbose=False)
    ids = encoded["input_ids"]
    return list(zip(ids, encoded["offset_mapping"], strict=True)) if offsets else ids


def assemble(tokenizer: Any, first: list[int], second: list[int] | None, max_length: int) -> Feature:
    """[CLS] first [SEP] or [CLS] first [SEP] second [SEP], truncated, with token types."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    if second is None:
        ids = [cls, *first[: max_length - 2], sep]
        return {"input_ids": ids, "token_type_ids": [0] * len(ids)}
    first, second = truncate_pair(first, second, max_length - 3)
    ids = [cls, *first, sep, *second, sep]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 2) + [1] * (len(second) + 1)}


def _encode_texts(rows: list, task: Task, tokenizer: Any) -> list[Feature]:
    firsts = pieces_of(tokenizer, [column_of(row, "text", str) for row in rows])
    pairs = [column_of(row, "pair", (str, type(None)), required=False) for row in rows]
    seconds = pieces_of(tokenizer, [pair or "" for pair in pairs])
    features = []
    for number, (row, first, pair, second) in enumerate(zip(rows, firsts, pairs, seconds, strict=True)):
        if task.kind == "next_sentence" and pair is None:
            raise DataError(f"{place_of(row)}: no second text, but next_sentence is asked of a pair")
        feature = assemble(tokenizer, first, None if pair is None else second, task.max_length)
        feature["example"] = number
        column = next((alias for alias in COLUMN_NAMES["label"] if alias in row), None)
        if column is not None:
            feature["labels"] = _text_label(row, column, task)
        features.append(feature)
    return features


def _text_label(row: Mapping[str, Any], column: str, task: Task) -> Any:
    value = row[column]
    if task.kind == "regression":
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if number != number or number in (float("inf"), float("-inf")):
            raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a number")
        return number
    if task.kind == "multilabel":
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)):
            raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a list of labels")
        ids = {_label_id(row, column, label, task.labels) for label in value}
        return [float(label in ids) for label in range(len(task.labels))]
    if task.kind == "next_sentence":
        return _label_id(row, column, value, ("next", "random"))
    if isinstance(value, (list, tuple)):
        return _label_probabilities(row, column, value, task.labels)
    return _label_id(row, column, value, task.labels)


def _label_probabilities(row: Mapping[str, Any], column: str, value: Sequence, labels: tuple[str, ...]) -> list[float]:
    numbers = [float(one) if isinstance(one, Real) else float("nan") for one in value]
    if len(numbers) != len(labels) or not all(0.0 <= one <= 1.0 for one in numbers) or abs(sum(numbers) - 1.0) > 1e-3:
        raise DataError(
            f"{place_of(row)}, column {column!r}: {value!r:.60} is not a label, nor {len(labels)} probabilities that "
            "sum to 1, one for each label"
        )
    return numbers


def _encode_tagging(rows: list, task: Task, tokenizer: Any) -> list[Feature]:
    """The first piece of each word carries its tag, every other position -100.

    Sentences that are too long are cut between words into several features; `words` are the numbers of
    the words whose first pieces stand at the labelled positions.
    """
    sentences = [column_of(row, "tokens", (list, tuple)) for row in rows]
    words = [word for sentence in sentences for word in sentence]
    pieces = iter(pieces_of(tokenizer, [str(word) for word in words]))
    features = []
    for number, (row, sentence) in enumerate(zip(rows, sentences, strict=True)):
        tags = column_of(row, "tags", (list, tuple), required=False)
        if tags is not None and len(tags) != len(sentence):
            raise DataError(f"{place_of(row)}: {len(sentence)} tokens but {len(tags)} tags")
        room = task.max_length - 2
        window: list[tuple[int, list[int]]] = []
        windows = [window]
        used = 0
        for word in range(len(sentence)):
            word_pieces = (next(pieces) or [tokenizer.unk_token_id])[:room]
            if used + len(word_pieces) > room:
                window, used = [], 0
                windows.append(window)
            window.append((word, word_pieces))
            used += len(word_pieces)
        for window in windows:
            ids, labels = [tokenizer.cls_token_id], [IGNORED]
            for word, word_pieces in window:
                ids += word_pieces
                tag = IGNORED if tags is None else _label_id(row, "tags", tags[word], task.labels)
                labels += [tag] + [IGNORED] * (len(word_pieces) - 1)
            ids, labels = ids + [tokenizer.sep_token_id], labels + [IGNORED]
            starts = np.cumsum([1] + [len(word_pieces) for _, word_pieces in window[:-1]]).tolist() if window else []
            feature = {
                "input_ids": ids,
                "token_type_ids": [0] * len(ids),
                "example": number,
                "words": [word for word, _ in window],
                "word_starts": starts,
            }
            if tags is not None:
                feature["labels"] = labels
            features.append(feature)
    return features


def _encode_choice(rows: list, task: Task, tokenizer: Any) -> list[Feature]:
    prompts = pieces_of(tokenizer, [column_of(row, "prompt", str) for row in rows])
    endings = [column_of(row, "endings", (list, tuple)) for row in rows]
    for row, options in zip(rows, endings, strict=True):
        if len(options) < 2:
            raise DataError(f"{place_of(row)}, column 'endings': {len(options)} given, but a choice needs two or more")
    pieces = iter(pieces_of(tokenizer, [str(ending) for options in endings for ending in options]))
    features = []
    for number, (row, prompt, options) in enumerate(zip(rows, prompts, endings, strict=True)):
        parts = [assemble(tokenizer, prompt, next(pieces), task.max_length) for _ in options]
        feature = {key: [part[key] for part in parts] for key in ("input_ids", "token_type_ids")}
        feature["example"] = number
        label = column_of(row, "label", required=False)
        if label is not None:
            feature["labels"] = _label_id(row, "label", label, tuple(map(str, range(len(options)))))
        features.append(feature)
    return features


def _encode_qa(rows: list, task: Task, tokenizer: Any) -> list[Feature]:
    """[CLS] question [SEP] part of the context [SEP], in windows that overlap by `stride` tokens.

    A window that does not hold the whole answer, or a question without one, points at [CLS] (position 0).
    Of several answers the most frequent one is taught. `offsets` are characters in the context.
    """
    questions = pieces_of(tokenizer, [column_of(row, "question", str).lstrip() for row in rows])
    contexts = pieces_of(tokenizer, [column_of(row, "context", str) for row in rows], offsets=True)
    features = []
    for number, (row, question, (context, offsets)) in enumerate(zip(rows, questions, contexts, strict=True)):
        question = question[: task.max_length // 2]
        room = task.max_length - len(question) - 3
        step = max(1, room - task.stride)
        answers = column_of(row, "answers", required=False)
        span = None if answers is None else _answer_span(row, _answer_list(answers))
        start = 0
        while True:
            part, part_offsets = context[start : start + room], offsets[start : start + room]
            feature = assemble(tokenizer, question, part, task.max_length)
            feature["example"] = number
            feature["context_start"] = len(question) + 2
            feature["offsets"] = [tuple(pair) for pair in part_offsets]
            if answers is not None:
                first, last = _positions(span, part_offsets)
                shift = feature["context_start"] if last >= 0 else 0
                feature["start_positions"] = first + shift if last >= 0 else 0
                feature["end_positions"] = last + shift if last >= 0 else 0
            features.append(feature)
            if start + room >= len(context):
                break
            start += step
    return features


def _answer_list(answers: Any) -> list[dict]:
    """SQuAD's list of answers, or the dictionary of lists that `datasets` makes of it."""
    if isinstance(answers, Mapping):
        pairs = zip(answers["text"], answers["answer_start"], strict=True)
        return [{"text": text, "answer_start": start} for text, start in pairs]
    return list(answers)


def _answer_span(row: Mapping[str, Any], answers: list[dict]) -> tuple[int, int] | None:
    """(first character, behind the last one) of the most frequent answer, None if there is no answer."""
    if not answers:
        return None
    try:
        spans = Counter((int(answer["answer_start"]), str(answer["text"])) for answer in answers)
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{place_of(row)}, column 'answers': each needs 'text' and a number 'answer_start'") from None
    (start, text), _ = spans.most_common(1)[0]
    if row["context"][start : start + len(text)] != text:
        raise DataError(f"{place_of(row)}, column 'answers': {text!r:.60} is not at character {start} of the context")
    return start, start + len(text)


def _positions(span: tuple[int, int] | None, offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """First and last token of the characters `span`, (-1, -1) unless the window holds all of it."""
    if span is None or not offsets or span[0] < offsets[0][0] or span[1] > offsets[-1][1]:
        return -1, -1
    inside = [place for place, (start, end) in enumerate(offsets) if start < span[1] and end > span[0]]
    return (inside[0], inside[-1]) if inside else (-1, -1)


def _encode_causal(rows: list, task: Task, tokenizer: Any) -> list[Feature]:
    features = []
    for number, ids in enumerate(pieces_of(tokenizer, [column_of(row, "text", str) for row in rows])):
        feature = assemble(tokenizer, ids, None, task.max_length)
        features.append({**feature, "labels": list(feature["input_ids"]), "example": number})
    return features


_ENCODERS: dict[str, Callable] = {
    "classification": _encode_texts,
    "regression": _encode_texts,
    "multilabel": _encode_texts,
    "next_sentence": _encode_texts,
    "tagging": _encode_tagging,
    "choice": _encode_choice,
    "qa": _encode_qa,
    "causal": _encode_causal,
}


# ------------------------------------------------------------------------------------------------- collation


def collate(features: Sequence[Feature], task: Task, pad_token_id: int = 0, multiple: int = 1) -> dict[str, Tensor]:
    """Pad features to the longest one (rounded up to a `multiple`) and stack them into the model's arguments.

    Returns input_ids, attention_mask and token_type_ids, all (batch, sequence), or (batch, choices, sequence)
    for choice; and, where every feature has them, labels ((batch,), (batch, labels) or (batch, sequence)) or
    start_positions and end_positions (batch,).
    """
    width = -(-max(map(length, features)) // multiple) * multiple
    if task.kind == "choice":
        counts = {len(feature["input_ids"]) for feature in features}
        if len(counts) > 1:
            raise DataError(f"the choices of one batch must have the same number of endings, but have {sorted(counts)}")
        parts = [
            {"input_ids": ids, "token_type_ids": types}
            for feature in features
            for ids, types in zip(feature["input_ids"], feature["token_type_ids"], strict=True)
        ]
        padded = pad(parts, width, pad_token_id)
        batch = {key: value.view(len(features), -1, width) for key, value in padded.items()}
    else:
        batch = pad(features, width, pad_token_id)
    if all("labels" in feature for feature in features):
        labels = [feature["labels"] for feature in features]
        if task.kind in ("tagging", "causal"):
            batch["labels"] = _stack(labels, width, IGNORED)
        elif task.kind in ("regression", "multilabel"):
            batch["labels"] = torch.tensor(labels, dtype=torch.float)
        elif any(isinstance(label, list) for label in labels):  # beside probabilities, a label is a certain one
            certain = torch.eye(len(task.labels)).tolist()
            batch["labels"] = torch.tensor([label if isinstance(label, list) else certain[label] for label in labels])
        else:
            batch["labels"] = torch.tensor(labels)
    for name in ("start_positions", "end_positions"):
        if all(name in feature for feature in features):
            batch[name] = torch.tensor([feature[name] for feature in features])
    return batch


def pad(features: Sequence[Feature], width: int, pad_token_id: int) -> dict[str, Tensor]:
    """input_ids, attention_mask and token_type_ids of features, all (batch, width)."""
    return {
        "input_ids": _stack([feature["input_ids"] for feature in features], width, pad_token_id),
        "attention_mask": _stack([[1] * len(feature["input_ids"]) for feature in features], width, 0),
        "token_type_ids": _stack([feature["token_type_ids"] for feature in features], width, 0),
    }


def _stack(rows: Sequence[Sequence[int]], width: int, fill: int) -> Tensor:
    stacked = np.full((len(rows), width), fill, dtype=np.int64)
    for number, row in enumerate(rows):
        stacked[number, : len(row)] = row
    return torch.from_numpy(stacked)


# ----------------------------------------------------------------------------------------------------- order


def length_sorted_batches(
    lengths: Sequence[int], batch_size: int, *, generator: random.Random | None = None, window: int = 50
) -> list[list[int]]:
    """Batches of numbers whose examples are of similar length, so that little is padded.

    With a generator the examples are shuffled, sorted by length within windows of `window` batches, and the
    batches shuffled again; without one, all are sorted, longest first (for evaluation). Each number comes
    exactly once; the last batch of a window may be smaller.

    Raises:
        ValueError: batch_size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but a batch holds at least 1 example")
    numbers = list(range(len(lengths)))
    if generator is None:
        numbers.sort(key=lambda number: -lengths[number])
        return [numbers[start : start + batch_size] for start in range(0, len(numbers), batch_size)]
    generator.shuffle(numbers)
    batches = []
    for start in range(0, len(numbers), batch_size * window):
        part = sorted(numbers[start : start + batch_size * window], key=lambda number: -lengths[number])
        batches += [part[at : at + batch_size] for at in range(0, len(part), batch_size)]
    generator.shuffle(batches)
    return batches


def prepared_batches(
    source: Any,
    task: Task,
    tokenizer: Any,
    batch_size: int,
    *,
    seed: int = 0,
    columns: Mapping[str, Any] | None = None,
    buffer: int = 50_000,
) -> tuple[Iterator[list[Feature]], int | None]:
    """Endless batches of features, and the number of batches in an epoch; every epoch has another order.

    Sets of fewer than `buffer` rows are held in memory. Larger ones are streamed: `buffer` rows at a time are
    read, encoded, shuffled and used up, so a file may be larger than memory; their epochs have no known length
    (None).

    Raises:
        DataError: as `read` and `encode`; also if there are no rows, or rows without labels.
    """
    rows = read(source, columns=columns)
    first = list(itertools.islice(rows, buffer))
    if not first:
        raise DataError("the training data is empty")
    features = _with_labels(first, task, tokenizer)
    if len(first) < buffer:
        per_epoch = sum(1 for _ in shuffled_batches(features, batch_size, random.Random(0)))
        return _epochs(features, batch_size, seed), per_epoch
    if isinstance(source, Iterator):
        raise TypeError("a set this large is read again for each epoch: give a file name or a dataset, no iterator")
    return _streamed(source, task, tokenizer, batch_size, seed, columns, buffer), None


def _epochs(features: list[Feature], batch_size: int, seed: int) -> Iterator[list[Feature]]:
    for epoch in itertools.count():
        yield from shuffled_batches(features, batch_size, random.Random(f"{seed}/{epoch}"))


def _streamed(source, task, tokenizer, batch_size, seed, columns, buffer) -> Iterator[list[Feature]]:
    for epoch in itertools.count():
        order = random.Random(f"{seed}/{epoch}")
        for chunk in chunks(read(source, columns=columns), buffer):
            yield from shuffled_batches(_with_labels(chunk, task, tokenizer), batch_size, order)


def _with_labels(rows: list[Row], task: Task, tokenizer: Any) -> list[Feature]:
    features = encode(rows, task, tokenizer)
    wanted = "start_positions" if task.kind == "qa" else "labels"
    column = {"qa": "answers", "tagging": "tags"}.get(task.kind, "label")
    for feature in features:
        if wanted not in feature:
            raise DataError(f"{place_of(rows[feature['example']])}: no column {column!r}, which training needs")
    return features


def shuffled_batches(features: list[Feature], batch_size: int, order: random.Random) -> Iterator[list[Feature]]:
    """All features once, in batches of similar length (see `length_sorted_batches`)."""
    by_shape: dict[int, list[Feature]] = {}
    for feature in features:  # choices of different counts cannot share a batch
        ids = feature["input_ids"]
        by_shape.setdefault(len(ids) if ids and isinstance(ids[0], list) else 0, []).append(feature)
    batches = []
    for group in by_shape.values():
        numbers = length_sorted_batches([length(feature) for feature in group], batch_size, generator=order)
        batches += [[group[number] for number in batch] for batch in numbers]
    if len(by_shape) > 1:
        order.shuffle(batches)
    yield from batches
