"""TasksPanel: every answer is the lab's own, its reasons add up, and no untrained head passes for a trained one."""

import copy
import csv
import io
import json
import re
import threading
from gettext import NullTranslations

import pytest
import torch
from bertlab_widgets import TasksPanel, Workbench
from bertlab_widgets.tasks import explaining
from bertlab_widgets.tasks.asked import ASKED
from bertlab_widgets.tasks.spans import answer_spans
from bertlab_widgets.tasks.tags import entity_spans
from panel_checks import run_code
from small_lab import small_lab

from bertlab.lab import TASKS
from bertlab.language import catalogue
from bertlab.model import BertForNextSentencePrediction

TEXT = "the cat sat on the mat."
PAIR = "the dog ran up a tree."
CHOICES = ["the dog ran.", "paris is the capital of france.", "it was muddy."]
PLAIN = [
    "next_sentence",
    "sentiment",
    "emotions",
    "similarity",
    "inference",
    "pos",
    "ner",
    "choice",
    "qa",
    "generation",
    "seq2seq",
]


@pytest.fixture
def lab():
    """A lab of its own for each test, because heads are drawn and added."""
    return small_lab()


def opened(lab, task, **settings):
    pair = PAIR if ASKED[task].second else None
    return done(TasksPanel(lab, TEXT, pair, task=task, choices=CHOICES, new_tokens=5, longest=5, **settings))


def run_names(panel, lab, monkeypatch):
    """All names that the panel's code leaves, with this lab in place of the one that it loads."""
    import bertlab

    monkeypatch.setattr(bertlab, "load", lambda name: lab, raising=False)
    names = {}
    exec(panel.code(), names)
    return names


def done(panel):
    """The panel when what it computes in a thread is over, as on a busy machine."""
    assert panel.wait(60)
    return panel


def same(first, second):
    """Whether two nested results hold the same names and, to 1e-5, the same numbers."""
    if isinstance(first, float):
        return first == pytest.approx(second, abs=1e-5)
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


# --- answers


@pytest.mark.parametrize("task", PLAIN)
def test_each_task_answers_and_its_code_gives_the_same_numbers(task, lab, monkeypatch):
    panel = opened(lab, task)
    assert panel.error == "" and panel.answer and panel.question.endswith("?")
    before = panel.data()
    assert same(run_code(panel, lab, monkeypatch), before)
    assert 5 <= len(panel.code().splitlines()) <= 15


SAMPLING = {"search": "sample", "temperature": 0.7, "top_k": 9, "top_p": 0.8, "draw": 4}


@pytest.mark.parametrize("settings", [{"search": "beam", "beams": 3}, SAMPLING, {"use_cache": False}])
def test_the_code_of_every_way_to_generate_gives_the_same_tokens(settings, lab, monkeypatch):
    panel = opened(lab, "generation", **settings)
    assert len(panel.data()) == 5
    assert same(run_code(panel, lab, monkeypatch), panel.data())


def test_labels_are_those_of_the_lab(lab):
    assert same(opened(lab, "sentiment").data(), lab.classify(TEXT).probabilities)
    assert same(opened(lab, "inference").data(), lab.classify(TEXT, PAIR, task="inference").probabilities)
    emotions = opened(lab, "emotions")
    assert same(
        dict(sorted(emotions.data().items())), dict(sorted(lab.classify(TEXT, task="emotions").probabilities.items()))
    )
    assert emotions.view["multiple"] and emotions.view["chance"]["at"] == 0.5
    assert opened(lab, "similarity").data() == pytest.approx(lab.similarity(TEXT, PAIR).score, abs=1e-5)
    assert same(opened(lab, "next_sentence").data(), lab.next_sentence(TEXT, PAIR).probabilities)


def test_tags_are_those_of_the_lab(lab):
    panel = TasksPanel(lab, "unaffable cat ran, it ran.", task="pos")
    spans = lab.tag("unaffable cat ran, it ran.", task="pos")
    assert [(row["text"], row["label"]) for row in panel.reading.tags()] == [(span.text, span.label) for span in spans]
    assert [row["probability"] for row in panel.reading.tags()] == pytest.approx(
        [span.probability for span in spans], abs=1e-5
    )
    panel.task = "ner"
    found = [(span["text"], span["label"]) for span in entity_spans(panel.text, panel.reading.tags())]
    assert found == [(span.text, span.label) for span in lab.tag(panel.text, task="ner")]


