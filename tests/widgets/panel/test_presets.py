"""The panels' presets: complete, readable, and true where their notes claim something of the tokenizer."""

from importlib.resources import files

import bertlab_widgets
import pytest
from bertlab_widgets import ComparePanel, TasksPanel, TokenizerPanel, TrainPanel, Workbench
from bertlab_widgets.panel import SHARED, load_presets, positions_of, word_spans

import bertlab
from bertlab.nano import grammar, vocabulary
from bertlab.samples import SETS
from bertlab.tokenizer import WordPiece

NAMES = [name for name in bertlab_widgets.__all__ if name.endswith("Panel") and name != "Panel"]
KINDS = [getattr(bertlab_widgets, name) for name in NAMES]
each_panel = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
EVERY = [(kind, name) for kind in KINDS for name in kind.preset_states]
each_preset = pytest.mark.parametrize("kind, name", EVERY, ids=lambda part: getattr(part, "__name__", part))


@pytest.fixture(scope="module")
def tokenize():
    path = files("bertlab") / "shipped" / "bertlab-mini" / "vocab.txt"
    if not path.is_file():
        pytest.skip("the shipped vocabulary is not there")
    pieces = path.read_text(encoding="utf-8").splitlines()
    special = vocabulary.SPECIAL_TOKENS
    algorithm = WordPiece(
        {piece: number for number, piece in enumerate(pieces)}, special_tokens=special, never_split=special
    )
    return lambda name: algorithm.trace(TokenizerPanel.preset_states[name]["text"]).tokens


@each_panel
def test_every_panel_has_several_presets(kind):
    assert len(kind.preset_states) >= 8


@each_preset
def test_a_preset_has_a_short_name_a_note_of_one_to_three_sentences_and_a_text(kind, name):
    note, text = kind.preset_states[name]["note"], kind.preset_states[name]["text"]
    assert 0 < len(name.split(": ", 1)[-1]) <= 30
    least, most, ends = (20, 80, "。！？") if "script" in kind.preset_states[name] else (40, 240, ".!?")
    assert least <= len(note) <= most
    assert note[-1] in ends and "  " not in note
    assert text.strip()


@each_preset
def test_a_preset_names_words_of_its_text_and_settings_of_its_panel(kind, name):
    state = kind.preset_states[name]
    for option in ("mask", "select"):
        spans = word_spans(state["text"], state.get(option, []))
        assert [state["text"][start:end] for start, end in spans] == state.get(option, [])
    assert set(state) <= {"note", "script", "mask", "select", *SHARED, *kind.settings}


def test_a_word_named_twice_means_its_first_two_places():
    assert word_spans("a rose is a rose is a rose", ["rose", "rose"]) == [(2, 6), (12, 16)]


def test_a_word_that_is_not_in_the_text_is_an_error():
    with pytest.raises(ValueError, match="'tulip'"):
        word_spans("a rose is a tulips", ["tulip"])


def test_a_word_of_several_pieces_is_all_of_them(lab):
    workbench = Workbench(lab, "the unaffable cat", "unaffable")
    assert positions_of(workbench, ["unaffable", "cat"]) == [2, 3, 4, 5]


