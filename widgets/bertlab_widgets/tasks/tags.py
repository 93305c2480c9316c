"""A label for each word: parts of speech, names of people, places and organisations."""

from __future__ import annotations

from collections import Counter

from bertlab.language import say, say_n

from ..panel import percent, quoted
from .explaining import Question
from .reading import SentenceReading, best_first, joined

GROUPS = {  # part of speech -> a letter that parts the classes beside the colour
    "NOUN": "N", "PROPN": "N", "PRON": "P", "VERB": "V", "AUX": "V", "ADJ": "A", "ADV": "R", "DET": "D", "NUM": "D",
    "ADP": "F", "PART": "F", "CCONJ": "F", "SCONJ": "F",
}  # fmt: skip
REST = 7  # the place in the palette that is no colour


class Tags(SentenceReading):
    """Each word with its labels; the first piece of a word decides."""

    kind = "tags"

    def reads(self) -> tuple[str, list[int]]:
        places = [row["position"] for row in self.tags()]
        return say("The head reads the vector of every word, that of its first piece; [CLS] is not asked."), places

    def tags(self) -> list[dict]:
        """One row a word: text, start, end, label, probability, and all labels with theirs."""
        tokens, _ = self.tokens()
        probabilities, config = self.logits().softmax(-1), self.model.config  # (sequence, labels)
        text, rows = self.workbench.text, []
        for position, token in enumerate(tokens):
            if token["word"] is None or token["segment"] != 0:
                continue
            if rows and rows[-1]["word"] == token["word"]:
                rows[-1].update(end=token["end"], text=text[rows[-1]["start"] : token["end"]])
                continue
            labels = {config.id2label[i]: value for i, value in enumerate(probabilities[position].tolist())}
            label = max(labels, key=labels.__getitem__)
            rows.append(
                {
                    "word": token["word"],
                    "position": position,
                    "text": text[token["start"] : token["end"]],
                    "start": token["start"],
                    "end": token["end"],
                    "label": label,
                    "probability": labels[label],
                    "labels": labels,
                }
            )
        return rows

    def read(self) -> dict:
        rows = self.tags()
        names = list(rows[0]["labels"]) if rows else []
        spans = entity_spans(self.workbench.text, rows)
        is_entities = any(name.startswith(("B-", "I-")) for name in names)
        kinds = list(dict.fromkeys(name.split("-", 1)[-1] for name in names if name != "O"))
        least = min(range(len(rows)), key=lambda i: rows[i]["probability"]) if rows else 0
        words = [
            {
                "text": row["text"],
                "label": row["label"],
                "probability": row["probability"],
                "position": row["position"],
                "rows": best_first([{"label": name, "value": value} for name, value in row["labels"].items()])[
                    : self.panel.count
                ],
            }
            for row in rows
        ]
        return {
            "words": words,
            "spans": [[span["first"], span["last"], span["label"]] for span in spans],
            "entities": is_entities,
            "colours": {name: _colour(name, place) for place, name in enumerate(kinds)},
            "least": least,
            "chance": {"at": 1 / max(1, len(names)), "text": say("chance 1 in {count:,}", count=len(names))},
            "answer": _entities_said(spans) if is_entities else _words_said(rows, least),
            "short": " ".join(row["label"] for row in rows)[:60],
        }

    def data(self) -> list[tuple[str, float]]:
        return [(row["label"], row["probability"]) for row in self.tags()]

    def table(self) -> list[dict]:
        names = ("text", "start", "end", "label", "probability")
        return [{"task": self.task, **{name: row[name] for name in names}} for row in self.tags()]

    def bar_name(self, row: dict) -> str:
        return f"{row['text']}  {row['label']}"

    def result_code(self) -> list[str]:
        return [
            "probabilities, words = logits.softmax(-1), batch.word_ids(0)  # (sequence, labels)",
            "first = [place for place, word in enumerate(words) if word is not None and word != words[place - 1]]",
            "result = [(model.config.id2label[int(p.argmax())], float(p.max())) for p in probabilities[first]]",
        ]

    def looked_at(self) -> dict:
        """The word whose labels are shown: the chosen one, or the least certain."""
        words, chosen = self.view["words"], self.panel.word
        return words[chosen if 0 <= chosen < len(words) else self.view["least"]]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        word = self.tags()[self.view["words"].index(self.looked_at())]
        index = list(word["labels"]).index(word["label"])
        return (
            targets.tag(word["position"], index, "log_probability"),
            say("{label} of {word}", label=word["label"], word=word["text"]),
            f"tag({word['position']}, {index}, 'log_probability')",
        )

    def question(self) -> Question | None:
        return super().question() if self.view.get("words") else None

    def gate(self) -> str:
        if not self.view.get("words"):
            return say(self.guessed)
        return say("Which label will “{word}” get?", word=self.looked_at()["text"])

    def offered(self) -> list[str]:
        config = self.model.config
        names = [config.id2label[i] for i in range(config.num_labels)]
        return names if len(names) <= 20 else []

    def grade(self, guess: str) -> str:
        if not self.view.get("words"):
            return say("There is no word to name.")
        label, guess = self.looked_at()["label"], guess.strip().upper()
        if guess == label.upper():
            return say("Right.")
        return say("Your guess was {guess}, the head says {label}.", guess=guess, label=label)


