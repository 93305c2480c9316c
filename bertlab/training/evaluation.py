"""Predictions of a head model, and how good they are by the metrics of the task. Draws no random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab import metrics
from bertlab.data import (
    IGNORED,
    KINDS,
    DataError,
    Feature,
    Task,
    collate,
    collate_pretraining,
    column_of,
    encode,
    length,
    length_sorted_batches,
    mask_tokens,
    pretraining_features,
    read,
)
from bertlab.training.objectives import gather_masked, pretraining_logits, task_loss
from bertlab.training.settings import choose_precision

MAIN_METRICS = {
    "classification": "accuracy",
    "regression": "spearman",
    "multilabel": "macro_f1",
    "tagging": "accuracy",
    "choice": "accuracy",
    "qa": "f1",
    "next_sentence": "accuracy",
    "causal": "perplexity",
}
SMALLER_IS_BETTER = ("loss", "perplexity", "masked_loss", "next_sentence_loss")


def main_metric(task: Task) -> str:
    """The name of the metric that a task is judged by; tagging with BIO labels counts whole entities."""
    if task.kind == "tagging" and any(label.startswith("B-") for label in task.labels):
        return "span_f1"
    return MAIN_METRICS[task.kind]


def check_fit(model: nn.Module, task: Task) -> None:
    """Whether a model can do a task.

    Raises:
        TypeError: it has another head. ValueError: other labels, or too few positions.
    """
    wanted = KINDS[task.kind]
    if type(model).__name__ != wanted:
        raise TypeError(f"{task.kind} is the task of a {wanted}, but the model is a {type(model).__name__}")
    labels = {"regression": 1, "classification": len(task.labels), "multilabel": len(task.labels)}
    expected = labels.get(task.kind, len(task.labels) if task.kind == "tagging" else None)
    if expected is not None and model.config.num_labels != expected:
        raise ValueError(
            f"the task has {expected} label(s) but the model {model.config.num_labels}: build the model with "
            "**task.config()"
        )
    names = [model.config.id2label.get(number) for number in range(len(task.labels))]
    if names != list(task.labels) and set(names) == set(task.labels):
        raise ValueError(f"the labels of the task are {list(task.labels)}, but the model has them as {names}")
    if task.max_length > model.config.max_position_embeddings:
        raise ValueError(
            f"max_length is {task.max_length}, but the model has positions for {model.config.max_position_embeddings}"
        )


def evaluate(
    model: nn.Module,
    tokenizer: Any,
    data: Any,
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    columns: Mapping[str, Any] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """The metrics of a model on a labelled set, in percent, beside its mean loss.

    classification: accuracy, macro_f1, matthews (where a row has probabilities, its likeliest label counts);
    regression: spearman, pearson; multilabel: macro_f1, micro_f1 (labels with a probability of at least
    `threshold`); tagging: accuracy and, for BIO labels, span_f1, precision, recall; choice, next_sentence: accuracy;
    qa: exact_match, f1 (and no_answer_accuracy where some questions have no answer); causal: perplexity.

    Args:
        data: anything that `bertlab.data.read` reads.

    Raises:
        DataError: the set is empty or has no labels.
        TypeError, ValueError: the model is not one for this task.
    """
    check_fit(model, task)
    rows = list(read(data, columns=columns))
    if not rows:
        raise DataError("the evaluation data is empty")
    features = encode(rows, task, tokenizer)
    return evaluate_features(
        model, features, rows, task, batch_size=batch_size, precision=precision, threshold=threshold,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def evaluate_features(
    model: nn.Module,
    features: Sequence[Feature],
    rows: Sequence[Mapping[str, Any]],
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    threshold: float = 0.5,
    pad_token_id: int = 0,
) -> dict[str, float]:
    """As `evaluate`, for rows that are encoded already."""
    outputs: list[Any] = [None] * len(features)
    loss, terms = 0.0, 0
    for numbers, batch, output in _outputs(model, features, task, batch_size, precision, pad_token_id):
        if "labels" not in batch and "start_positions" not in batch:
            raise DataError("the evaluation data has no labels")
        loss += float(task_loss(output, batch, task))
        terms += _loss_terms(batch, task)
        if task.kind == "causal":
            continue
        logits = (output.start_logits, output.end_logits) if task.kind == "qa" else (output.logits,)
        arrays = [value.float().cpu().numpy() for value in logits]
        for place, number in enumerate(numbers):
            outputs[number] = arrays[0][place] if len(arrays) == 1 else (arrays[0][place], arrays[1][place])
    scores = {"loss": loss / max(1, terms)}
    scores.update(_SCORERS[task.kind](outputs, features, rows, task, threshold, scores["loss"]))
    return scores


def predict(
    model: nn.Module,
    tokenizer: Any,
    data: Iterable[Mapping[str, Any]] | Any,
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    no_answer: bool = True,
) -> list[Any]:
    """One prediction for each row: probabilities (classification, multilabel, choice, next_sentence), a number
    (regression), tags by word (tagging), or the answer's text (qa; "" for none, unless `no_answer` is False).
    """
    check_fit(model, task)
    rows = list(read(data))
    features = encode(rows, task, tokenizer)
    outputs: list[Any] = [None] * len(features)
    for numbers, _, output in _outputs(model, features, task, batch_size, precision, tokenizer.pad_token_id):
        for place, number in enumerate(numbers):
            if task.kind == "qa":
                outputs[number] = (
                    output.start_logits[place].numpy(force=True),
                    output.end_logits[place].numpy(force=True),
                )
            else:
                outputs[number] = output.logits[place].float().numpy(force=True)
    if task.kind == "qa":
        return qa_answers(outputs, features, rows, no_answer=no_answer)
    if task.kind == "tagging":
        return tags_by_word(outputs, features, rows, task)
    if task.kind == "regression":
        return [float(logits[0]) for logits in outputs]
    if task.kind == "multilabel":
        return [1.0 / (1.0 + np.exp(-logits)) for logits in outputs]
    if task.kind == "causal":
        raise ValueError("a causal model continues text rather than labelling it: use its generate method")
    return [F.softmax(torch.from_numpy(logits), dim=-1).numpy() for logits in outputs]


@torch.inference_mode()
def _outputs(
    model: nn.Module,
    features: Sequence[Feature],
    task: Task,
    batch_size: int,
    precision: str,
    pad_token_id: int,
) -> Iterator[tuple[list[int], dict[str, Tensor], Any]]:
    """(numbers of the features, batch, model output) for batches of similar length."""
    device = next(model.parameters()).device
    by_count: dict[int, list[int]] = {}
    for number, feature in enumerate(features):  # choices of different counts cannot share a batch
        by_count.setdefault(len(feature["input_ids"]) if task.kind == "choice" else 0, []).append(number)
    with evaluating(model), autocast(model, device, precision):
        for group in by_count.values():
            for batch_numbers in length_sorted_batches([length(features[n]) for n in group], batch_size):
                numbers = [group[place] for place in batch_numbers]
                batch = collate([features[number] for number in numbers], task, pad_token_id)
                batch = {name: value.to(device) for name, value in batch.items()}
                labels = {"labels", "start_positions", "end_positions"}
                output = model(**{name: value for name, value in batch.items() if name not in labels})
                yield numbers, batch, output


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode, afterwards in the mode it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def autocast(model: nn.Module, device: torch.device, precision: str):
    """A context in which matrix products run in the chosen precision."""
    dtype = choose_precision(precision, device, model.config.hidden_size)
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


def _loss_terms(batch: Mapping[str, Tensor], task: Task) -> int:
    if task.kind == "tagging":
        return int((batch["labels"] != IGNORED).sum())
    if task.kind == "causal":
        return int((batch["labels"][:, 1:] != IGNORED).sum())
    return len(batch["input_ids"])


# ------------------------------------------------------------------------------------------ scores by kind


def _labels(features: Sequence[Feature]) -> list[Any]:
    return [feature["labels"] for feature in features]


def _score_classes(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    predicted = [int(np.argmax(logits)) for logits in outputs]
    expected = [int(np.argmax(label)) if isinstance(label, list) else label for label in _labels(features)]
    scores = {"accuracy": metrics.accuracy(predicted, expected)}
    if task.kind == "classification":
        scores["macro_f1"] = metrics.macro_f1(predicted, expected, len(task.labels))
        scores["matthews"] = metrics.matthews(predicted, expected)
    return scores


def _score_regression(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    return metrics.correlations([float(logits[0]) for logits in outputs], _labels(features))


def _score_multilabel(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    probabilities = 1.0 / (1.0 + np.exp(-np.stack(outputs)))  # (examples, labels)
    return metrics.multilabel_f1(probabilities >= threshold, np.array(_labels(features)) > 0.5)


def _score_tagging(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    predicted = tags_by_word(outputs, features, rows, task)
    expected = []
    for row in rows:
        tags = column_of(row, "tags", (list, tuple))
        expected.append([task.labels[tag] if isinstance(tag, int) else str(tag) for tag in tags])
    flat = [[tag for sentence in tags for tag in sentence] for tags in (predicted, expected)]
    scores = {"accuracy": metrics.accuracy(*flat)}
    if main_metric(task) == "span_f1":
        scores.update(metrics.span_f1(predicted, expected))
    return scores


def tags_by_word(outputs, features, rows, task: Task) -> list[list[str]]:
    """The tag of every word of every row, from logits (sequence, labels) of the features."""
    tags = [[task.labels[0]] * len(column_of(row, "tokens", (list, tuple))) for row in rows]
    for logits, feature in zip(outputs, features, strict=True):
        best = np.argmax(logits[feature["word_starts"]], axis=-1) if feature["words"] else []
        for word, tag in zip(feature["words"], best, strict=True):
            tags[feature["example"]][word] = task.labels[int(tag)]
    return tags


def _score_qa(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    expected = [answer_texts(row) for row in rows]
    some_unanswerable = any(not answers for answers in expected)
    predicted = qa_answers(outputs, features, rows, no_answer=some_unanswerable)
    scores = metrics.squad_scores(predicted, expected)
    if some_unanswerable:
        scores["no_answer_accuracy"] = metrics.accuracy(
            [answer == "" for answer in predicted], [not answers for answers in expected]
        )
    return scores


def answer_texts(row: Mapping[str, Any]) -> list[str]:
    """The texts of all the answers of a question."""
    answers = column_of(row, "answers")
    return list(answers["text"]) if isinstance(answers, Mapping) else [answer["text"] for answer in answers]


def qa_answers(
    outputs: Sequence[tuple[np.ndarray, np.ndarray]],
    features: Sequence[Feature],
    rows: Sequence[Mapping[str, Any]],
    *,
    no_answer: bool = True,
    longest: int = 30,
    candidates: int = 20,
    margin: float = 0.0,
) -> list[str]:
    """The best span of each question over all its windows (Devlin et al. 2019, sections 4.2 and 4.3).

    A span's score is its start logit plus its end logit. With `no_answer` the answer is "" where the score of
    [CLS], the lowest over the windows, beats the best span by more than `margin`.

    Args:
        outputs: (start logits, end logits) of each feature, each (sequence,).
        longest: most tokens of an answer.
        candidates: starts and ends that are tried for each window.
    """
    best: list[tuple[float, int, int]] = [(-np.inf, 0, 0)] * len(rows)
    empty = [np.inf] * len(rows)
    for (start_logits, end_logits), feature in zip(outputs, features, strict=True):
        example, offsets, shift = feature["example"], feature["offsets"], feature["context_start"]
        empty[example] = min(empty[example], float(start_logits[0] + end_logits[0]))
        starts = start_logits[shift : shift + len(offsets)]
        ends = end_logits[shift : shift + len(offsets)]
        for start in np.argsort(-starts, kind="stable")[:candidates]:
            for end in np.argsort(-ends, kind="stable")[:candidates]:
                score = float(starts[start] + ends[end])
                if start <= end < start + longest and score > best[example][0]:
                    best[example] = (score, offsets[start][0], offsets[end][1])
    answers = []
    for row, (score, first, last), null in zip(rows, best, empty, strict=True):
        refused = score == -np.inf or (no_answer and null > score + margin)
        answers.append("" if refused else column_of(row, "context", str)[first:last])
    return answers


def _score_causal(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    return {"perplexity": metrics.perplexity(loss)}


_SCORERS = {
    "classification": _score_classes,
    "choice": _score_classes,
    "next_sentence": _score_classes,
    "regression": _score_regression,
    "multilabel": _score_multilabel,
    "tagging": _score_tagging,
    "qa": _score_qa,
    "causal": _score_causal,
}


# ------------------------------------------------------------------------------------------- pre-training


@torch.inference_mode()
def evaluate_pretraining(
    model: nn.Module,
    corpus: Sequence,
    tokenizer: Any,
    *,
    max_length: int = 128,
    batch_size: int = 64,
    sequences: int = 1000,
    rate: float = 0.15,
    seed: int = 1234,
    precision: str = "auto",
) -> dict[str, float]:
    """Masked words and next sentences on held-out text, under masks and pairs that only `seed` decides.

    Returns masked_loss (nats), masked_top1, masked_top5 and next_sentence_accuracy in percent.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    drawn = pretraining_features(corpus, tokenizer, max_length, seed=seed, pairs=len(corpus) > 1)
    features = list(itertools.islice(drawn, sequences))
    loss = first = fifth = masked = right = asked = 0.0
    with evaluating(model), autocast(model, device, precision):
        for numbers in length_sorted_batches([length(feature) for feature in features], batch_size):
            batch = collate_pretraining([features[number] for number in numbers], tokenizer.pad_token_id)
            batch = gather_masked(mask_batch(batch, tokenizer, rate=rate, generator=generator))
            batch = {name: value.to(device) for name, value in batch.items()}
            masked_logits, pair_logits = pretraining_logits(model, batch)
            labels = batch["masked_labels"]
            loss += float(F.cross_entropy(masked_logits.float(), labels, reduction="sum"))
            best = masked_logits.topk(min(5, masked_logits.shape[-1]), dim=-1).indices == labels[:, None]
            first, fifth = first + float(best[:, 0].sum()), fifth + float(best.any(dim=1).sum())
            masked += len(labels)
            known = batch["next_sentence_label"] != IGNORED
            right += float((pair_logits.argmax(dim=-1) == batch["next_sentence_label"])[known].sum())
            asked += float(known.sum())
    masked = max(1.0, masked)
    scores = {
        "masked_loss": loss / masked, "masked_top1": 100 * first / masked, "masked_top5": 100 * fifth / masked,
    }  # fmt: skip
    if asked:
        scores["next_sentence_accuracy"] = 100 * right / asked
    return scores


