"""MaskPanel: predictions at masked places, and what else can be asked of them."""

import math

import pytest
from bertlab_widgets import MaskPanel
from test_base import TEXT


@pytest.fixture
def panel(lab):
    return MaskPanel(lab, TEXT, masked=[3])


def test_bars_are_what_fill_mask_says(panel, lab):
    expected = lab.fill_mask(TEXT.replace(" did ", " [MASK] "), top_k=8)[0]
    assert [(row["token"], pytest.approx(row["probability"], rel=1e-4)) for row in panel.data()[3]] == [
        (c.token, c.probability) for c in expected
    ]


def test_the_truth_has_a_rank_among_all_tokens(panel):
    truth = panel.place(3)["truth"]
    probabilities = panel.workbench.probabilities(3)
    assert truth["token"] == "did"
    assert truth["rank"] == int((probabilities > probabilities[truth["id"]]).sum()) + 1
    assert truth["loss"] == pytest.approx(-math.log(truth["probability"]))


def test_a_mask_of_the_text_itself_has_no_truth(lab):
    panel = MaskPanel(lab, "the [MASK] sat.")
    assert list(panel.data()) == [2] and panel.place(2)["truth"] is None


def test_a_forced_token_goes_in_and_the_other_mask_is_predicted_anew(panel):
    panel.masked = [3, 5]
    before = panel.data()[5]
    panel.force(3, "was")
    assert panel.tokens[3]["text"] == "was" and panel.masked == [5]
    assert panel.data()[5] != before
    panel.force(3, "did")
    assert panel.forced == {}


def test_a_word_that_is_no_token_cannot_be_forced(panel):
    with pytest.raises(ValueError, match="no single token"):
        panel.force(3, "xylophone")


def test_every_token_is_predicted_as_the_sentence_stands(panel):
    panel.look = "everywhere"
    rows = panel.data()
    assert [row["token"] for row in rows] == TEXT.replace(".", " .").split()
    assert [row["masked"] for row in rows].index(True) == 2


def test_the_last_layer_of_the_lens_is_the_model(panel):
    panel.look = "layers"
    rows = panel.data()
    assert len(rows) == 4
    assert rows[-1]["best"][0]["probability"] == pytest.approx(panel.place(3)["rows"][0]["probability"], rel=1e-4)
    assert rows[-1]["rank"] == panel.place(3)["truth"]["rank"]


def test_the_score_is_that_of_the_lab(panel, lab):
    panel.look = "score"
    assert sum(row["log_probability"] for row in panel.data()) == pytest.approx(lab.score(TEXT).total, rel=1e-5)


def test_two_sentences_are_held_against_each_other(panel, lab):
    panel.look, panel.other = "compare", {"text": "the cat sat."}
    first, second = panel.data()
    better = "first" if sum(row["log_probability"] for row in first) > lab.score("the cat sat.").total else "second"
    assert f"the {better} sentence likelier" in panel.answer and len(second) == 4


def test_the_dealer_deals_as_the_paper_says(lab):
    panel = MaskPanel(lab, TEXT, look="dealer")
    tally = panel.deal(2000)["tally"]
    chosen = tally["mask"] + tally["random"] + tally["kept"]
    assert chosen / sum(tally.values()) == pytest.approx(0.15, abs=0.01)
    assert tally["mask"] / chosen == pytest.approx(0.8, abs=0.02)
    assert tally["random"] / chosen == pytest.approx(0.1, abs=0.02)


def test_the_same_seed_deals_the_same(lab):
    first, second = (MaskPanel(lab, TEXT, look="dealer", seed=3) for _ in range(2))
    assert first.deals == second.deals != MaskPanel(lab, TEXT, look="dealer", seed=4).deals


def test_mask_all_masks_the_words_and_shows_them_again(panel):
    panel.mask_all()
    assert panel.masked == list(range(1, 14)) and len(panel.view["places"]) == 8
    panel.mask_all()
    assert panel.masked == []


def test_the_exported_page_knows_every_single_mask(panel):
    _, patches = panel.precomputed()
    assert patches["masked:[5]"]["view"]["places"][0]["position"] == 5
    assert panel.masked == [3]
