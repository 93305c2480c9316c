"""Patching against a loop that edits the model once a cell, and edges cut against a loop over the weights."""

import pytest
import torch
from analysis_cases import largest_difference, row, run, small_lab
from model_cases import HEADS, LAYERS, tiny

from bertlab import edit, record
from bertlab.analysis.ablation import ablate
from bertlab.analysis.patching import COMPONENTS, knock_out, patch, patch_all, stream_patches
from bertlab.analysis.targets import answer_end, label, masked_token, next_sentence
from bertlab.recording import HookPoint, names

CLEAN, CORRUPT = "the cats sat on a mat", "the dogs ran on a house"
TARGET = masked_token(2, 11, "log_probability")


@pytest.fixture(scope="module", params=["whole", "pruned", "decoder", "double"])
def lab(request, tmp_path_factory):
    lab = small_lab(tmp_path_factory.mktemp("lab"), **({"is_decoder": True} if request.param == "decoder" else {}))
    if request.param == "pruned":
        lab.model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    if "double" in request.param:
        lab.model.double()
    return lab


def by_editing(model, clean, corrupt, metric, what, layer, place):
    """The metric of a whole pass in which one value is replaced."""
    name = names.hidden(layer) if what == "hidden" else COMPONENTS[what](layer)
    with record(model, name) as recording:
        run(model, clean)
    given = recording[name]

    def change(value):
        value[:, place] = given[:, place]
        return value

    with edit(model, {name: change}):
        return metric(run(model, corrupt)).mean()


@pytest.mark.parametrize("what", [what for what in COMPONENTS if what != "heads"])
@pytest.mark.parametrize("metric", [TARGET, next_sentence(0, "log_probability")])
def test_each_cell_is_what_an_edit_of_the_whole_model_gives(lab, what, metric):
    if lab.model.config.is_decoder and metric is not TARGET:
        metric = masked_token(7, 3)  # [CLS] sees nothing but itself in a decoder
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    found = patch(lab.model, clean, corrupt, metric, what=what, tokens_per_pass=40)
    ends = [metric(run(lab.model, batch)).mean() for batch in (clean, corrupt)]
    assert largest_difference(found.clean, ends[0]) < 1e-5 and largest_difference(found.corrupt, ends[1]) < 1e-5
    length = clean["input_ids"].shape[1]
    assert found.effect.shape == (LAYERS + (what == "hidden"), length)
    for layer in range(len(found.effect)):
        for place in range(length):
            patched = by_editing(lab.model, clean, corrupt, metric, what, layer, place)
            expected = (patched - ends[1]) / (ends[0] - ends[1])
            assert abs(float(found.effect[layer, place]) - float(expected)) < 2e-3, (layer, place)


def test_heads_are_numbered_as_before_pruning_and_nan_where_they_are_gone(lab):
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    found = patch(lab.model, clean, corrupt, TARGET, what="heads", tokens_per_pass=20)
    assert found.effect.shape == (LAYERS, HEADS)
    for layer, part in enumerate(lab.model.bert.encoder.layer):
        left = [head for head in range(HEADS) if head not in part.attention.pruned_heads]
        assert found.effect[layer].isnan().tolist() == [head not in left for head in range(HEADS)]
        for place, head in enumerate(left):
            patched = by_editing(lab.model, clean, corrupt, TARGET, "heads", layer, place)
            expected = (patched - found.corrupt) / (found.clean - found.corrupt)
            assert abs(float(found.effect[layer, head]) - float(expected)) < 2e-3


def test_a_whole_hidden_state_restores_everything(lab):
    effect = patch_all(lab.model, lab.encode(CLEAN), lab.encode(CORRUPT), TARGET)
    assert effect.shape == (LAYERS + 1,) and torch.allclose(effect, torch.ones(LAYERS + 1), atol=1e-3)


def test_cells_stream_with_the_share_that_is_done(lab):
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    whole, told = patch(lab.model, clean, corrupt, TARGET, tokens_per_pass=30), []
    seen = torch.full_like(whole.effect, float("nan"))
    for cell in stream_patches(lab.model, clean, corrupt, TARGET, tokens_per_pass=30):
        seen[cell.layer, cell.place] = cell.effect
        told.append(cell.done)
    assert torch.equal(seen, whole.effect)
    assert told == sorted(told) and told[-1] == 1

    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        patch(lab.model, clean, corrupt, TARGET, progress=stop)
    assert not [m for m in lab.model.modules() if isinstance(m, HookPoint) and m.listened]


