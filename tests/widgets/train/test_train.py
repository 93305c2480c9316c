"""The training panel by its traits: a few steps of tiny models, started, stopped, gone back in, and broken."""

import json
import time

import pytest
import torch
from bertlab_widgets import HeadsPanel, Workbench
from bertlab_widgets.train import blind_share
from bertlab_widgets.train.panel import TrainPanel
from bertlab_widgets.train.rows import split_rows
from bertlab_widgets.train.weights import fresh_model, layer_changes, trained_parameters
from panel_checks import run_code
from train_cases import PASTED, TEXT, same, trained, weights

from bertlab.adapters import merge_lora
from bertlab.data import Task


def test_before_a_run_the_panel_says_what_it_will_learn_from_and_what_guessing_gets(lab):
    panel = TrainPanel(lab, dataset="sentiment")
    assert panel.phase == "idle" and "238 examples" in panel.answer and "chance is 50 %" in panel.answer
    assert panel.view["lines"] == {"ln 2": pytest.approx(0.6931, abs=1e-4)}
    assert len(panel.view["about"]["examples"]) == 6


def test_a_run_has_curves_moments_watched_sentences_and_lines(lab):
    panel = trained(lab)
    assert panel.phase == "done" and not panel.error
    assert panel.data()["loss"].shape == panel.data()["gradient_norm"].shape == (4,)
    assert panel.view["lines"] and panel.view["chance"]["chance"] == 50
    assert [step for step, _ in panel.view["moments"]][0] == 0 and panel.view["moments"][-1][0] == 4
    assert panel.view["watched"][0]["text"] == TEXT
    assert sum(p for _, p in panel.view["watched"][0]["rows"]) == pytest.approx(1)
    assert set(panel.view["changes"]["names"]) == {"embeddings", "layer 0", "layer 1", "layer 2", "head"}
    assert len(json.dumps(panel.view)) < 60_000


def test_the_code_reproduces_the_losses_on_the_screen(lab, monkeypatch):
    import bertlab

    monkeypatch.setattr(bertlab, "load", lambda name: lab, raising=False)
    ways = {}, {"rank": 0, "freeze": 1}, {"dataset": "sentiment", "steps": 2}, {"dataset": "agreement", "steps": 2}
    for settings in ways:
        panel, names = trained(lab, **settings), {}
        code = panel.code()
        exec(code, names)
        assert names["result"] == panel.data()["loss"].tolist(), settings
        assert len(code.splitlines()) <= 15 + PASTED.count("\n")


def test_training_leaves_the_weights_of_the_lab_alone(lab):
    before, grads = weights(lab.model), [parameter.requires_grad for parameter in lab.model.parameters()]
    trained(lab)
    trained(lab, rank=0, rate=0.1)
    assert same(before, weights(lab.model))
    assert grads == [parameter.requires_grad for parameter in lab.model.parameters()]


def test_the_trained_model_answers_for_its_task_and_is_what_other_panels_show(lab):
    workbench = Workbench(lab, TEXT)
    heads = HeadsPanel(workbench=workbench)
    before = workbench.recording.attention(1).clone()
    panel = TrainPanel(workbench=workbench, dataset="pasted", pasted=PASTED, steps=4, batch_size=4, rate=0.05)
    panel.start()
    panel.wait(60)
    there = workbench.lab
    assert there.is_trained("pasted") and there.classify(TEXT, task="pasted").probabilities.keys() == {"no", "yes"}
    assert not lab.is_trained("pasted") and "pasted" not in Workbench(lab, TEXT).lab.tasks
    assert "pasted" in heads.heading["model"]
    assert not torch.equal(workbench.recording.attention(1), before)
    panel.shown = "before"
    assert torch.equal(workbench.recording.attention(1), before) and workbench.lab is lab


def test_the_time_machine_goes_back_to_the_very_weights_and_forth_again(lab):
    panel = trained(lab, rate=0.05)
    last, said = panel.run.weights(), panel.view["watched"][0]["rows"]
    panel.moment = 0
    assert same(panel.run.start_weights, panel.run.weights())
    assert panel.view["watched"][0]["rows"] == list(panel.view["watched"][0]["then"].items())
    assert "Back at step 0 of 4" in panel.answer
    panel.moment = -1
    assert same(last, panel.run.weights()) and panel.view["watched"][0]["rows"] == said


