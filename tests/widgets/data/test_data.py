"""DataPanel: a whole set judged, sorted, counted and looked into."""

import json
import math
import time

import numpy as np
import pytest
import torch
from bertlab_widgets import DataPanel, Workbench
from bertlab_widgets.data import panel as panels
from panel_checks import TEXT, answer_to, run_code
from set_cases import COLUMNS, ROWS

from bertlab.analysis import errors
from bertlab.data import samples, sentence_pairs


def test_it_opens_on_a_set_that_ships_and_says_what_chance_gives(lab):
    panel = DataPanel(lab)
    rows = samples("sentiment", "dev")
    assert panel.view["known"] == len(rows) == panel.data().confusion.sum()
    assert "rows right" in panel.answer and "always `negative` would give 50 %, chance 50 %" in panel.answer
    assert "random weights" in panel.heading["untrained"]


def test_every_number_is_that_of_the_library(panel, lab):
    found = errors.table(lab, [{"text": row["review"], "label": row["stars"]} for row in ROWS], "sentiment")
    mine = panel.data()
    assert torch.equal(mine.confusion, found.confusion) and mine.accuracy == found.accuracy
    for one, other in zip(mine.rows, found.rows, strict=True):
        assert one.loss == pytest.approx(other.loss, abs=1e-5) and one.prediction == other.prediction
    bins, error = panel.judged.calibration()
    assert error == pytest.approx(found.calibration.expected_error, abs=1e-5)
    for one, other in zip(bins, found.calibration.bins, strict=True):
        assert one["count"] == other.count
        if other.count:
            assert one["confidence"] == pytest.approx(other.confidence, abs=1e-5)
    counts = np.zeros((2, 2), dtype=int)
    for row, column, count in panel.view["matrix"]["cells"]:
        counts[row, column] = count
    assert counts.tolist() == found.confusion.tolist()


@pytest.mark.parametrize("sort", ["loss", "doubt", "sure", "order"])
def test_the_list_is_sorted_as_it_says(panel, sort):
    panel.sort = sort
    rows = panel.view["list"]["rows"]
    value = {
        "loss": lambda row: -row["loss"],
        "doubt": lambda row: row["confidence"],
        "sure": lambda row: -row["confidence"],
        "order": lambda row: row["number"],
    }[sort]
    assert [value(row) for row in rows] == sorted(map(value, rows)) and len(rows) == len(ROWS)


def test_a_cell_of_the_matrix_and_a_bin_narrow_the_list(panel):
    row, column, count = panel.view["matrix"]["cells"][0]
    panel.cell = [row, column]
    shown = panel.view["list"]
    labels = panel.view["labels"]
    assert shown["count"] == len(shown["rows"]) == count
    assert {(one["gold"], one["prediction"]) for one in shown["rows"]} == {(labels[row], labels[column])}
    assert panel.answer.startswith(f"{count} row") and f"predicted `{labels[column]}`" in panel.answer
    panel.cell = [-1, column]
    assert {one["prediction"] for one in panel.view["list"]["rows"]} == {labels[column]}
    panel.cell = []
    bins = panel.view["calibration"]["bins"]
    part = next(number for number, one in enumerate(bins) if one["count"])
    panel.bin = part
    assert panel.view["list"]["count"] == bins[part]["count"]
    assert all(bins[part]["low"] < one["confidence"] <= bins[part]["high"] for one in panel.view["list"]["rows"])


def test_a_chosen_row_is_the_text_of_every_panel_and_another_text_lets_go_of_it(panel):
    other = DataPanel(workbench=panel.workbench)
    panel.row = 1
    assert other.text == panel.text == panel.workbench.text == ROWS[1]["review"]
    assert panel.tokens[2]["text"] == "dog"
    assert panel.answer.startswith("Row 2: the head says") and "blind guess has 0.69" in panel.answer
    panel.text = "the cat"
    assert panel.row == -1 and "rows right" in panel.answer


