"""TFBertTokenizer cuts, frames and pads as TensorFlow's did; what that said is kept by make_tf_tokens.py."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

if importlib.util.find_spec("keras") is None:
    pytest.skip("the TensorFlow family needs Keras", allow_module_level=True)

import tf_strings
from tf_strings import CALLS, CONSTRUCTORS, OPTIONS, PIECES

import bertlab
from bertlab.keras import TFBertTokenizer
from bertlab.keras.backend import keras

KEPT = json.loads((Path(__file__).parent / "tf_tokens.json").read_text(encoding="utf-8"))
REFUSED = (ValueError, TypeError)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor).tolist()


@pytest.mark.parametrize("name", OPTIONS)
def test_texts_are_cut_as_by_tensorflow(name):
    lower, built, called, _ = OPTIONS[name]
    found = TFBertTokenizer(PIECES, lower, **built)(*tf_strings.arguments(OPTIONS[name]), **called)
    kept = KEPT[name]
    assert list(found) == kept["keys"]
    for text, row, wanted in zip(tf_strings.TEXTS, numbers(found["input_ids"]), kept["rows"], strict=True):
        assert row[: len(wanted)] == wanted, ascii(text)
        assert row[len(wanted) :] == [kept["pad"]] * (kept["width"] - len(wanted))
    if "attention_mask" in found:
        assert [sum(row) for row in numbers(found["attention_mask"])] == [len(row) for row in kept["rows"]]
    if "token_type_ids" in found:
        types = numbers(found["token_type_ids"])
        assert [row[: len(wanted)].count(1) for row, wanted in zip(types, kept["rows"])] == kept["types"]
        assert types[0][-1] == kept["type_padding"]


def check(said, ask):
    if isinstance(said, dict):
        with pytest.raises(REFUSED) as raised:
            ask()
        assert len(str(raised.value)) > 20
        return
    found = ask()
    assert [[name, numbers(value)] for name, value in found.items()] == [[name, value] for name, _, value in said]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_taken_as_by_tensorflow(name):
    args, kwargs = CALLS[name]
    check(KEPT[f"call/{name}"], lambda: TFBertTokenizer(PIECES, True)(*args, **kwargs))


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_layer_is_made_as_by_tensorflow(name):
    args, kwargs = CONSTRUCTORS[name]
    check(KEPT[f"new/{name}"], lambda: TFBertTokenizer(*args, **kwargs)(["hello a"]))


def test_the_configuration_is_what_tensorflows_remembered():
    config = TFBertTokenizer(PIECES, True, max_length=7).get_config()
    assert config.pop("vocab_list") == PIECES and config == KEPT["config"]
    twin = TFBertTokenizer.from_config({**config, "vocab_list": PIECES})
    assert twin.max_length == 512 and numbers(twin(["hello"])["input_ids"]) == [[3, PIECES.index("hello"), 4]]


def test_it_comes_from_a_folder_and_from_a_tokenizer():
    reference = bertlab.BertTokenizer.from_pretrained("bertlab-mini", model_max_length=9)
    texts = ["The quick brown fox jumps over the lazy dog and runs.", "Hello!"]
    wanted = reference(texts, padding=True, return_tensors="np")
    for layer in (TFBertTokenizer.from_pretrained("bertlab-mini"), TFBertTokenizer.from_tokenizer(reference)):
        found = layer(texts, return_tensors="np")
        assert {name: value.tolist() for name, value in found.items()} == {k: v.tolist() for k, v in wanted.items()}
        assert found["input_ids"].dtype == np.int64
    layer = TFBertTokenizer.from_pretrained("bertlab-mini", max_length=4, padding="max_length", do_lower_case=False)
    assert layer(texts)["input_ids"].shape == (2, 4) and layer.do_lower_case is False
    reference.add_tokens(["zzyzx"])
    assert TFBertTokenizer.from_tokenizer(reference).vocab_list[-1] == "zzyzx"


def test_arrays_and_bytes_are_texts_too():
    layer = TFBertTokenizer(PIECES, True)
    wanted = numbers(layer(["hello", "a b"])["input_ids"])
    for texts in (("hello", "a b"), np.array(["hello", "a b"]), np.array([b"hello", b"a b"]), [b"hello", b"a b"]):
        assert numbers(layer(texts)["input_ids"]) == wanted
    with pytest.raises(ValueError, match="half of a character"):
        layer(["a\ud800b"])


def test_it_says_that_it_is_not_traced():
    with pytest.raises(TypeError, match="not traced into a graph"):
        TFBertTokenizer(PIECES, True)(keras.Input(shape=(), dtype="string"))
