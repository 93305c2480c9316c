"""The documented options of `from_pretrained` (v4.37): what changes nothing here, and what cannot be done."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

# Taken and dropped, whatever they say: loading here is always careful of memory, and never runs a checkpoint's code.
_WITHOUT_EFFECT = (
    "low_cpu_mem_usage", "trust_remote_code", "code_revision", "mirror", "resume_download", "offload_state_dict",
    "_fast_init", "_from_auto", "_from_pipeline", "_commit_hash",
)  # fmt: skip

# Allowed only with a value that asks for nothing, and what to do in place of it.
_IMPOSSIBLE = {
    "load_in_8bit": "load it in half precision with torch_dtype=torch.bfloat16",
    "load_in_4bit": "load it in half precision with torch_dtype=torch.bfloat16",
    "quantization_config": "load it in half precision with torch_dtype=torch.bfloat16",
    "use_flash_attention_2": "leave it out, torch's fused attention is used where nobody asks for attentions",
    "max_memory": "a BERT fits one device: load it and move it with model.to(device)",
    "offload_folder": "a BERT fits one device: load it and move it with model.to(device)",
    "adapter_kwargs": "open adapters with bertlab or PEFT after loading",
    "adapter_name": "open adapters with bertlab or PEFT after loading",
    "gguf_file": "give the folder with safetensors or .bin weights",
}


def take_loading_options(arguments: MutableMapping[str, Any]) -> Any:
    """Move the documented options that bertlab has no use for out of `arguments`; returns the device of `device_map`.

    Raises:
        ValueError: for a value that asks for what cannot be done, with the name of the option.
    """
    for name in _WITHOUT_EFFECT:
        arguments.pop(name, None)
    attention = arguments.pop("attn_implementation", None)
    if attention not in (None, "eager", "sdpa"):
        raise ValueError(
            f"attn_implementation is {attention!r}; bertlab has 'eager' and 'sdpa' in one, whichever is asked for: "
            "it computes visible attention where somebody looks at it, and torch's fused one elsewhere"
        )
    for name, advice in _IMPOSSIBLE.items():
        value = arguments.pop(name, None)
        if value is not None and value is not False:
            raise ValueError(f"{name}={value!r} cannot be done here; {advice}")
    return _one_device(arguments.pop("device_map", None))


def _one_device(device_map: Any) -> Any:
    """The device that `device_map` names for the whole model; None for the CPU."""
    whole = device_map.get("") if isinstance(device_map, dict) and set(device_map) == {""} else device_map
    if whole is None and device_map is None or str(whole) == "cpu":
        return None
    if isinstance(whole, dict) or whole is None or whole in ("auto", "balanced", "balanced_low_0", "sequential"):
        raise ValueError(
            f"device_map={device_map!r} would spread the model over devices, which a BERT does not need; "
            "name one device, such as device_map='cuda', or move it with model.to(device)"
        )
    return f"cuda:{whole}" if isinstance(whole, int) and not isinstance(whole, bool) else whole
