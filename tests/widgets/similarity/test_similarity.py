"""SimilarityPanel: cells that add up to the cosine, layers that travel together, lists, and what is said of them."""

import json

import pytest
import torch
from bertlab_widgets import SimilarityPanel, Workbench
from bertlab_widgets.panel import significant
from bertlab_widgets.similarity.measures import POOLINGS
from bertlab_widgets.workbench import SelectionError
from panel_checks import TEXT, answer_to, run_code
from small_lab import small_lab

A, B = "the cat sat on the mat.", "a dog ran up a tree."


@pytest.fixture
def panel(lab):
    return SimilarityPanel(lab, A, B)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_cells_add_up_to_the_cosine_on_the_screen(panel, lab, pooling, words):
    panel.pooling, panel.words = pooling, words
    for state in range(4):
        panel.hidden_state = state
        data = panel.data()
        cosine = torch.cosine_similarity(*lab.embed([A, B], layer=state, pooling=pooling)[:, None])
        assert float(data["cells"].sum()) == pytest.approx(data["cosine"], abs=1e-5)
        assert data["cosine"] == pytest.approx(float(cosine), abs=1e-5)
        assert f"{data['cosine']:.2f}".replace("-", "−") in panel.answer


def test_words_instead_of_pieces_keep_the_sum_and_name_words(lab):
    panel = SimilarityPanel(lab, "unaffable cat", "embeddings")
    pieces = panel.data()
    panel.words = True
    assert "unaffable" in panel.data()["tokens_a"] and len(panel.data()["tokens_a"]) == 4
    assert float(panel.data()["cells"].sum()) == pytest.approx(float(pieces["cells"].sum()), abs=1e-5)


def test_all_layers_travel_in_one_message_and_the_notebook_does_not_keep_them(panel):
    content, buffers = answer_to(panel, "maps", layer=2)
    data = torch.frombuffer(bytearray(buffers[0]), dtype=torch.float32)
    assert content["result"] == {"key": panel.view["key"], "first": 0, "count": 4}
    assert torch.equal(data.view(4, *panel.view["size"]), panel.cells())
    assert len(json.dumps(panel.view)) < 2000


def test_many_cells_travel_a_layer_at_a_time(panel, monkeypatch):
    monkeypatch.setattr("bertlab_widgets.similarity.panel.ALL_LAYERS", 100)
    panel.pooling = "max"
    content, buffers = answer_to(panel, "maps", layer=2)
    assert content["result"]["first"] == 2 and content["result"]["count"] == 1
    assert len(buffers[0]) == panel.cells()[2].nbytes


def test_a_slide_over_the_layers_keeps_the_picture_of_the_others(panel):
    key = panel.view["key"]
    panel.hidden_state = 1
    assert panel.view["key"] == key
    panel.pooling = "cls"
    assert panel.view["key"] != key


def test_a_token_of_the_strip_is_its_row_or_its_column(panel):
    tokens = [token["text"] for token in panel.tokens]
    found = panel.measures.pairs()
    for position, (row, column) in enumerate(panel.view["marks"]):
        name = found["a"][row] if row >= 0 else found["b"][column]
        assert name == tokens[position] and (row < 0) != (column < 0)
    panel.selected = [2]
    part = float(panel.data()["cells"][2].sum())
    assert f"gives {significant(part)}" in panel.answer
    assert all(row["selected"] == (row["place_a"] == 2) for row in panel.table())


def test_without_a_second_sentence_the_first_is_compared_with_itself(lab):
    panel = SimilarityPanel(lab, TEXT)
    assert panel.data()["cosine"] == pytest.approx(1, abs=1e-5) and "with itself" in panel.answer


def test_masked_and_changed_tokens_count_here_too(panel, lab, monkeypatch):
    before = panel.data()["cosine"]
    panel.masked, panel.forced = [2], {9: lab.tokenizer.convert_tokens_to_ids("river")}
    assert panel.data()["tokens_a"][2] == "[MASK]" and "river" in panel.data()["tokens_b"]
    assert panel.data()["cosine"] != before
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["cells"], atol=1e-6)


def test_switched_off_heads_count_here_too(panel, lab, monkeypatch):
    before = panel.data()["cosine"]
    panel.ablated = [(0, 1), (2, 2)]
    assert panel.data()["cosine"] != before
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["cells"], atol=1e-6)
    panel.look = "list"
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["matrix"], atol=1e-6)


def test_unrelated_sentences_are_the_baseline_at_every_layer(panel, lab):
    texts, topics = panel.measures.unrelated_texts()
    matrix = torch.nn.functional.normalize(lab.embed(texts, layer=1), dim=-1)
    pairs = [float(matrix[i] @ matrix[j]) for i in range(len(texts)) for j in range(i) if topics[i] != topics[j]]
    assert panel.view["unrelated"]["count"] == len(pairs)
    assert panel.view["unrelated"]["mean"][1] == pytest.approx(sum(pairs) / len(pairs), abs=1e-4)
    panel.hidden_state = 1
    assert f"of {len(pairs)} such pairs" in panel.answer


def test_a_large_model_measures_the_baseline_in_a_thread(lab, monkeypatch):
    monkeypatch.setattr("bertlab_widgets.similarity.measures.QUICK", 0)
    panel = SimilarityPanel(small_lab(), A, B)
    assert panel.answer and panel.wait(60) and not panel.error
    assert panel.view["unrelated"]["count"] > 100 and "unrelated sentences get" in panel.answer


