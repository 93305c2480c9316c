"""Mistakes get an ordinary error of the right kind that says what was given, what is allowed, what to do."""

import json
import pickle

import pytest
import torch
from model_cases import (
    BATCH,
    HEADS,
    HIDDEN,
    KEYS,
    LABELS,
    LAYERS,
    POSITIONS,
    SEQUENCE,
    SIZES,
    TYPES,
    VOCABULARY,
    inputs,
    labels,
    settings,
    tiny,
)
from safetensors.torch import load_file, save_file

import bertlab
from bertlab import BertConfig, BertForMaskedLM, BertModel


def given(**changes):
    batch = {**inputs(), **changes}
    return {key: value for key, value in batch.items() if value is not None}


def ids_with(value, row=1, column=3):
    ids = inputs()["input_ids"]
    ids[row, column] = value
    return ids


def full(value, *shape):
    return torch.full(shape, value)


VECTORS = torch.zeros(BATCH, SEQUENCE, HIDDEN)
STATES = torch.zeros(BATCH, KEYS, HIDDEN)


# -- arguments of the forward pass ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"inputs_embeds": VECTORS}, ValueError, "both input_ids and inputs_embeds are given"),
        ({"input_ids": None}, ValueError, "neither input_ids nor inputs_embeds is given"),
        ({"input_ids": [[1, 2]]}, TypeError, "input_ids is a list; give a tensor"),
        ({"input_ids": full(1, SEQUENCE)}, ValueError, r"input_ids has shape \(7,\)"),
        ({"input_ids": full(1.0, BATCH, SEQUENCE)}, TypeError, "input_ids holds torch.float32"),
        ({"input_ids": full(True, BATCH, SEQUENCE)}, TypeError, "input_ids holds torch.bool"),
        ({"input_ids": full(1, BATCH, 0), "attention_mask": None, "token_type_ids": None}, ValueError, "no tokens"),
        (
            {"input_ids": ids_with(VOCABULARY)},
            IndexError,
            r"input_ids\[1, 3\] is 47; allowed are 0 to 46 \(vocab_size = 47\)",
        ),
        ({"input_ids": ids_with(-1)}, IndexError, r"input_ids\[1, 3\] is -1"),
        (
            {"token_type_ids": full(TYPES, BATCH, SEQUENCE)},
            IndexError,
            r"token_type_ids\[0, 0\] is 5; allowed are 0 to 4 \(type_vocab_size = 5\)",
        ),
        ({"token_type_ids": full(0, BATCH, SEQUENCE - 1)}, ValueError, r"token_type_ids has shape \(2, 6\)"),
        ({"position_ids": full(POSITIONS, 1, SEQUENCE)}, IndexError, r"position_ids\[0, 0\] is 31"),
        ({"position_ids": full(0, SEQUENCE)}, ValueError, r"position_ids has shape \(7,\)"),
        ({"attention_mask": full(1, BATCH, SEQUENCE + 1)}, ValueError, r"attention_mask has shape \(2, 8\)"),
        ({"attention_mask": full(1, SEQUENCE)}, ValueError, r"attention_mask has shape \(7,\)"),
        ({"attention_mask": full(1, BATCH, 1, 1, SEQUENCE)}, ValueError, "attention_mask has shape"),
        ({"head_mask": full(1.0, HEADS + 1)}, ValueError, r"head_mask has shape \(5,\); give \(4,\) or \(3, 4\)"),
        ({"head_mask": full(1.0, LAYERS + 1, HEADS)}, ValueError, r"head_mask has shape \(4, 4\)"),
        ({"head_mask": full(1.0, LAYERS + 1, 1, HEADS, 1, 1)}, ValueError, "head_mask has shape"),
        ({"head_mask": full(1.0, LAYERS, BATCH, HEADS)}, ValueError, "head_mask has shape"),
        ({"encoder_hidden_states": STATES}, ValueError, "the model has no cross-attention; build it with"),
        ({"past_key_values": ((STATES, STATES),) * LAYERS}, ValueError, "only a decoder has a cache"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        tiny()(**given(**changes))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (torch.zeros(BATCH, SEQUENCE, HIDDEN + 1), r"inputs_embeds has shape \(2, 7, 25\)"),
        (torch.zeros(SEQUENCE, HIDDEN), r"inputs_embeds has shape \(7, 24\)"),
    ],
)
def test_word_vectors_of_another_shape_are_refused(vectors, message):
    with pytest.raises(ValueError, match=message):
        tiny()(inputs_embeds=vectors)


