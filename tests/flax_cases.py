"""What is asked of the Flax family: the same calls run on transformers 4.37.2 with Flax 0.7.0 (make_fixtures.py, which
keeps the answers) and on bertlab.jax (test_flax_models.py, which compares)."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

CLASSES = """
    FlaxBertModel FlaxBertForPreTraining FlaxBertForCausalLM FlaxBertForMaskedLM FlaxBertForNextSentencePrediction
    FlaxBertForSequenceClassification FlaxBertForMultipleChoice FlaxBertForTokenClassification
    FlaxBertForQuestionAnswering
""".split()

SHAPE = dict(
    vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=10,
    max_position_embeddings=19, type_vocab_size=3, hidden_act="gelu",
)  # fmt: skip
BATCH, SEQUENCE = 2, 7

# Folder of a checkpoint -> (class, fields of its configuration)
MODELS = {
    **{name: (name, {"num_labels": 2 if name.endswith("QuestionAnswering") else 5}) for name in CLASSES},
    "untied": ("FlaxBertForMaskedLM", {"tie_word_embeddings": False, "hidden_act": "gelu_new"}),
    "relu": ("FlaxBertModel", {"hidden_act": "relu", "layer_norm_eps": 1e-3}),
    "relative": ("FlaxBertModel", {"position_embedding_type": "relative_key", "hidden_act": "silu"}),
    "tuples": ("FlaxBertForPreTraining", {"return_dict": False, "output_attentions": True}),
    "decoder": ("FlaxBertForCausalLM", {"is_decoder": True}),
    "crossing": ("FlaxBertForCausalLM", {"is_decoder": True, "add_cross_attention": True}),
    "bare_crossing": ("FlaxBertModel", {"is_decoder": True, "add_cross_attention": True}),
}


def inputs(seed=0, batch=BATCH, sequence=SEQUENCE):
    draw = np.random.default_rng(seed)
    return {
        "input_ids": draw.integers(0, SHAPE["vocab_size"], (batch, sequence)),
        "attention_mask": (np.arange(sequence) < draw.integers(2, sequence + 1, (batch, 1))).astype(np.int64),
        "token_type_ids": draw.integers(0, SHAPE["type_vocab_size"], (batch, sequence)),
    }


def calls(name):
    """(what, arguments) of the plain passes through the checkpoint of that name."""
    given = inputs()
    if name.endswith("MultipleChoice"):
        given = {key: np.stack([value, value[::-1], np.roll(value, 2, 1)], 1) for key, value in given.items()}
    ids = given["input_ids"]
    yield "ids alone", {"input_ids": ids}
    yield "all inputs", given
    if name not in CLASSES[:2] and "FlaxBert" in name:
        yield "everything out", {**given, "output_attentions": True, "output_hidden_states": True}
        return
    heads = np.ones((2, 3))
    heads[0, 1] = heads[1, 2] = 0
    yield "everything out", {**given, "output_attentions": True, "output_hidden_states": True}
    yield "a tuple", {**given, "return_dict": False, "output_hidden_states": True}
    yield "heads masked", {**given, "head_mask": heads, "output_attentions": True}
    yield "heads masked by fractions", {"input_ids": ids, "head_mask": heads * 1.9 + 0.5}
    yield "mask of fractions", {"input_ids": ids, "attention_mask": given["attention_mask"] * 0.5 + 0.6}
    yield "a row of padding", {"input_ids": ids, "attention_mask": np.zeros_like(ids)}
    yield "positions", {"input_ids": ids, "position_ids": np.arange(SEQUENCE)[None, ::-1].repeat(BATCH, 0) + 5}
    yield "one row of positions", {"input_ids": ids, "position_ids": np.arange(SEQUENCE)[None]}
    yield "position -1", {"input_ids": ids, "position_ids": np.full_like(ids, -1)}
    yield "ids out of range", {"input_ids": ids + 31}
    yield "too long", {"input_ids": np.ones((1, 23), int)}
    yield "one row of types", {"input_ids": ids, "token_type_ids": np.ones((1, SEQUENCE), int)}
    yield "int32 of jax", {"input_ids": jnp.asarray(ids, "i4"), "attention_mask": jnp.ones((BATCH, SEQUENCE))}
    yield "one token", {"input_ids": ids[:1, :1]}
    yield "no params", {"input_ids": ids, "params": {}}
    # and what is refused
    yield "a list", {"input_ids": ids.tolist()}
    yield "a dictionary", {"input_ids": given}
    yield "nothing", {}
    yield "embeddings", {"inputs_embeds": np.ones((BATCH, SEQUENCE, 12))}
    yield "labels", {**given, "labels": ids}
    yield "a vector of heads", {"input_ids": ids, "head_mask": np.ones(3)}
    yield "heads of three layers", {"input_ids": ids, "head_mask": np.ones((3, 3))}
    yield "a mask of another length", {"input_ids": ids, "attention_mask": np.ones((BATCH, 5))}
    yield "dropout without a key", {"input_ids": ids, "train": True}


def answers(library, folder):
    """Name of a case -> its answer, as `described` puts it."""
    found = {}
    for name, (class_name, _) in MODELS.items():
        model = getattr(library, class_name).from_pretrained(str(folder / name))
        for what, arguments in calls(name):
            found[f"{name}: {what}"] = described(lambda: model(**arguments))  # noqa: B023 (called at once)
        if name == "FlaxBertModel":
            found.update({f"{name}: {what}": answer for what, answer in transformed(model)})
            half = getattr(library, class_name).from_pretrained(str(folder / name), dtype=jnp.bfloat16)
            found[f"{name}: bfloat16"] = described(lambda: half(**inputs(), output_hidden_states=True))  # noqa: B023
        if "crossing" in name or name == "decoder":
            found.update({f"{name}: {what}": answer for what, answer in decoded(model)})
    return found


def transformed(model):
    """Gradients, and the output through jit and vmap."""
    given = inputs()
    loss = lambda params: model(**given, params=params).last_hidden_state[:, :3].var()  # noqa: E731
    yield "gradient", described(lambda: {"/".join(path): value for path, value in flat(jax.grad(loss)(model.params))})
    run = jax.jit(lambda params, ids: model(ids, params=params, output_attentions=True))
    yield "jit", described(lambda: run(model.params, given["input_ids"]))
    each = jax.vmap(lambda ids: model(ids[None]).pooler_output[0])
    yield "vmap", described(lambda: {"pooled": each(given["input_ids"])})
    output = model(**given)
    yield "replaced", described(lambda: output.replace(pooler_output=None))
    yield "replaced by an unknown field", described(lambda: output.replace(x=1))
    yield "set", described(lambda: setattr(output, "pooler_output", 1))
    yield "leaves", described(lambda: {str(i): leaf for i, leaf in enumerate(jax.tree_util.tree_leaves(output))})
    yield "half", described(lambda: model(**given, params=model.to_bf16(model.params)))


def decoded(model):
    """Cross-attention and cached decoding."""
    given = inputs(seed=3)
    ids, states = given["input_ids"], np.random.default_rng(5).normal(size=(BATCH, 4, 12)).astype("f4")
    seen = np.array([[1, 1, 1, 0], [1, 0, 0, 0]])
    crossing = {"encoder_hidden_states": states, "encoder_attention_mask": seen}
    everything = {"output_attentions": True, "output_hidden_states": True}
    yield "encoder states", described(lambda: model(**given, encoder_hidden_states=states))
    yield "masked encoder states", described(lambda: model(**given, **crossing, **everything))
    yield "a tuple with encoder states", described(lambda: model(**given, **crossing, **everything, return_dict=False))
    mask = np.ones((BATCH, 9), int)
    mask[1, :2] = 0
    places = np.arange(SEQUENCE)[None].repeat(BATCH, 0)
    yield "empty cache", described(lambda: dict(flat(model.init_cache(BATCH, 9)), joined=1))
    for more in ({}, crossing):
        cache, word = model.init_cache(BATCH, 9), "crossing " if more else ""
        for at, until in ((0, 3), (3, 4), (4, 7)):
            arguments = dict(
                attention_mask=mask, position_ids=places[:, at:until], past_key_values=cache, **everything, **more
            )
            piece = ids[:, at:until]
            yield f"{word}cached {at}", described(lambda: model(piece, **arguments))  # noqa: B023
            as_tuple = partial(model, piece, **arguments, return_dict=False)
            yield f"{word}cached tuple {at}", described(as_tuple)
            if model.config.add_cross_attention:  # where it is not set, the cache is not read
                cache = model(piece, **arguments).past_key_values
    arguments = {"position_ids": places[:, :3], "past_key_values": model.init_cache(BATCH, 9)}
    yield "cached with a short mask", described(lambda: model(ids[:, :3], attention_mask=mask[:, :3], **arguments))


def flat(tree, path=()):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, (*path, key))
        else:
            yield (*path, key), value


def described(call):
    """{"kind": name of the type, "keys": [...], "arrays": {name: array}} of what a call returns, or {"error": names}.

    Keys are flattened: `attentions.1`, `past_key_values/bert/encoder/...`.
    """
    try:
        value = call()
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        return {"error": [kind for kind in kinds if kind not in ("object", "BaseException", "Exception")]}
    arrays = {}
    items = value.items() if hasattr(value, "items") else enumerate(value)
    keys = ["/".join(key) if isinstance(key, tuple) else str(key) for key, _ in items]
    for key, item in value.items() if hasattr(value, "items") else enumerate(value):
        key = "/".join(key) if isinstance(key, tuple) else str(key)
        if isinstance(item, tuple):
            arrays.update({f"{key}.{i}": np.asarray(each) for i, each in enumerate(item)})
        elif isinstance(item, dict):
            arrays.update({f"{key}/{'/'.join(path)}": np.asarray(each) for path, each in flat(item)})
        else:
            arrays[key] = np.asarray(item)
    return {"kind": type(value).__name__, "keys": keys, "arrays": arrays}
