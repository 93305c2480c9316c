"""MaskPanel: predictions at masked places, and what else can be asked of them."""

import math

import pytest
import torch
from bertlab_widgets import MaskPanel
from bertlab_widgets.masks.words import named
from bertlab_widgets.workbench import SelectionError
from panel_checks import TEXT, run_code
from small_lab import small_lab, vocabulary

from bertlab.lab import Lab
from bertlab.model import BertConfig, BertForPreTraining
from bertlab.tokenizer import BertTokenizerFast


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


def as_on_the_screen(panel):
    """What the look shows, in the form that its code leaves."""
    shown = panel.data()
    if panel.look == "places":
        return {place: {row["token"]: row["probability"] for row in rows} for place, rows in shown.items()}
    if panel.look == "everywhere":
        return [(row["token"], row["probability"], row["best"]) for row in shown]
    if panel.look == "layers":
        return [[(best["token"], best["probability"]) for best in row["best"]] for row in shown]
    if panel.look == "score":
        return [row["log_probability"] for row in shown]
    if panel.look == "compare":
        return [[row["log_probability"] for row in rows] for rows in shown]
    return [shown["tally"][fate] for fate in ("mask", "random", "kept")]


def flat(value):
    if isinstance(value, dict):
        value = list(value.items())
    return [inner for item in value for inner in flat(item)] if isinstance(value, (list, tuple)) else [value]


@pytest.mark.parametrize("ablation", [None, "zero", "corpus"])
@pytest.mark.parametrize("look", ["places", "everywhere", "layers", "score", "compare", "dealer"])
def test_the_code_of_every_look_gives_what_it_shows(lab, monkeypatch, look, ablation):
    panel = MaskPanel(lab, TEXT, masked=[3, 5], look=look, other={"text": "the cat sat."}, seed=2)
    panel.force(2, "dog")
    if ablation:
        panel.ablation, panel.ablated = ablation, [(0, 1), (2, 2)]
    if look == "dealer":
        panel.deal(20)
    code = panel.code()
    found, shown = flat(run_code(panel, lab, monkeypatch)), flat(as_on_the_screen(panel))
    assert len(found) == len(shown) and len(code.splitlines()) <= 18
    for mine, theirs in zip(found, shown, strict=True):
        assert mine == (theirs if isinstance(theirs, (str, int)) else pytest.approx(theirs, rel=1e-3, abs=1e-6))


def test_deals_go_on_from_one_to_the_next_as_if_dealt_at_once(lab):
    once, twice = (MaskPanel(lab, TEXT, look="dealer", seed=3) for _ in range(2))
    once.deal(30)
    for times in (10, 20):
        twice.deal(times)
    assert once.deals == twice.deals


# --- every look speaks of itself


def test_a_score_is_that_of_the_heads_that_are_on(lab, monkeypatch):
    panel = MaskPanel(lab, "the cat sat.", look="score")
    on = [row["log_probability"] for row in panel.data()]
    panel.ablated = [(0, 1), (2, 3)]
    off = [row["log_probability"] for row in panel.data()]
    assert off != pytest.approx(on) and panel.answer.startswith("With heads 0.1, 2.3 off:")
    assert run_code(panel, lab, monkeypatch) == pytest.approx(off)


@pytest.mark.parametrize(("text", "why"), [("the [MASK] sat.", "holds [MASK]"), ("cat " * 90, "64")])
def test_a_text_without_a_score_says_why_and_keeps_no_other_answer(lab, text, why):
    panel = MaskPanel(lab, text, look="score")
    assert panel.answer.startswith("This sentence has no score") and why in panel.answer
    assert panel.view["score"] == [] and panel.gate_question == "" and not panel.error


def test_one_token_is_one_token(lab):
    panel = MaskPanel(lab, "cat", look="score")
    assert "a token" not in panel.answer
    panel.look = "everywhere"
    assert panel.answer.startswith("At the only place")
    panel.look = "dealer"
    assert "1 tokens" not in panel.answer


def test_a_text_that_is_a_gap_alone_is_looked_at(lab):
    panel = MaskPanel(lab, "[MASK]")
    assert panel.answer.startswith("At place 1 BERT expects") and len(panel.data()[1]) == 8


def test_a_token_that_is_seen_is_said_to_be_seen(lab):
    panel = MaskPanel(lab, TEXT, selected=[2])
    assert panel.answer.startswith("At place 2, where it sees `animal`, BERT says")
    panel.look = "layers"
    assert panel.answer.startswith("At place 2, where BERT sees `animal`")


@pytest.mark.parametrize(
    ("look", "asked", "guess", "said"),
    [
        ("everywhere", "At how many of the 13 places", "99", "You said 99, it is"),
        ("dealer", "How many percent", "15 %", "%"),
        ("score", "surprise BERT most", "zebra", "is not among the tokens"),
        ("places", "If “tired” were hidden", "cat", "number"),
    ],
)
def test_the_gate_asks_for_what_the_look_shows(lab, look, asked, guess, said):
    panel = MaskPanel(lab, TEXT, look=look, predict_first=True)
    assert asked in panel.gate_question
    panel.guess = guess
    assert said in panel.verdict or panel.verdict.startswith("Right")


def test_a_rare_word_has_less_than_and_not_a_sign(lab):
    panel = MaskPanel(lab, TEXT)
    panel.set_trait("answer", "")
    assert "< 0.001" not in panel.answer


# --- what is marked, what is quoted


