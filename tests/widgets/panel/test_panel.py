"""What holds for every panel: linking, state, code, exports, errors, the browser's messages."""

import csv
import io
import json
import re

import pytest
import torch
from bertlab_widgets import (
    BugLabPanel,
    ComparePanel,
    DataPanel,
    EmbeddingPanel,
    HeadsPanel,
    IntervenePanel,
    LayersPanel,
    MaskPanel,
    ModelPanel,
    SimilarityPanel,
    TokenizerPanel,
    Workbench,
)
from bertlab_widgets.panel import Panel, percent
from bertlab_widgets.workbench import SelectionError
from panel_checks import PANELS, TEXT, answer_to, each_panel, run_code, shown_by
from small_lab import small_lab


def test_a_token_selected_in_one_panel_is_selected_in_all(lab):
    workbench = Workbench(lab, TEXT)
    panels = [kind(workbench=workbench) for kind in PANELS]
    panels[2].selected = [3]
    assert [panel.selected for panel in panels] == [[3]] * len(PANELS)
    panels[1].masked = [4]
    assert all(panel.tokens[4]["text"] == "[MASK]" for panel in panels)


@each_panel
def test_a_panel_stands_alone_in_one_line(kind, lab):
    panel = kind(lab, TEXT)
    assert panel.text == TEXT and panel.answer and not panel.error
    assert repr(panel) == f"{kind.__name__}({TEXT!r})"
    assert "0x" not in repr(panel)


@each_panel
def test_without_a_text_a_panel_opens_on_its_first_preset(kind, lab):
    fitting = (name for name, state in kind.preset_states.items() if "task:" not in state.get("other", ""))
    first, panel = next(fitting), kind(lab)  # no task is trained in this lab, so there is no encoder of one
    assert panel.preset == first and panel.text == kind.preset_states[first]["text"]


@each_panel
def test_every_preset_can_be_shown(kind, lab):
    panel = kind(lab, TEXT)
    for name, preset in kind.preset_states.items():
        state = {key: value for key, value in preset.items() if key in ("text", "text_pair", "look", "against")}
        panel._apply(state)
        assert panel.answer and not panel.error, name
        assert preset["note"], name


@each_panel
def test_state_is_short_json_that_makes_the_same_panel(kind, lab):
    panel = kind(lab, TEXT)
    panel.selected, panel.masked, panel.layer, panel.ablated = [3], [5], 1, [(0, 2)]
    text = json.dumps(panel.state())
    again = kind.from_state(lab, text)
    assert len(text) < 300
    assert again.state() == panel.state()
    assert again.answer == panel.answer


@each_panel
def test_a_state_of_another_panel_is_refused(kind, lab):
    with pytest.raises(ValueError, match="the state is one of"):
        kind.from_state(lab, {"panel": "Other"})


@each_panel
def test_a_setting_that_does_not_exist_is_refused(kind, lab):
    with pytest.raises(TypeError, match="has no setting 'colour'"):
        kind(lab, TEXT, colour="red")


@each_panel
def test_reset_takes_back_what_was_done_and_keeps_the_text(kind, lab):
    panel = kind(lab, TEXT)
    panel.selected, panel.masked, panel.ablated, panel.predict_first = [3], [5], [(0, 2)], True
    panel.reset()
    assert panel.state() == {"panel": kind.__name__, "text": TEXT}
    assert not panel.predict_first


@each_panel
@pytest.mark.parametrize("text", ["", "   ", "[SEP]"])
def test_nothing_to_look_at_is_an_invitation_and_no_error(kind, lab, text):
    panel = kind(lab, TEXT)
    panel.text = text
    assert not panel.error
    assert panel.view == {"empty": True} or panel.tokens[1]["text"] == "[SEP]"


@each_panel
@pytest.mark.parametrize("text", ["東京 🍕 naïve", "شكرا", "x" * 500, "cat " * 200, "a\u200bb\x00c", "[MASK] [MASK]"])
def test_awkward_texts_are_shown_without_an_error(kind, lab, text):
    panel = kind(lab, text)
    assert not panel.error
    assert len(panel.tokens) <= 64


def test_a_cut_text_says_so(lab):
    panel = MaskPanel(lab, "cat " * 200)
    assert "Cut after 64 tokens" in panel.note


@each_panel
def test_a_browser_that_asks_for_the_impossible_gets_a_sentence(kind, lab):
    panel = kind(lab, TEXT)
    panel.set_state({"layer": 99})
    assert panel.error == "Layer 99 was given, but allowed is 0 to 2."
    assert panel.layer == panel.workbench.layer == 0
    panel.selected = [2]
    assert panel.error == ""


@each_panel
def test_only_the_listed_calls_can_be_made_from_the_browser(kind, lab):
    panel = kind(lab, TEXT)
    content, _ = answer_to(panel, "close")
    assert "not among this panel's calls" in content["error"]
    assert answer_to(panel, "code")[0]["result"] == panel.code()


