"""Low-rank adaptation (Hu et al. 2021): train two thin matrices beside each frozen one.

A layer computes y = W x + b + (alpha / rank) B A x. W stays as it is; A (rank, in) and B (out, rank) learn.
B starts at zero, so an adapted model begins exactly as its base. Word embeddings are such a layer too, of inputs that
are 1 at one word and 0 elsewhere: column w of A moves word w in the directions of B. An adapter is a folder of a few
hundred kB that turns a shared base into the model for one task.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab.adapters.sharing import copied, itself, replace_part, set_on_encoder
from bertlab.files import read_json, write_whole
from bertlab.model import BertConfig, BertPreTrainedModel, undrawn_weights
from bertlab.model import heads as task_heads

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
    lora_A, lora_B = other.lora_A, other.lora_B * (other.alpha / other.rank * layer.rank / layer.alpha)
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


# -------------------------------------------------------------------------------------------- adapter folders


def adapter_state(model: BertPreTrainedModel) -> dict[str, Tensor]:
    """What distinguishes a task model from its base: LoRA factors, the head, and other trained parameters."""
    base = {id(parameter) for parameter in model.base_model.parameters()}
    state = {}
    for name, parameter in model.named_parameters():
        is_factor = name.endswith((".lora_A", ".lora_B"))
        if is_factor or id(parameter) not in base or parameter.requires_grad:
            state[name] = parameter.detach()
    return state


def save_adapter(
    model: BertPreTrainedModel,
    folder: str | Path,
    *,
    task: str,
    base: str,
    details: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write `config.json` and `adapter.safetensors` of a task model with LoRA layers.

    Args:
        task: name of the task, such as "sentiment".
        base: name or path of the base model, which `load_adapter` uses when none is given.
        details: more to keep under "bertlab" in the config: the task's settings, dev figures.
        dtype: number format of the stored tensors.

    Raises:
        ValueError: the model has no LoRA layers, or a value does not fit into `dtype`.
        OSError: the folder cannot be written; an adapter that was there stays as it was.
    """
    from safetensors.torch import save

    layers = lora_layers(model)
    if not layers:
        raise ValueError("this model has no LoRA layers: save it with save_pretrained")
    stored = {name: value.to("cpu", dtype).contiguous() for name, value in adapter_state(model).items()}
    for name, value in stored.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds numbers that {dtype} cannot: save with dtype=torch.float32")
    layer = next(iter(layers.values()))
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    config["_name_or_path"] = base
    config["bertlab"] = {
        "task": task,
        "class": type(model).__name__,
        "base": base,
        "base_fingerprint": fingerprint(model, without=stored),
        "lora": {
            "rank": layer.rank,
            "alpha": layer.alpha,
            "targets": sorted(name.removeprefix("bert.").removeprefix("encoder.") for name in layers),
        },
        **(details or {}),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "adapter.safetensors", save(stored, metadata={"format": "pt"}))
    write_whole(folder / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
    return folder


def load_adapter(
    folder: str | Path,
    base: BertPreTrainedModel | str | Path | None = None,
    *,
    share: bool = False,
    check_base: bool = True,
) -> BertPreTrainedModel:
    """The task model of an adapter folder on its base, in eval mode.

    Args:
        base: a model, a folder or a name; the base named in the adapter if None.
        share: let the model use the very tensors of `base` (a model) instead of copies. That spares memory,
            but training all layers of one then changes the other.
        check_base: refuse a base other than the one that the adapter was trained on.

    Raises:
        FileNotFoundError: no adapter in that folder.
        ValueError: the files do not fit together or to the base.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    for name in ("config.json", "adapter.safetensors"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} holds no adapter: it has no {name}")
    fields = read_json(folder / "config.json")
    about = fields.pop("bertlab", None)
    head_model, lora = described(about, folder / "config.json")
    try:
        state = load_file(folder / "adapter.safetensors")
    except SafetensorError as error:
        raise ValueError(f"{folder / 'adapter.safetensors'} cannot be read: {error}") from None
    if base is None and not isinstance(about.get("base"), str):
        raise ValueError(f"{folder / 'config.json'} does not say what base the adapter is for: give one")
    if not isinstance(base, nn.Module):
        base = task_heads.BertForPreTraining.from_pretrained(about["base"] if base is None else base)
    known = fields.get("vocab_size")
    if check_base and about.get("base_fingerprint") not in (None, fingerprint(base, state, known)):
        raise ValueError(
            f"the adapter {folder} was trained on other weights than those of the given base, so its answers "
            f"would be wrong; give the base {about.get('base')!r} as it was then (or check_base=False)"
        )
    fields, state = grown(fields, state, base.config.vocab_size)
    with torch.device("meta"), undrawn_weights():  # shapes only: every tensor comes from the base or from the adapter
        model = head_model(BertConfig.from_dict(fields))
    set_on_encoder(model, base, itself if share else copied)
    add_lora(model, **lora)
    own, tied = dict(model.named_parameters()), model.tied_names()
    for name, value in state.items():
        if name not in own or own[name].shape != value.shape:
            raise ValueError(f"{folder}: the adapter's {name} {tuple(value.shape)} has no place in the model")
        wanted = torch.float32 if own[name].is_meta else own[name].dtype
        parameter = nn.Parameter(value.to(base.device, wanted), own[name].requires_grad)
        for place in (name, *(copy for copy, kept in tied.items() if kept == name)):
            replace_part(model, place, parameter)
    model.tie_weights()
    missing = [name for name, parameter in model.named_parameters() if parameter.is_meta]
    if missing:
        raise ValueError(f"{folder}: neither the base nor the adapter has {', '.join(missing[:4])}")
    return model.eval()


def described(about: Any, path: Path) -> tuple[type[BertPreTrainedModel], dict[str, Any]]:
    """The head model that an adapter's config describes, and the arguments of `add_lora`; ValueError if it does not."""
    name = about.get("class") if isinstance(about, dict) else None
    head_model = getattr(task_heads, name, None) if isinstance(name, str) else None
    if not (isinstance(head_model, type) and issubclass(head_model, BertPreTrainedModel)):
        raise ValueError(f"{path} describes no adapter: it names no head model to build")
    lora = about.get("lora")
    try:
        targets = [f"*{target}" for target in lora["targets"]]
        return head_model, {"rank": int(lora["rank"]), "alpha": float(lora["alpha"]), "targets": targets}
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{path} describes no adapter: 'lora' must hold a rank, an alpha and a list of targets, not {lora!r}"
        ) from None


