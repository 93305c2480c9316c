"""Lab: answers equal what the models underneath compute, whatever the texts."""

import math

import pytest
import torch

import bertlab
from bertlab.lab import TASKS, Lab
from bertlab.lab.results import Candidate, Classification, percent

WORDS = "the cat dog sat on a mat paris is capital of france who ##s ran house red big . , ? ! he she".split()
SIZES = dict(
    hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=64
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab on a small random model."""
    folder = tmp_path_factory.mktemp("model")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    config = bertlab.BertConfig(vocab_size=len(vocabulary), initializer_range=0.5, **SIZES)
    bertlab.BertForPreTraining(config).save_pretrained(folder)
    bertlab.BertTokenizerFast(folder / "vocab.txt").save_pretrained(folder)
    return bertlab.load(folder, device="cpu")


def test_a_recording_holds_every_hook_point_the_tokens_and_the_output(lab):
    recording = lab.record("the cat sat", "he ran")
    assert recording.tokens == ["[CLS]", "the", "cat", "sat", "[SEP]", "he", "ran", "[SEP]"]
    assert set(recording) == set(bertlab.hook_names(lab.model))
    assert recording.attention(1).shape == (1, 3, 8, 8)
    assert torch.equal(recording["cls.predictions.logits"], recording.output.prediction_logits)


def test_fill_mask_gives_the_models_own_probabilities_for_every_mask(lab):
    fills = lab.fill_mask("the [MASK] sat on the [MASK].", top_k=3)
    assert [len(candidates) for candidates in fills] == [3, 3]
    encoding = lab.tokenizer("the [MASK] sat on the [MASK].", return_tensors="pt")
    with torch.no_grad():
        logits = lab.model(**encoding).prediction_logits[0]
    places = (encoding["input_ids"][0] == lab.tokenizer.mask_token_id).nonzero().squeeze(1)
    for candidates, probabilities in zip(fills, logits[places].softmax(-1)):
        best = probabilities.topk(3)
        assert [c.token_id for c in candidates] == best.indices.tolist()
        assert [c.probability for c in candidates] == pytest.approx(best.values.tolist(), abs=1e-6)
        assert [c.token for c in candidates] == lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())


def test_fill_mask_without_a_mask_says_what_to_put(lab):
    with pytest.raises(ValueError, match=r"no \[MASK\]; put \[MASK\]"):
        lab.fill_mask("the cat sat")


@pytest.mark.parametrize("top_k", [0, -1, 10_000, 2.5])
def test_fill_mask_refuses_a_top_k_outside_the_vocabulary(lab, top_k):
    with pytest.raises(ValueError, match="top_k"):
        lab.fill_mask("the [MASK]", top_k=top_k)


def test_next_sentence_names_column_0_is_next(lab):
    result = lab.next_sentence("the cat sat", "he ran")
    with torch.no_grad():
        logits = lab.model(**lab.tokenizer("the cat sat", "he ran", return_tensors="pt")).seq_relationship_logits[0]
    expected = logits.softmax(-1).tolist()
    assert list(result.probabilities) == ["is_next", "random"]
    assert list(result.probabilities.values()) == pytest.approx(expected, abs=1e-6)


def test_score_masks_one_token_at_a_time(lab):
    score = lab.score("the cat sat")
    ids = lab.tokenizer("the cat sat", return_tensors="pt")["input_ids"]
    expected = []
    for place in (1, 2, 3):
        masked = ids.clone()
        masked[0, place] = lab.tokenizer.mask_token_id
        with torch.no_grad():
            logits = lab.model(masked).prediction_logits[0, place]
        expected.append(float(logits.log_softmax(-1)[ids[0, place]]))
    assert score.tokens == ["the", "cat", "sat"]
    assert score.log_probabilities == pytest.approx(expected, abs=1e-5)
    assert score.total == pytest.approx(sum(expected), abs=1e-5)


def test_classify_answers_one_text_or_a_list_alike(lab):
    texts = ["the cat sat on the mat.", "he ran", "paris"]
    together = lab.classify(texts)
    for text, result in zip(texts, together):
        alone = lab.classify(text)
        assert alone.label == result.label
        assert alone.probabilities == pytest.approx(result.probabilities, abs=1e-6)
        assert math.isclose(sum(alone.probabilities.values()), 1, abs_tol=1e-6)


def test_a_multi_label_task_lists_every_label_above_one_half(lab):
    result = lab.classify("the cat", task="emotions")
    assert result.labels == [label for label, p in result.probabilities.items() if p > 0.5]
    assert len(result.probabilities) == 28


def test_untrained_heads_say_so_in_result_and_text(lab):
    assert lab.tasks == []
    result = lab.classify("the cat")
    assert not result.trained
    assert "untrained" in str(result) and "untrained" in result._repr_html_()


def test_reseeding_an_untrained_head_changes_its_answer_and_repeats_under_the_same_seed(lab):
    def answer(seed):
        lab.reseed("sentiment", seed)
        return lab.classify("the cat sat").probabilities["positive"]

    assert answer(1) != answer(2)
    assert answer(1) == answer(1)


def test_a_trained_head_cannot_be_reseeded(lab):
    model = lab.task_model("inference")
    lab.add_task("mine", model)
    with pytest.raises(ValueError, match="is trained"):
        lab.reseed("mine", 0)


def test_heads_share_the_encoder_instead_of_copying_it(lab):
    encoder = lab.model.bert.encoder.layer[0].output.dense.weight
    assert lab.task_model("pos").bert.encoder.layer[0].output.dense.weight is encoder


def test_entity_spans_point_into_the_text(lab):
    text = "He sat  on the MAT, paris."
    for span in lab.tag(text, task="ner"):
        assert text[span.start : span.end] == span.text


def test_tagging_words_gives_one_tag_each(lab):
    words = ["the", "cats", "sat", "xyzzy"]
    tags = lab.tag(words, task="pos")
    assert [tag.word for tag in tags] == words
    assert all(0 < tag.probability <= 1 for tag in tags)
    assert lab.tag([], task="pos") == []


def test_bio_labels_become_spans():
    from bertlab.lab import spans_of

    text = "aa bb cc dd"
    labels = ["B-PER", "I-PER", "I-LOC", "O"]
    words = [(label, 0.5, 3 * i, 3 * i + 2) for i, label in enumerate(labels)]
    spans = spans_of(text, words, labels)
    assert [(s.text, s.label) for s in spans] == [("aa bb", "PER"), ("cc", "LOC")]


def test_the_answer_is_a_span_of_the_context_and_probabilities_add_up(lab):
    context = "the cat sat on a mat . paris is the capital of france . " * 12
    answer = lab.answer("who sat ?", context)
    assert context[answer.start : answer.end] == answer.text
    assert len(answer.windows) > 1, "the context needs several windows"
    assert 0 < answer.probability + answer.no_answer_probability <= 1 + 1e-6
    covered = {offset for window in answer.windows for offset in window.offsets if offset != (0, 0)}
    every = lab.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert covered == {tuple(offset) for offset in every}, "every token of the context is in some window"


@pytest.mark.parametrize(("question", "context"), [("", "the cat"), ("who ?", ""), ("who ?", "  "), (None, "x")])
def test_an_empty_question_or_context_is_refused(lab, question, context):
    with pytest.raises(ValueError, match="give some text"):
        lab.answer(question, context)


def test_choose_gives_a_probability_for_each_choice(lab):
    choice = lab.choose("the cat sat", ["on a mat", "paris", "he ran ."])
    assert math.isclose(sum(choice.probabilities), 1, abs_tol=1e-6)
    assert choice.index == max(range(3), key=choice.probabilities.__getitem__)


def test_generate_continues_the_prompt(lab):
    generation = lab.generate("the cat", max_new_tokens=5)
    assert 1 <= len(generation.tokens) <= 5
    assert lab.tokenizer.convert_tokens_to_ids(generation.tokens) == generation.token_ids
    assert not generation.trained


def test_rewrite_says_what_was_written_how_sure_and_where_it_looked(lab):
    result = lab.rewrite("the cat sat", max_new_tokens=4)
    assert result.source_tokens == ["[CLS]", "the", "cat", "sat", "[SEP]"] and not result.trained
    assert 1 <= len(result.tokens) <= 4 and result.tokens == lab.tokenizer.convert_ids_to_tokens(result.token_ids)
    assert result.cross_attention.shape == (2, lab.model.config.num_attention_heads, len(result.tokens), 5)
    assert all(0 < p <= 1 for p in result.probabilities)
    assert lab.rewrite("the cat sat", max_new_tokens=4).text == result.text
    with pytest.raises(ValueError, match="at least one word"):
        lab.rewrite("")


def test_a_stored_decoder_answers_for_its_task(lab, tmp_path):
    folder = lab.task_model("seq2seq").save_decoder(tmp_path / "seq2seq", task="seq2seq", base="tiny")
    other = Lab(lab.model, lab.tokenizer, adapters={"seq2seq": folder})
    assert other.is_trained("seq2seq") and other.rewrite("the cat sat", max_new_tokens=4).trained


def test_a_batch_is_recorded_as_it_stands(lab):
    batch = lab.encode("the cat sat", "it ran")
    own = lab.record("the cat sat", "it ran")
    assert torch.equal(lab.record(batch).hidden(2), own.hidden(2)) and lab.record(batch).tokens == own.tokens
    batch["input_ids"][0, 2] = lab.tokenizer.mask_token_id
    changed = lab.record(batch)
    assert changed.tokens[2] == "[MASK]" and not torch.equal(changed.hidden(2), own.hidden(2))
    with pytest.raises(TypeError, match="give it alone"):
        lab.record(batch, "it ran")


def test_a_text_too_long_names_its_length_and_the_limit(lab):
    with pytest.raises(ValueError, match="102 tokens .* at most 64"):
        lab.record("cat " * 100)


@pytest.mark.parametrize("text", [3, None, ["a", 3], {"a": 1}])
def test_what_is_no_text_is_refused_by_name(lab, text):
    with pytest.raises(TypeError, match="a text is a string"):
        lab.record(text)


def test_an_unknown_task_lists_those_there_are(lab):
    with pytest.raises(LookupError, match="sentiment"):
        lab.classify("the cat", task="astrology")


def test_a_task_of_another_kind_is_refused(lab):
    with pytest.raises(ValueError, match="BertForTokenClassification"):
        lab.tag("the cat", task="sentiment")


def test_a_fine_tuned_checkpoint_answers_for_its_own_task(lab, tmp_path):
    torch.manual_seed(3)
    config = bertlab.BertConfig.from_dict(lab.model.config.to_dict(), id2label={0: "negative", 1: "positive"})
    model = bertlab.BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    lab.tokenizer.save_pretrained(tmp_path)
    tuned = bertlab.load(tmp_path, device="cpu")
    assert tuned.tasks == ["sentiment"]
    assert not tuned.is_trained("fill_mask") and not tuned.fill_mask("the [MASK]").trained
    with torch.no_grad():
        expected = model(**lab.tokenizer("he ran", return_tensors="pt")).logits.softmax(-1)[0].tolist()
    result = tuned.classify("he ran")
    assert result.trained
    assert list(result.probabilities.values()) == pytest.approx(expected, abs=1e-6)


def test_every_kind_of_task_can_be_asked_without_a_trained_head(lab):
    for task in TASKS:
        assert not lab.task_model(task).training


def test_percentages_keep_two_significant_digits():
    assert [percent(p) for p in (0.8712, 0.0981, 0.0043, 1e-9, 1.0)] == ["87 %", "9.8 %", "0.43 %", "< 0.01 %", "100 %"]


def test_results_read_well_as_text():
    assert str(Candidate("cat", 5, 0.5)) == "cat 50 %"
    result = Classification("positive", {"negative": 0.2, "positive": 0.8}, ["positive"])
    assert str(result).splitlines()[0] == "positive (80 %)"


def test_the_shipped_model_opens_offline_and_knows_capitals():
    lab = bertlab.load(device="cpu")
    assert isinstance(lab, Lab) and lab.name == "bertlab-mini"
    assert "paris" in [c.token for c in lab.fill_mask("The capital of France is [MASK].")[0]]
    assert (lab.tokenizer.cls_token_id, lab.tokenizer.sep_token_id, lab.tokenizer.mask_token_id) == (101, 102, 103)