def test_a_moment_that_does_not_exist_is_refused(lab):
    panel = trained(lab)
    panel.set_state({"moment": 99})
    assert "moment 99 was given" in panel.error.lower() and panel.moment == -1
    fresh = TrainPanel(lab, TEXT)
    fresh.set_state({"moment": 1})
    assert "no run yet" in fresh.error


def test_attention_is_shown_before_and_now_also_for_a_text_typed_afterwards(lab):
    panel = trained(lab, rate=0.05, look="attention")
    attention = panel.view["attention"]
    assert len(attention["then"]) == len(attention["now"]) == len(panel.tokens)
    assert max(max(line) for line in attention["change"]) > 0
    panel.text = "the dog ran"
    assert panel.view["attention"]["rows"][1:-1] == ["the", "dog", "ran"]
    panel.moment = 0
    assert panel.view["attention"]["then"] == panel.view["attention"]["now"]


def test_pause_holds_resume_goes_on_and_stop_ends(lab):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=100_000, batch_size=4, seconds=0)
    panel.start()
    assert panel.wait_for_step(3)
    panel.pause()
    deadline = time.monotonic() + 20
    while panel.phase != "paused" and time.monotonic() < deadline:
        time.sleep(0.01)
    held = panel.run.step
    time.sleep(0.1)
    assert panel.run.step == held
    panel.moment = 0  # looked at while it pauses ...
    panel.resume()
    assert panel.wait_for_step(held + 3)
    panel.stop()
    assert panel.wait(20) and panel.phase == "stopped"
    assert panel.run.history[held].step == held + 1  # ... and it went on where it had stopped
    assert panel.run.moments[-1].step == panel.run.step


def test_going_back_during_a_pause_changes_nothing_of_what_follows(lab):
    straight = trained(lab, steps=6).data()["loss"].tolist()
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=6, batch_size=4)
    pull = panel.runner._pull

    def pausing(run):
        records = run.records

        def paused_after_three():
            for number, item in enumerate(records, start=1):
                if number == 3:
                    panel.runner._going.clear()
                yield item

        run.records = paused_after_three()
        return pull(run)

    panel.runner._pull = pausing
    panel.start()
    deadline = time.monotonic() + 20
    while panel.phase != "paused" and time.monotonic() < deadline:
        time.sleep(0.01)
    panel.moment = 0
    panel.resume()
    assert panel.wait(60)
    assert panel.data()["loss"].tolist() == straight


def test_the_title_line_says_what_the_run_is_doing(lab):
    panel, said = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=2, batch_size=4), []
    panel.observe(lambda change: said.append(change["new"]["state"]), names=["heading"])
    panel.start()
    assert panel.wait(60)
    assert list(dict.fromkeys(said)) == ["preparing", "training", "done"]


def test_a_second_start_while_it_runs_is_refused_in_words(lab):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=100_000, seconds=0)
    panel.start()
    panel.wait_for_step(1)
    panel.start()
    assert "is running" in panel.error
    panel.stop()
    assert panel.wait(20)


def test_the_time_budget_ends_a_run(lab):
    panel = trained(lab, steps=100_000, seconds=0.3)
    assert panel.phase == "stopped" and "time budget of 0.3 s" in panel.answer


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ('{"text": "a", "label": 1}\nnot json\n', "broken.jsonl", "broken.jsonl, line 2, column 1: not JSON"),
        ("text,label\na,b,c\n", "broken.csv", "broken.csv, line 2: 3 columns"),
        ('{"text": "a", "label": "x"}\n', "one.jsonl", "at least two labels"),
        ("", "empty.jsonl", "is empty"),
    ],
)
def test_data_that_does_not_parse_is_told_with_file_and_line(lab, tmp_path, content, name, said):
    path = tmp_path / name
    path.write_text(content)
    panel = TrainPanel(lab, TEXT, dataset="file", file=str(path))
    assert said in panel.error
    panel.start()
    panel.wait(20)
    assert said in panel.error and panel.phase == "failed"
    panel.dataset = "sentiment"
    panel.steps = 1
    panel.start()
    assert panel.wait(60) and panel.phase == "done" and not panel.error


