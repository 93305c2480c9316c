"""The Flax family's parameters: in every format, of every type, inside and outside of the model."""

import json
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
import torch
from flax_cases import CLASSES, inputs

import bertlab
from bertlab.files import read_state_dict
from bertlab.jax.params import flat

SHAPE = dict(
    vocab_size=31, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=7,
    max_position_embeddings=9, type_vocab_size=2,
)  # fmt: skip


def tiny(name="FlaxBertModel", **options):
    fields = {
        key: options.pop(key) for key in list(options) if key in vars(bertlab.BertConfig()) or key == "num_labels"
    }
    return getattr(bertlab, name)(bertlab.BertConfig(**{**SHAPE, **fields}), **options)


def leaves(tree):
    return {"/".join(path): np.asarray(value, "f4") for path, value in flat(tree)}


def assert_same(one, other):
    one, other = leaves(one), leaves(other)
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# Formats


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_saved_is_read_again(name, tmp_path, recwarn):
    model = tiny(name)
    model.save_pretrained(tmp_path / "msgpack")
    model.save_pretrained(tmp_path / "safe", safe_serialization=True)
    model.save_pretrained(tmp_path / "shards", max_shard_size="2KB")
    assert sorted(path.name for path in (tmp_path / "msgpack").iterdir()) == ["config.json", "flax_model.msgpack"]
    assert json.loads((tmp_path / "msgpack" / "config.json").read_text())["architectures"] == [name[4:]]
    assert (tmp_path / "safe" / "model.safetensors").is_file()
    assert len(list((tmp_path / "shards").glob("flax_model-*-of-*.msgpack"))) > 1
    for folder in tmp_path.iterdir():
        assert_same(getattr(bertlab, name).from_pretrained(folder).params, model.params)
    assert not recwarn.list


@pytest.mark.parametrize("name", CLASSES)
def test_the_torch_model_is_the_same_model(name, tmp_path, recwarn):
    torch_name = name.removeprefix("Flax").replace("ForCausalLM", "LMHeadModel")
    model = getattr(bertlab, torch_name)(bertlab.BertConfig(**SHAPE)).eval()
    model.save_pretrained(tmp_path / "safe")
    model.save_pretrained(tmp_path / "bin", safe_serialization=False)
    given = {key: value % 9 for key, value in inputs(batch=2, sequence=5).items()}
    given["token_type_ids"] = given["token_type_ids"] % 2
    if name.endswith("MultipleChoice"):
        given = {key: np.stack([value, value[::-1]], 1) for key, value in given.items()}
    with torch.no_grad():
        theirs = model(**{key: torch.tensor(value) for key, value in given.items()})
    for folder in ("safe", "bin"):
        ours = getattr(bertlab, name).from_pretrained(tmp_path / folder, from_pt=folder == "bin")(**given)
        for key, value in theirs.items():
            np.testing.assert_allclose(ours[key], value.numpy(), atol=1e-5, rtol=0)
    assert not recwarn.list


def test_weights_of_pytorch_and_tensorflow_are_read_on_request_only(kept, tmp_path):
    bertlab.BertModel(bertlab.BertConfig(**SHAPE)).save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(OSError, match=r"no flax_model.msgpack or model.safetensors; .*from_pt=True"):
        bertlab.FlaxBertModel.from_pretrained(tmp_path)
    assert not bertlab.FlaxBertModel.from_pretrained(tmp_path, from_pt=True).loading_report.fresh
    model = bertlab.FlaxBertForSequenceClassification.from_pretrained(kept / "tf1" / "classifier", from_tf=True)
    expected = np.load(kept / "tf1" / "classifier" / "expected.npz")["logits"]
    np.testing.assert_allclose(model(**inputs()).logits, expected, atol=2e-5, rtol=0)
    with pytest.raises(ValueError, match="one framework only"):
        bertlab.FlaxBertModel.from_pretrained(tmp_path, from_pt=True, from_tf=True)


def test_an_h5_is_read_on_request(kept):
    pytest.importorskip("h5py")
    model = bertlab.FlaxBertForMaskedLM.from_pretrained(kept / "h5" / "BertForMaskedLM", from_tf=True)
    expected = np.load(kept / "h5" / "BertForMaskedLM" / "expected.npz")["logits"]
    np.testing.assert_allclose(model(**inputs()).logits, expected, atol=1e-5, rtol=0)


def test_the_bare_model_and_a_head_exchange_their_weights(tmp_path):
    head = tiny("FlaxBertForNextSentencePrediction")
    head.save_pretrained(tmp_path / "head")
    with pytest.warns(UserWarning, match="without a place in FlaxBertModel: cls.seq_relationship"):
        bare = bertlab.FlaxBertModel.from_pretrained(tmp_path / "head")
    assert_same(bare.params, head.params["bert"])
    bare.save_pretrained(tmp_path / "bare")
    with pytest.warns(UserWarning, match="newly drawn.*classifier/kernel"):
        other = bertlab.FlaxBertForSequenceClassification.from_pretrained(tmp_path / "bare", num_labels=4)
    assert_same(other.params["bert"], bare.params)
    assert other.params["classifier"]["kernel"].shape == (12, 4)
    assert other.loading_report.fresh == ["classifier/bias", "classifier/kernel"]


