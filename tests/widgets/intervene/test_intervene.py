"""Acting upon a prediction: what each look shows is what the analysis says, and what its code gives."""

import math
import threading

import pytest
import torch
from bertlab_widgets import HeadsPanel, IntervenePanel, Workbench
from bertlab_widgets.intervene.patches import Patches, share
from panel_checks import TEXT, answer_to, gives_all_of_a_look, run_code
from small_lab import small_lab

from bertlab.analysis import ablation, neurons, patching, pruning
from bertlab.analysis.targets import masked_token

CORRUPT = TEXT.replace("animal", "dog")
LOOKS = ["patch", "edges", "switches", "prune", "explain", "causal"]
each_look = pytest.mark.parametrize("look", LOOKS)


def ready(lab, **settings):
    panel = IntervenePanel(lab, TEXT, **settings)
    assert panel.wait(60) and not panel.error, panel.error
    return panel


@pytest.mark.parametrize(
    "effect, said", [(0.94, "94 %"), (-0.2, "−20 %"), (-1e-7, "< 0.001 %"), (1.31, "131 %"), (-1.31, "−131 %")]
)
def test_an_effect_may_go_the_other_way_or_beyond_all_and_says_so(effect, said):
    assert share(effect) == said


def batch_of(panel):
    return panel.watching.batch()


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.allclose(one, other, atol=1e-5, equal_nan=True)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return one == pytest.approx(other, abs=1e-5)


@each_look
def test_the_code_of_every_look_gives_its_numbers(lab, monkeypatch, look):
    panel = ready(lab, look=look, masked=[3], ablated=[(0, 2)], neurons=[[1, 7]], corrupt=CORRUPT)
    if look == "edges":
        panel.cut = [[0, 1, 3, 2], [2, -1, 3, 5]]
    assert same(run_code(panel, lab, monkeypatch), panel.data())


@each_look
def test_without_a_mask_the_watched_word_is_hidden_by_the_panel_and_the_answer_says_so(lab, monkeypatch, look):
    panel = ready(lab, look=look, selected=[4])
    assert panel.view["place"] == 4 and panel.answer.startswith("With `not` hidden: ")
    assert same(run_code(panel, lab, monkeypatch), panel.data())


@each_look
def test_every_look_gives_a_table_of_its_own_a_picture_and_a_gate(lab, look):
    gives_all_of_a_look(ready(lab, look=look))


def test_the_tables_of_different_looks_differ(lab):
    panel = ready(lab)
    tables = []
    for look in LOOKS:
        panel.look = look
        assert panel.wait(60)
        tables.append(list(panel.table()[0]))
    assert len({tuple(names) for names in tables}) == len(LOOKS)


@pytest.mark.parametrize("what", ["hidden", "attention_output", "mlp_output", "heads"])
def test_the_map_is_that_of_patching(lab, what):
    panel = ready(lab, masked=[3], corrupt=CORRUPT, what=what)
    word = panel.watching.now()
    corrupt = lab.encode(CORRUPT)
    corrupt["input_ids"][0, 3] = lab.tokenizer.mask_token_id
    target = masked_token(word.place, word.token, "probability")
    expected = patching.patch(lab.model, batch_of(panel), corrupt, target, what=what).effect
    assert torch.allclose(panel.data(), expected, atol=1e-6, equal_nan=True)
    assert panel.view["values"][0][0] == pytest.approx(float(expected[0, 0]), abs=1e-4)


def test_without_a_corrupt_sentence_the_selected_word_is_hidden_in_it(lab):
    panel = ready(lab, masked=[3])
    panel.selected = [6]
    assert panel.wait(60)
    assert panel.view["differs"] == [6] and panel.view["corrupt_tokens"][6] == "[MASK]"


