"""Other people's tools work on bertlab's models as on transformers': PEFT, captum, Trainer, workers of a DataLoader."""

import copy
import pickle

import pytest
import torch
from model_cases import LABELS, SIZES, assert_same, inputs, labels, tiny

NAME = "BertForSequenceClassification"


def logits(model, **batch):
    with torch.no_grad():
        return model(**batch).logits


def test_peft_adapts_trains_and_merges_a_model():
    peft = pytest.importorskip("peft")
    plain = tiny(NAME)
    settings = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["query", "value"], modules_to_save=["classifier"])
    model = peft.get_peft_model(copy.deepcopy(plain), settings)
    assert_same(logits(model, **inputs(NAME)), logits(plain, **inputs(NAME)))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        loss = model(**inputs(NAME), **labels(NAME)).loss
        loss.backward()
        optimizer.step()
    adapted = logits(model.eval(), **inputs(NAME))
    assert not torch.allclose(adapted, logits(plain, **inputs(NAME)), atol=1e-3)
    assert_same(logits(model.merge_and_unload(), **inputs(NAME)), adapted, 1e-4)


def test_captum_attributes_to_a_layer_as_the_gradients_say():
    attr = pytest.importorskip("captum.attr")
    model, batch = tiny(NAME), inputs(NAME)
    ids, mask = batch["input_ids"], batch["attention_mask"]

    def first_label(input_ids, attention_mask):
        return model(input_ids, attention_mask=attention_mask).logits[:, 0]

    method = attr.LayerIntegratedGradients(first_label, model.bert.embeddings)
    scores, error = method.attribute(
        ids, baselines=torch.zeros_like(ids), additional_forward_args=(mask,), n_steps=80, return_convergence_delta=True
    )
    assert scores.shape == (*ids.shape, SIZES["hidden_size"])
    size = (first_label(ids, mask) - first_label(torch.zeros_like(ids), mask)).abs().max()
    assert error.abs().max() < 0.05 * size + 0.02


def test_the_trainer_of_transformers_trains_a_model(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    model = tiny(NAME)
    before = model.classifier.weight.detach().clone()
    ids = torch.randint(5, 20, (8, 6), generator=torch.Generator().manual_seed(0))
    rows = [
        {"input_ids": row, "attention_mask": torch.ones(6).long(), "labels": n % LABELS} for n, row in enumerate(ids)
    ]
    options = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=3, per_device_train_batch_size=4, report_to=[], save_strategy="no",
        use_cpu=True, learning_rate=1e-2, disable_tqdm=True,
    )  # fmt: skip
    result = transformers.Trainer(model=model, args=options, train_dataset=rows).train()
    assert result.global_step == 3 and result.training_loss > 0
    assert not torch.equal(model.classifier.weight, before)


class Texts(torch.utils.data.Dataset):
    """What a worker process gets: a model that looks a text up (pickled on its way there)."""

    def __init__(self, model):
        self.model = model

    def __len__(self):
        return 4

    def __getitem__(self, number):
        with torch.no_grad():
            return self.model(torch.tensor([[2, 5 + number, 3]])).logits[0]


def test_a_model_travels_to_workers_that_are_spawned():
    model = tiny(NAME)
    loader = torch.utils.data.DataLoader(Texts(model), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    found = torch.cat(list(loader))
    assert_same(found, torch.stack([Texts(model)[number] for number in range(4)]))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_answers_alike_and_shares_nothing(copied):
    model = tiny("BertForMaskedLM")
    other = copied(model)
    assert_same(logits(other, **inputs("BertForMaskedLM")), logits(model, **inputs("BertForMaskedLM")))
    assert other.get_output_embeddings().weight is other.get_input_embeddings().weight
    with torch.no_grad():
        other.get_input_embeddings().weight.add_(1.0)
    assert not torch.equal(other.get_input_embeddings().weight, model.get_input_embeddings().weight)
