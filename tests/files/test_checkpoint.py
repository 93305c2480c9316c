"""Checkpoint files to tensors and back, and tensors into models; damaged and hostile files included."""

import errno
import json
import os
import pickle
import stat
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from bertlab.files import checkpoint
from bertlab.files.checkpoint import (
    LoadingReport,
    load_into,
    match,
    read_state_dict,
    rename_legacy,
    resolve_dtype,
    write_state_dict,
)
from bertlab.files.hub import ModelNotFoundError


def tensors(seed=0, **shapes):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def state():
    return tensors(a=(3, 5), b=(7,), c=(2, 3, 4), d=())


def assert_same(first, second):
    assert sorted(first) == sorted(second)
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype and torch.equal(tensor, second[name]), name


# Reading


def test_safetensors_are_read(tmp_path, state):
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")  # without metadata, as some tools write
    assert_same(read_state_dict(tmp_path), state)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_tensors_are_read(tmp_path, state, zipped):
    torch.save(state, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert_same(read_state_dict(tmp_path), state)


def test_a_compressed_archive_is_read_all_the_same(tmp_path, state):
    torch.save(state, tmp_path / "stored.bin")
    with (
        zipfile.ZipFile(tmp_path / "stored.bin") as stored,
        zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    assert_same(read_state_dict(tmp_path), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_tensors_keep_the_type_they_are_stored_in(tmp_path, dtype):
    stored = {"a": torch.arange(6).to(dtype)}
    safetensors.torch.save_file(stored, tmp_path / "model.safetensors")
    assert_same(read_state_dict(tmp_path), stored)


def test_safetensors_go_before_pickles_unless_asked_otherwise(tmp_path):
    safetensors.torch.save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors")
    torch.save({"a": torch.ones(2)}, tmp_path / "pytorch_model.bin")
    assert read_state_dict(tmp_path)["a"].sum() == 0
    assert read_state_dict(tmp_path, use_safetensors=False)["a"].sum() == 2


def test_a_variant_is_read_only_when_asked_for(tmp_path, state):
    safetensors.torch.save_file(state, tmp_path / "model.fp16.safetensors")
    assert_same(read_state_dict(tmp_path, variant="fp16"), state)
    with pytest.raises(ModelNotFoundError, match="in it are: model.fp16.safetensors"):
        read_state_dict(tmp_path)


def test_an_empty_folder_is_explained(tmp_path):
    with pytest.raises(ModelNotFoundError, match="holds none of model.safetensors,.*no files at all"):
        read_state_dict(tmp_path)
    with pytest.raises(ModelNotFoundError, match="no folder"):
        read_state_dict(tmp_path / "missing")


def test_weights_of_other_frameworks_are_named(tmp_path):
    (tmp_path / "tf_model.h5").touch()
    (tmp_path / "flax_model.msgpack").touch()
    with pytest.raises(ModelNotFoundError, match=r"only Flax weights \(flax_model.msgpack\) and TensorFlow"):
        read_state_dict(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(ModelNotFoundError, match="holds none of"):
        read_state_dict(tmp_path)


# Damaged safetensors


def safetensors_bytes(header, body=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


DAMAGED = {
    "empty": b"",
    "text": b"version https://git-lfs.github.com/spec/v1\n",
    "header too long": struct.pack("<Q", 1 << 60) + b"{}",
    "header beyond the end": struct.pack("<Q", 1000) + b"{}",
    "header no JSON": struct.pack("<Q", 4) + b"{{{{",
    "header nested": struct.pack("<Q", 90_000) + b"[" * 90_000,
    "header a list": safetensors_bytes([1]),
    "overlapping": safetensors_bytes({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "a gap": safetensors_bytes({"a": entry([2], 4, 12)}, bytes(12)),
    "too short": safetensors_bytes({"a": entry([2], 0, 8)}, bytes(7)),
    "too long": safetensors_bytes({"a": entry([2], 0, 8)}, bytes(9)),
    "wrong shape": safetensors_bytes({"a": entry([3], 0, 8)}, bytes(8)),
    "huge shape": safetensors_bytes({"a": entry([2**40, 2**40], 0, 8)}, bytes(8)),
    "negative shape": safetensors_bytes({"a": entry([-2], 0, 8)}, bytes(8)),
    "unknown type": safetensors_bytes({"a": entry([2], 0, 8, "Q7")}, bytes(8)),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_safetensors_are_refused(tmp_path, kind):
    (tmp_path / "model.safetensors").write_bytes(DAMAGED[kind])
    with pytest.raises(ValueError, match="no intact safetensors file"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.999])
def test_truncated_safetensors_are_refused(tmp_path, state, share):
    content = safetensors.torch.save(state)
    (tmp_path / "model.safetensors").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="may be cut short"):
        read_state_dict(tmp_path)


def test_a_file_without_tensors_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes({}))
    with pytest.raises(ValueError, match="holds no tensors"):
        read_state_dict(tmp_path)


def test_safetensors_of_another_framework_are_refused(tmp_path, state):
    safetensors.torch.save_file(state, tmp_path / "model.safetensors", metadata={"format": "tf"})
    with pytest.raises(ValueError, match="written by tf"):
        read_state_dict(tmp_path)


# Damaged and hostile pickles


class Touch:
    """Unpickled with full powers, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def hostile_pickle(path, tmp_path, form):
    payload = {"weight": Touch(tmp_path / "executed")}
    if form == "zip":
        torch.save(payload, path)
    elif form == "legacy":
        torch.save(payload, path, _use_new_zipfile_serialization=False)
    elif form == "bare pickle":
        path.write_bytes(pickle.dumps(payload, protocol=2))
    elif form == "tar":
        (tmp_path / "pickle").write_bytes(pickle.dumps(payload))
        with tarfile.open(path, "w") as archive:
            for name in ("storages", "tensors", "pickle"):
                archive.add(tmp_path / "pickle", name)
    elif form == "os.system":
        path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "executed").encode() + b"'\ntR.")


HOSTILE_FORMS = ["zip", "legacy", "bare pickle", "tar", "os.system"]


@pytest.mark.parametrize("form", HOSTILE_FORMS)
@pytest.mark.parametrize("sharded", [False, True])
def test_a_pickle_never_runs_code(tmp_path, form, sharded):
    name = "part.bin" if sharded else "pytorch_model.bin"
    hostile_pickle(tmp_path / name, tmp_path, form)
    if sharded:
        index = {"weight_map": {"weight": "part.bin"}}
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="could run code|tar archive|no intact checkpoint"):
        read_state_dict(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_the_hostile_pickle_would_have_run(tmp_path):
    hostile_pickle(tmp_path / "x.bin", tmp_path, "zip")
    torch.load(tmp_path / "x.bin", weights_only=False)
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
def test_truncated_pickles_are_refused(tmp_path, state, zipped, share):
    path = tmp_path / "pytorch_model.bin"
    torch.save(state | tensors(big=(50, 60)), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match="no intact checkpoint|could run code"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize(
    "content", [b"version https://git-lfs", b"\x00" * 100, b"PK\x03\x04" + b"x" * 90, b"\x80\x02."]
)
def test_bytes_that_are_no_pickle_are_refused(tmp_path, content):
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(ValueError, match="no intact checkpoint|could run code"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([torch.zeros(2)], "holds a list, not a dict of tensors"),
        (torch.zeros(2), "holds a Tensor, not a dict"),
        ({"epoch": 3}, "'epoch' is mapped to a int"),
        ({3: torch.zeros(2)}, "3 is mapped to a Tensor"),
        ({"state_dict": {"a": torch.zeros(2)}, "epoch": 3}, "save what is under 'state_dict' alone"),
        ({}, "holds no tensors"),
        ({"a": torch.zeros(2).to_sparse()}, "sparse, quantized or empty"),
        ({"a": torch.zeros(2, device="meta")}, "sparse, quantized or empty"),
    ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path, value, message):
    torch.save(value, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path)


# Shards


def write_shards(folder, weight_map, shards):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for name, content in shards.items():
        (folder / name).parent.mkdir(exist_ok=True)
        safetensors.torch.save_file(content, folder / name)


def test_shards_are_put_together(tmp_path):
    one, two = tensors(a=(2, 3)), tensors(b=(5,))
    write_shards(tmp_path, {"a": "one.safetensors", "b": "sub/two.safetensors"}, {
        "one.safetensors": one, "sub/two.safetensors": two
    })  # fmt: skip
    assert_same(read_state_dict(tmp_path), one | two)


def test_the_index_decides_when_two_shards_hold_one_name(tmp_path):
    write_shards(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"}, {
        "one.safetensors": {"a": torch.zeros(2)}, "two.safetensors": {"a": torch.ones(2), "b": torch.ones(2)}
    })  # fmt: skip
    assert read_state_dict(tmp_path)["a"].sum() == 0


def test_a_missing_shard_is_named(tmp_path):
    write_shards(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"}, {"one.safetensors": tensors(a=(2,))})
    with pytest.raises(ModelNotFoundError, match="lists the shard 'two.safetensors', which is not there"):
        read_state_dict(tmp_path)


def test_a_shard_that_lacks_a_listed_tensor_is_refused(tmp_path):
    write_shards(tmp_path, {"a": "one.safetensors", "b": "one.safetensors"}, {"one.safetensors": tensors(a=(2,))})
    with pytest.raises(ValueError, match="says that 'one.safetensors' holds b, but it does not"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize("index", ["[]", '{"weight_map": 3}', "{", '{"weight_map": {"a": "../secret.safetensors"}}'])
def test_a_bad_index_is_refused(tmp_path, index):
    folder = tmp_path / "model"
    folder.mkdir()
    safetensors.torch.save_file({"a": torch.zeros(2)}, tmp_path / "secret.safetensors")
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match="index"):
        read_state_dict(folder)


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    safetensors.torch.save_file({"a": torch.zeros(2)}, outside / "one.safetensors")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.safetensors").symlink_to(outside / "one.safetensors")
    (folder / "sub").symlink_to(outside)
    for shard in ("link.safetensors", "sub/one.safetensors"):
        write_shards(folder, {"a": shard}, {})
        with pytest.raises(ValueError, match="outside its folder"):
            read_state_dict(folder)


def test_the_links_of_the_hubs_cache_are_followed(tmp_path):
    repository = tmp_path / "models--org--bert"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    safetensors.torch.save_file({"a": torch.zeros(2)}, repository / "blobs" / "abc")
    (snapshot / "one.safetensors").symlink_to("../../blobs/abc")
    write_shards(snapshot, {"a": "one.safetensors"}, {})
    assert list(read_state_dict(snapshot)) == ["a"]


# Names


def test_legacy_names_become_todays():
    old = {
        "module.bert.embeddings.LayerNorm.gamma": torch.ones(1),
        "module.bert.embeddings.LayerNorm.beta": torch.zeros(1),
        "module.bert.embeddings.position_ids": torch.arange(3),
        "module.cls.predictions.bias": torch.ones(2),
    }
    assert list(rename_legacy(old)) == [
        "bert.embeddings.LayerNorm.weight",
        "bert.embeddings.LayerNorm.bias",
        "cls.predictions.bias",
    ]


def test_a_wrappers_prefix_goes_only_when_all_names_have_it():
    mixed = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    assert list(rename_legacy(mixed)) == ["module.a", "b"]
    assert list(rename_legacy({"module._orig_mod.a": torch.zeros(1)})) == ["a"]
    assert rename_legacy({}) == {}


def test_a_name_that_occurs_twice_after_renaming_is_refused():
    with pytest.raises(ValueError, match="'x.LayerNorm.weight' twice"):
        rename_legacy({"x.LayerNorm.weight": torch.ones(1), "x.LayerNorm.gamma": torch.ones(1)})


def test_the_prefix_of_the_bare_model_is_added_and_removed():
    head = ["bert.embeddings.w", "bert.pooler.w", "classifier.w"]
    bare = ["embeddings.w", "pooler.w"]
    assert match(bare, head) == {"embeddings.w": "bert.embeddings.w", "pooler.w": "bert.pooler.w"}
    assert match(head, bare) == {"bert.embeddings.w": "embeddings.w", "bert.pooler.w": "pooler.w"}
    assert match(head, head) == {name: name for name in head}
    assert match(["gpt.w"], head) == {}


def test_an_exact_name_goes_before_one_with_another_prefix():
    assert match(["embeddings.w", "bert.embeddings.w"], ["bert.embeddings.w"]) == {
        "bert.embeddings.w": "bert.embeddings.w"
    }


# Types


def test_parameters_are_float32_unless_asked_otherwise():
    half = {"ids": torch.zeros(1, dtype=torch.int64), "a": torch.zeros(2, dtype=torch.float16)}
    assert resolve_dtype(None, half, "float16") == torch.float32
    assert resolve_dtype("auto", half) == torch.float16
    assert resolve_dtype("auto", half, "bfloat16") == torch.bfloat16
    assert resolve_dtype("float64", half) == torch.float64
    assert resolve_dtype("torch.bfloat16", half) == torch.bfloat16
    assert resolve_dtype(torch.float16, half) == torch.float16


@pytest.mark.parametrize("dtype", ["int8", torch.int64, "half a byte", torch.complex64])
def test_types_that_a_model_cannot_have_are_refused(dtype):
    with pytest.raises(ValueError, match="choose one of float32, float16, bfloat16, float64 or 'auto'"):
        resolve_dtype(dtype, {})


def test_a_type_of_the_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="not int"):
        resolve_dtype(16, {})


# Into a model


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(11, 3)
        self.embeddings.LayerNorm = nn.LayerNorm(3)


class WithHead(nn.Module):
    """The names of a masked-language model, as small as can be."""

    def __init__(self):
        super().__init__()
        self.bert = Bare()
        self.cls = nn.Module()
        self.cls.predictions = nn.Module()
        self.cls.predictions.bias = nn.Parameter(torch.zeros(11))
        self.cls.predictions.decoder = nn.Linear(3, 11)
        self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight
        self.cls.predictions.decoder.bias = self.cls.predictions.bias


WORDS = "bert.embeddings.word_embeddings.weight"
DECODER = "cls.predictions.decoder.weight"


def fresh_values(model, seed=7):
    """Random values for all of a model's tensors."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(value.shape, generator=generator) for name, value in model.state_dict().items()}


def without_copies(values):
    return {name: value for name, value in values.items() if "decoder" not in name}


def test_all_tensors_arrive_and_tied_copies_are_not_fresh():
    model = WithHead()
    values = without_copies(fresh_values(model))
    report = load_into(model, values)
    for name, value in values.items():
        assert torch.equal(model.state_dict()[name], value)
    assert sorted(report.loaded) == sorted(values)
    assert report.fresh == report.unused == report.mismatched == []
    assert report.tied == checkpoint.TIED_NAMES
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_a_bare_checkpoint_leaves_the_head_fresh():
    model, values = WithHead(), fresh_values(Bare())
    bias = model.cls.predictions.bias.detach().clone()
    report = load_into(model, values)
    assert report.fresh == ["cls.predictions.bias"]
    assert torch.equal(model.bert.embeddings.LayerNorm.weight, values["embeddings.LayerNorm.weight"])
    assert torch.equal(model.cls.predictions.bias, bias)


def test_a_checkpoint_with_a_head_fits_the_bare_model():
    report = load_into(Bare(), without_copies(fresh_values(WithHead())))
    assert report.unused == ["cls.predictions.bias"]
    assert report.fresh == []


def test_a_checkpoint_that_has_only_the_tied_copy_gives_its_values():
    model = WithHead()
    values = fresh_values(model)
    del values[WORDS], values["cls.predictions.bias"]
    report = load_into(model, values)
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[DECODER])
    assert WORDS in report.loaded and report.fresh == []


def test_a_tied_copy_of_other_values_wins_as_in_transformers_with_a_warning():
    model = WithHead()
    values = fresh_values(model)
    with pytest.warns(UserWarning, match="differ in the checkpoint") as warned:
        report = load_into(model, values)
    assert ["tie_word_embeddings=False" in str(w.message) for w in warned] == [True, False]
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[DECODER])
    assert torch.equal(model.cls.predictions.bias, values["cls.predictions.decoder.bias"])
    assert report.unused == [WORDS, "cls.predictions.bias"]


def test_a_tied_copy_of_the_same_values_is_nothing_to_mention():
    model = WithHead()
    values = {name: value.clone() for name, value in model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_into(model, values).unused == []


def test_an_untied_model_gets_its_own_decoder():
    model = WithHead()
    model.cls.predictions.decoder.weight = nn.Parameter(torch.zeros(11, 3))
    values = fresh_values(model)
    report = load_into(model, values, tied={})
    assert torch.equal(model.cls.predictions.decoder.weight, values[DECODER])
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[WORDS])
    assert report.tied == {}


def test_legacy_names_are_loaded():
    model, values = WithHead(), without_copies(fresh_values(WithHead()))
    old = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
           for n, v in values.items()}  # fmt: skip
    old["bert.embeddings.position_ids"] = torch.arange(4)
    report = load_into(model, old)
    assert report.fresh == report.unused == []
    assert torch.equal(model.bert.embeddings.LayerNorm.bias, values["bert.embeddings.LayerNorm.bias"])


def test_half_precision_is_converted_to_the_models_type():
    model = WithHead()
    values = {name: value.half() for name, value in without_copies(fresh_values(model)).items()}
    load_into(model, values)
    assert model.cls.predictions.bias.dtype == torch.float32
    assert torch.equal(model.cls.predictions.bias, values["cls.predictions.bias"].float())


def test_a_tensor_of_another_shape_is_refused_and_nothing_is_changed():
    model = WithHead()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    values = without_copies(fresh_values(model)) | {"cls.predictions.bias": torch.zeros(12)}
    with pytest.raises(ValueError, match=r"cls.predictions.bias: \(12,\) in the checkpoint, \(11,\) in the model"):
        load_into(model, values)
    assert_same(model.state_dict(), before)


def test_a_tensor_of_another_shape_is_left_out_when_told_so():
    model = WithHead()
    values = without_copies(fresh_values(model)) | {"cls.predictions.bias": torch.zeros(12)}
    report = load_into(model, values, ignore_mismatched_sizes=True)
    assert report.mismatched == [("cls.predictions.bias", (12,), (11,))]
    assert report.fresh == []
    assert "cls.predictions.bias" not in report.loaded
    assert torch.equal(model.bert.embeddings.LayerNorm.bias, values["bert.embeddings.LayerNorm.bias"])


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64, torch.bool])
def test_tensors_that_are_no_floats_are_refused(dtype):
    values = without_copies(fresh_values(WithHead())) | {"cls.predictions.bias": torch.zeros(11).to(dtype)}
    with pytest.raises(ValueError, match="quantized checkpoints must be converted"):
        load_into(WithHead(), values)


