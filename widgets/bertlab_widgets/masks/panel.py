"""`MaskPanel`: which words does BERT expect at the places that are hidden from it?"""

from __future__ import annotations

import json
import math

import torch
from traitlets import Dict, Enum, Int

from ..panel import Panel, percent, quoted, signed
from ..workbench import Result, SelectionError, ablation_code, input_code

MASK_LIMIT = 8  # places whose predictions are shown at once


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
    question_text = "Which words does BERT expect here?"
    settings = ("look", "count", "other", "seed")
    speaks_of_masks = True
    calls = (*Panel.calls, "force", "deal", "mask_all")

    look = Enum(("places", "everywhere", "layers", "score", "dealer", "compare"), "places").tag(sync=True)
    count = Int(8, min=1, max=20).tag(sync=True)
    seed = Int(0).tag(sync=True)
    other = Dict(help="{'text': a second sentence} to hold against the first").tag(sync=True)
    deals = Dict().tag(sync=True)

    def __init__(self, *arguments, **settings):
        self._tally = {"mask": 0, "random": 0, "kept": 0, "untouched": 0}
        self._dealt, self._cards = 0, torch.Generator()
        super().__init__(*arguments, **settings)

    # --- numbers

    def place(self, position: int, count: int | None = None) -> dict:
        """One masked place: likeliest tokens, and rank and probability of the token that was there."""
        workbench, count = self.workbench, count or self.count
        result = self._hidden(position) if self.is_example(position) else None
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
        return {
            "position": position,
            "example": result is not None,
            "rows": rows,
            "truth": truth,
            "entropy": float(torch.special.entr(probabilities).sum()),
        }

    @property
    def places(self) -> list[int]:
        """The positions that are predicted: all masks, else the selected tokens as they stand, else an example."""
        chosen = self.workbench.mask_positions or list(self.workbench.selected) or self._example()
        return chosen[:MASK_LIMIT]

    def _example(self) -> list[int]:
        """Where nothing is masked or selected: the last word of the text, as if it were hidden."""
        tokens = self.workbench.encoding.tokens
        words = [i for i, token in enumerate(tokens) if not token["special"] and any(map(str.isalnum, token["text"]))]
        return words[-1:] if self.workbench.lab.tokenizer.mask_token_id is not None else []

    def is_example(self, position: int) -> bool:
        """Whether a place is shown as if it were hidden, though nothing is masked."""
        return not self.workbench.mask_positions and not self.workbench.selected and [position] == self._example()

    def _hidden(self, position: int):
        """The model's pass over the text with one more token hidden."""
        workbench = self.workbench

        def compute():
            from bertlab.recording import record

            ids = workbench.input_ids.clone()
            ids[0, position] = workbench.lab.tokenizer.mask_token_id
            with workbench.lock, torch.no_grad(), workbench.ablating():
                with record(workbench.model, ["*hidden"]) as recording:
                    output = workbench.model(**workbench.batch(ids))
            return Result(recording, output.prediction_logits[0].float())

        return workbench.cached(("hidden", position, *workbench.key), compute)

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

            recording = self._hidden(position).recording if example else workbench.recording
            logits = layer_logits(workbench.model, recording, head="token", places=[position])
            return logits[:, 0, 0].softmax(-1).cpu()  # (layers + 1, vocabulary)

        probabilities = workbench.cached(("lens", position, example, *workbench.key), compute)
        hidden = example or position in workbench.masked
        truth = workbench.encoding.tokens[position]["id"] if hidden else None
        rows = []
        for layer, row in enumerate(probabilities):
            best = row.topk(3)
            names = workbench.lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())
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
            raise SelectionError(f"{token!r} is no single token of this vocabulary: choose one of the bars.")
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
        """Each token's log-probability with only that token masked (Salazar et al. 2020); they add up to the score."""
        workbench = self.workbench
        text = workbench.text if text is None else text
        score = workbench.cached(("pll", text), lambda: workbench.lab.score(text))
        return [
            {"token": token, "log_probability": float(value)}
            for token, value in zip(score.tokens, score.log_probabilities, strict=True)
        ]

    def deal(self, times: int = 1) -> dict:
        """Mask the sentence as in pre-training, `times` times; the counts go on from deal to deal."""
        self._deal(times)
        self._update({"deals"})
        return self.deals

    def _deal(self, times: int) -> None:
        from bertlab.data import mask_tokens

        workbench = self.workbench
        ids = workbench.encoding.input_ids
        special = torch.tensor([[token["special"] for token in workbench.encoding.tokens]])
        if not self._dealt:
            self._cards.manual_seed(self.seed)
        times, dealt = max(1, min(int(times), 2000)), None
        self._dealt += times
        for _ in range(times):
            dealt = mask_tokens(
                ids,
                special=special,
                mask_token_id=workbench.lab.tokenizer.mask_token_id,
                vocab_size=workbench.config.vocab_size,
                generator=self._cards,
            )
            chosen = dealt.labels != -100
            masked = chosen & (dealt.input_ids == workbench.lab.tokenizer.mask_token_id)
            kept = chosen & (dealt.input_ids == ids)
            self._tally["mask"] += int(masked.sum())
            self._tally["kept"] += int(kept.sum())
            self._tally["random"] += int((chosen & ~masked & ~kept).sum())
            self._tally["untouched"] += int((~chosen & ~special).sum())
        names = workbench.lab.tokenizer.convert_ids_to_tokens(dealt.input_ids[0].tolist())
        fates = [
            "special" if s else "mask" if m else "kept" if k else "random" if c else "untouched"
            for s, m, k, c in zip(
                special[0].tolist(), masked[0].tolist(), kept[0].tolist(), chosen[0].tolist(), strict=True
            )
        ]
        self.deals = {"tokens": names, "fates": fates, "tally": dict(self._tally)}

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        workbench = self.workbench
        if changed & {"version", "seed"}:
            self.deals, self._dealt = {}, 0
            self._tally = dict.fromkeys(self._tally, 0)
        if self.look == "dealer" and not self.deals:
            self._deal(1)
        view = {
            "look": self.look,
            "places": [self.place(position) for position in self.places],
            "limit": MASK_LIMIT,
            "count": len(workbench.mask_positions),
            "vocabulary": workbench.config.vocab_size,
            "pinned": self.pinned.get("places", []),
        }
        if self.look == "everywhere":
            view["everywhere"] = self.everywhere()
        elif self.look == "layers" or (self.look == "places" and len(self.places) == 1):
            view["layers"] = self.layers(self.places[0]) if self.places else None
        elif self.look == "score":
            view["score"] = self.pseudo_log_likelihood()
        elif self.look == "compare":
            other = self.other.get("text", "").strip()
            view["score"] = self.pseudo_log_likelihood()
            view["other"] = self.pseudo_log_likelihood(other) if other else []
        self.view = view
        self.answer = self.sentence(view)

    def pinned_view(self) -> dict:
        return {"places": [self.place(position) for position in self.places]}

    def sentence(self, view: dict) -> str:
        """The answer line: what the stage shows now."""
        if self.look == "dealer" and self.deals:
            tally = self.deals["tally"]
            chosen = tally["mask"] + tally["random"] + tally["kept"]
            seen = chosen + tally["untouched"]
            if not chosen:
                return f"Of {seen} tokens none was chosen this time. Deal again."
            return (
                f"Of {seen} tokens {percent(chosen / seen)} were chosen; of these {percent(tally['mask'] / chosen)} "
                "became [MASK], "
                f"{percent(tally['random'] / chosen)} a random token, {percent(tally['kept'] / chosen)} stayed."
            )
        if self.look in ("score", "compare") and view.get("score"):
            total = sum(row["log_probability"] for row in view["score"])
            said = f"Pseudo-log-likelihood {signed(total)}, that is {signed(total / len(view['score']))} a token."
            if view.get("other"):
                other = sum(row["log_probability"] for row in view["other"])
                better = "the first" if total > other else "the second"
                said = f"{signed(total)} against {signed(other)}: BERT finds {better} sentence likelier, "
                said += f"by {abs(total - other):.2f} nats."
            return said
        if self.look == "everywhere" and view.get("everywhere"):
            right = sum(row["rank"] == 1 for row in view["everywhere"])
            return f"BERT's first choice is the token that stands there at {right} of {len(view['everywhere'])} places."
        if not view["places"]:
            return "Click a token to mask it."
        if self.look == "layers" and view.get("layers"):
            return self._by_layer(view["places"][0], view["layers"])
        place, count = view["places"][0], view["count"]
        best, truth = place["rows"][0], place["truth"]
        if place["example"]:
            said = f"If {quoted(truth['token'])} were hidden, BERT would expect {quoted(best['token'])}, "
            said += percent(best["probability"])
            if truth["rank"] > 1:
                said += f"; {quoted(truth['token'])} is number {truth['rank']:,} with {percent(truth['probability'])}"
            return f"{said}. Click a token to mask it."
        said = f"At place {place['position']} BERT expects {quoted(best['token'])}, {percent(best['probability'])}."
        if truth and truth["rank"] == 1:
            said = f"BERT finds {quoted(truth['token'])} again: first choice, {percent(truth['probability'])}."
        elif truth:
            share = percent(truth["probability"])
            said += f" {quoted(truth['token'])}, which stood there, is number {truth['rank']:,} with {share}."
        return f"{said} {count} places are masked." if count > 1 else said

    def _by_layer(self, place: dict, layers: list[dict]) -> str:
        """At which layer the answer is there for the first time, and stays."""
        last = layers[-1]["best"][0]["token"]
        first = len(layers) - 1
        while first and layers[first - 1]["best"][0]["token"] == last:
            first -= 1
        after = "the embeddings" if not first else f"layer {first - 1}"
        return f"At place {place['position']}, {quoted(last)} is the first choice from {after} on."

    def gate(self) -> str:
        place = self._asked()
        if place is None:
            return "Mask a token first: click it in the sentence."
        tokens = self.workbench.encoding.tokens
        around = " ".join(token["text"] for token in tokens[max(1, place - 3) : place])
        hidden = "" if tokens[place]["special"] else f", where “{tokens[place]['text']}” stood"
        return f"Which token will BERT put after “{around}”{hidden} (place {place})?"

    def _asked(self) -> int | None:
        """The place that the gate asks about: a selected one that is masked, else the first."""
        chosen = [i for i in self.workbench.selected if i in self.places]
        return (chosen or self.places or [None])[0]

    def grade(self, guess: str) -> str:
        place = self._asked()
        if place is None:
            return "Nothing is masked yet."
        tokenizer = self.workbench.lab.tokenizer
        word = guess.lower() if getattr(tokenizer, "do_lower_case", True) else guess
        identifier = tokenizer.convert_tokens_to_ids(word)
        if identifier is None or identifier == tokenizer.unk_token_id:
            return f"`{guess}` is no single token of this vocabulary."
        probabilities = self.workbench.probabilities(place, self._hidden(place) if self.is_example(place) else None)
        p = float(probabilities[identifier])
        rank = int((probabilities > p).sum()) + 1
        return (
            f"Right, `{guess}` is the first choice."
            if rank == 1
            else f"Your `{guess}` is number {rank:,} with {percent(p)}."
        )

    # --- data, code, pictures

    def data(self):
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
        axes.set_xlabel(value.replace("_", "-"))
        if value == "probability":
            axes.set_xlim(0, 1)
        axes.set_title(self.answer.replace("`", ""), fontsize=9)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every token masked alone, so that a phone can click them, and the other looks."""
        workbench = self.workbench
        positions = [i for i, token in enumerate(workbench.encoding.tokens) if not token["special"]][:64]
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

    def code(self) -> str:
        workbench = self.workbench
        lines = ["import torch", *self.lab_code()]
        if self.look in ("score", "compare"):
            other = self.other.get("text", "").strip() if self.look == "compare" else ""
            scores = [f"lab.score({text!r}).log_probabilities" for text in (workbench.text, other) if text]
            return "\n".join([*lines, f"result = {', '.join(scores)}"])
        given, *changes = input_code(workbench)
        lines.append(given)
        if self.look == "dealer":
            lines[1:1] = ["from bertlab.data import mask_tokens"]
            return "\n".join([*lines, *self._dealing_code()])
        lines += ["truth = batch['input_ids'][0].clone()"] if self.look == "everywhere" else []
        lines += changes
        if self.places and self.is_example(self.places[0]):
            lines.append(
                f"batch['input_ids'][0, {self.places[0]}] = lab.tokenizer.mask_token_id  # as if it were hidden"
            )
        contexts = "torch.no_grad()"
        if workbench.ablated:
            before, context = ablation_code(workbench)
            lines[1:1] = ["from bertlab.analysis import ablation"]
            lines += before
            contexts += f", {context}"
        if self.look == "layers":
            place = self.places[0] if self.places else 1
            lines[1:1] = ["from bertlab.analysis.lens import layer_logits"]
            return "\n".join(
                [
                    *lines,
                    f"with {contexts}:",
                    f'    logits = layer_logits(lab.model, batch, head="token", places=[{place}])',
                    "best = logits[:, 0, 0].softmax(-1).topk(3)  # (layers + 1, 3), the embeddings first",
                    "words = [lab.tokenizer.convert_ids_to_tokens(row) for row in best.indices.tolist()]",
                    "result = [list(zip(*row)) for row in zip(words, best.values.tolist())]",
                ]
            )
        lines += [
            f"with {contexts}:",
            "    probabilities = lab.model(**batch).prediction_logits[0].softmax(-1)  # (sequence, vocabulary)",
        ]
        if self.look == "everywhere":
            return "\n".join(
                [
                    *lines,
                    f"places = {[row['position'] for row in self.everywhere()]}",
                    "own = probabilities[places, truth[places]].tolist()",
                    "best = probabilities[places].argmax(-1).tolist()",
                    "words = lab.tokenizer.convert_ids_to_tokens",
                    "result = list(zip(words(truth[places].tolist()), own, words(best)))",
                ]
            )
        return "\n".join(
            [
                *lines,
                "result = {}",
                f"for place in {self.places or [1]}:",
                f"    best = probabilities[place].topk({self.count})",
                "    words = lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())",
                "    result[place] = dict(zip(words, best.values.tolist()))",
            ]
        )

    def _dealing_code(self) -> list[str]:
        """Lines that deal as often as was dealt here, from the same seed, and count."""
        special = [i for i, token in enumerate(self.workbench.encoding.tokens) if token["special"]]
        return [
            "ids, mask = batch['input_ids'].cpu(), lab.tokenizer.mask_token_id",
            "special = torch.zeros_like(ids, dtype=torch.bool)",
            f"special[0, {special}] = True",
            f"generator, result = torch.Generator().manual_seed({self.seed}), [0, 0, 0]  # masked, random, kept",
            f"for _ in range({self._dealt}):",
            "    dealt = mask_tokens(ids, special=special, mask_token_id=mask,",
            "                        vocab_size=lab.model.config.vocab_size, generator=generator)",
            "    new = dealt.input_ids[dealt.labels != -100]",
            "    fates = torch.where(new == mask, 0, torch.where(new == ids[dealt.labels != -100], 2, 1))",
            "    result = [count + int((fates == fate).sum()) for fate, count in enumerate(result)]",
        ]


def _with_truth(place: dict) -> list[dict]:
    """The rows of a place, and the token that was there where it is not among them."""
    truth = place["truth"]
    if truth is None or truth["rank"] <= len(place["rows"]):
        return place["rows"]
    return [*place["rows"], {**truth, "truth": True}]