@each_panel
def test_the_export_button_sends_the_file(kind, lab):
    content, buffers = answer_to(kind(lab, TEXT, masked=[2]), "exported", kind="csv")
    assert content["result"]["name"].endswith(".csv")
    assert buffers[0].startswith(next(iter(kind(lab, TEXT, masked=[2]).table()[0])).encode())


@each_panel
def test_every_export_names_model_and_sentence(kind, lab, tmp_path):
    panel = kind(lab, TEXT, masked=[2])
    page = panel.export(tmp_path / "panel.html").read_text(encoding="utf8")
    assert TEXT in page and "small ·" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page) and "@import" not in page
    rows = list(csv.DictReader(io.StringIO(panel.export(tmp_path / "panel.csv").read_text(encoding="utf8"))))
    assert rows[0]["from_model"] == "small" and rows[0]["from_text"] == TEXT
    assert panel.export(tmp_path / "panel.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in panel.export(tmp_path / "panel.svg").read_bytes()
    with pytest.raises(ValueError, match="allowed suffixes"):
        panel.export(tmp_path / "panel.xlsx")


@each_panel
def test_a_viewed_notebook_shows_a_small_static_twin(kind, lab):
    html = kind(lab, TEXT, masked=[2])._repr_mimebundle_()[0]["text/html"]
    assert kind.question_text in html and TEXT[:20] in html
    assert "<script" not in html and len(html) < 100_000


@each_panel
def test_a_notebook_keeps_the_static_twin_and_the_live_view_as_two_outputs(kind, lab, monkeypatch):
    panel = kind(lab, TEXT)
    twin, view = shown_by(panel, monkeypatch)
    assert set(twin) == {"text/html", "text/plain"} and kind.question_text in twin["text/html"]
    assert f'data-bertlab="{panel.twin}"' in twin["text/html"] and panel.twin
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    assert view["text/html"] == view["text/plain"] == ""  # a viewer that cannot show it shows nothing


def test_a_twin_that_cannot_be_drawn_leaves_the_live_view(lab, monkeypatch):
    panel = MaskPanel(lab, TEXT)
    monkeypatch.setattr(panel, "static_html", lambda: 1 / 0)
    (view,) = shown_by(panel, monkeypatch)
    assert view["text/plain"] == repr(panel)


def nearest_to_its_embedding(panel):
    """The token whose last state is most like its first one."""
    first, last = (panel.workbench.recording.hidden(state)[0] for state in (0, 3))
    return panel.tokens[1 + int(torch.cosine_similarity(first, last, dim=-1)[1:-1].argmax())]["text"]


def best_restoring(panel):
    """The token whose hidden state restores most in the middle layers."""
    assert panel.wait(60)
    middle = panel.looks["patch"].middle(panel.data())
    return panel.tokens[int(middle.argmax())]["original"]


def most_changed(panel):
    """After which layer the hidden states differ most."""
    assert panel.wait(60)
    state = int(panel.data()["cosine"].argmin())
    return "embeddings" if state == 0 else str(state - 1)


@each_panel
def test_the_gate_grades_a_guess_against_the_live_numbers(kind, lab):
    panel = kind(lab, TEXT, masked=[2], predict_first=True)
    assert panel.gate_question.endswith("?") and not panel.verdict
    panel.guess = {
        TokenizerPanel: str(len(panel.tokens)),
        MaskPanel: panel.workbench.predictions(2, 1)[0]["token"],
        BugLabPanel: str(100 * panel.view["change"]) if kind is BugLabPanel else "",
        DataPanel: str(100 * panel.judged.accuracy) if kind is DataPanel else "",
        HeadsPanel: panel.tokens[int(panel.workbench.recording.attention(0)[0, 0, 1].argmax())]["text"],
        ModelPanel: "all layers",
        EmbeddingPanel: "position",
        LayersPanel: nearest_to_its_embedding(panel) if kind is LayersPanel else "",
        ComparePanel: most_changed(panel) if kind is ComparePanel else "",
        IntervenePanel: best_restoring(panel) if kind is IntervenePanel else "",
        SimilarityPanel: "1.0",  # of the sentence with itself
    }[kind]
    assert panel.verdict.startswith("Right")
    panel.text = "the cat"
    assert panel.guess == panel.verdict == ""


@each_panel
def test_a_pin_keeps_the_answer_until_it_is_taken_away(kind, lab):
    panel = kind(lab, TEXT, masked=[2])
    answer = panel.answer
    panel.pin()
    panel.text, panel.masked = "a cat sat.", [1]
    assert answer in panel.pinned["answer"]
    assert panel.answer != answer or not panel.needs_text  # a whole set has its answer whatever the text
    panel.unpin()
    assert panel.pinned == {}


def test_the_code_of_the_heads_panel_gives_the_weights_on_the_screen(lab, monkeypatch):
    panel = HeadsPanel(lab, TEXT, layer=1, head=2, masked=[3], heads=[(2, 0)])
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-6)


