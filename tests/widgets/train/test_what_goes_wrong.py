"""Data that does not parse, losses that are no numbers, settings that do not fit: told, and nothing is lost."""

import pytest
import torch
from bertlab_widgets.train.panel import TrainPanel
from bertlab_widgets.train.rows import kind_of, pasted_rows
from train_cases import PASTED, TEXT, same, trained, weights

from bertlab.data import DataError


def test_a_file_that_is_not_there_is_told(lab):
    panel = TrainPanel(lab, TEXT, dataset="file", file="/nowhere/at/all.jsonl")
    assert "there is no data file" in panel.error.lower()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tx\nb", "pasted text, line 2: 1 part"),
        ("a\t", "line 1: the label is empty"),
        ("{oops", "line 1, column 2: not JSON"),
        ("a\tb\tc\td", "line 1: 4 parts"),
        (" \n", "nothing was pasted"),
    ],
)
def test_pasted_lines_that_do_not_parse_are_told_with_their_line(text, said):
    with pytest.raises(DataError, match=said):
        pasted_rows(text)


def test_pasted_lines_tell_their_kind():
    assert kind_of(pasted_rows("good\tyes\nbad\tno")) == "classification"
    assert kind_of(pasted_rows("a | b | 1.5\nc | d | 3")) == "regression"
    assert kind_of(pasted_rows("just a line\nand another")) == "masked words"
    assert kind_of(pasted_rows('{"tokens": ["a"], "tags": ["O"]}')) == "tagging"


def test_text_without_labels_trains_the_masked_words(lab):
    panel = trained(lab, pasted="the cat sat on the mat\n" * 12, steps=3)
    assert panel.phase == "done" and panel.run.kind == "masked words"
    assert set(panel.view["lines"]) == {"ln V", "unigram entropy"}


def test_a_loss_that_is_no_number_ends_in_words_and_loses_nothing(lab):
    first = trained(lab)
    model, before = first.run.model, weights(first.run.model)
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=6, batch_size=4)
    prepare = panel.prepare

    def poisoned():
        run = prepare()
        run.go_to({name: value * float("nan") for name, value in run.start_weights.items() if "classifier" in name})
        run.watch = lambda texts: []
        run.measure = None
        return run

    panel.prepare = poisoned
    panel.start()
    assert panel.wait(30)
    assert panel.phase == "failed" and "not a number" in panel.error and "unchanged" in panel.error
    assert first.workbench.lab.task_model("pasted") is model and same(before, weights(model))
    assert panel.workbench.lab is lab and first.run is not None


def test_out_of_memory_ends_in_words(lab, monkeypatch):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=2)
    prepare = panel.prepare

    def starving():
        run = prepare()

        def fail(*_):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")

        monkeypatch.setattr(torch.Tensor, "backward", fail)
        return run

    panel.prepare = starving
    panel.start()
    assert panel.wait(30)
    assert panel.phase == "failed" and "did not fit into the memory" in panel.error


def test_wrong_settings_are_told(lab):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, device="abacus")
    panel.start()
    assert "Device is 'abacus', but this machine has auto, cpu" in panel.error
    for settings, said in (({"rank": 99}, "rank is 99"), ({"freeze": 9}, "has 3 layers")):
        assert said in trained(lab, **settings).error.lower()


@pytest.mark.parametrize("lines", ["positive, good movie\nnegative, bad movie", "good movie; positive\nbad movie; sad"])
def test_lines_that_look_like_a_text_and_a_label_are_said_to_be_read_as_text(lab, lines):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=lines)
    assert panel.note.startswith("Read as running text without labels") and "a tab, and the label" in panel.note
    assert TrainPanel(lab, TEXT, dataset="pasted", pasted="the cat sat, and ran.\nit ran.").note == ""


def test_columns_that_were_guessed_are_named(lab, tmp_path):
    rows = "".join(
        f"the cat {verb} {i},{stars}\n" for i in range(6) for verb, stars in (("ran", "one"), ("sat", "two"))
    )
    (tmp_path / "reviews.csv").write_text(f"review,stars\n{rows}")
    panel = TrainPanel(lab, TEXT, dataset="file", file=str(tmp_path / "reviews.csv"))
    assert "text from 'review', label from 'stars'" in panel.note
    panel.columns = "text = review, label = stars"
    assert panel.note == ""
