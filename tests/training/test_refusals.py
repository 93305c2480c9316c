"""When things go wrong in training, it is said, and nothing is lost."""

import errno
from pathlib import Path

import pytest
import torch

from bertlab.data import DataError, Task
from bertlab.training import (
    Settings,
    TrainingError,
    finetune,
    pretrain,
)
from bertlab.training.resuming import checkpoints

from training_cases import reviews  # isort: skip
from run_cases import OPTIONS, TASK, fresh, weights


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(tokenizer, tmp_path, monkeypatch):
    from bertlab.training import resuming as module

    written = module._write

    def full_after_step_4(path, content):
        if "00000006" in str(path) and path.name == "state.pt":
            path.write_bytes(bytes(content)[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        written(path, content)

    monkeypatch.setattr(module, "_write", full_after_step_4)
    steps = finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=2, **OPTIONS)
    with pytest.raises(TrainingError, match="step 6 was not saved .* the disk is full; the last good checkpoint is"):
        list(steps)
    assert checkpoints(tmp_path)[-1].name == "checkpoint-00000004"
    assert not [path for path in tmp_path.iterdir() if "00000006" in path.name]
    monkeypatch.undo()
    assert next(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, **OPTIONS)).step == 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a system with /dev/full")
def test_a_disk_that_really_is_full_is_noticed(tokenizer, tmp_path, monkeypatch):
    from bertlab.training import resuming as module

    monkeypatch.setattr(module, "open", lambda path, mode: open("/dev/full", mode), raising=False)
    with pytest.raises(TrainingError, match="the disk is full; there is no checkpoint yet"):
        list(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=1, **OPTIONS))


def test_a_loss_that_is_no_number_stops_before_the_weights_change(tokenizer, tmp_path):
    model = fresh(tokenizer)
    steps = finetune(model, tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=1, **OPTIONS)
    next(steps), next(steps)
    good = weights(model)
    with torch.no_grad():
        model.classifier.bias[0] = float("nan")
    with pytest.raises(TrainingError, match=r"the loss became not a number at step 3, .*checkpoint-00000002"):
        next(steps)
    assert torch.equal(model.classifier.weight, good["classifier.weight"])
    assert checkpoints(tmp_path)[-1].name == "checkpoint-00000002"


def test_too_little_memory_is_said_with_a_way_out(tokenizer, tmp_path, monkeypatch):
    model = fresh(tokenizer)
    steps = finetune(model, tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=1, **OPTIONS)
    next(steps)

    def no_memory(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(model.classifier, "forward", no_memory)
    with pytest.raises(TrainingError, match=r"batch of step 2 did not fit .* accumulation=2 .* last good checkpoint"):
        next(steps)


def test_mistakes_are_refused_before_anything_happens(tokenizer):
    model = fresh(tokenizer)

    def start(rows=None, task=TASK, **settings):
        next(finetune(model, tokenizer, reviews(9) if rows is None else rows, task, **settings))

    with pytest.raises(ValueError, match="no length given: give one of steps, epochs or minutes"):
        start()
    with pytest.raises(ValueError, match="steps and epochs given"):
        start(steps=1, epochs=1)
    with pytest.raises(LookupError, match="no setting 'learning_rat'; did you mean learning_rate"):
        start(steps=1, learning_rat=1)
    with pytest.raises(ValueError, match="batch_size is 0"):
        start(steps=1, batch_size=0)
    with pytest.raises(ValueError, match="schedule is 'step', but it must be one of linear"):
        start(steps=1, schedule="step")
    with pytest.raises(TypeError, match="tagging is the task of a BertForTokenClassification"):
        start(task=Task("tagging", ("a", "b")), steps=1)
    with pytest.raises(ValueError, match="the task has 3 label.* but the model 2"):
        start(task=Task("classification", ("a", "b", "c")), steps=1)
    with pytest.raises(ValueError, match="max_length is 128, but the model has positions for 64"):
        start(task=Task("classification", ("a", "b")), steps=1)
    with pytest.raises(ValueError, match="freeze is 3, but the model has 2 layers"):
        start(steps=1, freeze=3)
    with pytest.raises(DataError, match="empty"):
        start(rows=[], steps=1)
    with pytest.raises(ValueError, match="patience is 2, but nothing says what is better"):
        start(steps=1, patience=2)
    with pytest.raises(TypeError, match="BertForPreTraining"):
        pretrain(model, tokenizer, [], steps=1)
    with pytest.raises(ValueError, match="max_length is 4, but a pair"):
        pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, [[[5], [6]]], steps=1, max_length=4)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"steps": "many"}, "steps is 'many', but it must be a number"),
        ({"steps": True}, "steps is True, but it must be a number"),
        ({"steps": float("nan")}, "steps is nan, but a run is longer than nothing"),
        ({"steps": 1, "learning_rate": None}, "learning_rate is None, but it must be a number"),
        ({"steps": 1, "weight_decay": float("nan")}, "weight_decay is nan"),
        ({"steps": 1, "seed": "x"}, "seed is 'x', but it must be a number"),
        ({"steps": 1, "resume": "no"}, "resume is 'no', but it must be true or false"),
        ({"steps": 1, "betas": 0.9}, "betas is 0.9, but it must be a list of numbers"),
        ({"steps": 1, "betas": [0.9, 1.0]}, "betas are .0.9, 1.0., but they are two numbers"),
        ({"steps": 1, "betas": [0.9]}, "but they are two numbers"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Settings.from_dict(settings)