def test_entities_join_a_begin_with_the_insides_after_it():
    labels = ["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-ORG", "I-ORG"]
    rows = [{"text": f"w{i}", "label": label, "start": 3 * i, "end": 3 * i + 2} for i, label in enumerate(labels)]
    spans = entity_spans("w0 w1 w2 w3 w4 w5 w6", rows)
    assert [(span["text"], span["label"]) for span in spans] == [
        ("w0 w1", "PER"), ("w3", "LOC"), ("w4", "LOC"), ("w5 w6", "ORG")]  # fmt: skip


def test_gaps_are_those_of_the_lab(lab):
    panel = TasksPanel(lab, "the [MASK] sat on the [MASK].", count=4)
    fills = lab.fill_mask("the [MASK] sat on the [MASK].", top_k=4)
    assert list(panel.data()) == [2, 6]
    for gap, candidates in zip(panel.data().values(), fills):
        assert same(gap, {candidate.token: candidate.probability for candidate in candidates})


def test_of_two_gaps_the_answer_says_which_token_stands_where(lab):
    panel = done(TasksPanel(lab, "the [MASK] sat on the [MASK]."))
    first, second = (next(iter(gap)) for gap in panel.data().values())
    put = f"BERT would put `{first}` at place 2 and `{second}` at place 6; each gap is read with the others still open."
    assert panel.answer.startswith(put) and f"“{first} at place 2”" in panel.answer
    assert panel.view["attribution"]["about"] == f"{first} at place 2"
    panel.text = "the [MASK] sat."
    assert done(panel).answer.startswith("BERT would put `") and "place" not in panel.answer


def test_the_answer_and_its_spans_are_those_of_the_lab(lab):
    panel = opened(lab, "qa")
    found = lab.answer(TEXT, PAIR)
    spans, none = answer_spans(found, PAIR)
    assert spans[0]["text"] == found.text and spans[0]["probability"] == pytest.approx(found.probability)
    assert none == pytest.approx(found.no_answer_probability)
    assert none + sum(span["probability"] for span in spans) == pytest.approx(1)
    assert panel.data()["text"] == found.text
    assert sum(token["start"] for token in panel.view["tokens"]) == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_read_in_windows_that_overlap_and_cover_it(lab, monkeypatch):
    text = " ".join(["the cat sat on the mat and the dog ran up a tree."] * 6)
    panel = TasksPanel(lab, "who sat?", text, task="qa", window_size=24, stride=8)
    ruler = panel.view["ruler"]
    assert panel.view["windows"] == len(ruler) > 3
    assert ruler[0][0] == 0 and ruler[-1][1] == 1
    assert all(after[0] < before[1] for before, after in zip(ruler, ruler[1:]))
    assert all(count <= 24 for _, _, count in ruler)
    panel.window = 2
    assert panel.view["shown"] == 2
    assert same(run_code(panel, small_lab(), monkeypatch), panel.data())


def test_choices_are_those_of_the_lab(lab):
    panel = opened(lab, "choice")
    assert list(panel.data().values()) == pytest.approx(lab.choose(TEXT, CHOICES).probabilities, abs=1e-5)
    assert panel.view["chance"]["at"] == pytest.approx(1 / 3)
    panel.choices = ["the dog ran.", ""]
    assert "two endings" in panel.answer and panel.data() == {}


def test_chance_stands_beside_every_label(lab):
    for task, chance in {"sentiment": 1 / 2, "inference": 1 / 3, "next_sentence": 1 / 2}.items():
        panel = opened(lab, task)
        assert panel.view["chance"]["at"] == pytest.approx(chance) and "chance" in panel.answer


def test_padding_of_shorter_endings_is_no_part_of_the_reasons(lab, monkeypatch):
    for choices in (["it ran.", CHOICES[1]], [CHOICES[1], "it ran."]):
        panel = TasksPanel(lab, TEXT, task="choice", choices=choices)
        encoding = lab.encode([TEXT] * 2, choices)
        best = panel.view["best"]
        names = lab.tokenizer.convert_ids_to_tokens(encoding["input_ids"][best].tolist())
        found = panel.view["attribution"]
        assert found["tokens"] == [name for name in names if name != "[PAD]"]
        assert found["keep"] == [name in ("[CLS]", "[SEP]") for name in found["tokens"]]
    assert "[PAD]" in lab.tokenizer.convert_ids_to_tokens(encoding["input_ids"][1].tolist())
    for method in explaining.METHODS:
        panel.attribution = method
        names = run_names(panel, lab, monkeypatch)
        assert same(names["result"], panel.data()) and len(names["scores"]) == len(done(panel).attributions())


