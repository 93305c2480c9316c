"""What all models share: their parts, starting weights, masks, resizing and pruning, loading and saving."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bertlab.devices import find_device
from bertlab.files import (
    LoadingReport,
    StateDict,
    check_foreign,
    is_weight_file,
    load_into,
    read_state_dict,
    read_weights,
    resolve,
    resolve_dtype,
    take_loading_options,
    take_options,
    warn_of_fresh,
    write_state_dict,
)
from bertlab.model import masks, pruning, weights
from bertlab.model.config import BertConfig


class BertPreTrainedModel(nn.Module):
    """What all models share: starting weights, loading and saving, resizing, pruning, masks."""

    config_class = BertConfig
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    loading_report: LoadingReport | None = None

    if TYPE_CHECKING:  # torch says "a tensor or a module" of every part, so that none can be called

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, config: BertConfig, *args: Any, **kwargs: Any):
        super().__init__()
        if not isinstance(config, BertConfig):
            raise TypeError(
                f"{type(self).__name__} is built from a BertConfig, not a {type(config).__name__}; "
                f"to load weights use {type(self).__name__}.from_pretrained(name_or_folder)"
            )
        config.check()
        self.config = config
        self.name_or_path = config.name_or_path

    # -- the parts -------------------------------------------------------------------------------------------------

    @property
    def base_model(self) -> Any:
        """The BertModel inside (itself, for a BertModel)."""
        return getattr(self, self.base_model_prefix, self)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the parameters."""
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """How many numbers the model learns; tied ones count once."""
        tables = {id(m.weight) for m in self.modules() if isinstance(m, nn.Embedding)} if exclude_embeddings else set()
        chosen = (p for p in self.parameters() if id(p) not in tables and (p.requires_grad or not only_trainable))
        return sum(p.numel() for p in chosen)

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings: (vocabulary, hidden)."""
        return self.base_model.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the word embeddings."""
        self.base_model.embeddings.word_embeddings = value

    def get_output_embeddings(self) -> nn.Linear | None:
        """The layer that gives vocabulary logits, on the models that have one."""
        return None

    # -- starting weights ------------------------------------------------------------------------------------------

    def post_init(self) -> None:
        """Called at the end of each constructor."""
        self.init_weights()

    def init_weights(self) -> None:
        """Draw all weights afresh, remove the heads that the configuration lists as pruned, tie what is tied."""
        if self.config.pruned_heads:
            pruned, self.config.pruned_heads = self.config.pruned_heads, {}
            self.prune_heads(pruned)
        for module in self.modules():
            self._init_weights(module)
        self.tie_weights()

    def _init_weights(self, module: nn.Module) -> None:
        """Normal with standard deviation `initializer_range`; zeros for biases and padding; ones for the norms."""
        weights.draw(module, self.config.initializer_range)

    def tie_weights(self) -> None:
        """Share the word embeddings with the vocabulary head, where there is one and the configuration says so."""
        head = self.get_output_embeddings()
        if head is None:
            return
        if self.config.tie_word_embeddings:
            head.weight = self.get_input_embeddings().weight
        self.cls.predictions.tie_bias()

    def tied_names(self) -> dict[str, str]:
        """Name of each tied copy -> name of the parameter that it shares."""
        first: dict[int, str] = {}
        tied = {}
        for name, parameter in self.named_parameters(remove_duplicate=False):
            kept = first.setdefault(id(parameter), name)
            if kept != name:
                tied[name] = kept
        return tied

    # -- changing the architecture ---------------------------------------------------------------------------------

    def prune_heads(self, heads_to_prune: Mapping[int, Any]) -> None:
        """Remove heads for good: `{layer: [heads]}`. The configuration remembers them, so they survive saving.

        Raises:
            ValueError: for a layer or a head that does not exist; nothing is pruned then.
        """
        pruning.prune_model(self, heads_to_prune)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """Give the vocabulary another size: embeddings, decoder and its bias together. Old rows keep their values,
        new ones are drawn as at the start (biases zero). Returns the word embeddings."""
        return weights.resize_vocabulary(self, new_num_tokens, pad_to_multiple_of)

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: dict | None = None) -> None:
        """Save memory in training: recompute each layer in the backward pass (Chen et al. 2016)."""
        self.base_model.encoder.gradient_checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        """Keep all activations again."""
        self.base_model.encoder.gradient_checkpointing = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether layers are recomputed in the backward pass."""
        return self.base_model.encoder.gradient_checkpointing

    # -- masks -----------------------------------------------------------------------------------------------------

    def get_head_mask(self, head_mask: torch.Tensor | None, num_hidden_layers: int) -> Any:
        """(heads,) or (layers, heads) -> (layers, 1, heads, 1, 1); None -> a list of None."""
        return masks.of_heads(head_mask, num_hidden_layers, self.dtype)

    def get_extended_attention_mask(
        self, attention_mask: torch.Tensor, input_shape: tuple[int, int], device: Any = None, dtype: Any = None
    ) -> torch.Tensor:
        """A mask of 1 (look) and 0 as what is added to the scores: 0 and the smallest number of the model's type.

        (batch, key) or (batch, query, key) -> (batch, 1, query or 1, key). On a decoder a 2-D mask is joined with
        the causal one: no query sees a later key. Not -inf, so that a row with nothing to see is uniform, not NaN.
        """
        return masks.extended(attention_mask, input_shape[1], self.config.is_decoder, dtype or self.dtype)

    def invert_attention_mask(self, encoder_attention_mask: torch.Tensor) -> torch.Tensor:
        """The same for the encoder's states: never causal."""
        return masks.inverted(encoder_attention_mask, self.dtype)

    # -- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *model_args: Any,
        config: BertConfig | None = None,
        torch_dtype: torch.dtype | str | None = None,
        ignore_mismatched_sizes: bool = False,
        output_loading_info: bool = False,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        from_tf: bool = False,
        from_flax: bool = False,
        **kwargs: Any,
    ):
        """Load a model from a folder, the shipped model's name or a Hub name, ready for use (`eval()`).

        The path may also be that of a file of weights, such as `model.ckpt-1000.index`, with config.json beside it.
        Weights are read in every format that PyTorch, TensorFlow (1 and 2) and Flax wrote.

        Args:
            config: use this configuration instead of the checkpoint's own.
            torch_dtype: the type of the parameters; float32 when None, as stored when "auto".
            ignore_mismatched_sizes: draw tensors of another shape afresh instead of raising.
            output_loading_info: return `(model, report)`; the report is `model.loading_report` in any case, and a
                mapping with the documented keys ("missing_keys", ...).
            state_dict: use these tensors instead of those of the files.
            from_tf, from_flax: take the weights that this framework wrote, where several stand.
            kwargs: what `resolve` knows (`revision`, `cache_dir`, `token`, `local_files_only`, ...) says where to
                look; `device_map` may name one device; documented options without effect here are taken, those that
                ask for what cannot be done are refused; all others override fields of the configuration.

        Raises:
            OSError: when nothing is found under that name.
            ValueError: for broken or foreign files, or tensors of another shape than the model's.
        """
        device = take_loading_options(kwargs)
        torch_dtype = kwargs.pop("dtype", torch_dtype)
        config, state, kwargs = _config_and_weights(
            pretrained_model_name_or_path, config, state_dict, from_tf, from_flax, kwargs
        )
        dtype = resolve_dtype(torch_dtype, state, config.torch_dtype)

        try:
            with weights.undrawn_weights():
                model = cls(config, *model_args, **kwargs).to(dtype)
        except RuntimeError as error:  # torch has no error of its own for memory that cannot be had
            if "allocate" not in str(error) and "memory" not in str(error):
                raise
            said = f"{cls.__name__} of this configuration does not fit the memory; is it the right configuration?"
            raise MemoryError(said) from None
        model.tie_weights()
        report = load_into(
            model, state, base_prefix=cls.base_model_prefix, tied=model.tied_names(),
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )  # fmt: skip
        if state.written_by != "pt":
            check_foreign(report, model, cls.base_model_prefix)
        else:
            warn_of_fresh(report, cls.__name__)
        model._init_fresh({*report.fresh, *(entry[0] for entry in report.mismatched)})
        model.loading_report = report
        model.eval()
        if device is not None:
            model.to(find_device(device))
        return (model, report) if output_loading_info else model

    def _init_fresh(self, names: set[str]) -> None:
        """Draw the parameters that no file gave, each as its module draws it."""
        weights.draw_fresh(self, names)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        *,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
    ) -> None:
        """Write configuration and weights into a folder that `from_pretrained` (also transformers') reads."""
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"{folder} is a file; give the folder to save into")
        config = BertConfig.from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__]
        config.torch_dtype = self.dtype
        # Current transformers gives an untied decoder a bias of its own, so both names are written then.
        tied = self.tied_names() if self.config.tie_word_embeddings else {}
        write_state_dict(
            self.state_dict() if state_dict is None else state_dict, folder, tied=tied,
            safe_serialization=safe_serialization, max_shard_size=max_shard_size, variant=variant,
            texts={"config.json": config.to_json_string()},
        )  # fmt: skip