def test_an_untied_decoder_is_kept(tmp_path, recwarn):
    torch_model = bertlab.BertForMaskedLM(bertlab.BertConfig(**SHAPE, tie_word_embeddings=False))
    torch_model.save_pretrained(tmp_path / "torch")
    model = bertlab.FlaxBertForMaskedLM.from_pretrained(tmp_path / "torch")
    kernel = model.params["cls"]["predictions"]["decoder"]["kernel"]
    np.testing.assert_array_equal(kernel.T, torch_model.cls.predictions.decoder.weight.detach().numpy())
    model.save_pretrained(tmp_path / "flax")
    assert_same(bertlab.FlaxBertForMaskedLM.from_pretrained(tmp_path / "flax").params, model.params)
    assert not recwarn.list


def test_other_shapes_are_refused_or_drawn_afresh(tmp_path):
    tiny("FlaxBertForSequenceClassification").save_pretrained(tmp_path)
    load = bertlab.FlaxBertForSequenceClassification.from_pretrained
    with pytest.raises(ValueError, match=r"classifier/bias: \(2,\) in the checkpoint, \(3,\)"):
        load(tmp_path, num_labels=3)
    model = load(tmp_path, num_labels=3, ignore_mismatched_sizes=True)
    assert {name for name, *_ in model.loading_report.mismatched} == {"classifier/kernel", "classifier/bias"}


def test_the_shipped_model_fills_a_mask():
    tokenizer = bertlab.BertTokenizer.from_pretrained("bertlab-mini")
    with pytest.warns(UserWarning, match="float16, as in the file"):
        model = bertlab.FlaxBertForMaskedLM.from_pretrained("bertlab-mini")
    encoded = tokenizer("The capital of France is [MASK].", return_tensors="np")
    at = encoded["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    assert tokenizer.convert_ids_to_tokens(int(model(**encoded).logits[0, at].argmax())) == "paris"


# Types


def test_half_precision_is_kept_in_files(tmp_path):
    model = tiny()
    for cast, name in ((model.to_bf16, "bfloat16"), (model.to_fp16, "float16")):
        half = cast(model.params)
        assert {str(value.dtype) for _, value in flat(half)} == {name}
        model.save_pretrained(tmp_path / name, params=half)
        with pytest.warns(UserWarning, match=name):
            again = bertlab.FlaxBertModel.from_pretrained(tmp_path / name)
        assert_same(again.params, half)
        assert read_state_dict(tmp_path / name)["bert.pooler.dense.bias"].dtype == getattr(torch, name)
        assert {str(value.dtype) for _, value in flat(again.to_fp32(again.params))} == {"float32"}
    assert {str(value.dtype) for _, value in flat(model.params)} == {"float32"}


def test_a_mask_chooses_what_is_cast():
    model = tiny()
    mask = jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", model.params)
    cast = model.to_bf16(model.params, mask)
    for path, value in flat(cast):
        assert value.dtype == (jnp.bfloat16 if path[-1] == "kernel" else jnp.float32)


def test_the_type_of_the_computation_is_not_that_of_the_parameters():
    model = tiny(dtype=jnp.bfloat16)
    assert model(**{"input_ids": np.ones((1, 3), int)}).last_hidden_state.dtype == jnp.bfloat16
    assert {str(value.dtype) for _, value in flat(model.params)} == {"float32"}


# Parameters outside the model


def test_parameters_can_be_kept_outside(tmp_path):
    whole = tiny("FlaxBertForMaskedLM")
    whole.save_pretrained(tmp_path)
    model, params = bertlab.FlaxBertForMaskedLM.from_pretrained(tmp_path, _do_init=False)
    assert_same(params, whole.params)
    ids = np.arange(5)[None]
    np.testing.assert_array_equal(model(ids, params=params).logits, whole(ids).logits)
    for use in (lambda: model.params, lambda: setattr(model, "params", params), lambda: model(ids)):
        with pytest.raises(ValueError, match="_do_init=False"):
            use()


def test_what_a_checkpoint_lacks_is_drawn_by_init_weights(tmp_path):
    tiny().save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="newly drawn"):
        model, params = bertlab.FlaxBertForTokenClassification.from_pretrained(tmp_path, _do_init=False)
    assert "classifier" not in params
    complete = model.init_weights(jax.random.PRNGKey(3), (1, 1), params)
    assert complete["classifier"]["kernel"].shape == (12, 2)
    assert_same(complete["bert"], params["bert"])


