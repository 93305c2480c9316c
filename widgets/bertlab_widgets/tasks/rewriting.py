"""Sequence to sequence: an encoder reads the source, a decoder writes token by token and looks back at it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from bertlab.generation import stream
from bertlab.language import mark, say, say_n

from ..panel import html_table, in_a_row, percent, quoted, shortened, signed
from ..workbench import SelectionError
from . import pictures
from .explaining import Question
from .reading import best_first
from .writing import QUOTED, Writing

SHIPPED_AIM = mark("put the shuffled words of a sentence back in order")  # as its folder says in English


class Rewriting(Writing):
    """What the decoder writes, and where in the source its cross-attention looks for each token.

    Heads that the state switches off are the encoder's.
    """

    kind = "rewriting"
    noise = mark("This decoder has random weights (seed {seed}): its answer is noise until it is trained.")
    guessed = mark("Which token will the decoder write first?")

    def reads(self) -> tuple[str, list[int]]:
        aim = getattr(self.model, "trained_to", "")
        looks = say("It looks back at the vectors of all tokens of the source, [CLS] among them.")
        trained = say("This decoder was trained to {aim}.", aim=say(aim))
        return in_a_row([trained, looks]) if aim else looks, []

    @property
    def encoder(self):
        return self.model.encoder

    @property
    def encoder_code(self) -> str:
        return f"{self.model_code}.encoder"

    @property
    def most(self) -> int:
        return self.panel.longest

    def source(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask of the source as it was typed: (1, source) each."""
        encoding = self.lab.encode(self.workbench.text)
        return encoding["input_ids"], encoding["attention_mask"]

    def prompt(self) -> torch.Tensor:
        start, prefix = self.lab.start_ids(), self.panel.prefix
        return torch.cat([start, start.new_tensor([prefix])], dim=1) if prefix else start

    def stream(self) -> Iterator:
        ids, mask = self.source()
        with self.workbench.lock, torch.no_grad(), self.ablating():
            states = self.model.read(ids, mask)
        looked_at = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
        return stream(self.model.decoder, self.prompt(), **looked_at, **self.options())

    # --- where it looked

    @property
    def complete(self) -> bool:
        """Whether all is written, so that there is a look for each token."""
        return bool(self.steps) and self.done

    def written(self) -> list[str]:
        """The tokens that the decoder wrote: those that were put in, and its own; of beams, the best."""
        tokens, own = list(self.names(self.panel.prefix)), self.steps
        if not self.beams:
            return [*tokens, *(row["token"] for row in own)]
        best = own[-1]["hypotheses"][0]["tokens"] if own and own[-1]["hypotheses"] else []
        tokens += best[1 + len(tokens) :]
        ended = len(tokens) - len(self.panel.prefix) < self.most  # a hypothesis is kept without what ended it
        return [*tokens, self.lab.tokenizer.sep_token] if best and ended else tokens

    def looked(self) -> tuple[torch.Tensor, list[float]]:
        """The cross-attention (layers, heads, written, source), and the model's probability of each written token."""
        workbench, model, tokenizer = self.workbench, self.model, self.lab.tokenizer
        ids, mask = self.source()
        new = torch.tensor(tokenizer.convert_tokens_to_ids(self.written()), device=ids.device)

        def compute():
            with workbench.lock, self.ablating():
                probabilities, looked = model.look_back(ids, mask, torch.cat([self.lab.start_ids(), new[None]], dim=1))
            return looked.cpu(), probabilities.tolist()

        return workbench.cached(("looked", self.task, model, tuple(new.tolist()), *workbench.key), compute)

    def weights(self) -> torch.Tensor:
        """The chosen layer and head, or the mean over them: (written, source)."""
        weights = self.looked()[0]
        for not_there, chosen, count in (
            (
                mark("layer {chosen} was given; the decoder has layers 0 to {last}."),
                self.panel.cross_layer,
                len(weights),
            ),
            (
                mark("head {chosen} was given; the decoder has heads 0 to {last}."),
                self.panel.cross_head,
                weights.shape[1],
            ),
        ):
            if chosen >= count:
                raise SelectionError(say(not_there, chosen=chosen, last=count - 1))
            weights = weights.mean(0) if chosen < 0 else weights[chosen]
        return weights

    def _chosen_code(self) -> str:
        """The same choice for the reader of the code."""
        layer, head = self.panel.cross_layer, self.panel.cross_head
        if layer < 0 and head < 0:
            return "mean((0, 1))"
        return f"mean(0)[{head}]" if layer < 0 else f"[{layer}].mean(0)" if head < 0 else f"[{layer}, {head}]"

    # --- what is shown

    def read(self) -> dict:
        if not self.lab.tokenizer.tokenize(self.workbench.text):
            return {"missing": say("Type the words that the decoder is to write from.")}
        view = super().read()
        if "missing" in view:
            return view
        if not (view["done"] and view["steps"]):
            return {**view, "answer": say("Generating …")}
        looked, source, weights = self.looked()[0], self.source_tokens(), self.weights()
        written, place = self.written(), self._place()
        most = int(weights[place].argmax())
        where = say(
            "Writing {token}, it looks most at {source} ({weight}).",
            token=quoted(written[place]),
            source=quoted(source[most]),
            weight=percent(weights[place, most]),
        )
        return {
            **view,
            "source": source,
            "written": written,
            "looked": [[round(weight, 4) for weight in row] for row in weights.tolist()],
            "layers": len(looked),
            "heads": looked.shape[1],
            "answer": in_a_row([view["answer"], where]),
        }

    def source_tokens(self) -> list[str]:
        """The tokens that the encoder reads."""
        return self.lab.tokenizer.convert_ids_to_tokens(self.source()[0][0].tolist())

    def _place(self) -> int:
        """The written token that is looked at."""
        return min(len(self.panel.prefix) + self.panel.step, len(self.written()) - 1)

    def said(self, words: str, log_probability: float, count: int) -> str:
        words = shortened(self.words(self.written()), QUOTED)  # with what was put in
        return say_n(
            "It writes “{words}”: log-probability {value} for {count:,} token.",
            "It writes “{words}”: log-probability {value} for {count:,} tokens.",
            count,
            words=words,
            value=signed(log_probability),
        )

    def data(self) -> dict:
        if not self.complete:
            return {}
        tokens = self.written()
        return {
            "text": self.words(tokens),
            "tokens": tokens,
            "probabilities": self.looked()[1],
            "cross_attention": self.weights().tolist(),
        }

    def table(self) -> list[dict]:
        if not self.complete:
            return []
        rows = zip(self.written(), self.looked()[1], self.weights().tolist(), strict=True)
        source = self.source_tokens()
        return [
            {
                "task": self.task,
                "step": step,
                "token": token,
                "probability": probability,
                "source_place": place,
                "source": source[place],
                "weight": weight,
            }
            for step, (token, probability, weights) in enumerate(rows)
            for place, weight in enumerate(weights)
        ]

    def code(self) -> list[str]:
        text, options = repr(self.workbench.text), self.options_code()
        if not self.panel.prefix:
            return [
                *self.within(f"found = lab.rewrite({text}, task={self.task!r}, {options})"),
                f"looked = found.cross_attention.{self._chosen_code()}  # (written, source)".replace(".[", "["),
                'result = {"text": found.text, "tokens": found.tokens, "probabilities": found.probabilities}',
                'result["cross_attention"] = looked.tolist()',
            ]
        return [
            "from bertlab.generation import generate",
            f"model, source = {self.model_code}, lab.encode({text})",
            'ids, mask = source["input_ids"], source["attention_mask"]',
            f"start = torch.cat([lab.start_ids(), ids.new_tensor([{list(self.panel.prefix)}])], dim=1)",
            'ends = {"eos_token_id": lab.tokenizer.sep_token_id, "pad_token_id": lab.tokenizer.pad_token_id}',
            *self.within(
                "looked_at = {'encoder_hidden_states': model.read(ids, mask), 'encoder_attention_mask': mask}",
                f"written = generate(model.decoder, start, {options}, **looked_at, **ends)[:1]",
                "probabilities, looked = model.look_back(ids, mask, written)",
                contexts=("torch.no_grad()",),
            ),
            "new = written[0, 1:]",
            'result = {"text": lab.tokenizer.decode(new, skip_special_tokens=True)}',
            'result["tokens"] = lab.tokenizer.convert_ids_to_tokens(new.tolist())',
            'result["probabilities"] = probabilities.tolist()',
            f'result["cross_attention"] = looked.{self._chosen_code()}.tolist()'.replace(".[", "["),
        ]

    def question(self) -> Question | None:
        from bertlab.analysis import targets

        if (chosen := self.chosen()) is None:
            return None
        given, row = chosen
        ids, mask = self.source()
        names, last, token = self.source_tokens(), len(given) - 1, row["id"]
        return Question(
            self.model.given(torch.tensor([given], device=ids.device)),
            {"input_ids": ids, "attention_mask": mask},
            targets.masked_token(last, token, "log_probability"),
            names,
            self.kept(names),
            row["token"],
            (
                f"model = {self.model_code}.given(torch.tensor([{given}]))",
                f"source = lab.encode({self.workbench.text!r})",
                'batch = {name: source[name] for name in ("input_ids", "attention_mask")}',
                f"target = targets.masked_token({last}, {token}, 'log_probability')",
            ),
        )

    def figure(self, width: float = 7.0):
        if not self.complete:
            return pictures.bars([], [], self.panel.answer)[0]
        return pictures.alignment(self.source_tokens(), self.written(), self.weights().tolist(), self.panel.answer)

    def static_html(self) -> str:
        if not self.complete:
            return ""
        source, rows = self.source_tokens(), []
        for token, probability, weights in zip(self.written(), self.looked()[1], self.weights().tolist(), strict=True):
            looks = best_first([{"token": source[i], "value": weight} for i, weight in enumerate(weights)])[:2]
            said = ", ".join(f"{one['token']} {percent(one['value'])}" for one in looks)
            rows.append({"written": token, "probability": percent(probability), "looks most at": said})
        return html_table(rows)