# --- sequence to sequence


def test_what_is_written_and_where_it_looked_are_those_of_the_lab(lab, monkeypatch):
    panel = TasksPanel(lab, TEXT, task="seq2seq", longest=6)
    found = lab.rewrite(TEXT, max_new_tokens=6)
    assert done(panel).data()["tokens"] == found.tokens and panel.view["source"] == found.source_tokens
    assert same(panel.data()["probabilities"], found.probabilities)
    assert panel.data()["cross_attention"] == pytest.approx(found.cross_attention.mean((0, 1)).numpy(), abs=1e-5)
    assert [step["token"] for step in panel.generation_steps()] == found.tokens
    panel.cross_layer, panel.cross_head = 1, 2
    assert panel.data()["cross_attention"] == pytest.approx(found.cross_attention[1, 2].numpy(), abs=1e-5)
    assert same(run_code(panel, lab, monkeypatch), panel.data())
    panel.cross_head = 4
    assert panel.error == "Head 4 was given; the decoder has heads 0 to 3."


SEARCHES = [
    {"search": "beam", "beams": 3},
    {**SAMPLING, "cross_layer": 0},
    {"prefix": [40, 41], "cross_head": 1},
    {"ablated": [(0, 1), (2, 3)]},
]


@pytest.mark.parametrize("settings", SEARCHES)
def test_the_code_of_every_way_to_rewrite_gives_the_same_look(settings, lab, monkeypatch):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=5, **settings))
    assert panel.error == "" and same(run_code(panel, lab, monkeypatch), panel.data())
    assert len(panel.data()["cross_attention"]) == len(panel.data()["tokens"]) == len(panel.view["written"])
    assert all(sum(weights) == pytest.approx(1, abs=1e-5) for weights in panel.data()["cross_attention"])


def test_another_token_in_a_rewriting_is_followed_by_what_the_decoder_makes_of_it(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=5))
    first, other = panel.generation_steps()[0], panel.generation_steps()[1]["top"][2]
    panel.go_on(1, other["id"])
    assert done(panel).view["written"][:2] == [first["token"], other["token"]] and panel.view["put"] == 2
    assert len(panel.view["looked"]) == len(panel.view["written"]) == 7


def test_the_reasons_of_a_written_token_are_those_of_the_source(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=4, step=2))
    ids, mask = (lab.encode(TEXT)[name] for name in ("input_ids", "attention_mask"))
    so_far = [lab.tokenizer.cls_token_id, *(step["id"] for step in panel.generation_steps()[:2])]
    token, model = panel.generation_steps()[2]["id"], lab.task_model("seq2seq")
    hidden = mask.clone()
    hidden[0, 3] = 0
    with torch.no_grad():
        whole, without = (
            model(ids, seen, torch.tensor([so_far])).logits[0, -1].log_softmax(-1)[token] for seen in (mask, hidden)
        )
    assert panel.attributions()[3]["score"] == pytest.approx(float(whole - without), abs=1e-4)
    assert [row["token"] for row in panel.attributions()] == panel.view["source"]


def test_a_rewriting_says_in_words_where_it_looks_and_refuses_what_does_not_fit(lab):
    panel = done(TasksPanel(lab, TEXT, task="seq2seq", longest=4, step=1))
    weights = panel.data()["cross_attention"][1]
    most = panel.view["source"][max(range(len(weights)), key=weights.__getitem__)]
    assert f"Writing `{panel.view['written'][1]}`, it looks most at `{most}`" in panel.answer
    panel.text = "cat " * 200
    assert "64" in done(panel).error and "shorten" in panel.error


# --- generation


def test_tokens_are_those_of_the_lab_with_and_without_the_cache(lab):
    panel = opened(lab, "generation")
    assert [token for token, _ in panel.data()] == lab.generate(TEXT, max_new_tokens=5).tokens
    cached, read = panel.data(), panel.view["read"]
    panel.use_cache = False
    done(panel)
    assert [token for token, _ in panel.data()] == [token for token, _ in cached]
    assert read == 8 + 4 and panel.view["read"] == 8 + 9 + 10 + 11 + 12


