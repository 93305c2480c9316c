"""HeadsPanel: what is shown is what was recorded, in every mode, and what a head's absence does."""

import sys

import numpy as np
import pytest
import torch
from bertlab_widgets import HeadsPanel
from bertlab_widgets.heads.maps import encode, pooled
from panel_checks import TEXT, run_code

MODES = ["attention", "norm", "rollout", "gradient"]


@pytest.fixture
def panel(lab):
    return HeadsPanel(lab, TEXT)


def decoded(block, signed=False):
    """(heads, query, key) from the bytes that the browser gets."""
    q = (
        np.frombuffer(block["bytes"], dtype=np.uint8)
        .astype(float)
        .reshape(len(block["heads"]), block["size"], block["size"])
    )
    return torch.tensor(np.sign(q - 128) * ((q - 128) / 127) ** 2 if signed else (q / 255) ** 2)


def test_the_browser_gets_the_recorded_weights_as_bytes(panel):
    exact = panel.workbench.recording.attention(0)[0].double()
    assert torch.allclose(decoded(panel.block), exact, atol=0.004)
    assert panel.data()["weights"].shape == (3, 4, 15, 15)
    assert torch.equal(panel.data()["weights"][0].double(), exact)


def test_a_long_text_sends_one_head_at_a_time_and_pooled_tiles(monkeypatch, lab):
    import bertlab_widgets.heads.maps as module

    monkeypatch.setattr(module, "WHOLE_LAYER", 10_000)
    panel = HeadsPanel(lab, "cat " * 60, head=2)
    assert panel.tiles["size"] == 36 and panel.tiles["tokens"] == 62
    assert panel.block["heads"] == [2] or panel.block_of(0, 2)[0]["heads"] == [2]
    assert len(panel.block_of(1, 3)[1][0]) == 62 * 62


def test_pooled_tiles_keep_the_strongest_weight_of_each_block():
    weights = torch.zeros(1, 100, 100)
    weights[0, 50, 99] = 0.7
    weights[0, 0, 0] = -0.9
    small = pooled(weights, signed=True)
    assert small.shape == (1, 36, 36)
    assert small.max() == 0.7 and small.min() == pytest.approx(-0.9)
    assert encode(torch.tensor([0.0, 1.0]), signed=False).tolist() == [0, 255]
    assert encode(torch.tensor([-1.0, 0.0, 1.0]), signed=True).tolist() == [1, 128, 255]


def test_the_answer_names_the_exact_weight(panel):
    panel.layer, panel.head, panel.selected = 2, 1, [9]
    row = panel.workbench.recording.attention(2)[0, 1, 9]
    assert f"Head 2.1 puts {100 * row.max():.0f} % of `it`" in panel.answer
    assert f"`{panel.tokens[int(row.argmax())]['text']}`" in panel.answer


def test_another_layer_of_the_same_text_asks_the_tokenizer_for_nothing(panel, monkeypatch):
    tokenizer = panel.workbench.lab.tokenizer
    monkeypatch.setattr(tokenizer, "convert_ids_to_tokens", lambda ids: pytest.fail("the tokens are known"))
    panel.layer = 2
    assert panel.answer.startswith("Head 2.0") and not panel.error
    monkeypatch.undo()
    panel.text = "the cat sat."
    assert panel.data()["tokens"] == ["[CLS]", "the", "cat", "sat", ".", "[SEP]"]


def test_several_heads_and_tokens_are_averaged(panel):
    panel.layer, panel.head, panel.heads = 0, 1, [(2, 3)]
    recording = panel.workbench.recording
    mean = (recording.attention(0)[0, 1] + recording.attention(2)[0, 3]) / 2
    assert torch.allclose(panel.data()["shown"], mean)
    panel.selected = [2, 3]
    assert "mean of 2 heads" in panel.answer and "`animal`, `did`" in panel.answer


def test_hidden_special_tokens_leave_and_rows_fill_up_again(panel):
    panel.hide_special = True
    shown = panel.shown_weights(1)
    assert shown.shape == (4, 13, 13)
    assert float(shown.sum(-1).mean()) < 0.999
    panel.renormalise = True
    assert torch.allclose(panel.shown_weights(1).sum(-1), torch.ones(4, 13))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ablated", [[], [(0, 1), (2, 2)]])
