"""Marks without a server: right, half right, empty and hostile submissions, each in a process that harms nobody."""

import os
import sys
import time

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from grading_cases import answered, hand_in, write_chapters

from bertlab import language
from bertlab.check import student_copy
from bertlab.grading import Limits, grade
from bertlab.grading.confined import descendants

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="submissions are confined on Linux")
RIGHT = ('"antidisestablishmentarianism"', '("Café", "cafe")')
DEAF = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"  # to the end of its cell's time
SHORT = Limits(seconds=90, cell_seconds=20, megabytes=2048, processes=20)


@pytest.fixture
def chapters(tmp_path):
    return write_chapters(tmp_path / "chapters")


def graded(tmp_path, chapters, text, limits=SHORT):
    hand_in(tmp_path / "in", "eve", text)
    found = grade(tmp_path / "in", chapters, limits=limits)
    return found, found.marks["eve"]


def test_a_right_a_half_right_and_an_empty_submission_get_their_points(tmp_path, chapters):
    folder = tmp_path / "in"
    hand_in(folder, "ada", answered(*RIGHT))
    hand_in(folder, "ben", answered('"cat"', RIGHT[1]))
    hand_in(folder, "eve", answered())
    hand_in(folder, "zoe", answered('"dog"'))
    heard = []
    found = grade(folder, chapters, limits=SHORT, follow=heard.append)
    states = {student: [mark.state for mark in row.values()] for student, row in found.marks.items()}
    assert states == {
        "ada": ["correct", "correct"],
        "ben": ["differs", "correct"],
        "eve": ["todo", "todo"],
        "zoe": ["differs", "todo"],
    }
    assert [question.number for question in found.questions] == ["01.2", "01.3"]
    (number, kind, example, students) = found.mistakes()[0]
    assert (number, students) == ("01.2", ["ben", "zoe"])
    assert "Frequent words are whole" in kind and "'cat' is 1 pieces" in example
    assert heard[0] == "ada: 01_tokenize, 2 of 2 right"


def test_a_mistake_is_one_mistake_whatever_language_a_submission_speaks(tmp_path, chapters):
    folder = tmp_path / "in"
    hand_in(folder, "zoe", answered('"dog"'))
    hand_in(folder, "ben", answered('"cat"', before='from bertlab import language\nlanguage.use("de", ".")'))
    catalogue = Catalog(locale="de")
    catalogue.add("Frequent words are whole. Try technical, very long, or dialect words.", "Versuche seltene Wörter.")
    own = folder / "ben" / "de" / "LC_MESSAGES"
    own.mkdir(parents=True)
    with open(own / "bertlab.mo", "wb") as file:
        write_mo(file, catalogue)
    found = grade(folder, chapters, limits=SHORT)
    ((number, kind, _, students),) = found.mistakes()
    assert number == "01.2" and "Frequent words are whole" in kind and sorted(students) == ["ben", "zoe"]


@pytest.mark.skipif("zh" not in language.known(), reason="there is no Chinese catalogue")
def test_a_report_is_made_in_the_language_of_the_teacher(tmp_path, chapters):
    hand_in(tmp_path / "in", "ben", answered('"cat"'))
    language.use("zh")
    try:
        ((_, kind, _, _),) = grade(tmp_path / "in", chapters, limits=SHORT).mistakes()
        assert kind == language.say("Frequent words are whole. Try technical, very long, or dialect words.")
    finally:
        language.use("en")


def test_answers_before_and_after_a_failing_cell_count(tmp_path, chapters):
    _, marks = graded(tmp_path, chapters, answered(RIGHT[0], "1 / 0"))
    assert [mark.state for mark in marks.values()] == ["correct", "todo"]


def test_a_loop_costs_its_cell_alone(tmp_path, chapters):
    loop = "while True:\n    try:\n        pass\n    except Exception:\n        pass"
    found, marks = graded(tmp_path, chapters, answered(*RIGHT, before=loop), Limits(seconds=60, cell_seconds=1))
    assert [mark.state for mark in marks.values()] == ["correct", "correct"]
    assert found.notes == []