def test_a_checkpoint_of_another_model_is_refused():
    with pytest.raises(ValueError, match="None of the 1 tensors.*wte.weight.*is this a BERT checkpoint"):
        load_into(WithHead(), {"wte.weight": torch.zeros(3)})


def test_the_report_reads_well():
    report = LoadingReport(
        loaded=["a", "b"],
        fresh=["classifier.weight"],
        unused=[f"old.{n}" for n in range(10)],
        tied={"decoder": "words"},
        mismatched=[("bias", (3,), (4,))],
    )
    text = str(report)
    assert "loaded         2  taken from the checkpoint" in text
    assert "train before use\n                  classifier.weight" in text
    assert "old.7 and 2 more" in text
    assert "decoder = words" in text
    assert "bias (3,) in the checkpoint, (4,) in the model" in text
    assert str(LoadingReport()) == "nothing was loaded"


def test_names_in_a_report_cannot_act_on_the_reader():
    report = LoadingReport(unused=["<script>alert(1)</script>", "a\x1b[2Jb", "x" * 10_000])
    page = report._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "\x1b" not in page + str(report)
    assert len(page) < 2_000


# Writing


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "100B", 1])
def test_what_is_written_is_read_back(tmp_path, state, safe, limit):
    folder = tmp_path / "new" / "model"
    written = write_state_dict(state, folder, safe_serialization=safe, max_shard_size=limit)
    assert_same(read_state_dict(folder), state)
    assert sorted(folder.iterdir()) == sorted(written)


