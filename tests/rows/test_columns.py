"""Which columns hold the texts, the label and the tags: told by their names, never guessed in silence."""

import numpy as np
import pytest

from bertlab.rows import DataError, Row, column_of, guessed_columns, read, texts_of, unread_texts


@pytest.mark.parametrize(
    "names",
    [
        ("question", "sentence"), ("sentence1", "sentence2"), ("question1", "question2"), ("premise", "hypothesis"),
        ("text", "text2"), ("text", "text_2"), ("text_a", "text_b"), ("#1 String", "#2 String"), ("claim", "evidence"),
        ("sentence_A", "sentence_B"), ("question", "passage"), ("utterance1", "utterance2"), ("Sent 1", "Sent 2"),
        ("query", "document"), ("text", "hypothesis"),
    ],
)  # fmt: skip
def test_two_texts_are_two_texts(names):
    row = {"idx": 3, names[1]: "the cat sat", "label": 0, names[0]: "angela met", "pairID": "7", "genre": "news"}
    assert texts_of(row) == ("angela met", "the cat sat")


def test_names_that_were_chosen_count_first():
    row = {"sentence1": "a", "sentence2": "b", "question": "c"}
    (chosen,) = read([row], columns={"text": "question", "pair": "sentence2"})
    assert texts_of(chosen) == ("c", "b")
    (alone,) = read([row], columns={"text": "sentence1", "pair": None})
    assert texts_of(alone) == ("a", None)


@pytest.mark.parametrize(
    "row, message",
    [
        ({"text": "a", "context": "b"}, "'text' holds a text, and so does 'context'"),
        ({"sentence": "a", "review": "b"}, "'sentence' and 'review' could all be meant by 'text'"),
        ({"question": "a", "passage": "b", "answer": "c"}, "'question' with 'passage' or 'question' with 'answer'"),
        ({"text": "x", "sentence1": "a", "sentence2": "b"}, "'sentence1' with 'sentence2' could be the two texts"),
        ({"words": "a"}, "no column 'text' or 'text_a'"),
        ({"text": None}, "column 'text': None is of the type NoneType, but it must be a text"),
        ({"text": "a", "pair": 3}, "column 'pair': 3 is of the type int, but it must be a text or nothing"),
    ],
)
def test_what_could_be_meant_otherwise_is_asked(row, message):
    with pytest.raises(DataError, match=message) as error:
        texts_of(Row(row, "a.csv, line 4"))
    assert "a.csv, line 4" in str(error.value)


def test_labels_and_ids_with_numbers_are_no_pair_of_texts():
    assert texts_of({"text": "the cat", "label1": "x y", "label2": "y z", "id1": "a", "id2": "b"}) == ("the cat", None)


def test_words_that_nobody_reads_are_known():
    row = {"title": "a title of five words", "text": "the cat", "label": "very much so indeed", "id": "7"}
    assert unread_texts(row) == ["title"]
    (renamed,) = read([{"review": "a text of five words", "label": 1}], columns={"text": "review"})
    assert unread_texts(renamed) == []


def test_of_several_columns_of_tags_one_must_be_chosen():
    row = {"tokens": ["EU"], "pos_tags": [22], "chunk_tags": [11], "ner_tags": [3]}
    with pytest.raises(
        DataError, match=r"'pos_tags', 'ner_tags', 'chunk_tags' could .* columns=\{'tags': 'pos_tags'\}"
    ):
        column_of(row, "tags")
    (chosen,) = read([row], columns={"tags": "ner_tags"})
    assert column_of(chosen, "tags") == [3]


def test_arrays_are_lists():
    assert column_of({"tokens": np.array(["a", "b"])}, "tokens", (list, tuple)) == ["a", "b"]


class Feature:
    """A column of a data set that knows the names of its classes."""

    names = ["negative", "positive"]


class Dataset(list):
    features = {"text": None, "label": Feature()}


def test_a_data_set_tells_the_names_of_its_classes():
    from bertlab.tasks import infer_task

    rows = Dataset([{"text": "a", "label": 0}, {"text": "b", "label": 0}, {"text": "c", "label": -1}])
    assert infer_task("classification", read(rows)).labels == ("negative", "positive")
    assert infer_task("classification", read(rows, columns={"label": "label"})).labels == ("negative", "positive")


class Frame:
    """The part of a table of pandas that is read."""

    columns = ("text", "label")

    def itertuples(self, index, name):
        assert index is False and name is None
        return iter([("the cat", 1.0), ("sat", float("nan"))])


def test_tables_are_read_row_by_row():
    first, second = read(Frame())
    assert (first, first.place) == ({"text": "the cat", "label": 1.0}, "row 1")
    assert second["text"] == "sat"
    assert list(read({"text": ["a", "b"], "label": np.array([1, 0])})) == [
        {"text": "a", "label": 1}, {"text": "b", "label": 0},
    ]  # fmt: skip
    with pytest.raises(TypeError, match="one dictionary"):
        list(read({"text": "a", "label": 1}))


def test_columns_under_other_names_are_named():
    assert guessed_columns({"review": "fine", "stars": 4}, "regression") == {"text": "review", "label": "stars"}
    assert guessed_columns({"text": "fine", "label": 1}, "classification") == {}
    assert guessed_columns({"words": ["a"], "ner": ["O"]}, "tagging") == {"tokens": "words", "tags": "ner"}
    assert guessed_columns({"a": 1}, "classification") == {}
