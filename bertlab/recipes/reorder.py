"""The decoder that ships: on the frozen encoder it learns to put shuffled words into order."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bertlab.adapters import EncoderDecoder, sequence_batch, sequence_feature
from bertlab.model import BertForPreTraining
from bertlab.recipes.sets import texts
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import Run, SequenceObjective, Settings, StepRecord, Stream, sequence_accuracy

TASK = "seq2seq"
TRAINED_TO = "put the shuffled words of a sentence back in order"
SOURCES = ("tatoeba_en", "storybooks", "wikipedia_simple")
FEWEST, MOST = 3, 9  # words of a sentence
HELD_OUT = 500
END = re.compile(r"[.!?]$")


def sentences(folder: str | Path, limit: int | None = None) -> list[str]:
    """Short whole sentences without inner punctuation, each once, in an order that only the text decides."""
    found: dict[str, None] = {}
    for name in SOURCES:
        for document in texts(Path(folder), name, limit):
            for sentence in document:
                words = sentence.split()
                if FEWEST <= len(words) <= MOST and re.fullmatch(r"[A-Za-z' ]+[.!?]", sentence):
                    found[sentence] = None
    ordered = list(found)
    random.Random("reorder").shuffle(ordered)
    return ordered


def feature(sentence: str, tokenizer: Any, generator: random.Random) -> dict[str, Any]:
    """The sentence's words, shuffled and without the final mark, as source; the sentence as target."""
    words = END.sub("", sentence).split()
    generator.shuffle(words)
    source, target = tokenizer([" ".join(words), sentence], add_special_tokens=False)["input_ids"]
    return sequence_feature(source, target, tokenizer)


def warm_start(model: EncoderDecoder, reader: BertForPreTraining) -> None:
    """Let the decoder begin with what writing shares with reading (Rothe et al. 2020): places, self-attention, and the
    way from a hidden state to a word. Its cross-attention and feed-forward layers are new."""
    decoder = model.decoder
    with torch.no_grad():
        for name, value in decoder.bert.embeddings.named_parameters():
            value.copy_(reader.bert.embeddings.get_parameter(name)[: len(value)])
        for own, read in zip(decoder.bert.encoder.layer, reader.bert.encoder.layer):
            own.attention.load_state_dict(read.attention.state_dict())
        decoder.cls.predictions.load_state_dict(reader.cls.predictions.state_dict())


def train_reorder(
    data: str | Path,
    base: str | Path,
    out: str | Path,
    *,
    settings: Mapping[str, Any],
    base_name: str = "bertlab-mini",
    begin_with: Path | None = None,
    limit: int | None = None,
    report: Callable[[StepRecord], None] = lambda record: None,
) -> dict[str, Any]:
    """Train the decoder on a base model, write it to `out/tasks/seq2seq/`, and return the figures of what was stored.

    Args:
        data, base, out, base_name, limit, report: as for `train_task`.
        settings: fields of `bertlab.training.Settings`.
        begin_with: folder of a decoder to go on from, whatever encoder it was made for.
    """
    tokenizer = BertTokenizerFast.from_pretrained(str(base))
    told = sentences(data, limit)
    held = min(HELD_OUT, max(2, len(told) // 10))
    if len(told) <= held:
        raise ValueError(f"{data} holds {len(told)} sentences of {FEWEST} to {MOST} words; there must be more")
    generator = random.Random("dev")
    dev = sequence_batch([feature(sentence, tokenizer, generator) for sentence in told[:held]], tokenizer)
    reader = BertForPreTraining.from_pretrained(str(base)).requires_grad_(False)
    encoder = reader.bert
    options = Settings.from_dict(settings)
    torch.manual_seed(options.seed)
    if begin_with is not None:
        model = EncoderDecoder.load_decoder(begin_with, encoder, check_base=False)
    else:
        model = EncoderDecoder.with_small_decoder(encoder)
        warm_start(model, reader)
    model.decoder.requires_grad_(True)
    encoder.get_input_embeddings().weight.requires_grad_(False)  # shared, and the encoder's

    stream = Stream(
        SequenceObjective(model), _batches(told[held:], options.batch_size),
        lambda rows, step: _collate(rows, tokenizer, options.seed, step), identity={"task": TASK},
    )  # fmt: skip
    run = Run(model, stream, options, total_steps=options.steps)
    started, steps = time.time(), 0
    for record in run.steps():
        report(record)
        steps = record.step
    seconds = time.time() - started
    details = {"kind": "sequence to sequence", "metric": "accuracy", "trained_to": TRAINED_TO}
    folder = model.eval().save_decoder(Path(out) / "tasks" / TASK, task=TASK, base=base_name, details=details)
    stored = EncoderDecoder.load_decoder(folder, encoder)
    return {
        "metric": "accuracy",
        "dev": {"held-out sentences": sequence_accuracy(stored, tokenizer, dev)},
        "guessing": {"chance": 0.0},
        "rows": len(told) - held,
        "sources": list(SOURCES),
        "steps": steps,
        "seconds": round(seconds),
        "settings": {**settings, "begin_with": None if begin_with is None else begin_with.name},
    }


def _batches(told: Sequence[str], size: int) -> Iterator[list[str]]:
    """Batches of sentences of about the same length, for ever."""
    for epoch in itertools.count():
        order = list(told)
        random.Random(f"epoch {epoch}").shuffle(order)
        window = 50 * size
        batches = []
        for first in range(0, len(order), window):
            part = sorted(order[first : first + window], key=len)
            batches += [part[at : at + size] for at in range(0, len(part), size)]
        random.Random(f"batches {epoch}").shuffle(batches)
        yield from batches


def _collate(rows: Sequence[str], tokenizer: Any, seed: int, step: int) -> dict[str, torch.Tensor]:
    generator = random.Random(f"{seed}/{step}")
    return sequence_batch([feature(sentence, tokenizer, generator) for sentence in rows], tokenizer)
