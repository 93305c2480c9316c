"""Which task a checkpoint answers for, told from its class and the names of its labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from bertlab import metrics
from bertlab.files import read_json
from bertlab.tasks import TASKS

# Words that labels of a task may be; all of a head's labels must be among them.
_SENTIMENT = {"negative", "positive", "neg", "pos", "neutral", "neu", "mixed", "very negative", "very positive"}
_INFERENCE = {"entailment", "neutral", "contradiction", "not_entailment", "entail", "contradict", "non-entailment"}
_CHUNKS = set("NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP".split())
_PENN = set(
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB VBD VBG VBN VBP "
    "VBZ WDT WP WP$ WRB".split()
)
_PARTS = {*TASKS["pos"].labels, "_", "SPACE", "CONJ"}


def label_names(config: Any) -> list[str]:
    """The names of a head's labels by id, all different. What has no name in `id2label` is called LABEL_0, ..."""
    given = config.id2label or {}
    named = {int(number): str(name) for number, name in given.items()}
    names = [named.get(number, f"LABEL_{number}") for number in range(config.num_labels)]
    if any(number not in named for number in range(config.num_labels)):
        warnings.warn(
            f"id2label names the labels {sorted(named)}, but the head has 0 to {config.num_labels - 1}: what has no "
            "name there is called LABEL_ and its number", UserWarning, stacklevel=3,
        )  # fmt: skip
        names = [f"LABEL_{number}" for number in range(config.num_labels)]
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names)]


def task_name(model: Any) -> str:
    """The name of the task that a fine-tuned checkpoint answers.

    Its own, where it says one; that of the known task whose labels it has; else what its labels look like: entities
    are "ner", parts of speech "pos", praise and blame "sentiment". Whatever else a head of that class tells apart is
    "classification", "regression" or "tagging".
    """
    named = (getattr(model.config, "bertlab", None) or {}).get("task")
    if named:
        return str(named)
    name = type(model).__name__
    candidates = {task: known for task, known in TASKS.items() if known.model_class == name}
    labels = label_names(model.config)
    for task, known in candidates.items():
        if known.labels and {label.casefold() for label in known.labels} == {label.casefold() for label in labels}:
            return task
    if name == "BertForTokenClassification":
        return _tagging(labels)
    if name == "BertForSequenceClassification":
        return _classification(labels, model.config.problem_type)
    return next(iter(candidates))


def _classification(labels: Sequence[str], problem_type: str | None) -> str:
    if len(labels) == 1:
        return "regression"
    words = {label.strip().casefold().replace("_", " ") for label in labels}
    if problem_type != "multi_label_classification":
        if words <= _SENTIMENT and len(words - {"neutral", "neu", "mixed"}) > 1:
            return "sentiment"
        if {word.replace(" ", "_") for word in words} <= _INFERENCE and len(words - {"neutral"}) > 1:
            return "inference"
    return "classification"


def _tagging(labels: Sequence[str]) -> str:
    if metrics.has_entities(labels):
        types = {name.upper() for _, name in map(metrics.split_tag, labels) if name}
        return "chunks" if types and types <= _CHUNKS else "ner"
    upper = {label.upper() for label in labels}
    letters = {label for label in upper if any(character.isalpha() for character in label)}
    return "pos" if letters and (letters <= _PARTS or letters <= _PENN) else "tagging"


def usual_task(lab: Any, task: str, wanted: str) -> str:
    """A task by its usual name where it is trained; else the only trained one that a model of that class answers, with
    one number or with labels as the usual one has."""
    if lab.is_trained(task):
        return task
    numbers = len(TASKS[task].labels) == 1
    kinds = {name: _built_as(lab, name) for name in lab.tasks}
    fitting = [name for name, (kind, labels) in kinds.items() if kind == wanted and (labels == 1) == numbers]
    return fitting[0] if len(fitting) == 1 else task


def _built_as(lab: Any, task: str) -> tuple[str, int]:
    """The class of a trained task's model and the number of its labels; of a waiting adapter, as its folder says."""
    if task in lab.adapters and not lab.is_built(task):
        fields = read_json(lab.adapters[task] / "config.json")
        about = fields.get("bertlab")
        return str(about.get("class")) if isinstance(about, dict) else "", len(fields.get("id2label") or (0, 1))
    model = lab.task_model(task)
    return type(model).__name__, model.config.num_labels
