"""Two models, or two texts, side by side: what the panel shows is what the analysis says, and what its code gives."""

import copy

import pytest
import torch
from bertlab_widgets import ComparePanel, Workbench
from bertlab_widgets.compare import aligned, distances, seen
from panel_checks import TEXT, answer_to, gives_all_of_a_look, run_code

from bertlab.analysis import compare
from bertlab.lab import Lab, trained_for
from bertlab.model import BertConfig, BertForPreTraining, BertForSequenceClassification

LOOKS = ["overview", "attention", "hidden", "predictions"]
SENTENCES = ["the cat sat on the mat.", "the dog chased the cat up a tree.", "paris is the capital of france."]
each_look = pytest.mark.parametrize("look", LOOKS)


@pytest.fixture
def tuned(lab):
    """The lab beside a classifier whose encoder went its own way."""
    small = Lab(lab.model, lab.tokenizer, name="small")
    torch.manual_seed(1)
    config = BertConfig.from_dict(lab.model.config.to_dict())
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(lab.model.bert.state_dict())
    with torch.no_grad():
        for parameter in model.bert.encoder.layer[1:].parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    small.add_task("mood", model)
    return small


def ready(lab, text=TEXT, **settings):
    settings.setdefault("look", "hidden")
    workbench = Workbench(lab, text)
    workbench.corpus = SENTENCES
    panel = ComparePanel(workbench=workbench, **settings)
    assert panel.wait(60) and not panel.error, panel.error
    return panel


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.allclose(one, other, atol=1e-5, equal_nan=True)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return one == other


@each_look
def test_the_code_of_every_look_gives_its_numbers(tuned, monkeypatch, look):
    panel = ready(tuned, look=look, masked=[3], ablated=[(0, 2)], layer=1, head=2)
    assert not panel.problem and same(run_code(panel, tuned, monkeypatch), panel.data())


def test_so_does_the_code_over_many_sentences_that_fit(tuned, monkeypatch):
    panel = ready(tuned, look="overview", over="samples", ablated=[(0, 2)])
    panel.workbench.corpus = [*SENTENCES, "cat " * 80]
    assert panel.wait(60) and not panel.error
    assert same(run_code(panel, tuned, monkeypatch), panel.data())


@each_look
def test_so_does_the_code_for_two_texts(lab, monkeypatch, look):
    other = TEXT.replace("animal", "dog").replace("too tired", "muddy")
    panel = ready(lab, look=look, against="text", other_text=other, selected=[4], layer=1)
    assert not panel.problem and same(run_code(panel, lab, monkeypatch), panel.data())


@each_look
def test_every_look_gives_a_table_of_its_own_a_picture_and_a_gate(tuned, look):
    gives_all_of_a_look(ready(tuned, look=look))


def test_the_first_trained_task_is_what_the_model_is_held_against(tuned):
    panel = ready(tuned, look="overview", over="samples")
    assert [value for value, _ in panel.others] == ["task:mood", "untrained"] and panel.other_now == "task:mood"
    found = compare.models(tuned, trained_for(tuned, "mood"), SENTENCES)
    assert panel.view["cosine"] == pytest.approx(found.cosine.tolist(), abs=1e-3)
    assert panel.view["cka"] == pytest.approx(found.cka.tolist(), abs=1e-3)
    assert panel.view["tokens"] == found.tokens and "tokens shuffled" in panel.answer
    assert panel.answer.startswith("small (A) and after learning mood (B): hidden states differ most")


def test_the_first_layers_that_were_not_trained_are_the_same(tuned):
    cosine = ready(tuned).data()
    assert cosine[:2] == pytest.approx(1.0, abs=1e-5) and (cosine[2] < 0.999).any()