def test_a_text_longer_than_the_position_table_is_refused():
    with pytest.raises(IndexError, match="the sequence has 32 positions, the model's table 31"):
        tiny()(torch.ones(1, POSITIONS + 1, dtype=torch.long))


def test_a_cache_that_runs_beyond_the_position_table_is_refused():
    model = tiny(is_decoder=True)
    with torch.no_grad():
        cache = model(torch.ones(1, POSITIONS - 1, dtype=torch.long)).past_key_values
        model(torch.ones(1, 1, dtype=torch.long), past_key_values=cache)
        with pytest.raises(IndexError, match=r"the sequence has 32 positions \(30 of them in the cache\)"):
            model(torch.ones(1, 2, dtype=torch.long), past_key_values=cache)


def test_a_cache_of_another_model_is_refused():
    model = tiny(is_decoder=True)
    ids = torch.ones(BATCH, 2, dtype=torch.long)
    with torch.no_grad():
        cache = model(ids).past_key_values
    with pytest.raises(ValueError, match="past_key_values has 2 layers, the model 3"):
        model(ids, past_key_values=cache[:2])
    for broken in (
        [cache[0], cache[1], ()],
        [(cache[0][0],)] * LAYERS,
        [tuple(part[:1] for part in layer) for layer in cache],
        [tuple(part[:, 1:] for part in layer) for layer in cache],
        ["layer"] * LAYERS,
        [],
        [cache[0], cache[1], tuple(part[:, :, 1:] for part in cache[2])],
    ):
        with pytest.raises((ValueError, TypeError), match="past_key_values"):
            model(ids, past_key_values=broken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_hidden_states": torch.zeros(BATCH + 1, KEYS, HIDDEN)}, r"states has shape \(3, 9, 24\)"),
        ({"encoder_hidden_states": torch.zeros(BATCH, KEYS, HIDDEN + 1)}, "encoder_hidden_states has shape"),
        ({"encoder_attention_mask": torch.ones(BATCH, KEYS + 1)}, r"encoder_attention_mask has shape \(2, 10\)"),
        ({"encoder_attention_mask": torch.ones(KEYS)}, "encoder_attention_mask has shape"),
    ],
)
def test_encoder_states_that_do_not_fit_are_refused(changes, message):
    model = tiny(is_decoder=True, add_cross_attention=True)
    with pytest.raises(ValueError, match=message):
        model(**{**inputs(cross=True), **changes})


def test_multiple_choice_wants_three_axes():
    with pytest.raises(ValueError, match=r"multiple choice wants \(batch, choices, sequence\)"):
        tiny("BertForMultipleChoice")(**inputs())
    with pytest.raises(ValueError, match="neither input_ids nor inputs_embeds"):
        tiny("BertForMultipleChoice")()


def test_question_answering_has_two_labels():
    with pytest.raises(ValueError, match="num_labels is 3; question answering has 2"):
        tiny("BertForQuestionAnswering", num_labels=3)(**inputs())


# -- labels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong", "error", "message"),
    [
        ("BertForMaskedLM", full(VOCABULARY, BATCH, SEQUENCE), IndexError, r"labels\[0, 0\] is 47; allowed are 0 to"),
        ("BertForMaskedLM", full(-1, BATCH, SEQUENCE), IndexError, "and -100 for places without a label"),
        ("BertForMaskedLM", full(1, SEQUENCE, BATCH), ValueError, r"labels has shape \(7, 2\)"),
        ("BertForMaskedLM", full(1.0, BATCH, SEQUENCE), TypeError, "class numbers"),
        ("BertLMHeadModel", full(VOCABULARY, BATCH, SEQUENCE), IndexError, "labels"),
        ("BertForTokenClassification", full(LABELS, BATCH, SEQUENCE), IndexError, r"0 to 7 \(classes = 8\)"),
        ("BertForTokenClassification", full(1, BATCH), ValueError, "labels has shape"),
        ("BertForSequenceClassification", full(LABELS, BATCH), IndexError, r"labels\[0\] is 8"),
        ("BertForSequenceClassification", full(1, BATCH + 1), ValueError, r"labels has shape \(3,\)"),
        ("BertForNextSentencePrediction", full(2, BATCH), IndexError, "allowed are 0 to 1"),
        ("BertForMultipleChoice", full(99, BATCH), IndexError, "allowed are 0 to 9"),
    ],
)
def test_a_label_out_of_range_or_shape_is_named(name, wrong, error, message):
    model = tiny(name, is_decoder=name == "BertLMHeadModel")
    with pytest.raises(error, match=message):
        model(**inputs(name), labels=wrong)


