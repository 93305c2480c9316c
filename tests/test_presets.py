"""The panels' presets: complete, readable, and true where their notes claim something of the tokenizer."""

from importlib.resources import files

import pytest

from bertlab import presets
from bertlab.nano import texts as nano_data
from bertlab.presets import PANELS, TASKS, Preset
from bertlab.samples import SETS
from bertlab.tokenizer import WordPiece

EVERY = [preset for panel in PANELS for preset in presets.presets(panel)]


def ident(preset):
    return preset.name


@pytest.fixture(scope="module")
def tokenize():
    path = files("bertlab") / "shipped" / "bertlab-mini" / "vocab.txt"
    if not path.is_file():
        pytest.skip("the shipped vocabulary is not there")
    pieces = path.read_text(encoding="utf-8").splitlines()
    special = nano_data.SPECIAL_TOKENS
    algorithm = WordPiece(
        {piece: number for number, piece in enumerate(pieces)}, special_tokens=special, never_split=special
    )
    texts = {preset.name: preset.text for preset in presets.presets("tokenizer")}
    return lambda name: algorithm.trace(texts[name]).tokens


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_has_several_presets_of_different_names(panel):
    names = [(preset.name, preset.options.get("task")) for preset in presets.presets(panel)]
    assert len(names) >= 8
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("preset", EVERY, ids=ident)
def test_a_preset_has_a_short_name_a_note_of_one_to_three_sentences_and_a_text(preset):
    assert 0 < len(preset.name) <= 30
    assert 40 <= len(preset.note) <= 240
    assert preset.note[-1] in ".!?" and "  " not in preset.note
    assert preset.text.strip()


@pytest.mark.parametrize("preset", EVERY, ids=ident)
def test_the_words_that_a_preset_names_stand_in_its_text(preset):
    for option in ("mask", "select"):
        spans = preset.spans(option)
        assert len(set(spans)) == len(spans)
        assert [preset.text[start:end] for start, end in spans] == list(preset.options.get(option, ()))


def test_the_masked_text_has_a_mask_for_every_word_named():
    for preset in presets.presets("mask"):
        assert preset.masked_text.count("[MASK]") == len(preset.options["mask"])
    agreement = next(preset for preset in presets.presets("mask") if preset.name == "Agreement")
    assert agreement.masked_text == "The keys to the old cabinet [MASK] on the table."


def test_a_word_named_twice_means_its_first_two_places():
    twice = Preset("twice", "", "a rose is a rose is a rose", options={"mask": ("rose", "rose")})
    assert twice.spans("mask") == ((2, 6), (12, 16))
    assert twice.masked_text == "a [MASK] is a [MASK] is a rose"


def test_a_word_that_is_not_in_the_text_is_an_error():
    with pytest.raises(ValueError, match="'tulip'"):
        Preset("wrong", "", "a rose is a tulips", options={"mask": ("tulip",)}).spans("mask")


def test_a_preset_cannot_be_changed_by_its_users():
    preset = presets.presets("mask")[0]
    with pytest.raises(TypeError):
        preset.options["mask"] = ()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_two_or_more_presets_in_its_own_form(task):
    found = presets.presets("tasks", task)
    assert len(found) >= 2
    for preset in found:
        assert preset.options["task"] == task
        assert bool(preset.text_pair) == (task in ("next_sentence", "similarity", "inference", "qa"))
        assert ("[MASK]" in preset.text) == (task == "fill_mask")
        assert len(preset.options.get("choices", ())) == (4 if task == "choice" else 0)


def test_the_tasks_are_those_of_the_lab():
    lab = pytest.importorskip("bertlab.lab")
    assert set(TASKS) == {*lab.TASKS, "fill_mask", "next_sentence"}


def test_training_presets_name_a_set_and_its_kind_or_a_nano_setting():
    from bertlab.data import KINDS

    for preset in presets.presets("train"):
        if "nano" in preset.options:
            assert preset.options["nano"] in ("agreement", "reversal", "text")
        else:
            assert preset.options["data"] in SETS
            assert preset.options["kind"] in KINDS


def test_the_pinned_sentence_of_the_agreement_grammar_uses_its_words():
    pinned = next(preset for preset in presets.presets("train") if preset.options.get("nano") == "agreement")
    assert set(pinned.text.split()) <= set(nano_data.agreement_vocabulary())


def test_unknown_panels_and_tasks_are_answered_with_the_known_ones():
    with pytest.raises(LookupError, match="'masks'.*tokenizer, mask, heads"):
        presets.presets("masks")
    with pytest.raises(LookupError, match="'question'.*fill_mask"):
        presets.presets("tasks", "question")
    with pytest.raises(ValueError, match="only 'tasks'"):
        presets.presets("mask", "qa")


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
    tokens = tokenize("Special tokens as text")
    assert tokens.count("[MASK]") == 1 and tokens[-4:] == ["[", "mask", "]", "."]


def test_the_word_too_long_is_unknown_and_a_little_shorter_it_is_not(tokenize):
    assert tokenize("A word too long") == ["[UNK]"]
    too_long = next(preset for preset in presets.presets("tokenizer") if preset.name == "A word too long")
    assert 100 < len(too_long.text) < 105


def test_the_truncation_preset_has_more_tokens_than_its_limit(tokenize):
    preset = next(preset for preset in presets.presets("tokenizer") if preset.name == "Truncation")
    assert len(tokenize("Truncation")) + 2 > preset.options["max_length"]
