"""`bertlab convert`, from every format into every other."""

import json
import re
import shutil

import pytest
import torch

import bertlab
from bertlab.command import main
from bertlab.command.convert import FILES, convert
from bertlab.files import read_state_dict, rename_legacy

SOURCES = {
    "tf1/pretraining": "BertForPreTraining",
    "tf1/classifier": "BertForSequenceClassification",
    "h5/BertForMaskedLM": "BertForMaskedLM",
    "tf_safe/BertForQuestionAnswering": "BertForQuestionAnswering",
    "flax/FlaxBertForTokenClassification": "BertForTokenClassification",
    "flax_bfloat16": "BertForPreTraining",
    "flax/FlaxBertModel": "BertModel",
    "flax/crossing": "BertLMHeadModel",
}


def weights(folder, head):
    return getattr(bertlab, head).from_pretrained(folder).state_dict()


@pytest.mark.parametrize("to", FILES)
@pytest.mark.parametrize("source", SOURCES)
def test_every_format_becomes_every_other(kept, tmp_path, source, to):
    if "h5" in source or to == "h5":
        pytest.importorskip("h5py")
    head = SOURCES[source]
    path, count = convert(kept / source, tmp_path, to)
    assert path == tmp_path / FILES[to] and count > 30
    theirs, ours = weights(kept / source, head), weights(tmp_path, head)
    assert set(theirs) == set(ours)
    for name in theirs:
        assert torch.equal(theirs[name], ours[name]), name
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_type"] == "bert" and config["architectures"] == [head]


@pytest.mark.parametrize("to", FILES)
def test_types_stay_as_they_are(kept, tmp_path, to):
    if to == "h5":
        pytest.importorskip("h5py")
    convert(kept / "flax_bfloat16", tmp_path, to)
    stored = {tensor.dtype for tensor in read_state_dict(tmp_path).values()}
    assert stored == {torch.float32 if to == "h5" else torch.bfloat16}


def test_the_layout_of_an_h5_is_that_of_tensorflow(kept, tmp_path):
    h5py = pytest.importorskip("h5py")
    convert(kept / "h5" / "BertForPreTraining", tmp_path, "h5")

    def text(value):
        return value.decode() if isinstance(value, bytes) else value

    def described(path):
        with h5py.File(path) as file:
            names = {}
            for layer in file.attrs["layer_names"]:
                listed = [text(name).split("/", 1)[1] for name in file[layer].attrs["weight_names"]]
                names[text(layer)] = {name for name in listed if name.startswith(text(layer))}
            return names

    theirs, ours = (described(folder / "tf_model.h5") for folder in (kept / "h5" / "BertForPreTraining", tmp_path))
    assert ours == theirs
    with h5py.File(tmp_path / "tf_model.h5") as file:
        name = "tf_bert_for_pre_training/bert/encoder/layer_._1/attention/self/query/kernel:0"
        assert name in [text(one) for one in file["bert"].attrs["weight_names"]] and file["bert"][name].shape == (
            12,
            12,
        )


def test_the_labels_of_a_tensorflow_1_classifier_are_counted(kept, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(kept / "tf1" / "classifier", source)
    values = json.loads((source / "bert_config.json").read_text())
    (source / "bert_config.json").write_text(json.dumps({k: v for k, v in values.items() if k != "num_labels"}))
    convert(source, tmp_path / "target", "safetensors")
    assert bertlab.BertForSequenceClassification.from_pretrained(tmp_path / "target").config.num_labels == 5


def test_the_vocabulary_comes_along(tmp_path, capsys):
    assert main(["convert", "bertlab-mini", str(tmp_path), "--to", "msgpack"]) == 0
    assert re.search(r"flax_model.msgpack holds \d+ tensors .*every value is the same", capsys.readouterr().out)
    tokens = bertlab.BertTokenizer.from_pretrained(tmp_path).tokenize("Unbelievable!")
    assert tokens == bertlab.BertTokenizer.from_pretrained("bertlab-mini").tokenize("Unbelievable!")
    assert bertlab.BertForMaskedLM.from_pretrained(tmp_path)


def test_weights_can_be_added_to_the_folder_itself(tmp_path):
    bertlab.BertModel(bertlab.BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                         intermediate_size=9)).save_pretrained(tmp_path)  # fmt: skip
    convert(tmp_path, tmp_path, "msgpack")
    assert (tmp_path / "model.safetensors").exists()
    with pytest.raises(ValueError, match="is there already"):
        convert(tmp_path, tmp_path, "msgpack")


