"""BugLabPanel: each mistake made, measured, shown as code, and repaired."""

import pytest
import torch
from bertlab_widgets import BugLabPanel
from bertlab_widgets.buglab.panel import NAMES
from bertlab_widgets.buglab.snippets import REPAIRS, RIGHT, TITLES, WRONG, source_of
from bertlab_widgets.workbench import SelectionError
from panel_checks import TEXT, run_code
from small_lab import small_lab

from bertlab import bugs


@pytest.fixture
def panel(lab):
    return BugLabPanel(lab, TEXT)


def test_every_mistake_has_a_title_a_repair_and_its_code(panel):
    assert set(TITLES) == set(REPAIRS) == set(WRONG) == set(RIGHT) == set(bugs.MISTAKES)
    assert [name for name, *_ in panel.view["mistakes"]] == list(bugs.MISTAKES)


@pytest.mark.parametrize("name", NAMES)
def test_the_change_is_that_of_the_library_and_each_place_has_its_own(panel, lab, name):
    panel.mistake = name
    trial = bugs.try_on(lab, TEXT, name)
    assert panel.view["change"] == pytest.approx(trial.change, abs=1e-6) and not panel.error
    rows = panel.view["rows"]
    assert [row["token"] for row in rows] == trial.tokens
    assert [row["change"] for row in rows] == pytest.approx(trial.changes.tolist(), abs=1e-6)
    assert sum(row["change"] for row in rows) / len(rows) == pytest.approx(trial.change, abs=1e-6)
    assert panel.answer.startswith(f"{TITLES[name]}: predictions change by")


@pytest.mark.parametrize("name", NAMES)
def test_the_code_that_is_shown_does_what_the_panel_says(name):
    lab = small_lab()
    with torch.no_grad():
        trial = bugs.try_on(lab, TEXT, name)
        torch.manual_seed(0)
        wrong = WRONG[name](lab, trial.text)
        lab.model.eval()
        right = RIGHT[name](lab, trial.text)
    assert torch.allclose(right[trial.places], trial.before, atol=1e-4)
    distances = (trial.after[:, None] - wrong[None]).abs().sum(-1).min(1).values  # each row is among them
    assert distances.max() < 1e-3
    for function in (WRONG[name], RIGHT[name]):
        source = source_of(function)
        assert source.endswith(")") and "probabilities = " in source and "return probabilities" not in source
        assert len(source.splitlines()) <= 8


def test_the_rows_of_every_mistake_have_the_same_frame_but_of_the_one_that_leaves_it_out(lab):
    for name in NAMES:
        tokens = [row["token"] for row in BugLabPanel(lab, TEXT, mistake=name).view["rows"]]
        assert ([tokens[0], tokens[-1]] == ["[CLS]", "[SEP]"]) == (name != "missing_special_tokens")


def test_the_right_repair_takes_the_change_away_and_a_wrong_one_does_not(panel):
    change = panel.view["change"]
    offered = [name for name, _ in panel.view["offered"]]
    assert len(offered) == 3 and panel.mistake in offered and panel.view["repaired"] is None
    for name in offered:
        panel.repair = name
        mended = name == panel.mistake
        assert panel.view["repaired"] == pytest.approx(0 if mended else change, abs=1e-5)
        assert ("repairs it: the change falls" if mended else "does not repair it") in panel.answer
    panel.mistake = "wrong_case"
    assert panel.repair == "" and panel.view["repaired"] is None


def test_all_ten_can_be_tried_and_are_remembered_for_the_text(panel):
    assert sum(change is not None for *_, change in panel.view["mistakes"]) == 1
    panel.try_all()
    assert panel.wait() and not panel.error
    assert all(change is not None for *_, change in panel.view["mistakes"])
    panel.text = "the cat sat on the mat"
    assert sum(change is not None for *_, change in panel.view["mistakes"]) == 1


