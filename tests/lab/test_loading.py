"""Checkpoints of other hands open, and what is unusual about them is said."""

import shutil

import numpy as np
import pytest
import torch

import bertlab
from bertlab.adapters import add_lora, save_adapter

from lab_cases import WORDS, random_model  # isort: skip

QUESTIONS = {
    "fill_mask": lambda lab: lab.fill_mask("the [MASK] sat"),
    "next_sentence": lambda lab: lab.next_sentence("the cat", "sat on"),
    "score": lambda lab: lab.score("the cat"),
    "classify": lambda lab: lab.classify(["the cat", "sat"]),
    "similarity": lambda lab: lab.similarity("the cat", "the mat"),
    "tag": lambda lab: lab.tag("angela met"),
    "answer": lambda lab: lab.answer("the cat", "the cat sat on the mat"),
    "choose": lambda lab: lab.choose("the cat", ["sat", "met"]),
    "generate": lambda lab: lab.generate("the", max_new_tokens=2),
    "rewrite": lambda lab: lab.rewrite("the cat", max_new_tokens=2),
    "record": lambda lab: lab.record("the cat").output.prediction_logits,
}


@pytest.mark.parametrize("changes", [{"return_dict": False}, {"torchscript": True}])
@pytest.mark.parametrize("question", list(QUESTIONS))
def test_a_lab_asks_for_outputs_with_names(tmp_path, changes, question):
    QUESTIONS[question](bertlab.load(random_model(tmp_path, changes=changes), device="cpu"))


@pytest.mark.parametrize("fields", [{"is_decoder": True}, {"is_decoder": True, "add_cross_attention": True}])
def test_a_decoder_reads_from_both_sides_and_says_so(tmp_path, fields):
    with pytest.warns(UserWarning, match="was saved as a decoder, which reads from left to right"):
        lab = bertlab.load(random_model(tmp_path, **fields), device="cpu")
    one, two = (lab.fill_mask(f"the [MASK] {end}", top_k=3)[0] for end in ("sat on the mat", "met angela merkel"))
    assert [c.probability for c in one] != [c.probability for c in two]
    lab.classify("the cat")


def test_a_decoders_own_head_reads_as_it_did(tmp_path):
    folder = random_model(tmp_path, "BertLMHeadModel", is_decoder=True)
    with pytest.warns(UserWarning, match="decoder"):
        lab = bertlab.load(folder, device="cpu")
    assert lab.tasks == ["generation"] and lab.task_model("generation").config.is_decoder
    own = bertlab.BertLMHeadModel.from_pretrained(folder).eval()
    batch = lab.encode("the cat")
    with torch.no_grad():
        assert torch.equal(lab.task_model("generation")(**batch).logits, own(**batch).logits)


def test_rows_without_a_token_are_not_offered(tmp_path):
    lab = bertlab.load(random_model(tmp_path, vocab_size=64), device="cpu")
    (candidates,) = lab.fill_mask("the [MASK] sat", top_k=64)
    assert len(candidates) == len(WORDS) and all(isinstance(candidate.token, str) for candidate in candidates)
    logits = lab.model(**lab.encode("the [MASK] sat")).prediction_logits[0, 2]
    assert candidates[0].probability == pytest.approx(float(logits.softmax(-1)[candidates[0].token_id]))


@pytest.mark.parametrize("without", ["token", "row"])
def test_without_a_mask_what_is_masked_is_refused_and_all_else_works(tmp_path, without):
    if without == "token":
        folder = random_model(tmp_path, tokenizer={"mask_token": None})
    else:
        folder = random_model(tmp_path, words=[word for word in WORDS if word != "[MASK]"])
    lab = bertlab.load(folder, device="cpu")
    for name, ask in QUESTIONS.items():
        if name in ("fill_mask", "score"):
            with pytest.raises(ValueError, match="no mask token|lacks the mask token"):
                ask(lab)
        else:
            ask(lab)


def test_weights_that_are_no_numbers_do_not_answer(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    with torch.no_grad():
        lab.model.bert.encoder.layer[0].output.dense.weight[0, 0] = float("nan")
    for name in ("fill_mask", "next_sentence", "classify", "similarity", "tag", "answer", "choose"):
        with pytest.raises(ValueError, match="values that are no numbers"):
            QUESTIONS[name](lab)


def test_whole_numbers_of_numpy_are_numbers(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    three = np.int64(3)
    assert len(lab.fill_mask("the [MASK]", top_k=three)[0]) == 3
    assert len(lab.generate("the", max_new_tokens=three, eos_token_id=None).tokens) == 3
    lab.answer("the", "the cat sat", max_answer_tokens=three, stride=three)
    for value in (True, 2.5, 0):
        with pytest.raises(ValueError, match="top_k"):
            lab.fill_mask("the [MASK]", top_k=value)


def test_several_sequences_are_several_answers(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    options = dict(do_sample=True, num_return_sequences=3, max_new_tokens=4)
    texts = lab.generate("the cat", **options)
    rewritten = lab.rewrite("the cat sat", **options)
    assert len(texts) == len(rewritten) == 3
    for answer in rewritten:
        assert len(answer.tokens) == len(answer.probabilities) == answer.cross_attention.shape[2] <= 4
    best = lab.generate("the cat", num_beams=4, num_return_sequences=2, max_new_tokens=3)
    assert [answer.prompt for answer in best] == ["the cat"] * 2


def test_a_folder_with_an_adapter_opens_its_base(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    random_model(base)
    model = bertlab.BertForSequenceClassification.from_pretrained(base, num_labels=2)
    add_lora(model, 2, generator=torch.Generator().manual_seed(1))
    save_adapter(model, tmp_path / "adapter", task="irony", base=str(base))
    lab = bertlab.load(tmp_path / "adapter", device="cpu")
    assert lab.tasks == ["irony"] and lab.classify("the cat").trained
    shutil.rmtree(base)
    with pytest.raises(OSError, match="holds an adapter for .*base.*cannot be opened"):
        bertlab.load(tmp_path / "adapter", device="cpu")


def test_a_text_far_too_long_is_refused_before_all_of_it_is_cut(tmp_path):
    lab = bertlab.load(random_model(tmp_path), device="cpu")
    with pytest.raises(ValueError, match=r"8,000,000 characters and more than .* tokens; .* takes at most 64"):
        lab.classify("the cat " * 1_000_000)


def test_a_lab_marks_fresh_heads_and_names_weights_that_an_encoder_lacks(tmp_path, recwarn):
    from safetensors.torch import load_file, save_file

    folder = random_model(tmp_path, "BertForSequenceClassification")
    lab = bertlab.load(folder, device="cpu")
    assert not recwarn.list and not lab.fill_mask("the [MASK]").trained
    state = load_file(folder / "model.safetensors")
    del state["bert.encoder.layer.1.output.dense.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.warns(UserWarning, match="bert.encoder.layer.1.output.dense.weight"):
        bertlab.load(folder, device="cpu")