def test_a_selected_token_shows_its_own_numbers_by_layer_and_head(tuned, monkeypatch):
    panel = ready(tuned, look="overview", selected=[2, 4])
    a, b = panel.both.sides()
    expected = torch.cosine_similarity(a.hidden[:, [2, 4]], b.hidden[:, [2, 4]], dim=-1).mean(-1)
    moved = distances(a, b, panel.both.pairs())[:, :, [2, 4]].mean(-1)
    assert same(panel.data(), {"cosine": expected, "attention": moved})
    assert same(run_code(panel, tuned, monkeypatch), panel.data()) and panel.view["tokens"] == 2
    assert "at `animal` and `not`: hidden states differ most" in panel.answer and "over 2 tokens" in panel.answer
    panel.selected = []
    assert panel.view["tokens"] == 15 and "at `" not in panel.answer


def test_a_selected_token_that_changes_nothing_by_layer_and_head_is_told_so(tuned):
    panel = ready(tuned, look="overview", over="samples", selected=[2])
    assert "A selected token changes nothing here" in panel.answer
    panel.selected = []
    assert "changes nothing" not in panel.answer
    panel.against, panel.other_text, panel.selected = "text", TEXT.replace("not ", ""), [4]
    assert "has no partner in the other text, so all count" in panel.answer and panel.view["tokens"] == 14


def test_a_lab_of_the_trained_encoder_shares_everything_and_leaves_the_lab_as_it_was(tuned):
    other = trained_for(tuned, "mood")
    model = tuned.task_model("mood")
    assert other.model.bert.encoder is model.bert.encoder and other.model.cls is tuned.model.cls
    assert other.name == "small for mood"
    with pytest.raises(LookupError, match="no encoder was trained for 'sentiment'"):
        trained_for(tuned, "sentiment")


@each_look
def test_without_any_other_model_random_weights_are_what_it_is_held_against(lab, monkeypatch, look):
    panel = ready(lab, look=look)
    assert panel.other_now == "untrained" and panel.view["names"][1] == "untrained"
    assert same(run_code(panel, lab, monkeypatch), panel.data())


@pytest.mark.parametrize(
    "change, said",
    [({"num_hidden_layers": 2}, "has 3 layers"), ({"num_attention_heads": 2}, "has 4 heads a layer")],
)
def test_models_of_another_size_are_refused_in_words(lab, monkeypatch, change, said):
    import bertlab

    config = BertConfig.from_dict({**lab.model.config.to_dict(), **change})
    monkeypatch.setattr(bertlab, "load", lambda name, device: Lab(BertForPreTraining(config), lab.tokenizer, name))
    panel = ready(lab, other="some/model")
    assert said in panel.problem and not panel.error


def test_a_model_that_cannot_be_opened_is_a_sentence_and_another_one_can_follow(tuned):
    panel = ready(tuned, other="/no/such/folder")
    assert "could not be opened" in panel.problem
    panel.other = "task:mood"
    assert not panel.problem and panel.wait(60)
    panel.other = "task:nothing"
    assert "has no encoder that was trained for nothing" in panel.problem


def test_without_a_text_it_opens_with_a_preset_whose_other_model_there_is(lab):
    panel = ComparePanel(lab)
    assert panel.wait(60) and panel.preset == "A minimal pair" and not panel.view.get("problem")


def test_a_model_from_elsewhere_is_opened_in_a_thread(lab, monkeypatch):
    import bertlab

    model = copy.deepcopy(lab.model)
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight.mul_(1.5)
    monkeypatch.setattr(bertlab, "load", lambda name, device: Lab(model, lab.tokenizer, name))
    panel = ready(lab, other="some/model")
    assert panel.view["names"] == ["small", "some/model"] and panel.view["done"]
    assert "bertlab.load('some/model')" in panel.code()


def test_the_model_before_training_is_the_first_choice_of_one_that_was_trained(tuned):
    from bertlab_widgets.train.trained import trained_lab

    trained = trained_lab(tuned, tuned.task_model("mood"), "small, trained", "mood")
    trained.made_by = lambda: ["lab = None"]
    panel = ready(trained)
    assert panel.other_now == "before" and panel.view["names"][1] == "before training"
    assert (panel.data()[2] < 0.999).any()
    panel.workbench.exchange_lab(tuned)
    assert panel.other_now == "task:mood" and not panel.error


