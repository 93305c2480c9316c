"""Attention: statistics against loops, and the identities that norm-weighted attention, rollout and flow must keep."""

import math

import pytest
import torch
from analysis_cases import largest_difference, row, run, small_lab
from model_cases import BATCH, HEADS, HIDDEN, LAYERS, SEQUENCE, inputs, tiny

from bertlab import record
from bertlab.analysis import attention as analysis
from bertlab.analysis.ablation import ablate


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def model():
    return tiny("BertForPreTraining")


@pytest.fixture(scope="module")
def recording(model):
    with record(model) as recording:
        run(model, inputs())
    return recording


def random_weights(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).softmax(-1)


def special_of(batch):
    special = torch.zeros(BATCH, SEQUENCE, dtype=torch.bool)
    special[:, 0] = True
    special[0, -1] = special[1, SEQUENCE - 3] = True
    return special & batch["attention_mask"].bool()


# -- statistics ----------------------------------------------------------------------------------------------------


def test_rows_have_the_entropy_distance_and_masses_that_loops_find():
    weights = random_weights(2, 3, 5, 5)
    keys = torch.tensor([[True, False, True, False, False], [False, True, False, False, True]])
    found = {
        "entropy": analysis.entropy(weights),
        "distance": analysis.distance(weights),
        "mass": analysis.mass_on(weights, keys),
        **{f"offset {n}": analysis.at_offset(weights, n) for n in (-1, 0, 1, 2)},
    }
    for b, h, i in [(0, 0, 0), (0, 2, 4), (1, 1, 2), (1, 2, 3)]:
        probs = weights[b, h, i].tolist()
        expected = {
            "entropy": -sum(p * math.log(p) for p in probs),
            "distance": sum(p * abs(i - j) for j, p in enumerate(probs)),
            "mass": sum(p for p, marked in zip(probs, keys[b].tolist()) if marked),
            **{f"offset {n}": probs[i + n] if 0 <= i + n < 5 else 0.0 for n in (-1, 0, 1, 2)},
        }
        for name, value in expected.items():
            assert float(found[name][b, h, i]) == pytest.approx(value, abs=1e-6), name


def test_statistics_average_over_the_words_and_nothing_else(recording):
    batch = inputs()
    special, real = special_of(batch), batch["attention_mask"].bool()
    types = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0] * 7])
    words = real & ~special
    measured = analysis.statistics(recording, special, attention_mask=real, token_type_ids=types)
    assert measured.texts == BATCH and measured.tokens == int(words.sum())
    probs = recording.attention(1)[:, 2]  # (batch, query, key)
    rows = [(b, i) for b in range(BATCH) for i in range(SEQUENCE) if words[b, i]]

    def mean(values):
        values = list(values)
        return sum(values) / len(values)

    expected = {
        "entropy": mean(float(analysis.entropy(probs[b, i])) for b, i in rows),
        "broadness": mean(float(analysis.entropy(probs[b, i])) / math.log(int(real[b].sum())) for b, i in rows),
        "distance": mean(sum(float(probs[b, i, j]) * abs(i - j) for j in range(SEQUENCE)) for b, i in rows),
        "special": mean(float(probs[b, i][special[b]].sum()) for b, i in rows),
        "previous": mean(float(probs[b, i, i - 1]) for b, i in rows),
        "next": mean(float(probs[b, i, i + 1]) for b, i in rows if i + 1 < SEQUENCE and real[b, i + 1]),
        "same": mean(float(probs[b, i, i]) for b, i in rows),
    }
    for name, value in expected.items():
        assert float(getattr(measured, name)[1, 2]) == pytest.approx(value, abs=1e-5), name
    pair = [(i, j) for i in range(SEQUENCE) for j in range(SEQUENCE) if words[0, i] and words[0, j]]
    own = sum(float(probs[0, i, j]) for i, j in pair if types[0, i] == types[0, j])
    assert float(measured.within[1, 2]) == pytest.approx(own / sum(float(probs[0, i, j]) for i, j in pair), abs=1e-5)