def test_the_code_gives_the_numbers_on_the_screen_in_every_mode(lab, monkeypatch, mode, ablated):
    panel = HeadsPanel(lab, TEXT, layer=2, head=1, masked=[3], mode=mode, ablated=ablated)
    assert not panel.error
    assert torch.allclose(run_code(panel, lab, monkeypatch).float(), panel.data()["shown"], atol=1e-5)


def test_the_code_hides_what_the_panel_hides(lab, monkeypatch):
    panel = HeadsPanel(lab, TEXT, layer=1, hide_special=True, renormalise=True)
    visible = panel.visible
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"][visible][:, visible], atol=1e-5)


def test_rollout_has_one_map_a_layer_whose_rows_sum_to_one(panel):
    panel.mode = "rollout"
    assert panel.tiles["heads"] == 1 and panel.tiles["per_layer"]
    assert torch.allclose(panel.data()["weights"].sum(-1), torch.ones(3, 1, 15), atol=1e-5)
    assert panel.answer.startswith("Layer 0")


def test_norms_with_the_residual_belong_to_the_layer(panel):
    panel.mode = "norm"
    assert panel.tiles["heads"] == 4
    panel.norm_residual = True
    assert panel.tiles["heads"] == 1 and not panel.error


def test_one_cell_is_computed_as_the_paper_says(panel):
    cell = panel.cell(1, 2, 10, 3)
    assert sum(cell["products"]) == pytest.approx(cell["product_sum"], rel=1e-4)
    assert cell["scaled"] == pytest.approx(cell["product_sum"] / len(cell["q"]) ** 0.5)
    assert cell["mask"] == 0
    assert torch.tensor(cell["score"] - cell["log_sum"]).exp().item() == pytest.approx(cell["probability"], rel=1e-3)
    assert cell["probability"] == pytest.approx(float(panel.workbench.recording.attention(1)[0, 2, 10, 3]), rel=1e-3)
    with pytest.raises(ValueError, match="token 99"):
        panel.cell(1, 2, 99, 3)


def test_the_effect_of_a_head_is_the_change_of_the_prediction(panel):
    panel.masked, panel.ablated = [3], [(0, 0)]
    effect = panel.data()["effect"]
    before = panel.workbench.probabilities(3, panel.workbench.baseline)
    now = panel.workbench.probabilities(3)
    for row in effect["rows"]:
        token = panel.workbench.lab.tokenizer.convert_tokens_to_ids(row["token"])
        assert (row["before"], row["probability"]) == pytest.approx((float(before[token]), float(now[token])))
    assert [row["token"] for row in effect["rows"] if row["truth"]] == ["did"]
    assert "Without it" in panel.answer


def test_a_layer_is_switched_off_and_on_again(panel):
    panel.toggle_layer(1)
    assert panel.ablated == [[1, head] for head in range(4)] and panel.view["layer_off"] is False
    panel.layer = 1
    assert panel.view["layer_off"] is True
    panel.toggle_layer(1)
    assert panel.ablated == []


@pytest.mark.parametrize("method", ["zero", "mean", "corpus", "uniform"])
def test_the_sweep_finds_what_each_head_alone_changes(panel, method):
    panel.masked, panel.ablation = [3], method
    panel.sweep()
    assert panel.wait(30) and not panel.error
    sweep = panel.data()["sweep"]
    panel.ablated = [(1, 2)]
    token = panel.workbench.encoding.tokens[3]["id"]
    change = panel.workbench.probabilities(3)[token] - panel.workbench.probabilities(3, panel.workbench.baseline)[token]
    assert sweep["change"][1][2] == pytest.approx(float(change), abs=1e-5)
    assert sum(value is None for row in sweep["change"] for value in row) == 0


def test_a_sweep_without_anything_to_watch_says_so(panel):
    with pytest.raises(ValueError, match="mask or select a token first"):
        panel.sweep()


def test_facts_come_from_the_text_or_from_a_corpus_and_go_back(lab):
    panel = HeadsPanel(lab, TEXT, corpus=["the cat sat on the mat.", "the dog ran."])
    assert panel.workbench.corpus == ["the cat sat on the mat.", "the dog ran."]
    own = panel.facts()
    panel.measure_corpus()
    assert panel.wait(30) and panel.view["corpus"] == 2
    assert panel.facts() != own
    panel.measure_corpus()
    assert panel.facts() == own
    assert sum(count for *_, count in panel.view["kinds"]) == 12


