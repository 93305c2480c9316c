"""finetune and pretrain: they learn, repeat, resume, stop, and say what goes wrong."""

import errno
import itertools
import json
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
from bertlab.data import KINDS, Corpus, DataError, Task, collate, encode
from bertlab.model import heads as task_heads
from bertlab.training import (
    Settings,
    TrainingError,
    evaluate,
    finetune,
    join_streams,
    predict,
    pretrain,
    pretraining_stream,
    qa_answers,
    task_stream,
    train_jointly,
)
from bertlab.training.held_out import evaluate_pretraining
from bertlab.training.objectives import TaskObjective
from bertlab.training.optimizer import choose_precision, parameter_groups, rate_factor
from bertlab.training.resuming import checkpoints
from bertlab.training.run import collated

from training_cases import reviews, stories, tiny_config, tiny_tokenizer  # isort: skip

TASK = Task("classification", ("bad", "good"), max_length=16)
OPTIONS = {"steps": 12, "batch_size": 8, "learning_rate": 1e-3, "precision": "float32"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="module")
def corpus(tokenizer):
    return Corpus.build(stories(40), tokenizer)


def fresh(tokenizer, name="BertForSequenceClassification", **fields):
    torch.manual_seed(5)
    return getattr(task_heads, name)(tiny_config(tokenizer, **fields))


def curve(records):
    return [record.losses for record in records]


# -------------------------------------------------------------------------------------------------- it learns


def test_finetuning_learns_a_task(tokenizer):
    model = fresh(tokenizer)
    records = list(
        finetune(model, tokenizer, reviews(200), TASK, evaluation=reviews(60, seed=1), epochs=8, batch_size=16,
                 learning_rate=5e-3, precision="float32")
    )  # fmt: skip
    assert [record.step for record in records] == list(range(1, 105))
    assert records[-1].evaluation["accuracy"] > 95
    assert records[-1].loss < records[0].loss / 2
    assert records[-1].progress == 1.0 and all(record.tokens_per_second > 0 for record in records)


def test_an_adapter_learns_while_its_base_stays(tokenizer):
    model = fresh(tokenizer)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    add_lora(model, rank=4, generator=torch.Generator().manual_seed(0))
    options = {**OPTIONS, "steps": 80, "batch_size": 16, "learning_rate": 1e-2, "dropout": 0.0}
    records = list(finetune(model, tokenizer, reviews(200), TASK, **options))
    assert records[-1].loss < 0.1
    for name, value in before.items():
        assert torch.equal(model.state_dict()[name], value) != ("classifier" in name or "pooler" in name), name


def test_pretraining_lowers_both_losses(tokenizer, corpus):
    model = fresh(tokenizer, "BertForPreTraining")
    options = {**OPTIONS, "steps": 60, "learning_rate": 5e-3}
    records = list(pretrain(model, tokenizer, corpus, max_length=40, evaluation=corpus, **options))
    assert set(records[0].losses) == {"masked", "next_sentence"}
    mean = {name: np.mean([record.losses["masked"] for record in part]) for name, part in
            (("first", records[:5]), ("last", records[-5:]))}  # fmt: skip
    assert mean["last"] < 0.75 * mean["first"]
    assert set(records[-1].evaluation) == {"masked_loss", "masked_top1", "masked_top5", "next_sentence_accuracy"}


def test_masked_words_alone_and_whole_words(tokenizer, corpus):
    model = fresh(tokenizer, "BertForPreTraining")
    before = model.bert.pooler.dense.weight.clone()
    records = list(pretrain(model, tokenizer, corpus, next_sentence=False, whole_words=True, max_length=30, **OPTIONS))
    assert set(records[0].losses) == {"masked"}
    assert torch.equal(model.bert.pooler.dense.weight, before)


