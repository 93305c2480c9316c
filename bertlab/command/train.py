"""`bertlab pretrain`, `bertlab finetune` and `bertlab evaluate`: the training engine from a terminal."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bertlab.adapters import add_lora, load_adapter, save_adapter
from bertlab.data import KINDS, Corpus, Task, infer_task, read
from bertlab.devices import find_device
from bertlab.files import read_json, write_whole
from bertlab.model import BertConfig
from bertlab.model import heads as task_heads
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import (
    Settings,
    StepRecord,
    TrainingError,
    evaluate,
    evaluate_pretraining,
    finetune,
    main_metric,
    pretrain,
)

PRETRAIN = """\
Train a BERT on running text: it guesses masked words and whether one passage follows another.

TEXT are .txt files (one sentence a line, an empty line between documents) or .jsonl files with a column "text";
both may end in .gz. The text is tokenised once, into OUT/corpus. OUT gets checkpoints while it trains, and at the
end config.json, vocab.txt and model.safetensors, which bertlab and transformers load.

Run the same command again to go on from the last checkpoint.
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
      share the work between two processes (or GPUs): the same numbers, sooner
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
Run the same command again to go on from the last checkpoint.
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


def add_commands(subparsers: Any) -> None:
    """Add the three commands to the parser of `bertlab`."""
    command = _command(subparsers, "pretrain", "train an encoder on running text", PRETRAIN, PRETRAIN_EXAMPLES)
    command.add_argument("data", nargs="*", metavar="TEXT", help="files of running text")
    command.add_argument("--base", help="model to go on from: a folder or a name (default bertlab-mini)")
    command.add_argument("--new", metavar="CONFIG", help="start from random weights in the shape of this config.json")
    command.add_argument("--max-length", type=int, help="tokens of a sequence (default 128)")
    command.add_argument("--mask-rate", type=float, help="share of the tokens that is asked for (default 0.15)")
    command.add_argument("--whole-words", action="store_true", default=None, help="mask whole words")
    command.add_argument("--no-next-sentence", action="store_true", default=None, help="masked words only")
    _common(command)
    command.set_defaults(run=run_pretrain)

    command = _command(subparsers, "finetune", "train a task head or an adapter", FINETUNE, FINETUNE_EXAMPLES)
    command.add_argument("data", nargs="*", metavar="DATA", help="files of labelled examples")
    command.add_argument("--kind", metavar="KIND", choices=list(KINDS), help="what is asked (see above)")
    command.add_argument("--base", help="pre-trained model: a folder or a name (default bertlab-mini)")
    command.add_argument("--labels", nargs="+", help="names of the labels in the order of their ids")
    command.add_argument("--columns", nargs="+", metavar="NAME=COLUMN", help="names of the columns")
    command.add_argument("--max-length", type=int, help="tokens of an input (default 128)")
    command.add_argument("--lora", type=int, metavar="RANK", help="train an adapter of this rank, not the whole model")
    _common(command)
    command.set_defaults(run=run_finetune)

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
    command.set_defaults(run=run_evaluate)


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
    command.add_argument("--no-resume", action="store_true", default=None, help="start anew, even over checkpoints")
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


# --------------------------------------------------------------------------------------------- the commands


def run_pretrain(options: argparse.Namespace) -> int:
    """`bertlab pretrain`."""
    chosen, settings = _options(options, {"base", "new", "max_length", "mask_rate", "whole_words", "no_next_sentence"})
    out = Path(chosen["out"])
    start = chosen.get("base") or "bertlab-mini"
    tokenizer = BertTokenizerFast.from_pretrained(start)
    if chosen.get("new"):
        config = BertConfig.from_json_file(chosen["new"])
        config.vocab_size = len(tokenizer)
        import torch

        torch.manual_seed(settings.get("seed", 0))
        model = task_heads.BertForPreTraining(config)
    else:
        model = task_heads.BertForPreTraining.from_pretrained(start)
    corpus = _corpus(chosen["data"], tokenizer, out / "corpus")
    records = pretrain(
        model.to(settings["device"]),
        tokenizer,
        corpus,
        max_length=chosen.get("max_length") or 128,
        mask_rate=chosen.get("mask_rate") or 0.15,
        whole_words=bool(chosen.get("whole_words")),
        next_sentence=not chosen.get("no_next_sentence"),
        evaluation=Corpus.build(chosen["dev"], tokenizer) if chosen.get("dev") else None,
        folder=out / "checkpoints",
        **settings,
    )
    if not _follow(records, options, out, settings):
        return 1
    if _first_process():
        model.save_pretrained(out)
        tokenizer.save_pretrained(str(out))
        print(f"The model is in {out}.")
    return 0


