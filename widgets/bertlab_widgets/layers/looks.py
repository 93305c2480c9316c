"""What each look of a `LayersPanel` shows: the least that draws it, and the same as numbers."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.language import mark, say

from . import clouds
from .clouds import LEAST


def view(panel: Any) -> dict:
    """What the stage draws."""
    own = {
        "cloud": _cloud,
        "senses": _senses,
        "neighbours": _neighbours,
        "lens": _lens,
        "probes": _probes,
        "neurons": _neurons,
    }[panel.look](panel)
    return {"look": panel.look, "layers": panel.workbench.layer_count + 1, "place": panel.place, **own}


# ---------------------------------------------------------------------------------------------------------- clouds


def cloud_paths(panel: Any) -> clouds.Paths | None:
    """The tokens of the text in the plane of each layer; None where there are too few."""
    workbench, visible = panel.workbench, panel.visible
    if len(visible) < LEAST:
        return None

    def compute() -> clouds.Paths:
        recording = workbench.recording
        states = [recording.hidden(state)[0, visible] for state in range(workbench.layer_count + 1)]
        return clouds.paths(states, panel.seed)

    return workbench.cached(("cloud", tuple(visible), panel.seed, *workbench.key), compute)


def turned(panel: Any) -> torch.Tensor:
    """(layers + 1, tokens): the cosine of each token's hidden state with its own embedding."""
    workbench = panel.workbench

    def compute() -> torch.Tensor:
        states = [workbench.recording.hidden(n)[0].float().cpu() for n in range(workbench.layer_count + 1)]
        return torch.stack([torch.cosine_similarity(state, states[0], dim=-1) for state in states])

    return workbench.cached(("turned", *workbench.key), compute)


def _flat(points: torch.Tensor) -> list[list[float]]:
    return [[round(value, 3) for value in layer.flatten().tolist()] for layer in points]


def _shares(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]


def _cloud(panel: Any) -> dict:
    found = cloud_paths(panel)
    if found is None:
        return {"missing": say("A cloud needs at least {least} tokens: type a longer sentence.", least=LEAST)}
    tokens = panel.workbench.tokens
    return {
        "paths": _flat(found.points),
        "explained": _shares(found.explained),
        "by_chance": _shares(found.by_chance),
        "visible": panel.visible,
        "segments": [tokens[i]["segment"] for i in panel.visible],
    }


def sense_states(panel: Any) -> list[torch.Tensor]:
    """The hidden states of the word in the sentences that ship, (sentences, hidden) a layer."""
    workbench, word = panel.workbench, panel.sense
    texts, _ = clouds.contexts_of(word)

    def compute() -> list[torch.Tensor]:
        with workbench.ablating():
            return clouds.word_states(workbench.lab, texts, word)

    return workbench.cached(("senses", word, workbench.key[-1]), compute)


def own_states(panel: Any) -> list[torch.Tensor] | None:
    """The same of the word in the text, (1, hidden) a layer; None where the text does not have it."""
    workbench = panel.workbench
    places = clouds.own_places(workbench.text, workbench.encoding.tokens, panel.sense)
    if not places:
        return None
    recording = workbench.recording
    return [
        recording.hidden(n)[0, places].float().mean(0, keepdim=True).cpu() for n in range(workbench.layer_count + 1)
    ]


def sense_paths(panel: Any) -> clouds.Paths:
    """The sentences of the senses in the plane of each layer, the text's own word behind them where it has it."""
    key = ("sense paths", panel.sense, panel.seed, *panel.workbench.key)
    return panel.workbench.cached(key, lambda: clouds.paths(sense_states(panel), panel.seed, own_states(panel)))


def separations(panel: Any) -> list[Any]:
    """At each hidden state whether the senses stand apart, and what shuffled labels give."""
    from bertlab.analysis import geometry

    _, senses = clouds.contexts_of(panel.sense)
    key = ("separation", panel.sense, panel.seed, panel.workbench.key[-1])

    def compute() -> list[Any]:
        return [geometry.separation(points, senses, seed=panel.seed) for points in sense_states(panel)]

    return panel.workbench.cached(key, compute)


def nearest_sense(panel: Any) -> list[int] | None:
    """At each hidden state the sentence nearest to the text's own word."""
    own = own_states(panel)
    if own is None:
        return None
    return [
        int(torch.cosine_similarity(points, mine).argmax())
        for points, mine in zip(sense_states(panel), own, strict=True)
    ]


