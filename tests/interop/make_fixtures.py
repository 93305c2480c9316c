"""Makes fixtures.tar.xz: tiny BERTs of random weights in every format that TensorFlow and Flax wrote, and what these
frameworks computed from them. No test needs the frameworks; they ran, for the last time together, in

    pip install tensorflow-cpu==2.15.1 keras==2.15.0 tf_keras==2.15.0 jax==0.4.13 jaxlib==0.4.13 flax==0.7.0 \
        optax==0.1.4 numpy==1.26.4 h5py msgpack "setuptools<81" transformers==4.37.2 safetensors   # Python 3.11
    python tests/interop/make_fixtures.py

Weights are rounded to what bfloat16 holds, so that half precision loses nothing and the archive stays small.
"""

import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import flax.serialization
import jax
import ml_dtypes
import numpy as np
import tensorflow as tf
import transformers
from transformers import BertConfig

sys.path.insert(0, str(Path(__file__).parent.parent))  # tests/, which pytest adds too
from flax_cases import CLASSES, MODELS, SHAPE, answers, inputs  # noqa: E402

HERE = Path(__file__).parent


def rounded(draw, name, shape):
    centre = 1.0 if name.endswith(("gamma:0", "scale")) else 0.0
    return draw.normal(centre, 0.3, shape).astype(ml_dtypes.bfloat16).astype("f4")


# Flax


def flax_model(name, seed):
    class_name, fields = MODELS[name]
    model = getattr(transformers, class_name)(BertConfig(**{**SHAPE, **fields}))
    draw = np.random.default_rng(seed)
    params = flax.traverse_util.flatten_dict(model.params)
    model.params = flax.traverse_util.unflatten_dict(
        {path: jax.numpy.asarray(rounded(draw, path[-1], value.shape)) for path, value in sorted(params.items())}
    )
    return model


def make_flax(place):
    for seed, name in enumerate(MODELS):
        flax_model(name, seed).save_pretrained(place / "flax" / name)
    for name in CLASSES:
        flax_model(name, CLASSES.index(name)).save_pretrained(place / "flax_safe" / name, safe_serialization=True)
    name = "FlaxBertForPreTraining"
    model = flax_model(name, 1)
    model.save_pretrained(place / "flax_sharded", max_shard_size="3KB")
    model.save_pretrained(place / "flax_bfloat16", params=model.to_bf16(model.params))
    whole, flax.serialization.MAX_CHUNK_SIZE = flax.serialization.MAX_CHUNK_SIZE, 100
    model.save_pretrained(place / "flax_chunked")
    flax.serialization.MAX_CHUNK_SIZE = whole
    found = answers(transformers, place / "flax")
    arrays = {
        f"{case}|{key}": array.astype("f4")
        for case, answer in found.items()
        for key, array in answer.pop("arrays", {}).items()
    }
    np.savez(place / "flax" / "answers.npz", **arrays)
    (place / "flax" / "answers.json").write_text(json.dumps(found))


# TensorFlow 2


def tf_model(name, seed, **fields):
    class_name = name.replace("FlaxBertForCausalLM", "FlaxBertLMHeadModel").replace("Flax", "TF")
    config = BertConfig(**{**SHAPE, "num_labels": 2 if "QuestionAnswering" in name else 5, **fields})
    model = getattr(transformers, class_name)(config)
    given = inputs()
    model({key: np.stack([value, value], 1) for key, value in given.items()} if "Choice" in name else given)
    draw = np.random.default_rng(100 + seed)
    for weight in sorted(model.weights, key=lambda weight: weight.name):
        weight.assign(rounded(draw, weight.name, weight.shape))
    return model


def tf_answers(model, name):
    given = {key: tf.constant(value) for key, value in inputs().items()}
    if "Choice" in name:
        given = {key: tf.stack([value, value[::-1], tf.roll(value, 2, 1)], 1) for key, value in given.items()}
    output = model(given, output_hidden_states=True)
    found = {key: value.numpy() for key, value in output.items() if hasattr(value, "numpy")}
    return {**found, "hidden": np.stack([value.numpy() for value in output.hidden_states])}


