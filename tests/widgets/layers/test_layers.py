"""LayersPanel: clouds that can be compared, senses that part, neighbours, the lens, probes and neurons."""

import json

import pytest
import torch
from bertlab_widgets import LayersPanel, Workbench
from bertlab_widgets.layers.clouds import SENSES, own_places, paths
from bertlab_widgets.layers.panel import LOOKS
from panel_checks import TEXT, answer_to, run_code
from small_lab import HEADS, LAYERS, small_lab

from bertlab.analysis import neighbours, neurons, probing
from bertlab.recording import names

BANK = "the dog sat on the bank."
CORPUS = ["the cat sat on the mat.", "a dog ran up a tree.", "the bank of a river is muddy.", "she sat down on grass."]
ROWS = [
    {"tokens": ["the", "cat", "sat", "."], "tags": ["DET", "NOUN", "VERB", "PUNCT"]},
    {"tokens": ["a", "dog", "ran"], "tags": ["DET", "NOUN", "VERB"]},
    {"tokens": ["who", "is", "she"], "tags": ["PRON", "VERB", "PRON"]},
] * 4  # fmt: skip


@pytest.fixture
def panel(lab):
    return LayersPanel(lab, TEXT)


@pytest.fixture
def searching(lab):
    """A panel whose corpus is small."""
    workbench = Workbench(lab, TEXT, corpus=CORPUS, selected=[2])
    return LayersPanel(workbench=workbench)


def waited(panel):
    assert panel.wait(60) and not panel.error
    return panel


# ---------------------------------------------------------------------------------------------------------- clouds


def test_turning_a_layer_towards_the_one_below_changes_no_distance_in_it():
    torch.manual_seed(0)
    states = [torch.randn(9, 5) for _ in range(4)]
    found = paths(states)
    for points, state in zip(found.points, states, strict=True):
        centred = state - state.mean(0)
        _, _, right = torch.linalg.svd(centred, full_matrices=False)
        plain = centred @ right[:2].T
        plain = plain / plain.square().sum(1).mean().sqrt()
        assert torch.allclose(torch.cdist(points, points), torch.cdist(plain, plain), atol=1e-4)


def test_the_same_cloud_in_another_position_is_drawn_in_the_same_place():
    torch.manual_seed(0)
    cloud = torch.randn(11, 6) * torch.tensor([5.0, 3.0, 1.0, 0.5, 0.2, 0.1])
    turn = torch.linalg.qr(torch.randn(6, 6))[0]
    found = paths([cloud, 7 * (cloud @ turn) + 3])
    assert torch.allclose(found.points[0], found.points[1], atol=1e-3)
    assert found.explained[0] == pytest.approx(found.explained[1]) and found.explained[0] > found.by_chance[1]


def test_the_cloud_sends_all_layers_once_and_a_slide_changes_the_answer_alone(panel):
    sent, answer = panel.view["paths"], panel.answer
    assert len(sent) == LAYERS + 1 and len(sent[0]) == 2 * len(panel.visible)
    panel.hidden_state = 1
    assert panel.view["paths"] == sent and panel.answer != answer
    assert len(json.dumps(panel.view)) < 10_000


def test_special_tokens_leave_the_cloud_or_come_back(panel):
    words = [i for i, token in enumerate(panel.tokens) if not token["special"]]
    assert panel.visible == words
    panel.hide_special = False
    assert panel.visible == list(range(len(panel.tokens)))
    panel.text = "cat"
    assert panel.visible == [0, 1, 2] and not panel.error


def test_the_answer_tells_how_far_a_token_turned_from_its_embedding(panel):
    panel.selected = [2]
    states = panel.workbench.recording
    cosine = torch.cosine_similarity(states.hidden(3)[0, 2], states.hidden(0)[0, 2], dim=0)
    assert f"`animal` has a cosine of {float(cosine):.2f}".replace("-", "−") in panel.answer


# ---------------------------------------------------------------------------------------------------------- senses


def test_the_sentences_that_ship_hold_their_word_once_and_two_senses_of_one_size():
    assert len(SENSES["bank"]) == 20
    for word, rows in SENSES.items():
        counts = [sum(sense == one for sense, _ in rows) for one in dict.fromkeys(sense for sense, _ in rows)]
        assert len(counts) == 2 and counts[0] == counts[1] >= 6
        assert all(text.lower().split(word).__len__() == 2 for _, text in rows)
        assert len({text for _, text in rows}) == len(rows)


