"""config.json as others leave it: contradictions are warned of, impossible values refused by their name."""

import json
import warnings

import numpy as np
import pytest

from bertlab import BertConfig, BertForSequenceClassification, BertModel

SMALL = {"vocab_size": 31, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 3}
SMALL |= {"intermediate_size": 20, "max_position_embeddings": 16}


@pytest.fixture
def folder(tmp_path):
    """A classifier of three labels; `folder(...)` changes its config.json."""

    def changed(**values):
        BertForSequenceClassification(BertConfig(**SMALL, num_labels=3)).save_pretrained(tmp_path)
        content = json.loads((tmp_path / "config.json").read_text())
        content = {name: value for name, value in {**content, **values}.items() if value != "left out"}
        (tmp_path / "config.json").write_text(json.dumps(content))
        return tmp_path

    return changed


@pytest.mark.parametrize("number", [1, 2, 5])
def test_num_labels_beside_an_id2label_of_another_length_is_warned_of(folder, number):
    place = folder(num_labels=number)
    with pytest.warns(UserWarning, match=f"num_labels is {number} but id2label names 3 labels; id2label counts"):
        model = BertForSequenceClassification.from_pretrained(place)
    assert model.config.num_labels == 3 and model.classifier.weight.shape == (3, 12)
    model.save_pretrained(place)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BertForSequenceClassification.from_pretrained(place)


def test_labels_that_are_no_texts_become_texts(folder):
    config = BertConfig.from_pretrained(
        folder(id2label={"0": 0, "1": True, "2": None}, label2id={"0": 0, "True": 1, "LABEL_2": 2})
    )
    assert config.id2label == {0: "0", 1: "True", 2: "LABEL_2"}
    assert config.label2id == {"0": 0, "True": 1, "LABEL_2": 2}


def test_numbers_of_numpy_in_labels_can_be_saved(tmp_path):
    labels = dict(zip(np.arange(3), ["a", "b", "c"]))
    config = BertConfig(**SMALL, id2label=labels, label2id={label: number for number, label in labels.items()})
    config.save_pretrained(tmp_path)
    assert BertConfig.from_pretrained(tmp_path).id2label == {0: "a", 1: "b", 2: "c"}
    assert BertConfig.from_pretrained(tmp_path).label2id == {"a": 0, "b": 1, "c": 2}


def test_labels_that_contradict_each_other_are_warned_of(folder):
    place = folder(id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 2, "b": 1, "c": 0})
    with pytest.warns(UserWarning, match="contradicts id2label.*id2label counts"):
        config = BertConfig.from_pretrained(place)
    assert config.label2id == {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize(
    "label2id", ["left out", None, {}, {"LABEL_0": 0, "LABEL_1": 1}, {"a": 0, "b": 1, "c": 2, "x": 2}]
)
def test_labels_that_are_left_out_or_usual_are_nothing_to_speak_of(folder, label2id):
    place = folder(id2label={"0": "a", "1": "b", "2": "c"}, label2id=label2id)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = BertConfig.from_pretrained(place)
    assert config.label2id["a"] == 0 and config.label2id["c"] == 2


def test_a_name_of_several_labels_is_warned_of(folder):
    with pytest.warns(UserWarning, match="the name 'b' to several labels"):
        BertConfig.from_pretrained(folder(id2label={"0": "a", "1": "b", "2": "b"}, label2id=None))


@pytest.mark.parametrize("name", ["check", "to_dict", "from_pretrained", "update", "use_return_dict", "__init__"])
def test_a_field_never_replaces_a_method(folder, name):
    with pytest.raises(ValueError, match=f"{name!r} is a method of BertConfig"):
        BertConfig.from_pretrained(folder(**{name: 3}))
    with pytest.raises(ValueError, match=f"{name!r} is a method of BertConfig"):
        BertConfig.from_pretrained(folder(), **{name: 3})


@pytest.mark.parametrize("name", ["vocab_size", "hidden_size", "intermediate_size", "max_position_embeddings"])
@pytest.mark.parametrize("size", [3 * 10**12, 3 * 10**400], ids=["terabytes", "beyond"])
def test_sizes_that_no_machine_has_room_for_are_refused(folder, name, size):
    with pytest.raises(ValueError, match=f"{name} is .*more than 1e.11 parameters"):
        BertModel.from_pretrained(folder(**{name: size}))


@pytest.mark.parametrize("name", ["layer_norm_eps", "initializer_range"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1])
def test_values_that_are_no_numbers_are_refused(folder, name, value):
    with pytest.raises(ValueError, match=name):
        BertModel.from_pretrained(folder(**{name: value}))


def test_a_config_file_is_written_whole(tmp_path):
    BertConfig(**SMALL).to_json_file(tmp_path / "config.json")
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    assert BertConfig.from_json_file(tmp_path / "config.json").hidden_size == 12
