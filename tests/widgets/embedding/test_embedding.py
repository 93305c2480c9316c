"""EmbeddingPanel: parts that add up, positions as a map, orders with and without positions, nearest words."""

import json

import pytest
import torch
from bertlab_widgets import EmbeddingPanel, Workbench
from panel_checks import TEXT, answer_to, run_code
from small_lab import small_lab

from bertlab.lab import Lab
from bertlab.model import BertForPreTraining

LOOKS = ("parts", "positions", "order", "neighbours")


@pytest.fixture
def panel(lab):
    return EmbeddingPanel(lab, TEXT)


def test_the_lengths_are_those_of_the_vectors(panel, lab):
    ids = panel.workbench.input_ids[0]
    table = lab.model.bert.embeddings
    assert panel.data()["word"] == pytest.approx(table.word_embeddings.weight[ids].norm(dim=-1).tolist(), rel=1e-4)
    places = table.position_embeddings.weight[: len(ids)].norm(dim=-1).tolist()
    assert panel.data()["position"] == pytest.approx(places, rel=1e-4)
    for row in panel.table():
        shares = [row[f"{name}_share"] for name in ("word", "position", "token_type")]
        assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_the_strips_add_up(panel):
    panel.selected = [3]
    strips = panel.measures.strips(3)
    parts = [strips[name] for name in ("word", "position", "token_type")]
    assert [sum(values) for values in zip(*parts, strict=True)] == pytest.approx(strips["sum"], abs=1e-5)
    assert panel.view["place"] == 3 and len(panel.view["strips"]["hidden"]) == 24
    assert max(abs(value) for values in panel.view["strips"].values() for value in values) == 127


def test_without_positions_the_outputs_are_the_same_set(panel):
    panel.look = "order"
    for arrange in ("shuffled", "reversed", "swapped"):
        panel.arrange = arrange
        assert not panel.error and "the same set of outputs" in panel.answer
        assert all(move["distance_without_positions"] < 1e-4 for move in panel.table())
        assert max(move["distance"] for move in panel.table()) > 0.01
        order = panel.view["order"]
        assert sorted(order) == list(range(len(order))) and order[0] == 0 and order[-1] == len(order) - 1


def test_another_seed_is_another_order_and_the_same_seed_the_same(panel):
    panel.look = "order"
    first = panel.view["order"]
    panel.seed = 1
    assert panel.view["order"] != first
    panel.seed = 0
    assert panel.view["order"] == first


def test_the_two_selected_words_change_places(panel):
    panel.look, panel.arrange, panel.selected = "order", "swapped", [2, 5]
    order = panel.view["order"]
    assert (order[2], order[5]) == (5, 2) and "2 tokens moved" in panel.answer
    panel.selected = [2, 3, 5]
    assert "3 tokens of the text are selected" in panel.error
    panel.selected = []
    assert not panel.error and panel.view["order"][1] == len(order) - 2


def test_the_map_of_positions_comes_as_bytes(panel):
    panel.look = "positions"
    content, buffers = answer_to(panel, "likeness")
    size = content["result"]["size"]
    assert size == 64 and len(buffers[0]) == size * size and buffers[0][0] == 255
    assert panel.data() == panel.measures.likeness()[5].tolist()
    assert len(json.dumps(panel.view)) < 10_000
    with pytest.raises(ValueError, match="allowed is 0 to 63"):
        panel.position = 64


def test_the_nearest_words_stand_beside_chance(panel, lab):
    panel.look, panel.selected = "neighbours", [2, 5]
    assert [column["token"] for column in panel.view["columns"]] == ["animal", "cross"]
    table = lab.model.bert.embeddings.word_embeddings.weight.detach()
    own = panel.view["columns"][0]["id"]
    best = torch.nn.functional.cosine_similarity(table, table[own][None]).index_fill(0, torch.tensor(own), -2).argmax()
    assert panel.view["columns"][0]["rows"][0]["id"] == int(best)
    assert "drawn by chance" in panel.answer
    panel.masked = [2]
    assert panel.view["columns"][0]["token"] == "[MASK]"