def test_another_token_can_be_put_in_at_any_step(lab):
    panel = opened(lab, "generation")
    first, other = panel.generation_steps()[0], panel.generation_steps()[1]["top"][2]
    panel.go_on(1, other["id"])
    done(panel)
    assert panel.prefix == [first["id"], other["id"]]
    assert panel.view["prompt"][-2:] == [first["token"], other["token"]] and len(panel.view["steps"]) == 5
    panel.workbench.text = PAIR
    assert panel.prefix == []


def test_cancelling_keeps_what_is_written_so_far(lab, monkeypatch):
    from bertlab_widgets.panel import linked as module
    from bertlab_widgets.tasks.writing import Writing

    monkeypatch.setattr(module, "AT_ONCE", 0)
    written, go_on = threading.Event(), threading.Event()
    rows = Writing.rows

    def slowly(self):
        for number, row in enumerate(rows(self)):
            yield row
            if number == 1:
                written.set()
                assert go_on.wait(60)

    monkeypatch.setattr(Writing, "rows", slowly)
    panel = TasksPanel(lab, TEXT, task="generation", new_tokens=9, attribution="off")
    assert written.wait(60) and panel.view["done"] is False
    threading.Timer(0.2, go_on.set).start()
    panel.stop()
    assert panel.view["done"] and 2 <= len(panel.view["steps"]) < 9 and panel.error == ""
    assert len(panel.data()) == len(panel.view["steps"])


def test_beams_descend_from_the_step_before(lab):
    panel = opened(lab, "generation", search="beam", beams=3)
    steps = panel.generation_steps()
    assert all(len(step["beams"]) == 3 for step in steps)
    assert all(0 <= beam["parent"] < 3 for step in steps for beam in step["beams"])
    best = steps[-1]["hypotheses"][0]
    words = lab.generate(TEXT, max_new_tokens=5, num_beams=3).tokens
    assert best["tokens"][8:] == [word for word in words if word not in ("[SEP]", "[PAD]")]


def test_sampling_marks_what_the_options_left_out(lab):
    panel = opened(lab, "generation", search="sample", top_k=2, count=6)
    top = panel.generation_steps()[0]["top"]
    assert sum(row["probability"] > 0 for row in top) == 2
    assert all(row["model"] > 0 for row in top)


# --- untrained heads


@pytest.mark.parametrize("task", ["sentiment", "pos", "qa", "choice"])
def test_an_untrained_head_says_so_and_reseeding_changes_its_answer(task, lab):
    panel = opened(lab, task, attribution="off")
    assert "random weights" in panel.heading["untrained"] and panel.view["reseedable"]
    before = panel.data()
    panel.reseed()
    assert panel.head_seed == 1 and not same(before, panel.data())
    assert [row["seed"] for row in panel.reseeds] == [0, 1]
    panel.head_seed = 0
    assert same(before, panel.data())


def test_twenty_heads_disagree(lab):
    panel = opened(lab, "sentiment", attribution="off")
    panel.reseed(20)
    assert panel.wait(20)
    assert len(panel.reseeds) == 21 and {row["said"] for row in panel.reseeds} == {"negative", "positive"}


def test_a_trained_head_is_not_marked_and_cannot_be_reseeded(lab):
    lab.reseed("sentiment", 3)
    lab.add_task("sentiment", lab.task_model("sentiment"))
    panel = opened(lab, "sentiment")
    assert panel.trained and panel.heading["untrained"] == "" and panel.view["reason"] == ""
    assert "lab.reseed" not in panel.code()
    with pytest.raises(ValueError, match="not one of random weights"):
        panel.reseed()


def test_a_task_added_under_its_own_name_gets_a_tab(lab):
    model = copy.deepcopy(lab.task_model("inference"))
    lab.add_task("topics", model)
    panel = TasksPanel(lab, TEXT, task="topics")
    assert ["topics", "topics", True] in panel.tasks and list(panel.data()) == list(TASKS["inference"].labels)


def test_generation_without_a_trained_decoder_says_why_it_means_little(lab):
    panel = opened(lab, "generation")
    assert "left to right" in panel.heading["untrained"] and not panel.view["reseedable"]


# --- edits


def test_masks_and_ablated_heads_reach_the_task(lab, monkeypatch):
    panel = opened(lab, "sentiment")
    whole = panel.data()
    panel.masked = [2]
    masked = panel.data()
    assert not same(whole, masked) and same(run_code(panel, lab, monkeypatch), masked)
    assert same(masked, lab.classify("the [MASK] sat on the mat.").probabilities)
    panel.ablated = [(0, 1), (2, 3)]
    assert not same(masked, panel.data()) and same(run_code(panel, lab, monkeypatch), panel.data())


