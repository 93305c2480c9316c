"""Models outside of Python: torch's exported program and ONNX, at other lengths than they were traced with."""

import pytest
import torch

import bertlab
from bertlab import BertConfig
from bertlab.command.entry import main
from bertlab.export import TOLERANCE, check_onnx, export_onnx, export_program, inputs_of

SIZES = {
    "vocab_size": 41, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 19, "num_labels": 2,
}  # fmt: skip
CROSSING = {"is_decoder": True, "add_cross_attention": True}
KINDS = {
    "BertModel": {},
    "BertForPreTraining": {},
    "BertLMHeadModel": {"is_decoder": True},
    "BertLMHeadModel, crossing": CROSSING,
    "BertForMaskedLM": {"output_hidden_states": True, "position_embedding_type": "relative_key_query"},
    "BertForNextSentencePrediction": {},
    "BertForSequenceClassification": {},
    "BertForMultipleChoice": {},
    "BertForTokenClassification": {},
    "BertForQuestionAnswering": {},
}


def model_of(kind):
    torch.manual_seed(5)
    return getattr(bertlab, kind.split(",")[0])(BertConfig(**SIZES, **KINDS[kind])).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_program_takes_other_lengths(kind):
    model = model_of(kind)
    program = export_program(model).module()
    for batch, sequence in ((1, 1), (3, 19)):
        inputs = inputs_of(model, batch, sequence, seed=sequence)
        with torch.no_grad():
            wanted, found = model(**inputs), program(**inputs)
        torch.testing.assert_close(found[0], wanted[0], atol=1e-5, rtol=1e-5)


def test_what_hook_points_see_comes_out_of_the_program():
    model = model_of("BertModel")
    program = export_program(model, record="*.probs").module()
    inputs = inputs_of(model, 2, 5)
    with torch.no_grad(), bertlab.record(model, "*.probs") as recording:
        model(**inputs)
    found = program(**inputs)[2:]
    assert len(found) == len(recording) == 2
    for name, probs in zip(recording, found, strict=True):
        torch.testing.assert_close(probs, recording[name])
    with pytest.raises(LookupError):
        export_program(model, record="*.nonsense")


@pytest.mark.parametrize("kind", KINDS)
def test_an_onnx_file_computes_the_same_at_other_lengths(kind, tmp_path):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    model = model_of(kind)
    export_onnx(model, tmp_path / "model.onnx")
    assert check_onnx(model, tmp_path / "model.onnx") <= TOLERANCE
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.3)
    with pytest.raises(ValueError, match="differs by"):
        check_onnx(model, tmp_path / "model.onnx")


def test_the_command_writes_a_folder_with_the_inside_as_outputs(tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model_of("BertForTokenClassification").save_pretrained(tmp_path / "from")
    assert main(["convert", str(tmp_path / "from"), str(tmp_path / "to"), "--to", "onnx", "--record", "*.probs"]) == 0
    assert "onnxruntime at other lengths" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["config.json", "model.onnx"]
    session = onnxruntime.InferenceSession(str(tmp_path / "to" / "model.onnx"))
    assert [given.name for given in session.get_inputs()] == ["input_ids", "attention_mask", "token_type_ids"]
    assert [output.name for output in session.get_outputs()] == [
        "logits", *(f"encoder.layer.{i}.attention.self.probs" for i in (0, 1)),
    ]  # fmt: skip


def test_what_cannot_be_is_said(tmp_path, capsys, monkeypatch):
    folder = str(tmp_path / "from")
    model_of("BertModel").save_pretrained(folder)
    assert main(["convert", folder, str(tmp_path / "to"), "--to", "safetensors", "--record", "*"]) != 0
    assert "--record goes with --to onnx" in capsys.readouterr().err
    monkeypatch.setattr("bertlab.export.NEEDED", ("onnx_that_is_not_there",))
    with pytest.raises(ImportError, match="pip install"):
        export_onnx(model_of("BertModel"), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="is a file"):
        from bertlab.export import onnx_folder

        (tmp_path / "file").write_text("")
        onnx_folder(folder, tmp_path / "file")
