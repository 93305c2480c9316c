"""13 Interventions: the measure of patching, one patch by hand, integrated gradients."""

from __future__ import annotations

import functools
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, close, compare, exercise, shipped_lab
from bertlab.language import say

CLEAN, CORRUPT, PLACE, WORD = "The capital of France is [MASK].", "The capital of Italy is [MASK].", 6, "paris"


@exercise("13.1")
def restored(answer: Any) -> str:
    """Asked for: `restored(patched, clean, corrupt)` = (patched - corrupt) / (clean - corrupt)."""
    import torch

    cases = [
        (torch.tensor([-1.0, -6.0, -3.0, 0.5]), torch.tensor(-1.0), torch.tensor(-6.0)),
        (torch.tensor([0.2, 0.9]), torch.tensor(0.1), torch.tensor(0.8)),
    ]
    for patched, clean, corrupt in cases:
        right = (patched - corrupt) / (clean - corrupt)
        shown = say(
            "patched {patched}, clean {clean:g}, corrupt {corrupt:g}",
            patched=patched.tolist(),
            clean=float(clean),
            corrupt=float(corrupt),
        )
        given = call(answer, patched.clone(), clean.clone(), corrupt.clone(), shown=shown)
        hints = [
            (1 - right, say("Clean and corrupt are swapped: 1 is fully restored.")),
            (patched - corrupt, say("Divide by the distance of clean and corrupt.")),
            ((patched - corrupt) / clean, say("Divide by the distance of clean and corrupt, not by clean.")),
            ((patched - corrupt) / (corrupt - clean), say("The sign of the denominator: clean − corrupt.")),
            (right.clamp(0, 1), say("Values below 0 and above 1 are possible, and tell something: do not cut them.")),
            (patched / clean, say("The corrupt run is the zero of the scale.")),
        ]
        compare(given, right, say("the effect"), 1e-5, hints)
    return say("1 for the clean run, 0 for the corrupt one, and everything between and beyond.")


@functools.cache
def patches() -> dict[str, Any]:
    """ln p of the word in the corrupt run with one hidden state of the clean run: (layers, places); beside it the
    corrupt and the clean run, and the patches the other way round."""
    import torch

    from bertlab.analysis import patching, targets

    lab = shipped_lab()
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    word = lab.tokenizer.convert_tokens_to_ids(WORD)
    target = targets.masked_token(place=PLACE, token=word, measure="log_probability")
    found = patching.patch(lab.model, clean, corrupt, target, what="hidden")
    back = patching.patch(lab.model, corrupt, clean, target, what="hidden")
    with torch.no_grad():
        ends = [float(targets.evaluate(lab.model, batch, target)) for batch in (clean, corrupt)]
    turned = [ends[0] + float(value) * (ends[1] - ends[0]) for value in back.effect[1:].flatten()]
    return {
        "right": ends[1] + found.effect[1:] * (ends[0] - ends[1]),
        "turned": torch.tensor(turned).view_as(found.effect[1:]),
        "clean": ends[0],
        "corrupt": ends[1],
    }


@exercise("13.2")
def one_patch(answer: Any) -> str:
    """Asked for: `patched(layer, place)`: ln p of the word at the mask, one hidden state taken from the clean run."""
    values = patches()
    layers, places = values["right"].shape
    asked = [(0, 4), (2, 4), (3, 6), (layers - 1, 6), (1, 0), (layers - 1, places - 1)]
    for layer, place in asked:
        right = float(values["right"][layer, place])
        given = as_tensor(
            call(answer, layer, place, shown=say("layer {layer} and place {place}", layer=layer, place=place)),
            say("ln p"),
        )
        hints = [
            (values["corrupt"], say("This is the corrupt run as it is: nothing was put into it.")),
            (values["clean"], say("This is the clean run as it is.")),
            (
                float(values["turned"][layer, place]),
                say("The two sentences are swapped: Italy is run, France is put in."),
            ),
            (2.718281828**right, say("This is the probability; its logarithm was asked for.")),
        ]
        if layer + 1 < layers:
            hints.append(
                (float(values["right"][layer + 1, place]), say("This is one layer too high: layers count from 0."))
            )
        hints = [pair for pair in hints if not close(as_tensor(pair[0], "p"), as_tensor(right, "p"), 2e-3)]
        compare(
            given, right, say("ln p with layer {layer}, place {place} put in", layer=layer, place=place), 1e-3, hints
        )
    return say("equal to the library's for {count} places, to 1e-3.", count=len(asked))


@exercise("13.3")
def integrate(answer: Any) -> str:
    """Asked for: `integrate(gradient, start, end, steps)`: mean gradient at the midpoints, times (end - start)."""
    import torch

    def value(x: Any) -> Any:
        return (x**3).sum() + x[0] * x[1] + x.sin().sum()

    def gradient(x: Any) -> Any:
        x = torch.as_tensor(x, dtype=torch.float64)
        return 3 * x**2 + torch.cat([x[1:2], x[0:1], torch.zeros_like(x[2:])]) + x.cos()

    def mean_at(shift: float, start: Any, end: Any, steps: int) -> Any:
        points = [start + (number + shift) / steps * (end - start) for number in range(steps)]
        return sum(gradient(point) for point in points) / steps

    for first, last, steps in (([0.0, 0, 0], [1.0, -2, 0.5], 50), ([0.5, 1, -1], [-1.0, 2, 3], 80)):
        start, end = (torch.tensor(x, dtype=torch.float64) for x in (first, last))
        right = mean_at(0.5, start, end, steps) * (end - start)
        shown = say("{steps} steps from {start} to {end}", steps=steps, start=start.tolist(), end=end.tolist())
        given = call(answer, gradient, start.clone(), end.clone(), steps, shown=shown)
        hints = [
            (
                mean_at(0.0, start, end, steps) * (end - start),
                say("The points stand at the beginning of each piece, not its middle."),
            ),
            (
                mean_at(1.0, start, end, steps) * (end - start),
                say("The points stand at the end of each piece, not its middle."),
            ),
            (mean_at(0.5, start, end, steps), say("The mean gradient still has to be multiplied by (end − start).")),
            (mean_at(0.5, start, end, steps) * end, say("Multiply by (end − start), not by the end.")),
            (gradient(end) * (end - start), say("This is the gradient at the end alone (gradient x input).")),
            (right * steps, say("This is the sum of the gradients; their mean was asked for.")),
            (right.sum(), say("One share for each input; here they are added up.")),
        ]
        compare(given, right, say("the shares"), 1e-6, hints)
        whole = float(value(end) - value(start))
        if abs(float(as_tensor(given, say("the shares")).sum()) - whole) > 1e-3 * max(1.0, abs(whole)):
            raise Differs(say("the shares do not add up to the difference of the function."))
    return say("the shares add up to the difference of the function, in two cases.")