@pytest.mark.parametrize("look", LOOKS)
def test_the_code_gives_the_numbers_on_the_screen(panel, lab, look, monkeypatch):
    panel.look, panel.masked, panel.ablated = look, [4], [(0, 1)]
    found, shown = run_code(panel, lab, monkeypatch), panel.data()
    if look == "order":
        for mine, theirs in zip(found, shown, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-4)
    elif look == "neighbours":
        assert {i: pytest.approx(near, abs=1e-5) for i, near in found.items()} == shown
    else:
        assert found == (pytest.approx(shown, abs=1e-4) if look == "positions" else shown)


def test_rows_of_the_table_that_stand_for_no_word_are_no_neighbours(monkeypatch):
    lab = small_lab()
    lab.model.resize_token_embeddings(lab.model.config.vocab_size + 9)
    panel = EmbeddingPanel(lab, TEXT, look="neighbours", count=30)
    assert len(panel.data()[panel.columns()[0]["id"]]) == 30
    assert all(isinstance(row["token"], str) and row["id"] < len(lab.tokenizer) for row in panel.columns()[0]["rows"])
    found = run_code(panel, lab, monkeypatch)
    assert {i: pytest.approx(near, abs=1e-5) for i, near in found.items()} == panel.data()


def test_each_look_has_rows_a_picture_and_a_gate_of_its_own(panel):
    seen, asked = set(), set()
    for look in LOOKS:
        panel.look = look
        seen.add(panel.exported_bytes("csv"))
        asked.add(panel.gate_question)
        assert panel.exported_bytes("png").startswith(b"\x89PNG") and not panel.error
    assert len(seen) == len(asked) == 4


def test_the_gate_grades(panel):
    panel.look = "order"
    panel.predict_first, panel.guess = True, "none"
    assert panel.verdict.startswith("Right: none, 0 of")
    panel.look, panel.predict_first = "neighbours", False
    panel.predict_first, panel.guess = True, panel.view["columns"][0]["rows"][0]["token"]
    assert panel.verdict.startswith("Right")
    panel.guess = "nothing of the kind"
    assert "not among the nearest" in panel.verdict


def test_a_model_without_position_vectors_says_so():
    lab = small_lab()
    config = lab.model.config.to_dict() | {"position_embedding_type": "relative_key"}
    other = Lab(BertForPreTraining(type(lab.model.config).from_dict(config)).eval(), lab.tokenizer, name="relative")
    panel = EmbeddingPanel(other, TEXT)
    assert "position" not in panel.view["rows"][0] and not panel.error
    panel.look = "positions"
    assert "no position vectors" in panel.answer and not panel.error
    panel.look = "order"
    assert "no position vectors to take away" in panel.answer and not panel.error
    for look in LOOKS:
        panel.look = look
        assert panel.exported_bytes("png") and panel.exported_bytes("csv") and panel.exported_bytes("html")


def test_the_exported_page_holds_the_looks_and_the_map(panel):
    panel.selected = [2]
    answers, patches = panel.precomputed()
    assert panel.selected == [2] and panel.look == "parts"
    assert {f'look:"{look}"' for look in LOOKS} <= set(patches) and "selected:[3]" in patches
    assert answers["likeness:{}"]["result"] == {"size": 64}


def test_state_keeps_the_look_and_a_token_selected_elsewhere_is_drawn(lab):
    workbench = Workbench(lab, TEXT)
    panel = EmbeddingPanel(workbench=workbench, look="order", arrange="reversed", seed=3)
    assert EmbeddingPanel.from_state(lab, json.dumps(panel.state())).state() == panel.state()
    panel.look = "parts"
    workbench.selected = [6]
    assert panel.view["place"] == 6


def test_the_strip_has_a_sign_under_the_token_that_is_shown_unselected(panel):
    assert panel.view["read_at"] == [panel.view["place"]] == [1]
    panel.selected = [3]
    assert panel.view["read_at"] == []
    panel.selected, panel.look = [], "order"
    assert panel.view["read_at"] == []
    panel.look = "neighbours"
    assert panel.view["read_at"] == [1]


def test_an_encoder_alone_has_every_look(lab, monkeypatch):
    from bertlab.model import BertModel

    bare = Lab(BertModel(lab.model.config, add_pooling_layer=False).eval(), lab.tokenizer, name="bare")
    for look in LOOKS:
        panel = EmbeddingPanel(bare, TEXT, look=look)
        assert not panel.error and panel.exported_bytes("svg") and panel.data()
        assert run_code(panel, bare, monkeypatch)
