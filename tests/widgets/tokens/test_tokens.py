"""TokenizerPanel: the algorithm's steps, the table, and tokenizers side by side."""

import pytest
from bertlab_widgets import TokenizerPanel
from small_lab import small_lab


def test_the_steps_are_those_of_the_algorithm(lab):
    view = TokenizerPanel(lab, "Unaffable cat!").view
    names = [step["name"] for step in view["steps"]]
    assert names[0] == "text" and names[-1] == "pieces" and "lowercase" in names
    assert view["steps"][-1]["chunks"] == ["un", "##aff", "##able", "cat", "!"]
    tried = [(candidate, found) for candidate, _, _, found in view["words"][0]["attempts"]]
    assert tried[0] == ("unaffable", False) and ("un", True) in tried and tried[-1] == ("##able", True)


def test_a_selected_token_shows_the_search_for_its_word(lab):
    panel = TokenizerPanel(lab, "the cat unaffable")
    panel.selected = [4]
    assert panel.word == 2
    assert "`unaffable` is not in the vocabulary" in panel.answer


def test_an_unknown_word_says_why(lab):
    panel = TokenizerPanel(lab, "the ♥")
    assert panel.rows()[2]["unknown"] and "unknown" in panel.answer


def test_the_table_has_the_characters_of_every_token(lab):
    rows = TokenizerPanel(lab, "Unaffable", "the Cat").data()
    assert [(row["token"], row["characters"]) for row in rows] == [
        ("[CLS]", ""),
        ("un", "Un"),
        ("##aff", "aff"),
        ("##able", "able"),
        ("[SEP]", ""),
        ("the", "the"),
        ("cat", "Cat"),
        ("[SEP]", ""),
    ]


def test_readable_and_fast_agree_and_a_cased_one_differs(lab):
    panel = TokenizerPanel(lab, "The Cat sat", look="compare")
    assert panel.view["comparison"]["same"] and "agree on all 3 tokens" in panel.answer
    panel.against = "cased"
    assert not panel.view["comparison"]["same"] and panel.answer.startswith("They part at")


def test_another_vocabulary_stands_beside_ours(lab):
    class Letters:
        def tokenize(self, text):
            return list(text)

    panel = TokenizerPanel(lab, "cat", vocabularies={"letters": Letters()}, look="compare", against="letters")
    assert panel.view["comparison"]["counts"] == [1, 3]
    panel.against = "nobody"
    assert "'nobody' was given" in panel.error


@pytest.mark.parametrize("look", ["steps", "table", "compare", "length"])
def test_a_text_beyond_the_limit_is_shown_with_what_was_cut(lab, look):
    panel = TokenizerPanel(lab, "cat " * 100, look=look)
    lengths = panel.view["lengths"]
    assert (lengths["words"], lengths["tokens"], lengths["limit"]) == (100, 64, 64)
    assert lengths["cut"][0].split() == ["cat"] * 38 and not panel.error


def test_words_are_counted_as_they_are_split(lab):
    panel = TokenizerPanel(lab, "it didn't, did it?", look="length")
    lengths = panel.view["lengths"]
    assert (lengths["words"], lengths["parts"], sum(lengths["pieces"])) == (4, 8, 8)
    assert panel.answer.startswith("4 words, split into 8 parts, become 11 tokens; the limit is 64.")
    panel.text = "cat"
    assert panel.answer == "1 word becomes 3 tokens; the limit is 64."


def test_a_smaller_limit_shows_what_it_cuts(lab):
    panel = TokenizerPanel(lab, "the cat sat on the mat", look="length", limit=5)
    assert panel.view["lengths"]["cut"] == ["on the mat"] and panel.view["lengths"]["tokens"] == 5
    assert "more than 5 tokens" in panel.answer
    panel.limit = 100
    assert panel.view["lengths"]["limit"] == panel.view["lengths"]["own"] == 64
    panel.limit = 2
    assert "limit 2 was given" in panel.error.lower()


def test_the_limit_is_the_models_own():
    assert TokenizerPanel(small_lab(12), "the cat", look="length").view["lengths"]["limit"] == 12


@pytest.mark.parametrize("look", ["steps", "table", "compare", "length"])
def test_a_tokenizer_of_another_kind_keeps_its_table_and_says_why_it_has_no_steps(lab, monkeypatch, look):
    def refuse(self):
        raise ValueError("the readable tokenizer cannot follow this one, for its normalizer is missing")

    monkeypatch.setattr(type(lab.tokenizer), "readable", refuse)
    panel = TokenizerPanel(lab, "the cat ran", look=look)
    assert [row["token"] for row in panel.rows()] == ["[CLS]", "the", "cat", "ran", "[SEP]"]
    assert ("cannot follow" in panel.error) == (look in ("steps", "compare"))
    assert panel.answer and panel.exported_bytes("csv") and panel.exported_bytes("html") and panel.figure()
    panel.selected = [2]
    assert panel.workbench.selected == [2]
