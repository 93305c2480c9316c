"""Rows become features, features become batches; what is wrong is named with its place."""

import json

import pytest

from bertlab.rows import DataError, read
from bertlab.samples import samples
from bertlab.tasks import Task, collate, encode, infer_task, length

from training_cases import reviews, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name, kind",
    [("sentiment", "classification"), ("topics", "classification"), ("pairs", "classification"), ("choices", "choice"),
     ("entities", "tagging"), ("questions", "qa"), ("similarity", "regression")],
)  # fmt: skip
def test_our_own_samples_can_be_trained_on(tokenizer, name, kind):
    rows = samples(name)
    task = infer_task(kind, rows)
    features = encode(rows, task, tokenizer)
    assert {feature["example"] for feature in features} == set(range(len(rows)))
    collate(features[:4], task)


def test_pairs_are_joined_and_truncated(tokenizer):
    task = Task("classification", ("no", "yes"), max_length=8)
    rows = [{"text_a": "the film was good .", "text_b": "the book", "label": "yes"}, {"text": "good", "label": 0}]
    pair, single = encode(rows, task, tokenizer)
    assert tokenizer.convert_ids_to_tokens(pair["input_ids"]) == "[CLS] the film was [SEP] the book [SEP]".split()
    assert pair["token_type_ids"] == [0, 0, 0, 0, 0, 1, 1, 1]
    assert (pair["labels"], single["labels"]) == (1, 0)
    batch = collate([pair, single], task, tokenizer.pad_token_id)
    assert batch["attention_mask"].tolist() == [[1] * 8, [1] * 3 + [0] * 5]
    assert batch["labels"].tolist() == [1, 0]


def test_labels_may_be_numbers_names_or_lists(tokenizer):
    task = Task("multilabel", ("joy", "fear", "hope"))
    rows = [{"text": "a", "labels": [0, 2]}, {"text": "a", "labels": "fear, hope"}, {"text": "a", "labels": []}]
    batch = collate(encode(rows, task, tokenizer), task)
    assert batch["labels"].tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    stars = Task("classification", ("1", "2", "3"))
    rated = encode([{"text": "a", "label": label} for label in (1, "2", 3.0)], stars, tokenizer)
    assert [feature["labels"] for feature in rated] == [0, 1, 2]
    with pytest.raises(DataError, match="label 0 is not known; labels are '1', '2', '3'"):
        encode([{"text": "a", "label": 0}], stars, tokenizer)
    regression = Task("regression")
    assert encode([{"text": "a", "score": "2.5"}], regression, tokenizer)[0]["labels"] == 2.5


