"""finetune and pretrain: they learn, repeat, resume, stop, and say what goes wrong."""

import itertools
import json

import numpy as np
import pytest
import torch

from bertlab.adapters import add_lora
from bertlab.data import KINDS, DataError, Task, collate, encode
from bertlab.model import heads as task_heads
from bertlab.training import (
    Settings,
    evaluate,
    finetune,
    predict,
    pretrain,
    qa_answers,
)
from bertlab.training.held_out import evaluate_pretraining
from bertlab.training.objectives import TaskObjective
from bertlab.training.optimizer import choose_precision, parameter_groups, rate_factor
from bertlab.training.run import collated

from training_cases import reviews, tiny_config  # isort: skip
from run_cases import OPTIONS, TASK, curve, fresh


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
