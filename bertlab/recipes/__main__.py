"""The command line of the recipes: `python -m bertlab.recipes --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from bertlab.recipes import reorder
from bertlab.recipes.average import average
from bertlab.recipes.joint import train_all
from bertlab.recipes.mini import load_recipe, make_model, mixture
from bertlab.recipes.nano_runs import record_runs
from bertlab.recipes.sets import TASKS
from bertlab.recipes.tasks import calibrate_task, train_task
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import StepRecord


def main(arguments: list[str] | None = None) -> int:
    """Run one recipe; returns the exit status."""
    parser = argparse.ArgumentParser("python -m bertlab.recipes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    task = commands.add_parser("task", help="train, measure and save the adapter of one task")
    task.add_argument("task", choices=[*TASKS, reorder.TASK])
    task.add_argument("--data", required=True, help="folder of the labelled sets")
    task.add_argument("--base", required=True, help="folder of the pre-trained model")
    task.add_argument("--out", required=True, help="folder that gets tasks/TASK/ and figures.json")
    task.add_argument("--minutes", type=float, help="length of the training; the recipe's own if left out")
    task.add_argument("--steps", type=int, help="length in steps instead of minutes")
    task.add_argument("--rank", type=int, help="rank of the adapter")
    task.add_argument("--base-name", default="bertlab-mini", help="how the adapter names its base")
    task.add_argument("--teacher", help="for similarity, sentiment: folder of a sentence encoder to learn from")
    task.add_argument("--work", help="folder that keeps what the teacher judged (default OUT.work)")
    task.add_argument("--limit", type=int, help="rows taken from each file")
    task.add_argument("--all-layers", action="store_true", help="train the whole model, not an adapter")
    task.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another setting")
    task.add_argument("--threads", type=int, help="CPU threads")
    task.set_defaults(run=run_task)
    sure = commands.add_parser("calibrate", help="set how sure a classifier's adapter is, which a mean needs")
    sure.add_argument("task", choices=("sentiment", "emotions", "inference"))
    sure.add_argument("--data", required=True, help="folder of the labelled sets")
    sure.add_argument("--base", required=True, help="folder of the pre-trained model")
    sure.add_argument("--out", required=True, help="folder with tasks/TASK/, which is changed, and figures.json")
    sure.add_argument("--base-name", default="bertlab-mini", help="how the adapter names its base")
    sure.add_argument("--limit", type=int, help="rows taken from each file")
    sure.add_argument("--threads", type=int, help="CPU threads")
    sure.set_defaults(run=run_calibrate)
    making = argparse.ArgumentParser(add_help=False)  # what the makers of whole models have in common
    making.add_argument("--data", required=True, help="folder of the texts and labelled sets")
    making.add_argument("--out", required=True, help="folder that gets the model and its adapters")
    making.add_argument("--work", help="folder for tokenised text and checkpoints (default OUT.work)")
    making.add_argument("--device", help="cpu, cuda or mps")
    making.add_argument("--threads", type=int, help="CPU threads")
    mini = commands.add_parser("mini", parents=[making], help="the whole model: pre-training, every task, figures")
    mini.add_argument("--start", required=True, help="folder of the BERT to start from")
    mini.add_argument("--recipe", default="mini", help="mini (for two CPU cores), gpu, tiny, or a JSON file")
    mini.add_argument("--tiny", action="store_const", const="tiny", dest="recipe", help="the recipe tiny")
    mini.set_defaults(run=run_mini)
    joint = commands.add_parser("joint", parents=[making], help="train a model and its adapters on, all together")
    joint.add_argument("--base", required=True, help="folder of the model, with tasks/")
    joint.add_argument("--recipe", default="mini", help="a recipe with a joint stage, by name or a JSON file")
    joint.add_argument("--teacher", help="folder of a sentence encoder to learn from too")
    joint.add_argument("--base-name", default="bertlab-mini", help="how the adapters name their base")
    joint.set_defaults(run=run_joint)
    mean = commands.add_parser("average", help="the mean of models that come from one another, or of adapters")
    mean.add_argument("folders", nargs="+", help="models with tasks/, or adapters of one base")
    mean.add_argument("--weights", nargs="+", type=float, help="how much each counts; equal if left out")
    mean.add_argument("--rank", type=int, help="rank of the adapters; that of the last ones if left out")
    mean.add_argument("--out", required=True, help="folder that gets the result")
    mean.add_argument("--threads", type=int, help="CPU threads")
    mean.set_defaults(run=run_average)
    nano = commands.add_parser("nano", help="train the nano settings under several seeds and record their curves")
    nano.add_argument("--out", required=True, help="folder that gets one JSON file for each setting")
    nano.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on (default %(default)s)")
    nano.add_argument("--steps", type=int, help="length in steps; each setting's own if left out")
    nano.add_argument("--threads", type=int, help="CPU threads")
    nano.set_defaults(run=run_nano)
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    return chosen.run(chosen)


def report(part: str, record: StepRecord) -> None:
    """A line of JSON for every twentieth step, and for the last one."""
    if record.step % 20 == 0 or record.progress >= 1.0:
        sys.stdout.write(json.dumps({"part": part, **record.to_dict()}) + "\n")
        sys.stdout.flush()


def work_folder(chosen: argparse.Namespace) -> Path:
    """Where a recipe keeps what it need not make twice."""
    return Path(chosen.work or f"{chosen.out}.work")


def run_joint(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes joint`."""
    recipe, work = load_recipe(chosen.recipe), work_folder(chosen)
    tokenizer = BertTokenizerFast.from_pretrained(chosen.base)
    train_all(
        recipe["joint"], *mixture(recipe, chosen.data, tokenizer, work / "corpus"), chosen.data, chosen.base,
        chosen.out, work, base_name=chosen.base_name, teacher=chosen.teacher, limit=recipe.get("limit"),
        device=chosen.device, report=lambda record: report("joint", record),
    )  # fmt: skip
    return 0