def make_tf(place):
    for seed, name in enumerate(CLASSES):
        model = tf_model(name, seed, is_decoder="CausalLM" in name)
        short = name.removeprefix("Flax")
        model.save_pretrained(place / "h5" / short)
        model.save_pretrained(place / "tf_safe" / short, safe_serialization=True)
        np.savez(place / "h5" / short / "expected.npz", **tf_answers(model, name))
        if short == "BertForPreTraining":
            model.save_pretrained(place / "h5_sharded", max_shard_size="6KB")
        if short == "BertForMaskedLM":
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(inputs()).logits ** 2)
            gradients = zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights))
            found = {weight.name: tf.convert_to_tensor(gradient).numpy() for weight, gradient in gradients}
            np.savez(place / "h5" / short / "gradients.npz", **found)
    model = tf_model("FlaxBertForCausalLM", 20, is_decoder=True, add_cross_attention=True)
    states = tf.constant(np.random.default_rng(5).normal(size=(2, 4, 12)).astype("f4"))
    output = model(inputs(), encoder_hidden_states=states)
    draw = np.random.default_rng(120)
    for weight in sorted(model.weights, key=lambda weight: weight.name):
        weight.assign(rounded(draw, weight.name, weight.shape))
    output = model(inputs(), encoder_hidden_states=states)
    model.save_pretrained(place / "h5" / "crossing")
    np.savez(place / "h5" / "crossing" / "expected.npz", logits=output.logits.numpy())


# TensorFlow 1

TF1 = {  # folder -> (class, stem of the files, data shards, fields)
    "pretraining": ("FlaxBertForPreTraining", "bert_model.ckpt", 3, dict(hidden_size=6, num_hidden_layers=11)),
    "classifier": ("FlaxBertForSequenceClassification", "model.ckpt-250", 1, {}),
    "squad": ("FlaxBertForQuestionAnswering", "model.ckpt-7", 2, {}),
}
TF1_HEADS = {
    "cls/predictions/bias": "cls/predictions/output_bias",
    "cls/seq_relationship/kernel": "cls/seq_relationship/output_weights",
    "cls/seq_relationship/bias": "cls/seq_relationship/output_bias",
    "classifier/kernel": "output_weights",
    "classifier/bias": "output_bias",
    "qa_outputs/kernel": "cls/squad/output_weights",
    "qa_outputs/bias": "cls/squad/output_bias",
}


def tf1_arrays(model):
    for weight in model.weights:
        name = "/".join(weight.name.removesuffix(":0").split("/")[1:]).replace("layer_._", "layer_")
        name = name.replace("mlm___cls", "cls").replace("nsp___cls", "cls")
        for ending in ("/embeddings", "/weight"):
            name = name.removesuffix(ending) if "_embeddings" in name else name
        value = weight.numpy()
        if TF1_HEADS.get(name, name).endswith("output_weights"):
            value = value.T
        yield TF1_HEADS.get(name, name), value


def make_tf1(place):
    for seed, (folder, (class_name, stem, shards, fields)) in enumerate(TF1.items()):
        model = tf_model(class_name, 30 + seed, **fields)
        arrays = dict(tf1_arrays(model))
        if folder == "squad":  # modeling.py always built the pooler
            arrays["bert/pooler/dense/kernel"] = np.ones((12, 12), "f4")
            arrays["bert/pooler/dense/bias"] = np.ones(12, "f4")
        slots = {f"{name}/{slot}": value * 0 + 7 for name, value in arrays.items() for slot in ("adam_m", "adam_v")}
        everything = {**arrays, **slots, "global_step": np.int64(250)}
        (place / "tf1" / folder).mkdir(parents=True)
        prefix, parts = str(place / "tf1" / folder / stem), []
        for number in range(shards):
            here = [name for i, name in enumerate(sorted(everything)) if i // 4 % shards == number]
            part = {name: everything[name] for name in here}
            parts.append(f"{prefix}_temp/part-{number:05d}-of-{shards:05d}")
            Path(prefix + "_temp").mkdir(exist_ok=True)
            tf.raw_ops.SaveV2(
                prefix=parts[-1], tensor_names=list(part), shape_and_slices=[""] * len(part),
                tensors=[tf.constant(value) for value in part.values()],
            )  # fmt: skip
        tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix, delete_old_dirs=True)
        shutil.rmtree(prefix + "_temp", ignore_errors=True)
        names = {"classifier": {"num_labels": 5}}.get(folder, {})
        config = {key: model.config.to_dict()[key] for key in (
            "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size",
            "initializer_range",
        )}  # fmt: skip
        (place / "tf1" / folder / "bert_config.json").write_text(json.dumps({**config, **names}))
        np.savez(place / "tf1" / folder / "expected.npz", **tf_answers(model, class_name))


def main():
    jax.config.update("jax_platforms", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_flax(place)
        make_tf(place)
        make_tf1(place)
        for unused in place.rglob("generation_config.json"):
            unused.unlink()
        with tarfile.open(HERE / "fixtures.tar.xz", "w:xz", preset=9) as archive:
            for path in sorted(place.rglob("*"), key=lambda path: (path.suffix, path)):
                if path.is_file():
                    info = archive.gettarinfo(path, path.relative_to(place))
                    info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode = 0, 0, 0, "", "", 0o644
                    with open(path, "rb") as file:
                        archive.addfile(info, file)


main()
