"""Ready-made examples for the panels, each with a note for the teacher: what to ask, and what to look at.

A preset names words of its text, not token positions, so it fits every vocabulary. The notes say what a trained
English BERT tends to do; how well a given model does it is for the panel to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["PANELS", "TASKS", "Preset", "presets"]


@dataclass(frozen=True)
class Preset:
    """One example: its name in the menu, a note for the teacher, the text (or pair), and settings.

    The keys of `options`, where they occur:

    - `mask`: words of `text` to be masked, in its order; `select`: words to be selected,
    - `max_length`: most tokens, to show truncation,
    - `task`: the task of `bertlab.Lab` that reads the text; `choices`: the endings to choose from,
    - `data`: a set of `bertlab.samples`, with `kind`, its kind of task in `bertlab.data`; or `nano`: "agreement",
      "reversal" or "text", what a nano model learns from.
    """

    name: str
    note: str
    text: str
    text_pair: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    def spans(self, option: str) -> tuple[tuple[int, int], ...]:
        """(first character, behind the last one) in `text` of the words that `options[option]` names.

        A word named twice stands for its first two places; an option that is not set gives no spans.

        Raises:
            ValueError: a word does not occur in the text.
        """
        found: list[tuple[int, int]] = []
        for word in self.options.get(option, ()):
            places = re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", self.text)
            place = next((match.span() for match in places if match.span() not in found), None)
            if place is None:
                raise ValueError(f"the preset {self.name!r} names {word!r}, which its text does not have there")
            found.append(place)
        return tuple(found)

    @property
    def masked_text(self) -> str:
        """The text with [MASK] in place of each word that is to be masked."""
        text = self.text
        for start, end in sorted(self.spans("mask"), reverse=True):
            text = text[:start] + "[MASK]" + text[end:]
        return text


PANELS = ("tokenizer", "mask", "heads", "tasks", "train")
TASKS = (
    "fill_mask", "next_sentence", "sentiment", "emotions", "similarity", "inference", "pos", "ner", "choice",
    "qa", "generation", "seq2seq",
)  # fmt: skip


def presets(panel: str, task: str | None = None) -> tuple[Preset, ...]:
    """The presets of a panel, the best one to begin with first.

    Args:
        panel: "tokenizer", "mask", "heads", "tasks" or "train".
        task: of the tasks panel, only the presets of this task.

    Raises:
        LookupError: there is no such panel, or no such task.
        ValueError: a task was given for another panel.
    """
    if panel not in PANELS:
        raise LookupError(f"there are no presets for a panel {panel!r}; there are some for {', '.join(PANELS)}")
    if task is None:
        return _PRESETS[panel]
    if panel != "tasks":
        raise ValueError(f"the task {task!r} was given for the {panel} panel, but only 'tasks' has presets by task")
    if task not in TASKS:
        raise LookupError(f"there are no presets for a task {task!r}; there are some for {', '.join(TASKS)}")
    return tuple(preset for preset in _PRESETS["tasks"] if preset.options["task"] == task)


def _mask(name: str, text: str, words: Iterable[str], note: str) -> Preset:
    return Preset(name, note, text, options={"mask": tuple(words)})


def _select(name: str, text: str, words: Iterable[str], note: str, text_pair: str = "") -> Preset:
    return Preset(name, note, text, text_pair, {"select": tuple(words)})


def _task(task: str, name: str, note: str, text: str, text_pair: str = "", **options: Any) -> Preset:
    return Preset(name, note, text, text_pair, {"task": task, **options})


_TOKENIZER = (
    Preset(
        "Long word",
        "Before stepping, let the class guess where the word is cut. The longest piece in the vocabulary wins, not the"
        " most meaningful one.",
        "Unbelievable, antidisestablishmentarianism!",
    ),
    Preset(
        "Accents",
        "An uncased model strips accents after lowercasing, so “señor” and “senor” can't be told apart any more."
        " Offsets still point at the letters as written.",
        "Crème brûlée for Zoë, said the naïve señor.",
    ),
    Preset(
        "Two ways to write é",
        "The first é is two characters, e and a combining accent; the second is one. They look alike and end as the"
        " same token, but their offsets differ.",
        "cafe\u0301 and café are the same word.",
    ),
    Preset(
        "Chinese and Japanese",
        "Every Chinese character becomes a word of its own, with or without spaces. An English vocabulary knows only"
        " some of them: count the [UNK].",
        "我喜欢北京烤鸭。 Tokyo is 東京 in Japanese.",
    ),
    Preset(
        "Korean",
        "Stripping accents takes syllables apart into letters, so three syllables become eight pieces. Compare a"
        " cased or multilingual vocabulary.",
        "한국어 means Korean.",
    ),
    Preset(
        "Right to left",
        "Tokens are listed in reading order, so the strip and the text run against each other. The ids know no"
        " direction.",
        "She wrote שלום and مرحبا on the wall.",
    ),
    Preset(
        "Emoji",
        "The family is one picture but five characters, three people and two joiners. The joiners are removed as"
        " control characters, and one [UNK] stands for the rest.",
        "I love pizza 🍕 and my family 👩\u200d👩\u200d👧!",
    ),
    Preset(
        "Capital sigma",
        "Greek has two small sigmas, σ inside a word and ς at its end. The tokenizer lowercases letter by letter, so"
        " the two spellings of one name end in different pieces.",
        "ΟΔΥΣΣΕΥΣ and Οδυσσεύς are the same name.",
    ),
    Preset(
        "Unknown symbols",
        "Which symbols are in the vocabulary? Ask first: nobody guesses that € is in and ☃ is out. The model can't"
        " tell one [UNK] from another.",
        "☃ 𝔹𝔼ℝ𝕋 costs 5 € and 3 ₿.",
    ),
    Preset(
        "Numbers",
        "Numbers are cut by what is frequent, not by value: 2024 and 1,000,000 share no pattern. What can a model"
        " learn of arithmetic from this?",
        "3.14159 is about 22/7, not 1,000,000 or 2024-05-12.",
    ),
    Preset(
        "Web address",
        "Every punctuation mark is a word of its own. How many of the 512 places does one address cost?",
        "See https://example.org/a/b?q=bert&lang=en#top for more.",
    ),
    Preset(
        "Code",
        "Operators fall apart into single characters and spaces vanish: for Python, the meaning has changed.",
        "for i in range(10): total += x[i] ** 2  # sum",
    ),
    Preset(
        "Contractions",
        "The apostrophe is punctuation, so “don't” is three tokens. Which pieces carry the negation?",
        "Don't say it's theirs; they're ours.",
    ),
    Preset(
        "Special tokens as text",
        "Typed in capitals, [MASK] is the special token itself; in small letters it is ordinary text, cut into"
        " three tokens.",
        "Replace [MASK] by a word, not by [mask].",
    ),
    Preset(
        "A word too long",
        "A word of more than 100 characters is not even tried: it becomes one [UNK]. Delete letters until it falls"
        " into pieces.",
        "hum" * 34,
    ),
    Preset(
        "Truncation",
        "Limits count tokens, not words, and two of them are [CLS] and [SEP]. What did the model never see?",
        "The committee thanked the unflappable stenographer, but it rejected her proposal.",
        options={"max_length": 12},
    ),
)

_MASKS = (
    _mask(
        "A capital",
        "The capital of France is Paris.",
        ["Paris"],
        "Is this knowledge, or the company that words keep? Change the country, then take out “capital”.",
    ),
    _mask(
        "Agreement",
        "The keys to the old cabinet are on the table.",
        ["are"],
        "The nearest noun is singular, the subject plural. Which one does the model follow? Compare P(is) and P(are),"
        " then write “key … cabinets”.",
    ),
    _mask(
        "Agreement across a clause",
        "The author that the critics admire lives in Paris.",
        ["lives"],
        "“Critics live” would be fine English. Two verbs stand side by side, and each has its own subject.",
    ),
    _mask(
        "An idiom",
        "It was raining cats and dogs.",
        ["dogs"],
        "An idiom is stored, not understood. Change “raining” to “feeding”: does the answer stay?",
    ),
    _mask(
        "Another idiom",
        "Better late than never.",
        ["never"],
        "Three words are enough to call up the fourth. Which of them matters most? Mask them one by one.",
    ),
    _mask(
        "Two gaps",
        "The dog barked at the cat.",
        ["dog", "cat"],
        "Each gap is filled without knowing what goes into the other. Force a word into the first gap and watch the"
        " second change.",
    ),
    _mask(
        "Many gaps",
        "She drank a cup of coffee before the meeting began.",
        ["cup", "coffee", "meeting", "began"],
        "The more is masked, the less is left to go by. In which order would you fill the gaps?",
    ),
    _mask(
        "With negation",
        "A robin is not a bird.",
        ["bird"],
        "Ettinger (2020) found that BERT answers alike with and without “not”. Delete “not” and compare the lists.",
    ),
    _mask(
        "Who is it?",
        "The nurse said that she would call the doctor.",
        ["she"],
        "Compare P(he) and P(she), then swap nurse and doctor. What did the model learn from its texts, and should a"
        " product use it?",
    ),
    _mask(
        "Nothing masked",
        "He drank a glass of water.",
        [],
        "Nothing is masked: predict everywhere. Seen tokens are usually copied, but not with probability 1, since"
        " training replaced some by random words.",
    ),
    _mask(
        "A sense",
        "He deposited the cheque at the bank.",
        ["bank"],
        "Change “cheque” to “fishing boat” and the gap should change with it: one word far away decides.",
    ),
    _mask(
        "A role",
        "The waiter served the customer, and the customer left a tip.",
        ["waiter", "tip"],
        "Then swap waiter and customer. The words are the same; does the model notice who does what?",
    ),
)

_HEADS = (
    _select(
        "What “it” means",
        "The animal didn't cross the street because it was too tired.",
        ["it"],
        "Find a head that links “it” to “animal”. Change “tired” to “wide”: does the link move to “street”?"
        " Then switch the head off and see whether the prediction cares.",
    ),
    _select(
        "Passive",
        "The thief was chased by the dog that the baker owned.",
        ["chased"],
        "The subject of a passive is the one it is done to. Do the heads follow the order of words or the roles?",
    ),
    _select(
        "Agreement past attractors",
        "The keys to the cabinets near the old door are rusty.",
        ["are"],
        "Two nouns stand closer than the subject. Which heads jump over them? Mask “are” and switch those heads off"
        " one by one.",
    ),
    _select(
        "Repeated words",
        "The cat saw the dog, the dog saw the bird, and the bird saw the cat.",
        ["dog", "dog"],
        "Some heads attend to the same word elsewhere. Select one “dog” and look for them; then compare with the"
        " heads that look one token back.",
    ),
    _select(
        "Two sentences",
        "The river bank was muddy.",
        ["bank"],
        "Which heads stay inside one sentence, and which cross over? Delete “river” and ask the same of “bank”.",
        "She put down her fishing rod.",
    ),
    _select(
        "Object of the verb",
        "Yesterday my sister bought a very old violin at the market.",
        ["violin"],
        "Clark et al. (2019) found heads whose direct objects attend to their verbs. Is there one here? Compare it"
        " with always looking four tokens back.",
    ),
    _select(
        "Heads at rest",
        "Well, the rain has stopped.",
        ["rain"],
        "Much attention goes to [SEP] and the full stop. Turn on norm-weighted attention: little comes back from"
        " there (Kobayashi et al. 2020).",
    ),
    _select(
        "Who gave what to whom",
        "Anna gave Ben the book that Carla had lent her.",
        ["her"],
        "Grammar rules out Carla, who would need “herself”, and Ben is no “her”. Does any head find Anna, far away,"
        " rather than the nearest name?",
    ),
)

_TASK_PRESETS = (
    _task(
        "fill_mask",
        "A capital",
        "Read out the five likeliest words and their probabilities. What would 100 % mean here?",
        "The capital of Japan is [MASK].",
    ),
    _task(
        "fill_mask",
        "Opposites",
        "Words that fit the same gap may be opposites: what the model calls likely is not what is true.",
        "The film was really [MASK].",
    ),
    _task(
        "next_sentence",
        "It follows",
        "Label 0 means “is next”. Say so before anyone reads the bars the other way round.",
        "She put the kettle on the stove.",
        "After a few minutes the water began to boil.",
    ),
    _task(
        "next_sentence",
        "Another subject",
        "A random second sentence is easy to tell: mostly by its subject, without understanding the order.",
        "She put the kettle on the stove.",
        "The senate voted against the tax on steel.",
    ),
    _task(
        "next_sentence",
        "Swapped",
        "The same two sentences in the wrong order. If the model still says “is next”, it measures the subject, not"
        " coherence.",
        "After a few minutes the water began to boil.",
        "She put the kettle on the stove.",
    ),
    _task(
        "sentiment",
        "Plain praise",
        "Which words carry it? Delete them one by one before looking at the attribution.",
        "A warm, funny film with wonderful actors.",
    ),
    _task(
        "sentiment",
        "Turned round",
        "Every word of praise is there. What has to be read for the right answer?",
        "I wanted to love this brilliant idea, but nothing about the film works.",
    ),
    _task(
        "sentiment",
        "Negated",
        "Negation and understatement: try “bad”, “not bad” and “not bad at all”.",
        "Not bad at all.",
    ),
    _task(
        "emotions",
        "Two at once",
        "Several labels may hold together, so each has a probability of its own and they need not add up to 100 %.",
        "Thank you so much, I did not expect this and I am so happy!",
    ),
    _task(
        "emotions",
        "Fear",
        "Which label comes second? Soften the sentence step by step and watch it cross the threshold.",
        "I'm terrified that something will go wrong tomorrow.",
    ),
    _task(
        "similarity",
        "Said differently",
        "No important word is shared. A model that only counts words would give a low score.",
        "A man is playing the guitar on the street.",
        "Someone makes music on the pavement.",
    ),
    _task(
        "similarity",
        "Same words, other meaning",
        "The two differ only in order. How high does the score stay?",
        "The dog chased the cat.",
        "The cat chased the dog.",
    ),
    _task(
        "inference",
        "It follows",
        "Whoever believes the first sentence must believe the second. Make the second more specific until it turns"
        " neutral.",
        "Two boys are carrying a sofa up the stairs.",
        "Some people are moving furniture.",
    ),
    _task(
        "inference",
        "It may be",
        "Likely is not entailed. Classes tend to disagree here as much as the model does.",
        "Two boys are carrying a sofa up the stairs.",
        "The boys are brothers who are moving house.",
    ),
    _task(
        "inference",
        "It can't be",
        "Hide the first sentence and ask the class for the label. Words such as “nobody” give it away.",
        "Two boys are carrying a sofa up the stairs.",
        "Nobody is on the stairs.",
    ),
    _task(
        "pos",
        "One word, two classes",
        "The same spelling as verb and as noun: only the neighbours tell.",
        "They can fish, but they open the can of fish with a stone.",
    ),
    _task(
        "pos",
        "A garden path",
        "“Man” is the verb here. Most readers stumble too; where does the model commit itself?",
        "The old man the boat.",
    ),
    _task(
        "ner",
        "People, places, firms",
        "Three kinds of names. Write everything in small letters: an uncased model should not care.",
        "Maria Lopez flew from Lisbon to Toronto to work for Northern Air.",
    ),
    _task(
        "ner",
        "One name, three things",
        "A name alone decides nothing. Which words around it do?",
        "Paris met Jordan in Paris before Jordan moved to Washington.",
    ),
    _task(
        "choice",
        "What happens next",
        "Each ending is read together with the beginning, and the four scores compete. Chance is 25 %.",
        "The ice on the lake was thin, so the children",
        choices=(
            "were told to stay on the shore.",
            "drove a lorry across it.",
            "ate it with a spoon of soup.",
            "finished their homework about Rome.",
        ),
    ),
    _task(
        "choice",
        "Why",
        "All endings are good English. Score them without the beginning as well: how much does it add?",
        "He put on a second jumper because",
        choices=("the heating had failed.", "the sun was hot.", "he was hungry.", "his sister plays chess."),
    ),
    _task(
        "qa",
        "Who and when",
        "The answer is a span: two bars, one for its start and one for its end. Which pairs are legal?",
        "Who repaired the organ?",
        "The organ of St. Anne was built in 1712. After the flood of 1954 it was repaired by Clara Weiss, who had"
        " learnt her trade in Prague.",
    ),
    _task(
        "qa",
        "No answer",
        "The passage does not say. The model can point at [CLS]; does it, or does it take the nearest number?",
        "How much did the repair cost?",
        "The organ of St. Anne was built in 1712. After the flood of 1954 it was repaired by Clara Weiss, who had"
        " learnt her trade in Prague.",
    ),
    _task(
        "qa",
        "Two candidates",
        "Two years stand in the passage. Ask for the other one, then delete the word that decides.",
        "When was the organ built?",
        "The organ of St. Anne was built in 1712. After the flood of 1954 it was repaired by Clara Weiss, who had"
        " learnt her trade in Prague.",
    ),
    _task(
        "generation",
        "A story",
        "Go token by token: at each step the model sees only what is to the left. Compare greedy search with sampling.",
        "Once upon a time there was a fisherman who",
    ),
    _task(
        "generation",
        "Falling into a loop",
        "Greedy search often repeats itself. Raise the temperature, then lower top-p: what is gained, what is lost?",
        "I like apples and I like",
    ),
    _task(
        "seq2seq",
        "Words in order",
        "Hide the picture and let the class order the words first. Then follow the lines: where does the decoder look"
        " when it writes the verb?",
        "he work to goes day every",
    ),
    _task(
        "seq2seq",
        "Two orders fit",
        "'Can you help me?' and 'You can help me.' are both right. Look at the probabilities where it decides.",
        "you help can me",
    ),
    _task(
        "seq2seq",
        "Longer than it likes",
        "With every further word there are more orders to choose from. Which does it repeat, which does it drop?",
        "quickly letter wrote before mother she her long left the to a train",
    ),
)

_TRAIN = (
    Preset(
        "Sentiment in a minute",
        "Draw the chance line first. Does the pinned sentence turn before the curve looks finished?",
        "I expected little and was delighted.",
        options={"data": "sentiment", "kind": "classification"},
    ),
    Preset(
        "Eight topics",
        "Chance is one in eight, and ln 8 = 2.08 is the loss of knowing nothing.",
        "The probe measured the dust around the comet.",
        options={"data": "topics", "kind": "classification"},
    ),
    Preset(
        "Names in sentences",
        "Most tokens are O, so accuracy starts high: watch the F1 of spans instead.",
        "Marta Ruiz opened a bakery in Genoa.",
        options={"data": "entities", "kind": "tagging"},
    ),
    Preset(
        "Does it follow?",
        "The second sentence alone gives much away: compare with the figure in the sets' README before praising.",
        "A girl is asleep on the sofa.",
        "The girl is awake.",
        options={"data": "pairs", "kind": "classification"},
    ),
    Preset(
        "How alike?",
        "Regression: one number and no softmax. Spearman asks for the order only.",
        "The train is late again.",
        "Once more the train has been delayed.",
        options={"data": "similarity", "kind": "regression"},
    ),
    Preset(
        "Agreement from nothing",
        "A nano model meets only this grammar. Accuracy stays at chance for a while; the question is when it leaves.",
        "the dogs near the old farmer sleep .",
        options={"nano": "agreement"},
    ),
    Preset(
        "Backwards",
        "A nano encoder and decoder learn to reverse letters. The cross-attention turns into a diagonal, from corner to"
        " corner.",
        "b a d c",
        options={"nano": "reversal"},
    ),
    Preset(
        "A little real text",
        "The line is the unigram entropy: below it the model uses the context. Watch how long the dev curve follows.",
        "The market opens when the first cock crows.",
        options={"nano": "text"},
    ),
)

_PRESETS: dict[str, tuple[Preset, ...]] = {
    "tokenizer": _TOKENIZER,
    "mask": _MASKS,
    "heads": _HEADS,
    "tasks": _TASK_PRESETS,
    "train": _TRAIN,
}
