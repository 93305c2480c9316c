"""Vocabularies as they are found: repeated and empty lines, other line ends, and ids without a token."""

import json
import warnings

import pytest

from bertlab import BertTokenizer, BertTokenizerFast
from bertlab.tokenizer.vocabulary import read_vocabulary

BASE = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat".split()
KINDS = [BertTokenizer, BertTokenizerFast]


def written(path, words, end="\n"):
    (path / "vocab.txt").write_text("".join(word + end for word in words), encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("words", "text", "ids", "warned"),
    [
        ([*BASE, "cat", "zz"], "the cat zz", [5, 8, 9], "'cat' in lines 7 and 9"),
        ([*BASE, "cat", "zz", "cat"], "the cat zz", [5, 10, 9], "'cat' in lines 7, 9 and 11"),
        ([*BASE, "", ""], "the cat sat", [5, 6, 7], "'' in lines 9 and 10"),
        ([*BASE, "", "", "zz"], "the cat zz", [5, 6, 10], "'' in lines 9 and 10"),
    ],
)
def test_the_last_line_of_a_token_counts_with_a_warning(tmp_path, kind, words, text, ids, warned):
    with pytest.warns(UserWarning, match=warned):
        tokenizer = kind.from_pretrained(written(tmp_path, words))
    assert tokenizer(text)["input_ids"][1:-1] == ids


@pytest.mark.parametrize("kind", KINDS)
def test_one_empty_line_at_the_end_is_nothing_to_speak_of(tmp_path, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer = kind.from_pretrained(written(tmp_path, [*BASE, ""]))
    assert tokenizer("the cat sat")["input_ids"] == [2, 5, 6, 7, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_token_never_gets_the_id_of_another(tmp_path, kind):
    with pytest.warns(UserWarning, match="repeated|in lines"):
        tokenizer = kind.from_pretrained(written(tmp_path, [*BASE, "cat", "zz"]))
    assert tokenizer.add_tokens(["blorp"]) == 1
    assert tokenizer.convert_tokens_to_ids(["the", "cat", "zz", "blorp"]) == [5, 8, 9, 10]
    assert tokenizer("a blorp zz")["input_ids"][1:-1] == [1, 10, 9]


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_missing_never_gets_the_id_of_another(tmp_path, kind):
    words = [word for word in BASE if word != "[MASK]"]
    with pytest.warns(UserWarning, match="in lines"):
        tokenizer = kind.from_pretrained(written(tmp_path, [*words, "cat", "zz"]))
    assert tokenizer.mask_token_id == 9 and tokenizer.convert_tokens_to_ids("zz") == 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_of_any_system_will_do(tmp_path, kind, end):
    assert kind.from_pretrained(written(tmp_path, BASE, end))("the cat")["input_ids"] == [2, 5, 6, 3]


def test_a_file_of_another_kind_is_not_read_whole(tmp_path):
    path = tmp_path / "vocab.txt"
    with open(path, "wb") as stream:
        stream.write(b"words")
        stream.truncate(1 << 30)
    with pytest.raises(ValueError, match="1073741824 bytes, more than any vocabulary"):
        read_vocabulary(path)


@pytest.mark.parametrize("token_id", [-1, 2**40, 1.0, True, "1", None])
def test_ids_of_a_json_vocabulary_are_whole_numbers(tmp_path, token_id):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": token_id}}}))
    with pytest.raises(ValueError, match="must map strings to ids"):
        read_vocabulary(path)


def test_old_names_of_a_vocabulary_are_pointed_at(tmp_path):
    (tmp_path / "bert-base-uncased-vocab.txt").write_text("[UNK]\n")
    with pytest.raises(FileNotFoundError, match="Its bert-base-uncased-vocab.txt may be one: rename it"):
        BertTokenizer.from_pretrained(tmp_path)