def _senses(panel: Any) -> dict:
    texts, senses = clouds.contexts_of(panel.sense)
    found = sense_paths(panel)
    parted = separations(panel)
    return {
        "paths": _flat(found.points),
        "explained": _shares(found.explained),
        "by_chance": _shares(found.by_chance),
        "texts": texts,
        "senses": senses,
        "words": list(clouds.SENSES),
        "nearest": nearest_sense(panel),
        "score": _shares([one.score for one in parted]),
        "chance": _shares([one.chance for one in parted]),
        "upper": _shares([one.upper for one in parted]),
        "pinned": panel.pinned.get("score", []),
    }


# ---------------------------------------------------------------------------------------------------------- searches


def _neighbours(panel: Any) -> dict:
    index = panel.found.index()
    if index is None:
        return {"waiting": panel.found.waits("index", panel.state_number), "offer": say("Index the sentences")}
    return {
        "rows": panel.found.neighbours(index, panel.place),
        "chance": round(panel.found.chance(index), 4),
        "tokens": len(index),
        "texts": len(index.texts),
    }


def reads_words(panel: Any) -> bool:
    """Whether the model has a head over the vocabulary."""
    return hasattr(getattr(panel.workbench.model, "cls", None), "predictions")


def _lens(panel: Any) -> dict:
    if not reads_words(panel):
        told = mark("{name} has no vocabulary head to read its layers with: load bertlab.load() for example.")
        return {"missing": say(told, name=panel.workbench.lab.name)}
    return {"rows": panel.found.lens(panel.place), "vocabulary": panel.workbench.config.vocab_size}


def _probes(panel: Any) -> dict:
    found = panel.probes["found"] if panel.probes else []
    return {
        "sentences": len(panel.probe_rows()),
        "accuracy": _shares([one.accuracy for one in found]),
        "majority": _shares([one.majority for one in found]),
        "control": _shares([one.control_accuracy for one in found]),
        "held_out": found[0].held_out if found else 0,
        "whole": len(found) == panel.workbench.layer_count + 1,
    }


def _neurons(panel: Any) -> dict:
    state, found = panel.state_number, panel.found
    if state == 0:
        return {"missing": say("The embeddings have no neurons: move the slider to a layer.")}
    layer, place = state - 1, panel.place
    active = found.activations(layer, place)
    best = active.topk(min(10, len(active)))
    neuron = int(best.indices[0]) if panel.neuron < 0 else panel.neuron
    shown = {
        "layer": layer,
        "neuron": neuron,
        "active": [
            {"neuron": int(n), "activation": round(float(v), 3)} for v, n in zip(best.values, best.indices, strict=True)
        ],
        "activation": round(float(active[neuron]), 3),
        "rank": int((active > active[neuron]).sum()) + 1,
        "size": len(active),
    }
    if reads_words(panel):
        shown["promoted"] = found.promoted(layer, neuron)
        shown["without"] = found.without(layer, neuron, place)
    contexts = found.contexts(layer, neuron)
    if contexts is None:
        waits = found.waits("contexts", layer)
        return {**shown, "waiting": waits, "offer": say("Look for the contexts that move it")}
    return {**shown, "contexts": [{**one, "activation": round(one["activation"], 3)} for one in contexts]}


# -------------------------------------------------------------------------------------------------------------- data


def data(panel: Any):
    """The numbers of the look, exact."""
    if panel.look == "cloud":
        found = cloud_paths(panel)
        tokens = [panel.workbench.tokens[i]["text"] for i in panel.visible]
        if found is None:
            return {"points": None, "tokens": tokens}
        return {"points": found.points, "explained": found.explained, "by_chance": found.by_chance, "tokens": tokens}
    if panel.look == "senses":
        parted = separations(panel)
        return {
            "points": sense_paths(panel).points,
            "separation": [one.score for one in parted],
            "chance": [one.chance for one in parted],
            "upper": [one.upper for one in parted],
            "nearest": nearest_sense(panel),
        }
    if panel.look == "probes":
        return list(panel.probes["found"]) if panel.probes else []
    if panel.look == "neurons":
        return {k: v for k, v in panel.view.items() if k not in ("look", "layers")}
    return panel.view.get("rows", [])