def test_padding_is_no_position_and_several_pairs_count_by_their_mean(lab):
    cleans, corrupts = [CLEAN, "who is she ?"], [CORRUPT, "he ran , !"]
    clean, corrupt = lab.encode(cleans), lab.encode(corrupts)
    wider = lab.tokenizer(corrupts, padding="max_length", max_length=17, return_tensors="pt")
    found = patch(lab.model, clean, corrupt, TARGET)
    assert largest_difference(patch(lab.model, clean, wider, TARGET).effect, found.effect) < 1e-3
    other = patch(lab.model, wider, clean, TARGET).effect
    assert other.shape == (LAYERS + 1, 17) and not bool(other[:, clean["input_ids"].shape[1] :].any())
    values = {name: TARGET(run(lab.model, batch)).mean() for name, batch in (("clean", clean), ("corrupt", corrupt))}
    assert largest_difference(found.clean, values["clean"]) < 1e-5
    expected = by_editing(lab.model, clean, corrupt, TARGET, "hidden", 1, 3)
    effect = (expected - values["corrupt"]) / (values["clean"] - values["corrupt"])
    assert abs(float(found.effect[1, 3]) - float(effect)) < 2e-3


def test_without_an_index_the_clean_prediction_is_meant(lab):
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    predicted = int(run(lab.model, clean).prediction_logits[0, 2].argmax())
    found = patch(lab.model, clean, corrupt, masked_token(2))
    expected = patch(lab.model, clean, corrupt, masked_token(2, predicted))
    assert torch.equal(found.effect, expected.effect)


def test_edits_around_the_call_hold_in_both_runs(lab):
    clean, corrupt = lab.encode(CLEAN), lab.encode(CORRUPT)
    with ablate(lab.model, [(1, 2)]):
        inside = patch(lab.model, clean, corrupt, TARGET)
        expected = TARGET(run(lab.model, clean)).mean()
        patched = by_editing(lab.model, clean, corrupt, TARGET, "hidden", 1, 2)
    assert largest_difference(inside.clean, expected) < 1e-5
    effect = (patched - inside.corrupt) / (inside.clean - inside.corrupt)
    assert abs(float(inside.effect[1, 2]) - float(effect)) < 2e-3


@pytest.mark.parametrize(
    "name, metric",
    [
        ("BertForSequenceClassification", label(1)),
        ("BertForMultipleChoice", lambda output: output.logits[:, 1]),
        ("BertForMaskedLM", masked_token(1, 7)),
        ("BertForQuestionAnswering", answer_end(2)),
    ],
)
def test_models_of_tasks_are_patched_too(name, metric):
    model = tiny(name)
    shape = (2, 3, 5) if name == "BertForMultipleChoice" else (2, 5)
    clean, corrupt = ({"input_ids": torch.randint(1, 40, shape)} for _ in range(2))
    found = patch(model, clean, corrupt, metric)
    assert found.effect.shape == (LAYERS + 1, 5) and bool(found.effect.isfinite().all())


