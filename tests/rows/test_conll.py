"""CoNLL files of many hands: comments, blanks that belong to words, columns that are empty or missing."""

import pytest

from bertlab.rows import DataError, read


def sentences(folder, text, name="a.conll", **options):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [(row["tokens"], row.get("tags")) for row in read(path, **options)]


@pytest.mark.parametrize("comment", ["# id 9f2c domain=en", "# id 9f2c\tdomain=en", "#\thttp://example.org/a", "# x"])
def test_a_line_before_the_words_is_a_comment(tmp_path, comment):
    text = f"{comment}\nangela _ _ B-PER\nmerkel _ _ I-PER\n\n{comment}\nparis _ _ B-LOC\n"
    found = sentences(tmp_path, text)
    assert found == [(["angela", "merkel"], ["B-PER", "I-PER"]), (["paris"], ["B-LOC"])]


def test_the_word_with_that_sign_stays_a_word(tmp_path):
    found = sentences(tmp_path, "we O\n# O\n#now B-X\n\n# O\ntag O\n\n#one B-X\n")
    assert [words for words, _ in found] == [["we", "#", "#now"], ["#", "tag"], ["#one"]]


def test_empty_columns_at_the_end_do_not_count(tmp_path):
    assert sentences(tmp_path, "angela\tB-PER\t\nmet\tO\t\t\n \nparis\tB-LOC\t\n") == [
        (["angela", "met"], ["B-PER", "O"]), (["paris"], ["B-LOC"]),
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["10\u00a0000", "\u00a0", "\u3000", "\u2009a"])
def test_only_spaces_and_tabs_part_columns(tmp_path, word):
    assert sentences(tmp_path, f"euros NOUN O\n{word}  NUM O\n") == [(["euros", word], ["O", "O"])]


def test_words_without_tags_have_none(tmp_path):
    assert sentences(tmp_path, "angela\nmet\n\nparis\n") == [(["angela", "met"], None), (["paris"], None)]


def test_a_format_may_be_named(tmp_path):
    line = "1\tdo\tdo\tAUX\t_\t_\t0\troot\t_\t_\n"
    assert sentences(tmp_path, f"# a\n{line}", name="a.data", format="conllu") == [(["do"], ["AUX"])]


def test_a_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="line 1: no column 5 for 'tags'; columns are numbers from 0 to 1"):
        sentences(tmp_path, "a O\n", columns={"tokens": 0, "tags": 5})


def test_a_file_without_blank_lines_is_refused_before_it_fills_the_memory(tmp_path):
    with pytest.raises(DataError, match="a blank line must end each sentence"):
        sentences(tmp_path, "a O\n" * 100_001)