@pytest.mark.parametrize("dataset", ["topics", "entities", "pairs", "similarity", "choices"])
def test_every_set_that_ships_can_be_learnt_from(lab, dataset):
    panel = trained(lab, dataset=dataset, steps=1)
    assert panel.phase == "done" and not panel.error, panel.error
    assert panel.view["watched"]


@pytest.mark.parametrize("dataset", ["agreement", "reversal", "text"])
def test_nano_models_train_the_same_way(lab, dataset):
    panel = trained(lab, dataset=dataset, steps=2, look="attention", seconds=0)
    assert panel.phase == "done" and not panel.error
    assert panel.view["lines"]["ln V"] > 3 and panel.view["attention"]
    assert len(panel.view["moments"]) >= 2
    if dataset != "reversal":
        assert panel.workbench.lab.name == f"nano {dataset}"
        panel.shown = "before"
        assert panel.workbench.lab is lab


def test_after_a_stop_the_run_goes_on_to_the_same_numbers(lab):
    whole = trained(lab, steps=30)
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=30, batch_size=4, seconds=0)
    panel.start()
    panel.wait_for_step(3)
    panel.stop()
    assert panel.wait(20) and panel.phase in ("stopped", "done")
    stopped_at = panel.run.step
    panel.moment = 0
    panel.resume()
    assert panel.wait(60) and panel.phase == "done" and panel.run.step == 30 >= stopped_at
    assert [item.loss for item in panel.run.history] == pytest.approx([item.loss for item in whole.run.history])
    panel.resume()
    assert "no training is paused or stopped" in panel.error.lower()


def test_other_panels_say_which_step_they_look_at(lab):
    workbench = Workbench(lab, TEXT)
    heads = HeadsPanel(workbench=workbench)
    panel = TrainPanel(workbench=workbench, dataset="pasted", pasted=PASTED, steps=4, batch_size=4, rate=0.05)
    panel.start()
    assert panel.wait(60) and "step" not in heads.answer
    panel.moment = 0
    assert "at step 0 of 4" in heads.heading["state"] and heads.answer.startswith("With the model at step 0 of 4: ")
    panel.moment = -1
    assert "at step" not in heads.answer


def test_the_code_of_another_panel_makes_the_trained_model_again(lab, monkeypatch):
    workbench = Workbench(lab, TEXT)
    panel = TrainPanel(workbench=workbench, dataset="pasted", pasted=PASTED, steps=3, batch_size=4, rate=0.05)
    panel.start()
    assert panel.wait(60)
    heads = HeadsPanel(workbench=workbench, layer=1, head=2)
    assert torch.allclose(run_code(heads, lab, monkeypatch), heads.data()["shown"], atol=1e-5)


def test_the_gate_grades_a_guess_against_what_the_run_reached(lab):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=2)
    panel.predict_first = True
    assert "held-out" in panel.gate_question
    panel.guess = "80 %"
    assert "Start, and see" in panel.verdict
    panel.start()
    panel.wait(30)
    assert panel.verdict.startswith("You said 80 %, it is")


def test_state_keeps_the_settings_and_presets_choose_the_data(lab):
    panel = TrainPanel(lab, TEXT, dataset="topics", rank=4, epochs=2.0)
    state = panel.state()
    assert len(json.dumps(state)) < 200
    assert TrainPanel.from_state(lab, state).state() == state
    for name, preset in TrainPanel.preset_states.items():
        panel.preset = name
        assert panel.dataset == preset["dataset"] and panel.note.startswith(preset["note"]) and not panel.error


def test_exports_name_model_and_sentence_and_go_back_in_time_without_a_kernel(lab, tmp_path):
    panel = trained(lab)
    for suffix in ("png", "svg", "csv", "html"):
        assert panel.export(tmp_path / f"run.{suffix}").stat().st_size > 500
    page = (tmp_path / "run.html").read_text(encoding="utf8")
    assert TEXT in page and "moment:0" in page and len(page) < 600_000
    assert "gradient_norm" in (tmp_path / "run.csv").read_text(encoding="utf8").splitlines()[0]
    assert panel.moment == -1 and len(panel.static_twin()) < 8000


