"""The course as static pages: what is run, what is shown, and what is kept out."""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("nbconvert")
pytest.importorskip("nbclient")
from bertlab_widgets.site import build  # noqa: E402
from bertlab_widgets.site.pages import Page, markdown, plain_text  # noqa: E402
from grading_cases import notebook  # noqa: E402

CELLS = [
    ("markdown", "# Masks: what is hidden?\n\nSee [the next one](02_next.ipynb) and [hosts](../docs/hosts.md)."),
    ("code", "from small_lab import small_lab\nfrom bertlab_widgets import *\nlab = small_lab(64)"),
    ("markdown", "### Exercise 01.2: a word\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
    ("code", '### BEGIN SOLUTION\nmany = "secret-answer"\n### END SOLUTION'),
    ("code", 'print("<b>bold</b>", many.upper() and 7)'),
    ("code", 'TokenizerPanel(lab, "the cat sat")'),
    ("code", 'Workbench(lab, "the cat sat on the mat.")'),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "notebooks").mkdir()
    (folder / "docs").mkdir()
    (folder / "notebooks" / "01_masks.ipynb").write_text(notebook(CELLS), encoding="utf-8")
    missing = [("markdown", "# Next: what is missing?"), ("code", "import a_library_that_is_not_there")]
    (folder / "notebooks" / "02_next.ipynb").write_text(notebook(missing), encoding="utf-8")
    (folder / "docs" / "hosts.md").write_text("# Where `panels` run\n\nHere.", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        here = str(Path(__file__).resolve().parents[1])  # small_lab, for the kernels
        patch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
        build(folder / "notebooks", folder / "out", docs=folder / "docs")
        build(folder / "notebooks", folder / "solved", ["01"], solutions=True)
    return folder


def read(site, name):
    return (site / name).read_text(encoding="utf-8")


def test_a_chapter_is_a_page_with_its_outputs_and_its_links(site):
    page = read(site, "out/01_masks.html")
    assert "Masks: what is hidden?</h1>" in page
    assert "&lt;b&gt;bold&lt;/b&gt; 7" in page
    assert 'href="02_next.html"' in page and 'href="docs-hosts.html"' in page
    assert "<div class=wide><table" in page


def test_solutions_are_out_of_sight_unless_they_are_asked_for(site):
    assert "secret-answer" not in read(site, "out/01_masks.html") + read(site, "out/search-index.js")
    assert "your answer here" in read(site, "out/01_masks.html")
    assert "secret-answer" in read(site, "solved/01_masks.html")


def test_every_panel_is_a_page_of_its_own_and_each_tab_of_a_workbench_too(site):
    page = read(site, "out/01_masks.html")
    frames = page.count("<iframe")
    assert frames == len(list((site / "out" / "panels").glob("01_masks-*.html"))) > 3
    assert page.count('<details class="tab" open') == 1
    assert "renderPage(" in read(site, "out/panels/01_masks-1.html")
    assert "postMessage" in read(site, "out/panels/01_masks-1.html")


def test_a_chapter_whose_extra_is_missing_says_so(site):
    assert "was not run here: No module named" in read(site, "out/02_next.html")


def test_pages_name_no_address_beyond_their_neighbours(site):
    for path in (site / "out").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'src="http' not in text and "@import" not in text and "connect-src 'none'" in text


def test_search_knows_each_heading(site):
    text = read(site, "out/search-index.js").removeprefix("window.BERTLAB_INDEX = ").rstrip(";\n")
    rows = json.loads(text)
    assert {row["heading"] for row in rows} >= {"Masks: what is hidden?", "Where panels run"}
    assert all(row["url"].partition("#")[2].startswith("s") for row in rows)


def test_a_folder_with_other_things_in_it_is_left_alone(site, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other things"):
        build(site / "notebooks", tmp_path)
    with pytest.raises(NotADirectoryError):
        build(site / "notebooks", tmp_path / "thesis.txt")
    with pytest.raises(LookupError, match="there are 01_masks, 02_next"):
        build(site / "notebooks", tmp_path / "new", ["99"])


def test_a_chapter_that_fails_is_not_published(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "01_bad.ipynb").write_text(notebook([("code", "1 / 0")]), encoding="utf-8")
    with pytest.raises(ValueError, match="01_bad.ipynb fails \\(ZeroDivisionError"):
        build(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out" / "index.html").exists()


def test_headings_have_anchors_and_text_is_plain():
    page = Page("01_x", "X", [markdown("# One\n\ntext\n\n## `Two` & three")])
    assert [row["url"] for row in page.sections()] == ["01_x.html#s1", "01_x.html#s2"]
    assert page.sections()[1]["heading"] == "Two & three"
    assert plain_text("a<br>b &lt;c&gt;") == "a b <c>"


def test_links_between_languages_lead_to_pages():
    assert 'href="zh-00_tour.html"' in markdown("[中文](zh/00_tour.ipynb)")
    chinese = markdown("[a](../02_embed.ipynb) [b](01_tokenize.ipynb) [c](../../docs/hosts.md)", "zh")
    for target in ("02_embed", "zh-01_tokenize", "docs-hosts"):
        assert f'href="{target}.html"' in chinese
    assert 'href="03_attention.html"' in markdown("[a](../notebooks/03_attention.ipynb)")


def test_a_translated_chapter_is_a_page_of_its_own_and_says_its_language(tmp_path):
    for folder, title in (("in", "One"), ("in/zh", "一")):
        (tmp_path / folder).mkdir()
        cells = [("markdown", f"# {title}?"), ("code", "print(1)")]
        (tmp_path / folder / "01_one.ipynb").write_text(notebook(cells), encoding="utf-8")
    build(tmp_path / "in", tmp_path / "out")
    assert '<article lang=zh dir="ltr">' in read(tmp_path, "out/zh-01_one.html") and "一?" in read(
        tmp_path, "out/zh-01_one.html"
    )
    assert '<article lang=en dir="ltr">' in read(tmp_path, "out/01_one.html")
    build(tmp_path / "in", tmp_path / "one", ["zh-01"])
    assert not (tmp_path / "one" / "01_one.html").exists()
