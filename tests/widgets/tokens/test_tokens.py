"""TokenizerPanel: the algorithm's steps, the table, and tokenizers side by side."""

import pytest
from bertlab_widgets import TokenizerPanel


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
