"""What a small classifier can read from features, and whether it is there or learnt by heart: probes with control
tasks (Hewitt & Liang 2019)."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bertlab.analysis.passes import Progress, evaluating, report, whole_number
from bertlab.analysis.states import in_float, text_batches
from bertlab.data import place_of, read
from bertlab.recording import names, record

HELD_OUT = 0.25  # of the rows, or of the groups


@dataclass(frozen=True)
class Probe:
    """How well labels can be read from features, on rows held out: shares from 0 to 1.

    `accuracy` of the probe; `majority`, the share of the most frequent label; `control_accuracy`, that of a probe of
    the control labels, and `selectivity`, accuracy - control accuracy: both None without control labels. `held_out`
    is how many rows were judged.
    """

    accuracy: float
    majority: float
    control_accuracy: float | None
    held_out: int

    @property
    def selectivity(self) -> float | None:
        """How much better the probe is at its task than at learning words by heart (Hewitt & Liang 2019)."""
        return None if self.control_accuracy is None else self.accuracy - self.control_accuracy


def probe(
    features: Any,
    labels: Sequence[Hashable],
    *,
    control: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Probe:
    """Fit logistic regression (scikit-learn, on standardised features) to three quarters of the rows and judge it on
    the rest.

    Args:
        features: (rows, dimensions).
        labels: one for each row.
        control: a label of a control task for each row, such as `control_labels` gives.
        groups: what each row belongs to, such as its sentence: a group is held out whole or not at all. Group by
            sentences; by words, no control task could be learnt, since none of its words would be known.
        seed: decides what is held out.

    Raises:
        ValueError: for lists of other lengths, numbers that are not finite, fewer than two labels or groups, and where
            the rows to learn from have one label only.
    """
    features = _table(features)
    columns = {"labels": labels, "control": control, "groups": groups}
    columns = {name: _column(name, column, len(features)) for name, column in columns.items() if column is not None}
    for name in ("labels", "groups"):
        if name in columns and len(set(columns[name])) < 2:
            raise ValueError(f"{name} are all {columns[name][0]!r}; a probe needs at least two different ones")
    held_out = _held_out(columns["labels"], columns.get("groups"), seed)
    accuracy, majority = _judged(features, columns["labels"], held_out, "labels")
    controlled = _judged(features, columns["control"], held_out, "control")[0] if control is not None else None
    return Probe(accuracy, majority, controlled, int(held_out.sum()))


def control_labels(words: Sequence[Hashable], classes: int, seed: int = 0) -> list[int]:
    """A class for each word that depends on nothing but its type: one drawn at random for every different word
    (Hewitt & Liang 2019, section 2.1), 0 to classes - 1.

    Raises:
        ValueError: for no words, and fewer than two classes.
    """
    classes = whole_number(classes, "classes", 2)
    if not len(words):
        raise ValueError("there are no words to give classes to; give at least one")
    drawn: dict[Hashable, int] = {}
    generator = random.Random(seed)
    for word in sorted(set(words), key=repr):  # so that the order of the words does not matter
        drawn[word] = generator.randrange(classes)
    return [drawn[word] for word in words]


def probe_layers(
    lab: Any, rows: Any, *, task: str = "pos", seed: int = 0, progress: Progress | None = None
) -> list[Probe]:
    """Probe every hidden state for the tags of words: layers + 1 results, embeddings first.

    The first piece of a word stands for it; groups are sentences, and the control task is one of word types with as
    many classes as there are tags. Words without pieces are left out.

    Args:
        rows: {"tokens": [...], "tags": [...]} as `bertlab.data.read` gives them, or what it reads: a file, several.
        task: where rows have no "tags", they are those of the column of this task, such as "pos_tags" or "ner_tags".
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for no rows, tokens and tags of different numbers, a sentence that does not fit into the model.
            LookupError: for rows without such tags.
    """
    return list(each_layer(lab, rows, task=task, seed=seed, progress=progress))


def each_layer(
    lab: Any, rows: Any, *, task: str = "pos", seed: int = 0, progress: Progress | None = None
) -> Iterator[Probe]:
    """The results of `probe_layers` one by one, as they are found: whoever shows them can stop between two."""
    sentences = _sentences(lab, rows, task)
    labels = [tag for sentence in sentences for tag in sentence.tags]
    words = [word for sentence in sentences for word in sentence.words]
    groups = [number for number, sentence in enumerate(sentences) for _ in sentence.tags]
    control = control_labels(words, max(2, len(set(labels))), seed)
    states = _states_of_words(lab, sentences, progress)
    for number, features in enumerate(states):
        found = probe(features, labels, control=control, groups=groups, seed=seed)
        report(progress, PART_OF_READING + (1 - PART_OF_READING) * (number + 1) / len(states))
        yield found


PART_OF_READING = 0.2  # of the time of `probe_layers`, as progress tells it


@dataclass(frozen=True)
class _Sentence:
    """Ids of a sentence, the places of its words' first pieces, what the tokenizer made of each word, and its tag."""

    ids: list[int]
    places: list[int]
    words: list[str]
    tags: list[Hashable]


