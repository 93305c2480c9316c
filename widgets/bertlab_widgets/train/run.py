"""One training run that can be watched and gone back in, and what a model says meanwhile. No widget is needed here.

`fresh_model` and `split_rows` prepare what `bertlab.training.finetune` trains, `layer_changes` says how far each part
of a model has moved, and a `LiveRun` holds the records of a run, its curves, and the moments to go back to.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from bertlab.adapters import add_lora, lora_layers
from bertlab.data import DataError, Row, Task, column_of
from bertlab.devices import available_devices
from bertlab.lab import Lab
from bertlab.model import BertConfig, undrawn_weights
from bertlab.model import heads as task_heads
from bertlab.nano import EncoderDecoder
from bertlab.training import StepRecord, freeze_layers, main_metric, predict

from ..workbench import Around

MASKED = "masked words"
SNAPSHOT_BYTES = 300e6  # moments are thinned out beyond this
SHOWN_POINTS, SHOWN_TEXTS = 400, 5
PATIENCE = 0.7  # seconds that Stop waits for the end of a step
ONE_OF_FIVE = 5  # of sets without a split of their own every fifth row is held out


class Stopped(Exception):
    """Raised inside a step when Stop is pressed; the step is not taken."""


# ------------------------------------------------------------------------------------------ what is trained, on what


def fresh_model(lab: Lab, task: Task | None, *, rank: int = 8, freeze: int = -1, seed: int = 0) -> nn.Module:
    """A model for a task on this lab's encoder, with a head of random weights; the lab's own weights stay as they are.

    Args:
        task: what it is for; None for masked words, with the head that the lab has.
        rank: LoRA rank; the encoder's weights are then shared and frozen. 0 trains copies of them.
        freeze: -1 for nothing, else the embeddings and so many of the lowest layers are not trained.
        seed: draws the head and the LoRA factors.

    Raises:
        ValueError: a rank or a number of layers that the model does not have.
    """
    name = "BertForPreTraining" if task is None else task.model_class
    config = BertConfig.from_dict({**lab.model.config.to_dict(), **(task.config() if task else {})})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(task_heads, name)(config)
    taken: dict[int, nn.Parameter] = {}
    given = dict(lab.model.named_parameters(remove_duplicate=False))
    for path, parameter in list(model.named_parameters(remove_duplicate=False)):
        source = given.get(path)
        if source is None or source.shape != parameter.shape:
            continue
        if id(source) not in taken:  # a new parameter over the same memory
            taken[id(source)] = nn.Parameter(source.detach().float())
        parent, _, last = path.rpartition(".")
        setattr(model.get_submodule(parent), last, taken[id(source)])
    model.tie_weights()
    model.to(lab.device).eval()
    if rank:
        add_lora(model, rank, generator=torch.Generator().manual_seed(seed))
    if freeze >= 0:
        freeze_layers(model, freeze)
    shared = {parameter.data_ptr() for parameter in lab.model.parameters()}
    for parameter in trained_parameters(model).values():
        if parameter.data_ptr() in shared:
            parameter.data = parameter.data.clone()
    return model


def split_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[list, list]:
    """(to learn from, held out): by the column "split" where there is one, else every fifth row is held out."""
    if any("split" in row for row in rows):
        return (
            [row for row in rows if row.get("split", "train") == "train"],
            [row for row in rows if row.get("split", "train") != "train"],
        )
    if len(rows) < 2 * ONE_OF_FIVE:
        return list(rows), []
    held_out = rows[ONE_OF_FIVE - 1 :: ONE_OF_FIVE]
    return [row for number, row in enumerate(rows, start=1) if number % ONE_OF_FIVE], list(held_out)


def pasted_rows(text: str) -> list[Row]:
    """Pasted lines as rows: `text`, a tab (or ` | `), `label`; three parts for pairs; JSON objects; or text alone.

    Raises:
        DataError: with the number of the line.
    """
    rows, width = [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"pasted text, line {number}"
        if not line.strip():
            continue
        if line.lstrip().startswith("{"):
            try:
                rows.append(Row(json.loads(line), place))
            except json.JSONDecodeError as error:
                raise DataError(f"{place}, column {error.colno}: not JSON ({error.msg})") from None
            continue
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split(" | "))]
        width = width or len(cells)
        if len(cells) != width:
            raise DataError(
                f"{place}: {len(cells)} part(s), but the lines before have {width}; write text, a tab, and the label"
            )
        if width > 3:
            raise DataError(f"{place}: {width} parts; write text and label, or text, second text and label")
        names = {1: ["text"], 2: ["text", "label"], 3: ["text", "pair", "label"]}[width]
        if not all(cells):
            raise DataError(f"{place}: the {names[cells.index('')]} is empty")
        rows.append(Row(dict(zip(names, cells)), place))
    if not rows:
        raise DataError("nothing was pasted: write one example a line, text, a tab, and the label")
    return rows


def kind_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The kind of task that the columns of a set speak of."""
    row = rows[0]
    if "tokens" in row or "words" in row:
        return "tagging"
    if "question" in row:
        return "qa"
    if "choices" in row or "endings" in row:
        return "choice"
    label = column_of(row, "label", required=False)
    if label is None:
        return MASKED
    if isinstance(label, (list, tuple)):
        return "multilabel"
    values = [str(column_of(row, "label", required=False)) for row in rows]
    numbers = all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values)
    return "regression" if numbers and any("." in value for value in values) else "classification"