def test_pairs_have_masses_between_their_sentences(lab):
    masses = torch.tensor(HeadsPanel(lab, "the cat sat.", "the dog ran.").view["segments"])
    assert torch.allclose(masses.sum(1), torch.ones(2), atol=1e-5)


def test_two_texts_are_compared_on_the_tokens_that_they_share(panel):
    first = panel.data()["weights"]
    panel.pin()
    panel.text = "the dog did not cross the street because it was too tired."
    panel.difference = True
    assert not panel.error and panel.tiles["signed"]
    second = panel.workbench.recording.attention(0)[0]
    shown = panel.data()["shown"]
    assert torch.allclose(shown[3:, 3:], second[0, 3:, 3:] - first[0, 0, 3:, 3:], atol=1e-6)
    assert float(shown[2].abs().max()) == 0
    panel.mode = "rollout"
    assert "pin again under rollout" in panel.error


def test_a_difference_without_a_pin_is_refused_in_words(panel):
    panel.difference = True
    assert panel.error.startswith("A difference needs a pinned text, or a head that is switched off")


@pytest.mark.parametrize("mode", MODES)
def test_the_code_gives_the_difference_to_the_pinned_text(lab, monkeypatch, mode):
    panel = HeadsPanel(lab, TEXT, layer=1, head=2, heads=[(2, 0)], mode=mode, masked=[3])
    panel.pin()
    panel.text = "the dog did not cross the street because it was too tired."
    panel.difference, panel.ablated = True, [(0, 1)]
    assert not panel.error
    code = panel.code()
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)
    assert len(code.splitlines()) <= 22


@pytest.mark.parametrize("mode", MODES)
def test_without_a_pin_the_difference_is_what_the_switched_off_heads_change(lab, monkeypatch, mode):
    panel = HeadsPanel(lab, TEXT, layer=2, head=1, mode=mode, ablated=[(0, 1)], difference=True)
    assert not panel.error and panel.tiles["signed"]
    off = panel.data()["weights"][2]
    panel.ablated = []
    assert "head that is switched off" in panel.error
    panel.difference = False
    all_on = panel.data()["weights"][2]
    panel.ablated, panel.difference = [(0, 1)], True
    place = 0 if panel.per_layer else 1
    assert torch.allclose(panel.data()["shown"], (off - all_on)[place], atol=1e-6)
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)


@pytest.mark.parametrize("ablation", ["uniform", "zero"])
def test_what_follows_from_a_switched_off_head_sets_the_scale_and_not_its_own_change(lab, ablation):
    panel = HeadsPanel(lab, "the cat sat on the mat because it was too tired.", ablation=ablation, ablated=[(0, 1)])
    panel.difference = True
    changes = [panel.maps.compared(layer).abs().amax((1, 2)) for layer in range(3)]
    left = max(float(changes[layer][head]) for layer in range(3) for head in range(4) if (layer, head) != (0, 1))
    assert panel.maps.top() == pytest.approx(left)
    assert panel.tiles["beyond"] == ([(0, 1)] if float(changes[0][1]) > left else [])
    assert panel.data()["shown"].abs().max() == pytest.approx(float(changes[0][0].max()))


def test_heads_can_give_their_mean_over_a_corpus_and_the_code_says_so(lab, monkeypatch):
    panel = HeadsPanel(lab, TEXT, layer=2, masked=[3], ablated=[(0, 1)])
    panel.average_corpus()
    assert panel.wait(60) and panel.ablation == "corpus" and not panel.error
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)
    assert "samples" in panel.code()
    panel.workbench.corpus = ["the cat sat.", "the dog ran."]
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)
    assert "the dog ran." in panel.code()


def test_a_pin_of_another_model_is_refused_in_words(lab):
    panel = HeadsPanel(lab, TEXT)
    panel.pin()
    panel.maps.pinned["weights"] = panel.maps.pinned["weights"][:2]
    panel.difference = True
    assert "pin again" in panel.error


def test_the_exported_page_holds_every_mode_of_a_short_text_in_three_megabytes(lab):
    panel = HeadsPanel(lab, "cat " * 30)
    answers, patches = panel.precomputed()
    assert [name for name, _ in panel.kept_modes] == MODES and panel.mode == "attention"
    assert set(patches) == {f'mode:"{name}"' for name in MODES}
    for name in MODES:
        tiles = patches[f'mode:"{name}"']["tiles"]
        reply = answers[f'block_call:{{"layer":1,"head":0,"mode":"{name}"}}']
        assert reply["result"]["key"] == tiles["key"]
    assert len(panel.exported_bytes("html")) < 3_000_000