def run_mini(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes mini`."""
    figures = make_model(
        load_recipe(chosen.recipe), chosen.data, chosen.start, chosen.out, work_folder(chosen),
        device=chosen.device, report=report,
    )  # fmt: skip
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def run_average(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes average`."""
    average(chosen.folders, chosen.weights, chosen.out, chosen.rank)
    return 0


def run_calibrate(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes calibrate`."""
    figures = calibrate_task(
        chosen.task, chosen.data, chosen.base, chosen.out, base_name=chosen.base_name, limit=chosen.limit
    )
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def run_nano(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes nano`."""
    settings = {"steps": chosen.steps} if chosen.steps else {}
    for path in record_runs(chosen.out, range(chosen.seeds), settings=settings):
        sys.stdout.write(f"{path}\n")
    return 0


def run_task(chosen: argparse.Namespace) -> int:
    """`python -m bertlab.recipes task`."""
    settings = {name: value for name in ("minutes", "steps") if (value := getattr(chosen, name)) is not None}
    if chosen.rank:
        settings["lora"] = {"rank": chosen.rank, "alpha": 2 * chosen.rank}
    for item in chosen.set:
        name, _, value = item.partition("=")
        try:
            settings[name] = json.loads(value)
        except json.JSONDecodeError:
            settings[name] = value

    def report(record) -> None:
        if record.step % 20 == 0 or record.message:
            sys.stdout.write(json.dumps(record.to_dict()) + "\n")
            sys.stdout.flush()

    figures = train_task(
        chosen.task, chosen.data, chosen.base, chosen.out, settings=settings, base_name=chosen.base_name,
        limit=chosen.limit, teacher=chosen.teacher, silver=work_folder(chosen) / "silver",
        all_layers=chosen.all_layers, report=report,
    )  # fmt: skip
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
