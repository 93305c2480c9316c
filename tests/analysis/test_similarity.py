"""Similarity split into pairs: the cells add up to the cosine of the vectors, at every layer and pooling."""

import pytest
import torch
from analysis_cases import small_lab

from bertlab.analysis import similarity
from bertlab.analysis.states import POOLINGS, embed

A, B = "the cats sat on a mat.", "a dog ran"


@pytest.fixture(scope="module", params=["whole", "pruned", "decoder"])
def lab(request, tmp_path_factory):
    changes = {"is_decoder": True} if request.param == "decoder" else {}
    lab = small_lab(tmp_path_factory.mktemp("lab"), **changes)
    if request.param == "pruned":
        lab.model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    return lab


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("layer", [0, 2, -1])
def test_the_pairs_add_up_to_the_cosine_of_the_embeddings(lab, layer, words, pooling):
    found = similarity.explain(lab, A, B, layer=layer, words=words, pooling=pooling)
    vectors = embed(lab, [A, B], layer=layer, pooling=pooling)
    cosine = torch.cosine_similarity(vectors[:1], vectors[1:])
    assert abs(found.cosine - float(cosine)) < 1e-5
    assert abs(float(found.pairs.sum()) - found.cosine) < 1e-5
    assert found.pairs.shape == (len(found.tokens_a), len(found.tokens_b))


def test_each_pair_is_the_product_of_two_tokens(lab):
    found = similarity.explain(lab, A, B, layer=1)
    hidden = [lab.record(text).hidden(1)[0].double() for text in (A, B)]
    means = [states.mean(0).norm() for states in hidden]
    for i in (0, 3):
        for j in (1, 4):
            share = hidden[0][i] @ hidden[1][j] / (len(hidden[0]) * len(hidden[1]) * means[0] * means[1])
            assert abs(float(found.pairs[i, j]) - float(share)) < 1e-6
    assert found.tokens_b == ["[CLS]", "a", "dog", "ran", "[SEP]"]


def test_words_are_named_and_hold_the_sum_of_their_pieces(lab):
    pieces, words = (similarity.explain(lab, A, B, words=words) for words in (False, True))
    assert pieces.tokens_a[2:4] == ["cat", "##s"] and words.tokens_a[2] == "cats"
    assert torch.allclose(pieces.pairs[2:4].sum(0), words.pairs[2], atol=1e-6)


def test_all_layers_from_one_pass_are_those_of_each(lab):
    every = similarity.explain_layers(lab, A, B, words=True)
    assert [one.layer for one in every] == [0, 1, 2, 3]
    for one in every:
        alone = similarity.explain(lab, A, B, layer=one.layer, words=True)
        assert torch.allclose(one.pairs, alone.pairs, atol=1e-6) and abs(one.cosine - alone.cosine) < 1e-6


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_matrix_holds_the_cosine_of_every_pair(lab, pooling):
    texts = [A, B, "he", "who is she ?"]
    matrix = similarity.matrix(lab, texts, layer=2, pooling=pooling)
    assert torch.allclose(matrix.diagonal(), torch.ones(4), atol=1e-5)
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            assert (
                abs(float(matrix[i, j]) - similarity.explain(lab, one, other, layer=2, pooling=pooling).cosine) < 1e-5
            )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda lab: similarity.explain(lab, [A], B), TypeError, "a is a list"),
        (lambda lab: similarity.explain(lab, A, B, layer=4), ValueError, "layer is 4; allowed are -4 to 3"),
        (lambda lab: similarity.explain(lab, A, B, pooling="sum"), ValueError, "pooling is 'sum'; allowed are mean"),
        (lambda lab: similarity.explain(lab, A, "the " * 40), ValueError, "text 1 has 42 tokens"),
        (lambda lab: similarity.matrix(lab, []), ValueError, "no texts; give at least one"),
        (lambda lab: similarity.matrix(lab, [A, 3]), TypeError, "text 1 is a int"),
    ],
)
def test_bad_input_is_named(lab, call, error, message):
    with pytest.raises(error, match=message):
        call(lab)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_matrices_of_all_layers_are_those_of_each(lab, pooling):
    texts, told = [A, B, "the cats ran on", A], []
    found = similarity.matrices(lab, texts, pooling=pooling, progress=told.append)
    assert found.shape == (len(lab.model.base_model.encoder.layer) + 1, 4, 4) and told[-1] == 1
    for layer, matrix in enumerate(found):
        assert torch.allclose(matrix, similarity.matrix(lab, texts, layer=layer, pooling=pooling), atol=1e-5)


@pytest.mark.parametrize("words", [False, True])
def test_an_encoding_may_stand_for_its_text_and_may_be_changed(lab, words):
    a, b = lab.encode(A), lab.encode(B)
    given = similarity.explain(lab, A, B, layer=2, words=words)
    found = similarity.explain(lab, a, b, layer=2, words=words)
    assert torch.equal(found.pairs, given.pairs) and found.tokens_a == given.tokens_a
    a["input_ids"][0, 2] = lab.tokenizer.mask_token_id
    changed = similarity.explain(lab, a, b, layer=2, words=words)
    assert "[MASK]" in "".join(changed.tokens_a) and abs(float(changed.pairs.sum()) - changed.cosine) < 1e-5
    assert abs(changed.cosine - found.cosine) > 1e-4


def test_what_is_no_single_text_is_refused(lab):
    with pytest.raises(TypeError, match="a is a int"):
        similarity.explain(lab, 7, B)
    with pytest.raises(TypeError, match="b is a dict"):
        similarity.explain(lab, A, {"ids": 3})
    with pytest.raises(ValueError, match="one text without padding"):
        similarity.explain(lab, A, lab.encode([A, B]))
    with pytest.raises(ValueError, match="takes at most"):
        similarity.explain(lab, A, {"input_ids": torch.ones(1, lab.max_length + 1, dtype=torch.long)})
