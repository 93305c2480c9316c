"""Tasks that write: generation, and sequence to sequence."""

import threading

import pytest
import torch
from bertlab_widgets import TasksPanel
from panel_checks import run_code
from task_cases import PAIR, SAMPLING, TEXT, done, opened, same


def test_what_is_written_and_where_it_looked_are_those_of_the_lab(lab, monkeypatch):
    panel = TasksPanel(lab, TEXT, task="seq2seq", longest=6)
    found = lab.rewrite(TEXT, max_new_tokens=6)
    assert done(panel).data()["tokens"] == found.tokens and panel.view["source"] == found.source_tokens
    assert same(panel.data()["probabilities"], found.probabilities)
    assert panel.data()["cross_attention"] == pytest.approx(found.cross_attention.mean((0, 1)).numpy(), abs=1e-5)
    assert [step["token"] for step in panel.generation_steps()] == found.tokens
    panel.cross_layer, panel.cross_head = 1, 2
    assert panel.data()["cross_attention"] == pytest.approx(found.cross_attention[1, 2].numpy(), abs=1e-5)
    assert same(run_code(panel, lab, monkeypatch), panel.data())
    panel.cross_head = 4
    assert panel.error == "Head 4 was given; the decoder has heads 0 to 3."


SEARCHES = [
    {"search": "beam", "beams": 3},
    {**SAMPLING, "cross_layer": 0},
    {"prefix": [40, 41], "cross_head": 1},
    {"ablated": [(0, 1), (2, 3)]},
]


@pytest.mark.parametrize("settings", SEARCHES)
def test_the_code_of_every_way_to_rewrite_gives_the_same_look(settings, lab, monkeypatch):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=5, **settings))
    assert panel.error == "" and same(run_code(panel, lab, monkeypatch), panel.data())
    assert len(panel.data()["cross_attention"]) == len(panel.data()["tokens"]) == len(panel.view["written"])
    assert all(sum(weights) == pytest.approx(1, abs=1e-5) for weights in panel.data()["cross_attention"])


def test_another_token_in_a_rewriting_is_followed_by_what_the_decoder_makes_of_it(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=5))
    first, other = panel.generation_steps()[0], panel.generation_steps()[1]["top"][2]
    panel.go_on(1, other["id"])
    assert done(panel).view["written"][:2] == [first["token"], other["token"]] and panel.view["put"] == 2
    assert len(panel.view["looked"]) == len(panel.view["written"]) == 7


def test_the_reasons_of_a_written_token_are_those_of_the_source(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=4, step=2))
    ids, mask = (lab.encode(TEXT)[name] for name in ("input_ids", "attention_mask"))
    so_far = [lab.tokenizer.cls_token_id, *(step["id"] for step in panel.generation_steps()[:2])]
    token, model = panel.generation_steps()[2]["id"], lab.task_model("seq2seq")
    hidden = mask.clone()
    hidden[0, 3] = 0
    with torch.no_grad():
        whole, without = (
            model(ids, seen, torch.tensor([so_far])).logits[0, -1].log_softmax(-1)[token] for seen in (mask, hidden)
        )
    assert panel.attributions()[3]["score"] == pytest.approx(float(whole - without), abs=1e-4)
    assert [row["token"] for row in panel.attributions()] == panel.view["source"]


def test_a_rewriting_says_in_words_where_it_looks_and_refuses_what_does_not_fit(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=4, step=1))
    weights = panel.data()["cross_attention"][1]
    most = panel.view["source"][max(range(len(weights)), key=weights.__getitem__)]
    assert f"Writing `{panel.view['written'][1]}`, it looks most at `{most}`" in panel.answer
    panel.text = "cat " * 200
    assert "64" in done(panel).error and "shorten" in panel.error


def test_tokens_are_those_of_the_lab_with_and_without_the_cache(lab):
    panel = opened(lab, "generation")
    assert [token for token, _ in panel.data()] == lab.generate(TEXT, max_new_tokens=5).tokens
    cached, read = panel.data(), panel.view["read"]
    panel.use_cache = False
    done(panel)
    assert [token for token, _ in panel.data()] == [token for token, _ in cached]
    assert read == 8 + 4 and panel.view["read"] == 8 + 9 + 10 + 11 + 12


def test_another_token_can_be_put_in_at_any_step(lab):
    panel = opened(lab, "generation")
    first, other = panel.generation_steps()[0], panel.generation_steps()[1]["top"][2]
    panel.go_on(1, other["id"])
    done(panel)
    assert panel.prefix == [first["id"], other["id"]]
    assert panel.view["prompt"][-2:] == [first["token"], other["token"]] and len(panel.view["steps"]) == 5
    panel.workbench.text = PAIR
    assert panel.prefix == []


def test_cancelling_keeps_what_is_written_so_far(lab, monkeypatch):
    from bertlab_widgets.panel import linked as module
    from bertlab_widgets.tasks.writing import Writing

    monkeypatch.setattr(module, "AT_ONCE", 0)
    written, go_on = threading.Event(), threading.Event()
    rows = Writing.rows

    def slowly(self):
        for number, row in enumerate(rows(self)):
            yield row
            if number == 1:
                written.set()
                assert go_on.wait(60)

    monkeypatch.setattr(Writing, "rows", slowly)
    panel = TasksPanel(lab, TEXT, task="generation", new_tokens=9, attribution="off")
    assert written.wait(60) and panel.view["done"] is False
    threading.Timer(0.2, go_on.set).start()
    panel.stop()
    assert panel.view["done"] and 2 <= len(panel.view["steps"]) < 9 and panel.error == ""
    assert len(panel.data()) == len(panel.view["steps"])


def test_beams_descend_from_the_step_before(lab):
    panel = opened(lab, "generation", search="beam", beams=3)
    steps = panel.generation_steps()
    assert all(len(step["beams"]) == 3 for step in steps)
    assert all(0 <= beam["parent"] < 3 for step in steps for beam in step["beams"])
    best = steps[-1]["hypotheses"][0]
    words = lab.generate(TEXT, max_new_tokens=5, num_beams=3).tokens
    assert best["tokens"][8:] == [word for word in words if word not in ("[SEP]", "[PAD]")]


def test_sampling_marks_what_the_options_left_out(lab):
    panel = opened(lab, "generation", search="sample", top_k=2, count=6)
    top = panel.generation_steps()[0]["top"]
    assert sum(row["probability"] > 0 for row in top) == 2
    assert all(row["model"] > 0 for row in top)
