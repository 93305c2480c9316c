"""The sentences of the map."""

from __future__ import annotations

from typing import Any

from bertlab.analysis import architecture

from ..panel import counted, percent, quoted, significant


def large(count: int) -> str:
    """ "22.7 M", "147,456"."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"


def size(count: int) -> str:
    """ "91 MB", "4.6 kB", "384 bytes"."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.{0 if count >= 10 * step else 1}f} {unit}"
    return counted(count, "byte")


def shape_of(shape: Any) -> str:
    """ "384 × 1,536"."""
    return " × ".join(f"{length:,}" for length in shape) or "one number"


def answer(panel: Any) -> str:
    """What the look shows, in one or two sentences."""
    facts = panel.facts
    if panel.look == "memory":
        return _memory(facts)
    if panel.look == "tensors":
        return _tensors(panel)
    what = facts.what(panel.path)
    return {"model": _model, "module": _module, "tensor": _tensor, "point": _point}[what](panel)


def _model(panel: Any) -> str:
    facts = panel.facts
    parts = sorted(facts.parts, key=lambda part: part.count, reverse=True)
    layers = [part for part in parts if part.kind == "BertLayer"]
    said = f"{type(facts.model).__name__} has {large(facts.count)} parameters: "
    pieces = [
        f"{percent(part.count / facts.count)} in {quoted(part.name)}"
        for part in parts
        if part.kind != "BertLayer" and part.count > 0.02 * facts.count
    ]
    if layers:
        share = percent(sum(part.count for part in layers) / facts.count)
        pieces.insert(0, f"{share} in {counted(len(layers), 'layer')}")
    return f"{said}{', '.join(pieces)}. {_fresh(panel)}".strip()


def _fresh(panel: Any) -> str:
    origins = panel.facts.origins
    fresh = [name for name, origin in origins.items() if origin == "fresh"]
    if fresh:
        shown = ", ".join(quoted(name) for name in fresh[:2]) + (" …" if len(fresh) > 2 else "")
        return f"{counted(len(fresh), 'tensor')} of them {'is' if len(fresh) == 1 else 'are'} freshly drawn: {shown}"
    return ""


def _module(panel: Any) -> str:
    facts, path = panel.facts, panel.path
    thing, own = facts.thing(path), panel.weights_in(path)
    count = architecture.count_of(own)
    shared = [weight for weight in own if weight.shares is not None]
    said = f"{quoted(facts.hook_name(path))}, a {type(thing).__name__}, has {counted(count, 'parameter')}"
    said += f", {percent(count / facts.count)} of the model" if count else " of its own" if shared else ""
    largest = max(own, key=lambda weight: weight.count, default=None)
    if largest is not None and len(own) > 1:
        said += f"; the largest of its {len(own)} tensors is {quoted(largest.name.removeprefix(f'{path}.'))}"
        said += f", {shape_of(largest.shape)}"
    if shared:
        said += f"; {quoted(shared[0].name.removeprefix(f'{path}.'))} is the tensor of {quoted(shared[0].shares)}"
        said += ", which counts there"
    return f"{said}."


def _tensor(panel: Any) -> str:
    facts, path = panel.facts, panel.path
    weight = next(weight for weight in facts.weights if weight.name == path)
    found = facts.statistics_of(path)
    said = f"{quoted(facts.hook_name(path))} holds {counted(weight.count, 'number')}"
    if found is None:
        return f"{said}, none of which is finite: the weights are broken."
    said += f", mean {significant(found.mean)}, deviation {significant(found.std)}"
    if len(weight.shape) > 1:
        said += f" (drawn afresh: {significant(facts.model.config.initializer_range)})"
    if found.left_out:
        said += f"; {found.left_out:,} more are no finite numbers"
    if weight.shares:
        said += f"; it is the same tensor as {quoted(weight.shares)}"
    return f"{said}."