def test_a_row_that_is_longer_than_the_model_says_so(panel):
    panel.row = 3
    assert "longer than the model" in panel.answer
    assert [row["number"] for row in panel.page()["rows"] if row["cut"]] == [3]


def test_a_column_with_few_values_can_stand_for_the_labels(panel):
    assert panel.view["groups"] == ["place"]
    panel.by = "place"
    matrix = panel.view["matrix"]
    assert matrix["names"] == ["paris", "london"] and matrix["totals"] == [4, 3]
    assert "By place: most is right in" in panel.answer
    panel.cell = [1, -1]
    assert {row["group"] for row in panel.view["list"]["rows"]} == {"london"}
    assert {row["place"] for row in panel.table()} == {"paris", "london"}


def test_rows_without_labels_are_predicted_without_accuracy(lab):
    panel = DataPanel(lab, TEXT, data=[{"text": row["review"]} for row in ROWS])
    assert "7 rows predicted; without labels there is no accuracy" in panel.answer and not panel.error
    assert panel.view["accuracy"] is None and math.isnan(panel.data().accuracy)
    assert panel.view["matrix"]["names"] == ["all rows"] and "No column of labels" in panel.view["guessed"]
    assert "`" in panel.gate() or "most often" in panel.gate()
    panel.look = "calibration"
    assert "Without labels" in panel.answer and not panel.error


def test_some_labels_are_better_than_none(lab):
    rows = [{"text": "the cat", "label": "positive"}, {"text": "the dog", "label": None}]
    panel = DataPanel(lab, TEXT, data=rows)
    assert panel.view["labelled"] == 1 and "(1 have no label)" in panel.answer


def test_what_was_guessed_is_said_and_can_be_set_right(lab):
    rows = [{"review": "the cat sat", "headline": "who wrote it", "rating": "positive"}] * 3
    panel = DataPanel(lab, TEXT, data=rows)
    assert panel.view["guessed"] == "Read: text from “review”, label from “rating”."
    panel.columns = {"text": "headline", "label": None}
    assert panel.view["list"]["rows"][0]["text"] == "who wrote it" and panel.view["labelled"] == 0
    panel.columns = {"text": "name"}
    assert "no column 'name'" in panel.error and panel.view["list"]["rows"][0]["text"] == "who wrote it"


def test_errors_name_file_line_and_column_and_keep_what_is_known(lab, tmp_path):
    path = tmp_path / "reviews.csv"
    lines = ["text,label", *(f"the cat {n},positive" for n in range(40)), "the dog,splendid", "the mat,negative"]
    path.write_text("\n".join(lines), encoding="utf8")
    panel = DataPanel(lab, TEXT, source=str(path), task="sentiment")
    assert f"{path}, line 42" in panel.error and "'splendid' is not known" in panel.error
    assert panel.view["known"] == 32 and panel.answer.startswith("“reviews.csv”, the first 32 of 42 rows: ")
    panel.source = str(tmp_path / "none.csv")
    assert "no data file" in panel.error and panel.view["known"] == 32


def test_a_head_is_found_by_its_labels_and_its_absence_is_a_sentence(lab):
    rows = [{"text": "a", "pair": "b", "label": label} for label in ("neutral", "entailment")]
    assert DataPanel(lab, TEXT, data=rows).view["task"] == "inference"
    panel = DataPanel(lab, TEXT, data=[{"text": "a", "label": "splendid"}])
    assert "has the labels of this set (splendid)" in panel.error and "sentiment" in panel.error
    panel.task = "nonsense"
    assert "no task 'nonsense'" in panel.error