def test_sentences_of_unequal_length_and_equal_ones_are_a_sentence_on_the_stage_and_no_error(lab):
    panel = ready(lab, corrupt="the cat sat.")
    assert "has 6 tokens, the clean one 15" in panel.view["problem"] and not panel.error
    assert panel.table() == [] and panel.code().startswith("# ")
    panel.corrupt = TEXT
    assert "Both sentences are the same" in panel.answer
    panel.corrupt = CORRUPT
    assert panel.wait(60) and "problem" not in panel.view
    with pytest.raises(ValueError, match="no text yet"):
        panel.text = ""
        panel.figure()


def test_a_stopped_map_keeps_what_it_has_and_goes_on_when_asked(lab, monkeypatch):
    from bertlab_widgets.panel import linked as module

    monkeypatch.setattr(module, "AT_ONCE", 0)
    seen, go_on = threading.Event(), threading.Event()
    steps = Patches.steps

    def slowly(self):
        for number, done in enumerate(steps(self)):
            yield done
            if number == 4:
                seen.set()
                assert go_on.wait(60)

    monkeypatch.setattr(Patches, "steps", slowly)
    panel = IntervenePanel(lab, TEXT, masked=[3], corrupt=CORRUPT)
    assert seen.wait(60) and panel.busy["label"] == "Patching"
    assert panel.static_html() == ""  # a cell that shows the panel does not wait
    stopper = threading.Thread(target=panel.stop)
    stopper.start()
    while not panel.job.cancelled.is_set():
        pass
    go_on.set()
    stopper.join(60)
    assert panel.view["stopped"] and panel.answer.endswith("Stopped half-way.") and panel.busy == {}
    known = len(panel.table())
    assert "<table" in panel.static_html()
    assert 0 < known < 4 * 15
    panel.go_on()
    assert panel.wait(60) and not panel.view["stopped"] and len(panel.table()) == 4 * 15


def test_cut_edges_change_what_knocking_out_changes(lab):
    panel = ready(lab, look="edges", masked=[3], measure="logit")
    panel.cut_edge(1, 2, 3, 5)
    assert panel.cut == [[1, -1, 3, 5]]  # all heads of the layer
    target = panel.watching.target()
    expected = patching.knock_out(lab.model, batch_of(panel), target, [(1, None, 3, 5)])
    assert panel.data() == pytest.approx(float(expected.change), abs=1e-5)
    panel.renormalise = True
    expected = patching.knock_out(lab.model, batch_of(panel), target, [(1, None, 3, 5)], renormalise=True)
    assert panel.data() == pytest.approx(float(expected.change), abs=1e-5)
    panel.cut_edge(1, 2, 3, 5)
    assert panel.cut == [] and panel.data() == 0


def test_a_name_cuts_a_whole_row_or_column_here_or_everywhere(lab):
    panel = ready(lab, look="edges", span="head")
    panel.cut_edge(1, 2, key=4)
    assert len(panel.cut) == 14 and all(edge[:2] == [1, 2] and edge[3] == 4 != edge[2] for edge in panel.cut)
    panel.cut, panel.span = [], "model"
    panel.cut_edge(0, 0, query=4)
    assert len(panel.cut) == 3 * 14
    panel.cut_edge(0, 0, query=4)
    assert panel.cut == []
    content, _ = answer_to(panel, "cut_edge", layer=0, head=0)
    assert "needs a row or a column" in content["error"]


def test_cut_edges_and_cells_of_another_text_are_forgotten(lab):
    panel = ready(lab, look="edges", cut=[[0, 1, 2, 3]], cell=[1, 2])
    panel.text = "the cat sat on the mat."
    assert panel.wait(60) and panel.cut == [] and panel.cell == []


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"cut": [[9, 0, 1, 1]]}, "layer 9 was given"),
        ({"cut": [[0, 9, 1, 1]]}, "head 9 was given"),
        ({"cut": [[0, 0, 99, 1]]}, "token 99 was given"),
        ({"cut": [[0, 0, 1]]}, "an edge is"),
        ({"cut": [[0, True, 1, 1]]}, "must be a whole number"),
        ({"neurons": [[0, 40]]}, "neuron 40 was given, but allowed is 0 to 39"),
        ({"neurons": [7]}, "a neuron is"),
        ({"cell": [1]}, "must be"),
        ({"cell": [-1, 0]}, "must be"),
        ({"cell": [0.5, 0]}, "must be a whole number"),
    ],
)
def test_what_text_or_model_do_not_have_is_refused(lab, settings, said):
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        IntervenePanel(lab, TEXT, **settings)