def test_without_pairs_nothing_is_said_about_staying_within_a_text(recording):
    measured = analysis.statistics(recording, special_of(inputs()))
    assert measured.within.isnan().all()
    assert not any("block" in layer for layer in analysis.patterns_of(measured))


def test_a_corpus_averages_to_what_its_texts_give_together_whatever_the_passes(lab):
    texts = ["the cat sat on the mat.", ("who ran?", "the red dog ran"), "he", "a big house, she sat!"]
    encodings = [lab.encode(*((t,) if isinstance(t, str) else t), return_special_tokens_mask=True) for t in texts]
    sums = {"entropy": 0.0, "special": 0.0, "punctuation": 0.0}
    count = 0
    for encoding in encodings:
        special = encoding.pop("special_tokens_mask")[0].bool()
        with record(lab.model, "*.probs") as recording:
            run(lab.model, encoding)
        probs = recording.attention(2)[0, 3][~special]  # (words, key)
        marks = torch.tensor([t in ".,?!" for t in lab.tokenizer.convert_ids_to_tokens(encoding["input_ids"][0])])
        sums["entropy"] += float(analysis.entropy(probs).sum())
        sums["special"] += float(probs[:, special].sum())
        sums["punctuation"] += float(probs[:, marks].sum())
        count += len(probs)
    for texts_per_pass in (1, 3, 10):
        measured = analysis.over_corpus(lab, iter(texts), texts_per_pass=texts_per_pass)
        assert (measured.texts, measured.tokens) == (4, count)
        assert float(measured.entropy[2, 3]) == pytest.approx(sums["entropy"] / count, abs=1e-5)
        assert float(measured.special[2, 3]) == pytest.approx(sums["special"] / count, abs=1e-5)
        assert float(measured.mass["punctuation"][2, 3]) == pytest.approx(sums["punctuation"] / count, abs=1e-5)
    delimiters = measured.mass["[CLS]"] + measured.mass["[SEP]"]
    assert largest_difference(delimiters, measured.special) < 1e-6
    assert not measured.within.isnan().any()
    steps = list(analysis.stream_corpus(lab, texts, texts_per_pass=3))
    assert [step.texts for step in steps] == [3, 4]


def made(rows):
    """Statistics of one layer of one head whose every row of words is `rows`, [CLS] and [SEP] around them."""
    weights = torch.tensor(rows)[None, None]
    special = torch.zeros(weights.shape[-1], dtype=torch.bool)
    special[0] = special[-1] = True
    return analysis.statistics([weights], special)


def test_heads_of_a_known_shape_get_their_names():
    n = 8
    eye = torch.eye(n)
    previous, following = eye.roll(-1, 1), eye.roll(1, 1)
    cls, wide = torch.zeros(n, n), torch.full((n, n), 1 / n)
    cls[:, 0] = 1
    one_word = torch.zeros(n, n)
    one_word[:, 4] = 1
    cases = [
        (previous, "previous", "diagonal"),
        (following, "next", "diagonal"),
        (eye, "same", "diagonal"),
        (cls, "delimiter", "vertical"),
        (0.7 * cls + 0.3 * previous, "delimiter", "vertical and diagonal"),
        (wide, "broad", "heterogeneous"),
        (one_word, "focused", "heterogeneous"),
    ]
    for rows, kind, pattern in cases:
        measured = made(rows.tolist())
        assert analysis.kinds_of(measured) == [[kind]]
        assert analysis.patterns_of(measured) == [[pattern]], kind
        assert kind in analysis.KINDS and pattern in analysis.PATTERNS
    types = torch.tensor([0] * 12 + [1] * 12)
    block = (types[:, None] == types).float()[None, None] / 12
    special = torch.tensor([True] + [False] * 22 + [True])
    measured = analysis.statistics([block], special, token_type_ids=types)
    assert analysis.patterns_of(measured) == [["block"]]


