"""A small run of training, as several test files start it."""

import torch

from bertlab.data import Task
from bertlab.model import heads as task_heads

from training_cases import tiny_config  # isort: skip


TASK = Task("classification", ("bad", "good"), max_length=16)


OPTIONS = {"steps": 12, "batch_size": 8, "learning_rate": 1e-3, "precision": "float32"}


def fresh(tokenizer, name="BertForSequenceClassification", **fields):
    torch.manual_seed(5)
    return getattr(task_heads, name)(tiny_config(tokenizer, **fields))


def curve(records):
    return [record.losses for record in records]


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}
