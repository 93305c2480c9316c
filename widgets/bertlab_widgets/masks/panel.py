"""`MaskPanel`: which words does BERT expect at the places that are hidden from it?

What is said stands in `words.py`, the code in `code.py`, the dealer of pre-training in `dealing.py`.
"""

from __future__ import annotations

import functools
import json
import math
import re

import torch
from traitlets import Dict, Enum, Int

from bertlab.language import mark, say

from ..panel import Panel
from ..workbench import SelectionError, last_word, mask_id, token_names
from . import code, words
from .dealing import Dealer

MASK_LIMIT = 8  # places whose predictions are shown at once
MEASURED = {"probability": mark("probability"), "log_probability": mark("log-probability")}


class MaskPanel(Panel):
    """Click tokens to mask them and read what BERT would put there.

        panel = MaskPanel(lab, "The capital of France is Paris.", masked=[6])
        panel.data()                      # {6: [{"token": ..., "probability": ..., "rank": ...}, ...]}
        panel.look = "layers"             # the same place, read after every layer
        panel.force(6, "london")          # put a word there and go on

    Settings: `look` (places, everywhere, layers, score, dealer, compare), `count` (bars at each place), `other` (a
    second sentence to score against the first), `seed` of the dealer.
    """

    script = "masks.js"
    question_text = mark("Which words does BERT expect here?")
    settings = ("look", "count", "other", "seed")
    speaks_of_masks = True
    calls = (*Panel.calls, "force", "deal", "mask_all")

    look = Enum(("places", "everywhere", "layers", "score", "dealer", "compare"), "places").tag(sync=True)
    count = Int(8, min=1, max=20).tag(sync=True)
    seed = Int(0).tag(sync=True)
    other = Dict(help="{'text': a second sentence} to hold against the first").tag(sync=True)
    deals = Dict().tag(sync=True)

    @functools.cached_property
    def dealer(self) -> Dealer:
        """Who deals masks as in pre-training."""
        return Dealer(self.workbench)

    @property
    def needs_text(self) -> bool:
        """A text of a token that the model cannot read is no empty one: what is wrong with it is said."""
        return not words.unreadable(self)

    # --- numbers

    def place(self, position: int, count: int | None = None) -> dict:
        """One masked place: likeliest tokens, and rank and probability of the token that was there."""
        workbench, count = self.workbench, count or self.count
        result = self.workbench.hidden(position) if self.is_example(position) else None
        probabilities = workbench.probabilities(position, result)
        rows = workbench.predictions(position, count, result)
        for rank, row in enumerate(rows, start=1):
            row["rank"] = rank
        truth, token = None, workbench.encoding.tokens[position]
        if position in workbench.masked or result is not None:
            p = probabilities[token["id"]]
            truth = {
                "token": token["text"],
                "id": token["id"],
                "probability": float(p),
                "rank": int((probabilities > p).sum()) + 1,
                "loss": -math.log(max(float(p), 1e-45)),
            }
            for row in rows:
                row["truth"] = row["id"] == token["id"]
        shown = workbench.tokens[position]
        return {
            "position": position,
            "example": result is not None,
            "seen": "" if result is not None or position in workbench.mask_positions else shown["text"],
            "rows": rows,
            "truth": truth,
            "entropy": float(torch.special.entr(probabilities).sum()),
        }

    @property
    def places(self) -> list[int]:
        """The positions that are predicted: all masks, else the selected tokens as they stand, else an example."""
        return (self._chosen() or self._example())[:MASK_LIMIT]

    def _chosen(self) -> list[int]:
        """The places that were chosen: all masks, else the selected tokens."""
        return self.workbench.mask_positions or list(self.workbench.selected)

    def _example(self) -> list[int]:
        """Where nothing is masked or selected: the last word of the text, as if it were hidden."""
        place = last_word(self.workbench)
        return [] if place is None else [place]

    def is_example(self, position: int) -> bool:
        """Whether a place is shown as if it were hidden, though nothing is masked."""
        return not self._chosen() and [position] == self._example()

    def everywhere(self) -> list[dict]:
        """What BERT says at every token as the sentence stands: unmasked ones are seen, and mostly repeated."""
        workbench = self.workbench
        rows = []
        for position, token in enumerate(workbench.encoding.tokens):
            if token["special"] and position not in workbench.mask_positions:
                continue
            probabilities = workbench.probabilities(position)
            p = probabilities[token["id"]]
            best = workbench.predictions(position, 1)[0]
            rows.append(
                {
                    "position": position,
                    "token": token["text"],
                    "masked": position in workbench.mask_positions,
                    "probability": float(p),
                    "rank": int((probabilities > p).sum()) + 1,
                    "loss": -math.log(max(float(p), 1e-45)),
                    "best": best["token"],
                    "best_probability": best["probability"],
                }
            )
        return rows

    def layers(self, position: int) -> list[dict]:
        """The masked place read after every layer through the model's own head; the last layer is the model."""
        workbench, example = self.workbench, self.is_example(position)

        def compute():
            from bertlab.analysis.lens import layer_logits

            recording = self.workbench.hidden(position).recording if example else workbench.recording
            logits = layer_logits(workbench.model, recording, head="token", places=[position])
            return logits[:, 0, 0].softmax(-1).cpu()  # (layers + 1, vocabulary)

        probabilities = workbench.cached(("lens", position, example, *workbench.key), compute)
        hidden = example or position in workbench.masked
        truth = workbench.encoding.tokens[position]["id"] if hidden else None
        rows = []
        for layer, row in enumerate(probabilities):
            best = row.topk(3)
            names = token_names(workbench.lab.tokenizer, best.indices.tolist())
            entry = {
                "layer": layer,
                "best": [{"token": n, "probability": float(p)} for n, p in zip(names, best.values, strict=True)],
            }
            if truth is not None:
                entry.update(truth=float(row[truth]), rank=int((row > row[truth]).sum()) + 1)
            rows.append(entry)
        return rows

    def force(self, position: int, token: str | int) -> None:
        """Put a token in a place and go on: the mask there goes, the others are predicted anew."""
        workbench, tokenizer = self.workbench, self.workbench.lab.tokenizer
        identifier = token if isinstance(token, int) else tokenizer.convert_tokens_to_ids(token)
        if not isinstance(token, int) and (identifier is None or identifier == tokenizer.unk_token_id):
            raise SelectionError(
                say("{token!r} is no single token of this vocabulary: choose one of the bars.", token=token)
            )
        with workbench.together():
            workbench.masked = [place for place in workbench.masked if place != position]
            if workbench.encoding.tokens[position]["id"] == identifier:
                workbench.forced = {place: other for place, other in workbench.forced.items() if place != position}
            else:
                workbench.forced = {**workbench.forced, position: identifier}

    def mask_all(self) -> None:
        """Mask every token of the text at once, or show them all again."""
        tokens = [i for i, token in enumerate(self.workbench.encoding.tokens) if not token["special"]]
        self.workbench.masked = [] if self.workbench.masked == tokens else tokens

    def pseudo_log_likelihood(self, text: str | None = None) -> list[dict]:
        """Each token's log-probability with only that token masked (Salazar et al. 2020); they add up to the score.

        Raises:
            ValueError: the text is too long, or holds [MASK].
        """
        workbench = self.workbench
        text = workbench.text if text is None else text

        def compute():
            with workbench.lock, workbench.ablating():
                return workbench.lab.score(text)

        score = workbench.cached(("pll", text, workbench.key[-1]), compute)
        return [
            {"token": token, "log_probability": float(value)}
            for token, value in zip(score.tokens, score.log_probabilities, strict=True)
        ]

    def deal(self, times: int = 1) -> dict:
        """Mask the sentence as in pre-training, `times` times; the counts go on from deal to deal."""
        self.deals = self.dealer.deal(times, self.seed)
        self._update({"deals"})
        return self.deals

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        workbench = self.workbench
        if changed & {"version", "seed"}:
            self.deals = {}
            self.dealer.begin()
        view = {
            "look": self.look,
            "maskless": mask_id(workbench) is None,
            "limit": MASK_LIMIT,
            "count": len(workbench.mask_positions),
            "vocabulary": workbench.config.vocab_size,
            "pinned": self.pinned.get("places", []),
        }
        missing = words.without_mask(self)
        view |= {"missing": missing, "score": [], "other": []} if missing else self._of_look()
        self.view = view
        self.answer = words.sentence(self, view)

    def _of_look(self) -> dict:
        """What the view of this look holds."""
        places = self.places
        found: dict = {"places": [self.place(position) for position in places]}
        found["read_at"] = places if self.look in ("places", "layers") and not self._chosen() else []
        if self.look == "everywhere":
            found["everywhere"] = self.everywhere()
        elif self.look == "layers" or (self.look == "places" and len(places) == 1):
            found["layers"] = self.layers(places[0]) if places else None
        elif self.look in ("score", "compare"):
            found |= self._scores()
        elif self.look == "dealer":
            self.deals = self.deals or self.dealer.deal(1, self.seed)
        return found

    def _scores(self) -> dict:
        """Score of the sentence, in "compare" of the other one too; `missing` where a text has none."""
        other = self.other.get("text", "").strip() if self.look == "compare" else ""
        found = {"score": [], "other": []}
        try:
            found["score"] = self.pseudo_log_likelihood()
            found["other"] = self.pseudo_log_likelihood(other) if other else []
        except ValueError as error:
            why = no_score(str(error))
            if found["score"]:
                return {**found, "missing": say("The other sentence has no score: {why}", why=why)}
            return {**found, "missing": say("This sentence has no score: {why}", why=why)}
        return found

    def pinned_view(self) -> dict:
        return {"places": self.view.get("places", [])}

    def gate(self) -> str:
        return words.gate(self)

    def gate_options(self) -> list[str]:
        return words.gate_options(self)

    def grade(self, guess: str) -> str:
        return words.grade(self, guess)

    # --- data, code, pictures

    def _refuse_missing(self) -> None:
        """Refuse, with the sentence that is on the screen, where the look has nothing to give."""
        if self.view.get("missing"):
            raise SelectionError(self.view["missing"])

    def data(self):
        self._refuse_missing()
        if self.look == "places":
            return {position: self.place(position)["rows"] for position in self.places}
        return {
            "dealer": self.deals,
            "everywhere": self.view.get("everywhere"),
            "layers": self.view.get("layers"),
            "score": self.view.get("score"),
            "compare": [self.view.get("score"), self.view.get("other")],
        }[self.look]

    def table(self) -> list[dict]:
        self._refuse_missing()
        if self.look == "everywhere":
            return self.view.get("everywhere", [])
        if self.look == "layers" and self.view.get("layers"):
            return [
                {
                    "layer": row["layer"],
                    "rank": row.get("rank"),
                    "truth": row.get("truth"),
                    "token": best["token"],
                    "probability": best["probability"],
                }
                for row in self.view["layers"]
                for best in row["best"]
            ]
        if self.look in ("score", "compare"):
            return [
                {"sentence": which, **row}
                for which, rows in (("first", self.view.get("score", [])), ("second", self.view.get("other", [])))
                for row in rows
            ]
        if self.look == "dealer":
            return [
                {"position": i, "token": token, "fate": fate}
                for i, (token, fate) in enumerate(
                    zip(self.deals.get("tokens", []), self.deals.get("fates", []), strict=True)
                )
            ]
        return [
            {
                "position": place["position"],
                "rank": row["rank"],
                "token": row["token"],
                "id": row["id"],
                "probability": row["probability"],
                "truth": row.get("truth", False),
            }
            for place in self.view.get("places", [])
            for row in _with_truth(place)
        ]

    def figure(self, width: float = 7.0):
        from matplotlib.figure import Figure

        rows = self.table()
        value = "log_probability" if self.look in ("score", "compare") else "probability"
        rows = [row for row in rows if value in row][:40]
        figure = Figure(figsize=(width, max(2.2, 0.26 * len(rows) + 1.2)), layout="constrained")
        axes = figure.subplots()
        ticks = ["  ✓" if row.get("truth") is True else "" for row in rows]
        places = [row.get("position", row.get("layer", "")) for row in rows]
        names = [f"{place}  {row['token']}{tick}" for place, row, tick in zip(places, rows, ticks, strict=True)]
        axes.barh(range(len(rows)), [row[value] for row in rows], color=["#c05a00" if t else "#0b62b0" for t in ticks])
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel(say(MEASURED[value]))
        if value == "probability":
            axes.set_xlim(0, 1)
        axes.set_title(self.answer.replace("`", ""), fontsize=9)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every token masked alone, so that a phone can click them, and the other looks."""
        workbench = self.workbench
        positions = [i for i, token in enumerate(workbench.encoding.tokens) if not token["special"]][:64]
        if mask_id(workbench) is None:
            positions = []
        kept, look, patches = list(workbench.masked), self.look, {}

        def shown() -> dict:
            names = ("view", "answer", "tokens", "masked", "look", "deals")
            return {name: getattr(self, name) for name in names}

        try:
            for choice in type(self).look.values:
                self.look = choice
                patches[f'look:"{choice}"'] = shown()
            self.look = "places"
            for masked in ([], *([position] for position in positions), kept):
                workbench.masked = masked
                patches[f"masked:{json.dumps(masked, separators=(',', ':'))}"] = shown()
        finally:
            workbench.masked, self.look = kept, look
        return {}, patches

    def static_html(self) -> str:
        return "" if self.view.get("missing") else super().static_html()

    def code(self) -> str:
        nothing = self.answer if self.view.get("empty") else self.view.get("missing")
        return f"# {nothing}" if nothing else code.code(self)


def no_score(problem: str) -> str:
    """Why a text has no pseudo-log-likelihood, as the second half of a sentence."""
    if "[MASK]" in problem:
        return say("it holds [MASK], which is no word. Put a word there.")
    if special := re.match(r"text 0 holds (\S+), which is no word", problem):
        return say("it holds {token}, which is no word. Leave it out.", token=special[1])
    return problem[:1].lower() + problem[1:] + ("" if problem.endswith(".") else ".")


def _with_truth(place: dict) -> list[dict]:
    """The rows of a place, and the token that was there where it is not among them."""
    truth = place["truth"]
    if truth is None or truth["rank"] <= len(place["rows"]):
        return place["rows"]
    return [*place["rows"], {**truth, "truth": True}]