def _corpus(files: list[str], tokenizer: Any, folder: Path) -> Corpus:
    """The tokenised text: from the folder where an earlier call of the same command left it, or built there."""
    about = [[str(Path(file).resolve()), Path(file).stat().st_size, Path(file).stat().st_mtime] for file in files]
    note = folder / "sources.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) == about:
        return Corpus.open(folder)
    if not _first_process():  # another process of this run builds it
        import time

        while not (note.exists() and json.loads(note.read_text(encoding="utf-8")) == about):
            time.sleep(0.2)
        return Corpus.open(folder)
    corpus = Corpus.build(files, tokenizer, folder)
    write_whole(note, json.dumps(about))
    return corpus


def run_finetune(options: argparse.Namespace) -> int:
    """`bertlab finetune`."""
    chosen, settings = _options(options, {"kind", "base", "labels", "columns", "max_length", "lora"})
    if not chosen.get("kind"):
        raise ValueError(f"no --kind given: say what is asked, one of {', '.join(KINDS)}")
    out, base = Path(chosen["out"]), chosen.get("base") or "bertlab-mini"
    columns = _columns(chosen.get("columns"), chosen["kind"])
    fields = {"labels": tuple(chosen.get("labels") or ()), "max_length": chosen.get("max_length") or 128}
    task = infer_task(chosen["kind"], read(chosen["data"], columns=columns), **fields)
    tokenizer = BertTokenizerFast.from_pretrained(base)
    config = BertConfig.from_pretrained(base, **task.config())
    import torch

    torch.manual_seed(settings.get("seed", 0))  # the head's first weights
    model = getattr(task_heads, task.model_class).from_pretrained(base, config=config)
    if chosen.get("lora") is not None:
        add_lora(model, rank=chosen["lora"])
    dev = chosen.get("dev")
    model.to(settings["device"])
    records = finetune(
        model, tokenizer, chosen["data"], task, evaluation=dev, columns=columns, folder=out / "checkpoints", **settings
    )
    if not _follow(records, options, out, settings):
        return 1
    if _first_process():
        if chosen.get("lora") is not None:
            save_adapter(model, out, task=task.name or task.kind, base=str(base), details={"kind": task.kind})
        else:
            model.save_pretrained(out)
            tokenizer.save_pretrained(str(out))
        write_whole(out / "task.json", json.dumps(task.to_dict(), indent=2) + "\n")
        figures = f" {main_metric(task)} is in its log." if dev else ""
        print(f"The {'model' if chosen.get('lora') is None else 'adapter'} is in {out}.{figures}")
    return 0


