"""`BugLabPanel`: what breaks when one makes the usual mistakes?"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from traitlets import Enum, Unicode, validate

from bertlab import bugs
from bertlab.analysis import evaluating
from bertlab.language import mark, say, say_n

from ..panel import Panel, graded_share, moved, percent, quoted
from ..workbench import SelectionError, ablation_code, needs_word_head, token_names
from .snippets import PREPARED, REPAIRS, RIGHT, TITLES, WRONG, source_of

NAMES = tuple(bugs.MISTAKES)
LOOKS = ("effect", "code")
SHOWN = 3  # tokens that are listed at a place, before and after
GUESSES = (  # what is said, from, to below
    (mark("under 5 %"), 0.0, 0.05),
    (mark("5 to 25 %"), 0.05, 0.25),
    (mark("25 to 60 %"), 0.25, 0.6),
    (mark("above 60 %"), 0.6, 1.01),
)


class BugLabPanel(Panel):
    """The usual mistakes, one by one: how much of what BERT predicts changes, where, and what repairs it.

        panel = BugLabPanel(lab, "The capital of France is [MASK].", mistake="forgotten_mask")
        panel.data()                        # the change (0 to 1), and each token with its own
        panel.try_all(); panel.wait()       # all ten, for comparison
        panel.repair = "forgotten_mask"     # the repair that is tried

    Settings: `mistake` (a name of `bertlab.bugs.MISTAKES`), `look` (effect, code), `repair` (the mistake whose repair
    is tried; "" for none).
    """

    script = "buglab.js"
    question_text = mark("What breaks when one makes the usual mistakes?")
    settings = ("mistake", "look", "repair")
    lasting = ("text", "mistake")
    calls = (*Panel.calls, "try_all")
    speaks_of_masks = True

    mistake = Enum(NAMES, NAMES[0]).tag(sync=True)
    look = Enum(LOOKS, "effect").tag(sync=True)
    repair = Unicode(help="the mistake whose repair is tried; empty for none").tag(sync=True)

    @validate("repair")
    def _check_repair(self, proposal):
        if proposal.value and proposal.value not in NAMES:
            raise SelectionError(
                say("repair {repair!r} was given; there are {names}", repair=proposal.value, names=", ".join(NAMES))
            )
        return proposal.value

    # --- numbers

    def _key(self, mistake: str) -> tuple:
        workbench = self.workbench
        return ("mistake", mistake, workbench.text, *workbench.key[-1])

    def tried(self, mistake: str) -> dict:
        """What a mistake does to the text: `change` (0 to 1), `text` as it was read, and `rows`, one a place."""
        workbench = self.workbench
        needs_word_head(workbench.lab, say("load a model that has one, bertlab.load() for example"))
        if any(token["id"] >= workbench.config.vocab_size for token in workbench.encoding.tokens):
            raise SelectionError(say("the model has no row for [MASK], which stands in the text: put a word there"))

        def compute() -> dict:
            with workbench.ablating():
                trial = bugs.try_on(workbench.lab, workbench.text, mistake)
            changes = trial.changes.tolist()
            before, after = (self._likeliest(part) for part in (trial.before, trial.after))
            rows = [
                {"place": place, "token": token, "before": was, "after": now, "change": change}
                for place, token, was, now, change in zip(
                    trial.places, trial.tokens, before, after, changes, strict=True
                )
            ]
            return {"change": trial.change, "text": trial.text, "rows": rows}

        return workbench.cached(self._key(mistake), compute)

    def _likeliest(self, probabilities: torch.Tensor) -> list[list[list]]:
        """For each place [token, probability] of the likeliest ones."""
        best = probabilities.topk(min(SHOWN, probabilities.shape[-1]))
        tokenizer = self.workbench.lab.tokenizer
        return [
            [[name, p] for name, p in zip(token_names(tokenizer, ids), shares, strict=True)]
            for ids, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def repaired_change(self) -> float | None:
        """How far predictions are from the right ones with the repair that is tried; None where none is.

        The right repair runs the code that is shown beside the mistake; any other leaves the mistake as it is.
        """
        if not self.repair:
            return None
        if not self._repairs():
            return self.tried(self.mistake)["change"]
        workbench = self.workbench

        def compute() -> float:
            lab, text = workbench.lab, self.tried(self.mistake)["text"]
            with torch.no_grad(), workbench.ablating(), evaluating(lab.model):
                trial = bugs.try_on(lab, workbench.text, self.mistake)
                mended = RIGHT[self.mistake](lab, text)[trial.places].float().cpu()
            return float((mended - trial.before).abs().sum(-1).mean() / 2)

        return workbench.cached(("repair", *self._key(self.mistake)), compute)

    def _repairs(self) -> bool:
        """Whether the repair that is tried mends the mistake: the code that avoids it is the same."""
        return self.repair == self.mistake

    def offered(self) -> list[list[str]]:
        """Three repairs, [name, what to do]; one of them is right."""
        at = NAMES.index(self.mistake)
        names = sorted({NAMES[(at + step) % len(NAMES)] for step in (0, 3, 7)}, key=NAMES.index)
        return [[name, say(REPAIRS[name])] for name in names]

    def try_all(self) -> None:
        """Make every mistake with this text, one after the other."""

        def steps():
            for number, name in enumerate(NAMES):
                try:
                    self.tried(name)
                except ValueError:
                    pass  # a mistake that this model cannot make
                self._update({"tried"})
                yield (number + 1) / len(NAMES)

        self.job.end()
        self.start(steps(), say("Making all ten mistakes"), lambda: self._update({"tried"}))

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        if changed & {"version", "mistake"} and "repair" not in changed:
            self.repair = ""
        what, happens = _told(self.mistake)
        view = {
            "mistakes": self._list(),
            "title": say(TITLES[self.mistake]),
            "what": what,
            "happens": happens,
            "wrong": source_of(WRONG[self.mistake]),
            "right": source_of(RIGHT[self.mistake]),
            "prepared": say(PREPARED.get(self.mistake, "")),
            "offered": self.offered(),
            "pinned": self.pinned.get("mistake", {}),
        }
        if self.workbench.masked or self.workbench.forced:
            view["aside"] = say(
                "Read as it was typed: masks and changed tokens are not seen here. Write [MASK] instead."
            )
        try:
            tried = self.tried(self.mistake)
        except (ValueError, TypeError) as error:
            self.view = {**view, "problem": str(error)}
            self.answer = say("This mistake cannot be made here: {reason}.", reason=error)
            return
        tokens = self.workbench.tokens
        rows = [
            {**row, "linked": row["place"] < len(tokens) and tokens[row["place"]]["text"] == row["token"]}
            for row in tried["rows"]
        ]
        view["mistakes"] = self._list()
        self.view = {**view, "change": tried["change"], "rows": rows, "repaired": self.repaired_change()}
        self.answer = self.sentence(tried)

    def _list(self) -> list[list]:
        """[name, title, change as far as it is known] of every mistake."""
        return [[name, say(TITLES[name]), self._known(name)] for name in NAMES]

    def _known(self, mistake: str) -> float | None:
        key = self._key(mistake)
        return self.tried(mistake)["change"] if self.workbench.known(key) else None

    def sentence(self, tried: dict) -> str:
        """How much changes, and where most; or what the repair does."""
        change, repaired = tried["change"], self.repaired_change()
        if repaired is not None:
            what = say(REPAIRS[self.repair])
            if self._repairs():
                return say("“{what}” repairs it: the change {changes}.", what=what, changes=moved(change, repaired))
            return say("“{what}” does not repair it: the change stays at {change}.", what=what, change=percent(change))
        rows = tried["rows"]
        return say_n(
            "{mistake}: predictions change by {change} on average (0 % the same, 100 % nothing in common); at {others} "
            "of {count:,} place another token comes first. {example}",
            "{mistake}: predictions change by {change} on average (0 % the same, 100 % nothing in common); at {others} "
            "of {count:,} places another token comes first. {example}",
            len(rows),
            mistake=say(TITLES[self.mistake]),
            change=percent(change),
            others=sum(row["before"][0][0] != row["after"][0][0] for row in rows),
            example=self._example(self._spoken(rows)),
        )

    def _example(self, row: dict) -> str:
        """What becomes of the likeliest token at one place."""
        (first, before), (other, now) = row["before"][0], row["after"][0]
        said = {"place": quoted(row["token"]), "first": quoted(first), "before": percent(before), "now": percent(now)}
        if first == other:
            return say("At {place}, {first} stays first ({before} before, {now} now).", **said)
        return say("At {place}, {first} ({before}) gives way to {other} ({now}).", **said, other=quoted(other))

    def _spoken(self, rows: list[dict]) -> dict:
        """The place that the answer speaks of: a selected one, a mask, else the one that changes most."""
        mask = self.workbench.lab.tokenizer.mask_token
        chosen = [row for row in rows if row["place"] in self.workbench.selected]
        return max(chosen or [row for row in rows if row["token"] == mask] or rows, key=lambda row: row["change"])

    def pinned_view(self) -> dict:
        if "change" not in self.view:
            return {}
        return {"mistake": {"title": self.view["title"], "change": self.view["change"]}}

    # --- predict first

    def gate(self) -> str:
        return say(
            "{mistake} By how much do the predictions change on average: what is your guess?",
            mistake=_told(self.mistake)[0],
        )

    def gate_options(self) -> list[str]:
        return [say(name) for name, *_ in GUESSES]

    def grade(self, guess: str) -> str:
        if "change" not in self.view:
            return say("This mistake cannot be made here.")
        return graded_share(guess, self.view["change"], [(say(name), *ends) for name, *ends in GUESSES])

    # --- data, code, pictures

    def data(self) -> tuple[float, list[tuple[str, float]]]:
        """The mean change, and each token with its own."""
        tried = self.tried(self.mistake)
        return tried["change"], [(row["token"], row["change"]) for row in tried["rows"]]

    def table(self) -> list[dict]:
        if self.look == "code":
            rows = [(name, self._known(name)) for name in NAMES]
            return [
                {"mistake": name, "title": say(TITLES[name]), "repair": say(REPAIRS[name]), "change": change}
                for name, change in rows
            ]
        return [
            {
                "mistake": self.mistake,
                "place": row["place"],
                "token": row["token"],
                "before": row["before"][0][0],
                "before_probability": row["before"][0][1],
                "after": row["after"][0][0],
                "after_probability": row["after"][0][1],
                "change": row["change"],
            }
            for row in self.view.get("rows", [])
        ] or [{"mistake": self.mistake, "problem": self.view.get("problem", "")}]

    def code(self) -> str:
        workbench = self.workbench
        if "problem" in self.view:
            return f"# {self.answer}"
        lines = [*self.lab_code(), "from bertlab import bugs"]
        trying = f"trial = bugs.try_on(lab, {workbench.text!r}, {self.mistake!r})"
        if workbench.ablated:
            before, context = ablation_code(workbench)
            lines += ["from bertlab.analysis import ablation", *before, f"with {context}:", f"    {trying}"]
        else:
            lines.append(trying)
        return "\n".join([*lines, "result = trial.change, list(zip(trial.tokens, trial.changes.tolist()))"])

    def figure(self, width: float = 7.0):
        from matplotlib.figure import Figure

        rows = self.view.get("rows", [])[:40]
        if self.look == "code" or not rows:
            known = [(title, change) for _, title, change in self._list()]
            names, values = zip(
                *[(name, value) for name, value in known if value is not None] or [("", 0.0)], strict=True
            )
        else:
            names = [f"{row['token']}:  {row['before'][0][0]} → {row['after'][0][0]}" for row in rows]
            values = [row["change"] for row in rows]
        figure = Figure(figsize=(width, max(2.2, 0.24 * len(names) + 1.2)), layout="constrained")
        axes = figure.subplots()
        axes.barh(range(len(names)), values, color="#0b62b0")
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.invert_yaxis()
        label = say("change of the predicted distribution (0 the same, 1 nothing in common)")
        axes.set(xlim=(0, 1), xlabel=label)
        axes.set_title(self.answer.replace("`", ""), fontsize=8, wrap=True)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every mistake, both looks, and the repairs of the mistake that is shown."""
        kept, patches = (self.mistake, self.look, self.repair), {}

        def keep(name: str, value: Any) -> None:
            patches[f'{name}:"{value}"'] = {part: getattr(self, part) for part in ("view", "answer", "repair")}

        try:
            for name in NAMES:
                self.mistake = name
                keep("mistake", name)
            self.mistake = kept[0]
            for name in ("", *(name for name, _ in self.offered())):
                self.repair = name
                keep("repair", name)
            self.repair = ""
            for look in LOOKS:
                self.look = look
                keep("look", look)
        finally:
            self.mistake, self.look = kept[:2]
            self.repair = kept[2]
        return {}, patches


def _told(mistake: str) -> tuple[str, str]:
    """What a mistake is, and how it happens in practice: the first paragraph of its docstring and the second."""
    parts = say(inspect.getdoc(bugs.MISTAKES[mistake])).split("\n\n")
    what, happens = (" ".join(part.split()) for part in (parts[0], parts[1]))
    return what, happens