def test_punctuation_that_a_sentence_names_is_quoted_and_a_word_is_not(lab):
    panel = MaskPanel(lab, TEXT, selected=[13])
    assert panel.answer.startswith("At place 13, where it sees “`.`”, BERT says")
    panel.look = "layers"
    assert panel.answer.startswith("At place 13, where BERT sees “`.`”, ")
    assert named(",") == "“`,`”" and named("##s") == "`##s`" and named("`") == "“`ˋ`”"
    assert "sees “.”, " in panel.figure().axes[0].get_title()


def test_the_word_that_is_shown_though_nothing_was_chosen_is_marked_in_the_strip(panel):
    assert panel.view["read_at"] == []
    panel.masked = []
    assert panel.view["read_at"] == [12] and panel.answer.startswith("If `tired` were hidden")
    panel.look = "layers"
    assert panel.view["read_at"] == [12]
    panel.look = "everywhere"
    assert panel.view["read_at"] == []
    panel.look, panel.selected = "places", [2]
    assert panel.view["read_at"] == []


# --- a model without [MASK]

LOOKS = MaskPanel.look.values


@pytest.fixture(scope="module")
def lab_that_reads_pieces():
    """A lab whose tokenizer has no mask token at all: it reads [MASK] as brackets and letters."""
    lab = small_lab(without="[MASK]")
    names = lab.tokenizer.convert_ids_to_tokens(list(range(lab.tokenizer.vocab_size)))
    lab.tokenizer = BertTokenizerFast(
        dict(zip(names, range(len(names)), strict=True)), mask_token=None, model_max_length=64
    )
    return lab


def gives_all_or_says_why(panel):
    """Every way out of a look either works or is refused with the sentence on the screen; the page always opens."""
    missing = panel.view.get("missing")
    assert not panel.error and panel.exported_bytes("html") and "Error" not in panel.static_twin()
    assert panel.pinned_view() is not None and panel.grade("rubbish")
    if not missing:
        assert panel.table() and panel.data() and panel.exported_bytes("png")
        assert panel.exported_bytes("csv").count(b"\n") == len(panel.table()) + 1
        return
    assert panel.answer == missing and panel.code() == f"# {missing}" and panel.gate_question == ""
    for way in (panel.table, panel.data, panel.figure, lambda: panel.exported_bytes("csv")):
        with pytest.raises(SelectionError) as refused:
            way()
        assert str(refused.value) == missing


@pytest.mark.parametrize("look", LOOKS)
def test_a_mask_that_is_read_as_pieces_is_said_to_be_so_in_every_look(lab_that_reads_pieces, monkeypatch, look):
    panel = MaskPanel(lab_that_reads_pieces, "the [MASK] sat.", look=look)
    assert panel.answer.count("This model has no mask token") == 1
    assert "`[MASK]`" in panel.answer and panel.answer.endswith("is read as ordinary pieces.")
    gives_all_or_says_why(panel)
    assert bool(panel.view.get("missing")) == (look != "everywhere")
    panel.selected = [1]
    gives_all_or_says_why(panel)
    if look in ("places", "layers", "everywhere"):
        assert not panel.view.get("missing") and panel.answer.endswith("is read as ordinary pieces.")
        assert run_code(panel, lab_that_reads_pieces, monkeypatch)


@pytest.mark.parametrize("text", ["the [MASK] sat.", "[MASK]"])
@pytest.mark.parametrize("look", LOOKS)
def test_a_mask_for_which_the_model_has_no_row_stops_every_look_with_one_sentence(text, look):
    panel = MaskPanel(small_lab(without="[MASK]"), text, look=look)
    assert panel.answer.startswith("This model has no mask token, and so it cannot read `[MASK]`")
    gives_all_or_says_why(panel)
    panel.text = "the cat sat."
    assert not panel.error and "cannot read" not in panel.answer
    gives_all_or_says_why(panel)


def test_without_a_mask_token_a_click_looks_at_a_word_and_masking_is_refused_in_words():
    panel = MaskPanel(small_lab(without="[MASK]"), "the cat sat.")
    assert panel.view["maskless"] and "click a token" in panel.answer
    panel.selected = [2]
    assert panel.answer.startswith("At place 2, where it sees `cat`, BERT says")
    with pytest.raises(SelectionError, match="no .MASK. token in its vocabulary"):
        panel.mask_all()


@pytest.mark.parametrize("look", MaskPanel.look.values)
def test_without_a_text_a_guess_and_the_code_get_a_sentence(lab, look):
    panel = MaskPanel(lab, "", look=look)
    assert panel.grade("the") == panel.answer and panel.code() == f"# {panel.answer}"


@pytest.mark.parametrize("guess", ["nan", "1e400", "²", "many"])
def test_a_guess_that_is_no_finite_number_is_told_so(panel, guess):
    panel.look = "everywhere"
    assert panel.grade(guess) == f"`{guess}` is no number; it is {sum(row['rank'] == 1 for row in panel.data())}."


def test_of_a_single_place_one_is_asked_yes_or_no(lab):
    assert MaskPanel(lab, "the", look="everywhere").gate_question.endswith("1 for yes, 0 for no.")


@pytest.mark.parametrize("look", ["places", "layers", "everywhere"])
def test_a_row_of_the_model_that_stands_for_no_word_has_a_name(lab, monkeypatch, look):
    torch.manual_seed(0)
    config = BertConfig.from_dict({**lab.model.config.to_dict(), "vocab_size": len(vocabulary()) + 9})
    own = Lab(BertForPreTraining(config), lab.tokenizer, name="small")
    with torch.no_grad():
        own.model.cls.predictions.bias[len(vocabulary())] = 100.0
    panel = MaskPanel(own, TEXT, masked=[3], look=look)
    name = f"[id {len(vocabulary())}]"
    assert not panel.error and name in str(panel.data()) and "None" not in str(panel.table())
    assert name in str(run_code(panel, own, monkeypatch))
