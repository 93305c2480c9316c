"""The lens: the last layer is the model, the others are its head on their states."""

import math

import pytest
import torch
from analysis_cases import largest_difference, run
from model_cases import BATCH, CHOICES, HIDDEN, LABELS, LAYERS, SEQUENCE, VOCABULARY, inputs, tiny

from bertlab import record
from bertlab.analysis.lens import layer_logits, view


@pytest.mark.parametrize(
    ("name", "head", "field"),
    [
        ("BertForPreTraining", None, "prediction_logits"),
        ("BertForPreTraining", "next_sentence", "seq_relationship_logits"),
        ("BertForMaskedLM", "token", "logits"),
        ("BertForNextSentencePrediction", None, "logits"),
        ("BertForSequenceClassification", None, "logits"),
        ("BertForTokenClassification", "classifier", "logits"),
    ],
)
def test_the_last_layer_is_the_model(name, head, field):
    model = tiny(name)
    logits = layer_logits(model, inputs(), head=head)
    assert len(logits) == LAYERS + 1
    assert largest_difference(logits[-1], getattr(run(model, inputs()), field)) < 1e-6
    assert largest_difference(logits[0], logits[-1]) > 1e-2


def test_the_last_layer_is_the_model_in_question_answering_and_choice_too():
    model = tiny("BertForQuestionAnswering")
    output = run(model, inputs())
    expected = torch.stack([output.start_logits, output.end_logits], -1)
    assert largest_difference(layer_logits(model, inputs())[-1], expected) < 1e-6
    model, batch = tiny("BertForMultipleChoice"), inputs("BertForMultipleChoice")
    logits = layer_logits(model, batch)  # (layers + 1, batch x choices, 1)
    assert largest_difference(logits[-1].view(BATCH, CHOICES), run(model, batch).logits) < 1e-6


def test_every_layer_is_the_head_on_that_layers_state_however_it_is_given():
    model = tiny("BertForPreTraining")
    with record(model) as recording:
        output = model(**inputs(), output_hidden_states=True)
    logits = layer_logits(model, inputs())
    assert logits.shape == (LAYERS + 1, BATCH, SEQUENCE, VOCABULARY)
    with torch.no_grad():
        for layer, hidden in enumerate(output.hidden_states):
            assert largest_difference(logits[layer], model.cls.predictions(hidden)) < 1e-5
    assert largest_difference(layer_logits(model, recording), logits) < 1e-5
    assert largest_difference(layer_logits(model, output.hidden_states), logits) < 1e-5
    assert largest_difference(layer_logits(model, recording, places=[5, 2]), logits[:, :, [5, 2]]) < 1e-5


def test_the_view_has_best_words_ranks_entropy_and_divergence():
    logits = torch.randn(4, 2, 9, generator=torch.Generator().manual_seed(0))
    seen = view(logits, top_k=3, truth=torch.tensor([5, 1]))
    for layer, text, truth in [(0, 0, 5), (3, 1, 1), (2, 0, 5)]:
        probs = logits[layer, text].softmax(-1).tolist()
        last = logits[-1, text].softmax(-1).tolist()
        ranked = sorted(range(9), key=lambda i: -probs[i])
        assert seen.ids[layer, text].tolist() == ranked[:3]
        assert seen.probabilities[layer, text].tolist() == pytest.approx([probs[i] for i in ranked[:3]], abs=1e-6)
        assert int(seen.truth_rank[layer, text]) == ranked.index(truth) + 1
        assert float(seen.truth_probability[layer, text]) == pytest.approx(probs[truth], abs=1e-6)
        assert float(seen.entropy[layer, text]) == pytest.approx(-sum(p * math.log(p) for p in probs), abs=1e-5)
        divergence = sum(q * math.log(q / p) for q, p in zip(last, probs))
        assert float(seen.divergence[layer, text]) == pytest.approx(divergence, abs=1e-5)
    assert float(seen.divergence[-1].max()) == 0
    assert view(logits).truth_rank is None


def test_what_cannot_be_read_is_said_in_words():
    model = tiny("BertForSequenceClassification")
    with pytest.raises(LookupError, match="has no token to read its layers with; it has classifier"):
        layer_logits(model, inputs(), head="token")
    with pytest.raises(LookupError, match="it has none"):
        layer_logits(tiny(), inputs())
    with pytest.raises(ValueError, match="no places"):
        layer_logits(model, inputs(), places=[1])
    with pytest.raises(ValueError, match="no place 7; the text has places 0 to 6"):
        layer_logits(tiny("BertForMaskedLM"), inputs(), places=[7])
    with pytest.raises(ValueError, match=f"the model has {LAYERS + 1}"):
        layer_logits(model, [torch.zeros(BATCH, SEQUENCE, HIDDEN)])
    with pytest.raises(ValueError, match="top_k is 0"):
        view(torch.zeros(2, LABELS), top_k=0)
    with pytest.raises(ValueError, match="truth"):
        view(torch.zeros(2, LABELS), truth=LABELS)
