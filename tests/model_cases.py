"""Small models of awkward sizes and inputs for them: no two dimensions are equal, so that swapped axes fail."""

import torch

import bertlab

BATCH, LAYERS, HEADS, TYPES, HEAD_SIZE, SEQUENCE, LABELS, KEYS, CHOICES = 2, 3, 4, 5, 6, 7, 8, 9, 10
HIDDEN, POSITIONS, INTERMEDIATE, VOCABULARY = HEADS * HEAD_SIZE, 31, 37, 47

SIZES = dict(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    intermediate_size=INTERMEDIATE,
    max_position_embeddings=POSITIONS,
    type_vocab_size=TYPES,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)

HEAD_MODELS = [
    "BertForPreTraining",
    "BertLMHeadModel",
    "BertForMaskedLM",
    "BertForNextSentencePrediction",
    "BertForSequenceClassification",
    "BertForMultipleChoice",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
]
MODELS = ["BertModel", *HEAD_MODELS]
WITH_CROSS_ATTENTION = ["BertModel", "BertLMHeadModel", "BertForMaskedLM"]


def settings(name="BertModel", **options):
    """The keyword arguments of a small configuration for the class of that name."""
    labels = {} if name == "BertForQuestionAnswering" else {"num_labels": LABELS}
    return {**SIZES, **labels, **options}


def randomize(model, seed=0):
    """Draw every parameter, biases and norms too, so that none is a neutral 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
            parameter.copy_(0.2 * noise + name.endswith("LayerNorm.weight"))
    return model


def tiny(name="BertModel", dtype=torch.float32, **options):
    """A small random model in eval mode."""
    config = bertlab.BertConfig(**settings(name, **options))
    return randomize(getattr(bertlab, name)(config)).to(dtype).eval()


def inputs(name="BertModel", dtype=torch.float32, cross=False, seed=1):
    """Ids, types and a mask with padding at the end of the second row; for multiple choice one per choice."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low, high, *shape):
        return torch.randint(low, high, shape, generator=generator)

    shape = (BATCH, CHOICES, SEQUENCE) if name == "BertForMultipleChoice" else (BATCH, SEQUENCE)
    mask = torch.ones(shape, dtype=torch.long)
    mask[1, ..., SEQUENCE - 2 :] = 0
    batch = {
        "input_ids": draw(1, VOCABULARY, *shape),
        "attention_mask": mask,
        "token_type_ids": draw(0, TYPES, *shape),
    }
    if cross:
        encoder_mask = torch.ones(BATCH, KEYS, dtype=torch.long)
        encoder_mask[0, KEYS - 4 :] = 0
        batch["encoder_hidden_states"] = torch.randn(BATCH, KEYS, HIDDEN, generator=generator).to(dtype)
        batch["encoder_attention_mask"] = encoder_mask
    return batch


def labels(name):
    """Labels for the documented loss of the class; an empty dictionary for a BertModel."""
    generator = torch.Generator().manual_seed(2)
    words = torch.randint(0, VOCABULARY, (BATCH, SEQUENCE), generator=generator)
    words[0, 3] = -100
    return {
        "BertModel": {},
        "BertForPreTraining": {"labels": words, "next_sentence_label": torch.tensor([0, 1])},
        "BertLMHeadModel": {"labels": words},
        "BertForMaskedLM": {"labels": words},
        "BertForNextSentencePrediction": {"labels": torch.tensor([0, 1])},
        "BertForSequenceClassification": {"labels": torch.tensor([0, LABELS - 1])},
        "BertForMultipleChoice": {"labels": torch.tensor([0, CHOICES - 1])},
        "BertForTokenClassification": {"labels": torch.where(words < 0, words, words % LABELS)},
        "BertForQuestionAnswering": {
            "start_positions": torch.tensor([-1, 2]),
            "end_positions": torch.tensor([3, SEQUENCE + 2]),
        },
    }[name]


TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 3e-2, torch.float16: 4e-3}


def assert_same(ours, theirs, tolerance=None, where="output", scale=1e-3):
    """Equal structure, shapes and numbers; the difference is relative to the largest number, or to `scale`."""
    if theirs is None:
        assert ours is None, f"{where} should be absent"
    elif isinstance(theirs, torch.Tensor):
        assert isinstance(ours, torch.Tensor), f"{where} is {type(ours).__name__}"
        assert ours.shape == theirs.shape, f"{where} has shape {tuple(ours.shape)}, not {tuple(theirs.shape)}"
        if not theirs.numel():
            return
        assert torch.equal(ours.isnan(), theirs.isnan()), f"{where} is NaN in other places"
        tolerance = tolerance or TOLERANCE[theirs.dtype]
        ours, theirs = ours.double().nan_to_num(0.0), theirs.double().nan_to_num(0.0)
        error = (ours - theirs).abs().max() / theirs.abs().max().clamp(min=scale)
        assert error <= tolerance, f"{where} differs by {error:.1e} of its scale"
    else:
        ours, theirs = as_tuple(ours), as_tuple(theirs)
        assert len(ours) == len(theirs), f"{where} has {len(ours)} items, not {len(theirs)}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, tolerance, f"{where}[{number}]")


def as_tuple(value):
    """A named output, a cache of any age, or a tuple of tensors, as nested tuples."""
    if hasattr(value, "to_tuple"):
        return value.to_tuple()
    if hasattr(value, "self_attention_cache"):  # transformers 5: keys and values live in cache objects
        pairs = zip(as_tuple(value.self_attention_cache), as_tuple(value.cross_attention_cache), strict=False)
        both = tuple(own + other for own, other in pairs)
        return both or as_tuple(value.self_attention_cache)
    if hasattr(value, "layers"):
        return tuple((layer.keys, layer.values) for layer in value.layers if layer.keys is not None)
    return tuple(value)


def assert_same_gradients(ours, theirs, tolerance):
    """Every parameter of the same name has the same gradient; none counts as zeros.

    Some gradients are exactly zero on paper, such as that of a key's bias, and pure rounding in a computer; so the
    difference is relative to a tenth of the model's largest gradient at least.
    """
    wanted = dict(theirs.named_parameters())
    largest = max(p.grad.abs().max().item() for p in wanted.values() if p.grad is not None)
    for name, parameter in ours.named_parameters():
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in (parameter, wanted.pop(name))]
        assert_same(*gradients, tolerance, where=f"the gradient of {name}", scale=largest / 10)
    assert not wanted