def grown(fields: dict[str, Any], state: dict[str, Tensor], size: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config and the weights of an addition for a base whose vocabulary has grown since: biases of new tokens are
    zero."""
    known = fields.get("vocab_size")
    if not isinstance(known, int) or size <= known:
        return fields, state
    state = {
        name: torch.cat([value, value.new_zeros(size - known)])
        if name.endswith(("predictions.bias", "decoder.bias")) and value.shape == (known,)
        else value
        for name, value in state.items()
    }
    return {**fields, "vocab_size": size}, state


def fingerprint(model: BertPreTrainedModel, without: Collection[str] = (), vocabulary: int | None = None) -> str:
    """A short digest of the encoder's weights, rounded to float16 and without LoRA: equal for equal bases.

    `without` names parameters ("bert." included) that an adapter brings along itself. With `vocabulary` only so many
    rows of the word embeddings count: tokens that were added later do not make another base.
    """
    digest = hashlib.sha256()
    for name, parameter in model.base_model.named_parameters():
        if ".lora_" in name or "pooler" in name or f"bert.{name}" in without:
            continue
        rows = vocabulary if name.endswith("word_embeddings.weight") else None
        sample = parameter.detach()[:rows].flatten()
        sample = sample[:: max(1, sample.numel() // 64)].to("cpu", torch.float16)
        digest.update(name.encode() + sample.numpy().tobytes())
    return digest.hexdigest()[:16]
