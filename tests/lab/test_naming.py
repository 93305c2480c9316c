"""A checkpoint's labels decide which task it answers for."""

import warnings

import pytest

import bertlab
from bertlab.lab.naming import label_names, task_name

from lab_cases import random_model, tagger  # isort: skip


def named(model_class, labels, **fields):
    config = bertlab.BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=0, num_attention_heads=2, intermediate_size=8,
        id2label=dict(enumerate(labels)), **fields,
    )  # fmt: skip
    return task_name(getattr(bertlab, model_class)(config))


@pytest.mark.parametrize(
    "labels, task",
    [
        ("negative positive", "sentiment"), ("POSITIVE NEGATIVE", "sentiment"), ("neg pos", "sentiment"),
        ("Negative Neutral Positive", "sentiment"), ("contradiction neutral entailment", "inference"),
        ("ENTAILMENT NEUTRAL CONTRADICTION", "inference"), ("entailment not_entailment", "inference"),
        ("LABEL_0 LABEL_1", "classification"), ("ham spam", "classification"), ("0 1", "classification"),
        ("World Sports Business", "classification"), ("neutral mixed", "classification"), ("score", "similarity"),
        ("LABEL_0", "regression"),
        ("anger joy sadness", "classification"),
    ],
)  # fmt: skip
def test_a_classifier_is_what_its_labels_say(labels, task):
    assert named("BertForSequenceClassification", labels.split()) == task


@pytest.mark.parametrize(
    "labels, task",
    [
        ("O B-MISC I-MISC B-PER I-PER", "ner"), ("O B-Disease I-Disease", "ner"), ("B I O", "ner"),
        ("I-PER O I-LOC", "ner"), ("O S-LOC B-LOC E-LOC", "ner"), ("ADJ ADP NOUN VERB X", "pos"),
        ("NN NNS VB JJ , .", "pos"), ("B-NP I-NP B-VP O", "chunks"), ("LABEL_0 LABEL_1", "tagging"),
        ("keep drop", "tagging"),
    ],
)  # fmt: skip
def test_a_tagger_is_what_its_labels_say(labels, task):
    assert named("BertForTokenClassification", labels.split()) == task


def test_a_task_that_is_named_is_that_task():
    config = dict(bertlab={"task": "irony"})
    assert named("BertForSequenceClassification", ["negative", "positive"], **config) == "irony"


@pytest.mark.parametrize("kind", ["BertForSequenceClassification", "BertForTokenClassification"])
def test_labels_that_are_numbers_are_texts(tmp_path, kind):
    folder = random_model(tmp_path, kind, changes={"id2label": {"0": 0, "1": 1}, "label2id": {"0": 0, "1": 1}})
    lab = bertlab.load(folder, device="cpu")
    answer = lab.classify("the cat") if "Sequence" in kind else lab.tag(["the"])[0]
    assert answer.label in ("0", "1") and answer.trained


def test_ids_without_a_name_are_told():
    class Config:
        id2label, num_labels = {1: "neg", 2: "pos"}, 2

    with pytest.warns(UserWarning, match=r"id2label names the labels \[1, 2\], but the head has 0 to 1"):
        assert label_names(Config) == ["LABEL_0", "LABEL_1"]
    Config.id2label = {0: "other", 1: "other"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert label_names(Config) == ["other (0)", "other (1)"], "two labels stay two"


def test_the_only_trained_head_of_a_kind_answers_unless_another_is_named(tmp_path):
    lab = bertlab.load(random_model(tmp_path, "BertForSequenceClassification", num_labels=3), device="cpu")
    assert lab.tasks == ["classification"]
    answer = lab.classify("the cat sat")
    assert answer.trained and set(answer.probabilities) == {"LABEL_0", "LABEL_1", "LABEL_2"}
    assert not lab.classify("the cat sat", task="sentiment").trained
    with pytest.raises(ValueError, match="similarity"):
        lab.similarity("the", "cat", task="classification")


TAGS = {"angela": "B-PER", "merkel": "E-PER", "met": "O", "paris": "S-LOC"}


def test_entities_of_any_scheme_become_spans(tmp_path):
    labels = "S-LOC O B-PER I-PER E-PER S-PER B-LOC I-LOC E-LOC".split()
    lab = bertlab.load(tagger(tmp_path, TAGS, labels), device="cpu")
    assert lab.tasks == ["ner"]
    spans = lab.tag("angela merkel met paris")
    assert [(span.text, span.label, span.trained) for span in spans] == [
        ("angela merkel", "PER", True), ("paris", "LOC", True),
    ]  # fmt: skip
    assert [span.start for span in spans] == [0, 18]


def test_entities_without_types_become_spans(tmp_path):
    plain = {"angela": "B", "merkel": "I", "met": "O", "paris": "B"}
    lab = bertlab.load(tagger(tmp_path, plain, ["B", "I", "O"]), device="cpu")
    assert [(span.text, span.label) for span in lab.tag("angela merkel met paris")] == [
        ("angela merkel", "entity"), ("paris", "entity"),
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["", "\u200b", "\u200d", "\ufeff"])
def test_a_word_without_pieces_is_unknown_and_asked_for(tmp_path, word):
    parts = {"angela": "PROPN", "met": "VERB", "paris": "PROPN"}
    lab = bertlab.load(tagger(tmp_path, parts, ["NOUN", "PROPN", "VERB"]), device="cpu")
    tags = lab.tag(["angela", word, "met"])
    assert [tag.label for tag in tags][::2] == ["PROPN", "VERB"]
    assert tags[1] == lab.tag(["[UNK]"])[0].__class__(word, tags[1].label, tags[1].probability)
    assert tags[1].label == lab.tag(["[UNK]"])[0].label and tags[1].probability < 1.0
