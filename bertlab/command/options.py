"""The options of `bertlab pretrain`, `finetune` and `evaluate`: help, flags, config files."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from bertlab.devices import find_device
from bertlab.files import read_json
from bertlab.tasks import KINDS
from bertlab.training import Settings

PRETRAIN = """\
Train a BERT on running text: it guesses masked words and whether one passage follows another.

TEXT are .txt files (one sentence a line, an empty line between documents) or .jsonl files with a column "text";
both may end in .gz. The text is tokenised once, into OUT/corpus. OUT gets checkpoints while it trains, and at the
end config.json, vocab.txt and model.safetensors, which bertlab and transformers load.

Run the same command again to go on from the last checkpoint; Ctrl-C and SIGTERM write one first. A run is told by
its data, its vocabulary, the model it starts from and its settings: another one is not mixed with it, but refused.
"""
PRETRAIN_EXAMPLES = """\
examples:
  bertlab pretrain wiki.txt.gz --out runs/wiki --steps 2000
      train the model that ships with bertlab further, on your text
  bertlab pretrain wiki.txt --out runs/small --new small.json --steps 20000 --batch-size 64 --max-length 64
      start from random weights, in the shape that small.json says (hidden_size, num_hidden_layers, ...)
  bertlab pretrain a.txt b.txt --dev held_out.txt --evaluate-every 200 --out runs/ab --minutes 60
      measure on held-out text as it goes, for an hour
  torchrun --nproc-per-node 2 -m bertlab.command pretrain wiki.txt --out runs/two --steps 2000
      share the work between two processes (or GPUs), sooner; without dropout (--set dropout=0) the numbers are those
      of one process, with it each process draws its own
"""
FINETUNE = """\
Train a head for one task on labelled examples.

DATA is .jsonl, .csv, .tsv, .conll, .txt or SQuAD's .json (or .gz of these). KIND says what is asked:
  classification  text [pair] label      one label               regression     text [pair] label   a number
  multilabel      text [pair] label      any number of labels    next_sentence  text pair label     0 follows, 1 not
  tagging         tokens tags            a label for each word   choice         prompt endings label
  qa              question context answers                       causal         text                continue a text
Other names of columns: --columns text=review label=stars
The label of a classification may also be a list: the probability of each label, such as a larger model's judgement.

OUT gets checkpoints while it trains and the finished model, or with --lora a small adapter, at the end.
Run the same command again to go on from the last checkpoint; Ctrl-C and SIGTERM write one first. A run is told by
its data, its vocabulary, the model it starts from and its settings: another one is not mixed with it, but refused.
"""
FINETUNE_EXAMPLES = """\
examples:
  bertlab finetune reviews.csv --kind classification --columns text=review label=stars --out runs/reviews --epochs 3
  bertlab finetune train.conll --kind tagging --dev dev.conll --out runs/names --epochs 3 --lora 16
  bertlab finetune train.json --kind qa --dev dev.json --out runs/qa --minutes 20 --learning-rate 5e-5
  bertlab finetune --config reviews.json
      every option can stand in a file: {"data": "reviews.csv", "kind": "classification", "epochs": 3, ...}
"""
EVALUATE = """\
Measure a model on a labelled set, or on held-out running text, and print the figures as JSON.

MODEL is a folder that `bertlab finetune` wrote (a model or an adapter), which knows its task. With --kind
pretraining it may be any BERT with its pre-training heads, and DATA is running text.
"""
EVALUATE_EXAMPLES = """\
examples:
  bertlab evaluate runs/reviews test.csv --columns text=review label=stars
  bertlab evaluate bertlab-mini held_out.txt --kind pretraining
