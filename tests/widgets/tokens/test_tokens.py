"""TokenizerPanel: the algorithm's steps, the table, and tokenizers side by side."""

import pytest
from bertlab_widgets import TokenizerPanel
from bertlab_widgets.tokens import said
from small_lab import small_lab, vocabulary

from bertlab.tokenizer import BertTokenizer, BertTokenizerFast

LOOKS = ["steps", "table", "compare", "length"]
each_look = pytest.mark.parametrize("look", LOOKS)


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


@each_look
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


@each_look
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


# --- tokenizers and texts of every kind


def pieces(text, **options):
    return TokenizerPanel(lab_of(**options), text).view["steps"][-1]["chunks"]


def lab_of(fast=True, without="", added=(), **options):
    """The small lab with a tokenizer of another kind."""
    lab = small_lab()
    words = [piece for piece in vocabulary() if piece != without] + ["The", "Cat", "café", "東", "京", "شكرا"]
    kind = BertTokenizerFast if fast else BertTokenizer
    lab.tokenizer = kind({word: i for i, word in enumerate(words)}, model_max_length=64, **options)
    lab.tokenizer.add_tokens(list(added))
    return lab


KINDS = {
    "uncased": {},
    "cased": {"do_lower_case": False},
    "with accents": {"strip_accents": False},
    "without blanks around Chinese": {"tokenize_chinese_chars": False},
    "readable": {"fast": False},
    "of white space alone": {"fast": False, "do_basic_tokenize": False},
    "without [MASK]": {"without": "[MASK]"},
    "readable without [MASK]": {"fast": False, "without": "[MASK]"},
    "with an added token": {"added": ["wug"]},
}
TEXTS = {
    "nothing": "",
    "blanks": "   ",
    "nothing that is seen": "\u200b",
    "[MASK]": "the [MASK] sat.",
    "capitals and accents": "The Cat, naïve in a café",
    "Chinese": "東京 我爱 tower",
    "600 words": "cat " * 600,
    "emoji": "I ♥ 🍕 👩‍👩‍👧",
    "right to left": "شكرا جزيلا and תודה רבה",
    "an added token": "a wug, two wugs",
    "a word too long": "x" * 120,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_look_at_every_text_gives_what_it_has(kind):
    panel = TokenizerPanel(lab_of(**KINDS[kind]))
    for number, text in enumerate(TEXTS.values()):
        panel.workbench.set_text(text, "the Cat" if number % 2 else "")
        for panel.look in LOOKS:
            assert panel.error == "" and panel.answer and panel.code() and panel.figure()
            assert panel.table() or text in (TEXTS["nothing"], TEXTS["blanks"], TEXTS["nothing that is seen"])
            assert panel.exported_bytes("csv").count(b"\r\n") >= len(panel.table())
        assert panel.exported_bytes("html")


def test_each_kind_of_tokenizer_cuts_in_its_own_way():
    assert pieces("The Cat") == ["the", "cat"] and pieces("The Cat", do_lower_case=False) == ["The", "Cat"]
    assert "café" not in pieces("café") and pieces("café", strip_accents=False) == ["café"]
    assert pieces("東京") == ["東", "京"] and pieces("東京", tokenize_chinese_chars=False) == ["[UNK]"]
    assert pieces("a wug", added=["wug"]) == ["a", "wug"]
    assert pieces("the [MASK]", without="[MASK]") == ["the", "[MASK]"]


@each_look
def test_what_is_refused_at_once_leaves_no_rows(lab, look):
    panel = TokenizerPanel(lab, "the cat", look=look, limit=2)
    assert "limit 2 was given" in panel.error.lower() and panel.table() == []
    assert panel.code() and panel.figure() and panel.exported_bytes("csv") and panel.exported_bytes("html")


def test_the_other_tokenizer_is_named_from_the_first_picture_on(lab):
    panel = TokenizerPanel(lab, "the cat", look="compare")
    assert panel.answer == "The readable tokenizer and the fast tokenizer agree on all 2 tokens."
    panel.text, panel.text_pair = "cat", "dog"
    assert panel.answer == "The readable tokenizer and the fast tokenizer agree on the first text."


# --- the library's sentences, which can be translated


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_a_trace_is_known_by_its_name_and_told_as_the_library_tells_it(kind):
    trace = TokenizerPanel(lab_of(**KINDS[kind]), "The Cat").trace()
    for step in trace.steps:
        sentence = said.description(step)
        assert said.title(step) == step.name and sentence[0].lower() + sentence[1:] == f"{step.description}."


@pytest.mark.parametrize("word", ["♥", "a♥b", "x" * 120, "it's♥", "'\"♥"])
def test_a_word_is_unknown_for_the_reason_that_the_library_gives(lab, word):
    panel = TokenizerPanel(lab, word)
    told = [(word.unknown or "", panel._why_unknown(word)) for word in panel.trace().words]
    assert any(theirs for theirs, _ in told) and all(theirs == ours for theirs, ours in told)


def test_a_tokenizer_that_the_readable_one_refuses_is_refused_in_the_same_words(lab):
    reasons = "its normalizer is missing and its pre-tokenizer is Whitespace and its model is BPE"
    error = (
        f"the readable tokenizer cannot follow this one, for {reasons}, and would make other pieces of the same text"
    )
    assert said.refusal(error) == error and said.refusal("another error") == "another error"


def test_the_steps_speak_another_language(lab, monkeypatch):
    words = {
        "accents": "Akzente",
        "The text as it was given.": "Der Text, wie er war.",
        "its model is {kind}": "{kind}",
    }
    monkeypatch.setattr(said, "say", lambda message, **values: words.get(message, message).format(**values))
    view = TokenizerPanel(lab, "the cat").view
    assert view["steps"][0]["description"] == "Der Text, wie er war."
    assert "Akzente" in [step["title"] for step in view["steps"]] and "accents" in [s["name"] for s in view["steps"]]
    error = "the readable tokenizer cannot follow this one, for its model is BPE, and would make other pieces of it"
    assert ", for BPE, and" in said.refusal(error)


@pytest.mark.parametrize("guess", ["²", "nan", "many", "1.5"])
def test_a_guess_that_is_no_whole_number_is_told_so(lab, guess):
    assert TokenizerPanel(lab, "the cat").grade(guess) == f"`{guess}` is not a number; there are 4 tokens."


def test_heads_that_are_off_are_not_named_in_an_answer_about_pieces(lab):
    assert TokenizerPanel(lab, "the cat", ablated=[(0, 1)]).answer.startswith("`the` stands")