def test_two_presets_of_one_name_are_refused(tmp_path):
    (tmp_path / "presets.json").write_text('[{"name": "A", "text": "a"}, {"name": "A", "text": "b"}]')
    with pytest.raises(ValueError, match="two presets of the name 'A'"):
        load_presets(tmp_path)
    assert load_presets(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("task", sorted({state["task"] for state in TasksPanel.preset_states.values()}))
def test_every_task_has_two_or_more_presets_in_its_own_form(task):
    found = [state for state in TasksPanel.preset_states.values() if state["task"] == task]
    assert len(found) >= 2
    for state in found:
        assert bool(state.get("text_pair")) == (task in ("next_sentence", "similarity", "inference", "qa"))
        assert ("[MASK]" in state["text"]) == (task == "fill_mask")
        assert len(state.get("choices", ())) == (4 if task == "choice" else 0)


def test_the_tasks_of_the_presets_are_those_of_the_lab():
    from bertlab.lab import TASKS

    assert {state["task"] for state in TasksPanel.preset_states.values()} == {*TASKS, "fill_mask", "next_sentence"}


def test_training_presets_name_a_set_or_a_nano_setting():
    for state in TrainPanel.preset_states.values():
        assert state["dataset"] in (*SETS, "agreement", "reversal", "text")


def test_the_pinned_sentence_of_the_agreement_grammar_uses_its_words():
    pinned = next(state for state in TrainPanel.preset_states.values() if state["dataset"] == "agreement")
    assert set(pinned["text"].split()) <= set(grammar.agreement_vocabulary())


@each_panel
def test_a_preset_does_not_depend_on_the_one_before(kind, lab):
    """Chosen after any other one, a preset gives the state that it gives when it is the first."""
    names = [name for name in kind.preset_states if len(kind.preset_states[name]["text"]) < 60][:5]
    options = {"attribution": "off"} if kind is TasksPanel else {}
    for name in names:
        alone, after = kind(lab, "the cat", **options), kind(lab, "the cat", **options)
        alone.preset = name
        for other in names:
            after.preset = other
        after.preset = name
        assert after.state() == alone.state(), name


def test_a_preset_of_a_layer_that_a_smaller_model_lacks_keeps_everything_else(lab):
    panel = ComparePanel(lab, "the cat")
    panel.preset = "A head that learnt something"
    assert panel.preset_states[panel.preset]["layer"] >= panel.workbench.layer_count
    assert (panel.look, panel.error) == ("attention", "")


@each_panel
def test_the_note_shows_when_a_preset_is_chosen_in_the_browser_and_goes_with_its_text(kind, lab):
    panel = kind(lab, "the cat")
    name = next(name for name in panel.presets if len(kind.preset_states[name]["text"]) < 60)
    panel.set_state({"preset": name})
    assert panel.preset == name and panel.note.startswith(kind.preset_states[name]["note"])
    panel.set_state({"text": "a dog ran."})
    assert panel.preset == "" and kind.preset_states[name]["note"] not in panel.note


def test_accents_vanish_and_both_ways_to_write_them_give_one_token(tokenize):
    assert {"naive", "zoe", "sen"} <= set(tokenize("Accents"))
    tokens = tokenize("Two ways to write é")
    assert tokens[0] == tokens[2] == "cafe"


def test_chinese_characters_are_words_and_some_are_unknown(tokenize):
    tokens = tokenize("Chinese and Japanese")
    assert tokens.count("[UNK]") == 4 and {"北", "京", "東"} <= set(tokens)


def test_three_korean_syllables_become_eight_pieces(tokenize):
    assert tokenize("Korean").index("means") == 8


def test_the_family_is_one_unknown_token(tokenize):
    assert tokenize("Emoji").count("[UNK]") == 2
    assert tokenize("Emoji")[-2:] == ["[UNK]", "!"]


def test_the_capital_sigma_keeps_its_own_small_letter(tokenize):
    tokens = tokenize("Capital sigma")
    first, second = tokens[: tokens.index("and")], tokens[tokens.index("and") + 1 : tokens.index("are")]
    assert (first[-1], second[-1]) == ("##σ", "##ς")
    assert first[:-1] == second[:-1]


def test_the_euro_is_known_and_the_snowman_is_not(tokenize):
    tokens = tokenize("Unknown symbols")
    assert "€" in tokens and tokens[0] == tokens[1] == "[UNK]" and tokens.count("[UNK]") == 3


def test_a_contraction_is_three_tokens_and_small_mask_is_text(tokenize):
    assert tokenize("Contractions")[:3] == ["don", "'", "t"]
    tokens = tokenize("Special tokens in the text")
    assert tokens.count("[MASK]") == 1 and tokens[-4:] == ["[", "sep", "]", "?"]


def test_the_word_too_long_is_unknown_and_a_little_shorter_it_is_not(tokenize):
    assert tokenize("A word too long") == ["[UNK]"]
    assert 100 < len(TokenizerPanel.preset_states["A word too long"]["text"]) < 105


# --- true of the model that ships


@pytest.fixture(scope="module")
def shipped():
    if not (files("bertlab") / "shipped" / "bertlab-mini" / "model.safetensors").is_file():
        pytest.skip("the shipped model is not there")
    return bertlab.load(device="cpu")


def test_falling_into_a_loop_falls_into_one(shipped):
    panel = TasksPanel(shipped, preset="Generation: Falling into a loop", attribution="off")
    assert panel.wait(60)
    tokens = [token for token, _ in panel.data()]
    assert any(tokens[i : i + 5] == tokens[i + 5 : i + 10] for i in range(len(tokens))), tokens


def test_people_places_and_firms_are_all_found(shipped):
    panel = TasksPanel(shipped, preset="Entities: People, places, firms", attribution="off")
    assert {row["label"].split("-")[-1] for row in panel.table()} >= {"PER", "LOC", "ORG"}


def test_the_decoder_that_ships_says_what_it_was_trained_to_do(shipped):
    panel = TasksPanel(shipped, preset="Sequence to sequence: Two orders fit", attribution="off")
    assert panel.wait(60)
    assert "trained to put the shuffled words of a sentence back in order" in panel.view["reads"]
