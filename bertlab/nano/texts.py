"""Data for nano models, which learn something visible within seconds: a grammar, reversal, a little real text.

Three generators and what they need around them:

- `agreement_sentences`: sentences in which only the subject tells the form of the verb (after Linzen et al.
  2016, "Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies"),
- `reversal_pairs`: sequences and the same backwards, for an encoder and a decoder with cross-attention,
- `written_texts`: the prose of `bertlab.samples`, to be judged against `unigram_entropy`,
- `wordpiece_vocabulary`: a small vocabulary for any of them, so that nano models use the normal tokenizer.

Everything is drawn from a generator of its own: the same arguments give the same data.
"""

from __future__ import annotations

import math
import random
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertlab.files import write_whole
from bertlab.samples import samples
from bertlab.tokenizer import WordPiece

__all__ = [
    "MOST_ATTRACTORS", "NANO_CONFIG", "AgreementSentence", "ReversalPair", "SPECIAL_TOKENS", "agreement_baselines",
    "agreement_sentences", "agreement_vocabulary", "reversal_pairs", "reversal_vocabulary", "unigram_entropy",
    "wordpiece_vocabulary", "write_vocabulary", "written_texts",
]  # fmt: skip

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# `BertConfig` fields (besides `vocab_size`) of a model of about 0.1 M parameters for the data below. A good standard
# deviation of the first weights is near 1 / sqrt(hidden_size): BERT's own 0.02 suits a width of 768, and at this
# width it keeps a model at chance many times longer.
NANO_CONFIG = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.1,
}

# --------------------------------------------------------------------------------------- an agreement grammar
#
# sentence  = opening* subject modifier* VERB closing? "."
# opening   = adverb "," | preposition noun-phrase "," | noun-phrase report "that"
# modifier  = preposition noun-phrase | "that" past noun-phrase | "that" noun-phrase past   (the last one only)
# closing   = adverb | preposition noun-phrase
#
# Singular and plural are equally likely for every noun. All verbs but the one in question are past tense and
# "the" is the only determiner, so that nothing besides the subject tells the number.

_NUMBERS = dict(
    zip(
        "boy girl dog cat bird horse teacher doctor farmer sailor singer baker".split(),
        "boys girls dogs cats birds horses teachers doctors farmers sailors singers bakers".split(),
        strict=True,
    )
)
_VERBS = dict(
    zip(
        "sleeps runs sings waits laughs works rests dances".split(),
        "sleep run sing wait laugh work rest dance".split(),
        strict=True,
    )
)
ADJECTIVES = "old young small happy tall quiet".split()
PREPOSITIONS = "near behind beside with above before".split()
_PAST_VERBS = "saw liked helped knew found met".split()
_REPORTS = "said thought hoped".split()
_ADVERBS = "today now often here again".split()

_PLURALS = frozenset(_NUMBERS.values())
NOUNS = frozenset(_NUMBERS) | _PLURALS

MOST_ATTRACTORS = 3
_TRIES_PER_SENTENCE = 10_000


@dataclass(frozen=True)
class AgreementSentence:
    """A sentence of the agreement grammar, and where its subject and its verb stand.

    `subject` and `verb` are positions in `words`; `attractors` counts the nouns between them whose number is
    not the subject's; `wrong_verb` is the same verb in the other number.
    """

    words: tuple[str, ...]
    subject: int
    verb: int
    wrong_verb: str
    attractors: int

    @property
    def text(self) -> str:
        """The sentence, words and punctuation marks separated by spaces."""
        return " ".join(self.words)

    @property
    def masked_text(self) -> str:
        """The sentence with [MASK] in place of the verb."""
        return " ".join(self._with_verb("[MASK]"))

    @property
    def wrong_text(self) -> str:
        """The sentence with the verb in the wrong number: with `text`, a minimal pair."""
        return " ".join(self._with_verb(self.wrong_verb))

    @property
    def right_verb(self) -> str:
        """The verb that agrees with the subject."""
        return self.words[self.verb]

    @property
    def is_plural(self) -> bool:
        """Whether the subject is plural."""
        return self.words[self.subject] in _PLURALS

    def _with_verb(self, verb: str) -> tuple[str, ...]:
        return (*self.words[: self.verb], verb, *self.words[self.verb + 1 :])


