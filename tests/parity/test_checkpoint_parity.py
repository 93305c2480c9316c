"""What bertlab saves transformers loads, and the other way round: weights, configuration, ties, prefixes."""

import json

import pytest
import torch
from model_cases import HEADS, LABELS, MODELS, SIZES, VOCABULARY, assert_same, inputs
from oracle import DOCUMENTED, both, only_documented, transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import bertlab

EVALUATION = {"torch_dtype" if DOCUMENTED else "dtype": torch.float64}


def theirs_from(folder, name, **options):
    """A transformers model of that folder, and its account of the loading."""
    if not DOCUMENTED:
        options.setdefault("attn_implementation", "eager")
    model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True, **options)
    return model, info


def same_numbers(ours, theirs, name):
    with torch.no_grad():
        assert_same(ours(**inputs(name))[0], theirs(**inputs(name))[0])


# -- whole models, each class, each format -------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_transformers_loads_what_bertlab_saves(name, tmp_path):
    ours, _ = both(name)
    ours.save_pretrained(tmp_path)
    theirs, info = theirs_from(tmp_path, name, **EVALUATION)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    same_numbers(ours, theirs, name)


@pytest.mark.parametrize("name", MODELS)
def test_bertlab_loads_what_transformers_saves(name, tmp_path):
    _, theirs = both(name)
    theirs.save_pretrained(tmp_path)
    ours = getattr(bertlab, name).from_pretrained(tmp_path, torch_dtype="float64")
    report = ours.loading_report
    assert not report.fresh and not report.unused and not report.mismatched
    assert not ours.training
    same_numbers(ours, theirs, name)


def test_shards_go_both_ways(tmp_path):
    ours, theirs = both("BertForPreTraining")
    ours.save_pretrained(tmp_path / "ours", max_shard_size="60KB")
    assert len(list((tmp_path / "ours").glob("model-*.safetensors"))) > 2
    same_numbers(ours, theirs_from(tmp_path / "ours", "BertForPreTraining", **EVALUATION)[0], "BertForPreTraining")
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="60KB")
    loaded = bertlab.BertForPreTraining.from_pretrained(tmp_path / "theirs", torch_dtype=torch.float64)
    same_numbers(loaded, theirs, "BertForPreTraining")


@only_documented
def test_pickled_files_go_both_ways(tmp_path):
    ours, theirs = both("BertForMaskedLM")
    for size in ("5GB", "60KB"):
        ours.save_pretrained(tmp_path / f"ours{size}", safe_serialization=False, max_shard_size=size)
        same_numbers(ours, theirs_from(tmp_path / f"ours{size}", "BertForMaskedLM", **EVALUATION)[0], "BertForMaskedLM")
        theirs.save_pretrained(tmp_path / f"theirs{size}", safe_serialization=False, max_shard_size=size)
        loaded = bertlab.BertForMaskedLM.from_pretrained(tmp_path / f"theirs{size}", torch_dtype=torch.float64)
        same_numbers(loaded, theirs, "BertForMaskedLM")


@only_documented
def test_the_files_hold_the_same_tensors(tmp_path):
    ours, theirs = both("BertForPreTraining")
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    files = []
    for who in ("ours", "theirs"):
        with safe_open(tmp_path / who / "model.safetensors", framework="pt") as file:
            assert file.metadata() == {"format": "pt"}
        files.append(load_file(tmp_path / who / "model.safetensors"))
    assert set(files[0]) == set(files[1]), "safetensors drops the tied copies"
    assert "cls.predictions.decoder.weight" not in files[0]
    assert all(torch.equal(files[0][key], value) for key, value in files[1].items())

    ours.save_pretrained(tmp_path / "ours", safe_serialization=False)
    theirs.save_pretrained(tmp_path / "theirs", safe_serialization=False)
    pickled = [set(torch.load(tmp_path / who / "pytorch_model.bin", weights_only=True)) for who in ("ours", "theirs")]
    assert pickled[0] == pickled[1], ".bin keeps the tied copies"
    assert "cls.predictions.decoder.weight" in pickled[0]