def run_evaluate(options: argparse.Namespace) -> int:
    """`bertlab evaluate`."""
    device = find_device(options.device or "auto")
    if options.kind == "pretraining":
        tokenizer = BertTokenizerFast.from_pretrained(options.model)
        model = task_heads.BertForPreTraining.from_pretrained(options.model).to(device)
        max_length = options.max_length or min(128, model.config.max_position_embeddings)
        corpus = Corpus.build(options.data, tokenizer)
        scores = evaluate_pretraining(model, corpus, tokenizer, max_length=max_length, batch_size=options.batch_size)
        print(json.dumps(scores, indent=2))
        return 0
    folder = Path(options.model)
    known = folder / "task.json"
    if known.is_file():
        try:
            task = Task(**read_json(known))
        except TypeError as error:
            raise ValueError(f"{known} does not describe a task: {error}") from None
    elif options.kind:
        labels = options.labels or []
        if not labels and options.kind in ("classification", "multilabel", "tagging"):
            names = BertConfig.from_pretrained(options.model).id2label
            labels = [names[number] for number in sorted(names)]
        task = Task(options.kind, tuple(labels), max_length=options.max_length or 128)
    elif not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; for the name of a model on the Hub, give --kind")
    else:
        raise ValueError(f"{folder} does not say what its task is: it has no task.json, so give --kind")
    if (folder / "adapter.safetensors").is_file():
        model = load_adapter(folder)
        base = read_json(folder / "config.json")["bertlab"]["base"]
        tokenizer = BertTokenizerFast.from_pretrained(base)
    else:
        model = getattr(task_heads, task.model_class).from_pretrained(options.model)
        tokenizer = BertTokenizerFast.from_pretrained(options.model)
    scores = evaluate(
        model.to(device), tokenizer, options.data, task, batch_size=options.batch_size,
        columns=_columns(options.columns, task.kind),
    )  # fmt: skip
    print(json.dumps(scores, indent=2))
    return 0


# ------------------------------------------------------------------------------------------------- their parts


def _options(options: argparse.Namespace, own: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
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
    given["resume"] = not given.pop("no_resume", False)
    if given.get("evaluate_every") and not chosen.get("dev"):
        raise ValueError("--evaluate-every is given, but nothing to evaluate on: give --dev")
    given["device"] = str(find_device(given.get("device") or "auto"))
    Settings.from_dict(given)  # says what is wrong before anything is loaded
    return chosen, given


def _columns(pairs: list[str] | dict | None, kind: str) -> dict[str, Any] | None:
    if pairs is None or isinstance(pairs, dict):
        return pairs
    columns: dict[str, Any] = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign:
            raise ValueError(f"--columns {pair}: give NAME=COLUMN, such as text=review")
        columns[name] = int(column) if kind == "tagging" and column.lstrip("-").isdigit() else column
    return columns


def _first_process() -> bool:
    return int(os.environ.get("RANK", 0)) == 0


def _follow(records: Iterator[StepRecord], options: argparse.Namespace, out: Path, settings: dict[str, Any]) -> bool:
    """Train to the end, logging every step; False if training could not go on, which is said on stderr."""
    from tqdm import tqdm

    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        bar = log = board = None
        if _first_process():
            log = stack.enter_context(open(options.log_file or out / "log.jsonl", "a", encoding="utf-8"))
            quiet = options.quiet or not sys.stderr.isatty()
            form = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
            bar = stack.enter_context(tqdm(total=1.0, disable=quiet, bar_format=form))
            if options.tensorboard:
                board = _board(options.tensorboard)
                stack.callback(board.close)
        try:
            for record in records:
                if log is None:
                    continue
                log.write(json.dumps(record.to_dict()) + "\n")
                log.flush()
                bar.update(record.progress - bar.n)
                bar.set_postfix_str(
                    f"step {record.step}, loss {record.loss:.3f}, {record.tokens_per_second:.0f} tokens/s"
                )
                if record.evaluation:
                    figures = ", ".join(f"{name} {value:.4g}" for name, value in record.evaluation.items())
                    tqdm.write(f"step {record.step}: {figures}")
                if record.message:
                    tqdm.write(record.message)
                if board is not None:
                    _plot(board, record)
        except TrainingError as error:
            print(f"bertlab: {error}", file=sys.stderr)
            return False
    return True


def _board(folder: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ImportError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter(folder)


def _plot(board: Any, record: StepRecord) -> None:
    for name, value in record.losses.items():
        board.add_scalar(f"loss/{name}", value, record.step)
    for name in ("learning_rate", "gradient_norm", "tokens_per_second"):
        board.add_scalar(name, getattr(record, name), record.step)
    for name, value in (record.evaluation or {}).items():
        board.add_scalar(f"evaluation/{name}", value, record.step)