def agreement_sentences(
    n: int, seed: int, *, attractors: int | None = None, exclude: Iterable[AgreementSentence] = ()
) -> list[AgreementSentence]:
    """`n` different sentences in which the verb agrees with a subject that may stand almost anywhere.

    Openings move the subject, up to three nouns come between it and the verb, and the nearest noun is right
    in five of eight cases only: see `agreement_baselines`.

    Args:
        attractors: only sentences with exactly so many (0 to 3); None takes them as the grammar gives them.
        exclude: sentences that must not occur again, such as the training set when a test set is drawn.

    Raises:
        ValueError: a negative `n`, another number of attractors, or `exclude` leaves too few sentences.
    """
    _require_count(n)
    if attractors is not None and attractors not in range(MOST_ATTRACTORS + 1):
        raise ValueError(f"attractors is {attractors}, but it must be None or 0 to {MOST_ATTRACTORS}")
    generator = random.Random(seed)
    known = {sentence.words for sentence in exclude}
    found: list[AgreementSentence] = []
    tries = 0
    while len(found) < n:
        sentence = _agreement_sentence(generator)
        tries += 1
        if tries > _TRIES_PER_SENTENCE * n:
            raise ValueError(f"found {len(found)} of {n} sentences; ask for fewer or exclude fewer")
        if sentence.words not in known and attractors in (None, sentence.attractors):
            known.add(sentence.words)
            found.append(sentence)
    return found


def _agreement_sentence(generator: random.Random) -> AgreementSentence:
    choice = generator.choice

    def noun_phrase() -> list[str]:
        singular = choice(tuple(_NUMBERS))
        adjective = [choice(ADJECTIVES)] if generator.random() < 0.25 else []
        return ["the", *adjective, choice((singular, _NUMBERS[singular]))]

    def prepositional() -> list[str]:
        return [choice(PREPOSITIONS), *noun_phrase()]

    def relative() -> list[str]:
        past = [choice(_PAST_VERBS)]
        return ["that", *choice((past + noun_phrase(), noun_phrase() + past))]

    words: list[str] = []
    if generator.random() < 0.4:
        words += [choice(_ADVERBS), ","]
    if generator.random() < 0.4:
        words += [*prepositional(), ","]
    if generator.random() < 0.3:
        words += [*noun_phrase(), choice(_REPORTS), "that"]

    words += noun_phrase()
    subject = len(words) - 1
    modifiers = generator.randint(0, MOST_ATTRACTORS)
    for number in range(modifiers):
        last = number == modifiers - 1
        words += relative() if last and generator.random() < 0.5 else prepositional()

    singular = choice(tuple(_VERBS))
    plural = _VERBS[singular]
    is_plural = words[subject] in _PLURALS
    verb = len(words)
    between = [word for word in words[subject + 1 :] if word in NOUNS]
    words.append(plural if is_plural else singular)
    words += choice(([], [choice(_ADVERBS)], prepositional()))
    return AgreementSentence(
        words=(*words, "."),
        subject=subject,
        verb=verb,
        wrong_verb=singular if is_plural else plural,
        attractors=sum((word in _PLURALS) != is_plural for word in between),
    )


def agreement_vocabulary() -> list[str]:
    """Every word of the agreement grammar, after the special tokens: a whole WordPiece vocabulary."""
    words = [*_NUMBERS, *_NUMBERS.values(), *_VERBS, *_VERBS.values(), *ADJECTIVES, *PREPOSITIONS]
    words += [*_PAST_VERBS, *_REPORTS, *_ADVERBS, "the", "that", ",", "."]
    return [*SPECIAL_TOKENS, *sorted(words)]


