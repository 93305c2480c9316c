"""Continuing a text: greedy search, sampling and beam search over the key/value cache of a causal model.

Works on any model with the documented decoder forward (`BertLMHeadModel`). `stream` yields every step as it comes;
`generate` runs it to the end and returns the tokens, the same as transformers' `generate` for the same options.
"""

from __future__ import annotations

import difflib
import inspect
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from bertlab.outputs import ModelOutput

DEFAULT_MAX_LENGTH = 20  # tokens, the prompt included, when no length is asked for
NEVER_FIRST = -1e9  # where all beams but one start, so that the first step does not take one token many times
EXCLUDED = float("-inf")


@dataclass(kw_only=True)
class GenerationOptions:
    """How to continue a text. What is not given comes from the model's configuration, where it says anything.

    Args:
        max_new_tokens: how many tokens to add at most; or `max_length`, which counts the prompt too (default 20).
        min_new_tokens, min_length: before these lengths the tokens that end a text are excluded.
        do_sample: draw each token at random; otherwise take the most probable.
        temperature: divides the scores before drawing: below 1 sharper, above 1 flatter.
        top_k: draw among the k most probable tokens only; 0 or None for all.
        top_p: draw among the fewest tokens whose probabilities reach this sum (Holtzman et al. 2020, section 3.1).
        repetition_penalty: above 1 makes tokens of the text so far less likely (Keskar et al. 2019, section 4.1).
        no_repeat_ngram_size: no run of this many tokens comes twice (Paulus et al. 2018, section 2.5); 0 allows all.
        num_beams: how many continuations beam search keeps; 1 for none.
        length_penalty: the log-probability of a finished beam is divided by (new tokens ** length_penalty).
        early_stopping: when beam search may stop: True as soon as `num_beams` continuations have ended, False when
            the open ones are unlikely to win, "never" when they cannot.
        num_return_sequences: how many continuations of each prompt to return.
        bos_token_id: what to start from when there is no prompt.
        eos_token_id: what ends a text, one id or several.
        pad_token_id: what fills up texts that ended early.
        use_cache: keep the keys and values of the tokens so far; without, the tokens are the same, only slower.
        generator: a `torch.Generator` to draw with, or a number to seed a fresh one; torch's own when None.
        count_padding: count positions from the first place, padding or not, as transformers 4.37 does. By default
            they count from each prompt's first token, as in current transformers, so that a batch padded on the left
            gives the same tokens as each prompt alone.

    Raises:
        ValueError: naming the option, what was given and what is allowed.
    """

    max_new_tokens: int | None = None
    max_length: int | None = None
    min_new_tokens: int = 0
    min_length: int = 0
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | str = False
    num_return_sequences: int = 1
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    pad_token_id: int | None = None
    use_cache: bool = True
    generator: torch.Generator | int | None = None
    count_padding: bool = False

    def __post_init__(self) -> None:
        for name, least in (
            ("max_new_tokens", 1), ("max_length", 1), ("min_new_tokens", 0), ("min_length", 0), ("top_k", 0),
            ("no_repeat_ngram_size", 0), ("num_beams", 1), ("num_return_sequences", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is None and name in ("max_new_tokens", "max_length"):
                continue
            if not _is_whole(value) or value < least:
                raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")
        for name in ("temperature", "repetition_penalty", "top_p"):
            value = getattr(self, name)
            if not _is_number(value) or value <= 0:
                advice = "; for the most probable token use do_sample=False" if name == "temperature" else ""
                raise ValueError(f"{name} is {value!r}; it must be a number above 0{advice}")
        if self.top_p > 1:
            raise ValueError(f"top_p is {self.top_p!r}; it is a probability above 0 and at most 1, where 1 keeps all")
        if not _is_number(self.length_penalty):
            raise ValueError(f"length_penalty is {self.length_penalty!r}; it must be a number")
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise ValueError(f"early_stopping is {self.early_stopping!r}; allowed are True, False and 'never'")
        if self.num_return_sequences > self.num_beams and not (self.do_sample and self.num_beams == 1):
            raise ValueError(
                f"num_return_sequences is {self.num_return_sequences} but num_beams {self.num_beams}: there are only "
                "as many continuations as beams; raise num_beams, or draw with do_sample=True and no beams"
            )
        if self.generator is not None and not _is_whole(self.generator):
            if not isinstance(self.generator, torch.Generator):
                raise TypeError(
                    f"generator is a {type(self.generator).__name__}; give a torch.Generator or a number to seed one"
                )

    @property
    def ends(self) -> list[int]:
        """The ids that end a text."""
        if self.eos_token_id is None:
            return []
        return [self.eos_token_id] if _is_whole(self.eos_token_id) else list(self.eos_token_id)


@dataclass(frozen=True, eq=False)
class Step:
    """One more token for every text, from greedy search or sampling. Rows are prompts x `num_return_sequences`.

    `logits` are the model's scores, `scores` what the options made of them (-inf where a token is excluded); the
    token was chosen by the softmax of `scores`.
    """

    index: int  # 0 for the first new token
    input_ids: torch.Tensor  # (rows, length): the texts so far, this token included
    token_ids: torch.Tensor  # (rows,)
    logits: torch.Tensor  # (rows, vocabulary)
    scores: torch.Tensor  # (rows, vocabulary)
    finished: torch.Tensor  # (rows,): texts that have ended, now or before
    padded: torch.Tensor  # (rows,): texts that had ended before, whose token is only padding
    last: bool  # nothing follows

    @property
    def probabilities(self) -> torch.Tensor:
        """The probability with which each token was chosen, NaN for padding: (rows,)"""
        chosen = self.scores.softmax(-1).gather(1, self.token_ids[:, None]).squeeze(1)
        return chosen.masked_fill(self.padded, float("nan"))

    def top(self, k: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
        """The k most probable tokens of each row and their probabilities, best first: (rows, k), (rows, k)"""
        probabilities, token_ids = self.scores.softmax(-1).topk(min(k, self.scores.shape[-1]))
        return token_ids, probabilities


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


@dataclass
class GenerationOutput(ModelOutput):
    """What `generate` returns with `return_dict_in_generate=True`; rows are prompts x `num_return_sequences`."""

    sequences: torch.Tensor | None = None  # (rows, length)
    sequences_scores: torch.Tensor | None = None  # (rows,): of beam search, see `Hypothesis.score`
    scores: tuple[torch.Tensor, ...] | None = None  # per new token (rows, or prompts x beams; vocabulary)
    beam_indices: torch.Tensor | None = None  # (rows, length): `Hypothesis.beam_indices`, then -1


def generate(
    model: nn.Module,
    input_ids: torch.Tensor | None = None,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    encoder_hidden_states: torch.Tensor | None = None,
    encoder_attention_mask: torch.Tensor | None = None,
    return_dict_in_generate: bool = False,
    output_scores: bool = False,
    **options: Any,
) -> torch.Tensor | GenerationOutput:
    """Continue texts to the end.

        model = BertLMHeadModel.from_pretrained("bertlab-mini", is_decoder=True)
        prompt = tokenizer("the capital of", add_special_tokens=False, return_tensors="pt")
        model.generate(**prompt, max_new_tokens=10)

    Args:
        input_ids, attention_mask, token_type_ids, encoder_hidden_states, encoder_attention_mask, options:
            as for `stream`; the options are the fields of `GenerationOptions`.
        return_dict_in_generate: return a `GenerationOutput`, with the scores of every step when `output_scores`.

    Returns:
        (batch x num_return_sequences, length): the prompts and their continuations, padded on the right.

    Raises:
        TypeError, ValueError: as `stream`.
    """
    texts, chosen, length = _prepare(
        model,
        input_ids,
        attention_mask,
        token_type_ids,
        encoder_hidden_states,
        encoder_attention_mask,
        options,
    )
    scores = []
    for step in _steps(texts, chosen, length):
        if return_dict_in_generate and output_scores:
            scores.append(step.scores if isinstance(step, Step) else step.token_scores.flatten(0, 1))
    if isinstance(step, Step):
        output = GenerationOutput(step.input_ids)
    else:
        output = _best_of_beams(step, chosen, length)
    if not return_dict_in_generate:
        return output.sequences
    if scores:
        output["scores"] = tuple(scores)
    return output


def stream(
    model: nn.Module,
    input_ids: torch.Tensor | None = None,
    *,
    attention_mask: torch.Tensor | None = None,
    token_type_ids: torch.Tensor | None = None,
    encoder_hidden_states: torch.Tensor | None = None,
    encoder_attention_mask: torch.Tensor | None = None,
    **options: Any,
) -> Iterator[Step] | Iterator[BeamStep]:
    """Continue texts one step at a time; to stop early, stop pulling.

        for step in stream(model, input_ids, max_new_tokens=20):
            print(step.token_ids, step.probabilities)

    Args:
        input_ids: (batch, sequence) prompts, padded on the left; `bos_token_id` alone when None.
        attention_mask: (batch, sequence), 0 for padding; found by `pad_token_id` when None.
        token_type_ids: (batch, sequence); new tokens get the last one's. (transformers 4.37 ignores them.)
        encoder_hidden_states, encoder_attention_mask: (batch, keys, hidden) and (batch, keys), what a decoder with
            cross-attention looks at. (transformers 4.37 ignores them here.)
        options: the fields of `GenerationOptions`.

    Yields:
        `Step`, or `BeamStep` when `num_beams` is above 1.

    Raises:
        TypeError: for an unknown option, and for a model that cannot generate.
        ValueError: for options that contradict each other, an empty prompt, or more tokens than the model has
            positions for. These are raised at once, before the first step.
    """
    return _steps(
        *_prepare(
            model,
            input_ids,
            attention_mask,
            token_type_ids,
            encoder_hidden_states,
            encoder_attention_mask,
            options,
        )
    )


def reorder_cache(
    past_key_values: tuple[tuple[torch.Tensor, ...], ...], beam_idx: torch.Tensor
) -> tuple[tuple[torch.Tensor, ...], ...]:
    """The cache of the rows `beam_idx` (rows,), in that order: a row may vanish, or come more than once."""
    return tuple(tuple(x.index_select(0, beam_idx.to(x.device)) for x in layer) for layer in past_key_values)


# -- what the options do to the scores -----------------------------------------------------------------------------


def penalise_repetition(scores: torch.Tensor, input_ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Scores of tokens that the text holds are divided by `penalty`, negative ones multiplied (Keskar et al. 2019).

    (rows, vocabulary), (rows, length) -> (rows, vocabulary). Padding counts as part of the text.
    """
    seen = scores.gather(1, input_ids)  # (rows, length)
    return scores.scatter(1, input_ids, torch.where(seen < 0, seen * penalty, seen / penalty))


def forbid_repeated_ngrams(scores: torch.Tensor, input_ids: torch.Tensor, size: int) -> torch.Tensor:
    """-inf for every token that would complete a run of `size` tokens which the text already holds.

    (rows, vocabulary), (rows, length) -> (rows, vocabulary)
    """
    length = input_ids.shape[1]
    if length < size:
        return scores
    runs = input_ids.unfold(1, size, 1)  # (rows, runs, size)
    tail = input_ids[:, length - size + 1 :]  # (rows, size - 1)
    rows, places = (runs[..., :-1] == tail[:, None]).all(-1).nonzero(as_tuple=True)
    scores = scores.clone()
    scores[rows, runs[rows, places, -1]] = EXCLUDED
    return scores


def keep_top_k(scores: torch.Tensor, k: int) -> torch.Tensor:
    """-inf for all but the k highest scores of each row (and those equal to the k-th): (rows, vocabulary)"""
    least = scores.topk(min(k, scores.shape[-1])).values[:, -1:]  # (rows, 1)
    return scores.masked_fill(scores < least, EXCLUDED)


def keep_top_p(scores: torch.Tensor, p: float, at_least: int = 1) -> torch.Tensor:
    """-inf for all but the fewest tokens of each row whose probabilities reach p: (rows, vocabulary)"""
    ascending, order = scores.sort()
    unneeded = ascending.softmax(-1).cumsum(-1) <= 1 - p  # (rows, vocabulary), in ascending order
    unneeded[:, -at_least:] = False
    return scores.masked_fill(unneeded.scatter(1, order, unneeded), EXCLUDED)


def _apply(options: GenerationOptions, scores: torch.Tensor, input_ids: torch.Tensor, new: int) -> torch.Tensor:
    """All that the options do to the scores of the next token, after `new` tokens have been added."""
    if options.repetition_penalty != 1:
        scores = penalise_repetition(scores, input_ids, options.repetition_penalty)
    if options.no_repeat_ngram_size:
        scores = forbid_repeated_ngrams(scores, input_ids, options.no_repeat_ngram_size)
    if options.ends and (new < options.min_new_tokens or input_ids.shape[1] < options.min_length):
        scores = scores.index_fill(1, torch.tensor(options.ends, device=scores.device), EXCLUDED)
    if options.do_sample:
        at_least = 1 if options.num_beams == 1 else max(2, 1 + len(options.ends))  # so that a beam can go on
        if options.temperature != 1:
            scores = scores / options.temperature
        if options.top_k:
            scores = keep_top_k(scores, max(options.top_k, at_least))
        if options.top_p < 1:
            scores = keep_top_p(scores, options.top_p, at_least)
    return scores


def _check_choice(best: torch.Tensor) -> None:
    """Refuse rows whose best score (rows,) is -inf or NaN."""
    if not bool((best > EXCLUDED).all()):
        raise ValueError(
            "no token is left to choose from: the model's scores are NaN, or the options (no_repeat_ngram_size, "
            "min_new_tokens, min_length) exclude the whole vocabulary"
        )


def _draw(scores: torch.Tensor, count: int, generator: torch.Generator | None) -> torch.Tensor:
    """Draw `count` different places of each row by the softmax of its scores: (rows, places) -> (rows, count)"""
    return torch.multinomial(scores.softmax(-1), count, generator=generator)


# -- the searches --------------------------------------------------------------------------------------------------


class _Texts:
    """The texts so far, and all that the model needs to score their next tokens."""

    def __init__(
        self,
        model: nn.Module,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        encoder: dict[str, torch.Tensor],
        use_cache: bool,
        count_padding: bool,
    ):
        self.model = model
        self.input_ids = input_ids  # (rows, length)
        self.attention_mask = attention_mask  # (rows, length)
        self.token_type_ids = token_type_ids  # (rows, length)
        self.encoder = encoder  # the encoder's states and their mask
        self.use_cache = use_cache
        self.positions_follow_mask = not count_padding and not bool((attention_mask == 1).all())
        self.cache: Any = None

    @property
    def length(self) -> int:
        return self.input_ids.shape[1]

    def next_logits(self) -> torch.Tensor:
        """Run the model on what the cache does not hold: (rows, vocabulary)"""
        known = self.length - 1 if self.cache is not None else 0
        inputs = {
            "input_ids": self.input_ids[:, known:],
            "attention_mask": self.attention_mask,
            **self.encoder,
        }
        if self.token_type_ids is not None:
            inputs["token_type_ids"] = self.token_type_ids[:, known:]
        if self.positions_follow_mask:
            inputs["position_ids"] = (self.attention_mask.cumsum(1) - 1).clamp(min=0)[:, known:]
        outputs = self.model(**inputs, past_key_values=self.cache, use_cache=self.use_cache, return_dict=True)
        if self.use_cache:
            self.cache = outputs.past_key_values
        return outputs.logits[:, -1]

    def append(self, token_ids: torch.Tensor) -> None:
        """Add one token to each text: (rows,)"""
        self.input_ids = torch.cat([self.input_ids, token_ids[:, None]], dim=1)
        self.attention_mask = torch.cat([self.attention_mask, torch.ones_like(token_ids)[:, None]], dim=1)
        if self.token_type_ids is not None:
            self.token_type_ids = torch.cat([self.token_type_ids, self.token_type_ids[:, -1:]], dim=1)

    def repeat(self, times: int) -> None:
        """Each text `times` times, side by side."""
        if times == 1:
            return
        self.input_ids = self.input_ids.repeat_interleave(times, dim=0)
        self.attention_mask = self.attention_mask.repeat_interleave(times, dim=0)
        self.encoder = {name: value.repeat_interleave(times, dim=0) for name, value in self.encoder.items()}
        if self.token_type_ids is not None:
            self.token_type_ids = self.token_type_ids.repeat_interleave(times, dim=0)

    def reorder(self, rows: torch.Tensor) -> None:
        """Go on with these rows (rows,), each from the same prompt as the row that it replaces."""
        self.input_ids = self.input_ids[rows]
        if self.cache is not None:
            self.cache = reorder_cache(self.cache, rows)


def _steps(texts: _Texts, options: GenerationOptions, length: int) -> Iterator[Step] | Iterator[BeamStep]:
    return (_search if options.num_beams == 1 else _beam_search)(texts, options, length)


@torch.no_grad()
def _search(texts: _Texts, options: GenerationOptions, length: int) -> Iterator[Step]:
    """Greedy search or sampling: one token after the other, until all texts have ended or have `length` tokens."""
    texts.repeat(options.num_return_sequences)
    device = texts.input_ids.device
    ends = torch.tensor(options.ends, dtype=torch.long, device=device)
    finished = torch.zeros(len(texts.input_ids), dtype=torch.bool, device=device)
    for index in range(length - texts.length):
        logits = texts.next_logits()  # (rows, vocabulary)
        scores = _apply(options, logits, texts.input_ids, index)
        _check_choice(scores.max(-1).values[~finished])
        tokens = _draw(scores, 1, options.generator).squeeze(1) if options.do_sample else scores.argmax(-1)  # (rows,)
        padded = finished
        if options.ends:
            tokens = tokens.masked_fill(padded, options.pad_token_id)
            finished = padded | torch.isin(tokens, ends)
        texts.append(tokens)
        last = bool(finished.all()) or texts.length == length
        yield Step(index, texts.input_ids, tokens, logits, scores, finished, padded, last)
        if last:
            return


@torch.no_grad()
def _beam_search(texts: _Texts, options: GenerationOptions, length: int) -> Iterator[BeamStep]:
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
        scores = _apply(options, texts.next_logits().log_softmax(-1), texts.input_ids, index)
        vocabulary = scores.shape[-1]
        totals = (scores + beam_scores.view(-1, 1)).view(batch, -1)  # (batch, beams x vocabulary)
        padded, finished = finished.to(device), finished.clone()
        _check_choice(totals.max(-1).values[~padded])
        if options.do_sample:
            drawn = _draw(totals, count, options.generator)
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
            hypotheses=tuple(tuple(_best_first(found)) for found in hypotheses),
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


def _best_first(found: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(found, key=lambda hypothesis: hypothesis.score)[::-1]  # of equal ones, the later found first


def _best_of_beams(step: BeamStep, options: GenerationOptions, length: int) -> GenerationOutput:
    """The best `num_return_sequences` hypotheses of each text in one tensor, the token that ends them put back."""
    best = [hypothesis for found in step.hypotheses for hypothesis in found[: options.num_return_sequences]]
    width = min(max(len(hypothesis.token_ids) for hypothesis in best) + 1, length)
    sequences = step.input_ids.new_full((len(best), width), options.pad_token_id or 0)
    beam_indices = torch.full_like(sequences, -1)
    for row, hypothesis in enumerate(best):
        end = len(hypothesis.token_ids)
        sequences[row, :end] = hypothesis.token_ids
        if end < width:
            sequences[row, end] = options.ends[0]
        beam_indices[row, : len(hypothesis.beam_indices)] = hypothesis.beam_indices
    scores = torch.tensor([hypothesis.score for hypothesis in best], device=sequences.device)
    return GenerationOutput(sequences, scores, beam_indices=beam_indices)


# -- checks before the first step ----------------------------------------------------------------------------------


def _prepare(
    model: nn.Module,
    input_ids: torch.Tensor | None,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
    encoder_hidden_states: torch.Tensor | None,
    encoder_attention_mask: torch.Tensor | None,
    given: dict[str, Any],
) -> tuple[_Texts, GenerationOptions, int]:
    """The texts to continue, the options, and the length (prompt included) at which to stop."""
    _check_model(model)
    device = next(model.parameters()).device
    options = _options(model.config, given, device)
    if encoder_hidden_states is None and encoder_attention_mask is not None:
        raise ValueError("encoder_attention_mask is given without the encoder_hidden_states that it masks")
    encoder = {
        "encoder_hidden_states": encoder_hidden_states,
        "encoder_attention_mask": encoder_attention_mask,
    }
    encoder = {name: value.to(device) for name, value in encoder.items() if value is not None}

    if input_ids is None:
        if options.bos_token_id is None:
            raise ValueError("there is no prompt and no bos_token_id to start from; give input_ids or bos_token_id")
        batch = 1 if encoder_hidden_states is None else len(encoder_hidden_states)
        input_ids = torch.full((batch, 1), options.bos_token_id)
    if not isinstance(input_ids, torch.Tensor):
        raise TypeError(
            f"input_ids is a {type(input_ids).__name__}; give a tensor, as the tokenizer does with return_tensors='pt'"
        )
    if input_ids.dim() != 2 or input_ids.is_floating_point():
        raise ValueError(
            f"input_ids has shape {tuple(input_ids.shape)} and type {input_ids.dtype}; "
            "give whole numbers as (batch, sequence)"
        )
    if not input_ids.numel():
        raise ValueError(f"the prompt is empty: input_ids has shape {tuple(input_ids.shape)}; give at least one token")
    input_ids = input_ids.to(device, torch.long)
    for name, value in encoder.items():
        if len(value) != len(input_ids):
            raise ValueError(f"{name} has {len(value)} rows for {len(input_ids)} prompts; give one for each prompt")

    mask = _mask(attention_mask, input_ids, options)
    if token_type_ids is not None:
        if token_type_ids.shape != input_ids.shape:
            raise ValueError(
                f"token_type_ids has shape {tuple(token_type_ids.shape)}; give {tuple(input_ids.shape)} like input_ids"
            )
        token_type_ids = token_type_ids.to(device, torch.long)
    texts = _Texts(model, input_ids, mask, token_type_ids, encoder, options.use_cache, options.count_padding)
    return texts, options, _length(model.config, options, texts)


def _check_model(model: nn.Module) -> None:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if head is None or "past_key_values" not in inspect.signature(model.forward).parameters:
        raise TypeError(f"{type(model).__name__} cannot generate text; load the weights as a BertLMHeadModel")
    if not model.config.is_decoder:
        raise ValueError(
            "is_decoder is False in the model's configuration, so its tokens see what comes after them; load it with "
            "BertLMHeadModel.from_pretrained(name, is_decoder=True) to generate"
        )
    if model.training:
        warnings.warn(
            "the model is in training mode, so dropout makes what it generates random; call model.eval() first",
            stacklevel=4,
        )


def _options(config: Any, given: dict[str, Any], device: torch.device) -> GenerationOptions:
    """The options that were given, over those in the configuration, over the defaults."""
    defaults = {field.name: field.default for field in fields(GenerationOptions)}
    for name in given:
        if name not in defaults:
            nearest = ", ".join(difflib.get_close_matches(name, defaults, n=3, cutoff=0.0))
            raise TypeError(f"there is no generation option {name!r}; the nearest are {nearest}")
    if "top_k" in given and given["top_k"] is None:
        given = {**given, "top_k": 0}
    given = {name: value for name, value in given.items() if value is not None}
    if "max_length" in given and "max_new_tokens" in given:
        raise ValueError(
            f"both max_length={given['max_length']} and max_new_tokens={given['max_new_tokens']} are given; give one"
        )
    chosen = {name: getattr(config, name) for name in defaults if getattr(config, name, None) is not None}
    if "max_length" in given or "max_new_tokens" in given:
        chosen = {name: value for name, value in chosen.items() if name not in ("max_length", "max_new_tokens")}
    options = GenerationOptions(**(chosen | given))

    for needed, met, names in (
        ("do_sample=True", options.do_sample, ("temperature", "top_k", "top_p")),
        ("num_beams above 1", options.num_beams > 1, ("length_penalty", "early_stopping")),
    ):
        idle = [name for name in names if name in given and given[name] != defaults[name]]
        if idle and not met:
            warnings.warn(f"{' and '.join(idle)} changes nothing without {needed}", stacklevel=4)
    for name, ids in (
        ("eos_token_id", options.ends),
        ("bos_token_id", [] if options.bos_token_id is None else [options.bos_token_id]),
        ("pad_token_id", [] if options.pad_token_id is None or not options.ends else [options.pad_token_id]),
    ):
        for number in ids:
            if not _is_whole(number) or not 0 <= number < config.vocab_size:
                raise ValueError(f"{name} is {number!r}; the vocabulary has the ids 0 to {config.vocab_size - 1}")
    if options.pad_token_id is None and options.ends:
        options.pad_token_id = options.ends[0]
    if _is_whole(options.generator):
        options.generator = torch.Generator(device).manual_seed(options.generator)
    return options


def _mask(given: torch.Tensor | None, input_ids: torch.Tensor, options: GenerationOptions) -> torch.Tensor:
    """1 for tokens and 0 for padding: (batch, sequence)"""
    if given is None:
        padding = options.pad_token_id
        if padding is None or padding in options.ends:
            return torch.ones_like(input_ids)
        mask = (input_ids != padding).long()
    elif given.shape != input_ids.shape:
        raise ValueError(f"attention_mask has shape {tuple(given.shape)}; give {tuple(input_ids.shape)} like input_ids")
    else:
        mask = given.to(input_ids.device, torch.long)
    if bool(((mask != 0) & (mask != 1)).any()):
        raise ValueError("attention_mask holds other numbers than 1 (a token) and 0 (padding)")
    empty = (mask.sum(1) == 0).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"prompt {empty[0]} is empty: its attention mask hides every token; give at least one token")
    if bool((mask[:, -1] == 0).any()):
        warnings.warn(
            "the prompts are padded on the right, so the model continues padding; "
            "pad them on the left (padding_side='left' in the tokenizer)",
            stacklevel=4,
        )
    return mask


def _length(config: Any, options: GenerationOptions, texts: _Texts) -> int:
    """How long texts may become, after checking that the model has positions for them."""
    prompt, table = texts.length, config.max_position_embeddings
    by_token = texts.positions_follow_mask and getattr(config, "position_embedding_type", "absolute") == "absolute"
    used = int(texts.attention_mask.sum(1).max()) if by_token else prompt
    room = table - used + 1  # the last new token needs no position: the model never sees it
    if room < 1:
        raise ValueError(
            f"the prompt has {used} tokens, the model {table} positions (max_position_embeddings); shorten the prompt"
        )
    if options.max_new_tokens is not None:
        new = options.max_new_tokens
    elif options.max_length is not None:
        new = options.max_length - prompt
    else:
        new = min(DEFAULT_MAX_LENGTH - prompt, room)
    if new < 1:
        longest = options.max_length or DEFAULT_MAX_LENGTH
        raise ValueError(
            f"the prompt has {prompt} tokens already and max_length is {longest}, which counts the prompt; "
            "say with max_new_tokens how many to add"
        )
    if new > room:
        raise ValueError(
            f"the prompt has {used} tokens and {new} more are asked for; the model has {table} positions "
            f"(max_position_embeddings), enough for at most {room} new tokens"
        )
    if options.min_new_tokens > new or options.min_length > prompt + new:
        least = max(options.min_new_tokens, options.min_length - prompt)
        raise ValueError(f"at least {least} new tokens are asked for, but also at most {new}; lower the minimum")
    return prompt + new


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
