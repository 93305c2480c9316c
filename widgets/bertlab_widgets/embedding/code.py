"""The lines of Python that give what an `EmbeddingPanel` shows."""

from __future__ import annotations

from typing import Any

from ..workbench import ablation_code, input_code


def code(panel: Any) -> str:
    """The lines for the look that is shown."""
    lines = [*panel.lab_code(), "from bertlab.analysis import embeddings"]
    write = {"positions": _positions, "order": _order, "neighbours": _neighbours}.get(panel.look, _parts)
    return "\n".join([*lines, *write(panel)])


def _parts(panel: Any) -> list[str]:
    return [
        *input_code(panel.workbench),
        "parts = embeddings.parts(lab.model, batch)  # word + position + token_type = sum, then LayerNorm",
        "vectors = {**parts.named(), 'sum': parts.sum, 'hidden': parts.hidden}",
        "result = {name: value[0].norm(dim=-1).tolist() for name, value in vectors.items()}",
    ]


def _positions(panel: Any) -> list[str]:
    return [
        "likeness = embeddings.position_similarity(lab.model)  # (positions, positions)",
        f"result = likeness[{panel.position}].tolist()",
    ]


def _order(panel: Any) -> list[str]:
    workbench, before, call = panel.workbench, [], "embeddings.rearranged(lab.model, batch, order, positions={})"
    indent = ""
    if workbench.ablated:
        lines, context = ablation_code(workbench)
        before, indent = ["from bertlab.analysis import ablation", *lines, f"with {context}:"], "    "
    calls = [f"{indent}moved = {call.format(True)}"]
    result = "result = [moved.cosine.tolist()"
    if panel.measures.has_positions:
        calls.append(f"{indent}without = {call.format(False)}")
        result += ", without.cosine.tolist()"
    return [*input_code(workbench), f"order = {panel.order()}  # which token stands at each place", *before, *calls,
            f"{result}]"]  # fmt: skip


def _neighbours(panel: Any) -> list[str]:
    ids, workbench = [column["id"] for column in panel.columns()], panel.workbench
    spare = workbench.config.vocab_size - workbench.token_count  # rows of the table that stand for no word
    near = f"embeddings.nearest_words(lab.model, token, {panel.count})"
    if spare:
        most = min(workbench.config.vocab_size - 1, panel.count + spare)
        near = f"[word for word in embeddings.nearest_words(lab.model, token, {most})"
        near += f" if word.token_id < {workbench.token_count}][:{panel.count}]"
    return [
        "result = {}",
        f"for token in {ids}:",
        f"    near = {near}",
        "    names = lab.tokenizer.convert_ids_to_tokens([word.token_id for word in near])",
        "    result[token] = {name: word.similarity for name, word in zip(names, near)}",
    ]
