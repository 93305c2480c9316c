"""What becomes of a trained model: saved, opened elsewhere, adopted by the lab."""

import copy

import pytest
import torch
from bertlab_widgets import TasksPanel, Workbench
from bertlab_widgets.train.panel import TrainPanel
from bertlab_widgets.train.weights import fresh_model
from train_cases import TEXT, trained

from bertlab.adapters import merge_lora
from bertlab.data import Task


@pytest.mark.parametrize("rank", [0, 4])
def test_what_is_saved_can_be_loaded_and_says_the_same(lab, tmp_path, rank):
    from bertlab.adapters import load_adapter
    from bertlab.model import BertForSequenceClassification

    panel = trained(lab, rank=rank, rate=0.01)
    folder = panel.save(tmp_path / "saved")
    again = load_adapter(folder, lab.model) if rank else BertForSequenceClassification.from_pretrained(folder)
    again = merge_lora(again) if rank else again
    encoded = lab.encode(TEXT)
    with torch.no_grad():
        torch.testing.assert_close(again(**encoded).logits, panel.run.model(**encoded).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rank", [0, 4])
def test_a_saved_folder_is_opened_by_load_and_by_transformers(lab, tmp_path, rank):
    import bertlab

    panel = trained(lab, rank=rank, rate=0.01)
    folder = panel.save(tmp_path / "saved")
    encoded = lab.encode(TEXT)
    with torch.no_grad():
        expected = panel.run.model(**encoded).logits
    again = bertlab.load(folder)
    (task,) = again.tasks
    with torch.no_grad():
        torch.testing.assert_close(again.task_model(task)(**encoded).logits, expected, atol=1e-5, rtol=1e-5)
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        torch.testing.assert_close(theirs(**encoded).logits, expected, atol=1e-5, rtol=1e-5)
    panel.save(folder)  # its own folder again
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="is not empty"):
        panel.save(tmp_path / "other")
    assert (tmp_path / "other" / "config.json").read_text() == "{}"


def test_what_the_lab_has_stays_the_labs_until_somebody_says_otherwise(lab):
    own = copy.copy(lab)
    own._models, own._untrained = {}, set()
    shipped = fresh_model(own, Task("classification", ("negative", "positive")), seed=5)
    own.add_task("sentiment", shipped)
    workbench, elsewhere = Workbench(own, TEXT), Workbench(own, TEXT)
    panel = TrainPanel(workbench=workbench, dataset="sentiment", steps=2, rate=0.05)
    panel.shown = "before"
    panel.start()
    assert panel.wait(60) and panel.phase == "done"
    assert own.task_model("sentiment") is shipped is elsewhere.lab.task_model("sentiment")
    assert workbench.lab is own and panel.shown == "before"
    panel.shown = "trained"
    assert workbench.lab.task_model("sentiment") is panel.run.model and own.task_model("sentiment") is shipped
    panel.reset()
    assert workbench.lab is own and own.task_model("sentiment") is shipped
    panel.start()
    assert panel.wait(60)
    panel.adopt()
    adopted = own.task_model("sentiment")
    assert adopted is not shipped and adopted is not panel.run.model
    moved = [name for name, value in panel.run.model.named_parameters() if value.requires_grad]
    kept = {name: value.clone() for name, value in adopted.named_parameters()}
    panel.moment = 0
    assert all(torch.equal(kept[name], dict(adopted.named_parameters())[name]) for name in moved)
    assert "The lab answers for sentiment with what was trained here" in panel.note
    tasks = TasksPanel(own, TEXT, task="sentiment")
    assert "trained here, 60 steps" in tasks.heading["state"]
    panel.reset()
    assert own.task_model("sentiment") is shipped and "trained here" not in panel.note
