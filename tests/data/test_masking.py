"""Masked words, sentence pairs and packing, checked by counting."""

import random

import pytest
import torch

from bertlab.data.masking import mask_tokens, pack, sentence_pairs, word_numbers
from bertlab.tasks import truncate_pair

MASK, VOCABULARY = 4, 997


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    input_ids = torch.randint(5, VOCABULARY, (40, 250), generator=generator)
    special = torch.zeros_like(input_ids, dtype=torch.bool)
    special[:, 0] = True
    special[:, 200:] = True
    return input_ids, special


def mask(batch, **options):
    input_ids, special = batch
    options.setdefault("generator", torch.Generator().manual_seed(0))
    return mask_tokens(input_ids, mask_token_id=MASK, vocab_size=VOCABULARY, special=special, **options)


def test_about_the_rate_is_chosen_and_special_tokens_never(batch):
    input_ids, special = batch
    masked = mask(batch, rate=0.15)
    chosen = masked.labels != -100
    assert chosen[~special].float().mean() == pytest.approx(0.15, abs=0.01)
    assert not chosen[special].any()
    assert torch.equal(masked.labels[chosen], input_ids[chosen])
    assert torch.equal(masked.input_ids[~chosen], input_ids[~chosen])


def test_chosen_positions_are_split_80_10_10(batch):
    input_ids, _ = batch
    masked = mask(batch, rate=0.9)
    chosen = masked.labels != -100
    became = masked.input_ids[chosen]
    assert (became == MASK).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (became == input_ids[chosen]).float().mean() == pytest.approx(0.1, abs=0.02)
    assert ((became != MASK) & (became != input_ids[chosen])).float().mean() == pytest.approx(0.1, abs=0.02)
    assert len(became[(became != MASK) & (became != input_ids[chosen])].unique()) > 300


def test_whole_words_are_chosen_together(batch):
    input_ids, special = batch
    continues = torch.zeros(VOCABULARY, dtype=torch.bool)
    continues[500:] = True
    words = word_numbers(input_ids, continues)
    chosen = mask(batch, rate=0.3, words=words).labels != -100
    chosen_words = {(row, int(words[row, column])) for row, column in chosen.nonzero().tolist()}
    for row, column in (~special & ~chosen).nonzero().tolist():
        assert (row, int(words[row, column])) not in chosen_words


def test_word_numbers_count_the_starts():
    continues = torch.tensor([False, True])
    assert word_numbers(torch.tensor([[0, 1, 1, 0, 0, 1]]), continues).tolist() == [[0, 0, 0, 1, 2, 2]]
    assert word_numbers(torch.tensor([[1, 1, 0]]), continues).tolist() == [[0, 0, 1]]


