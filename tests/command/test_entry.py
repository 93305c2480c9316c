"""The `bertlab` command and the working copy of the notebooks."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bertlab.check.student import BEGIN, END
from bertlab.command import course as launcher
from bertlab.command import entry as cli
from bertlab.files import whole as bertlab_files

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(tmp_path):
    """A small stand-in for the shipped notebooks, which a test may bring to a new version."""
    source = tmp_path / "installed"
    (source / "data").mkdir(parents=True)
    (source / "00_tour.ipynb").write_text("tour, first edition")
    (source / "01_tokenize.ipynb").write_text("tokenize, first edition")
    (source / "data" / "words.txt").write_text("words")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "00_tour-checkpoint.ipynb").write_text("left over")
    return source


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "work" / "bertlab-notebooks"


def run(*arguments):
    command = [sys.executable, "-m", "bertlab.command.entry", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != launcher.RECORD_NAME
    }


# The working copy


def test_the_first_run_copies_the_whole_course_and_nothing_left_over(course, folder):
    report = launcher.copy_notebooks(folder, course)
    assert files(folder) == {
        "00_tour.ipynb": "tour, first edition",
        "01_tokenize.ipynb": "tokenize, first edition",
        "data/words.txt": "words",
    }
    assert report.written == ["00_tour.ipynb", "01_tokenize.ipynb", "data/words.txt"]


def test_a_second_run_changes_nothing_and_says_nothing(course, folder):
    launcher.copy_notebooks(folder, course)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert launcher.copy_notebooks(folder, course).lines() == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_new_edition_replaces_what_was_not_changed(course, folder):
    launcher.copy_notebooks(folder, course)
    (course / "00_tour.ipynb").write_text("tour, second edition")
    report = launcher.copy_notebooks(folder, course)
    assert (folder / "00_tour.ipynb").read_text() == "tour, second edition"
    assert report.updated == ["00_tour.ipynb"]


def test_a_changed_notebook_is_kept(course, folder):
    launcher.copy_notebooks(folder, course)
    (folder / "00_tour.ipynb").write_text("my notes")
    for _ in range(2):
        report = launcher.copy_notebooks(folder, course)
        assert report.kept == ["00_tour.ipynb"]
        assert files(folder).keys() == {"00_tour.ipynb", "01_tokenize.ipynb", "data/words.txt"}
        assert (folder / "00_tour.ipynb").read_text() == "my notes"


def test_a_new_edition_of_a_changed_notebook_is_written_beside_it_once(course, folder):
    launcher.copy_notebooks(folder, course)
    (folder / "00_tour.ipynb").write_text("my notes")
    (course / "00_tour.ipynb").write_text("tour, second edition")
    report = launcher.copy_notebooks(folder, course)
    assert report.beside == {"00_tour.ipynb": "00_tour.new.ipynb"}
    assert "00_tour.new.ipynb" in " ".join(report.lines())
    launcher.copy_notebooks(folder, course)
    notebooks = files(folder)
    assert notebooks["00_tour.ipynb"] == "my notes"
    assert notebooks["00_tour.new.ipynb"] == "tour, second edition"
    assert len(notebooks) == 4


def test_changes_in_the_file_beside_are_kept_too(course, folder):
    launcher.copy_notebooks(folder, course)
    (folder / "00_tour.ipynb").write_text("my notes")
    (course / "00_tour.ipynb").write_text("tour, second edition")
    launcher.copy_notebooks(folder, course)
    (folder / "00_tour.new.ipynb").write_text("more notes")
    (course / "00_tour.ipynb").write_text("tour, third edition")
    launcher.copy_notebooks(folder, course)
    notebooks = files(folder)
    assert notebooks["00_tour.ipynb"] == "my notes"
    assert notebooks["00_tour.new.ipynb"] == "more notes"
    assert notebooks["00_tour.new-2.ipynb"] == "tour, third edition"


@pytest.mark.parametrize("record", [None, "not json", "[1, 2]", '{"00_tour.ipynb": 3}'])
def test_without_a_readable_record_a_differing_file_counts_as_changed(course, folder, record):
    folder.mkdir(parents=True)
    (folder / "00_tour.ipynb").write_text("whose is this?")
    if record is not None:
        (folder / launcher.RECORD_NAME).write_text(record)
    report = launcher.copy_notebooks(folder, course)
    assert (folder / "00_tour.ipynb").read_text() == "whose is this?"
    assert report.beside == {"00_tour.ipynb": "00_tour.new.ipynb"}


def test_a_folder_or_a_dangling_link_in_the_place_of_a_notebook_is_left_alone(course, folder):
    (folder / "00_tour.ipynb").mkdir(parents=True)
    (folder / "01_tokenize.ipynb").symlink_to(folder / "gone.ipynb")
    report = launcher.copy_notebooks(folder, course)
    assert (folder / "00_tour.ipynb").is_dir()
    assert (folder / "01_tokenize.ipynb").is_symlink()
    assert not (folder / "gone.ipynb").exists()
    assert set(report.beside.values()) == {"00_tour.new.ipynb", "01_tokenize.new.ipynb"}


def test_an_interrupted_copy_leaves_no_half_file(course, folder, monkeypatch):
    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(bertlab_files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.copy_notebooks(folder, course)
    assert files(folder) == {}


def test_a_file_in_the_place_of_the_folder_is_an_error_and_survives(course, tmp_path):
    target = tmp_path / "taken"
    target.write_text("a file")
    with pytest.raises(NotADirectoryError, match="is a file; give a folder"):
        launcher.copy_notebooks(target, course)
    assert target.read_text() == "a file"


def test_the_checkouts_own_notebooks_are_never_copied_onto_themselves(course):
    before = files(course)
    assert launcher.copy_notebooks(course, course).lines() == []
    assert files(course) == before
    assert not (course / launcher.RECORD_NAME).exists()


# Exercises and their solutions


@pytest.fixture
def exercises(course):
    """The course with a chapter that has an exercise; a test may give it another solution."""

    def write(solution):
        cell = {"cell_type": "code", "source": [f"{BEGIN}\n", f"{solution}\n", END], "outputs": ["kept"]}
        (course / "03_attention.ipynb").write_text(json.dumps({"cells": [cell]}))

    write("share = 1")
    return write


def test_students_get_the_exercise_open_and_the_solved_chapter_in_solutions(course, exercises, folder):
    report = launcher.copy_notebooks(folder, course)
    open_copy = (folder / "03_attention.ipynb").read_text()
    assert "share = ..." in open_copy
    assert "share = 1" not in open_copy
    assert (folder / "solutions" / "03_attention.ipynb").read_bytes() == (course / "03_attention.ipynb").read_bytes()
    assert "their solutions lie in solutions/" in " ".join(report.lines())


def test_what_has_no_exercise_lies_in_the_folder_once(course, exercises, folder):
    launcher.copy_notebooks(folder, course)
    assert (folder / "00_tour.ipynb").read_bytes() == (course / "00_tour.ipynb").read_bytes()
    assert [path.name for path in (folder / "solutions").iterdir()] == ["03_attention.ipynb"]


def test_an_answered_exercise_is_kept_on_every_later_start(course, exercises, folder):
    launcher.copy_notebooks(folder, course)
    (folder / "03_attention.ipynb").write_text("my answer")
    for _ in range(2):
        report = launcher.copy_notebooks(folder, course)
        assert report.kept == ["03_attention.ipynb"]
        assert (folder / "03_attention.ipynb").read_text() == "my answer"


def test_a_new_edition_of_an_answered_chapter_comes_beside_it_without_its_solution(course, exercises, folder):
    launcher.copy_notebooks(folder, course)
    (folder / "03_attention.ipynb").write_text("my answer")
    exercises("share = 2\nother = 3")
    report = launcher.copy_notebooks(folder, course)
    assert (folder / "03_attention.ipynb").read_text() == "my answer"
    assert "other = ..." in (folder / report.beside["03_attention.ipynb"]).read_text()
    assert "other = 3" in (folder / "solutions" / "03_attention.ipynb").read_text()


def test_solved_chapters_that_an_earlier_edition_copied_give_way_to_open_ones_unless_changed(course, exercises, folder):
    solved = (course / "03_attention.ipynb").read_bytes()
    folder.mkdir(parents=True)
    (folder / "03_attention.ipynb").write_bytes(solved)
    record = {"03_attention.ipynb": hashlib.sha256(solved).hexdigest()}
    (folder / launcher.RECORD_NAME).write_text(json.dumps(record))
    launcher.copy_notebooks(folder, course)
    assert "share = ..." in (folder / "03_attention.ipynb").read_text()


def test_the_course_of_this_bertlab_reaches_students_without_a_solution(tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "course").folder
    with_exercises = sorted(path.name for path in (folder / "solutions").iterdir())
    assert "03_attention.ipynb" in with_exercises
    assert not {"00_tour.ipynb", "workbench.ipynb"} & set(with_exercises)
    for path in folder.glob("*.ipynb"):
        assert BEGIN not in path.read_text(encoding="utf-8"), path.name
        assert (path.name in with_exercises) == ("check(" in path.read_text(encoding="utf-8"))


def test_this_bertlab_carries_the_tour():
    assert (launcher.notebook_source() / launcher.FIRST_NOTEBOOK).is_file()


# The command line


def test_help_names_every_command_without_loading_torch():
    code = "import sys; from bertlab.command import entry; entry.main(['--help'])"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    for command in ("lab", "info", *cli.TRAINING_COMMANDS):
        assert re.search(rf"^    {command} ", done.stdout, re.MULTILINE), command
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"torch", "numpy", "transformers", "jupyterlab"})


def test_no_arguments_at_all_show_the_help(capsys):
    assert cli.main([]) == 0
    assert "bertlab lab" in capsys.readouterr().out


@pytest.mark.parametrize(
    "typed, meant", [("labb", "lab"), ("INFO", "info"), ("fine-tune", "finetune"), ("eval", "evaluate")]
)
def test_an_unknown_command_gets_the_nearest_one_suggested(capsys, typed, meant):
    assert cli.main([typed]) == 2
    message = capsys.readouterr().err
    assert f"there is no command {typed!r}. Did you mean `bertlab {meant}`?" in message


def test_an_unknown_command_that_resembles_nothing_lists_them_all(capsys):
    assert cli.main(["xyzzy"]) == 2
    message = capsys.readouterr().err
    assert "Did you mean" not in message
    assert all(command in message for command in ("lab", "info", *cli.TRAINING_COMMANDS))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eighty", "8888.0"])
def test_a_port_that_is_none_is_refused(capsys, port):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["lab", f"--port={port}"])
    assert stopped.value.code == 2
    assert "is not a port; give a whole number from 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["lab", "info", *cli.TRAINING_COMMANDS])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: bertlab {command}")
    assert len(text.splitlines()) > 8


def test_info_names_versions_device_and_the_shipped_model():
    done = run("info")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  torch +\d", done.stdout, re.MULTILINE)
    assert re.search(r"^  cpu +\d+ logical cores, torch uses \d+ threads?$", done.stdout, re.MULTILINE)
    assert re.search(r"^  cpu bfloat16 +(fast|works)", done.stdout, re.MULTILINE)
    assert re.search(r"^  name +bertlab-mini$", done.stdout, re.MULTILINE)
    assert re.search(r"^  layers +\d+, with \d+ heads each$", done.stdout, re.MULTILINE)


def test_info_on_an_unknown_model_is_one_sentence_without_a_traceback(tmp_path):
    done = run("info", str(tmp_path / "no-such-model"))
    assert done.returncode == 1
    assert "no-such-model" in done.stderr
    assert "model" not in done.stdout.split()  # no heading without its lines
    assert "Traceback" not in done.stderr


def test_info_reads_the_shape_of_any_folder(tmp_path, capsys):
    from bertlab import BertConfig

    config = BertConfig(vocab_size=37, hidden_size=12, num_hidden_layers=5, num_attention_heads=3)
    config.save_pretrained(tmp_path)
    assert cli.main(["info", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^  layers +5, with 3 heads each$", printed, re.MULTILINE)
    assert re.search(r"^  vocabulary +37 pieces$", printed, re.MULTILINE)


def test_the_operating_systems_refusals_name_the_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["lab", "--copy-only", str(tmp_path / "file" / "folder")]) == 1
    assert f"bertlab: {tmp_path / 'file' / 'folder'}: Not a directory" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m bertlab.command.entry --help | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_arguments_after_dashes_go_to_jupyterlab_only(capsys):
    with pytest.raises(SystemExit):
        cli.main(["info", "--", "--ip=0.0.0.0"])
    assert "only `bertlab lab` passes arguments on" in capsys.readouterr().err


def test_lab_copies_first_and_then_starts_jupyter_on_the_tour(tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(launcher, "open_lab", lambda *arguments: started.append(arguments))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--port", "9123", "--no-browser", "--", "--ip=127.0.0.1"]) == 0
    folder = tmp_path / "bertlab-notebooks"
    assert started == [(folder, 9123, False, ["--ip=127.0.0.1"])]
    original = launcher.notebook_source() / "00_tour.ipynb"
    assert (folder / "00_tour.ipynb").read_bytes() == original.read_bytes()
    arguments = launcher.jupyter_arguments(*started[0])
    assert f"--ServerApp.root_dir={folder}" in arguments
    assert "--LabApp.default_url=/lab/tree/00_tour.ipynb" in arguments
    assert "--ServerApp.port=9123" in arguments
    assert "--ServerApp.open_browser=False" in arguments
    assert arguments[-1] == "--ip=127.0.0.1"


def test_copy_only_starts_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "open_lab", lambda *arguments: pytest.fail("JupyterLab was started"))
    assert cli.main(["lab", "--copy-only", str(tmp_path / "course")]) == 0
    assert "begin with 00_tour.ipynb" in capsys.readouterr().out


def test_a_missing_jupyterlab_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert cli.main(["lab", str(tmp_path / "course")]) == 1
    message = capsys.readouterr().err
    assert "JupyterLab cannot be imported" in message
    assert '-m pip install "bertlab[lab]"' in message


def test_lab_serves_the_tour_and_leaves_a_taken_port_to_its_owner(tmp_path):
    pytest.importorskip("jupyterlab")
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = dict(
            os.environ,
            JUPYTER_CONFIG_DIR=str(tmp_path / "config"),
            JUPYTER_DATA_DIR=str(tmp_path / "data"),
            JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"),
        )
        arguments = ["lab", "--no-browser", "--port", str(port), "--", "--ip=127.0.0.1"]
        log = tmp_path / "log"
        with log.open("w") as stream:
            server = subprocess.Popen(
                [sys.executable, "-m", "bertlab.command.entry", *arguments],
                cwd=tmp_path, stdout=stream, stderr=subprocess.STDOUT, env=environment,
            )  # fmt: skip
        try:
            running = _wait_for_server(tmp_path / "runtime", server, log)
            assert running["port"] != port
            assert running["root_dir"] == str(tmp_path / "bertlab-notebooks")
            address = f"{running['url']}api/contents/00_tour.ipynb?token={running['token']}"
            with urllib.request.urlopen(address, timeout=30) as reply:
                assert json.load(reply)["name"] == "00_tour.ipynb"
            assert "/lab/tree/00_tour.ipynb?token=" in log.read_text()
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for_server(runtime, server, log):
    """The description that a Jupyter server leaves in its runtime folder, once it answers."""
    deadline = time.monotonic() + 180  # a cold disk and a busy machine take their time
    while time.monotonic() < deadline and server.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                running = json.loads(path.read_text())
                urllib.request.urlopen(f"{running['url']}api?token={running['token']}", timeout=5).close()
                return running
            except (OSError, ValueError):
                pass  # still being written, or not listening yet
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
