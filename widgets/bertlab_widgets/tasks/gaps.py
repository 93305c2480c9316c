"""Filling gaps: the likeliest tokens at every [MASK]."""

from __future__ import annotations

from ..panel import listed, percent, quoted
from ..workbench import last_word, mask_id
from .reading import SentenceReading, rank_verdict

MOST_GAPS = 8


class Gaps(SentenceReading):
    """The pre-trained head's words for each gap, each read with the others still open.

    A text without a gap is read with its last word hidden, so that there is an answer to look at.
    """

    kind = "gaps"
    guessed = "Which token will BERT put into the first gap?"
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
        which = "at the gap" if len(self.places) == 1 else "at each gap"
        return f"The head reads the vector {which} after the last layer; [CLS] is not asked.", self.places

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
            return {"missing": f"{self.lab.name} has no [MASK] in its vocabulary, so it can fill no gap."}
        gaps = self.gaps()
        if not gaps:
            return {"missing": "Type a word, or [MASK] where a word is to be found."}
        best = [gap["rows"][0] for gap in gaps]
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
            "chance": {"at": 1 / size, "text": f"chance 1 in {size:,}"},
            "answer": self.said(best, stood),
            "short": ", ".join(row["token"] for row in best),
        }

    def said(self, best: list[dict], stood: str) -> str:
        """The answer line: `best` is the likeliest row of each gap, `stood` the token at the first of them."""
        words = listed([row["token"] for row in best])
        if self.example:
            found = "find it again" if best[0]["token"] == stood else f"expect {words}"
            said = f"If {quoted(stood)} were hidden, BERT would {found}, {percent(best[0]['probability'])}."
            return f"{said} Click a token to put [MASK] in its place."
        if len(best) == 1:
            return f"BERT would put {words} there, {percent(best[0]['probability'])}."
        return f"BERT would put {words} there; each gap is read with the others still open."

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
        if self.example:
            lines.append(f"batch['input_ids'][0, {self.places[0]}] = lab.tokenizer.mask_token_id  # as if hidden")
        return lines

    def result_code(self) -> list[str]:
        return [
            "result = {}",
            f"for place in {self.places}:",
            f"    best = logits[place].softmax(-1).topk({self.panel.count})",
            "    names = lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())",
            "    result[place] = dict(zip(names, best.values.tolist()))",
        ]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        gap = self.gaps()[0]
        place, best = gap["position"], gap["rows"][0]
        return (
            targets.masked_token(place, best["id"], "log_probability"),
            best["token"],
            f"masked_token({place}, {best['id']}, 'log_probability')",
        )

    def gate(self) -> str:
        if self.example and self.places:
            stood = self.workbench.tokens[self.places[0]]["text"]
            return f"If “{stood}” were hidden, which token would BERT expect there?"
        return self.guessed

    def grade(self, guess: str) -> str:
        return rank_verdict(guess, [row["label"] for row in self.view["gaps"][0]["rows"]], "likeliest tokens")
