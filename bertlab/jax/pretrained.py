"""What all models of the family share: parameters outside the model, loading, saving, types."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from bertlab.files import (
    LoadingReport,
    ModelNotFoundError,
    all_weight_file_names,
    read_state_dict,
    rename_legacy,
    resolve,
    take_loading_options,
    take_options,
    warn_of_gaps,
    write_weights,
)
from bertlab.jax.layers import ACTIVATIONS
from bertlab.jax.params import Tree, flat, from_tensors, initial_params, into_tensors, nested
from bertlab.model import BertConfig


class FlaxBertPreTrainedModel:
    """A configuration, a way to compute, and parameters that may as well be kept outside of it.

    Args:
        config: the shape of the model.
        input_shape: kept for the documented signature; the parameters' shapes do not depend on it.
        seed: of the parameters drawn.
        dtype: of the computation; the parameters are of float32 until `to_bf16` or `to_fp16`.
        _do_init: False draws no parameters: they are given with every call.
        gradient_checkpointing: recompute each layer in the backward pass, to save memory.

    Raises:
        ValueError: for a configuration that this model cannot be built from.
    """

    config_class = BertConfig
    base_model_prefix = "bert"
    main_input_name = "input_ids"
    framework = "flax"
    pooled = True  # whether the head looks at [CLS] through the pooler
    parts: tuple[str, ...] = ()  # of the head; see initial_params
    crosses = False  # whether it takes an encoder's states and a cache
    loading_report: LoadingReport | None = None

    def __init__(
        self,
        config: BertConfig,
        input_shape: tuple[int, ...] = (1, 1),
        seed: int = 0,
        dtype: Any = jnp.float32,
        _do_init: bool = True,
        gradient_checkpointing: bool = False,
    ):
        if not isinstance(config, BertConfig):
            raise TypeError(f"{type(self).__name__} is built from a BertConfig, not a {type(config).__name__}")
        config.check()
        if config.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act is {config.hidden_act!r}; the Flax family has {', '.join(ACTIVATIONS)}")
        if config.add_cross_attention and not self.crosses:
            raise ValueError(
                f"{type(self).__name__} has no cross-attention in Flax; set add_cross_attention=False, or take "
                "FlaxBertModel or FlaxBertForCausalLM"
            )
        if "qa_outputs" in self.parts and config.num_labels != 2:
            raise ValueError(f"num_labels is {config.num_labels}; a span has 2 ends, so set it to 2")
        self.config, self.dtype, self.input_shape = config, dtype, input_shape
        self.key = jax.random.PRNGKey(seed)
        self.gradient_checkpointing = gradient_checkpointing
        self._is_initialized = _do_init
        self.params_shape_tree = jax.eval_shape(self._draw, self.key)
        self.required_params = {path for path, _ in flat(self.params_shape_tree)}
        if _do_init:
            self.params = self._draw(self.key)

    # -- parameters ------------------------------------------------------------------------------------------------

    def _draw(self, rng: jax.Array) -> Tree:
        return initial_params(rng, self.config, self.pooled, self.parts)

    def init_weights(
        self, rng: jax.Array, input_shape: tuple[int, ...] = (1, 1), params: Mapping | None = None
    ) -> Tree:
        """Parameters drawn afresh; where a tree is given, only those that it lacks."""
        drawn = self._draw(rng)
        if params is None:
            return drawn
        return nested({**dict(flat(drawn)), **dict(flat(params))})

    @property
    def params(self) -> Tree:
        """The tree of parameters.

        Raises:
            ValueError: when the model was made with `_do_init=False`, or when a tree lacks something.
        """
        if not self._is_initialized:
            raise ValueError(
                "the model was made with _do_init=False and keeps no params; draw them with init_weights, and give "
                "them with every call"
            )
        return self._params

    @params.setter
    def params(self, params: Mapping[str, Any]) -> None:
        if not self._is_initialized:
            raise ValueError("the model was made with _do_init=False and keeps no params; give them with every call")
        leaves = dict(flat(params))
        missing = sorted("/".join(path) for path in self.required_params - set(leaves))
        if missing:
            raise ValueError(f"the params lack {', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''}")
        self._params = nested(leaves)

    def to_bf16(self, params: Mapping[str, Any], mask: Any = None) -> Tree:
        """A copy of the tree in bfloat16, or only of the leaves where `mask`, a tree of truth values, is true."""
        return _cast(params, jnp.bfloat16, mask)

    def to_fp16(self, params: Mapping[str, Any], mask: Any = None) -> Tree:
        """The same in float16."""
        return _cast(params, jnp.float16, mask)

    def to_fp32(self, params: Mapping[str, Any], mask: Any = None) -> Tree:
        """The same in float32."""
        return _cast(params, jnp.float32, mask)

    def enable_gradient_checkpointing(self) -> None:
        """Recompute each layer in the backward pass from now on."""
        self.gradient_checkpointing = True

    # -- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        dtype: Any = jnp.float32,
        *model_args: Any,
        config: BertConfig | str | os.PathLike | None = None,
        ignore_mismatched_sizes: bool = False,
        from_pt: bool = False,
        from_tf: bool = False,
        _do_init: bool = True,
        **kwargs: Any,
    ):
        """Load a model from a folder, the shipped model's name or a Hub name.

        The weights are Flax's, or a `model.safetensors` of any framework; with `from_pt` PyTorch's, with `from_tf`
        TensorFlow's. Parameters keep the type that they have in the file.

        Args:
            pretrained_model_name_or_path: where they are.
            dtype: of the computation.
            model_args: for the constructor.
            config: use this configuration, or the one found there, instead of the checkpoint's own.
            ignore_mismatched_sizes: draw parameters of another shape afresh instead of raising.
            from_pt, from_tf: which weights to read.
            _do_init: False returns `(model, params)`, where what the checkpoint lacks is missing.
            kwargs: what `resolve` knows says where to look; all others override fields of the configuration.

        Raises:
            OSError: when nothing is found under that name.
            ValueError: for broken or foreign files, or arrays of another shape than the model's.
        """
        if from_pt and from_tf:
            raise ValueError("from_pt and from_tf are both set; the weights can be of one framework only")
        take_loading_options(kwargs)
        where = take_options(kwargs)
        if not isinstance(config, BertConfig):
            source = pretrained_model_name_or_path if config is None else config
            config, kwargs = BertConfig.from_pretrained(source, return_unused_kwargs=True, **where, **kwargs)
            config.name_or_path = str(pretrained_model_name_or_path)
        where["weights_of"] = None if from_pt else "tf" if from_tf else "flax"
        folder = resolve(pretrained_model_name_or_path, files="weights", **where)
        state = rename_legacy(_read(folder, from_pt, where))
        model = cls(config, *model_args, dtype=dtype, _do_init=False, **kwargs)
        params = model._placed(state, ignore_mismatched_sizes)
        if not _do_init:
            return model, params
        model._is_initialized = True
        complete = len(dict(flat(params))) == len(model.required_params)
        model.params = params if complete else model.init_weights(model.key, params=params)
        return model

    def _placed(self, state: Mapping[str, Any], ignore_mismatched_sizes: bool) -> Tree:
        """The tree of what the checkpoint holds, with a report and warnings of what it lacks or has too much."""
        leaves, unused = from_tensors(state, bare=not self.parts)
        wanted = dict(flat(self.params_shape_tree))
        tied = "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"
        unused = [name for name in unused if name not in tied]
        unused += ["/".join(path) for path in leaves if path not in wanted and "decoder" not in path]
        fits = {path: value for path, value in leaves.items() if path in wanted}
        wrong = [("/".join(p), v.shape, wanted[p].shape) for p, v in fits.items() if v.shape != wanted[p].shape]
        if wrong and not ignore_mismatched_sizes:
            shown = "; ".join(
                f"{name}: {stored} in the checkpoint, {own} in the model" for name, stored, own in wrong[:5]
            )
            raise ValueError(
                f"arrays of the checkpoint have other shapes than {type(self).__name__}'s: {shown}; make the "
                "configuration fit, or pass ignore_mismatched_sizes=True to draw these afresh"
            )
        fits = {path: value for path, value in fits.items() if value.shape == wanted[path].shape}
        if not any("encoder" in path or "embeddings" in path for path in fits):
            raise ValueError(f"the checkpoint holds nothing of the encoder of {type(self).__name__}; is this a BERT?")
        mismatched = {name for name, *_ in wrong}
        fresh = ["/".join(path) for path in wanted if path not in fits and "/".join(path) not in mismatched]
        self.loading_report = LoadingReport(["/".join(path) for path in fits], fresh, unused, {}, wrong)
        warn_of_gaps(fresh, unused, type(self).__name__)
        small = sorted({str(value.dtype) for value in fits.values()} & {"float16", "bfloat16"})
        if small:
            warnings.warn(
                f"the params are {' and '.join(small)}, as in the file; model.to_fp32(model.params) widens them",
                stacklevel=3,
            )
        return nested(fits)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        params: Mapping[str, Any] | None = None,
        push_to_hub: bool = False,
        max_shard_size: int | str = "10GB",
        token: str | bool | None = None,
        safe_serialization: bool = False,
    ) -> None:
        """Write `config.json` and `flax_model.msgpack`, or `model.safetensors`, into a folder that Flax reads too.

        Args:
            save_directory: the folder.
            params: the tree to save, the model's own when None.
            push_to_hub, token: as documented; nothing is ever uploaded, so True is refused.
            max_shard_size: above which the weights are split.
            safe_serialization: write safetensors.

        Raises:
            ValueError: for `push_to_hub=True`, or when the place is a file.
        """
        if push_to_hub:
            raise ValueError("push_to_hub=True uploads, which bertlab does not; save, and upload with huggingface_hub")
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"{folder} is a file; give the folder to save into")
        config = BertConfig.from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__.removeprefix("Flax")]
        state = into_tensors(self.params if params is None else params)
        config.save_pretrained(folder)
        to = "flax" if safe_serialization else "msgpack"
        write_weights(state, folder, to, bare=not self.parts, max_shard_size=max_shard_size)


def _read(folder: Path, from_pt: bool, where: Mapping[str, Any]) -> Mapping[str, Any]:
    """The weights that the documented class would read."""
    if where["weights_of"] == "tf" or from_pt:
        return read_state_dict(
            folder, **{name: where.get(name) for name in ("use_safetensors", "variant", "weights_of")}
        )
    safe = [name for name in all_weight_file_names(use_safetensors=True) if (folder / name).is_file()]
    flax = [name for name in all_weight_file_names(weights_of="flax")[:-1] if (folder / name).is_file()]
    if flax or not safe:
        try:
            return read_state_dict(folder, weights_of="flax")
        except ModelNotFoundError as error:
            present = ", ".join(sorted(path.name for path in folder.iterdir()))
            raise ModelNotFoundError(
                f"{str(folder)!r} holds no flax_model.msgpack or model.safetensors; in it are: {present}; pass "
                "from_pt=True for PyTorch's weights, from_tf=True for TensorFlow's"
            ) from error
    return read_state_dict(folder, use_safetensors=True)


def _cast(params: Mapping[str, Any], dtype: Any, mask: Any) -> Tree:
    def cast(value: Any, chosen: bool = True) -> Any:
        is_number = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating)
        return value.astype(dtype) if chosen and is_number else value

    return jax.tree_util.tree_map(cast, params) if mask is None else jax.tree_util.tree_map(cast, params, mask)
