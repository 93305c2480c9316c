"""Pictures of what `bertlab.analysis` measures: tensors in, matplotlib Axes out.

Every function draws on `ax`, or on a new figure when it is None, and returns the Axes; nothing is shown, saved or
styled globally. Weights run from white (0) to dark blue; differences from violet (below 0) through white to orange.
Both scales are safe for colour-blind eyes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bertlab.analysis.attribution import Faithfulness
    from bertlab.analysis.lens import LensView

WEIGHTS, DIFFERENCES = "Blues", "PuOr_r"
ORANGE, VIOLET = "#b35806", "#5e3c99"  # above and below 0, the ends of that scale
LABELLED = 64  # tokens; beyond, their names would run into each other


def attention_map(
    probs: torch.Tensor, tokens: Sequence[str], *, ax: Axes | None = None, title: str = "", top: float | None = 1.0
) -> Axes:
    """Weights of one head as a matrix: a row for each token that looks, a column for each it looks at.

    Args:
        probs: (query, key). Negative weights, such as differences, get the two-sided scale.
        tokens: the pieces of the text, one a row and column.
        top: the weight that is darkest; the largest there is when None.

    Raises:
        ValueError: when `probs` is no matrix, or the tokens are not as many as its sides.
    """
    weights = _matrix(probs, "probs")
    if weights.shape != (len(tokens), len(tokens)):
        raise ValueError(f"probs has shape {tuple(weights.shape)} for {len(tokens)} tokens; give one a row and column")
    size = min(9.0, 2.5 + 0.22 * len(tokens))
    ax = _axes(ax, (size + 1, size))
    image = _image(ax, weights, top)
    if len(tokens) <= LABELLED:
        ax.set_xticks(range(len(tokens)), tokens, rotation=90, family="monospace", fontsize=8)
        ax.set_yticks(range(len(tokens)), tokens, family="monospace", fontsize=8)
    ax.set(title=title, xlabel="is looked at", ylabel="looks")
    _colour_bar(ax, image)
    return ax


def head_map(
    values: torch.Tensor, *, ax: Axes | None = None, title: str = "", label: str = "", top: float | None = None
) -> Axes:
    """One number for each head, (layers, heads), layer 0 at the bottom: statistics, or changes by ablation."""
    values = _matrix(values, "values")
    layers, heads = values.shape
    ax = _axes(ax, (2 + 0.4 * heads, 1.5 + 0.4 * layers))
    image = _image(ax, values, top, origin="lower")
    ax.set_xticks(range(heads))
    ax.set_yticks(range(layers))
    ax.set(title=title, xlabel="head", ylabel="layer")
    _colour_bar(ax, image, label)
    return ax


def attention_grid(attention: Iterable[torch.Tensor], *, title: str = "") -> Any:
    """All heads of all layers as small maps, layer 0 at the bottom: a Figure.

    `attention` holds (heads, query, key) for each layer. Brightness is the square root of the weight, so that small
    ones are seen.
    """
    import matplotlib.pyplot as pyplot

    layers = [weights.detach().float().cpu() for weights in attention]
    if not layers or any(weights.dim() != 3 for weights in layers):
        raise ValueError("attention must hold (heads, query, key) for each layer; take one text of the batch")
    heads = max(len(weights) for weights in layers)
    figure, grid = pyplot.subplots(
        len(layers), heads, squeeze=False, figsize=(0.8 * heads + 0.6, 0.8 * len(layers) + 0.6), layout="constrained"
    )
    for layer, row in zip(range(len(layers) - 1, -1, -1), grid):
        for head, ax in enumerate(row):
            if head >= len(layers[layer]):  # pruned
                ax.set_axis_off()
                continue
            ax.imshow(layers[layer][head].clamp(min=0).sqrt().numpy(), cmap=WEIGHTS, vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            if head == 0:
                ax.set_ylabel(str(layer), rotation=0, ha="right", va="center")
            if layer == 0:
                ax.set_xlabel(str(head))
    figure.supxlabel("head")
    figure.supylabel("layer")
    figure.suptitle(title)
    return figure


def token_scores(
    scores: torch.Tensor, tokens: Sequence[str], *, ax: Axes | None = None, title: str = "", label: str = "score"
) -> Axes:
    """A bar for each token, (sequence,): attributions, or log-probabilities. The first token is at the top."""
    values = scores.detach().float().cpu()
    if values.dim() != 1 or len(values) != len(tokens):
        raise ValueError(f"scores has shape {tuple(values.shape)} for {len(tokens)} tokens; give one a token")
    ax = _axes(ax, (6, 1 + 0.22 * len(tokens)))
    colours = [ORANGE if value > 0 else VIOLET for value in values.tolist()]
    ax.barh(range(len(tokens)), values.numpy(), color=colours)
    ax.set_yticks(range(len(tokens)), tokens, family="monospace")
    ax.invert_yaxis()
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set(title=title, xlabel=label)
    return ax


def lens_map(
    view: LensView,
    names: Sequence[Sequence[str]],
    *,
    tokens: Sequence[str] = (),
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """What every layer predicts at some places: the best word in each cell, darker where it is surer.

    Args:
        view: from `bertlab.analysis.lens.view`, of one text: (layers + 1, places, top k).
        names: the best word of each cell, [layer][place], the last layer last.
        tokens: what stands at the places in the text.
    """
    best = _matrix(view.probabilities[..., 0], "the view's probabilities")
    if len(names) != best.shape[0] or any(len(row) != best.shape[1] for row in names):
        raise ValueError(f"names must be {best.shape[0]} rows of {best.shape[1]} words; give one for each cell")
    ax = _axes(ax, (1.5 + 1.1 * best.shape[1], 1 + 0.4 * best.shape[0]))
    image = _image(ax, best, 1.0, origin="lower", aspect="auto")
    for layer, row in enumerate(names):
        for place, name in enumerate(row):
            colour = "white" if best[layer, place] > 0.6 else "black"
            ax.text(place, layer, name, ha="center", va="center", color=colour, fontsize=8, family="monospace")
    ax.set_yticks(range(best.shape[0]), ["embeddings", *map(str, range(best.shape[0] - 1))])
    ax.set_xticks(range(best.shape[1]), tokens or None, family="monospace")
    ax.set(title=title, xlabel="place", ylabel="after layer")
    _colour_bar(ax, image, "probability of the best word")
    return ax


def faithfulness_curve(result: Faithfulness, *, row: int = 0, ax: Axes | None = None, title: str = "") -> Axes:
    """How far the probability falls without the highest tokens, and with them alone, beside tokens in random order."""
    ax = _axes(ax, (5.5, 3.5))
    share = [100 * fraction for fraction in result.fractions]
    for name, marker, colour in (("comprehensiveness", "o", ORANGE), ("sufficiency", "s", VIOLET)):
        ax.plot(share, getattr(result, name)[:, row].tolist(), marker=marker, color=colour, label=name)
        chance = getattr(result, f"random_{name}")[:, row].tolist()
        label = f"{name}, random order"
        ax.plot(share, chance, marker=marker, markersize=3, color=colour, alpha=0.6, linestyle="--", label=label)
    ax.set(title=title, xlabel="tokens, %", ylabel="fall of the probability")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as pyplot

    return pyplot.subplots(figsize=size, layout="constrained")[1]


def _matrix(values: torch.Tensor, name: str) -> torch.Tensor:
    values = torch.as_tensor(values).detach().float().cpu()
    if values.dim() != 2:
        raise ValueError(f"{name} has shape {tuple(values.shape)}; give two axes; choose a text, layer or head first")
    return values


def _image(ax: Axes, values: torch.Tensor, top: float | None, **options: Any) -> Any:
    known = values[values.isfinite()]
    largest = top or (float(known.abs().max()) if len(known) else 0.0) or 1.0
    signed = bool((known < 0).any())
    scale = {"cmap": DIFFERENCES, "vmin": -largest, "vmax": largest} if signed else {
        "cmap": WEIGHTS, "vmin": 0, "vmax": largest
    }  # fmt: skip
    return ax.imshow(values.numpy(), interpolation="nearest", **scale, **options)


def _colour_bar(ax: Axes, image: Any, label: str = "") -> None:
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label=label)
