"""Intervene, Compare and Bug Lab on models that are unlike the usual ones: every look opens, and its code agrees."""

import copy
import math

import pytest
import torch
from bertlab_widgets import BugLabPanel, ComparePanel, HeadsPanel, IntervenePanel, LayersPanel, Workbench
from bertlab_widgets.buglab.panel import NAMES
from bertlab_widgets.workbench import token_names
from panel_checks import TEXT, run_code
from small_lab import small_lab, vocabulary

from bertlab.lab import Lab
from bertlab.model import BertConfig, BertForPreTraining, BertForSequenceClassification
from bertlab.tokenizer import BertTokenizerFast

CHINESE = "今天天气很好，我们去公园散步吧。"


def built(lab, **changed):
    """The small lab with another model, of random weights."""
    torch.manual_seed(0)
    config = BertConfig.from_dict({**lab.model.config.to_dict(), **changed})
    return Lab(BertForPreTraining(config), lab.tokenizer, name="small")


def half_precision(lab, folder):
    other = built(lab)
    other.model.to(torch.bfloat16)
    return other


def padded_vocabulary(lab, folder):
    return built(lab, vocab_size=len(vocabulary()) + 9)


def chinese(lab, folder):
    (folder / "vocab.txt").write_text("\n".join([*vocabulary()[:5], *sorted(set(CHINESE))]), encoding="utf8")
    tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=64)
    return built(Lab(copy.deepcopy(lab.model), tokenizer), vocab_size=len(tokenizer))


def pruned(lab, folder):
    other = built(lab)
    other.model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    return other


def three_labels(lab, folder):
    other = built(lab, id2label={0: "bad", 1: "fair", 2: "good"}, label2id={"bad": 0, "fair": 1, "good": 2})
    other.add_task("mood", BertForSequenceClassification(other.model.config))
    return other


def without_mask(lab, folder):
    return small_lab(without="[MASK]")


each_lab = pytest.mark.parametrize(
    "make", [half_precision, padded_vocabulary, chinese, pruned, three_labels, without_mask]
)
each_look = pytest.mark.parametrize(
    "kind, settings",
    [
        *[(IntervenePanel, {"look": look}) for look in ("patch", "switches", "prune", "explain", "causal")],
        (IntervenePanel, {"look": "edges", "cut": [[0, -1, 3, 2], [1, -1, 2, 3]]}),
        (IntervenePanel, {"look": "prune", "over": "samples"}),
        *[(ComparePanel, {"look": look}) for look in ("overview", "attention", "hidden", "predictions")],
        *[(BugLabPanel, {"mistake": name}) for name in NAMES],
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "-".join(map(str, value.values())),
)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.allclose(one.float(), other.float(), atol=1e-4, rtol=1e-3, equal_nan=True)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-4)
    return one == other


@each_lab
@each_look
def test_every_look_opens_and_its_code_gives_its_numbers(lab, tmp_path, monkeypatch, make, kind, settings):
    own = make(lab, tmp_path)
    workbench = Workbench(own, CHINESE if make is chinese else TEXT)
    panel = kind(workbench=workbench, **settings)
    assert panel.wait(60) and not panel.error and panel.answer
    if "problem" in panel.view:
        assert panel.code().startswith("# ") and panel.exported_bytes("html")
        return
    assert same(run_code(panel, own, monkeypatch), panel.data())
    assert panel.exported_bytes("csv").count(b"\n") == len(panel.table()) + 1


def test_a_row_of_the_model_that_stands_for_no_word_has_a_name(lab, tmp_path):
    own = padded_vocabulary(lab, tmp_path)
    assert token_names(own.tokenizer, [0, len(vocabulary())]) == ["[PAD]", f"[id {len(vocabulary())}]"]
    with torch.no_grad():
        own.model.cls.predictions.bias[len(vocabulary())] = 100.0
    for panel in (IntervenePanel(own, TEXT, look="switches"), ComparePanel(own, TEXT, look="predictions")):
        assert panel.wait(60) and f"`[id {len(vocabulary())}]`" in panel.answer
    assert f"[id {len(vocabulary())}]" in BugLabPanel(own, TEXT).answer
    for panel in (HeadsPanel(own, TEXT, look="effect", masked=[3]), LayersPanel(own, TEXT, look="lens", selected=[3])):
        assert panel.wait(60) and not panel.error and f"[id {len(vocabulary())}]" in str(panel.view)


@pytest.mark.parametrize(
    "make, said", [(chinese, "none of the sentences that ship fits"), (without_mask, "has no [MASK] to hide")]
)
def test_pruning_says_on_the_stage_why_it_cannot_be_measured_on_sentences_that_ship(lab, tmp_path, make, said):
    panel = IntervenePanel(make(lab, tmp_path), TEXT, look="prune", over="samples")
    assert said in panel.problem[:1].lower() + panel.problem[1:] and not panel.error
    panel.over = "text"
    assert panel.wait(60) and not panel.problem


@pytest.mark.parametrize("masked", [[], [3]])
def test_masks_of_this_text_are_not_named_where_other_sentences_are_measured(lab, masked):
    for panel, look in ((IntervenePanel(lab, TEXT, masked=masked), "prune"), (ComparePanel(lab, TEXT), "overview")):
        panel.masked, panel.look, panel.over = masked, look, "samples"
        assert panel.wait(60) and "masked" not in panel.answer and "hidden: " not in panel.answer
