"""`TasksPanel`: what does BERT answer, when a head asks something of this text?"""

from __future__ import annotations

import contextlib
import copy
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass

import torch
from traitlets import Bool, Enum, Float, Int, List, Unicode, validate

from bertlab.generation import BeamStep, stream
from bertlab.presets import presets

from . import explaining
from .base import Panel, html_table, percent, signed
from .state import SelectionError, encode

AT_ONCE = 0.4  # seconds of work that a change may take before it goes on in a thread, with progress and Cancel
SHORT_WORK = 4e9  # floating-point operations that an attribution may take before it goes on in a thread
LONG_WORK = 1e12  # and those above which it waits until it is asked for
MOST_WINDOWS = 24  # more are read, but not all drawn in the ruler
GROUPS = {  # part of speech -> a letter that parts the classes beside the colour
    "NOUN": "N", "PROPN": "N", "PRON": "P", "VERB": "V", "AUX": "V", "ADJ": "A", "ADV": "R", "DET": "D", "NUM": "D",
    "ADP": "F", "PART": "F", "CCONJ": "F", "SCONJ": "F",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """How a task is put to an audience: its name, its question, and what its two text fields hold."""

    title: str
    question: str
    first: str = "Sentence"
    second: str = ""  # empty where the task reads one text
    pair: bool = False  # whether there is nothing to answer without the second text


ASKED = {
    "fill_mask": Asked(
        "Fill the gap", "Which words fit the gap?", "Sentence with [MASK]", "Second sentence (optional)"
    ),
    "next_sentence": Asked(
        "Next sentence", "Does the second sentence come next?", "First sentence", "Second sentence", True
    ),
    "sentiment": Asked("Sentiment", "Does the text praise or blame?"),
    "emotions": Asked("Emotions", "Which emotions speak from the text?"),
    "similarity": Asked(
        "Similarity", "How alike in meaning are the two sentences?", "First sentence", "Second sentence", True
    ),
    "inference": Asked("Inference", "Does the second sentence follow from the first?", "Premise", "Hypothesis", True),
    "pos": Asked("Parts of speech", "Which part of speech is each word?"),
    "ner": Asked("Entities", "Which words name people, places or organisations?"),
    "choice": Asked("Choice", "Which ending fits best?", "Beginning"),
    "qa": Asked("Questions", "Where in the text is the answer?", "Question", "Text that holds the answer", True),
    "generation": Asked("Generation", "How would the model go on, token by token?", "Beginning"),
}
KINDS = {
    "BertForTokenClassification": "tags",
    "BertForQuestionAnswering": "answer",
    "BertForMultipleChoice": "choice",
    "BertLMHeadModel": "generation",
}
LABEL_NAMES = {"is_next": "is next", "random": "random"}


def task_presets() -> dict[str, dict]:
    """The presets of `bertlab.presets` as the panel's base takes them: name -> note and state."""
    states = {}
    for preset in presets("tasks"):
        task = preset.options["task"]
        state = {"note": preset.note, "task": task, "text": preset.text, "text_pair": preset.text_pair}
        if "choices" in preset.options:
            state["choices"] = list(preset.options["choices"])
        states[f"{ASKED[task].title}: {preset.name}"] = state
    return states


class TasksPanel(Panel):
    """Every head on one text: its probabilities beside chance, what they rest on, and whether it was ever trained.

        panel = TasksPanel(lab, "A warm, funny film.", task="sentiment")
        panel.data()                                    # {"negative": ..., "positive": ...}
        panel.reseed()                                  # where the head is untrained: other weights, another answer
        TasksPanel(lab, "Who came?", "Anna came late.", task="qa", window_size=24, stride=8)
        TasksPanel(lab, "Once upon a time", task="generation", search="beam", beams=3)

    Settings: `task`; `count` (bars); `head_seed` (of an untrained head); `choices` (endings); `window_size`, `stride`,
    `window` (how a long text is read for questions, 0 = as the model can); `search` (greedy, sample, beam),
    `new_tokens`, `use_cache`, `temperature`, `top_k`, `top_p`, `draw` (seed of sampling), `beams`, `prefix` (ids of
    tokens put after the text), `step`; `word` (looked at, in tagging); `attribution` (off, occlusion, gradient,
    integrated), `explained` (the label whose reasons are shown, "" for the answer), `side` (start or end).
    """

    script = "tasks.js"
    question_text = "What does BERT answer?"
    settings = (
        "task",
        "choices",
        "count",
        "head_seed",
        "window_size",
        "stride",
        "window",
        "search",
        "new_tokens",
        "use_cache",
        "temperature",
        "top_k",
        "top_p",
        "draw",
        "beams",
        "prefix",
        "step",
        "word",
        "attribution",
        "explained",
        "side",
    )
    calls = (*Panel.calls, "reseed", "go_on", "explain")
    preset_states = task_presets()

    task = Unicode("fill_mask").tag(sync=True)
    tasks = List(help="[name, title, trained] of every task").tag(sync=True)
    choices = List(Unicode()).tag(sync=True)
    count = Int(8, min=1, max=50).tag(sync=True)
    head_seed = Int(0, min=0).tag(sync=True)
    window_size = Int(0, min=0).tag(sync=True)
    stride = Int(128, min=0).tag(sync=True)
    window = Int(-1, min=-1, help="the window shown; -1 for the one that holds the answer").tag(sync=True)
    search = Enum(("greedy", "sample", "beam"), "greedy").tag(sync=True)
    new_tokens = Int(12, min=1, max=200).tag(sync=True)
    use_cache = Bool(True).tag(sync=True)
    temperature = Float(1.0).tag(sync=True)
    top_k = Int(0, min=0).tag(sync=True)
    top_p = Float(1.0).tag(sync=True)
    draw = Int(0, min=0).tag(sync=True)
    beams = Int(3, min=2, max=8).tag(sync=True)
    prefix = List(Int()).tag(sync=True)
    step = Int(0, min=0).tag(sync=True)
    word = Int(-1, min=-1, help="the word whose labels are shown; -1 for the least certain one").tag(sync=True)
    attribution = Enum(("off", *explaining.METHODS), "occlusion").tag(sync=True)
    explained = Unicode(help="the label whose reasons are shown; empty for the one that is answered").tag(sync=True)
    side = Enum(("start", "end"), "start").tag(sync=True)
    reseeds = List(help="[{seed, said}] of the untrained heads tried on this text").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self._heads, self._generated, self._finishing = {}, None, False
        super().__init__(*arguments, **settings)

    # --- tasks and their models

    @validate("task")
    def _check_task(self, proposal):
        names = self.task_names()
        if proposal.value not in names:
            raise SelectionError(f"there is no task {proposal.value!r}; there are {', '.join(names)}.")
        return proposal.value

    def task_names(self) -> list[str]:
        """The tasks of the course, then those that were added to this lab under other names."""
        return [*ASKED, *(name for name in self.workbench.lab.tasks if name not in ASKED)]

    @property
    def asked(self) -> Asked:
        """What the chosen task asks of its user: titles and fields."""
        title = self.task.replace("_", " ").capitalize()
        return ASKED.get(self.task) or Asked(
            title, f"{title}: what does the head answer?", second="Second text (optional)"
        )

    @property
    def kind(self) -> str:
        """How the task's answer looks: gaps, labels, number, tags, answer, choice or generation."""
        if self.task == "fill_mask":
            return "gaps"
        if self.task == "next_sentence":
            return "labels"
        model = self.task_model
        return KINDS.get(type(model).__name__) or ("number" if model.config.num_labels == 1 else "labels")

    @property
    def trained(self) -> bool:
        """Whether the chosen task's head was trained."""
        return self.workbench.lab.is_trained(self.task)

    @property
    def reseedable(self) -> bool:
        """Whether the head is one of random weights that can be drawn again."""
        return not self.trained and self.task not in ("fill_mask", "next_sentence", "generation")

    @property
    def task_model(self):
        """The model of the task; an untrained head is drawn with `head_seed`, so that its noise can be had again."""
        lab = self.workbench.lab
        if self.task in ("fill_mask", "next_sentence"):
            return lab.model
        if self.reseedable:
            drawn = self._heads.get(self.task)
            if drawn is None or drawn[0] != self.head_seed or lab.task_model(self.task) is not drawn[1]:
                lab.reseed(self.task, self.head_seed)
                self._heads[self.task] = (self.head_seed, lab.task_model(self.task))
        return lab.task_model(self.task)

    def reason(self) -> str:
        """Why the answer means nothing yet; empty where the head is trained."""
        if self.trained:
            return ""
        if self.task == "generation":
            return "This model was never trained to write from left to right; here its weights are read that way."
        if not self.reseedable:
            return "This head was not in the checkpoint: its weights are random, and its answer is noise."
        return f"This head has random weights (seed {self.head_seed}): its answer is noise until it is trained."

    def ablating(self, model):
        """A context in which the heads that the state switches off are off in the task's model."""
        workbench = self.workbench
        if not workbench.ablated:
            return contextlib.nullcontext()
        from bertlab.analysis.ablation import ablate

        return ablate(model, list(workbench.ablated), workbench.ablation)

    # --- what the model reads

    def sentence_tokens(self) -> tuple[list[dict], dict[str, torch.Tensor]]:
        """The tokens that the task reads, and the model's arguments; masks and forced tokens of the state in place."""
        workbench = self.workbench
        if self.asked.second or not workbench.text_pair:
            return workbench.tokens, workbench.batch()
        key = ("encoding", workbench.text, "")
        encoding = workbench.cached(key, lambda: encode(workbench.lab.tokenizer, workbench.text, "", workbench.limit))
        ids, inside = encoding.input_ids.clone(), encoding.length - 1
        for position, token in workbench.forced.items():
            if position < inside:
                ids[0, position] = token
        ids[0, [position for position in workbench.masked if position < inside]] = workbench.lab.tokenizer.mask_token_id
        names = workbench.lab.tokenizer.convert_ids_to_tokens(ids[0].tolist())
        device = self.workbench.lab.device
        batch = {"input_ids": ids, "token_type_ids": encoding.token_type_ids, "attention_mask": torch.ones_like(ids)}
        tokens = [dict(token, text=name) for token, name in zip(encoding.tokens, names, strict=True)]
        return tokens, {name: value.to(device) for name, value in batch.items()}

    def logits(self) -> torch.Tensor:
        """The head's logits for this text: (labels,), or (sequence, labels) for a head that tags."""
        workbench = self.workbench
        if self.task == "next_sentence":
            return workbench.result.nsp_logits.cpu()
        model = self.task_model

        def compute():
            batch = self.sentence_tokens()[1]
            with workbench.lock, torch.no_grad(), self.ablating(model):
                return model(**batch).logits[0].float().cpu()

        return workbench.cached(("task", self.task, model, *workbench.key), compute)

    # --- one reading for each kind of answer

    def label_rows(self) -> list[dict]:
        """Rows of label and probability, in the order of the head's labels."""
        logits = self.logits()
        if self.task == "next_sentence":
            names, multiple = ["is_next", "random"], False
        else:
            config = self.task_model.config
            names = [config.id2label[i] for i in range(config.num_labels)]
            multiple = config.problem_type == "multi_label_classification"
        values = (logits.sigmoid() if multiple else logits.softmax(-1)).tolist()
        rows = [{"label": name, "probability": value} for name, value in zip(names, values, strict=True)]
        return rows

    def _read_labels(self) -> dict:
        rows = self.label_rows()
        multiple = self.task != "next_sentence" and self.task_model.config.problem_type == "multi_label_classification"
        chance = (
            {"at": 0.5, "text": "threshold 50 %"}
            if multiple
            else {"at": 1 / len(rows), "text": f"chance {percent(1 / len(rows))}"}
        )
        best = max(rows, key=lambda row: row["probability"])
        if multiple:
            likely = sorted(rows, key=lambda row: -row["probability"])
            said = [row["label"] for row in likely if row["probability"] > 0.5]
            answer = (
                f"{_listed(said, 4)} {'is' if len(said) == 1 else 'are'} above one half; "
                "each label has a probability of its own."
                if said
                else f"No label is above one half; `{best['label']}` comes nearest with {percent(best['probability'])}."
            )
            short = ", ".join(said) or "none"
        else:
            short = LABEL_NAMES.get(best["label"], best["label"])
            answer = f"`{short}` with {percent(best['probability'])}; chance is {percent(chance['at'])}."
        names = [row["label"] for row in rows]
        if len(rows) > 4:
            rows = sorted(rows, key=lambda row: -row["probability"])
        shown = [{"label": LABEL_NAMES.get(row["label"], row["label"]), "value": row["probability"]} for row in rows]
        return {
            "rows": shown,
            "names": names,
            "chance": chance,
            "multiple": multiple,
            "answer": answer,
            "short": short,
        }

    def _read_number(self) -> dict:
        value = float(self.logits()[0])
        said = (
            f"{signed(value)} on a scale from 0, unrelated, to 5, the same"
            if self.task == "similarity"
            else signed(value)
        )
        return {"value": value, "low": 0, "high": 5, "answer": f"{said}.", "short": signed(value)}

    def gaps(self) -> list[dict]:
        """The likeliest tokens at every [MASK]."""
        workbench = self.workbench
        return [
            {"position": position, "rows": workbench.predictions(position, self.count)}
            for position in workbench.mask_positions[:8]
        ]

    def _read_gaps(self) -> dict:
        gaps, size = self.gaps(), self.workbench.config.vocab_size
        if not gaps:
            return {"missing": "Click a token to put [MASK] in its place."}
        best = [gap["rows"][0] for gap in gaps]
        said = _listed([row["token"] for row in best])
        rest = (
            f"the likeliest has {percent(best[0]['probability'])}"
            if len(best) == 1
            else "each gap is read with the others still open"
        )
        return {
            "gaps": [
                {
                    "position": gap["position"],
                    "rows": [{"label": row["token"], "value": row["probability"]} for row in gap["rows"]],
                }
                for gap in gaps
            ],
            "chance": {"at": 1 / size, "text": f"chance 1 in {size:,}"},
            "answer": f"BERT reads {said} here; {rest}.",
            "short": ", ".join(row["token"] for row in best),
        }

    def tags(self) -> list[dict]:
        """One row a word: text, start, end, label, probability, and all labels with theirs. The first piece decides."""
        tokens, _ = self.sentence_tokens()
        probabilities, config = self.logits().softmax(-1), self.task_model.config  # (sequence, labels)
        text, rows = self.workbench.text, []
        for position, token in enumerate(tokens):
            if token["word"] is None or token["segment"] != 0:
                continue
            if rows and rows[-1]["word"] == token["word"]:
                rows[-1].update(end=token["end"], text=text[rows[-1]["start"] : token["end"]])
                continue
            values = probabilities[position].tolist()
            labels = {config.id2label[i]: value for i, value in enumerate(values)}
            label = max(labels, key=labels.__getitem__)
            rows.append(
                {
                    "word": token["word"],
                    "position": position,
                    "text": text[token["start"] : token["end"]],
                    "start": token["start"],
                    "end": token["end"],
                    "label": label,
                    "probability": labels[label],
                    "labels": labels,
                }
            )
        return rows

    def _read_tags(self) -> dict:
        rows = self.tags()
        names = list(rows[0]["labels"]) if rows else []
        spans = entity_spans(self.workbench.text, rows)
        is_entities = any(name.startswith(("B-", "I-")) for name in names)
        kinds = list(dict.fromkeys(name.split("-", 1)[-1] for name in names if name != "O"))
        colours = {name: _colour(name, place) for place, name in enumerate(kinds)}
        least = min(range(len(rows)), key=lambda i: rows[i]["probability"]) if rows else 0
        if is_entities:
            found = [span for span in spans if span["entity"]]
            answer = (
                f"{len(found)} name{'s' if len(found) > 1 else ''}: {_listed([span['text'] for span in found], 6)}."
                if found
                else "No word is taken for a name."
            )
        else:
            counted = Counter(row["label"] for row in rows).most_common(3)
            said = ", ".join(f"{count} {name}" for name, count in counted)
            word = rows[least]
            least_certain = f"`{word['text']}`, {word['label']} with {percent(word['probability'])}"
            answer = f"{len(rows)} words: {said}. Least certain is {least_certain}."
        words = [
            {
                "text": row["text"],
                "label": row["label"],
                "probability": row["probability"],
                "position": row["position"],
                "rows": [
                    {"label": name, "value": value}
                    for name, value in sorted(row["labels"].items(), key=lambda item: -item[1])[: self.count]
                ],
            }
            for row in rows
        ]
        return {
            "words": words,
            "spans": [[span["first"], span["last"], span["label"]] for span in spans],
            "entities": is_entities,
            "colours": colours,
            "least": least,
            "chance": {"at": 1 / max(1, len(names)), "text": f"chance 1 in {len(names)}"},
            "answer": answer,
            "short": " ".join(row["label"] for row in rows)[:60],
        }

    def answer_found(self):
        """`lab.answer` for the question and its text, read in windows of `window_size` tokens where that is set."""
        workbench, model = self.workbench, self.task_model
        narrow = copy.copy(workbench.lab)
        if self.window_size:
            narrow.max_length = min(self.window_size, narrow.max_length)

        def compute():
            with workbench.lock, self.ablating(model):
                return narrow.answer(workbench.text, workbench.text_pair, task=self.task, stride=self.stride)

        return workbench.cached(("answer", self.task, model, self.window_size, self.stride, *workbench.key), compute)

    def _read_answer(self) -> dict:
        found, context = self.answer_found(), self.workbench.text_pair
        spans, none = answer_spans(found, context)
        holds = next(
            (
                i
                for i, window in enumerate(found.windows)
                if any(
                    inside
                    and o[0] <= found.start < o[1]
                    and max(p for p, keep in zip(window.start_probabilities, window.in_context) if keep) == p0
                    for o, inside, p0 in zip(window.offsets, window.in_context, window.start_probabilities)
                )
            ),
            0,
        )
        shown = min(self.window if self.window >= 0 else holds, len(found.windows) - 1)
        window, length = found.windows[shown], max(1, len(context))
        tokens = [
            {
                "text": token,
                "context": inside,
                "start": start,
                "end": end,
                "in_answer": inside and offset[0] >= found.start and offset[1] <= found.end,
            }
            for token, inside, offset, start, end in zip(
                window.tokens, window.in_context, window.offsets, window.start_probabilities, window.end_probabilities
            )
        ]
        ruler = []
        for one in found.windows[:MOST_WINDOWS]:
            inside = [offset for offset, keep in zip(one.offsets, one.in_context) if keep]
            ruler.append([inside[0][0] / length, inside[-1][1] / length, len(one.tokens)])
        legal = sum(1 for _ in spans)
        rows = [{"label": span["text"], "value": span["probability"]} for span in spans[:5]]
        rows.append({"label": "no answer", "value": none, "none": True})
        rows.sort(key=lambda row: -row["value"])
        if found.has_answer:
            said = f"“{found.text}” with {percent(found.probability)}"
            answer = f"{said}, among {legal:,} possible spans; no answer has {percent(none)}."
        else:
            said = f"The text gives no answer, {percent(none)}"
            answer = f"{said}; the best span, “{found.text}”, has {percent(found.probability)}."
        return {
            "rows": rows,
            "tokens": tokens,
            "ruler": ruler,
            "windows": len(found.windows),
            "shown": shown,
            "chance": {"at": 1 / (legal + 1), "text": f"chance 1 in {legal + 1:,}"},
            "answer": answer,
            "short": found.text if found.has_answer else "no answer",
        }

    def _read_choice(self) -> dict:
        workbench, model = self.workbench, self.task_model
        choices = [choice for choice in self.choices if choice.strip()]
        if len(choices) < 2:
            return {"missing": "Give two endings or more to choose from."}

        def compute():
            with workbench.lock, self.ablating(model):
                return workbench.lab.choose(workbench.text, choices, task=self.task).probabilities

        values = workbench.cached(("choice", self.task, model, tuple(choices), *workbench.key), compute)
        best = max(range(len(values)), key=values.__getitem__)
        chance = 1 / len(values)
        return {
            "rows": [{"label": choice, "value": value} for choice, value in zip(choices, values, strict=True)],
            "chance": {"at": chance, "text": f"chance {percent(chance)}"},
            "best": best,
            "answer": f"Ending {_letter(best)}, “{choices[best]}”, with {percent(values[best])}; "
            f"chance is {percent(chance)}.",
            "short": _letter(best),
        }

    # --- generation

    def options(self) -> dict:
        """The options of `bertlab.generation` that the settings stand for."""
        tokenizer = self.workbench.lab.tokenizer
        options = {
            "max_new_tokens": self.new_tokens,
            "eos_token_id": tokenizer.sep_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "use_cache": self.use_cache,
        }
        if self.search == "sample":
            options.update(
                do_sample=True, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, generator=self.draw
            )
        elif self.search == "beam":
            options["num_beams"] = self.beams
        return options

    def prompt(self) -> torch.Tensor:
        """[CLS], the pieces of the text, and what was put after them: (1, tokens)."""
        ids = self.workbench.lab.prompt_ids(self.workbench.text)
        return torch.cat([ids, ids.new_tensor([self.prefix])], dim=1) if self.prefix else ids

    def generation_steps(self) -> list[dict]:
        """One dict a new token: the token, its probability and the alternatives; or, for a beam search, its beams."""
        return list(self._generated[1]) if self._generated else []

    def _steps(self):
        """Run the generation, one row after the other; the model is locked for each step only."""
        workbench, model = self.workbench, self.task_model
        steps = stream(model, self.prompt(), **self.options())
        names = workbench.lab.tokenizer.convert_ids_to_tokens
        while True:
            started = time.perf_counter()
            with workbench.lock, self.ablating(model):
                step = next(steps, None)
            if step is None:
                return
            row = _beam_row(step, names) if isinstance(step, BeamStep) else _step_row(step, names, self.count)
            row["milliseconds"] = 1000 * (time.perf_counter() - started)
            yield row

    def _read_generation(self) -> dict:
        workbench = self.workbench
        key = (*workbench.key, self.task_model, self.count, tuple(self.prefix), tuple(sorted(self.options().items())))
        if self._generated is None or self._generated[0] != key:
            self._cancel_job()
            rows = []
            self._generated = (key, rows, False)

            def collect():
                for row in self._steps():
                    rows.append(row)
                    yield len(rows) / self.new_tokens

            def finish():
                self._generated = (key, rows, True)
                self._update({"generated"})

            if not self._run(collect(), "Generating", finish):
                self._generated = (key, rows, True)
        _, rows, done = self._generated
        names = workbench.lab.tokenizer.convert_ids_to_tokens
        prompt = self.prompt()[0].tolist()
        view = {
            "prompt": names(prompt),
            "put": len(self.prefix),
            "done": done,
            "steps": list(rows),
            "search": self.search,
            "cache": self.use_cache,
            "read": _tokens_read(len(prompt), len(rows), self.use_cache),
            "chance": {"at": 1 / workbench.config.vocab_size, "text": ""},
        }
        if not rows:
            return {**view, "answer": "Generating …", "short": ""}
        if self.search == "beam":
            best = rows[-1]["hypotheses"][0] if rows[-1]["hypotheses"] else None
            tokens = best["tokens"][len(prompt) :] if best else []
            said = self._words(tokens)
            view["best"] = tokens
            score = f", log-probability {signed(best['log_probability'])}" if best else ""
            return {**view, "answer": f"Best of {self.beams} beams: “{said}”{score}.", "short": said[:60]}
        tokens = [row["token"] for row in rows]
        said = self._words(tokens)
        total = sum(math.log(max(row["probability"], 1e-45)) for row in rows)
        return {
            **view,
            "answer": f"It goes on “{said}”: log-probability {signed(total)} for {len(rows)} tokens.",
            "short": said[:60],
        }

    def _words(self, tokens: list[str]) -> str:
        tokenizer = self.workbench.lab.tokenizer
        return tokenizer.decode(tokenizer.convert_tokens_to_ids(tokens), skip_special_tokens=True)

    def go_on(self, step: int, token: int) -> None:
        """Take another token at one step, and let the model go on from there."""
        rows = self.generation_steps()
        if not 0 <= step < len(rows) or "id" not in rows[step]:
            raise SelectionError(f"step {step} was given, but there are {len(rows)} steps of one token each.")
        with self.workbench.together():
            self.prefix = [*self.prefix, *(row["id"] for row in rows[:step]), int(token)]
            self.step = 0

    # --- what the answer rests on

    def attribution_question(self) -> explaining.Question | None:
        """The number that is explained, of the answer as it is shown; None where there is nothing to explain."""
        from bertlab.analysis import targets

        workbench, kind, view = self.workbench, self.kind, self.view
        tokenizer, task = workbench.lab.tokenizer, self.task
        if kind == "choice":
            choices = [choice for choice in self.choices if choice.strip()]
            encoding = workbench.lab.encode([workbench.text] * len(choices), choices)
            batch = {name: value.unsqueeze(0) for name, value in encoding.items()}
            names = tokenizer.convert_ids_to_tokens(encoding["input_ids"][view["best"]].tolist())
            special = set(tokenizer.all_special_tokens)
            return explaining.Question(
                self.task_model,
                batch,
                targets.choice(view["best"], "log_probability"),
                names,
                [name in special for name in names],
                f"ending {_letter(view['best'])}",
                (
                    f"model, target = lab.task_model({task!r}), targets.choice({view['best']}, 'log_probability')",
                    f"encoding = lab.encode([{workbench.text!r}] * len(choices), choices)",
                    "batch = {name: value.unsqueeze(0) for name, value in encoding.items()}",
                ),
                view["best"],
            )
        if kind == "answer":
            window = self.answer_found().windows[view["shown"]]
            ids = tokenizer.convert_tokens_to_ids(window.tokens)
            second = window.tokens.index(tokenizer.sep_token) + 1
            values = window.start_probabilities if self.side == "start" else window.end_probabilities
            place = max((i for i, inside in enumerate(window.in_context) if inside), key=values.__getitem__)
            batch = _batch(ids, workbench.lab.device, [int(i >= second) for i in range(len(ids))])
            make = "answer_start" if self.side == "start" else "answer_end"
            return explaining.Question(
                self.task_model,
                batch,
                getattr(targets, make)(place, "log_probability"),
                window.tokens,
                _specials(tokenizer, window.tokens),
                f"{self.side} at {window.tokens[place]}",
                (
                    f"model, target = lab.task_model({task!r}), targets.{make}({place}, 'log_probability')",
                    f"ids = torch.tensor([{ids}])",
                    f"batch = {{'input_ids': ids, "
                    f"'token_type_ids': (torch.arange({len(ids)}) >= {second}).long()[None]}}",
                ),
            )
        if kind == "generation":
            rows = self.generation_steps()
            if self.search == "beam" or not rows:
                return None
            at = min(self.step, len(rows) - 1)
            ids = [*self.prompt()[0].tolist(), *(row["id"] for row in rows[:at])]
            names = tokenizer.convert_ids_to_tokens(ids)
            return explaining.Question(
                self.task_model,
                _batch(ids, workbench.lab.device),
                targets.masked_token(len(ids) - 1, rows[at]["id"], "log_probability"),
                names,
                _specials(tokenizer, names),
                rows[at]["token"],
                (
                    f"model = lab.task_model({task!r})",
                    f"batch = {{'input_ids': torch.tensor([{ids}])}}",
                    f"target = targets.masked_token({len(ids) - 1}, {rows[at]['id']}, 'log_probability')",
                ),
            )
        tokens, batch = self.sentence_tokens()
        names = [token["text"] for token in tokens]
        keep, model = _specials(tokenizer, names), self.task_model
        if kind == "gaps":
            place, best = view["gaps"][0]["position"], self.gaps()[0]["rows"][0]
            target, about = targets.masked_token(place, best["id"], "log_probability"), best["token"]
            said = f"targets.masked_token({place}, {best['id']}, 'log_probability')"
        elif kind == "tags":
            word = self.tags()[view["words"].index(self._looked_at())]
            index = list(word["labels"]).index(word["label"])
            target, about = (
                targets.tag(word["position"], index, "log_probability"),
                f"{word['label']} of {word['text']}",
            )
            said = f"targets.tag({word['position']}, {index}, 'log_probability')"
        elif kind == "number":
            target, about, said = targets.label(0), "a high number", "targets.label(0)"
        elif task == "next_sentence":
            index = 1 if self._explained_label() == "random" else 0
            target, about = targets.next_sentence(index, "log_probability"), LABEL_NAMES[("is_next", "random")[index]]
            said = f"targets.next_sentence({index}, 'log_probability')"
        else:
            about = self._explained_label()
            index, several = {name: i for i, name in model.config.id2label.items()}[about], view["multiple"]
            target = targets.label(index, "log_probability", independent=several)
            said = f"targets.label({index}, 'log_probability'{', independent=True' if several else ''})"
        return explaining.Question(
            model,
            batch,
            target,
            names,
            keep,
            about,
            (*(["model = lab.model"] if task in ("fill_mask", "next_sentence") else []), f"target = {said}"),
        )

    def _explained_label(self) -> str:
        rows = self.label_rows()
        names = [row["label"] for row in rows]
        return self.explained if self.explained in names else max(rows, key=lambda row: row["probability"])["label"]

    def _attribution_key(self) -> tuple:
        return (
            "attribution",
            self.task,
            self.attribution,
            self.task_model,
            self.explained,
            self.side,
            self.step,
            self.word,
            self.window,
            self.window_size,
            self.stride,
            tuple(self.choices),
            tuple(self.prefix),
            tuple(sorted(self.options().items())),
            *self.workbench.key,
        )

    def explain(self) -> None:
        """Find out what the answer rests on, however long it takes."""
        self._attribute(asked=True)

    def _attribute(self, asked: bool = False) -> None:
        """Put the attribution into the view: at once where it is quick or known, from a thread where it is not."""
        in_job = threading.current_thread() is self._job
        if self.attribution == "off" or "missing" in self.view or (in_job and not self._finishing):
            return
        question = self.attribution_question()
        if question is None or len(question.places) == 0:
            return
        key, method, mask = self._attribution_key(), self.attribution, self.workbench.lab.tokenizer.mask_token_id
        shown = {"about": question.about, "method": method}

        def show(found: dict) -> None:
            if key == self._attribution_key() and "missing" not in self.view:
                self.view = {**self.view, "attribution": found}
                self.answer = f"{self.answer} {attribution_sentence(found)}".strip()

        def compute(progress=lambda done: None):
            def run():
                with (
                    self.ablating(question.model),
                    explaining.watched(
                        question.model, explaining.passes(question, method), progress, self._cancelled.is_set
                    ),
                ):
                    return explaining.explain(question, method, mask)

            return self.workbench.cached(key, run)

        told = [time.monotonic()]

        def progress(done: float) -> None:
            if time.monotonic() - told[0] > 0.5:
                told[0] = time.monotonic()
                self.busy = {"label": "Attribution", "done": done}

        def steps():
            try:
                show(compute(progress))
            except explaining.Cancelled:
                offer()
            yield 1.0

        def offer() -> None:
            self.view = {**self.view, "attribution": {**shown, "offer": explaining.passes(question, method)}}

        size = explaining.work(question, method)
        if key in self.workbench._cache or size <= SHORT_WORK:
            self._cancelled.clear()
            show(compute())
        elif size > LONG_WORK and not asked:
            offer()
        elif in_job:
            next(steps())
        else:
            self._cancel_job()
            self.view = {**self.view, "attribution": {**shown, "pending": True}}
            self.start(steps(), "Attribution")

    def attributions(self) -> list[dict]:
        """What the answer rests on, token by token; empty where it is not computed (yet)."""
        found = self.view.get("attribution", {})
        return [
            {"place": place, "token": token, "score": score, "about": found["about"], "method": found["method"]}
            for place, (token, score) in enumerate(zip(found.get("tokens", []), found.get("scores", []), strict=True))
        ]

    # --- untrained heads

    def reseed(self, times: int = 1) -> None:
        """Draw the untrained head again, `times` times, each with the next seed; `reseeds` keeps what they said."""
        if not self.reseedable:
            raise SelectionError(
                f"the head of {self.task!r} is not one of random weights, so there is nothing to draw again."
                if self.trained
                else self.reason()
            )
        self._cancel_job()
        if times == 1:
            self.head_seed += 1
            return

        def draws():
            for done in range(int(times)):
                self.head_seed += 1
                yield (done + 1) / times

        self._run(draws(), "Drawing heads", lambda: self._update({"head_seed"}))

    def _remember_head(self, view: dict) -> None:
        if self.reseedable and "short" in view:
            self.reseeds = [
                *(row for row in self.reseeds if row["seed"] != self.head_seed),
                {"seed": self.head_seed, "said": view["short"]},
            ][-40:]

    # --- long work: at once where it is short, in a thread where it is not

    def _run(self, steps, label: str, finish=None) -> bool:
        """Pull the generator for a moment; True where the rest of it goes on in a thread."""

        def end():
            self._finishing = True
            try:
                finish()
            finally:
                self._finishing = False

        deadline = time.monotonic() + AT_ONCE
        for _ in steps:
            if time.monotonic() > deadline:
                self.start(steps, label, finish and end)
                return True
        return False

    def _working(self) -> bool:
        return self._job is not None and self._job.is_alive()

    def _cancel_job(self) -> None:
        if self._working() and threading.current_thread() is not self._job:
            self.stop()
            self._job.join(10)

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        lab = self.workbench.lab
        if changed & {"version", "task"}:
            self.reseeds = []
        if changed & {"version", "task"} and "prefix" not in changed and self.prefix:
            self._ready, self.prefix, self._ready = False, [], True
        if self.kind != "generation" or changed & {"version", "task"}:
            self._cancel_job()
        self.tasks = [
            [name, ASKED[name].title if name in ASKED else name, lab.is_trained(name)] for name in self.task_names()
        ]
        asked = self.asked
        self.question = asked.question
        self.heading = self.heading_now()
        if self.preset and not self._is_preset():
            self.preset = ""
        if changed & {"version", "task"}:
            self.note = self.note_now()
        view = {
            "task": self.task,
            "kind": self.kind,
            "fields": [asked.first, asked.second],
            "trained": self.trained,
            "reason": self.reason(),
            "reseedable": self.reseedable,
            "examples": [name for name, state in self.preset_states.items() if state["task"] == self.task],
        }
        if asked.pair and not self.workbench.text_pair.strip():
            read = {"missing": f"This task reads two texts: type the second one ({asked.second.lower()})."}
        else:
            read = getattr(self, f"_read_{view['kind']}")()
        if "missing" in read:
            self.view, self.answer = {**view, **read}, read["missing"]
            return
        self._remember_head(read)
        self.answer = read.pop("answer")
        self.view = {**view, **self._with_pinned(read)}
        if view["kind"] != "generation" or self._generated[2]:
            self._attribute()

    def _with_pinned(self, view: dict) -> dict:
        values = self.pinned.get("values", {}) if self.pinned.get("task") == self.task else {}
        for row in view.get("rows", []):
            if row["label"] in values:
                row["before"] = values[row["label"]]
        return view

    def pinned_view(self) -> dict:
        return {"task": self.task, "values": {row["label"]: row["value"] for row in self.view.get("rows", [])}}

    def heading_now(self) -> dict:
        heading = super().heading_now()
        lab = self.workbench.lab
        if self.task not in ("fill_mask", "next_sentence"):
            heading["state"] = heading["state"].replace(
                "training" if lab.model.training else "eval",
                "training" if lab.task_model(self.task).training else "eval",
            )
        return {**heading, "untrained": self.reason()}

    def _is_preset(self) -> bool:
        """Whether what is shown is still the preset that was chosen."""
        state = self.preset_states.get(self.preset, {})
        return (state.get("task"), state.get("text")) == (self.task, self.workbench.text)

    def note_now(self) -> str:
        note = super().note_now()
        if note or self._is_preset():
            return note or self.preset_states[self.preset]["note"]
        workbench = self.workbench
        if workbench.text_pair and not self.asked.second:
            return NOTES[0]
        if (workbench.masked or workbench.forced) and self.kind in ("answer", "choice", "generation"):
            return NOTES[1]
        return ""

    # --- predict first

    def gate(self) -> str:
        asked = {
            "labels": "Which label will the head give?",
            "number": "Which number will the head give?",
            "choice": "Which ending will it choose? (a letter)",
            "answer": "Which words will it answer with?",
            "generation": "Which token will come first?",
            "tags": "How many words will it label right?",
            "gaps": "Which token will BERT put into the first gap?",
        }
        if self.kind == "tags" and self.view.get("words"):
            return f"Which label will `{self._looked_at()['text']}` get?".replace("`", "“", 1).replace("`", "”")
        return asked[self.kind]

    def _looked_at(self) -> dict:
        words = self.view["words"]
        return words[self.word if 0 <= self.word < len(words) else self.view["least"]]

    def grade(self, guess: str) -> str:
        view, kind = self.view, self.kind
        if "missing" in view or not guess:
            return ""
        if kind == "number":
            try:
                return f"Your guess is {abs(float(guess.replace(',', '.')) - view['value']):.2f} away."
            except ValueError:
                return f"`{guess}` is no number."
        if kind == "choice":
            right = guess.strip().upper()[:1] == _letter(view["best"])
            return "Right." if right else f"Your {guess.strip().upper()[:1]} was not its choice."
        if kind == "answer":
            words, said = set(guess.lower().split()), set(self.answer_found().text.lower().split())
            common = len(words & said)
            score = 2 * common / (len(words) + len(said)) if common else 0
            return f"Your words and the model's overlap with F1 {percent(score)}."
        if kind == "tags":
            word = self._looked_at()
            right = guess.strip().upper() == word["label"].upper()
            return "Right." if right else f"Your guess was {guess.strip().upper()}, the head says {word['label']}."
        if kind == "generation":
            first = self.generation_steps()[0]
            token = first.get("token") or first["beams"][0]["token"]
            return "Right." if guess.strip().lower() == token else f"Your `{guess}` was not the first token, `{token}`."
        rows = view["gaps"][0]["rows"] if kind == "gaps" else view["rows"]
        ranked = [row["label"].lower() for row in sorted(rows, key=lambda row: -row["value"])]
        if guess.strip().lower() not in ranked:
            return f"`{guess}` is not among the {len(ranked)} {'likeliest tokens' if kind == 'gaps' else 'labels'}."
        rank = ranked.index(guess.strip().lower()) + 1
        return "Right." if rank == 1 else f"Your `{guess}` is number {rank}."

    # --- data, code, pictures

    def data(self):
        """The numbers behind the picture, in the form that `.code()` leaves in `result`."""
        kind = self.kind
        if "missing" in self.view:
            return {}
        if kind == "labels":
            return {row["label"]: row["probability"] for row in self.label_rows()}
        if kind == "number":
            return float(self.logits()[0])
        if kind == "gaps":
            return {gap["position"]: {row["token"]: row["probability"] for row in gap["rows"]} for gap in self.gaps()}
        if kind == "tags":
            return [(row["label"], row["probability"]) for row in self.tags()]
        if kind == "answer":
            found = self.answer_found()
            return {
                "text": found.text,
                "probability": found.probability,
                "no answer": found.no_answer_probability,
                "start": [window.start_probabilities for window in found.windows],
                "end": [window.end_probabilities for window in found.windows],
            }
        if kind == "choice":
            return {row["label"]: row["value"] for row in self.view["rows"]}
        rows = self.generation_steps()
        if self.search == "beam":
            return [[(beam["token"], beam["parent"], beam["score"]) for beam in row["beams"]] for row in rows]
        return [(row["token"], row["probability"]) for row in rows]

    def table(self) -> list[dict]:
        kind, task = self.kind, self.task
        if "missing" in self.view or self.view.get("empty"):
            return []
        if kind == "gaps":
            return [
                {
                    "task": task,
                    "position": gap["position"],
                    "rank": rank,
                    "token": row["token"],
                    "probability": row["probability"],
                }
                for gap in self.gaps()
                for rank, row in enumerate(gap["rows"], start=1)
            ]
        if kind == "number":
            return [{"task": task, "score": self.data()}]
        if kind == "tags":
            return [
                {"task": task, **{name: row[name] for name in ("text", "start", "end", "label", "probability")}}
                for row in self.tags()
            ]
        if kind == "answer":
            return [
                {
                    "task": task,
                    "window": number,
                    "token": token,
                    "in_context": inside,
                    "start_probability": start,
                    "end_probability": end,
                }
                for number, window in enumerate(self.answer_found().windows)
                for token, inside, start, end in zip(
                    window.tokens, window.in_context, window.start_probabilities, window.end_probabilities
                )
            ]
        if kind == "generation":
            if self.search == "beam":
                return [
                    {"task": task, "step": step, "beam": rank, **beam}
                    for step, row in enumerate(self.generation_steps())
                    for rank, beam in enumerate(row["beams"])
                ]
            return [
                {"task": task, "step": step, "token": row["token"], "probability": row["probability"]}
                for step, row in enumerate(self.generation_steps())
            ]
        return [
            {"task": task, "label": row["label"], "probability": row["value"], "chance": self.view["chance"]["at"]}
            for row in self.view["rows"]
        ]

    def static_html(self) -> str:
        if self.kind == "answer" and "missing" not in self.view:
            return html_table(
                [{"answer": row["label"], "probability": percent(row["value"])} for row in self.view["rows"]]
            )
        return html_table(
            [
                {
                    name: percent(value) if name == "probability" else value
                    for name, value in row.items()
                    if name != "task"
                }
                for row in self.table()[:40]
            ]
        )

    def figure(self):
        from matplotlib.figure import Figure

        kind = self.kind
        if kind == "answer" and "missing" not in self.view:
            return self._answer_figure()
        rows = [row for row in self.table() if "probability" in row or "score" in row][:40]
        names = [
            str(
                row.get("label") if kind in ("labels", "choice") else row.get("token", row.get("text", row.get("task")))
            )
            for row in rows
        ]
        if kind == "tags":
            names = [f"{row['text']}  {row['label']}" for row in rows]
        values = [row.get("probability", row.get("score", 0)) for row in rows]
        figure = Figure(figsize=(7, max(1.8, 0.28 * len(rows) + 1.2)), layout="constrained")
        axes = figure.subplots()
        axes.barh(range(len(rows)), values, color="#0b62b0")
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set_title(self.answer.replace("`", ""), fontsize=9, wrap=True)
        chance = self.view.get("chance", {})
        if kind == "number":
            axes.set_xlim(0, 5)
        elif not (kind == "generation" and self.search == "beam"):
            axes.set_xlim(0, 1)
            axes.set_xlabel("probability")
            if chance.get("text") and chance["at"] > 0.01:
                axes.axvline(chance["at"], color="#777777", linestyle="--", linewidth=1)
                axes.annotate(
                    chance["text"],
                    (chance["at"], 1),
                    xycoords=("data", "axes fraction"),
                    fontsize=7,
                    color="#555555",
                    va="bottom",
                )
        if not self.trained:
            axes.annotate(
                "untrained",
                (1, 0),
                xycoords="axes fraction",
                ha="right",
                va="bottom",
                color="#b3261e",
                fontsize=9,
                weight="bold",
            )
        return figure

    def _answer_figure(self):
        from matplotlib.figure import Figure

        tokens = [token for token in self.view["tokens"] if token["context"] or token["text"] == "[CLS]"][:80]
        figure = Figure(figsize=(max(5, 0.22 * len(tokens) + 1), 3), layout="constrained")
        axes = figure.subplots()
        places = range(len(tokens))
        axes.bar(places, [token["start"] for token in tokens], color="#0b62b0", label="start")
        axes.bar(places, [-token["end"] for token in tokens], color="#c05a00", hatch="//", label="end (downwards)")
        axes.axhline(0, color="#333333", linewidth=0.8)
        axes.set_ylim(-1, 1)
        axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["1", "0.5", "0", "0.5", "1"])
        axes.set_xticks(places, [token["text"] for token in tokens], rotation=90, fontsize=7)
        axes.legend(fontsize=7, frameon=False)
        axes.set_title(self.answer.replace("`", ""), fontsize=9, wrap=True)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every task on this text, so that a phone can go from one to the other."""
        keep, patches = self.task, {}
        names = ("view", "answer", "question", "heading", "note", "task", "reseeds", "gate_question")
        try:
            for task in [*(name for name in self.task_names() if name != keep), keep]:
                self.task = task
                if not self.error and self.wait(20):
                    patches[f'task:"{task}"'] = {name: copy.deepcopy(getattr(self, name)) for name in names}
        finally:
            self.task = keep
        return {}, patches

    def code(self) -> str:
        """The lines that leave `data()` in `result`, and below them those that leave the attribution in `scores`."""
        lines = self._answer_code()
        if self.view.get("attribution", {}).get("scores") and not self.workbench.ablated:
            mask = self.workbench.lab.tokenizer.mask_token_id
            lines += explaining.code(self.attribution_question(), self.attribution, mask)
        return "\n".join([*(["import torch"] if any("torch." in line for line in lines) else []), *lines])

    def _answer_code(self) -> list[str]:
        workbench, task, kind = self.workbench, self.task, self.kind
        lines = ["import bertlab", f"lab = bertlab.load({workbench.lab.name!r})"]
        if self.reseedable:
            lines.append(f"lab.reseed({task!r}, {self.head_seed})  # an untrained head: random weights")
        if kind == "answer":
            if self.window_size:
                lines.append(
                    f"lab.max_length = {min(self.window_size, workbench.lab.max_length)}  # windows of so many tokens"
                )
            return [
                *lines,
                f"question, text = {workbench.text!r}, {workbench.text_pair!r}",
                *self._within(f"found = lab.answer(question, text, task={task!r}, stride={self.stride})"),
                'result = {"text": found.text, "probability": found.probability, '
                '"no answer": found.no_answer_probability}',
                'result["start"] = [window.start_probabilities for window in found.windows]',
                'result["end"] = [window.end_probabilities for window in found.windows]',
            ]
        if kind == "choice":
            return [
                *lines,
                f"choices = {[choice for choice in self.choices if choice.strip()]!r}",
                *self._within(f"chosen = lab.choose({workbench.text!r}, choices, task={task!r})"),
                "result = dict(zip(choices, chosen.probabilities))",
            ]
        if kind == "generation":
            return self._generation_code(lines)
        pair = f", {workbench.text_pair!r}" if workbench.text_pair and self.asked.second else ""
        lines.append(
            f'batch = lab.tokenizer({workbench.text!r}{pair}, truncation=True, return_tensors="pt").to(lab.device)'
        )
        lines += [f"batch['input_ids'][0, {position}] = {token}" for position, token in workbench.forced.items()]
        if workbench.masked:
            lines.append(f"batch['input_ids'][0, {list(workbench.masked)}] = lab.tokenizer.mask_token_id")
        output = {
            "fill_mask": "lab.model(**batch).prediction_logits[0]",
            "next_sentence": "lab.model(**batch).seq_relationship_logits[0]",
        }
        if task not in output:
            lines.append(f"model = lab.task_model({task!r})")
        lines += self._within(
            f"logits = {output.get(task, 'model(**batch).logits[0]')}.float().cpu()", "torch.inference_mode()"
        )
        if kind == "gaps":
            lines += [
                "result = {}",
                f"for place in {workbench.mask_positions[:8]}:",
                f"    best = logits[place].softmax(-1).topk({self.count})",
                "    names = lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())",
                "    result[place] = dict(zip(names, best.values.tolist()))",
            ]
        elif kind == "number":
            lines.append("result = float(logits[0])")
        elif kind == "tags":
            lines += [
                "probabilities, words = logits.softmax(-1), batch.word_ids(0)  # (sequence, labels)",
                "first = [place for place, word in enumerate(words) if word is not None and word != words[place - 1]]",
                "result = [(model.config.id2label[int(p.argmax())], float(p.max())) for p in probabilities[first]]",
            ]
        else:
            multiple = task != "next_sentence" and self.task_model.config.problem_type == "multi_label_classification"
            names = '["is_next", "random"]' if task == "next_sentence" else "model.config.id2label.values()"
            lines.append(f"result = dict(zip({names}, logits.{'sigmoid()' if multiple else 'softmax(-1)'}.tolist()))")
        return lines

    def _generation_code(self, lines: list[str]) -> list[str]:
        given = {name: value for name, value in self.options().items() if name not in ("eos_token_id", "pad_token_id")}
        options = ", ".join(f"{name}={value!r}" for name, value in given.items())
        lines = [
            *lines,
            "from bertlab.generation import stream",
            "names = lab.tokenizer.convert_ids_to_tokens",
            f"prompt = lab.prompt_ids({self.workbench.text!r})",
        ]
        if self.prefix:
            lines.append(f"prompt = torch.cat([prompt, prompt.new_tensor([{list(self.prefix)}])], dim=1)")
        lines += [
            'ends = {"eos_token_id": lab.tokenizer.sep_token_id, "pad_token_id": lab.tokenizer.pad_token_id}',
            f"steps = stream(lab.task_model({self.task!r}), prompt, {options}, **ends)",
        ]
        if self.search == "beam":
            lines += self._within(
                "result = [list(zip(names(s.token_ids[0].tolist()), s.parents[0].tolist(), s.scores[0].tolist()))",
                line="          for s in steps]",
            )
        else:
            lines += self._within(
                "result = [(names(int(step.token_ids[0])), float(step.probabilities[0])) for step in steps]"
            )
        return lines

    def _within(self, body: str, *contexts: str, line: str = "") -> list[str]:
        """Lines that run `body` inside the contexts, and with the heads off that are off in the picture."""
        workbench, before = self.workbench, []
        if workbench.ablated:
            before = ["from bertlab.analysis.ablation import ablate"]
            model = "lab.model" if self.task in ("fill_mask", "next_sentence") else f"lab.task_model({self.task!r})"
            contexts = (*contexts, f"ablate({model}, {list(workbench.ablated)}, {workbench.ablation!r})")
        lines = [body, *([line] if line else [])]
        return [*before, f"with {', '.join(contexts)}:", *("    " + one for one in lines)] if contexts else lines


NOTES = (
    "This task reads the first text only.",
    "This task reads the text as it was typed: masks and changed tokens are not seen.",
)


def entity_spans(text: str, rows: list[dict]) -> list[dict]:
    """Words with labels -> stretches: B-X with the I-X after it is one of X, O is none, any other label one a word.

    Rows are those of `TasksPanel.tags`; each span has text, label, first and last (indices of words), entity.
    """
    spans, running = [], None
    for i, row in enumerate(rows):
        kind, _, name = row["label"].partition("-")
        entity = bool(name) and kind in ("B", "I")
        if row["label"] == "O":
            running = None
        elif entity and kind == "I" and running == name:
            spans[-1].update(last=i, end=row["end"], text=text[spans[-1]["start"] : row["end"]])
        else:
            running = name if entity else None
            spans.append(
                {
                    "text": row["text"],
                    "label": name if entity else row["label"],
                    "start": row["start"],
                    "end": row["end"],
                    "first": i,
                    "last": i,
                    "entity": entity,
                }
            )
    return spans


def answer_spans(found, context: str, longest: int = 30) -> tuple[list[dict], float]:
    """All legal spans of an `Answer`, most probable first, and the probability of no answer.

    One softmax over the spans of all windows and "no answer", as `Lab.answer` takes it.
    """
    scores, none = {}, []
    for window in found.windows:
        start, end = torch.tensor(window.start_logits), torch.tensor(window.end_logits)
        none.append(float(start[0] + end[0]))
        inside = torch.tensor(window.in_context)
        at = torch.arange(len(inside))
        distance = at[None, :] - at[:, None]
        legal = inside[:, None] & inside[None, :] & (distance >= 0) & (distance < longest)
        both = start[:, None] + end[None, :]  # (start, end)
        for (i, j), score in zip(legal.nonzero().tolist(), both[legal].tolist(), strict=True):
            place = (window.offsets[i][0], window.offsets[j][1])
            scores[place] = max(scores.get(place, -math.inf), score)
    probabilities = torch.tensor([min(none), *scores.values()]).softmax(0).tolist()
    spans = [
        {"text": context[start:end], "start": start, "end": end, "probability": p}
        for (start, end), p in zip(scores, probabilities[1:], strict=True)
    ]
    return sorted(spans, key=lambda span: -span["probability"]), probabilities[0]


def _step_row(step, names, count: int) -> dict:
    """One step of greedy search or sampling: the token, and the model's own favourites beside what the options left."""
    own, left = step.logits[0].float().softmax(-1), step.scores[0].float().softmax(-1)  # (vocabulary,)
    token = int(step.token_ids[0])
    ids = own.topk(min(count, len(own))).indices.tolist()
    ids = [*ids, *([token] if token not in ids else [])]
    top = [
        {"token": name, "id": i, "probability": float(left[i]), "model": float(own[i])}
        for name, i in zip(names(ids), ids, strict=True)
    ]
    return {"id": token, "token": names(token), "probability": float(left[token]), "top": top}


