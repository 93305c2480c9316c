"""The picture of a `HeadsPanel` as lines of Python that leave the same numbers in `result`."""

from __future__ import annotations

from typing import Any

from ..workbench import ablation_code


def seen_now(panel: Any) -> dict:
    """What the model is given, and which heads are off: all that code needs to see it again."""
    workbench = panel.workbench
    before, context = ablation_code(workbench)
    cut = f", max_length={workbench.limit}" if any(workbench.encoding.cut) else ""
    texts = workbench.text, *filter(None, [workbench.text_pair])
    return {
        "given": f"{', '.join(map(repr, texts))}, truncation=True{cut}",
        "forced": dict(workbench.forced),
        "masked": list(workbench.masked),
        "ablated": list(workbench.ablated),
        "before": before if workbench.ablated else [],
        "context": context if workbench.ablated else "",
        "place": panel.maps._gradient_place(),
        "norm_residual": panel.norm_residual,
        "words": panel.words,
    }


def _seeing(panel: Any, seen: dict, tokens: bool) -> list[str]:
    """Lines that leave the map of the heads on show in `result`; with `tokens` also the tokens."""
    lines = [f'batch = lab.tokenizer({seen["given"]}, return_tensors="pt").to(lab.device)']
    if seen["words"]:
        lines.append("numbers = words.of(batch)  # the word of each token")
    if tokens:
        lines.append('tokens = lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][0])')
    if tokens and seen["words"]:
        lines.append("tokens = words.names(tokens, numbers, lab.tokenizer)")
    lines += [f"batch['input_ids'][0, {position}] = {token}" for position, token in seen["forced"].items()]
    if seen["masked"]:
        lines.append(f"batch['input_ids'][0, {seen['masked']}] = lab.tokenizer.mask_token_id")
    contexts = [] if panel.mode == "gradient" else ["torch.no_grad()"]
    contexts += [seen["context"]] if seen["context"] else []
    if panel.mode == "norm":
        body = f"maps = attention.norm_weighted(lab.model, batch, residual={seen['norm_residual']})"
    else:
        kept = ", retain_grad=True" if panel.mode == "gradient" else ""
        contexts.append(f'record(lab.model, "encoder.layer.*.probs"{kept}) as recording')
        body = "output = lab.model(**batch)"
    lines += [f"with {', '.join(contexts)}:", f"    {body}"]
    if panel.mode == "rollout":
        lines.append("maps = attention.rollout(recording)  # (layers, batch, query, key)")
    elif panel.mode == "gradient":
        lines.append(f"output.prediction_logits[0, {seen['place']}].log_softmax(-1).max().backward()")
    one = {
        "attention": "recording.attention({0})[0, {1}]",
        "norm": "maps[{0}][0, {1}]",
        "rollout": "maps[{0}][{1}]",
        "gradient": "(recording.attention({0}) * recording.attention({0}).grad).detach()[0, {1}]",
    }[panel.mode]
    shown = [one.format(layer, 0 if panel.maps.per_layer else head) for layer, head in panel.heads_shown()]
    mean = f"torch.stack([{', '.join(shown)}]).mean(0)" if len(shown) > 1 else f"{shown[0]}  # (query, key)"
    by_words = ["result = words.merge(result, numbers)  # by words"] if seen["words"] else []
    return [*lines, f"result = {mean}", *by_words]


def code(panel: Any) -> str:
    """Lines that leave the (query, key) map on the screen in `result`."""
    here, lines = seen_now(panel), ["import torch"]
    sides = [here]
    if panel.maps.comparing:
        pinned = panel.maps.pinned
        sides = [pinned["seen"] if pinned else {**here, "before": [], "context": ""}, here]
    lines += [f"from bertlab.analysis import ablation, attention{', words' if panel.words else ''}"]
    lines += ["from bertlab.recording import record"]
    lines += ["from bertlab_widgets.heads import aligned_difference"] if panel.maps.comparing else []
    lines += panel.lab_code()
    lines += dict.fromkeys(line for side in sides for line in side["before"])
    for side in sides:
        lines += _seeing(panel, side, tokens=panel.maps.comparing)
        if panel.maps.comparing and side is not here:
            lines.append("pinned, pinned_tokens = result, tokens")
    if panel.maps.comparing:
        lines.append("result = aligned_difference(result, tokens, pinned, pinned_tokens)")
    hidden = sorted(set(range(len(panel.maps.units))) - set(panel.maps.visible))
    renormalise = panel.renormalise and not panel.maps.signed
    if hidden or renormalise:
        lines.append(f"hidden = torch.tensor([place in {hidden} for place in range(len(result))])")
        lines.append(f"result = attention.hide(result, hidden, renormalise={renormalise})")
    return "\n".join(lines)
