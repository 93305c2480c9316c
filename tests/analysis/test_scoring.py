"""Scoring: many texts at once against one masked word at a time."""

import math

import pytest
import torch
from analysis_cases import run, small_lab

from bertlab import record
from bertlab.analysis import scoring
from bertlab.analysis.scoring import cloze, minimal_pairs, score, stream_minimal_pairs, stream_scores

TEXTS = [
    "the cat sat on the mat.",
    "he ran",
    "a red dog sat on the big house, she ran!",
    "the cats ran",
    "the cat sat on the house.",
    "he ran",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


def one_at_a_time(lab, text, within_word=False):
    """The log-probability of each token, each from a pass of its own."""
    encoding = lab.tokenizer(text, return_tensors="pt")
    ids, words = encoding["input_ids"], encoding.word_ids(0)
    logs = []
    for place in range(1, ids.shape[1] - 1):
        masked = ids.clone()
        masked[0, place] = lab.tokenizer.mask_token_id
        if within_word:
            for later in range(place, ids.shape[1] - 1):
                if words[later] == words[place]:
                    masked[0, later] = lab.tokenizer.mask_token_id
        logits = run(lab.model, {"input_ids": masked}).prediction_logits[0, place]
        logs.append(float(logits.log_softmax(-1)[ids[0, place]]))
    return logs


@pytest.mark.parametrize("within_word", [False, True])
@pytest.mark.parametrize("tokens_per_pass", [1, 100, 10_000])
def test_scores_of_many_texts_are_those_of_one_masked_word_at_a_time(lab, within_word, tokens_per_pass):
    scores = score(lab, TEXTS, within_word=within_word, tokens_per_pass=tokens_per_pass)
    for text, one in zip(TEXTS, scores):
        expected = one_at_a_time(lab, text, within_word)
        assert one.text == text
        assert one.tokens == lab.tokenizer.tokenize(text)
        assert one.log_probabilities == pytest.approx(expected, abs=1e-4)
        assert one.total == pytest.approx(math.fsum(expected), abs=1e-3)
        assert one.per_token == pytest.approx(math.fsum(expected) / len(expected), abs=1e-4)


def test_masking_the_rest_of_a_word_changes_words_of_several_pieces_only(lab):
    plain, within = score(lab, TEXTS), score(lab, TEXTS, within_word=True)
    pieces = [i for i, token in enumerate(plain[3].tokens) if token == "##s"]
    assert pieces == [2]
    changed = [i for i, (a, b) in enumerate(zip(plain[3].log_probabilities, within[3].log_probabilities)) if a != b]
    assert changed == [1]  # the first piece of cat ##s, which no longer sees the second
    assert within[0].log_probabilities == pytest.approx(plain[0].log_probabilities, abs=1e-5)


def test_masked_sentences_that_are_equal_run_once(lab):
    # 6 and 6 tokens that differ in one place: 11 of their 12 masked sentences are different
    pair = ["the cat sat on the mat", "the cat sat on the house"]
    with record(lab.model, "embeddings.word") as recording:
        score(lab, pair)
    assert recording["embeddings.word"].shape[:2] == (11, 8)


def test_a_text_longer_than_a_pass_is_taken_in_parts(lab, monkeypatch):
    monkeypatch.setattr(scoring, "TOKENS_PER_PASS", 16)
    assert score(lab, TEXTS)[2].log_probabilities == pytest.approx(one_at_a_time(lab, TEXTS[2]), abs=1e-4)


def test_scores_stream_short_texts_first(lab):
    steps = list(stream_scores(lab, TEXTS))
    lengths = [len(one.tokens) for _, one in steps]
    assert lengths == sorted(lengths)
    assert sorted(number for number, _ in steps) == list(range(len(TEXTS)))
    assert all(one.text == TEXTS[number] for number, one in steps)


def test_minimal_pairs_count_the_better_sentences_that_score_higher(lab):
    pairs = [
        ("the cat ran", "the cat cat", "verbs"),
        ("he ran", "she ran", "pronouns"),
        ("she sat on a mat", "she sat on a", "verbs"),
        ("the dog", "the dog", "pronouns"),
    ]
    totals = [[sum(one_at_a_time(lab, text)) for text in pair[:2]] for pair in pairs]
    right = [better > worse for better, worse in totals]
    right[3] = False  # a tie
    result = minimal_pairs(lab, pairs)
    assert result.total == {"verbs": 2, "pronouns": 2}
    assert result.right == {"verbs": right[0] + right[2], "pronouns": right[1] + right[3]}
    assert result.accuracy == sum(right) / 4 and result.ties == 1
    assert result.by_phenomenon["verbs"] == (right[0] + right[2]) / 2
    assert result.margins == pytest.approx([better - worse for better, worse in totals], abs=1e-3)
    means = minimal_pairs(lab, pairs, per_token=True).margins
    assert means[2] == pytest.approx(totals[2][0] / 5 - totals[2][1] / 4, abs=1e-3)
    growing = [sum(step.total.values()) for step in stream_minimal_pairs(lab, pairs, pairs_per_step=3)]
    assert growing == [3, 4]
    assert minimal_pairs(lab, [pair[:2] for pair in pairs]).total == {"all": 4}


def test_cloze_items_have_the_rank_and_probability_that_the_model_gives(lab):
    items = [
        ("the [MASK] sat on the mat.", "cat"),
        ("paris is the [MASK]", "capital"),
        ("the [MASK] ran", "cats"),
        ("the [MASK] ran", "dog"),
    ]
    result = cloze(lab, items, top_k=3)
    ranks = []
    for (text, word), answer in zip(items, result.answers):
        ids = lab.tokenizer(text, return_tensors="pt")["input_ids"]
        place = ids[0].tolist().index(lab.tokenizer.mask_token_id)
        probabilities = run(lab.model, {"input_ids": ids}).prediction_logits[0, place].softmax(-1)
        best = probabilities.topk(3)
        assert [name for name, _ in answer.best] == lab.tokenizer.convert_ids_to_tokens(best.indices.tolist())
        assert [p for _, p in answer.best] == pytest.approx(best.values.tolist(), abs=1e-5)
        if word == "cats":
            assert answer.rank is None and "no single piece" in answer.problem
            continue
        piece = lab.tokenizer.convert_tokens_to_ids(word)
        ranks.append(sorted(probabilities.tolist(), reverse=True).index(probabilities[piece].item()) + 1)
        assert answer.rank == ranks[-1]
        assert answer.probability == pytest.approx(float(probabilities[piece]), abs=1e-5)
    assert len(result.counted) == 3
    assert result.accuracy(ranks[0]) == sum(rank <= ranks[0] for rank in ranks) / 3
    assert result.mean_reciprocal_rank == pytest.approx(sum(1 / rank for rank in ranks) / 3)


def test_candidates_share_the_probability_among_themselves(lab):
    items = [("the [MASK] ran", "dog"), ("the [MASK] ran", "france")]
    result = cloze(lab, items, candidates=["cat", "dog", "house"])
    first, second = result.answers
    whole = cloze(lab, [("the [MASK] ran", word) for word in ("cat", "dog", "house")]).answers
    assert first.probability == pytest.approx(whole[1].probability / sum(a.probability for a in whole), abs=1e-5)
    assert {name for name, _ in first.best} == {"cat", "dog", "house"}
    assert second.rank is None and "none of the candidates" in second.problem


def test_what_cannot_be_scored_is_said_in_words(lab):
    for call, kind, message in [
        (lambda: score(lab, "the cat"), TypeError, "put a single text into a list"),
        (lambda: score(lab, ["he ran", ""]), ValueError, "text 1 is '', which has no tokens"),
        (lambda: score(lab, ["the " * 40]), ValueError, "text 0 has 42 tokens .* at most 31"),
        (lambda: minimal_pairs(lab, [("he", "she"), ("he",)]), ValueError, "pair 1"),
        (lambda: cloze(lab, [("the cat", "cat")]), ValueError, r"item 0 has 0 \[MASK\]"),
        (lambda: cloze(lab, [], candidates=["cats"]), ValueError, "'cats' is no single piece"),
        (lambda: cloze(lab, [], top_k=0), ValueError, "top_k is 0"),
    ]:
        with pytest.raises(kind, match=message):
            call()
    assert minimal_pairs(lab, []).accuracy == 0
    assert math.isnan(cloze(lab, []).accuracy())


def test_scoring_keeps_no_gradients_and_leaves_training_alone(lab):
    lab.model.train()
    try:
        first = score(lab, TEXTS[:1])[0].total
        assert first == score(lab, TEXTS[:1])[0].total and lab.model.training
    finally:
        lab.model.eval()
    assert torch.is_grad_enabled()


def test_rows_of_dictionaries_are_pairs_by_the_names_of_their_columns(lab):
    pairs = [("the cat ran", "the cat cat", "verbs"), ("he ran", "she ran", "pronouns")]
    expected = minimal_pairs(lab, pairs)
    for good, bad, kind in (("sentence_good", "sentence_bad", "UID"), ("good", "bad", "phenomenon")):
        rows = [{kind: pair[2], "id": 3, bad: pair[1], good: pair[0]} for pair in pairs]
        assert minimal_pairs(lab, rows) == expected
        assert minimal_pairs(lab, [{good: pair[0], bad: pair[1]} for pair in pairs]).margins == expected.margins
    with pytest.raises(ValueError, match="pair 1 has the columns 'one', 'two'"):
        minimal_pairs(lab, [pairs[0], {"one": "he ran", "two": "she ran"}])


def test_rows_of_dictionaries_are_cloze_items_too(lab):
    row = {"text": "paris is the [MASK]", "expected": "capital", "kind": "place"}
    assert cloze(lab, [row]).answers == cloze(lab, [(row["text"], row["expected"])]).answers


@pytest.mark.parametrize("text", ["the [MASK] sat", "the cat [SEP] sat", "[CLS] the cat"])
def test_special_tokens_in_a_text_have_no_likelihood(lab, text):
    token = next(word for word in text.split() if word[0] == "[")
    for call in (lambda: score(lab, ["he ran", text]), lambda: lab.score(text)):
        with pytest.raises(ValueError, match=f"text . holds .{token[1:-1]}., which is no word"):
            call()
    assert score(lab, ["the unseen cat"])[0].tokens == ["the", "[UNK]", "cat"]


def test_errors_name_the_pair_from_the_first_of_all(lab):
    pairs = [("he ran", "she ran")] * 4
    for bad, message in (("", "pair 4 is ''"), ("the " * 40, "pair 4 has 42 tokens"), ("a [MASK]", "pair 4 holds")):
        with pytest.raises(ValueError, match=message):
            minimal_pairs(lab, [*pairs, ("he ran", bad)], pairs_per_step=2)


def test_one_item_in_place_of_several_is_refused(lab):
    for call in (
        lambda: score(lab, {"first": "the cat"}),
        lambda: minimal_pairs(lab, {"good": "he ran", "bad": "she ran"}),
        lambda: minimal_pairs(lab, "he ran"),
        lambda: cloze(lab, {"text": "the [MASK]", "expected": "cat"}),
        lambda: cloze(lab, [("the [MASK]", "cat")], candidates="cat"),
    ):
        with pytest.raises(TypeError):
            call()


def test_without_a_mask_token_nothing_can_be_asked_for(tmp_path):
    lab = small_lab(tmp_path)
    lab.tokenizer.mask_token = None
    for call in (lambda: score(lab, ["the cat"]), lambda: cloze(lab, [("the cat", "cat")])):
        with pytest.raises(ValueError, match="small has no mask token"):
            call()


def test_rows_behind_the_vocabulary_are_no_words(tmp_path):
    lab = small_lab(tmp_path)
    size = len(lab.tokenizer)
    lab.model.resize_token_embeddings(size + 5)
    (answer,) = cloze(lab, [("the [MASK] ran", "dog")], top_k=size + 5).answers
    assert len(answer.best) == size and all(isinstance(name, str) for name, _ in answer.best)


def test_progress_is_told(lab):
    for call in (
        lambda told: score(lab, TEXTS, progress=told.append),
        lambda told: cloze(lab, [("the [MASK] ran", "dog"), ("a [MASK]", "cat")], progress=told.append),
    ):
        told = []
        call(told)
        assert told == sorted(told) and told[-1] == 1
