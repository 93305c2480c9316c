"""The TensorFlow family's files: every format in, TensorFlow's and Keras's own out; and the page's examples."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

if importlib.util.find_spec("keras") is None:
    pytest.skip("the TensorFlow family needs Keras", allow_module_level=True)

import tf_cases

import bertlab
from bertlab import BertConfig
from bertlab.keras.backend import BACKEND, keras
from bertlab.keras.weights import tensorflow_names

CONFIG = {**tf_cases.CONFIG, "num_labels": 2}


def model_of(head, **config):
    model = getattr(bertlab, head)(BertConfig(**{**CONFIG, **config}))
    for name, variable in tensorflow_names(model).items():
        variable.assign(tf_cases.weight(name, tuple(variable.shape)))
    return model


def same(first, second, head):
    inputs = tf_cases.inputs(head)
    a, b = (keras.ops.convert_to_numpy(model(inputs)[0]) for model in (first, second))
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.filterwarnings("ignore:TFBertLMHeadModel sees")
@pytest.mark.parametrize("options", [{}, {"safe_serialization": True}, {"max_shard_size": 5000}], ids=str)
@pytest.mark.parametrize("head", tf_cases.HEADS)
def test_what_is_saved_is_read_by_both_families(head, options, tmp_path):
    pytest.importorskip("h5py")
    config = tf_cases.CROSS if head == "TFBertLMHeadModel" else {}
    model = model_of(head, **config)
    model.save_pretrained(tmp_path, **options)
    twin, report = getattr(bertlab, head).from_pretrained(tmp_path, output_loading_info=True)
    assert not report.fresh and not report.unused
    same(model, twin, head)
    in_torch = getattr(bertlab, head.removeprefix("TF")).from_pretrained(tmp_path).eval()
    inputs = {**tf_cases.inputs(head), "attention_mask": np.ones_like(tf_cases.inputs(head)["attention_mask"])}
    with torch.no_grad():
        wanted = in_torch(**{name: torch.tensor(x, dtype=torch.long) for name, x in inputs.items()})
    place = "logits" if "logits" in wanted else list(wanted)[0]
    found = keras.ops.convert_to_numpy(model(inputs)[place])
    np.testing.assert_allclose(found, wanted[place].numpy(), atol=1e-5)


def test_pytorchs_weights_come_in_and_gaps_are_named(tmp_path):
    bertlab.BertForPreTraining(BertConfig(**CONFIG)).save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="classifier"):
        model = bertlab.TFBertForSequenceClassification.from_pretrained(tmp_path, num_labels=5)
    assert model.num_labels == 5
    assert sorted(model.loading_report.fresh) == ["classifier.bias", "classifier.weight"]
    assert "cls.predictions.bias" in model.loading_report.unused
    with pytest.raises(ValueError, match="both set"):
        bertlab.TFBertModel.from_pretrained(tmp_path, from_pt=True, from_flax=True)
    with pytest.raises(OSError):
        bertlab.TFBertModel.from_pretrained(tmp_path / "nowhere")


def test_tensorflows_weights_count_where_several_stand(tmp_path):
    pytest.importorskip("h5py")
    model = model_of("TFBertModel")
    model.save_pretrained(tmp_path)
    bertlab.BertModel(BertConfig(**CONFIG)).save_pretrained(tmp_path, safe_serialization=False)
    same(bertlab.TFBertModel.from_pretrained(tmp_path), model, "TFBertModel")
    other = bertlab.TFBertModel.from_pretrained(tmp_path, from_pt=True)
    first = keras.ops.convert_to_numpy(other.bert.embeddings.weight)
    assert not np.allclose(first, keras.ops.convert_to_numpy(model.bert.embeddings.weight))


@pytest.mark.filterwarnings("ignore")
def test_what_transformers_wrote_with_tensorflow_comes_in(kept):
    """The folders of make_fixtures.py, whose files real TensorFlow and Flax wrote."""
    folders = [path.parent for path in kept.rglob("config.json")]
    assert folders
    for folder in folders:
        model = bertlab.TFBertModel.from_pretrained(folder)
        in_torch = bertlab.BertModel.from_pretrained(folder).eval()
        if model.config.position_embedding_type != "absolute":
            continue
        ids = tf_cases.draw(3, model.config.vocab_size, 2, 5)
        with torch.no_grad():
            wanted = in_torch(torch.tensor(ids, dtype=torch.long))[0]
        np.testing.assert_allclose(keras.ops.convert_to_numpy(model(ids)[0]), wanted, atol=2e-5)


def test_keras_saves_and_loads_the_model_with_its_optimizer(tmp_path):
    model = model_of("TFBertForSequenceClassification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    x = {**tf_cases.inputs(model.__class__.__name__), "labels": np.array([0, 1, 1])}
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    assert type(twin) is type(model) and twin.config == model.config and int(twin.optimizer.iterations) == 2
    losses = [one.fit(x, verbose=0).history["loss"] for one in (twin, model)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    model.save_weights(tmp_path / "model.weights.h5")
    twin = bertlab.TFBertForSequenceClassification(model.config)
    twin.load_weights(tmp_path / "model.weights.h5")
    same(model, twin, "TFBertForSequenceClassification")


def test_callbacks_see_each_epoch_and_can_stop():
    model = model_of("TFBertForTokenClassification", num_labels=3)
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, *logs))
            self.model.stop_training = epoch == 1

    model.compile("adam")
    x, y = tf_cases.inputs("TFBertForTokenClassification"), tf_cases.labels("TFBertForTokenClassification")
    model.fit({**x, **y}, epochs=5, verbose=0, callbacks=[Stop()])
    assert seen == [(0, "loss"), (1, "loss")]


def test_a_model_is_a_layer_of_a_functional_model(tmp_path):
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("input_ids", "attention_mask")}
    pooled = bertlab.TFBertModel(BertConfig(**CONFIG))(inputs).pooler_output
    model = keras.Model(inputs, keras.layers.Dense(4)(pooled))
    model.compile("sgd", "mse")
    x = {"input_ids": tf_cases.draw(1, 41, 5, 7), "attention_mask": np.ones((5, 7), np.int32)}
    model.fit(x, np.zeros((5, 4)), verbose=0)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(twin.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def test_the_vocabulary_can_grow_and_shrink(tmp_path):
    pytest.importorskip("h5py")
    model = model_of("TFBertForMaskedLM")
    inputs = {"input_ids": tf_cases.draw(1, 30, 2, 5)}
    before = keras.ops.convert_to_numpy(model(inputs).logits)
    assert tuple(model.resize_token_embeddings(50).weight.shape) == (50, 12) and model.config.vocab_size == 50
    after = keras.ops.convert_to_numpy(model(inputs).logits)
    assert after.shape[-1] == 50
    np.testing.assert_allclose(after[..., :41], before, atol=1e-6)
    model(np.array([[49, 2]], np.int32))
    model.compile("sgd")
    model.fit({**inputs, "labels": tf_cases.draw(2, 50, 2, 5)}, verbose=0)
    model.save_pretrained(tmp_path)
    twin = bertlab.TFBertForMaskedLM.from_pretrained(tmp_path)
    same(model, twin, "TFBertForNextSentencePrediction")
    assert len(model.weights) == len(twin.weights)
    model.resize_token_embeddings(33)
    assert tuple(model(inputs).logits.shape) == (2, 5, 33)
    with pytest.raises(ValueError, match="cannot have"):
        model.resize_token_embeddings(0)


def test_what_is_not_done_is_said(tmp_path):
    model = model_of("TFBertModel")
    with pytest.raises(ValueError, match="saved_model"):
        model.save_pretrained(tmp_path, saved_model=True)
    with pytest.raises(ValueError, match="push_to_hub"):
        model.save_pretrained(tmp_path, push_to_hub=True)
    with pytest.raises(NotImplementedError):
        model.prune_heads({0: [1]})
    with pytest.raises(ValueError, match="from_pretrained"):
        bertlab.TFBertModel("bert-base-uncased")


def test_texts_go_through_a_text_model_of_keras(tmp_path):
    pytest.importorskip("h5py")
    text_model = bertlab.keras.BertTextModel.from_pretrained(
        "bertlab-mini", model_class=bertlab.TFBertModel, max_length=9
    )
    texts = ["Hello, my dog is cute, and he runs about.", "Hi"]
    found = text_model(texts)
    assert type(found).__name__ == "TFBaseModelOutputWithPoolingAndCrossAttentions"
    assert tuple(found.last_hidden_state.shape[:2]) == (2, 9)
    text_model.save_pretrained(tmp_path)
    twin = bertlab.keras.BertTextModel.from_pretrained(tmp_path)
    a, b = (keras.ops.convert_to_numpy(x.last_hidden_state) for x in (found, twin(texts)))
    np.testing.assert_allclose(a, b, atol=1e-6)
    with pytest.raises(TypeError, match="not traced"):
        text_model(keras.Input(shape=(), dtype="string"))


@pytest.mark.parametrize(("keras_is", "said"), [("missing", "pip install"), ("broken", "KERAS_BACKEND")])
def test_what_is_missing_is_said(keras_is, said):
    hide = "sys.modules['keras'] = None" if keras_is == "missing" else "os.environ['KERAS_BACKEND'] = 'nonsense'"
    code = (
        f"import os, sys; {hide}\nimport bertlab\ntry: bertlab.TFBertModel\nexcept ImportError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert said in done.stdout, done.stderr


def test_the_backend_is_torch_unless_the_environment_says_otherwise():
    code = "import bertlab; bertlab.TFBertModel; import keras; print(keras.backend.backend())"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.stdout.strip() == "torch", done.stderr


@pytest.mark.filterwarnings("ignore")
def test_what_the_guide_shows_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("h5py")
    guide = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", guide.partition("## TensorFlow's family")[2], re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block, {})  # noqa: S102 (the project's own guide)
    assert (tmp_path / "both-in-one-folder" / "text_model.json").is_file()


# ---------------------------------------------------------------------------------------------- the page's examples


def argmax(scores):
    """`tf.math.argmax(scores, axis=-1)` in numpy."""
    return keras.ops.convert_to_numpy(scores).argmax(-1)


RETURN_TENSORS = {"torch": "pt", "jax": "jax", "tensorflow": "tf"}[BACKEND]
TOKENIZER = "bertlab-mini"


@pytest.fixture(scope="module")
def tokenizer():
    return bertlab.AutoTokenizer.from_pretrained(TOKENIZER)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "head", ["TFBertModel", "TFBertForPreTraining", "TFBertLMHeadModel", "TFBertForSequenceClassification"]
)
def test_the_pages_examples_of_one_text_run(head, tokenizer):
    model = getattr(bertlab, head).from_pretrained(TOKENIZER)
    inputs = tokenizer("Hello, my dog is cute", add_special_tokens=True, return_tensors=RETURN_TENSORS)
    outputs = model(inputs)
    if head == "TFBertModel":
        assert outputs.last_hidden_state.shape[1] == 8
    elif head == "TFBertForPreTraining":
        prediction_logits, seq_relationship_logits = outputs[:2]
        assert prediction_logits.shape[1] == 8 and tuple(seq_relationship_logits.shape) == (1, 2)
    elif head == "TFBertLMHeadModel":
        assert outputs.logits.shape[1] == 8
    else:
        predicted_class_id = int(argmax(model(**inputs).logits)[0])
        assert model.config.id2label[predicted_class_id] in ("LABEL_0", "LABEL_1")
        loss = model(**inputs, labels=keras.ops.convert_to_tensor(np.array(1, np.int32))).loss
        assert np.isfinite(keras.ops.convert_to_numpy(loss).item())  # JAX makes no float of an array of one


@pytest.mark.filterwarnings("ignore")
def test_the_pages_example_of_a_masked_word_runs(tokenizer):
    model = bertlab.TFBertForMaskedLM.from_pretrained(TOKENIZER)
    inputs = tokenizer("The capital of France is [MASK].", return_tensors=RETURN_TENSORS)
    logits = model(**inputs).logits
    ids = keras.ops.convert_to_numpy(inputs.input_ids)
    mask_token_index = np.flatnonzero((ids == tokenizer.mask_token_id)[0])
    predicted_token_id = argmax(logits[0][int(mask_token_index[0])])
    assert tokenizer.decode([int(predicted_token_id)]).isalpha()
    labels = keras.ops.convert_to_numpy(
        tokenizer("The capital of France is Paris.", return_tensors=RETURN_TENSORS)["input_ids"]
    )
    outputs = model(**inputs, labels=np.where(ids == tokenizer.mask_token_id, labels, -100))
    assert 0 < keras.ops.convert_to_numpy(outputs.loss).item() < 15


@pytest.mark.filterwarnings("ignore")
def test_the_pages_examples_of_pairs_run(tokenizer):
    prompt = "In Italy, pizza served in formal settings, such as at a restaurant, is presented unsliced."
    next_sentence = "The sky is blue due to the shorter wavelength of blue light."
    encoding = tokenizer(prompt, next_sentence, return_tensors=RETURN_TENSORS)
    model = bertlab.TFBertForNextSentencePrediction.from_pretrained(TOKENIZER)
    logits = model(encoding["input_ids"], token_type_ids=encoding["token_type_ids"])[0]
    assert logits[0][0] < logits[0][1]  # the next sentence was random
    choices = ["It is eaten with a fork and a knife.", "It is eaten while held in the hand."]
    encoding = tokenizer([prompt, prompt], choices, return_tensors=RETURN_TENSORS, padding=True)
    model = bertlab.TFBertForMultipleChoice.from_pretrained(TOKENIZER)
    outputs = model({name: keras.ops.expand_dims(value, 0) for name, value in encoding.items()})
    assert tuple(outputs.logits.shape) == (1, 2)


@pytest.mark.filterwarnings("ignore")
def test_the_pages_examples_of_tokens_and_answers_run(tokenizer):
    text = "HuggingFace is a company based in Paris and New York"
    inputs = tokenizer(text, add_special_tokens=False, return_tensors=RETURN_TENSORS)
    model = bertlab.TFBertForTokenClassification.from_pretrained(TOKENIZER)
    predicted = argmax(model(**inputs).logits)
    assert all(model.config.id2label[t] for t in predicted[0].tolist())
    assert np.isfinite(float(model(**inputs, labels=predicted).loss[0]))
    inputs = tokenizer("Who was Jim Henson?", "Jim Henson was a nice puppet", return_tensors=RETURN_TENSORS)
    model = bertlab.TFBertForQuestionAnswering.from_pretrained(TOKENIZER)
    outputs = model(**inputs)
    start, end = int(argmax(outputs.start_logits)[0]), int(argmax(outputs.end_logits)[0])
    assert isinstance(tokenizer.decode(inputs.input_ids[0, start : end + 1]), str)
    positions = [keras.ops.convert_to_tensor(np.array([place], np.int32)) for place in (12, 13)]
    outputs = model(**inputs, start_positions=positions[0], end_positions=positions[1])
    assert tuple(outputs.loss.shape) == (1,) and np.isfinite(float(outputs.loss[0]))
