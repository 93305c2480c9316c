"""14 Decoding: the causal mask, logits with a cache, top-p."""

from __future__ import annotations

from typing import Any

from bertlab.check.verdict import Differs, call, close, compare, exercise, shipped_lab
from bertlab.language import say

TEXTS = ("Once upon a time there was a fisherman who", "The old man")


@exercise("14.1")
def causal(answer: Any) -> str:
    """Asked for: `causal(length)`: (length, length) of booleans, True where the query may look at the key."""
    import torch

    for length in (5, 9, 2, 1):
        right = torch.ones(length, length).tril()
        given = call(answer, length, shown=say("{length} tokens", length=length))
        hints = [
            (right.T, say("Queries are rows and keys are columns: a query looks at what is left of it.")),
            (right - torch.eye(length), say("A token may look at itself; else the first one could look at nothing.")),
            (1 - right, say("True means that the query may look.")),
            (torch.ones(length, length), say("Every query sees every key, the future included.")),
            (
                torch.where(right > 0, 0.0, float("-inf")),
                say("Booleans were asked for, not what is added to the scores."),
            ),
        ]
        hints = [hint for hint in hints if not torch.equal(hint[0].float(), right)]
        compare(given, right, say("the mask of {length} tokens", length=length), 0, hints)
    return say("right for 5, 9, 2 tokens and for one.")


class _Counted:
    """A model that remembers how many tokens each call brought."""

    def __init__(self, model: Any):
        self.model = model
        self.calls: list[int] = []

    def __call__(self, input_ids: Any = None, *arguments: Any, **options: Any) -> Any:
        self.calls.append(int(input_ids.shape[1]))
        return self.model(input_ids, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@exercise("14.2")
def cached(answer: Any) -> str:
    """Asked for: `cached(model, ids)`: the logits of a whole pass, one token a call."""
    import torch

    lab = shipped_lab()
    writer = lab.task_model("generation")
    for text in TEXTS:
        ids = lab.tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        counted = _Counted(writer)
        with torch.no_grad():
            given = call(answer, counted, ids.clone(), shown=say("the ids of {text!r}", text=text))
            right = writer(ids).logits
            alone = torch.cat([writer(ids[:, place : place + 1]).logits for place in range(ids.shape[1])], dim=1)
        hints = [
            (alone, say("Every token is alone: give the cache of the call before, past_key_values.")),
            (right[:, -1:], say("The logits of the last token only; keep those of every call.")),
            (right[:, -1], say("The logits of the last token only; keep those of every call.")),
            (right.transpose(0, 1), say("Join the pieces along the sequence, axis 1.")),
            (right[0], say("Keep the batch axis: (1, sequence, vocabulary).")),
        ]
        compare(given, right, say("the logits"), 1e-4, hints)
        if counted.calls != [1] * ids.shape[1]:
            raise Differs(
                say("the logits are right, but the calls brought {counts} tokens.", counts=counted.calls),
                say("One token a call: what is in the cache need not be given again."),
                share=0.5,
            )
    return say("equal to one whole pass for {count} texts, one token a call.", count=len(TEXTS))


def keep_top_p(probabilities: Any, p: float) -> Any:
    """The fewest most probable entries that reach p, set to sum to 1."""
    ordered, places = probabilities.sort(descending=True)
    kept = probabilities * 0
    chosen = ordered.cumsum(0) - ordered < p
    kept[places[chosen]] = ordered[chosen]
    return kept / kept.sum()


@exercise("14.3")
def top_p(answer: Any) -> str:
    """Asked for: `top_p(probabilities, p)`: the fewest most probable that reach p, summing to 1 again."""
    import torch

    cases = [
        ([0.1, 0.4, 0.05, 0.3, 0.15], 0.6),
        ([0.1, 0.4, 0.05, 0.3, 0.15], 0.8),
        ([0.9, 0.06, 0.04], 0.5),
        ([0.25, 0.35, 0.4], 1.0),
    ]
    for values, p in cases:
        probabilities = torch.tensor(values, dtype=torch.float64)
        right = keep_top_p(probabilities, p)
        given = call(answer, probabilities.clone(), p, shown=say("{values} and p {p}", values=values, p=p))
        ordered = probabilities.sort(descending=True).values
        below = probabilities * (probabilities > ordered[min(int((ordered.cumsum(0) <= p).sum()), len(values) - 1)])
        above = probabilities * (probabilities >= p)
        hints = [
            (right * probabilities[right > 0].sum(), say("What is kept has to sum to 1 again.")),
            (below / below.sum().clamp(min=1e-9), say("The one that reaches p is kept too; at least one always is.")),
            (above / above.sum().clamp(min=1e-9), say("p is a sum over the most probable, not a limit for each.")),
            (right.sort(descending=True).values, say("Everything stays in its place; only the sum goes by size.")),
            (right.log(), say("Probabilities were asked for, not their logarithms.")),
            (probabilities, say("Nothing was cut.")),
        ]
        compare(
            given,
            right,
            say("the answer for {values} and p {p}", values=values, p=p),
            1e-6,
            [h for h in hints if not close(h[0], right, 1e-6)],
        )
    return say("the fewest that reach p, for {count} distributions.", count=len(cases))
