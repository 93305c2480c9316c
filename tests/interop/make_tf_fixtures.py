"""Record what the real TensorFlow classes answer. Runs where tensorflow-cpu 2.15.1, tensorflow-text 2.15.0 and
transformers 4.37.2 are (python 3.11; numpy 1.26, setuptools<81): python tests/interop/make_tf_fixtures.py
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_cases  # noqa: E402
import transformers  # noqa: E402

transformers.logging.set_verbosity_error()


def built(head, config):
    model = getattr(transformers, head)(transformers.BertConfig(**{**tf_cases.CONFIG, **config}))
    model.build_in_name_scope()
    for variable in model.weights:
        name = variable.name.split("/", 1)[1].removesuffix(":0")
        variable.assign(tf_cases.weight(name, variable.shape))
    return model


def gradients(arrays):
    for head in tf_cases.HEADS[1:]:
        model = built(head, {"num_labels": 2} if head == "TFBertForQuestionAnswering" else {})
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model({**tf_cases.inputs(head), **tf_cases.labels(head)}).loss)
        for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
            name = variable.name.split("/", 1)[1].removesuffix(":0")
            if gradient is None:
                continue
            gradient = tf.convert_to_tensor(gradient).numpy()
            if head == "TFBertForPreTraining" or name.endswith(("gamma", "classifier/kernel")):
                arrays[f"gradient/{head}/{name}"] = gradient


def training(arrays):
    for case in tf_cases.training_cases():
        model = built(case["class"], case["config"])
        options = {"metrics": [tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")]} if case["metrics"] else {}
        if case["loss"]:
            options["loss"] = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        kind = {"sgd": tf.keras.optimizers.SGD, "adam": tf.keras.optimizers.Adam}[case["optimizer"]]
        model.compile(optimizer=kind(0.05), **options)
        fitted = model.fit(case["x"], case["y"], batch_size=case["batch_size"], epochs=2, shuffle=False, verbose=0,
                           sample_weight=case["sample_weight"])  # fmt: skip
        for name, values in fitted.history.items():
            arrays[f"training/{case['name']}/{name}"] = np.array(values, np.float32)
        arrays[f"training/{case['name']}/evaluate"] = np.array(
            model.evaluate(case["x"], case["y"], batch_size=case["batch_size"], verbose=0), np.float32
        )
        predicted = model.predict({k: v for k, v in case["x"].items() if k in tf_cases.inputs(case["class"])},
                                  batch_size=case["batch_size"], verbose=0)  # fmt: skip
        shape, values = tf_cases.described(predicted)
        arrays[f"training/{case['name']}/predicted"] = values[next(iter(values))].reshape(-1)[:60]
        print(case["name"], {k: [round(float(x), 4) for x in v] for k, v in fitted.history.items()}, shape)


def main():
    arrays, answers = {}, {}
    for case in tf_cases.cases():
        args, kwargs = tf_cases.tensors(case, tf.constant, transformers.BatchEncoding)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = built(case["class"], case["config"])(*args, **kwargs)
        except Exception as error:
            answers[case["name"]] = {"error": type(error).__name__}
            print(case["name"], type(error).__name__, str(error).strip().replace("\n", " ")[:150])
            continue
        shape, found = tf_cases.described(output)
        answers[case["name"]] = {"answer": shape}
        arrays.update({f"{case['name']}{place}": array for place, array in found.items()})
        if isinstance(shape, list):
            print(case["name"], [k if isinstance(k, str) else k[0] for k in shape])
    gradients(arrays)
    training(arrays)
    arrays = {name: value.astype(np.float32) if value.dtype == np.float64 else value for name, value in arrays.items()}
    first, alike = {}, {}  # many ways to ask give the same answer, which is kept once
    for name, value in arrays.items():
        kept = first.setdefault((value.dtype.str, value.shape, value.tobytes()), name)
        if kept != name:
            alike[name] = kept
    np.savez_compressed(HERE / "tf_outputs.npz", **{n: value for n, value in arrays.items() if n not in alike})
    answers = {"answers": answers, "alike": alike}
    (HERE / "tf_answers.json").write_text(json.dumps(answers, indent=None) + "\n", encoding="utf-8")
    print(len(answers["answers"]), "answers", (HERE / "tf_outputs.npz").stat().st_size // 1024, "kB")


if __name__ == "__main__":
    main()