"""
# Settings with a flag of their own; all others are reached by --set NAME=VALUE.
FLAGS = {
    "steps": (int, "optimiser steps"),
    "epochs": (float, "passes over the data (finetune)"),
    "minutes": (float, "length in minutes"),
    "batch_size": (int, "examples of one step (default 32)"),
    "accumulation": (int, "parts that a batch is cut into, to save memory"),
    "learning_rate": (float, "highest learning rate (default 5e-5)"),
    "seed": (int, "decides order, masks and dropout (default 0)"),
    "device": (str, "cpu, cuda or mps (default: the best there is)"),
    "precision": (str, "float32, bfloat16 or auto (default)"),
    "evaluate_every": (int, "steps between evaluations on --dev"),
    "checkpoint_every": (int, "steps between checkpoints (default: a tenth of the run)"),
    "patience": (int, "stop after this many evaluations without a better one"),
}


def add_options(subparsers: Any, run: Mapping[str, Callable[[argparse.Namespace], int]]) -> None:
    """Add the three commands to the parser of `bertlab`; `run` holds what carries each of them out."""
    command = _command(subparsers, "pretrain", "train an encoder on running text", PRETRAIN, PRETRAIN_EXAMPLES)
    command.add_argument("data", nargs="*", metavar="TEXT", help="files of running text")
    command.add_argument("--base", help="model to go on from: a folder or a name (default bertlab-mini)")
    command.add_argument("--new", metavar="CONFIG", help="start from random weights in the shape of this config.json")
    command.add_argument("--max-length", type=int, help="tokens of a sequence (default 128)")
    command.add_argument("--mask-rate", type=float, help="share of the tokens that is asked for (default 0.15)")
    command.add_argument("--whole-words", action="store_true", default=None, help="mask whole words")
    command.add_argument("--no-next-sentence", action="store_true", default=None, help="masked words only")
    _common(command)
    command.set_defaults(run=run["pretrain"])

    command = _command(subparsers, "finetune", "train a task head or an adapter", FINETUNE, FINETUNE_EXAMPLES)
    command.add_argument("data", nargs="*", metavar="DATA", help="files of labelled examples")
    command.add_argument("--kind", metavar="KIND", choices=list(KINDS), help="what is asked (see above)")
    command.add_argument("--base", help="pre-trained model: a folder or a name (default bertlab-mini)")
    command.add_argument("--labels", nargs="+", help="names of the labels in the order of their ids")
    command.add_argument("--columns", nargs="+", metavar="NAME=COLUMN", help="names of the columns")
    command.add_argument("--max-length", type=int, help="tokens of an input (default 128)")
    command.add_argument("--lora", type=int, metavar="RANK", help="train an adapter of this rank, not the whole model")
    _common(command)
    command.set_defaults(run=run["finetune"])

    command = _command(subparsers, "evaluate", "measure a model", EVALUATE, EVALUATE_EXAMPLES)
    command.add_argument("model", metavar="MODEL", help="folder of a fine-tuned model or adapter")
    command.add_argument("data", nargs="+", metavar="DATA", help="files, as for finetune or pretrain")
    command.add_argument(
        "--kind", metavar="KIND", choices=[*KINDS, "pretraining"], help="the task, where MODEL does not know it"
    )
    command.add_argument("--labels", nargs="+", help="names of the labels, where MODEL does not know them")
    command.add_argument("--columns", nargs="+", metavar="NAME=COLUMN", help="names of the columns")
    command.add_argument("--max-length", type=int, help="tokens of an input, where MODEL does not know it")
    command.add_argument("--batch-size", type=int, default=64, help="inputs of one pass (default 64)")
    command.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    command.set_defaults(run=run["evaluate"])


def _command(subparsers, name: str, line: str, description: str, examples: str) -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    return subparsers.add_parser(
        name, help=line, description=description, epilog=examples, formatter_class=shape, allow_abbrev=False
    )


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", metavar="FOLDER", help="where everything goes")
    command.add_argument("--dev", nargs="+", metavar="FILE", help="held-out data for evaluations")
    command.add_argument("--config", metavar="FILE", help="JSON file with any of these options; flags win")
    command.add_argument("--log-file", metavar="FILE", help="JSON lines, one a step (default OUT/log.jsonl)")
    command.add_argument("--tensorboard", metavar="FOLDER", help="write curves for TensorBoard too")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.add_argument(
        "--no-resume", action="store_true", default=None, help="start anew; what OUT holds is put aside"
    )
    settings = command.add_argument_group("training")
    for name, (kind, text) in FLAGS.items():
        settings.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper(), help=text)
    settings.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help=f"another setting: {', '.join(_other_settings())}",
    )


def _other_settings() -> list[str]:
    known = {*FLAGS, "folder", "resume"}
    return [name for name in Settings.__dataclass_fields__ if name not in known]


def chosen_options(options: argparse.Namespace, own: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The command's own options and the training settings, from the config file and the flags over it."""
    given: dict[str, Any] = {}
    if options.config:
        given = read_json(options.config)
    names = {*own, *FLAGS, "data", "dev", "out", "no_resume"}
    flags = {name: getattr(options, name) for name in names if getattr(options, name, None) not in (None, [])}
    lengths = {"steps", "epochs", "minutes"}
    if lengths & set(flags):
        given = {name: value for name, value in given.items() if name not in lengths}
    given = {**given, **flags}
    for item in options.set or []:
        name, sign, value = item.partition("=")
        if not sign:
            raise ValueError(f"--set {item}: give NAME=VALUE")
        try:
            given[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            given[name.replace("-", "_")] = value
    for name, meaning in (("data", "no files given"), ("out", "no --out given: say where the model goes")):
        if not given.get(name):
            raise ValueError(f"{meaning}; see `bertlab {options.command} --help`")
    for name in ("data", "dev"):
        if isinstance(given.get(name), str):
            given[name] = [given[name]]
    chosen = {name: given.pop(name) for name in {*own, "data", "dev", "out"} if name in given}
    if "folder" in given:
        raise ValueError("folder is no option of its own here: checkpoints go to OUT/checkpoints")
    given["resume"] = given.get("resume", True) and not given.pop("no_resume", False)
    given.pop("no_resume", None)
    if given.get("evaluate_every") and not chosen.get("dev"):
        raise ValueError("--evaluate-every is given, but nothing to evaluate on: give --dev")
    _check_numbers(chosen)
    given["device"] = str(find_device(given.get("device") or "auto"))
    Settings.from_dict(given)  # says what is wrong before anything is loaded
    return chosen, given


def _check_numbers(chosen: Mapping[str, Any]) -> None:
    """A number that is given is used: 0 is not the same as none."""
    for name in ("max_length", "mask_rate"):
        value, option = chosen.get(name), f"--{name.replace('_', '-')}"
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise ValueError(f"{option} is {value!r}: give a number")
        if name == "mask_rate" and not 0 < value <= 1:
            raise ValueError(f"{option} is {value}: it is a share of the tokens, above 0 and at most 1")
        if name == "max_length" and (not isinstance(value, int) or value < 3):
            raise ValueError(f"{option} is {value}: give a whole number of at least 3; [CLS] and [SEP] take two")


def named_columns(pairs: list[str] | dict | None, kind: str) -> dict[str, Any] | None:
    """The columns of `--columns NAME=COLUMN ...`, or of a config file; those of .conll may be numbers."""
    if pairs is None or isinstance(pairs, dict):
        return pairs
    columns: dict[str, Any] = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign:
            raise ValueError(f"--columns {pair}: give NAME=COLUMN, such as text=review")
        columns[name] = int(column) if kind == "tagging" and column.lstrip("-").isdigit() else column
    return columns