def test_a_task_of_one_text_reads_the_first_only_and_says_so(lab):
    panel = TasksPanel(lab, TEXT, PAIR, task="sentiment")
    assert same(panel.data(), lab.classify(TEXT).probabilities)
    assert "first text only" in panel.note


def test_questions_say_that_they_do_not_see_masks(lab):
    panel = opened(lab, "qa", masked=[2])
    assert "masks" in panel.note


# --- what it rests on


@pytest.mark.parametrize("task", PLAIN)
@pytest.mark.parametrize("method", list(explaining.METHODS))
def test_the_code_gives_the_attribution_too(task, method, lab, monkeypatch):
    panel = opened(lab, task, attribution=method)
    assert panel.wait(20)
    names = run_names(panel, lab, monkeypatch)
    rows = panel.attributions()
    kept = panel.view["attribution"]["keep"]
    assert rows and not all(kept)
    expected = [0.0 if keep else score for keep, score in zip(kept, names["scores"])]
    assert [row["score"] for row in rows] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("task", ["sentiment", "pos", "qa", "choice", "generation"])
@pytest.mark.parametrize("method", ["occlusion", "gradient"])
def test_words_instead_of_pieces_add_the_scores_up_in_picture_rows_and_code(task, method, lab, monkeypatch):
    panel = opened(lab, task, attribution=method)
    panel.text = "the unaffable cat sat on embeddings."
    assert panel.wait(20)
    pieces = panel.attributions()
    panel.words = True
    assert panel.wait(20) and not panel.error
    rows = panel.attributions()
    assert sum(row["score"] for row in rows) == pytest.approx(sum(row["score"] for row in pieces), abs=1e-5)
    if task != "choice":
        assert "unaffable" in [row["token"] for row in rows] and len(rows) < len(pieces)
    assert run_names(panel, lab, monkeypatch)["scores"] == pytest.approx([row["score"] for row in rows], abs=1e-5)
    panel.words = False
    assert panel.attributions() == pieces


@pytest.mark.parametrize("task", ["sentiment", "emotions", "similarity", "pos", "qa", "generation"])
def test_integrated_gradients_add_up(task, lab, monkeypatch):
    monkeypatch.setattr(explaining, "STEPS", 800)  # the small model's large random weights make a jagged way
    found = opened(lab, task, attribution="integrated").view["attribution"]
    assert sum(found["scores"]) == pytest.approx(found["value"] - found["baseline"] + found["gap"], abs=1e-4)
    assert abs(found["gap"]) < 0.1 * sum(map(abs, found["scores"]))


def test_occlusion_is_the_fall_without_the_token(lab):
    panel = opened(lab, "sentiment", explained="positive")
    batch = lab.encode(TEXT)
    batch["attention_mask"][0, 2] = 0
    with torch.no_grad():
        without = lab.task_model("sentiment")(**batch).logits[0].log_softmax(-1)[1]
    score = panel.attributions()[2]["score"]
    assert score == pytest.approx(float(panel.reading.logits().log_softmax(-1)[1] - without), abs=1e-5)
    assert panel.attributions()[2]["about"] == "positive"


def test_an_attribution_that_would_take_long_waits_until_it_is_asked_for(lab, monkeypatch):
    from bertlab_widgets.tasks import reasons as module

    monkeypatch.setattr(module, "SHORT_WORK", 0)
    monkeypatch.setattr(module, "LONG_WORK", 0)
    panel = opened(lab, "sentiment")
    assert panel.view["attribution"]["offer"] > 7 and panel.attributions() == []
    panel.explain()
    assert panel.wait(20) and len(panel.attributions()) == 9 and panel.busy == {}


def test_others_can_use_the_model_while_an_attribution_is_computed(lab, monkeypatch):
    from bertlab_widgets.tasks import reasons as module

    started, got, within, explain = threading.Event(), [], [], explaining.explain

    def slowly(question, method, mask):
        started.set()
        for _ in range(2000):
            question.model(**question.batch)  # a pass, before which the model is free for a moment
            if got:
                break
        within.append(bool(got))
        return explain(question, method, mask)

    monkeypatch.setattr(module, "SHORT_WORK", 0)
    monkeypatch.setattr(explaining, "explain", slowly)
    panel = TasksPanel(lab, TEXT, task="sentiment")
    assert started.wait(60)
    got.append(panel.workbench.cached("other", lambda: 1))
    assert panel.wait(60) and within == [True] and len(panel.attributions()) == 9


