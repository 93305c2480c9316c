"""Checkpoints that TensorFlow 1, TensorFlow 2 and Flax wrote, in the torch family."""

import json
import shutil
import struct

import numpy as np
import pytest
import torch

import bertlab
from bertlab.files import flax_msgpack, foreign_names, hdf5, read_state_dict, tensorflow1

HEADS = """
    BertModel BertForPreTraining BertLMHeadModel BertForMaskedLM BertForNextSentencePrediction
    BertForSequenceClassification BertForMultipleChoice BertForTokenClassification BertForQuestionAnswering
""".split()


def inputs(head):
    """Those of flax_cases.py, which needs JAX."""
    draw, batch, sequence = np.random.default_rng(0), 2, 7
    given = {
        "input_ids": draw.integers(0, 37, (batch, sequence)),
        "attention_mask": (np.arange(sequence) < draw.integers(2, sequence + 1, (batch, 1))).astype(np.int64),
        "token_type_ids": draw.integers(0, 3, (batch, sequence)),
    }
    if head.endswith("MultipleChoice"):
        given = {key: np.stack([value, value[::-1], np.roll(value, 2, 1)], 1) for key, value in given.items()}
    return {key: torch.tensor(value) for key, value in given.items()}


def folder_of(head):
    return head.replace("BertLMHeadModel", "BertForCausalLM")


def assert_outputs(model, expected, tolerance):
    with torch.no_grad():
        output = model(**inputs(type(model).__name__), output_hidden_states=True)
    expected = dict(np.load(expected))
    hidden = torch.stack(output.hidden_states).numpy()
    np.testing.assert_allclose(hidden, expected.pop("hidden"), atol=tolerance, rtol=0)
    for key in set(expected) & set(output.keys()):
        np.testing.assert_allclose(output[key].numpy(), expected[key], atol=tolerance, rtol=0, err_msg=key)
    assert {key for key in expected if "logits" in key} <= set(output.keys())


# Outputs


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("head", HEADS)
def test_tf_model_h5_gives_the_outputs_of_tensorflow(kept, head):
    pytest.importorskip("h5py")
    model = getattr(bertlab, head).from_pretrained(kept / "h5" / folder_of(head))
    assert_outputs(model, kept / "h5" / folder_of(head) / "expected.npz", 1e-5)
    assert not model.loading_report.fresh and not model.loading_report.unused


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("head", HEADS)
def test_safetensors_of_tensorflow_give_the_outputs_of_tensorflow(kept, head):
    model = getattr(bertlab, head).from_pretrained(kept / "tf_safe" / folder_of(head))
    assert_outputs(model, kept / "h5" / folder_of(head) / "expected.npz", 1e-5)


def test_a_sharded_h5_is_the_same_checkpoint(kept):
    pytest.importorskip("h5py")
    assert len(list((kept / "h5_sharded").glob("*.h5"))) > 1
    model = bertlab.BertForPreTraining.from_pretrained(kept / "h5_sharded")
    assert_outputs(model, kept / "h5" / "BertForPreTraining" / "expected.npz", 1e-5)


def test_an_h5_with_cross_attention(kept):
    pytest.importorskip("h5py")
    model = bertlab.BertLMHeadModel.from_pretrained(kept / "h5" / "crossing")
    states = torch.tensor(np.random.default_rng(5).normal(size=(2, 4, 12)).astype("f4"))
    with torch.no_grad():
        logits = model(**inputs("BertLMHeadModel"), encoder_hidden_states=states).logits
    expected = np.load(kept / "h5" / "crossing" / "expected.npz")["logits"]
    np.testing.assert_allclose(logits.numpy(), expected, atol=1e-5, rtol=0)


def test_gradients_are_those_of_tensorflow(kept):
    pytest.importorskip("h5py")
    model = bertlab.BertForMaskedLM.from_pretrained(kept / "h5" / "BertForMaskedLM")
    (model(**inputs("BertForMaskedLM")).logits ** 2).mean().backward()
    ours = {name: parameter.grad for name, parameter in model.named_parameters()}
    theirs = {key.split("/", 1)[1]: torch.tensor(value) for key, value in np.load(
        kept / "h5" / "BertForMaskedLM" / "gradients.npz").items()}  # fmt: skip
    theirs = foreign_names.with_own_names(theirs, "TensorFlow2")
    word = "bert.embeddings.word_embeddings.weight"
    ours[word], theirs[word] = ours[word][1:], theirs[word][1:]  # the row of [PAD] is fixed in torch alone
    assert set(theirs) == set(ours)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize(
    "folder, head", [("pretraining", HEADS[1]), ("classifier", HEADS[5]), ("squad", HEADS[8])], ids=lambda value: value
)
def test_tensorflow_1_gives_the_outputs_of_its_weights(kept, folder, head, recwarn):
    model = getattr(bertlab, head).from_pretrained(kept / "tf1" / folder)
    assert_outputs(model, kept / "tf1" / folder / "expected.npz", 2e-5)
    assert model.config.layer_norm_eps == 1e-12
    warned = [str(warning.message) for warning in recwarn]
    if folder == "squad":  # its pooler has no place in the model
        assert model.loading_report.unused == ["bert.pooler.dense.bias", "bert.pooler.dense.weight"]
        assert len(warned) == 1 and "bert.pooler.dense.bias, bert.pooler.dense.weight" in warned[0]
    else:
        assert not warned and not model.loading_report.fresh


