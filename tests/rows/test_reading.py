"""Files become rows; what is wrong is named with its place."""

import gzip
import json

import pytest

from bertlab.rows import DataError, documents, read


def written(folder, name, text):
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8", newline="")
    return path


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
