"""TasksPanel: every answer is the lab's own, its reasons add up, and no untrained head passes for a trained one."""

import copy
import re
from gettext import NullTranslations

import pytest
from bertlab_widgets import TasksPanel
from bertlab_widgets.tasks import explaining
from bertlab_widgets.tasks.asked import ASKED
from bertlab_widgets.tasks.spans import answer_spans
from bertlab_widgets.tasks.tags import entity_spans
from panel_checks import run_code
from small_lab import small_lab
from task_cases import CHOICES, PAIR, SAMPLING, TEXT, done, opened, same

from bertlab.lab import TASKS
from bertlab.language import catalogue

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


def run_names(panel, lab, monkeypatch):
    """All names that the panel's code leaves, with this lab in place of the one that it loads."""
    import bertlab

    monkeypatch.setattr(bertlab, "load", lambda name: lab, raising=False)
    names = {}
    exec(panel.code(), names)
    return names


@pytest.mark.parametrize("task", PLAIN)
def test_each_task_answers_and_its_code_gives_the_same_numbers(task, lab, monkeypatch):
    panel = opened(lab, task)
    assert panel.error == "" and panel.answer and panel.question.endswith("?")
    before = panel.data()
    assert same(run_code(panel, lab, monkeypatch), before)
    assert 5 <= len(panel.code().splitlines()) <= 15


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