def test_reset_forgets_the_run_and_shows_the_model_of_before(lab):
    panel = trained(lab)
    panel.reset()
    assert panel.phase == "idle" and panel.run is None and panel.workbench.lab is lab
    assert panel.text == TEXT


def test_a_fresh_model_says_what_the_lab_says_until_it_is_trained(lab):
    model = fresh_model(lab, Task("classification", ("a", "b")), rank=4)
    encoded = lab.encode(TEXT)
    with torch.no_grad():
        ours, theirs = (m(**encoded).last_hidden_state for m in (model.bert, lab.model.bert))
    torch.testing.assert_close(ours, theirs)
    shared = dict(model.named_parameters())["bert.embeddings.word_embeddings.weight"]
    assert shared.data_ptr() == lab.model.bert.embeddings.word_embeddings.weight.data_ptr()


def test_the_change_of_a_lora_layer_is_that_of_its_product(lab):
    model = fresh_model(lab, Task("classification", ("a", "b")), rank=3)
    start = {name: parameter.detach().clone() for name, parameter in trained_parameters(model).items()}
    assert set(layer_changes(model, start).values()) == {0.0}
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "layer.1" in name and name.endswith("lora_B"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    changes = layer_changes(model, start)
    own, base = dict(merge_lora(model).named_parameters()), dict(lab.model.named_parameters())
    inside = [name for name in own if "layer.1." in name]
    moved = sum(float((own[name] - base[name]).detach().norm()) ** 2 for name in inside)
    size = sum(float(base[name].detach().norm()) ** 2 for name in inside)
    assert changes["layer 1"] == pytest.approx((moved / size) ** 0.5, rel=1e-4)
    assert changes["layer 0"] == changes["layer 2"] == changes["embeddings"] == 0


def test_rows_are_held_out_by_their_split_or_every_fifth():
    rows = [{"text": str(number)} for number in range(10)]
    assert [row["text"] for row in split_rows(rows)[1]] == ["4", "9"]
    assert split_rows(rows[:4]) == (rows[:4], [])
    named = [{"text": "a", "split": "train"}, {"text": "b", "split": "dev"}]
    assert split_rows(named) == (named[:1], named[1:])


def test_a_pinned_run_stays_beside_the_next_one_and_both_name_their_settings(lab):
    panel = trained(lab)
    losses, evaluations = panel.data()["loss"].tolist(), panel.run.evaluations
    panel.pin()
    assert "LoRA rank 8" in panel.pinned["answer"] and "pinned" not in panel.view
    panel.rank, panel.steps = 2, 6
    panel.start()
    assert panel.wait(60)
    pinned = panel.view["pinned"]
    assert (pinned["name"], panel.view["name"]) == ("LoRA rank 8, steps 4", "LoRA rank 2, steps 6")
    assert pinned["loss"][1] == pytest.approx(losses, abs=1e-5) and len(panel.view["loss"][1]) == 6
    assert [step for step, _ in pinned["figures"]] == [row["step"] for row in evaluations]
    rows = panel.table()
    assert [row["loss"] for row in rows if row["run"] == "A"][1:] == losses
    assert len([row for row in rows if row["run"] == "B"]) == 7
    assert "A: LoRA rank 8, steps 4" in panel.figure().axes[0].get_title()
    panel.unpin()
    assert "pinned" not in panel.view and "run" not in panel.table()[0]


def test_a_run_that_is_pinned_while_it_goes_on_is_kept_to_its_end(lab):
    panel = TrainPanel(lab, TEXT, dataset="pasted", pasted=PASTED, steps=100_000, batch_size=4, seconds=0)
    panel.start()
    assert panel.wait_for_step(2)
    panel.pin()
    panel.stop()
    assert panel.wait(20)
    assert panel.data()["pinned"][-1]["step"] == panel.run.step and "pinned" not in panel.view


def test_without_a_run_there_is_nothing_to_pin(lab):
    panel = TrainPanel(lab, TEXT)
    panel.pin()
    assert panel.error == "There is no run to keep yet: start one, then pin it." and not panel.pinned


def test_the_code_is_that_of_the_run_on_show_and_not_of_the_settings_touched_since(lab):
    panel = trained(lab)
    code = panel.code()
    panel.rank, panel.dataset = 2, "sentiment"
    assert panel.code() == code and "rank=8" in code


def test_chance_is_written_alike_wherever_it_stands(lab):
    panel = TrainPanel(lab, dataset="topics")
    assert panel.view["chance"]["chance"] == 12.5
    panel.predict_first = True
    assert "chance is 12.5 %" in panel.answer and "chance is 12.5 %" in panel.gate_question
    assert "chance is 12.5 %" in panel.note and panel.preset == "Eight topics"


@pytest.mark.parametrize(
    ("labels", "said"),
    [(2, "50 %"), (3, "33 %"), (7, "14 %"), (8, "12.5 %"), (16, "6.25 %"), (32, "3.1 %"), (1, "100 %")],
)
def test_what_a_blind_guess_gets_is_exact_where_it_is_short(labels, said):
    assert blind_share(1 / labels) == said


@pytest.mark.parametrize("dataset", ["topics", "entities", "pairs", "questions", "choices", "similarity", "reversal"])
def test_without_a_text_the_panel_opens_on_a_sentence_of_its_set(lab, dataset):
    panel = TrainPanel(lab, dataset=dataset)
    presets = [state["text"] for state in TrainPanel.preset_states.values() if state["dataset"] == dataset]
    assert panel.dataset == dataset and not panel.error
    assert panel.text in presets if presets else panel.text and panel.text != TrainPanel(lab).text


def test_another_set_brings_its_sentence_unless_somebody_typed_one(lab):
    panel = TrainPanel(lab)
    panel.dataset = "topics"
    topics = TrainPanel(lab, dataset="topics").text
    assert panel.text == topics
    panel.dataset = "questions"
    assert panel.text not in ("", topics) and panel.text_pair
    panel.dataset = "pasted"  # nothing is pasted yet
    panel.dataset = "agreement"
    assert panel.text == TrainPanel(lab, dataset="agreement").text
    panel.text, panel.text_pair = TEXT, ""
    panel.dataset = "sentiment"
    assert panel.text == TEXT
    kept = TrainPanel(lab, TrainPanel(lab).text, dataset="topics").state()
    assert TrainPanel.from_state(lab, kept).state() == kept


def test_every_look_of_a_run_has_a_sentence_of_its_own(lab):
    panel = trained(lab, rate=0.05)
    panel.look = "layers"
    assert "has moved most, by" in panel.answer and "loss" not in panel.answer
    panel.look = "attention"
    assert "of the attention of head" in panel.answer
    panel.look = "curves"
    assert "the loss is" in panel.answer


def test_attention_opens_on_a_head_that_moved(lab):
    panel = trained(lab, rate=0.05)
    assert (panel.layer, panel.head) == (0, 0)
    panel.look = "attention"
    change = panel.view["attention"]["change"]
    assert change[panel.layer][panel.head] == max(map(max, change)) > 0
    assert (panel.workbench.layer, panel.workbench.head) == (panel.layer, panel.head) and not panel.error
    panel.layer, panel.head = 0, 0
    assert panel.view["attention"]["layer"] == panel.view["attention"]["head"] == 0


def test_what_the_engine_warns_of_is_a_note_and_stays_with_the_run(lab, tmp_path, recwarn):
    rows = "".join(f"the cat ran {i},{label}\n" for i in range(8) for label in ("one", "two", ""))
    (tmp_path / "few.csv").write_text(f"text,label\n{rows}")
    panel = TrainPanel(lab, TEXT, dataset="file", file=str(tmp_path / "few.csv"), steps=2, batch_size=4)
    panel.start()
    assert panel.wait(60) and panel.phase == "done"
    assert "are left out" in panel.note and not [one for one in recwarn if "left out" in str(one.message)]
