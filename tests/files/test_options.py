"""The documented options of loading: taken where they change nothing, refused by name where they cannot be met."""

import pytest
import torch

import bertlab
from bertlab.files import take_loading_options

SHAPE = {"vocab_size": 31, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(7)
    config = bertlab.BertConfig(**SHAPE, intermediate_size=20, max_position_embeddings=16)
    path = tmp_path_factory.mktemp("model")
    bertlab.BertForPreTraining(config).save_pretrained(path)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"attn_implementation": "eager"}, {"attn_implementation": "sdpa"}, {"attn_implementation": None},
        {"trust_remote_code": True}, {"low_cpu_mem_usage": True}, {"_fast_init": False}, {"device_map": None},
        {"device_map": "cpu"}, {"device_map": {"": "cpu"}}, {"device_map": torch.device("cpu")}, {"from_tf": False},
        {"from_flax": False}, {"load_in_8bit": False}, {"load_in_4bit": None}, {"quantization_config": None},
        {"use_flash_attention_2": False}, {"max_memory": None}, {"mirror": "x"}, {"resume_download": True},
    ],
    ids=str,
)  # fmt: skip
def test_what_changes_nothing_is_taken(folder, options):
    model = bertlab.BertModel.from_pretrained(folder, **options)
    assert not set(options) & set(vars(model.config))
    assert model.device.type == "cpu"


@pytest.mark.parametrize(
    "options",
    [
        {"attn_implementation": "flash_attention_2"}, {"device_map": "auto"}, {"device_map": {"bert": 0, "cls": 1}},
        {"device_map": "balanced"}, {"load_in_8bit": True}, {"load_in_4bit": True}, {"use_flash_attention_2": True},
        {"quantization_config": {"load_in_8bit": True}}, {"max_memory": {0: "1GB"}}, {"from_tf": True},
        {"from_flax": True},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_its_name(folder, options):
    with pytest.raises((ValueError, OSError), match=next(iter(options))):
        bertlab.BertModel.from_pretrained(folder, **options)


def test_one_device_is_named_in_several_ways():
    for given, device in (("cuda", "cuda"), (1, "cuda:1"), ({"": 0}, "cuda:0"), ({"": "mps"}, "mps")):
        assert take_loading_options({"device_map": given}) == device
    assert take_loading_options({}) is None


def test_a_state_dict_takes_the_place_of_the_files(folder):
    torch.manual_seed(8)
    other = bertlab.BertForPreTraining(bertlab.BertConfig.from_pretrained(folder))
    for place, options in ((folder, {}), (None, {"config": other.config})):
        loaded = bertlab.BertForPreTraining.from_pretrained(place, state_dict=other.state_dict(), **options)
        assert torch.equal(loaded.bert.pooler.dense.weight, other.bert.pooler.dense.weight)
    with pytest.raises(ValueError, match="no name or path"):
        bertlab.BertModel.from_pretrained(None)


def test_the_path_of_a_weight_file_will_do(folder):
    for path in (folder / "model.safetensors", str(folder / "model.safetensors")):
        model = bertlab.BertModel.from_pretrained(path)
        assert model.config.vocab_size == 31 and not model.loading_report.fresh
        given = bertlab.BertModel.from_pretrained(path, config=model.config)
        assert torch.equal(given.pooler.dense.weight, model.pooler.dense.weight)
