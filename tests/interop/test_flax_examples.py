"""What the documentation page shows for Flax runs with `from bertlab import ...`, on the shipped model."""

import pytest

pytest.importorskip("jax")

import jax
import numpy as np

import bertlab
from bertlab import AutoTokenizer

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpoint:UserWarning", "ignore:.*float16:UserWarning")
NAME = "bertlab-mini"
PROMPT = "In Italy, pizza served in formal settings, such as at a restaurant, is presented unsliced."


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(NAME)


def test_the_bare_model(tokenizer):
    model = bertlab.FlaxBertModel.from_pretrained(NAME)
    inputs = tokenizer("Hello, my dog is cute", return_tensors="jax")
    assert isinstance(inputs["input_ids"], jax.Array)
    last_hidden_states = model(**inputs).last_hidden_state
    assert last_hidden_states.shape == (*inputs["input_ids"].shape, model.config.hidden_size)


def test_pretraining_gives_two_kinds_of_logits(tokenizer):
    model = bertlab.FlaxBertForPreTraining.from_pretrained(NAME)
    outputs = model(**tokenizer("Hello, my dog is cute", return_tensors="np"))
    assert isinstance(outputs, bertlab.FlaxBertForPreTrainingOutput)
    assert outputs.prediction_logits.shape[-1] == model.config.vocab_size
    assert outputs.seq_relationship_logits.shape == (1, 2)
    assert list(outputs.replace(seq_relationship_logits=None)) == ["prediction_logits"]


def test_the_next_token(tokenizer):
    model = bertlab.FlaxBertForCausalLM.from_pretrained(NAME)
    outputs = model(**tokenizer("Hello, my dog is cute", return_tensors="np"))
    assert outputs.logits[:, -1].shape == (1, model.config.vocab_size)


def test_a_masked_word(tokenizer):
    model = bertlab.FlaxBertForMaskedLM.from_pretrained(NAME)
    inputs = tokenizer("The capital of France is [MASK].", return_tensors="jax")
    logits = model(**inputs).logits
    at = int((inputs["input_ids"][0] == tokenizer.mask_token_id).argmax())
    assert tokenizer.decode([int(logits[0, at].argmax())]) == "paris"


def test_a_random_next_sentence(tokenizer):
    model = bertlab.FlaxBertForNextSentencePrediction.from_pretrained(NAME)
    next_sentence = "The sky is blue due to the shorter wavelength of blue light."
    logits = model(**tokenizer(PROMPT, next_sentence, return_tensors="jax")).logits
    assert logits[0, 0] < logits[0, 1]


@pytest.mark.parametrize("kind, shape", [("Sequence", (1, 2)), ("Token", (1, 8, 2))])
def test_classification(kind, shape, tokenizer):
    model = getattr(bertlab, f"FlaxBertFor{kind}Classification").from_pretrained(NAME)
    logits = model(**tokenizer("Hello, my dog is cute", return_tensors="jax")).logits
    assert logits.shape == shape


def test_multiple_choice(tokenizer):
    model = bertlab.FlaxBertForMultipleChoice.from_pretrained(NAME)
    choices = ["It is eaten with a fork and a knife.", "It is eaten while held in the hand."]
    encoding = tokenizer([PROMPT, PROMPT], choices, return_tensors="jax", padding=True)
    assert model(**{k: v[None, :] for k, v in encoding.items()}).logits.shape == (1, 2)


def test_question_answering(tokenizer):
    model = bertlab.FlaxBertForQuestionAnswering.from_pretrained(NAME)
    inputs = tokenizer("Who was Jim Henson?", "Jim Henson was a nice puppet", return_tensors="jax")
    outputs = model(**inputs)
    assert outputs.start_logits.shape == outputs.end_logits.shape == inputs["input_ids"].shape


def test_both_families_agree_on_the_shipped_model(tokenizer):
    inputs = tokenizer(["A cat sat.", "On a mat, it sat for a while."], padding=True, return_tensors="np")
    ours = bertlab.FlaxBertModel.from_pretrained(NAME)(**inputs)
    own = bertlab.BertModel.from_pretrained(NAME).eval()
    theirs = own(**tokenizer(["A cat sat.", "On a mat, it sat for a while."], padding=True, return_tensors="pt"))
    np.testing.assert_allclose(ours.last_hidden_state, theirs.last_hidden_state.detach(), atol=1e-5, rtol=0)
