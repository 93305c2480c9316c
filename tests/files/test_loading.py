"""Tensors into models, and the report of what became of each."""

import warnings

import pytest
import torch
from checkpoint_cases import DECODER, WORDS, Bare, WithHead, assert_same, fresh_values, without_copies
from torch import nn

from bertlab.files import LoadingReport, load_into, resolve_dtype, warn_of_fresh
from bertlab.files.names import TIED_NAMES

# Types


def test_parameters_are_float32_unless_asked_otherwise():
    half = {"ids": torch.zeros(1, dtype=torch.int64), "a": torch.zeros(2, dtype=torch.float16)}
    assert resolve_dtype(None, half, "float16") == torch.float32
    assert resolve_dtype("auto", half) == torch.float16
    assert resolve_dtype("auto", half, "bfloat16") == torch.bfloat16
    assert resolve_dtype("float64", half) == torch.float64
    assert resolve_dtype("torch.bfloat16", half) == torch.bfloat16
    assert resolve_dtype(torch.float16, half) == torch.float16


@pytest.mark.parametrize("dtype", ["int8", torch.int64, "half a byte", torch.complex64])
def test_types_that_a_model_cannot_have_are_refused(dtype):
    with pytest.raises(ValueError, match="choose one of float32, float16, bfloat16, float64 or 'auto'"):
        resolve_dtype(dtype, {})


def test_a_type_of_the_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="not int"):
        resolve_dtype(16, {})


# Into a model


def test_all_tensors_arrive_and_tied_copies_are_not_fresh():
    model = WithHead()
    values = without_copies(fresh_values(model))
    report = load_into(model, values)
    for name, value in values.items():
        assert torch.equal(model.state_dict()[name], value)
    assert sorted(report.loaded) == sorted(values)
    assert report.fresh == report.unused == report.mismatched == []
    assert report.tied == TIED_NAMES
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_a_bare_checkpoint_leaves_the_head_fresh():
    model, values = WithHead(), fresh_values(Bare())
    bias = model.cls.predictions.bias.detach().clone()
    report = load_into(model, values)
    assert report.fresh == ["cls.predictions.bias"]
    assert torch.equal(model.bert.embeddings.LayerNorm.weight, values["embeddings.LayerNorm.weight"])
    assert torch.equal(model.cls.predictions.bias, bias)


def test_a_checkpoint_with_a_head_fits_the_bare_model():
    report = load_into(Bare(), without_copies(fresh_values(WithHead())))
    assert report.unused == ["cls.predictions.bias"]
    assert report.fresh == []


def test_a_checkpoint_that_has_only_the_tied_copy_gives_its_values():
    model = WithHead()
    values = fresh_values(model)
    del values[WORDS], values["cls.predictions.bias"]
    report = load_into(model, values)
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[DECODER])
    assert WORDS in report.loaded and report.fresh == []


def test_a_tied_copy_of_other_values_wins_as_in_transformers_with_a_warning():
    model = WithHead()
    values = fresh_values(model)
    with pytest.warns(UserWarning, match="differ in the checkpoint") as warned:
        report = load_into(model, values)
    assert ["tie_word_embeddings=False" in str(w.message) for w in warned] == [True, False]
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[DECODER])
    assert torch.equal(model.cls.predictions.bias, values["cls.predictions.decoder.bias"])
    assert report.unused == [WORDS, "cls.predictions.bias"]


def test_a_tied_copy_of_the_same_values_is_nothing_to_mention():
    model = WithHead()
    values = {name: value.clone() for name, value in model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_into(model, values).unused == []


def test_an_untied_model_gets_its_own_decoder():
    model = WithHead()
    model.cls.predictions.decoder.weight = nn.Parameter(torch.zeros(11, 3))
    values = fresh_values(model)
    report = load_into(model, values, tied={})
    assert torch.equal(model.cls.predictions.decoder.weight, values[DECODER])
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, values[WORDS])
    assert report.tied == {}


def test_legacy_names_are_loaded():
    model, values = WithHead(), without_copies(fresh_values(WithHead()))
    old = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
           for n, v in values.items()}  # fmt: skip
    old["bert.embeddings.position_ids"] = torch.arange(4)
    report = load_into(model, old)
    assert report.fresh == report.unused == []
    assert torch.equal(model.bert.embeddings.LayerNorm.bias, values["bert.embeddings.LayerNorm.bias"])


