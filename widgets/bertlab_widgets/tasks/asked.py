"""What each task asks: its name, the question put to the audience, its text fields, and ready examples."""

from __future__ import annotations

from dataclasses import dataclass

from bertlab.language import mark, say


@dataclass(frozen=True)
class Asked:
    """How a task is put to an audience: its name, its question, and what its two text fields hold."""

    title: str
    question: str
    first: str = mark("Sentence")
    second: str = ""  # empty where the task reads one text
    missing: str = ""  # said where there is nothing to answer without the second text

    @property
    def pair(self) -> bool:
        """Whether there is nothing to answer without the second text."""
        return bool(self.missing)

    def said(self) -> Asked:
        """The same in the language that is spoken."""
        return Asked(*(say(getattr(self, name)) for name in ("title", "question", "first", "second", "missing")))


ASKED = {
    "fill_mask": Asked(
        mark("Fill the gap"),
        mark("Which words fit the gap?"),
        mark("Sentence with [MASK]"),
        mark("Second sentence (optional)"),
    ),
    "next_sentence": Asked(
        mark("Next sentence"),
        mark("Does the second sentence come next?"),
        mark("First sentence"),
        mark("Second sentence"),
        mark("This task reads two texts: type the second sentence too."),
    ),
    "sentiment": Asked(mark("Sentiment"), mark("Does the text praise or blame?")),
    "emotions": Asked(mark("Emotions"), mark("Which emotions speak from the text?")),
    "similarity": Asked(
        mark("Similarity"),
        mark("How alike in meaning are the two sentences?"),
        mark("First sentence"),
        mark("Second sentence"),
        mark("This task reads two texts: type the second sentence too."),
    ),
    "inference": Asked(
        mark("Inference"),
        mark("Does the second sentence follow from the first?"),
        mark("Premise"),
        mark("Hypothesis"),
        mark("This task reads two texts: type the hypothesis too."),
    ),
    "pos": Asked(mark("Parts of speech"), mark("Which part of speech is each word?")),
    "ner": Asked(mark("Entities"), mark("Which words name people, places or organisations?")),
    "choice": Asked(mark("Choice"), mark("Which ending fits best?"), mark("Beginning")),
    "qa": Asked(
        mark("Questions"),
        mark("Where in the text is the answer?"),
        mark("Question"),
        mark("Text that holds the answer"),
        mark("This task reads two texts: type the text that holds the answer too."),
    ),
    "generation": Asked(mark("Generation"), mark("How would the model go on, token by token?"), mark("Beginning")),
    "seq2seq": Asked(
        mark("Sequence to sequence"), mark("How does the decoder find its words in the source?"), mark("Source")
    ),
}


def asked_by(task: str) -> Asked:
    """How a task is put; one that was added to the lab under its own name is asked for by that name."""
    if task in ASKED:
        return ASKED[task].said()
    title = task.replace("_", " ").capitalize()
    question = say("{title}: what does the head answer?", title=title)
    return Asked(title, question, say("Sentence"), say("Second text (optional)"))
