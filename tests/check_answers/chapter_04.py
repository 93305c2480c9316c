"""04 The forward pass: right answers, and the typical wrong ones with a word of the hint or message."""

from torch.nn.functional import gelu

from bertlab.check.chapter_04 import library_block, library_logits


def second_half(x, layer, activation=gelu, residual=True, norm=True):
    out = layer.output.dense(activation(layer.intermediate.dense(x)))
    out = out + x if residual else out
    return layer.output.LayerNorm(out) if norm else out


RIGHT = {
    "04.1": lambda: second_half,
    "04.2": lambda: library_block,
    "04.3": lambda: library_logits,
}

WRONG = [
    ("04.1", "nothing added", lambda: lambda x, layer: second_half(x, layer, residual=False), "What came in"),
    ("04.1", "no LayerNorm", lambda: lambda x, layer: second_half(x, layer, norm=False), "LayerNorm is missing"),
    ("04.1", "ReLU", lambda: lambda x, layer: second_half(x, layer, lambda y: y.relu()), "GELU"),
    ("04.1", "no activation", lambda: lambda x, layer: second_half(x, layer, lambda y: y), "activation is missing"),
    ("04.2", "pre-LayerNorm", lambda: lambda x, layer: library_block(x, layer, pre_norm=True), "pre-LayerNorm"),
    ("04.2", "not scaled", lambda: lambda x, layer: library_block(x, layer, scaled=False), "root of the head size"),
    ("04.2", "nothing", lambda: lambda x, layer: x, "does nothing"),
    ("04.2", "no second argument", lambda: lambda x: x, "TypeError"),
    ("04.3", "no transform", lambda: lambda ids: library_logits(ids, transform=False), "own layer"),
    ("04.3", "no bias", lambda: lambda ids: library_logits(ids, bias=False), "bias"),
    ("04.3", "pre-LayerNorm", lambda: lambda ids: library_logits(ids, pre_norm=True), "behind"),
    ("04.3", "five layers", lambda: lambda ids: library_logits(ids, layers=5), "one is missing"),
    ("04.3", "probabilities", lambda: lambda ids: library_logits(ids).softmax(-1), "probabilities"),
]
