"""The look Patch: values of the clean run put into the corrupt one, a cell at a time (activation patching)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch

from bertlab.language import mark, say, say_n

from ..panel import Look, guessed_number, percent, quoted, signed
from ..panel.drawing import map_figure
from ..workbench import Encoding, SelectionError, encode, mask_id
from .said import right
from .watched import off_code, setting_code, under

WHAT = {
    "hidden": mark("the hidden state"),
    "attention_output": mark("what attention adds"),
    "mlp_output": mark("what the feed-forward network adds"),
    "heads": mark("what one head puts out"),
}
BETWEEN = 0.15  # seconds from one picture of a map that streams in to the next


class Patches(Look):
    """How far each cell of the clean run, put into the corrupt one, brings the watched number back."""

    name, label = "patch", mark("Patching")

    # --- the two runs

    def corrupt_encoding(self) -> Encoding | None:
        """The corrupt sentence as tokens; None where it is the clean one with a word hidden."""
        text = self.panel.corrupt.strip()
        if not text:
            return None
        workbench = self.workbench
        key = ("encoding", text, workbench.text_pair)
        tokenizer = workbench.lab.tokenizer
        return workbench.cached(key, lambda: encode(tokenizer, text, workbench.text_pair, workbench.limit))

    def hidden_place(self) -> int | None:
        """Without a corrupt sentence: the token that is hidden in its stead, a selected one or the weightiest."""
        if self.panel.corrupt.strip() or mask_id(self.workbench) is None:
            return None
        place, _ = self.panel.watching.now().place, None
        tokens, masks = self.workbench.encoding.tokens, self.workbench.mask_positions
        can = [i for i, token in enumerate(tokens) if not token["special"] and i != place and i not in masks]
        chosen = [i for i in self.workbench.selected if i in can]
        if chosen or len(can) < 2:
            return (chosen or can or [None])[0]
        key = ("weightiest", *self.panel.watching.key)
        return self.workbench.cached(key, lambda: self._weightiest(can[:128]))

    def _weightiest(self, places: list[int]) -> int:
        """The place whose hiding changes the watched number most."""
        from bertlab.analysis.attribution import occlusion

        watching = self.panel.watching
        with self.workbench.lock, watching.switched_off():
            mask = self.workbench.lab.tokenizer.mask_token_id
            found = occlusion(self.workbench.model, watching.batch(), watching.target(), replacement=mask)
        return max(places, key=lambda place: abs(float(found.scores[0, place])))

    def needs(self) -> None:
        workbench = self.workbench
        corrupt = self.corrupt_encoding()
        if corrupt is None:
            if mask_id(workbench) is None:
                problem = say("this vocabulary has no [MASK] to hide a word with: type the corrupt sentence")
                raise SelectionError(problem)
            if self.hidden_place() is None:
                problem = say("there is no other word to corrupt: type a longer sentence, or the corrupt one")
                raise SelectionError(problem)
            return
        clean = workbench.encoding
        if corrupt.length != clean.length:
            raise SelectionError(
                say_n(
                    "The corrupt sentence has {count:,} token, the clean one {clean}: places belong together only "
                    "where both have as many; exchange a word for one that is cut alike",
                    "The corrupt sentence has {count:,} tokens, the clean one {clean}: places belong together only "
                    "where both have as many; exchange a word for one that is cut alike",
                    corrupt.length,
                    clean=clean.length,
                )
            )
        if torch.equal(self.corrupt_ids(), self.panel.watching.batch()["input_ids"].cpu()):
            raise SelectionError(say("both sentences are the same: change a word of the corrupt one"))

    def corrupt_ids(self) -> torch.Tensor:
        """(1, sequence): the corrupt run's tokens, with the masks of the clean one."""
        workbench, encoding = self.workbench, self.corrupt_encoding()
        mask = mask_id(workbench)
        clean = self.panel.watching.batch()["input_ids"].cpu()
        if encoding is None:
            ids, place = clean.clone(), self.hidden_place()
            if place is not None:
                ids[0, place] = mask
            return ids
        ids = encoding.input_ids.clone()
        if mask is not None:
            ids[0, clean[0] == mask] = mask
        return ids

    def depends_on(self) -> tuple:
        return (self.panel.what, tuple(self.corrupt_ids()[0].tolist()))

    def corrupt_logits(self) -> torch.Tensor:
        """(vocabulary,): what the corrupt run says at the watched place."""
        from bertlab.analysis import evaluating

        watching, workbench = self.panel.watching, self.workbench
        ids = self.corrupt_ids()

        def compute() -> torch.Tensor:
            model = workbench.model
            with workbench.lock, torch.no_grad(), evaluating(model), watching.switched_off():
                return watching.at_place(model(**workbench.batch(ids)))

        return workbench.cached(("corrupt", tuple(ids[0].tolist()), *watching.key), compute)

    def steps(self) -> Iterator[float]:
        from bertlab.analysis.patching import stream_patches

        watching, workbench, key = self.panel.watching, self.workbench, self.key()
        what, ids = self.panel.what, self.corrupt_ids()
        columns = workbench.head_count if what == "heads" else ids.shape[1]
        rows = workbench.layer_count + (what == "hidden")
        effect = torch.full((rows, columns), math.nan)
        with workbench.lock, watching.switched_off():
            batch = watching.batch()
            stream = stream_patches(workbench.model, batch, workbench.batch(ids), watching.target(), what=what)
        shown = time.monotonic()
        while True:
            with workbench.lock, watching.switched_off():
                cell = next(stream, None)
            if cell is None:
                break
            effect[cell.layer, cell.place] = cell.effect
            self.so_far(key, effect)
            if time.monotonic() - shown > BETWEEN:
                shown = time.monotonic()
                self.panel.show_more()
            yield cell.done
        self.keep(key, effect)

    # --- shown

    def row_names(self) -> list[str]:
        """The rows of the map."""
        layers = range(self.workbench.layer_count)
        if self.panel.what == "hidden":
            return [say("embeddings"), *(say("after {layer}", layer=layer) for layer in layers)]
        return [say("layer {layer}", layer=layer) for layer in layers]

    def column_names(self) -> list[str]:
        """The columns: tokens of the clean run, or heads."""
        if self.panel.what == "heads":
            return [str(head) for head in range(self.workbench.head_count)]
        return self.panel.watching.token_names()

    def view(self, found: torch.Tensor | None) -> dict:
        watching = self.panel.watching
        ids = self.corrupt_ids()
        clean, corrupt = watching.logits(), self.corrupt_logits()
        names = self.workbench.lab.tokenizer.convert_ids_to_tokens(ids[0].tolist())
        differs = [i for i, (a, b) in enumerate(zip(self.panel.watching.token_names(), names, strict=True)) if a != b]
        cell = self.shown_cell(found)
        return {
            "rows": self.row_names(),
            "columns": self.column_names(),
            "values": [] if found is None else [[_json(x) for x in row] for row in found.tolist()],
            "corrupt_tokens": names,
            "differs": differs,
            "typed": bool(self.panel.corrupt.strip()),
            "bars": watching.bars(clean, corrupt),
            "cell": list(cell) if cell else [],
            "top": self.top(found),
        }

    def top(self, found: torch.Tensor | None) -> float:
        """Where the scale of colours ends: at 1, or sooner where no cell restores so much."""
        largest = 0.0 if found is None else float(found.nan_to_num(0.0).abs().max())
        return next((top for top in (0.1, 0.25, 0.5) if largest <= top), 1.0)

    def shown_cell(self, found: torch.Tensor | None) -> tuple[int, int] | None:
        """The cell that is spoken of: the chosen one, else the one that restores most; what both runs share without
        the first layers is no finding, so where there is a choice it is no cell of the hidden state at its own place
        after the last layer."""
        if found is None:
            return None
        if self.panel.cell:
            row, column = self.panel.cell
            if row < found.shape[0] and column < found.shape[1]:
                return row, column
        rest = found.clone()
        if self.panel.what == "hidden" and len(rest) > 2:
            rest[-1], rest[0] = math.nan, math.nan
        if rest.isnan().all():
            rest = found
        if rest.isnan().all():
            return None
        return divmod(int(rest.nan_to_num(-math.inf).argmax()), rest.shape[1])

    def _what_of(self, row: int, column: int) -> str:
        if self.panel.what == "heads":
            return say("head {layer}.{head}", layer=row, head=column)
        which = {"token": quoted(self.panel.watching.token_names()[column]), "place": column}
        if self.panel.what == "attention_output":
            return say("what attention adds to {token} (place {place}) in layer {layer}", **which, layer=row)
        if self.panel.what == "mlp_output":
            return say(
                "what the feed-forward network adds to {token} (place {place}) in layer {layer}", **which, layer=row
            )
        if row == 0:
            return say("the hidden state of {token} (place {place}) in the embeddings", **which)
        return say("the hidden state of {token} (place {place}) after layer {layer}", **which, layer=row - 1)

    def ends(self) -> tuple[float, float]:
        """The measure in the clean and in the corrupt run."""
        watching = self.panel.watching
        return watching.value(watching.logits()), watching.value(self.corrupt_logits())

    def written(self, value: float) -> str:
        """A value of the measure for an audience."""
        return percent(value) if self.panel.measure == "probability" else signed(value)

    def sentence(self, found: torch.Tensor | None) -> str:
        word, (clean, corrupt) = self.panel.watching.now(), self.ends()
        ends = {"word": quoted(word.word), "clean": self.written(clean), "corrupt": self.written(corrupt)}
        cell = self.shown_cell(found)
        if cell is None or math.isnan(float(found[cell])):
            return say("{word} has {clean} in the clean run, {corrupt} in the corrupt one.", **ends)
        known = found[~found.isnan()]
        so_far = say(", most of all") if len(known) == found.numel() else say(", most so far")
        return say_n(
            "{word} has {clean} in the clean run, {corrupt} in the corrupt one; {what}, put in from the clean run, "
            "restores {share} of that{most} (the middle one of {count:,} cell: {middle}).",
            "{word} has {clean} in the clean run, {corrupt} in the corrupt one; {what}, put in from the clean run, "
            "restores {share} of that{most} (the middle one of {count:,} cells: {middle}).",
            len(known),
            **ends,
            what=self._what_of(*cell),
            share=share(float(found[cell])),
            most="" if self.panel.cell else so_far,
            middle=share(float(known.median())),
        )

    def data(self) -> torch.Tensor:
        return self.whole()

    def table(self) -> list[dict]:
        found, rows, columns = self.seen(), self.row_names(), self.column_names()
        clean, corrupt = self.ends()
        side = "head" if self.panel.what == "heads" else "place"
        ends = {"word": self.panel.watching.now().word, "measure": self.panel.measure, "clean": clean}
        return [
            {"what": self.panel.what, "layer": name, side: column, "token": columns[column], "effect": float(value)}
            | ends
            | {"corrupt": corrupt}
            for name, values in zip(rows, found, strict=True)
            for column, value in enumerate(values)
            if not math.isnan(float(value))
        ]

    def code(self) -> list[str]:
        workbench, pair = self.workbench, self.workbench.text_pair
        lines = setting_code(self.panel, "patching")
        masks = workbench.masks_in(self.panel.watching.batch()["input_ids"])
        if self.corrupt_encoding() is None:
            lines.append("corrupt = {name: value.clone() for name, value in batch.items()}")
            lines.append(f"corrupt['input_ids'][0, {self.hidden_place()}] = lab.tokenizer.mask_token_id")
        else:
            texts = repr(self.panel.corrupt.strip()) + (f", {pair!r}" if pair else "")
            lines.append(f'corrupt = lab.tokenizer({texts}, truncation=True, return_tensors="pt").to(lab.device)')
            if masks:
                lines.append(f"corrupt['input_ids'][0, {masks}] = lab.tokenizer.mask_token_id")
        before, line = off_code(self.panel)
        call = f"patching.patch(lab.model, batch, corrupt, target, what={self.panel.what!r})"
        rows = "layers + 1" if self.panel.what == "hidden" else "layers"
        side = "heads" if self.panel.what == "heads" else "positions"
        return [*lines, *before, *under(line, [f"result = {call}.effect  # ({rows}, {side})"])]

    def figure(self, width: float):
        found = self.seen()
        cell = self.shown_cell(found)
        label = say("share of the difference that is restored: {what}", what=say(WHAT[self.panel.what]))
        return map_figure(
            found,
            self.row_names(),
            self.column_names(),
            width,
            label,
            self.top(found),
            cell,
            tilted=self.panel.what != "heads",
        )

    # --- predict first

    def gate(self) -> str:
        word = self.panel.watching.now().word
        if self.panel.what == "heads":
            return say("Which layer has the head that brings “{word}” back most, put in from the clean run?", word=word)
        return say(
            "Which token brings “{word}” back most, put in from the clean run somewhere in the middle layers?",
            word=word,
        )

    def options(self) -> list[str]:
        if self.panel.what == "heads":
            return (
                [str(layer) for layer in range(self.workbench.layer_count)] if self.workbench.layer_count < 25 else []
            )
        names = [token["original"] for token in self.workbench.tokens]
        return list(dict.fromkeys(names)) if len(names) <= 24 else []

    def grade(self, guess: str) -> str:
        found = self.whole()
        if self.panel.what == "heads":
            best = divmod(int(found.nan_to_num(-math.inf).argmax()), found.shape[1])
            number = guessed_number(guess)
            effect = share(float(found[best]))
            said = say("head {layer}.{head} restores most, {share}", layer=best[0], head=best[1], share=effect)
            if number is not None and int(number) == best[0]:
                return right(said)
            return say("Your guess was layer {guess}; {said}.", guess=guess, said=said)
        middle = self.middle(found)
        best, names = int(middle.argmax()), [token["original"] for token in self.workbench.tokens]
        wanted = guess.strip().casefold().removeprefix("##")
        places = [i for i, name in enumerate(names) if name.casefold().removeprefix("##") == wanted]
        said = say(
            "{token} restores {share} on average over the middle layers",
            token=quoted(names[best]), share=share(float(middle[best])),
        )  # fmt: skip
        if not places:
            return say("{guess} is not among the tokens; {said}.", guess=quoted(guess), said=said)
        own = max(places, key=lambda place: float(middle[place]))
        if own == best:
            return right(said)
        effect = share(float(middle[own]))
        return say("Your {guess} restores {share}; {said}.", guess=quoted(guess), share=effect, said=said)

    def middle(self, found: torch.Tensor) -> torch.Tensor:
        """(positions,): the mean over the rows between the first and the last one."""
        rows = found[1:-1] if len(found) > 2 else found
        return rows.nanmean(0)


def share(effect: float) -> str:
    """An effect for an audience: "94 %", with a minus sign where it goes the other way and is large enough for one."""
    size = percent(abs(effect))
    return f"−{size}" if effect < 0 and not size.startswith("<") else size


def _json(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
