"""Sentences in which only the subject tells the form of the verb (after Linzen et al. 2016, "Assessing the Ability of
LSTMs to Learn Syntax-Sensitive Dependencies"). The same arguments give the same sentences."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bertlab.nano.vocabulary import SPECIAL_TOKENS, require_count

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
    require_count(n)
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
