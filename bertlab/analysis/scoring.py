"""Sentences, minimal pairs and cloze items, scored by a masked language model.

All functions take a `Lab` and any number of texts, and are built for many: texts of the same length run together, so
that there is no padding; passes hold thousands of tokens; a masked sentence that occurs twice (the two sentences of a
minimal pair often share some) runs once; and the vocabulary head reads nothing but the masked places. How long a set
takes on this machine: `python benchmarks/analysis.py --pairs FILE`. A lab loaded with `dtype=torch.bfloat16` needs
about half the time on processors that have instructions for it; its scores differ in the third digit.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bertlab.analysis.neighbours import special_ids
from bertlab.analysis.passes import Progress, evaluating, report, whole_number

TOKENS_PER_PASS = 4096


@dataclass(frozen=True)
class SentenceScore:
    """A pseudo-log-likelihood: `log_probabilities` (natural logarithms) of `tokens`, without [CLS] and [SEP]."""

    text: str
    tokens: list[str]
    log_probabilities: list[float]

    @property
    def total(self) -> float:
        """The sum over the tokens: the score of the sentence."""
        return math.fsum(self.log_probabilities)

    @property
    def per_token(self) -> float:
        """The mean over the tokens; its exponential's inverse is the pseudo-perplexity."""
        return self.total / len(self.tokens)


def score(
    lab: Any,
    texts: Iterable[str],
    *,
    within_word: bool = False,
    tokens_per_pass: int = TOKENS_PER_PASS,
    progress: Progress | None = None,
) -> list[SentenceScore]:
    """The pseudo-log-likelihood of each text, in order; see `stream_scores`. `progress` is called with the share that
    is done; raising in it stops the work."""
    listed: Any = texts if isinstance(texts, (str, Mapping)) else list(texts)  # stream_scores refuses both
    scores: list[Any] = [None] * len(listed)
    steps = stream_scores(lab, listed, within_word=within_word, tokens_per_pass=tokens_per_pass)
    for done, (number, one) in enumerate(steps, start=1):
        scores[number] = one
        report(progress, done / len(listed))
    return scores


def stream_scores(
    lab: Any, texts: Sequence[str], *, within_word: bool = False, tokens_per_pass: int = TOKENS_PER_PASS
) -> Iterator[tuple[int, SentenceScore]]:
    """Pseudo-log-likelihoods as they are known, short texts first: (number of the text, its score).

    Each token is masked in turn and the model asked for it; the logarithms of the probabilities are summed (Salazar et
    al. 2020, equation 1). With `within_word` the pieces after it in the same word are masked too, so that the rest of
    a rare word does not give it away (Kauf & Ivanova 2023, PLL-word-l2r).

    Raises:
        TypeError: for a single string, a mapping, or an item that is no string. ValueError: for a text without tokens,
            one with special tokens such as [MASK] in it, which are no words, or one that does not fit into the model,
            naming its number; and for a model without a mask token.
    """
    if isinstance(texts, (str, Mapping)) or not all(isinstance(text, str) for text in texts):
        raise TypeError("texts must be a list of strings; put a single text into a list")
    names = [f"text {number}" for number in range(len(texts))]
    return _stream(lab, texts, names, within_word, tokens_per_pass)


def _stream(lab, texts, names, within_word, tokens_per_pass) -> Iterator[tuple[int, SentenceScore]]:
    mask = mask_id(lab)
    sentences = [_read(lab, number, name, text, within_word) for number, (name, text) in enumerate(zip(names, texts))]
    for together in _passes(sentences, tokens_per_pass):
        logs = iter(_log_probabilities(lab, together, mask))
        for sentence in together:
            tokens = lab.tokenizer.convert_ids_to_tokens([sentence.ids[place] for place in sentence.places])
            values = [next(logs) for _ in tokens]
            yield sentence.number, SentenceScore(texts[sentence.number], tokens, values)


@dataclass(frozen=True)
class _Sentence:
    number: int
    ids: list[int]
    places: list[int]  # of the tokens that count
    masked: list[list[int]]  # for each of them, what is masked when it is asked for


def mask_id(lab: Any) -> int:
    """The id of the mask token.

    Raises:
        ValueError: when the tokenizer has none, or the model has no row for it.
    """
    token = lab.tokenizer.mask_token_id
    if token is None or token >= lab.model.config.vocab_size:
        raise ValueError(f"{lab.name} has no mask token in its vocabulary, so no word can be asked for")
    return token


