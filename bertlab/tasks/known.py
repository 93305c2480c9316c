"""The tasks that are known by name, with the labels that a head has until a trained one says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from bertlab.tasks.kinds import KINDS

EMOTIONS = tuple(
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval "
    "disgust embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief "
    "remorse sadness surprise neutral".split()
)  # Demszky et al. 2020
SENTIMENT = ("negative", "positive")
INFERENCE = ("entailment", "neutral", "contradiction")
PARTS_OF_SPEECH = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
ENTITY_TAGS = tuple("O B-PER I-PER B-LOC I-LOC B-ORG I-ORG".split())

ENCODER_DECODER = "EncoderDecoder"  # the one model that is not a head on a BERT: it answers "seq2seq"


@dataclass(frozen=True)
class KnownTask:
    """A task with a name: its kind (one of `KINDS`, or "seq2seq") and its labels."""

    kind: str
    labels: tuple[str, ...] = ()

    @property
    def model_class(self) -> str:
        """Name of the model that does this task."""
        return KINDS[self.kind].model_class if self.kind in KINDS else ENCODER_DECODER

    @property
    def problem_type(self) -> str | None:
        """What the head's config says of its labels."""
        return KINDS[self.kind].config(self).get("problem_type") if self.kind in KINDS else None


TASKS: dict[str, KnownTask] = {
    "sentiment": KnownTask("classification", SENTIMENT),
    "emotions": KnownTask("multilabel", EMOTIONS),
    "similarity": KnownTask("regression", ("score",)),
    "inference": KnownTask("classification", INFERENCE),
    "pos": KnownTask("tagging", PARTS_OF_SPEECH),
    "ner": KnownTask("tagging", ENTITY_TAGS),
    "qa": KnownTask("qa", ("start", "end")),
    "choice": KnownTask("choice"),
    "generation": KnownTask("causal"),
    "seq2seq": KnownTask("seq2seq"),
}