def test_shards_have_the_usual_names_and_index(tmp_path):
    state = tensors(a=(10,), b=(10,), c=(10,))
    write_state_dict(state, tmp_path, max_shard_size=80)
    assert json.loads((tmp_path / "model.safetensors.index.json").read_text()) == {
        "metadata": {"total_size": 120},
        "weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00001-of-00002.safetensors",
            "c": "model-00002-of-00002.safetensors",
        },
    }


def test_safetensors_carry_the_format_that_transformers_wants(tmp_path, state):
    (path,) = write_state_dict(state, tmp_path)
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("limit", ["5GB", 60])
def test_tied_copies_are_left_out_of_safetensors_and_kept_in_bin(tmp_path, limit):
    model = WithHead()
    write_state_dict(model.state_dict(), tmp_path / "safe", max_shard_size=limit)
    assert sorted(read_state_dict(tmp_path / "safe")) == sorted(without_copies(model.state_dict()))
    write_state_dict(model.state_dict(), tmp_path / "bin", safe_serialization=False, max_shard_size=limit)
    stored = read_state_dict(tmp_path / "bin")
    assert_same(stored, model.state_dict())
    assert stored[WORDS].data_ptr() == stored[DECODER].data_ptr()


def test_a_decoder_of_its_own_is_kept(tmp_path):
    model = WithHead()
    model.cls.predictions.decoder.weight = nn.Parameter(torch.zeros(11, 3))
    write_state_dict(model.state_dict(), tmp_path)
    assert {DECODER, "cls.predictions.decoder.bias"} < set(read_state_dict(tmp_path))