def agreement_baselines(sentences: Sequence[AgreementSentence]) -> dict[str, float]:
    """How often rules without grammar find the right form: shares of the sentences, 0 to 1.

    "majority": always the more frequent number; "first noun": the verb agrees with the first noun of the
    sentence; "nearest noun": it agrees with the last noun before it. Choosing at random gets 0.5.

    Raises:
        ValueError: there are no sentences.
    """
    if not sentences:
        raise ValueError("no sentences were given, but a share needs one or more")
    plural = first = nearest = 0
    for sentence in sentences:
        nouns = [word for word in sentence.words[: sentence.verb] if word in NOUNS]
        plural += sentence.is_plural
        first += (nouns[0] in _PLURALS) == sentence.is_plural
        nearest += (nouns[-1] in _PLURALS) == sentence.is_plural
    count = len(sentences)
    return {
        "majority": max(plural, count - plural) / count,
        "first noun": first / count,
        "nearest noun": nearest / count,
    }


# ------------------------------------------------------------------------------------------------- reversal


@dataclass(frozen=True)
class ReversalPair:
    """A sequence of letters and the same backwards."""

    source: tuple[str, ...]

    @property
    def target(self) -> tuple[str, ...]:
        """The letters in reverse order."""
        return self.source[::-1]

    @property
    def source_text(self) -> str:
        """The sequence with spaces between the letters, so that each is a word."""
        return " ".join(self.source)

    @property
    def target_text(self) -> str:
        """The reversed sequence with spaces between the letters."""
        return " ".join(self.target)


def reversal_pairs(
    n: int,
    seed: int,
    *,
    min_length: int = 4,
    max_length: int = 8,
    letters: int = 16,
    exclude: Iterable[ReversalPair] = (),
) -> list[ReversalPair]:
    """`n` different random sequences of letters, lengths equally likely, each with its reversal.

    Cross-attention of a model that has learnt it runs from corner to corner.

    Args:
        letters: how many letters of the alphabet occur, 1 to 26.
        exclude: pairs that must not occur again, such as the training set when a test set is drawn.

    Raises:
        ValueError: a length, number or alphabet out of range, or more than half of all sequences asked for.
    """
    _require_count(n)
    if not 1 <= min_length <= max_length:
        raise ValueError(f"lengths are {min_length} to {max_length}, but 1 <= min_length <= max_length")
    if not 1 <= letters <= len(string.ascii_lowercase):
        raise ValueError(f"letters is {letters}, but it must be 1 to {len(string.ascii_lowercase)}")
    known = {pair.source for pair in exclude}
    possible = sum(letters**length for length in range(min_length, max_length + 1))
    if 2 * (n + len(known)) > possible:
        raise ValueError(
            f"{n} pairs besides {len(known)} excluded ones are more than half of the {possible} sequences "
            f"there are; ask for fewer, longer ones or more letters"
        )
    generator = random.Random(seed)
    alphabet = string.ascii_lowercase[:letters]
    found: list[ReversalPair] = []
    while len(found) < n:
        length = generator.randint(min_length, max_length)
        source = tuple(generator.choice(alphabet) for _ in range(length))
        if source not in known:
            known.add(source)
            found.append(ReversalPair(source))
    return found


def reversal_vocabulary(letters: int = 16) -> list[str]:
    """The special tokens and the first so many letters: a whole WordPiece vocabulary."""
    if not 1 <= letters <= len(string.ascii_lowercase):
        raise ValueError(f"letters is {letters}, but it must be 1 to {len(string.ascii_lowercase)}")
    return [*SPECIAL_TOKENS, *string.ascii_lowercase[:letters]]


# ------------------------------------------------------------------------------------------------ real text

_PROSE = {
    "questions": ("context",),
    "topics": ("text",),
    "sentiment": ("text",),
    "pairs": ("text_a", "text_b"),
    "similarity": ("text_a", "text_b"),
    "minimal_pairs": ("good",),
}


