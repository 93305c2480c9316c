"""What a `MaskPanel` shows as lines of Python that give the same numbers."""

from __future__ import annotations

from typing import Any

from ..workbench import ablation_code, input_code, words_code


def code(panel: Any) -> str:
    """Lines that give what the look shows, in `result`."""
    workbench = panel.workbench
    lines = ["import torch", *panel.lab_code()]
    if panel.look in ("score", "compare"):
        other = panel.other.get("text", "").strip() if panel.look == "compare" else ""
        scores = [f"lab.score({text!r}).log_probabilities" for text in (workbench.text, other) if text]
        line = f"result = {', '.join(scores)}"
        if not workbench.ablated:
            return "\n".join([*lines, line])
        before, context = ablation_code(workbench)
        lines[1:1] = ["from bertlab.analysis import ablation"]
        return "\n".join([*lines, *before, f"with {context}:", f"    {line}"])
    given, *changes = input_code(workbench)
    lines.append(given)
    if panel.look == "dealer":
        lines[1:1] = ["from bertlab.data import mask_tokens"]
        return "\n".join([*lines, *_dealing_code(panel)])
    lines += ["truth = batch['input_ids'][0].clone()"] if panel.look == "everywhere" else []
    lines += changes
    if panel.places and panel.is_example(panel.places[0]):
        lines.append(f"batch['input_ids'][0, {panel.places[0]}] = lab.tokenizer.mask_token_id  # as if it were hidden")
    contexts = "torch.no_grad()"
    if workbench.ablated:
        before, context = ablation_code(workbench)
        lines[1:1] = ["from bertlab.analysis import ablation"]
        lines += before
        contexts += f", {context}"
    if panel.look == "layers":
        place = panel.places[0] if panel.places else 1
        lines[1:1] = ["from bertlab.analysis.lens import layer_logits"]
        return "\n".join(
            [
                *lines,
                f"with {contexts}:",
                f'    logits = layer_logits(lab.model, batch, head="token", places=[{place}])',
                "best = logits[:, 0, 0].softmax(-1).topk(3)  # (layers + 1, 3), the embeddings first",
                *words_code(workbench),
                "rows = zip(best.indices.tolist(), best.values.tolist())",
                "result = [list(zip(words(ids), shares)) for ids, shares in rows]",
            ]
        )
    lines += [
        f"with {contexts}:",
        "    probabilities = lab.model(**batch).prediction_logits[0].softmax(-1)  # (sequence, vocabulary)",
    ]
    if panel.look == "everywhere":
        return "\n".join(
            [
                *lines,
                f"places = {[row['position'] for row in panel.everywhere()]}",
                "own = probabilities[places, truth[places]].tolist()",
                "best = probabilities[places].argmax(-1).tolist()",
                *words_code(workbench),
                "result = list(zip(words(truth[places].tolist()), own, words(best)))",
            ]
        )
    return "\n".join(
        [
            *lines,
            *words_code(workbench),
            "result = {}",
            f"for place in {panel.places or [1]}:",
            f"    best = probabilities[place].topk({panel.count})",
            "    result[place] = dict(zip(words(best.indices.tolist()), best.values.tolist()))",
        ]
    )


def _dealing_code(panel: Any) -> list[str]:
    """Lines that deal as often as was dealt here, from the same seed, and count."""
    special = [i for i, token in enumerate(panel.workbench.encoding.tokens) if token["special"]]
    return [
        "ids, mask = batch['input_ids'].cpu(), lab.tokenizer.mask_token_id",
        "special = torch.zeros_like(ids, dtype=torch.bool)",
        f"special[0, {special}] = True",
        f"generator, result = torch.Generator().manual_seed({panel.seed}), [0, 0, 0]  # masked, random, kept",
        f"for _ in range({panel.dealer.dealt}):",
        "    dealt = mask_tokens(ids, special=special, mask_token_id=mask,",
        "                        vocab_size=lab.model.config.vocab_size, generator=generator)",
        "    new = dealt.input_ids[dealt.labels != -100]",
        "    fates = torch.where(new == mask, 0, torch.where(new == ids[dealt.labels != -100], 2, 1))",
        "    result = [count + int((fates == fate).sum()) for fate, count in enumerate(result)]",
    ]