@pytest.mark.parametrize("folder", ["flax_sharded", "flax_bfloat16", "flax_chunked"])
def test_every_form_of_msgpack_is_the_same_checkpoint(kept, folder):
    whole = bertlab.BertForPreTraining.from_pretrained(kept / "flax" / "FlaxBertForPreTraining").state_dict()
    other = bertlab.BertForPreTraining.from_pretrained(kept / folder).state_dict()
    for name, value in whole.items():
        torch.testing.assert_close(other[name], value, atol=0, rtol=0, msg=name)


def test_the_type_of_a_flax_file_is_kept_on_request(kept):
    assert bertlab.BertModel.from_pretrained(kept / "flax_bfloat16").dtype == torch.float32
    with pytest.warns(UserWarning, match="cls.seq_relationship"):
        model = bertlab.BertModel.from_pretrained(kept / "flax_bfloat16", torch_dtype="auto")
    assert model.dtype == torch.bfloat16


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("head", HEADS)
def test_flax_files_give_the_outputs_of_flax(kept, head):
    answers = np.load(kept / "flax" / "answers.npz")
    name = "Flax" + folder_of(head)
    for place in (kept / "flax" / name, kept / "flax_safe" / name):
        model = getattr(bertlab, head).from_pretrained(place)
        with torch.no_grad():
            output = model(**inputs(head))
        for key, value in output.items():
            case = f"{name}: all inputs|{key}"
            np.testing.assert_allclose(value.numpy(), answers[case], atol=1e-5, rtol=0, err_msg=key)


# Names


@pytest.mark.parametrize("format", foreign_names.FORMATS)
def test_every_name_goes_there_and_back(format):
    for own in foreign_names.NAMES[format]:
        own = own.replace("#", "11")
        theirs, turned = foreign_names.foreign_name(own, format)
        assert foreign_names.own_name(theirs, format) == (own, turned)


def test_the_bare_flax_model_has_no_prefix():
    assert foreign_names.own_name("encoder/layer/3/output/dense/kernel", "Flax") == (
        "bert.encoder.layer.3.output.dense.weight",
        True,
    )


def test_only_kernels_are_turned():
    for format in foreign_names.FORMATS:
        turned = [theirs for theirs, is_turned in foreign_names.NAMES[format].values() if is_turned]
        assert turned and all(theirs.endswith("kernel") for theirs in turned)


def test_optimizer_slots_and_counters_are_left_out(kept):
    found = tensorflow1.read_tensorflow1(kept / "tf1" / "pretraining" / "bert_model.ckpt.index")
    assert not [name for name in found if "adam" in name or "step" in name]
    assert len(found) == 5 + 11 * 16 + 2 + 5 + 2


# Which one


@pytest.fixture
def all_of_them(kept, tmp_path):
    """One folder with weights of three frameworks, each of its own values."""
    for source in ("h5/BertModel", "flax/FlaxBertModel", "tf1/pretraining"):
        shutil.copytree(kept / source, tmp_path, dirs_exist_ok=True)
    config = bertlab.BertConfig.from_pretrained(tmp_path)
    bertlab.BertModel(config).save_pretrained(tmp_path / "own")
    return tmp_path


def same(model, folder):
    own, other = model.state_dict(), bertlab.BertModel.from_pretrained(folder).state_dict()
    return all(torch.equal(own[name], other[name]) for name in own)


def test_the_framework_can_be_chosen(kept, all_of_them):
    pytest.importorskip("h5py")
    shutil.copy(all_of_them / "own" / "model.safetensors", all_of_them)
    assert same(bertlab.BertModel.from_pretrained(all_of_them), all_of_them / "own")
    assert same(bertlab.BertModel.from_pretrained(all_of_them, from_tf=True), kept / "h5" / "BertModel")
    assert same(bertlab.BertModel.from_pretrained(all_of_them, from_flax=True), kept / "flax" / "FlaxBertModel")
    with pytest.raises(ValueError, match="of one framework only"):
        bertlab.BertModel.from_pretrained(all_of_them, from_tf=True, from_flax=True)