def test_other_shared_tensors_and_views_are_saved_in_full(tmp_path):
    whole = torch.randn(6, 4)
    state = {"whole": whole, "again": whole, "part": whole[1:3], "turned": whole.t()}
    for safe in (True, False):
        write_state_dict(state, tmp_path, safe_serialization=safe)
        assert_same(read_state_dict(tmp_path), {name: value.contiguous() for name, value in state.items()})


def test_a_circle_of_ties_loses_nothing(tmp_path):
    value = torch.randn(3)
    for safe in (True, False):
        write_state_dict({"a": value, "b": value}, tmp_path, tied={"a": "b", "b": "a"}, safe_serialization=safe)
        assert torch.equal(next(iter(read_state_dict(tmp_path).values())), value)


def test_parameters_are_written_without_their_graph(tmp_path):
    write_state_dict({"a": nn.Parameter(torch.ones(3))}, tmp_path, safe_serialization=False)
    assert not read_state_dict(tmp_path)["a"].requires_grad


@pytest.mark.parametrize("first", [(True, "5GB"), (True, 20), (False, "5GB"), (False, 20), (True, 30)])
@pytest.mark.parametrize("second", [(True, "5GB"), (True, 20), (False, "5GB"), (False, 20)])
def test_a_later_save_is_what_is_read(tmp_path, first, second):
    (tmp_path / "config.json").write_text("{}")
    write_state_dict(tensors(1, a=(5,), b=(5,), c=(5,)), tmp_path, safe_serialization=first[0], max_shard_size=first[1])
    state = tensors(2, a=(5,), b=(5,))
    written = write_state_dict(state, tmp_path, safe_serialization=second[0], max_shard_size=second[1])
    assert_same(read_state_dict(tmp_path), state)
    ending = written[0].suffix
    assert {p.name for p in tmp_path.iterdir() if p.suffix == ending} == {p.name for p in written if p.suffix == ending}
    assert (tmp_path / "config.json").exists()


