"""Answers of every shape, windows that hold none of them, and one rule for which span is best."""

import warnings

import numpy as np
import pytest

from bertlab.model import BertConfig, BertForQuestionAnswering
from bertlab.rows import DataError, Row
from bertlab.tasks import Task, Window, all_spans, encode, no_answer_score, qa_answers
from bertlab.tasks.spans import best_span

from training_cases import tiny_tokenizer  # isort: skip

TASK = Task("qa", max_length=24, stride=4)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def asked(answers, context="the cat sat"):
    return Row({"question": "who ?", "context": context, "answers": answers}, "a.jsonl, line 7")


@pytest.mark.parametrize(
    "answers",
    [
        [{"text": "cat", "answer_start": 4}],
        {"text": ["cat"], "answer_start": [4]},
        {"text": "cat", "answer_start": 4},
        {"text": np.array(["cat"]), "answer_start": np.array([4])},
        [{"text": "cat", "answer_start": "4"}],
    ],
)
def test_an_answer_may_have_any_of_the_usual_shapes(tokenizer, answers):
    (feature,) = encode([asked(answers)], TASK, tokenizer)
    first = feature["offsets"][feature["start_positions"] - feature["context_start"]][0]
    last = feature["offsets"][feature["end_positions"] - feature["context_start"]][1]
    assert (first, last) == (4, 7)


@pytest.mark.parametrize(
    "answers, message",
    [
        ({"text": ["cat", "the cat"], "answer_start": [4]}, "there are 2 texts for 1 starts"),
        ({"text": ["cat"]}, "holds no lists of both"),
        ("cat", "is of the type str"),
        (["cat"], "has no text"),
        ([{"text": "cat"}], "answer_start is None"),
        ([{"text": "cat", "answer_start": 4.5}], "answer_start is 4.5"),
        ([{"text": "cat", "answer_start": -7}], "'cat' is not at character -7 of the context, but at 4"),
        ([{"text": "dog", "answer_start": 4}], "'dog' is not at character 4 of the context$"),
        ([{"text": "", "answer_start": 0}], "is empty; a question without an answer has"),
        ([{"text": "cat", "answer_start": 4}, {"text": "x", "answer_start": 0}], "'x' is not at character 0"),
    ],
)
def test_any_other_shape_is_refused_with_its_place(tokenizer, answers, message):
    with pytest.raises(DataError, match=f"a.jsonl, line 7, column 'answers': .*{message}"):
        encode([asked(answers)], TASK, tokenizer)


def test_hidden_answers_are_no_empty_ones(tokenizer):
    hidden, none = encode([asked(None), asked([])], TASK, tokenizer)
    assert "start_positions" not in hidden and none["start_positions"] == 0


def test_an_answer_that_no_window_holds_is_told(tokenizer):
    context = "the film was good . " * 8
    with pytest.warns(UserWarning, match="1 of 1 answers fit into no window of 24 tokens"):
        encode([asked([{"text": context.strip(), "answer_start": 0}], context)], TASK, tokenizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode([asked([{"text": "good", "answer_start": 13}], context)], TASK, tokenizer)


def window(starts, ends, inside):
    offsets = [(place, place + 1) if place in inside else None for place in range(len(starts))]
    return Window(np.array(starts, dtype=np.float32), np.array(ends, dtype=np.float32), offsets)


def test_the_best_span_is_the_best_of_all_spans():
    generator = np.random.default_rng(3)
    for length in (5, 9, 14):
        windows = [window(*generator.normal(size=(2, length)), inside=range(2, length - 1)) for _ in range(3)]
        for longest in (1, 3, 30):
            spans = all_spans(windows, longest)
            score, first, last = best_span(windows, longest)
            assert score == max(spans.values()) == spans[first, last]
            assert all(2 <= start < end <= length - 1 and end - start <= longest for start, end in spans)
    assert no_answer_score(windows) == min(float(w.start_logits[0] + w.end_logits[0]) for w in windows)


def test_a_start_that_is_not_among_the_likeliest_may_still_begin_the_best_span():
    starts = [0.0] * 2 + [5.0] * 20 + [4.0] + [0.0]  # the likeliest starts stand behind the only likely end
    ends = [0.0] * 22 + [9.0] + [0.0]
    feature = {"example": 0, "context_start": 2, "offsets": [(n, n + 1) for n in range(21)]}
    logits = (np.array(starts), np.array([0.0] * 2 + [9.0] + [0.0] * 21))
    rows = [{"question": "q", "context": "abcdefghijklmnopqrstu"}]
    assert qa_answers([logits], [feature], rows, no_answer=False) == ["a"]
    assert qa_answers([(np.array(starts), np.array(ends))], [feature], rows, no_answer=False, longest=1) == ["u"]


def test_a_head_for_answers_has_two_outputs_whatever_the_base_was_trained_for():
    base = BertConfig(vocab_size=30, hidden_size=8, num_attention_heads=2, id2label={0: "a", 1: "b", 2: "c"})
    config = BertConfig.from_dict({**base.to_dict(), **Task("qa").config()})
    assert BertForQuestionAnswering(config).qa_outputs.out_features == 2