def test_an_attribution_can_be_cancelled(lab):
    question = opened(lab, "sentiment").attribution_question()
    passes = []
    with pytest.raises(explaining.Cancelled):
        with explaining.watched(question.model, 100, passes.append, lambda: len(passes) > 1):
            explaining.explain(question, "occlusion", lab.tokenizer.mask_token_id)
    assert len(passes) == 2
    assert not question.model.base_model._forward_pre_hooks


def test_a_model_trained_for_the_next_sentence_answers_instead_of_the_pre_trained_head(lab, monkeypatch):
    before = opened(lab, "next_sentence").data()
    torch.manual_seed(3)
    lab.add_task("next_sentence", BertForNextSentencePrediction(lab.model.config))
    panel = opened(lab, "next_sentence")
    assert not same(panel.data(), before) and same(panel.data(), lab.next_sentence(TEXT, PAIR).probabilities)
    names = run_names(panel, lab, monkeypatch)
    assert same(names["result"], panel.data())
    kept = panel.view["attribution"]["keep"]
    expected = [0.0 if keep else score for keep, score in zip(kept, names["scores"], strict=True)]
    assert [row["score"] for row in panel.attributions()] == pytest.approx(expected, abs=1e-5)


# --- hard cases


@pytest.mark.parametrize("task", [task for task, asked in ASKED.items() if asked.pair])
def test_a_missing_second_text_is_asked_for(task, lab):
    panel = TasksPanel(lab, TEXT, task=task)
    assert "two texts" in panel.answer and panel.error == "" and panel.data() == {} and panel.view["examples"]
    assert panel.table() == [] and panel.code()


@pytest.mark.parametrize("task", list(ASKED))
def test_no_text_is_an_invitation(task, lab):
    panel = opened(lab, task)
    panel.text = panel.text_pair = ""
    assert panel.view == {"empty": True} and panel.error == "" and panel.table() == []


def test_a_text_that_is_too_long_is_cut_or_refused_in_words(lab):
    panel = TasksPanel(lab, "cat " * 200, task="sentiment", attribution="off")
    assert "Cut after 64 tokens" in panel.note and panel.data()
    panel.task = "generation"
    assert "64" in done(panel).error and "shorten" in panel.error


def test_wrong_settings_are_refused_in_words(lab):
    panel = opened(lab, "sentiment")
    with pytest.raises(ValueError, match="there is no task 'poetry'; there are fill_mask"):
        panel.task = "poetry"
    panel.task = "generation"
    panel.search, panel.temperature = "sample", -1.0
    assert "Temperature is -1.0" in panel.error
    panel.temperature = 1.0
    assert done(panel).error == ""


# --- what every panel has


def test_every_preset_opens_without_an_error(lab):
    assert len(TasksPanel.preset_states) >= 2 * len(ASKED)
    panel = TasksPanel(lab, TEXT, attribution="off")
    for name, state in TasksPanel.preset_states.items():
        panel.preset = name
        assert panel.task == state["task"] and panel.note == state["note"]
        assert not panel.error or "64" in panel.error  # the small model of the tests takes 64 tokens only


def test_a_task_opens_on_a_preset_of_its_own(lab):
    panel = TasksPanel(lab, task="ner", attribution="off")
    assert panel.text == TasksPanel.preset_states["Entities: People, places, firms"]["text"] and panel.task == "ner"
    assert TasksPanel(lab, attribution="off").text == TasksPanel.preset_states["Fill the gap: A capital"]["text"]


def test_a_presets_note_goes_with_its_task(lab):
    panel = TasksPanel(lab, preset="Emotions: Fear", attribution="off")
    assert panel.note and panel.preset == "Emotions: Fear"
    panel.task = "sentiment"
    assert panel.note == "" and panel.preset == ""


def test_the_state_is_short_json_and_opens_the_same_picture(lab):
    panel = opened(lab, "qa", window_size=24, stride=4)
    state = json.loads(json.dumps(panel.state()))
    again = TasksPanel.from_state(lab, state)
    assert same(again.data(), panel.data()) and again.state() == state
    assert len(json.dumps(state)) < 400


@pytest.mark.parametrize("kind", ["png", "svg", "csv", "html"])
@pytest.mark.parametrize("task", ["sentiment", "ner", "qa", "choice", "generation", "seq2seq"])
def test_every_answer_can_be_exported(kind, task, lab, tmp_path):
    panel = opened(lab, task, attribution="off")
    content = panel.export(tmp_path / f"answer.{kind}").read_bytes()
    assert len(content) > 100
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert rows[0]["from_model"] == "small" and rows[0]["task"] == task and len(rows) == len(panel.table())


