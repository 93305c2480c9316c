"""The numbers behind the map: its parts, what is inside one, and everything about one place."""

from __future__ import annotations

import contextlib
import itertools
import re
from typing import Any

import torch
from torch import nn

from bertlab.analysis import architecture
from bertlab.recording import HookPoint, record

from ..workbench import Workbench
from . import kinds

BINS = 48
IN_BASE = re.compile(r"(?:^|\.)((?:embeddings|encoder\.layer|pooler)\b.*)")  # a place in any bare BERT


class Facts:
    """All that the panel says of one model of the workbench, computed when asked for and kept."""

    _numbers = itertools.count()

    def __init__(self, workbench: Workbench, kind: str, model: Any):
        self.workbench, self.kind, self.model = workbench, kind, model
        self.key = ("architecture", next(self._numbers))
        base = next(name for name, module in self.model.named_modules() if module is self.model.base_model)
        self.base_prefix = f"{base}." if base else ""

    def _kept(self, what: Any, function: Any) -> Any:
        return self.workbench.cached((*self.key, what), function)

    # --- what stands still

    @property
    def weights(self) -> list[architecture.Weight]:
        """Every parameter."""
        return self._kept("weights", lambda: architecture.weights(self.model))

    @property
    def _first(self) -> dict[str, str]:
        """Name -> the name under which its tensor counts, for those that share one."""
        return self._kept("first", lambda: {w.name: w.shares for w in self.weights if w.shares is not None})

    @property
    def parts(self) -> list[architecture.Part]:
        """The pieces of the map, input first."""
        return self._kept("parts", lambda: architecture.parts(self.model))

    @property
    def origins(self) -> dict[str, str]:
        """Where each parameter's values come from."""
        return self._kept("origins", lambda: kinds.origins(self.workbench, self.kind, self.model))

    @property
    def count(self) -> int:
        """How many numbers the model learns."""
        return architecture.count_of(self.weights)

    @property
    def bytes(self) -> int:
        """What its parameters take in memory."""
        return architecture.bytes_of(self.weights)

    @property
    def hook_prefix(self) -> str:
        """What the names of hook points leave out of their paths."""
        prefix = getattr(self.model, "base_model_prefix", "")
        return f"{prefix}." if prefix and hasattr(self.model, prefix) else ""

    def hook_name(self, path: str) -> str:
        """The name of a hook point as `record` and `edit` take it."""
        return path.removeprefix(self.hook_prefix)

    def thing(self, path: str) -> Any:
        """Module, hook point or parameter of a path."""
        return architecture.find(self.model, path)

    def what(self, path: str) -> str:
        """ "model", "module", "tensor" or "point"."""
        thing = self.thing(path)
        if thing is self.model:
            return "model"
        return "point" if isinstance(thing, HookPoint) else "module" if isinstance(thing, nn.Module) else "tensor"

    def part_of(self, path: str) -> architecture.Part | None:
        """The piece of the map that a path stands in; None for the model and for what only holds others."""
        for part in self.parts:
            if path == part.name or path.startswith(f"{part.name}.") or path in part.hook_points:
                return part
        return None

    def has(self, path: str) -> bool:
        """Whether the model has anything of that name."""
        try:
            self.thing(path)
        except LookupError:
            return False
        return True

    def nearest(self, path: str) -> str:
        """The same place in this model where it has one, else the part that would hold it, else the whole model."""
        bare = IN_BASE.search(path)
        candidates = [path, *([self.base_prefix + bare[1]] if bare else [])]
        for candidate in candidates:
            if self.has(candidate):
                return candidate
        for candidate in candidates:
            while candidate:
                candidate = candidate.rpartition(".")[0]
                if self.has(candidate) and self.part_of(candidate) is not None:
                    return candidate
        return ""

    def statistics_of(self, name: str) -> architecture.Statistics | None:
        """Those of a parameter; None where it has no finite number."""
        name = self._first.get(name, name)

        def measure():
            with self.workbench.lock:
                try:
                    return architecture.statistics(self.thing(name).cpu(), BINS)
                except ValueError:
                    return None

        return self._kept(("statistics", name), measure)

    def measured(self, name: str) -> bool:
        """Whether the statistics of a parameter are known already."""
        name = self._first.get(name, name)
        return self.workbench.known((*self.key, ("statistics", name)))

    # --- what depends on the sentence

    def _of_sentence(self, what: Any, function: Any) -> Any:
        return self._kept((what, *self.workbench.key), function)

    def _run(self, function: Any) -> Any:
        """`function(model, batch)` as the state is: edits and switched-off heads included."""
        with self.workbench.lock, torch.no_grad(), self.switching():
            return function(self.model, kinds.batch_of(self.workbench, self.model))

    def switching(self) -> Any:
        """A context in which the heads that are off in the workbench are off in this model."""
        from bertlab.analysis.ablation import ablate

        workbench = self.workbench
        if not workbench.ablated:
            return contextlib.nullcontext()
        return ablate(self.model, workbench.ablated, **workbench.ablation_options())

    @property
    def passing(self) -> dict[str, architecture.Passing]:
        """What passes each hook point for this sentence."""
        return self._of_sentence("passing", lambda: self._run(architecture.passing))

    @property
    def lengths(self) -> torch.Tensor:
        """(layers + 1, tokens): how long the hidden states are."""
        return self._of_sentence("lengths", lambda: self._run(architecture.lengths)[:, 0].cpu())

    def value(self, name: str) -> dict | None:
        """Statistics of what passes a hook point, and its length for each token where it has one."""
        return self._of_sentence(("value", name), lambda: self._recorded([name]).get(name))

    def measure(self, paths: list[str]) -> None:
        """The values at many hook points, from one run of the model."""
        names = [self.hook_name(path) for path in paths]
        found = self._recorded(names)
        for name in names:
            self._of_sentence(("value", name), lambda name=name: found.get(name))

    def _recorded(self, names: list[str]) -> dict[str, dict]:
        with record(self.model, names) as recording:
            self._run(lambda model, batch: model(**batch))
        found = {}
        for name, value in recording.items():
            value = value.float().cpu()
            found[name] = {"statistics": architecture.statistics(value, BINS), "lengths": self._by_token(name, value)}
        return found

    def _by_token(self, name: str, value: torch.Tensor) -> list[float] | None:
        """The length of a value at each token; None where it has no axis of tokens, or two as attention has."""
        tokens = self.workbench.encoding.length
        if value.dim() == 3 and value.shape[1] == tokens:
            return value[0].norm(dim=-1).tolist()
        if value.dim() == 4 and value.shape[2] == tokens and not name.endswith((".scores", ".probs")):
            return value[0].transpose(0, 1).flatten(1).norm(dim=-1).tolist()
        return None

    def value_bytes(self, part: architecture.Part | None = None) -> int:
        """What the values at the hook points take for this sentence, of one part or of all."""
        points = None if part is None else {self.hook_name(path) for path in part.hook_points}
        return sum(p.bytes for name, p in self.passing.items() if points is None or name in points)

    def memory(self) -> list[dict]:
        """For each part what its parameters and the values of this sentence take, output first."""
        return [
            {
                "part": part.name,
                "class": part.kind,
                "parameters": part.count,
                "parameter_bytes": part.bytes,
                "value_bytes": self.value_bytes(part),
            }
            for part in reversed(self.parts)
        ]
