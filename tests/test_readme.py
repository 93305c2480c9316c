"""The README keeps its promises: its code runs, its links lead somewhere, its commands exist."""

import re
import shlex
from pathlib import Path

import pytest

from bertlab.command import entry as cli

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    pytest.importorskip("anywidget")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python"):
        if not block.startswith("# needs the network"):
            exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 7
    seen, change = printed[-1].split()
    assert int(seen) == names["lab"].model.config.num_hidden_layers
    assert float(change) > 0.1


def test_the_panels_that_the_readme_names_exist():
    panels = pytest.importorskip("bertlab_widgets", exc_type=ImportError)
    named = re.findall(r"^\| `(\w+Panel)` \|", README, re.MULTILINE)
    for name in named:
        assert hasattr(panels, name), name
    assert len(named) >= 5 and hasattr(panels, "Workbench")


def test_the_readme_lists_every_chapter():
    listed = re.findall(r"^\| `(\d\d_\w+)` \|", README, re.MULTILINE)
    assert listed == sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_inside_the_repository_lead_to_a_file(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_the_commands_of_the_readme_exist():
    text = "\n".join(blocks("bash")) + "\n".join(re.findall(r"`([^`\n]+)`", README))
    used = set()
    for command in re.findall(r"(?<!from )\bbertlab (?=[a-z])[^&|`\n]*", text):
        used.add(shlex.split(command)[1])
    assert used <= {"lab", "info", "convert", "course", "report", "site", *cli.TRAINING_COMMANDS}
    assert {"lab", "info", "pretrain"} <= used
