"""Parts reached and replaced, heads pruned, vocabularies resized."""

import pytest
import torch
from model_cases import (
    HEADS,
    HIDDEN,
    INTERMEDIATE,
    LAYERS,
    MODELS,
    POSITIONS,
    SIZES,
    TYPES,
    VOCABULARY,
    assert_same,
    inputs,
    labels,
    tiny,
)

import bertlab
from bertlab import BertConfig, BertModel


def run(model, **batch):
    with torch.no_grad():
        return model(**batch)


def test_parameters_are_counted_once():
    model = tiny("BertForPreTraining")
    embeddings = (VOCABULARY + POSITIONS + TYPES) * HIDDEN
    layer = 4 * (HIDDEN * HIDDEN + HIDDEN) + 2 * HIDDEN * INTERMEDIATE + INTERMEDIATE + HIDDEN + 4 * HIDDEN
    pooler = HIDDEN * HIDDEN + HIDDEN
    heads = (HIDDEN * HIDDEN + HIDDEN + 2 * HIDDEN + VOCABULARY) + (2 * HIDDEN + 2)
    rest = 2 * HIDDEN + LAYERS * layer + pooler + heads
    assert model.num_parameters() == embeddings + rest
    assert model.num_parameters(exclude_embeddings=True) == rest
    model.bert.requires_grad_(False)
    assert model.num_parameters(only_trainable=True) == heads


def test_the_parts_can_be_reached():
    model = tiny("BertForMaskedLM")
    assert model.base_model is model.bert and model.bert.base_model is model.bert
    assert model.dtype == torch.float32 and model.device.type == "cpu"
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.bert.get_output_embeddings() is None
    assert model.tied_names() == {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }


def test_word_embeddings_can_be_replaced_and_tied_again():
    model = tiny("BertForMaskedLM")
    new = torch.nn.Embedding(VOCABULARY, HIDDEN)
    model.set_input_embeddings(new)
    model.tie_weights()
    assert model.bert.embeddings.word_embeddings is new and model.get_output_embeddings().weight is new.weight


def test_an_untied_model_has_a_decoder_of_its_own():
    model = tiny("BertForMaskedLM", tie_word_embeddings=False)
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    assert model.get_output_embeddings().bias is model.cls.predictions.bias


def test_a_new_model_is_in_training_and_a_loaded_one_is_not(tmp_path):
    model = BertModel(BertConfig(**SIZES))
    assert model.training
    model.save_pretrained(tmp_path)
    assert model.training and not BertModel.from_pretrained(tmp_path).training


def test_pruning_a_head_equals_masking_it():
    model = tiny(dtype=torch.float64)
    head_mask = torch.ones(LAYERS, HEADS, dtype=torch.float64)
    head_mask[0, 1] = head_mask[2, 0] = head_mask[2, 3] = 0
    wanted = run(model, **inputs(), head_mask=head_mask)
    model.prune_heads({0: [1], 2: [3, 0]})
    assert_same(run(model, **inputs()), wanted)
    assert model.config.pruned_heads == {0: [1], 2: [0, 3]}
    model.prune_heads({2: [0]})  # gone already
    assert_same(run(model, **inputs()), wanted)


def test_all_heads_of_a_layer_can_go():
    model = tiny(dtype=torch.float64)
    head_mask = torch.ones(LAYERS, HEADS, dtype=torch.float64)
    head_mask[1] = 0
    wanted = run(model, **inputs(), head_mask=head_mask)
    model.prune_heads({1: range(HEADS)})
    for look in (False, True):
        assert_same(run(model, **inputs(), output_attentions=look)[0], wanted[0])


def test_pruned_models_keep_training_and_frozen_parameters():
    model = tiny()
    model.encoder.layer[0].attention.self.query.requires_grad_(False)
    model.prune_heads({0: [1]})
    assert not model.encoder.layer[0].attention.self.query.weight.requires_grad
    assert model.encoder.layer[0].attention.self.key.weight.requires_grad
    model(**inputs())[0].sum().backward()


@pytest.mark.parametrize("heads", [{0: [0], LAYERS: [0]}, {0: [0], 1: [HEADS]}, {0: [0], 1: [-1]}, {0: [0], "1": [0]}])
def test_a_head_that_is_not_there_prunes_nothing(heads):
    model = tiny()
    with pytest.raises(ValueError, match=r"there is no (layer|head)"):
        model.prune_heads(heads)
    assert model.config.pruned_heads == {} and model.encoder.layer[0].attention.self.num_attention_heads == HEADS


def test_the_vocabulary_grows_and_shrinks_with_decoder_and_bias():
    model = tiny("BertForPreTraining")
    before = run(model, **inputs()).prediction_logits
    model.resize_token_embeddings(VOCABULARY + 6)
    after = run(model, **inputs()).prediction_logits
    assert_same(after[..., :VOCABULARY], before)
    assert after.shape[-1] == model.config.vocab_size == VOCABULARY + 6
    assert not model.cls.predictions.bias[VOCABULARY:].any()
    run(model, input_ids=torch.tensor([[1, VOCABULARY + 5]]))
    model(**inputs(), **labels("BertForPreTraining")).loss.backward()
    model.resize_token_embeddings(VOCABULARY)
    assert_same(run(model, **inputs()).prediction_logits, before)
    assert model.resize_token_embeddings() is model.get_input_embeddings()
    assert model.resize_token_embeddings(pad_to_multiple_of=16).num_embeddings == 48


def test_a_resized_vocabulary_keeps_padding_type_and_place():
    model = tiny("BertForMaskedLM", dtype=torch.float64)
    new = model.resize_token_embeddings(VOCABULARY + 6)
    assert new.padding_idx == 0 and new.weight.dtype == torch.float64
    assert model.cls.predictions.decoder.weight is new.weight
    untied = tiny("BertForMaskedLM", tie_word_embeddings=False)
    untied.resize_token_embeddings(VOCABULARY + 6)
    assert untied.cls.predictions.decoder.weight.shape == (VOCABULARY + 6, HIDDEN)
    assert untied.cls.predictions.decoder.weight is not untied.get_input_embeddings().weight


@pytest.mark.parametrize("size", [0, -1, 3.5, "many"])
def test_a_vocabulary_of_no_size_is_refused(size):
    model = tiny()
    with pytest.raises(ValueError, match="the vocabulary cannot have"):
        model.resize_token_embeddings(size)
    with pytest.raises(ValueError, match="pad_to_multiple_of"):
        model.resize_token_embeddings(pad_to_multiple_of=0)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_is_loaded(name, tmp_path):
    model = tiny(name)
    model.save_pretrained(tmp_path)
    twin = getattr(bertlab, name).from_pretrained(tmp_path)
    assert_same(run(twin, **inputs(name)), run(model, **inputs(name)))
    assert not twin.loading_report.fresh and not twin.loading_report.unused
    assert twin.config.architectures == [name] and twin.name_or_path == str(tmp_path)
    assert twin.tied_names() == model.tied_names()
