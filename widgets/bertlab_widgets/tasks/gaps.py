"""Filling gaps: the likeliest tokens at every [MASK]."""

from __future__ import annotations

from bertlab.language import mark, say

from ..panel import in_a_row, percent, quoted
from ..workbench import last_word, mask_id, words_code
from .reading import SentenceReading, joined, rank_verdict

MOST_GAPS = 8


class Gaps(SentenceReading):
    """The pre-trained head's words for each gap, each read with the others still open.

    A text without a gap is read with its last word hidden, so that there is an answer to look at.
    """

    kind = "gaps"
    guessed = mark("Which token will BERT put into the first gap?")
    logits_code = "lab.model(**batch).prediction_logits[0]"

    @property
    def places(self) -> list[int]:
        """The places of the gaps; without one, of the word that is read as if it were hidden."""
        masks = self.workbench.mask_positions[:MOST_GAPS]
        if masks or (place := last_word(self.workbench)) is None:
            return masks
        return [place]

    @property
    def example(self) -> bool:
        """Whether the gap is no gap of the text, but a word read as if it were hidden."""
        return not self.workbench.mask_positions

    def reads(self) -> tuple[str, list[int]]:
        if len(self.places) == 1:
            said = say("The head reads the vector at the gap after the last layer; [CLS] is not asked.")
        else:
            said = say("The head reads the vector at each gap after the last layer; [CLS] is not asked.")
        return said, self.places

    def gaps(self) -> list[dict]:
        """The likeliest tokens at every [MASK]."""
        workbench, found = self.workbench, []
        for place in self.places:
            result = workbench.hidden(place) if self.example else None
            found.append({"position": place, "rows": workbench.predictions(place, self.panel.count, result)})
        return found

    def tokens(self) -> tuple[list[dict], dict]:
        tokens, batch = super().tokens()
        if not self.example:
            return tokens, batch
        (place,), mask = self.places, self.lab.tokenizer.mask_token_id
        ids = batch["input_ids"].clone()
        ids[0, place] = mask
        shown = [dict(token, text="[MASK]" if i == place else token["text"]) for i, token in enumerate(tokens)]
        return shown, {**batch, "input_ids": ids}

    def read(self) -> dict:
        size, tokens = self.workbench.config.vocab_size, self.workbench.tokens
        if mask_id(self.workbench) is None:
            name = self.lab.name
            return {"missing": say("{model} has no [MASK] in its vocabulary, so it can fill no gap.", model=name)}
        gaps = self.gaps()
        if not gaps:
            return {"missing": say("Type a word, or [MASK] where a word is to be found.")}
        shown = [
            {
                "position": gap["position"],
                "rows": [{"label": row["token"], "value": row["probability"]} for row in gap["rows"]],
            }
            for gap in gaps
        ]
        stood = tokens[gaps[0]["position"]]["text"]
        if self.example:
            shown[0]["hidden"] = stood
        return {
            "gaps": shown,
            "chance": {"at": 1 / size, "text": say("chance 1 in {count:,}", count=size)},
            "answer": self.said(gaps, stood),
            "short": ", ".join(gap["rows"][0]["token"] for gap in gaps),
        }

    def said(self, gaps: list[dict], stood: str) -> str:
        """The answer line; `stood` is the token at the first of the gaps."""
        best = gaps[0]["rows"][0]
        token, probability = quoted(best["token"]), percent(best["probability"])
        if self.example:
            hidden = quoted(stood)
            if best["token"] == stood:
                said = say(
                    "If {token} were hidden, BERT would find it again, {probability}.",
                    token=hidden,
                    probability=probability,
                )
            else:
                said = say(
                    "If {token} were hidden, BERT would expect {other}, {probability}.",
                    token=hidden,
                    other=token,
                    probability=probability,
                )
            return in_a_row([said, say("Click a token to put [MASK] in its place.")])
        if len(gaps) == 1:
            return say("BERT would put {token} there, {probability}.", token=token, probability=probability)
        put = joined([at_place(quoted(gap["rows"][0]["token"]), gap["position"]) for gap in gaps])
        return say("BERT would put {tokens}; each gap is read with the others still open.", tokens=put)

    def data(self) -> dict[int, dict[str, float]]:
        return {gap["position"]: {row["token"]: row["probability"] for row in gap["rows"]} for gap in self.gaps()}

    def table(self) -> list[dict]:
        return [
            {
                "task": self.task,
                "position": gap["position"],
                "rank": rank,
                "token": row["token"],
                "probability": row["probability"],
            }
            for gap in self.gaps()
            for rank, row in enumerate(gap["rows"], start=1)
        ]

    def input_code(self) -> list[str]:
        lines = super().input_code()
        if self.example and self.places:
            lines.append(f"batch['input_ids'][0, {self.places[0]}] = lab.tokenizer.mask_token_id  # as if hidden")
        return lines

    def result_code(self) -> list[str]:
        return [
            *words_code(self.workbench),
            "result = {}",
            f"for place in {self.places}:",
            f"    best = logits[place].softmax(-1).topk({self.panel.count})",
            "    result[place] = dict(zip(words(best.indices.tolist()), best.values.tolist()))",
        ]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        gap = self.gaps()[0]
        place, best = gap["position"], gap["rows"][0]
        return (
            targets.masked_token(place, best["id"], "log_probability"),
            best["token"] if len(self.places) == 1 else at_place(best["token"], place),
            f"masked_token({place}, {best['id']}, 'log_probability')",
        )

    def gate(self) -> str:
        if self.example and self.places:
            stood = self.workbench.tokens[self.places[0]]["text"]
            return say("If “{token}” were hidden, which token would BERT expect there?", token=stood)
        return say(self.guessed)

    def grade(self, guess: str) -> str:
        ranked = [row["label"] for row in self.view["gaps"][0]["rows"]]
        return rank_verdict(guess, ranked, mark("`{guess}` is not among the {count} likeliest tokens."))


def at_place(token: str, place: int) -> str:
    """A token with the place of its gap, where there are several."""
    return say("{token} at place {place}", token=token, place=place)
