"""Running text becomes sequences, epoch by epoch."""

import itertools

import pytest
import torch

from bertlab.data import Corpus, DataError, Mixture, collate_pretraining, pretraining_batches, pretraining_features
from bertlab.data.corpus import endless_features

from training_cases import stories, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def test_a_corpus_gives_back_its_documents_from_memory_and_from_files(tokenizer, tmp_path):
    told = stories(30)
    expected = [[tokenizer(s, add_special_tokens=False)["input_ids"] for s in document] for document in told]
    in_memory = Corpus.build(told, tokenizer)
    in_files = Corpus.build(told, tokenizer, tmp_path / "corpus", chunk=7)
    for corpus in (in_memory, in_files, Corpus.open(tmp_path / "corpus")):
        assert len(corpus) == 30 and [corpus[n] for n in range(30)] == expected
        assert corpus[-1] == expected[-1]
        assert corpus.tokens == sum(len(sentence) for document in expected for sentence in document)
    with pytest.raises(IndexError):
        in_memory[30]
    with pytest.raises(FileNotFoundError, match="no finished corpus"):
        Corpus.open(tmp_path)
    with pytest.raises(DataError, match="empty"):
        Corpus.build([[""]], tokenizer)


def test_a_corpus_and_a_mixture_can_be_sliced_like_a_list(tokenizer):
    corpus = Corpus.build(stories(7), tokenizer)
    mixture = Mixture({"low": numbered(1000, 3), "high": numbered(5000, 4)}, {"low": 3, "high": 1})
    for documents in (corpus, mixture):
        whole = list(documents)
        for part in (slice(2, 5), slice(-2, None), slice(None, None, -3), slice(5, 99), slice(4, 4)):
            assert documents[part] == whole[part]


def test_pretraining_features_are_well_formed(tokenizer):
    corpus = Corpus.build(stories(30), tokenizer)
    labels = set()
    for feature in pretraining_features(corpus, tokenizer, 32):
        ids, types = feature["input_ids"], feature["token_type_ids"]
        assert len(ids) == len(types) <= 32
        assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
        assert ids.count(tokenizer.sep_token_id) == 2 and types == sorted(types)
        labels.add(feature["next_sentence_label"])
    assert labels == {0, 1}
    packed = list(pretraining_features(corpus, tokenizer, 32, pairs=False))
    assert {feature["next_sentence_label"] for feature in packed} == {-100}


def test_epochs_differ_and_seeds_repeat(tokenizer):
    corpus = Corpus.build(stories(20), tokenizer)
    first = list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=0))
    assert first == list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=0))
    assert first != list(pretraining_features(corpus, tokenizer, 32, seed=1, epoch=1))
    batch = collate_pretraining(next(pretraining_batches(corpus, tokenizer, 4, 32)), 0, multiple=8)
    assert batch["input_ids"].shape[1] % 8 == 0
    assert torch.equal(batch["attention_mask"] == 0, batch["input_ids"] == 0)


def numbered(first, documents, sentences=6):
    """Documents whose ids say where they come from: no two sentences are alike."""
    ids = iter(range(first, first + 5 * documents * sentences))
    return [[[next(ids) for _ in range(5)] for _ in range(sentences)] for _ in range(documents)]


def test_a_mixture_draws_by_share_and_pairs_within_one_corpus(tokenizer):
    mixture = Mixture({"low": numbered(1000, 20), "high": numbered(5000, 40)}, {"low": 3, "high": 1})
    features = list(itertools.islice(endless_features(mixture, tokenizer, 32), 800))
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    sides = [{number >= 5000 for number in feature["input_ids"] if number not in special} for feature in features]
    assert all(len(side) == 1 for side in sides), "both segments are from one corpus"
    assert 0.70 < sum(side == {False} for side in sides) / len(sides) < 0.80
    assert features == list(itertools.islice(endless_features(mixture, tokenizer, 32), 800))
    assert len(mixture) == 60 and mixture[20][0][0] == 5000 and mixture[-1] == mixture.parts["high"][-1]
    with pytest.raises(IndexError):
        mixture[60]


@pytest.mark.parametrize("shares", [{"low": 1}, {"low": 1, "high": 0}, {"low": 1, "high": -1}])
def test_a_mixture_needs_a_share_above_0_for_every_corpus(shares):
    with pytest.raises(ValueError, match="shares"):
        Mixture({"low": numbered(1000, 2), "high": numbered(5000, 2)}, shares)


def test_sentences_can_stand_alone(tokenizer):
    corpus = numbered(1000, 3, sentences=4)
    features = list(pretraining_features(corpus, tokenizer, 6, single_sentences=True))
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    expected = [[cls, *sentence[:4], sep] for document in corpus for sentence in document]
    assert sorted(feature["input_ids"] for feature in features) == sorted(expected)
    assert {feature["next_sentence_label"] for feature in features} == {-100}


def test_single_sentences_are_packed_across_documents(tokenizer):
    sentences = numbered(1000, 30, sentences=1)
    features = list(pretraining_features(sentences, tokenizer, 32))
    assert {feature["next_sentence_label"] for feature in features} == {-100}
    assert [len(feature["input_ids"]) for feature in features] == [32] * 5
