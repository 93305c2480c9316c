"""A recording says what it holds, and can be saved."""

import pytest
import torch
from model_cases import (
    inputs,
    tiny,
)
from recording_cases import (
    PROBS,
    run,
)

from bertlab import Recording, record


def test_a_recording_says_what_it_has_and_what_it_lacks():
    model = tiny()
    with record(model, ["encoder.layer.1.*", "embeddings.hidden"], tokens=["[CLS]", "a"]) as recording:
        with pytest.raises(KeyError, match="nothing is recorded yet"):
            recording[PROBS]
        run(model)
    assert recording.layers == [1] and recording.tokens == ["[CLS]", "a"]
    assert "2 tokens" in repr(recording) and str(len(recording)) in repr(recording)
    with pytest.raises(KeyError, match=r"was not recorded; the nearest are .*probs"):
        recording["encoder.layer.1.attention.self.prob"]
    for layer in (0, 2, 99, "one"):
        with pytest.raises(LookupError, match=r"recorded are layers \[1\]"):
            recording.attention(layer)
    for number in (1, 3, -9, "1"):
        with pytest.raises(LookupError, match=r"recorded are \[0, 2\]"):
            recording.hidden(number)
    assert recording.hidden(0) is recording["embeddings.hidden"]
    assert recording.attention(-1) is recording.attention(1)


def test_values_can_be_recorded_as_another_type():
    model = tiny()
    with record(model, PROBS, dtype=torch.float16, device="cpu") as recording:
        run(model)
    assert recording[PROBS].dtype == torch.float16


@pytest.mark.parametrize("tokens", [None, ["[CLS]", "café", "[SEP]"], [["a"], ["b", "c"]]])
def test_a_recording_survives_saving(tmp_path, tokens):
    model = tiny("BertForMaskedLM")
    with record(model, tokens=tokens) as recording:
        run(model)
    recording.save(tmp_path / "run.safetensors")
    loaded = Recording.load(tmp_path / "run.safetensors")
    assert set(loaded) == set(recording) and loaded.tokens == tokens
    assert all(torch.equal(loaded[name], value) for name, value in recording.items())
    assert torch.equal(loaded[f"bert.{PROBS}"], recording[PROBS])
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_recording_with_gradients_can_be_saved(tmp_path):
    model = tiny()
    with record(model, PROBS, detach=False) as recording:
        model(**inputs())
    recording.save(tmp_path / "run.safetensors")
    assert torch.equal(Recording.load(tmp_path / "run.safetensors")[PROBS], recording[PROBS].detach())


def test_loading_something_else_is_an_error_that_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no recording"):
        Recording.load(tmp_path / "missing")
    (tmp_path / "text").write_text("not a recording")
    with pytest.raises(ValueError, match="is not a recording saved by bertlab"):
        Recording.load(tmp_path / "text")


def test_saving_into_a_folder_that_is_not_there_leaves_nothing(tmp_path):
    with record(tiny(), PROBS) as recording:
        pass
    with pytest.raises(Exception, match="No such file|os error 2"):
        recording.save(tmp_path / "missing" / "run.safetensors")
    assert not list(tmp_path.iterdir())
