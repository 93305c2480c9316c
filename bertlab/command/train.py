"""`bertlab pretrain`, `bertlab finetune` and `bertlab evaluate`: training from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bertlab.adapters import add_lora, base_of, is_adapter_folder, load_adapter, save_adapter
from bertlab.command.following import first_process, follow
from bertlab.command.options import add_options, chosen_options, named_columns
from bertlab.command.out import holding, refuse_overwriting, refuse_writing_over, save_whole, tokenised
from bertlab.data import Corpus
from bertlab.devices import find_device
from bertlab.files import read_json, warn_of_fresh, write_whole
from bertlab.model import BertConfig
from bertlab.model import heads as task_heads
from bertlab.rows import guessed_columns, read
from bertlab.tasks import KINDS, Task, infer_task
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import TrainingError, evaluate, evaluate_pretraining, finetune, main_metric, pretrain


def add_commands(subparsers: Any) -> None:
    """Add the three commands to the parser of `bertlab`."""
    add_options(subparsers, {"pretrain": run_pretrain, "finetune": run_finetune, "evaluate": run_evaluate})


def run_pretrain(options: argparse.Namespace) -> int:
    """`bertlab pretrain`."""
    own = {"base", "new", "max_length", "mask_rate", "whole_words", "no_next_sentence"}
    chosen, settings = chosen_options(options, own)
    out, start = Path(chosen["out"]), str(chosen.get("base") or "bertlab-mini")
    _check_places(options, chosen, out, start, settings["resume"])
    tokenizer = BertTokenizerFast.from_pretrained(start)
    if chosen.get("new"):
        config = BertConfig.from_json_file(chosen["new"])
        config.vocab_size = len(tokenizer)
        torch.manual_seed(settings.get("seed", 0))
        model = task_heads.BertForPreTraining(config)
    else:
        model = task_heads.BertForPreTraining.from_pretrained(start)
    model.to(settings["device"])
    arrangement = {name: chosen[name] for name in ("max_length", "mask_rate") if chosen.get(name) is not None}

    def records() -> Any:
        corpus = tokenised(chosen["data"], tokenizer, out / "corpus", first_process())
        dev = tokenised(chosen["dev"], tokenizer, out / "held_out", first_process()) if chosen.get("dev") else None
        return pretrain(
            model, tokenizer, corpus, **arrangement, whole_words=bool(chosen.get("whole_words")),
            next_sentence=not chosen.get("no_next_sentence"), evaluation=dev, folder=out / "checkpoints", **settings,
        )  # fmt: skip

    def save(folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(str(folder))

    return _carry_out(records, options, out, settings, save, f"The model is in {out}.")


def _with_new_head(task: Task, base: str, config: BertConfig) -> Any:
    """The model of a task on a base. That its head is new goes without saying, since it will be trained; that anything
    else is, does not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"parameters of \w+ that are not in the checkpoint are newly drawn")
        model = getattr(task_heads, task.model_class).from_pretrained(base, config=config)
    report, encoder = model.loading_report, f"{model.base_model_prefix}."
    warn_of_fresh(replace(report, fresh=[name for name in report.fresh if name.startswith(encoder)]), task.model_class)
    return model


