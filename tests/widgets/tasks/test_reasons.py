"""What an answer rests on: scores of tokens, computed, cancelled, added up."""

import threading

import pytest
import torch
from bertlab_widgets import TasksPanel
from bertlab_widgets.tasks import explaining
from task_cases import PAIR, TEXT, opened, same

from bertlab.model import BertForNextSentencePrediction

PLAIN = [
    "next_sentence",
    "sentiment",
    "emotions",
    "similarity",
    "inference",
    "pos",
    "ner",
    "choice",
    "qa",
    "generation",
    "seq2seq",
]


def run_names(panel, lab, monkeypatch):
    """All names that the panel's code leaves, with this lab in place of the one that it loads."""
    import bertlab

    monkeypatch.setattr(bertlab, "load", lambda name: lab, raising=False)
    names = {}
    exec(panel.code(), names)
    return names


@pytest.mark.parametrize("task", PLAIN)
@pytest.mark.parametrize("method", list(explaining.METHODS))
def test_the_code_gives_the_attribution_too(task, method, lab, monkeypatch):
    panel = opened(lab, task, attribution=method)
    assert panel.wait(20)
    names = run_names(panel, lab, monkeypatch)
    rows = panel.attributions()
    kept = panel.view["attribution"]["keep"]
    assert rows and not all(kept)
    expected = [0.0 if keep else score for keep, score in zip(kept, names["scores"])]
    assert [row["score"] for row in rows] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("task", ["sentiment", "pos", "qa", "choice", "generation"])
@pytest.mark.parametrize("method", ["occlusion", "gradient"])
def test_words_instead_of_pieces_add_the_scores_up_in_picture_rows_and_code(task, method, lab, monkeypatch):
    panel = opened(lab, task, attribution=method)
    panel.text = "the unaffable cat sat on embeddings."
    assert panel.wait(20)
    pieces = panel.attributions()
    panel.words = True
    assert panel.wait(20) and not panel.error
    rows = panel.attributions()
    assert sum(row["score"] for row in rows) == pytest.approx(sum(row["score"] for row in pieces), abs=1e-5)
    if task != "choice":
        assert "unaffable" in [row["token"] for row in rows] and len(rows) < len(pieces)
    assert run_names(panel, lab, monkeypatch)["scores"] == pytest.approx([row["score"] for row in rows], abs=1e-5)
    panel.words = False
    assert panel.attributions() == pieces


@pytest.mark.parametrize("task", ["sentiment", "emotions", "similarity", "pos", "qa", "generation"])
def test_integrated_gradients_add_up(task, lab, monkeypatch):
    monkeypatch.setattr(explaining, "STEPS", 800)  # the small model's large random weights make a jagged way
    found = opened(lab, task, attribution="integrated").view["attribution"]
    assert sum(found["scores"]) == pytest.approx(found["value"] - found["baseline"] + found["gap"], abs=1e-4)
    assert abs(found["gap"]) < 0.1 * sum(map(abs, found["scores"]))


def test_occlusion_is_the_fall_without_the_token(lab):
    panel = opened(lab, "sentiment", explained="positive")
    batch = lab.encode(TEXT)
    batch["attention_mask"][0, 2] = 0
    with torch.no_grad():
        without = lab.task_model("sentiment")(**batch).logits[0].log_softmax(-1)[1]
    score = panel.attributions()[2]["score"]
    assert score == pytest.approx(float(panel.reading.logits().log_softmax(-1)[1] - without), abs=1e-5)
    assert panel.attributions()[2]["about"] == "positive"


def test_an_attribution_that_would_take_long_waits_until_it_is_asked_for(lab, monkeypatch):
    from bertlab_widgets.tasks import reasons as module

    monkeypatch.setattr(module, "SHORT_WORK", 0)
    monkeypatch.setattr(module, "LONG_WORK", 0)
    panel = opened(lab, "sentiment")
    assert panel.view["attribution"]["offer"] > 7 and panel.attributions() == []
    panel.explain()
    assert panel.wait(20) and len(panel.attributions()) == 9 and panel.busy == {}


def test_others_can_use_the_model_while_an_attribution_is_computed(lab, monkeypatch):
    from bertlab_widgets.tasks import reasons as module

    started, got, within, explain = threading.Event(), [], [], explaining.explain

    def slowly(question, method, mask):
        started.set()
        for _ in range(2000):
            question.model(**question.batch)  # a pass, before which the model is free for a moment
            if got:
                break
        within.append(bool(got))
        return explain(question, method, mask)

    monkeypatch.setattr(module, "SHORT_WORK", 0)
    monkeypatch.setattr(explaining, "explain", slowly)
    panel = TasksPanel(lab, TEXT, task="sentiment")
    assert started.wait(60)
    got.append(panel.workbench.cached("other", lambda: 1))
    assert panel.wait(60) and within == [True] and len(panel.attributions()) == 9


def test_an_attribution_can_be_cancelled(lab):
    question = opened(lab, "sentiment").attribution_question()
    passes = []
    with pytest.raises(explaining.Cancelled):
        with explaining.watched(question.model, 100, passes.append, lambda: len(passes) > 1):
            explaining.explain(question, "occlusion", lab.tokenizer.mask_token_id)
    assert len(passes) == 2
    assert not question.model.base_model._forward_pre_hooks


def test_a_model_trained_for_the_next_sentence_answers_instead_of_the_pre_trained_head(lab, monkeypatch):
    before = opened(lab, "next_sentence").data()
    torch.manual_seed(3)
    lab.add_task("next_sentence", BertForNextSentencePrediction(lab.model.config))
    panel = opened(lab, "next_sentence")
    assert not same(panel.data(), before) and same(panel.data(), lab.next_sentence(TEXT, PAIR).probabilities)
    names = run_names(panel, lab, monkeypatch)
    assert same(names["result"], panel.data())
    kept = panel.view["attribution"]["keep"]
    expected = [0.0 if keep else score for keep, score in zip(kept, names["scores"], strict=True)]
    assert [row["score"] for row in panel.attributions()] == pytest.approx(expected, abs=1e-5)