def test_the_two_labels_of_pretraining_are_told_apart():
    model = tiny("BertForPreTraining")
    with pytest.raises(IndexError, match=r"next_sentence_label\[0\] is 5"):
        model(**inputs(), **{**labels("BertForPreTraining"), "next_sentence_label": torch.tensor([5, 0])})


def test_answer_positions_of_another_shape_or_type_are_refused():
    model = tiny("BertForQuestionAnswering")
    with pytest.raises(ValueError, match=r"answer positions have shape \(3,\); give one a text, \(2,\)"):
        model(**inputs(), start_positions=torch.zeros(3).long(), end_positions=torch.zeros(3).long())
    with pytest.raises(TypeError, match="whole|long|floating"):
        model(**inputs(), start_positions=torch.zeros(2), end_positions=torch.zeros(2))


# -- configurations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_attention_heads": 0}, "num_attention_heads is 0; it must be a whole number of at least 1"),
        ({"num_attention_heads": 5}, "hidden_size 24 is not a multiple of num_attention_heads 5"),
        ({"hidden_size": -24}, "hidden_size is -24"),
        ({"hidden_size": "large"}, "hidden_size is 'large'"),
        ({"hidden_size": 24.0}, "hidden_size is 24.0"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"num_hidden_layers": -1}, "num_hidden_layers is -1"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000"),
        ({"hidden_act": "gelo"}, "hidden_act is 'gelo', which is unknown"),
        ({"hidden_act": None}, "hidden_act is None"),
        ({"position_embedding_type": "rotary"}, "position_embedding_type is 'rotary'; allowed are absolute"),
        ({"pad_token_id": VOCABULARY}, "pad_token_id is 47, outside the vocabulary of 47"),
        ({"pad_token_id": "[PAD]"}, "pad_token_id"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob is 1.5; a probability lies between 0 and 1"),
        ({"hidden_dropout_prob": "0.1"}, "hidden_dropout_prob"),
        ({"attention_probs_dropout_prob": None}, "attention_probs_dropout_prob"),
        ({"classifier_dropout": -0.1}, "classifier_dropout is -0.1"),
        ({"layer_norm_eps": "tiny"}, "layer_norm_eps"),
        ({"initializer_range": None}, "initializer_range"),
        ({"chunk_size_feed_forward": -1}, "chunk_size_feed_forward"),
        ({"add_cross_attention": True}, "add_cross_attention needs a decoder"),
        ({"pruned_heads": {LAYERS: [0]}}, "there is no layer 3 to prune"),
        ({"pruned_heads": {0: [HEADS]}}, "there is no head 4 in layer 0"),
    ],
)
def test_a_model_that_cannot_be_says_why(fields, message):
    with pytest.raises(ValueError, match=message):
        BertModel(BertConfig(**{**settings(), **fields}))


def test_a_model_is_built_from_a_configuration():
    for wrong in ("bert-base-uncased", {"hidden_size": 24}, None):
        with pytest.raises(TypeError, match="is built from a BertConfig.*from_pretrained"):
            BertModel(wrong)


def test_chunks_that_do_not_divide_the_sequence_are_refused():
    with pytest.raises(ValueError, match="chunk_size_feed_forward is 2, and 7 positions cannot be cut"):
        tiny(chunk_size_feed_forward=2)(**inputs())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe{}", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"[]", "holds a JSON list"),
        (b"null", "holds a JSON NoneType"),
        (b'{"model_type": "gpt2"}', "type 'gpt2'; bertlab reads BERT"),
        (b'{"id2label": {"first": "x"}}', "id2label maps numbers"),
        (b'{"pruned_heads": [1]}', "pruned_heads"),
        (b'{"num_labels": 1e400}', "num_labels"),
        (b'{"torch_dtype": "float17"}', "torch_dtype"),
        (b'{"torch_dtype": {"a": 1}}', "torch_dtype"),
        (b'{"torch_dtype": 16}', "torch_dtype"),
    ],
)
def test_a_broken_configuration_file_is_named(text, message, tmp_path):
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match=message):
        BertConfig.from_pretrained(tmp_path)


def test_a_missing_configuration_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="config"):
        BertConfig.from_pretrained(tmp_path)
    with pytest.raises(OSError):
        BertModel.from_pretrained(tmp_path / "missing")


# -- files of weights ----------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    tiny("BertForMaskedLM").save_pretrained(tmp_path)
    return tmp_path


def rejected(folder, error, message):
    with pytest.raises(error, match=message):
        BertForMaskedLM.from_pretrained(folder)


@pytest.mark.parametrize("length", [0, 4, 8, 100, -10])
def test_truncated_safetensors_are_refused(saved, length):
    file = saved / "model.safetensors"
    file.write_bytes(file.read_bytes()[:length])
    rejected(saved, ValueError, "model.safetensors.*")


