"""The benchmarks start from a bare checkout, and their guide names every one of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
HELPERS = {"timing.py"}
IN_A_BROWSER = {"panels.py", "heads_panel.py"}


def test_the_guide_names_every_benchmark():
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.py"):
        assert path.name in HELPERS or f"`python benchmarks/{path.name}" in guide, path.name


@pytest.mark.parametrize("name", ["panels.py", "heads_panel.py", "watching.py", "class_kernels.py"])
def test_the_benchmarks_of_the_panels_find_the_panels_by_themselves(name, tmp_path):
    if name in IN_A_BROWSER:
        pytest.importorskip("playwright")
    pytest.importorskip("anywidget")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(FOLDER / name), "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {name}")