def test_a_list_is_a_matrix_of_cosines_in_the_order_of_likeness(panel, lab, monkeypatch):
    panel.look, panel.sentences = "list", ["the dog ran.", A, "  ", "paris is in france."]
    data = panel.data()
    assert data["sentences"] == [A, B, "the dog ran.", "paris is in france."]
    assert torch.allclose(run_code(panel, lab, monkeypatch), data["matrix"], atol=1e-6)
    assert sorted(panel.view["order"]) == [0, 1, 2, 3]
    panel.grouped = False
    assert panel.view["order"] == [0, 1, 2, 3]
    rows = panel.table()
    assert len(rows) == 16 and rows[0]["cosine"] == pytest.approx(1, abs=1e-5)


def test_a_pair_of_the_list_opens_token_by_token_and_the_list_stays(panel):
    panel.look, panel.sentences = "list", ["the dog ran.", "paris is in france."]
    panel.open_pair(2, 0)
    assert (panel.look, panel.text, panel.text_pair) == ("pairs", "the dog ran.", A)
    assert set(panel.measures.listed) == {A, B, "the dog ran.", "paris is in france."}
    with pytest.raises(ValueError, match="the list has 0 to 3"):
        panel.open_pair(0, 9)


def test_a_sentence_that_is_too_long_is_named(panel):
    panel.look, panel.sentences = "list", ["cat " * 90]
    assert "tokens; the model takes 64" in panel.error


@pytest.mark.parametrize(
    "setting, value", [("hidden_state", 9), ("hidden_state", -6), ("cell", [1]), ("cell", [-1, 0])]
)
def test_what_the_model_or_the_list_does_not_have_is_refused(panel, setting, value):
    with pytest.raises(ValueError, match="was given"):
        setattr(panel, setting, value)


def test_a_lab_without_a_trained_head_says_so(panel):
    assert "no trained similarity head" in panel.view["head"]["missing"] and panel.data()["head"] is None


def test_the_gate_takes_a_number_and_says_how_far_it_is_off(panel):
    panel.predict_first = True
    cosine = panel.data()["cosine"]
    assert "Unrelated sentences get" in panel.gate_question
    panel.guess = f"{cosine - 0.3:.2f}"
    assert panel.verdict.endswith("too low.")
    panel.guess = "very"
    assert "is no number" in panel.verdict
    panel.guess = f"{cosine:.2f}".replace(".", ",")
    assert panel.verdict.startswith("Right")
    panel.look = "list"
    assert panel.gate_options() == panel.measures.listed[1:]
    panel.guess = panel.measures.listed[1 + int(panel.data()["matrix"][0, 1:].argmax())]
    assert panel.verdict.startswith("Right")


def test_a_pin_stays_in_the_chart(panel):
    cosines = panel.view["cosines"]
    panel.pin()
    panel.text = "the dog ran."
    assert panel.view["pinned"] == cosines != panel.view["cosines"]


@pytest.mark.parametrize("look", ["pairs", "list"])
def test_every_look_is_exported_as_it_is_seen(panel, look, tmp_path):
    panel.look = look
    for kind in ("png", "svg", "csv", "html"):
        assert (
            panel.export(tmp_path / f"{look}.{kind}", None if kind in ("csv", "html") else "one column").stat().st_size
        )
    answers, patches = panel.precomputed()
    assert set(patches) == {f"hidden_state:{n}" for n in (0, 1, 2, -1)} and 'maps:{"layer":0}' in answers
    assert len({patch["answer"] for patch in patches.values()}) == 4
    assert len(panel.static_html()) < 60_000


def test_a_sentence_beyond_the_limit_is_cut_and_said_to_be(lab):
    panel = SimilarityPanel(lab, "cat " * 200, "a dog ran.")
    assert not panel.error and "Cut after" in panel.note
    assert panel.view["size"] == [64, 6]


def test_the_panel_shares_the_selection(lab):
    workbench = Workbench(lab, A, B)
    panel = SimilarityPanel(workbench=workbench)
    workbench.selected = [2, 10]
    assert "`cat` with" in panel.answer


def test_a_list_that_is_too_long_leaves_no_rows_and_says_why(lab):
    panel = SimilarityPanel(lab, "cat sat " * 60, look="list")
    assert "tokens; the model takes" in panel.error and panel.table() == [] and panel.code().startswith("# ")
    for ask in (panel.data, panel.figure, lambda: panel.exported("png")):
        with pytest.raises(SelectionError, match="shorten it"):
            ask()
    assert panel.exported("csv") and panel.exported("html")
    panel.look = "pairs"
    assert not panel.error and panel.table()


def test_a_guess_of_a_list_that_is_still_measured_is_told_so(lab, monkeypatch):
    panel = SimilarityPanel(lab, A, look="list")
    monkeypatch.setattr(panel.measures, "matrices", lambda: None)
    assert panel.grade(B) == "The sentences are being measured."


def test_a_measurement_that_ends_after_another_lab_came_is_not_taken_for_its_numbers(monkeypatch):
    monkeypatch.setattr("bertlab_widgets.similarity.measures.QUICK", 0)
    other = small_lab()
    with torch.no_grad():
        other.model.bert.encoder.layer[0].output.dense.weight.mul_(-3)
    panel = SimilarityPanel(small_lab(), A, B)
    assert panel.wait(60)
    begun, begin = [], panel.job.follow
    with monkeypatch.context() as patch:  # a thread that is so slow that the other lab comes first
        patch.setattr(panel.job, "follow", lambda *work: begun.append(work))
        panel.pooling = "max"
        panel.workbench.exchange_lab(other)
    begin(*begun[0])
    fresh = SimilarityPanel(other, A, B, pooling="max")
    assert panel.wait(60) and fresh.wait(60) and not panel.error
    assert panel.view["unrelated"]["mean"] == fresh.view["unrelated"]["mean"]