def test_the_table_has_a_row_for_every_head(lab):
    table = analysis.over_corpus(lab, ["the cat sat"]).table()
    assert [(r["layer"], r["head"]) for r in table] == [(n, h) for n in range(LAYERS) for h in range(HEADS)]
    assert {"kind", "pattern", "entropy", "special", "[SEP]"} <= set(table[0])


def test_hidden_tokens_leave_both_sides_and_the_rest_sums_to_one_again():
    weights = random_weights(3, 5, 5)
    hidden = torch.tensor([True, False, False, True, False])
    left = analysis.hide(weights, hidden)
    assert largest_difference(left, weights[:, [1, 2, 4]][:, :, [1, 2, 4]]) == 0
    again = analysis.hide(weights, hidden, renormalise=True)
    assert largest_difference(again.sum(-1), torch.ones(3, 3)) < 1e-6
    assert largest_difference(again * left.sum(-1, keepdim=True), left) < 1e-6
    nothing = analysis.hide(torch.eye(5)[[0, 0, 0, 0, 0]], hidden, renormalise=True)
    assert torch.equal(nothing, torch.zeros(3, 3))


def test_the_masses_between_groups_are_means_over_those_who_look():
    weights = random_weights(3, 5, 5)
    segments = torch.tensor([-1, 0, 0, 1, 1])
    masses = analysis.segment_mass(weights, segments)
    for a in (0, 1):
        for b in (0, 1):
            expected = [
                sum(float(weights[2, i, j]) for j in range(5) if segments[j] == b) for i in range(5) if segments[i] == a
            ]
            assert float(masses[2, a, b]) == pytest.approx(sum(expected) / len(expected), abs=1e-6)
    everything = analysis.segment_mass(weights, torch.tensor([0, 1, 1, 2, 2]), groups=3)
    assert largest_difference(everything.sum(-1), torch.ones(3, 3)) < 1e-6


# -- norms ---------------------------------------------------------------------------------------------------------


def test_the_contributions_of_heads_sum_to_the_layers_attention_output(model, recording):
    contributions = analysis.head_contributions(model, inputs())
    for number, layer in enumerate(model.bert.encoder.layer):
        assert contributions[number].shape == (BATCH, HEADS, SEQUENCE, HIDDEN)
        total = contributions[number].sum(1) + layer.attention.output.dense.bias
        projected = recording[f"encoder.layer.{number}.attention.output.projected"]
        assert largest_difference(total, projected) < 1e-5


def vectors_brought(model, recording, number):
    """(batch, heads, query, key, hidden): a f(x), written out."""
    attention = model.bert.encoder.layer[number].attention
    value = recording[f"encoder.layer.{number}.attention.self.v"]
    size = value.shape[-1]
    heads = []
    for head in range(value.shape[1]):
        part = attention.output.dense.weight[:, head * size : (head + 1) * size]  # (hidden, head size)
        sent = value[:, head] @ part.T  # (batch, key, hidden)
        heads.append(recording.attention(number)[:, head, :, :, None] * sent[:, None])
    return torch.stack(heads, 1)


def test_norm_weighted_attention_is_the_length_of_what_is_brought(model, recording):
    maps = analysis.norm_weighted(model, inputs())
    for number in range(LAYERS):
        expected = vectors_brought(model, recording, number).norm(dim=-1)
        assert largest_difference(maps[number], expected) < 1e-5
    assert float(maps[0][1, :, :, SEQUENCE - 2 :].abs().max()) == 0  # padding brings nothing