def test_the_map_of_weights_travels_as_bytes_and_is_that_of_the_head(lab):
    panel = ready(lab, look="edges", masked=[3])
    content, (raw,) = answer_to(panel, "weights", layer=1, head=2)
    assert content["result"]["size"] == 15 and len(raw) == 225
    weights = panel.workbench.recording.attention(1)[0, 2]
    assert torch.allclose((torch.tensor(list(raw)).view(15, 15) / 255) ** 2, weights, atol=5e-3)


def test_heads_are_switched_in_all_panels_and_neurons_here(lab):
    workbench = Workbench(lab, TEXT, masked=[3])
    panel, heads = IntervenePanel(workbench=workbench, look="switches"), HeadsPanel(workbench=workbench)
    heads.ablated = [(1, 2)]
    panel.neurons = [[2, 5], [2, 5], [0, 1]]
    assert panel.neurons == [[0, 1], [2, 5]]
    with torch.no_grad(), ablation.ablate(lab.model, [(1, 2)]), neurons.ablate(lab.model, [(2, 5), (0, 1)]):
        expected = lab.model(**batch_of(panel)).prediction_logits[0, 3].softmax(-1)
    for token, probability in panel.data().items():
        assert probability == pytest.approx(float(expected[lab.tokenizer.convert_tokens_to_ids(token)]), abs=1e-6)
    assert "head 1.2 and neurons 0.1, 2.5" in panel.answer and panel.view["off"] == 3


def test_the_greedy_par_breaks_the_prediction_and_one_switch_less_does_not(lab):
    panel = ready(lab, look="switches", masked=[3])
    par = panel.view["par"]
    assert par and f"(par {par})" in panel.answer and not panel.view["broken"]
    panel.give_up()
    assert panel.view["broken"] and panel.view["off"] == par and panel.answer.count(f"(par {par})") == 1
    found = panel.looks["switches"].found()
    assert all(margin >= 0 for margin in found["margins"][:-1]) and found["margins"][-1] < 0
    assert panel.view["par"] == par  # the greedy player begins with everything on


def test_a_guess_of_the_par_is_graded(lab):
    panel = ready(lab, look="switches", masked=[3])
    assert panel.grade(str(panel.view["par"])).startswith("Right")
    assert panel.grade("11").startswith("Your guess was 11")


def test_the_curve_is_that_of_pruning_and_the_slider_names_its_values(lab):
    panel = ready(lab, look="prune", masked=[3])
    expected = pruning.curve(lab.model, batch_of(panel), panel.watching.target())
    assert panel.view["heads"] == [list(pair) for pair in expected.heads]
    assert panel.view["values"] == pytest.approx(expected.values.tolist(), abs=1e-4)
    assert len(panel.view["random"]) == 3 and all(len(row) == 13 for row in panel.view["random"])
    panel.pruned = 5
    assert panel.answer.count("Without 5 of 12 heads") == 1
    panel.pruned = 99
    assert "Without 12 of 12 heads" in panel.answer
    panel.switch_off_pruned()
    assert len(panel.workbench.ablated) == 12


def test_the_curve_can_be_measured_on_sentences_that_ship(lab, monkeypatch):
    from bertlab_widgets.intervene.prunes import many_sentences

    batch, target = many_sentences(lab)
    assert len(batch["input_ids"]) == len(target.place)
    masks = (batch["input_ids"] == lab.tokenizer.mask_token_id).sum(1)
    assert (masks == 1).all()
    panel = ready(lab, look="prune", over="samples")
    assert same(run_code(panel, lab, monkeypatch), panel.data())


