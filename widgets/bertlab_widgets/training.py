"""`TrainPanel`: what does a model learn while one watches, and what did it know before?"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from traitlets import Enum, Float, Int, List, Unicode

import bertlab.presets
from bertlab.corpus import Corpus
from bertlab.data import Task, infer_task, samples
from bertlab.lab import Lab
from bertlab.lora import lora_layers, save_adapter
from bertlab.nano import DEFAULTS as NANO_DEFAULTS
from bertlab.nano import SETTINGS as NANO
from bertlab.nano import EncoderDecoder, Nano
from bertlab.nano_data import unigram_entropy
from bertlab.reading import DataError, column_of, read
from bertlab.training import TrainingError, evaluate, evaluate_pretraining, finetune, main_metric, pretrain

from .base import Panel, guarded, html_table, percent
from .state import SelectionError
from .training_run import (
    MASKED,
    SHOWN_TEXTS,
    LiveRun,
    Moment,
    Stopped,
    TrainedLab,
    about_rows,
    devices,
    examples,
    fresh_model,
    guessing,
    kind_of,
    layer_changes,
    loss_of,
    pasted_rows,
    quantised,
    readable,
    reversal_ids,
    shown_prediction,
    sizes,
    split_rows,
    thinned,
    trained_lab,
    watch_masked,
    watch_reversal,
    watch_task,
)

SETS = {
    "sentiment": "classification",
    "topics": "classification",
    "pairs": "classification",
    "entities": "tagging",
    "questions": "qa",
    "choices": "choice",
    "similarity": "regression",
}
TASK_NAMES = {"pairs": "inference", "entities": "ner", "questions": "qa", "choices": "choice"}  # names that Lab knows
KINDS = ("", "classification", "multilabel", "regression", "tagging", "choice", "qa", "next_sentence", MASKED)
UPDATES_PER_SECOND = 6
LORA_RATE, FULL_RATE = 2e-3, 2e-4  # what suits the shipped model and the small sets
WATCHING = 0.03  # share of the time that may be spent on looking
SHOWN_TOKENS = 48
NANO_TITLES = {
    "agreement": "A nano model of 0.1 M weights meets one grammar and must find the verb's form; guessing is 50 %.",
    "reversal": "A nano encoder and decoder of 0.1 M weights learn to write letters backwards.",
    "text": "A nano model of 0.6 M weights reads 17,500 words; below the unigram entropy it uses the context.",
}


class TrainPanel(Panel):
    """Fine-tune the model, or train a nano model from nothing, and watch it learn.

        panel = TrainPanel(lab, dataset="sentiment", epochs=4, rank=8)
        panel.start()                     # in a thread; pause(), resume(), stop()
        panel.wait(60)                    # True when it is over
        panel.data()                      # {"loss": (steps,), "evaluations": [...], "watched": [...], ...}
        panel.moment = 0                  # the time machine: back to before the first step
        panel.save("runs/sentiment")

    Settings: `dataset` (a set of `bertlab.samples`; "agreement", "reversal" or "text" for a nano model; "file" or
    "pasted"), `file`, `pasted`, `task` (its kind, "" to tell it from the data), `freeze` (-1 nothing, 0 the embeddings,
    n also so many layers), `rank` of LoRA (0: the weights themselves), `rate`, `head_rate`, `batch_size`, `steps` (0:
    what suits), `epochs`, `seconds` (time budget, 0 for none), `precision`, `device`, `seed`, `watched` (texts).
    When a run is over its model answers for the task in the lab, and all panels of the workbench show its encoder;
    `shown = "before"` shows them the one of before.
    """

    script = "training.js"
    question_text = "What does the model learn, and when?"
    settings = (
        "look",
        "dataset",
        "file",
        "pasted",
        "task",
        "freeze",
        "rank",
        "rate",
        "head_rate",
        "batch_size",
        "epochs",
        "steps",
        "seconds",
        "precision",
        "device",
        "seed",
        "watched",
    )
    calls = (*Panel.calls, "start", "pause", "resume", "watch_this", "save_to")
    needs_text = False
    preset_states = {
        preset.name: {
            "note": preset.note,
            "text": preset.text,
            "text_pair": preset.text_pair,
            "dataset": preset.options.get("data") or preset.options["nano"],
        }
        for preset in bertlab.presets.presets("train")
    }

    look = Enum(("curves", "layers", "attention"), "curves").tag(sync=True)
    dataset = Enum((*SETS, *NANO, "file", "pasted"), "sentiment").tag(sync=True)
    file = Unicode().tag(sync=True)
    pasted = Unicode().tag(sync=True)
    task = Enum(KINDS, "").tag(sync=True)
    freeze = Int(-1, min=-1).tag(sync=True)
    rank = Int(8, min=0, max=256).tag(sync=True)
    rate = Float(0.0, min=0).tag(sync=True)
    head_rate = Float(0.0, min=0).tag(sync=True)
    batch_size = Int(0, min=0).tag(sync=True)
    epochs = Float(4.0, min=0).tag(sync=True)
    steps = Int(0, min=0).tag(sync=True)
    seconds = Float(60.0, min=0).tag(sync=True)
    precision = Enum(("auto", "float32", "bfloat16"), "auto").tag(sync=True)
    device = Unicode("auto").tag(sync=True)
    seed = Int(0, min=0).tag(sync=True)
    watched = List(help="texts, or [text, second text], whose predictions are watched").tag(sync=True)
    shown = Enum(("trained", "before"), "trained").tag(sync=True)
    moment = Int(-1, help="index of the moment that is shown; -1 for the last").tag(sync=True)
    phase = Unicode("idle").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self.run: LiveRun | None = None
        self._going = threading.Event()
        self._attention_before: tuple[Any, Any] = (None, None)
        self._seen: list[dict] = []
        self._known: tuple[tuple, dict] = ((), {})
        super().__init__(*arguments, **settings)
        self.observe(self._go_to_moment, names=["moment"])
        self.observe(self._show_chosen, names=["shown"])

    # --- what will be trained

    @property
    def before(self) -> Lab:
        """The lab as it was before any training in this panel."""
        lab = self.workbench.lab
        return getattr(self, "_lab_before", None) or (lab.before if isinstance(lab, TrainedLab) else lab)

    def rows(self) -> list:
        """The examples of the chosen set, held-out ones included.

        Raises:
            DataError: with file and line; FileNotFoundError.
        """
        if self.dataset in SETS:
            return samples(self.dataset)
        if self.dataset == "pasted":
            return pasted_rows(self.pasted)
        if not self.file.strip():
            raise DataError(
                "no file was named: give the path of a .jsonl, .csv, .tsv, .conll, .txt or SQuAD .json file"
            )
        rows = list(read(self.file.strip()))
        if not rows:
            raise DataError(f"{self.file} is empty: it needs at least two examples")
        return rows

    def kind(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The kind of task: as set, as the set wants it, or as its columns say."""
        return self.task or SETS.get(self.dataset) or kind_of(rows)

    @property
    def task_name(self) -> str:
        """The name under which the lab knows the trained model."""
        if self.dataset == "file":
            return Path(self.file).name.partition(".")[0] or "file"
        return TASK_NAMES.get(self.dataset, self.dataset)

    def options(self, nano: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The settings of the engine, beside the length of the run."""
        suits = nano or {"learning_rate": LORA_RATE if self.rank else FULL_RATE, "batch_size": 16}
        options = {
            "learning_rate": self.rate or suits["learning_rate"],
            "batch_size": self.batch_size or suits["batch_size"],
        }
        if self.head_rate:
            options["head_learning_rate"] = self.head_rate
        if self.precision != "auto":
            options["precision"] = self.precision
        if self.device != "auto":
            options["device"] = self.device
        return {**options, "seed": self.seed}

    def prepare(self) -> LiveRun:
        """A run ready to start, as the settings say. Reads the data and builds the model; trains nothing.

        Raises:
            DataError: the data does not parse; names file and line. ValueError: settings that do not fit.
        """
        if self.dataset in NANO:
            return self._prepare_nano(NANO[self.dataset](seed=self.seed))
        rows = self.rows()
        kind = self.kind(rows)
        return self._prepare_masked(rows) if kind == MASKED else self._prepare_task(rows, kind)

    def _length(self, rows: int, batch_size: int) -> tuple[int, int]:
        """(steps, steps of an epoch)."""
        per_epoch = max(1, math.ceil(rows / batch_size))
        steps = self.steps or round(self.epochs * per_epoch)
        if steps < 1:
            raise SelectionError(f"epochs is {self.epochs:g}, which is less than one step: give more epochs, or steps.")
        return steps, per_epoch

    def _task(self, rows: Sequence, kind: str) -> Task:
        return infer_task(kind, rows, max_length=min(128, self.before.max_length), name=self.task_name)

    def _prepare_task(self, rows: list, kind: str) -> LiveRun:
        lab, task = self.before, self._task(rows, kind)
        train, held_out = split_rows(rows)
        if not train:
            raise DataError(
                'every row of the set is held out (its column "split" says so): nothing is left to learn from'
            )
        options = self.options()
        steps, per_epoch = self._length(len(train), options["batch_size"])
        model = fresh_model(lab, task, rank=self.rank, freeze=self.freeze, seed=self.seed)
        records = finetune(
            model,
            lab.tokenizer,
            train,
            task,
            evaluation=held_out or None,
            steps=steps,
            evaluate_every=per_epoch,
            keep_best=False,
            **options,
        )
        lines, chance = guessing(task, train, held_out, lab.tokenizer)
        device = options.get("device")

        def watch(texts: list[tuple[str, str]]) -> list[dict]:
            return watch_task(model, lab.tokenizer, task, texts, held_out or train)

        run = LiveRun(
            self.task_name,
            kind,
            model,
            lab.tokenizer,
            records,
            steps,
            steps / per_epoch,
            main_metric(task),
            lines,
            chance,
            (lambda: evaluate(model, lab.tokenizer, held_out, task)) if held_out else None,
            watch,
            about_rows(train, held_out, task),
            task=task,
        )
        run.about.update(sizes(model), device=str(device or lab.device), **options)
        run.lab = trained_lab(lab, model, f"{lab.name} + {self.task_name}")
        return run

    def _prepare_masked(self, rows: list) -> LiveRun:
        lab = self.before
        train, held_out = split_rows(rows)
        options = self.options()
        corpora = [
            Corpus.build([[column_of(row, "text", str)] for row in part], lab.tokenizer) if part else None
            for part in (train, held_out)
        ]
        limit = min(128, lab.max_length)
        tokens = max(1, corpora[0].tokens // (limit - 2))
        steps, per_epoch = self._length(tokens, options["batch_size"])
        model = fresh_model(lab, None, rank=self.rank, freeze=self.freeze, seed=self.seed)
        records = pretrain(
            model,
            lab.tokenizer,
            corpora[0],
            evaluation=corpora[1],
            max_length=limit,
            next_sentence=False,
            steps=steps,
            evaluate_every=max(1, per_epoch),
            keep_best=False,
            evaluation_sequences=64,
            **options,
        )
        lines = {"ln V": math.log(len(lab.tokenizer)), "unigram entropy": unigram_entropy(corpora[0].ids)}

        def measure() -> dict[str, float]:
            return evaluate_pretraining(model, corpora[1], lab.tokenizer, max_length=limit, sequences=64)

        def watch(texts: list[tuple[str, str]]) -> list[dict]:
            return watch_masked(model, lab.tokenizer, texts)

        about = {"rows": len(train), "held_out": len(held_out), "labels": [], "examples": examples(train)}
        run = LiveRun(
            self.task_name,
            MASKED,
            model,
            lab.tokenizer,
            records,
            steps,
            steps / per_epoch,
            "masked_loss",
            lines,
            {},
            measure if held_out else None,
            watch,
            {**about, **sizes(model), **options},
        )
        run.lab = trained_lab(lab, model, f"{lab.name} + {self.task_name}")
        return run

    def _prepare_nano(self, nano: Nano) -> LiveRun:
        options = self.options(nano.defaults)
        steps = self.steps or nano.defaults["steps"]
        every = min(nano.defaults["evaluate_every"], max(1, steps // 4))
        model, tokenizer = nano.model, nano.tokenizer
        chance = {"chance": nano.chance.get(nano.metric, 0.0), **nano.chance} if nano.chance else {}

        def watch(texts: list[tuple[str, str]]) -> list[dict]:
            if isinstance(model, EncoderDecoder):
                return watch_reversal(model, tokenizer, texts)
            return watch_masked(model, tokenizer, texts)

        run = LiveRun(
            nano.name,
            MASKED if not isinstance(model, EncoderDecoder) else "sequence to sequence",
            model,
            tokenizer,
            nano.train(steps=steps, evaluate_every=every, **options),
            steps,
            None,
            nano.metric,
            dict(nano.lines),
            {name: value for name, value in chance.items() if name not in ("letters", nano.metric)},
            nano.measure,
            watch,
            {"rows": 0, "held_out": 0, "labels": [], "examples": [], **sizes(model), **options},
        )
        if not isinstance(model, EncoderDecoder):
            run.lab = Lab(model, tokenizer, name=f"nano {nano.name}")
        return run

    # --- start, pause, resume, stop

    @guarded
    def start(self) -> None:
        """Begin a run with the settings as they are, in a thread; go on where one is paused."""
        if self.phase == "paused":
            self.resume()
            return
        if self._job is not None and self._job.is_alive():
            raise SelectionError("a training is running: stop it first.")
        if self.device not in devices():
            raise SelectionError(f"device is {self.device!r}, but this machine has {', '.join(devices())}.")
        self.error, self.moment = "", -1
        self._show("before")
        self._lab_before, self.run = self.before, None
        self._cancelled.clear()
        self._going.set()
        self.phase = "preparing"
        self._job = threading.Thread(target=self._train, daemon=True, name="bertlab training")
        self._job.start()

    def pause(self) -> None:
        """Hold between two steps; the model as it is now can be looked at everywhere."""
        if self.phase == "training":
            self._going.clear()

    @guarded
    def resume(self) -> None:
        """Go on after a pause."""
        if self.phase != "paused":
            raise SelectionError("no training is paused: start one.")
        self._going.set()

    def stop(self) -> None:
        """End the run within the step; what was learnt so far is kept."""
        self._cancelled.set()
        self._going.set()

    def wait_for_step(self, step: int, timeout: float = 60) -> bool:
        """Wait until so many steps are taken; False where the run ended or `timeout` seconds passed before."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.run is not None and self.run.step >= step:
                return True
            if not self._job.is_alive():
                return False
            time.sleep(0.005)
        return False

    def _train(self) -> None:
        """The thread: pulls records, looks now and then, keeps moments. It reaches the front end by traits alone."""
        hooks: list = []
        ending = "failed"
        try:
            with torch.enable_grad():
                run = self.prepare()
                hooks = run.interruptible(self._cancelled)
                self.run = run
                self._attention_before = (None, None)
                self._look(keep=True, evaluate=True)
                self.phase = "training"
                ending = self._pull(run)
        except Stopped:
            ending = "stopped"
        except Exception as error:
            self._explain(error)
        finally:
            for hook in hooks:
                hook.remove()
            self._finish(ending)

    def _pull(self, run: LiveRun) -> str:
        shown = rested = time.perf_counter()
        while True:
            if not self._going.is_set():
                self._paused(run)
            if self._cancelled.is_set():
                return "stopped"
            started = time.perf_counter()
            with self.workbench.lock if self.workbench.lab is run.lab else contextlib.nullcontext():
                item = next(run.records, None)
            now = time.perf_counter()
            run.seconds += now - started
            if item is None:
                return "done"
            run.history.append(item)
            if item.evaluation:
                run.evaluations.append({"step": item.step, **item.evaluation})
            affordable = run.watching_seconds <= WATCHING * run.seconds
            if item.evaluation or item.step <= 1 or (affordable and now - shown > 1 / UPDATES_PER_SECOND):
                self._look(keep=bool(item.evaluation))
                shown = time.perf_counter()
                run.watching_seconds += shown - now
            if self.seconds and run.seconds >= self.seconds and run.step < run.steps:
                run.message = f"The time budget of {self.seconds:g} s is used up."
                return "stopped"
            if self.workbench.lab is run.lab and now - rested > 0.1:
                time.sleep(0.002)  # whoever waits for the model may have it
                rested = now

    def _paused(self, run: LiveRun) -> None:
        with self.workbench.lock:
            self._look(keep=True)
        self.phase = "paused"
        self._show("trained")
        self._going.wait()
        self.moment = -1
        with self.workbench.lock:
            run.go_to(run.moments[-1].weights)
        self.phase = "training"

    def _finish(self, ending: str) -> None:
        """Close the generator, hand the model over, show what it became."""
        run = self.run
        if run is None:  # it never began
            self.phase = "idle" if ending == "stopped" else "failed"
            self._redraw({"phase"})
            return
        try:
            run.records.close()
            run.model.zero_grad(set_to_none=True)
            run.model.to(self.before.device).eval()
            self._cancelled.clear()
            if ending != "failed":
                self._look(
                    keep=True,
                    evaluate=run.measure is not None
                    and (not run.evaluations or run.evaluations[-1]["step"] != run.step),
                )
                if run.task is not None and run.step:
                    self.before.add_task(run.name, run.model)
            elif run.moments and run.moments[-1].step != run.step:
                run.keep(run.moments[-1].watched)
        except Exception as error:
            ending = "failed"
            self._explain(error)
        self.phase = ending
        if ending != "failed":
            guess = self.guess
            self._show("trained")
            if guess and self.predict_first:
                self.guess = guess
                self.verdict = self.grade(guess)
        self._redraw({"phase"})

    def _redraw(self, changed: set[str]) -> None:
        """An update that nobody asked for: a sentence in the error strip stays."""
        error = self.error
        self._update(changed)
        self.error = self.error or error

    def _explain(self, error: Exception) -> None:
        kept = " The model as it was before is unchanged."
        if isinstance(error, (TrainingError, DataError, FileNotFoundError)):
            text = str(error)
            self.error = (
                text[:1].upper()
                + text[1:]
                + ("." if not text.endswith(".") else "")
                + (kept if isinstance(error, TrainingError) else "")
            )
        else:
            self.show_error(error)

    def _look(self, keep: bool = False, evaluate: bool = False) -> None:
        """Ask the model about the watched texts and measure how far it moved; refresh what is drawn."""
        run = self.run
        run.model.eval()
        if evaluate and run.measure is not None:
            run.evaluations.append({"step": run.step, **run.measure()})
        seen = run.watch(self._texts(run))
        for row in seen:
            for label, value in row.get("rows", []):
                run.traces.setdefault(f"{row['text']}|{row['pair']}|{label}", []).append((run.step, value))
        if run.changes and run.changes[-1][0] == run.step:
            run.changes.pop()
        run.changes.append((run.step, layer_changes(run.model, run.start_weights)))
        if keep:
            run.keep(seen)
        if run.step == 0:
            self._attention_before = (self._attention_key(), self._attention(run))
        self._seen = seen
        self._redraw({"step"})

    def _texts(self, run: LiveRun) -> list[tuple[str, str]]:
        texts = [(self.workbench.text, self.workbench.text_pair)] if self.workbench.text.strip() else []
        for entry in self.watched:
            pair = (entry, "") if isinstance(entry, str) else (str(entry[0]), str(entry[1]) if len(entry) > 1 else "")
            if pair not in texts:
                texts.append(pair)
        return texts[:SHOWN_TEXTS]

    def watch_this(self) -> None:
        """Watch the sentence of the text line from now on, beside others."""
        entry = [self.workbench.text, self.workbench.text_pair] if self.workbench.text_pair else self.workbench.text
        if self.workbench.text and entry not in self.watched:
            self.watched = [*self.watched, entry][-SHOWN_TEXTS:]

    # --- the time machine, and what the others see

    def _show(self, which: str) -> None:
        """Let all panels of the workbench show the trained model or the one of before."""
        self.shown = which
        if not self._switch(which) and self.run is not None:
            self.workbench.model_changed()

    def _switch(self, which: str) -> bool:
        """Exchange the workbench's lab; False where it is there already."""
        run, workbench = self.run, self.workbench
        lab = run.lab if which == "trained" and run is not None and run.lab is not None else self.before
        if workbench.lab is lab:
            return False
        with workbench.lock:
            config = lab.model.config
            small = config.num_hidden_layers <= workbench.layer or config.num_attention_heads <= workbench.head
            if small or workbench.lab.tokenizer is not lab.tokenizer:
                workbench.reset()
            workbench._cache.clear()  # its keys do not name the lab
            workbench.lab = lab
        return True

    @guarded
    def _show_chosen(self, change) -> None:
        if self.phase not in ("training", "preparing"):
            self._switch(change["new"])

    def _go_to_moment(self, change) -> None:
        index, run = change["new"], self.run
        if self.phase in ("training", "preparing"):
            if index != -1:
                self.moment = -1
                raise SelectionError("the model is being trained: pause it to go back in time.")
            return
        if run is None or not run.moments:
            if index != -1:
                self.moment = -1
                raise SelectionError("there is no run yet: start one, then go back in it.")
            return
        if not -1 <= index < len(run.moments):
            self.moment = -1
            raise SelectionError(
                f"moment {index} was given, but allowed is 0 to {len(run.moments) - 1}, or -1 for the last."
            )
        with self.workbench.lock, torch.no_grad():
            run.go_to(run.moments[index].weights)
            self._seen = run.watch(self._texts(run))
        if self.workbench.lab is run.lab:
            self.workbench.model_changed()
        self._update({"moment"})

    def save(self, folder: str | Path) -> Path:
        """Write the model of the shown moment: a small adapter where LoRA was trained, else a whole model."""
        run = self.run
        if run is None:
            raise SelectionError("there is nothing to save yet: start a run.")
        if self.phase in ("training", "preparing"):
            raise SelectionError("the model is being trained: pause or stop it, then save.")
        folder = Path(folder)
        if isinstance(run.model, EncoderDecoder):
            run.model.encoder.save_pretrained(folder / "encoder")
            run.model.decoder.save_pretrained(folder / "decoder")
        elif lora_layers(run.model):
            save_adapter(
                run.model,
                folder,
                task=run.name,
                base=self.before.name,
                dtype=torch.float32,
                details={"kind": run.kind, "step": self._moment_now().step},
            )
        else:
            run.model.save_pretrained(folder)
        run.tokenizer.save_pretrained(str(folder))
        return folder

    def save_to(self, folder: str) -> str:
        """`save`, for the browser's button."""
        if not folder.strip():
            raise SelectionError("no folder was named: write where the model is to be saved.")
        return str(self.save(folder.strip()))

    def _moment_now(self) -> Moment:
        return self.run.moments[self.moment]

    # --- what is shown

    def reset(self) -> None:
        """Stop, forget the run, show the model of before; settings back to the beginning."""
        self.stop()
        self.wait(10)
        self._show("before")
        self.run, self.moment, self.phase, self._seen = None, -1, "idle", []
        super().reset()
        self._update({"phase"})

    def about(self) -> dict:
        """The chosen set in figures: examples, labels, what guessing gets. Read once for each choice."""
        key = (self.dataset, self.file, self.pasted, self.task)
        if self._known[0] != key:
            if self.dataset in NANO:
                about = {
                    "title": NANO_TITLES[self.dataset],
                    "rows": 0,
                    "held_out": 0,
                    "labels": [],
                    "examples": [],
                    "lines": {},
                    "chance": {},
                }
            else:
                rows = self.rows()
                kind = self.kind(rows)
                train, held_out = split_rows(rows)
                if kind == MASKED:
                    about = {
                        "rows": len(train),
                        "held_out": len(held_out),
                        "labels": [],
                        "examples": examples(train),
                        "lines": {"ln V": math.log(len(self.before.tokenizer))},
                        "chance": {},
                    }
                else:
                    task = self._task(rows, kind)
                    about = about_rows(train, held_out, task)
                    about["lines"], about["chance"] = guessing(task, train, held_out)
                    about["metric"] = main_metric(task)
                about["kind"] = kind
            self._known = (key, about)
        return self._known[1]

    def refresh(self, changed: set[str]) -> None:
        run = self.run
        self.heading = self.heading_now()
        if self.phase in ("idle", "failed") and run is None:
            about: dict = {}
            waits = (self.dataset == "file" and not self.file.strip()) or (
                self.dataset == "pasted" and not self.pasted.strip()
            )
            problem = ""
            if not waits:
                try:
                    about = self.about()
                except (ValueError, LookupError, OSError) as error:
                    problem = str(error)
            self.view = {
                "phase": self.phase,
                "about": about,
                "lines": about.get("lines", {}),
                "chance": about.get("chance", {}),
                "devices": devices(),
                "layers": self.before.model.config.num_hidden_layers,
                "steps": self._planned(about),
                "suits": self._suits(),
            }
            self.answer = self._invitation(about, waits)
            if problem and not self.error:
                self.error = problem[:1].upper() + problem[1:] + "."
            return
        if run is None:
            self.view = {**self.view, "phase": self.phase}
            self.answer = "Reading the data and building the model …"
            return
        if "version" in changed and self.phase in ("paused", "done", "stopped", "failed") and run.moments:
            with self.workbench.lock:
                self._seen = run.watch(self._texts(run))
        self.view = self._run_view(run)
        self.answer = self._sentence(run)

    def _planned(self, about: Mapping[str, Any]) -> int:
        """Steps that the run will take, as far as the settings tell."""
        if self.dataset in NANO:
            return self.steps or NANO_DEFAULTS[self.dataset]["steps"]
        return self.steps or round(self.epochs * math.ceil(about.get("rows", 0) / (self.batch_size or 16)))

    def _suits(self) -> dict:
        suits = NANO_DEFAULTS.get(self.dataset, {})
        return {
            "rate": suits.get("learning_rate", LORA_RATE if self.rank else FULL_RATE),
            "batch_size": suits.get("batch_size", 16),
            "steps": suits.get("steps", 0),
            "nano": self.dataset in NANO,
        }

    def _run_view(self, run: LiveRun) -> dict:
        steps = [item.step for item in run.history]
        last = run.history[-1] if run.history else None
        metric = "masked_top5" if run.metric == "masked_loss" else run.metric
        moment = run.moments[self.moment] if run.moments else None
        live = self.phase in ("training", "preparing")
        names = list(run.changes[-1][1]) if run.changes else []
        kept = run.changes[:: max(1, math.ceil(len(run.changes) / 60))] if run.changes else []
        if kept and kept[-1] is not run.changes[-1]:
            kept = [*kept, run.changes[-1]]
        view = {
            "phase": self.phase,
            "about": run.about,
            "kind": run.kind,
            "step": run.step,
            "steps": run.steps,
            "epochs": run.epochs,
            "seconds": round(run.seconds, 1),
            "budget": self.seconds,
            "speed": round(last.tokens_per_second) if last else 0,
            "loss": thinned(steps, [item.loss for item in run.history]),
            "norm": thinned(steps, [item.gradient_norm for item in run.history]),
            "learning_rate": thinned(steps, [item.learning_rate for item in run.history]),
            "held_out": [[row["step"], loss_of(row)] for row in run.evaluations if loss_of(row) is not None],
            "metric": metric,
            "figures": [[row["step"], row[metric]] for row in run.evaluations if metric in row],
            "lines": run.lines,
            "chance": run.chance,
            "watched": self._cards(run),
            "changes": {
                "names": names,
                "steps": [step for step, _ in kept],
                "values": [[round(values.get(name, 0.0), 6) for _, values in kept] for name in names],
            },
            "moments": [
                [item.step, round(item.step / run.steps * run.epochs, 2) if run.epochs else None]
                for item in run.moments
            ],
            "at": (self.moment if self.moment >= 0 else len(run.moments) - 1),
            "at_step": run.step if live or moment is None else moment.step,
            "devices": devices(),
            "layers": self.before.model.config.num_hidden_layers,
            "suits": self._suits(),
        }
        if self.look == "attention":
            view["attention"] = self._attention_view(run, live)
        return view

    def _cards(self, run: LiveRun) -> list[dict]:
        first = {(row["text"], row["pair"]): row for row in (run.moments[0].watched if run.moments else [])}
        cards = []
        for row in self._seen:
            before = first.get((row["text"], row["pair"]), {})
            then = dict(before.get("rows", []))
            label = (
                row.get("truth")
                if row.get("truth") in dict(row.get("rows", []))
                else (row["rows"][0][0] if row.get("rows") else None)
            )
            trace = run.traces.get(f"{row['text']}|{row['pair']}|{label}", [])
            cards.append(
                {
                    **row,
                    "then": then,
                    "said_then": before.get("said"),
                    "trace_of": label,
                    "trace": [[step, round(value, 4)] for step, value in trace[:: max(1, math.ceil(len(trace) / 80))]],
                }
            )
        return cards

    def _attention_key(self) -> tuple:
        return (self.workbench.text, self.workbench.text_pair)

    @torch.no_grad()
    def _attention(self, run: LiveRun) -> dict | None:
        """{"rows", "columns", "weights": (layers, heads, rows, columns)} of the model as it is, for the text line."""
        text, pair = self._attention_key()
        if not text.strip():
            return None
        model, tokenizer = run.model, run.tokenizer
        if isinstance(model, EncoderDecoder):
            source, target = reversal_ids(model, tokenizer, text)
            weights = model.cross_attention(source, target)
            rows, columns = target[0].tolist(), source[0].tolist()
        else:
            limit = min(SHOWN_TOKENS, model.config.max_position_embeddings)
            encoded = tokenizer(text, pair or None, truncation=True, max_length=limit, return_tensors="pt")
            device = next(model.parameters()).device
            weights = torch.stack(model.base_model(**encoded.to(device), output_attentions=True).attentions)[:, 0]
            rows = columns = encoded["input_ids"][0].tolist()
        return {
            "rows": tokenizer.convert_ids_to_tokens(rows),
            "columns": tokenizer.convert_ids_to_tokens(columns),
            "weights": weights.float().cpu(),
        }

    def _attention_view(self, run: LiveRun, live: bool) -> dict | None:
        with self.workbench.lock:
            now = self._attention(run)
            if now is None:
                return None
            if self._attention_before[0] != self._attention_key() and not live:
                present = run.weights()
                run.go_to(run.start_weights)
                self._attention_before = (self._attention_key(), self._attention(run))
                run.go_to(present)
        then = self._attention_before[1] if self._attention_before[0] == self._attention_key() else None
        layers, heads = now["weights"].shape[:2]
        layer, head = min(self.layer, layers - 1), min(self.head, heads - 1)
        shapes_agree = then is not None and then["weights"].shape == now["weights"].shape
        change = (
            ((now["weights"] - then["weights"]).abs().sum(-1) / 2).mean(-1)
            if shapes_agree
            else torch.zeros(layers, heads)
        )
        return {
            "rows": now["rows"],
            "columns": now["columns"],
            "layer": layer,
            "head": head,
            "now": quantised(now["weights"][layer, head]),
            "then": quantised(then["weights"][layer, head]) if then is not None else None,
            "then_rows": then["rows"] if then is not None else [],
            "change": [[round(float(value), 4) for value in row] for row in change],
            "cross": isinstance(run.model, EncoderDecoder),
        }

    def _invitation(self, about: dict, waits: bool) -> str:
        if waits:
            return (
                "Name a file, or paste lines: text, a tab, and the label."
                if self.dataset == "pasted"
                else "Give the path of a file to learn from."
            )
        if not about:
            return "The data cannot be used as it is."
        if self.dataset in NANO:
            return f"{about['title']} Press Start."
        guess = next(iter(about["chance"].items()), None)
        guessing_gets = f"; {guess[0]} is {guess[1]:.0f} %" if guess else ""
        return f"{about['rows']:,} examples to learn from, {about['held_out']:,} held out{guessing_gets}. Press Start."

    def _sentence(self, run: LiveRun) -> str:
        if not run.history:
            return f"{run.about['trained']:,} of {run.about['parameters']:,} weights will be trained."
        loss = sum(item.loss for item in run.history[-5:]) / len(run.history[-5:])
        name, value = next(iter(run.lines.items()), ("", None))
        said = f"Step {run.step:,} of {run.steps:,}: loss {loss:.2f}" + (
            f", knowing nothing is {value:.2f} ({name})" if value is not None else ""
        )
        metric = "masked_top5" if run.metric == "masked_loss" else run.metric
        figures = [(row["step"], row[metric]) for row in run.evaluations if metric in row]
        if self.phase in ("done", "stopped", "paused") and self.moment >= 0 and run.moments:
            step = run.moments[self.moment].step
            said = f"Back at step {step:,} of {run.step:,}"
            figures = [pair for pair in figures if pair[0] <= step]
        if figures:
            held = f"{readable(metric)} on held-out data {figures[-1][1]:.0f} %"
            said += f"; {held}" + (f", {figures[0][1]:.0f} % before" if figures[-1][0] else "")
        card = self._cards(run)[:1]
        if card and card[0].get("rows") and self.phase != "training":
            label, p = max(card[0]["rows"], key=lambda pair: pair[1])
            before = card[0]["then"].get(label)
            shown = percent(p) if run.kind != "regression" else f"{p:.2f}"
            was = (percent(before) if run.kind != "regression" else f"{before:.2f}") if before is not None else ""
            said += f". The sentence above: `{label}` {shown}" + (f", {was} before" if was else "")
        return said + ". " + run.message if run.message else said + "."

    # --- predict first

    def gate(self) -> str:
        about = self.run.about if self.run is not None else self.view.get("about", {})
        chance = next(iter((self.view.get("chance") or {}).items()), None)
        known = f" ({chance[0]} is {chance[1]:.0f} %)" if chance else ""
        held = about.get("held_out")
        return (
            f"How many of {held} held-out examples will it get right, in percent{known}?"
            if held
            else f"What accuracy will it reach, in percent{known}?"
        )

    def grade(self, guess: str) -> str:
        try:
            number = float(guess.replace("%", "").replace(",", ".").strip())
        except ValueError:
            return f"Your guess was `{guess}`; a number of percent can be graded."
        run = self.run
        metric = run and ("masked_top5" if run.metric == "masked_loss" else run.metric)
        figures = [row[metric] for row in run.evaluations if metric in row] if run is not None else []
        if not figures or self.phase in ("training", "preparing"):
            return f"Your guess: {number:.0f} %. Start, and see."
        return f"You said {number:.0f} %, it is {figures[-1]:.0f} %: {abs(number - figures[-1]):.0f} points off."

    # --- data, code, pictures

    def data(self) -> dict:
        """Tensors (steps,) "steps", "loss", "gradient_norm", "learning_rate"; "evaluations", "changes", "watched"."""
        run = self.run
        if run is None:
            return {"examples": [] if self.dataset in NANO else self.rows()}
        columns = {
            name: torch.tensor([getattr(item, attribute) for item in run.history], dtype=torch.float64)
            for name, attribute in (
                ("steps", "step"),
                ("loss", "loss"),
                ("gradient_norm", "gradient_norm"),
                ("learning_rate", "learning_rate"),
            )
        }
        return {
            **columns,
            "evaluations": list(run.evaluations),
            "changes": list(run.changes),
            "watched": list(self._seen),
        }

    def table(self) -> list[dict]:
        run = self.run
        if run is None:
            return [
                {"example": number, **example}
                for number, example in enumerate(self.view.get("about", {}).get("examples", []), start=1)
            ]
        figures = {row["step"]: row for row in run.evaluations}
        names = list(dict.fromkeys(name for row in run.evaluations for name in row if name != "step"))
        rows = [{"step": 0, "loss": None, "gradient_norm": None, "learning_rate": None}] if 0 in figures else []
        rows += [
            {
                "step": item.step,
                "loss": item.loss,
                "gradient_norm": item.gradient_norm,
                "learning_rate": item.learning_rate,
            }
            for item in run.history
        ]
        return [
            {**row, **{f"held_out_{name}": figures.get(row["step"], {}).get(name) for name in names}} for row in rows
        ]

    def static_html(self) -> str:
        run = self.run
        if run is None:
            return html_table(self.table()[:8])
        rows = [
            {"step": row["step"], **{readable(name): round(value, 3) for name, value in row.items() if name != "step"}}
            for row in run.evaluations
        ]
        cards = [
            {
                "sentence": card["text"][:80],
                "before": shown_prediction(card, "then"),
                "now": shown_prediction(card, "rows"),
            }
            for card in self._cards(run)
        ]
        return html_table(rows[:: max(1, math.ceil(len(rows) / 12))]) + html_table(cards)

    def figure(self):
        from matplotlib.figure import Figure

        view = self.view
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        for name, value in view.get("lines", {}).items():
            above.axhline(value, color="#777777", lw=0.8, ls="--")
            above.annotate(
                name,
                (1, value),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color="#555555",
            )
        if view.get("loss"):
            above.plot(*view["loss"], color="#0b62b0", lw=1, label="training")
        if view.get("held_out"):
            above.plot(*zip(*view["held_out"]), "o-", color="#d55e00", ms=3, lw=1, label="held out")
            above.legend(fontsize=7, frameon=False)
        above.set_ylabel("loss (nats)")
        above.set_ylim(bottom=0)
        for name, value in view.get("chance", {}).items():
            below.axhline(value, color="#777777", lw=0.8, ls="--")
            below.annotate(
                name,
                (1, value),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color="#555555",
            )
        if view.get("figures"):
            below.plot(*zip(*view["figures"]), "s-", color="#009e73", ms=3, lw=1)
        below.set_ylim(0, 100)
        below.set_ylabel(f"{readable(view.get('metric') or 'accuracy')} (%)")
        below.set_xlabel("step")
        above.set_title(self.answer.replace("`", ""), fontsize=8)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every look, and every moment of the run."""
        patches, run, look = {}, self.run, self.look
        if run is None or self.phase in ("training", "preparing"):
            return {}, {}
        moment = self.moment
        try:
            for name in ("layers", "attention", "curves"):
                self.look = name
                patches[f'look:"{name}"'] = {"view": self.view, "answer": self.answer}
            self.look = look
            for index in range(-1, len(run.moments)):
                self.moment = index
                patches[f"moment:{index}"] = {"view": self.view, "answer": self.answer}
        finally:
            self.look, self.moment = look, moment
        return {}, patches

    def code(self) -> str:
        run, steps = self.run, self.run.step if self.run else 0
        if self.dataset in NANO:
            options = {
                "steps": run.steps if run else self.steps or NANO_DEFAULTS[self.dataset]["steps"],
                **self.options(NANO_DEFAULTS[self.dataset]),
            }
            function = NANO[self.dataset].__name__
            lines = [
                "from itertools import islice",
                f"from bertlab.nano import {function}",
                "",
                f"nano = {function}(seed={self.seed})",
                f"records = nano.train({', '.join(f'{name}={value!r}' for name, value in options.items())})",
            ]
            return "\n".join(
                [*lines, f"result = [record.loss for record in islice(records, {steps or options['steps']})]"]
            )
        rows = self.rows() if run is None else None
        kind = run.kind if run is not None else self.kind(rows)
        options = self.options()
        total = (
            run.steps
            if run is not None
            else self.steps or self._length(len(split_rows(rows)[0]), options["batch_size"])[0]
        )
        given = f"steps={total}, keep_best=False, " + ", ".join(f"{name}={value!r}" for name, value in options.items())
        model = f"rank={self.rank}, freeze={self.freeze}, seed={self.seed}"
        source = {"file": f"list(read({self.file.strip()!r}))", "pasted": f"pasted_rows({self.pasted!r})"}.get(
            self.dataset, f"samples({self.dataset!r})"
        )
        helpers = "fresh_model, pasted_rows, split_rows" if self.dataset == "pasted" else "fresh_model, split_rows"
        lines = [
            "from itertools import islice",
            "import bertlab",
            f"from bertlab_widgets.training_run import {helpers}",
        ]
        limit = min(128, self.before.max_length)
        if kind == MASKED:
            lines += [
                "from bertlab.corpus import Corpus",
                "from bertlab.data import read, samples",
                "from bertlab.training import pretrain",
                "",
                f"lab = bertlab.load({self.before.name!r})",
                f"train, held_out = split_rows({source})",
                f"model = fresh_model(lab, None, {model})",
                "corpus = Corpus.build([[row['text']] for row in train], lab.tokenizer)",
                f"records = pretrain(model, lab.tokenizer, corpus, max_length={limit}, next_sentence=False,",
                f"                   {given})",
            ]
        else:
            lines += [
                "from bertlab.data import infer_task, read, samples",
                "from bertlab.training import finetune",
                "",
                f"lab = bertlab.load({self.before.name!r})",
                f"rows = {source}",
                f"task = infer_task({kind!r}, rows, max_length={limit})",
                f"model = fresh_model(lab, task, {model})",
                "train, held_out = split_rows(rows)",
                f"records = finetune(model, lab.tokenizer, train, task, {given})",
            ]
        return "\n".join([*lines, f"result = [record.loss for record in islice(records, {steps or total})]"])

    def caption(self) -> str:
        """As of every panel; pasted lines by their number."""
        pasted = f"pasted {self.pasted!r}"
        return super().caption().replace(pasted, f"{len(self.pasted.splitlines())} pasted lines")

    def heading_now(self) -> dict:
        heading = super().heading_now()
        return {**heading, "state": {"idle": "not trained here yet"}.get(self.phase, self.phase), "untrained": ""}
