"""Average the weights of models that come from one another, or of adapters of one base.

Models that were trained on from the same weights mostly lie in one valley of the loss, and their mean is often better
than each of them, at no cost when it is used (Izmailov et al. 2018; Wortsman et al. 2022, model soups).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from bertlab.adapters import described, fingerprint, nearest_factors
from bertlab.files import read_json, write_whole
from bertlab.model import BertForPreTraining
from bertlab.tokenizer import BertTokenizerFast

ADAPTER = "adapter.safetensors"


def average(
    folders: Sequence[str | Path], weights: Sequence[float] | None, out: str | Path, rank: int | None = None
) -> None:
    """Write the mean of several models with their adapters, or of several adapters, into a folder.

    Of a model, the adapters that all the folders have are averaged too. A decoder is not: it has to be trained on the
    new encoder.

    Args:
        folders: of models (with `tasks/`) or of adapters of the same base.
        weights: how much each counts; equal if None.
        out: folder that gets the result, in float16.
        rank: of the adapters that are written; that of the last folder's if None.

    Raises:
        ValueError: there is one folder only, the weights or the rank do not fit, or the models differ in shape.
    """
    paths, out = [Path(folder) for folder in folders], Path(out)
    weights = [1.0] * len(paths) if weights is None else list(weights)
    if len(paths) < 2:
        raise ValueError(f"a mean takes two folders or more, but {len(paths)} is given")
    if len(weights) != len(paths):
        raise ValueError(f"{len(paths)} folders are given, but {len(weights)} weights: give one for each")
    if not all(weight > 0 and math.isfinite(weight) for weight in weights):
        raise ValueError(f"the weights are {weights}, but each must be a number above 0")
    if all((folder / ADAPTER).is_file() for folder in paths):
        bases = {read_json(folder / "config.json").get("bertlab", {}).get("base_fingerprint") for folder in paths}
        if len(bases) > 1:
            raise ValueError("these adapters were trained on different bases: average the bases with their adapters")
        average_adapters(paths, weights, out, rank)
        return
    models = [BertForPreTraining.from_pretrained(folder) for folder in paths]
    mean = models[-1]
    mean.load_state_dict(mean_of([model.state_dict() for model in models], weights))
    mean.half().save_pretrained(out)
    BertTokenizerFast.from_pretrained(str(paths[-1])).save_pretrained(str(out))
    for task in sorted(folder.name for folder in (paths[-1] / "tasks").glob("*")):
        adapters = [folder / "tasks" / task for folder in paths]
        if all((adapter / ADAPTER).is_file() for adapter in adapters):
            average_adapters(adapters, weights, out / "tasks" / task, rank, base=mean)


def average_adapters(
    folders: Sequence[Path],
    weights: Sequence[float],
    out: Path,
    rank: int | None = None,
    base: BertForPreTraining | None = None,
) -> None:
    """Write the mean of adapters; `base` is the model that it is for, where that is a new one.

    The mean is that of what they add to the weights, not of the factors, and comes as near to it as the rank allows.
    """
    states = [load_file(folder / ADAPTER) for folder in folders]
    configs = [read_json(folder / "config.json") for folder in folders]
    factors = [{name: state.pop(name) for name in list(state) if ".lora_" in name} for state in states]
    unlike = {name for names in factors for name in {*names} ^ {*factors[-1]}}
    if unlike:
        raise ValueError(f"adapters of different layers have no mean; they differ in {', '.join(sorted(unlike)[:3])}")
    settings = [described(one.get("bertlab"), folder / "config.json")[1] for one, folder in zip(configs, folders)]
    config, stored = configs[-1], mean_of(states, weights)
    scales = [own["alpha"] / own["rank"] for own in settings]
    rank = settings[-1]["rank"] if rank is None else rank
    sides = [max(factor.shape) for factor in factors[-1].values()]
    largest = min(*sides, sum(own["rank"] for own in settings))
    if not 1 <= rank <= largest:
        raise ValueError(f"rank is {rank}, but these adapters have a mean of ranks from 1 to {largest}")
    shares = [weight / sum(weights) * scale / scales[-1] for weight, scale in zip(weights, scales, strict=True)]
    for layer in sorted(name.removesuffix(".lora_A") for name in factors[-1] if name.endswith(".lora_A")):
        # side by side, the factors of all the adapters make one of the sum of their ranks
        lora_A = torch.cat([own[f"{layer}.lora_A"].float() for own in factors])
        lora_B = torch.cat(
            [share * own[f"{layer}.lora_B"].float() for share, own in zip(shares, factors, strict=True)], dim=1
        )
        for name, factor in zip("AB", nearest_factors(lora_A, lora_B, rank), strict=True):
            name = f"{layer}.lora_{name}"
            stored[name] = factor.to(factors[-1][name].dtype).contiguous()
    config["bertlab"]["lora"].update(rank=rank, alpha=scales[-1] * rank)
    if base is not None:
        config["bertlab"]["base_fingerprint"] = fingerprint(base, without=stored)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / ADAPTER, save(stored, metadata={"format": "pt"}))
    write_whole(out / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")


def mean_of(states: Sequence[dict[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of tensors by name, in the number format of the last ones; computed in float32."""
    last = states[-1]
    for state in states:
        unlike = {*state} ^ {*last} or {name for name in last if state[name].shape != last[name].shape}
        if unlike:
            raise ValueError(f"models of different shape have no mean; they differ in {', '.join(sorted(unlike)[:3])}")
    total = sum(weights)
    means = {}
    for name, value in last.items():
        if value.is_floating_point():
            parts = [weight / total * state[name].float() for weight, state in zip(weights, states)]
            value = torch.stack(parts).sum(0).to(value.dtype)
        means[name] = value.contiguous()
    return means
