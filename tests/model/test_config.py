"""BertConfig: defaults, derived fields, the JSON round trip, and what it refuses."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch

from bertlab import BertConfig, BertModel


def test_the_defaults_describe_bert_base():
    config = BertConfig()
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (30522, 768, 12)
    assert (config.num_attention_heads, config.intermediate_size, config.hidden_act) == (12, 3072, "gelu")
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.1, 0.1)
    assert (config.max_position_embeddings, config.type_vocab_size, config.pad_token_id) == (512, 2, 0)
    assert (config.initializer_range, config.layer_norm_eps) == (0.02, 1e-12)
    assert (config.position_embedding_type, config.use_cache, config.classifier_dropout) == ("absolute", True, None)
    assert config.model_type == "bert" and config.num_labels == 2 and config.use_return_dict


def test_the_documented_fields_can_be_given_by_place():
    config = BertConfig(100, 32, 2, 4, 64, "relu")
    assert (config.vocab_size, config.hidden_act) == (100, "relu")


def test_the_number_of_labels_is_a_view_of_their_names():
    config = BertConfig(num_labels=3)
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    named = BertConfig(id2label={"0": "no", "1": "yes"})
    assert named.id2label == {0: "no", 1: "yes"} and named.label2id == {"no": 0, "yes": 1} and named.num_labels == 2
    named.num_labels = 2
    assert named.id2label[1] == "yes", "the same number keeps the names"
    named.num_labels = 4
    assert named.id2label[3] == "LABEL_3"


def test_unknown_fields_survive_a_round_trip(tmp_path):
    config = BertConfig(hidden_size=24, my_field={"deep": [1, 2, None]}, another="ä")
    config.save_pretrained(tmp_path)
    loaded = BertConfig.from_pretrained(tmp_path)
    assert loaded.my_field == {"deep": [1, 2, None]} and loaded.another == "ä"
    assert BertConfig.from_dict(config.to_dict()) == config


def test_json_says_everything_that_is_not_a_default(tmp_path):
    config = BertConfig(num_labels=3, torch_dtype=torch.bfloat16, pruned_heads={2: [1]}, is_decoder=True)
    values = json.loads(config.to_json_string())
    assert values["model_type"] == "bert" and values["is_decoder"] is True
    assert values["torch_dtype"] == "bfloat16" and values["pruned_heads"] == {"2": [1]}
    assert values["id2label"]["2"] == "LABEL_2" and "return_dict" not in values
    assert "return_dict" in json.loads(config.to_json_string(use_diff=False))
    config.to_json_file(tmp_path / "config.json")
    loaded = BertConfig.from_json_file(tmp_path / "config.json")
    assert loaded == config
    assert loaded.pruned_heads == {2: [1]} and loaded.torch_dtype == torch.bfloat16


def test_keywords_override_what_a_file_says(tmp_path):
    BertConfig(num_labels=5, hidden_act="relu").save_pretrained(tmp_path)
    config, unused = BertConfig.from_pretrained(
        tmp_path, num_labels=3, hidden_act="gelu", nobody=1, return_unused_kwargs=True
    )
    assert (config.num_labels, config.hidden_act, unused) == (3, "gelu", {"nobody": 1})
    named = BertConfig.from_pretrained(tmp_path, id2label={0: "a", 1: "b", 2: "c"}, num_labels=3)
    assert named.id2label[2] == "c" and named.label2id == {"a": 0, "b": 1, "c": 2}
    assert BertConfig.from_pretrained(tmp_path / "config.json").num_labels == 5
    pruned = BertConfig.from_pretrained(tmp_path, pruned_heads={"1": [0]}, torch_dtype="float16")
    assert pruned.pruned_heads == {1: [0]} and pruned.torch_dtype == torch.float16


def test_a_configuration_can_be_copied_compared_and_pickled():
    config = BertConfig(num_labels=3, torch_dtype="float16", extra=[1])
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin == config and twin is not config
        twin.extra.append(2)
        assert twin != config
    assert config != config.to_dict()


def test_a_configuration_reads_well_when_printed():
    assert '"hidden_size": 24' in repr(BertConfig(hidden_size=24))
    assert "function" in repr(BertConfig(hidden_act=torch.sin)) or "built-in" in repr(BertConfig(hidden_act=torch.sin))


def test_defaults_are_not_shared_between_configurations():
    first, second = BertConfig(), BertConfig()
    first.pruned_heads[0] = [1]
    first.id2label[0] = "changed"
    assert second.pruned_heads == {} and second.id2label[0] == "LABEL_0"


def test_several_fields_can_be_set_at_once():
    config = BertConfig()
    config.update({"hidden_size": 24, "num_labels": 7})
    assert (config.hidden_size, config.num_labels) == (24, 7)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"problem_type": "guessing"}, "problem_type is 'guessing'; allowed are regression"),
        ({"id2label": {"zero": "no"}}, "id2label maps numbers to names"),
        ({"id2label": ["no", "yes"]}, "id2label maps numbers to names"),
        ({"id2label": {0: "no"}, "num_labels": 3}, "num_labels is 3 but id2label names 1"),
        ({"torch_dtype": "float99"}, "torch_dtype is 'float99'"),
        ({"pruned_heads": {"first": [0]}}, "pruned_heads"),
        ({"num_labels": -1}, "num_labels"),
        ({"num_labels": "three"}, "num_labels"),
    ],
)
def test_fields_that_mean_nothing_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        BertConfig(**fields)


def test_a_function_as_activation_cannot_be_saved_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="hidden_act is a function"):
        BertConfig(hidden_act=torch.sin).save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_numbers_of_numpy_are_kept_and_saved_as_pythons(tmp_path):
    three = np.int64(3)
    config = BertConfig(
        vocab_size=np.int32(31), num_labels=three, layer_norm_eps=np.float32(0.5), pruned_heads={three: [np.int64(1)]},
        label2id={"a": np.int64(0), "b": np.int64(1), "c": np.int64(2)}, id2label={0: "a", 1: "b", 2: "c"},
        own=[np.int64(7)],
    )  # fmt: skip
    config.check()
    config.save_pretrained(tmp_path)
    again = BertConfig.from_pretrained(tmp_path)
    assert (again.vocab_size, again.num_labels, again.label2id["c"], again.own) == (31, 3, 2, [7])
    assert type(config.vocab_size) is int and type(config.num_labels) is int and type(config.layer_norm_eps) is float
    for wrong in (True, np.bool_(True), 2.0, np.float64(2)):
        with pytest.raises(ValueError, match="num_labels is"):
            BertConfig(num_labels=wrong)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vocab_size": 10**15}, "vocab_size is 1000000000000000, and the model would have more"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan"),
        ({"hidden_dropout_prob": float("nan")}, "hidden_dropout_prob is nan"),
        ({"initializer_range": float("inf")}, "initializer_range is inf"),
    ],
)
def test_sizes_and_numbers_that_cannot_be_are_refused_before_anything_is_built(fields, message):
    with pytest.raises(ValueError, match=message):
        BertModel(BertConfig(**fields))
