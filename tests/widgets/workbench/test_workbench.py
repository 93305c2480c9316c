"""The shared state: what may be set, what follows from it, what is computed how often."""

import threading
import time

import pytest
import torch
from bertlab_widgets import Workbench

from bertlab.recording import edit, record


@pytest.fixture
def workbench(lab):
    return Workbench(lab, "the cat sat on the mat.")


def passes(workbench, monkeypatch):
    """A list that grows with every pass through the model."""
    seen, forward = [], workbench.model.forward
    monkeypatch.setattr(workbench.model, "forward", lambda *a, **k: seen.append(1) or forward(*a, **k))
    return seen


def test_tokens_know_their_characters_and_their_word(lab):
    tokens = Workbench(lab, "unaffable cat", "the mat").tokens
    assert [token["text"] for token in tokens] == [
        "[CLS]",
        "un",
        "##aff",
        "##able",
        "cat",
        "[SEP]",
        "the",
        "mat",
        "[SEP]",
    ]
    assert [(token["start"], token["end"]) for token in tokens[1:5]] == [(0, 2), (2, 5), (5, 9), (10, 13)]
    assert [token["word"] for token in tokens] == [None, 0, 0, 0, 1, None, 0, 1, None]
    assert [token["type"] for token in tokens] == [0] * 6 + [1] * 3


def test_one_pass_serves_every_question(workbench, monkeypatch):
    seen = passes(workbench, monkeypatch)
    workbench.recording.attention(0), workbench.predictions(2), workbench.probabilities(3), workbench.baseline
    assert len(seen) == 1
    workbench.selected, workbench.layer = [2], 1
    workbench.recording.attention(1)
    assert len(seen) == 1


def test_going_back_to_an_earlier_state_computes_nothing(workbench, monkeypatch):
    seen = passes(workbench, monkeypatch)
    for masked in ([2], [3], [2], [3]):
        workbench.masked = masked
        workbench.predictions(2)
    assert len(seen) == 2


def test_a_masked_token_is_what_the_model_sees(workbench):
    workbench.masked = [2]
    assert workbench.input_ids[0, 2] == workbench.lab.tokenizer.mask_token_id
    assert workbench.tokens[2]["text"] == "[MASK]" and workbench.tokens[2]["original"] == "cat"
    expected = workbench.lab.fill_mask("the [MASK] sat on the mat.", top_k=3)[0]
    for row, candidate in zip(workbench.predictions(2, 3), expected, strict=True):
        assert row["token"] == candidate.token
        assert row["probability"] == pytest.approx(candidate.probability, rel=1e-4)


def test_a_forced_token_stands_in_the_text_until_it_is_masked(workbench):
    dog = workbench.lab.tokenizer.convert_tokens_to_ids("dog")
    workbench.forced = {2: dog}
    assert workbench.tokens[2]["text"] == "dog" and workbench.tokens[2]["forced"]
    workbench.masked = [2]
    assert workbench.tokens[2]["text"] == "[MASK]"


@pytest.mark.parametrize("method", ["zero", "mean", "uniform"])
def test_a_switched_off_head_is_off_in_the_recording_and_only_there(workbench, method):
    before = workbench.recording.attention(2).clone()
    workbench.ablation, workbench.ablated = method, [(0, 1)]
    assert not torch.equal(workbench.recording.attention(2), before)
    assert torch.equal(workbench.baseline.recording.attention(2), before)
    if method == "uniform":
        assert torch.allclose(workbench.recording.attention(0)[0, 1], torch.tensor(1 / 9))
    workbench.ablated = []
    assert torch.equal(workbench.recording.attention(2), before)


def test_switching_a_head_off_is_what_an_edit_of_its_context_does(workbench):
    def zero(context):
        context = context.clone()
        context[:, 3] = 0
        return context

    with torch.no_grad(), edit(workbench.model, {"encoder.layer.1.attention.self.context": zero}):
        with record(workbench.model, "encoder.layer.2.hidden") as recording:
            workbench.model(**workbench.batch())
    workbench.ablated = [(1, 3)]
    assert torch.allclose(workbench.recording.hidden(3), recording["encoder.layer.2.hidden"], atol=1e-5)


def test_a_new_text_forgets_what_belonged_to_the_old_one(workbench):
    workbench.selected, workbench.masked, workbench.ablated = [2], [3], [(0, 0)]
    versions = workbench.version
    workbench.text = "who wrote it?"
    assert (workbench.selected, workbench.masked) == ([], [])
    assert workbench.ablated == [(0, 0)]
    assert workbench.version == versions + 1


