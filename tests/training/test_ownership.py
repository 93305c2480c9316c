"""What belongs to a run stays with it: its random numbers, its folder, its checkpoints; a model is as it was."""

import gc
import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from bertlab.adapters import add_lora
from bertlab.data import Corpus, Task, collate, encode
from bertlab.model import heads as task_heads
from bertlab.nano import reversal
from bertlab.training import (
    TaskObjective,
    TrainingError,
    alone_in,
    checkpoints,
    finetune,
    freeze_layers,
    pretrain,
    read_checkpoint,
    read_progress,
    vocabulary_digest,
)
from bertlab.training import resuming as resuming_module
from bertlab.training.identity import corpus_digest, encoder_digest, rows_digest

from training_cases import reviews, stories, tiny_config, tiny_tokenizer  # isort: skip

TASK = Task("classification", ("bad", "good"), max_length=16)
OPTIONS = {"steps": 8, "batch_size": 8, "learning_rate": 1e-3, "precision": "float32"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def fresh(tokenizer, name="BertForSequenceClassification", **fields):
    torch.manual_seed(5)
    return getattr(task_heads, name)(tiny_config(tokenizer, **fields))


def steps(tokenizer, model=None, rows=None, **options):
    model = fresh(tokenizer) if model is None else model
    return finetune(model, tokenizer, reviews(50) if rows is None else rows, TASK, **{**OPTIONS, **options})


def curve(records):
    return [record.loss for record in records]


def state(model):
    """Everything about a model that a run might leave changed, beside its weights."""
    return [
        (name, module.training, getattr(module, "p", None), getattr(module, "skip_padding", None), set(vars(module)))
        for name, module in model.named_modules()
    ] + [(name, parameter.requires_grad) for name, parameter in model.named_parameters()]


# -------------------------------------------------------------------------------------------- random numbers


def test_two_trainings_in_threads_repeat_the_numbers_of_each_alone(tokenizer):
    corpus = Corpus.build(stories(40), tokenizer)

    def runs():
        model = fresh(tokenizer, "BertForPreTraining", hidden_dropout_prob=0.3)
        text = pretrain(model, tokenizer, corpus, max_length=40, **{**OPTIONS, "steps": 25, "seed": 4})
        return [steps(tokenizer, steps=25), text]

    alone = [curve(run) for run in runs()]
    together = [[], []]
    threads = [
        threading.Thread(target=lambda found, run: found.extend(curve(run)), args=pair)
        for pair in zip(together, runs(), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_a_cell_that_draws_while_a_training_works_gets_the_draws_of_its_seed(tokenizer):
    expected = curve(steps(tokenizer, steps=30))
    torch.manual_seed(3)
    draws = [torch.rand(7).tolist() for _ in range(4000)]
    records, seen = steps(tokenizer, steps=30), []
    thread = threading.Thread(target=lambda: seen.extend(curve(records)))
    torch.manual_seed(3)
    thread.start()
    during = [torch.rand(7).tolist() for _ in range(4000)]
    thread.join()
    assert during == draws and seen == expected


@pytest.mark.parametrize("extra", [{}, {"freeze": 1}, {"dropout": 0.4}, {"accumulation": 2}, {"lora": 2}])
def test_no_draw_of_a_training_comes_from_the_global_numbers(tokenizer, extra, monkeypatch):
    extra = dict(extra)
    model = fresh(tokenizer)
    if extra.pop("lora", None):
        add_lora(model, rank=2, dropout=0.3, generator=torch.Generator().manual_seed(0))
    records = steps(tokenizer, model, **extra)
    before = torch.get_rng_state()

    def refuse(*_):
        raise AssertionError("the global numbers are nobody's to set")

    for name in ("set_rng_state", "manual_seed"):
        monkeypatch.setattr(torch, name, refuse)
    list(records)
    monkeypatch.undo()
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_of_the_run_is_that_of_torch_under_the_same_seed():
    from bertlab.training.arranging import Randomness

    module, x = nn.Dropout(0.3), torch.randn(5, 7, 11)
    torch.manual_seed(13)
    expected = module(x)
    assert torch.equal(Randomness(13, torch.device("cpu")).dropout(module, x), expected)
    assert Randomness(13, torch.device("cpu")).dropout(module.eval(), x) is x


# ------------------------------------------------------------------------------------------------- the model


def test_between_two_steps_a_model_is_as_it_was_but_in_eval_mode(tokenizer):
    model = fresh(tokenizer).eval()
    before = state(model)
    records = steps(tokenizer, model, freeze=1, dropout=0.5)
    next(records)
    assert state(model) == before
    records.close()
    assert state(model) == before


@pytest.mark.parametrize("mode", [True, False])
def test_interleaved_runs_on_one_model_leave_nothing_behind(tokenizer, mode):
    model = fresh(tokenizer).train(mode)
    before = state(model)
    first, second = steps(tokenizer, model, dropout=0.5, freeze=1), steps(tokenizer, model, dropout=0.2)
    next(first), next(second), next(first)
    first.close()
    next(second)
    second.close()
    assert state(model) == before


def test_a_run_that_is_thrown_away_leaves_nothing_behind(tokenizer):
    model = fresh(tokenizer)
    before = state(model)
    records = steps(tokenizer, model, dropout=0.5, freeze=2)
    next(records)
    del records
    gc.collect()
    assert state(model) == before and all(parameter.grad is None for parameter in model.parameters())


def test_an_unfinished_run_says_nothing_when_python_ends(tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch
from bertlab.data import Task
from bertlab.model import BertForSequenceClassification
from bertlab.nano import reversal
from bertlab.training import finetune
from training_cases import reviews, tiny_config, tiny_tokenizer
tokenizer = tiny_tokenizer({str(tmp_path)!r})
model = BertForSequenceClassification(tiny_config(tokenizer))
task = Task("classification", ("bad", "good"), max_length=16)
steps = finetune(model, tokenizer, reviews(30), task, steps=50, dropout=0.2, freeze=1, folder={str(tmp_path)!r})
next(steps), next(steps)
nano = reversal()
others = nano.train()
next(others)
for record in nano.train():
    break
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


# ------------------------------------------------------------------------------------------------ the folder


def test_another_data_set_base_or_vocabulary_is_not_the_run_of_the_folder(tokenizer, tmp_path):
    list(itertools.islice(steps(tokenizer, folder=tmp_path, checkpoint_every=1), 3))
    turned = [{**row, "label": 1 - row["label"]} for row in reviews(50)]
    with pytest.raises(TrainingError, match="made with other training data: .* which came to step 3"):
        next(steps(tokenizer, rows=turned, folder=tmp_path))
    other = fresh(tokenizer)
    other.bert.encoder.layer[0].output.dense.weight.data[1, 2] += 1e-4
    with pytest.raises(TrainingError, match="made with another model to start from"):
        next(steps(tokenizer, other, folder=tmp_path))
    assert next(steps(tokenizer, folder=tmp_path)).step == 4


def test_a_run_whose_checkpoints_say_nothing_of_its_data_goes_on(tokenizer, tmp_path):
    list(itertools.islice(steps(tokenizer, folder=tmp_path, checkpoint_every=1), 3))
    for path in checkpoints(tmp_path):
        progress = json.loads((path / "progress.json").read_text())
        del progress["origin"], progress["minutes"]
        (path / "progress.json").write_text(json.dumps(progress))
    assert next(steps(tokenizer, folder=tmp_path)).step == 4


def test_the_very_model_of_a_run_that_was_stopped_goes_on(tokenizer, tmp_path):
    model = fresh(tokenizer)
    list(itertools.islice(steps(tokenizer, model, folder=tmp_path, checkpoint_every=2), 3))
    assert next(steps(tokenizer, model, folder=tmp_path)).step == 3
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight += 0.1
    with pytest.raises(TrainingError, match="another model to start from"):
        next(steps(tokenizer, model, folder=tmp_path))


def test_a_finished_run_warns_that_nothing_is_trained(tokenizer, tmp_path):
    trained = fresh(tokenizer)
    list(steps(tokenizer, trained, folder=tmp_path))
    model = fresh(tokenizer)
    with pytest.warns(UserWarning, match=r"has finished already \(step 8\), so nothing is trained"):
        assert list(steps(tokenizer, model, folder=tmp_path)) == []
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), trained.parameters(), strict=True))


def test_a_run_by_the_clock_that_has_finished_says_so_too(tokenizer, tmp_path):
    options = {"steps": None, "minutes": 0.003, "folder": tmp_path}
    list(steps(tokenizer, **options))
    with pytest.warns(UserWarning, match="has finished already"):
        assert list(steps(tokenizer, **options)) == []


def test_starting_anew_keeps_the_new_checkpoints_and_puts_the_old_aside(tokenizer, tmp_path):
    list(steps(tokenizer, steps=12, folder=tmp_path, checkpoint_every=2))
    anew = steps(tokenizer, rows=reviews(50, seed=9), folder=tmp_path, checkpoint_every=2, resume=False)
    list(itertools.islice(anew, 5))
    anew.close()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000002", "checkpoint-00000004"]
    assert len(checkpoints(tmp_path / "former-1")) == 2
    assert next(steps(tokenizer, rows=reviews(50, seed=9), folder=tmp_path)).step == 5


@pytest.mark.parametrize("name", ["checkpoint-best", "checkpoint-00000004 (copy)", "checkpoint-final", "checkpoint-9"])
def test_copies_of_checkpoints_under_other_names_are_left_alone(name, tokenizer, tmp_path):
    import shutil

    list(itertools.islice(steps(tokenizer, folder=tmp_path, checkpoint_every=2), 2))
    shutil.copytree(checkpoints(tmp_path)[0], tmp_path / name)
    records = list(itertools.islice(steps(tokenizer, folder=tmp_path, checkpoint_every=2), 5))
    assert records[0].step == 3
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000004", "checkpoint-00000006"]
    assert (tmp_path / name).is_dir()
    assert read_progress(tmp_path)["step"] == 6


DAMAGES = ["", "{", "[]", "{}", '{"step": "many"}', "null", '{"step": 4, "seconds": 1, "finished": false, "best": 3}']


@pytest.mark.parametrize("content", DAMAGES)
def test_a_damaged_progress_falls_back_and_never_costs_a_good_checkpoint(content, tokenizer, tmp_path):
    list(itertools.islice(steps(tokenizer, folder=tmp_path, checkpoint_every=2), 5))
    (checkpoints(tmp_path)[-1] / "progress.json").write_text(content)
    with pytest.raises(ValueError, match="progress.json"):
        read_progress(tmp_path)
    with pytest.warns(UserWarning, match="checkpoint-00000004 is damaged"):
        records = list(itertools.islice(steps(tokenizer, folder=tmp_path, keep=1, checkpoint_every=3), 1))
    assert records[0].step == 3
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000003"]
    assert (tmp_path / "damaged-1" / "checkpoint-00000004").is_dir()


def test_one_run_at_a_time_works_in_a_folder(tokenizer, tmp_path):
    with alone_in(tmp_path), pytest.raises(TrainingError, match="another run of this process is at work"):
        next(steps(tokenizer, folder=tmp_path))
    waiting = steps(tokenizer, folder=tmp_path, checkpoint_every=1)
    next(waiting)
    later = steps(tokenizer, folder=tmp_path, checkpoint_every=1)
    assert next(later).step == 2, "as a cell that is run again"
    with pytest.raises(TrainingError, match="another run has taken .* over since"):
        next(waiting)
    assert next(later).step == 3


def test_a_run_that_is_asked_to_end_saves_first(tokenizer, tmp_path):
    expected = curve(steps(tokenizer))
    records = steps(tokenizer, folder=tmp_path, checkpoint_every=100)
    next(records), next(records)
    with pytest.raises(StopIteration):
        records.send(True)
    assert read_progress(tmp_path)["step"] == 2
    assert curve(steps(tokenizer, folder=tmp_path)) == expected[2:]


# -------------------------------------------------------------------------------------------- when it goes wrong


def test_too_little_memory_for_a_checkpoint_is_said(tokenizer, tmp_path, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    records = steps(tokenizer, folder=tmp_path, checkpoint_every=2)
    next(records), next(records), next(records)
    monkeypatch.setattr(resuming_module.torch, "save", no_memory)
    with pytest.raises(TrainingError, match="step 4 was not saved in .* not enough memory to pack it; the last good"):
        next(records)
    monkeypatch.undo()
    assert read_checkpoint(tmp_path)[2]["step"] == 2


def test_the_advice_about_numbers_that_are_none_does_not_lead_there_again(tokenizer, tmp_path):
    records = steps(tokenizer, folder=tmp_path, learning_rate=1e38, warmup=0.0, clip=None, checkpoint_every=1)
    with pytest.raises(TrainingError) as caught:
        list(records)
    advice = str(caught.value)
    assert "start anew with a lower learning rate (now 1e+38)" in advice and "resume=False (--no-resume)" in advice
    assert "to go on from it" not in advice
    assert checkpoints(tmp_path) == [], "weights that are no numbers are not kept"
    assert next(steps(tokenizer, folder=tmp_path, resume=False)).step == 1


def test_weights_that_are_no_numbers_are_named(tokenizer):
    model = fresh(tokenizer)
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.bias[3] = float("nan")
    with pytest.raises(TrainingError, match="layer.1.output.dense.bias held values that are not numbers from"):
        next(steps(tokenizer, model))


@pytest.mark.parametrize("rate", [0, 0.0, -0.1, 1.2, float("nan")])
def test_a_share_of_no_tokens_is_refused(rate, tokenizer):
    with pytest.raises(ValueError, match="mask_rate is .* above 0 and at most 1"):
        pretrain(
            fresh(tokenizer, "BertForPreTraining"), tokenizer, [[[5], [6]]], steps=1, max_length=30, mask_rate=rate
        )


# ------------------------------------------------------------------------------------------------- digests


def test_digests_tell_what_differs_and_nothing_else(tokenizer, tmp_path):
    rows = reviews(9)
    assert rows_digest(rows) == rows_digest([dict(reversed(row.items())) for row in reviews(9)])
    assert rows_digest(rows) != rows_digest(rows[::-1]) != rows_digest(rows[:-1])
    texts = Corpus.build(stories(5), tokenizer)
    assert corpus_digest(texts) == corpus_digest(Corpus.build(stories(5), tokenizer, tmp_path / "corpus"))
    assert corpus_digest(texts) != corpus_digest(Corpus.build(stories(5)[::-1], tokenizer))
    assert corpus_digest([[[1, 2], [3]]]) != corpus_digest([[[1], [2, 3]]]) != corpus_digest([[[1]], [[2, 3]]])
    model = fresh(tokenizer)
    before = encoder_digest(model)
    add_lora(model, rank=2)
    model.classifier.weight.data += 1
    assert encoder_digest(model) == before
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "vocab.txt"
    from training_cases import vocabulary_file

    words = vocabulary_file(tmp_path).read_text().split("\n")
    words[10], words[11] = words[11], words[10]
    path.write_text("\n".join(words))
    from bertlab.tokenizer import BertTokenizerFast

    cased = BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"), do_lower_case=False)
    digests = {vocabulary_digest(one) for one in (tokenizer, BertTokenizerFast(vocab_file=str(path)), cased)}
    assert len(digests) == 3


def test_a_nano_model_keeps_its_numbers_whatever_another_thread_draws():
    expected = curve(reversal().train(steps=6))
    records, seen = reversal().train(steps=6), []
    thread = threading.Thread(target=lambda: seen.extend(curve(records)))
    thread.start()
    while thread.is_alive():
        torch.rand(100)
    assert seen == expected


@pytest.mark.parametrize("freeze", [None, 1])
def test_a_step_computes_to_the_bit_what_the_model_computes_under_the_seed_of_the_run(tokenizer, freeze):
    rows = reviews(1) * 8  # in whatever order
    first = next(steps(tokenizer, rows=rows, seed=11, freeze=freeze))
    model = fresh(tokenizer).train()
    model.base_model.skip_padding = True
    batch = collate(encode(rows, TASK, tokenizer), TASK, tokenizer.pad_token_id)
    if freeze is not None:
        freeze_layers(model, freeze)
    torch.manual_seed(11)
    assert first.loss == float(TaskObjective(model, TASK)(batch)["classification"].detach() / 8)


def test_training_does_not_import_the_compiler_and_lets_go_of_its_memory(tokenizer, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from bertlab.data import Task
from bertlab.model import BertForSequenceClassification
from bertlab.training import finetune
from training_cases import reviews, tiny_config, tiny_tokenizer
tokenizer = tiny_tokenizer({str(tmp_path)!r})
model = BertForSequenceClassification(tiny_config(tokenizer))
task = Task("classification", ("bad", "good"), max_length=16)
list(finetune(model, tokenizer, reviews(30), task, steps=2))
assert all(parameter.grad is None for parameter in model.parameters())
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