def test_a_label_may_be_the_probabilities_of_all(tokenizer):
    task = Task("classification", ("no", "yes"))
    rows = [{"text": "a", "label": [0.25, 0.75]}, {"text": "a", "label": "yes"}, {"text": "a", "label": (1, 0)}]
    batch = collate(encode(rows, task, tokenizer), task)
    assert batch["labels"].tolist() == [[0.25, 0.75], [0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(DataError, match="does not tell the names of the labels"):
        infer_task("classification", rows)


@pytest.mark.parametrize(
    "kind, row, message",
    [
        ("classification", {"text": "a", "label": [0.5, 0.4]}, "is not a label, nor 2 probabilities that sum to 1"),
        ("classification", {"text": "a", "label": [1.5, -0.5]}, "nor 2 probabilities"),
        ("classification", {"text": "a", "label": [1.0]}, "nor 2 probabilities"),
        ("classification", {"text": "a", "label": ["no", "yes"]}, "nor 2 probabilities"),
        ("classification", {"text": "a", "label": "maybe"}, "label 'maybe' is not known; labels are 'no', 'yes'"),
        ("classification", {"text": "a", "label": 2}, "label 2 is not known"),
        ("classification", {"text": None, "label": 0}, "column 'text': None is of the type NoneType"),
        ("classification", {"words": "a"}, "no column 'text'"),
        ("regression", {"text": "a", "label": "nan"}, "'nan' is not a number"),
        ("multilabel", {"text": "a", "label": 3.5}, "is not a list of labels"),
        ("tagging", {"tokens": ["a", "b"], "tags": ["no"]}, "2 tokens but 1 tags"),
        ("tagging", {"tokens": ["a"], "tags": ["maybe"]}, "label 'maybe' is not known"),
        ("choice", {"prompt": "a", "endings": ["b"], "label": 0}, "a choice needs two or more"),
        ("choice", {"prompt": "a", "endings": ["b", "c"], "label": 2}, "label 2 is not known"),
        ("next_sentence", {"text": "a", "label": 0}, "asked of a pair"),
        ("qa", {"question": "a", "context": "b c", "answers": [{"text": "c", "answer_start": 0}]}, "not at char"),
        ("qa", {"question": "a", "context": "b c", "answers": [{"text": "c"}]}, "needs 'text' and a number"),
    ],
)
def test_bad_rows_are_refused_with_their_place(tokenizer, tmp_path, kind, row, message):
    labels = ("no", "yes") if kind in ("classification", "multilabel", "tagging") else ()
    path = written(tmp_path, "bad.jsonl", "\n" + json.dumps(row) + "\n")
    with pytest.raises(DataError, match=message) as error:
        encode(read(path), Task(kind, labels), tokenizer)
    assert "bad.jsonl, line 2" in str(error.value)


def test_the_first_piece_of_a_word_carries_its_tag(tokenizer):
    task = Task("tagging", ("O", "B-PER"), max_length=12)
    row = {"tokens": ["anna", "playing", "\u200b", "."], "tags": ["B-PER", "O", "O", "O"]}
    (feature,) = encode([row], task, tokenizer)
    assert tokenizer.convert_ids_to_tokens(feature["input_ids"]) == "[CLS] anna play ##ing [UNK] . [SEP]".split()
    assert feature["labels"] == [-100, 1, 0, -100, 0, 0, -100]
    assert feature["word_starts"] == [1, 2, 4, 5] and feature["words"] == [0, 1, 2, 3]


def test_long_sentences_are_cut_between_words_and_lose_none(tokenizer):
    task = Task("tagging", ("O", "X"), max_length=7)
    row = {"tokens": ["playing", "the", "games", "zzzzzzzzz", "."] * 3, "tags": ["O", "X", "O", "X", "O"] * 3}
    features = encode([row], task, tokenizer)
    assert len(features) > 3 and all(length(feature) <= 7 for feature in features)
    assert [word for feature in features for word in feature["words"]] == list(range(15))
    labels = [label for feature in features for label in feature["labels"] if label != -100]
    assert labels == [0, 1, 0, 1, 0] * 3


def test_choices_become_a_batch_of_three_dimensions(tokenizer):
    task = Task("choice", max_length=16)
    rows = [
        {"prompt": "the film", "endings": ["was good .", "good", "was very very bad ."], "label": 2},
        {"prompt": "we saw the", "endings": ["film", "book", "game"], "label": 0},
    ]
    batch = collate(encode(rows, task, tokenizer), task)
    assert batch["input_ids"].shape == (2, 3, 10)
    assert batch["labels"].tolist() == [2, 0]
    with pytest.raises(DataError, match="same number of endings"):
        collate(encode([rows[0], {"prompt": "a", "endings": ["b", "c"]}], task, tokenizer), task)


def test_answers_stand_where_the_windows_say(tokenizer):
    context = "the film was good . " * 6 + "anna saw it . " + "the book was bad . " * 6
    start = context.index("anna saw")
    answers = [{"text": "anna saw", "answer_start": start}] * 2 + [{"text": "it", "answer_start": start + 9}]
    row = {"question": "who saw it ?", "context": context, "answers": answers}
    features = encode([row], Task("qa", max_length=24, stride=8), tokenizer)
    held = [feature for feature in features if feature["start_positions"] > 0]
    assert len(features) > 3 and 0 < len(held) < len(features)
    for feature in features:
        assert length(feature) <= 24
        shift = feature["context_start"]
        for place, (first, last) in zip(feature["input_ids"][shift:-1], feature["offsets"], strict=True):
            assert tokenizer.convert_ids_to_tokens(place).replace("##", "") == context[first:last]
    for feature in held:
        first = feature["offsets"][feature["start_positions"] - feature["context_start"]][0]
        last = feature["offsets"][feature["end_positions"] - feature["context_start"]][1]
        assert context[first:last] == "anna saw"
    overlap = set(features[0]["offsets"]) & set(features[1]["offsets"])
    assert len(overlap) == 8


def test_long_contexts_are_cut_without_a_word_about_their_length(tokenizer, recwarn, monkeypatch):
    monkeypatch.setattr(tokenizer, "model_max_length", 16)
    row = {"question": "who ?", "context": "the film was good . " * 6, "answers": []}
    assert len(encode([row], Task("qa", max_length=16, stride=4), tokenizer)) > 1
    assert not recwarn.list
    with pytest.warns(UserWarning, match="more than the 16"):  # the caller's own long text is still warned of
        tokenizer("the film was good . " * 6)


def test_questions_without_answer_point_at_cls(tokenizer):
    for answers in ([], {"text": [], "answer_start": []}):
        row = {"question": "who ?", "context": "the film", "answers": answers}
        (feature,) = encode([row], Task("qa"), tokenizer)
        assert (feature["start_positions"], feature["end_positions"]) == (0, 0)


def test_labels_are_inferred():
    assert infer_task("classification", reviews(20)).labels == ("0", "1")
    rows = [{"text": "", "label": 1, "label_text": "pos"}, {"text": "", "label": 0, "label_text": "neg"}]
    assert infer_task("classification", rows).labels == ("neg", "pos")
    assert infer_task("tagging", [{"tokens": [], "tags": ["B-X", "O", "A"]}]).labels == ("O", "A", "B-X")
    stars = infer_task("classification", [{"text": "", "label": 1}, {"text": "", "label": 3}])
    assert stars.labels == ("0", "1", "2", "3")
    with pytest.raises(DataError, match="at least two labels"):
        infer_task("classification", [{"text": "", "label": "x"}])
    with pytest.raises(DataError, match="there are no rows"):
        infer_task("tagging", [])


def test_impossible_tasks_are_refused():
    with pytest.raises(LookupError, match="kinds are classification"):
        Task("translation")
    with pytest.raises(ValueError, match="must differ"):
        Task("classification", ("a", "a"))
