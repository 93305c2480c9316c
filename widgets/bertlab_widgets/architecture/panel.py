"""`ModelPanel`: what is the model made of, down to each tensor, and where in it is the sentence?"""

from __future__ import annotations

import json

from torch import nn
from traitlets import Enum, Unicode, validate

from bertlab.analysis import architecture
from bertlab.language import mark, say
from bertlab.recording import HookPoint

from ..panel import Panel
from ..workbench import SelectionError
from . import kinds, words
from .code import code
from .facts import Facts
from .pictures import figure

AT_ONCE = 5_000_000  # numbers that are measured without showing progress
DIGITS = 5  # significant digits that are sent


class ModelPanel(Panel):
    """The architecture as a map: parts, what is inside them, and everything about one tensor, hook point or module.

        panel = ModelPanel(lab, "The cat sat on the mat.")
        panel.path = "bert.encoder.layer.0.attention.self.query.weight"
        panel.data()                      # {"mean": ..., "std": ..., "min": ..., "max": ..., "norm": ...}
        panel.kind = "BertForMaskedLM"    # another documented class on the same weights, or one of `lab.tasks`
        panel.look = "tensors"            # all of them with their statistics; or "memory"

    Settings: `kind`, `path` (module path; "" is the whole model), `look` (map, tensors, memory), `facet` of what is
    chosen (numbers, source).
    """

    script = "architecture.js"
    question_text = mark("What is the model made of, down to each number?")
    settings = ("kind", "path", "look", "facet")

    kind = Unicode(kinds.PRETRAINING, help="a documented class, or a task").tag(sync=True)
    path = Unicode("", help="a module, tensor or hook point by its path; empty for the model").tag(sync=True)
    look = Enum(("map", "tensors", "memory"), "map").tag(sync=True)
    facet = Enum(("numbers", "source"), "numbers").tag(sync=True)

    _facts: Facts | None = None
    _leafing = False  # while the exported page is made, no other panel follows

    @property
    def facts(self) -> Facts:
        """All numbers of the model that is shown; new ones for another model."""
        model = kinds.model_of(self.workbench, self.kind)
        if self._facts is None or self._facts.model is not model or self._facts.kind != self.kind:
            self._facts = Facts(self.workbench, self.kind, model)
        return self._facts

    @validate("kind")
    def _check_kind(self, proposal):
        kinds.model_of(self.workbench, proposal.value)
        return proposal.value

    @validate("path")
    def _check_path(self, proposal):
        try:
            self.facts.thing(proposal.value)
        except LookupError as error:
            raise SelectionError(error.args[0]) from None
        return proposal.value

    def _to_defaults(self, names) -> None:
        super()._to_defaults(sorted(names, key=("kind", "path").count))

    def weights_in(self, path: str) -> list[architecture.Weight]:
        """The parameters at and below a path."""
        return [w for w in self.facts.weights if not path or w.name == path or w.name.startswith(f"{path}.")]

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        if changed & {"version", "kind"} and not self.facts.has(self.path):
            self.path = self.facts.nearest(self.path)
        self._follow_layer(changed)
        facts = self.facts
        if self.look == "tensors":
            self._measure()
        self.view = {
            "look": self.look,
            "kinds": kinds.choices(self.workbench),
            "class": type(facts.model).__name__,
            "count": facts.count,
            "stack": self._stack(),
            "lengths": self._lengths(),
            **({"tensors": self._tensors()} if self.look == "tensors" else {}),
            **({"memory": facts.memory(), "trainable": facts.bytes} if self.look == "memory" else {}),
            **({"inside": self._inside(), "detail": self.detail()} if self.look == "map" else {}),
        }
        self.answer = words.answer(self)

    def _follow_layer(self, changed: set[str]) -> None:
        """The layer that is chosen here is chosen everywhere, and the other way round."""
        marker = f"{self.facts.base_prefix}encoder.layer."
        if self._leafing or not self.path.startswith(marker):
            return
        number, _, rest = self.path.removeprefix(marker).partition(".")
        if not number.isdigit() or int(number) == self.layer:
            return
        if "layer" in changed and not changed & {"path", "kind"}:
            self.path = self.facts.nearest(f"{marker}{self.layer}{'.' if rest else ''}{rest}")
        else:
            self.layer = int(number)

    def _stack(self) -> list[dict]:
        """The parts, output first."""
        facts = self.facts
        here = facts.part_of(self.path)
        return [
            {
                "path": part.name,
                "name": _short(part.name, facts.base_prefix),
                "class": part.kind,
                "count": part.count,
                "fresh": sum(facts.origins[weight.name] == "fresh" for weight in part.weights),
                "state": _state(part.name, facts.base_prefix),
                "open": here is not None and here.name == part.name,
            }
            for part in reversed(facts.parts)
        ]

    def _lengths(self) -> dict:
        """How long the hidden states of the sentence are, in the mean and for the selected tokens."""
        lengths, tokens = self.facts.lengths, self.workbench.tokens
        chosen = [i for i in self.workbench.selected if i < lengths.shape[1]][:4]
        return {
            "mean": _rounded(lengths.mean(1).tolist()),
            "tokens": [{"token": tokens[i]["text"], "values": _rounded(lengths[:, i].tolist())} for i in chosen],
        }

    def _inside(self) -> dict:
        """What the chosen part holds: a row for each module, with its tensors and hook points."""
        facts = self.facts
        part = facts.part_of(self.path)
        if part is None:
            holders = [name for name, module in facts.model.named_modules() if _holds(facts, name, module)]
            return {"path": "", "name": type(facts.model).__name__, "rows": [self._row(n, "", False) for n in holders]}
        names = [name for name, module in facts.thing(part.name).named_modules() if not isinstance(module, HookPoint)]
        paths = [f"{part.name}.{name}" if name else part.name for name in names]
        rows = [self._row(path, part.name, True) for path in paths]
        known = {point["path"] for row in rows for point in row["points"]}
        rows[-1]["points"] += [self._point(path) for path in part.hook_points if path not in known]
        return {"path": part.name, "name": _short(part.name, facts.base_prefix), "rows": rows}

    def _row(self, path: str, above: str, whole: bool) -> dict:
        facts = self.facts
        module, own = facts.thing(path), self.weights_in(path)
        direct = [weight for weight in own if weight.name.rpartition(".")[0] == path] if whole else []
        points = [n for n, child in module.named_children() if isinstance(child, HookPoint)] if whole else []
        place = path.removeprefix(above).lstrip(".")
        return {
            "path": path,
            "depth": place.count(".") + 1 if place else 0,
            "name": path.rpartition(".")[2] or type(module).__name__,
            "class": type(module).__name__,
            "count": architecture.count_of(own),
            "tensors": [
                {
                    "path": weight.name,
                    "name": weight.name.rpartition(".")[2],
                    "shape": words.shape_of(weight.shape),
                    "origin": facts.origins[weight.name],
                    "shared": weight.shares is not None,
                }
                for weight in direct
            ],
            "points": [self._point(f"{path}.{name}" if path else name) for name in points],
        }

    def _point(self, path: str) -> dict:
        passing = self.facts.passing.get(self.facts.hook_name(path))
        return {
            "path": path,
            "name": path.rpartition(".")[2],
            "shape": words.shape_of(passing.shape) if passing else say("unused"),
        }

    def detail(self) -> dict:
        """Everything about what is chosen."""
        facts, what = self.facts, self.facts.what(self.path)
        shown = {"path": self.path, "what": what, "facts": [], "above": self._above()}
        if what == "tensor":
            weight = next(weight for weight in facts.weights if weight.name == self.path)
            shown["facts"] = [
                [say("shape"), words.shape_of(weight.shape)],
                [say("numbers"), f"{weight.count:,}"],
                [say("memory"), words.memory_as(weight)],
                [say("origin"), say(kinds.ORIGINS[facts.origins[self.path]])],
            ]
            if weight.shares:
                shown["facts"].append([say("the same as"), weight.shares])
            shown.update(_statistics(facts.statistics_of(self.path)))
        elif what == "point":
            shown.update(self._point_detail())
        else:
            shown.update(self._module_detail())
        if self.facet == "source":
            shown["source"] = self._source()
        return shown

    def _above(self) -> str:
        """What holds the chosen place on the map."""
        above = self.path.rpartition(".")[0]
        return above if self.facts.part_of(above) is not None else ""

    def _point_detail(self) -> dict:
        facts, name = self.facts, self.facts.hook_name(self.path)
        passing = facts.passing.get(name)
        if passing is None:
            return {"facts": [[say("name"), name], [say("in this sentence"), say("nothing passes here")]]}
        shown = {"facts": [[say("name"), name], [say("shape now"), words.shape_of(passing.shape)]]}
        shown["facts"].append([say("memory"), words.memory_as(passing)])
        value = facts.value(name)
        if value is not None:
            shown.update(_statistics(value["statistics"]))
            shown["lengths"] = value["lengths"] and _rounded(value["lengths"], 3)
        return shown

    def _module_detail(self) -> dict:
        facts, module = self.facts, self.facts.thing(self.path)
        own = self.weights_in(self.path)
        tensors = [weight for weight in own if weight.shares is None]
        count, held = sum(w.count for w in tensors), sum(w.bytes for w in tensors)
        inside = [(name, p) for name, p in facts.passing.items() if self._is_inside(name)]
        fresh = sum(facts.origins[weight.name] == "fresh" for weight in tensors)
        told = [[say("class"), type(module).__name__]]
        told.append([say("parameters"), say("{count:,} in {tensors} tensors", count=count, tensors=len(tensors))])
        told.append([say("memory"), words.size(held)])
        if inside:
            values = words.size(sum(p.bytes for _, p in inside))
            message = mark("{size} at {points} hook points")
            told.append([say("this sentence"), say(message, size=values, points=len(inside))])
        if tensors:
            origins = say("; ").join(sorted({say(kinds.ORIGINS[facts.origins[weight.name]]) for weight in tensors}))
            some = say("{fresh} of {tensors} tensors are fresh", fresh=fresh, tensors=len(tensors))
            told.append([say("origin"), some if fresh else origins])
        about = (type(module).__doc__ or "").strip().split("\n\n")[0] if type(module).__module__[:5] != "torch" else ""
        return {"facts": told, "about": say(" ".join(about.split()))}

    def _is_inside(self, name: str) -> bool:
        return not self.path or name.startswith(f"{self.facts.hook_name(self.path)}.")

    def _source(self) -> dict | None:
        try:
            found = architecture.source(self.facts.model, self.path)
        except LookupError as error:
            return {"name": str(error.args[0]), "first": 1, "lines": [], "marked": []}
        file = "/".join(found.file.replace("\\", "/").split("/")[-3:])
        name = say("{method} in {file}, line {line}", method=found.name, file=file, line=found.first)
        return {"name": name, "first": found.first, "lines": list(found.lines), "marked": list(found.marked)}

    def _measure(self, at_once: int = AT_ONCE) -> None:
        """The statistics of every tensor: at once for a small model, with progress for a large one."""
        facts = self.facts
        missing = [weight for weight in facts.weights if not facts.measured(weight.name)]
        total = sum(weight.count for weight in missing)

        def steps():
            done = 0
            for weight in missing:
                facts.statistics_of(weight.name)
                done += weight.count
                yield done / total

        if total <= at_once:
            for _ in steps():
                pass
        elif not self.job.running:
            self.start(steps(), say("Measuring the tensors"), lambda: self._update({"look"}))

    def _tensors(self) -> list[list]:
        """A row a tensor: path, shape, count, origin, mean, std, least, greatest, norm."""
        rows = []
        for weight in self.facts.weights:
            found = self.facts.statistics_of(weight.name) if self.facts.measured(weight.name) else None
            numbers = [None] * 5 if found is None else [found.mean, found.std, found.min, found.max, found.norm]
            origin = "shared" if weight.shares else self.facts.origins[weight.name]
            rows.append([weight.name, words.shape_of(weight.shape), weight.count, origin, *_rounded(numbers)])
        return rows

    def gate(self) -> str:
        return words.gate(self)[0]

    def gate_options(self) -> list[str]:
        return words.gate(self)[1]

    def grade(self, guess: str) -> str:
        return words.grade(self, guess)

    # --- data, code, pictures

    def data(self):
        """Of the map: statistics of a tensor or of what passes a hook point, else parameters by part; of the other
        looks their rows."""
        facts, what = self.facts, self.facts.what(self.path)
        if self.look != "map":
            return self.table()
        if what in ("model", "module"):
            return {name: architecture.count_of(self.weights_in(name)) for name in self.children()}
        value = facts.value(facts.hook_name(self.path)) if what == "point" else None
        found = facts.statistics_of(self.path) if what == "tensor" else value and value["statistics"]
        if found is None:
            return {}
        return {name: getattr(found, name) for name in ("mean", "std", "min", "max", "norm")}

    def children(self) -> list[str]:
        """The parts of the model, or what a module is made of."""
        if self.facts.what(self.path) == "model":
            return [part.name for part in self.facts.parts]
        children = self.facts.thing(self.path).named_children()
        names = [f"{self.path}.{name}" for name, child in children if not isinstance(child, HookPoint)]
        return names or [self.path]

    def table(self) -> list[dict]:
        if self.look == "memory":
            return self.facts.memory()
        if self.look == "tensors":
            self._measure(self.facts.count * 2)  # all of them, before the rows are given
            names = ("tensor", "shape", "count", "origin", "mean", "std", "min", "max", "norm")
            return [dict(zip(names, row, strict=True)) for row in self._tensors()]
        if not self.path:
            return [
                {"part": p.name, "class": p.kind, "parameters": p.count, "bytes": p.bytes} for p in self.facts.parts
            ]
        rows = []
        for row in self._inside()["rows"]:
            rows.append(_listed("module", row["path"], self.path, row["class"], "", row["count"]))
            for entry in row["tensors"]:
                rows.append(_listed("tensor", entry["path"], self.path, "", entry["shape"], ""))
            for entry in row["points"]:
                rows.append(_listed("hook point", entry["path"], self.path, "", entry["shape"], ""))
        return rows

    def code(self) -> str:
        return code(self)

    def figure(self, width: float = 7.0):
        return figure(self, width)

    def shown_as(self) -> list[str]:
        return [self.look, self.kind, self.path.rpartition(".")[2] if self.look == "map" else ""]

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every part, all that is inside of each, and the other looks."""
        kept, patches = {name: getattr(self, name) for name in self.settings}, {}

        def note(name: str, value: str, whole: bool) -> None:
            with self.workbench.together():
                setattr(self, name, value)
            shown = {"view": self.view} if whole else {"view.detail": self.view["detail"]}
            patches[f"{name}:{json.dumps(value)}"] = {"path": self.path, "answer": self.answer, **shown}

        self._leafing = True
        with self.hold_sync():
            try:
                self._measure(self.facts.count * 2)
                for look in ("tensors", "memory", "map"):
                    note("look", look, True)
                for part in ["", *(part.name for part in self.facts.parts)]:
                    note("path", part, True)
                    inside = [path for path in self.paths_inside() if path != part]
                    self.facts.measure([path for path in inside if self.facts.what(path) == "point"])
                    for path in inside:
                        note("path", path, False)
            finally:
                with self.workbench.together():
                    for name, value in kept.items():
                        setattr(self, name, value)
                self._leafing = False
        return {}, patches

    def paths_inside(self) -> list[str]:
        """The places that can be chosen in the column of what is inside."""
        rows = self.view["inside"]["rows"]
        return [entry["path"] for row in rows for entry in (row, *row["tensors"], *row["points"])]

    def pinned_view(self) -> dict:
        return {"path": self.path}


def _listed(what: str, path: str, chosen: str, kind: str, shape: str, count: int | str) -> dict:
    """A row of the table of what is inside a part."""
    return {"what": what, "path": path, "class": kind, "shape": shape, "parameters": count, "chosen": path == chosen}


def _short(name: str, prefix: str) -> str:
    """ "layer 3" for encoder.layer.3 of the base, and other names without what is the same in all."""
    bare = name.removeprefix(prefix)
    number = bare.removeprefix("encoder.layer.")
    return say("layer {number}", number=number) if number != bare else bare


def _state(name: str, prefix: str) -> int | None:
    """Which hidden state leaves a part: 0 the embeddings, n + 1 layer n; None for others."""
    bare = name.removeprefix(prefix) if name.startswith(prefix) else ""
    if bare == "embeddings":
        return 0
    number = bare.removeprefix("encoder.layer.")
    return int(number) + 1 if number != bare and number.isdigit() else None


def _holds(facts: Facts, name: str, module: nn.Module) -> bool:
    """Whether a module only holds parts of the map."""
    return not isinstance(module, (HookPoint, nn.ModuleList, nn.Dropout)) and facts.part_of(name) is None


def _rounded(values: list, digits: int = DIGITS) -> list:
    return [None if value is None else float(f"{value:.{digits}g}") for value in values]


def _statistics(found: architecture.Statistics | None) -> dict:
    if found is None:
        return {"statistics": None}
    names = ("mean", "std", "min", "max", "norm")
    numbers = dict(zip(names, _rounded([getattr(found, name) for name in names]), strict=True))
    return {"statistics": {**numbers, "left_out": found.left_out}, "histogram": list(found.histogram)}