def test_the_score_counts_sentences_whose_nearest_other_has_the_same_sense(lab):
    panel = LayersPanel(lab, TEXT, look="senses")
    texts, senses = [text for _, text in SENSES["bank"]], [sense for sense, _ in SENSES["bank"]]
    place = lab.tokenizer.convert_tokens_to_ids("bank")
    for state, score in enumerate(panel.data()["separation"]):
        vectors = torch.stack(
            [lab.record(t).hidden(state)[0, lab.encode(t)["input_ids"][0].tolist().index(place)] for t in texts]
        )
        cosines = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1).fill_diagonal_(-2)
        same = torch.tensor([[one == other for other in senses] for one in senses])
        near = cosines >= cosines.amax(1, keepdim=True) - 1e-6  # in the embeddings the position alone tells them apart
        assert score == pytest.approx(float(((near & same).sum(1) / near.sum(1)).mean()), abs=1e-4)
    assert all(0.3 < chance < 0.6 for chance in panel.view["chance"])
    assert "with shuffled labels" in panel.answer


def test_ones_own_sentence_is_one_point_more_and_is_near_to_a_sense(lab):
    panel = LayersPanel(lab, TEXT, look="senses")
    assert len(panel.view["paths"][0]) == 40 and "your own sentence" in panel.answer
    panel.text = BANK
    assert len(panel.view["paths"][0]) == 42
    sense = panel.view["senses"][panel.view["nearest"][3]]
    assert panel.answer.endswith(f"is nearest to a `{sense}` one.")
    panel.sense = "bat"
    assert len(panel.view["paths"][0]) == 24


def test_only_the_whole_word_counts_as_ones_own(lab):
    for text, count in (("Bank!", 1), ("banks", 0), ("the riverbank", 0), ("x bank bank", 1)):
        tokens = Workbench(lab, text).encoding.tokens
        assert len(own_places(text, tokens, "bank")) == count, text


def test_a_sentence_of_the_senses_becomes_the_text(lab):
    panel = LayersPanel(lab, TEXT, look="senses")
    panel.open_context(3)
    assert panel.text == SENSES["bank"][3][1] and panel.context == 3
    with pytest.raises(ValueError, match="there are 0 to 19"):
        panel.open_context(20)


def test_a_pin_keeps_the_curve_of_the_senses(lab):
    panel = LayersPanel(lab, TEXT, look="senses")
    score = panel.view["score"]
    panel.pin()
    panel.ablated = [(0, head) for head in range(HEADS)]
    assert panel.view["pinned"] == score != panel.view["score"]


# --------------------------------------------------------------------------------------------------------- searches


def test_the_nearest_contexts_are_those_of_the_index(searching, lab):
    searching.look = "neighbours"
    rows = waited(searching).view["rows"]
    index = neighbours.Index(lab, CORPUS, layer=3)
    expected = index.nearest(TEXT, 2, searching.count)
    assert [(row["text"], row["place"], row["token"]) for row in rows] == [(n.text, n.place, n.token) for n in expected]
    assert rows[0]["text"][rows[0]["start"] : rows[0]["end"]] == rows[0]["token"]
    assert "on average" in searching.answer
    searching.hidden_state = 0
    assert "In the embeddings" in waited(searching).answer


def test_a_stopped_search_waits_until_it_is_asked_for(searching, monkeypatch):
    from bertlab_widgets.panel import Stopped

    def stopped(*arguments, progress, **options):
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(neighbours, "Index", stopped)
        searching.look = "neighbours"
        waited(searching)
    assert searching.view["offer"] and "when you start the search" in searching.answer
    answer_to(searching, "look_for")
    assert waited(searching).view["rows"]


def test_another_model_is_searched_anew(lab):
    other = small_lab()
    workbench = Workbench(other, TEXT, corpus=CORPUS)
    panel = LayersPanel(workbench=workbench, look="neighbours")
    before = waited(panel).view["rows"]
    with torch.no_grad():
        other.model.bert.encoder.layer[0].output.dense.weight.mul_(-3)
    workbench.model_changed()
    assert waited(panel).view["rows"] != before


def test_a_corpus_of_what_the_model_does_not_take_is_an_error(lab):
    panel = LayersPanel(workbench=Workbench(lab, TEXT, corpus=["cat " * 90]))
    panel.look = "neighbours"
    assert "no sentence that the model takes" in panel.error


def test_the_lens_ends_in_the_models_own_answer_and_knows_what_stands_there(panel):
    panel.masked, panel.look = [3], "lens"
    rows = panel.data()
    assert len(rows) == LAYERS + 1 and panel.place == 3
    own = panel.workbench.probabilities(3)
    assert rows[-1]["best"][0]["probability"] == pytest.approx(float(own.max()), rel=1e-4)
    truth = panel.workbench.encoding.tokens[3]["id"]
    assert rows[-1]["truth"] == pytest.approx(float(own[truth]), rel=1e-4) and rows[-1]["divergence"] < 1e-6
    assert "a blind guess has" in panel.answer


