"""Long texts are cut into pieces part by part, and the pieces are the same."""

import pytest

from bertlab.tasks import LONG, Task, encode, pieces_of

from training_cases import tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


TEXTS = {
    "words": "the film was playing, and very good. " * 4000,
    "no blanks": "good.bad,(film)!" * 9000,
    "one word": "a" * 200_001,
    "another alphabet": "\u0436" * 120_007,
    "signs that are words": "\u4e2d\u6587" * 60_001,
    "blanks": "good" + " " * 150_000 + "bad",
}


@pytest.mark.parametrize("name", list(TEXTS))
def test_the_pieces_of_a_long_text_are_those_of_the_whole(tokenizer, name):
    text = TEXTS[name]
    whole = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    assert len(text) > LONG
    assert list(pieces_of(tokenizer, ["bad", text])[1]) == whole
    assert pieces_of(tokenizer, [text], most=40)[0][:40] == whole[:40]


def test_places_in_a_long_text_are_those_of_the_whole(tokenizer):
    text = TEXTS["words"]
    whole = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ((ids, offsets),) = pieces_of(tokenizer, [text], offsets=True)
    assert list(ids) == whole["input_ids"]
    assert [tuple(pair) for pair in offsets] == [tuple(pair) for pair in whole["offset_mapping"]]


def test_a_text_of_any_length_is_cut_to_the_same_input(tokenizer):
    task = Task("classification", ("bad", "good"), max_length=17)
    short, long = (encode([{"text": "the film was good . " * times}], task, tokenizer)[0] for times in (10, 100_000))
    assert short["input_ids"] == long["input_ids"]