def test_ranks_share_the_best_place_and_the_chance_of_a_correlation_falls_with_the_tokens(lab):
    panel = ready(lab, look="explain", masked=[3])
    assert panel.looks["explain"].ranks(torch.tensor([3.0, 1.0, 3.0, 2.0])) == [1, 4, 1, 3]
    long = panel.view["chance"]
    panel.text = "the cat sat"
    assert panel.wait(60) and 1 >= panel.view["chance"] > long > 0
    assert all(sorted(set(column))[0] == 1 for column in zip(*(row["ranks"] for row in panel.view["rows"])))


def test_from_the_left_alone_words_on_the_right_change_nothing(lab):
    panel = ready(lab, look="causal")
    first = panel.data()
    panel.text = TEXT.replace("too tired", "a river")  # as many tokens: equal sums are added in equal order
    assert panel.wait(60)
    second = panel.data()
    assert second["left"][:8] == pytest.approx(first["left"][:8], abs=1e-5)
    assert second["both"][:8] != pytest.approx(first["both"][:8], abs=1e-5)
    assert panel.view["chance"] == pytest.approx(math.log(len(lab.tokenizer)), abs=1e-3)


def test_another_word_can_be_followed_and_one_that_is_no_token_is_named(lab):
    panel = ready(lab, look="switches", masked=[3])
    panel.follow("dog")
    assert panel.view["word"] == "dog" and not panel.view["own"] and panel.view["bars"][0]["token"] == "dog"
    panel.follow("dog")
    assert panel.word == ""
    panel.word = "supercalifragilistic"
    assert "no single token of this vocabulary" in panel.answer and not panel.error


def test_masking_the_selected_words_takes_them_back_too(lab):
    panel = ready(lab, look="switches", selected=[3, 4])
    panel.mask_selected()
    assert panel.masked == [3, 4]
    panel.mask_selected()
    assert panel.masked == []
    panel.selected = []
    assert "No word is selected" in answer_to(panel, "mask_selected")[0]["error"]


def test_pruned_heads_are_no_switches_and_have_no_cell(lab):
    import copy

    from bertlab.lab import Lab

    model = copy.deepcopy(lab.model)
    model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    small = Lab(model, lab.tokenizer, name="pruned")
    panel = ready(small, look="patch", what="heads", masked=[3], corrupt=CORRUPT)
    assert math.isnan(float(panel.data()[0, 1])) and panel.view["values"][0][1] is None
    for look in LOOKS:
        panel.look = look
        assert panel.wait(60) and not panel.error and "problem" not in panel.view, (look, panel.view)
    panel.look = "switches"
    assert [0, 1] in panel.view["gone"] and len(panel.view["gone"]) == 5
    panel.look, panel.span = "edges", "head"
    assert "was pruned" in answer_to(panel, "cut_edge", layer=0, head=1, query=1, key=2)[0]["error"]


def test_a_model_without_a_mask_token_says_what_to_do(lab, monkeypatch):
    monkeypatch.setattr(type(lab.tokenizer), "mask_token_id", None)
    panel = IntervenePanel(lab, TEXT)
    assert panel.view["problem"].startswith("This vocabulary has no [MASK]") and not panel.error
    panel.look = "switches"
    assert panel.wait(60) and "problem" not in panel.view and not panel.error


def test_the_exported_page_holds_the_looks_that_are_known(lab, tmp_path):
    panel = ready(lab, look="explain", masked=[3])
    page = panel.export(tmp_path / "page.html").read_text(encoding="utf8")
    assert panel.kept_looks == ["edges", "switches", "explain"] and panel.look == "explain"
    assert "weights:" in page and len(page) < 1_000_000


@each_look
def test_a_word_head_that_is_not_trained_says_nothing(look):
    lab = small_lab()
    lab._untrained.add("fill_mask")
    panel = IntervenePanel(lab, TEXT, look=look)
    assert "was not in its checkpoint" in panel.problem and panel.table() == []
    assert panel.code().startswith("# ") and panel.exported("html")
