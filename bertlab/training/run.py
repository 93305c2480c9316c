"""The loop that every training shares: one optimiser step for each `next()`."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.devices import ready_to_copy
from bertlab.memory import give_back_memory
from bertlab.tasks import Feature
from bertlab.training.arranging import Arrangement, Randomness, in_work
from bertlab.training.evaluation import SMALLER_IS_BETTER, autocast
from bertlab.training.identity import difference, remember_start, start_digest
from bertlab.training.locking import Holder, alone_in, require_held
from bertlab.training.objectives import Batch
from bertlab.training.optimizer import make_optimizer, rate_factor, set_rates
from bertlab.training.processes import joined_processes
from bertlab.training.resuming import (
    all_weights,
    checkpoints,
    last_good,
    load_weights,
    out_of_memory,
    read_checkpoint,
    set_aside,
    write_checkpoint,
)
from bertlab.training.settings import Settings, StepRecord, TrainingError
from bertlab.training.streams import Stream


class Run:
    """A training run: what it works on, and how far it has come. Iterating over `steps()` does the work.

    Args:
        model: trained in place.
        stream: what it learns from.
        evaluate: () -> metrics, or None for no evaluation.
        metric: the metric that decides what is best.
        total_steps: length of the run, where the settings give no minutes.
    """

    def __init__(
        self,
        model: nn.Module,
        stream: Stream,
        settings: Settings,
        *,
        evaluate: Callable[[], dict[str, float]] | None = None,
        metric: str = "loss",
        total_steps: int | None = None,
    ):
        if settings.patience is not None and evaluate is None:
            raise ValueError(
                f"patience is {settings.patience}, but nothing says what is better: give evaluation data too"
            )
        self.model, self.stream, self.settings = model, stream, settings
        self.evaluate = evaluate
        self.metric = settings.metric or metric
        self.total_steps = total_steps
        self.identity = {**settings.identity(), **stream.identity}
        self.origin: dict[str, str] = {}
        self.holder = Holder()
        self.stopped = False
        self.broken_at_start = ""
        self.step = 0
        self.seconds = 0.0
        self.best: dict[str, Any] = {"value": None, "step": 0, "without_better": 0}
        self.best_weights: dict[str, Tensor] = {}

    def steps(self) -> Iterator[StepRecord]:
        """Train; yields after each optimiser step. Closing the generator leaves the model as it is then.

        `send(True)` in place of `next()` writes a checkpoint, where the settings name a folder, and ends the run.
        """
        settings = self.settings
        with joined_processes(settings) as group, ExitStack() as stack:
            self.group, self.device = group, group.device
            self.model.to(self.device)
            if settings.folder is not None and group.rank == 0:
                self.holder = stack.enter_context(alone_in(settings.folder))
            stack.enter_context(in_work(self.model))
            self.randomness = Randomness(settings.seed + group.rank, self.device, settings.compile)
            self.arrangement = Arrangement(self.model, settings, self.randomness)
            with self.arrangement.working():
                self.optimizer = make_optimizer(self.model, settings, self.device)
                self.trained_names = [name for name, value in self.model.named_parameters() if value.requires_grad]
                self._resume()
                objective = self.stream.objective.to(self.device)
                self.trained = group.wrap(objective, self.model)
            stack.callback(self._leave)
            self.broken_at_start = not_numbers(self.model)
            remaining = itertools.islice(self.stream.batches, self.step, None)
            batches = collated(remaining, self.stream.collate, self.step, self.device)
            finished = self._progress() >= 1.0
            while not finished:
                record = self._take_step(batches)
                finished = record.progress >= 1.0 or self.stopped
                saved = settings.folder is not None and (finished or self.step % self._checkpoint_interval() == 0)
                if saved or finished:
                    self._refuse_broken_weights()
                if saved:
                    self._save(finished)
                self.holder.busy = False
                asked_to_end = yield record
                self.holder.busy = True
                if group.agree(bool(asked_to_end)):
                    if settings.folder is not None and not saved:
                        self._save(False)
                    return

    def _take_step(self, batches: Iterator[tuple[list[Feature], Batch]]) -> StepRecord:
        """One optimiser step, with the evaluation if it is due."""
        started = time.perf_counter()
        ready = next(batches, None)
        if ready is None:
            raise TrainingError("the training data came to an end before the run did")
        features, batch = ready
        with self.arrangement.training(), _explained(self, features):
            record = self._optimise(batch, started)
        with self.arrangement.working():
            self.stopped = self._evaluate(record)
        if self.stopped or record.progress >= 1.0:
            self._take_best(record)
        return record

    def _leave(self) -> None:
        """Let go of the memory of training, and note what the model has come from."""
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        del self.optimizer, self.trained
        self.best_weights = {}
        give_back_memory()
        if self.origin:
            remember_start(self.model, self.settings.folder, self.origin["start"])

    # -- one step ----------------------------------------------------------------------------------------

    def _optimise(self, batch: Batch, started: float) -> StepRecord:
        settings, group = self.settings, self.group
        totals = self.stream.objective.counts(self.stream.finish(batch))
        factor = rate_factor(self._middle_of_step(), settings.warmup, settings.schedule)
        set_rates(self.optimizer, factor)
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.zeros(len(totals), device=self.device)
        parts = _parts(batch, settings.accumulation, group.rank, group.size)
        for number, (part, weight) in enumerate(parts):
            part = {name: value.to(self.device, non_blocking=True) for name, value in self.stream.finish(part).items()}
            last = number == len(parts) - 1
            with nullcontext() if last else group.no_sync(self.trained):
                with autocast(self.model, self.device, settings.precision):
                    losses = self.trained(part)
                means = torch.stack([losses[name] / max(1, totals[name]) for name in totals]) * weight
                (means.sum() * group.size).backward()  # the processes' gradients are averaged, so add up to ours
            sums += means.detach()
        group.add_up(sums)
        parameters = [parameter for group_ in self.optimizer.param_groups for parameter in group_["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, settings.clip or math.inf)
        *values, norm_value = torch.cat([sums, norm.detach().reshape(1).to(sums)]).tolist()
        self._refuse_nonsense(values, norm_value)
        self.optimizer.step()

        self.step += 1
        seconds = time.perf_counter() - started
        self.seconds = group.agree(self.seconds + seconds)
        tokens = int(batch["attention_mask"].sum())
        return StepRecord(
            step=self.step,
            losses=dict(zip(totals, values, strict=True)),
            learning_rate=settings.learning_rate * factor,
            gradient_norm=norm_value,
            tokens_per_second=tokens / seconds,
            progress=self._progress(),
        )

    def _refuse_nonsense(self, losses: list[float], norm: float) -> None:
        """Stop before the weights are touched by a step that has no meaning."""
        what = "the loss" if not all(map(math.isfinite, losses)) else "the gradient"
        if what == "the loss" or not math.isfinite(norm):
            kind = "infinite" if math.inf in (*losses, norm) else "not a number"
            raise TrainingError(
                f"{what} became {kind} at step {self.step + 1}, so this step was not taken; {self._way_out()}"
            )

    def _refuse_broken_weights(self) -> None:
        """A checkpoint, or the end of a run, with weights that are no numbers would be worth nothing."""
        broken = not_numbers(self.model)
        if broken:
            raise TrainingError(
                f"{broken} holds values that are no numbers after step {self.step}, so they were not kept; "
                f"{self._way_out()}"
            )

    def _way_out(self) -> str:
        """What to do about numbers that are none; going on from a checkpoint would only lead to them again."""
        settings = self.settings
        if self.broken_at_start:
            return f"{self.broken_at_start} held values that are not numbers from the start: take a model that is whole"
        calmer = "a longer warm-up" if settings.precision == "float32" else "a longer warm-up or precision='float32'"
        advice = (
            f"the same settings lead here again, so start anew with a lower learning rate (now "
            f"{settings.learning_rate:g}), {calmer}"
        )
        if settings.folder is None:
            return advice
        newest = checkpoints(settings.folder)
        kept = f"; the last one before is {newest[-1]}" if newest else ""
        return f"{advice}, in another folder or with resume=False (--no-resume), which puts checkpoints aside{kept}"

    # -- how far -----------------------------------------------------------------------------------------

    def _progress(self) -> float:
        if self.settings.minutes is not None:
            return min(1.0, self.seconds / (60.0 * self.settings.minutes))
        return min(1.0, self.step / self.total_steps)

    def _middle_of_step(self) -> float:
        if self.settings.minutes is not None:
            return self._progress() if self.step else min(self.settings.warmup, 1e-3)
        return (self.step + 0.5) / self.total_steps

    def _checkpoint_interval(self) -> int:
        if self.settings.checkpoint_every is not None:
            return self.settings.checkpoint_every
        return max(1, -(-self.total_steps // 10)) if self.total_steps else 200

    # -- evaluation --------------------------------------------------------------------------------------

    def _evaluate(self, record: StepRecord) -> bool:
        """Evaluate if it is due; returns whether patience has come to an end."""
        settings = self.settings
        due = record.progress >= 1.0 or (settings.evaluate_every and self.step % settings.evaluate_every == 0)
        if self.evaluate is None or not due:
            return False
        record.evaluation = self.group.from_first(self.evaluate)
        if self.metric not in record.evaluation:
            known = ", ".join(record.evaluation)
            raise LookupError(f"the evaluation has no metric {self.metric!r}; it has {known}")
        value, best = record.evaluation[self.metric], self.best
        sign = -1.0 if self.metric in SMALLER_IS_BETTER else 1.0
        if best["value"] is None or sign * value > sign * best["value"]:
            best.update(value=value, step=self.step, without_better=0)
            if settings.keep_best:
                trained = set(self.trained_names)
                self.best_weights = {
                    name: parameter.detach().to("cpu", copy=True)
                    for name, parameter in self.model.named_parameters()
                    if name in trained
                }
        else:
            best["without_better"] += 1
        if settings.patience is not None and best["without_better"] >= settings.patience:
            record.message = (
                f"stopped early: {self.metric} was not better than {best['value']:.4g} (step {best['step']}) "
                f"in {settings.patience} evaluations"
            )
            return True
        return False

    def _take_best(self, record: StepRecord) -> None:
        if not self.best_weights or self.best["step"] == self.step:
            return
        own = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in self.best_weights.items():
                own[name].copy_(value)
        taken = f"took back the weights of step {self.best['step']} ({self.metric} {self.best['value']:.4g})"
        record.message = "; ".join(filter(None, (record.message, taken)))

    # -- checkpoints -------------------------------------------------------------------------------------

    def _save(self, finished: bool) -> None:
        random_states = self.group.gather(self.randomness.state)
        if self.group.rank == 0:
            require_held(self.settings.folder, self.holder)
            write_checkpoint(
                self.settings.folder,
                self.step,
                all_weights(self.model),
                {
                    "optimizer": self.optimizer.state_dict(),
                    "random_states": random_states,
                    "best_weights": self.best_weights,
                },
                {
                    "step": self.step,
                    "seconds": self.seconds,
                    "finished": finished,
                    "best": self.best,
                    "settings": self.identity,
                    "origin": self.origin,
                    "minutes": self.settings.minutes,
                },
                self.settings.keep,
            )
        self.group.wait()

    def _resume(self) -> None:
        """Go on from the newest checkpoint of this very run, if there is one and the settings allow it.

        Raises:
            TrainingError: the checkpoints in the folder are those of another run.
        """
        settings = self.settings
        if settings.folder is None:
            return
        self.origin = {**self.stream.origin(), "start": start_digest(self.model, settings.folder)}
        if not settings.resume:
            if self.group.rank == 0:
                set_aside(settings.folder)
            self.group.wait()
            return
        found = read_checkpoint(settings.folder)
        if found is None:
            return
        weights, state, progress = found
        other = difference(progress, self.identity, self.origin)
        if other:
            done = "finished" if progress["finished"] else "came to"
            raise TrainingError(
                f"the checkpoint in {settings.folder} was made with {other}: it is that of another run, which {done} "
                f"step {progress['step']}; go on with the former, give another folder, or resume=False (--no-resume) "
                "to put it aside and start anew"
            )
        load_weights(self.model, weights)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.group.rank < len(state["random_states"]):
            self.randomness.state = state["random_states"][self.group.rank]
        self.best_weights = state["best_weights"]
        self.best = progress["best"]
        self.step, self.seconds = progress["step"], progress["seconds"]
        if self.group.rank == 0:
            set_aside(settings.folder, "damaged", newer_than=self.step)
        if progress["finished"] and progress.get("minutes") == settings.minutes:
            self.seconds = max(self.seconds, 60.0 * (settings.minutes or 0.0))
            self.step = max(self.step, self.total_steps or 0)
        if self._progress() >= 1.0 and self.group.rank == 0:
            warnings.warn(
                f"the run in {settings.folder} has finished already (step {progress['step']}), so nothing is trained: "
                "the model has its weights; give another folder, or resume=False (--no-resume), to train anew",
                stacklevel=2,
            )


def not_numbers(model: nn.Module) -> str:
    """The name of a parameter that holds infinities or what is not a number; "" if there is none."""
    return next((name for name, value in model.named_parameters() if not torch.isfinite(value).all()), "")


def collated(
    batches: Iterator[list[Feature]],
    collate: Callable[[list[Feature], int], Batch],
    step: int,
    device: torch.device,
) -> Iterator[tuple[list[Feature], Batch]]:
    """Features and their batches from a step on. For a GPU, the next batch is made while it works on the last one."""
    numbered = zip(batches, itertools.count(step))

    def prepare() -> tuple[list[Feature], Batch] | None:
        features, number = next(numbered, (None, step))
        if features is None:
            return None
        return features, ready_to_copy(collate(features, number), device)

    if device.type == "cpu":
        yield from iter(prepare, None)
        return
    with ThreadPoolExecutor(max_workers=1) as worker:
        waiting = worker.submit(prepare)
        while (ready := waiting.result()) is not None:
            waiting = worker.submit(prepare)
            yield ready


def _parts(batch: Batch, accumulation: int, rank: int, size: int) -> list[tuple[Batch, float]]:
    """The rows of a batch that this process works on, cut into parts, each with weight 1.

    Where there are too few rows a part holds one row of weight 0, so that all processes do equally many.
    """
    rows = torch.arange(len(batch["input_ids"]))[rank::size]
    parts = []
    for number in range(accumulation):
        chosen = rows[number * len(rows) // accumulation : (number + 1) * len(rows) // accumulation]
        weight = 1.0 if len(chosen) else 0.0
        chosen = chosen if len(chosen) else torch.zeros(1, dtype=torch.long)
        whole = len(chosen) == len(batch["input_ids"])
        parts.append((batch if whole else {name: value[chosen] for name, value in batch.items()}, weight))
    return parts


@contextmanager
def _explained(run: Run, features: list[Feature]) -> Iterator[None]:
    """Turn "out of memory" into a sentence with a way out; the run's checkpoints are as they were."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        run.optimizer.zero_grad(set_to_none=True)
        settings = run.settings
        raise TrainingError(
            f"the batch of step {run.step + 1} did not fit into the memory of {run.device}: {len(features)} examples "
            f"in {settings.accumulation} part(s); give accumulation={settings.accumulation * 2} or more, a smaller "
            f"batch_size or a smaller max_length; {last_good(settings.folder)}"
        ) from error
