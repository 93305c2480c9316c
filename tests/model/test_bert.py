"""BertModel and what all models share, by properties that need no second implementation."""

import copy
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from model_cases import (
    BATCH,
    HEAD_SIZE,
    HEADS,
    HIDDEN,
    LAYERS,
    MODELS,
    SEQUENCE,
    VOCABULARY,
    assert_same,
    assert_same_gradients,
    inputs,
    labels,
    settings,
    tiny,
)

import bertlab
from bertlab import BertConfig, BertModel, record


def run(model, **batch):
    with torch.no_grad():
        return model(**batch)


def test_outputs_have_the_documented_shapes():
    output = run(tiny(), **inputs(), output_attentions=True, output_hidden_states=True)
    assert output.last_hidden_state.shape == (BATCH, SEQUENCE, HIDDEN)
    assert output.pooler_output.shape == (BATCH, HIDDEN)
    assert [state.shape for state in output.hidden_states] == [(BATCH, SEQUENCE, HIDDEN)] * (LAYERS + 1)
    assert [weights.shape for weights in output.attentions] == [(BATCH, HEADS, SEQUENCE, SEQUENCE)] * LAYERS
    assert output.past_key_values is None and "past_key_values" not in output


def test_a_cache_is_a_tuple_of_layers_of_two_tensors_or_four():
    for cross, count in ((False, 2), (True, 4)):
        model = tiny(is_decoder=True, add_cross_attention=cross)
        cache = run(model, **inputs(cross=cross)).past_key_values
        assert len(cache) == LAYERS and {len(layer) for layer in cache} == {count}
        assert cache[0][0].shape == (BATCH, HEADS, SEQUENCE, HEAD_SIZE)


def test_a_decoder_sees_no_later_token():
    model = tiny(is_decoder=True)
    ids = inputs()["input_ids"]
    changed = ids.clone()
    changed[:, 5] = (changed[:, 5] + 1) % VOCABULARY
    before, after = run(model, input_ids=ids).last_hidden_state, run(model, input_ids=changed).last_hidden_state
    assert torch.equal(before[:, :5], after[:, :5]) and not torch.allclose(before[:, 5:], after[:, 5:])


def test_what_the_mask_hides_changes_nothing():
    model, batch = tiny(), inputs()
    changed = dict(batch, input_ids=batch["input_ids"].masked_fill(batch["attention_mask"] == 0, 3))
    assert not torch.equal(batch["input_ids"], changed["input_ids"])
    seen = batch["attention_mask"].bool()
    assert_same(run(model, **changed).last_hidden_state[seen], run(model, **batch).last_hidden_state[seen])


def test_a_row_of_a_padded_batch_equals_the_same_text_alone():
    model, batch = tiny(dtype=torch.float64), inputs()
    alone = {key: value[1:, : SEQUENCE - 2] for key, value in batch.items()}
    assert_same(run(model, **batch).last_hidden_state[1:, : SEQUENCE - 2], run(model, **alone).last_hidden_state)


def test_the_fused_and_the_visible_path_agree_with_gradients():
    for options in ({}, {"is_decoder": True}):
        fused, visible = tiny(dtype=torch.float64, **options), tiny(dtype=torch.float64, **options)
        outputs = [fused(**inputs()), visible(**inputs(), output_attentions=True)]
        assert_same(outputs[0].last_hidden_state, outputs[1].last_hidden_state)
        for output in outputs:
            output.last_hidden_state.square().sum().backward()
        assert_same_gradients(fused, visible, 1e-10)