@pytest.mark.parametrize("layer_norm", [False, True])
def test_with_the_residual_the_parts_sum_to_the_layers_state_and_their_lengths_are_the_map(
    model, recording, layer_norm
):
    maps = analysis.norm_weighted(model, inputs(), residual=True, layer_norm=layer_norm)
    mixed = analysis.mixing(model, inputs(), layer_norm=layer_norm)
    for number, layer in enumerate(model.bert.encoder.layer):
        output = layer.attention.output
        parts = vectors_brought(model, recording, number).sum(1)  # (batch, query, key, hidden)
        at = torch.arange(SEQUENCE)
        parts[:, at, at] += recording.hidden(number)
        bias = output.dense.bias.expand(BATCH, SEQUENCE, -1)
        total = recording[f"encoder.layer.{number}.attention.output.residual"]
        assert largest_difference(parts.sum(2) + bias, total) < 1e-5
        if layer_norm:
            norm = output.LayerNorm
            scale = (total.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            parts = (parts - parts.mean(-1, keepdim=True)) / scale[:, :, None] * norm.weight
            bias = (bias - bias.mean(-1, keepdim=True)) / scale * norm.weight + norm.bias
            normed = recording[f"encoder.layer.{number}.attention.output.normed"]
            assert largest_difference(parts.sum(2) + bias, normed) < 1e-5
        assert maps[number].shape == (BATCH, 1, SEQUENCE, SEQUENCE)
        assert largest_difference(maps[number][:, 0], parts.norm(dim=-1)) < 1e-4
        own = parts[:, at, at].norm(dim=-1)
        others = (parts.sum(2) - parts[:, at, at]).norm(dim=-1)
        assert largest_difference(mixed[number].ratio, others / (others + own)) < 1e-5


def test_norms_see_heads_that_are_switched_off_and_pruned(model):
    with ablate(model, {1: [0, 1, 2, 3]}, "zero"):
        assert float(analysis.head_contributions(model, inputs())[1].abs().max()) == 0
    pruned = tiny("BertForMaskedLM")
    pruned.prune_heads({1: [0]})
    assert [len(m[0]) for m in analysis.norm_weighted(pruned, inputs())] == [HEADS, HEADS - 1, HEADS]


# -- rollout and flow ----------------------------------------------------------------------------------------------


def test_rows_of_rollout_sum_to_one_and_it_is_the_product_of_the_layers(recording):
    rolled = analysis.rollout(recording)
    assert rolled.shape == (LAYERS, BATCH, SEQUENCE, SEQUENCE)
    assert largest_difference(rolled.sum(-1), torch.ones(LAYERS, BATCH, SEQUENCE)) < 1e-5
    expected = torch.eye(SEQUENCE).expand(BATCH, -1, -1)
    for number in range(LAYERS):
        step = 0.5 * recording.attention(number).mean(1) + 0.5 * torch.eye(SEQUENCE)
        expected = torch.einsum("bij,bjk->bik", step, expected)
        assert largest_difference(rolled[number], expected) < 1e-5


def test_rollout_of_nothing_but_the_residual_stays_where_it_is(recording):
    assert largest_difference(analysis.rollout(recording, residual=1.0)[-1, 0], torch.eye(SEQUENCE)) == 0


def test_rollout_takes_maps_of_norms_too(model):
    batch = row(inputs(), 0)
    rolled = analysis.rollout(analysis.norm_weighted(model, batch, residual=True), residual=0.0)
    assert largest_difference(rolled.sum(-1), torch.ones(LAYERS, 1, SEQUENCE)) < 1e-5


def test_flow_is_the_maximum_flow_that_another_library_finds():
    networkx = pytest.importorskip("networkx")
    layers = [random_weights(1, 2, 4, 4, seed=seed) for seed in range(3)]
    flows = analysis.flow(layers, [1, 3])
    graph = networkx.DiGraph()
    for level, weights in enumerate(layers):
        mixed = 0.5 * weights[0].mean(0) + 0.5 * torch.eye(4)
        for query in range(4):
            for key in range(4):
                graph.add_edge((level, key), (level + 1, query), capacity=float(mixed[query, key]))
    for number, place in enumerate([1, 3]):
        for key in range(4):
            expected = networkx.maximum_flow_value(graph, (0, key), (3, place))
            assert float(flows[number, key]) == pytest.approx(expected, abs=1e-5)


def test_what_cannot_be_measured_is_said_in_words(lab, recording):
    weights = recording.attention(0)
    for call, message in [
        (lambda: analysis.statistics(recording, torch.ones(SEQUENCE)), "at least one word"),
        (lambda: analysis.statistics(recording, torch.ones(3)), "special has shape"),
        (lambda: analysis.statistics([weights[0, 0]], torch.ones(3)), "batch, heads, query, key"),
        (lambda: analysis.mass_on(weights, torch.ones(3)), "keys has shape"),
        (lambda: analysis.segment_mass(weights, torch.ones(3)), "segments has shape"),
        (lambda: analysis.hide(weights, torch.ones(3)), "hidden has shape"),
        (lambda: analysis.rollout([]), "no layer's attention"),
        (lambda: analysis.rollout([weights], residual=2), "from 0 to 1"),
        (lambda: analysis.flow(recording), "one text of at most 64"),
        (lambda: analysis.flow([weights[:1]], [99]), "no place 99"),
        (lambda: analysis.over_corpus(lab, []), "no texts"),
        (lambda: analysis.norm_weighted(lab.model, {}, layer_norm=True), "residual=True"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


# -- heads that are gone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pruned", [{0: [1]}, {0: [0, 1, 2, 3]}, {0: [1], 1: [0, 3], 2: [2]}])
def test_statistics_of_heads_that_are_left_are_those_of_the_whole_model_where_nothing_else_changed(pruned):
    whole, model, batch = tiny("BertForPreTraining"), tiny("BertForPreTraining"), inputs()
    model.prune_heads(pruned)
    with record(model) as recording:
        run(model, batch)
    with ablate(whole, pruned), record(whole) as everything:
        run(whole, batch)
    special = special_of(batch)
    found = analysis.statistics(recording, special, attention_mask=batch["attention_mask"], model=model)
    expected = analysis.statistics(everything, special, attention_mask=batch["attention_mask"])
    gone = torch.zeros(LAYERS, HEADS, dtype=torch.bool)
    for layer, heads in pruned.items():
        gone[layer, heads] = True
    for name in ("entropy", "broadness", "distance", "previous", "next", "same", "special"):
        assert torch.equal(getattr(found, name).isnan(), gone), name
        assert largest_difference(getattr(found, name)[~gone], getattr(expected, name)[~gone]) < 1e-5, name
    kinds = analysis.kinds_of(found)
    assert [[kind == analysis.GONE for kind in layer] for layer in kinds] == gone.tolist()
    assert [(line["layer"], line["head"]) for line in found.table()] == [tuple(at) for at in (~gone).nonzero().tolist()]


def test_layers_of_unequal_heads_need_the_model(lab):
    weights = [random_weights(1, heads, 5, 5) for heads in (4, 3, 4)]
    special = torch.tensor([True, False, False, False, True])
    with pytest.raises(ValueError, match="the layers have 4, 3, 4 heads, so some are pruned; give model="):
        analysis.statistics(weights, special)
    with pytest.raises(ValueError, match="give the model whose attention it is"):
        analysis.statistics(weights, special, model=lab.model)


def test_a_corpus_is_averaged_under_pruned_heads(tmp_path):
    lab = small_lab(tmp_path)
    lab.model.prune_heads({1: [0, 1, 2, 3], 2: [0]})
    found = analysis.over_corpus(lab, ["the cat sat", ("he ran", "who is she?")])
    assert found.entropy.isnan().tolist() == [[False] * 4, [True] * 4, [True, False, False, False]]


def test_in_a_layer_without_heads_only_the_residual_counts():
    weights = [random_weights(1, 2, 5, 5), torch.zeros(1, 0, 5, 5), random_weights(1, 3, 5, 5, seed=2)]
    whole = analysis.rollout(weights)
    assert torch.equal(whole[1], whole[0])
    assert torch.allclose(whole[2], analysis.rollout([weights[0], weights[2]])[1], atol=1e-6)
    flows = analysis.flow(weights)
    assert torch.isfinite(flows).all() and bool((flows > 0).all())


def test_a_row_that_lost_all_its_weights_keeps_its_own_token():
    weights = random_weights(1, 2, 4, 4)
    weights[:, :, 2] = 0
    (rolled,) = analysis.rollout([weights])
    assert torch.equal(rolled[0, 2], torch.eye(4)[2])
