"""The picture of a `LayersPanel` as lines of Python that leave the same numbers in `result`."""

from __future__ import annotations

from typing import Any

from ..workbench import ablation_code, input_code, words_code
from .found import CORPUS_CODE


def _off(panel: Any) -> tuple[list[str], str]:
    """Lines before, and the context in which heads are off; empty where all are on."""
    if not panel.workbench.ablated:
        return [], ""
    before, context = ablation_code(panel.workbench)
    return ["from bertlab.analysis import ablation", *before], context


def _within(context: str, *lines: str) -> list[str]:
    return [f"with {context}:", *(f"    {line}" for line in lines)] if context else list(lines)


def _recorded(panel: Any, names: str = '["*probs", "*hidden"]') -> list[str]:
    """Lines that leave the text's recording in `recording`: of what the panel records too, since that rounds alike."""
    before, off = _off(panel)
    run = f"recording = lab.record(batch, names={names})"
    return [*before, *input_code(panel.workbench), *_within(off, run)]


def _corpus(panel: Any) -> list[str]:
    """Lines that leave the sentences that are searched in `texts`: those that the model takes."""
    if panel.workbench.corpus:
        lines = [f"texts = {list(panel.workbench.corpus)!r}"]
    else:
        lines = ["from bertlab.data import samples", CORPUS_CODE]
    if panel.found.fitting() == panel.found.corpus():
        return lines
    fits = f"len(lab.tokenizer(text, verbose=False)['input_ids']) <= {panel.workbench.limit}"
    return [*lines, f"texts = [text for text in texts if text.strip() and {fits}]"]


def code(panel: Any) -> str:
    """Lines that leave the numbers on the screen in `result`."""
    if "missing" in panel.view:
        return f"# {panel.view['missing']}"
    own = {
        "cloud": _cloud,
        "senses": _senses,
        "neighbours": _neighbours,
        "lens": _lens,
        "probes": _probes,
        "neurons": _neurons,
    }[panel.look](panel)
    return "\n".join([*panel.lab_code(), *own])


def _cloud(panel: Any) -> list[str]:
    return [
        "import torch",
        "from bertlab.analysis import geometry",
        *_recorded(panel),
        f"places, result = {panel.visible}, []",
        f"for state in range({panel.workbench.layer_count + 1}):",
        "    points = geometry.pca(recording.hidden(state)[0, places].float().cpu(), 2).points",
        "    points = points / points.square().sum(1).mean().sqrt()  # every layer in one size",
        "    result.append(geometry.align(points, result[-1]) if result else points)",
        "result = torch.stack(result)  # (layers + 1, tokens, 2)",
    ]


def _senses(panel: Any) -> list[str]:
    before, off = _off(panel)
    word = repr(panel.sense)
    return [
        "from bertlab.analysis import geometry",
        "from bertlab_widgets.layers import contexts_of, word_states",
        *before,
        f"texts, senses = contexts_of({word})",
        *_within(off, f"states = word_states(lab, texts, {word})  # (sentences, hidden) for each hidden state"),
        f"parted = [geometry.separation(points, senses, seed={panel.seed}) for points in states]",
        "result = [one.score for one in parted]  # one.chance: of shuffled labels",
    ]


def _neighbours(panel: Any) -> list[str]:
    _, off = _off(panel)
    state = panel.state_number
    return [
        "from bertlab.analysis.neighbours import Index",
        *_recorded(panel),
        *_corpus(panel),
        *_within(off, f"index = Index(lab, texts, layer={state})"),
        f"vector = recording.hidden({state})[0, {panel.place}]",
        f"nearest = index.search(vector, min({panel.count}, len(index)))",
        "result = [(one.token, one.similarity, one.text) for one in nearest]",
    ]


def _lens(panel: Any) -> list[str]:
    return [
        "from bertlab.analysis import lens",
        *_recorded(panel),
        f'logits = lens.layer_logits(lab.model, recording, head="token", places=[{panel.place}])[:, 0, 0]',
        "best = lens.view(logits, top_k=3)  # .entropy and .divergence too",
        *words_code(panel.workbench),
        "rows = zip(best.ids.tolist(), best.probabilities.tolist())",
        "result = [list(zip(words(ids), shares)) for ids, shares in rows]  # the embeddings first",
    ]


def _probes(panel: Any) -> list[str]:
    before, off = _off(panel)
    if panel.rows is not None:
        rows = [f"rows = {list(panel.rows)!r}"]
    else:
        rows = ["from bertlab.data import samples", 'rows = samples("entities")']
    return [
        "from bertlab.analysis.probing import probe_layers",
        *before,
        *rows,
        *_within(
            off, f"result = probe_layers(lab, rows, seed={panel.seed})  # .accuracy, .majority, .control_accuracy"
        ),
    ]


def _neurons(panel: Any) -> list[str]:
    layer, neuron = panel.view.get("layer", 0), panel.view.get("neuron", 0)
    lines = [
        "from bertlab.recording import names",
        *_recorded(panel, f"[names.neurons({layer})]"),
        f"active = recording[names.neurons({layer})][0, {panel.place}]  # (neurons,)",
    ]
    if "promoted" not in panel.view:
        return [*lines, f"result = float(active[{neuron}])"]
    return [
        "from bertlab.analysis import neurons",
        *lines,
        f"words = neurons.words(lab.model, {layer}, {neuron}, {len(panel.view['promoted'])})",
        f"result = float(active[{neuron}]), [(one.token_id, one.logit) for one in words]",
    ]