@pytest.mark.parametrize(
    "harm, reason",
    [
        (f"{DEAF}while True: pass", "stopped after 8 s"),
        (
            f"{DEAF}while True: print('x' * 9999)",
            "stopped",
        ),  # by its time, or its memory: IPython keeps what is printed
        ("import os\nos._exit(0)", "ended before its last cell"),
        (f"{DEAF}kept = []\nwhile True: kept.append(bytearray(b'x' * 50_000_000))", "more than 1500 MB of memory"),
        ("import os, time\nfor _ in range(200):\n    if not os.fork(): time.sleep(60)", "more than 20 processes"),
        ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "more than 20 processes"),
    ],
    ids=["loops", "prints for ever", "exits", "fills memory", "starts many", "forks for ever"],
)
def test_what_does_not_end_is_ended_with_all_that_it_started(tmp_path, chapters, harm, reason):
    seconds = 60 if "more" in reason else 8
    before = set(descendants(os.getpid()))
    start = time.monotonic()
    limits = Limits(seconds=seconds, cell_seconds=4, megabytes=1500, processes=20)
    found, marks = graded(tmp_path, chapters, answered(*RIGHT, before=harm), limits)
    assert time.monotonic() - start < 300
    assert [mark.state for mark in marks.values()] == ["missing", "missing"]
    assert reason in found.notes[0][1]
    assert set(descendants(os.getpid())) <= before


def test_nothing_is_written_outside_its_folder_and_nobody_is_reached(tmp_path, chapters):
    victim = tmp_path / "victim.txt"
    victim.write_text("whole")
    harm = f"""
import ctypes, os, shutil, socket, subprocess
def attempt(action):
    try: action()
    except BaseException: pass
attempt(lambda: open({str(victim)!r}, "w").write("gone"))
attempt(lambda: os.remove({str(victim)!r}))
attempt(lambda: os.system("echo gone > {victim}"))
attempt(lambda: subprocess.run(["rm", "-rf", {str(tmp_path)!r}]))
attempt(lambda: ctypes.CDLL(None).unlink({str(victim).encode()!r}))
attempt(lambda: os.kill({os.getpid()}, 9))
attempt(lambda: os.kill(-1, 9))
attempt(lambda: ctypes.CDLL(None).kill({os.getpid()}, 9))
attempt(lambda: shutil.rmtree(os.path.expanduser("~")))
"""
    hand_in(tmp_path / "in", "eve", answered(*RIGHT, before=harm))
    found = grade(tmp_path / "in", chapters, limits=SHORT)
    if "writing outside its folder" in found.lacking:
        pytest.skip("this kernel gives no mount namespaces; the report says so")
    assert victim.read_text() == "whole"
    assert (tmp_path / "in" / "eve" / "01_tokenize.ipynb").is_file()
    assert [mark.state for mark in found.marks["eve"].values()] == ["correct", "correct"]


def test_a_submission_has_no_network_not_even_this_machine(tmp_path, chapters):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        shout = f"import os\nos.system('exec 3<>/dev/tcp/127.0.0.1/{port}')\nimport socket\n"
        shout += f"socket.create_connection(('127.0.0.1', {port}))"
        found, marks = graded(tmp_path, chapters, answered(*RIGHT, before=shout))
        if "the network" in found.lacking:
            pytest.skip("this kernel gives no network namespaces; the report says so")
        with pytest.raises(TimeoutError):
            server.accept()
    assert marks["01.2"].state == "correct"


def test_the_environment_of_the_teacher_stays_unknown(tmp_path, chapters, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "xyzzy")
    peek = 'import os\nmany = os.environ.get("SECRET_OF_THE_TEACHER", "antidisestablishmentarianism")'
    cells = answered("many", RIGHT[1], before=peek)
    _, marks = graded(tmp_path, chapters, cells)
    assert marks["01.2"].state == "correct"


def test_files_beside_a_notebook_are_there_and_links_are_not(tmp_path, chapters):
    path = hand_in(tmp_path / "in", "eve", answered('open("word.txt").read()', '(open("link.txt").read(), "b")'))
    (path.parent / "word.txt").write_text("antidisestablishmentarianism")
    (tmp_path / "secret.txt").write_text("secret")
    (path.parent / "link.txt").symlink_to(tmp_path / "secret.txt")
    marks = grade(tmp_path / "in", chapters, limits=SHORT).marks["eve"]
    assert [mark.state for mark in marks.values()] == ["correct", "todo"]


