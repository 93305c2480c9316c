"""The output types: attribute, key and index access to the same values; absent fields are not there."""

import copy
import dataclasses
import pickle

import pytest
import torch

from bertlab import outputs
from bertlab.outputs import MaskedLMOutput, ModelOutput

LOGITS, LOSS = torch.arange(6.0).view(1, 2, 3), torch.tensor(0.5)
DOCUMENTED = {
    "BaseModelOutputWithPoolingAndCrossAttentions": "last_hidden_state pooler_output hidden_states past_key_values "
    "attentions cross_attentions",
    "BertForPreTrainingOutput": "loss prediction_logits seq_relationship_logits hidden_states attentions",
    "CausalLMOutputWithCrossAttentions": "loss logits past_key_values hidden_states attentions cross_attentions",
    "MaskedLMOutput": "loss logits hidden_states attentions",
    "NextSentencePredictorOutput": "loss logits hidden_states attentions",
    "SequenceClassifierOutput": "loss logits hidden_states attentions",
    "MultipleChoiceModelOutput": "loss logits hidden_states attentions",
    "TokenClassifierOutput": "loss logits hidden_states attentions",
    "QuestionAnsweringModelOutput": "loss start_logits end_logits hidden_states attentions",
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_output_has_the_documented_fields_in_their_order(name):
    assert [field.name for field in dataclasses.fields(getattr(outputs, name))] == DOCUMENTED[name].split()


def test_attribute_key_and_index_give_the_same_value():
    output = MaskedLMOutput(loss=LOSS, logits=LOGITS)
    assert output.logits is output["logits"] is output[1] is LOGITS
    assert output[0] is LOSS and output[:2] == (LOSS, LOGITS) and output[-1] is LOGITS
    loss, logits = output.to_tuple()
    assert loss is LOSS and logits is LOGITS


def test_absent_fields_are_not_keys_and_count_for_nothing():
    output = MaskedLMOutput(logits=LOGITS)
    assert output.loss is None and "loss" not in output and list(output) == ["logits"] and len(output) == 1
    assert output[0] is LOGITS and output.get("loss") is None
    assert dict(**output) == {"logits": LOGITS}
    with pytest.raises(KeyError):
        output["loss"]
    with pytest.raises(IndexError):
        output[1]


def test_a_field_can_be_set_by_attribute_or_key():
    output = MaskedLMOutput(logits=LOGITS)
    output.logits = LOSS
    assert output["logits"] is LOSS
    output["logits"] = LOGITS
    assert output.logits is LOGITS


@pytest.mark.parametrize("change", ["pop", "setdefault", "update", "__delitem__"])
def test_fields_cannot_be_taken_away(change):
    output = MaskedLMOutput(logits=LOGITS)
    with pytest.raises(TypeError, match="MaskedLMOutput"):
        getattr(output, change)("logits")
    assert output.logits is LOGITS


def test_outputs_can_be_copied_and_pickled():
    output = MaskedLMOutput(logits=LOGITS, hidden_states=(LOSS, LOGITS))
    for twin in (copy.copy(output), copy.deepcopy(output), pickle.loads(pickle.dumps(output))):
        assert type(twin) is MaskedLMOutput and list(twin) == list(output)
        assert torch.equal(twin.logits, LOGITS) and torch.equal(twin["hidden_states"][1], LOGITS)


def test_replace_copies_an_output_with_other_values():
    output = MaskedLMOutput(loss=LOSS, logits=LOGITS)
    twin = output.replace(loss=None, hidden_states=(LOGITS,))
    assert type(twin) is MaskedLMOutput and list(twin) == ["logits", "hidden_states"] and twin.logits is LOGITS
    assert list(output) == ["loss", "logits"]
    with pytest.raises(TypeError, match="unknown"):
        output.replace(unknown=LOSS)


def test_every_output_is_described():
    for name, value in vars(outputs).items():
        if isinstance(value, type) and issubclass(value, ModelOutput):
            assert value.__doc__ and not value.__doc__.startswith(f"{name}("), name
