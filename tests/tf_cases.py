"""What is asked of the TensorFlow classes: of the real ones when the fixtures are made, and of bertlab's in the tests.

Nothing here imports a framework. The weights are no files: each is drawn from a generator whose seed is its name, so
that both sides build the same model.
"""

import zlib

import numpy as np

CONFIG = {
    "vocab_size": 41, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 19, "type_vocab_size": 3, "num_labels": 3,
}  # fmt: skip
DECODER = {"is_decoder": True}
CROSS = {"is_decoder": True, "add_cross_attention": True}

HEADS = (
    "TFBertModel", "TFBertForPreTraining", "TFBertLMHeadModel", "TFBertForMaskedLM", "TFBertForNextSentencePrediction",
    "TFBertForSequenceClassification", "TFBertForMultipleChoice", "TFBertForTokenClassification",
    "TFBertForQuestionAnswering",
)  # fmt: skip
BATCH, SEQUENCE, CHOICES = 3, 7, 2


def weight(name, shape):
    """The value of the weight that TensorFlow calls `<model>/name:0`."""
    values = np.random.RandomState(zlib.crc32(name.encode())).normal(0, 0.3, shape).astype(np.float32)
    return values + 1 if name.endswith("gamma") else values


def draw(seed, high, *shape, low=0):
    return np.random.RandomState(seed).randint(low, high, shape).astype(np.int32)


def floats(seed, *shape):
    return np.random.RandomState(seed).normal(0, 1, shape).astype(np.float32)


def inputs(head, batch=BATCH, sequence=SEQUENCE):
    shape = (batch, CHOICES, sequence) if head == "TFBertForMultipleChoice" else (batch, sequence)
    mask = np.ones(shape, np.int32)
    mask[0, ..., 5:] = 0
    mask[1:2, ..., :1] = 0
    return {
        "input_ids": draw(1, 41, *shape),
        "attention_mask": mask,
        "token_type_ids": draw(2, 3, *shape),
    }


def labels(head, batch=BATCH, sequence=SEQUENCE):
    tokens = draw(3, 41, batch, sequence)
    tokens[:, ::2] = -100
    tags = draw(4, 3, batch, sequence)
    tags[:, 1] = -100
    return {
        "TFBertModel": {},
        "TFBertForPreTraining": {"labels": tokens, "next_sentence_label": draw(5, 2, batch)},
        "TFBertLMHeadModel": {"labels": tokens},
        "TFBertForMaskedLM": {"labels": tokens},
        "TFBertForNextSentencePrediction": {"next_sentence_label": draw(5, 2, batch)},
        "TFBertForSequenceClassification": {"labels": draw(6, 3, batch)},
        "TFBertForMultipleChoice": {"labels": draw(7, CHOICES, batch)},
        "TFBertForTokenClassification": {"labels": tags},
        "TFBertForQuestionAnswering": {
            "start_positions": draw(8, sequence, batch), "end_positions": draw(9, sequence, batch),
        },
    }[head]  # fmt: skip


