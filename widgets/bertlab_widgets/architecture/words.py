"""The sentences of the map."""

from __future__ import annotations

from typing import Any

from bertlab.analysis import architecture
from bertlab.language import mark, say, say_n

from ..panel import in_a_row, percent, quoted, significant

PARAMETERS, VALUES = mark("the parameters"), mark("the values at the hook points")  # answers at the gate
TENSORS_SAID = {
    "no number": mark("{guess} is no whole number; there are {true:,} tensors."),
    "right": mark("Right: {true:,} tensors."),
    "off": mark("You said {said:,}; there are {true:,} tensors, {share} off."),
}
PARAMETERS_SAID = {
    "no number": mark("{guess} is no whole number; there are {true:,} parameters."),
    "right": mark("Right: {true:,} parameters."),
    "off": mark("You said {said:,}; there are {true:,} parameters, {share} off."),
    "none": mark("You said {said:,}; there are 0 parameters."),
}


def large(count: int) -> str:
    """ "22.7 M", "147,456"."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"


def size(count: int) -> str:
    """ "91 MB", "4.6 kB", "384 bytes"."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.{0 if count >= 10 * step else 1}f} {unit}"
    return say_n("{count:,} byte", "{count:,} bytes", count)


def memory_as(held: Any) -> str:
    """ "590 kB as float32", of a tensor or a value."""
    return say("{size} as {type}", size=size(held.bytes), type=str(held.dtype).removeprefix("torch."))


def shape_of(shape: Any) -> str:
    """ "384 × 1,536"."""
    return " × ".join(f"{length:,}" for length in shape) or say("one number")


def answer(panel: Any) -> str:
    """What the look shows, in one or two sentences."""
    facts = panel.facts
    if panel.look == "memory":
        return _memory(facts)
    if panel.look == "tensors":
        return _tensors(panel)
    what = facts.what(panel.path)
    return {"model": _model, "module": _module, "tensor": _tensor, "point": _point}[what](panel)


def _sentence(*clauses: str) -> str:
    return say("{clauses}.", clauses=say("; ").join(clauses))


def _model(panel: Any) -> str:
    facts = panel.facts
    parts = sorted(facts.parts, key=lambda part: part.count, reverse=True)
    layers = [part for part in parts if part.kind == "BertLayer"]
    shares = [
        say("{share} in {part}", share=percent(part.count / facts.count), part=quoted(part.name))
        for part in parts
        if part.kind != "BertLayer" and part.count > 0.02 * facts.count
    ]
    if layers:
        share = percent(sum(part.count for part in layers) / facts.count)
        shares.insert(0, say_n("{share} in {count:,} layer", "{share} in {count:,} layers", len(layers), share=share))
    told = say(
        "{model} has {count} parameters: {shares}.",
        model=type(facts.model).__name__,
        count=large(facts.count),
        shares=say(", ").join(shares),
    )
    return in_a_row([told, _fresh(panel)])


def _fresh(panel: Any) -> str:
    fresh = [name for name, origin in panel.facts.origins.items() if origin == "fresh"]
    if not fresh:
        return ""
    return say_n(
        "{count:,} tensor of them is freshly drawn: {names}",
        "{count:,} tensors of them are freshly drawn: {names}",
        len(fresh),
        names=say(", ").join(quoted(name) for name in fresh[:2]) + (" …" if len(fresh) > 2 else ""),
    )


def _module(panel: Any) -> str:
    facts, path = panel.facts, panel.path
    own = panel.weights_in(path)
    count = architecture.count_of(own)
    shared = [weight for weight in own if weight.shares is not None]
    named = {"name": quoted(facts.hook_name(path)), "kind": type(facts.thing(path)).__name__}
    if count:
        clauses = [
            say_n(
                "{name}, a {kind}, has {count:,} parameter, {share} of the model",
                "{name}, a {kind}, has {count:,} parameters, {share} of the model",
                count,
                share=percent(count / facts.count),
                **named,
            )
        ]
    elif shared:
        clauses = [say("{name}, a {kind}, has 0 parameters of its own", **named)]
    else:
        clauses = [say("{name}, a {kind}, has 0 parameters", **named)]
    largest = max(own, key=lambda weight: weight.count, default=None)
    if largest is not None and len(own) > 1:
        tensor, shape = quoted(largest.name.removeprefix(f"{path}.")), shape_of(largest.shape)
        message = mark("the largest of its {count} tensors is {tensor}, {shape}")
        clauses.append(say(message, count=len(own), tensor=tensor, shape=shape))
    if shared:
        tensor, other = quoted(shared[0].name.removeprefix(f"{path}.")), quoted(shared[0].shares)
        clauses.append(say("{tensor} is the tensor of {other}, which counts there", tensor=tensor, other=other))
    return _sentence(*clauses)


def _tensor(panel: Any) -> str:
    facts, path = panel.facts, panel.path
    weight = next(weight for weight in facts.weights if weight.name == path)
    found, name = facts.statistics_of(path), quoted(facts.hook_name(path))
    if found is None:
        return say_n(
            "{name} holds {count:,} number, none of which is finite: the weights are broken.",
            "{name} holds {count:,} numbers, none of which is finite: the weights are broken.",
            weight.count,
            name=name,
        )
    clauses = [
        say_n(
            "{name} holds {count:,} number, mean {mean}, deviation {deviation}",
            "{name} holds {count:,} numbers, mean {mean}, deviation {deviation}",
            weight.count,
            name=name,
            mean=significant(found.mean),
            deviation=_deviation(facts, weight, found),
        )
    ]
    if found.left_out:
        clauses.append(say("{count:,} more are no finite numbers", count=found.left_out))
    if weight.shares:
        clauses.append(say("it is the same tensor as {other}", other=quoted(weight.shares)))
    return _sentence(*clauses)


