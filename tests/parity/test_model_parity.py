"""Every class and option gives the numbers of transformers: outputs, losses, gradients, names."""

import copy

import pytest
import torch
from model_cases import (
    BATCH,
    HEADS,
    HIDDEN,
    KEYS,
    LAYERS,
    MODELS,
    POSITIONS,
    SEQUENCE,
    SIZES,
    TOLERANCE,
    VOCABULARY,
    WITH_CROSS_ATTENTION,
    assert_same,
    inputs,
    labels,
)
from oracle import DOCUMENTED, both, only_documented, transformers
from parity_cases import POSITION_TYPES, compare, compare_gradients, sum_of

import bertlab

NAMED_AND_TUPLE = [True, False]


def exactness(name):
    """transformers 5 takes the shifted loss in float32, whatever the model's type."""
    return 1e-10 if DOCUMENTED or name != "BertLMHeadModel" else 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_parameters_have_the_same_names_in_the_same_order(name):
    ours, theirs = both(name)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


@only_documented
@pytest.mark.parametrize("name", MODELS)
def test_a_decoder_with_relative_positions_has_the_same_names_in_the_same_order(name):
    cross = name in WITH_CROSS_ATTENTION
    options = dict(is_decoder=True, add_cross_attention=cross, position_embedding_type="relative_key")
    ours, theirs = both(name, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


@only_documented
@pytest.mark.parametrize("name", MODELS)
def test_forward_takes_the_documented_arguments_in_their_order(name):
    import inspect

    ours = list(inspect.signature(getattr(bertlab, name).forward).parameters)
    assert ours == list(inspect.signature(getattr(transformers, name).forward).parameters)


@pytest.mark.parametrize("return_dict", NAMED_AND_TUPLE, ids=["named", "tuple"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_gives_the_same_outputs(name, dtype, return_dict):
    ours, theirs = both(name, dtype)
    for given in ({}, labels(name)):
        compare(ours, theirs, **inputs(name), **given, return_dict=return_dict)
        everything = dict(output_attentions=True, output_hidden_states=True, return_dict=return_dict)
        answer, wanted = compare(ours, theirs, **inputs(name), **given, **everything)
        assert type(answer).__name__ == type(wanted).__name__
        if return_dict and DOCUMENTED:
            assert list(answer.keys()) == list(wanted.keys())


@only_documented
@pytest.mark.parametrize("position_type", POSITION_TYPES)
@pytest.mark.parametrize("name", MODELS)
def test_a_decoder_gives_the_same_outputs_and_cache(name, position_type):
    cross = name in WITH_CROSS_ATTENTION
    options = dict(is_decoder=True, add_cross_attention=cross, position_embedding_type=position_type)
    ours, theirs = both(name, **options)
    batch = inputs(name, torch.float64, cross=cross)
    for given in ({}, labels(name)):
        for return_dict in NAMED_AND_TUPLE:
            for look in (False, True):
                everything = dict(output_attentions=look, output_hidden_states=look, return_dict=return_dict)
                answer, wanted = compare(ours, theirs, **batch, **given, **everything)
                if return_dict:
                    assert list(answer.keys()) == list(wanted.keys())


@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_gives_the_same_gradients(name):
    ours, theirs = both(name)
    compare_gradients(ours, theirs, exactness(name), **inputs(name), **labels(name))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_agree_in_float32_too(name):
    ours, theirs = both(name, torch.float32)
    compare_gradients(ours, theirs, 1e-5, **inputs(name), **labels(name))


@only_documented
@pytest.mark.parametrize("position_type", POSITION_TYPES)
@pytest.mark.parametrize("name", WITH_CROSS_ATTENTION)
def test_a_decoder_gives_the_same_gradients(name, position_type):
    options = dict(is_decoder=True, add_cross_attention=True, position_embedding_type=position_type)
    ours, theirs = both(name, **options)
    compare_gradients(ours, theirs, 1e-10, **inputs(name, torch.float64, cross=True), **labels(name))


@only_documented
@pytest.mark.parametrize("position_type", POSITION_TYPES[1:])
@pytest.mark.parametrize("name", ["BertModel", "BertForQuestionAnswering"])
def test_relative_positions_give_the_same_numbers_and_gradients(name, position_type):
    ours, theirs = both(name, position_embedding_type=position_type)
    compare(ours, theirs, **inputs(name), output_attentions=True)
    compare_gradients(ours, theirs, 1e-10, **inputs(name), **labels(name))


@pytest.mark.parametrize("name", MODELS)
def test_training_mode_without_dropout_gives_the_same_numbers(name):
    ours, theirs = both(name)
    ours.train(), theirs.train()
    compare_gradients(ours, theirs, exactness(name), **inputs(name), **labels(name))


@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
class TestBertModelInputs:
    """The same with torch's fused kernel and with every step of attention visible."""

    @pytest.fixture
    def models(self):
        return both("BertModel")

    def test_ids_alone(self, models, look):
        ids = inputs()["input_ids"]
        compare(*models, input_ids=ids, output_attentions=look)

    def test_word_vectors_instead_of_ids(self, models, look):
        vectors = torch.randn(BATCH, SEQUENCE, HIDDEN, dtype=torch.float64)
        mask = inputs()["attention_mask"]
        compare(*models, inputs_embeds=vectors, attention_mask=mask, output_attentions=look)

    def test_positions_in_any_order(self, models, look):
        generator = torch.Generator().manual_seed(3)
        for rows in (1, BATCH):
            positions = torch.randint(0, POSITIONS, (rows, SEQUENCE), generator=generator)
            compare(*models, **inputs(), position_ids=positions, output_attentions=look)

    @only_documented
    def test_a_mask_for_each_query(self, models, look):
        generator = torch.Generator().manual_seed(4)
        mask = torch.randint(0, 2, (BATCH, SEQUENCE, SEQUENCE), generator=generator)
        mask[..., 0] = 1
        compare(*models, **{**inputs(), "attention_mask": mask}, output_attentions=look)

    @pytest.mark.parametrize("dtype", [torch.long, torch.int32, torch.float32, torch.float64, torch.bool])
    def test_masks_of_any_type(self, models, look, dtype):
        if dtype == torch.bool and not DOCUMENTED:
            pytest.skip("transformers 5 takes boolean masks another way")
        batch = inputs()
        batch["attention_mask"] = batch["attention_mask"].to(dtype)
        compare(*models, **batch, output_attentions=look)

    @only_documented
    def test_a_mask_between_zero_and_one(self, models, look):
        batch = inputs()
        batch["attention_mask"] = batch["attention_mask"].double() * 0.5
        compare(*models, **batch, output_attentions=look)

    def test_holes_and_padding_on_the_left(self, models, look):
        mask = torch.tensor([[0, 0, 1, 1, 0, 1, 1], [1, 1, 0, 0, 0, 0, 1]])
        compare(*models, **{**inputs(), "attention_mask": mask}, output_attentions=look)

    def test_a_row_that_may_see_nothing_is_uniform_and_never_nan(self, models, look):
        mask = torch.ones(BATCH, SEQUENCE, dtype=torch.long)
        mask[1] = 0
        batch = {**inputs(), "attention_mask": mask}
        answer, _ = compare(*models, **batch, output_attentions=look)
        assert answer.last_hidden_state.isfinite().all()
        if look:
            assert_same(answer.attentions[0][1], torch.full_like(answer.attentions[0][1], 1 / SEQUENCE))

    @only_documented
    def test_one_mask_for_the_heads_of_all_layers(self, models, look):
        head_mask = torch.rand(HEADS, dtype=torch.float64)
        compare(*models, **inputs(), head_mask=head_mask, output_attentions=look)

    @only_documented
    def test_a_mask_for_the_heads_of_each_layer(self, models, look):
        head_mask = torch.rand(LAYERS, HEADS, dtype=torch.float64)
        compare(*models, **inputs(), head_mask=head_mask, output_attentions=look)

    @only_documented
    def test_a_mask_for_single_places_of_each_head(self, models, look):
        head_mask = torch.rand(LAYERS, BATCH, HEADS, SEQUENCE, SEQUENCE, dtype=torch.float64)
        compare(*models, **inputs(), head_mask=head_mask, output_attentions=look)

    @only_documented
    def test_the_head_mask_has_the_same_gradient(self, models, look):
        gradients = []
        for model in models:
            head_mask = torch.full((LAYERS, HEADS), 0.5, dtype=torch.float64, requires_grad=True)
            sum_of(model(**inputs(), head_mask=head_mask, output_attentions=look)).backward()
            gradients.append(head_mask.grad)
        assert_same(*gradients, tolerance=1e-10)

    def test_word_vectors_have_the_same_gradient(self, models, look):
        gradients = []
        for model in models:
            vectors = torch.linspace(-1, 1, BATCH * SEQUENCE * HIDDEN, dtype=torch.float64)
            vectors = vectors.view(BATCH, SEQUENCE, HIDDEN).requires_grad_()
            sum_of(model(inputs_embeds=vectors, output_attentions=look)).backward()
            gradients.append(vectors.grad)
        assert_same(*gradients, tolerance=1e-10)


@only_documented
def test_rows_that_see_nothing_have_the_same_gradient():
    ours, theirs = both("BertModel")
    batch = inputs()
    batch["attention_mask"][1] = 0
    compare_gradients(ours, theirs, 1e-10, **batch)


@only_documented
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
def test_a_head_mask_acts_on_cross_attention_too(look):
    ours, theirs = both("BertModel", is_decoder=True, add_cross_attention=True)
    head_mask = torch.rand(LAYERS, HEADS, dtype=torch.float64)
    compare(ours, theirs, **inputs(dtype=torch.float64, cross=True), head_mask=head_mask, output_attentions=look)


@only_documented
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
def test_a_mask_for_each_query_replaces_the_causal_mask_of_a_decoder(look):
    ours, theirs = both("BertModel", is_decoder=True)
    mask = torch.ones(BATCH, SEQUENCE, SEQUENCE, dtype=torch.long)
    compare(ours, theirs, **{**inputs(), "attention_mask": mask}, output_attentions=look)
    with torch.no_grad():
        encoder_like = ours(**{**inputs(), "attention_mask": mask}, output_attentions=True).attentions[0]
    assert encoder_like[0, 0, 0, -1] > 0, "the first query sees the last key"


@only_documented
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
def test_encoder_states_can_have_a_mask_for_each_query(look):
    ours, theirs = both("BertModel", is_decoder=True, add_cross_attention=True)
    batch = inputs(dtype=torch.float64, cross=True)
    generator = torch.Generator().manual_seed(5)
    batch["encoder_attention_mask"] = torch.randint(0, 2, (BATCH, SEQUENCE, KEYS), generator=generator)
    compare(ours, theirs, **batch, output_attentions=look)


@only_documented
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
def test_a_decoder_padded_on_the_left_gives_the_same_numbers(look):
    ours, theirs = both("BertModel", is_decoder=True)
    mask = torch.ones(BATCH, SEQUENCE, dtype=torch.long)
    mask[0, :3] = 0
    answer, _ = compare(ours, theirs, **{**inputs(), "attention_mask": mask}, output_attentions=look)
    assert answer.last_hidden_state.isfinite().all()


@only_documented
def test_a_model_without_a_pooler_keeps_a_none_in_its_tuple():
    config = bertlab.BertConfig(**SIZES)
    ours = bertlab.BertModel(config, add_pooling_layer=False).eval()
    theirs = transformers.BertModel(transformers.BertConfig(**SIZES), add_pooling_layer=False).eval()
    ours.load_state_dict(theirs.state_dict())
    answer, wanted = compare(ours, theirs, **inputs(), return_dict=False)
    assert answer[1] is None and wanted[1] is None
    assert list(ours(**inputs()).keys()) == list(theirs(**inputs()).keys()) == ["last_hidden_state"]


def test_what_the_configuration_asks_for_is_returned_without_asking_again():
    ours, theirs = both("BertForMaskedLM", output_hidden_states=True)
    answer, _ = compare(ours, theirs, **inputs())
    assert len(answer.hidden_states) == LAYERS + 1
    ours, _ = both("BertForMaskedLM", return_dict=False)
    assert isinstance(ours(**inputs()), tuple)


@only_documented
def test_pruned_heads_give_the_same_numbers_step_by_step():
    ours, theirs = both("BertForMaskedLM", torch.float32)  # the original prunes in float32 alone
    for heads in ({0: [1], 2: [0, 3]}, {0: [1, 2]}):
        ours.prune_heads(heads)
        theirs.prune_heads(heads)
        compare(ours, theirs, **inputs(), output_attentions=True)
        compare(ours, theirs, **inputs())
        assert list(ours.state_dict()) == list(theirs.state_dict())
    assert {layer: set(heads) for layer, heads in ours.config.pruned_heads.items()} == {0: {1, 2}, 2: {0, 3}}
    compare_gradients(ours, theirs, 1e-5, **inputs(), **labels("BertForMaskedLM"))


@only_documented
def test_a_configuration_with_pruned_heads_builds_the_smaller_model():
    ours, theirs = both("BertModel", pruned_heads={1: [0, 2]})
    assert ours.encoder.layer[1].attention.self.num_attention_heads == HEADS - 2
    compare(ours, theirs, **inputs(), output_attentions=True)


@pytest.mark.parametrize("size", [VOCABULARY + 6, VOCABULARY - 6])
@pytest.mark.parametrize("name", ["BertModel", "BertForPreTraining", "BertLMHeadModel", "BertForMaskedLM"])
def test_a_resized_vocabulary_carries_decoder_and_bias_along(name, size):
    ours, theirs = both(name)
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    ours.resize_token_embeddings(size)
    theirs.resize_token_embeddings(size)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in ours.state_dict().items():
        rows = min(len(value), len(before[key]))
        assert torch.equal(value[:rows], before[key][:rows]), key
    ours.load_state_dict(theirs.state_dict())  # the new rows are random
    batch = inputs(name)
    batch["input_ids"] = batch["input_ids"] % size
    compare(ours, theirs, **batch)
    assert ours.config.vocab_size == size


@pytest.mark.parametrize("size", [1, SEQUENCE])
def test_chunks_of_the_feed_forward_network_change_nothing(size):
    ours, theirs = both("BertModel", chunk_size_feed_forward=size)
    compare(ours, theirs, **inputs())
    whole = copy.deepcopy(ours)
    for layer in whole.encoder.layer:
        layer.chunk_size_feed_forward = 0
    with torch.no_grad():
        assert_same(ours(**inputs()), whole(**inputs()))


@pytest.mark.parametrize("name", ["BertModel", "BertForPreTraining"])
def test_gradient_checkpointing_changes_nothing(name):
    ours, theirs = both(name)
    ours.train(), theirs.train()
    ours.gradient_checkpointing_enable()
    assert ours.is_gradient_checkpointing
    compare_gradients(ours, theirs, 1e-10, **inputs(name), **labels(name))
    ours.gradient_checkpointing_disable()
    assert not ours.is_gradient_checkpointing


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["BertModel", "BertForMaskedLM"])
def test_half_precision_stays_close(name, dtype):
    ours, theirs = both(name, dtype)
    answer, _ = compare(ours, theirs, tolerance=4 * TOLERANCE[dtype], **inputs(name), output_hidden_states=True)
    assert answer[0].dtype == dtype


def test_autocast_stays_close():
    ours, theirs = both("BertForMaskedLM", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        for look in (False, True):
            answer, _ = compare(ours, theirs, tolerance=0.06, **inputs(), output_attentions=look)
            assert answer.logits.dtype == torch.bfloat16


def test_starting_weights_have_the_documented_spread():
    config = dict(SIZES, hidden_size=192, intermediate_size=301, vocab_size=997, initializer_range=0.05)
    ours = bertlab.BertForPreTraining(bertlab.BertConfig(**config))
    theirs = transformers.BertForPreTraining(transformers.BertConfig(**config))
    wanted = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.mean().item() == pytest.approx(wanted[name].mean().item(), abs=0.01), name
        # two independent draws: the standard deviations agree within their own noise
        expected = wanted[name].std().item()
        assert parameter.std().item() == pytest.approx(expected, rel=5 / parameter.numel() ** 0.5, abs=1e-9), name
    assert ours.bert.embeddings.word_embeddings.weight[0].abs().max() == 0
    assert ours.training and theirs.training


def test_the_padding_row_gets_no_gradient():
    ours, theirs = both("BertModel")
    batch = inputs()
    batch["input_ids"][1, -2:] = 0
    compare_gradients(ours, theirs, 1e-10, **batch)
    assert ours.embeddings.word_embeddings.weight.grad[0].abs().max() == 0
