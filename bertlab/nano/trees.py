"""The sentences of the agreement grammar with their dependencies, for heads to be held against grammar.

from bertlab.analysis import dependencies
dependencies.heads(lab, conllu(agreement_sentences(200, seed=0)))
"""

from __future__ import annotations

from collections.abc import Iterable

from bertlab.nano.grammar import ADJECTIVES, NOUNS, PREPOSITIONS, AgreementSentence

__all__ = ["conllu", "governors"]

ROOT = -1


def governors(sentence: AgreementSentence) -> list[tuple[int, str]]:
    """(place of the governor, relation) for each word; (-1, "root") where none of these relations holds.

    `det`, `amod` and `case`: "the", an adjective, a preposition belongs to the noun after it; `nsubj`: the subject to
    its verb; `punct`: the full stop to the verb. Nouns in between have governors too, but which is a matter of
    reading ("the dog near the boy with the cat"), so they are left out.
    """
    found = []
    for place, word in enumerate(sentence.words):
        noun = next((at for at in range(place + 1, len(sentence.words)) if sentence.words[at] in NOUNS), ROOT)
        if place == sentence.subject:
            found.append((sentence.verb, "nsubj"))
        elif word == ".":
            found.append((sentence.verb, "punct"))
        elif word == "the":
            found.append((noun, "det"))
        elif word in ADJECTIVES:
            found.append((noun, "amod"))
        elif word in PREPOSITIONS:
            found.append((noun, "case"))
        else:
            found.append((ROOT, "root"))
    return found


def conllu(sentences: Iterable[AgreementSentence]) -> str:
    """A treebank as CoNLL-U text, as `bertlab.analysis.dependencies.heads` takes it."""
    blocks = []
    for sentence in sentences:
        rows = enumerate(zip(sentence.words, governors(sentence)), start=1)
        lines = [f"{n}\t{word}\t_\t_\t_\t_\t{governor + 1}\t{name}\t_\t_" for n, (word, (governor, name)) in rows]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""