def test_a_word_head_that_is_not_trained_says_nothing(tuned):
    tuned._untrained.add("fill_mask")
    panel = ready(tuned, look="predictions")
    assert "was not in its checkpoint" in panel.problem
    panel.look = "hidden"
    assert not panel.problem


def test_two_texts_need_a_second_one_that_has_words(lab):
    panel = ready(lab, against="text")
    assert panel.problem.startswith("Type a second text")
    panel.other_text = "\u200b"
    assert "holds no words" in panel.problem
    panel.other_text = TEXT
    assert panel.wait(60) and panel.data() == pytest.approx(1.0, abs=1e-5)


def test_masks_go_with_their_words_to_the_other_text(lab):
    panel = ready(lab, "the cat sat on the mat.", against="text", other_text="the dog . the cat sat on the mat.")
    panel.masked = [6]
    assert panel.wait(60)
    first, second = panel.both.batches()
    mask = lab.tokenizer.mask_token_id
    assert (first["input_ids"][0] == mask).nonzero().flatten().tolist() == [6]
    assert (second["input_ids"][0] == mask).nonzero().flatten().tolist() == [9]


@pytest.mark.parametrize(
    "one, other, pairs",
    [
        ("a b c", "a b c", [(0, 0), (1, 1), (2, 2)]),
        ("a b c", "a x c", [(0, 0), (1, 1), (2, 2)]),
        ("a b c", "a c", [(0, 0), (2, 1)]),
        ("a b c", "a x y c", [(0, 0), (2, 3)]),
        ("a", "b", [(0, 0)]),
        ("a", "b c", []),
    ],
)
def test_equal_tokens_and_exchanged_ones_belong_together(one, other, pairs):
    assert aligned(one.split(), other.split()) == pairs


def test_attention_that_moved_is_a_share_and_keys_without_a_partner_count(lab):
    a, b = (seen(lab, lab.encode(text)) for text in ("the cat sat.", "the cat sat on the mat."))
    pairs = aligned(a.tokens, b.tokens)
    moved = distances(a, b, pairs)
    assert moved.shape == (3, 4, len(pairs)) and bool(((moved >= 0) & (moved <= 1)).all())
    theirs = [j for _, j in pairs]
    expected = 0.0
    for key in range(len(b.tokens)):
        mine = [i for i, j in pairs if j == key]
        weight = float(a.attention[1, 2, pairs[1][0], mine[0]]) if mine else 0.0
        expected += abs(weight - float(b.attention[1, 2, pairs[1][1], key])) / 2
    assert float(moved[1, 2, 1]) == pytest.approx(expected, abs=1e-5) and len(theirs) == 6
    assert torch.equal(distances(a, a, [(i, i) for i in range(6)]), torch.zeros(3, 4, 6))


def test_a_head_that_is_gone_in_one_model_has_no_difference(tuned):
    tuned.model = copy.deepcopy(tuned.model)
    tuned.model.prune_heads({1: [2]})
    panel = ready(tuned, look="attention", layer=1, head=2)
    assert panel.view["moved"][1][2] is None and "is gone in one of the two" in panel.answer
    content, (raw,) = answer_to(panel, "weights", layer=1, head=2)
    assert set(raw) == {128} and content["result"]["size"] == 15
    for look in LOOKS:
        panel.look = look
        assert panel.wait(60) and not panel.error and not panel.problem


def test_the_exported_page_holds_every_look(tuned, tmp_path):
    panel = ready(tuned, look="attention", layer=1, head=2)
    page = panel.export(tmp_path / "page.html").read_text(encoding="utf8")
    assert panel.kept_looks == LOOKS and panel.look == "attention"
    assert "weights:" in page and len(page) < 1_000_000