def test_a_file_with_the_name_of_a_library_is_not_that_library(tmp_path, chapters):
    path = hand_in(tmp_path / "in", "eve", answered("helper.word", RIGHT[1], before="import helper"))
    (path.parent / "torch.py").write_text("raise RuntimeError('not torch')")
    (path.parent / "IPython.py").write_text("raise RuntimeError('not IPython')")
    (path.parent / "helper.py").write_text(f"word = {RIGHT[0]}")
    marks = grade(tmp_path / "in", chapters, limits=SHORT).marks["eve"]
    assert [mark.state for mark in marks.values()] == ["correct", "correct"]


def test_what_is_no_chapter_is_said_and_the_others_are_graded(tmp_path, chapters):
    folder = tmp_path / "in"
    hand_in(folder, "ada", answered(*RIGHT), "my work.ipynb")  # known by what it checks
    hand_in(folder, "ben", "{not json", "01_tokenize.ipynb")
    hand_in(folder, "cyd", answered().replace("check", "chuck"), "poem.ipynb")
    (folder / "dan_01_tokenize.ipynb").write_text(answered(RIGHT[0]), encoding="utf-8")
    found = grade(folder, chapters, limits=SHORT)
    assert [mark.state for mark in found.marks["ada"].values()] == ["correct", "correct"]
    assert [mark.state for mark in found.marks["dan"].values()] == ["correct", "todo"]
    assert [mark.state for mark in found.marks["ben"].values()] == ["missing", "missing"]
    assert [student for student, _ in found.notes] == ["ben", "cyd"]
    assert "no notebook" in found.notes[0][1] and "none of the chapters" in found.notes[1][1]


def test_the_better_of_two_submissions_counts(tmp_path, chapters):
    hand_in(tmp_path / "in", "ada", answered(RIGHT[0], '"x"'))
    hand_in(tmp_path / "in", "ada", answered('"cat"', RIGHT[1]), "01_tokenize again.ipynb")
    found = grade(tmp_path / "in", chapters, limits=SHORT)
    assert [mark.state for mark in found.marks["ada"].values()] == ["correct", "correct"]
    assert "more than once" in found.notes[0][1]


def test_a_copy_in_another_language_that_nobody_wrote_in_is_not_graded(tmp_path, chapters):
    open_copy = student_copy((chapters / "01_tokenize.ipynb").read_text(encoding="utf-8"))
    hand_in(tmp_path / "in", "ada", answered(*RIGHT))
    hand_in(tmp_path / "in" / "ada", "en", open_copy)
    hand_in(tmp_path / "in", "ben", open_copy)
    hand_in(tmp_path / "in" / "ben", "en", answered(*RIGHT))
    hand_in(tmp_path / "in", "cyd", open_copy)
    hand_in(tmp_path / "in" / "cyd", "en", open_copy)
    heard = []
    found = grade(tmp_path / "in", chapters, limits=SHORT, follow=heard.append)
    states = {student: [mark.state for mark in row.values()] for student, row in found.marks.items()}
    assert states == {"ada": ["correct"] * 2, "ben": ["correct"] * 2, "cyd": ["todo"] * 2}
    assert len(heard) == 3 and not found.notes


def test_the_solutions_of_a_working_copy_earn_nothing(tmp_path, chapters):
    hand_in(tmp_path / "in", "ada", answered('"cat"'))
    hand_in(tmp_path / "in" / "ada", "solutions", answered(*RIGHT))
    hand_in(tmp_path / "in" / "ada", ".ipynb_checkpoints", answered(*RIGHT))
    marks = grade(tmp_path / "in", chapters, limits=SHORT).marks["ada"]
    assert [mark.state for mark in marks.values()] == ["differs", "todo"]


def test_folders_and_limits_that_cannot_be_are_refused(tmp_path, chapters):
    with pytest.raises(NotADirectoryError, match="there is no folder"):
        grade(tmp_path / "nowhere", chapters)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LookupError, match="no notebook"):
        grade(tmp_path / "empty", chapters)
    with pytest.raises(LookupError, match="there are 01_tokenize"):
        grade(tmp_path / "empty", chapters, names=["99"])
    for wrong in (0, -1, 1.5, True, "60"):
        with pytest.raises(ValueError, match="the limit seconds"):
            Limits(seconds=wrong)