def test_a_variant_lives_beside_the_plain_checkpoint(tmp_path):
    plain, half = tensors(1, a=(5,)), {"a": torch.zeros(5, dtype=torch.float16)}
    write_state_dict(plain, tmp_path)
    write_state_dict(half, tmp_path, variant="fp16", max_shard_size=1)
    assert_same(read_state_dict(tmp_path), plain)
    assert_same(read_state_dict(tmp_path, variant="fp16"), half)


def test_a_checkpoint_can_be_written_over_the_one_it_was_read_from(tmp_path, state):
    for safe in (True, False):
        write_state_dict(state, tmp_path, safe_serialization=safe)
        write_state_dict(read_state_dict(tmp_path), tmp_path, safe_serialization=safe)
        assert_same(read_state_dict(tmp_path), state)


def test_a_link_to_a_file_elsewhere_is_replaced_not_written_through(tmp_path, state):
    (tmp_path / "precious").write_bytes(b"precious")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(tmp_path / "precious")
    write_state_dict(state, folder)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert_same(read_state_dict(folder), state)


def test_files_get_the_permissions_of_any_new_file(tmp_path, state):
    (tmp_path / "other").touch()
    for safe in (True, False):
        for path in write_state_dict(state, tmp_path / "model", safe_serialization=safe):
            assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