def test_a_model_without_a_vocabulary_head_says_so(lab):
    from bertlab.lab import Lab
    from bertlab.model import BertModel

    bare = Lab(BertModel(lab.model.config).eval(), lab.tokenizer, name="bare")
    panel = LayersPanel(bare, TEXT, look="lens")
    assert "no vocabulary head" in panel.answer and not panel.error
    panel.look = "cloud"
    assert panel.view["paths"] and not panel.error
    panel.workbench.corpus, panel.look = CORPUS, "neurons"
    waited(panel)
    assert "promoted" not in panel.view and panel.view["contexts"]


def test_probes_come_layer_by_layer_with_control_and_majority(lab):
    panel = LayersPanel(lab, TEXT, rows=ROWS, look="probes")
    assert "Press the button" in panel.answer
    seen = []
    panel.observe(lambda change: seen.append(len(change["new"].get("accuracy", []))), "view")
    panel.probe()
    waited(panel)
    expected = probing.probe_layers(lab, ROWS)
    assert panel.data() == expected and set(range(1, LAYERS + 2)) <= set(seen)
    assert panel.view["control"] == [round(one.control_accuracy, 4) for one in expected]
    assert "the most frequent tag gives" in panel.answer and "control task" in panel.answer
    panel.seed = 1
    assert panel.data() == []


def test_probing_stops_between_layers_and_keeps_what_it_has(lab):
    panel = LayersPanel(lab, TEXT, rows=ROWS, look="probes")
    panel.observe(lambda change: panel.stop() if len(change["new"].get("accuracy", [])) == 2 else None, "view")
    panel.probe()
    waited(panel)
    assert len(panel.data()) == 2 and "So far" in panel.answer


def test_rows_without_tags_are_a_sentence_in_the_strip(lab):
    panel = LayersPanel(lab, TEXT, rows=[{"text": "a"}], look="probes")
    panel.probe()
    panel.wait(60)
    assert "no list of 'tokens'" in panel.error


def test_the_neurons_are_those_most_active_at_the_token(searching, lab):
    searching.look = "neurons"
    view = waited(searching).view
    active = lab.record(TEXT, names=[names.neurons(2)])[names.neurons(2)][0, 2]
    assert view["neuron"] == int(active.argmax()) and view["rank"] == 1
    expected = neurons.strongest(lab, CORPUS, 2, 8, special=False)[view["neuron"]]
    assert [(row["text"], row["place"]) for row in view["contexts"]] == [(one.text, one.place) for one in expected]
    words = neurons.words(lab.model, 2, view["neuron"], 3)
    ids = lab.tokenizer.convert_tokens_to_ids([one["token"] for one in view["promoted"][:3]])
    assert ids == [one.token_id for one in words]
    searching.neuron = 7
    assert waited(searching).view["neuron"] == 7 and "Neuron 2.7 is number" in searching.answer
    searching.hidden_state = 0
    assert "no neurons" in searching.answer


@pytest.mark.parametrize(
    "setting, value", [("hidden_state", 9), ("sense", "bow"), ("neuron", 40), ("neuron", -2), ("look", "tree")]
)
def test_what_the_model_does_not_have_is_refused(panel, setting, value):
    with pytest.raises(Exception, match="was given|must be|expected|value of"):
        setattr(panel, setting, value)


# ------------------------------------------------------------------------------------------------- gate, code, export


def right_answer(panel):
    from bertlab_widgets.layers import said

    if panel.look == "senses":
        return str(round(panel.view["score"][panel.state_number] * 20))
    return said._right_answer(panel)


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_has_a_gate_a_table_a_picture_and_code(lab, look, monkeypatch, tmp_path):
    workbench = Workbench(lab, BANK, corpus=CORPUS, selected=[2])
    panel = LayersPanel(workbench=workbench, rows=ROWS, look=look, predict_first=True)
    if look == "probes":
        panel.probe()
    waited(panel)
    assert panel.gate_question.endswith("?")
    panel.guess = "xylophone"
    assert panel.verdict and not panel.verdict.startswith("Right")
    panel.guess = right_answer(panel)
    assert panel.verdict.startswith("Right")
    assert panel.table() and len(panel.static_html()) < 60_000
    for kind in ("png", "svg", "csv", "html"):
        assert panel.export(tmp_path / f"{look}.{kind}").stat().st_size
    result, data = run_code(panel, lab, monkeypatch), panel.data()
    if look == "cloud":
        assert torch.allclose(result, data["points"], atol=1e-4)
    elif look == "senses":
        assert result == pytest.approx(data["separation"])
    elif look == "neighbours":
        assert [row[0] for row in result] == [row["token"] for row in data]
        assert [row[1] for row in result] == pytest.approx([row["similarity"] for row in data], abs=1e-3)
    elif look == "lens":
        assert [row[0][0] for row in result] == [row["best"][0]["token"] for row in data]
    elif look == "probes":
        assert result == data
    else:
        assert result[0] == pytest.approx(data["activation"], abs=1e-3)