def _config_and_weights(
    name: str | os.PathLike | None,
    config: BertConfig | None,
    state_dict: Mapping[str, torch.Tensor] | None,
    from_tf: bool,
    from_flax: bool,
    options: dict[str, Any],
) -> tuple[BertConfig, StateDict, dict[str, Any]]:
    """The configuration and the tensors behind a name or path, and the options that belong to neither."""
    if from_tf and from_flax:
        raise ValueError("from_tf and from_flax are both set; the weights can be of one framework only")
    if name is None and (config is None or state_dict is None):
        raise ValueError("there is no name or path; give one, or a config together with a state_dict")
    where = {**take_options(options), "weights_of": "tf" if from_tf else "flax" if from_flax else None}
    path = Path(name or "").expanduser()
    one_file = is_weight_file(path) or ((from_tf or from_flax) and path.is_file())
    folder = path.parent if one_file else None
    needed = [*(["config"] if config is None else []), *(["weights"] if state_dict is None else [])]
    if not one_file and needed:
        folder = resolve(name, files=needed, **where)
    if config is None:
        config, options = BertConfig.from_pretrained(folder, return_unused_kwargs=True, **options)
        config.name_or_path = str(name)
    if state_dict is not None:
        return config, StateDict(state_dict), options
    reading = {option: where.get(option) for option in ("use_safetensors", "variant", "weights_of")}
    return config, read_weights(path) if one_file else read_state_dict(folder, **reading), options