def _sentences(lab: Any, rows: Any, task: str) -> list[_Sentence]:
    sentences = []
    for number, row in enumerate(read(rows)):
        tokens, tags = _columns(row, number, task)
        encoding = lab.tokenizer(list(tokens), is_split_into_words=True, verbose=False)
        ids = encoding["input_ids"]
        if len(ids) > lab.max_length:
            raise ValueError(
                f"sentence {number} has {len(ids)} tokens with [CLS] and [SEP]; {lab.name} takes at most "
                f"{lab.max_length}; shorten it or leave it out"
            )
        pieces: dict[int, list[int]] = {}
        for place, word in enumerate(encoding.word_ids(0)):
            if word is not None:
                pieces.setdefault(word, []).append(place)
        types = [" ".join(lab.tokenizer.convert_ids_to_tokens([ids[p] for p in places])) for places in pieces.values()]
        sentences.append(_Sentence(ids, [p[0] for p in pieces.values()], types, [tags[word] for word in pieces]))
    if not sentences:
        raise ValueError("there are no rows to learn from; give sentences with tags")
    return sentences


def _columns(row: Mapping[str, Any], number: int, task: str) -> tuple[Sequence[str], Sequence[Hashable]]:
    if not isinstance(row.get("tokens"), (list, tuple)):
        raise LookupError(f"{place_of(row)} has no list of 'tokens'; it has {', '.join(map(repr, row)) or 'none'}")
    name = next((name for name in ("tags", f"{task}_tags", {"pos": "upos"}.get(task)) if name in row), None)
    if name is None:
        raise LookupError(f"{place_of(row)} has no 'tags' and no '{task}_tags'; it has {', '.join(map(repr, row))}")
    if not isinstance(row[name], (list, tuple)) or len(row[name]) != len(row["tokens"]):
        raise ValueError(f"{place_of(row)}: {len(row['tokens'])} tokens but other tags: {row[name]!r:.60}")
    return row["tokens"], row[name]


@torch.no_grad()
def _states_of_words(lab: Any, sentences: list[_Sentence], progress: Progress | None) -> list[np.ndarray]:
    """For every hidden state the vectors of all words in order, (words, hidden)."""
    layers, rows, done = len(lab.model.base_model.encoder.layer), [sentence.ids for sentence in sentences], 0
    found: list[list[Any]] = [[None] * len(sentences) for _ in range(layers + 1)]
    for batch in text_batches(lab, rows):
        with evaluating(lab.model), record(lab.model, names.all_hidden()) as recording:
            lab.model.base_model(**batch.inputs)
        for at, number in enumerate(batch.numbers):
            places = torch.tensor(sentences[number].places, dtype=torch.long, device=lab.device)
            for state in range(layers + 1):
                found[state][number] = in_float(recording.hidden(state)[at][places]).cpu()
        done += len(batch.numbers)
        report(progress, PART_OF_READING * done / len(rows))
    return [torch.cat(vectors).numpy() for vectors in found]


# -- the classifier ------------------------------------------------------------------------------------------------


def _held_out(labels: Sequence[Hashable], groups: Sequence[Hashable] | None, seed: int) -> np.ndarray:
    """(rows,) of booleans: a quarter of the groups, or of the rows of each label; of a label with one row, none."""
    generator = random.Random(seed)
    held_out = np.zeros(len(labels), dtype=bool)
    if groups is not None:
        different = list(dict.fromkeys(groups))
        generator.shuffle(different)
        chosen = set(different[: max(1, round(HELD_OUT * len(different)))])
        held_out[:] = [group in chosen for group in groups]
        return held_out
    by_label: dict[Hashable, list[int]] = {}
    for row, label in enumerate(labels):
        by_label.setdefault(label, []).append(row)
    for rows in by_label.values():
        generator.shuffle(rows)
        held_out[rows[: min(len(rows) - 1, max(1, round(HELD_OUT * len(rows))))]] = True
    if not held_out.any():
        raise ValueError("every label has one row, so that none can be held out; give more rows of each label")
    return held_out


def _judged(features: np.ndarray, labels: Sequence[Hashable], held_out: np.ndarray, name: str) -> tuple[float, float]:
    """(accuracy, share of the most frequent label) on the rows held out."""
    drawn = random.getstate()
    from sklearn.linear_model import LogisticRegression  # which draws a random number when it is first imported

    random.setstate(drawn)
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    wanted = np.array([numbers[label] for label in labels])
    known, asked = wanted[~held_out], wanted[held_out]
    if len(set(known.tolist())) < 2:
        raise ValueError(f"the rows to learn from have only one of the {name}; give more rows, or more groups")
    mean, spread = features[~held_out].mean(0), features[~held_out].std(0)
    scaled = (features - mean) / np.where(spread > 0, spread, 1.0)
    classifier = LogisticRegression(max_iter=1000).fit(scaled[~held_out], known)
    accuracy = float((classifier.predict(scaled[held_out]) == asked).mean())
    return accuracy, float(np.bincount(asked).max() / len(asked))


def _table(features: Any) -> np.ndarray:
    if isinstance(features, torch.Tensor):
        features = in_float(features.detach()).cpu()
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"features have shape {table.shape}; give (rows, dimensions)")
    if not np.isfinite(table).all():
        row = int(np.argwhere(~np.isfinite(table))[0, 0])
        raise ValueError(f"the features of row {row} are not all finite; leave that row out")
    return table


def _column(name: str, values: Any, rows: int) -> list[Hashable]:
    values = values.tolist() if isinstance(values, (torch.Tensor, np.ndarray)) else list(values)
    if len(values) != rows:
        raise ValueError(f"there are {len(values)} {name} for {rows} rows of features; give one for each")
    return values