class TestWithoutGradients:
    """On the CPU, inference computes the feed-forward layer and its GELU in one go."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
    def test_it_gives_the_numbers_of_training(self, dtype):
        model = tiny(dtype=dtype)
        for batch in (inputs(), {"input_ids": torch.tensor([[5]])}):
            assert_same(run(model, **batch)[0], model(**batch)[0])

    def test_it_respects_whatever_is_added_to_the_layer(self):
        dense = "encoder.layer.0.intermediate.dense"

        class Louder(torch.nn.Linear):
            def forward(self, x):
                return 2 * super().forward(x)

        model = tiny()
        before = run(model, **inputs())[0]
        handle = model.get_submodule(dense).register_forward_hook(lambda module, args, output: 2 * output)
        hooked = run(model, **inputs())[0]
        handle.remove()
        assert torch.equal(run(model, **inputs())[0], before)
        model.get_submodule(dense).__class__ = Louder
        assert not torch.allclose(hooked, before)
        assert_same(run(model, **inputs())[0], hooked)

    def test_it_sees_weights_that_were_changed_in_place(self):
        model = tiny()
        run(model, **inputs())
        for parameter in model.parameters():
            parameter.data.mul_(1.1)
        assert_same(run(model, **inputs())[0], model(**inputs())[0])

    def test_other_activations_and_chunks_are_computed_alike(self):
        for options in ({"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"chunk_size_feed_forward": 1}):
            model = tiny(**options)
            assert_same(run(model, **inputs())[0], model(**inputs())[0])


def test_dropout_acts_in_training_alone():
    model = tiny(hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    assert torch.equal(run(model, **inputs())[0], run(model, **inputs())[0])
    model.train()
    torch.manual_seed(0)
    first = run(model, **inputs())[0]
    assert not torch.allclose(first, run(model, **inputs())[0])
    torch.manual_seed(0)
    assert torch.equal(first, run(model, **inputs())[0])


@pytest.mark.parametrize("name", MODELS)
def test_models_can_be_copied_and_pickled(name):
    model = tiny(name)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_same(run(twin, **inputs(name)), run(model, **inputs(name)))
        assert twin.config == model.config and twin.config is not model.config
        assert twin.tied_names() == model.tied_names()


def test_a_compiled_model_gives_the_same_numbers():
    model = tiny()
    compiled = torch.compile(model, backend="eager")
    batch = inputs()
    assert_same(run(compiled, **batch), run(model, **batch))
    assert_same(run(compiled, **batch, output_attentions=True), run(model, **batch, output_attentions=True))
    with record(model, "*.probs") as recording:
        run(compiled, **batch)
    assert_same(recording.attention(0), run(model, **batch, output_attentions=True).attentions[0])


def test_inference_mode_and_no_grad_give_the_same_numbers():
    model = tiny()
    with torch.inference_mode():
        inside = model(**inputs())[0]
    assert torch.equal(inside, model(**inputs())[0])


def test_half_precision_models_stay_finite_with_masks():
    for dtype in (torch.float16, torch.bfloat16):
        model = tiny(dtype=dtype)
        batch = inputs()
        batch["attention_mask"][1] = 0
        for look in (False, True):
            assert run(model, **batch, output_attentions=look).last_hidden_state.isfinite().all()


def test_training_in_bfloat16_follows_float32():
    model = tiny("BertForSequenceClassification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    batch = inputs()
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            model(**batch, labels=torch.ones(BATCH, dtype=torch.long)).loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert F.cosine_similarity(*gradients, dim=0) > 0.999


def test_autocast_in_training_gives_finite_gradients():
    model = tiny("BertForPreTraining").train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**inputs(), **labels("BertForPreTraining")).loss
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


class TestSkipPadding:
    MASKS = {
        "padding at the end": [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0]],
        "padding at the start": [[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]],
        "holes": [[1, 0, 1, 1, 0, 1, 1], [1, 1, 0, 0, 1, 1, 0]],
        "an empty row": [[1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0]],
        "no padding": [[1] * 7, [1] * 7],
        "one mask for all rows": [[1, 1, 1, 1, 1, 0, 0]],
    }

    PADDING = {  # what is left out: the hidden places after a row's last real token
        "padding at the end": [[0] * 7, [0, 0, 0, 1, 1, 1, 1]],
        "holes": [[0] * 7, [0, 0, 0, 0, 0, 0, 1]],
        "an empty row": [[0, 0, 0, 0, 0, 1, 1], [0] * 7],
        "one mask for all rows": [[0, 0, 0, 0, 0, 1, 1]],
    }

    @pytest.mark.parametrize("name", MASKS)
    @pytest.mark.parametrize("position_type", ["absolute", "relative_key", "relative_key_query"])
    def test_padding_at_the_ends_of_rows_gets_zeros_and_all_else_the_same_numbers(self, name, position_type):
        plain = tiny(dtype=torch.float64, position_embedding_type=position_type)
        skipping = copy.deepcopy(plain)
        skipping.skip_padding = True
        mask = torch.tensor(self.MASKS[name])
        batch = {**inputs(), "attention_mask": mask}
        computed = ~torch.tensor(self.PADDING.get(name, [[0] * 7])).expand(BATCH, -1).bool()
        head_mask = torch.rand(LAYERS, HEADS, dtype=torch.float64)
        for extra in ({}, {"head_mask": head_mask}):
            wanted, pooled = run(plain, **batch, **extra)[:2]
            answer, pooled_too = run(skipping, **batch, **extra)[:2]
            assert_same(answer[computed], wanted[computed])
            assert_same(pooled_too, pooled)
            assert not answer[~computed].any()
            assert computed.all() or wanted[~computed].any()

    def test_gradients_of_real_tokens_are_the_same(self):
        plain, skipping = tiny(dtype=torch.float64), tiny(dtype=torch.float64)
        skipping.skip_padding = True
        seen = inputs()["attention_mask"].bool()
        for model in (plain, skipping):
            model(**inputs())[0][seen].square().sum().backward()
        assert_same_gradients(skipping, plain, 1e-10)

    def test_all_is_computed_where_all_is_asked_for(self):
        plain, skipping = tiny(), tiny()
        skipping.skip_padding = True
        for extra in ({"output_attentions": True}, {"output_hidden_states": True}):
            assert_same(run(skipping, **inputs(), **extra), run(plain, **inputs(), **extra))

    def test_it_goes_with_every_head(self):
        for name in ("BertForMaskedLM", "BertForTokenClassification", "BertForMultipleChoice"):
            plain, skipping = tiny(name), tiny(name)
            skipping.bert.skip_padding = True
            wanted, answer = run(plain, **inputs(name)).logits, run(skipping, **inputs(name)).logits
            if name == "BertForMultipleChoice":
                assert_same(answer, wanted)
            else:
                seen = inputs(name)["attention_mask"].bool()
                assert_same(answer[seen], wanted[seen])

    def test_it_goes_with_chunks_checkpointing_and_autocast(self):
        plain, skipping = tiny(), tiny(chunk_size_feed_forward=1)
        skipping.skip_padding = True
        skipping.train().gradient_checkpointing_enable()
        seen = inputs()["attention_mask"].bool()
        for model in (plain, skipping):
            model(**inputs())[0][seen].square().sum().backward()
        assert_same_gradients(skipping, plain, 1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            answer = run(skipping.eval(), **inputs())[0]
        assert_same(answer[seen].float(), run(plain, **inputs())[0][seen], 0.1)


def test_a_fresh_head_is_named_and_drawn_as_at_the_start(tmp_path):
    tiny().save_pretrained(tmp_path)
    model, report = bertlab.BertForSequenceClassification.from_pretrained(
        tmp_path, num_labels=300, output_loading_info=True
    )
    assert report is model.loading_report and sorted(report.fresh) == ["classifier.bias", "classifier.weight"]
    assert model.classifier.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not model.classifier.bias.any()


def test_a_base_model_without_a_pooler_can_be_loaded(tmp_path):
    tiny("BertForMaskedLM").save_pretrained(tmp_path)
    model = BertModel.from_pretrained(tmp_path, add_pooling_layer=False)
    assert model.pooler is None and not model.loading_report.fresh
    with_pooler = BertModel.from_pretrained(tmp_path)
    assert sorted(with_pooler.loading_report.fresh) == ["pooler.dense.bias", "pooler.dense.weight"]


def test_tensors_of_another_shape_are_drawn_afresh_on_request_alone(tmp_path):
    tiny("BertForSequenceClassification").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="classifier.weight"):
        bertlab.BertForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    model = bertlab.BertForSequenceClassification.from_pretrained(tmp_path, num_labels=3, ignore_mismatched_sizes=True)
    assert model.classifier.weight.isfinite().all() and model.classifier.weight.std() < 0.1
    assert {name for name, *_ in model.loading_report.mismatched} == {"classifier.weight", "classifier.bias"}


def test_a_configuration_of_ones_own_can_be_given(tmp_path):
    tiny().save_pretrained(tmp_path)
    config = BertConfig(**settings(), output_attentions=True)
    assert BertModel.from_pretrained(tmp_path, config=config).config.output_attentions
    assert BertModel.from_pretrained(tmp_path, output_attentions=True)(**inputs()).attentions is not None


def test_saving_over_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises((ValueError, OSError), match="file"):
        tiny().save_pretrained(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_loaded_model_can_be_trained(tmp_path):
    tiny("BertForPreTraining").save_pretrained(tmp_path)
    model = bertlab.BertForPreTraining.from_pretrained(tmp_path).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        loss = model(**inputs(), **labels("BertForPreTraining")).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_padding_without_a_mask_is_warned_about():
    model = tiny()
    ids = inputs()["input_ids"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(model, input_ids=ids)
        run(model, input_ids=ids.index_fill(1, torch.tensor([3]), 0), attention_mask=torch.ones_like(ids))
    ids[1, -2:] = 0
    with pytest.warns(UserWarning, match="holds padding but no attention_mask is given"):
        run(model, input_ids=ids)


def test_gradient_checkpointing_and_a_cache_exclude_each_other():
    model = tiny(is_decoder=True).train()
    model.gradient_checkpointing_enable()
    with pytest.warns(UserWarning, match="use_cache is set to False"):
        assert "past_key_values" not in model(**inputs(), use_cache=True)
