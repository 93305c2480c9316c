"""ModelPanel: a map whose counts add up, every place on it, other classes on the same weights, source and memory."""

import json

import pytest
import torch
from bertlab_widgets import HeadsPanel, ModelPanel, Workbench
from bertlab_widgets.architecture import kinds
from panel_checks import TEXT, run_code
from small_lab import LAYERS, small_lab

from bertlab import record
from bertlab.lab import Lab
from bertlab.model import BertForPreTraining

QUERY = "bert.encoder.layer.1.attention.self.query.weight"
PROBS = "bert.encoder.layer.1.attention.self.probs"


@pytest.fixture
def panel(lab):
    return ModelPanel(lab, TEXT)


def test_the_parts_add_up_to_the_models_own_count(panel, lab):
    assert panel.view["count"] == lab.model.num_parameters() == sum(part["count"] for part in panel.view["stack"])
    assert [row["name"] for row in panel.view["stack"]] == [
        "cls.seq_relationship", "cls.predictions", "pooler", *(f"layer {i}" for i in reversed(range(LAYERS))),
        "embeddings",
    ]  # fmt: skip
    assert sum(panel.data().values()) == lab.model.num_parameters()


def test_every_model_of_the_lab_can_be_shown_and_adds_up(panel):
    for kind, _ in panel.view["kinds"]:
        panel.kind = kind
        assert not panel.error and panel.path == ""
        model = kinds.model_of(panel.workbench, kind)
        assert sum(part["count"] for part in panel.view["stack"]) == sum(p.numel() for p in model.parameters()), kind
        assert panel.view["lengths"]["mean"] and len(panel.view["lengths"]["mean"]) == LAYERS + 1


def test_the_documented_classes_hold_the_labs_own_weights(panel, lab):
    for kind in kinds.CLASSES:
        model = kinds.model_of(panel.workbench, kind)
        assert type(model).__name__ == kind and not model.training
        own = {id(parameter) for parameter in lab.model.parameters()}
        assert all(id(parameter) in own for parameter in model.parameters())


def test_a_tensor_shows_its_statistics(panel, lab):
    panel.path = QUERY
    weight = lab.model.bert.encoder.layer[1].attention.self.query.weight.detach()
    assert panel.data()["mean"] == pytest.approx(float(weight.mean()), abs=1e-6)
    assert panel.data()["std"] == pytest.approx(float(weight.std(correction=0)), rel=1e-5)
    assert ["shape", "24 × 24"] in panel.view["detail"]["facts"]
    assert sum(panel.view["detail"]["histogram"]) == weight.numel()
    assert "576 numbers" in panel.answer


def test_a_hook_point_shows_what_passes_for_this_sentence(panel, lab):
    panel.path = PROBS
    with record(lab.model, "encoder.layer.1.attention.self.probs") as recording:
        lab.model(**panel.workbench.batch())
    length = panel.workbench.encoding.length
    assert panel.data()["std"] == pytest.approx(float(recording.attention(1).std(correction=0)), rel=1e-4)
    assert ["shape now", f"1 × 4 × {length} × {length}"] in panel.view["detail"]["facts"]
    assert panel.view["detail"]["lengths"] is None
    panel.path = "bert.encoder.layer.1.hidden"
    assert len(panel.view["detail"]["lengths"]) == length
    panel.text = "the cat"
    assert len(panel.view["detail"]["lengths"]) == 4


def test_switched_off_heads_are_off_here_too(panel):
    panel.path = "bert.encoder.layer.1.attention.self.context"
    before = panel.data()["norm"]
    panel.ablated = [(1, 0), (1, 1), (1, 2), (1, 3)]
    assert panel.data()["norm"] == 0 != before
    assert panel.answer.startswith("With heads 1.0")


def test_the_chosen_layer_is_the_workbenchs_both_ways(lab):
    workbench = Workbench(lab, TEXT)
    panel, heads = ModelPanel(workbench=workbench), HeadsPanel(workbench=workbench)
    panel.path = "bert.encoder.layer.2.output.dense.weight"
    assert heads.layer == 2
    heads.layer = 1
    assert panel.path == "bert.encoder.layer.1.output.dense.weight"
    panel.path = ""
    heads.layer = 0
    assert panel.path == ""


