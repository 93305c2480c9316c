"""Files are written whole or not at all; JSON that cannot be used is named."""

import pytest

from bertlab.files import whole as files
from bertlab.files.whole import read_json, replacing, write_whole


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    write_whole(tmp_path / "text", "é\r\nb\n")
    assert (tmp_path / "text").read_bytes() == "é\r\nb\n".encode()
    write_whole(tmp_path / "text", b"\xff")
    assert (tmp_path / "text").read_bytes() == b"\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    write_whole(tmp_path / "kept", "old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "kept") as unfinished:
        unfinished.write_text("half of the n")
        raise RuntimeError
    assert (tmp_path / "kept").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_interruption_before_the_last_step_leaves_the_old_file(tmp_path, monkeypatch):
    write_whole(tmp_path / "kept", "old")

    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "kept", "new")
    assert (tmp_path / "kept").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_object_of_a_json_file_is_read(tmp_path):
    (tmp_path / "named.json").write_text('{"é": [1, null]}', encoding="utf-8")
    assert read_json(tmp_path / "named.json") == {"é": [1, None]}


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "named.json is not valid JSON"),
        (b'{"a": 1,\n "b"}', "not valid JSON .*line 2 column 5"),
        (b"\xff\xfe{}", "not valid JSON .*utf-8"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "holds a JSON list, but an object"),
        (b"null", "holds a JSON NoneType"),
    ],
)
def test_a_file_that_holds_no_object_is_named(content, message, tmp_path):
    (tmp_path / "named.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "named.json")
