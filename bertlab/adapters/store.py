"""Adapters on disk: a folder of a few hundred kB, which names the base that it fits."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.adapters.lora import add_lora, lora_layers, merge_lora
from bertlab.adapters.sharing import copied, itself, replace_part, set_on_encoder
from bertlab.files import read_json, replacing_all
from bertlab.model import BertConfig, BertPreTrainedModel, undrawn_weights
from bertlab.model import heads as task_heads
from bertlab.tokenizer import AutoTokenizer

WEIGHTS = "adapter.safetensors"


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
    with replacing_all(folder) as files:
        files.new(WEIGHTS).write_bytes(save(stored, metadata={"format": "pt"}))
        files.new("config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return folder


def is_adapter_folder(folder: str | Path) -> bool:
    """Whether `load_adapter` has something to load there."""
    return (Path(folder) / WEIGHTS).is_file()


def base_of(folder: str | Path) -> str:
    """The base of an adapter or a decoder: the name of a model, or a folder.

    A folder is looked for where it was, then from the adapter's own place, so that both may move together.

    Raises:
        ValueError: the config names none.
        FileNotFoundError: the folder that it names is not there any more.
    """
    folder = Path(folder)
    about = read_json(folder / "config.json").get("bertlab")
    base = about.get("base") if isinstance(about, dict) else None
    if not isinstance(base, str) or not base:
        raise ValueError(f"{folder / 'config.json'} does not say what base the adapter is for: give one")
    if not Path(base).is_absolute():
        beside = folder / base
        return str(beside) if not Path(base).is_dir() and (beside / "config.json").is_file() else base
    if not Path(base).is_dir():
        beside = folder.resolve().parent / Path(base).name
        if not (beside / "config.json").is_file():
            raise FileNotFoundError(
                f"{folder} is an adapter for the model in {base}, which is not there any more: put it back, or beside "
                f"{folder} as {Path(base).name}, or give the base to load_adapter"
            )
        return str(beside)
    return base


def save_merged(adapter: BertPreTrainedModel | str | Path, folder: str | Path) -> Path:
    """Write a model with LoRA layers as one plain model, which every program opens that opens a BERT.

    Args:
        adapter: the model, which stays as it is, or the folder of an adapter; then its base's tokenizer comes along.
        folder: gets config.json, model.safetensors and, for an adapter's folder, the tokenizer's files.

    Raises:
        ValueError: the model has no LoRA layers.
        FileNotFoundError: no adapter in the folder, or its base is not there.
    """
    folder = Path(folder)
    if isinstance(adapter, nn.Module):
        if not lora_layers(adapter):
            raise ValueError("this model has no LoRA layers: save it with save_pretrained")
        merge_lora(copy.deepcopy(adapter)).save_pretrained(folder)
        return folder
    if folder.resolve() == Path(adapter).resolve():
        raise ValueError(f"{folder} is the adapter's own folder: give another one for the merged model")
    merge_lora(load_adapter(adapter)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base_of(adapter)).save_pretrained(str(folder))
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
    for name in ("config.json", WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} holds no adapter: it has no {name}")
    fields = read_json(folder / "config.json")
    about = fields.pop("bertlab", None)
    head_model, lora = described(about, folder / "config.json")
    try:
        state = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} cannot be read: {error}") from None
    if isinstance(base, nn.Module):
        base_model = base
    else:
        base_model = task_heads.BertForPreTraining.from_pretrained(base_of(folder) if base is None else base)
    known = fields.get("vocab_size")
    if check_base and about.get("base_fingerprint") not in (None, fingerprint(base_model, state, known)):
        raise ValueError(
            f"the adapter {folder} was trained on other weights than those of the given base, so its answers "
            f"would be wrong; give the base {about.get('base')!r} as it was then (or check_base=False)"
        )
    fields, state = grown(fields, state, base_model.config.vocab_size)
    with torch.device("meta"), undrawn_weights():  # shapes only: every tensor comes from the base or from the adapter
        model = head_model(BertConfig.from_dict(fields))
    set_on_encoder(model, base_model, itself if share else copied)
    add_lora(model, **lora)
    own, tied = dict(model.named_parameters()), model.tied_names()
    for name, value in state.items():
        if name not in own or own[name].shape != value.shape:
            raise ValueError(f"{folder}: the adapter's {name} {tuple(value.shape)} has no place in the model")
        wanted = torch.float32 if own[name].is_meta else own[name].dtype
        parameter = nn.Parameter(value.to(base_model.device, wanted), own[name].requires_grad)
        for place in (name, *(twin for twin, kept in tied.items() if kept == name)):
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
