"""Generation: the text goes on token by token, greedily, by sampling, or as a tree of beams."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch

from bertlab.generation import BeamStep, stream
from bertlab.language import mark, say, say_n

from ..panel import percent, quoted, shortened, signed
from ..workbench import SelectionError, token_names, words_code
from . import pictures
from .explaining import Question
from .reading import Reading

QUOTED = 120  # characters of a text that a sentence quotes; the picture has all of it


class Writing(Reading):
    """What a decoder writes, one row a new token; another token can be put in at any step, to go on from there."""

    kind = "generation"
    guessed = mark("Which token will come first?")

    def __init__(self, panel):
        super().__init__(panel)
        self._key, self._rows, self._done = None, [], True

    def reads(self) -> tuple[str, list[int]]:
        return say("The head reads the vector of the last token so far; [CLS] only begins the text."), []

    @property
    def beams(self) -> bool:
        """Whether several continuations are followed at once."""
        return self.panel.search == "beam"

    @property
    def steps(self) -> list[dict]:
        """One dict a new token: the token, its probability and the alternatives; or, for a beam search, its beams."""
        return list(self._rows)

    @property
    def most(self) -> int:
        """How many tokens are written at most."""
        return self.panel.new_tokens

    @property
    def done(self) -> bool:
        """Whether all has been written."""
        return self._done

    def options(self) -> dict:
        """The options of `bertlab.generation` that the settings stand for."""
        panel, tokenizer = self.panel, self.lab.tokenizer
        options = {
            "max_new_tokens": self.most,
            "eos_token_id": tokenizer.sep_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "use_cache": panel.use_cache,
        }
        if panel.search == "sample":
            options.update(do_sample=True, temperature=panel.temperature, top_k=panel.top_k, top_p=panel.top_p)
            options["generator"] = panel.draw
        elif self.beams:
            options["num_beams"] = panel.beams
        return options

    def options_code(self) -> str:
        """The same for the reader of the code, without what ends and pads a text."""
        given = {name: value for name, value in self.options().items() if name not in ("eos_token_id", "pad_token_id")}
        return ", ".join(f"{name}={value!r}" for name, value in given.items())

    def prompt(self) -> torch.Tensor:
        """[CLS], the pieces of the text, and what was put after them: (1, tokens)."""
        ids, prefix = self.lab.prompt_ids(self.workbench.text), self.panel.prefix
        return torch.cat([ids, ids.new_tensor([prefix])], dim=1) if prefix else ids

    def stream(self) -> Iterator:
        """The steps of `bertlab.generation`, each computed when it is asked for."""
        return stream(self.model, self.prompt(), **self.options())

    def names(self, ids: list[int]) -> list[str]:
        """The tokens of ids."""
        return token_names(self.lab.tokenizer, ids)

    # --- the rows, which may take long

    def rows(self) -> Iterator[dict]:
        """Run the generation, one row after the other; the model is locked for each step only."""
        workbench, names, steps = self.workbench, self.names, self.stream()
        while True:
            started = time.perf_counter()
            with workbench.lock, self.ablating():
                step = next(steps, None)
            if step is None:
                return
            row = beam_row(step, names) if isinstance(step, BeamStep) else step_row(step, names, self.panel.count)
            row["milliseconds"] = 1000 * (time.perf_counter() - started)
            yield row

    def _write(self) -> None:
        """Begin to write anew where text, model or settings are new; the panel goes on in a thread where it is long."""
        panel = self.panel
        key = (
            *(self.task, self.model, panel.count, tuple(panel.prefix)),
            *(tuple(sorted(self.options().items())), self.workbench.key),
        )
        if key == self._key:
            return
        panel.job.end()
        rows: list[dict] = []
        self._key, self._rows, self._done = key, rows, False

        def collect():
            try:
                for row in self.rows():
                    rows.append(row)
                    yield len(rows) / self.most
            finally:  # also where the user cancels: what is there is shown
                self._done = self._done or self._key == key

        panel.run_for_a_moment(collect(), say("Generating"), panel.show_again)

    def read(self) -> dict:
        if too_long := self.too_long():
            return {"missing": too_long, "refused": True}
        self._write()
        names, done, rows = self.names, self._done, self.steps  # done is asked first
        prompt = self.prompt()[0].tolist()
        view = {
            "prompt": names(prompt),
            "put": len(self.panel.prefix),
            "done": done,
            "steps": rows,
            "search": self.panel.search,
            "cache": self.panel.use_cache,
            "read": tokens_read(len(prompt), len(rows), self.panel.use_cache),
            "chance": {"at": 1 / self.workbench.config.vocab_size, "text": ""},
        }
        if not rows:
            return {**view, "answer": say("Generating …"), "short": ""}
        if self.beams:
            best = rows[-1]["hypotheses"][0] if rows[-1]["hypotheses"] else None
            tokens = best["tokens"][len(prompt) :] if best else []
            said = self.words(tokens)
            given = {"beams": self.panel.beams, "text": shortened(said, QUOTED)}
            if best:
                value = signed(best["log_probability"])
                answer = say("Best of {beams} beams: “{text}”, log-probability {value}.", value=value, **given)
            else:
                answer = say("Best of {beams} beams: “{text}”.", **given)
            return {**view, "best": tokens, "answer": answer, "short": said[:60]}
        said = self.words([row["token"] for row in rows])
        total = sum(math.log(max(row["probability"], 1e-45)) for row in rows)
        return {**view, "answer": self.said(shortened(said, QUOTED), total, len(rows)), "short": said[:60]}

    def said(self, words: str, log_probability: float, count: int) -> str:
        """The answer as a sentence."""
        first = self.steps[0]
        if first["token"] == self.lab.tokenizer.sep_token:
            end, probability = quoted(first["token"]), percent(first["probability"])
            return say(
                "It ends here: {token}, the end, comes first with {probability}.", token=end, probability=probability
            )
        words = words or shortened(" ".join(row["token"] for row in self.steps), QUOTED)
        return say_n(
            "It goes on “{words}”: log-probability {value} for {count:,} token.",
            "It goes on “{words}”: log-probability {value} for {count:,} tokens.",
            count,
            words=words,
            value=signed(log_probability),
        )

    def words(self, tokens: list[str]) -> str:
        """Tokens as a text."""
        tokenizer = self.lab.tokenizer
        return tokenizer.decode(tokenizer.convert_tokens_to_ids(tokens), skip_special_tokens=True)

    def put_in(self, step: int, token: int) -> list[int]:
        """The tokens up to a step, with another one there: what the prompt is to be followed by."""
        rows = self.steps
        if not 0 <= step < len(rows) or "id" not in rows[step]:
            raise SelectionError(
                say("step {step} was given, but there are {count} steps of one token each.", step=step, count=len(rows))
            )
        return [*self.panel.prefix, *(row["id"] for row in rows[:step]), int(token)]

    # --- numbers, code, reasons, guess

    def data(self) -> list:
        if self.beams:
            return [[(beam["token"], beam["parent"], beam["score"]) for beam in row["beams"]] for row in self.steps]
        return [(row["token"], row["probability"]) for row in self.steps]

    def table(self) -> list[dict]:
        if self.beams:
            return [
                {"task": self.task, "step": step, "beam": rank, **beam}
                for step, row in enumerate(self.steps)
                for rank, beam in enumerate(row["beams"])
            ]
        return [
            {"task": self.task, "step": step, "token": row["token"], "probability": row["probability"]}
            for step, row in enumerate(self.steps)
        ]

    def code(self) -> list[str]:
        lines = [
            "from bertlab.generation import stream",
            *words_code(self.workbench),
            f"prompt = lab.prompt_ids({self.workbench.text!r})",
        ]
        if self.panel.prefix:
            lines.append(f"prompt = torch.cat([prompt, prompt.new_tensor([{list(self.panel.prefix)}])], dim=1)")
        lines += [
            'ends = {"eos_token_id": lab.tokenizer.sep_token_id, "pad_token_id": lab.tokenizer.pad_token_id}',
            f"steps = stream(lab.task_model({self.task!r}), prompt, {self.options_code()}, **ends)",
        ]
        return [*lines, *self.steps_code()]

    def steps_code(self) -> list[str]:
        """Lines that make `result` from `steps`."""
        if self.beams:
            return self.within(
                "result = [list(zip(words(s.token_ids[0].tolist()), s.parents[0].tolist(), s.scores[0].tolist()))",
                "          for s in steps]",
            )
        return self.within("result = [(*words(s.token_ids.tolist()), float(s.probabilities[0])) for s in steps]")

    def chosen(self) -> tuple[list[int], dict] | None:
        """The ids before the step that is looked at, and its row; None for beams, and before anything is written."""
        rows = self.steps
        if self.beams or not rows:
            return None
        at = min(self.panel.step, len(rows) - 1)
        return [*self.prompt()[0].tolist(), *(row["id"] for row in rows[:at])], rows[at]

    def question(self) -> Question | None:
        from bertlab.analysis import targets

        if (chosen := self.chosen()) is None:
            return None
        ids, row = chosen
        names, last, token = self.names(ids), len(ids) - 1, row["id"]
        return Question(
            self.model,
            self.batch_of(ids),
            targets.masked_token(last, token, "log_probability"),
            names,
            self.kept(names),
            row["token"],
            (
                f"model = lab.task_model({self.task!r})",
                f"batch = {{'input_ids': torch.tensor([{ids}], device=lab.device)}}",
                f"target = targets.masked_token({last}, {token}, 'log_probability')",
            ),
        )

    def grade(self, guess: str) -> str:
        first = self.steps[0]
        token = first.get("token") or first["beams"][0]["token"]
        if guess.strip().lower() == token:
            return say("Right.")
        return say("Your {guess} was not the first token, {token}.", guess=quoted(guess), token=quoted(token))

    def figure(self, width: float = 7.0):
        return pictures.tree(self.steps, self.panel.answer) if self.beams else super().figure()


def step_row(step, names, count: int) -> dict:
    """One step of greedy search or sampling: the token, and the model's own favourites beside what the options left."""
    own, left = step.logits[0].float().softmax(-1), step.scores[0].float().softmax(-1)  # (vocabulary,)
    token = int(step.token_ids[0])
    ids = own.topk(min(count, len(own))).indices.tolist()
    ids = [*ids, *([token] if token not in ids else [])]
    top = [
        {"token": name, "id": i, "probability": float(left[i]), "model": float(own[i])}
        for name, i in zip(names(ids), ids, strict=True)
    ]
    return {"id": token, "token": names([token])[0], "probability": float(left[token]), "top": top}


def beam_row(step, names) -> dict:
    """One step of beam search for one text: its beams, what it passed over, and what has ended so far."""
    beams = zip(names(step.token_ids[0].tolist()), step.parents[0].tolist(), step.scores[0].tolist(), strict=True)
    candidates = zip(
        names(step.candidate_token_ids[0].tolist()),
        step.candidate_parents[0].tolist(),
        step.candidate_scores[0].tolist(),
        strict=True,
    )
    return {
        "beams": [{"token": token, "parent": parent, "score": score} for token, parent, score in beams],
        "candidates": [
            {"token": token, "parent": parent, "score": score}
            for token, parent, score in candidates
            if math.isfinite(score) and score > -1e8
        ],
        "hypotheses": [
            {"score": found.score, "log_probability": found.log_probability, "tokens": names(found.token_ids.tolist())}
            for found in step.hypotheses[0]
        ],
    }


def tokens_read(prompt: int, steps: int, cache: bool) -> int:
    """How many tokens the model reads for so many new ones: each once with the cache, all of them anew without."""
    return prompt + max(0, steps - 1) if cache else sum(prompt + step for step in range(steps))
