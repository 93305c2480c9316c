"""What holds where a kernel gives no namespaces: honest code is refused, and it is said what is not held."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="submissions are graded on Linux or macOS")


def run(code, box):
    """What a fresh process prints that runs this code after `guard_python`."""
    start = "from pathlib import Path\nfrom bertlab.grading.confined import guard_python\n"
    start += f"guard_python(Path({str(box)!r}))\n"
    command = [sys.executable, "-c", start + code]
    done = subprocess.run(command, cwd=box, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


@pytest.fixture
def box(tmp_path):
    (tmp_path / "box").mkdir()
    (tmp_path / "mine.txt").write_text("whole")
    return tmp_path / "box"


@pytest.mark.parametrize(
    "harm",
    [
        "open('../mine.txt', 'w')",
        "open('../mine.txt', 'a')",
        "open('../mine.txt', 'r+')",
        "Path('../mine.txt').write_text('gone')",
        "Path('../mine.txt').unlink()",
        "import os; os.rename('../mine.txt', 'stolen.txt')",
        "import os; os.open('../new.txt', os.O_CREAT | os.O_WRONLY)",
        "import os; os.mkdir('../new')",
        "import os; os.truncate('../mine.txt', 0)",
        "import os; os.symlink('..', 'up'); open('up/mine.txt', 'w')",
        "import shutil; shutil.rmtree('..')",
        "import os; os.kill(os.getppid(), 0)",
        "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
    ],
)
def test_writing_outside_and_reaching_others_is_refused(box, harm):
    assert "PermissionError: a submission" in run(harm, box)
    assert (box.parent / "mine.txt").read_text() == "whole"
    assert sorted(path.name for path in box.parent.iterdir()) == ["box", "mine.txt"]


def test_reading_and_writing_in_its_own_folder_is_not(box):
    code = """
import os, pathlib, tempfile
pathlib.Path("deep").mkdir()
pathlib.Path("deep/a.txt").write_text("1")
os.rename("deep/a.txt", "b.txt")
print(open("b.txt").read(), open("../mine.txt").read(), open(os.devnull, "w").write("x"))
os.remove("b.txt")
"""
    assert run(code, box).split() == ["1", "whole", "1"]


def read_if_there(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's")
def test_a_kernel_without_namespaces_is_named_and_the_work_goes_on(box):
    code = f"""
from pathlib import Path
from bertlab.grading import confined
true_call = confined._call
def call(name, *arguments):
    if name == "unshare":
        raise OSError("not here")
    return true_call(name, *arguments)
confined._call = call
print(confined.confine(Path({str(box)!r}), 16), flush=True)
"""
    code += "import os, subprocess\nsubprocess.Popen(['sleep', '31415926'], start_new_session=True)\n"
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    with open(box / "said", "w+") as said:  # a pipe would wait for whoever holds it
        done = subprocess.run(command, env=environment, stdout=said, stderr=said, timeout=120)
        said.seek(0)
        printed = said.read()
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"31415926" in read_if_there(path)]
    assert left == [], "what it left running was ended"
    assert printed.strip() == "['the network', 'writing outside its folder', 'other processes']"
    assert done.returncode == 0
