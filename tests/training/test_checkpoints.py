"""A run that was cut off goes on to the same numbers."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from bertlab.adapters import add_lora, load_adapter, save_adapter
from bertlab.training import (
    TrainingError,
    finetune,
    join_streams,
    pretrain,
    pretraining_stream,
    task_stream,
    train_jointly,
)
from bertlab.training.resuming import checkpoints

from training_cases import reviews  # isort: skip
from run_cases import OPTIONS, TASK, curve, fresh, weights


@pytest.mark.parametrize("lora", [False, True])
def test_a_run_that_was_cut_off_resumes_to_the_same_numbers(tokenizer, tmp_path, lora):
    def model():
        built = fresh(tokenizer)
        return add_lora(built, rank=2, generator=torch.Generator().manual_seed(0)) if lora else built

    options = {**OPTIONS, "evaluation": reviews(20, seed=1), "evaluate_every": 3, "checkpoint_every": 4}
    whole = model()
    expected = curve(finetune(whole, tokenizer, reviews(50), TASK, **options))
    cut = finetune(model(), tokenizer, reviews(50), TASK, folder=tmp_path, **options)
    list(itertools.islice(cut, 6))
    cut.close()
    resumed = model()
    records = list(finetune(resumed, tokenizer, reviews(50), TASK, folder=tmp_path, **options))
    assert [record.step for record in records] == list(range(5, 13))
    assert curve(records) == expected[4:]
    for name, value in weights(whole).items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert list(finetune(model(), tokenizer, reviews(50), TASK, folder=tmp_path, **options)) == []


def test_pretraining_resumes_to_the_same_numbers(tokenizer, corpus, tmp_path):
    options = {**OPTIONS, "max_length": 30, "checkpoint_every": 5}
    expected = curve(pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, **options))
    cut = pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, folder=tmp_path, **options)
    list(itertools.islice(cut, 8))
    cut.close()
    resumed = pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, folder=tmp_path, **options)
    assert curve(resumed) == expected[5:]


@pytest.fixture(scope="module")
def adapter(tokenizer, tmp_path_factory):
    """The folder of a LoRA adapter that has learnt nothing yet."""
    model = add_lora(fresh(tokenizer), rank=2, generator=torch.Generator().manual_seed(0))
    return save_adapter(model, tmp_path_factory.mktemp("adapter"), task="reviews", base="a tiny one")


def joint(tokenizer, corpus, adapter, **settings):
    """A base and a LoRA member on its encoder, learning text and reviews; returns both and the generator of steps."""
    base = fresh(tokenizer, "BertForPreTraining")
    member = load_adapter(adapter, base, share=True, check_base=False)
    base.requires_grad_(True)
    streams = {
        "text": pretraining_stream(base, tokenizer, corpus, max_length=30, batch_size=6),
        "reviews": task_stream(member, tokenizer, reviews(50), TASK, batch_size=8)[0],
    }
    options = {**OPTIONS, **settings}
    return base, member, train_jointly(base, {"reviews": member}, streams, {"text": 1, "reviews": 2}, **options)


def test_streams_take_turns_on_one_encoder(tokenizer, corpus, adapter):
    base, member, steps = joint(tokenizer, corpus, adapter, steps=40, learning_rate=3e-3, dropout=0.0)
    before = base.bert.encoder.layer[0].output.dense.weight.clone()
    records = list(steps)
    kinds = [set(record.losses) for record in records]
    text, task = {"text/masked", "text/next_sentence"}, {"reviews/classification"}
    assert all(kind in (text, task) for kind in kinds)
    assert 0.5 < kinds.count(task) / len(kinds) < 0.85
    own = [record.loss for record in records if set(record.losses) == task]
    assert np.mean(own[-4:]) < 0.8 * np.mean(own[:4])
    assert not torch.equal(base.bert.encoder.layer[0].output.dense.weight, before)
    assert member.bert.encoder.layer[0].output.dense.weight is base.bert.encoder.layer[0].output.dense.weight
    assert member.bert.encoder.layer[0].output.dense.lora_B.abs().sum() > 0


def test_a_joint_run_that_was_cut_off_resumes_to_the_same_numbers(tokenizer, corpus, adapter, tmp_path):
    whole, _, steps = joint(tokenizer, corpus, adapter)
    expected = curve(steps)
    _, _, cut = joint(tokenizer, corpus, adapter, folder=tmp_path, checkpoint_every=5)
    list(itertools.islice(cut, 8))
    cut.close()
    resumed, _, steps = joint(tokenizer, corpus, adapter, folder=tmp_path, checkpoint_every=5)
    assert curve(steps) == expected[5:]
    for name, value in weights(whole).items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("shares", [{"text": 1}, {"text": 1, "reviews": 0}])
def test_streams_are_joined_with_a_share_above_0_for_each(tokenizer, corpus, shares):
    streams = {
        "text": pretraining_stream(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, max_length=30),
        "reviews": task_stream(fresh(tokenizer), tokenizer, reviews(10), TASK)[0],
    }
    with pytest.raises(ValueError, match="shares"):
        join_streams(streams, shares)


def test_a_joint_run_has_no_epochs(tokenizer, corpus, adapter):
    with pytest.raises(ValueError, match="give steps or minutes"):
        joint(tokenizer, corpus, adapter, steps=None, epochs=1)


def test_only_the_last_checkpoints_are_kept(tokenizer, tmp_path):
    list(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=2, **OPTIONS))
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000010", "checkpoint-00000012"]


def test_other_settings_do_not_resume_silently(tokenizer, tmp_path):
    list(itertools.islice(
        finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=1, **OPTIONS), 2
    ))  # fmt: skip
    with pytest.raises(TrainingError, match="made with learning_rate=0.001, now it is 0.1"):
        next(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path,
                      **{**OPTIONS, "learning_rate": 0.1}))  # fmt: skip
    with pytest.raises(TrainingError, match="another model"):
        next(finetune(fresh(tokenizer, intermediate_size=30), tokenizer, reviews(50), TASK, folder=tmp_path, **OPTIONS))
    first = next(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, resume=False, **OPTIONS))
    assert first.step == 1


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tokenizer, tmp_path):
    steps = finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, checkpoint_every=2, **OPTIONS)
    list(itertools.islice(steps, 5))
    newest = checkpoints(tmp_path)[-1]
    (newest / "model.safetensors").write_bytes(b"half")
    with pytest.warns(UserWarning, match="damaged"):
        record = next(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path, **OPTIONS))
    assert record.step == 3


KILLED = """
import sys; sys.path[:0] = {tests!r}
from bertlab.training import finetune
from run_cases import OPTIONS, TASK, fresh
from training_cases import reviews, tiny_tokenizer
tokenizer = tiny_tokenizer(sys.argv[1])
for record in finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=sys.argv[2], checkpoint_every=1,
                       **{{**OPTIONS, "steps": 100000}}):
    pass
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX thing")
def test_kill_9_leaves_a_checkpoint_to_go_on_from(tokenizer, tmp_path):
    code = KILLED.format(tests=[str(Path(__file__).parents[1])])
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "run")], cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not len(checkpoints(tmp_path / "run")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    options = {**OPTIONS, "steps": 100000}
    last = int(checkpoints(tmp_path / "run")[-1].name.rpartition("-")[2])
    uncut = itertools.islice(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **options), last, last + 3)
    resumed = finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=tmp_path / "run", **options)
    assert curve(itertools.islice(resumed, 3)) == curve(uncut)