@pytest.fixture
def full_disk():
    """No file may grow beyond 100,000 bytes, as on a disk that is nearly full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "100B"])
def test_a_write_that_fails_leaves_the_earlier_checkpoint(tmp_path, full_disk, safe, limit):
    earlier = tensors(a=(3,), b=(4,))
    write_state_dict(earlier, tmp_path, safe_serialization=safe, max_shard_size=limit)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="Writing the checkpoint failed .File too large") as caught:
        write_state_dict(tensors(a=(20,), b=(100_000,)), tmp_path, safe_serialization=safe, max_shard_size=limit)
    assert caught.value.errno == errno.EFBIG
    assert sorted(tmp_path.iterdir()) == before
    assert_same(read_state_dict(tmp_path), earlier)


def test_an_interruption_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    earlier = tensors(a=(3,), b=(4,))
    write_state_dict(earlier, tmp_path)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_state_dict(tensors(5, a=(3,), b=(4,)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert_same(read_state_dict(tmp_path), earlier)


def test_a_file_in_the_way_of_the_folder_is_explained(tmp_path, state):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(NotADirectoryError, match="choose another name"):
            write_state_dict(state, folder)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ([torch.zeros(2)], TypeError, "not a list"),
        ({"a": 3}, TypeError, "'a' is mapped to a int"),
        ({3: torch.zeros(2)}, TypeError, "3 is mapped to a Tensor"),
        ({}, ValueError, "nothing to save"),
        ({"a": torch.zeros(2, device="meta")}, ValueError, "no plain values"),
        ({"a": torch.zeros(2).to_sparse()}, ValueError, "no plain values"),
    ],
)
def test_what_is_no_dict_of_tensors_is_not_written(tmp_path, value, kind, message):
    with pytest.raises(kind, match=message):
        write_state_dict(value, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("size", "expected"), [(7, 7), ("7", 7), ("7B", 7), ("5GB", 5 * 10**9), ("5GiB", 5 * 2**30), ("1.5 MB", 1_500_000)]
)
def test_sizes_are_understood(size, expected):
    assert checkpoint._bytes(size) == expected


@pytest.mark.parametrize("size", [0, -1, "", "GB", "5XB", "-5GB", "5IB", "0MB"])
def test_sizes_that_are_none_are_refused(tmp_path, state, size):
    with pytest.raises(ValueError, match="is no size"):
        write_state_dict(state, tmp_path, max_shard_size=size)


@pytest.mark.parametrize("size", [None, True, 1.5])
def test_sizes_of_the_wrong_kind_are_refused(tmp_path, state, size):
    with pytest.raises(TypeError, match="max_shard_size"):
        write_state_dict(state, tmp_path, max_shard_size=size)


# Both ways with transformers

CLASSES = ["BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForSequenceClassification"]


@pytest.fixture
def theirs(request):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=16,
    )  # fmt: skip
    return getattr(transformers, request.param)(config).eval()


def their_weights(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
@pytest.mark.parametrize("limit", ["5GB", "2KB"])
def test_what_transformers_saves_is_read(tmp_path, theirs, limit):
    theirs.save_pretrained(tmp_path, max_shard_size=limit)
    stored = read_state_dict(tmp_path)
    expected = their_weights(theirs)
    assert set(expected) - set(stored) <= set(checkpoint.TIED_NAMES)
    assert_same(stored, {name: expected[name] for name in stored})


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
def test_pickles_that_transformers_saves_are_read(tmp_path, theirs):
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    assert_same(read_state_dict(tmp_path), their_weights(theirs))


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "2KB"])
def test_what_is_written_is_loaded_by_transformers(tmp_path, theirs, safe, limit):
    theirs.config.save_pretrained(tmp_path)
    write_state_dict(theirs.state_dict(), tmp_path, safe_serialization=safe, max_shard_size=limit)
    again, info = type(theirs).from_pretrained(tmp_path, output_loading_info=True)
    assert_same(again.state_dict(), their_weights(theirs))
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]


@pytest.mark.parametrize("theirs", ["BertForMaskedLM"], indirect=True)
@pytest.mark.parametrize("safe", [True, False])
def test_an_untied_model_is_loaded_by_transformers(tmp_path, theirs, safe):
    theirs.config.tie_word_embeddings = False
    untied = type(theirs)(theirs.config)
    write_state_dict(untied.state_dict(), tmp_path, safe_serialization=safe)
    theirs.config.save_pretrained(tmp_path)
    again, info = type(theirs).from_pretrained(tmp_path, output_loading_info=True)
    assert_same(again.state_dict(), their_weights(untied))
    assert not info["missing_keys"] and not info["unexpected_keys"]


@pytest.mark.parametrize("theirs", ["BertForPreTraining"], indirect=True)
def test_the_same_tensors_are_kept_as_transformers_keeps(tmp_path, theirs):
    theirs.save_pretrained(tmp_path / "theirs")
    write_state_dict(theirs.state_dict(), tmp_path / "ours")
    assert_same(read_state_dict(tmp_path / "ours"), read_state_dict(tmp_path / "theirs"))


@pytest.mark.parametrize("theirs", ["BertForMaskedLM"], indirect=True)
def test_a_module_of_transformers_is_loaded_into(theirs):
    values = {name: torch.randn_like(value) for name, value in without_copies(their_weights(theirs)).items()}
    report = load_into(theirs, values)
    assert report.fresh == report.unused == []
    assert_same(without_copies(theirs.state_dict()), values)
    assert torch.equal(theirs.state_dict()[DECODER], values[WORDS])
