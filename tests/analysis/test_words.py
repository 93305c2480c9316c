"""Words instead of pieces: every token's word, and what is summed and averaged when pieces become words."""

import pytest
import torch
from analysis_cases import small_lab

from bertlab.analysis import words


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


def test_special_tokens_are_words_of_their_own_and_a_second_text_counts_on(lab):
    encoding = lab.encode("cats sat", "a dogs")
    assert encoding.tokens(0) == ["[CLS]", "cat", "##s", "sat", "[SEP]", "a", "dog", "##s", "[SEP]"]
    assert words.of(encoding) == [0, 1, 1, 2, 3, 4, 5, 5, 6]


def test_each_token_of_padding_is_a_word_too(lab):
    encoding = lab.encode(["cats", "the cat sat"])
    assert words.of(encoding, 0) == [0, 1, 1, 2, 3] and words.of(encoding, row=1) == [0, 1, 2, 3, 4]


def test_a_mask_beside_a_word_is_no_part_of_it(lab):
    encoding = lab.encode("cat[MASK][MASK] sat")
    assert words.of(encoding) == list(range(len(encoding.tokens(0))))


def test_words_given_as_a_list_are_those(lab):
    encoding = lab.encode(["big-cats", "", "sat"], is_split_into_words=True)
    numbers = words.of(encoding)
    assert numbers[0] == 0 and numbers[-1] == max(numbers) == 3
    assert sorted(set(numbers)) == [0, 1, 2, 3]


def test_the_readable_tokenizer_knows_the_same_words(lab):
    texts = ("cats sat", "a dogs ran")
    assert words.of(lab.tokenizer.readable()(*texts)) == words.of(lab.tokenizer(*texts))


def test_keys_are_summed_and_queries_averaged_in_the_order_of_the_first_token():
    weights = torch.rand(3, 2, 5, 5).softmax(-1)  # (layers, heads, query, key)
    numbers = [7, 3, 3, 3, 5]
    merged = words.merge(weights, numbers)
    assert merged.shape == (3, 2, 3, 3)
    groups = [[0], [1, 2, 3], [4]]
    for i, looks in enumerate(groups):
        for j, seen in enumerate(groups):
            expected = weights[..., looks, :][..., seen].sum(-1).mean(-1)
            assert torch.allclose(merged[..., i, j], expected, atol=1e-6)
    assert torch.allclose(merged.sum(-1), torch.ones(3, 2, 3), atol=1e-6)


def test_keys_may_have_words_of_their_own_as_in_cross_attention():
    weights = torch.rand(4, 3, 6).softmax(-1)
    merged = words.merge(weights, torch.tensor([0, 0, 1]), [0, 1, 1, 2, 2, 2])
    assert merged.shape == (4, 2, 3)
    assert torch.allclose(merged.sum(-1), torch.ones(4, 2), atol=1e-6)


def test_scores_add_up_over_words():
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert words.total(scores, [0, 1, 1, 2]).tolist() == [[1.0, 5.0, 4.0]]


def test_names_are_the_pieces_joined(lab):
    encoding = lab.encode("Cats, dogs [MASK]")
    assert words.names(encoding.tokens(0), words.of(encoding), lab.tokenizer) == [
        "[CLS]", "cats", ",", "dogs", "[MASK]", "[SEP]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: words.of({"input_ids": [[1]]}), TypeError, "give what the tokenizer returns"),
        (lambda: words.merge(torch.rand(4, 4), [0, 1]), ValueError, "2 words for 4 tokens"),
        (lambda: words.merge(torch.rand(2, 3), [0, 1]), ValueError, "key_words has 2 words for 3 tokens"),
        (lambda: words.merge(torch.rand(2, 2), [None, 1]), TypeError, "what words.of returns"),
    ],
)
def test_what_has_no_words_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_row_that_is_not_there_is_a_lookup_error(lab):
    with pytest.raises(LookupError):
        words.of(lab.encode("cats"), 3)