def entity_spans(text: str, rows: list[dict]) -> list[dict]:
    """Words with labels -> stretches: B-X with the I-X after it is one of X, O is none, any other label one a word.

    Rows are those of `Tags.tags`; each span has text, label, first and last (indices of words), entity.
    """
    spans, running = [], None
    for i, row in enumerate(rows):
        kind, _, name = row["label"].partition("-")
        entity = bool(name) and kind in ("B", "I")
        if row["label"] == "O":
            running = None
        elif entity and kind == "I" and running == name:
            spans[-1].update(last=i, end=row["end"], text=text[spans[-1]["start"] : row["end"]])
        else:
            running = name if entity else None
            spans.append(
                {
                    "text": row["text"],
                    "label": name if entity else row["label"],
                    "start": row["start"],
                    "end": row["end"],
                    "first": i,
                    "last": i,
                    "entity": entity,
                }
            )
    return spans


def _entities_said(spans: list[dict]) -> str:
    found = [say("{name} ({type})", name=quoted(span["text"]), type=span["label"]) for span in spans if span["entity"]]
    if not found:
        return say("No word is taken for a name.")
    named = joined(found[:6] + ([say("{count} more", count=len(found) - 6)] if len(found) > 6 else []))
    return say_n("{count:,} name: {names}.", "{count:,} names: {names}.", len(found), names=named)


def _words_said(rows: list[dict], least: int) -> str:
    if not rows:
        return say("There is no word to name.")
    tally, word = Counter(row["label"] for row in rows).most_common(), rows[least]
    given = {"word": quoted(word["text"]), "label": word["label"], "probability": percent(word["probability"])}
    if len(rows) == 1:
        return say("The head calls {word} {label}, {probability}.", **given)
    shown = say(", ").join(say("{count} {label}", count=count, label=label) for label, count in tally[:3])
    rest = sum(count for _, count in tally[3:])
    if rest:
        others = say_n("{count:,} other", "{count:,} others", rest)
        shown = say("{words} and {last}", words=shown, last=others)
    return say(
        "{count:,} words: {labels}. Least certain is {word}, {label} with {probability}.",
        count=len(rows),
        labels=shown,
        **given,
    )


def _colour(label: str, place: int) -> list:
    """(a number of the palette, a letter) for a label, so that colour never stands alone."""
    if label in GROUPS:
        letter = GROUPS[label]
        return [list(dict.fromkeys(GROUPS.values())).index(letter), letter]
    if label in ("PUNCT", "SYM", "X", "INTJ"):
        return [REST, "·"]
    return [min(place, REST), label[:1]]
