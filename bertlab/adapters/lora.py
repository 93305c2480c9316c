"""Low-rank adaptation (Hu et al. 2021): train two thin matrices beside each frozen one.

A layer computes y = W x + b + (alpha / rank) B A x. W stays as it is; A (rank, in) and B (out, rank) learn.
B starts at zero, so an adapted model begins exactly as its base. Word embeddings are such a layer too, of inputs that
are 1 at one word and 0 elsewhere: column w of A moves word w in the directions of B. An adapter is a folder of a few
hundred kB that turns a shared base into the model for one task.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab.adapters.sharing import replace_part
from bertlab.model import BertPreTrainedModel, undrawn_weights

TARGETS = ("query", "key", "value", "dense")


class LoraLinear(nn.Linear):
    """A linear layer with a low-rank addition; takes over the weight and bias of `linear`, frozen."""

    def __init__(
        self,
        linear: nn.Linear,
        rank: int,
        alpha: float,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ):
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.rank, self.alpha = rank, alpha
        self.lora_dropout = nn.Dropout(dropout)
        first = torch.empty(rank, linear.in_features)
        nn.init.kaiming_uniform_(first, a=math.sqrt(5), generator=generator)
        self.lora_A = nn.Parameter(first.to(linear.weight))
        self.lora_B = nn.Parameter(linear.weight.new_zeros(linear.out_features, rank))
        self.train(linear.training)

    def forward(self, x: Tensor) -> Tensor:
        low = F.linear(self.lora_dropout(x), self.lora_A)  # (..., rank)
        return F.linear(x, self.weight, self.bias) + F.linear(low, self.lora_B) * (self.alpha / self.rank)

    def delta(self) -> Tensor:
        """What the adapter adds to the weight: (out, in), of rank at most `rank`."""
        return (self.lora_B @ self.lora_A) * (self.alpha / self.rank)


class LoraEmbedding(nn.Embedding):
    """An embedding with a low-rank addition; takes over the weight of `embedding`, frozen.

    Here A starts at zero, so that words which never occur in training stay as they were.
    """

    def __init__(self, embedding: nn.Embedding, rank: int, alpha: float, generator: torch.Generator | None = None):
        with undrawn_weights():  # drawing on "meta" makes torch import its compiler, which takes seconds
            super().__init__(embedding.num_embeddings, embedding.embedding_dim, embedding.padding_idx, device="meta")
        self.weight = embedding.weight
        self.rank, self.alpha = rank, alpha
        directions = torch.randn(embedding.embedding_dim, rank, generator=generator) / rank**0.5
        self.lora_A = nn.Parameter(self.weight.new_zeros(rank, embedding.num_embeddings))
        self.lora_B = nn.Parameter(directions.to(self.weight))
        self.train(embedding.training)

    def forward(self, ids: Tensor) -> Tensor:
        low = F.embedding(ids, self.lora_A.T, self.padding_idx)  # (..., rank)
        return super().forward(ids) + F.linear(low, self.lora_B) * (self.alpha / self.rank)

    def delta(self) -> Tensor:
        """What the adapter adds to the weight: (vocabulary, hidden), of rank at most `rank`."""
        return (self.lora_B @ self.lora_A).T * (self.alpha / self.rank)


def lora_layers(model: nn.Module) -> dict[str, LoraLinear | LoraEmbedding]:
    """The adapted layers of a model by their module paths."""
    return {name: module for name, module in model.named_modules() if isinstance(module, (LoraLinear, LoraEmbedding))}


def add_lora(
    model: BertPreTrainedModel,
    rank: int = 8,
    alpha: float | None = None,
    targets: Sequence[str] = TARGETS,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
    pooler: bool = True,
) -> BertPreTrainedModel:
    """Give layers of the encoder low-rank additions, in place; freeze everything else but the head.

    Args:
        rank: rank of the additions; at most the smaller side of each layer.
        alpha: the additions are scaled by alpha / rank; 2 x rank if None.
        targets: last names of layers ("query", "dense", "word_embeddings"), or globs on whole paths
            ("*.layer.5.*.dense").
        generator: source of the starting values of A; torch's global one if None.
        pooler: train the pooler too, where there is one: it was made for another question (next sentences).

    Raises:
        ValueError: the model has LoRA layers already, the rank does not fit, or the word embeddings are wanted
            of a model whose output layer has the same weights.
        LookupError: a target matches no linear layer of the encoder, nor the word embeddings.
    """
    if lora_layers(model):
        raise ValueError("this model has LoRA layers already: call merge_lora or remove_lora first")
    encoder = [
        (name, module)
        for name, module in model.named_modules()
        if (isinstance(module, nn.Linear) and "encoder.layer." in name) or name.endswith("word_embeddings")
    ]
    chosen: dict[str, nn.Linear | nn.Embedding] = {}
    for target in targets:
        matches = {
            name: module
            for name, module in encoder
            if name.rpartition(".")[2] == target or fnmatch.fnmatchcase(name, target)
        }
        if not matches:
            names = sorted({name.rpartition(".")[2] for name, _ in encoder})
            raise LookupError(f"no layer of the encoder matches {target!r}; there are {', '.join(names)}")
        chosen.update(matches)
    if model.tied_names() and any(isinstance(module, nn.Embedding) for module in chosen.values()):
        raise ValueError(
            f"the output layer of a {type(model).__name__} shares the weights of its word embeddings, so they cannot "
            "be adapted alone: leave word_embeddings out of the targets"
        )
    largest = min(min(module.weight.shape) for module in chosen.values())
    if not 1 <= rank <= largest:
        raise ValueError(f"rank is {rank}, but for these layers it lies between 1 and {largest}")
    for name, parameter in model.base_model.named_parameters():
        parameter.requires_grad_(pooler and name.startswith("pooler."))
    alpha = 2.0 * rank if alpha is None else float(alpha)
    for name, module in encoder:
        if name not in chosen:
            continue
        if isinstance(module, nn.Embedding):
            replace_part(model, name, LoraEmbedding(module, rank, alpha, generator))
        else:
            replace_part(model, name, LoraLinear(module, rank, alpha, dropout, generator))
    return model


def nearest_factors(lora_A: Tensor, lora_B: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Factors A (rank, in) and B (out, rank) whose product B A is as near to the given one as the rank allows.

    They keep the largest singular values: no matrix of that rank is nearer (Eckart & Young 1936).
    """
    left, upper = torch.linalg.qr(lora_B)  # the singular values of B A are those of a small square matrix
    right, lower = torch.linalg.qr(lora_A.T)
    u, singular, v = torch.linalg.svd(upper @ lower.T)
    roots = singular[:rank].sqrt()
    return roots[:, None] * (v[:rank] @ right.T), left @ u[:, :rank] * roots


