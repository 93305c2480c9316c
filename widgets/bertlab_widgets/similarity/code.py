"""The picture of a `SimilarityPanel` as lines of Python that leave the same numbers in `result`."""

from __future__ import annotations

from typing import Any

from ..workbench import ablation_code


def code(panel: Any) -> str:
    """Lines that leave the cells on the screen in `result`."""
    workbench, lines = panel.workbench, [*panel.lab_code(), "from bertlab.analysis import similarity"]
    within = ""
    if workbench.ablated:
        before, context = ablation_code(workbench)
        lines += ["from bertlab.analysis import ablation", *before, f"with {context}:"]
        within = "    "
    if panel.look == "list":
        call = f"similarity.matrix(lab, texts, layer={panel.state_number}, pooling={panel.pooling!r})"
        at = len(lines) - bool(within)
        lines[at:at] = [f"texts = {panel.measures.listed!r}"]
        return "\n".join([*lines, f"{within}result = {call}  # cosines, (texts, texts)"])
    given = []
    for name, text, segment in zip("ab", panel.measures.texts, panel.measures.sides, strict=True):
        edits = panel.measures.edits(segment)
        cut = any(workbench.encoding.cut)
        if edits or cut:
            how = f"truncation=True, max_length={workbench.limit}, return_tensors='pt'"
            given.append(f"{name} = lab.tokenizer({text!r}, {how})")
        else:
            given.append(f"{name} = {text!r}")
        given += [f"{name}['input_ids'][0, {place}] = {token}" for place, token in edits.items()]
    at = len(lines) - bool(within)
    lines[at:at] = given
    call = f"similarity.explain(lab, a, b, layer={panel.state_number}, words={panel.words}, pooling={panel.pooling!r})"
    lines.append(f"{within}explained = {call}")
    return "\n".join([*lines, "result = explained.pairs  # (tokens of a, tokens of b); they add up to the cosine"])