def test_a_mistake_that_cannot_be_made_is_a_sentence(lab):
    panel = BugLabPanel(lab, "")
    assert panel.view == {"empty": True}
    lab = small_lab()
    lab.model.config.type_vocab_size = 1
    panel = BugLabPanel(lab, TEXT, mistake="swapped_segments")
    assert "knows one segment only" in panel.view["problem"] and "cannot be made here" in panel.answer
    panel.try_all()
    assert panel.wait() and sum(change is None for *_, change in panel.view["mistakes"]) == 1


def test_a_selected_token_is_the_one_that_is_spoken_of(panel):
    panel.selected = [2]
    row = panel.view["rows"][2]
    assert row["linked"] and row["token"] == "animal" and "At `animal`" in panel.answer


def test_a_mask_in_the_text_is_spoken_of_first(lab):
    panel = BugLabPanel(lab, "the [MASK] sat on the mat")
    assert "At `[MASK]`" in panel.answer


def test_masks_that_are_clicked_are_not_seen_and_that_is_said(panel):
    assert "aside" not in panel.view
    panel.masked = [2]
    assert "masks and changed tokens are not seen" in panel.view["aside"]


@pytest.mark.parametrize("text", ["東京 🍕 naïve", "شكرا جزيلا", "cat " * 200, "[MASK]"])
@pytest.mark.parametrize("name", NAMES)
def test_awkward_texts_do_not_stop_it(lab, text, name):
    panel = BugLabPanel(lab, text, mistake=name)
    assert panel.answer and not panel.error


@pytest.mark.parametrize(
    "settings", [{}, {"mistake": "softmax_twice"}, {"mistake": "forgotten_eval", "ablated": [(0, 1)]}]
)
def test_its_code_gives_the_numbers_on_the_screen(lab, monkeypatch, settings):
    panel = BugLabPanel(lab, TEXT, **settings)
    (change, places), (mine, rows) = run_code(panel, lab, monkeypatch), panel.data()
    assert change == pytest.approx(mine, abs=1e-6)
    assert [name for name, _ in places] == [name for name, _ in rows]
    assert [share for _, share in places] == pytest.approx([share for _, share in rows], abs=1e-6)


def test_the_lab_is_as_before(lab):
    before = {name: value.clone() for name, value in lab.model.state_dict().items()}
    state = torch.get_rng_state()
    panel = BugLabPanel(lab, TEXT)
    for name in NAMES:
        panel.mistake = name
        panel.repair = name
    assert not lab.model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in lab.model.state_dict().items())


def test_each_look_has_its_own_table(panel):
    places = panel.table()
    panel.look = "code"
    assert len(panel.table()) == len(NAMES) != len(places) and "repair" in panel.table()[0]


def test_the_gate_offers_shares_and_says_what_the_mistake_is(panel):
    panel.predict_first = True
    assert panel.gate_question.startswith("The attention mask is not passed on") and len(panel.gate_choices) == 4
    panel.guess = "a lot"
    assert "is no share" in panel.verdict


def test_the_offline_page_holds_every_mistake(panel):
    _, patches = panel.precomputed()
    assert all(patches[f'mistake:"{name}"']["view"]["title"] == TITLES[name] for name in NAMES)
    assert patches[f'repair:"{panel.mistake}"']["view"]["repaired"] < 1e-5 and panel.repair == ""


def test_a_word_head_that_is_not_trained_says_nothing():
    lab = small_lab()
    lab._untrained.add("fill_mask")
    panel = BugLabPanel(lab, TEXT)
    assert "was not in its checkpoint" in panel.answer and panel.code().startswith("# ")
    with pytest.raises(SelectionError, match="was not in its checkpoint"):
        panel.data()
    panel.try_all()
    assert panel.wait() and not panel.error
    assert panel.exported("html") and panel.exported("csv")


def test_a_mask_for_which_the_model_has_no_row_is_a_sentence():
    panel = BugLabPanel(small_lab(without="[MASK]"), "the [MASK] sat.")
    assert "no row for [MASK]" in panel.answer and panel.code() == f"# {panel.answer}" and not panel.error