def test_the_offline_page_holds_every_task_on_the_text(lab):
    panel = opened(lab, "inference", attribution="off")
    _, patches = panel.precomputed()
    assert panel.task == "inference"
    assert {f'task:"{task}"' for task in ("sentiment", "pos", "qa", "generation")} <= set(patches)
    assert patches['task:"sentiment"']["view"]["rows"][0]["label"] == "negative"


def test_the_static_twin_names_the_answer(lab):
    twin = opened(lab, "sentiment").static_twin()
    assert "positive" in twin and "untrained" not in twin.split("positive")[0] or "negative" in twin


def test_a_pin_is_held_against_the_next_text(lab):
    panel = opened(lab, "sentiment")
    before = panel.data()
    panel.pin()
    panel.workbench.text = PAIR
    assert {row["label"]: row["before"] for row in panel.view["rows"]} == pytest.approx(before)
    panel.unpin()
    assert all("before" not in row for row in panel.view["rows"])


@pytest.mark.parametrize("task", list(ASKED))
def test_a_guess_is_graded_against_the_live_answer(task, lab):
    panel = opened(lab, task, predict_first=True)
    if task == "fill_mask":
        panel.masked = [2]
    assert panel.gate_question
    right = {"number": "2", "choice": "B", "answer": "the dog"}.get(panel.kind, "zzz")
    panel.guess = right
    assert panel.verdict and panel.error == ""


def test_the_right_guess_is_right(lab):
    panel = opened(lab, "sentiment", predict_first=True)
    data = panel.data()
    panel.guess = max(data, key=data.get)
    assert panel.verdict == "Right."


def test_the_task_is_linked_to_the_other_panels_by_text_and_selection(lab):
    workbench = Workbench(lab, TEXT)
    first, second = TasksPanel(workbench=workbench, task="pos"), TasksPanel(workbench=workbench)
    first.selected = [3]
    first.text = PAIR
    assert second.text == PAIR and second.selected == []


# --- what the head reads, and a text without a gap


def test_a_text_without_a_gap_opens_with_an_answer(lab, monkeypatch):
    panel = done(TasksPanel(lab, TEXT, task="fill_mask"))
    expected = lab.fill_mask(TEXT.replace("mat", "[MASK]"), top_k=8)[0]
    assert panel.answer.startswith("If `mat` were hidden, BERT would") and panel.view["gaps"][0]["hidden"] == "mat"
    assert list(panel.data()) == [6] and list(panel.data()[6]) == [fill.token for fill in expected]
    assert run_code(panel, lab, monkeypatch)[6] == pytest.approx(panel.data()[6])
    assert "If “mat” were hidden" in panel.gate_question and panel.view["attribution"]["tokens"][6] == "[MASK]"
    panel.masked = [2]
    assert list(done(panel).data()) == [2] and "hidden" not in panel.answer


@pytest.mark.parametrize(
    ("task", "pair", "said", "places"),
    [
        ("next_sentence", "it ran.", "The head reads [CLS] alone", [0]),
        ("sentiment", "", "The head reads [CLS] alone", [0]),
        ("similarity", "it ran.", "becomes this one number", [0]),
        ("fill_mask", "", "[CLS] is not asked", [6]),
        ("pos", "", "[CLS] is not asked", list(range(1, 8))),
        ("qa", "it ran.", "[CLS] stands for “no answer”", [0]),
        ("generation", "", "[CLS] only begins the text", []),
        ("seq2seq", "", "all tokens of the source", []),
    ],
)
def test_every_task_says_what_its_head_reads(lab, task, pair, said, places):
    view = done(TasksPanel(lab, TEXT, pair, task=task, attribution="off", new_tokens=2, longest=2)).view
    assert said in view["reads"] and view["read_at"] == places


def test_a_decoder_says_what_it_was_trained_to_do(lab):
    panel = done(TasksPanel(lab, "cat the sat", task="seq2seq", longest=2))
    assert "was trained to" not in panel.view["reads"]
    panel.task_model.trained_to = "put words in order"
    panel.count = 5
    assert done(panel).view["reads"].startswith("This decoder was trained to put words in order.")