def test_another_class_keeps_the_place_where_it_has_it(panel):
    panel.path = QUERY
    panel.kind = "BertModel"
    assert panel.path == QUERY.removeprefix("bert.") and not panel.error
    panel.kind = "qa"
    assert panel.path == QUERY
    panel.kind, panel.path = "BertForPreTraining", "cls.predictions.bias"
    panel.kind = "BertModel"
    assert panel.path == ""


def test_a_place_or_a_model_that_is_not_there_is_refused_with_what_is(panel):
    with pytest.raises(ValueError, match="bert.encoder.layer has 0, 1, 2"):
        panel.path = "bert.encoder.layer.7"
    with pytest.raises(ValueError, match="no model 'BertForPoetry' here; there are BertForPreTraining"):
        panel.kind = "BertForPoetry"
    assert panel.path == "" and panel.kind == "BertForPreTraining"


def test_fresh_tensors_are_marked_and_named(panel):
    panel.kind = "qa"
    assert panel.view["stack"][0]["fresh"] == 2
    assert "freshly drawn: `qa_outputs.weight`" in panel.answer
    panel.path = "qa_outputs.weight"
    assert ["origin", kinds.ORIGINS["fresh"]] in panel.view["detail"]["facts"]


def test_what_the_checkpoint_gave_is_told_apart_from_what_was_drawn(lab, tmp_path):
    lab.model.bert.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="not in the checkpoint"):
        model = BertForPreTraining.from_pretrained(tmp_path)
    panel = ModelPanel(Lab(model, lab.tokenizer, name="bare"), TEXT)
    assert panel.facts.origins["bert.embeddings.word_embeddings.weight"] == "checkpoint"
    assert panel.facts.origins["cls.predictions.decoder.weight"] == "checkpoint"  # shared
    assert panel.facts.origins["cls.seq_relationship.weight"] == "fresh"
    assert "freshly drawn" in panel.answer


def test_the_source_marks_the_line_that_uses_the_place(panel):
    panel.path, panel.facet = QUERY, "source"
    source = panel.view["detail"]["source"]
    assert source["name"].startswith("BertSelfAttention.forward") and "/model/layers.py" in source["name"]
    assert "self.query" in source["lines"][source["marked"][0]]


def test_the_tensors_are_measured_and_the_memory_adds_up(panel, lab):
    panel.look = "tensors"
    rows = {row["tensor"]: row for row in panel.data()}
    assert sum(row["count"] for row in rows.values() if row["origin"] != "shared") == lab.model.num_parameters()
    assert rows[QUERY]["std"] == pytest.approx(0.6, abs=0.1)
    panel.look = "memory"
    assert sum(row["parameter_bytes"] for row in panel.data()) == 4 * lab.model.num_parameters()
    with record(lab.model) as recording:
        lab.model(**panel.workbench.batch())
    assert sum(row["value_bytes"] for row in panel.data()) == sum(4 * value.numel() for value in recording.values())


def test_a_large_model_is_measured_with_progress(panel, monkeypatch):
    monkeypatch.setattr("bertlab_widgets.architecture.panel.AT_ONCE", 10)
    panel.look = "tensors"
    assert panel.wait(30)
    assert all(row[4] is not None for row in panel.view["tensors"]) and not panel.error


@pytest.mark.parametrize("kind", ["BertForPreTraining", "BertForMaskedLM", "BertModel", "choice", "seq2seq"])
def test_the_code_gives_the_numbers_on_the_screen(panel, lab, kind, monkeypatch):
    panel.kind = kind
    layer = panel.facts.base_prefix + "encoder.layer.1."
    for place in ("", f"{layer}attention.self.query.weight", f"{layer}output.residual", layer[:-1]):
        panel.path = place
        assert run_code(panel, lab, monkeypatch) == pytest.approx(panel.data()), place
    panel.look = "memory"
    assert run_code(panel, lab, monkeypatch) == panel.data()
    panel.look = "tensors"
    same_rows(run_code(panel, lab, monkeypatch), panel.data())


def same_rows(found, rows):
    """The numbers on the screen have five digits."""
    assert [list(row) for row in found] == [list(row) for row in rows]
    for one, other in zip(found, rows, strict=True):
        numbers = {name: value for name, value in one.items() if isinstance(value, float)}
        assert {**one, **dict.fromkeys(numbers)} == {**other, **dict.fromkeys(numbers)}
        assert numbers == pytest.approx({name: other[name] for name in numbers}, rel=1e-4, abs=1e-9)


