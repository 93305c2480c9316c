"""Which input tokens a prediction rests on, and whether that is true.

All methods score tokens for one number of the output, a `Target`: (batch, sequence), or (batch, choices, sequence)
in multiple choice. Positive scores speak for the prediction, negative ones against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from bertlab.analysis.passes import (
    Batch,
    Progress,
    checked,
    evaluating,
    in_copies,
    real_tokens,
    repeated,
    report,
    rows_of,
    tokens_of,
    whole_number,
)
from bertlab.analysis.targets import Metric, Target, evaluate, one_number, resolved
from bertlab.model import BertPreTrainedModel

Baseline = int | str | torch.Tensor


@dataclass(frozen=True)
class Attribution:
    """Scores of tokens for one number.

    `scores` (batch, sequence); `value` (batch,), the number itself; `baseline_value`, the number at the baseline, and
    `gap`, the sum of the scores minus (value - baseline_value): 0 when the scores are complete. Both are None for
    methods that promise no completeness. `target` has its index filled in.
    """

    method: str
    scores: torch.Tensor
    value: torch.Tensor
    target: Metric
    baseline_value: torch.Tensor | None = None
    gap: torch.Tensor | None = None

    def table(self, tokens: Sequence[str], row: int = 0) -> list[dict[str, object]]:
        """Token by token, for one text of the batch."""
        scores = self.scores[row].tolist()
        if len(tokens) != len(scores):
            raise ValueError(f"{len(tokens)} tokens were given for {len(scores)} scores; give one a place")
        return [{"place": i, "token": t, "score": s} for i, (t, s) in enumerate(zip(tokens, scores))]


def gradient_x_input(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], target: Metric) -> Attribution:
    """The gradient at each word vector times the vector: what a straight line through the present point says
    (Shrikumar et al. 2016; Denil et al. 2014). One pass."""
    batch, target, vectors = _prepared(model, batch, target)
    value, gradient = _gradient(model, batch, target, vectors)
    return Attribution("gradient x input", (gradient * vectors).sum(-1).float(), value, target)


def integrated_gradients(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    target: Metric,
    *,
    baseline: Baseline = "zero",
    keep: torch.Tensor | None = None,
    steps: int = 32,
    tokens_per_pass: int = 256,
    progress: Progress | None = None,
) -> Attribution:
    """The gradient averaged on the way from a baseline to the input, times that way (Sundararajan et al. 2017,
    equation 1). The scores sum to the value minus the baseline's value; `gap` says how nearly.

    The integral is taken by Gauss-Legendre quadrature, several steps a pass.

    Args:
        baseline: what stands for "no information" in every place: a token id (`tokenizer.mask_token_id`), "pad",
            "zero" (word vectors of zeros), ids (batch, sequence) or word vectors (batch, sequence, hidden). Positions
            and token types stay.
        keep: (batch, sequence) or (sequence,), marks places that are the same in the baseline, such as special
            tokens; they score 0.
        steps: points on the way.
        tokens_per_pass: how many tokens run together; more is faster and takes more memory.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for a baseline or `keep` that does not fit, or less than one step.
    """
    import numpy

    steps = whole_number(steps, "steps", 1)
    batch, target, vectors = _prepared(model, batch, target)
    start = _baseline_vectors(model, batch, vectors, baseline, keep)
    way = vectors - start
    nodes, shares = numpy.polynomial.legendre.leggauss(steps)  # on -1 ... 1
    points = torch.tensor((nodes + 1) / 2, dtype=vectors.dtype, device=vectors.device)
    weights = torch.tensor(shares / 2, dtype=vectors.dtype, device=vectors.device)
    rows, total = rows_of(batch), torch.zeros_like(vectors)
    together = max(1, tokens_per_pass // tokens_of(batch))
    for at in range(0, steps, together):
        some = points[at : at + together].view(-1, *[1] * vectors.dim())
        between = (start + some * way).flatten(0, 1)  # (steps of the pass x batch, sequence, hidden)
        with in_copies(len(some)):
            _, gradient = _gradient(model, repeated(batch, len(some)), target, between)
        weight = weights[at : at + together].view(-1, *[1] * vectors.dim())
        total += (weight * gradient.unflatten(0, (-1, rows))).sum(0)
        report(progress, (at + len(some)) / steps)
    scores = (total * way).sum(-1).float()
    value, at_baseline = (_value(model, batch, target, x) for x in (vectors, start))
    gap = scores.flatten(1).sum(1) - (value - at_baseline).float()
    return Attribution("integrated gradients", scores, value, target, at_baseline, gap)


def occlusion(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    target: Metric,
    *,
    replacement: int | Literal["hide"] = "hide",
    groups: Iterable[Sequence[int]] | None = None,
    tokens_per_pass: int = 512,
    progress: Progress | None = None,
) -> Attribution:
    """How much the number falls when a token is taken away (Zeiler & Fergus 2014; Li et al. 2016 for text).

    Args:
        replacement: a token id put in its place (`tokenizer.mask_token_id`), or "hide": nobody may look at it.
        groups: lists of places to take away together, such as the pieces of a word; each gets its group's score.
            Places in no group score 0. Every real token by itself when None.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for word vectors in place of ids, a replacement that is none, places that are not there or stand in
            two groups.
    """
    batch = _with_ids(model, batch)
    real = real_tokens(batch)
    length = real.shape[-1]
    groups = [[place] for place in range(length)] if groups is None else [list(group) for group in groups]
    places = [place for group in groups for place in group]
    if not places:
        raise ValueError("groups hold no places to take away; give at least one, or None for every token")
    wrong = [place for place in places if not 0 <= place < length]
    if wrong:
        raise ValueError(f"there is no place {wrong[0]} to take away; the text has places 0 to {length - 1}")
    if len(set(places)) < len(places):
        raise ValueError("a place stands in two groups; put each into one")
    gone = []  # (batch, sequence) or (batch, choices, sequence) of booleans: what each case takes away
    for part in range(real.shape[1]) if real.dim() == 3 else [slice(None)]:  # from one choice at a time
        for group in groups:
            marks = torch.zeros_like(real)
            (marks[:, part] if real.dim() == 3 else marks)[:, group] = True
            gone.append(marks & real)
    with torch.no_grad(), evaluating(model):
        target = resolved(model, batch, target)
        value = one_number(evaluate(model, batch, target))
        scores = torch.zeros(real.shape, device=value.device)
        values = _values_without(model, batch, target, gone, replacement, tokens_per_pass, progress)
        for marks, without in zip(gone, values):
            scores += marks * (value - without).view(-1, *[1] * (real.dim() - 1))
    return Attribution("occlusion", scores, value, target)


@dataclass(frozen=True)
class Faithfulness:
    """Whether the tokens with the highest scores are those that the prediction needs (DeYoung et al. 2020, section 4).

    For each of `fractions` of the tokens, highest scores first, (fractions, batch): `comprehensiveness`, how far the
    probability falls without them (large is good); `sufficiency`, how far it falls with nothing but them (small is
    good). `random_comprehensiveness` and `random_sufficiency` are the same for tokens in random order, the chance
    level that any method has to beat.
    """

    fractions: tuple[float, ...]
    comprehensiveness: torch.Tensor
    sufficiency: torch.Tensor
    random_comprehensiveness: torch.Tensor
    random_sufficiency: torch.Tensor

    def area(self, name: str = "comprehensiveness") -> torch.Tensor:
        """(batch,): the mean over the fractions, the paper's AOPC (its equation 3)."""
        curves = ("comprehensiveness", "sufficiency", "random_comprehensiveness", "random_sufficiency")
        if name not in curves:
            raise LookupError(f"there is no curve {name!r}; there are {', '.join(curves)}")
        return getattr(self, name).mean(0)


