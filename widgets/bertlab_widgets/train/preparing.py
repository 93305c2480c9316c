"""From the settings to a run that is ready to start: data read, model built, nothing trained yet."""

from __future__ import annotations

import math

from bertlab.data import Corpus, DataError, Task, column_of
from bertlab.lab import Lab
from bertlab.language import say
from bertlab.nano import SETTINGS as NANO
from bertlab.nano import EncoderDecoder, unigram_entropy
from bertlab.training import evaluate, evaluate_pretraining, finetune, main_metric, pretrain

from .code import lab_lines
from .plan import Plan
from .rows import MASKED, MOST_TOKENS, about_rows, about_text, guessing, split_rows
from .run import LiveRun
from .trained import trained_lab
from .watching import watch_masked, watch_reversal, watch_task
from .weights import fresh_model, sizes


def prepared(plan: Plan, lab: Lab) -> LiveRun:
    """A run ready to start. Reads the data and builds the model; trains nothing.

    Raises:
        DataError: the data does not parse; names file and line. ValueError: settings that do not fit.
    """
    if plan.nano:
        run = nano_run(plan)
    else:
        rows = plan.rows()
        kind = plan.kind(rows)
        train, held_out = split_rows(rows)
        if not train:
            raise DataError(
                say('every row of the set is held out (its column "split" says so): nothing is left to learn from')
            )
        notes = plan.notes(rows, kind)
        if kind == MASKED:
            run = masked_run(plan, lab, train, held_out)
        else:
            run = task_run(plan, lab, plan.task_of(lab, rows, kind), train, held_out)
        run.notes = notes
        task = run.name if run.task is not None else ""
        run.lab = trained_lab(lab, run.model, f"{lab.name} + {plan.task_name}", task)
        run.lab.made_by = lambda: lab_lines(plan, lab, run)
    run.plan = plan
    run.about.update(**sizes(run.model), **plan.options())
    run.about.setdefault("device", str(lab.device))
    return run


def task_run(plan: Plan, lab: Lab, task: Task, train: list, held_out: list) -> LiveRun:
    """A head for a task, fine-tuned on labelled rows."""
    steps, per_epoch = plan.length(len(train))
    model = fresh_model(lab, task, rank=plan.rank, freeze=plan.freeze, seed=plan.seed)
    records = finetune(
        model,
        lab.tokenizer,
        train,
        task,
        evaluation=held_out or None,
        steps=steps,
        evaluate_every=per_epoch,
        keep_best=False,
        **plan.options(),
    )
    lines, chance = guessing(task, train, held_out, lab.tokenizer)
    return LiveRun(
        name=plan.task_name,
        kind=task.kind,
        model=model,
        tokenizer=lab.tokenizer,
        records=records,
        steps=steps,
        epochs=steps / per_epoch,
        metric=main_metric(task),
        lines=lines,
        chance=chance,
        measure=(lambda: evaluate(model, lab.tokenizer, held_out, task)) if held_out else None,
        watch=lambda texts: watch_task(model, lab.tokenizer, task, texts, held_out or train),
        about=about_rows(train, held_out, task),
        task=task,
    )


def masked_run(plan: Plan, lab: Lab, train: list, held_out: list) -> LiveRun:
    """The masked-language-model head that is there, taught further on a text of its own."""
    corpora = [
        Corpus.build([[column_of(row, "text", str)] for row in part], lab.tokenizer) if part else None
        for part in (train, held_out)
    ]
    limit = min(MOST_TOKENS, lab.max_length)
    steps, per_epoch = plan.length(max(1, corpora[0].tokens // (limit - 2)))
    model = fresh_model(lab, None, rank=plan.rank, freeze=plan.freeze, seed=plan.seed)
    records = pretrain(
        model,
        lab.tokenizer,
        corpora[0],
        evaluation=corpora[1],
        max_length=limit,
        next_sentence=False,
        steps=steps,
        evaluate_every=per_epoch,
        keep_best=False,
        evaluation_sequences=64,
        **plan.options(),
    )

    def measure() -> dict[str, float]:
        return evaluate_pretraining(model, corpora[1], lab.tokenizer, max_length=limit, sequences=64)

    return LiveRun(
        name=plan.task_name,
        kind=MASKED,
        model=model,
        tokenizer=lab.tokenizer,
        records=records,
        steps=steps,
        epochs=steps / per_epoch,
        metric="masked_loss",
        lines={"ln V": math.log(len(lab.tokenizer)), "unigram entropy": unigram_entropy(corpora[0].ids)},
        chance={},
        measure=measure if held_out else None,
        watch=lambda texts: watch_masked(model, lab.tokenizer, texts),
        about=about_text(train, held_out),
    )


def nano_run(plan: Plan) -> LiveRun:
    """A nano model that is trained from nothing."""
    nano = NANO[plan.dataset](seed=plan.seed)
    steps = plan.planned(0)
    every = min(nano.defaults["evaluate_every"], max(1, steps // 4))
    model, tokenizer = nano.model, nano.tokenizer
    writes = isinstance(model, EncoderDecoder)
    guesses = {"chance": nano.chance.get(nano.metric, 0.0), **nano.chance} if nano.chance else {}
    run = LiveRun(
        name=nano.name,
        kind="sequence to sequence" if writes else MASKED,
        model=model,
        tokenizer=tokenizer,
        records=nano.train(steps=steps, evaluate_every=every, **plan.options()),
        steps=steps,
        epochs=None,
        metric=nano.metric,
        lines=dict(nano.lines),
        chance={name: value for name, value in guesses.items() if name not in ("letters", nano.metric)},
        measure=nano.measure,
        watch=lambda texts: (watch_reversal if writes else watch_masked)(model, tokenizer, texts),
        about=about_text([], []),
    )
    if not writes:
        run.lab = Lab(model, tokenizer, name=f"nano {nano.name}")
    return run