ROWS = {
    "classification": ([{"text": "good film", "label": 1}, {"text": "bad", "label": 0}], ("bad", "good")),
    "regression": ([{"text": "good film", "label": 4.5}, {"text": "bad", "pair": "book", "label": 1}], ()),
    "multilabel": ([{"text": "good film", "label": [0, 2]}, {"text": "bad", "label": []}], ("a", "b", "c")),
    "tagging": ([{"tokens": ["anna", "saw", "it"], "tags": [1, 0, 0]},
                 {"tokens": ["rome"], "tags": [1]}], ("O", "B-X")),
    "choice": ([{"prompt": "the", "endings": ["film was", "a"], "label": 0}] * 2, ()),
    "qa": ([{"question": "who ?", "context": "anna saw it", "answers": [{"text": "anna", "answer_start": 0}]},
            {"question": "what ?", "context": "rome", "answers": []}], ()),
    "next_sentence": ([{"text": "the film", "pair": "was good", "label": 0},
                       {"text": "a", "pair": "b", "label": 1}], ()),
    "causal": ([{"text": "the film was good"}, {"text": "we saw"}], ()),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_objective_of_every_kind_is_the_models_own_loss(tokenizer, kind):
    rows, labels = ROWS[kind]
    task = Task(kind, labels, max_length=16)
    model = fresh(tokenizer, task.model_class, **task.config()).eval()
    batch = collate(encode(rows, task, tokenizer), task, tokenizer.pad_token_id)
    objective = TaskObjective(model, task)
    mean = objective(batch)[kind] / objective.counts(batch)[kind]
    torch.testing.assert_close(mean, model(**batch).loss, rtol=1e-5, atol=1e-6)


def test_probabilities_instead_of_a_label_weigh_its_losses_and_are_learnt(tokenizer):
    model = fresh(tokenizer, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **TASK.config()).eval()

    def loss(*labels):
        rows = [{"text": "good film", "label": label} for label in labels]
        batch = collate(encode(rows, TASK, tokenizer), TASK, tokenizer.pad_token_id)
        return TaskObjective(model, TASK)(batch)["classification"]

    torch.testing.assert_close(loss([0.2, 0.8], "bad"), 0.2 * loss(0) + 0.8 * loss(1) + loss(0))
    judged = [{"text": "good film", "label": [0.3, 0.7]}, {"text": "bad", "label": [0.9, 0.1]}]
    list(finetune(model, tokenizer, judged, TASK, **{**OPTIONS, "steps": 80, "learning_rate": 1e-2}))
    np.testing.assert_allclose(predict(model, tokenizer, judged, TASK), [[0.3, 0.7], [0.9, 0.1]], atol=0.05)
    assert evaluate(model, tokenizer, judged, TASK)["accuracy"] == 100.0  # by the likeliest label


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_trains_and_is_evaluated(tokenizer, kind):
    rows, labels = ROWS[kind]
    task = Task(kind, labels, max_length=16)
    model = fresh(tokenizer, task.model_class, hidden_dropout_prob=0.0, **task.config())
    options = {**OPTIONS, "steps": 25, "batch_size": 2, "learning_rate": 1e-2}
    records = list(finetune(model, tokenizer, rows, task, evaluation=rows, **options))
    assert records[-1].loss < records[0].loss
    assert records[-1].evaluation["loss"] < records[0].loss
    if kind == "causal":
        with pytest.raises(ValueError, match="generate"):
            predict(model, tokenizer, rows, task)
    else:
        assert len(predict(model, tokenizer, rows, task)) == len(rows)


def test_learnt_answers_and_tags_are_predicted_as_text(tokenizer):
    rows, _ = ROWS["qa"]
    model = fresh(tokenizer, "BertForQuestionAnswering")
    list(finetune(model, tokenizer, rows, Task("qa", max_length=16), **{**OPTIONS, "steps": 60, "learning_rate": 1e-2}))
    assert predict(model, tokenizer, rows, Task("qa", max_length=16)) == ["anna", ""]
    assert predict(model, tokenizer, rows, Task("qa", max_length=16), no_answer=False)[1] == "rome"
    rows, labels = ROWS["tagging"]
    task = Task("tagging", labels, max_length=16)
    model = fresh(tokenizer, "BertForTokenClassification")
    list(finetune(model, tokenizer, rows, task, **{**OPTIONS, "steps": 60, "learning_rate": 1e-2}))
    assert predict(model, tokenizer, rows, task) == [["B-X", "O", "O"], ["B-X"]]
    assert evaluate(model, tokenizer, rows, task)["span_f1"] == 100.0


def test_the_best_answer_over_windows_wins():
    feature = {"context_start": 2, "offsets": [(0, 4), (5, 8), (9, 11)]}
    features = [{**feature, "example": 0}, {**feature, "example": 0}]
    rows = [{"context": "anna saw it"}]
    weak, strong = np.array([1.0, 0, 3, 0, 0, 0]), np.array([0.5, 0, 0, 4, 0, 0])
    assert qa_answers([(weak, weak), (strong, strong)], features, rows) == ["saw"]
    null = np.array([9.0, 0, 0, 4, 0, 0])
    assert qa_answers([(weak, weak), (null, null)], features, rows) == ["saw"]  # the lowest [CLS] counts
    assert qa_answers([(null, null)], features[:1], rows) == [""]
    assert qa_answers([(null, null)], features[:1], rows, no_answer=False) == ["saw"]
    backwards = (np.array([0, 0, 0, 0, 5.0, 0]), np.array([0, 0, 5.0, 0, 1.0, 0]))
    assert qa_answers([backwards], features[:1], rows, no_answer=False) == ["it"]


# ------------------------------------------------------------------------------------------------ it repeats


def test_the_same_seed_repeats_and_another_differs(tokenizer):
    def run(seed):
        return curve(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS, seed=seed))

    first = run(3)
    assert first == run(3)
    assert first != run(4)