def test_the_same_generator_gives_the_same_mask_and_leaves_the_global_one_alone(batch):
    before = torch.get_rng_state()
    first, second = mask(batch), mask(batch)
    assert torch.equal(first.input_ids, second.input_ids)
    assert torch.equal(before, torch.get_rng_state())
    third = mask(batch, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(first.input_ids, third.input_ids)


def test_the_input_is_not_changed(batch):
    copy = batch[0].clone()
    mask(batch, rate=1.0)
    assert torch.equal(batch[0], copy)


@pytest.mark.parametrize("options", [{"rate": 1.5}, {"masked": -0.1}, {"masked": 0.8, "randomized": 0.3}])
def test_impossible_shares_are_refused(batch, options):
    with pytest.raises(ValueError, match="share|at most 1"):
        mask(batch, **options)


def test_wrong_shapes_are_refused(batch):
    with pytest.raises(ValueError, match="words has shape"):
        mask(batch, words=torch.zeros(2, 3, dtype=torch.long))


def numbered_documents(count=60, generator=None):
    """Documents whose token ids tell their place: document * 1000 + running number."""
    generator = generator or random.Random(5)
    documents = []
    for number in range(count):
        token, document = number * 1000, []
        for _ in range(generator.randint(2, 12)):
            length = generator.randint(3, 20)
            document.append(list(range(token, token + length)))
            token += length
        documents.append(document)
    return documents


def test_pairs_are_labelled_by_whether_the_second_continues_the_first():
    documents = numbered_documents()
    pairs = list(sentence_pairs(documents, 1000, generator=random.Random(0)))
    for pair in pairs:
        follows = pair.second[0] == pair.first[-1] + 1
        same_document = pair.second[0] // 1000 == pair.first[0] // 1000
        assert pair.label == (0 if follows else 1)
        assert same_document == follows
    share = sum(pair.label for pair in pairs) / len(pairs)
    assert 0.4 < share < 0.6


def test_pairs_fit_and_are_never_empty():
    for max_tokens in (2, 5, 30):
        for pair in sentence_pairs(numbered_documents(), max_tokens, generator=random.Random(0)):
            assert 2 <= len(pair.first) + len(pair.second) <= max_tokens
            assert pair.first and pair.second


def test_what_follows_stays_beside_a_first_segment_that_was_cut():
    documents = [[list(range(1000 * d + 30 * s, 1000 * d + 30 * s + 30)) for s in range(4)] for d in range(9)]
    pairs = list(sentence_pairs(documents, 41, generator=random.Random(0), short_share=0))
    following = [pair for pair in pairs if pair.label == 0]
    assert following and all(pair.second[0] == pair.first[-1] + 1 for pair in following)


def test_every_first_segment_is_part_of_its_document_and_most_tokens_are_seen():
    documents = numbered_documents()
    seen = set()
    for pair in sentence_pairs(documents, 64, generator=random.Random(0), short_share=0):
        seen.update(pair.first)
        if pair.label == 0:
            seen.update(pair.second)
    total = sum(len(sentence) for document in documents for sentence in document)
    assert len(seen) > 0.75 * total


def test_a_single_sentence_is_not_asked_what_follows():
    documents = [[[1, 2, 3]], [[4], [5]], [[6], [7]]]
    pairs = list(sentence_pairs(documents, 8, generator=random.Random(0), order=[0]))
    assert pairs == [([1, 2, 3], [], -100)]


def test_pairs_need_a_second_document():
    with pytest.raises(ValueError, match="another document"):
        list(sentence_pairs([[[1], [2]]], 8, generator=random.Random(0)))


def test_pairs_repeat_under_the_same_seed():
    documents = numbered_documents()
    first = list(sentence_pairs(documents, 40, generator=random.Random(9)))
    assert first == list(sentence_pairs(documents, 40, generator=random.Random(9)))
    assert first != list(sentence_pairs(documents, 40, generator=random.Random(8)))


@pytest.mark.parametrize("first, second, room", [(9, 4, 10), (4, 9, 10), (9, 9, 7), (1, 30, 8), (3, 3, 6)])
def test_truncation_shortens_the_longer_one(first, second, room):
    one, two = truncate_pair(list(range(first)), list(range(second)), room)
    assert len(one) + len(two) == min(room, first + second)
    assert abs(len(one) - len(two)) <= max(1, abs(first - second))
    assert one == list(range(len(one))) and two == list(range(len(two)))


def test_packing_keeps_every_token_once_and_documents_apart():
    documents = numbered_documents()
    packed = list(pack(documents, 50))
    assert all(1 <= len(sequence) <= 50 for sequence in packed)
    assert all(sequence[0] // 1000 == sequence[-1] // 1000 for sequence in packed)
    tokens = [token for sequence in packed for token in sequence]
    assert tokens == [token for document in documents for sentence in document for token in sentence]


def test_packing_across_documents_is_denser_and_separates_them():
    documents = numbered_documents()
    packed = list(pack(documents, 50, cross_documents=True, separator=-1))
    assert len(packed) < len(list(pack(documents, 50)))
    for sequence in packed:
        for left, right in zip(sequence, sequence[1:], strict=False):
            if -1 not in (left, right):
                assert left // 1000 == right // 1000
    tokens = [token for sequence in packed for token in sequence if token != -1]
    assert tokens == [token for document in documents for sentence in document for token in sentence]


def test_packing_cuts_a_sentence_that_is_too_long():
    assert list(pack([[list(range(12))]], 5)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