@torch.no_grad()
def take_addition(layer: LoraLinear | LoraEmbedding, other: LoraLinear | LoraEmbedding) -> None:
    """Make a layer whose addition is still zero add what `other` adds, as nearly as its rank allows, in place.

    With a higher rank than `other` it adds the very same and has directions left to learn in.

    Raises:
        ValueError: the layers differ in shape.
    """
    if layer.weight.shape != other.weight.shape:
        shapes = f"{tuple(layer.weight.shape)}, the other {tuple(other.weight.shape)}"
        raise ValueError(f"this layer is {shapes}: an addition fits layers of one shape only")
    lora_A: Tensor = other.lora_A
    lora_B = other.lora_B * (other.alpha / other.rank * layer.rank / layer.alpha)
    if layer.rank < other.rank:
        lora_A, lora_B = nearest_factors(lora_A, lora_B, layer.rank)
    layer.lora_A[: len(lora_A)] = lora_A
    layer.lora_B[:, : len(lora_A)] = lora_B


def merge_lora(model: BertPreTrainedModel) -> BertPreTrainedModel:
    """Fold the additions into the weights, in place: a plain model with the same outputs, all trainable.

    The merged weights are new tensors; a base that shares the old ones is not touched.
    """
    for name, layer in lora_layers(model).items():
        replace_part(model, name, _plain(layer, layer.weight.detach() + layer.delta().detach()))
    return model.requires_grad_(True)


def remove_lora(model: BertPreTrainedModel) -> BertPreTrainedModel:
    """Take the additions away, in place: the base as it was, all of it trainable again."""
    for name, layer in lora_layers(model).items():
        replace_part(model, name, _plain(layer, layer.weight))
    return model.requires_grad_(True)


def _plain(layer: LoraLinear | LoraEmbedding, weight: Tensor) -> nn.Linear | nn.Embedding:
    if isinstance(layer, LoraEmbedding):
        with undrawn_weights():
            embedding = nn.Embedding(layer.num_embeddings, layer.embedding_dim, layer.padding_idx, device="meta")
        embedding.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)
        return embedding.train(layer.training)
    linear = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
    linear.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)
    linear.bias = layer.bias
    return linear.train(layer.training)
