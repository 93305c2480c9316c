"""After tokens were added, the tasks of a lab answer as before, and take the new ones."""

import pytest
import torch

import bertlab
from bertlab.adapters import add_lora, save_adapter

from lab_cases import random_model  # isort: skip


def grown(lab):
    lab.tokenizer.add_tokens(["blorptastic"])
    lab.model.resize_token_embeddings(len(lab.tokenizer))
    return lab


@pytest.fixture
def lab(tmp_path):
    """A lab with an adapter that nobody has asked yet."""
    base = tmp_path / "base"
    base.mkdir()
    random_model(base)
    model = bertlab.BertForSequenceClassification.from_pretrained(base, num_labels=2)
    add_lora(model, 2, generator=torch.Generator().manual_seed(1))
    lab = bertlab.load(base, device="cpu")
    lab.adapters["irony"] = save_adapter(model, tmp_path / "adapter", task="irony", base=str(base))
    return lab


@pytest.mark.parametrize("used_before", [True, False])
def test_heads_on_the_labs_encoder_follow(lab, used_before):
    expected = lab.classify("the cat sat", task="irony").probabilities
    if not used_before:
        lab.forget("irony")
    grown(lab)
    assert lab.classify("the cat sat", task="irony").probabilities == expected
    lab.classify("a blorptastic cat", task="irony")
    shared = lab.task_model("irony").get_input_embeddings().weight
    assert shared is lab.model.get_input_embeddings().weight


def test_untrained_heads_and_decoders_follow(lab):
    before = {task: lab.task_model(task) for task in ("ner", "generation", "seq2seq")}
    written = lab.rewrite("the cat sat", max_new_tokens=3).token_ids
    grown(lab)
    assert all(lab.task_model(task) is model for task, model in before.items())
    assert lab.rewrite("the cat sat", max_new_tokens=3).token_ids == written
    lab.rewrite("blorptastic cat", max_new_tokens=3)
    lab.generate("blorptastic", max_new_tokens=3)
    lab.tag("blorptastic")


def test_a_model_with_an_encoder_of_its_own_keeps_its_rows(lab):
    own = bertlab.BertForSequenceClassification(lab.model.config)
    rows = own.get_input_embeddings().weight.detach().clone()
    lab.add_task("whole", own)
    grown(lab)
    table = lab.task_model("whole").get_input_embeddings().weight
    assert torch.equal(table[:-1], rows) and torch.equal(table[-1], lab.model.get_input_embeddings().weight[-1])
    lab.classify("blorptastic", task="whole")


def test_no_random_numbers_are_drawn(lab):
    lab.classify("the cat", task="irony")
    grown(lab)
    state = torch.get_rng_state()
    lab.classify("the cat", task="irony")
    assert torch.equal(torch.get_rng_state(), state)
