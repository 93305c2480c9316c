"""Files that are something else than their name says are called what they are."""

import gzip

import pytest

import bertlab
from bertlab.files import mistaken, read_json, read_state_dict, read_weights

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * b"a" + b"\nsize 438007537\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>pytorch_model.bin</title></head></html>\n"
CASES = {
    "a pointer": (POINTER, "Git LFS.*git lfs pull"),
    "a web page": (PAGE, "web page .HTML."),
    "an answer": (b"Entry not found", "answer of a server, 'Entry not found'"),
    "gzip": (gzip.compress(b"weights"), "compressed with gzip; unpack it first"),
    "nothing": (b"", "is empty"),
}


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"])
@pytest.mark.parametrize(("content", "message"), CASES.values(), ids=CASES)
def test_weights_are_called_what_they_are(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    if not content and name.startswith(("tf", "flax")):
        with pytest.raises(FileNotFoundError, match="holds none of model.safetensors"):
            read_state_dict(tmp_path)
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(("content", "message"), CASES.values(), ids=CASES)
def test_json_is_called_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not valid JSON: it .*{message}"):
        read_json(tmp_path / name)


@pytest.mark.parametrize("kind", [bertlab.BertTokenizer, bertlab.BertTokenizerFast])
@pytest.mark.parametrize(("content", "message"), CASES.values(), ids=CASES)
def test_a_vocabulary_is_called_what_it_is(tmp_path, kind, content, message):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        kind.from_pretrained(tmp_path)


def test_an_archive_in_place_of_a_folder_is_to_be_unpacked(tmp_path):
    (tmp_path / "bert-base-uncased.tar.gz").write_bytes(gzip.compress(b"everything"))
    with pytest.raises(NotADirectoryError, match="unpack it first"):
        bertlab.BertModel.from_pretrained(tmp_path / "bert-base-uncased.tar.gz")


def test_what_is_right_is_nothing_to_speak_of(tmp_path):
    (tmp_path / "words").write_text("[PAD]\n[UNK]\nhtml\n", encoding="utf-8")
    assert mistaken(tmp_path / "words") is None