def cases():
    """Every case: its name, class, configuration, positional and keyword arguments (numpy arrays) of the call."""
    found = []

    def case(name, head, *args, config=None, how="tensor", **kwargs):
        if head == "TFBertForQuestionAnswering":
            config = {"num_labels": 2, **(config or {})}
        found.append(
            {
                "name": f"{head}/{name}",
                "class": head,
                "config": config or {},
                "args": args,
                "kwargs": kwargs,
                "how": how,
            }
        )

    for head in HEADS:
        x, y = inputs(head), labels(head)
        case("keywords", head, **x)
        case("ids", head, x["input_ids"])
        case("everything", head, **x, **y, output_attentions=True, output_hidden_states=True)
        case("tuple", head, **x, **y, output_attentions=True, output_hidden_states=True, return_dict=False)
        case("tuple_without_labels", head, **x, return_dict=False)
        case("dictionary_with_labels", head, {**x, **y})
        case("list", head, [x["input_ids"], x["attention_mask"], x["token_type_ids"]])
        case("numpy", head, how="numpy", **x, **y)
        case("as_configured", head, **x, config={"output_attentions": True, "output_hidden_states": True})
    head = "TFBertForTokenClassification"
    x, y = inputs(head), labels(head)
    case("configured_tuple", head, **x, **y, config={"return_dict": False})
    case("tuple_of_inputs", head, (x["input_ids"], None, x["token_type_ids"]))
    case("numpy_list", head, [x["input_ids"], x["attention_mask"]], how="numpy")
    case("batch_encoding", head, x, how="batch_encoding")
    case("keyword_beaten", head, x, token_type_ids=np.zeros_like(x["token_type_ids"]))
    case("old_name", head, {"inputs": x["input_ids"]})
    case("int64", head, **{name: value.astype(np.int64) for name, value in x.items()})
    case("positional", head, x["input_ids"], x["attention_mask"], x["token_type_ids"])
    case("positions", head, **x, position_ids=draw(10, 19, BATCH, SEQUENCE))
    case("positions_of_one_row", head, **x, position_ids=np.arange(SEQUENCE, dtype=np.int32)[None] + 3)
    case("vectors", head, None, inputs_embeds=floats(11, BATCH, SEQUENCE, 12))
    case("vectors_in_a_dictionary", head, {"inputs_embeds": floats(11, BATCH, SEQUENCE, 12)})
    blind = x["attention_mask"].copy()
    blind[2] = 0
    case("row_of_padding", head, input_ids=x["input_ids"], attention_mask=blind)
    case("float_mask", head, input_ids=x["input_ids"], attention_mask=x["attention_mask"].astype(np.float32) * 0.5)
    for act in ("relu", "silu", "swish", "gelu_new", "gelu_fast", "gelu_10", "quick_gelu", "mish", "tanh", "sigmoid"):
        case(f"activation_{act}", head, **x, config={"hidden_act": act})
    case("activation_unknown", head, **x, config={"hidden_act": "gelu_python"})
    case("relative_positions_are_ignored", head, **x, config={"position_embedding_type": "relative_key_query"})
    case("epsilon", head, **x, config={"layer_norm_eps": 0.1})

    # Losses
    only_minus_one = np.where(y["labels"] == -100, -1, y["labels"])
    case("labels_minus_one", head, **x, labels=only_minus_one)
    case("all_ignored", head, **x, labels=np.full_like(y["labels"], -100))
    case("legacy", head, **x, **y, config={"tf_legacy_loss": True})
    case("legacy_minus_one", head, **x, labels=only_minus_one, config={"tf_legacy_loss": True})
    case("label_too_big", head, **x, labels=np.full_like(y["labels"], 3))
    head = "TFBertForMaskedLM"
    x, y = inputs(head), labels(head)
    case("all_ignored", head, **x, labels=np.full_like(y["labels"], -100))
    case("legacy", head, **x, **y, config={"tf_legacy_loss": True})
    case("minus_one_is_no_ignored_label", head, **x, labels=np.where(y["labels"] == -100, -1, y["labels"]))
    case("label_too_big", head, **x, labels=np.full_like(y["labels"], 41))
    case("labels_of_another_length", head, **x, labels=y["labels"][:, :4])
    head = "TFBertForPreTraining"
    x, y = inputs(head), labels(head)
    case("only_labels", head, **x, labels=y["labels"])
    case("only_next_sentence", head, **x, next_sentence_label=y["next_sentence_label"])
    case("some_ignored", head, **x, labels=y["labels"], next_sentence_label=np.array([-100, 1, 0], np.int32))
    case("vectors", head, None, inputs_embeds=floats(11, BATCH, SEQUENCE, 12), **y)
    head = "TFBertForNextSentencePrediction"
    x = inputs(head)
    case("ignored", head, **x, next_sentence_label=np.array([-100, 1, 0], np.int32))
    case("legacy", head, **x, next_sentence_label=np.array([-100, 1, 0], np.int32), config={"tf_legacy_loss": True})
    case("column", head, **x, next_sentence_label=np.array([[0], [1], [0]], np.int32))
    case("labels_refused", head, **x, labels=np.array([0, 1, 0], np.int32))
    head = "TFBertForSequenceClassification"
    x, one = inputs(head), inputs(head, batch=1)
    case("regression", head, **x, labels=floats(12, BATCH), config={"num_labels": 1})
    case("regression_column", head, **x, labels=floats(12, BATCH, 1), config={"num_labels": 1})
    case("regression_numpy", head, how="numpy", **x, labels=floats(12, BATCH), config={"num_labels": 1})
    case("regression_whole", head, **x, labels=np.array([1, 2, 3], np.int32), config={"num_labels": 1})
    case("column", head, **x, labels=np.array([[0], [2], [1]], np.int32))
    case("scalar", head, **one, labels=np.array(1, np.int32))
    case("scalar_for_three", head, **x, labels=np.array(1, np.int32))
    case("ignored_label", head, **x, labels=np.array([-100, 1, 0], np.int32))
    case("label_too_big", head, **x, labels=np.array([0, 1, 3], np.int32))
    case("float_labels", head, **x, labels=np.array([0, 1, 2], np.float32))
    case("many_hot", head, **x, labels=np.eye(3, dtype=np.float32))
    case("problem_type_is_not_looked_at", head, **x, labels=np.array([0, 1, 2], np.int32),
         config={"problem_type": "multi_label_classification"})  # fmt: skip
    case("classifier_dropout", head, **x, config={"classifier_dropout": 0.4})
    case("too_few_labels", head, **x, labels=np.array([0, 1], np.int32))
    head = "TFBertForMultipleChoice"
    x = inputs(head)
    case("vectors", head, None, inputs_embeds=floats(11, BATCH, CHOICES, SEQUENCE, 12), **labels(head))
    case("two_axes", head, input_ids=x["input_ids"][:, 0])
    case("label_too_big", head, **x, labels=np.array([0, 1, CHOICES], np.int32))
    head = "TFBertForQuestionAnswering"
    x, y = inputs(head), labels(head)
    case("only_start", head, **x, start_positions=y["start_positions"])
    case("beyond", head, **x, start_positions=np.array([0, 1, 7], np.int32), end_positions=y["end_positions"])
    case("negative", head, **x, start_positions=np.array([0, 1, -1], np.int32), end_positions=y["end_positions"])
    case("column", head, **x, **{name: value[:, None] for name, value in y.items()})
    case("three_outputs", head, **x, **y, config={"num_labels": 3})
    case("four_outputs", head, **x, **y, config={"num_labels": 4})

    # Decoders
    states = floats(13, BATCH, 4, 12)
    seen = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 1]], np.int32)
    past = tuple(tuple(floats(20 + 2 * i + j, BATCH, 3, 2, 4) for j in (0, 1)) for i in (0, 1))
    cross_past = tuple(tuple(floats(30 + 4 * i + j, BATCH, 3, 2 if j < 2 else 4, 4) for j in range(4)) for i in (0, 1))
    new = {"input_ids": draw(14, 41, BATCH, 2), "attention_mask": np.ones((BATCH, 4), np.int32)}
    for head in ("TFBertModel", "TFBertLMHeadModel"):
        x, y = inputs(head), labels(head)
        case("decoder", head, **x, **y, config=DECODER)
        case("decoder_everything", head, **x, **y, config=DECODER, output_attentions=True, output_hidden_states=True)
        case("decoder_without_cache", head, **x, config=DECODER, use_cache=False)
        case("decoder_configured_without_cache", head, **x, config={**DECODER, "use_cache": False})
        case("decoder_tuple", head, **x, **y, config=DECODER, return_dict=False, output_hidden_states=True)
        case("decoder_with_past", head, **new, past_key_values=past, config=DECODER, output_attentions=True)
        case("decoder_with_past_alone", head, input_ids=new["input_ids"], past_key_values=past, config=DECODER)
        case("decoder_mask_without_past", head, input_ids=new["input_ids"], past_key_values=past, config=DECODER,
             attention_mask=np.ones((BATCH, 2), np.int32))  # fmt: skip
        case("cross", head, **x, encoder_hidden_states=states, encoder_attention_mask=seen, config=CROSS,
             output_attentions=True)  # fmt: skip
        case("cross_without_mask", head, **x, encoder_hidden_states=states, config=CROSS)
        case("cross_mask_of_queries", head, **x, encoder_hidden_states=states, config=CROSS,
             encoder_attention_mask=draw(15, 2, BATCH, SEQUENCE, 4))  # fmt: skip
        case("cross_with_past", head, **new, past_key_values=cross_past, encoder_hidden_states=states,
             encoder_attention_mask=seen, config=CROSS, output_attentions=True)  # fmt: skip
        case("cross_without_states", head, **x, config=CROSS, output_attentions=True)
        case("cross_tuple", head, **x, encoder_hidden_states=states, config=CROSS, output_attentions=True,
             return_dict=False)  # fmt: skip
        case("states_for_a_plain_decoder", head, **x, encoder_hidden_states=states, config=DECODER)
        case("states_for_an_encoder", head, **x, encoder_hidden_states=states)
        case("past_for_an_encoder", head, input_ids=new["input_ids"], past_key_values=past)
        case("cache_for_an_encoder", head, **x, use_cache=True)
    head = "TFBertLMHeadModel"
    x = inputs(head)
    case("one_token", head, input_ids=x["input_ids"][:, :1], labels=x["input_ids"][:, :1], config=DECODER)
    case("unknown_keyword_is_taken", head, **x, foo=1)
    case("unknown_key_is_taken", head, {**x, "foo": x["input_ids"]})
    case("legacy", head, **x, **labels(head), config={"tf_legacy_loss": True})
    case("decoder", "TFBertForMaskedLM", **inputs("TFBertForMaskedLM"), config=DECODER)
    case("cross_for_an_encoder", "TFBertModel", **inputs("TFBertModel"), config={"add_cross_attention": True})

    # What is refused
    head = "TFBertModel"
    x = inputs(head)
    ids = x["input_ids"]
    case("head_mask", head, **x, head_mask=np.ones(3, np.float32))
    case("mask_of_three_axes", head, input_ids=ids, attention_mask=np.ones((BATCH, SEQUENCE, SEQUENCE), np.int32))
    case("ids_and_vectors", head, ids, inputs_embeds=floats(11, BATCH, SEQUENCE, 12))
    case("nothing", head)
    case("vectors_alone", head, inputs_embeds=floats(11, BATCH, SEQUENCE, 12))
    case("empty_dictionary", head, {})
    case("only_a_mask", head, {"attention_mask": x["attention_mask"]})
    case("unknown_keyword", head, ids, foo=ids)
    case("unknown_key", head, {"input_ids": ids, "foo": ids})
    case("labels_for_the_bare_model", head, ids, labels=ids)
    case("id_too_big", head, ids + 30)
    case("id_negative", head, ids - 9)
    case("position_too_big", head, ids, position_ids=draw(10, 20, BATCH, SEQUENCE) * 0 + 19)
    case("sequence_too_long", head, draw(1, 41, 2, 20))
    case("longest_sequence", head, draw(1, 41, 2, 19))
    case("token_type_too_big", head, ids, token_type_ids=ids * 0 + 3)
    case("one_axis", head, ids[0])
    case("three_axes", head, ids[None])
    case("float_ids", head, ids.astype(np.float32))
    case("nested_python_list", head, ids.tolist(), how="python")
    case("text", head, "hello", how="python")
    case("list_of_texts", head, ["hello", "world"], how="python")
    case("mask_of_another_length", head, ids, attention_mask=np.ones((BATCH, 5), np.int32))
    case("mask_of_another_batch", head, ids, attention_mask=np.ones((2, SEQUENCE), np.int32))
    case("mask_of_one_row", head, ids, attention_mask=np.ones((1, SEQUENCE), np.int32))
    case("types_of_one_row", head, ids, token_type_ids=x["token_type_ids"][:1])
    case("empty_sequence", head, ids[:, :0])
    case("empty_batch", head, ids[:0])
    case("heads_that_do_not_divide", head, **x, config={"num_attention_heads": 5})
    case("too_long_a_list", head, [ids] * 16)
    return found