def test_what_happens_between_steps_changes_nothing(tokenizer):
    expected = curve(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS))
    model = fresh(tokenizer)
    seen = []
    for record in finetune(model, tokenizer, reviews(50), TASK, **OPTIONS):
        seen.append(record.losses)
        assert not model.training
        torch.rand(10)
        evaluate(model, tokenizer, reviews(10), TASK)
    assert seen == expected


def test_training_leaves_the_callers_random_numbers_alone(tokenizer):
    torch.manual_seed(11)
    model = task_heads.BertForSequenceClassification(tiny_config(tokenizer))
    before = torch.get_rng_state()
    list(finetune(model, tokenizer, reviews(50), TASK, **OPTIONS))
    assert torch.equal(before, torch.get_rng_state())


def test_accumulation_changes_nothing_but_memory(tokenizer, corpus):
    whole = curve(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS, dropout=0.0))
    parts = curve(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS, dropout=0.0, accumulation=3))
    for one, two in zip(whole, parts, strict=True):
        assert one == pytest.approx(two, rel=1e-4)
    options = {**OPTIONS, "dropout": 0.0, "max_length": 30}
    whole = curve(pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, **options))
    parts = curve(pretrain(fresh(tokenizer, "BertForPreTraining"), tokenizer, corpus, accumulation=4, **options))
    for one, two in zip(whole, parts, strict=True):
        assert one == pytest.approx(two, rel=1e-4)


def test_gathering_masked_places_gives_the_models_own_pretraining_loss(tokenizer, corpus):
    model = fresh(tokenizer, "BertForPreTraining", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    from bertlab.data import collate_pretraining, pretraining_batches
    from bertlab.training import mask_batch
    from bertlab.training.objectives import PretrainingObjective, gather_masked

    batch = collate_pretraining(next(pretraining_batches(corpus, tokenizer, 6, 30)), tokenizer.pad_token_id)
    batch = mask_batch(batch, tokenizer, rate=0.3, generator=torch.Generator().manual_seed(0))
    objective, part = PretrainingObjective(model), gather_masked(batch)
    counts, sums = objective.counts(part), objective(part)
    ours = sum(sums[name] / counts[name] for name in sums)
    torch.testing.assert_close(ours, model(**batch).loss)


# ------------------------------------------------------------------------------------------ rates and freezing


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_rate_rises_and_falls(schedule):
    factors = [rate_factor((step + 0.5) / 100, 0.1, schedule) for step in range(100)]
    assert factors[0] == pytest.approx(0.05) and max(factors) > 0.99
    assert factors[:10] == sorted(factors[:10])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] == 1.0 if schedule == "constant" else 0 < factors[-1] < 0.01


