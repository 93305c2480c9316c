"""Tables are read as other tools write them, or refused with line, column and what to do."""

import pytest

from bertlab.rows import DataError, read

ROWS = [{"text": "the cat", "label": "a"}, {"text": "sat, on", "label": "b"}]


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "name, content",
    [
        ("index.csv", ',text,label\n0,the cat,a\n1,"sat, on",b\n'),
        ("semicolons.csv", "\ufefftext;label\r\nthe cat;a\r\nsat, on;b\r\n"),
        ("told.csv", "sep=;\ntext;label\nthe cat;a\nsat, on;b\n"),
        ("tabs.csv", "text\tlabel\nthe cat\ta\nsat, on\tb\n"),
        ("utf16.csv", '\ufefftext,label\r\nthe cat,a\r\n"sat, on",b\r\n'.encode("utf-16-le")),
        ("utf16.tsv", "text\tlabel\r\nthe cat\ta\r\nsat, on\tb\r\n".encode("utf-16")),
        ("returns.csv", 'text,label\rthe cat,a\r"sat, on",b\r'),
        ("trailing.csv", 'text,label,,\nthe cat,a,,\n"sat, on",b,,\n,,,\n'),
        ("blank lines.csv", '\n\ntext,label\nthe cat,a\n\n"sat, on",b\n\n'),
        ("quoted.tsv", '"text"\t"label"\n"the cat"\t"a"\n"sat, on"\t"b"\n'),
    ],
)
def test_what_spreadsheets_and_pandas_write_is_read(tmp_path, name, content):
    assert list(read(written(tmp_path, name, content))) == ROWS


def test_quotes_of_a_tsv_are_letters_unless_all_of_them_are_doubled(tmp_path):
    path = written(tmp_path, "a.tsv", 'text\tlabel\n"say ""hi"" now"\tx\n"hello" he said\ty\n"all"\tz\n')
    assert [row["text"] for row in read(path)] == ['say "hi" now', '"hello" he said', '"all"']


@pytest.mark.parametrize(
    "content, message",
    [
        ('text,label\n"the cat,a\nsat,b\n', "line 2: .*quotes closed"),
        ("text,label\nthe cat,a,b\n", "line 2: 3 columns, but the heading has 2; ',' separates them"),
        ("text,label,,\nthe cat,a,,b\n", "line 2, column 4: 'b' stands below no name"),
        ("text,label\n".encode("utf-16-le"), "line 1, column 2: the bytes are UTF-16 without a byte order mark"),
        ("text,label\ncaf\u00e9,a\n".encode("latin-1"), "line 2, column 4: byte 0xe9 is not UTF-8"),
        (b"PK\x03\x04\x00\x00", "a zip archive or a spreadsheet"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
        ("<!DOCTYPE html>\n<html>", "a web page"),
        (",,\n", "the heading has no name"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        list(read(written(tmp_path, "a.csv", content)))


def test_a_file_that_is_packed_without_saying_so_is_unpacked(tmp_path):
    import gzip

    packed = gzip.compress(b"text,label\nthe cat,a\n")
    assert list(read(written(tmp_path, "a.csv", packed))) == ROWS[:1]
