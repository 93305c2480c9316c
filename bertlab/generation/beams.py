"""Beam search: the best continuations side by side (Sutskever et al. 2014, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bertlab.generation.options import GenerationOptions
from bertlab.generation.scores import apply, check_choice, draw
from bertlab.generation.texts import Texts

NEVER_FIRST = -1e9  # where all beams but one start, so that the first step does not take one token many times


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A continuation that beam search has finished."""

    score: float  # log_probability / (new tokens ** length_penalty)
    log_probability: float  # of all new tokens, the ending one included
    token_ids: torch.Tensor  # (length,): prompt and continuation, without the ending token
    beam_indices: torch.Tensor  # (new tokens,): the row (of prompts x beams) that each new token continued


@dataclass(frozen=True, eq=False)
class BeamStep:
    """One step of beam search: the beams that go on, what was considered, and what has finished.

    A beam's score is the sum of its tokens' log-probabilities. The candidates, best first, are all that was
    considered: those that end the text become hypotheses, the best others the new beams. Once a text is finished, the
    following steps hold only padding for it.
    """

    index: int  # 0 for the first new token
    input_ids: torch.Tensor  # (batch, beams, length): the beams so far, this token included
    token_ids: torch.Tensor  # (batch, beams)
    parents: torch.Tensor  # (batch, beams): which beam of the step before each one continues
    scores: torch.Tensor  # (batch, beams)
    candidate_token_ids: torch.Tensor  # (batch, candidates)
    candidate_parents: torch.Tensor  # (batch, candidates)
    candidate_scores: torch.Tensor  # (batch, candidates)
    token_scores: torch.Tensor  # (batch, beams before, vocabulary): log-probabilities as the options left them
    hypotheses: tuple[tuple[Hypothesis, ...], ...]  # per text, best first; in the last step the open beams count too
    finished: torch.Tensor  # (batch,): texts whose search is over
    last: bool  # nothing follows


@torch.no_grad()
def beam_search(texts: Texts, options: GenerationOptions, length: int) -> Iterator[BeamStep]:
    """The best `num_beams` continuations side by side (Sutskever et al. 2014, section 3.2), or ones drawn by their
    probability, until none of the open ones can win or they have `length` tokens."""
    batch, beams, ends, most = len(texts.input_ids), options.num_beams, options.ends, length - texts.length
    count = max(2, 1 + len(ends)) * beams  # of candidates: without those that end the text, `beams` remain
    texts.repeat(beams)
    device = texts.input_ids.device
    rows = torch.arange(batch * beams, device=device).view(batch, beams)
    beam_scores = torch.zeros(batch, beams, device=device)
    if not options.do_sample:
        beam_scores[:, 1:] = NEVER_FIRST
    trail = rows.new_empty(batch * beams, 0)  # (batch x beams, new tokens): the row that each token continued
    hypotheses: list[list[Hypothesis]] = [[] for _ in range(batch)]
    finished = torch.zeros(batch, dtype=torch.bool)

    for index in range(most):
        scores = apply(options, texts.next_logits().log_softmax(-1), texts.input_ids, index)
        vocabulary = scores.shape[-1]
        totals = (scores + beam_scores.view(-1, 1)).view(batch, -1)  # (batch, beams x vocabulary)
        padded, finished = finished.to(device), finished.clone()
        check_choice(totals.max(-1).values[~padded])
        if options.do_sample:
            drawn = draw(totals, count, options.generator)
            drawn, spare = drawn[:, : 2 * beams], drawn[:, 2 * beams :]  # spare ones only matter with several endings
            order = totals.gather(1, drawn).argsort(dim=1, descending=True)
            places = torch.cat([drawn.gather(1, order), spare], dim=1)
            totals = totals.gather(1, places)
        else:
            totals, places = totals.topk(count, dim=1)
        parents, tokens = places // vocabulary, places % vocabulary  # (batch, candidates), as totals

        kept = torch.zeros(batch, beams, dtype=torch.long)  # which candidates become beams
        for text in (~finished).nonzero().flatten().tolist():
            going_on = []
            for rank, token in enumerate(tokens[text].tolist()):
                if token not in ends:
                    going_on.append(rank)
                elif rank < beams:  # an ending counts only when it is one of the best
                    row = rows[text, parents[text, rank]]
                    total, beam_indices = totals[text, rank].item(), torch.cat([trail[row], row[None]])
                    _add(hypotheses[text], options, total, texts.input_ids[row], beam_indices)
                if len(going_on) == beams:
                    break
            kept[text] = torch.tensor(going_on)
            finished[text] = _is_over(hypotheses[text], options, totals[text, 0].item(), index + 1, most)

        kept = kept.to(device)
        new_parents = parents.gather(1, kept)  # (batch, beams)
        new_tokens = tokens.gather(1, kept).masked_fill(padded[:, None], options.pad_token_id or 0)
        beam_scores = totals.gather(1, kept).masked_fill(padded[:, None], 0.0)
        continued = rows.gather(1, new_parents).flatten()  # (batch x beams,)
        trail = torch.cat([trail[continued], continued[:, None]], dim=1)
        texts.reorder(continued)
        texts.append(new_tokens.flatten())
        last = bool(finished.all()) or texts.length == length
        if last:
            for text in (~finished).nonzero().flatten().tolist():
                for row, total in zip(rows[text].tolist(), beam_scores[text].tolist(), strict=True):
                    _add(hypotheses[text], options, total, texts.input_ids[row], trail[row])
        yield BeamStep(
            index=index,
            input_ids=texts.input_ids.view(batch, beams, -1),
            token_ids=new_tokens,
            parents=new_parents,
            scores=beam_scores,
            candidate_token_ids=tokens,
            candidate_parents=parents,
            candidate_scores=totals,
            token_scores=scores.view(batch, beams, -1),
            hypotheses=tuple(tuple(best_first(found)) for found in hypotheses),
            finished=finished.to(device),
            last=last,
        )
        if last:
            return


def _add(
    found: list[Hypothesis],
    options: GenerationOptions,
    log_probability: float,
    token_ids: torch.Tensor,
    beam_indices: torch.Tensor,
) -> None:
    """Take a finished continuation into the list of the best `num_beams`, if it is good enough."""
    score = log_probability / len(beam_indices) ** options.length_penalty
    if len(found) == options.num_beams and score <= min(hypothesis.score for hypothesis in found):
        return
    found.append(Hypothesis(score, log_probability, token_ids, beam_indices))
    if len(found) > options.num_beams:
        found.remove(min(found, key=lambda hypothesis: hypothesis.score))


def _is_over(found: list[Hypothesis], options: GenerationOptions, best: float, new: int, most: int) -> bool:
    """Whether the open beams cannot (or are unlikely to) beat the finished ones.

    `best` is the highest sum of log-probabilities, `new` the tokens added so far, `most` those that may be added.
    """
    if len(found) < options.num_beams:
        return False
    if options.early_stopping is True:
        return True
    longer_is_better = options.early_stopping == "never" and options.length_penalty > 0
    attainable = best / (most if longer_is_better else new) ** options.length_penalty
    return min(hypothesis.score for hypothesis in found) >= attainable


def best_first(found: list[Hypothesis]) -> list[Hypothesis]:
    """Finished continuations by their score; of equal ones the later found first."""
    return sorted(found, key=lambda hypothesis: hypothesis.score)[::-1]