def test_a_chosen_framework_that_wrote_nothing_is_an_os_error(kept, all_of_them):
    with pytest.raises(OSError, match=r"none of tf_model.h5, .* that TensorFlow wrote"):
        bertlab.BertModel.from_pretrained(kept / "flax" / "FlaxBertModel", from_tf=True)
    with pytest.raises(OSError, match=r"none of flax_model.msgpack, .* that Flax wrote, .*model.safetensors"):
        bertlab.BertModel.from_pretrained(kept / "tf_safe" / "BertModel", from_flax=True)
    with pytest.raises(OSError, match="that Flax wrote"):
        bertlab.BertModel.from_pretrained(all_of_them / "own", from_flax=True)


def test_safetensors_count_for_the_framework_in_their_metadata(kept):
    for folder, option in (("tf_safe/BertModel", "from_tf"), ("flax_safe/FlaxBertModel", "from_flax")):
        assert bertlab.BertModel.from_pretrained(kept / folder, **{option: True}).loading_report.loaded


def test_the_latest_checkpoint_of_a_training_is_read(kept, tmp_path):
    shutil.copytree(kept / "tf1" / "classifier", tmp_path, dirs_exist_ok=True)
    for path in list(tmp_path.glob("model.ckpt-250.*")):
        for step in ("99", "1000"):
            shutil.copy(path, str(path).replace("-250.", f"-{step}."))
    assert tensorflow1.latest_index(tmp_path).name == "model.ckpt-1000.index"


def test_a_file_can_be_named_itself(kept):
    config = bertlab.BertConfig.from_json_file(kept / "tf1" / "classifier" / "bert_config.json")
    path = kept / "tf1" / "classifier" / "model.ckpt-250.index"
    model = bertlab.BertForSequenceClassification.from_pretrained(path, from_tf=True, config=config)
    assert_outputs(model, path.with_name("expected.npz"), 2e-5)


# Files that lie


def test_an_encoder_of_noise_is_refused(kept, tmp_path):
    """A head whose name every model has would be all that is loaded."""
    shutil.copytree(kept / "flax" / "FlaxBertForQuestionAnswering", tmp_path, dirs_exist_ok=True)
    own = flax_msgpack.read_flax_msgpack(tmp_path / "flax_model.msgpack")
    foreign = {name.replace("bert/", "distilbert/"): value.clone() for name, value in own.items()}
    flax_msgpack.write_flax_msgpack(tmp_path / "flax_model.msgpack", foreign)
    with pytest.raises(ValueError, match="nothing of the encoder"):
        bertlab.BertForQuestionAnswering.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="none of the .* tensors"):
        bertlab.BertModel.from_pretrained(tmp_path)


def test_a_checkpoint_of_another_model_is_refused(kept, tmp_path):
    shutil.copytree(kept / "flax" / "FlaxBertModel", tmp_path, dirs_exist_ok=True)
    flax_msgpack.write_flax_msgpack(tmp_path / "flax_model.msgpack", {"params/wte": torch.ones(3)})
    with pytest.raises(ValueError, match="none of the names that a BERT has in Flax"):
        bertlab.BertModel.from_pretrained(tmp_path)


def test_metadata_that_contradict_the_names_are_refused(kept, tmp_path):
    from safetensors.torch import load_file, save_file

    for folder, said in (("tf_safe/BertModel", "pt"), ("flax_safe/FlaxBertModel", "pt"), ("tf_safe/BertModel", "flax")):
        tensors = load_file(kept / folder / "model.safetensors")
        shutil.copy(kept / folder / "config.json", tmp_path)
        save_file(tensors, tmp_path / "model.safetensors", metadata={"format": said})
        with pytest.raises(ValueError, match=f"written by '{said}', but its names"):
            bertlab.BertModel.from_pretrained(tmp_path)
        save_file(tensors, tmp_path / "model.safetensors")  # without metadata the names alone tell
        assert not bertlab.BertModel.from_pretrained(tmp_path).loading_report.fresh


