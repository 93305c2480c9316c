"""HeadsPanel with words instead of pieces: one switch, which maps, rows, answer, code and selection follow."""

import pytest
import torch
from bertlab_widgets import HeadsPanel
from panel_checks import run_code

from bertlab.analysis import words

PIECES = "the unaffable cat embeddings sat."


@pytest.fixture
def panel(lab):
    return HeadsPanel(lab, PIECES, words=True)


def test_a_word_looks_as_the_mean_of_its_pieces_and_is_looked_at_as_their_sum(panel, lab):
    encoding = lab.encode(PIECES)
    expected = words.merge(panel.workbench.recording.attention(1)[0], words.of(encoding))
    panel.layer = 1
    assert torch.allclose(panel.data()["weights"][1], expected, atol=1e-6)
    assert torch.allclose(panel.data()["shown"].sum(-1), torch.ones(len(expected[0])), atol=1e-5)
    assert panel.data()["tokens"] == ["[CLS]", "the", "unaffable", "cat", "embeddings", "sat", ".", "[SEP]"]


def test_the_browser_is_given_words_with_the_positions_of_their_pieces(panel):
    assert [unit["positions"] for unit in panel.units] == [[0], [1], [2, 3, 4], [5], [6, 7, 8], [9], [10], [11]]
    assert panel.tiles["tokens"] == panel.tiles["size"] == 8 and len(panel.block["bytes"]) == 4 * 64
    key = panel.tiles["key"]
    panel.words = False
    assert panel.units == [] and panel.tiles["tokens"] == 12 and panel.tiles["key"] != key


def test_a_selected_piece_selects_its_word(panel):
    panel.selected = [3]
    assert panel.maps.chosen == [2] and "of `unaffable` on" in panel.answer
    assert {row["query_token"] for row in panel.table() if row["selected"]} == {"unaffable"}
    panel.hide_special = True
    assert panel.maps.visible == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("mode", ["attention", "norm", "rollout", "gradient"])
def test_its_code_gives_the_words_on_the_screen_in_every_mode(panel, lab, monkeypatch, mode):
    panel.mode, panel.layer, panel.head, panel.masked = mode, 1, 2, [3]
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)


def test_a_pinned_text_is_compared_by_words_or_by_pieces_not_both(panel, lab, monkeypatch):
    panel.pin()
    panel.text, panel.difference = "the unaffable dog embeddings sat.", True
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)
    panel.words = False
    assert "pin again" in panel.error


def test_a_guess_at_the_gate_may_be_a_word(panel):
    panel.selected, panel.predict_first = [3], True
    assert "unaffable" in panel.gate_question and "embeddings" in panel.gate_choices
    row = panel.data()["shown"][2]
    panel.guess = panel.data()["tokens"][int(row.argmax())]
    assert panel.verdict.startswith("Right")


@pytest.mark.parametrize("kind", ["png", "csv", "html"])
def test_words_are_exported(panel, kind, tmp_path):
    path = panel.export(tmp_path / f"heads.{kind}")
    if kind == "csv":
        assert "unaffable" in path.read_text() and "##aff" not in path.read_text().split("from_")[0]
    assert path.stat().st_size


def test_other_looks_stay_with_tokens(panel):
    for look in ("steps", "effect", "kinds"):
        panel.look = look
        assert panel.answer and not panel.error
