"""A task: what is asked of a text. Its labels are told from rows; rows become features, features become batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from bertlab.rows import DataError, column_of, place_of
from bertlab.tasks.features import Feature, length, pad, parts
from bertlab.tasks.kinds import KINDS, Kind


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

    Names are sorted (for tags "O" comes first). Numbers keep their order from 0 on, and take the names that a
    column "label_text" gives them.

    Raises:
        DataError: no label column, only one label to choose from, or probabilities instead of a label.
    """
    task = Task(kind, **fields)
    if not task.rules.named or task.labels:
        return task
    found: set[Any] = set()
    given: dict[int, str] = {}
    for row in rows:
        value = column_of(row, task.rules.answer_column)
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