def test_rows_may_come_from_a_generator_a_table_of_columns_or_a_path(lab, tmp_path):
    panel = DataPanel(lab, TEXT, data=(row for row in ROWS), columns=COLUMNS)
    panel.columns = {"text": "review", "label": None}  # read again
    assert panel.view["known"] == len(ROWS) and not panel.error
    panel.load({"text": ["the cat", "the dog"], "label": ["positive", "negative"]})
    assert panel.view["known"] == 2 and panel.view["labelled"] == 2
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "the cat", "label": "negative"}\n', encoding="utf8")
    panel.load(path)
    assert panel.source == str(path) and panel.view["known"] == 1
    assert DataPanel(lab, TEXT, data=path).view["known"] == 1
    panel.load(["the cat"])
    assert "row is a dictionary" in panel.error or "no data file" in panel.error or "known formats" in panel.error


def test_a_dataset_object_knows_the_names_of_its_classes(lab):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["negative", "positive"])}
    )
    made = datasets.Dataset.from_dict({"text": ["the cat", "the dog"], "label": [1, 0]}, features=features)
    panel = DataPanel(lab, TEXT, data=made)
    assert not panel.error and [row.gold for row in panel.data().rows] == ["positive", "negative"]


def test_the_four_kinds_of_pairs_are_judged_by_the_head_of_pre_training(lab):
    panel = DataPanel(lab, preset="Next sentence: a shortcut")
    assert not panel.error and panel.by == "kind" and panel.view["task"] == "next_sentence"
    assert panel.view["matrix"]["names"] == ["next", "random", "same topic", "swapped"]
    assert panel.view["total"] == len(sentence_pairs())


def test_a_long_set_streams_can_be_stopped_and_goes_on(lab, monkeypatch):
    monkeypatch.setattr(panels, "AT_ONCE", 0)
    rows = [{"text": f"the cat {n}", "label": ["positive", "negative"][n % 2]} for n in range(2000)]
    panel = DataPanel(lab, TEXT, data=rows)
    while not (panel.judged and panel.judged.known):
        time.sleep(0.01)
    panel.stop()
    known = panel.judged.known
    assert known < 2000 and known % 32 == 0 and f"the first {known:,} of 2,000 rows:" in panel.answer
    assert [row.number for row in panel.data().rows][-1] == min(31, known - 1)
    panel.predict()
    assert panel.wait() and panel.judged.known == 2000 and "of 2,000 rows right" in panel.answer


def test_a_hundred_thousand_rows_come_page_by_page(lab):
    rows = [{"text": "the cat", "label": "positive"}] * 100_001
    panel = DataPanel(lab, TEXT, data=rows[:3000])
    wanted = panel.wanted
    judged = panels.Judged(
        next(found for found in panels.rows_of(wanted, rows) if not isinstance(found, float)), ["a"], ""
    )
    assert judged.total == 100_000 and judged.rows.more
    shown = panel.page(start=2950)
    assert len(shown["rows"]) == 50 and shown["count"] == 3000 and len(json.dumps(panel.view)) < 50_000


def test_heads_that_are_off_are_off_in_the_whole_set(panel, lab, monkeypatch):
    before = [row.loss for row in panel.data().rows]
    panel.ablated = [(0, 1), (2, 3)]
    assert panel.answer.startswith("With heads 0.1 and 2.3 off:") or panel.answer.startswith("With heads 0.1, 2.3 off:")
    after = [row.loss for row in panel.data().rows]
    assert after != before
    assert [row.loss for row in run_code(panel, lab, monkeypatch).rows] == pytest.approx(after, abs=1e-5)


def test_a_model_that_changed_since_is_said(panel, lab, monkeypatch):
    monkeypatch.setattr(panels, "AT_ONCE", 0)
    panel._took = 9
    model = lab.task_model("sentiment")
    weights = model.classifier.bias.detach().clone()
    with torch.no_grad():
        model.classifier.bias += 1
    panel.workbench.model_changed()
    assert "changed since" in panel.view["stale"]
    with torch.no_grad():
        model.classifier.bias.copy_(weights)


