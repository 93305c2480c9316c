"""Checkpoint files to tensors; damaged and hostile files included."""

import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from checkpoint_cases import assert_same, small_state, tensors

from bertlab.files import ModelNotFoundError, read_state_dict


@pytest.fixture
def state():
    return small_state()


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
        read_state_dict(tmp_path, use_safetensors=True)


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


def test_safetensors_that_claim_another_framework_are_refused(tmp_path, state):
    safetensors.torch.save_file(state, tmp_path / "model.safetensors", metadata={"format": "tf"})
    with pytest.raises(ValueError, match="written by 'tf', but its names are not of that kind"):
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


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("archive/data/0", "w", force_zip64=True) as entry:
            for _ in range(300):
                entry.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="would unpack to 314572800, which no weights do"):
        read_state_dict(tmp_path)