# ------------------------------------------------------------------------------------------------- how far, and back


def group_of(name: str) -> str:
    """The part of the model that a parameter belongs to: "embeddings", "layer 3", "head"."""
    side = "decoder " if name.startswith("decoder.") else "encoder " if name.startswith("encoder.") else ""
    found = re.search(r"(?:^|\.)layer\.(\d+)\.", name)
    if found:
        return f"{side}layer {found[1]}"
    return f"{side}embeddings" if "embeddings." in name else f"{side}head"


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training may change, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


@torch.no_grad()
def layer_changes(model: nn.Module, start: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """How far each part of a model is from `start` (trained parameters by name): |W - W0| / |W0|, Frobenius norms.

    A LoRA layer's change is that of its product, computed from the small factors.
    """
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    layers = lora_layers(model)
    for name, layer in layers.items():
        a, b = layer.lora_A.float(), layer.lora_B.float()
        square = float(((b.T @ b) * (a @ a.T)).sum()) * (layer.alpha / layer.rank) ** 2  # |BA|^2 without the product
        moved[group_of(name + ".")] = moved.get(group_of(name + "."), 0.0) + max(0.0, square)
    for name, parameter in model.named_parameters():
        group = group_of(name)
        if name.endswith((".lora_A", ".lora_B")):
            continue
        before = start.get(name, parameter)
        size[group] = size.get(group, 0.0) + float(before.float().norm()) ** 2
        if name in start:
            moved[group] = moved.get(group, 0.0) + float((parameter.float() - before.to(parameter.device)).norm()) ** 2
        else:
            moved.setdefault(group, 0.0)
    order = sorted(
        moved,
        key=lambda group: (
            not group.startswith("encoder"),
            "head" in group,
            "embeddings" not in group,
            int(re.sub(r"\D", "", group) or 0),
        ),
    )
    return {group: math.sqrt(moved[group] / size[group]) if size.get(group) else 0.0 for group in order}


@dataclass
class Moment:
    """A point of the run that can be gone back to: exact values of everything that was trained."""

    step: int
    weights: dict[str, torch.Tensor]
    watched: list[dict] = field(default_factory=list)


class TrainedLab(Lab):
    """What was trained, as a lab of its own: the trained encoder, and the head for the task that was learnt.

    The lab that it came from stays as it was; for all other tasks it is asked. `moment` says which weights are looked
    at, where these are not the last ones; `made_by()` gives the lines of code that make this lab again.
    """

    def __init__(self, model: nn.Module, before: Lab, name: str):
        super().__init__(model, before.tokenizer, name)
        self.before, self.moment = before, ""
        self.made_by: Callable[[], list[str]] | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks that have a trained head, here or in the lab of before."""
        return list(dict.fromkeys([*self.before.tasks, *self._models]))

    def is_trained(self, task: str) -> bool:
        """Whether a task's head was trained."""
        return task in self._models or self.before.is_trained(task)

    def task_model(self, task: str) -> nn.Module:
        """The model of a task: the one that was trained here, else that of the lab of before."""
        return self._models[task] if task in self._models else self.before.task_model(task)

    def reseed(self, task: str, seed: int) -> None:
        """Draw the untrained head of a task afresh."""
        self.before.reseed(task, seed)


def trained_lab(before: Lab, model: nn.Module, name: str, task: str = "") -> TrainedLab:
    """A lab over the very encoder of a trained model, with the pre-training heads of `before`.

    Args:
        task: the task that the model answers for in this lab; "" for none.
    """
    with torch.device("meta"), undrawn_weights():
        view = task_heads.BertForPreTraining(BertConfig.from_dict(before.model.config.to_dict()))
    encoder = model.base_model
    view.bert.embeddings, view.bert.encoder = encoder.embeddings, encoder.encoder
    view.bert.pooler = encoder.pooler if encoder.pooler is not None else before.model.bert.pooler
    view.cls = model.cls if isinstance(model, task_heads.BertForPreTraining) else before.model.cls
    view.loading_report = before.model.loading_report
    view.config.name_or_path = before.model.config.name_or_path
    lab = TrainedLab(view, before, name)
    if task:
        lab.add_task(task, model)
    return lab


@dataclass
class LiveRun:
    """One training run: the model, its records as they come, what is watched, and the moments to go back to.

    `records` is a generator of the training engine. `measure()` gives figures on held-out data, `watch(texts)` what
    the model says about some texts, `lines` and `chance` the values of knowing nothing.
    """

    name: str
    kind: str
    model: nn.Module
    tokenizer: Any
    records: Iterator[StepRecord]
    steps: int
    epochs: float | None
    metric: str
    lines: dict[str, float]
    chance: dict[str, float]
    measure: Callable[[], dict[str, float]] | None
    watch: Callable[[list[tuple[str, str]]], list[dict]]
    about: dict
    lab: Lab | None = None  # what the other panels show when this is trained
    task: Task | None = None
    plan: Any = None  # the settings that made it, see `training_plan.Plan`
    history: list[StepRecord] = field(default_factory=list)
    evaluations: list[dict] = field(default_factory=list)
    changes: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    traces: dict[str, list] = field(default_factory=dict)
    seconds: float = 0.0
    watching_seconds: float = 0.0
    message: str = ""
    at: int | None = None  # the step that was gone back to; None for the last one
    resumable: bool = True  # whether the generator of records can go on

    def __post_init__(self):
        self.start_weights = self.weights()

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.history[-1].step if self.history else 0

    @property
    def shown_step(self) -> int:
        """The step whose weights the model has now."""
        return self.step if self.at is None else self.at

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of everything that is trained, on the CPU."""
        return {
            name: parameter.detach().to("cpu", copy=True) for name, parameter in trained_parameters(self.model).items()
        }

    def keep(self, watched: list[dict]) -> None:
        """Make this step a moment to go back to; where there are too many, every other one in between goes."""
        if self.moments and self.moments[-1].step == self.step:
            self.moments[-1].watched = watched
            return
        self.moments.append(Moment(self.step, self.start_weights if not self.step else self.weights(), watched))
        size = sum(value.numel() * value.element_size() for value in self.start_weights.values())
        most = max(3, min(60, int(SNAPSHOT_BYTES / max(1, size))))
        if len(self.moments) > most:
            self.moments = [moment for i, moment in enumerate(self.moments) if i % 2 == 0 or i == len(self.moments) - 1]

    @torch.no_grad()
    def go_to(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Put trained values back into the model."""
        own = dict(self.model.named_parameters())
        for name, value in weights.items():
            own[name].copy_(value)

    def interruptible(self, stopped: threading.Event) -> list:
        """Let every layer look at `stopped`, forwards and backwards, so that Stop does not wait for a long step.

        A step that ends within `PATIENCE` seconds is let alone, so that the run can go on where it was.
        """
        asked: list[float] = []

        def check(*_):
            if not stopped.is_set():
                asked.clear()
                return
            asked[:] = asked or [time.monotonic()]
            if time.monotonic() - asked[0] > PATIENCE:
                self.resumable = False
                raise Stopped

        def around(forward, arguments, named):
            check()
            outputs = forward(*arguments, **named)
            for value in outputs if isinstance(outputs, tuple) else (outputs,):
                if isinstance(value, torch.Tensor) and value.requires_grad:
                    value.register_hook(check)
            return outputs

        layers = [module for name, module in self.model.named_modules() if re.search(r"\.layer\.\d+$", name)]
        return [Around(layer, around) for layer in layers]


# ------------------------------------------------------------------------------------- what a model says about texts


def watch_task(
    model: nn.Module, tokenizer: Any, task: Task, texts: Sequence[tuple[str, str]], held_out: Sequence[Mapping]
) -> list[dict]:
    """What a model says about some texts and two held-out examples: "rows" of (label, value), or "said" in words."""
    rows, cards = [], []

    def add(row: dict, text: str, pair: str, truth: Any = None):
        rows.append(row)
        cards.append({"text": text, "pair": pair, "truth": truth})

    for text, pair in texts:
        if task.kind == "tagging":
            add({"tokens": re.findall(r"\w+|[^\w\s]", text) or [text]}, text, "")
        elif task.kind == "qa":
            if pair:
                add({"question": text, "context": pair}, text, pair)
        elif task.kind == "choice":
            if " | " in pair:
                add({"prompt": text, "endings": [part.strip() for part in pair.split(" | ")]}, text, pair)
        elif task.kind != "next_sentence" or pair:
            add({"text": text, **({"pair": pair} if pair else {})}, text, pair)
    for row in held_out[: max(0, min(2, SHOWN_TEXTS - len(rows)))]:
        text, pair, truth = described(row, task)
        asked = {
            name: value for name, value in row.items() if name not in ("label", "labels", "tags", "answers", "score")
        }
        add(asked, text, pair, truth)
    if not rows:
        return []
    for card, row, answer in zip(cards, rows, predict(model, tokenizer, rows, task)):
        if task.kind == "regression":
            card["rows"] = [("score", float(answer))]
        elif task.kind == "tagging":
            words = column_of(row, "tokens")
            card["said"] = " ".join(f"{word} [{tag}]" if tag != "O" else word for word, tag in zip(words, answer))
        elif task.kind == "qa":
            card["said"] = answer or "(no answer)"
        else:
            labels = task.labels or (("next", "random") if task.kind == "next_sentence" else column_of(row, "endings"))
            pairs = sorted(zip(map(str, labels), map(float, answer)), key=lambda pair: -pair[1])
            card["rows"] = pairs[:4] if len(pairs) > 4 else list(zip(map(str, labels), map(float, answer)))
    return cards


def described(row: Mapping[str, Any], task: Task) -> tuple[str, str, str | None]:
    """(text, second text, truth) of an example, as a person reads it."""
    if task.kind == "tagging":
        words, tags = column_of(row, "tokens"), column_of(row, "tags", required=False)
        truth = (
            None
            if tags is None
            else " ".join(f"{word} [{tag}]" if str(tag) != "O" else str(word) for word, tag in zip(words, tags))
        )
        return " ".join(map(str, words)), "", truth
    if task.kind == "qa":
        answers = column_of(row, "answers", required=False)
        found = answers["text"] if isinstance(answers, Mapping) else [answer["text"] for answer in answers or []]
        return row["question"], row["context"], found[0] if found else "(no answer)"
    if task.kind == "choice":
        endings, label = column_of(row, "endings"), column_of(row, "label", required=False)
        return (
            column_of(row, "prompt"),
            " | ".join(map(str, endings)),
            str(endings[int(label)]) if label is not None else None,
        )
    label = column_of(row, "label", required=False)
    if task.labels and isinstance(label, int) and 0 <= label < len(task.labels):
        label = task.labels[label]
    return column_of(row, "text"), column_of(row, "pair", required=False) or "", None if label is None else str(label)


@torch.inference_mode()
def watch_masked(model: nn.Module, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> list[dict]:
    """The likeliest tokens at the first [MASK] of each text, or at its last word where it has none."""
    cards, device = [], next(model.parameters()).device
    for text, pair in texts:
        ids = tokenizer(text, truncation=True, max_length=model.config.max_position_embeddings, return_tensors="pt")[
            "input_ids"
        ]
        places = (ids[0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
        names, truth = tokenizer.convert_ids_to_tokens(ids[0].tolist()), None
        if not places:
            places = [i for i, name in enumerate(names) if name[:1].isalnum() or name.startswith("##")][-1:]
            if not places:
                continue
            truth = names[places[0]]
            ids[0, places[0]] = tokenizer.mask_token_id
        hidden = model.bert(ids.to(device)).last_hidden_state[0, places[0]]
        probabilities = model.cls.predictions(hidden).float().softmax(-1).cpu()
        best = probabilities.topk(4)
        rows = list(zip(tokenizer.convert_ids_to_tokens(best.indices.tolist()), best.values.tolist()))
        if truth is not None and truth not in dict(rows):
            rows = [*rows[:3], (truth, float(probabilities[tokenizer.convert_tokens_to_ids(truth)]))]
        cards.append({"text": text, "pair": pair, "truth": truth, "rows": rows, "place": places[0]})
    return cards


def reversal_ids(model: EncoderDecoder, tokenizer: Any, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of a text (1, source) and of what the model writes for it, from [CLS] on (1, target)."""
    source = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")["input_ids"].to(model.device)
    written = model.write(source, torch.ones_like(source), tokenizer, min(24, source.shape[1] + 2))
    end = (written[0] == tokenizer.sep_token_id).nonzero().flatten().tolist()
    written = written[:, : end[0]] if end else written
    return source, torch.cat([torch.full((1, 1), tokenizer.cls_token_id, device=source.device), written], dim=1)


def watch_reversal(model: EncoderDecoder, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> list[dict]:
    """What the decoder writes for each text, beside the text backwards."""
    cards = []
    for text, _ in texts:
        source, target = reversal_ids(model, tokenizer, text)
        letters = tokenizer.convert_ids_to_tokens(source[0, 1:-1].tolist())
        written = tokenizer.convert_ids_to_tokens(target[0, 1:].tolist())
        cards.append(
            {"text": text, "pair": "", "said": " ".join(written) or "(nothing)", "truth": " ".join(reversed(letters))}
        )
    return cards


# -------------------------------------------------------------------------------------------------- figures of a set


def guessing(
    task: Task, train: Sequence, held_out: Sequence, tokenizer: Any = None
) -> tuple[dict[str, float], dict[str, float]]:
    """What knowing nothing gives: values of the loss, and of the task's metric in percent, by name."""
    rows = held_out or train
    if task.kind == "classification":
        count = len(task.labels)
        labels = Counter(str(column_of(row, "label", required=False)) for row in rows)
        return {f"ln {count}": math.log(count)}, {
            "chance": 100 / count,
            "majority": 100 * max(labels.values()) / len(rows),
        }
    if task.kind == "next_sentence":
        return {"ln 2": math.log(2)}, {"chance": 50.0}
    if task.kind == "multilabel":
        return {"ln 2": math.log(2)}, {}
    if task.kind == "choice":
        count = sum(len(column_of(row, "endings")) for row in rows) / len(rows)
        return {f"ln {count:.3g}": math.log(count)}, {"chance": 100 / count}
    if task.kind == "tagging":
        tags = Counter(str(tag) for row in rows for tag in column_of(row, "tags"))
        accuracy = {} if main_metric(task) == "span_f1" else {"majority": 100 * max(tags.values()) / sum(tags.values())}
        return {f"ln {len(task.labels)}": math.log(len(task.labels))}, accuracy
    if task.kind == "regression":
        values = torch.tensor([float(column_of(row, "label")) for row in rows])
        return {"always the mean": float(values.var(unbiased=False))}, {"chance": 0.0}
    return {}, {}


def about_rows(train: Sequence, held_out: Sequence, task: Task) -> dict:
    """A set in figures: how many examples, which labels, and the first ones."""
    return {
        "rows": len(train),
        "held_out": len(held_out),
        "labels": list(task.labels)[:40],
        "examples": [dict(zip(("text", "pair", "label"), described(row, task))) for row in train[:6]],
    }


def examples(rows: Sequence[Mapping[str, Any]]) -> list[dict]:
    """The first texts of a set without labels."""
    return [{"text": column_of(row, "text", str), "pair": "", "label": None} for row in rows[:6]]


def sizes(model: nn.Module) -> dict[str, int]:
    """How many weights there are, and how many of them are trained."""
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trained": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }


def devices() -> list[str]:
    """What this machine can train on."""
    return ["auto", *available_devices()]


def loss_of(figures: Mapping[str, float]) -> float | None:
    """The held-out loss among an evaluation's figures."""
    return figures.get("loss", figures.get("masked_loss"))


def readable(metric: str) -> str:
    """The name of a metric for an audience."""
    return {
        "span_f1": "F1 of spans",
        "macro_f1": "macro F1",
        "f1": "F1",
        "masked_top5": "word among the first five",
        "spearman": "rank correlation",
        "masked_loss": "masked loss",
        "masked_top1": "word found first",
        "matthews": "Matthews",
    }.get(metric, metric.replace("_", " "))


def thinned(steps: Sequence[int], values: Sequence[float]) -> list[list]:
    """A curve with at most `SHOWN_POINTS` points: means over equally many neighbours."""
    width = max(1, math.ceil(len(values) / SHOWN_POINTS))
    starts = range(0, len(values), width)
    return [
        [steps[min(start + width, len(steps)) - 1] for start in starts],
        [round(sum(values[start : start + width]) / len(values[start : start + width]), 5) for start in starts],
    ]


def quantised(weights: torch.Tensor) -> list[list[int]]:
    """Weights 0 to 1 as whole numbers round(255 * sqrt(p)), as all panels send them."""
    return (255 * weights.clamp(0, 1).sqrt()).round().int().tolist()


def shown_prediction(card: Mapping[str, Any], which: str) -> str:
    """A watched prediction in one line."""
    if "said" in card:
        return str(card["said_then"] if which == "then" else card["said"])
    rows = card["then"].items() if which == "then" else card.get("rows", [])
    return ", ".join(f"{label} {value:.2f}" for label, value in list(rows)[:3])
