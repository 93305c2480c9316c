"""The command and the working copy in another language."""

import json
import os
import subprocess
import sys

import pytest

from bertlab import language
from bertlab.check.student import BEGIN, END
from bertlab.command import course as launcher
from bertlab.command import entry as cli


def chapter(text, *code):
    cells = [{"cell_type": "markdown", "source": [text]}]
    cells += [{"cell_type": "code", "source": [line], "outputs": []} for line in code]
    return json.dumps({"cells": cells}, ensure_ascii=False)


@pytest.fixture
def course(tmp_path):
    """Three English chapters, two of them in Chinese too."""
    source = tmp_path / "installed"
    exercise = f"{BEGIN}\nshare = 1\n{END}"
    written = {
        "00_tour.ipynb": chapter("A tour [zh](zh/00_tour.ipynb) [tokens](01_tokenize.ipynb) [next](02_embed.ipynb)"),
        "01_tokenize.ipynb": chapter("Tokens", exercise),
        "02_embed.ipynb": chapter("Embeddings [before](01_tokenize.ipynb)"),
        "zh/00_tour.ipynb": chapter(
            "导览 [en](../00_tour.ipynb) [词元](01_tokenize.ipynb) [下一章](../02_embed.ipynb)"
        ),
        "zh/01_tokenize.ipynb": chapter("词元", exercise),
    }
    for name, text in written.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    return source


@pytest.fixture
def english_again(monkeypatch):
    """What a test chose to speak is forgotten after it, by this process and by those that it starts."""
    monkeypatch.setenv("BERTLAB_LANGUAGE", "en")
    yield
    language.use("en")


def text(path):
    return path.read_text(encoding="utf-8")


def test_translated_chapters_come_in_place_of_the_english_ones_which_lie_in_en(course, tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "copy", course, "zh").folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb")}
    assert names == {
        "00_tour.ipynb", "01_tokenize.ipynb", "02_embed.ipynb", "en/00_tour.ipynb", "en/01_tokenize.ipynb",
        "solutions/01_tokenize.ipynb", "solutions/en/01_tokenize.ipynb",
    }  # fmt: skip
    assert "导览" in text(folder / "00_tour.ipynb") and "A tour" in text(folder / "en" / "00_tour.ipynb")
    assert "词元" in text(folder / "01_tokenize.ipynb") and "share = ..." in text(folder / "01_tokenize.ipynb")


def test_links_lead_to_where_the_chapters_lie(course, tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "copy", course, "zh").folder
    chinese, english = text(folder / "00_tour.ipynb"), text(folder / "en" / "00_tour.ipynb")
    for link in ("[en](en/00_tour.ipynb)", "[词元](01_tokenize.ipynb)", "[下一章](02_embed.ipynb)"):
        assert link in chinese
    for link in ("[zh](../00_tour.ipynb)", "[tokens](01_tokenize.ipynb)", "[next](../02_embed.ipynb)"):
        assert link in english
    assert "[before](01_tokenize.ipynb)" in text(folder / "02_embed.ipynb")


def test_the_english_copy_is_the_course_as_it_is(course, tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "copy", course).folder
    for name in ("00_tour.ipynb", "02_embed.ipynb", "zh/00_tour.ipynb"):
        assert (folder / name).read_bytes() == (course / name).read_bytes()


def test_a_language_without_chapters_leaves_them_english(course, tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "copy", course, "fr").folder
    assert "A tour" in text(folder / "00_tour.ipynb") and "导览" in text(folder / "zh" / "00_tour.ipynb")


def test_a_changed_translation_is_kept_and_its_new_edition_comes_beside_it(course, tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "copy", course, "zh").folder
    (folder / "00_tour.ipynb").write_text("我的笔记", encoding="utf-8")
    assert launcher.copy_notebooks(folder, course, "zh").kept == ["00_tour.ipynb"]
    (course / "zh" / "00_tour.ipynb").write_text(chapter("新的导览"), encoding="utf-8")
    assert launcher.copy_notebooks(folder, course, "zh").beside == {"00_tour.ipynb": "00_tour.new.ipynb"}
    assert text(folder / "00_tour.ipynb") == "我的笔记"


def test_the_chinese_course_of_this_bertlab_reaches_students_without_a_solution(tmp_path):
    folder = launcher.copy_notebooks(tmp_path / "course", language="zh").folder
    assert 'language.use("zh")' in text(folder / "03_attention.ipynb").replace('\\"', '"')
    for path in folder.rglob("*.ipynb"):
        assert "solutions" in path.parts or BEGIN not in text(path), path


def test_lab_opens_a_copy_of_its_own_in_the_language_and_speaks_it(tmp_path, monkeypatch, capsys, english_again):
    started = []
    monkeypatch.setattr(launcher, "open_lab", lambda *arguments: started.append((arguments, language.current())))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--language", "zh", "--no-browser"]) == 0
    assert started == [((tmp_path / "bertlab-notebooks-zh", None, False, []), "zh")]
    assert "正在用JupyterLab打开" in capsys.readouterr().out


def test_copy_only_says_how_another_jupyter_learns_the_language(tmp_path, capsys, english_again):
    assert cli.main(["lab", "--language", "zh", "--copy-only", str(tmp_path / "course")]) == 0
    assert "BERTLAB_LANGUAGE=zh" in capsys.readouterr().out
    assert cli.main(["lab", "--language", "en", "--copy-only", str(tmp_path / "english")]) == 0
    assert "BERTLAB_LANGUAGE" not in capsys.readouterr().out


def test_the_kernels_inherit_the_language(tmp_path, monkeypatch, english_again):
    application = pytest.importorskip("jupyterlab.labapp").LabApp
    heard = []
    monkeypatch.setattr(application, "launch_instance", lambda arguments: heard.append(os.environ["BERTLAB_LANGUAGE"]))
    for spoken in ("zh", "en"):
        language.use(spoken)
        launcher.open_lab(tmp_path)
    assert heard == ["zh", "en"]


def test_an_unknown_language_is_refused_with_those_there_are_and_nothing_is_copied(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", "--language", "tlh", "--copy-only"]) == 1
    assert "the language 'tlh' was given; there are en, zh" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "chosen, expected",
    [
        ({"BERTLAB_LANGUAGE": "zh"}, "从00_tour.ipynb开始"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "zh"}, "at 00_tour.ipynb"),
    ],
)
def test_help_speaks_the_chosen_language_whatever_the_locale_of_the_machine(chosen, expected):
    environment = {name: value for name, value in os.environ.items() if name != "BERTLAB_LANGUAGE"}
    done = subprocess.run(
        [sys.executable, "-m", "bertlab.command.entry", "lab", "--help"], capture_output=True, encoding="utf-8",
        env={**environment, "PYTHONUTF8": "1", **chosen}, timeout=120,
    )  # fmt: skip
    assert expected in done.stdout
