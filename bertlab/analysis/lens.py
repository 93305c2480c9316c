"""Every layer read through the model's own head, as if the layers above it were not there.

The idea is the "logit lens" (nostalgebraist 2020): all layers write into one residual stream, so that a head which was
trained on the last layer can read the others too. It was not trained for them; what it says of a low layer is what
that layer holds in the terms of the last (Belrose et al. 2023 show where that misleads). The last row is the model's
own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from bertlab.analysis.passes import checked, evaluating
from bertlab.model import BertPreTrainedModel
from bertlab.recording import Recording, names, record

HEADS = ("token", "next_sentence", "classifier")
States = Recording | Sequence[torch.Tensor] | Mapping[str, torch.Tensor]


@torch.no_grad()
def layer_logits(
    model: BertPreTrainedModel, states: States, *, head: str | None = None, places: Iterable[int] | None = None
) -> torch.Tensor:
    """The logits of a head at every layer, from the embeddings (row 0) to the last layer (the model's own logits).

    Args:
        states: a recording of the hidden states; or the states themselves, (batch, sequence, hidden) each; or a batch
            for the model to run.
        head: "token" (vocabulary), "next_sentence" or "classifier" (labels, tags, choices, or answer start and end);
            the one that the model has when None, the vocabulary where it has two.
        places: positions at which heads with an answer for every token are read; all when None. The vocabulary is
            large: 12 layers x 128 places x 30,000 items are 200 MB.

    Returns:
        (layers + 1, batch, places, classes), or (layers + 1, batch, classes) for heads that read [CLS].

    Raises:
        LookupError: when the model has no such head. ValueError: for states that are not this model's.
    """
    head = _head_of(model, head)
    hidden_states = _hidden_states(model, states)
    if places is not None:
        if _reads_cls(model, head):
            raise ValueError(f"the {head} head reads [CLS] alone, so it has no places; leave them out")
        length = hidden_states[0].shape[1]
        places = [int(place) for place in places]
        if not places:
            raise ValueError("there are no places to read; give at least one, or None for all")
        wrong = [place for place in places if not 0 <= place < length]
        if wrong:
            raise ValueError(f"there is no place {wrong[0]}; the text has places 0 to {length - 1}")
        hidden_states = [hidden[:, places] for hidden in hidden_states]  # (batch, places, hidden)
    with evaluating(model):
        return torch.stack([_read(model, head, hidden).float() for hidden in hidden_states])


@dataclass(frozen=True)
class LensView:
    """What the layers say, read off logits (layers + 1, ..., classes).

    `probabilities`, `ids`: the most probable classes of each layer, (layers + 1, ..., top k); `entropy` of the whole
    distribution in nats, and `divergence` from the last layer's, KL(last || layer) in nats: (layers + 1, ...).
    With a truth, its `truth_probability` and `truth_rank` (1 is the best), else None.
    """

    probabilities: torch.Tensor
    ids: torch.Tensor
    entropy: torch.Tensor
    divergence: torch.Tensor
    truth_probability: torch.Tensor | None = None
    truth_rank: torch.Tensor | None = None


def view(logits: torch.Tensor, *, top_k: int = 5, truth: int | torch.Tensor | None = None) -> LensView:
    """Summarise the logits of all layers; `truth` is one class, or a tensor of classes (...) as the logits have."""
    classes = logits.shape[-1]
    if not 1 <= top_k <= classes:
        raise ValueError(f"top_k is {top_k}; give a whole number from 1 to {classes}")
    logs = logits.float().log_softmax(-1)
    probabilities = logs.exp()
    best = probabilities.topk(top_k)
    entropy = torch.special.entr(probabilities).sum(-1)
    divergence = (probabilities[-1] * (logs[-1] - logs)).sum(-1).clamp(min=0)
    if truth is None:
        return LensView(best.values, best.indices, entropy, divergence)
    truth = torch.as_tensor(truth, device=logits.device).expand(logits.shape[:-1]).unsqueeze(-1)
    if bool(((truth < 0) | (truth >= classes)).any()):
        raise ValueError(f"the truth is not among the {classes} classes; give numbers from 0 to {classes - 1}")
    of_truth = probabilities.gather(-1, truth)
    rank = (probabilities > of_truth).sum(-1) + 1
    return LensView(best.values, best.indices, entropy, divergence, of_truth.squeeze(-1), rank)


def _head_of(model: BertPreTrainedModel, head: str | None) -> str:
    heads = getattr(model, "cls", None)
    there = [
        name
        for name, present in (
            ("token", hasattr(heads, "predictions")),
            ("next_sentence", hasattr(heads, "seq_relationship")),
            ("classifier", hasattr(model, "classifier") or hasattr(model, "qa_outputs")),
        )
        if present
    ]
    if head is None and there:
        return there[0]
    if head not in there:
        raise LookupError(
            f"{type(model).__name__} has no {head or 'head'} to read its layers with; "
            f"it has {', '.join(there) or 'none'}"
        )
    return head


def _hidden_states(model: BertPreTrainedModel, states: States) -> list[torch.Tensor]:
    """layers + 1 tensors (texts, sequence, hidden)."""
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
    if isinstance(states, Mapping) and not isinstance(states, Recording):
        with evaluating(model), record(model, names.all_hidden()) as recording:
            model(**checked(states, model), return_dict=True)
        states = recording
    if isinstance(states, Recording):
        states = [states.hidden(layer) for layer in range(layers + 1)]
    states = list(states)
    if len(states) != layers + 1 or any(state.dim() != 3 or state.shape[-1] != width for state in states):
        shapes = tuple(states[0].shape) if states else ()
        raise ValueError(
            f"given are {len(states)} states of shape {shapes}; the model has {layers + 1} "
            f"(embeddings and {layers} layers) of (batch, sequence, {width})"
        )
    return [state.to(device=model.device, dtype=model.dtype) for state in states]


def _reads_cls(model: BertPreTrainedModel, head: str) -> bool:
    return head == "next_sentence" or (head == "classifier" and model.base_model.pooler is not None)


def _read(model: BertPreTrainedModel, head: str, hidden: torch.Tensor) -> torch.Tensor:
    """(texts, places, hidden) -> (texts, places, classes) or (texts, classes)."""
    if head == "token":
        return model.cls.predictions(hidden)
    if not _reads_cls(model, head):
        return (model.classifier if hasattr(model, "classifier") else model.qa_outputs)(hidden)
    pooled = model.base_model.pooler(hidden)
    return (model.cls.next_sentence if head == "next_sentence" else model.classifier)(pooled)