def test_the_code_tells_apart_where_the_tensors_of_a_task_come_from(panel, lab, monkeypatch):
    panel.kind, panel.look = "qa", "tensors"
    assert {"session", "fresh"} <= {row["origin"] for row in panel.data()}
    same_rows(run_code(panel, lab, monkeypatch), panel.data())


def test_the_code_names_the_tensors_that_the_checkpoint_did_not_have(lab, tmp_path, monkeypatch):
    lab.model.bert.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="not in the checkpoint"):
        model = BertForPreTraining.from_pretrained(tmp_path)
    bare = Lab(model, lab.tokenizer, name="bare")
    panel = ModelPanel(bare, TEXT, look="tensors")
    assert {"checkpoint", "fresh", "shared"} == {row["origin"] for row in panel.data()}
    same_rows(run_code(panel, bare, monkeypatch), panel.data())


def test_the_code_has_masks_and_switched_off_heads_in_place(panel, lab, monkeypatch):
    panel.masked, panel.ablated, panel.path = [2], [(0, 1)], PROBS
    assert run_code(panel, lab, monkeypatch) == pytest.approx(panel.data(), rel=1e-4)


def test_each_look_has_rows_and_a_picture_of_its_own(panel):
    seen = set()
    for look, path in (("map", ""), ("map", QUERY), ("map", PROBS), ("tensors", ""), ("memory", "")):
        panel.look, panel.path = look, path
        seen.add(panel.exported_bytes("csv"))
        assert panel.exported_bytes("png").startswith(b"\x89PNG") and not panel.error
    assert len(seen) == 5


def test_the_gate_asks_about_the_look_and_grades(panel, lab):
    panel.predict_first = True
    assert "embeddings" in panel.gate_choices
    panel.guess = "all layers"
    assert panel.verdict.startswith("Right: all layers, 70 %")
    panel.predict_first, panel.path = False, QUERY
    panel.predict_first, panel.guess = True, "600"
    assert panel.verdict == "You said 600; there are 576 parameters, 4.2 % off."
    panel.guess = "many"
    assert "no whole number" in panel.verdict
    panel.path = PROBS
    length = panel.workbench.encoding.length
    panel.guess = f"(1, 4, {length}, {length})"
    assert panel.verdict == "Right."


def test_state_keeps_the_place(lab):
    panel = ModelPanel(lab, TEXT, kind="BertModel", path="encoder.layer.2.intermediate", facet="source")
    again = ModelPanel.from_state(lab, json.dumps(panel.state()))
    assert again.state() == panel.state() and again.view == panel.view


def test_the_exported_page_holds_every_part_in_less_than_a_megabyte(panel):
    panel.path = QUERY
    _, patches = panel.precomputed()
    assert panel.path == QUERY
    assert {f'path:"{part["path"]}"' for part in panel.view["stack"]} <= set(patches)
    assert len(panel.exported_bytes("html")) < 1_000_000


def test_the_exported_page_answers_to_every_place_on_the_map(panel):
    panel.path = QUERY
    _, patches = panel.precomputed()
    for part in ["", *(part["path"] for part in panel.view["stack"])]:
        rows = patches[f'path:"{part}"']["view"]["inside"]["rows"]
        for path in [entry["path"] for row in rows for entry in (row, *row["tensors"], *row["points"])]:
            shown = patches[f'path:"{path}"']
            panel.path = path
            assert shown["answer"] == panel.answer
            assert shown.get("view.detail", panel.view["detail"]) == panel.view["detail"]


def test_an_export_leaves_panel_and_workbench_as_they_were(lab):
    workbench = Workbench(lab, TEXT)
    panel, heads = ModelPanel(workbench=workbench), HeadsPanel(workbench=workbench)
    before, seen = (panel.state(), panel.view), []
    heads.observe(lambda change: seen.append(change["new"]), "layer")
    panel.exported_bytes("html")
    assert (panel.state(), panel.view) == before and workbench.layer == 0 and seen == []


def test_broken_weights_are_named_and_not_drawn():
    lab = small_lab()
    with torch.no_grad():
        lab.model.cls.seq_relationship.weight.fill_(float("nan"))
    panel = ModelPanel(lab, TEXT, path="cls.seq_relationship.weight")
    assert not panel.error and "the weights are broken" in panel.answer
    assert panel.data() == {}