# -- another class than was saved ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("saved", "loaded"),
    [
        ("BertModel", "BertForSequenceClassification"),
        ("BertModel", "BertForPreTraining"),
        ("BertForPreTraining", "BertModel"),
        ("BertForPreTraining", "BertForMaskedLM"),
        ("BertForPreTraining", "BertForNextSentencePrediction"),
        ("BertForMaskedLM", "BertLMHeadModel"),
        ("BertForMaskedLM", "BertForPreTraining"),
        ("BertForSequenceClassification", "BertForQuestionAnswering"),
        ("BertForTokenClassification", "BertForSequenceClassification"),
    ],
)
def test_a_checkpoint_of_one_class_loads_into_another_alike(saved, loaded, tmp_path):
    _, theirs = both(saved)
    theirs.save_pretrained(tmp_path)
    overrides = {"num_labels": 2 if loaded == "BertForQuestionAnswering" else LABELS}
    theirs, info = theirs_from(tmp_path, loaded, **EVALUATION, **overrides)
    ours = getattr(bertlab, loaded).from_pretrained(tmp_path, torch_dtype=torch.float64, **overrides)
    report = ours.loading_report
    tied = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
    assert set(report.fresh) - tied == set(info["missing_keys"]) - tied
    assert set(report.unused) - tied == set(info["unexpected_keys"]) - tied
    for key, value in theirs.state_dict().items():
        if key in report.loaded:
            assert torch.equal(ours.state_dict()[key], value), key
    assert all(parameter.isfinite().all() for parameter in ours.parameters())


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_old_names_and_leftover_buffers_load_alike(prefix, tmp_path):
    """As in the first published checkpoints: gamma, beta, position_ids, no decoder."""
    _, theirs = both("BertForPreTraining" if prefix else "BertModel", torch.float32)
    theirs.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    old = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for key, value in state.items()
        if "decoder" not in key
    }
    old[f"{prefix}embeddings.position_ids"] = torch.arange(31).unsqueeze(0)
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    ours = bertlab.BertForPreTraining.from_pretrained(tmp_path)
    wanted = theirs.state_dict()
    loaded = {key: value for key, value in ours.state_dict().items() if key.startswith("bert.") or prefix}
    assert len(loaded) >= len(wanted) - 1
    for key, value in loaded.items():
        assert torch.equal(value, wanted[key if prefix else key.removeprefix("bert.")]), key
    assert not ours.loading_report.unused
    if prefix:
        assert not ours.loading_report.fresh


# -- types ---------------------------------------------------------------------------------------------------------


@only_documented
def test_half_precision_files_load_as_float32_unless_a_type_is_given(tmp_path):
    _, theirs = both("BertForMaskedLM", torch.float16)
    theirs.save_pretrained(tmp_path)
    for options in ({}, {"torch_dtype": "auto"}, {"torch_dtype": torch.bfloat16}):
        ours = bertlab.BertForMaskedLM.from_pretrained(tmp_path, **options)
        theirs, _ = theirs_from(tmp_path, "BertForMaskedLM", **options)
        assert ours.dtype == theirs.dtype
        for key, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[key], value), key


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_type_is_written_down(dtype, tmp_path):
    ours, _ = both("BertModel", dtype)
    ours.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == str(dtype).removeprefix("torch.")
    theirs, _ = theirs_from(tmp_path, "BertModel", **{next(iter(EVALUATION)): "auto"})
    assert theirs.dtype == dtype
    assert bertlab.BertModel.from_pretrained(tmp_path, torch_dtype="auto").dtype == dtype


# -- changed architectures -----------------------------------------------------------------------------------------


@only_documented
def test_pruned_heads_survive_saving_both_ways(tmp_path):
    for who, model in zip(("ours", "theirs"), both("BertForMaskedLM", torch.float32), strict=True):
        model.prune_heads({0: [1], 2: [0, 3]})
        model.save_pretrained(tmp_path / who)
        ours = bertlab.BertForMaskedLM.from_pretrained(tmp_path / who)
        theirs, info = theirs_from(tmp_path / who, "BertForMaskedLM")
        assert ours.bert.encoder.layer[2].attention.self.num_attention_heads == HEADS - 2
        assert not ours.loading_report.fresh and not info["missing_keys"]
        same_numbers(ours, theirs, "BertForMaskedLM")
        same_numbers(ours, model, "BertForMaskedLM")
        ours.save_pretrained(tmp_path / f"{who} again")
        same_numbers(bertlab.BertForMaskedLM.from_pretrained(tmp_path / f"{who} again"), model, "BertForMaskedLM")


def test_a_resized_vocabulary_survives_saving_both_ways(tmp_path):
    for who, model in zip(("ours", "theirs"), both("BertForPreTraining"), strict=True):
        model.resize_token_embeddings(VOCABULARY + 6)
        model.save_pretrained(tmp_path / who)
        ours = bertlab.BertForPreTraining.from_pretrained(tmp_path / who, torch_dtype=torch.float64)
        theirs, _ = theirs_from(tmp_path / who, "BertForPreTraining", **EVALUATION)
        assert ours.get_output_embeddings().weight is ours.get_input_embeddings().weight
        assert len(ours.cls.predictions.bias) == VOCABULARY + 6
        same_numbers(ours, theirs, "BertForPreTraining")
        same_numbers(ours, model, "BertForPreTraining")


@pytest.mark.filterwarnings("ignore:cls.predictions.bias and:UserWarning")  # transformers 5 keeps two biases
def test_an_untied_decoder_survives_saving_both_ways(tmp_path):
    for who, model in zip(("ours", "theirs"), both("BertForMaskedLM", tie_word_embeddings=False), strict=True):
        model.save_pretrained(tmp_path / who)
        ours = bertlab.BertForMaskedLM.from_pretrained(tmp_path / who, torch_dtype=torch.float64)
        theirs, _ = theirs_from(tmp_path / who, "BertForMaskedLM", **EVALUATION)
        assert ours.get_output_embeddings().weight is not ours.get_input_embeddings().weight
        same_numbers(ours, model, "BertForMaskedLM")
        same_numbers(theirs, model, "BertForMaskedLM")


