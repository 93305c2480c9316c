"""Files become rows, rows become features, features become batches; what is wrong is named with its place."""

import gzip
import itertools
import json
import random

import pytest
import torch

from bertlab.data import (
    DataError,
    Task,
    collate,
    documents,
    encode,
    infer_task,
    length,
    length_sorted_batches,
    prepared_batches,
    read,
    samples,
)
from bertlab.data.corpus import (
    Corpus,
    Mixture,
    collate_pretraining,
    endless_features,
    pretraining_batches,
    pretraining_features,
)

from training_cases import reviews, stories, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def written(folder, name, text):
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8", newline="")
    return path


# ---------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.jsonl", '{"text": "a, \\"b\\"", "label": "x"}\n\n{"text": "c", "label": "y"}\n'),
        ("a.jsonl.gz", '{"text": "a, \\"b\\"", "label": "x"}\n{"text": "c", "label": "y"}'),
        ("a.json", '[{"text": "a, \\"b\\"", "label": "x"}, {"text": "c", "label": "y"}]'),
        ("a.csv", 'text,label\r\n"a, ""b""",x\r\nc,y\r\n'),
        ("a.csv.gz", '\ufefftext,label\n"a, ""b""",x\nc,y\n'),
        ("a.tsv", 'text\tlabel\na, "b"\tx\nc\ty\n'),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, name, text):
    rows = list(read(written(tmp_path, name, text)))
    assert rows == [{"text": 'a, "b"', "label": "x"}, {"text": "c", "label": "y"}]
    assert name in rows[1].place


def test_a_quoted_cell_may_hold_line_breaks(tmp_path):
    rows = list(read(written(tmp_path, "a.csv", 'text,label\n"one\ntwo",x\nthree,y\n')))
    assert rows[0]["text"] == "one\ntwo"
    assert rows[1].place.endswith("line 4")


def test_several_files_and_renamed_columns(tmp_path):
    files = [written(tmp_path, f"{n}.csv", f"review,stars\ntext {n},{n}\n") for n in (1, 2)]
    rows = list(read(files, columns={"text": "review", "label": "stars"}))
    assert [row["text"] for row in rows] == ["text 1", "text 2"]
    assert [row["label"] for row in rows] == ["1", "2"]


def test_a_file_is_read_line_by_line(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"text": "fine"}\nbroken\n')
    rows = read(path)
    assert next(rows)["text"] == "fine"
    with pytest.raises(DataError, match=r"a.jsonl, line 2, column 1"):
        next(rows)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("a.jsonl", '{"text": 1}\n[1]\n', "line 2: a list"),
        ("a.json", '[{"text": "a"},\n {"text": }]', "line 2, column 11: not JSON"),
        ("a.json", '{"a": 1}', "neither a list of objects nor SQuAD"),
        ("a.json", '{"data": [{"paragraphs": [{"qas": []}]}]}', r"data\[0\].paragraphs\[0\]: no 'context'"),
        ("a.csv", "text,label\na,b\nc\n", "line 3: 1 columns, but the heading has 2"),
        ("a.csv", "text,,label\n", "line 1, column 2: the heading has no name"),
        ("a.csv", "text,text\n", "line 1, column 2: the heading repeats the name 'text'"),
        ("a.csv", 'text,label\n"a" b,c\n', "line 2: "),
        ("a.csv", "", "is empty"),
        ("a.conll", "a O\nb\n", "line 2: 1 columns, but the lines before have 2"),
        ("a.xml", "<a/>", "known formats are jsonl"),
    ],
)
def test_a_broken_file_is_named_with_line_and_column(tmp_path, name, text, message):
    with pytest.raises(DataError, match=message):
        list(read(written(tmp_path, name, text)))


def test_a_folder_is_no_data(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        list(read(tmp_path))


def test_bytes_that_are_not_utf8_are_named_with_their_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"line 2, column 4: byte 0xe9 is not UTF-8"):
        list(read(path))


def test_a_cut_off_gzip_file_is_named(tmp_path):
    path = written(tmp_path, "a.txt.gz", "\n".join(map(str, range(10_000))))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="gzip data is broken"):
        list(read(path))