def _read(lab: Any, number: int, name: str, text: str, within_word: bool) -> _Sentence:
    encoding = lab.tokenizer(text, return_special_tokens_mask=True, verbose=False)
    ids = encoding["input_ids"]
    if len(ids) > lab.max_length:
        raise ValueError(
            f"{name} has {len(ids)} tokens with [CLS] and [SEP]; {lab.name} takes at most {lab.max_length}; "
            "shorten it or leave it out"
        )
    places = [place for place, special in enumerate(encoding["special_tokens_mask"]) if not special]
    if not places:
        raise ValueError(f"{name} is {text!r}, which has no tokens to score; give at least one word")
    foreign = special_ids(lab.tokenizer) & {ids[place] for place in places}
    if foreign:
        token = lab.tokenizer.convert_ids_to_tokens(min(foreign))
        raise ValueError(f"{name} holds {token}, which is no word and has no likelihood; leave it out")
    if not within_word:
        return _Sentence(number, ids, places, [[place] for place in places])
    words = encoding.word_ids(0)
    masked = [[later for later in places if later >= place and words[later] == words[place]] for place in places]
    return _Sentence(number, ids, places, masked)


def _passes(sentences: list[_Sentence], tokens_per_pass: int) -> Iterator[list[_Sentence]]:
    """Sentences of one length together, as many as a pass holds; neighbours in the input stay neighbours."""
    waiting: list[_Sentence] = []
    size = 0
    for sentence in sorted(sentences, key=lambda s: len(s.ids)):
        tokens = len(sentence.ids) * len(sentence.places)
        if waiting and (len(sentence.ids) != len(waiting[0].ids) or size + tokens > tokens_per_pass):
            yield waiting
            waiting, size = [], 0
        waiting.append(sentence)
        size += tokens
    if waiting:
        yield waiting


