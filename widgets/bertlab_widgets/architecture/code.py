"""The lines of Python that give what the map shows."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..workbench import ablation_code, input_code
from . import kinds


def code(panel: Any) -> str:
    """The lines for the look and the place that are shown."""
    return "\n".join([*panel.lab_code(), *_model_code(panel), *_look_code(panel)])


def _model_code(panel: Any) -> list[str]:
    """Lines that leave the model in `model`."""
    lines = ["from bertlab.analysis import architecture"]
    if panel.kind == kinds.PRETRAINING:
        return [*lines, "model = lab.model"]
    if panel.kind == "BertModel":
        return [*lines, "model = lab.model.bert"]
    if panel.kind in kinds.CLASSES:
        return [
            *lines,
            "from bertlab.adapters import fresh_head",
            f"model = fresh_head(bertlab.{panel.kind}, lab.model.config, lab.model).eval()",
        ]
    return [*lines, f"model = lab.task_model({panel.kind!r})"]


def _look_code(panel: Any) -> list[str]:
    what = panel.facts.what(panel.path)
    if panel.look == "memory":
        return _memory_code(panel)
    if panel.look == "tensors":
        return _tensors_code(panel)
    if what in ("model", "module"):
        return [
            "counts = {w.name: w.count for w in architecture.weights(model) if w.shares is None}",
            f"result = dict.fromkeys({panel.children()}, 0)",
            "for part in result:",
            "    result[part] = sum(n for name, n in counts.items() if f'{name}.'.startswith(f'{part}.'))",
        ]
    if what == "tensor":
        value = [f"found = architecture.statistics(architecture.find(model, {panel.path!r}))"]
    else:
        value = [*_batch_code(panel), *_recorded_code(panel)]
    return [*value, "result = {name: getattr(found, name) for name in ('mean', 'std', 'min', 'max', 'norm')}"]


def _memory_code(panel: Any) -> list[str]:
    prefix = panel.facts.hook_prefix
    name = f"path.removeprefix({prefix!r})" if prefix else "path"
    return [
        *_batch_code(panel),
        "passing = architecture.passing(model, batch)",
        "result = []",
        "for part in reversed(architecture.parts(model)):",
        f"    names = {{{name} for path in part.hook_points}}",
        "    values = sum(passing[name].bytes for name in names if name in passing)",
        "    result.append({'part': part.name, 'class': part.kind, 'parameters': part.count,",
        "                   'parameter_bytes': part.bytes, 'value_bytes': values})",
    ]


def _tensors_code(panel: Any) -> list[str]:
    lines, origin = _origin_code(panel)
    return [
        *lines,
        "result = []",
        "for weight in architecture.weights(model):",
        "    tensor = architecture.find(model, weight.name)",
        "    found = architecture.statistics(tensor)",
        "    result.append({'tensor': weight.name, 'shape': ' × '.join(f'{length:,}' for length in weight.shape),",
        f"                   'count': weight.count, 'origin': 'shared' if weight.shares else {origin},",
        "                   'mean': found.mean, 'std': found.std, 'min': found.min, 'max': found.max,",
        "                   'norm': found.norm})",
    ]


def _origin_code(panel: Any) -> tuple[list[str], str]:
    """Lines that prepare it, and the expression for where the values of `weight` come from."""
    facts = panel.facts
    base = {id(parameter) for parameter in panel.workbench.lab.model.parameters()}
    own = {w.name: id(facts.thing(w.name)) in base for w in facts.weights if w.shares is None}
    groups = {inside: Counter(facts.origins[name] for name in own if own[name] is inside) for inside in (True, False)}
    usual = {inside: found.most_common(1)[0][0] for inside, found in groups.items() if found}
    lines, origin = [], repr(next(iter(usual.values())))
    if len(set(usual.values())) == 2:
        lines = ["base = {id(parameter) for parameter in lab.model.parameters()}"]
        origin = f"{usual[True]!r} if id(tensor) in base else {usual[False]!r}"
    others = {name: facts.origins[name] for name in own if facts.origins[name] != usual[own[name]]}
    if others:
        lines, origin = [*lines, f"others = {others}"], f"others.get(weight.name, {origin})"
    return lines, origin


def _batch_code(panel: Any) -> list[str]:
    lines = input_code(panel.workbench)
    name = type(panel.facts.model).__name__
    if name == "BertForMultipleChoice":
        lines.append("batch = {name: value.unsqueeze(0) for name, value in batch.items()}")
    elif name == "EncoderDecoder":
        lines.append("batch = {'input_ids': batch['input_ids'], 'attention_mask': batch['attention_mask'],")
        lines.append("         'decoder_input_ids': lab.start_ids()}")
    return lines


def _recorded_code(panel: Any) -> list[str]:
    name = panel.facts.hook_name(panel.path)
    inside = f"bertlab.record(model, {name!r}) as recording"
    before = []
    if panel.workbench.ablated:
        before, context = ablation_code(panel.workbench, "model")
        before, inside = ["from bertlab.analysis import ablation", *before], f"{context}, {inside}"
    return [
        *before,
        f"with {inside}:",
        "    model(**batch)",
        f"found = architecture.statistics(recording[{name!r}])",
    ]
