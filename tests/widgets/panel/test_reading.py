"""What a vocabulary can read: the presets that a panel offers, and what it says of words that are not known."""

import pytest
from bertlab_widgets import HeadsPanel, IntervenePanel, MaskPanel, TasksPanel, TokenizerPanel, TrainPanel, Workbench
from bertlab_widgets.app import FIRST_TEXT, Application
from bertlab_widgets.panel import CHINESE, is_chinese
from panel_checks import PANELS
from small_lab import chinese_vocabulary, small_lab, vocabulary

CHINESE_PRESETS = [(kind, name) for kind in PANELS for name, state in kind.preset_states.items() if "script" in state]
WITH_CHINESE = {"tokens", "masks", "heads", "similarity", "intervene", "layers"}


@pytest.fixture(scope="module")
def chinese():
    return small_lab(pieces=chinese_vocabulary())


@pytest.fixture(scope="module")
def both():
    """A vocabulary that reads Chinese, and English words whole."""
    whole = ["animal", "didn", "cross", "street", "because", "too", "tired", "the", "was"]
    return small_lab(pieces=[*chinese_vocabulary(), *whole])


def names(kind, script):
    return [name for name, state in kind.preset_states.items() if ("script" in state) == script]


def test_the_panels_about_a_text_have_chinese_presets():
    assert {kind.script.removesuffix(".js") for kind, _ in CHINESE_PRESETS} == WITH_CHINESE
    assert all(kind.preset_states[name]["script"] == "Han" for kind, name in CHINESE_PRESETS)


@pytest.mark.parametrize("kind", [kind for kind in PANELS if names(kind, True)], ids=lambda kind: kind.__name__)
def test_chinese_presets_are_offered_where_they_can_be_read_and_come_first_where_english_is_in_pieces(
    kind, lab, chinese, both
):
    ours, others = names(kind, True), names(kind, False)
    assert kind(lab, "the cat").presets == others
    assert kind(chinese, "猫").presets == [*ours, *others]
    assert kind(both, "猫").presets == [*others, *ours]


@pytest.mark.parametrize("kind, name", CHINESE_PRESETS, ids=lambda part: getattr(part, "__name__", part))
def test_a_chinese_preset_shows_what_it_speaks_of(kind, name, chinese):
    panel, state = kind(chinese, "猫"), kind.preset_states[name]
    panel.preset = name
    assert panel.wait(60) and panel.error == "" and panel.answer
    assert (panel.preset, panel.text, panel.note) == (name, state["text"], state["note"])
    assert not any(token["unknown"] for token in panel.tokens)
    assert len(panel.workbench.masked) == sum(map(len, state.get("mask", [])))
    assert len(panel.workbench.selected) == sum(map(len, state.get("select", [])))
    corrupt = Workbench(chinese, state.get("corrupt", ""))
    assert not any(token["unknown"] for token in corrupt.tokens)
    assert not corrupt.text or corrupt.encoding.length == panel.workbench.encoding.length


def test_a_panel_opened_without_a_text_opens_on_what_can_be_read(lab, chinese):
    for kind in (TokenizerPanel, MaskPanel, HeadsPanel, IntervenePanel):
        panel = kind(chinese)
        assert panel.preset == names(kind, True)[0] and panel.wait(60)
        assert kind(lab, "the cat").presets[0] == next(iter(kind.preset_states))


def test_a_preset_with_a_character_that_is_missing_is_not_offered():
    without = small_lab(pieces=[piece for piece in chinese_vocabulary() if piece != "烤"])
    assert "每个汉字一个词元" not in TokenizerPanel(without, "猫").presets
    assert "怎样断词？" in TokenizerPanel(without, "猫").presets


def test_another_model_brings_its_own_presets(lab, chinese):
    panel = MaskPanel(lab, "the cat")
    panel.workbench.exchange_lab(chinese)
    assert panel.presets[0] == names(MaskPanel, True)[0]


def test_the_application_opens_on_a_sentence_that_the_vocabulary_reads(lab, chinese, both):
    for model, text in ((lab, FIRST_TEXT), (both, FIRST_TEXT), (chinese, CHINESE)):
        workbench = Workbench(model)
        Application(workbench)
        assert workbench.text == text and workbench.tokens[workbench.selected[0]]["text"] in ("it", "它")
    assert is_chinese(Workbench(chinese)) and not is_chinese(Workbench(both)) and not is_chinese(Workbench(lab))


# --- words that are not known


@pytest.mark.parametrize(
    "text, said",
    [
        ("the cat sat on the mat.", ""),
        ("the cat chased a robin.", ""),  # one of five
        ("the cat eats robins.", "does not know 2 of 4 words of this text: they are [UNK] or fall into single letters"),
        ("我们喜欢猫", "does not know 5 of 5 words"),
        ("猫", "does not know the one word of this text: it is [UNK]"),
        ("the cat, the dog!", ""),  # signs are no words
        ("[MASK]", ""),
        ("", ""),
    ],
)
def test_a_text_whose_words_are_mostly_unknown_is_told_of(lab, text, said):
    for kind in (MaskPanel, HeadsPanel):
        note = kind(lab, text).note
        assert said in note if said else note == ""


def test_chinese_characters_and_words_in_longer_pieces_are_known(chinese):
    assert MaskPanel(chinese, "这只动物没有过马路。").note == ""
    pieces = [*vocabulary(), "rob", "##in"]
    assert MaskPanel(small_lab(pieces=pieces), "robin robin").note == ""


def test_english_on_a_chinese_vocabulary_is_told_of_after_what_was_cut_and_after_the_presets_note(chinese):
    panel = MaskPanel(chinese, "the animal did not cross the street. " * 9)
    assert panel.note.startswith("Cut after 64 tokens") and "This vocabulary does not know" in panel.note
    panel.preset = "A fact"
    note = MaskPanel.preset_states["A fact"]["note"]
    assert panel.note.startswith(f"{note} This vocabulary does not know 6 of 6 words")


def test_what_a_task_or_a_training_adds_to_the_note_stays(chinese):
    panel = TasksPanel(chinese, "the dog ran.", "a cat sat.", task="sentiment", attribution="off")
    assert "This vocabulary does not know" in panel.note and "first text only" in panel.note
    assert "This vocabulary does not know" in TrainPanel(chinese, "the dog ran.").note
