"""What the documentation page of BERT shows for PyTorch runs with `from bertlab import ...`, on the shipped model."""

import pytest
import torch

from bertlab import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertLMHeadModel,
    BertModel,
    BertTokenizer,
    BertTokenizerFast,
)

NAME = "bertlab-mini"
TEXT = "The old bridge leads over the river."


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(NAME)


def test_a_configuration_makes_a_model_and_is_kept_in_it():
    configuration = BertConfig(hidden_size=48, num_hidden_layers=1, intermediate_size=64)
    model = BertModel(configuration)
    assert model.config is configuration


def test_the_bare_model(tokenizer):
    model = BertModel.from_pretrained(NAME)
    inputs = tokenizer(TEXT, return_tensors="pt")
    last_hidden_states = model(**inputs).last_hidden_state
    assert last_hidden_states.shape == (1, inputs.input_ids.shape[1], model.config.hidden_size)


def test_pretraining_gives_two_kinds_of_logits(tokenizer):
    model = BertForPreTraining.from_pretrained(NAME)
    outputs = model(**tokenizer(TEXT, return_tensors="pt"))
    assert outputs.prediction_logits.shape[-1] == model.config.vocab_size
    assert outputs.seq_relationship_logits.shape == (1, 2)


def test_a_language_model_head_takes_the_input_as_labels(tokenizer):
    model = BertLMHeadModel.from_pretrained(NAME, is_decoder=True)
    inputs = tokenizer(TEXT, return_tensors="pt")
    outputs = model(**inputs, labels=inputs["input_ids"])
    assert outputs.loss.item() > 0 and outputs.logits.shape[:2] == inputs.input_ids.shape


def test_a_masked_word_is_predicted_and_scored(tokenizer):
    model = BertForMaskedLM.from_pretrained(NAME)
    inputs = tokenizer("The old bridge leads over the [MASK].", return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    place = (inputs.input_ids == tokenizer.mask_token_id)[0].nonzero(as_tuple=True)[0]
    assert len(place) == 1
    word = tokenizer.decode(logits[0, place].argmax(axis=-1))
    assert word.isalpha()

    labels = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    labels = torch.where(inputs.input_ids == tokenizer.mask_token_id, labels, -100)
    loss = model(**inputs, labels=labels).loss
    river = tokenizer.convert_tokens_to_ids("river")
    assert loss.item() == pytest.approx(-logits[0, place].log_softmax(-1)[0, river].item(), rel=1e-4)


def test_a_next_sentence_gets_two_logits_and_a_loss(tokenizer):
    model = BertForNextSentencePrediction.from_pretrained(NAME)
    encoding = tokenizer(TEXT, "Whoever crosses it pays a small toll.", return_tensors="pt")
    assert encoding.token_type_ids.unique().tolist() == [0, 1]
    outputs = model(**encoding, labels=torch.LongTensor([1]))
    assert outputs.logits.shape == (1, 2) and outputs.loss.item() > 0


def test_a_text_gets_a_class(tokenizer):
    model = BertForSequenceClassification.from_pretrained(NAME)
    inputs = tokenizer(TEXT, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    assert model.config.id2label[logits.argmax().item()] in ("LABEL_0", "LABEL_1")

    model = BertForSequenceClassification.from_pretrained(NAME, num_labels=5)
    assert model(**inputs, labels=torch.tensor([4])).loss.item() > 0


def test_a_text_gets_several_classes(tokenizer):
    options = dict(num_labels=4, problem_type="multi_label_classification")
    model = BertForSequenceClassification.from_pretrained(NAME, **options)
    inputs = tokenizer(TEXT, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    chosen = torch.arange(0, logits.shape[-1])[torch.sigmoid(logits).squeeze(dim=0) > 0.5]
    labels = torch.nn.functional.one_hot(chosen[None, :].clone(), num_classes=4).sum(dim=1).to(torch.float)
    assert model(**inputs, labels=labels).loss.item() > 0


def test_the_better_of_two_choices(tokenizer):
    model = BertForMultipleChoice.from_pretrained(NAME)
    choices = ["It was built of stone.", "It was boiled in milk and eaten."]
    encoding = tokenizer([TEXT, TEXT], choices, return_tensors="pt", padding=True)
    outputs = model(**{key: value.unsqueeze(0) for key, value in encoding.items()}, labels=torch.tensor(0).unsqueeze(0))
    assert outputs.logits.shape == (1, 2) and outputs.loss.item() > 0


def test_every_token_gets_a_class(tokenizer):
    model = BertForTokenClassification.from_pretrained(NAME, num_labels=3)
    inputs = tokenizer("Clara moved from Oslo to New York", add_special_tokens=False, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    classes = logits.argmax(-1)
    names = [model.config.id2label[number.item()] for number in classes[0]]
    assert len(names) == inputs.input_ids.shape[1]
    assert model(**inputs, labels=classes).loss.item() > 0


def test_an_answer_is_a_start_and_an_end(tokenizer):
    model = BertForQuestionAnswering.from_pretrained(NAME)
    inputs = tokenizer("What does the bridge cross?", TEXT, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    start, end = outputs.start_logits.argmax(), outputs.end_logits.argmax()
    answer = tokenizer.decode(inputs.input_ids[0, start : end + 1], skip_special_tokens=True)
    assert isinstance(answer, str)
    loss = model(**inputs, start_positions=torch.tensor([14]), end_positions=torch.tensor([15])).loss
    assert loss.item() > 0


def test_the_two_tokenizers_of_the_page_agree(tokenizer):
    slow, fast = BertTokenizer.from_pretrained(NAME), BertTokenizerFast.from_pretrained(NAME)
    assert slow(TEXT)["input_ids"] == fast(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]


def test_outputs_are_read_by_attribute_key_and_place(tokenizer):
    model = BertForSequenceClassification.from_pretrained(NAME)
    inputs = tokenizer(TEXT, return_tensors="pt")
    outputs = model(**inputs, labels=torch.tensor([1]), output_hidden_states=True, output_attentions=True)
    assert outputs.loss is outputs["loss"] is outputs[0]
    assert outputs[:2] == (outputs.loss, outputs.logits)
    assert len(outputs.hidden_states) == model.config.num_hidden_layers + 1
    assert len(outputs.attentions) == model.config.num_hidden_layers
