"""What every panel has, in Tasks: presets, state, exports, pins, guesses."""

import csv
import io
import json

import pytest
from bertlab_widgets import TasksPanel, Workbench
from bertlab_widgets.tasks.asked import ASKED
from task_cases import PAIR, TEXT, opened, same


def test_every_preset_opens_without_an_error(lab):
    assert len(TasksPanel.preset_states) >= 2 * len(ASKED)
    panel = TasksPanel(lab, TEXT, attribution="off")
    for name, state in TasksPanel.preset_states.items():
        panel.preset = name
        assert panel.task == state["task"] and panel.note.startswith(state["note"])
        assert not panel.error or "64" in panel.error  # the small model of the tests takes 64 tokens only


def test_a_task_opens_on_a_preset_of_its_own(lab):
    panel = TasksPanel(lab, task="ner", attribution="off")
    assert panel.text == TasksPanel.preset_states["Entities: People, places, firms"]["text"] and panel.task == "ner"
    assert TasksPanel(lab, attribution="off").text == TasksPanel.preset_states["Fill the gap: A capital"]["text"]


def test_a_presets_note_goes_with_its_task(lab):
    panel = TasksPanel(lab, preset="Emotions: Fear", attribution="off")
    note = TasksPanel.preset_states["Emotions: Fear"]["note"]
    assert note in panel.note and panel.preset == "Emotions: Fear"
    panel.task = "sentiment"
    assert note not in panel.note and panel.preset == ""


def test_the_state_is_short_json_and_opens_the_same_picture(lab):
    panel = opened(lab, "qa", window_size=24, stride=4)
    state = json.loads(json.dumps(panel.state()))
    again = TasksPanel.from_state(lab, state)
    assert same(again.data(), panel.data()) and again.state() == state
    assert len(json.dumps(state)) < 400


@pytest.mark.parametrize("kind", ["png", "svg", "csv", "html"])
@pytest.mark.parametrize("task", ["sentiment", "ner", "qa", "choice", "generation", "seq2seq"])
def test_every_answer_can_be_exported(kind, task, lab, tmp_path):
    panel = opened(lab, task, attribution="off")
    content = panel.export(tmp_path / f"answer.{kind}").read_bytes()
    assert len(content) > 100
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert rows[0]["from_model"] == "small" and rows[0]["task"] == task and len(rows) == len(panel.table())


def test_the_offline_page_holds_every_task_on_the_text(lab):
    panel = opened(lab, "inference", attribution="off")
    _, patches = panel.precomputed()
    assert panel.task == "inference"
    assert {f'task:"{task}"' for task in ("sentiment", "pos", "qa", "generation")} <= set(patches)
    assert patches['task:"sentiment"']["view"]["rows"][0]["label"] == "negative"


def test_the_static_twin_names_the_answer(lab):
    twin = opened(lab, "sentiment").static_twin()
    assert "positive" in twin and "untrained" not in twin.split("positive")[0] or "negative" in twin


def test_a_pin_is_held_against_the_next_text(lab):
    panel = opened(lab, "sentiment")
    before = panel.data()
    panel.pin()
    panel.workbench.text = PAIR
    assert {row["label"]: row["before"] for row in panel.view["rows"]} == pytest.approx(before)
    panel.unpin()
    assert all("before" not in row for row in panel.view["rows"])


@pytest.mark.parametrize("task", list(ASKED))
def test_a_guess_is_graded_against_the_live_answer(task, lab):
    panel = opened(lab, task, predict_first=True)
    if task == "fill_mask":
        panel.masked = [2]
    assert panel.gate_question
    right = {"number": "2", "choice": "B", "answer": "the dog"}.get(panel.kind, "zzz")
    panel.guess = right
    assert panel.verdict and panel.error == ""


def test_the_right_guess_is_right(lab):
    panel = opened(lab, "sentiment", predict_first=True)
    data = panel.data()
    panel.guess = max(data, key=data.get)
    assert panel.verdict == "Right."


def test_the_task_is_linked_to_the_other_panels_by_text_and_selection(lab):
    workbench = Workbench(lab, TEXT)
    first, second = TasksPanel(workbench=workbench, task="pos"), TasksPanel(workbench=workbench)
    first.selected = [3]
    first.text = PAIR
    assert second.text == PAIR and second.selected == []