def written_texts(split: str | None = None) -> list[str]:
    """Passages and sentences of the sample sets, each once: a small slice of real English.

    About 17,500 words; the passages come first, in their order, then single sentences.

    Args:
        split: "train" or "dev"; None gives both. No text is in both.
    """
    texts = [row[column] for task, columns in _PROSE.items() for row in samples(task, split) for column in columns]
    texts += [f"{row['prompt']} {row['choices'][row['label']]}" for row in samples("choices", split)]
    return list(dict.fromkeys(texts))


def unigram_entropy(ids: Any, *, ignore: Iterable[Any] = ()) -> float:
    """Entropy in nats of the distribution of single tokens: -sum p ln p.

    No model that ignores the context has a lower cross-entropy on these ids, so a language model whose loss
    (natural logarithm) falls below it uses the context. Measure it on the text that the loss is measured on.

    Args:
        ids: tokens or their ids, in a list, in lists of lists, or in a tensor or array of any shape.
        ignore: ids not to count, such as that of [PAD].

    Raises:
        ValueError: nothing is left to count.
    """
    ignored = frozenset(ignore)
    counts = Counter(leaf for leaf in _leaves(ids) if leaf not in ignored)
    total = sum(counts.values())
    if not total:
        raise ValueError("there are no ids to count; give one or more that are not in `ignore`")
    return math.log(total) - sum(count * math.log(count) for count in counts.values()) / total


def _leaves(ids: Any) -> Iterator[Any]:
    """The single ids in nested lists, tensors and arrays (whose `tolist` gives plain numbers)."""
    if hasattr(ids, "tolist"):
        ids = ids.tolist()
    if isinstance(ids, Iterable) and not isinstance(ids, str):
        for part in ids:
            yield from _leaves(part)
    else:
        yield ids


# ----------------------------------------------------------------------------------------------- vocabulary


def wordpiece_vocabulary(texts: Iterable[str], size: int | None = None, *, characters: bool = True) -> list[str]:
    """The words of the texts, as the uncased tokenizer splits them, as a WordPiece vocabulary: piece by id.

    The special tokens come first ([PAD] is 0), then with `characters` every character as the beginning of a
    word and as its continuation (`##x`), so that no word of the texts becomes [UNK]; then the words, most
    frequent first and equally frequent ones by the alphabet.

    Args:
        size: most pieces in all; words that find no room are spelled from characters. None keeps every word.
        characters: without them, words outside the vocabulary become [UNK].

    Raises:
        ValueError: `size` has no room for the special tokens and characters.
    """
    chunks = Counter(chunk for text in texts for chunk in text.split())
    splitter = WordPiece({})
    counts: Counter[str] = Counter()
    for chunk, count in chunks.items():
        for word in splitter.trace(chunk).words:
            counts[word.text] += count
    pieces = list(SPECIAL_TOKENS)
    if characters:
        alphabet = sorted({character for word in counts for character in word})
        pieces += alphabet + ["##" + character for character in alphabet]
    if size is not None and size < len(pieces):
        raise ValueError(f"size is {size}, but special tokens and characters alone are {len(pieces)} pieces")
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return list(dict.fromkeys([*pieces, *words]))[:size]


def write_vocabulary(vocabulary: Iterable[str], folder: str | Path) -> Path:
    """Write `vocab.txt`, one piece a line in the order of the ids, and return its path.

    The folder is made if need be; `BertTokenizer(path)` reads the file.

    Raises:
        ValueError: a piece is empty, holds a line break or white space, or occurs twice.
    """
    pieces = list(vocabulary)
    for piece, count in Counter(pieces).items():
        if count > 1 or not piece or piece.split() != [piece]:
            raise ValueError(f"the piece {piece!r} occurs {count} times; each needs a line of its own, no blanks")
    path = Path(folder) / "vocab.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(piece + "\n" for piece in pieces))
    return path


def _require_count(n: int) -> None:
    if n < 0:
        raise ValueError(f"n is {n}, but it must be 0 or more")
