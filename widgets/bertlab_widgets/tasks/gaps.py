"""Filling gaps: the likeliest tokens at every [MASK]."""

from __future__ import annotations

from ..panel import listed, percent
from .reading import SentenceReading, rank_verdict

MOST_GAPS = 8


class Gaps(SentenceReading):
    """The pre-trained head's words for each gap, each read with the others still open."""

    kind = "gaps"
    guessed = "Which token will BERT put into the first gap?"
    logits_code = "lab.model(**batch).prediction_logits[0]"

    @property
    def places(self) -> list[int]:
        """The places of the gaps."""
        return self.workbench.mask_positions[:MOST_GAPS]

    def gaps(self) -> list[dict]:
        """The likeliest tokens at every [MASK]."""
        return [
            {"position": place, "rows": self.workbench.predictions(place, self.panel.count)} for place in self.places
        ]

    def read(self) -> dict:
        gaps, size = self.gaps(), self.workbench.config.vocab_size
        if not gaps:
            return {"missing": "Click a token to put [MASK] in its place."}
        best = [gap["rows"][0] for gap in gaps]
        rest = (
            f"the likeliest has {percent(best[0]['probability'])}"
            if len(best) == 1
            else "each gap is read with the others still open"
        )
        shown = [
            {
                "position": gap["position"],
                "rows": [{"label": row["token"], "value": row["probability"]} for row in gap["rows"]],
            }
            for gap in gaps
        ]
        return {
            "gaps": shown,
            "chance": {"at": 1 / size, "text": f"chance 1 in {size:,}"},
            "answer": f"BERT would put {listed([row['token'] for row in best])} there; {rest}.",
            "short": ", ".join(row["token"] for row in best),
        }

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

    def grade(self, guess: str) -> str:
        return rank_verdict(guess, [row["label"] for row in self.view["gaps"][0]["rows"]], "likeliest tokens")
