"""The names of files and of tensors."""

import json

import pytest
import torch

from bertlab.files.names import match, read_shard_index, rename_legacy, weight_file_names

# Tensors


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


def test_weight_files_are_looked_for_in_a_fixed_order():
    safetensors = ["model.safetensors", "model.safetensors.index.json"]
    pickled = ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    assert weight_file_names() == safetensors + pickled
    assert weight_file_names(use_safetensors=True) == safetensors
    assert weight_file_names(use_safetensors=False) == pickled
    assert weight_file_names("fp16", True) == [
        "model.fp16.safetensors",
        "model.safetensors.index.fp16.json",
    ]


# Shard indices


def test_a_shard_index_is_read(tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text('{"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "sub/two.safetensors"}}')
    assert read_shard_index(path) == {"a": "one.safetensors", "b": "sub/two.safetensors"}


@pytest.mark.parametrize("text", ["{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": "x"}'])
def test_an_index_without_a_map_of_weights_is_refused(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match="is no shard index"):
        read_shard_index(tmp_path / "index.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"[]", b"3", b"null"])
def test_an_index_that_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "index.json").write_bytes(content)
    with pytest.raises(ValueError, match="is not valid JSON|holds a JSON"):
        read_shard_index(tmp_path / "index.json")


@pytest.mark.parametrize(
    "shard",
    [
        "../evil.safetensors",
        "a/../../evil.safetensors",
        "/etc/evil.safetensors",
        "C:\\evil.safetensors",
        "..\\evil.safetensors",
        "\\\\host\\evil.safetensors",
        "~/../evil.bin/..",
        "evil\0.bin",
        "passwd",
        "",
        ".",
        None,
        7,
        ["a.bin"],
    ],
)
def test_an_index_that_leaves_its_folder_is_refused(tmp_path, shard):
    (tmp_path / "index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(ValueError, match="inside the folder of its index"):
        read_shard_index(tmp_path / "index.json")
