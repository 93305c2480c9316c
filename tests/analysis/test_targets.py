"""Targets: the right number of the right head, for one text or a batch that is repeated."""

import pytest
import torch
from analysis_cases import largest_difference, run
from model_cases import BATCH, SEQUENCE, VOCABULARY, inputs, tiny

from bertlab import edit
from bertlab.analysis.passes import repeated
from bertlab.analysis.targets import (
    Target,
    answer_end,
    answer_start,
    choice,
    evaluate,
    label,
    masked_token,
    next_sentence,
    resolved,
    tag,
)

PLACE, INDEX = torch.tensor([3, 1]), torch.tensor([7, 2])
ROWS = torch.arange(BATCH)


def test_every_head_gives_its_own_number():
    both = run(tiny("BertForPreTraining"), inputs())
    masked = run(tiny("BertForMaskedLM"), inputs())
    tags = run(tiny("BertForTokenClassification"), inputs())
    labels = run(tiny("BertForSequenceClassification"), inputs())
    choices = run(tiny("BertForMultipleChoice"), inputs("BertForMultipleChoice"))
    spans = run(tiny("BertForQuestionAnswering"), inputs())
    for target, output, expected in [
        (masked_token(PLACE, INDEX), both, both.prediction_logits[ROWS, PLACE, INDEX]),
        (masked_token(2, 5), masked, masked.logits[:, 2, 5]),
        (next_sentence(), both, both.seq_relationship_logits[:, 0]),
        (tag(4, 6), tags, tags.logits[:, 4, 6]),
        (label(INDEX), labels, labels.logits[ROWS, INDEX]),
        (label(), labels, labels.logits.max(-1).values),
        (choice(9), choices, choices.logits[:, 9]),
        (answer_start(3), spans, spans.start_logits[:, 3]),
        (answer_end(), spans, spans.end_logits.max(-1).values),
        (label(1, "probability"), labels, labels.logits.softmax(-1)[:, 1]),
        (label(1, "log_probability"), labels, labels.logits.log_softmax(-1)[:, 1]),
        (label(1, "probability", independent=True), labels, labels.logits.sigmoid()[:, 1]),
    ]:
        assert largest_difference(target(output), expected) < 1e-6, target


@pytest.mark.parametrize("name", ["BertForPreTraining", "BertForMaskedLM"])
def test_reading_one_place_gives_the_number_of_reading_all(name):
    model, target = tiny(name), masked_token(PLACE, INDEX, "log_probability")
    with torch.no_grad():
        assert largest_difference(evaluate(model, inputs(), target), target(run(model, inputs()))) < 1e-5


def test_edits_of_the_head_are_heeded():
    model, target = tiny("BertForMaskedLM"), masked_token(3, 7)
    with torch.no_grad(), edit(model, {"cls.predictions.logits": lambda logits: logits * 2}):
        assert largest_difference(evaluate(model, inputs(), target), target(run(model, inputs()))) < 1e-6


def test_a_batch_that_is_repeated_repeats_its_places_and_numbers():
    model, target = tiny("BertForMaskedLM"), masked_token(PLACE, INDEX)
    with torch.no_grad():
        once, thrice = evaluate(model, inputs(), target), evaluate(model, repeated(inputs(), 3), target)
    assert largest_difference(thrice.view(3, BATCH), once.expand(3, -1)) < 1e-5


def test_an_open_target_is_filled_with_the_models_prediction():
    model = tiny("BertForMaskedLM")
    target = resolved(model, inputs(), masked_token(PLACE))
    assert target.index.tolist() == run(model, inputs()).logits[ROWS, PLACE].argmax(-1).tolist()
    assert resolved(model, inputs(), target) is target


def test_what_is_no_target_is_said_in_words():
    model = tiny("BertForMaskedLM")
    for make, kind, message in [
        (lambda: Target("words"), LookupError, "no head 'words'"),
        (lambda: label(0, "odds"), ValueError, "allowed are logit, log_probability, probability"),
        (lambda: Target("token", 3), ValueError, "needs a place"),
        (lambda: Target("label", 3, 1), ValueError, "has no place"),
        (lambda: evaluate(model, inputs(), masked_token(SEQUENCE)), ValueError, "place is 7; allowed are 0 to 6"),
        (lambda: evaluate(model, inputs(), masked_token(0, VOCABULARY)), ValueError, "index is 47"),
        (lambda: evaluate(model, inputs(), masked_token(torch.tensor([1, 2, 3]))), ValueError, "one a text"),
        (lambda: evaluate(model, inputs(), masked_token(0.5)), TypeError, "whole numbers"),
        (lambda: evaluate(model, inputs(), "logits"), TypeError, "metric is a str"),
        (lambda: evaluate(model, inputs(), lambda output: 1.0), TypeError, "returned float"),
        (lambda: evaluate(model, inputs()["input_ids"], masked_token(0)), TypeError, "arguments by name"),
        (lambda: evaluate(model, {}, masked_token(0)), ValueError, "either input_ids or inputs_embeds"),
    ]:
        with pytest.raises(kind, match=message):
            make()
    regression = tiny("BertForSequenceClassification", num_labels=1)
    with pytest.raises(ValueError, match="measure its logit"):
        evaluate(regression, inputs(), label(0, "probability"))