def test_half_precision_is_converted_to_the_models_type():
    model = WithHead()
    values = {name: value.half() for name, value in without_copies(fresh_values(model)).items()}
    load_into(model, values)
    assert model.cls.predictions.bias.dtype == torch.float32
    assert torch.equal(model.cls.predictions.bias, values["cls.predictions.bias"].float())


def test_a_tensor_of_another_shape_is_refused_and_nothing_is_changed():
    model = WithHead()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    values = without_copies(fresh_values(model)) | {"cls.predictions.bias": torch.zeros(12)}
    with pytest.raises(ValueError, match=r"cls.predictions.bias: \(12,\) in the checkpoint, \(11,\) in the model"):
        load_into(model, values)
    assert_same(model.state_dict(), before)


def test_a_tensor_of_another_shape_is_left_out_when_told_so():
    model = WithHead()
    values = without_copies(fresh_values(model)) | {"cls.predictions.bias": torch.zeros(12)}
    report = load_into(model, values, ignore_mismatched_sizes=True)
    assert report.mismatched == [("cls.predictions.bias", (12,), (11,))]
    assert report.fresh == []
    assert "cls.predictions.bias" not in report.loaded
    assert torch.equal(model.bert.embeddings.LayerNorm.bias, values["bert.embeddings.LayerNorm.bias"])


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64, torch.bool])
def test_tensors_that_are_no_floats_are_refused(dtype):
    values = without_copies(fresh_values(WithHead())) | {"cls.predictions.bias": torch.zeros(11).to(dtype)}
    with pytest.raises(ValueError, match="quantized checkpoints must be converted"):
        load_into(WithHead(), values)


def test_a_checkpoint_of_another_model_is_refused():
    with pytest.raises(ValueError, match="none of the 1 tensors.*wte.weight.*is this a BERT checkpoint"):
        load_into(WithHead(), {"wte.weight": torch.zeros(3)})


def test_the_report_reads_well():
    report = LoadingReport(
        loaded=["a", "b"],
        fresh=["classifier.weight"],
        unused=[f"old.{n}" for n in range(10)],
        tied={"decoder": "words"},
        mismatched=[("bias", (3,), (4,))],
    )
    text = str(report)
    assert "loaded         2  taken from the checkpoint" in text
    assert "train before use\n                  classifier.weight" in text
    assert "old.7 and 2 more" in text
    assert "decoder = words" in text
    assert "bias (3,) in the checkpoint, (4,) in the model" in text
    assert str(LoadingReport()) == "nothing was loaded"


def test_names_in_a_report_cannot_act_on_the_reader():
    report = LoadingReport(unused=["<script>alert(1)</script>", "a\x1b[2Jb", "x" * 10_000])
    page = report._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "\x1b" not in page + str(report)
    assert len(page) < 2_000


def test_the_report_has_the_documented_keys():
    model = WithHead()
    report = load_into(model, {"embeddings.LayerNorm.weight": torch.ones(3), "pooler.bias": torch.ones(2)})
    assert sorted(report) == ["error_msgs", "mismatched_keys", "missing_keys", "unexpected_keys"]
    assert report["unexpected_keys"] == ["pooler.bias"] and report["error_msgs"] == report["mismatched_keys"] == []
    assert sorted(report["missing_keys"]) == [
        "bert.embeddings.LayerNorm.bias", WORDS, "cls.predictions.bias", "cls.predictions.decoder.bias", DECODER,
    ]  # fmt: skip
    with pytest.raises(KeyError):
        report["missing"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_values_that_are_no_numbers_are_warned_of(value, dtype):
    values = fresh_values(Bare())
    values["embeddings.LayerNorm.bias"] = torch.tensor([0.5, value, -1.0], dtype=dtype)
    with pytest.warns(UserWarning, match="NaN or infinity in embeddings.LayerNorm.bias"):
        load_into(Bare(), values)
    values["embeddings.LayerNorm.bias"] = torch.tensor([3e38, 3e38, 3e38])  # whose sum is beyond float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_into(Bare(), values)


def test_parameters_that_a_checkpoint_lacks_are_named_in_a_warning():
    with pytest.warns(UserWarning, match="parameters of Thing .*newly drawn.*: a.weight, b.bias"):
        warn_of_fresh(LoadingReport(fresh=["a.weight"], mismatched=[("b.bias", (2,), (3,))]), "Thing")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_fresh(LoadingReport(loaded=["a.weight"]), "Thing")
