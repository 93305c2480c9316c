"""The lines of Python that give what the map shows."""

from __future__ import annotations

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
        return [
            *_batch_code(panel),
            "passing = architecture.passing(model, batch)",
            "values = sum(value.bytes for value in passing.values())",
            "parameters = sum(part.bytes for part in architecture.parts(model))",
            "result = {'parameters': parameters, 'values': values}",
        ]
    if panel.look == "tensors":
        return [
            "result = {}",
            "for weight in architecture.weights(model):",
            "    if weight.shares is None:",
            "        found = architecture.statistics(architecture.find(model, weight.name))",
            "        result[weight.name] = weight.shape, found.mean, found.std, found.norm",
        ]
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
