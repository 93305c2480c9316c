"""Nano models: BERTs of about 0.1 M parameters that learn something visible in 10 to 90 seconds on a laptop.

    nano = agreement()
    for record in nano.train():
        if record.evaluation:
            print(record.step, record.evaluation["accuracy"], nano.chance["accuracy"])

Three settings, each with a question that its curve answers:

- `agreement`: does a model that only ever fills gaps find the subject of a sentence? (Linzen et al. 2016)
- `reversal`: does cross-attention find the way from corner to corner? (Vaswani et al. 2017, section 3.2.3)
- `real_text`: does the loss fall below what single words can explain?

All run on the generators of `bertlab.training`: each `next()` is one optimiser step, and stopping is no longer pulling.
"""

from __future__ import annotations

import math
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab.adapters import EncoderDecoder, sequence_batch, sequence_feature
from bertlab.data import Corpus, assemble, mask_tokens, pad
from bertlab.model import BertConfig, BertForPreTraining
from bertlab.nano.backwards import reversal_pairs, reversal_vocabulary
from bertlab.nano.grammar import (
    MOST_ATTRACTORS,
    AgreementSentence,
    agreement_baselines,
    agreement_sentences,
    agreement_vocabulary,
)
from bertlab.nano.texts import unigram_entropy, written_texts
from bertlab.nano.vocabulary import wordpiece_vocabulary, write_vocabulary
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import (
    PretrainingObjective,
    Run,
    SequenceObjective,
    Settings,
    StepRecord,
    Stream,
    evaluate_pretraining,
    gather_masked,
    pretrain,
    sequence_accuracy,
)

__all__ = ["DEFAULTS", "SETTINGS", "Nano", "agreement", "real_text", "reversal"]

# `BertConfig` fields (besides `vocab_size`) of a model of about 0.1 M parameters for the data below. A good standard
# deviation of the first weights is near 1 / sqrt(hidden_size): BERT's own 0.02 suits a width of 768, and at this
# width it keeps a model at chance many times longer.
NANO_CONFIG = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.1,
}

VALIDATION = 400  # sentences or pairs that are never trained on

# Settings under which each of them learns.
DEFAULTS: dict[str, dict[str, Any]] = {
    "agreement": {"steps": 600, "batch_size": 64, "learning_rate": 2e-3, "evaluate_every": 50, "keep_best": False},
    "reversal": {"steps": 200, "batch_size": 64, "learning_rate": 3e-3, "evaluate_every": 10, "keep_best": False},
    "text": {"steps": 800, "batch_size": 32, "learning_rate": 2e-3, "evaluate_every": 50, "keep_best": False},
}


@dataclass
class Nano:
    """A model that knows nothing yet, and all that it takes to train and to judge it.

    Args:
        name: which setting it is.
        model: a BertForPreTraining, or an `EncoderDecoder`.
        tokenizer: its tokenizer, with the few words of its world.
        defaults: settings of `bertlab.training.Settings` under which it learns; `train` takes others.
        metric: the figure to watch in `measure()`.
        chance: what guessing gives, by figure.
        lines: reference values of the loss, by name: ln V and, for text, the unigram entropy.
        measure: () -> figures on held-out data, in percent beside losses in nats.
        start: (settings) -> the records of a training run.
    """

    name: str
    model: nn.Module
    tokenizer: BertTokenizerFast
    defaults: Mapping[str, Any]
    metric: str
    chance: Mapping[str, float]
    lines: Mapping[str, float]
    measure: Callable[[], dict[str, float]] = field(repr=False)
    start: Callable[[Settings], Iterator[StepRecord]] = field(repr=False)

    def train(self, **settings: Any) -> Iterator[StepRecord]:
        """One optimiser step for each `next()`; `record.evaluation` holds `measure()` where it is due.

        Args:
            settings: fields of `Settings` that differ from `defaults`.

        Raises:
            LookupError, ValueError: a setting that does not exist, or with a wrong value.
        """
        lengths = ("steps", "epochs", "minutes")
        defaults = {
            name: value
            for name, value in self.defaults.items()
            if not (name in lengths and any(settings.get(length) is not None for length in lengths))
        }
        options = Settings.from_dict({**defaults, **settings})
        if options.epochs is not None:
            raise ValueError("epochs have no fixed length here: give steps or minutes")
        if options.device is None:
            options.device = str(next(self.model.parameters()).device)
        return self.start(options)


# ------------------------------------------------------------------------------------------------ agreement