def test_groups_have_their_own_rates_and_only_weights_decay(tokenizer):
    model = fresh(tokenizer)
    settings = Settings(steps=1, learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=0.5, weight_decay=0.1)
    rate, decay = {}, {}
    for group in parameter_groups(model, settings):
        for parameter in group["params"]:
            rate[id(parameter)], decay[id(parameter)] = group["highest_rate"], group["weight_decay"]
    parts = {
        "classifier.weight": 1e-2, "bert.pooler.dense.weight": 1e-3, "bert.encoder.layer.1.output.dense.weight": 1e-3,
        "bert.encoder.layer.0.output.dense.weight": 5e-4, "bert.embeddings.word_embeddings.weight": 2.5e-4,
    }  # fmt: skip
    for name, expected in parts.items():
        parameter = model.get_parameter(name)
        assert rate[id(parameter)] == expected and decay[id(parameter)] == 0.1
    for name, parameter in model.named_parameters():
        assert (decay[id(parameter)] == 0.0) == ("LayerNorm" in name or name.endswith("bias")), name


def test_the_optimiser_is_adamw_with_decoupled_decay(tokenizer):
    model, other = fresh(tokenizer), fresh(tokenizer)
    rows = reviews(8)
    options = {"steps": 1, "batch_size": 8, "learning_rate": 1e-2, "warmup": 0.0, "schedule": "constant"}
    options |= {"dropout": 0.0, "weight_decay": 0.1, "precision": "float32", "clip": None}
    next(finetune(model, tokenizer, rows, TASK, **options))
    batch = collate(encode(rows, TASK, tokenizer), TASK)
    other.eval()(**batch).loss.backward()
    name = "bert.encoder.layer.0.intermediate.dense.weight"
    weight = other.get_parameter(name)
    step = weight.grad / (weight.grad.abs() + 1e-8)  # Adam's first step is the sign of the gradient
    expected = weight * (1 - 1e-2 * 0.1) - 1e-2 * step
    torch.testing.assert_close(model.get_parameter(name), expected, rtol=1e-4, atol=2e-5)


def test_frozen_layers_stay_and_are_trainable_again_afterwards(tokenizer):
    model = fresh(tokenizer)
    before = {name: value.clone() for name, value in model.named_parameters()}
    list(finetune(model, tokenizer, reviews(30), TASK, **OPTIONS, freeze=1))
    for name, value in model.named_parameters():
        frozen = "embeddings" in name or "layer.0" in name
        assert torch.equal(value, before[name]) == frozen, name
        assert value.requires_grad


def test_long_gradients_are_clipped_and_reported_unclipped(tokenizer):
    options = {**OPTIONS, "steps": 1, "warmup": 0.0, "dropout": 0.0}
    free = next(finetune(fresh(tokenizer), tokenizer, reviews(30), TASK, **options, clip=None))
    clipped = next(finetune(fresh(tokenizer), tokenizer, reviews(30), TASK, **options, clip=1e-3))
    assert free.gradient_norm == clipped.gradient_norm > 1e-3


def test_bfloat16_follows_float32(tokenizer):
    exact = list(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS, dropout=0.0))
    options = {**OPTIONS, "precision": "bfloat16"}
    rough = list(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **options, dropout=0.0))
    assert rough[-1].loss == pytest.approx(exact[-1].loss, rel=0.05)
    assert choose_precision("auto", torch.device("cpu"), 64) == torch.float32


# ------------------------------------------------------------------------------------- stopping and evaluation


def test_stopping_is_no_longer_pulling(tokenizer):
    model = fresh(tokenizer)
    steps = finetune(model, tokenizer, reviews(50), TASK, **OPTIONS)
    assert [record.step for record in itertools.islice(steps, 3)] == [1, 2, 3]
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    steps.close()
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_patience_ends_a_run_and_the_best_weights_come_back(tokenizer):
    model = fresh(tokenizer)
    random_labels = [{**row, "label": number % 2} for number, row in enumerate(reviews(40))]
    records = list(
        finetune(model, tokenizer, random_labels, TASK, evaluation=reviews(30, seed=2), evaluate_every=2, patience=2,
                 metric="loss", **{**OPTIONS, "steps": 200, "learning_rate": 1e-2})
    )  # fmt: skip
    evaluations = {record.step: record.evaluation["loss"] for record in records if record.evaluation}
    best = min(evaluations, key=evaluations.get)
    assert len(records) < 200 and max(evaluations) == best + 4
    assert "stopped early" in records[-1].message and f"took back the weights of step {best}" in records[-1].message
    assert evaluate(model, tokenizer, reviews(30, seed=2), TASK)["loss"] == pytest.approx(evaluations[best], rel=1e-4)