def run_finetune(options: argparse.Namespace) -> int:
    """`bertlab finetune`."""
    chosen, settings = chosen_options(options, {"kind", "base", "labels", "columns", "max_length", "lora"})
    if not chosen.get("kind"):
        raise ValueError(f"no --kind given: say what is asked, one of {', '.join(KINDS)}")
    out, base = Path(chosen["out"]), str(chosen.get("base") or "bertlab-mini")
    _check_places(options, chosen, out, base, settings["resume"])
    columns = named_columns(chosen.get("columns"), chosen["kind"])
    fields: dict[str, Any] = {"labels": tuple(chosen.get("labels") or ())}
    fields["max_length"] = 128 if chosen.get("max_length") is None else chosen["max_length"]
    _say_what_is_read(chosen["data"], columns, chosen["kind"])
    task = infer_task(chosen["kind"], read(chosen["data"], columns=columns), **fields)
    tokenizer = BertTokenizerFast.from_pretrained(base)
    config = BertConfig.from_pretrained(base, **task.config())
    torch.manual_seed(settings.get("seed", 0))  # the head's first weights
    model = _with_new_head(task, base, config)
    adapts = chosen.get("lora") is not None
    if adapts:
        add_lora(model, rank=chosen["lora"])
    model.to(settings["device"])
    dev = chosen.get("dev")

    def records() -> Any:
        return finetune(
            model, tokenizer, chosen["data"], task, evaluation=dev, columns=columns, folder=out / "checkpoints",
            **settings,
        )  # fmt: skip

    def save(folder: Path) -> None:
        if adapts:
            where = str(Path(base).resolve()) if Path(base).is_dir() else base
            save_adapter(model, folder, task=task.name or task.kind, base=where, details={"kind": task.kind})
        else:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(str(folder))
        write_whole(folder / "task.json", json.dumps(task.to_dict(), indent=2) + "\n")

    said = f"The {'adapter' if adapts else 'model'} is in {out}."
    if dev:
        said += f" {main_metric(task)} is in its log."
    if adapts:
        said += (
            f"\nbertlab.load({str(out)!r}) opens it on its base, {base}; "
            f"bertlab.adapters.save_merged({str(out)!r}, FOLDER) makes one model of both, which transformers opens too."
        )
    return _carry_out(records, options, out, settings, save, said)


def _say_what_is_read(data: Any, columns: dict[str, Any] | None, kind: str) -> None:
    """Say on stderr which columns are read under another name than bertlab's own, unless they were named."""
    first = next(read(data, columns=columns), None)
    guessed = guessed_columns(first, kind) if first is not None and columns is None else {}
    if guessed and first_process():
        said = ", ".join(f"{name} from {column!r}" for name, column in guessed.items())
        print(f"bertlab: columns taken by their names: {said}; --columns NAME=COLUMN says otherwise", file=sys.stderr)


def _check_places(options: argparse.Namespace, chosen: dict[str, Any], out: Path, base: str, resume: bool) -> None:
    """Refuse an OUT, or a log, that would overwrite what is not its own."""
    read_files = [*chosen["data"], *(chosen.get("dev") or []), options.config, chosen.get("new")]
    refuse_writing_over(options.log_file, read_files)
    refuse_overwriting(out, base, resume)


def _carry_out(
    records: Any, options: argparse.Namespace, out: Path, settings: dict[str, Any], save: Any, said: str
) -> int:
    """Train in a folder that is held for this command alone, and put the model into it at the end."""
    try:
        with holding(out, first_process()):
            status = follow(records(), options, out, settings["resume"])
            if status == 0 and first_process():
                aside = save_whole(out, save)
                print(said)
                if aside is not None:
                    print(f"What stood there before is in {aside}.")
            return status
    except TrainingError as error:
        raise ValueError(str(error)) from None


def run_evaluate(options: argparse.Namespace) -> int:
    """`bertlab evaluate`."""
    device = find_device(options.device or "auto")
    if options.max_length is not None and options.max_length < 3:
        raise ValueError(f"--max-length is {options.max_length}: give at least 3, of which [CLS] and [SEP] take two")
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
    if is_adapter_folder(folder):
        model = load_adapter(folder)
        tokenizer = BertTokenizerFast.from_pretrained(base_of(folder))
    else:
        model = getattr(task_heads, task.model_class).from_pretrained(options.model)
        tokenizer = BertTokenizerFast.from_pretrained(options.model)
    columns = named_columns(options.columns, task.kind)
    _say_what_is_read(options.data, columns, task.kind)
    scores = evaluate(
        model.to(device), tokenizer, options.data, task, batch_size=options.batch_size,
        columns=columns,
    )  # fmt: skip
    print(json.dumps(scores, indent=2))
    return 0