@pytest.mark.parametrize(
    "settings",
    [
        {"source": "sentiment"},
        {"source": "pairs", "split": "both"},
        {"source": "sentence_pairs"},
        {"source": "sentiment", "columns": {"label": None}},
        {"data": ROWS, "columns": COLUMNS},
        {"source": "sentiment", "limit": 9},
    ],
)
def test_its_code_gives_the_numbers_on_the_screen(lab, monkeypatch, settings):
    panel = DataPanel(lab, TEXT, **settings)
    found, mine = run_code(panel, lab, monkeypatch), panel.data()
    assert len(panel.code().splitlines()) <= 15
    assert torch.equal(found.confusion, mine.confusion)
    # Weights drawn with a spread of 0.6 make more of the rounding in batches of other lengths than trained ones: 1e-4.
    assert [row.confidence for row in found.rows] == pytest.approx([row.confidence for row in mine.rows], abs=1e-4)


def test_the_code_of_a_file_reads_the_file(lab, monkeypatch, tmp_path):
    path = tmp_path / "it's.jsonl"
    path.write_text("\n".join(json.dumps({"text": "the cat", "label": "positive"}) for _ in range(7)), encoding="utf8")
    panel = DataPanel(lab, TEXT, source=str(path))
    assert run_code(panel, lab, monkeypatch).accuracy == panel.data().accuracy
    panel.limit = 3
    assert len(run_code(panel, lab, monkeypatch).rows) == 3 and "the first 3 rows of a longer set" in panel.answer


@pytest.mark.parametrize("look", ["confusion", "calibration", "rows"])
def test_each_look_has_its_own_table_and_picture(panel, look):
    panel.look = look
    first = panel.table()[0]
    assert {"confusion": "count", "calibration": "confidence", "rows": "text"}[look] in first
    assert panel.exported_bytes("png").startswith(b"\x89PNG") and b"<svg" in panel.exported_bytes("svg")


def test_the_gate_offers_shares_and_grades_them(panel):
    panel.predict_first = True
    assert panel.gate_choices[0] == "under 60 %" and panel.gate_question.endswith("?")
    panel.guess = "hardly any"
    assert "is no share" in panel.verdict


@pytest.mark.parametrize(
    "setting, value, message",
    [
        ("cell", [1], "row, column"),
        ("source", "given", "were given from Python"),
        ("columns", {"words": "a"}, "allowed are text, pair and label"),
        ("sort", "length", "length"),
    ],
)
def test_settings_that_make_no_sense_are_refused(lab, setting, value, message):
    panel = DataPanel(lab, TEXT)
    with pytest.raises(Exception, match=message):
        setattr(panel, setting, value)
    assert not panel.error


def test_a_state_holds_what_is_looked_at_and_rows_from_python_are_asked_for(panel, lab):
    panel.cell, panel.sort = [0, -1], "doubt"
    again = DataPanel.from_state(lab, panel.state(), data=ROWS)
    assert again.cell == [0, -1] and again.answer == panel.answer
    with pytest.raises(ValueError, match="give them again"):
        DataPanel.from_state(lab, panel.state())


def test_the_offline_page_can_be_clicked_and_stays_small(panel):
    answers, patches = panel.precomputed()
    row, column, count = panel.view["matrix"]["cells"][0]
    assert patches[f"cell:[{row},{column}]"]["view"]["list"]["count"] == count
    assert patches["row:1"]["text"] == ROWS[1]["review"] and panel.row == -1 and panel.text == TEXT
    assert 'page:{"sort":"loss","cell":[],"bin":-1,"start":0}' in answers
    assert len(panel.exported_bytes("html")) < 1_000_000


def test_the_browser_asks_for_pages(panel):
    content, _ = answer_to(panel, "page", sort="order", cell=[], bin=-1, start=0)
    assert [row["number"] for row in content["result"]["rows"]] == list(range(7))


def test_a_row_opens_in_another_panel_of_the_application(lab):
    workbench = Workbench(lab, TEXT)
    app = workbench.show()
    app.tab = "data"
    panel = app.panel
    panel.row = 4
    panel.open_row()
    assert app.tab == "tasks" and app.panel.task == "sentiment" and app.panel.text == panel.text
    app.tab = "data"
    assert panel.view["opens"]
