"""Training as a generator of steps: `finetune` for tasks, `pretrain` for masked words and next sentences.

    for record in finetune(model, tokenizer, rows, task, steps=200, learning_rate=1e-4):
        print(record.step, record.loss)

`train_jointly` does both at once, for models that share one encoder. Each `next()` does one optimiser step. To stop,
pull no more. Between two steps the model is in eval mode and may be used, and torch's global random numbers are
nobody's business but the caller's. Read `finetune` first, then `run`, which is the loop.
"""

from __future__ import annotations

from bertlab.tasks import qa_answers
from bertlab.training.evaluation import check_fit, evaluate, main_metric, predict
from bertlab.training.finetune import finetune, task_stream
from bertlab.training.held_out import evaluate_pretraining, mask_batch, sequence_accuracy
from bertlab.training.identity import vocabulary_digest
from bertlab.training.jointly import SharedEncoder, join_streams, train_jointly
from bertlab.training.locking import alone_in
from bertlab.training.objectives import PretrainingObjective, SequenceObjective, TaskObjective, gather_masked
from bertlab.training.optimizer import freeze_layers
from bertlab.training.pretrain import pretrain, pretraining_stream
from bertlab.training.resuming import checkpoints, read_checkpoint, read_progress
from bertlab.training.run import Run
from bertlab.training.settings import Settings, StepRecord, TrainingError
from bertlab.training.streams import Stream

__all__ = [
    "PretrainingObjective", "Run", "SequenceObjective", "Settings", "SharedEncoder", "StepRecord", "Stream",
    "TaskObjective", "TrainingError", "alone_in", "check_fit", "checkpoints", "evaluate", "evaluate_pretraining",
    "finetune", "freeze_layers", "gather_masked", "join_streams", "main_metric", "mask_batch", "predict", "pretrain",
    "pretraining_stream", "qa_answers", "read_checkpoint", "read_progress", "sequence_accuracy", "task_stream",
    "train_jointly", "vocabulary_digest",
]  # fmt: skip