def test_missing_files_columns_and_strange_sources_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no data file"):
        list(read(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="no column 'review'; it has 'text'"):
        list(read([{"text": "a"}], columns={"text": "review"}))
    with pytest.raises(TypeError, match="file name, a list"):
        list(read(3))
    with pytest.raises(TypeError, match="several parts"):
        list(read({"train": [], "test": []}))


def test_conll_files_skip_comments_and_know_their_columns(tmp_path):
    conll = written(tmp_path, "a.conll", "-DOCSTART- -X- O\n\nAnna NNP B-PER\n# NN O\n\n\nRome NNP B-LOC\n")
    assert list(read(conll)) == [
        {"tokens": ["Anna", "#"], "tags": ["B-PER", "O"]},
        {"tokens": ["Rome"], "tags": ["B-LOC"]},
    ]
    cells = "\t_\t_\t_\t_\t_\t_"
    conllu = written(
        tmp_path,
        "b.conllu",
        f"# text = don't\n1-2\tdon't\t_\t_{cells}\n1\tdo\tdo\tAUX{cells}\n2\tn't\tnot\tPART{cells}\n",
    )
    assert list(read(conllu)) == [{"tokens": ["do", "n't"], "tags": ["AUX", "PART"]}]
    iob = written(tmp_path, "c.iob2", "# sent_id = 1\n1\tAnna\tB-PER\t-\t-\n")
    assert list(read(iob)) == [{"tokens": ["Anna"], "tags": ["B-PER"]}]


def test_squad_files_give_one_row_a_question(tmp_path):
    questions = [
        {"id": "1", "question": "who ?", "answers": [{"text": "anna", "answer_start": 0}]},
        {"id": "2", "question": "what ?", "is_impossible": True, "answers": [{"text": "x", "answer_start": 0}]},
    ]
    squad = {"data": [{"title": "t", "paragraphs": [{"context": "anna saw it", "qas": questions}]}]}
    first, second = read(written(tmp_path, "a.json.gz", json.dumps(squad)))
    assert first["context"] == "anna saw it" and first["answers"][0]["text"] == "anna"
    assert second["answers"] == []


def test_datasets_objects_are_accepted():
    datasets = pytest.importorskip("datasets")
    rows = list(read(datasets.Dataset.from_list([{"text": "a", "label": 1}, {"text": "b", "label": 0}])))
    assert [row["label"] for row in rows] == [1, 0]


def test_running_text_becomes_documents(tmp_path):
    text = written(tmp_path, "a.txt", "one .\ntwo .\n\n\nthree .\n")
    rows = written(tmp_path, "b.jsonl", '{"text": "four .\\nfive .\\n\\nsix ."}\n')
    assert list(documents([text, rows])) == [["one .", "two ."], ["three ."], ["four .", "five .", "six ."]]


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


# --------------------------------------------------------------------------------------------------- encoding


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


# ------------------------------------------------------------------------------------------------------ order


def test_batches_hold_everything_once_and_similar_lengths():
    lengths = [random.Random(n).randint(3, 90) for n in range(1000)]
    batches = length_sorted_batches(lengths, 16, generator=random.Random(0))
    assert sorted(number for batch in batches for number in batch) == list(range(1000))
    padded = sum(max(lengths[n] for n in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert batches != length_sorted_batches(lengths, 16, generator=random.Random(1))
    assert batches == length_sorted_batches(lengths, 16, generator=random.Random(0))


def test_large_sets_are_streamed_and_repeat_every_epoch(tokenizer, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({**row, "id": n}) + "\n" for n, row in enumerate(reviews(50))))
    task = Task("classification", ("bad", "good"))
    held, per_epoch = prepared_batches(path, task, tokenizer, 8)
    assert per_epoch == 7
    streamed, unknown = prepared_batches(path, task, tokenizer, 8, buffer=20)
    assert unknown is None
    for batches in (held, streamed):
        first = [next(batches) for _ in range(8 if batches is streamed else 7)]
        assert sum(map(len, first)) == 50
    with pytest.raises(TypeError, match="no iterator"):
        prepared_batches(iter(reviews(50)), task, tokenizer, 8, buffer=20)
    with pytest.raises(DataError, match="no column 'label'"):
        prepared_batches([{"text": "a"}], task, tokenizer, 8)
    with pytest.raises(DataError, match="empty"):
        prepared_batches([], task, tokenizer, 8)


# ----------------------------------------------------------------------------------------- pre-training text


def test_a_corpus_gives_back_its_documents_from_memory_and_from_files(tokenizer, tmp_path):
    told = stories(30)
    expected = [[tokenizer(s, add_special_tokens=False)["input_ids"] for s in document] for document in told]
    in_memory = Corpus.build(told, tokenizer)
    in_files = Corpus.build(told, tokenizer, tmp_path / "corpus", chunk=7)
    for corpus in (in_memory, in_files, Corpus.open(tmp_path / "corpus")):
        assert len(corpus) == 30 and [corpus[n] for n in range(30)] == expected
        assert corpus[-1] == expected[-1]
        assert corpus.tokens == sum(len(sentence) for document in expected for sentence in document)
    with pytest.raises(IndexError):
        in_memory[30]
    with pytest.raises(FileNotFoundError, match="no finished corpus"):
        Corpus.open(tmp_path)
    with pytest.raises(DataError, match="empty"):
        Corpus.build([[""]], tokenizer)


def test_pretraining_features_are_well_formed(tokenizer):
    corpus = Corpus.build(stories(30), tokenizer)
    labels = set()
    for feature in pretraining_features(corpus, tokenizer, 32):
        ids, types = feature["input_ids"], feature["token_type_ids"]
        assert len(ids) == len(types) <= 32
        assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
        assert ids.count(tokenizer.sep_token_id) == 2 and types == sorted(types)
        labels.add(feature["next_sentence_label"])
    assert labels == {0, 1}
    packed = list(pretraining_features(corpus, tokenizer, 32, pairs=False))
    assert {feature["next_sentence_label"] for feature in packed} == {-100}


def test_epochs_differ_and_seeds_repeat(tokenizer):
    corpus = Corpus.build(stories(20), tokenizer)
    first = list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=0))
    assert first == list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=0))
    assert first != list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=1))
    batch = collate_pretraining(next(pretraining_batches(corpus, tokenizer, 4, 32)), 0, multiple=8)
    assert batch["input_ids"].shape[1] % 8 == 0
    assert torch.equal(batch["attention_mask"] == 0, batch["input_ids"] == 0)