@torch.no_grad()
def _log_probabilities(lab: Any, sentences: list[_Sentence], mask: int) -> list[float]:
    """Of every counted token of sentences of one length, in order."""
    rows, places, truths = [], [], []
    for sentence in sentences:
        for place, masked in zip(sentence.places, sentence.masked):
            row = list(sentence.ids)
            for hidden in masked:
                row[hidden] = mask
            rows.append((*row, place))
            places.append(place)
            truths.append(sentence.ids[place])
    different = dict.fromkeys(rows)  # masked sentence and place -> its number, each once
    for number, key in enumerate(different):
        different[key] = number
    inputs = torch.tensor(list(different), device=lab.device)  # (rows, sequence + 1)
    ids, asked = inputs[:, :-1], inputs[:, -1]
    answers = torch.tensor(truths, device=lab.device)
    row_of = torch.tensor([different[row] for row in rows], device=lab.device)
    logs = torch.empty(len(rows), device=lab.device)
    # A long text is more than a pass by itself, so its rows are taken in parts.
    for part in torch.arange(len(ids), device=lab.device).split(max(1, 2 * TOKENS_PER_PASS // ids.shape[1])):
        chosen = (row_of >= part[0]) & (row_of <= part[-1])
        logits = _logits_at(lab, ids[part], asked[part])  # (rows of the part, vocabulary)
        among = row_of[chosen] - part[0]
        logs[chosen] = logits[among, answers[chosen]] - logits.logsumexp(-1)[among]
    return logs.tolist()


def _logits_at(lab: Any, ids: torch.Tensor, places: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
    """(rows, sequence), (rows,) -> (rows, vocabulary): the logits at one place of each row."""
    with evaluating(lab.model):
        hidden = lab.model.base_model(ids, **inputs, return_dict=True).last_hidden_state
        return lab.model.cls.predictions(hidden[torch.arange(len(ids), device=ids.device), places]).float()


# -- minimal pairs -------------------------------------------------------------------------------------------------


@dataclass
class MinimalPairs:
    """How often the better sentence of a pair scores higher.

    `right` and `total` count pairs by phenomenon; `ties` are among the wrong ones. `margins` are the differences of the
    scores, better minus worse, in the order of the pairs; pairs that are not scored yet are NaN.
    """

    right: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    margins: list[float] = field(default_factory=list)
    ties: int = 0

    @property
    def accuracy(self) -> float:
        """Over all pairs, 0 to 1; chance is 0.5."""
        return sum(self.right.values()) / max(sum(self.total.values()), 1)

    @property
    def by_phenomenon(self) -> dict[str, float]:
        """The accuracy of each phenomenon."""
        return {name: self.right[name] / total for name, total in self.total.items()}


Pair = Sequence[str] | Mapping[str, Any]
PAIR_COLUMNS = {
    "better": ("sentence_good", "good", "better"),
    "worse": ("sentence_bad", "bad", "worse"),
    "phenomenon": ("UID", "phenomenon"),
}


def minimal_pairs(lab: Any, pairs: Iterable[Pair], **options: Any) -> MinimalPairs:
    """Score pairs of sentences, such as BLiMP's (Warstadt et al. 2020); see `stream_minimal_pairs` for the options."""
    steps = deque(stream_minimal_pairs(lab, pairs, **options), maxlen=1)  # the last one
    return steps[0] if steps else MinimalPairs()


def stream_minimal_pairs(
    lab: Any,
    pairs: Iterable[Pair],
    *,
    per_token: bool = False,
    within_word: bool = False,
    pairs_per_step: int = 2000,
    tokens_per_pass: int = TOKENS_PER_PASS,
) -> Iterator[MinimalPairs]:
    """The result so far, after every so many pairs.

    Args:
        pairs: (better, worse) or (better, worse, phenomenon); or rows with these columns, named as BLiMP names them
            (sentence_good, sentence_bad, UID) or as bertlab's samples do (good, bad, phenomenon).
        per_token: compare means over the tokens instead of sums, for pairs of different lengths.
        within_word, tokens_per_pass: as in `stream_scores`.
        pairs_per_step: larger steps find more sentences of one length, and are faster.

    Raises:
        TypeError: for one pair or mapping in place of several. ValueError: for a pair that is none, or a sentence that
            cannot be scored, naming the number of the pair.
    """
    if isinstance(pairs, (str, Mapping)):
        raise TypeError(f"pairs are a {type(pairs).__name__}; give a list of (better, worse)")
    pairs = [_as_pair(number, pair) for number, pair in enumerate(pairs)]
    pairs_per_step = whole_number(pairs_per_step, "pairs_per_step", 1)
    return _stream_pairs(lab, pairs, per_token, within_word, pairs_per_step, tokens_per_pass)


def _as_pair(number: int, pair: Any) -> tuple[str, ...]:
    """(better, worse) or (better, worse, phenomenon)."""
    if isinstance(pair, Mapping):
        found = {what: [pair[name] for name in names if name in pair] for what, names in PAIR_COLUMNS.items()}
        parts = tuple(values[0] for values in found.values() if values)
        if not found["better"] or not found["worse"]:
            raise ValueError(
                f"pair {number} has the columns {', '.join(map(repr, pair)) or 'none'}; name them sentence_good and "
                "sentence_bad, or good and bad"
            )
    else:
        parts = tuple(pair) if isinstance(pair, Iterable) and not isinstance(pair, str) else (pair,)
    if len(parts) not in (2, 3) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"pair {number} is {pair!r}; give (better, worse) or (better, worse, phenomenon)")
    return parts


def _stream_pairs(lab, pairs, per_token, within_word, pairs_per_step, tokens_per_pass) -> Iterator[MinimalPairs]:
    result = MinimalPairs()
    for at in range(0, len(pairs), pairs_per_step):
        some = pairs[at : at + pairs_per_step]
        texts = [text for pair in some for text in pair[:2]]
        names = [f"pair {at + number // 2}" for number in range(len(texts))]
        scores = [0.0] * len(texts)
        for number, one in _stream(lab, texts, names, within_word, tokens_per_pass):
            scores[number] = one.per_token if per_token else one.total
        for pair, better, worse in zip(some, scores[::2], scores[1::2]):
            phenomenon = pair[2] if len(pair) == 3 else "all"
            result.total[phenomenon] = result.total.get(phenomenon, 0) + 1
            result.right[phenomenon] = result.right.get(phenomenon, 0) + (better > worse)
            result.ties += better == worse
            result.margins.append(better - worse)
        yield result


# -- cloze items ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClozeAnswer:
    """What the model says to one cloze item: `rank` (1 is the best) and `probability` of the expected word among the
    vocabulary (or the candidates), and the `best` words with their probabilities.

    `rank` and `probability` are None, and `problem` says why, where the word is no single piece of the vocabulary.
    """

    text: str
    expected: str
    rank: int | None
    probability: float | None
    best: list[tuple[str, float]]
    problem: str = ""


@dataclass(frozen=True)
class ClozeSet:
    """The answers to a set of items, in order; those with a problem do not count in the means."""

    answers: list[ClozeAnswer]

    @property
    def counted(self) -> list[ClozeAnswer]:
        """The answers that have a rank."""
        return [answer for answer in self.answers if answer.rank is not None]

    def accuracy(self, k: int = 1) -> float:
        """The part of the counted items whose word is among the first `k`; NaN when none counts."""
        ranks = [answer.rank for answer in self.counted]
        return sum(rank <= k for rank in ranks) / len(ranks) if ranks else float("nan")

    @property
    def mean_reciprocal_rank(self) -> float:
        """The mean of 1 / rank; NaN when no item counts."""
        ranks = [answer.rank for answer in self.counted]
        return sum(1 / rank for rank in ranks) / len(ranks) if ranks else float("nan")


def cloze(
    lab: Any,
    items: Iterable[tuple[str, str]],
    *,
    top_k: int = 5,
    candidates: Iterable[str] | None = None,
    tokens_per_pass: int = TOKENS_PER_PASS,
    progress: Progress | None = None,
) -> ClozeSet:
    """Ask for the word at the [MASK] of each text (Petroni et al. 2019; Ettinger 2020).

    Args:
        items: (text with one [MASK], expected word); or rows with the columns "text" and "expected".
        top_k: how many of the best words to keep.
        candidates: rank among these words only; probabilities are then shares of theirs.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        TypeError: for one item or mapping in place of several. ValueError: for an item that is none, a text that has
            not exactly one [MASK] or is too long, and for a candidate that is no single piece, naming it.
    """
    for name, given in (("items", items), ("candidates", candidates)):
        if isinstance(given, (str, Mapping)):
            raise TypeError(f"{name} are a {type(given).__name__}; give a list")
    items = [_as_item(number, item) for number, item in enumerate(items)]
    allowed = None if candidates is None else _candidate_ids(lab, candidates)
    top_k = min(whole_number(top_k, "top_k", 1), len(lab.tokenizer) if allowed is None else len(allowed))
    answers: list[Any] = [None] * len(items)
    done = 0
    for length, group in _masked_by_length(lab, items).items():
        rows = max(1, tokens_per_pass // length)
        for at in range(0, len(group), rows):
            some = group[at : at + rows]
            ids = torch.tensor([row for _, row, _ in some], device=lab.device)
            with torch.no_grad():
                logits = _logits_at(lab, ids, torch.tensor([place for *_, place in some], device=lab.device))
            if allowed is not None:
                only = torch.full_like(logits, -torch.inf)
                logits = only.index_copy(1, allowed, logits.index_select(1, allowed))
            probabilities = logits.softmax(-1)[:, : len(lab.tokenizer)]  # rows behind the vocabulary name nothing
            for (number, *_), row in zip(some, probabilities):
                answers[number] = _answer(lab, *items[number], row, top_k, allowed)
            done += len(some)
            report(progress, done / len(items))
    return ClozeSet(answers)


def _as_item(number: int, item: Any) -> tuple[str, str]:
    if isinstance(item, Mapping):
        item = (item.get("text"), item.get("expected"))
    if not isinstance(item, (tuple, list)) or len(item) != 2 or not all(isinstance(part, str) for part in item):
        raise ValueError(f"item {number} is {item!r}; give (text with a mask, expected word)")
    return item[0], item[1]


def _candidate_ids(lab: Any, candidates: Iterable[str]) -> torch.Tensor:
    """The pieces of the candidates, in the order of the vocabulary."""
    pieces = {word: _single_piece(lab, word) for word in candidates}
    several = [word for word, piece in pieces.items() if piece is None]
    if several or not pieces:
        what = f"the candidate {several[0]!r} is no single piece of the vocabulary" if several else "no candidates"
        raise ValueError(f"{what}; give words that are")
    return torch.tensor(sorted(set(pieces.values())), device=lab.device)


def _masked_by_length(lab: Any, items: list[tuple[str, str]]) -> dict[int, list[tuple[int, list[int], int]]]:
    """{length: (number of the item, its ids, the place of its mask)}."""
    tokenizer, by_length = lab.tokenizer, defaultdict(list)
    for number, (text, _) in enumerate(items):
        ids = tokenizer(text, verbose=False)["input_ids"]
        masks = [place for place, token in enumerate(ids) if token == mask_id(lab)]
        if len(masks) != 1 or len(ids) > lab.max_length:
            raise ValueError(
                f"item {number} has {len(masks)} {tokenizer.mask_token} and {len(ids)} tokens; "
                f"give one {tokenizer.mask_token} and at most {lab.max_length} tokens"
            )
        by_length[len(ids)].append((number, ids, masks[0]))
    return by_length


def _answer(lab: Any, text: str, expected: str, probabilities: torch.Tensor, top_k: int, allowed: Any) -> ClozeAnswer:
    best = probabilities.topk(top_k)
    words = list(zip(lab.tokenizer.convert_ids_to_tokens(best.indices.tolist()), best.values.tolist()))
    piece = _single_piece(lab, expected)
    if piece is None:
        problem = f"{expected!r} is no single piece of the vocabulary"
    elif allowed is not None and piece not in allowed.tolist():
        problem = f"{expected!r} is none of the candidates"
    else:
        probability = probabilities[piece]
        return ClozeAnswer(text, expected, int((probabilities > probability).sum()) + 1, float(probability), words)
    return ClozeAnswer(text, expected, None, None, words, problem)


def _single_piece(lab: Any, word: str) -> int | None:
    """The id of a word that is one piece; None for others."""
    ids = lab.tokenizer(word, add_special_tokens=False)["input_ids"]
    return ids[0] if len(ids) == 1 and ids[0] != lab.tokenizer.unk_token_id else None
