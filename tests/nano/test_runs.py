"""Recorded nano runs: what ships is small, complete, shows learning, and is what training gives again."""

import statistics
from importlib.resources import files

import pytest

from bertlab.nano import RUNS, SETTINGS, recorded_runs
from bertlab.recipes.__main__ import main


def test_every_setting_has_been_recorded():
    assert set(RUNS) == set(SETTINGS)


@pytest.mark.parametrize("name", RUNS)
def test_recorded_runs_have_several_seeds_and_all_steps(name):
    runs = recorded_runs(name)
    assert len({run.seed for run in runs}) >= 3
    for run in runs:
        assert len(run.losses) == len(run.gradient_norms) == max(run.evaluations)
        assert min(run.evaluations) == 0 and all(run.metric in figures for figures in run.evaluations.values())


@pytest.mark.parametrize("name", RUNS)
def test_recorded_runs_leave_chance_behind(name):
    for run in recorded_runs(name):
        steps, values = run.curve
        if run.metric in run.chance:
            assert values[-1] > run.chance[run.metric] + 30
        else:
            assert values[-1] < run.lines["unigram entropy"] < values[0]


def test_recorded_runs_take_a_few_hundred_kilobytes():
    sizes = [file.stat().st_size for file in files("bertlab.nano.runs").iterdir() if file.name.endswith(".json")]
    assert sum(sizes) < 400_000


def test_training_again_gives_the_recorded_losses():
    run = recorded_runs("reversal")[1]
    again = [record.loss for _, record in zip(range(5), SETTINGS["reversal"](seed=1).train(seed=1))]
    assert statistics.mean(abs(a - b) for a, b in zip(again, run.losses)) < 0.01


def test_the_recipe_records_what_was_trained(tmp_path, capsys):
    assert main(["nano", "--out", str(tmp_path), "--seeds", "1", "--steps", "2"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.json" for name in SETTINGS}


def test_an_unknown_setting_lists_those_there_are():
    with pytest.raises(LookupError, match="agreement, reversal, text"):
        recorded_runs("chess")