def test_another_models_folder_is_left_alone(kept, tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match="holds pytorch_model.bin, which may be another model's"):
        convert(kept / "flax" / "FlaxBertModel", tmp_path, "safetensors")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        convert(kept / "flax" / "FlaxBertModel", tmp_path / "file", "safetensors")


@pytest.mark.parametrize(
    "fields, to, match",
    [
        ({"position_embedding_type": "relative_key"}, "msgpack", "Flax does not look at"),
        ({"tie_word_embeddings": False}, "h5", "always tied"),
        ({"hidden_act": "mish"}, "msgpack", "hidden_act is 'mish'"),
        ({"pruned_heads": {0: [1]}}, "h5", "pruned heads"),
    ],
)
def test_what_would_compute_something_else_is_refused(tmp_path, fields, to, match):
    shape = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=9)
    bertlab.BertForMaskedLM(bertlab.BertConfig(**shape, **fields)).save_pretrained(tmp_path / "source")
    with pytest.raises(ValueError, match=match):
        convert(tmp_path / "source", tmp_path / "target", to)
    assert not (tmp_path / "target").exists()


def test_an_untied_decoder_goes_to_flax(tmp_path):
    shape = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=9)
    model = bertlab.BertForMaskedLM(bertlab.BertConfig(**shape, tie_word_embeddings=False))
    model.save_pretrained(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "target", "msgpack")
    again = bertlab.BertForMaskedLM.from_pretrained(tmp_path / "target")
    assert torch.equal(again.cls.predictions.decoder.weight, model.cls.predictions.decoder.weight)


def test_tensors_without_a_place_are_named(tmp_path, kept):
    from safetensors.torch import save_file

    state = {name: tensor.contiguous() for name, tensor in read_state_dict(kept / "flax" / "FlaxBertModel").items()}
    shutil.copy(kept / "flax" / "FlaxBertModel" / "config.json", tmp_path)
    save_file({**state, "bert.extra": torch.ones(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="Flax has no place for bert.extra"):
        convert(tmp_path, tmp_path / "target", "msgpack")


def test_legacy_names_become_todays(tmp_path, kept):
    state = read_state_dict(kept / "flax" / "FlaxBertModel")
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor.contiguous() for name, tensor in state.items()}
    (tmp_path / "source").mkdir()
    torch.save(old, tmp_path / "source" / "pytorch_model.bin")
    shutil.copy(kept / "flax" / "FlaxBertModel" / "config.json", tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "target", "safetensors")
    assert not [name for name in read_state_dict(tmp_path / "target") if "gamma" in name]
    assert rename_legacy(old).keys() == state.keys()


def test_a_wrong_command_line_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["convert", "bertlab-mini", str(tmp_path), "--to", "gguf"])
    assert main(["convert", str(tmp_path / "nothing"), str(tmp_path), "--to", "bin"]) == 1
    assert "nothing" in capsys.readouterr().err


def test_damage_on_the_way_is_found(kept, tmp_path, monkeypatch):
    from bertlab.files import flax_msgpack

    def careless(path, arrays):
        flax_msgpack.write_flax_msgpack(path, {name: tensor + 1 for name, tensor in arrays.items()})

    monkeypatch.setattr("bertlab.files.foreign_writing.write_flax_msgpack", careless)
    with pytest.raises(OSError, match="did not hold what was written"):
        convert(kept / "flax" / "FlaxBertModel", tmp_path, "msgpack")
    assert not list(tmp_path.iterdir())
