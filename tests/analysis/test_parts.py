"""Parts of a model give what the whole gives."""

import pytest
import torch
from analysis_cases import largest_difference, run
from model_cases import HEAD_MODELS, LAYERS, assert_same, inputs, tiny

from bertlab.analysis.parts import first_token_only, from_hidden, lower_layers, upper_layers
from bertlab.recording import record


@pytest.mark.parametrize("state", range(LAYERS + 1))
def test_lower_and_upper_layers_together_are_the_model(state):
    model, batch = tiny("BertForPreTraining"), inputs()
    with record(model) as recording:
        expected = run(model, batch)
    lower = run(lower_layers(model, state), batch).last_hidden_state
    assert largest_difference(lower, recording.hidden(state)) < 1e-5
    upper = run(upper_layers(model, state), {"inputs_embeds": lower, "attention_mask": batch["attention_mask"]})
    assert largest_difference(upper.prediction_logits, expected.prediction_logits) < 1e-5
    assert largest_difference(upper.seq_relationship_logits, expected.seq_relationship_logits) < 1e-5


@pytest.mark.parametrize("name", HEAD_MODELS)
def test_every_model_can_be_cut_above_its_last_layer(name):
    model, batch = tiny(name), inputs(name)
    with record(model) as recording:
        expected = run(model, batch)
    upper = run(upper_layers(model, LAYERS), from_hidden(batch, recording.hidden(LAYERS)))
    assert_same(upper.to_tuple()[:2], expected.to_tuple()[:2])


@pytest.mark.parametrize("kind", ["absolute", "relative_key", "relative_key_query"])
@pytest.mark.parametrize("pruned", [{}, {0: [1], 2: [0, 3]}, {2: [0, 1, 2, 3]}])
@pytest.mark.parametrize("name", ["BertForSequenceClassification", "BertForMultipleChoice"])
def test_the_first_token_of_the_last_layer_is_all_that_a_classifier_reads(name, pruned, kind):
    model, batch = tiny(name, position_embedding_type=kind), inputs(name)
    model.prune_heads(pruned)
    model.base_model.skip_padding = True
    short = first_token_only(model)
    assert short is not model
    assert largest_difference(run(short, batch).logits, run(model, batch).logits) < 1e-5
    del batch["attention_mask"]
    assert largest_difference(run(short, batch).logits, run(model, batch).logits) < 1e-5


def test_where_somebody_listens_the_whole_model_runs():
    model = tiny("BertForSequenceClassification")
    with record(model, "encoder.layer.2.hidden"):
        assert first_token_only(model) is model
    with record(model, "encoder.layer.1.hidden") as recording:
        run(first_token_only(model), inputs())
        assert recording.hidden(2).shape[1] == 7
    handle = model.bert.encoder.layer[2].output.register_forward_hook(lambda *_: None)
    assert first_token_only(model) is model
    handle.remove()
    assert first_token_only(tiny("BertForSequenceClassification", is_decoder=True)).bert.config.is_decoder
    bare = tiny("BertModel")
    assert first_token_only(bare) is bare
    assert torch.is_grad_enabled()