def faithfulness(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    target: Metric,
    scores: torch.Tensor,
    *,
    fractions: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.5),
    replacement: int | Literal["hide"] = "hide",
    keep: torch.Tensor | None = None,
    random_orders: int = 5,
    seed: int = 0,
    tokens_per_pass: int = 512,
    progress: Progress | None = None,
) -> Faithfulness:
    """Take away the tokens that an attribution ranks highest, and then all but them; what happens to the probability?

    Args:
        target: measured as a probability, also where it was attributed as a logit (a regression's number as it is).
            A function of the output is taken as it is.
        scores: as an attribution's `scores`.
        fractions: of the tokens that count, rounded up; those of the paper by default.
        replacement: how tokens are taken away, as in `occlusion`.
        keep: marks tokens that always stay and do not count, such as special tokens and the masked place.
        random_orders: how many random orders to average, drawn from `seed`.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for scores of another shape, no fractions or such as are none, and less than one random order.
    """
    batch = _with_ids(model, batch)
    real = real_tokens(batch)
    if scores.shape != real.shape:
        raise ValueError(f"scores have shape {tuple(scores.shape)} for tokens {tuple(real.shape)}; give one a token")
    if not fractions or not all(0 < fraction <= 1 for fraction in fractions):
        raise ValueError(f"fractions are {list(fractions)}; give shares above 0 and up to 1")
    random_orders = whole_number(random_orders, "random_orders", 1)
    candidates = real if keep is None else real & ~_marked(keep, real, "keep")
    with torch.no_grad(), evaluating(model):
        target = resolved(model, batch, target)
        if isinstance(target, Target) and target.measure != "probability" and not _is_regression(model, target):
            target = replace(target, measure="probability")
        value = one_number(evaluate(model, batch, target))
    generator = torch.Generator().manual_seed(seed)
    orders = [scores.float().cpu()] + [torch.rand(real.shape, generator=generator) for _ in range(random_orders)]
    gone = []
    for order in orders:
        for fraction in fractions:
            highest = _highest(order.to(real.device), candidates, fraction)
            gone += [highest, candidates & ~highest]
    with torch.no_grad(), evaluating(model):
        steps = _values_without(model, batch, target, gone, replacement, tokens_per_pass, progress)
        values = torch.stack(list(steps))
    falls = (value - values).view(len(orders), len(fractions), 2, -1)  # (orders, fractions, which curve, batch)
    chance = falls[1:].mean(0)
    return Faithfulness(tuple(fractions), falls[0, :, 0], falls[0, :, 1], chance[:, 0], chance[:, 1])


