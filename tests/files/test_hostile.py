"""Folders made to hurt: everything ends in one sentence that names the file, and none fills the memory."""

import json
import os
import pickle
import struct

import pytest
import torch

import bertlab

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat".split()


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(5)
    config = bertlab.BertConfig(vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                intermediate_size=8, max_position_embeddings=16)  # fmt: skip
    bertlab.BertForPreTraining(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("".join(word + "\n" for word in WORDS))
    return tmp_path


JSON = {
    "a deep list": "[" * 100_000,
    "a deep object": '{"a":' * 90_000 + "1" + "}" * 90_000,
    "5000 digits": '{"vocab_size": ' + "9" * 5000 + "}",
    "no object": "null",
    "an end too early": '{"a": ',
}
FILES = ["config.json", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json", "added_tokens.json"]


@pytest.mark.parametrize("name", [*FILES, "model.safetensors.index.json"])
@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
def test_json_that_is_none_is_named(folder, name, content):
    if name.endswith(".index.json"):
        (folder / "model.safetensors").unlink()
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=name) as caught:
        bertlab.load(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize(
    "content",
    [
        {"cls_token": 5}, {"cls_token": "\ud800"}, {"mask_token": {"content": "\udfff"}}, {"mask_token": {}},
        {"additional_special_tokens": {"a": 1}}, {"additional_special_tokens": "ab"},
    ],
    ids=str,
)  # fmt: skip
def test_tokens_that_are_none_are_named(folder, name, content):
    (folder / name).write_text(json.dumps(content))
    with pytest.raises((ValueError, TypeError), match=f"{name}|additional_special_tokens"):
        bertlab.load(folder)


def header(content, length=None, body=bytes(8)):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + body


@pytest.mark.parametrize(
    "content",
    [
        header({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 8]}}),
        header(b"{}", length=2**62),
        header({name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "ab"}),
        header(b'{"a":' * 50_000),
        header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}),
    ],
    ids=["a huge shape", "a long header", "tensors in one place", "a deep header", "backwards"],
)
def test_safetensors_that_lie_are_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="model.safetensors' is no intact safetensors file"):
        bertlab.load(folder)


def test_a_pickle_that_would_run_code_is_refused_without_careless_advice(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": os.getcwd}, protocol=2))
    with pytest.raises(ValueError, match="more than tensors") as caught:
        bertlab.load(folder)
    assert "weights_only" not in str(caught.value) and "PyTorch 2.6" not in str(caught.value)


def test_a_tensor_that_repeats_one_value_endlessly_is_refused(folder):
    (folder / "model.safetensors").unlink()
    name = "bert.embeddings.word_embeddings.weight"
    torch.save({name: torch.zeros(1, 1).expand(10**6, 10**6)}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="other shapes"):
        bertlab.load(folder)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs an endless file")
@pytest.mark.parametrize("name", ["vocab.txt", "config.json", "model.safetensors"])
@pytest.mark.parametrize("target", ["/dev/zero", "itself", "nowhere"])
def test_links_to_what_is_no_file_count_as_nothing(folder, name, target):
    (folder / name).unlink()
    (folder / name).symlink_to(folder / name if target == "itself" else target)
    with pytest.raises(OSError):
        bertlab.load(folder)


def test_links_to_files_are_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("vocab.txt", "config.json", "model.safetensors"):
        (folder / name).rename(elsewhere / name)
        (folder / name).symlink_to(elsewhere / name)
    assert bertlab.load(folder).fill_mask("the [MASK]")


def test_a_folder_that_may_only_be_read_will_do(folder):
    folder.chmod(0o555)
    assert bertlab.load(folder).fill_mask("the [MASK]")
    folder.chmod(0o755)
