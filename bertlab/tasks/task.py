"""A task: what is asked of a text. Its labels are told from rows; rows become features, features become batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

from bertlab.numbers import as_whole
from bertlab.rows import DataError, column_name, place_of
from bertlab.tasks.features import Feature, length, pad, parts
from bertlab.tasks.kinds import KINDS, Kind

_Row = TypeVar("_Row", bound=Mapping[str, Any])


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
        if isinstance(self.labels, str):
            raise TypeError(f"labels is {self.labels!r}, but must be a list of names")
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        for name in ("max_length", "stride"):
            whole = as_whole(getattr(self, name))
            if whole is None:
                raise TypeError(f"{name} is {getattr(self, name)!r}, but must be a whole number")
            object.__setattr__(self, name, whole)
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"the labels of a task must differ, but they are {list(self.labels)}")
        if self.max_length < 4:
            raise ValueError(f"max_length is {self.max_length}, but an input needs at least 4 tokens")
        if self.stride < 0:
            raise ValueError(f"stride is {self.stride}, but windows overlap by 0 tokens or more")

    @property
    def rules(self) -> Kind:
        """What its kind does: how it is encoded, learnt, scored and answered."""
        return KINDS[self.kind]

    @property
    def model_class(self) -> str:
        """Name of the head model that does this task."""
        return self.rules.model_class

    def config(self) -> dict[str, Any]:
        """The config fields that a head model for this task needs."""
        return self.rules.config(self)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data: `Task(**task.to_dict())` is the task again."""
        return {**asdict(self), "labels": list(self.labels)}


def infer_task(kind: str, rows: Iterable[Mapping[str, Any]], **fields: Any) -> Task:
    """A task whose labels are those that occur in the rows, which are gone through once.

    Names are sorted, numbers within them as numbers (for tags "O" comes first). Whole numbers, also those of a table
    of texts, keep their order from 0 on, and take the names that a column "label_text" or the data set gives them.
    Missing labels (None, NaN, an empty cell; -1, "-", "null", "nan" beside other labels, with a warning) are none.

    Raises:
        DataError: no label column, or several; only one label to choose from; what cannot be labels, such as
            fractions, probabilities, ids or times.
    """
    task = Task(kind, **fields)
    if task.rules.names is None or task.labels:
        return task
    return replace(task, labels=tuple(task.rules.names(rows)))


def answered(rows: Iterable[_Row], task: Task) -> list[_Row]:
    """The rows whose label is there; what lacks one is left out, with a warning that counts it.

    Raises:
        DataError: no row has one.
    """
    rows = list(rows)
    found = [row for row in rows if task.rules.answered(row, task)]
    if len(found) < len(rows):
        first = next(row for row in rows if not task.rules.answered(row, task))
        column = task.rules.answer_column
        if not found:
            problem = f"no column {column!r}" if column_name(first, column) is None else f"nothing in column {column!r}"
            raise DataError(f"{place_of(first)}: {problem}, which training and evaluation need; no row has an answer")
        warnings.warn(
            f"{len(rows) - len(found)} of {len(rows)} rows have no {column!r} and are left out, the first of them "
            f"{place_of(first)}", UserWarning, stacklevel=3,
        )  # fmt: skip
    return found


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
    return task.rules.encode(list(rows), task, tokenizer)


def collate(features: Sequence[Feature], task: Task, pad_token_id: int = 0, multiple: int = 1) -> dict[str, Tensor]:
    """Pad features to the longest one (rounded up to a `multiple`) and stack them into the model's arguments.

    Returns input_ids, attention_mask and token_type_ids, all (batch, sequence), or (batch, choices, sequence)
    for choice; and, where every feature has them, labels ((batch,), (batch, labels) or (batch, sequence)) or
    start_positions and end_positions (batch,).
    """
    width = -(-max(map(length, features)) // multiple) * multiple
    counts = {parts(feature) for feature in features}
    if len(counts) > 1:
        raise DataError(f"the choices of one batch must have the same number of endings, but have {sorted(counts)}")
    if counts == {0}:
        batch = pad(features, width, pad_token_id)
    else:
        inputs = [
            {"input_ids": ids, "token_type_ids": types}
            for feature in features
            for ids, types in zip(feature["input_ids"], feature["token_type_ids"], strict=True)
        ]
        padded = pad(inputs, width, pad_token_id)
        batch = {key: value.view(len(features), -1, width) for key, value in padded.items()}
    if all(name in feature for feature in features for name in task.rules.targets):
        batch.update(task.rules.stack(features, width, task))
    return batch