def test_wrong_shapes_are_refused_by_name(kept, tmp_path):
    shutil.copytree(kept / "flax" / "FlaxBertModel", tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 36}))
    with pytest.raises(ValueError, match=r"word_embeddings.weight: \(37, 12\) in the checkpoint, \(36, 12\)"):
        bertlab.BertModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "source, pattern",
    [
        ("flax/FlaxBertForMaskedLM", "flax_model.msgpack"),
        ("flax_chunked", "flax_model.msgpack"),
        ("h5/BertForMaskedLM", "tf_model.h5"),
        ("tf1/pretraining", "bert_model.ckpt.index"),
        ("tf1/pretraining", "bert_model.ckpt.data-00001-of-00003"),
        ("tf_safe/BertForMaskedLM", "model.safetensors"),
    ],
)
def test_damage_ends_in_a_sentence(kept, tmp_path, source, pattern):
    """Cut at any place, or with any bytes changed, a file is read, or refused with a ValueError that names it."""
    if pattern.endswith("h5"):
        pytest.importorskip("h5py")
    shutil.copytree(kept / source, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").unlink(missing_ok=True)
    path, draw = tmp_path / pattern, np.random.default_rng(1)
    intact = path.read_bytes()
    refused = 0
    for attempt in range(80):
        content = bytearray(intact)
        if attempt % 2:
            for place in draw.integers(0, min(len(content), 3000 if attempt % 4 == 1 else len(content)), 4):
                content[place] = draw.choice([0, 255, int(draw.integers(256))])
        else:
            content = content[: draw.integers(0, len(content))]
        path.write_bytes(content)
        try:
            read_state_dict(tmp_path)
        except (ValueError, OSError) as error:
            refused += 1
            assert pattern in str(error), error
    assert refused > 30


def hostile_msgpack():
    yield "announces 4 billion entries", b"\xdf\xff\xff\xff\xff\xa1a\x01"
    yield "announces a long text", b"\x81\xdb\xff\xff\xff\xffab"
    yield "is nested", b"\x81\xa1a" * 100_000
    yield "is nested in lists", b"\x81\xa1a" + b"\x91" * 100_000
    yield "announces a large array", b"\x81\xa1a" + array_head([2**20, 2**20], b"float32", 4)
    yield "announces a negative array", b"\x81\xa1a" + array_head([-1], b"float32", 4)
    yield "says another size", b"\x81\xa1a" + array_head([1], b"float32", 8) + b"\0" * 8
    yield "holds objects", b"\x81\xa1a" + array_head([1], b"object", 8) + b"\0" * 8
    yield "holds code", b"\x81\xa1a\xc7\x04\x2aevil"
    yield "goes on", b"\x80\x80"
    yield "is a number", b"\x07"
    yield "is empty", b""
    yield "names twice", b"\x82\xa1a\x01\xa1a\x01"
    yield "names by number", b"\x81\x01\x01"


def array_head(shape, kind, size):
    inner = b"\x93" + bytes([0x90 | len(shape)]) + b"".join(struct.pack(">Bq", 0xD3, length) for length in shape)
    inner += bytes([0xA0 | len(kind)]) + kind + struct.pack(">BI", 0xC6, size)
    return struct.pack(">BIb", 0xC9, len(inner) + size, 1) + inner


@pytest.mark.parametrize(
    "what, content", list(hostile_msgpack()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_msgpack_that_lies_is_refused(tmp_path, what, content):
    path = tmp_path / "flax_model.msgpack"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no intact msgpack file of Flax"):
        flax_msgpack.read_flax_msgpack(path)


def test_an_h5_that_lies_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret"
    secret.write_bytes(b"\1" * 400)
    path = tmp_path / "tf_model.h5"

    def refused(match, **dataset):
        with h5py.File(path, "w") as file:
            file.create_dataset("bert/embeddings/x:0", **dataset)
        with pytest.raises(ValueError, match=match):
            hdf5.read_hdf5(path)

    refused("in another file", shape=(100,), dtype="f4", external=[(str(secret), 0, 400)])
    refused("smaller than that", shape=(10**12,), dtype="f4", chunks=(1000,), compression="gzip")
    refused("smaller than that", shape=(10**12,), dtype="f4")
    refused("not numbers", data=[b"abc"])
    refused("byte order", data=np.ones(3, ">f4"))
    refused("not numbers", shape=(3,), dtype=h5py.string_dtype())
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match="no intact HDF5 file"):
        hdf5.read_hdf5(path)


def test_an_h5_in_compressed_pieces_is_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("bert/m/bert/a:0", data=np.arange(6.0).reshape(2, 3), chunks=(1, 3), compression="gzip")
    assert hdf5.read_hdf5(tmp_path / "x.h5")["bert/a:0"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_without_h5py_the_error_says_what_to_install(kept, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r'pip install "bertlab\[formats\]"'):
        bertlab.BertModel.from_pretrained(kept / "h5" / "BertModel")


def test_a_data_file_outside_the_folder_is_not_read(kept, tmp_path):
    shutil.copytree(kept / "tf1" / "pretraining", tmp_path / "model")
    path = tmp_path / "model" / "bert_model.ckpt.data-00001-of-00003"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="outside its folder"):
        bertlab.BertForPreTraining.from_pretrained(tmp_path / "model")


def test_a_missing_data_file_is_named(kept, tmp_path):
    shutil.copytree(kept / "tf1" / "pretraining", tmp_path, dirs_exist_ok=True)
    (tmp_path / "bert_model.ckpt.data-00002-of-00003").unlink()
    with pytest.raises(OSError, match="bert_model.ckpt.data-00002-of-00003"):
        bertlab.BertForPreTraining.from_pretrained(tmp_path)