@pytest.mark.parametrize(
    "trait, value, words",
    [
        ("layer", 3, "0 to 2"),
        ("head", -1, "0 to 3"),
        ("selected", [99], "0 to 8"),
        ("masked", [0], "frames the sentence"),
        ("ablated", [(0, 4)], "0 to 3"),
        ("forced", {2: 10**6}, "token id"),
    ],
)
def test_what_the_text_or_the_model_lacks_is_refused_and_changes_nothing(workbench, trait, value, words):
    before = getattr(workbench, trait)
    with pytest.raises(ValueError, match=words):
        setattr(workbench, trait, value)
    assert getattr(workbench, trait) == before


def test_an_empty_text_says_what_to_do(lab):
    workbench = Workbench(lab, "")
    assert workbench.empty
    with pytest.raises(ValueError, match="type a sentence"):
        workbench.result  # noqa: B018


def test_a_long_text_is_cut_and_says_where(lab):
    workbench = Workbench(lab, "cat " * 80 + "dog")
    assert workbench.encoding.length == 64
    assert workbench.encoding.cut[0].startswith("cat") and workbench.encoding.cut[0].endswith("dog")


def test_new_weights_are_computed_with(workbench):
    before = workbench.probabilities(2)
    bias = workbench.model.cls.predictions.bias
    with torch.no_grad():
        bias[7] += 5
    try:
        workbench.model_changed()
        assert workbench.probabilities(2)[7] > before[7]
    finally:
        with torch.no_grad():
            bias[7] -= 5


def test_two_labs_in_one_workbench_never_share_a_number(workbench):
    from small_lab import small_lab

    first, second = workbench.lab, small_lab()
    with torch.no_grad():
        for parameter in second.model.parameters():
            parameter.mul_(0.5)
    asked = {
        "attention": lambda: workbench.recording.attention(1).clone(),
        "prediction": lambda: workbench.probabilities(2).clone(),
        "own": lambda: workbench.cached("own", lambda: torch.tensor(workbench.lab is first)),
    }
    before = {name: ask() for name, ask in asked.items()}
    workbench.lab = second
    assert not any(torch.equal(ask(), before[name]) for name, ask in asked.items())
    workbench.lab = first
    assert all(torch.equal(ask(), before[name]) for name, ask in asked.items())


def test_a_head_can_give_its_mean_over_a_corpus(workbench):
    from bertlab.analysis.ablation import ablate, corpus_means

    texts = ["the cat sat.", "the dog ran up the tree.", "she sat on the grass."] * 9
    workbench.corpus, workbench.ablation, workbench.ablated = texts, "corpus", [(0, 1), (2, 3)]
    means = corpus_means(workbench.lab, texts)
    for own, expected in zip(workbench.corpus_means(), means, strict=True):
        assert torch.allclose(own, expected, atol=1e-6)
    with torch.no_grad(), ablate(workbench.model, [(0, 1), (2, 3)], "mean", means=means):
        expected = workbench.model(**workbench.batch()).prediction_logits[0, 2].softmax(-1)
    assert torch.allclose(workbench.probabilities(2), expected, atol=1e-5)
    here = workbench.probabilities(2)
    workbench.corpus = ["the river was muddy."]
    assert not torch.allclose(workbench.probabilities(2), here, atol=1e-5)


def test_two_workbenches_on_one_lab_do_not_see_each_others_switched_off_heads(lab):
    from bertlab.analysis.ablation import ablate

    first, second = (Workbench(lab, "the cat sat on the mat.") for _ in range(2))
    clean, inside = first.probabilities(2), threading.Event()

    def sweeping():
        with first.lock, ablate(lab.model, [(0, 0), (1, 1)]):
            inside.set()
            time.sleep(0.3)

    other = threading.Thread(target=sweeping)
    other.start()
    inside.wait(5)
    assert torch.equal(second.probabilities(2), clean)
    other.join()


def test_the_lock_of_a_workbench_can_be_entered_again_also_after_its_lab_was_exchanged(workbench):
    from small_lab import small_lab

    with workbench.lock, workbench.lock:
        workbench.lab = small_lab()
        with workbench.lock:
            assert workbench.recording.attention(0).shape[-1] == 9
    assert not workbench.lock.held


def test_words_join_their_pieces_and_count_through_both_segments(lab):
    from bertlab.analysis import words

    workbench = Workbench(lab, "unaffable cat [MASK].", "the embeddings")
    numbers = words.of(lab.encode("unaffable cat [MASK].", "the embeddings"))
    assert workbench.encoding.word_numbers == numbers
    workbench.masked = [2]
    joined = workbench.words
    assert [position for word in joined for position in word["positions"]] == list(range(len(numbers)))
    assert joined[1]["original"] == "unaffable" and "[MASK]" in joined[1]["text"]
    assert [word["special"] for word in joined][:3] == [True, False, False]


def test_a_vocabulary_without_a_mask_has_no_masked_places(lab, monkeypatch):
    workbench = Workbench(lab, "the cat [MASK] on the mat.")
    assert workbench.mask_positions == [3]
    monkeypatch.setattr(type(lab.tokenizer), "mask_token_id", None)
    assert workbench.mask_positions == []
