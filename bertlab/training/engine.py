"""The loop that `finetune` and `pretrain` share: one optimiser step for each `next()`."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bertlab.data import Feature
from bertlab.devices import find_device
from bertlab.model import BertModel
from bertlab.training.checkpoints import (
    all_weights,
    last_good,
    load_weights,
    read_checkpoint,
    write_checkpoint,
)
from bertlab.training.evaluation import SMALLER_IS_BETTER, autocast
from bertlab.training.objectives import Batch
from bertlab.training.settings import (
    Settings,
    StepRecord,
    TrainingError,
    freeze_layers,
    make_optimizer,
    rate_factor,
    set_rates,
)
from bertlab.training.streams import JointObjective, Stream


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
        self.step = 0
        self.seconds = 0.0
        self.best: dict[str, Any] = {"value": None, "step": 0, "without_better": 0}
        self.best_weights: dict[str, Tensor] = {}

    def steps(self) -> Iterator[StepRecord]:
        """Train; yields after each optimiser step. Closing the generator leaves the model as it is then."""
        settings = self.settings
        with _processes(settings) as group, _arranged(self.model, settings, group.device):
            self.group, self.device = group, group.device
            self.randomness = Randomness(settings.seed + group.rank, self.device)
            self.optimizer = make_optimizer(self.model, settings, self.device)
            self._resume()
            objective = self.stream.objective.to(self.device)
            self.trained = group.wrap(objective, self.model)
            remaining = itertools.islice(self.stream.batches, self.step, None)
            batches = collated(remaining, self.stream.collate, self.step, self.device)
            finished = self._progress() >= 1.0
            while not finished:
                started = time.perf_counter()
                ready = next(batches, None)
                if ready is None:
                    raise TrainingError("the training data came to an end before the run did")
                features, batch = ready
                with self.randomness, _explained(self, features):
                    self.model.train()
                    record = self._optimise(batch, started)
                    self.model.eval()
                stopped = self._evaluate(record)
                finished = stopped or record.progress >= 1.0
                if finished:
                    self._take_best(record)
                if settings.folder is not None and (finished or self.step % self._checkpoint_interval() == 0):
                    self._save(finished)
                yield record

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
            raise TrainingError(
                f"{what} became {'infinite' if math.inf in (*losses, norm) else 'not a number'} at step "
                f"{self.step + 1}, so this step was not taken; try a lower learning rate (now "
                f"{self.settings.learning_rate:g}), a longer warm-up or float32; {last_good(self.settings.folder)}"
            )

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
                self.best_weights = {
                    name: parameter.detach().to("cpu", copy=True)
                    for name, parameter in self.model.named_parameters()
                    if parameter.requires_grad
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
                },
                self.settings.keep,
            )
        self.group.wait()

    def _resume(self) -> None:
        settings = self.settings
        found = read_checkpoint(settings.folder) if settings.folder is not None and settings.resume else None
        if found is None:
            return
        weights, state, progress = found
        stored = progress["settings"]
        for name in {**stored, **self.identity}:
            if stored.get(name) != self.identity.get(name):
                raise TrainingError(
                    f"the checkpoint in {settings.folder} was made with {name}={stored.get(name)!r}, now it is "
                    f"{self.identity.get(name)!r}: go on with the former, or use another folder or resume=False"
                )
        load_weights(self.model, weights)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.group.rank < len(state["random_states"]):
            self.randomness.state = state["random_states"][self.group.rank]
        self.best_weights = state["best_weights"]
        self.best = progress["best"]
        self.step, self.seconds = progress["step"], progress["seconds"]
        if progress["finished"] and settings.minutes is None:
            self.step = max(self.step, self.total_steps)


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
        batch = collate(features, number)
        if device.type == "cuda":  # from pinned memory a copy to the GPU waits for nobody
            batch = {name: value.pin_memory() for name, value in batch.items()}
        return features, batch

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


class Randomness:
    """The run's own stream of random numbers (dropout), kept apart from everybody else's.

    Inside the `with` block torch's global generators continue this stream; outside they are untouched. So what
    a notebook draws between two steps changes nothing, and training disturbs no one.
    """

    def __init__(self, seed: int, device: torch.device):
        self.device = device
        outside = self._read()
        torch.manual_seed(seed)
        self.state = self._read()
        self._write(outside)

    def __enter__(self) -> None:
        self.outside = self._read()
        self._write(self.state)

    def __exit__(self, *error: Any) -> None:
        self.state = self._read()
        self._write(self.outside)

    def _read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return states

    def _write(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self.device.type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self.device)
        elif self.device.type == "mps" and "mps" in states:
            torch.mps.set_rng_state(states["mps"])


# ------------------------------------------------------------------------------------------ one or many processes


class Group:
    """The processes of a run: one, or those that torchrun started (Li et al. 2020, distributed data parallel)."""

    def __init__(self, rank: int, size: int, device: torch.device):
        self.rank, self.size, self.device = rank, size, device

    def wrap(self, objective: nn.Module, model: nn.Module) -> nn.Module:
        """The objective, such that backward averages gradients over the processes."""
        if self.size == 1:
            return objective
        relative = model.config.position_embedding_type != "absolute"
        # then one table has no part in the output; and of joined objectives only one has its turn
        partly = relative or isinstance(objective, JointObjective)
        return nn.parallel.DistributedDataParallel(
            objective,
            device_ids=[self.device.index] if self.device.type == "cuda" else None,
            find_unused_parameters=partly,
        )

    def no_sync(self, wrapped: nn.Module):
        """A context in which backward keeps its gradients to itself."""
        return wrapped.no_sync() if self.size > 1 else nullcontext()

    def add_up(self, values: Tensor) -> None:
        """Sum a tensor over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)

    def from_first(self, function: Callable[[], Any]) -> Any:
        """What the first process computes, for all of them."""
        answer = [function() if self.rank == 0 else None]
        if self.size > 1:
            dist.broadcast_object_list(answer, device=self.device if self.device.type == "cuda" else None)
        return answer[0]

    def agree(self, value: float) -> float:
        """The first process's number, for all of them."""
        return value if self.size == 1 else self.from_first(lambda: value)

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in order, for all of them."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def _processes(settings: Settings) -> Iterator[Group]:
    """Join the processes that torchrun started, if it did; take the device of the settings."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    device = find_device(settings.device or "cpu")
    if device.type == "cuda":
        number = int(os.environ.get("LOCAL_RANK", 0)) if size > 1 else (device.index or 0)
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    if size == 1:
        yield Group(0, 1, device)
        return
    own = not dist.is_initialized()
    if own:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size(), device)
    finally:
        if own:
            dist.destroy_process_group()


@contextmanager
def _arranged(model: nn.Module, settings: Settings, device: torch.device) -> Iterator[None]:
    """The model on its device, with frozen layers, dropout and compiled layers as the settings want.

    Afterwards it is in the mode it was in, and trainable where it was.
    """
    was_training = model.training
    frozen = freeze_layers(model, settings.freeze) if settings.freeze is not None else []
    rates = {module: module.p for module in model.modules() if isinstance(module, nn.Dropout)}
    skipping = {module: module.skip_padding for module in model.modules() if isinstance(module, BertModel)}
    model.to(device)
    try:
        if settings.dropout is not None:
            for module in rates:
                module.p = settings.dropout
        for module in skipping:
            module.skip_padding = module.skip_padding or device.type == "cpu"  # no time for padding
            if settings.compile:
                for layer in module.encoder.layer:
                    layer.compile()
        yield
    finally:
        for module, rate in rates.items():
            module.p = rate
        for module, former in skipping.items():
            module.skip_padding = former
            for layer in module.encoder.layer:
                layer._compiled_call_impl = None
        for parameter in frozen:
            parameter.requires_grad_(True)
        model.train(was_training)


@contextmanager
def _explained(run: Run, features: list[Feature]) -> Iterator[None]:
    """Turn "out of memory" into a sentence with a way out; the run's checkpoints are as they were."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        memory = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or any(
            clue in text for clue in ("out of memory", "can't allocate memory", "cannot allocate memory")
        )
        if not memory:
            raise
        run.optimizer.zero_grad(set_to_none=True)
        settings = run.settings
        raise TrainingError(
            f"the batch of step {run.step + 1} did not fit into the memory of {run.device}: {len(features)} examples "
            f"in {settings.accumulation} part(s); give accumulation={settings.accumulation * 2} or more, a smaller "
            f"batch_size or a smaller max_length; {last_good(settings.folder)}"
        ) from error
