"""The look Prune: heads removed one after the other, the least important first, beside a random order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import mark, say, say_n

from ..panel import Look, Stopped, guessed_number, percent, quoted, signed
from ..workbench import SelectionError, mask_id
from . import pictures
from .said import MEASURES, guessed, no_number, right
from .watched import off_code, setting_code, under

ORDERS = {
    "gradient": mark("least important first, by gradient"),
    "ablation": mark("least important first, by ablation"),
}
DRAWS = 3  # random orders
SENTENCES = 12  # of those that ship, each with its last word hidden


class Prunes(Look):
    """The metric against the number of heads that are gone."""

    name, label = "prune", mark("Removing heads")
    in_small_steps = False

    def depends_on(self) -> tuple:
        return (self.panel.by, self.panel.over, self.workbench.seed)

    def needs(self) -> None:
        if self.panel.over == "text":
            return
        if mask_id(self.workbench) is None:
            raise SelectionError(
                say("this vocabulary has no [MASK] to hide the last words with: measure on this prediction")
            )
        self._sentences()

    def _sentences(self) -> tuple[dict[str, torch.Tensor], Any]:
        lab, measure = self.workbench.lab, self.panel.measure
        return self.workbench.cached(("many sentences", measure), lambda: many_sentences(lab, measure))

    def measured(self) -> tuple[dict[str, torch.Tensor], Any]:
        """The batch and the metric: the watched word of this text, or the last words of sentences that ship."""
        watching = self.panel.watching
        if self.panel.over == "text":
            return watching.batch(), watching.target()
        return self._sentences()

    def steps(self) -> Iterator[float]:
        from bertlab.analysis.pruning import curve

        watching, workbench, key = self.panel.watching, self.workbench, self.key()
        orders = [(self.panel.by, 0), *(("random", workbench.seed + draw) for draw in range(DRAWS))]
        found: dict[str, Any] = {"random": []}
        for number, (by, seed) in enumerate(orders):

            def between(share: float, number: int = number) -> None:
                if self.panel.job.mine:
                    if self.panel.job.cancelled.is_set():
                        raise Stopped
                    self.panel.job.report({"label": say(self.label), "done": (number + share) / len(orders)})
                    workbench.lock.give_way()

            try:
                with workbench.lock, watching.switched_off():
                    batch, metric = self.measured()
                    out = curve(workbench.model, batch, metric, by=by, seed=seed, progress=between)
            except Stopped:
                return
            if number:
                found = {**found, "random": [*found["random"], out.values.tolist()]}
            else:
                found = {**found, "heads": out.heads, "values": out.values.tolist()}
            self.so_far(key, found)
            if self.panel.job.mine:
                self.panel.show_more()
            yield (number + 1) / len(orders)
        self.keep(key, found)

    # --- shown

    def gone(self, found: dict | None) -> int:
        """How many heads the slider has taken away."""
        return min(self.panel.pruned, len(found["heads"])) if found and "heads" in found else 0

    def view(self, found: dict | None) -> dict:
        found = found or {}
        return {
            "heads": [list(pair) for pair in found.get("heads", [])],
            "values": [round(value, 5) for value in found.get("values", [])],
            "random": [[round(value, 5) for value in row] for row in found.get("random", [])],
            "layers": self.workbench.layer_count,
            "columns": self.workbench.head_count,
            "subject": self.subject(),
            "count": len(found.get("heads", [])),
        }

    def subject(self) -> str:
        """What the curve measures, in words."""
        measure = say(MEASURES[self.panel.measure])
        if self.panel.over == "text":
            return say("{measure} of {word}", measure=measure, word=quoted(self.panel.watching.now().word))
        return say("mean {measure} of the last word of {count} sentences", measure=measure, count=SENTENCES)

    def written(self, value: float) -> str:
        """A value of the measure for an audience."""
        return percent(value) if self.panel.measure == "probability" else signed(value)

    def sentence(self, found: dict | None) -> str:
        if not found or "values" not in found:
            return say("Measuring how the prediction rests on each head …")
        count, values, random = self.gone(found), found["values"], found["random"]
        if not values[1:]:
            return say("This model has no heads left to remove.")
        said = {"subject": self.subject(), "whole": self.written(values[0]), "total": len(found["heads"])}
        if not count:
            return say_n(
                "With all heads the {subject} is {whole}. Move the slider: {count:,} head of {total} can go, least "
                "important first, before it is {less}.",
                "With all heads the {subject} is {whole}. Move the slider: {count:,} heads of {total} can go, least "
                "important first, before it is {less}.",
                self.kept(found),
                **said,
                less=self._half(),
            )
        said |= {"gone": count, "now": self.written(values[count])}
        if not random:
            return say("Without {gone} of {total} heads the {subject} is {now} (whole: {whole}).", **said)
        return say_n(
            "Without {gone} of {total} heads the {subject} is {now} (whole: {whole}); removed in random order: {mean}, "
            "the mean of {count:,} order.",
            "Without {gone} of {total} heads the {subject} is {now} (whole: {whole}); removed in random order: {mean}, "
            "the mean of {count:,} orders.",
            len(random),
            **said,
            mean=self.written(sum(row[count] for row in random) / len(random)),
        )

    def _half(self) -> str:
        return say("below half of that") if self.panel.measure == "probability" else say("lower by ln 2 or more")

    def kept(self, found: dict) -> int:
        """How many heads can go, one after the other, before the metric is below half."""
        values = found["values"]
        if self.panel.measure == "probability":
            limit = values[0] / 2
        else:
            limit = values[0] - 0.6931471805599453
        return next((i - 1 for i, value in enumerate(values) if value < limit), len(values) - 1)

    def data(self) -> torch.Tensor:
        return torch.tensor(self.whole()["values"])

    def table(self) -> list[dict]:
        found = self.seen()
        rows = []
        for count, value in enumerate(found["values"]):
            layer, head = found["heads"][count - 1] if count else ("", "")
            random = {f"random_{i}": row[count] for i, row in enumerate(found["random"])}
            row = {"removed": count, "layer": layer, "head": head, "value": value, **random}
            rows.append({**row, "measure": self.panel.measure, "order": self.panel.by, "over": self.panel.over})
        return rows

    def code(self) -> list[str]:
        lines = setting_code(self.panel, "pruning")
        if self.panel.over != "text":
            lines[-1] = "from bertlab_widgets.intervene.prunes import many_sentences"
            lines.append(f"batch, target = many_sentences(lab, {self.panel.measure!r})")
        before, line = off_code(self.panel)
        body = [
            f"curve = pruning.curve(lab.model, batch, target, by={self.panel.by!r})",
            "result = curve.values  # (heads + 1,), the whole model first; curve.heads is the order",
        ]
        return [*lines, *before, *under(line, body)]

    def figure(self, width: float):
        found = self.seen()
        subject = self.subject().replace("`", "")
        return pictures.curve_figure(found, self.gone(found), subject, say(ORDERS[self.panel.by]), width)

    # --- predict first

    def gate(self) -> str:
        return say(
            "How many of {total} heads can go, least important first, before the {subject} is {less}?",
            total=len(self._all()), subject=self.subject().replace("`", ""), less=self._half(),
        )  # fmt: skip

    def _all(self) -> list:
        from bertlab.analysis.heads import remaining_heads

        return [head for numbers in remaining_heads(self.workbench.model).values() for head in numbers]

    def grade(self, guess: str) -> str:
        found, number = self.whole(), guessed_number(guess)
        kept, total = self.kept(found), len(found["heads"])
        said = say_n(
            "{count:,} head of {total}, that is {share}, can go", "{count:,} heads of {total}, that is {share}, can go",
            kept, total=total, share=percent(kept / max(1, total)),
        )  # fmt: skip
        if number is None:
            return no_number(guess, said)
        near = abs(number - kept) <= max(1, 0.1 * total)
        return right(said) if near else guessed(f"{number:g}", said)


def many_sentences(lab: Any, measure: str = "probability", count: int = SENTENCES) -> tuple[dict, Any]:
    """Sentences that ship, each with its last word hidden: the batch, and the true words as a target.

    Args:
        measure: as in `bertlab.analysis.targets`.

    Raises:
        SelectionError: none of them fits into the model.
    """
    from bertlab.analysis.targets import masked_token
    from bertlab.data import samples

    texts = [row["text"] for row in samples("topics")]
    mask, kept, places, words = lab.mask_id(), [], [], []
    for text in texts:
        ids = lab.tokenizer(text, truncation=True, max_length=lab.max_length + 1)["input_ids"]
        known = set(lab.tokenizer.all_special_ids)
        inside = [
            i
            for i, token in enumerate(ids)
            if token not in known and lab.tokenizer.convert_ids_to_tokens([token])[0].isalpha()
        ]
        if inside and len(ids) <= lab.max_length:
            kept.append(text)
            places.append(inside[-1])
            words.append(ids[inside[-1]])
        if len(kept) == count:
            break
    if not kept:
        problem = say("none of the sentences that ship fits into {model}: measure on this prediction", model=lab.name)
        raise SelectionError(problem)
    batch = dict(lab.encode(kept))
    rows = torch.arange(len(kept))
    batch["input_ids"][rows, torch.tensor(places)] = mask
    return batch, masked_token(torch.tensor(places), torch.tensor(words), measure)