def test_sentences_count_and_name_as_a_person_would(lab):
    panel = done(TasksPanel(lab, "cat", task="pos", attribution="off"))
    assert panel.answer.startswith("The head calls `cat` ")
    panel.task = "inference"
    assert panel.answer == "This task reads two texts: type the hypothesis too."


def test_no_word_of_a_tagged_text_is_not_an_error(lab):
    assert done(TasksPanel(lab, "[MASK]", task="ner", attribution="off")).error == ""


def test_a_first_text_without_a_word_has_no_tags(lab):
    panel = done(TasksPanel(lab, "", "a cat", task="pos"))
    assert panel.error == "" and panel.answer == panel.grade("NOUN") == "There is no word to name."


# --- tokens that the model lacks


@pytest.mark.parametrize("task", list(ASKED))
def test_a_mask_that_the_vocabulary_lacks_is_refused_in_words(task):
    panel = done(TasksPanel(small_lab(without="[MASK]"), "the [MASK] sat.", PAIR, task=task, choices=CHOICES))
    own = "small has no [MASK] in its vocabulary, so it can fill no gap."
    others = "`[MASK]` has the id 114, but small knows the ids 0 to 113 only: take it out of the text."
    assert panel.answer == (own if task == "fill_mask" else others)
    assert panel.table() == [] and panel.data() == {} and panel.code() and panel.figure() and panel.static_twin()
    assert panel.exported_bytes("csv") and panel.exported_bytes("html")


def test_what_is_refused_at_once_leaves_no_rows_and_no_numbers(lab):
    panel = done(TasksPanel(lab, TEXT, task="generation", search="sample", temperature=-1.0))
    assert "Temperature is -1.0" in panel.error and panel.table() == [] and panel.data() == {} and panel.figure()


# --- other languages


class InBrackets(NullTranslations):
    """A language whose sentences are the English ones in angular brackets."""

    def gettext(self, message):
        return f"⟨{message}⟩"

    def ngettext(self, one, many, count):
        return f"⟨{one if count == 1 else many}⟩"


def outside(text):
    """What of a text no catalogue has given."""
    while "⟨" in text:
        text = re.sub(r"⟨[^⟨⟩]*⟩", "", text)
    return text.strip(" .·")


@pytest.mark.parametrize("task", list(ASKED))
def test_all_that_is_said_of_a_task_can_be_said_in_another_language(task, lab, monkeypatch):
    monkeypatch.setattr(catalogue, "_catalogue", InBrackets())
    text = "the [MASK] sat on the [MASK]." if task == "fill_mask" else TEXT
    panel = done(TasksPanel(lab, text, PAIR, task=task, choices=CHOICES, new_tokens=3, longest=3))
    view = panel.view
    said = [panel.question, panel.answer, panel.gate_question, view["reason"], view["reads"], panel.grade("zzz")]
    said += [title for _, title, _ in panel.tasks] + [field for field in view["fields"] if field]
    said += [view["chance"]["text"]] if "chance" in view else []
    assert panel.error == "" and [outside(sentence) for sentence in said] == [""] * len(said)


def test_the_labels_of_the_next_sentence_are_said_and_keep_their_names(lab, monkeypatch):
    monkeypatch.setattr(catalogue, "_catalogue", InBrackets())
    panel = done(TasksPanel(lab, TEXT, PAIR, task="next_sentence", explained="is_next"))
    assert panel.view["names"] == [["is_next", "⟨is next⟩"], ["random", "⟨random⟩"]]
    assert list(panel.data()) == ["is_next", "random"] and panel.view["attribution"]["about"] == "⟨is next⟩"
    assert [row["label"] for row in panel.view["rows"]] == ["⟨is next⟩", "⟨random⟩"]


def test_a_second_text_is_optional_where_a_task_answers_without_it(lab):
    for task, asked in ASKED.items():
        view = done(TasksPanel(lab, TEXT, task=task, choices=CHOICES, new_tokens=1, longest=1)).view
        assert view["optional"] == (task == "fill_mask") and asked.pair == bool(view.get("missing"))


def test_what_the_shipped_decoder_was_trained_to_do_can_be_translated():
    from bertlab_widgets.tasks.rewriting import SHIPPED_AIM

    from bertlab.recipes.reorder import TRAINED_TO

    assert SHIPPED_AIM == TRAINED_TO


def test_where_there_is_no_answer_the_code_is_the_sentence_that_says_why():
    panel = done(TasksPanel(small_lab(without="[MASK]"), TEXT, task="fill_mask"))
    assert panel.code() == f"# {panel.view['missing']}"