def numbered(first, documents, sentences=6):
    """Documents whose ids say where they come from: no two sentences are alike."""
    ids = iter(range(first, first + 5 * documents * sentences))
    return [[[next(ids) for _ in range(5)] for _ in range(sentences)] for _ in range(documents)]


def test_a_mixture_draws_by_share_and_pairs_within_one_corpus(tokenizer):
    mixture = Mixture({"low": numbered(1000, 20), "high": numbered(5000, 40)}, {"low": 3, "high": 1})
    features = list(itertools.islice(endless_features(mixture, tokenizer, 32), 800))
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    sides = [{number >= 5000 for number in feature["input_ids"] if number not in special} for feature in features]
    assert all(len(side) == 1 for side in sides), "both segments are from one corpus"
    assert 0.70 < sum(side == {False} for side in sides) / len(sides) < 0.80
    assert features == list(itertools.islice(endless_features(mixture, tokenizer, 32), 800))
    assert len(mixture) == 60 and mixture[20][0][0] == 5000 and mixture[-1] == mixture.parts["high"][-1]
    with pytest.raises(IndexError):
        mixture[60]


@pytest.mark.parametrize("shares", [{"low": 1}, {"low": 1, "high": 0}, {"low": 1, "high": -1}])
def test_a_mixture_needs_a_share_above_0_for_every_corpus(shares):
    with pytest.raises(ValueError, match="shares"):
        Mixture({"low": numbered(1000, 2), "high": numbered(5000, 2)}, shares)


def test_sentences_can_stand_alone(tokenizer):
    corpus = numbered(1000, 3, sentences=4)
    features = list(pretraining_features(corpus, tokenizer, 6, single_sentences=True))
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    expected = [[cls, *sentence[:4], sep] for document in corpus for sentence in document]
    assert sorted(feature["input_ids"] for feature in features) == sorted(expected)
    assert {feature["next_sentence_label"] for feature in features} == {-100}


def test_single_sentences_are_packed_across_documents(tokenizer):
    sentences = numbered(1000, 30, sentences=1)
    features = list(pretraining_features(sentences, tokenizer, 32))
    assert {feature["next_sentence_label"] for feature in features} == {-100}
    assert [len(feature["input_ids"]) for feature in features] == [32] * 5
