"""Files are written whole or not at all; JSON that cannot be used is named."""

import errno
import os

import pytest

from bertlab.files import whole as files
from bertlab.files.whole import read_json, replacing, replacing_all, write_whole


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


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "marked.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "marked.json") == {"a": 1}


def test_numbers_of_thousands_of_digits_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "long.json").write_text('{"a": ' + 5000 * "9" + "}")
    with pytest.raises(ValueError, match="long.json is not valid JSON .a number of too many digits"):
        read_json(tmp_path / "long.json")


def test_several_files_take_their_places_together_or_not_at_all(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError):
        with replacing_all(tmp_path) as files:
            files.new("a").write_text("new")
            files.new("b").write_text("new")
            files.remove("a")
            raise ZeroDivisionError
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]
    with replacing_all(tmp_path) as files:
        files.new("b").write_text("new")
        files.remove("a")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("b", "new")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "kept.json").write_text("old")
    original = open

    def full(path, *arguments, **options):
        return original("/dev/full" if str(path).endswith(".part") else path, *arguments, **options)

    monkeypatch.setattr(files.Path, "write_bytes", lambda self, content: full(self, "wb", buffering=0).write(content))
    with pytest.raises(OSError, match="No space left on device.*free some space.*kept.json") as caught:
        write_whole(tmp_path / "kept.json", b"new")
    assert caught.value.errno == errno.ENOSPC
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_is_not_there_is_told_with_the_name_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file.*missing/kept.json"):
        write_whole(tmp_path / "missing" / "kept.json", b"new")


def test_errors_of_other_files_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        with replacing(tmp_path / "kept.json"):
            open(tmp_path / "elsewhere").close()
