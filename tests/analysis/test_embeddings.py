"""The input representation: parts that add up, positions, other orders, nearest words."""

import pytest
import torch
from model_cases import inputs, tiny

from bertlab.analysis import embeddings


@pytest.fixture(scope="module")
def model():
    return tiny("BertForPreTraining")


@pytest.fixture
def batch():
    return {"input_ids": torch.tensor([[5, 9, 7, 3, 11]]), "token_type_ids": torch.tensor([[0, 0, 1, 1, 1]])}


def test_the_parts_add_up_and_the_norm_of_their_sum_is_what_the_first_layer_gets(model, batch):
    found = embeddings.parts(model, batch)
    assert torch.allclose(found.word + found.position + found.token_type, found.sum, atol=1e-6)
    norm = model.bert.embeddings.LayerNorm
    assert torch.allclose(norm(found.sum), found.hidden, atol=1e-6)
    states = model(**batch, output_hidden_states=True).hidden_states
    assert torch.allclose(states[0], found.hidden, atol=1e-6)
    assert all(value.shape == (1, 5, model.config.hidden_size) for value in found.named().values())


def test_the_shares_add_up_to_one(model, batch):
    shares = embeddings.parts(model, batch).shares()
    assert set(shares) == {"word", "position", "token_type"}
    assert torch.allclose(sum(shares.values()), torch.ones(1, 5), atol=1e-5)


def test_several_rows_and_a_training_model_are_no_matter():
    model, batch = tiny("BertModel").train(), inputs("BertModel")
    first, second = (embeddings.parts(model, batch) for _ in range(2))
    assert torch.equal(first.hidden, second.hidden) and model.training
    assert first.position.shape == first.word.shape


@pytest.mark.parametrize("order", [[0, 3, 1, 2, 4], [4, 3, 2, 1, 0]])
def test_without_positions_the_outputs_are_the_same_set(model, batch, order):
    without = embeddings.rearranged(model, batch, order, positions=False)
    assert float(without.distance.max()) < 1e-5 * max(1.0, float(without.before.abs().max()))
    assert torch.allclose(without.cosine, torch.ones(5), atol=1e-5)
    moved = embeddings.rearranged(model, batch, order)
    assert float(moved.distance.max()) > 1e-2
    with torch.no_grad():
        given = {name: value[:, order] for name, value in batch.items()}
        expected = model.bert(**given).last_hidden_state[0]
    assert torch.allclose(moved.after[order], expected, atol=1e-5)


def test_an_order_that_is_none_is_refused(model, batch):
    same = embeddings.rearranged(model, batch, range(5))
    assert float(same.distance.max()) == 0
    with pytest.raises(ValueError, match="must name each of the 5 places once"):
        embeddings.rearranged(model, batch, [0, 1, 2, 3, 3])
    with pytest.raises(ValueError, match="must name each"):
        embeddings.rearranged(model, batch, [])
    with pytest.raises(ValueError, match="a place is 5"):
        embeddings.rearranged(model, batch, [0, 1, 2, 3, 5])
    with pytest.raises(TypeError, match="whole number"):
        embeddings.rearranged(model, batch, [0.5, 1, 2, 3, 4])
    with pytest.raises(ValueError, match="one row of input_ids"):
        embeddings.rearranged(model, {"input_ids": torch.ones(2, 5, dtype=torch.long)}, range(5))


def test_a_model_without_position_vectors_says_so(batch):
    model = tiny("BertModel", position_embedding_type="relative_key")
    found = embeddings.parts(model, batch)
    assert found.position is None and set(found.shares()) == {"word", "token_type"}
    with pytest.raises(LookupError, match="measures distances inside attention"):
        embeddings.position_similarity(model)
    with pytest.raises(LookupError, match="no position vectors"):
        embeddings.rearranged(model, batch, range(5), positions=False)
    assert float(embeddings.rearranged(model, batch, [4, 3, 2, 1, 0]).distance.max()) > 0


def test_the_likeness_of_positions_is_their_cosine(model):
    table = model.bert.embeddings.position_embeddings.weight.detach()
    found = embeddings.position_similarity(model)
    expected = torch.nn.functional.cosine_similarity(table[3], table[5], dim=0)
    assert float(found[3, 5]) == pytest.approx(float(expected), abs=1e-5)
    assert torch.allclose(found.diagonal(), torch.ones(len(table)), atol=1e-5)


def test_the_nearest_words_are_those_of_a_loop(model):
    table = model.bert.embeddings.word_embeddings.weight.detach()
    cosines = [float(torch.nn.functional.cosine_similarity(table[7], row, dim=0)) for row in table]
    best = sorted((i for i in range(len(table)) if i != 7), key=cosines.__getitem__, reverse=True)[:4]
    found = embeddings.nearest_words(model, 7, 4)
    assert [word.token_id for word in found] == best
    assert [word.similarity for word in found] == pytest.approx([cosines[i] for i in best], abs=1e-5)
    assert all(word.token_id != 7 for word in embeddings.nearest_words(model, 7, len(table) - 1))
    with pytest.raises(ValueError, match="token_id is 100000"):
        embeddings.nearest_words(model, 100000, 4)
    with pytest.raises(ValueError, match="k is 0"):
        embeddings.nearest_words(model, 7, 0)