def test_a_long_text_is_exported_in_the_mode_on_show(lab, monkeypatch):
    import bertlab_widgets.heads.panel as module

    monkeypatch.setattr(module, "ALL_MODES", 10_000)
    panel = HeadsPanel(lab, "cat " * 60, mode="rollout")
    panel.precomputed()
    assert [name for name, _ in panel.kept_modes] == ["rollout"]


# --- what the answer speaks of, what a file holds


def test_each_look_has_an_answer_a_file_and_a_picture_of_its_own(lab):
    panel = HeadsPanel(lab, TEXT, layer=1, head=2, selected=[3], masked=[5])
    said, files, names = {}, {}, {}
    for look in ("head", "steps", "effect", "kinds"):
        panel.look = look
        assert not panel.error
        said[look], files[look] = panel.answer, panel.exported_bytes("csv")
        names[look] = panel.exported("svg")[0]["name"]
    assert len(set(said.values())) == len(set(files.values())) == len(set(names.values())) == 4
    assert "q of `did`" in said["steps"] and "Every head is on" in said["effect"] and "Of 12 heads" in said["kinds"]
    assert names["head"] == "bertlab-heads-1-2-attention-the-animal-did-not-cross-the-str.svg"


def test_the_selected_token_is_marked_in_picture_and_rows(panel):
    panel.selected = [9]
    svg = panel.exported_bytes("svg").decode()
    assert ">animal</text>" in svg.replace(" ", "") or "animal" in svg  # real text
    assert {row["query"] for row in panel.table() if row["selected"]} == {9}
    (matrix,) = [axes for axes in panel.figure().axes if "row looks at column" in axes.get_title()]
    assert any(patch.get_y() == 8.5 for patch in matrix.patches)


def test_the_token_that_is_taken_because_none_was_chosen_is_marked_in_the_strip(panel):
    assert panel.view["read_at"] == []
    panel.look = "steps"
    assert panel.view["read_at"] == [panel.default_token] and "q of `the`" in panel.answer
    panel.selected = [4]
    assert panel.view["read_at"] == [] and "q of `not`" in panel.answer
    panel.look, panel.mode, panel.selected = "head", "gradient", []
    assert panel.view["read_at"] == [panel.default_token] and "the prediction at `the`" in panel.answer
    panel.masked = [3]
    assert panel.view["read_at"] == []


def test_a_guess_of_a_kind_where_there_are_none_is_answered_in_words(lab):
    panel = HeadsPanel(lab, TEXT, look="kinds", mode="rollout", predict_first=True)
    panel.guess = "broad"
    assert panel.verdict == panel.answer.split("With ")[0] and not panel.error


def test_facts_beside_the_grid_are_always_those_of_the_text(lab):
    panel = HeadsPanel(lab, TEXT, corpus=["the cat sat on the mat.", "the dog ran."])
    own = panel.head_facts
    panel.measure_corpus()
    assert panel.wait(30) and panel.view["kind_facts"] != own and panel.head_facts == own
    panel.text = "the cat"
    length = torch.tensor(float(len(panel.tokens)))
    assert all(fact["entropy"] <= length.log() + 1e-6 for row in panel.head_facts for fact in row)
    assert panel.view["corpus"] == 2 and panel.view["kind_facts"] != panel.head_facts
    panel.workbench.model_changed()  # the means were those of other weights
    assert panel.view["corpus"] == 0 and panel.view["kind_facts"] == panel.head_facts


def test_without_a_change_that_shows_a_probability_stays(panel):
    from bertlab_widgets.panel import moved

    assert moved(0.0111, 0.0112) == "stays at 1.1 %"
    assert moved(0.42, 0.31) == "falls from 42 % to 31 %"
    assert moved(0.011, 0.02) == "rises from 1.1 % to 2 %" or moved(0.011, 0.02) == "rises from 1.1 % to 2.0 %"


def test_the_scale_of_the_sweep_has_a_floor(lab):
    panel = HeadsPanel(lab, TEXT, masked=[3], look="effect")
    panel.sweep()
    assert panel.wait(30)
    sweep = panel.data()["sweep"]
    assert sweep["top"] >= 0.01 and sweep["top"] >= max(abs(value) for row in sweep["change"] for value in row)
    assert "matters most" in panel.answer or "No head alone" in panel.answer