def _beam_row(step, names) -> dict:
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


def _tokens_read(prompt: int, steps: int, cache: bool) -> int:
    """How many tokens the model reads for so many new ones: each once with the cache, all of them anew without."""
    return prompt + max(0, steps - 1) if cache else sum(prompt + step for step in range(steps))


def _listed(words: list[str], most: int = 8) -> str:
    quoted = [f"`{word}`" for word in words[:most]] + ([f"{len(words) - most} more"] if len(words) > most else [])
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def attribution_sentence(found: dict) -> str:
    """Which token speaks most for the answer, as a sentence."""
    scored = [
        (score, token)
        for score, token, kept in zip(found["scores"], found["tokens"], found["keep"], strict=True)
        if not kept
    ]
    score, token = max(scored)
    return f"`{token}` speaks most for it." if score > 0 else "No token speaks for it."


def _batch(ids: list[int], device, types: list[int] | None = None) -> dict[str, torch.Tensor]:
    batch = {"input_ids": torch.tensor([ids], device=device)}
    return batch if types is None else {**batch, "token_type_ids": torch.tensor([types], device=device)}


def _specials(tokenizer, names: list[str]) -> list[bool]:
    special = set(tokenizer.all_special_tokens)
    return [name in special for name in names]


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else str(index + 1)


def _colour(label: str, place: int) -> list:
    """(a number of the palette, a letter) for a label, so that colour never stands alone."""
    if label in GROUPS:
        letter = GROUPS[label]
        return [list(dict.fromkeys(GROUPS.values())).index(letter), letter]
    if label in ("PUNCT", "SYM", "X", "INTJ"):
        return [7, "·"]
    return [place if place < 7 else 7, label[:1]]