def agreement(seed: int = 0, sentences: int = 4000, others: float = 0.0) -> Nano:
    """A masked-word model that meets only sentences of one grammar, in which the verb agrees with its subject.

    In every sentence the verb is asked for, and a share `others` of the other words, 80/10/10. Judged by how often the
    right form of the held-out verb is likelier than the wrong one: `accuracy` (chance 50), also by the number of
    nouns of the other number in between (`attractors_0` ... `attractors_3`).
    """
    validation = agreement_sentences(VALIDATION, seed=seed + 1_000_003)
    train = agreement_sentences(sentences, seed=seed, exclude=validation)
    tokenizer = _tokenizer(agreement_vocabulary())
    model = _pretraining_model(tokenizer, seed)
    encoded = [_agreement_feature(sentence, tokenizer) for sentence in train]
    questions = [_agreement_feature(sentence, tokenizer) for sentence in validation]

    def collate(features: list, step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)  # masks depend on the step alone
        batch = pad(features, max(len(feature["input_ids"]) for feature in features), tokenizer.pad_token_id)
        ids = batch["input_ids"]
        rows, verbs = torch.arange(len(features)), torch.tensor([feature["verb"] for feature in features])
        special = (batch["attention_mask"] == 0) | (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
        special[rows, verbs] = True  # asked for in any case
        masked = mask_tokens(
            ids, special=special, mask_token_id=tokenizer.mask_token_id, vocab_size=len(tokenizer), rate=others,
            generator=generator,
        )  # fmt: skip
        input_ids, labels = masked.input_ids, masked.labels
        labels[rows, verbs] = ids[rows, verbs]
        input_ids[rows, verbs] = tokenizer.mask_token_id
        return {**batch, "input_ids": input_ids, "labels": labels}

    def start(options: Settings) -> Iterator[StepRecord]:
        stream = Stream(
            PretrainingObjective(model, next_sentence=False), _endless(encoded, options.batch_size, options.seed),
            collate, gather_masked, {"nano": "agreement"},
        )  # fmt: skip
        run = Run(
            model, stream, options, evaluate=lambda: agreement_accuracy(model, tokenizer, questions),
            metric="accuracy", total_steps=options.steps,
        )  # fmt: skip
        return run.steps()

    baselines = {name: 100 * share for name, share in agreement_baselines(validation).items()}
    return Nano(
        "agreement", model, tokenizer,
        DEFAULTS["agreement"],
        "accuracy", {"accuracy": 50.0, **baselines}, {"ln V": math.log(len(tokenizer))},
        lambda: agreement_accuracy(model, tokenizer, questions), start,
    )  # fmt: skip


def _agreement_feature(sentence: AgreementSentence, tokenizer: BertTokenizerFast) -> dict[str, Any]:
    """Every word is one piece, so positions in the sentence are positions of tokens, [CLS] before them."""
    ids = tokenizer.convert_tokens_to_ids(list(sentence.words))
    feature = assemble(tokenizer, ids, None, len(ids) + 2)
    wrong = tokenizer.convert_tokens_to_ids(sentence.wrong_verb)
    return {**feature, "verb": sentence.verb + 1, "wrong": wrong, "attractors": sentence.attractors}


@torch.inference_mode()
def agreement_accuracy(model: nn.Module, tokenizer: Any, questions: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How often the right form of the masked verb is likelier than the wrong one, in percent, and the mean loss."""
    batch = pad(questions, max(len(question["input_ids"]) for question in questions), tokenizer.pad_token_id)
    rows, verbs = torch.arange(len(questions)), torch.tensor([question["verb"] for question in questions])
    right = batch["input_ids"][rows, verbs]
    wrong = torch.tensor([question["wrong"] for question in questions])
    batch["input_ids"][rows, verbs] = tokenizer.mask_token_id
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    hidden = model.bert(**{name: value.to(device) for name, value in batch.items()}).last_hidden_state
    logits = model.cls.predictions(hidden[rows, verbs]).float().cpu()  # (questions, vocabulary)
    model.train(was_training)
    better = logits[rows, right] > logits[rows, wrong]
    figures = {"loss": float(F.cross_entropy(logits, right)), "accuracy": 100 * float(better.float().mean())}
    attractors = torch.tensor([question["attractors"] for question in questions])
    for count in range(MOST_ATTRACTORS + 1):
        if (attractors == count).any():
            figures[f"attractors_{count}"] = 100 * float(better[attractors == count].float().mean())
    return figures


# ------------------------------------------------------------------------------------------------- reversal


def reversal(seed: int = 0, pairs: int = 6000) -> Nano:
    """An encoder and a decoder that learn to write a sequence of letters backwards.

    Judged on held-out sequences by `accuracy` (whole sequences, written greedily) and `letters` (each letter, given
    the right ones before it; chance is one in sixteen).
    """
    validation = reversal_pairs(VALIDATION, seed=seed + 1_000_003)
    train = reversal_pairs(pairs, seed=seed, exclude=validation)
    tokenizer = _tokenizer(reversal_vocabulary())
    config = BertConfig(vocab_size=len(tokenizer), **{**NANO_CONFIG, "num_hidden_layers": 1})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EncoderDecoder(config).eval()
    encoded = [_reversal_feature(pair.source, pair.target, tokenizer) for pair in train]
    questions = sequence_batch(
        [_reversal_feature(pair.source, pair.target, tokenizer) for pair in validation], tokenizer
    )

    def start(options: Settings) -> Iterator[StepRecord]:
        stream = Stream(
            SequenceObjective(model), _endless(encoded, options.batch_size, options.seed),
            lambda features, step: sequence_batch(features, tokenizer), identity={"nano": "reversal"},
        )  # fmt: skip
        run = Run(
            model, stream, options, evaluate=lambda: reversal_accuracy(model, tokenizer, questions),
            metric="accuracy", total_steps=options.steps,
        )  # fmt: skip
        return run.steps()

    return Nano(
        "reversal", model, tokenizer,
        DEFAULTS["reversal"],
        "accuracy", {"accuracy": 0.0, "letters": 100 / 16}, {"ln V": math.log(len(tokenizer))},
        lambda: reversal_accuracy(model, tokenizer, questions), start,
    )  # fmt: skip


def _reversal_feature(source: Sequence[str], target: Sequence[str], tokenizer: Any) -> dict[str, Any]:
    read, written = (tokenizer.convert_tokens_to_ids(list(letters)) for letters in (source, target))
    return sequence_feature(read, written, tokenizer)


def reversal_accuracy(model: EncoderDecoder, tokenizer: Any, batch: Mapping[str, Tensor]) -> dict[str, float]:
    """Sequences written without a fault and letters predicted rightly, in percent, and the mean loss."""
    figures = sequence_accuracy(model, tokenizer, batch)
    return {"loss": figures["loss"], "accuracy": figures["accuracy"], "letters": figures["tokens"]}


# ------------------------------------------------------------------------------------------------ real text


def real_text(seed: int = 0, vocabulary: int = 1200, texts: Sequence[str] | None = None,
              validation: Sequence[str] | None = None) -> Nano:  # fmt: skip
    """A masked-word model on a small slice of English: its loss against the unigram entropy of the held-out text.

    A model that knows how frequent each piece is, and nothing else, has that loss at best; below it, the model uses
    the context. `texts` and `validation` may replace the prose of the sample sets.
    """
    train = written_texts("train") if texts is None else list(texts)
    held_out = written_texts("dev") if validation is None else list(validation)
    tokenizer = _tokenizer(wordpiece_vocabulary(train, vocabulary))
    model = _pretraining_model(tokenizer, seed, hidden_size=128, intermediate_size=512)
    corpus = Corpus.build([_sentences(text) for text in train], tokenizer)
    unseen = Corpus.build([[sentence for text in held_out for sentence in _sentences(text)]], tokenizer)
    entropy = unigram_entropy(unseen.ids)

    def measure() -> dict[str, float]:
        return evaluate_pretraining(model, unseen, tokenizer, max_length=48, sequences=200)

    def start(options: Settings) -> Iterator[StepRecord]:
        values = {name: getattr(options, name) for name in Settings.__dataclass_fields__}
        return pretrain(
            model, tokenizer, corpus, evaluation=unseen, evaluation_sequences=200, max_length=48, next_sentence=False,
            **values,
        )  # fmt: skip

    return Nano(
        "text", model, tokenizer,
        DEFAULTS["text"],
        "masked_loss", {}, {"ln V": math.log(len(tokenizer)), "unigram entropy": entropy}, measure, start,
    )  # fmt: skip


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?]) +", text)


SETTINGS: dict[str, Callable[..., Nano]] = {"agreement": agreement, "reversal": reversal, "text": real_text}


def _tokenizer(vocabulary: Sequence[str]) -> BertTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        path = write_vocabulary(vocabulary, folder)
        return BertTokenizerFast(vocab_file=str(path))


def _pretraining_model(tokenizer: BertTokenizerFast, seed: int, **fields: Any) -> BertForPreTraining:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForPreTraining(BertConfig(vocab_size=len(tokenizer), **{**NANO_CONFIG, **fields})).eval()


def _endless(features: list, batch_size: int, seed: int) -> Iterator[list]:
    """Batches for ever, every epoch in another order."""
    epoch = 0
    while True:
        order = list(range(len(features)))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        for first in range(0, len(order) - batch_size + 1, batch_size):
            yield [features[number] for number in order[first : first + batch_size]]
        if len(order) < batch_size:
            yield [features[number] for number in order]
        epoch += 1
