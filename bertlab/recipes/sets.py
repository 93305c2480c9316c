"""Where each task's examples come from: a data folder with one subfolder for each set -> training and dev rows.

The folder is laid out as the recipes expect: `<set>/train.jsonl.gz`, `<set>/dev.jsonl` and, for running text,
`<set>/docs.jsonl.gz` (columns id, source, title, text; one sentence a line, an empty line between paragraphs).
Only sets whose licence lets weights that were trained on them be shared are named here.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertlab.data import Row, Task, documents, read
from bertlab.tasks import TASKS as KNOWN

FREE_GENRES = ("images", "answers-forums", "answer-answer")  # of stsb: those whose texts may be shared
TEXTS = (
    "wikipedia_simple", "wikipedia_en", "openstax", "books_standardebooks", "dialogues_sgd", "speeches_us",
    "storybooks", "factbook",
)  # fmt: skip
SENTENCES = {  # labelled sets whose sentences are learnt as text as well, without their labels: set -> columns
    "sentence_polarity": ("text",), "sentiment_uci": ("text",), "subjectivity": ("text",), "goemotions": ("text",),
    "snli_small": ("text_a", "text_b"),
}  # fmt: skip
UPOS = KNOWN["pos"].labels


@dataclass
class TaskSets:
    """A task with its rows: `train`, and dev sets by name, the first of which decides what is best.

    `calibration` rows are not trained on either: thresholds are set by them.
    """

    task: Task
    train: list[Row]
    dev: dict[str, list[Row]]
    sources: list[str] = field(default_factory=list)
    calibration: list[Row] = field(default_factory=list)


def part(folder: Path, name: str, split: str, limit: int | None = None) -> list[Row]:
    """The rows of one split of a set; the first `limit` ones if given.

    Raises:
        FileNotFoundError: the folder has no such set.
    """
    for ending in ("jsonl.gz", "jsonl", "json.gz"):
        path = folder / name / f"{split}.{ending}"
        if path.is_file():
            return list(itertools.islice(read(path), limit))
    raise FileNotFoundError(f"there is no {split} part of the set {name!r} in {folder}")


def texts(folder: Path, name: str, limit: int | None = None) -> Iterator[list[str]]:
    """The documents of a corpus as lists of sentences; of a labelled set, each training sentence once."""
    if name in SENTENCES:
        rows = part(folder, name, "train")
        sentences = dict.fromkeys(row[column] for row in rows for column in SENTENCES[name])
        found: Iterator[list[str]] = ([sentence] for sentence in sentences)
    elif name == "tatoeba_en":
        translated = read(folder / name / "sentences.tsv.gz", format="txt")
        found = ([row["text"].split("\t")[0]] for row in translated)
    else:
        found = documents(folder / name / "docs.jsonl.gz")
    return itertools.islice(found, limit)


def sentiment(folder: Path, limit: int | None) -> TaskSets:
    """Positive or negative: sentences and reviews of films, and of what shops sell."""
    names = ("sentence_polarity", "sentiment_uci", "imdb_counterfactual")
    return TaskSets(
        Task("classification", KNOWN["sentiment"].labels, max_length=96, name="sentiment"),
        [row for name in names for row in part(folder, name, "train", limit)],
        {name: part(folder, name, "dev", limit) for name in names},
        list(names),
    )


def emotions(folder: Path, limit: int | None) -> TaskSets:
    """Any of 27 emotions, or neutral, in comments."""
    labels = (folder / "goemotions" / "labels.txt").read_text(encoding="utf-8").split()
    return TaskSets(
        Task("multilabel", tuple(labels), max_length=64, name="emotions"),
        part(folder, "goemotions", "train", limit),
        {"goemotions": part(folder, "goemotions", "dev", limit)},
        ["goemotions"],
    )


def similarity(folder: Path, limit: int | None) -> TaskSets:
    """How alike two sentences are, 0 to 5; only genres whose texts are free."""
    free = {
        split: [row for row in part(folder, "stsb", split) if row["genre"] in FREE_GENRES][:limit]
        for split in ("train", "dev")
    }
    forums = [row for row in free["dev"] if row["genre"] != "images"]
    images = [row for row in free["dev"] if row["genre"] == "images"]
    return TaskSets(
        Task("regression", max_length=96, name="similarity"),
        free["train"],
        {"stsb": free["dev"], "stsb images": images, "stsb forums": forums or free["dev"]},
        ["stsb"],
    )


def inference(folder: Path, limit: int | None) -> TaskSets:
    """Whether a sentence follows from another, is left open, or contradicts it."""
    names = ("snli_small", "nli_counterfactual")
    return TaskSets(
        Task("classification", KNOWN["inference"].labels, max_length=80, name="inference"),
        [row for name in names for row in part(folder, name, "train", limit)],
        {name: part(folder, name, "dev", limit) for name in names},
        list(names),
    )


def pos(folder: Path, limit: int | None) -> TaskSets:
    """Universal parts of speech."""
    rows = {
        split: [Row({"tokens": row["tokens"], "tags": row["upos"]}, row.place) for row in
                part(folder, "ud_ewt", split, limit)]
        for split in ("train", "dev")
    }  # fmt: skip
    return TaskSets(
        Task("tagging", UPOS, max_length=128, name="pos"), rows["train"], {"ud_ewt": rows["dev"]}, ["ud_ewt"]
    )


def ner(folder: Path, limit: int | None) -> TaskSets:
    """Persons, places and organisations."""
    names = ("ner_uner_ewt", "ner_wikigold")
    labels = KNOWN["ner"].labels

    def rows(name: str, split: str) -> list[Row]:  # the larger set has no MISC, so the other one goes without
        return [
            Row(
                {"tokens": row["tokens"], "tags": [tag if tag in labels else "O" for tag in row["tags"]]},
                row.place,
            )
            for row in part(folder, name, split, limit)
        ]

    return TaskSets(
        Task("tagging", labels, max_length=128, name="ner"),
        [row for name in names for row in rows(name, "train")],
        {name: rows(name, "dev") for name in names},
        list(names),
    )


def qa(folder: Path, limit: int | None) -> TaskSets:
    """Questions on passages, a fifth of which hold no answer."""
    train = part(folder, "squad", "train-v1.1", limit)
    known = {(row["context"], row["question"]) for row in train}
    more = [row for row in part(folder, "squad", "train-v2.0", limit) if (row["context"], row["question"]) not in known]
    random.Random("unanswerable").shuffle(more)
    return TaskSets(
        Task("qa", max_length=320, stride=64, name="qa"),
        train + more[: len(train) // 4],
        {f"squad {v}": part(folder, "squad", f"dev-v{v}", limit) for v in ("1.1", "2.0")},
        ["squad"],
    )


def choice(folder: Path, limit: int | None) -> TaskSets:
    """Which of four sentences continues a text: stories, dialogues, books, and codah's endings."""
    codah = {
        split: [Row({"prompt": row["prompt"], "endings": row["endings"], "label": row["label"]}, row.place)
                for row in part(folder, "codah", split, limit)]
        for split in ("train", "dev")
    }  # fmt: skip
    train: list[Row] = []
    dev: list[Row] = []
    for name, per_document in (("storybooks", 12), ("dialogues_sgd", 1), ("books_standardebooks", 24)):
        told = [document for document in texts(folder, name, limit) if len(document) >= 6]
        held = max(1, len(told) // 20)  # the last twentieth of the documents is kept for dev
        train += continuations(told[:-held], per_document, random.Random(f"{name}/train"), sentences_each=3)
        if name == "storybooks":  # many questions on each of the few stories, or chance would hide what helps
            dev = continuations(told[-held:], 30, random.Random(f"{name}/dev"), sentences_each=1)
    return TaskSets(
        Task("choice", max_length=128, name="choice"),
        train + codah["train"],
        {"stories": dev, "codah": codah["dev"]},
        ["storybooks", "dialogues_sgd", "books_standardebooks", "codah"],
    )


def continuations(
    told: list[list[str]],
    per_document: int,
    generator: random.Random,
    endings: int = 4,
    sentences_each: int = 5,
) -> list[Row]:
    """Rows of a few sentences and four candidates for the next one, the others from elsewhere.

    Of the wrong endings about a third is from another place of the same text, the rest from other texts. A
    document gives at most `per_document` rows, and one for every `sentences_each` of its sentences.
    """
    rows = []
    for number, document in enumerate(told):
        for _ in range(min(per_document, len(document) // sentences_each)):
            length = generator.randint(1, 4)
            start = generator.randrange(len(document) - length)
            right = document[start + length]
            options = [right]
            for _ in range(100):
                if len(options) == endings:
                    break
                source = document if generator.random() < 0.34 else told[generator.randrange(len(told))]
                place = generator.randrange(len(source))
                near = source is document and start - 1 <= place <= start + length + 1
                if not near and source[place] not in options:
                    options.append(source[place])
            if len(options) < endings:
                continue
            generator.shuffle(options)
            prompt = " ".join(document[start : start + length])
            rows.append(Row({"prompt": prompt, "endings": options, "label": options.index(right)}, f"text {number}"))
    return rows


def next_sentence(folder: Path, limit: int | None) -> TaskSets:
    """Whether one passage follows another or is from elsewhere."""
    names = ("wikipedia_simple", "wikipedia_en", "books_standardebooks", "storybooks")
    train: list[Row] = []
    dev: dict[str, list[Row]] = {"held-out text": []}
    for name in names:
        found = list(texts(folder, name, limit or 40_000))
        told, further = ([doc for doc in docs if len(doc) >= 4] for docs in (found[:4000], found[4000:]))
        held = max(2, len(told) // 20)  # the same documents however many there are to learn from
        train += following(told[:-held] + further, random.Random(f"{name}/train"), per_document=3)
        dev[name] = following(told[-held:], random.Random(f"{name}/dev"), per_document=8)[:800]
        dev["held-out text"] += dev[name]
    return TaskSets(Task("next_sentence", max_length=128, name="next_sentence"), train, dev, list(names))


def following(told: list[list[str]], generator: random.Random, per_document: int) -> list[Row]:
    """Pairs of one to three sentences each: label 0 where the second follows, 1 where it is from elsewhere."""
    rows = []
    for number, document in enumerate(told):
        for _ in range(min(per_document, len(document) // 3)):
            first, second = generator.randint(1, 3), generator.randint(1, 3)
            start = generator.randrange(max(1, len(document) - first - second + 1))
            label = int(generator.random() < 0.5)
            source, place = document, start + first
            if label:
                other = generator.randrange(len(told) - 1)
                source = told[other + (other >= number)]
                place = generator.randrange(len(source))
            pair = " ".join(source[place : place + second])
            if pair:
                text = " ".join(document[start : start + first])
                rows.append(Row({"text": text, "pair": pair, "label": label}, f"text {number}"))
    return rows


def generation(folder: Path, limit: int | None) -> TaskSets:
    """Passages for a model that continues text from left to right."""
    train: list[Row] = []
    dev: list[Row] = []
    names = ("storybooks", "tatoeba_en", "wikipedia_simple", "books_standardebooks")
    for name in names:
        told = list(texts(folder, name, limit or 15_000))
        passages = [Row({"text": passage}, name) for document in told for passage in _passages(document)]
        random.Random(name).shuffle(passages)
        held = max(1, min(100, len(passages) // 20))
        dev += passages[:held]
        train += passages[held:]
    return TaskSets(Task("causal", max_length=96, name="generation"), train, {"held-out text": dev}, list(names))


def _passages(document: list[str], words: int = 60) -> Iterator[str]:
    """Runs of whole sentences of up to about `words` words."""
    passage: list[str] = []
    count = 0
    for sentence in document:
        size = sentence.count(" ") + 1
        if passage and count + size > words:
            yield " ".join(passage)
            passage, count = [], 0
        passage.append(sentence)
        count += size
    if passage:
        yield " ".join(passage)


TASKS: dict[str, Callable[[Path, int | None], TaskSets]] = {
    "sentiment": sentiment,
    "emotions": emotions,
    "similarity": similarity,
    "inference": inference,
    "pos": pos,
    "ner": ner,
    "qa": qa,
    "choice": choice,
    "next_sentence": next_sentence,
    "generation": generation,
}


def load_task(name: str, folder: str | Path, limit: int | None = None) -> TaskSets:
    """The sets of a task; at most `limit` rows of each file.

    Raises:
        LookupError: no such task.
        FileNotFoundError: the data folder lacks a set.
    """
    if name not in TASKS:
        raise LookupError(f"there is no recipe for the task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name](Path(folder), limit)


def baseline(sets: TaskSets) -> dict[str, Any]:
    """What guessing scores on the first dev set: chance, and always the label that people give most often."""
    from collections import Counter

    rows = next(iter(sets.dev.values()))
    kind = sets.task.kind
    if kind in ("choice", "next_sentence"):
        count = len(rows[0]["endings"]) if kind == "choice" else 2
        return {"chance": 100.0 / count}
    if kind == "classification":
        given = [row["label"] for row in sets.train if not isinstance(row["label"], list)]  # not probabilities
        common, _ = Counter(given).most_common(1)[0]
        share = sum(row["label"] == common for row in rows) / len(rows)
        return {"chance": 100.0 / len(sets.task.labels), "majority": 100.0 * share}
    if kind == "tagging":
        common, _ = Counter(tag for row in sets.train for tag in row["tags"]).most_common(1)[0]
        tags = [tag for row in rows for tag in row["tags"]]
        return {"chance": 100.0 / len(sets.task.labels), "majority": 100.0 * tags.count(common) / len(tags)}
    return {}
