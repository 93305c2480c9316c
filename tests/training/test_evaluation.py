"""A set and a model are judged together only where their labels belong together."""

import pytest

from bertlab.data import DataError, Task
from bertlab.training import evaluate
from bertlab.training.evaluation import check_labels

from training_cases import tiny_config, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


@pytest.mark.parametrize(
    "of_task, of_model",
    [
        (["neg", "pos"], ["neg", "pos"]),
        (["neg", "pos"], ["NEG", " Pos"]),
        (["0", "1"], ["neg", "pos"]),
        (["neg", "pos"], ["LABEL_0", "LABEL_1"]),
        (["0", "1"], ["LABEL_0", "LABEL_1"]),
    ],
)
def test_labels_belong_together_by_name_or_where_there_are_none(of_task, of_model):
    check_labels(of_task, of_model)


@pytest.mark.parametrize(
    "of_task, of_model",
    [
        (["neg", "pos"], ["pos", "neg"]),
        (["negative", "positive"], ["POS", "NEG"]),
        (["contradiction", "entailment"], ["ENTAILMENT", "CONTRADICTION"]),
        (["1", "2"], ["2", "1"]),
        (["1", "2"], ["neg", "pos"]),
    ],
)
def test_other_names_or_another_order_are_refused(of_task, of_model):
    with pytest.raises(ValueError, match=r"the labels of the task are .* labels=\[...\]"):
        check_labels(of_task, of_model)


def test_rows_without_a_label_do_not_count(tokenizer):
    from bertlab.model import BertForSequenceClassification

    task = Task("classification", ("bad", "good"), max_length=16)
    model = BertForSequenceClassification(tiny_config(tokenizer, **task.config())).eval()
    rows = [{"text": "good film", "label": "GOOD"}, {"text": "bad", "label": 0}]
    with pytest.warns(UserWarning, match="1 of 3 rows have no 'label'"):
        scores = evaluate(model, tokenizer, [*rows, {"text": "it", "label": None}], task)
    assert scores == evaluate(model, tokenizer, rows, task)
    with pytest.raises(DataError, match="no row has an answer"):
        evaluate(model, tokenizer, [{"text": "it", "label": None}], task)


def test_hidden_answers_are_not_judged(tokenizer, tmp_path):
    from bertlab.model import BertForQuestionAnswering

    model, task = BertForQuestionAnswering(tiny_config(tokenizer)).eval(), Task("qa", max_length=16, stride=4)
    row = {"question": "who ?", "context": "anna saw it"}
    for answers in ({}, {"answers": None}):
        with pytest.raises(DataError, match="'answers', which training and evaluation need"):
            evaluate(model, tokenizer, [{**row, **answers}], task)
    with pytest.warns(UserWarning, match="no question of the set has an answer"):
        evaluate(model, tokenizer, [{**row, "answers": []}], task)


def test_entities_of_other_schemes_are_counted_whole(tokenizer):
    from bertlab.model import BertForTokenClassification

    task = Task("tagging", ("O", "B-PER", "E-PER", "S-LOC"), max_length=16)
    model = BertForTokenClassification(tiny_config(tokenizer, **task.config())).eval()
    rows = [{"tokens": ["anna", "berlin", "saw", "rome"], "tags": ["B-PER", "E-PER", "O", "S-LOC"]}]
    assert set(evaluate(model, tokenizer, rows, task)) == {"loss", "accuracy", "span_f1", "precision", "recall"}
