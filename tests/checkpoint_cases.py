"""Small dicts of tensors, and how to compare them, for the tests of files and folders."""

import torch
from torch import nn


def tensors(seed=0, **shapes):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def small_state():
    return tensors(a=(3, 5), b=(7,), c=(2, 3, 4), d=())


def assert_same(first, second):
    assert sorted(first) == sorted(second)
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype and torch.equal(tensor, second[name]), name


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(11, 3)
        self.embeddings.LayerNorm = nn.LayerNorm(3)


class WithHead(nn.Module):
    """The names of a masked-language model, as small as can be."""

    def __init__(self):
        super().__init__()
        self.bert = Bare()
        self.cls = nn.Module()
        self.cls.predictions = nn.Module()
        self.cls.predictions.bias = nn.Parameter(torch.zeros(11))
        self.cls.predictions.decoder = nn.Linear(3, 11)
        self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight
        self.cls.predictions.decoder.bias = self.cls.predictions.bias


WORDS = "bert.embeddings.word_embeddings.weight"
DECODER = "cls.predictions.decoder.weight"


def fresh_values(model, seed=7):
    """Random values for all of a model's tensors."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(value.shape, generator=generator) for name, value in model.state_dict().items()}


def without_copies(values):
    return {name: value for name, value in values.items() if "decoder" not in name}