def test_the_code_of_the_mask_panel_gives_the_bars_on_the_screen(lab, monkeypatch):
    panel = MaskPanel(lab, TEXT, masked=[3, 5])
    panel.force(2, "dog")
    result = run_code(panel, lab, monkeypatch)
    assert list(result) == [3, 5]
    for place, rows in panel.data().items():
        assert result[place] == pytest.approx({row["token"]: row["probability"] for row in rows}, rel=1e-4)


def test_the_code_of_the_tokenizer_panel_gives_the_table_on_the_screen(lab, monkeypatch, capsys):
    panel = TokenizerPanel(lab, TEXT, "unaffable")
    expected = [(row["token"], row["id"], row["type"], (row["start"], row["end"])) for row in panel.data()]
    assert [(token, i, t, tuple(span)) for token, i, t, span in run_code(panel, lab, monkeypatch)] == expected


class Counting(Panel):
    """A panel whose only work is a long one."""

    def refresh(self, changed):
        self.view, self.answer = {}, "ready"

    def steps(self, fail_at=None):
        for i in range(1000):
            if i == fail_at:
                raise ValueError("the third step is impossible.")
            yield i / 1000


def test_long_work_ends_finished_cancelled_or_with_a_sentence(lab):
    panel = Counting(lab, TEXT)
    finished = []
    panel.start(panel.steps(), "counting", finish=lambda: finished.append(True))
    assert panel.wait(20) and finished and panel.busy == {}
    panel.start(panel.steps(fail_at=3), "counting")
    assert panel.wait(20) and panel.error == "The third step is impossible."
    panel.start((i for i in iter(int, 1)), "forever")
    with pytest.raises(ValueError, match="forever is still running"):
        panel.start(panel.steps(), "counting")
    panel.stop()
    assert panel.wait(20) and panel.busy == {}


@pytest.mark.parametrize(
    "probability, shown",
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.7123, "71 %"),
        (0.0712, "7.1 %"),
        (0.00712, "0.71 %"),
        (3.4e-8, "< 0.001 %"),
        (0.99996, "100 %"),
        (0.9968, "99.68 %"),
        (1.2345, "123 %"),
        (0.000071, "0.0071 %"),
        (0.125, "13 %"),
        (0.0625, "6.3 %"),
    ],
)
def test_probabilities_read_well_before_an_audience(probability, shown):
    assert percent(probability) == shown


@each_panel
def test_halves_of_surrogate_pairs_are_read_as_the_tokenizer_reads_them_and_every_export_is_written(kind, lab):
    panel = kind(lab, "the \ud800 cat", "sat \udc00 on")
    assert panel.text == panel.workbench.text == "the \ufffd cat" and panel.text_pair == "sat \ufffd on"
    panel.wait()
    for suffix in ("csv", "svg", "html"):
        assert panel.exported_bytes(suffix).decode("utf8")


@pytest.mark.parametrize("kind", [SimilarityPanel, IntervenePanel, ComparePanel], ids=lambda kind: kind.__name__)
def test_without_a_text_every_look_gives_no_rows_a_sentence_and_a_page(kind, lab):
    panel = kind(lab, "")
    for look in kind.class_traits()["look"].values:
        panel.look = look
        assert panel.table() == [] and not panel.static_html(), look
        assert panel.exported_bytes("html") and panel.exported_bytes("csv"), look
        with pytest.raises(ValueError, match="there is no text yet"):
            panel.figure(3.3)
        if kind is not SimilarityPanel:
            assert panel.code() == "# there is no text yet: type a sentence"
            with pytest.raises(ValueError, match="there is no text yet"):
                panel.data()


@each_panel
def test_without_a_text_every_look_has_files_and_only_a_picture_says_why_not(kind, lab):
    panel = kind(lab, "")
    for look in kind.class_traits()["look"].values if panel.has_trait("look") else [""]:
        if look:
            panel.look = look
        assert panel.exported_bytes("html") and panel.exported_bytes("csv"), look
        if panel.needs_text:
            with pytest.raises(SelectionError, match="there is no text yet"):
                panel.exported_bytes("png")
        panel.predict_first, panel.guess = True, "1"
        assert panel.verdict and not panel.error, look
        panel.predict_first = False


@pytest.mark.parametrize("look", ["edges", "causal"])
def test_code_of_a_text_that_was_cut_runs_where_the_tokenizer_knows_of_no_limit(lab, look, monkeypatch):
    monkeypatch.setattr(lab.tokenizer, "model_max_length", int(1e30))
    panel = IntervenePanel(lab, "cat sat " * 100, look=look)
    panel.wait()
    assert "max_length=64" in panel.code()
    assert run_code(panel, lab, monkeypatch) is not None


@each_panel
def test_a_vocabulary_without_a_mask_opens_in_every_panel(kind):
    """Its [MASK] would be the id after the last one, of which the model has no row."""
    lab = small_lab(without="[MASK]")
    assert lab.tokenizer.mask_token_id == lab.model.config.vocab_size
    panel = kind(lab, TEXT)
    assert not panel.error
    assert panel.workbench.mask_positions == []
    with pytest.raises(SelectionError, match="no \\[MASK\\]"):
        panel.workbench.masked = [2]
    assert panel.exported("html")