@pytest.mark.parametrize("pruned", [{0: [0]}, {1: [0, 1, 3]}])
def test_pruned_heads_keep_the_numbers_of_the_others(pruned):
    from small_lab import small_lab

    lab = small_lab()
    whole = HeadsPanel(lab, TEXT).data()["weights"]
    lab.model.prune_heads(pruned)
    panel = HeadsPanel(lab, TEXT, masked=[3])
    assert not panel.error, panel.error
    weights = panel.data()["weights"]
    ((layer, heads),) = pruned.items()
    assert weights.shape == whole.shape and weights[layer, heads].abs().sum() == 0
    assert panel.tiles["gone"] == [(layer, head) for head in heads]
    panel.layer, panel.head = layer, heads[0]
    assert "was pruned" in panel.answer
    for look in ("steps", "effect", "kinds"):
        panel.look = look
        assert "was pruned" in panel.error.lower() + panel.answer or not panel.error
    left = next(head for head in range(4) if head not in heads)
    panel.look, panel.head = "steps", left
    assert not panel.error and f"In head {layer}.{left}" in panel.answer
    panel.sweep()
    assert panel.wait(30) and panel.data()["sweep"]["change"][layer][heads[0]] is None


def test_a_workbench_in_the_place_of_a_lab_is_joined(lab):
    from bertlab_widgets import Workbench

    workbench = Workbench(lab, TEXT)
    assert HeadsPanel(workbench).workbench is workbench


def test_without_bertviz_its_view_says_what_to_install(lab, monkeypatch):
    monkeypatch.setitem(sys.modules, "bertviz", None)
    panel = HeadsPanel(lab, TEXT)
    replies = []
    monkeypatch.setattr(panel, "send", lambda reply, buffers=None: replies.append(reply))
    panel._message(None, {"call": "bertviz", "id": 1, "args": {"kind": "head"}}, [])
    assert 'pip install "bertlab[lab]"' in panel.error and not panel.error.startswith("ImportError")
    assert replies[0]["error"] == panel.error


def test_a_student_reads_what_cls_is_for(lab):
    panel = HeadsPanel(lab, TEXT, selected=[0], layer=2)
    assert "Its vector after the last layer is all that a head for a whole text reads" in panel.answer
    panel.layer = 0
    assert "after the last layer" in panel.answer
    panel.selected = [3]
    assert "whole text" not in panel.answer


def test_kinds_are_said_as_what_heads_do(lab):
    panel = HeadsPanel(lab, TEXT, look="kinds")
    assert (
        panel.answer.startswith("Of 12 heads on this sentence, ") and " look" in panel.answer or " do" in panel.answer
    )
    counts = {name: count for _, name, _, count in panel.view["kinds"]}
    panel.predict_first = True
    assert panel.gate_question == "What do most heads do?" and panel.gate_choices == list(counts)
    panel.guess = max(counts, key=counts.get)
    assert panel.verdict == "Right."


def test_the_gate_asks_for_the_arithmetic_where_that_is_shown(lab):
    panel = HeadsPanel(lab, TEXT, look="steps", selected=[4], key_token=2, predict_first=True)
    assert "How many percent of the attention of “not” go to “animal”" in panel.gate_question
    panel.guess = "50"
    assert panel.verdict.startswith("You said 50 %, it is")


def test_a_gradient_that_is_noise_is_said_to_hardly_matter(lab):
    from bertlab_widgets.heads.words import _gradient

    panel = HeadsPanel(lab, TEXT, mode="gradient")
    assert "hardly matters to the prediction at" in _gradient(panel, "Head 0.0", "", "`it`", 2e-6)
    assert "matters most to the prediction at" in _gradient(panel, "Head 0.0", "`it`", "`cat`", 0.5)


def test_code_of_a_text_that_was_cut_runs_where_the_tokenizer_knows_of_no_limit(lab, monkeypatch):
    monkeypatch.setattr(lab.tokenizer, "model_max_length", int(1e30))
    panel = HeadsPanel(lab, "cat sat " * 100)
    assert torch.allclose(run_code(panel, lab, monkeypatch), panel.data()["shown"], atol=1e-5)