def _point(panel: Any) -> str:
    facts, name = panel.facts, panel.facts.hook_name(panel.path)
    passing = facts.passing.get(name)
    if passing is None:
        return f"Nothing passes {quoted(name)} in this model for this sentence."
    value = facts.value(name)
    said = f"{quoted(name)} is {shape_of(passing.shape)} for this sentence, {size(passing.bytes)}"
    if value is not None:
        found = value["statistics"]
        said += f": mean {significant(found.mean)}, from {significant(found.min)} to {significant(found.max)}"
        if value["lengths"]:
            tokens = panel.workbench.tokens
            lengths = value["lengths"]
            longest = max(range(len(lengths)), key=lengths.__getitem__)
            said += f"; the longest vector is that of {quoted(tokens[longest]['text'])} at place {longest}"
    return f"{said}."


def _memory(facts: Any) -> str:
    values, parameters, tokens = facts.value_bytes(), facts.bytes, facts.workbench.encoding.length
    return (
        f"The parameters take {size(parameters)}; the values that pass the hook points for these {tokens} tokens "
        f"{size(values)}, if all are kept. To train with Adam takes about {size(4 * parameters)} and the values."
    )


def _tensors(panel: Any) -> str:
    facts = panel.facts
    own = [weight for weight in facts.weights if weight.shares is None]
    tied = len(facts.weights) - len(own)
    said = f"{len(own)} tensors hold {facts.count:,} numbers"
    said += f"; {counted(tied, 'more name')} {'stands' if tied == 1 else 'stand'} for one of them" if tied else ""
    measured = [(w, facts.statistics_of(w.name)) for w in own if len(w.shape) > 1 and facts.measured(w.name)]
    measured = [(weight, found) for weight, found in measured if found is not None]
    if measured:
        widest, found = max(measured, key=lambda pair: pair[1].std)
        said += f". The widest matrix is {quoted(widest.name)}, deviation {significant(found.std)}"
    return f"{said}."


def gate(panel: Any) -> tuple[str, list[str]]:
    """What is asked before the stage is shown, and what may be answered."""
    if panel.look == "memory":
        return "What takes more memory for this sentence?", ["the parameters", "the values at the hook points"]
    if panel.look == "tensors":
        return "How many tensors does the model have (shared ones once)?", []
    if panel.facts.what(panel.path) == "point":
        return f"What shape has `{panel.facts.hook_name(panel.path)}` for this sentence (like 1 × 12 × 384)?", []
    if panel.facts.what(panel.path) == "model":
        return "Which of them holds the most parameters?", list(_shares(panel.facts))
    return f"How many parameters does `{panel.path}` have?", []


def _shares(facts: Any) -> dict[str, int]:
    """Parameters of the embeddings, of all layers together, and of what stands on them."""
    found = {"embeddings": 0, "all layers": 0, "pooler and heads": 0}
    for part in facts.parts:
        kind = {"BertEmbeddings": "embeddings", "BertLayer": "all layers"}.get(part.kind, "pooler and heads")
        found[kind] += part.count
    return found


def grade(panel: Any, guess: str) -> str:
    """The guess against the numbers."""
    facts, what = panel.facts, panel.facts.what(panel.path)
    if panel.look == "memory":
        more = "the parameters" if facts.bytes >= facts.value_bytes() else "the values at the hook points"
        return f"Right: {more}." if guess == more else f"No: {more}."
    if panel.look == "tensors":
        return _counted(guess, sum(weight.shares is None for weight in facts.weights), "tensors")
    if what == "point":
        passing = facts.passing.get(facts.hook_name(panel.path))
        given = [int(part) for part in "".join(c if c.isdigit() else " " for c in guess).split()]
        true = list(passing.shape) if passing else []
        return "Right." if given == true else f"Your {quoted(guess)} is not it: {shape_of(true)}."
    if what == "model":
        shares = _shares(facts)
        most = max(shares, key=shares.__getitem__)
        told = f"{most}, {percent(shares[most] / facts.count)}"
        return f"Right: {told}." if guess == most else f"No: {told}."
    own = panel.weights_in(panel.path)
    return _counted(guess, architecture.count_of(own), "parameters")


def _counted(guess: str, true: int, noun: str) -> str:
    digits = guess.replace(",", "").replace(" ", "").replace("_", "")
    if not digits.isdigit():
        return f"{quoted(guess)} is no whole number; there are {true:,} {noun}."
    said = int(digits)
    if said == true:
        return f"Right: {true:,} {noun}."
    off = f", {percent(abs(said - true) / true)} off" if true else ""
    return f"You said {said:,}; there are {true:,} {noun}{off}."