def test_an_unknown_metric_is_named(tokenizer):
    steps = finetune(fresh(tokenizer), tokenizer, reviews(20), TASK, evaluation=reviews(9), metric="f2",
                     **{**OPTIONS, "steps": 1})  # fmt: skip
    with pytest.raises(LookupError, match="no metric 'f2'; it has loss, accuracy"):
        next(steps)


def test_evaluation_repeats_and_draws_nothing(tokenizer, corpus):
    model = fresh(tokenizer, "BertForPreTraining")
    before = torch.get_rng_state()
    first = evaluate_pretraining(model, corpus, tokenizer, max_length=30)
    assert first == evaluate_pretraining(model, corpus, tokenizer, max_length=30)
    assert torch.equal(before, torch.get_rng_state())
    assert 20 < first["next_sentence_accuracy"] < 80


# ------------------------------------------------------------------------------------------------ checkpoints


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


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


# ------------------------------------------------------------------------------------------- several at once


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
from test_training import *
tokenizer = tiny_tokenizer(sys.argv[1])
for record in finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, folder=sys.argv[2], checkpoint_every=1,
                       **{{**OPTIONS, "steps": 100000}}):
    pass
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX thing")
def test_kill_9_leaves_a_checkpoint_to_go_on_from(tokenizer, tmp_path):
    code = KILLED.format(tests=[str(Path(__file__).parent), str(Path(__file__).parents[1])])
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


# ------------------------------------------------------------------------------------------- when things go wrong


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


def test_numbers_of_numpy_are_numbers():
    settings = Settings(steps=np.int64(3), batch_size=np.int32(8), learning_rate=np.float32(1e-3))
    assert (settings.steps, settings.batch_size) == (3, 8)


def test_a_model_is_evaluated_and_asked_only_for_the_task_it_can_do(tokenizer):
    model = fresh(tokenizer, **TASK.config())
    turned = Task("classification", ("good", "bad"), max_length=16)
    for ask in (evaluate, predict):
        with pytest.raises(ValueError, match=r"labels of the task are \['good', 'bad'\], but the model has them as"):
            ask(model, tokenizer, reviews(4), turned)
        with pytest.raises(ValueError, match="the task has 3 label.* but the model 2"):
            ask(model, tokenizer, reviews(4), Task("classification", ("a", "b", "c"), max_length=16))
        with pytest.raises(TypeError, match="qa is the task of a BertForQuestionAnswering"):
            ask(model, tokenizer, reviews(4), Task("qa", max_length=16))


def test_records_are_plain_data(tokenizer):
    record = next(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, **OPTIONS))
    assert json.loads(json.dumps(record.to_dict()))["step"] == 1
    assert record.loss == record.losses["classification"]


def test_a_run_by_the_clock_ends(tokenizer):
    records = list(finetune(fresh(tokenizer), tokenizer, reviews(50), TASK, minutes=0.005, precision="float32"))
    assert records[-1].progress == 1.0 and len(records) >= 1


@pytest.mark.parametrize("device", ["cpu", "meta"])  # on any other device than the CPU batches are made ahead
def test_batches_come_in_order_with_their_step_whoever_makes_them(device):
    made = []

    def number(features, step):
        made.append(step)
        return {"numbers": torch.tensor(features), "step": torch.tensor(step)}

    batches = collated(iter([[1], [2], [3]]), number, 7, torch.device(device))
    features, batch = next(batches)
    assert features == [1] and batch["step"] == 7
    assert [(f, int(b["numbers"]), int(b["step"])) for f, b in batches] == [([2], 2, 8), ([3], 3, 9)]
    assert made == [7, 8, 9]


def test_an_error_while_a_batch_is_made_ahead_is_raised_where_it_is_asked_for():
    def refuse(features, step):
        raise DataError("line 3 is broken")

    with pytest.raises(DataError, match="line 3"):
        next(collated(iter([[1]]), refuse, 0, torch.device("meta")))
