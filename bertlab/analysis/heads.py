"""Which heads a model has: their numbers are those of the unpruned model, their places those among the heads left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bertlab.model import BertPreTrainedModel

Heads = Iterable[tuple[int, int]] | Mapping[int, Iterable[int]]


def head_numbers(model: BertPreTrainedModel, layer: int) -> list[int]:
    """The heads that a layer still has, by their numbers in the unpruned model."""
    attention = model.base_model.encoder.layer[layer].attention
    total = attention.self.num_attention_heads + len(attention.pruned_heads)
    return [head for head in range(total) if head not in attention.pruned_heads]


def remaining_heads(model: BertPreTrainedModel) -> dict[int, list[int]]:
    """{layer: numbers of its heads}."""
    return {layer: head_numbers(model, layer) for layer in range(len(model.base_model.encoder.layer))}


def places_by_layer(model: BertPreTrainedModel, heads: Heads) -> dict[int, list[int]]:
    """{layer: places of the chosen heads among those that the layer still has}, in the order of the layers.

    Raises:
        TypeError: when it is neither pairs nor a mapping. ValueError: for layers and heads that are not there.
    """
    if isinstance(heads, Mapping):
        heads = [(layer, head) for layer, chosen in heads.items() for head in chosen]
    chosen: dict[int, set[int]] = {}
    layers = len(model.base_model.encoder.layer)
    for pair in heads:
        try:
            layer, head = (int(number) for number in pair)
        except (TypeError, ValueError):
            raise TypeError(f"heads are (layer, head) pairs, such as [(2, 5)]; given was {pair!r}") from None
        if not 0 <= layer < layers:
            raise ValueError(f"there is no layer {layer}; the model has layers 0 to {layers - 1}")
        numbers = head_numbers(model, layer)
        if head not in numbers:
            raise ValueError(f"there is no head {head} in layer {layer}; it has heads {listed(numbers)}")
        chosen.setdefault(layer, set()).add(numbers.index(head))
    return {layer: sorted(chosen[layer]) for layer in sorted(chosen)}


def listed(numbers: list[int]) -> str:
    """Numbers as a reader would write them: "0 to 3", "1, 4" or "none"."""
    if not numbers:
        return "none"
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{numbers[0]} to {numbers[-1]}" if whole and len(numbers) > 1 else ", ".join(map(str, numbers))
