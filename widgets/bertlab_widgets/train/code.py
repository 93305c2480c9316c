"""A plan as lines of Python that train the same way."""

from __future__ import annotations

from bertlab.lab import Lab
from bertlab.nano import SETTINGS as NANO

from ..workbench import lab_code
from .plan import Plan
from .rows import MASKED, MOST_TOKENS, split_rows
from .run import LiveRun


def lab_lines(plan: Plan, lab: Lab, run: LiveRun) -> list[str]:
    """Lines that train the same model again, as far as it is shown, and leave a lab of it in `lab`."""
    step = run.shown_step
    lines = training_lines(plan, lab, taken=step, total=run.steps).splitlines()
    task = run.name if run.task is not None else ""
    if not step:  # before the first step
        lines[-2:] = []
    return [
        *lines,
        "from bertlab_widgets.train import trained_lab",
        f"lab = trained_lab(lab, model, {run.lab.name!r}, {task!r})",
    ]


def training_lines(plan: Plan, lab: Lab, taken: int = 0, total: int = 0) -> str:
    """Lines that train the same way and leave the losses of the first `taken` of `total` steps in `result`."""
    total = total or plan.planned(0 if plan.nano else len(split_rows(plan.rows())[0]))
    last = f"result = [record.loss for record in islice(records, {taken or total})]"
    options = [f"{name}={value!r}" for name, value in plan.options().items()]
    if plan.nano:
        function = NANO[plan.dataset].__name__
        return "\n".join(
            [
                "from itertools import islice",
                f"from bertlab.nano import {function}",
                "",
                f"nano = {function}(seed={plan.seed})",
                f"records = nano.train({', '.join([f'steps={total}', *options])})",
                last,
                "records.close()",
            ]
        )
    given = ", ".join([f"steps={total}", "keep_best=False", *options])
    drawn = f"rank={plan.rank}, freeze={plan.freeze}, seed={plan.seed}"
    columns = f", columns={plan.named_columns()!r}" if plan.columns.strip() else ""
    sources = {"file": f"list(read({plan.file.strip()!r}{columns}))", "pasted": f"pasted_rows({plan.pasted!r})"}
    source = sources.get(plan.dataset, f"samples({plan.dataset!r})")
    helpers = "fresh_model, pasted_rows, split_rows" if plan.dataset == "pasted" else "fresh_model, split_rows"
    limit, kind = min(MOST_TOKENS, lab.max_length), plan.kind(plan.rows())
    lines = [
        "from itertools import islice",
        "import bertlab",
        f"from bertlab_widgets.train import {helpers}",
    ]
    if kind == MASKED:
        lines += [
            "from bertlab.data import Corpus",
            "from bertlab.data import read, samples",
            "from bertlab.training import pretrain",
            "",
            lab_code(lab)[-1],
            f"train, held_out = split_rows({source})",
            f"model = fresh_model(lab, None, {drawn})",
            "corpus = Corpus.build([[row['text']] for row in train], lab.tokenizer)",
            f"records = pretrain(model, lab.tokenizer, corpus, max_length={limit}, next_sentence=False,",
            f"                   {given})",
        ]
    else:
        lines += [
            "from bertlab.data import infer_task, read, samples",
            "from bertlab.training import finetune",
            "",
            lab_code(lab)[-1],
            f"rows = {source}",
            f"task = infer_task({kind!r}, rows, max_length={limit})",
            f"model = fresh_model(lab, task, {drawn})",
            "train, held_out = split_rows(rows)",
            f"records = finetune(model, lab.tokenizer, train, task, {given})",
        ]
    return "\n".join([*lines, last, "records.close()"])
