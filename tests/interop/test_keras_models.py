"""The TensorFlow family answers as the real classes did, on the backend that KERAS_BACKEND names (torch without it).

What the real ones said is kept by make_tf_fixtures.py; what they were asked stands in tf_cases.py.
"""

import functools
import importlib.util
import inspect
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

if importlib.util.find_spec("keras") is None:
    pytest.skip("the TensorFlow family needs Keras", allow_module_level=True)

import tf_cases

import bertlab
from bertlab import BatchEncoding, BertConfig
from bertlab.keras.backend import BACKEND, keras
from bertlab.keras.weights import tensorflow_names

HERE = Path(__file__).parent
KEPT = json.loads((HERE / "tf_answers.json").read_text(encoding="utf-8"))
ARRAYS = np.load(HERE / "tf_outputs.npz")
CASES = {case["name"]: case for case in tf_cases.cases()}
TRAINING = {case["name"]: case for case in tf_cases.training_cases()}

# What the real ones raise is TensorFlow's own where an operation fails; here it is said beforehand, in Python's words.
IN_PYTHONS_WORDS = {"InvalidArgumentError": (ValueError, IndexError, TypeError), "IndexError": (ValueError, IndexError)}
MENDED = {  # accidents of the real ones: numbers as labels, a column of labels that is multiplied out to a square
    "TFBertForSequenceClassification/regression_numpy",
    "TFBertForNextSentencePrediction/column",
}


def kept(name):
    return ARRAYS[KEPT["alike"].get(name, name)]


def built(head, config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a decoder that is none
        model = getattr(bertlab, head)(BertConfig(**{**tf_cases.CONFIG, **config}))
    for name, variable in tensorflow_names(model).items():
        variable.assign(tf_cases.weight(name, tuple(variable.shape)))
    return model


@functools.cache
def built_once(head, config):
    return built(head, json.loads(config))


def answer(case):
    args, kwargs = tf_cases.tensors(case, keras.ops.convert_to_tensor, BatchEncoding)
    model = built_once(case["class"], json.dumps(case["config"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old name `inputs`
        return model(*args, **kwargs)


def close(found, wanted):
    # Where scores of thousands are subtracted, the last digit of these is worth more than 1e-5.
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 if np.abs(wanted).max(initial=0) < 1e3 else 1e-2)


@pytest.mark.parametrize("name", [n for n, found in KEPT["answers"].items() if "answer" in found and n not in MENDED])
def test_a_model_answers_as_tensorflows_did(name):
    shape, arrays = tf_cases.described(answer(CASES[name]))
    assert json.loads(json.dumps(shape)) == KEPT["answers"][name]["answer"]
    for place, found in arrays.items():
        wanted = kept(name + place)
        assert found.shape == wanted.shape, place
        if "float_mask" in name:  # 5000 is added to its scores
            np.testing.assert_allclose(found, wanted, atol=1e-3)
        else:
            close(found, wanted)


@pytest.mark.parametrize("name", [n for n, found in KEPT["answers"].items() if "error" in found and n not in MENDED])
def test_what_tensorflows_refused_is_refused(name):
    said = KEPT["answers"][name]["error"]
    kinds = IN_PYTHONS_WORDS.get(said) or getattr(__builtins__, said, None) or __builtins__[said]
    with pytest.raises(kinds) as raised:
        answer(CASES[name])
    assert len(str(raised.value)) > 20


def test_numbers_of_numpy_are_labels_too():
    loss = answer(CASES["TFBertForSequenceClassification/regression_numpy"]).loss
    close(
        np.asarray(loss.detach() if BACKEND == "torch" else loss),
        kept("TFBertForSequenceClassification/regression.loss"),
    )


@pytest.mark.parametrize("head", tf_cases.HEADS)
def test_the_signature_is_the_documented_one(head):
    parameters = inspect.signature(getattr(bertlab, head).call).parameters
    names = list(parameters)[1:]
    decoder = "encoder_hidden_states encoder_attention_mask past_key_values use_cache".split()
    common = "input_ids attention_mask token_type_ids position_ids head_mask inputs_embeds".split()
    common += decoder if head in ("TFBertModel", "TFBertLMHeadModel") else []
    common += "output_attentions output_hidden_states return_dict".split()
    rest = [*tf_cases.labels(head), "training", *(["kwargs"] if head == "TFBertLMHeadModel" else [])]
    assert names == common + rest
    assert all(parameters[name].default is None for name in names if name not in ("training", "kwargs"))
    assert parameters["training"].default is False


@pytest.mark.parametrize("head", tf_cases.HEADS[1:])
def test_gradients_are_those_of_tensorflow(head):
    wanted = {name.split("/", 2)[2]: name for name in [*ARRAYS.files, *KEPT["alike"]] if f"gradient/{head}/" in name}
    assert wanted
    model = built(head, {"num_labels": 2} if head == "TFBertForQuestionAnswering" else {})
    inputs = {**tf_cases.inputs(head), **tf_cases.labels(head)}
    variables = tensorflow_names(model)
    if BACKEND == "torch":
        model(inputs).loss.sum().backward()
        found = {name: variables[name].value.grad for name in wanted}
    elif BACKEND == "jax":
        import jax

        def loss(values):
            return model.stateless_call(values, [v.value for v in model.non_trainable_variables], inputs)[0].loss.sum()

        gradients = jax.grad(loss)([v.value for v in model.trainable_variables])
        places = {id(variable): i for i, variable in enumerate(model.trainable_variables)}
        found = {name: gradients[places[id(variables[name])]] for name in wanted}
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model(inputs).loss)
        gradients = tape.gradient(total, [variables[name].value for name in wanted])
        found = {name: tf.convert_to_tensor(gradient) for name, gradient in zip(wanted, gradients)}
    for name, place in wanted.items():
        np.testing.assert_allclose(np.asarray(found[name]), kept(place), atol=2e-5, err_msg=name)


@pytest.mark.parametrize("name", TRAINING)
def test_fit_evaluate_and_predict_give_the_numbers_of_tensorflow(name):
    case = TRAINING[name]
    options = {"metrics": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]} if case["metrics"] else {}
    if case["loss"]:
        options["loss"] = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = built(case["class"], case["config"])
    kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[case["optimizer"]]
    model.compile(optimizer=kind(0.05), **options)
    size = case["batch_size"]
    fitted = model.fit(case["x"], case["y"], batch_size=size, epochs=2, shuffle=False, verbose=0,
                       sample_weight=case["sample_weight"])  # fmt: skip
    for quantity, values in fitted.history.items():
        np.testing.assert_allclose(values, kept(f"training/{name}/{quantity}"), atol=2e-5, err_msg=quantity)
    evaluated = model.evaluate(case["x"], case["y"], batch_size=size, verbose=0)
    # Keras 3 names the losses of several outputs in the order of the alphabet.
    close(np.sort(np.atleast_1d(evaluated)), np.sort(np.atleast_1d(kept(f"training/{name}/evaluate"))))
    inputs = {key: value for key, value in case["x"].items() if key in tf_cases.inputs(case["class"])}
    predicted = model.predict(inputs, batch_size=size, verbose=0)
    assert type(predicted) is model.output_class
    assert all(type(value) is np.ndarray for value in predicted.values())
    np.testing.assert_allclose(predicted[0].reshape(-1)[:60], kept(f"training/{name}/predicted"), atol=3e-5)
