"""What each task asks: its name, the question put to the audience, its text fields, and ready examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """How a task is put to an audience: its name, its question, and what its two text fields hold."""

    title: str
    question: str
    first: str = "Sentence"
    second: str = ""  # empty where the task reads one text
    pair: bool = False  # whether there is nothing to answer without the second text


ASKED = {
    "fill_mask": Asked(
        "Fill the gap", "Which words fit the gap?", "Sentence with [MASK]", "Second sentence (optional)"
    ),
    "next_sentence": Asked(
        "Next sentence", "Does the second sentence come next?", "First sentence", "Second sentence", True
    ),
    "sentiment": Asked("Sentiment", "Does the text praise or blame?"),
    "emotions": Asked("Emotions", "Which emotions speak from the text?"),
    "similarity": Asked(
        "Similarity", "How alike in meaning are the two sentences?", "First sentence", "Second sentence", True
    ),
    "inference": Asked("Inference", "Does the second sentence follow from the first?", "Premise", "Hypothesis", True),
    "pos": Asked("Parts of speech", "Which part of speech is each word?"),
    "ner": Asked("Entities", "Which words name people, places or organisations?"),
    "choice": Asked("Choice", "Which ending fits best?", "Beginning"),
    "qa": Asked("Questions", "Where in the text is the answer?", "Question", "Text that holds the answer", True),
    "generation": Asked("Generation", "How would the model go on, token by token?", "Beginning"),
    "seq2seq": Asked("Sequence to sequence", "How does the decoder find its words in the source?", "Source"),
}


def asked_by(task: str) -> Asked:
    """How a task is put; one that was added to the lab under its own name is asked for by that name."""
    title = task.replace("_", " ").capitalize()
    return ASKED.get(task) or Asked(title, f"{title}: what does the head answer?", second="Second text (optional)")