# -- helpers -------------------------------------------------------------------------------------------------------


def _prepared(
    model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], target: Metric
) -> tuple[Batch, Metric, torch.Tensor]:
    """The batch with word vectors instead of ids, the target with its index, and the vectors (..., hidden)."""
    batch = checked(batch, model)
    with evaluating(model):
        target = resolved(model, batch, target)
    if "input_ids" in batch:
        batch["inputs_embeds"] = model.get_input_embeddings()(batch.pop("input_ids")).detach()
    return batch, target, batch["inputs_embeds"].detach()


def _gradient(
    model: BertPreTrainedModel, batch: Batch, target: Metric, vectors: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The number of each row, and its gradient at the row's word vectors."""
    vectors = vectors.detach().requires_grad_()
    with evaluating(model), torch.enable_grad():
        value = one_number(evaluate(model, {**batch, "inputs_embeds": vectors}, target))
        (gradient,) = torch.autograd.grad(value.sum(), vectors)
    return value.detach(), gradient


@torch.no_grad()
def _value(model: BertPreTrainedModel, batch: Batch, target: Metric, vectors: torch.Tensor) -> torch.Tensor:
    with evaluating(model):
        return one_number(evaluate(model, {**batch, "inputs_embeds": vectors}, target))


def _baseline_vectors(
    model: BertPreTrainedModel, batch: Batch, vectors: torch.Tensor, baseline: Baseline, keep: torch.Tensor | None
) -> torch.Tensor:
    """(batch, sequence, hidden): the word vectors at which the way begins."""
    table, shape = model.get_input_embeddings(), tuple(vectors.shape)
    if isinstance(baseline, str):
        if baseline not in ("zero", "pad"):
            raise ValueError(f"baseline is {baseline!r}; give 'zero', 'pad', a token id, ids or word vectors")
        if baseline == "pad" and model.config.pad_token_id is None:
            raise ValueError("baseline is 'pad', but the configuration has no pad_token_id; give a token id")
        baseline = torch.zeros_like(vectors) if baseline == "zero" else int(model.config.pad_token_id)
    if isinstance(baseline, int):
        baseline = torch.full(shape[:-1], baseline, device=vectors.device)
    if not baseline.is_floating_point():
        if tuple(baseline.shape) != shape[:-1] or bool(((baseline < 0) | (baseline >= table.num_embeddings)).any()):
            raise ValueError(
                f"the baseline has shape {tuple(baseline.shape)} and ids up to {int(baseline.max())}; "
                f"give {shape[:-1]} and ids from 0 to {table.num_embeddings - 1}"
            )
        baseline = table(baseline.to(vectors.device)).detach()
    if tuple(baseline.shape) != shape:
        raise ValueError(f"the baseline has shape {tuple(baseline.shape)}; word vectors have {shape}")
    stays = ~real_tokens(batch)
    if keep is not None:
        stays = stays | _marked(keep, stays, "keep")
    return torch.where(stays[..., None], vectors, baseline.to(vectors))


def _values_without(
    model: BertPreTrainedModel,
    batch: Batch,
    target: Metric,
    gone: list[torch.Tensor],
    replacement: int | Literal["hide"],
    tokens_per_pass: int,
    progress: Progress | None,
) -> Iterator[torch.Tensor]:
    """The number (batch,) without the tokens that each of `gone` marks, several of them in one pass."""
    if replacement != "hide" and (not isinstance(replacement, int) or not 0 <= replacement < model.config.vocab_size):
        last = model.config.vocab_size - 1
        raise ValueError(f"replacement is {replacement!r}; give 'hide' or an id from 0 to {last}")
    together = max(1, tokens_per_pass // tokens_of(batch))
    for at in range(0, len(gone), together):
        marks = torch.cat(gone[at : at + together])  # (copies x batch, sequence)
        copies = len(marks) // rows_of(batch)
        several = repeated(batch, copies)
        if replacement == "hide":
            several["attention_mask"] = real_tokens(several).long() * ~marks
        else:
            several["input_ids"] = several["input_ids"].masked_fill(marks, replacement)
        with in_copies(copies):
            values = one_number(evaluate(model, several, target)).unflatten(0, (copies, -1))
        report(progress, min(at + together, len(gone)) / len(gone))
        yield from values


def _highest(scores: torch.Tensor, candidates: torch.Tensor, fraction: float) -> torch.Tensor:
    """Marks the candidates with the highest scores, a fraction of each row's, rounded up; ties go to the earlier."""
    flat, allowed = scores.flatten(1), candidates.flatten(1)
    order = flat.masked_fill(~allowed, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1)
    count = (allowed.sum(1, keepdim=True) * fraction - 1e-6).ceil()  # so that 0.1 of 10 is 1, in spite of rounding
    return ((rank < count) & allowed).view_as(candidates)


def _with_ids(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Batch:
    batch = checked(batch, model)
    if "input_ids" not in batch:
        raise ValueError("tokens are taken away by their ids; give input_ids instead of inputs_embeds")
    return batch


def _marked(marks: torch.Tensor, like: torch.Tensor, name: str) -> torch.Tensor:
    if marks.shape not in (like.shape, like.shape[-1:]):
        raise ValueError(f"{name} has shape {tuple(marks.shape)}; give {tuple(like.shape)} or {tuple(like.shape[-1:])}")
    return marks.bool().to(like.device).expand_as(like)


def _is_regression(model: BertPreTrainedModel, target: Target) -> bool:
    return target.head == "label" and model.config.num_labels == 1
