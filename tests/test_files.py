"""Files are written whole or not at all."""

import pytest

from bertlab import files
from bertlab.files import replacing, write_whole


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