@only_documented
def test_a_decoder_with_cross_attention_and_relative_positions_goes_both_ways(tmp_path):
    options = dict(is_decoder=True, add_cross_attention=True, position_embedding_type="relative_key_query")
    ours, theirs = both("BertLMHeadModel", **options)
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    batch = inputs(dtype=torch.float64, cross=True)
    with torch.no_grad():
        wanted = theirs(**batch).logits
        assert_same(theirs_from(tmp_path / "ours", "BertLMHeadModel", **EVALUATION)[0](**batch).logits, wanted)
        loaded = bertlab.BertLMHeadModel.from_pretrained(tmp_path / "theirs", torch_dtype=torch.float64)
        assert_same(loaded(**batch).logits, wanted)


# -- configurations ------------------------------------------------------------------------------------------------

UNUSUAL = dict(
    SIZES,
    num_labels=3,
    hidden_act="gelu_new",
    classifier_dropout=0.0,
    problem_type="regression",
    output_hidden_states=True,
    layer_norm_eps=1e-7,
    use_cache=False,
    chunk_size_feed_forward=0,
    is_decoder=True,
    a_field_of_nobody={"kept": [1, None]},
)


@only_documented
def test_the_defaults_are_the_documented_ones():
    ours, theirs = bertlab.BertConfig().to_dict(), transformers.BertConfig().to_dict()
    for field, value in ours.items():
        if field in theirs and field != "id2label":
            assert theirs[field] == value, field
    documented = (
        "vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act "
        "hidden_dropout_prob attention_probs_dropout_prob max_position_embeddings type_vocab_size "
        "initializer_range layer_norm_eps position_embedding_type is_decoder use_cache classifier_dropout "
        "pad_token_id num_labels id2label label2id problem_type output_attentions output_hidden_states "
        "return_dict add_cross_attention chunk_size_feed_forward pruned_heads tie_word_embeddings torch_dtype"
    )
    for field in documented.split():
        assert getattr(bertlab.BertConfig(), field) == getattr(transformers.BertConfig(), field), field


def test_transformers_reads_our_configuration(tmp_path):
    ours = bertlab.BertConfig(**UNUSUAL)
    ours.save_pretrained(tmp_path)
    theirs = transformers.BertConfig.from_pretrained(tmp_path)
    for field, value in UNUSUAL.items():
        assert getattr(theirs, field) == value, field
    assert theirs.id2label == ours.id2label and theirs.label2id == ours.label2id


def test_bertlab_reads_their_configuration(tmp_path):
    theirs = transformers.BertConfig(**UNUSUAL)
    theirs.save_pretrained(tmp_path)
    ours = bertlab.BertConfig.from_pretrained(tmp_path)
    for field, value in UNUSUAL.items():
        assert getattr(ours, field) == value, field
    assert ours.id2label == theirs.id2label and ours.label2id == theirs.label2id
    ours.save_pretrained(tmp_path / "again")
    again = transformers.BertConfig.from_pretrained(tmp_path / "again")
    for field, value in UNUSUAL.items():
        assert getattr(again, field) == value, field


def test_the_newer_name_of_the_type_is_understood(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert", "dtype": "bfloat16"}')
    assert bertlab.BertConfig.from_pretrained(tmp_path).torch_dtype == torch.bfloat16


def test_label_names_become_numbers_again(tmp_path):
    names = {0: "negative", 1: "neutral", 2: "positive"}
    bertlab.BertConfig(**SIZES, id2label=names).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["id2label"] == {str(k): v for k, v in names.items()}
    for library in (bertlab, transformers):
        config = library.BertConfig.from_pretrained(tmp_path)
        assert config.id2label == names and config.num_labels == 3


@pytest.mark.filterwarnings("ignore:parameters of")
@pytest.mark.parametrize("saved", ["BertModel", "BertForPreTraining", "BertForSequenceClassification"])
@pytest.mark.parametrize("loaded", ["BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForTokenClassification"])
@pytest.mark.parametrize("safe", [True, False])
def test_the_loading_info_is_the_documented_one(saved, loaded, safe, tmp_path):
    torch.manual_seed(4)
    config = transformers.BertConfig(vocab_size=29, hidden_size=12, num_hidden_layers=1, num_attention_heads=3,
                                     intermediate_size=8, max_position_embeddings=10)  # fmt: skip
    getattr(transformers, saved)(config).save_pretrained(tmp_path, safe_serialization=safe)
    _, theirs = getattr(transformers, loaded).from_pretrained(tmp_path, output_loading_info=True)
    _, ours = getattr(bertlab, loaded).from_pretrained(tmp_path, output_loading_info=True)
    assert set(ours) == set(theirs)
    for key in theirs:
        found = {name.removeprefix("bert.") for name in ours[key]}
        assert found == {name.removeprefix("bert.") for name in theirs[key]}, key