def test_what_cannot_be_patched_is_refused_with_a_sentence(lab):
    clean = lab.encode(CLEAN)
    for call, message in (
        (lambda: patch(lab.model, clean, lab.encode("he sat"), TARGET), "pair 0 has 9 tokens .* 4 in the corrupt"),
        (lambda: patch(lab.model, clean, lab.encode([CORRUPT, CORRUPT]), TARGET), "clean holds 1 texts and corrupt 2"),
        (lambda: patch(lab.model, clean, clean, TARGET), "the metric of pair 0 is .* for the clean and the corrupt"),
        (lambda: patch(lab.model, clean, lab.encode(CORRUPT), TARGET, what="mlp"), "what is 'mlp'; allowed are hidden"),
        (
            lambda: patch(lab.model, clean, lab.encode(CORRUPT), lambda o: o.seq_relationship_logits),
            "one number a text",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    padded = lab.tokenizer("he sat", padding="max_length", max_length=9, return_tensors="pt")
    with pytest.raises(ValueError, match="padding does not count"):
        patch(lab.model, clean, padded, TARGET)


# -- edges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renormalise", [False, True])
def test_edges_are_cut_after_the_softmax(lab, renormalise):
    batch = lab.encode([CLEAN, "who is she ?"])
    edges = [(0, 2, 3, 1), (0, 0, 3, 2), (1, None, 2, 4), (1, 3, 2, 0)]

    def loop(layer):
        left = [head for head in range(HEADS) if head not in lab.model.bert.encoder.layer[layer].attention.pruned_heads]

        def change(probs):
            touched = set()
            for at, head, query, key in edges:
                for place in range(len(left)) if head is None else [left.index(head)]:
                    if at == layer:
                        probs[:, place, query, key] = 0
                        touched.add((place, query))
            for place, query in touched if renormalise else ():
                probs[:, place, query] /= probs[:, place, query].sum(-1, keepdim=True)
            return probs

        return change

    names = {f"encoder.layer.{layer}.attention.self.probs": loop(layer) for layer in (0, 1)}
    with edit(lab.model, names):
        expected = TARGET(run(lab.model, batch))
    found = knock_out(lab.model, batch, TARGET, edges, renormalise=renormalise)
    assert found.value.shape == (2,) and largest_difference(found.value, expected) < 1e-5
    assert largest_difference(found.change, expected - TARGET(run(lab.model, batch))) < 1e-5


def attention_of(lab, batch, edges, **options):
    """The weights of layer 1 while the edges are cut, by a listener that comes after the cut."""
    seen = {}

    def look(output):
        return output.prediction_logits[:, 0, 0]

    with record(lab.model, "encoder.layer.1.attention.self.probs") as recording:
        knock_out(lab.model, batch, look, edges, **options)
        seen.update(recording)
    return seen["encoder.layer.1.attention.self.probs"]


def test_a_row_that_lost_everything_stays_zero_and_all_but_the_own_key_make_it_one_hot(lab):
    batch = lab.encode(CLEAN)
    length = batch["input_ids"].shape[1]
    everything = [(1, None, 4, key) for key in range(length)]
    assert not bool(attention_of(lab, batch, everything, renormalise=True)[0, :, 4].any())
    others = [edge for edge in everything if edge[3] != 4]
    rows = attention_of(lab, batch, others, renormalise=True)[0]
    assert torch.allclose(rows[:, 4], torch.eye(length, dtype=rows.dtype)[4].expand(len(rows), -1))
    untouched = attention_of(lab, batch, [(0, 0, 0, 0)], renormalise=True)[0]
    assert torch.allclose(untouched.sum(-1), torch.ones(untouched.shape[:2], dtype=rows.dtype), atol=1e-5)


def test_weights_too_small_for_their_numbers_are_told_apart_by_their_scores():
    model = tiny("BertForPreTraining")
    with torch.no_grad():
        for layer in model.bert.encoder.layer:
            layer.attention.self.query.weight *= 300
    batch = {"input_ids": torch.arange(1, 8)[None]}
    others = [(1, None, 2, key) for key in range(7) if key != 2]
    with record(model, "encoder.layer.1.attention.self.probs") as recording:
        knock_out(model, batch, lambda output: output.prediction_logits[:, 0, 0], others, renormalise=True)
    assert torch.equal(recording.attention(1)[0, :, 2], torch.eye(7)[2].expand(HEADS, -1))


@pytest.mark.parametrize(
    "edges, error, message",
    [
        ([], ValueError, "no edges to cut"),
        ([(0, 1, 2)], TypeError, r"given was \(0, 1, 2\)"),
        ([5], TypeError, "given was 5"),
        ([(3, 0, 0, 0)], ValueError, "the layer of an edge is 3; allowed are 0 to 2"),
        ([(0, 9, 0, 0)], ValueError, "no head 9 in layer 0"),
        ([(0, 0, 9, 0)], ValueError, "the query of an edge is 9; allowed are 0 to 8"),
        ([(0, 0, 0, -1)], ValueError, "the key of an edge is -1"),
        ([(0, "all", 0, 1)], TypeError, "the head of an edge is 'all'"),
    ],
)
def test_edges_that_are_not_there_are_named(lab, edges, error, message):
    with pytest.raises(error, match=message):
        knock_out(lab.model, lab.encode(CLEAN), TARGET, edges)


def test_a_target_of_a_batch_keeps_its_places(lab):
    batch = lab.encode([CLEAN, CORRUPT])
    target = masked_token(torch.tensor([2, 4]), torch.tensor([7, 9]))
    found = knock_out(lab.model, batch, target, [(0, None, 2, 1)])
    for number, (place, token) in enumerate([(2, 7), (4, 9)]):
        alone = knock_out(lab.model, row(batch, number), masked_token(place, token), [(0, None, 2, 1)])
        assert largest_difference(found.change[number : number + 1], alone.change) < 1e-5