def test_parameters_must_be_complete():
    model = tiny()
    params = {name: value for name, value in model.params.items() if name != "pooler"}
    with pytest.raises(ValueError, match="lack pooler/dense/bias, pooler/dense/kernel"):
        model.params = params
    assert model.required_params == {path for path, _ in flat(model.params_shape_tree)}


def test_a_seed_draws_the_same_parameters():
    assert_same(tiny(seed=3).params, tiny(seed=3).params)
    kernel = leaves(tiny(seed=3, initializer_range=0.5, intermediate_size=400).params)
    kernel = kernel["encoder/layer/0/intermediate/dense/kernel"]
    assert abs(kernel.std() - 0.5) < 0.02 and not np.array_equal(kernel, leaves(tiny().params).get("x", 0))


# Training


def test_dropout_needs_a_key_and_follows_it():
    model = tiny("FlaxBertForSequenceClassification")
    ids = np.arange(12).reshape(2, 6)
    with pytest.raises(ValueError, match="dropout_rng"):
        model(ids, train=True)
    one = model(ids, train=True, dropout_rng=jax.random.PRNGKey(1)).logits
    np.testing.assert_array_equal(one, model(ids, train=True, dropout_rng=jax.random.PRNGKey(1)).logits)
    assert not np.allclose(one, model(ids, train=True, dropout_rng=jax.random.PRNGKey(2)).logits)
    assert not np.allclose(one, model(ids).logits)
    without = tiny("FlaxBertForMaskedLM", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    assert without(ids, train=True).logits.shape == (2, 6, 31)


def test_recomputing_layers_changes_no_gradient():
    plain = tiny()
    frugal = tiny(gradient_checkpointing=True)

    def loss(params, model):
        return (model(np.arange(5)[None], params=params).last_hidden_state[:, 1:] ** 3).mean()

    one, other = (leaves(jax.grad(loss)(plain.params, model)) for model in (plain, frugal))
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-7, err_msg=name)


# Errors


@pytest.mark.parametrize(
    "name, fields, match",
    [
        ("FlaxBertForMaskedLM", {"add_cross_attention": True, "is_decoder": True}, "no cross-attention"),
        ("FlaxBertForQuestionAnswering", {"num_labels": 3}, "a span has 2 ends"),
        ("FlaxBertModel", {"hidden_act": "mish"}, "hidden_act is 'mish'"),
    ],
)
def test_what_flax_cannot_build_is_refused(name, fields, match):
    with pytest.raises(ValueError, match=match):
        tiny(name, **fields)


def test_a_cache_is_for_decoders():
    with pytest.raises(KeyError, match="an encoder has no cache"):
        tiny().init_cache(2, 5)
    with pytest.raises(TypeError, match="does not decode"):
        tiny("FlaxBertForMaskedLM").init_cache(2, 5)
    decoder = tiny("FlaxBertForCausalLM", is_decoder=True, add_cross_attention=True)
    with pytest.raises(ValueError, match="9 positions"):
        decoder.init_cache(2, 10)
    cache = decoder.init_cache(2, 5)
    with pytest.raises(ValueError, match="batch of 2"):
        decoder(
            np.ones((1, 1), int), past_key_values=cache, attention_mask=np.ones((1, 5)), position_ids=np.zeros((1, 1))
        )


def test_what_is_not_looked_at_is_warned_about():
    model = tiny("FlaxBertForCausalLM", is_decoder=True)
    with pytest.warns(UserWarning, match="are not looked at"):
        model(np.ones((1, 3), int), encoder_hidden_states=np.ones((1, 2, 12)))


def test_decoding_step_by_step_gives_the_logits_of_one_pass():
    model = tiny("FlaxBertForCausalLM", is_decoder=True, add_cross_attention=True)
    ids = np.array([[4, 7, 9, 2, 5]])
    whole = model(ids).logits
    options, steps = model.prepare_inputs_for_generation(ids[:, :2], 8), []
    for at in (slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5)):
        output = model(ids[:, at], **options)
        options = model.update_inputs_for_generation(output, options)
        steps.append(output.logits)
    np.testing.assert_allclose(np.concatenate(steps, 1), whole, atol=1e-5)


def test_a_file_is_no_folder_and_nothing_is_uploaded(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(ValueError, match="is a file"):
        tiny().save_pretrained(tmp_path / "x")
    with pytest.raises(ValueError, match="push_to_hub"):
        tiny().save_pretrained(tmp_path, push_to_hub=True)


def test_without_jax_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "jax" or name.startswith("bertlab.jax")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delattr(bertlab, "FlaxBertForMaskedLM", raising=False)
    with pytest.raises(ImportError, match=r'pip install "bertlab\[jax\]"'):
        bertlab.FlaxBertForMaskedLM  # noqa: B018


def test_a_damaged_file_is_refused(kept, tmp_path):
    shutil.copytree(kept / "flax" / "FlaxBertModel", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "flax_model.msgpack"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="flax_model.msgpack"):
        bertlab.FlaxBertModel.from_pretrained(tmp_path)