@torch.no_grad()
def sequence_accuracy(model: nn.Module, tokenizer: Any, batch: Mapping[str, Tensor]) -> dict[str, float]:
    """How well an `EncoderDecoder` writes the targets of a batch (see `sequence_batch`).

    Returns loss (nats), tokens (predicted rightly given the right ones before them, in percent) and accuracy
    (targets written without a fault, one token after the other, in percent).
    """
    batch = {name: value.to(model.device) for name, value in batch.items()}
    labels = batch["labels"]
    with evaluating(model):
        logits = model(batch["input_ids"], batch["attention_mask"], batch["decoder_input_ids"]).logits.float()
        written = model.write(batch["input_ids"], batch["attention_mask"], tokenizer, labels.shape[1])
    written = F.pad(written, (0, labels.shape[1] - written.shape[1]), value=tokenizer.pad_token_id)
    asked = labels != IGNORED
    right = (written == labels) | ~asked
    return {
        "loss": float(F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)),
        "accuracy": 100 * float(right.all(dim=1).float().mean()),
        "tokens": 100 * float((logits.argmax(-1) == labels)[asked].float().mean()),
    }


def mask_batch(
    batch: Mapping[str, Tensor],
    tokenizer: Any,
    *,
    rate: float,
    generator: torch.Generator,
    words: Tensor | None = None,
) -> dict[str, Tensor]:
    """A collated batch with masked input_ids and labels (batch, sequence)."""
    input_ids = batch["input_ids"]
    special = batch["attention_mask"] == 0
    for token_id in (tokenizer.cls_token_id, tokenizer.sep_token_id):
        special |= input_ids == token_id
    masked = mask_tokens(
        input_ids, mask_token_id=tokenizer.mask_token_id, vocab_size=len(tokenizer), special=special, rate=rate,
        words=words, generator=generator,
    )  # fmt: skip
    return {**batch, "input_ids": masked.input_ids, "labels": masked.labels}