def _deviation(facts: Any, weight: Any, found: Any) -> str:
    """The deviation of a tensor, of a matrix beside that of a fresh one."""
    deviation = significant(found.std)
    if len(weight.shape) < 2:
        return deviation
    fresh = significant(facts.model.config.initializer_range)
    return say("{deviation} (drawn afresh: {fresh})", deviation=deviation, fresh=fresh)


def _point(panel: Any) -> str:
    facts, name = panel.facts, panel.facts.hook_name(panel.path)
    passing = facts.passing.get(name)
    if passing is None:
        return say("Nothing passes {name} in this model for this sentence.", name=quoted(name))
    value = facts.value(name)
    told = {"name": quoted(name), "shape": shape_of(passing.shape), "size": size(passing.bytes)}
    if value is None:
        return _sentence(say("{name} is {shape} for this sentence, {size}", **told))
    found, lengths = value["statistics"], value["lengths"]
    told |= {"mean": significant(found.mean), "least": significant(found.min), "greatest": significant(found.max)}
    clauses = [say("{name} is {shape} for this sentence, {size}: mean {mean}, from {least} to {greatest}", **told)]
    if lengths:
        place = max(range(len(lengths)), key=lengths.__getitem__)
        token = quoted(panel.workbench.tokens[place]["text"])
        clauses.append(say("the longest vector is that of {token} at place {place}", token=token, place=place))
    return _sentence(*clauses)


def _memory(facts: Any) -> str:
    return say(
        "The parameters take {parameters}; the values that pass the hook points for these {tokens} tokens {values}, "
        "if all are kept. To train with Adam takes about {training} and the values.",
        parameters=size(facts.bytes),
        tokens=facts.workbench.encoding.length,
        values=size(facts.value_bytes()),
        training=size(4 * facts.bytes),
    )


def _tensors(panel: Any) -> str:
    facts = panel.facts
    own = [weight for weight in facts.weights if weight.shares is None]
    tied = len(facts.weights) - len(own)
    clauses = [say("{tensors} tensors hold {numbers:,} numbers", tensors=len(own), numbers=facts.count)]
    if tied:
        clauses.append(
            say_n("{count:,} more name stands for one of them", "{count:,} more names stand for one of them", tied)
        )
    measured = [(w, facts.statistics_of(w.name)) for w in own if len(w.shape) > 1 and facts.measured(w.name)]
    measured = [(weight, found) for weight, found in measured if found is not None]
    if not measured:
        return _sentence(*clauses)
    widest, found = max(measured, key=lambda pair: pair[1].std)
    named = {"name": quoted(widest.name), "deviation": significant(found.std)}
    return in_a_row([_sentence(*clauses), say("The widest matrix is {name}, deviation {deviation}.", **named)])


def gate(panel: Any) -> tuple[str, list[str]]:
    """What is asked before the stage is shown, and what may be answered."""
    if panel.look == "memory":
        return say("What takes more memory for this sentence?"), [say(PARAMETERS), say(VALUES)]
    if panel.look == "tensors":
        return say("How many tensors does the model have (shared ones once)?"), []
    if panel.facts.what(panel.path) == "point":
        name = quoted(panel.facts.hook_name(panel.path))
        return say("What shape has {name} for this sentence (like 1 × 12 × 384)?", name=name), []
    if panel.facts.what(panel.path) == "model":
        return say("Which of them holds the most parameters?"), list(_shares(panel.facts))
    return say("How many parameters does {name} have?", name=quoted(panel.path)), []


def _shares(facts: Any) -> dict[str, int]:
    """Parameters of the embeddings, of all layers together, and of what stands on them."""
    names = {"BertEmbeddings": say("embeddings"), "BertLayer": say("all layers")}
    heads = say("pooler and heads")
    found = dict.fromkeys([*names.values(), heads], 0)
    for part in facts.parts:
        found[names.get(part.kind, heads)] += part.count
    return found


def grade(panel: Any, guess: str) -> str:
    """The guess against the numbers."""
    facts, what = panel.facts, panel.facts.what(panel.path)
    if panel.look == "memory":
        more = say(PARAMETERS if facts.bytes >= facts.value_bytes() else VALUES)
        return _judged(guess == more, more)
    if panel.look == "tensors":
        return _counted(guess, sum(weight.shares is None for weight in facts.weights), TENSORS_SAID)
    if what == "point":
        passing = facts.passing.get(facts.hook_name(panel.path))
        given = [int(part) for part in "".join(c if c.isdecimal() else " " for c in guess).split()]
        true = list(passing.shape) if passing else []
        if given == true:
            return say("Right.")
        return say("Your {guess} is not it: {shape}.", guess=quoted(guess), shape=shape_of(true))
    if what == "model":
        shares = _shares(facts)
        most = max(shares, key=shares.__getitem__)
        return _judged(guess == most, say("{part}, {share}", part=most, share=percent(shares[most] / facts.count)))
    return _counted(guess, architecture.count_of(panel.weights_in(panel.path)), PARAMETERS_SAID)


def _judged(right: bool, told: str) -> str:
    return say("Right: {told}.", told=told) if right else say("No: {told}.", told=told)


def _counted(guess: str, true: int, messages: dict[str, str]) -> str:
    digits = guess.replace(",", "").replace(" ", "").replace("_", "")
    if not digits.isdecimal():
        return say(messages["no number"], guess=quoted(guess), true=true)
    said = int(digits)
    if said == true:
        return say(messages["right"], true=true)
    if not true:
        return say(messages["none"], said=said)
    return say(messages["off"], said=said, true=true, share=percent(abs(said - true) / true))
