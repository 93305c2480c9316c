"""Training on an accelerator, rehearsed on a pretend one: the same losses as on the CPU."""

import itertools

import pretend_device
import pytest
import torch
from pretend_device import moved

from bertlab import nano
from bertlab.adapters import add_lora
from bertlab.data import Corpus
from bertlab.model import heads as task_heads
from bertlab.training import evaluate, finetune, predict, pretrain
from bertlab.training.run import collated

from training_cases import reviews, stories, tiny_config, tiny_tokenizer  # isort: skip
from accelerator_cases import ROWS, TASK, assert_alike

pytestmark = pytest.mark.skipif(not pretend_device.AVAILABLE, reason="this torch takes no device written in Python")
OPTIONS = {"steps": 8, "batch_size": 6, "learning_rate": 1e-3, "precision": "float32", "dropout": 0.0}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def fresh(tokenizer, name="BertForSequenceClassification"):
    torch.manual_seed(5)
    return getattr(task_heads, name)(tiny_config(tokenizer))


def losses(records):
    return [list(record.losses.values()) for record in records]


@pytest.mark.parametrize("name", ROWS)
def test_every_kind_of_task_is_learnt_and_judged_there(accelerator, tokenizer, name):
    task, rows = ROWS[name]
    here, there = fresh(tokenizer, name), moved(fresh(tokenizer, name))
    ours = losses(finetune(there, tokenizer, rows, task, **OPTIONS, device="pretend"))
    assert_alike(ours, losses(finetune(here, tokenizer, rows, task, **OPTIONS)))
    assert next(there.parameters()).device == accelerator
    assert_alike(evaluate(there, tokenizer, rows, task), evaluate(here, tokenizer, rows, task), 1e-2)
    assert_alike(predict(there, tokenizer, rows, task), predict(here, tokenizer, rows, task), 1e-2)


def test_pretraining_happens_there(accelerator, tokenizer):
    corpus = Corpus.build(stories(20), tokenizer)
    here, there = fresh(tokenizer, "BertForPreTraining"), moved(fresh(tokenizer, "BertForPreTraining"))
    ours = losses(pretrain(there, tokenizer, corpus, **OPTIONS, max_length=30, device="pretend"))
    assert_alike(ours, losses(pretrain(here, tokenizer, corpus, **OPTIONS, max_length=30)))


@pytest.mark.parametrize("make", [lambda: nano.agreement(sentences=64), lambda: nano.reversal(pairs=64)])
def test_a_nano_model_learns_there(accelerator, make):
    here, there = make(), make()
    moved(there.model)
    options = {"steps": 3, "evaluate_every": 3, "batch_size": 8}
    assert_alike(losses(there.train(**options)), losses(here.train(**options)), 1e-3)
    assert next(there.model.parameters()).device == accelerator
    assert there.measure().keys() == here.measure().keys()


def test_lora_learns_there(accelerator, tokenizer):
    def adapted():
        return add_lora(fresh(tokenizer), rank=2, generator=torch.Generator().manual_seed(1))

    here, there = adapted(), moved(adapted())
    ours = losses(finetune(there, tokenizer, reviews(20), TASK, **OPTIONS, device="pretend"))
    assert_alike(ours, losses(finetune(here, tokenizer, reviews(20), TASK, **OPTIONS)))


@pytest.mark.parametrize("first, then", [("pretend", "cpu"), ("cpu", "pretend"), ("pretend", "pretend")])
def test_a_run_goes_on_on_another_device(accelerator, tokenizer, tmp_path, first, then):
    def model(device):
        return moved(fresh(tokenizer)) if device == "pretend" else fresh(tokenizer)

    def run(device, **options):
        rows = reviews(20)
        return finetune(model(device), tokenizer, rows, TASK, **OPTIONS, checkpoint_every=2, device=device, **options)

    expected = losses(run("cpu"))
    cut = run(first, folder=tmp_path)
    list(itertools.islice(cut, 5))
    cut.close()
    assert_alike(losses(run(then, folder=tmp_path)), expected[4:])


def test_the_next_batch_is_made_while_the_device_works(accelerator, monkeypatch):
    made, ready = [], []
    monkeypatch.setattr("bertlab.training.run.ready_to_copy", lambda batch, device: ready.append(device) or batch)

    def collate(features, number):
        made.append(number)
        return {"input_ids": torch.full((1, 2), number)}

    steps = collated(iter([[1], [2], [3]]), collate, 4, accelerator)
    assert [batch["input_ids"][0, 0].item() for _, batch in steps] == [4, 5, 6]
    assert made == [4, 5, 6] and set(ready) == {accelerator}