@pytest.mark.parametrize("look", ["cloud", "senses", "lens", "neurons"])
def test_masks_and_switched_off_heads_count(lab, look, monkeypatch):
    workbench = Workbench(lab, BANK, corpus=CORPUS, selected=[2])
    panel = LayersPanel(workbench=workbench, look=look)
    before = waited(panel).view
    workbench.masked, workbench.ablated = [3], [(0, 1), (1, 2)]
    after = waited(panel).view
    assert before != after and panel.answer.startswith("With “sat” masked")
    result = run_code(panel, lab, monkeypatch)
    if look == "cloud":
        assert torch.allclose(result, panel.data()["points"], atol=1e-4)
    elif look == "senses":
        assert result == pytest.approx(panel.data()["separation"])


def test_the_exported_page_holds_every_hidden_state_of_what_all_layers_are_sent_for(panel):
    _, patches = panel.precomputed()
    assert len({patch["answer"] for patch in patches.values()}) == LAYERS + 1
    panel.look = "probes"
    assert panel.precomputed() == ({}, {})


def test_code_of_probes_names_the_shipped_rows_where_none_are_given(lab):
    panel = LayersPanel(lab, BANK, look="probes")
    assert 'rows = samples("entities")' in panel.code()


# ------------------------------------------------------------------------------------------------------- other models


def test_code_of_the_neighbours_leaves_out_what_the_model_does_not_take(lab, monkeypatch):
    corpus = [CORPUS[0], "cat " * 90, "  ", *CORPUS[1:]]
    panel = LayersPanel(workbench=Workbench(lab, TEXT, corpus=corpus, selected=[2]), look="neighbours", count=50)
    shown = waited(panel).data()
    assert 0 < len(shown) < 50 and panel.view["texts"] == len(CORPUS)
    found = run_code(panel, lab, monkeypatch)
    assert [(row[0], row[2]) for row in found] == [(row["token"], row["text"]) for row in shown]


def test_code_of_the_neighbours_keeps_the_shipped_sentences_apart_from_those_of_the_means(monkeypatch):
    other = small_lab(256)
    panel = LayersPanel(workbench=Workbench(other, BANK, ablated=[(0, 1)], ablation="corpus"), look="neighbours")
    shown = waited(panel).data()
    assert [row[0] for row in run_code(panel, other, monkeypatch)] == [row["token"] for row in shown]


@pytest.mark.parametrize("look", ["cloud", "neighbours", "lens"])
def test_code_gives_the_numbers_of_half_precision_to_the_last_digit(look, monkeypatch):
    other = small_lab()
    other.model.bfloat16()
    panel = LayersPanel(workbench=Workbench(other, BANK, corpus=CORPUS, selected=[2]), look=look, hidden_state=2)
    shown, found = waited(panel).data(), run_code(panel, other, monkeypatch)
    if look == "cloud":
        assert torch.allclose(found, shown["points"], atol=1e-5)
    elif look == "neighbours":
        assert [row[1] for row in found] == pytest.approx([row["similarity"] for row in shown], abs=1e-4)
    else:
        assert [row[0][1] for row in found] == pytest.approx([row["best"][0]["probability"] for row in shown])


def test_a_model_without_a_vocabulary_head_has_code_that_needs_none(lab, monkeypatch):
    from bertlab.lab import Lab
    from bertlab.model import BertModel

    bare = Lab(BertModel(lab.model.config, add_pooling_layer=False).eval(), lab.tokenizer, name="bare")
    panel = LayersPanel(workbench=Workbench(bare, TEXT, corpus=CORPUS), look="neurons")
    shown = waited(panel).data()
    assert run_code(panel, bare, monkeypatch) == pytest.approx(shown["activation"], abs=1e-3)
    assert panel.grade("cat") == "This model has no vocabulary head to read neurons with."
    panel.look = "lens"
    assert panel.code() == f"# {panel.answer}" and panel.grade("cat") == panel.answer
    panel.look, panel.hidden_state = "neurons", 0
    assert panel.code().startswith("# The embeddings have no neurons")