def described(output):
    """An output as (shape of the answer, arrays by their place in it)."""
    arrays = {}

    def walk(place, value):
        if value is None:
            return None
        if hasattr(value, "keys"):
            return [type(value).__name__, *([key, walk(f"{place}.{key}", value[key])] for key in value.keys())]
        if isinstance(value, (tuple, list)):
            return ["tuple", *(walk(f"{place}.{i}", item) for i, item in enumerate(value))]
        arrays[place] = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
        return place

    return walk("", output), arrays


def tensors(case, convert, batch_encoding):
    """The arguments of a case's call, in the form that the case speaks of."""

    def one(value):
        if isinstance(value, np.ndarray) and case["how"] != "numpy":
            return convert(value)
        if isinstance(value, (list, tuple)) and case["how"] != "python":
            return type(value)(one(item) for item in value)
        if isinstance(value, dict):
            converted = {key: one(item) for key, item in value.items()}
            return batch_encoding(converted) if case["how"] == "batch_encoding" else converted
        return value

    return [one(value) for value in case["args"]], {name: one(value) for name, value in case["kwargs"].items()}


# ------------------------------------------------------------------------------------------------------- training


def training_cases():
    """Each: class, what fit gets, how it is compiled; the answer is the history, evaluate, predict."""
    found = []

    def case(name, head, *, loss=None, metrics=False, labels_in="y", config=None, sample_weight=None, batch_size=2,
             count=6, optimizer="sgd"):  # fmt: skip
        x, y = inputs(head, batch=count), labels(head, batch=count)
        if labels_in == "x":
            x, y = {**x, **y}, None
        elif labels_in == "plain":
            y = next(iter(y.values()))
        found.append(
            {"name": name, "class": head, "x": x, "y": y, "loss": loss, "metrics": metrics, "config": config or {},
             "sample_weight": sample_weight, "batch_size": batch_size, "optimizer": optimizer}
        )  # fmt: skip

    for head in HEADS[1:]:
        case("labels_in_x", head, labels_in="x")
        case("labels_as_a_dictionary", head)
    for head in HEADS[2:8]:
        case("labels_as_y", head, labels_in="plain")
    classifier = "TFBertForSequenceClassification"
    case("metric", classifier, labels_in="plain", metrics=True)
    case("metric_of_labels_in_x", classifier, labels_in="x", metrics=True)
    case("own_loss", classifier, labels_in="plain", loss="crossentropy", metrics=True)
    case("own_loss_labels_in_x", classifier, labels_in="x", loss="crossentropy")
    case("weights", classifier, labels_in="plain", sample_weight=np.array([1, 2, 0, 0.5, 1, 3], np.float32))
    case("uneven_batches", classifier, labels_in="plain", batch_size=4)
    case("uneven_batches", "TFBertForTokenClassification", labels_in="plain", batch_size=4)
    case("adam", classifier, labels_in="plain", optimizer="adam")
    case("own_loss", "TFBertForQuestionAnswering", loss="crossentropy", config={"num_labels": 2})
    case("regression", classifier, labels_in="plain", config={"num_labels": 1})
    for one in found:
        one["config"] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **one["config"]}
        if one["class"] == "TFBertForQuestionAnswering":
            one["config"]["num_labels"] = 2
        if one["config"].get("num_labels") == 1:
            one["y"] = one["y"].astype(np.float32)
        one["name"] = f"{one['class']}/{one['name']}"
    return found