def test_a_header_that_promises_too_much_is_refused(saved):
    (saved / "model.safetensors").write_bytes(b"\xff" * 8 + b"{}")
    rejected(saved, ValueError, "model.safetensors")


def test_wrong_shaped_tensors_are_named_and_change_nothing(saved):
    state = load_file(saved / "model.safetensors")
    state["bert.embeddings.word_embeddings.weight"] = torch.zeros(3, HIDDEN)
    save_file(state, saved / "model.safetensors", metadata={"format": "pt"})
    rejected(saved, ValueError, r"bert.embeddings.word_embeddings.weight: \(3, 24\) in the checkpoint, \(47, 24\)")


def test_weights_of_something_else_are_refused(saved):
    save_file({"transformer.h.0.weight": torch.zeros(2)}, saved / "model.safetensors", metadata={"format": "pt"})
    rejected(saved, ValueError, "is this a BERT checkpoint")


class RunsCode:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (self.trace, "w")


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_a_pickled_file_never_runs_code(saved, how):
    (saved / "model.safetensors").unlink()
    trace = saved / "trace"
    hostile = {"bert.pooler.dense.weight": RunsCode(str(trace))}
    if how == "torch":
        torch.save(hostile, saved / "pytorch_model.bin")
    else:
        (saved / "pytorch_model.bin").write_bytes(pickle.dumps(hostile, protocol=2))
    rejected(saved, ValueError, "pytorch_model.bin")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "holds a list, not a dict of tensors"),
        ({"weight": 3}, "must map names to tensors"),
        ({"state_dict": {"bert.a": torch.zeros(2)}}, "save what is under 'state_dict' alone"),
        ({}, "holds no tensors"),
    ],
)
def test_a_pickled_file_that_is_no_dict_of_tensors_is_refused(saved, content, message):
    (saved / "model.safetensors").unlink()
    torch.save(content, saved / "pytorch_model.bin")
    rejected(saved, ValueError, message)


@pytest.mark.parametrize("bytes_", [b"", b"PK\x03\x04", b"\x80\x02.", b"not a checkpoint" * 100])
def test_a_damaged_pickled_file_is_refused(saved, bytes_):
    (saved / "model.safetensors").unlink()
    (saved / "pytorch_model.bin").write_bytes(bytes_)
    rejected(saved, ValueError, "pytorch_model.bin")


def index(folder, weight_map):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


@pytest.mark.parametrize("weight_map", [None, [], "model", 3, {"a": 3}, {"a": None}, {}])
def test_a_shard_index_that_is_no_mapping_is_refused(saved, weight_map):
    (saved / "model.safetensors").unlink()
    index(saved, weight_map)
    rejected(saved, ValueError, "index.json|shard|weight_map")


def test_a_shard_index_that_leaves_its_folder_is_refused(saved):
    inner = saved / "inner"
    inner.mkdir()
    (saved / "config.json").rename(inner / "config.json")
    for path in ("../model.safetensors", str(saved / "model.safetensors"), "..\\model.safetensors", "a/../../model"):
        index(inner, {"bert.embeddings.LayerNorm.weight": path})
        rejected(inner, ValueError, "shard|folder|index")


def test_a_shard_that_is_missing_is_named(saved):
    (saved / "model.safetensors").rename(saved / "model-00001-of-00002.safetensors")
    names = list(load_file(saved / "model-00001-of-00002.safetensors"))
    index(saved, {name: f"model-0000{1 + (i % 2)}-of-00002.safetensors" for i, name in enumerate(names)})
    rejected(saved, OSError, "model-00002-of-00002.safetensors")


def test_a_folder_without_weights_says_what_it_holds(saved):
    (saved / "model.safetensors").unlink()
    (saved / "tf_model.h5").write_bytes(b"")
    rejected(saved, OSError, "safetensors")


def test_an_unknown_option_of_loading_is_refused(saved):
    with pytest.raises(TypeError, match="outputt_attentions"):
        BertForMaskedLM.from_pretrained(saved, outputt_attentions=True)
    with pytest.raises(ValueError, match="torch_dtype"):
        BertForMaskedLM.from_pretrained(saved, torch_dtype="int8")


def test_the_same_mistakes_are_found_in_every_model():
    for name in ("BertForPreTraining", "BertForTokenClassification", "BertForQuestionAnswering"):
        with pytest.raises(IndexError, match="vocab_size"):
            getattr(bertlab, name)(BertConfig(**SIZES))(ids_with(VOCABULARY))
