"""One way from a text to a recording, for one text or several."""

import torch

import bertlab
from bertlab.lab import run_recorded

from lab_cases import random_model  # isort: skip


def test_a_list_of_texts_is_one_batch_with_tokens_for_each(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    recording = lab.record(["the cat", "angela met merkel"], names="*probs")
    assert recording.tokens == [
        ["[CLS]", "the", "cat", "[SEP]", "[PAD]"],
        ["[CLS]", "angela", "met", "merkel", "[SEP]"],
    ]
    assert recording.attention(1).shape == (2, 2, 5, 5)
    assert lab.record(["the cat"]).tokens == [["[CLS]", "the", "cat", "[SEP]"]]
    pairs = lab.record(["the", "cat"], ["sat", "met"])
    assert pairs.tokens[1] == ["[CLS]", "cat", "[SEP]", "met", "[SEP]"]


def test_any_model_of_a_lab_is_recorded_alike(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    batch = lab.encode("the cat sat")
    recording = run_recorded(lab.task_model("ner"), batch, names="*hidden", tokens=["x"])
    with torch.no_grad():
        assert torch.equal(recording.output.logits, lab.task_model("ner")(**batch).logits)
    torch.testing.assert_close(recording.hidden(2), lab.record("the cat sat").hidden(2))
    assert recording.tokens == ["x"]
