"""What the TensorFlow models share: building, loading and saving, and how Keras trains them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bertlab.files import take_options
from bertlab.keras import fitting, weights
from bertlab.keras.backend import keras
from bertlab.keras.checks import check_inputs
from bertlab.keras.inputs import unpack
from bertlab.model import BertConfig

ops = keras.ops


class TFBertPreTrainedModel(keras.Model):
    """The base of `TFBertModel` and the eight heads: a `keras.Model` that is built with its weights at once."""

    config_class = BertConfig
    base_model_prefix = "bert"
    main_input_name = "input_ids"
    output_class: type
    label_names: tuple[str, ...] = ()
    label_of_output: dict[str, str] = {}  # where several labels have outputs of their own
    axes = ("batch", "sequence")  # of the ids
    loss_is_mean = False  # over tokens, not one for each example
    loading_report: Any = None

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(*inputs, **kwargs)
        if not isinstance(config, BertConfig):
            raise ValueError(
                f"{type(self).__name__} is built from a BertConfig, not a {type(config).__name__}; "
                f"to load weights use {type(self).__name__}.from_pretrained(name_or_folder)"
            )
        config.check()
        self.config = config
        self.name_or_path = config.name_or_path
        self.uses_own_loss = True

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("bertlab."):
            keras.saving.register_keras_serializable("bertlab")(cls)

    def post_init(self) -> None:
        """Called at the end of each constructor: make the weights."""
        self.build(None)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of every layer; no input is needed for that."""
        for layer in self.layers:
            layer.build((None, None, self.config.hidden_size))
        self.built = True

    # -- calling ---------------------------------------------------------------------------------------------------

    @classmethod
    def input_names(cls) -> list[str]:
        """The names of the arguments, in the order in which a list of inputs is read."""
        return [name for name in inspect.signature(cls.call).parameters if name not in ("self", "kwargs")]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take inputs in any of the habits (`bertlab.keras.inputs`) and run the model."""
        values = unpack(inspect.unwrap(type(self).call), self.config, args, kwargs)
        check_inputs(self.config, values, self.axes)
        return super().__call__(values.pop("input_ids", None), **values)

    def answer(self, head: dict[str, Any], found: dict[str, Any], return_dict: bool) -> Any:
        """The output: what a head made of the encoder's answer, then what else of that was asked for."""
        if return_dict:
            fields = self.output_class.__dataclass_fields__
            return self.output_class(**head, **{name: found[name] for name in found if name in fields})
        rest = (found[name] for name in ("hidden_states", "attentions", "cross_attentions"))
        loss = (head["loss"],) if head.get("loss") is not None else ()
        own = tuple(value for name, value in head.items() if name != "loss")
        own = own or (found["last_hidden_state"], found["pooler_output"])
        return (*loss, *own, *(value for value in rest if value is not None))

    @property
    def dummy_inputs(self) -> dict[str, Any]:
        """The smallest inputs that the model takes."""
        shape = (1, *([2] * (len(self.axes) - 1)))
        names = {"input_ids": 1, "attention_mask": 1, "token_type_ids": 0}
        inputs = {name: ops.full(shape, value, dtype="int32") for name, value in names.items()}
        if self.config.add_cross_attention and "encoder_hidden_states" in self.input_names():
            inputs["encoder_hidden_states"] = ops.ones((1, 2, self.config.hidden_size))
        return inputs

    # -- the parts -------------------------------------------------------------------------------------------------

    @property
    def framework(self) -> str:
        """The family's short name."""
        return "tf"

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the model has, or learns."""
        return int(sum(np.prod(v.shape) for v in (self.trainable_weights if only_trainable else self.weights)))

    def get_input_embeddings(self) -> Any:
        """The layer with the word embeddings, `weight` (vocabulary, hidden)."""
        return self.bert.embeddings

    def get_lm_head(self) -> Any:
        """The vocabulary head, on the models that have one."""
        return self.mlm.predictions if hasattr(self, "mlm") else None

    def get_output_embeddings(self) -> Any:
        """The layer whose `weight` gives the vocabulary scores: that of the word embeddings, which are shared."""
        return self.bert.embeddings if hasattr(self, "mlm") else None

    def get_bias(self) -> dict[str, Any] | None:
        """The bias of the vocabulary head, on the models that have one."""
        return self.mlm.predictions.get_bias() if hasattr(self, "mlm") else None

    def resize_token_embeddings(self, new_num_tokens: int | None = None) -> Any:
        """Give the vocabulary another size, word embeddings and the head's bias together. Old rows keep their
        values, new ones are drawn as at the start (biases zero). Compile again afterwards.

        Returns:
            The layer with the word embeddings.

        Raises:
            ValueError: for what is no size.
        """
        if new_num_tokens is None or new_num_tokens == self.config.vocab_size:
            return self.get_input_embeddings()
        if isinstance(new_num_tokens, bool) or not isinstance(new_num_tokens, int) or new_num_tokens < 1:
            raise ValueError(f"the vocabulary cannot have {new_num_tokens!r} tokens; give a whole number of at least 1")
        weights.resized(self.bert.embeddings.word_embeddings, "weight", new_num_tokens)
        if hasattr(self, "mlm"):
            weights.resized(self.mlm.predictions, "bias", new_num_tokens)
        self.config.vocab_size = self.bert.embeddings.word_embeddings.rows = new_num_tokens
        return self.get_input_embeddings()

    def prune_heads(self, heads_to_prune: Any) -> None:
        """TensorFlow's classes never could.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("TensorFlow's BERT prunes no heads; use bertlab.BertModel.prune_heads")

    # -- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *model_args: Any,
        config: BertConfig | str | os.PathLike | None = None,
        ignore_mismatched_sizes: bool = False,
        from_pt: bool = False,
        from_flax: bool = False,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Load a model from a folder, the shipped model's name or a Hub name.

        Weights are read in every format that PyTorch, TensorFlow (1 and 2) and Flax wrote; no framework is needed.

        Args:
            pretrained_model_name_or_path: where they are.
            model_args: for the constructor.
            config: use this configuration, or the one found there, instead of the checkpoint's own.
            ignore_mismatched_sizes: leave tensors of another shape as they were drawn instead of raising.
            from_pt, from_flax: take the weights that this framework wrote, where several stand.
            output_loading_info: return `(model, report)`; the report is `model.loading_report` in any case.
            kwargs: what `resolve` knows (`revision`, `cache_dir`, `token`, `local_files_only`, ...) says where to
                look; all others override fields of the configuration.

        Raises:
            OSError: when nothing is found under that name.
            ValueError: for broken or foreign files, or tensors of another shape than the model's.
        """
        if from_pt and from_flax:
            raise ValueError("from_pt and from_flax are both set; the weights can be of one framework only")
        where = take_options(kwargs)
        if not isinstance(config, BertConfig):
            source = pretrained_model_name_or_path if config is None else config
            config, kwargs = BertConfig.from_pretrained(source, return_unused_kwargs=True, **where, **kwargs)
            config.name_or_path = str(pretrained_model_name_or_path)
        state = weights.read(pretrained_model_name_or_path, where, "pt" if from_pt else "flax" if from_flax else None)
        model = cls(config, *model_args, **kwargs)
        model.loading_report = weights.load(model, state, ignore_mismatched_sizes)
        return (model, model.loading_report) if output_loading_info else model

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        saved_model: bool = False,
        *,
        max_shard_size: int | str = "10GB",
        safe_serialization: bool = False,
        push_to_hub: bool = False,
    ) -> None:
        """Write configuration and weights into a folder, which `from_pretrained`, the torch family's and TensorFlow's
        own read.

        Args:
            save_directory: the folder; made when it does not exist.
            saved_model: TensorFlow's SavedModel is not written.
            max_shard_size: above which the weights are split into several files.
            safe_serialization: write `model.safetensors` with TensorFlow's names instead of `tf_model.h5`.
            push_to_hub: nothing is sent anywhere.

        Raises:
            ValueError: for what is not written, and when the folder is a file.
        """
        if saved_model:
            raise ValueError("saved_model=True writes a SavedModel, which only TensorFlow does; see Keras's export")
        if push_to_hub:
            raise ValueError("push_to_hub=True: bertlab sends nothing to the Hub; upload the folder with its own tools")
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"{folder} is a file; give the folder to save into")
        config = BertConfig.from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__.removeprefix("TF")]
        config.save_pretrained(folder)
        weights.write(self, folder, "tf" if safe_serialization else "h5", max_shard_size)

    # -- Keras -----------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The configuration, from which `from_config` builds the same model; weights are saved beside it."""
        return self.config.to_dict()

    @classmethod
    def from_config(cls, config: Any, **kwargs: Any) -> Any:
        """A new model from a configuration or its dictionary."""
        if isinstance(config, BertConfig):
            return cls(config, **kwargs)
        own = {name: config.pop(name) for name in ("name", "trainable", "dtype") if name in config}
        return cls(BertConfig.from_dict(config), **{**own, **kwargs})

    def compile(self, optimizer: Any = "rmsprop", loss: Any = "auto_with_warning", **kwargs: Any) -> None:
        """As `keras.Model.compile`; without a `loss` the model's own is used, with None there is none."""
        own = isinstance(loss, str) and loss in fitting.OWN_LOSS
        super().compile(optimizer=optimizer, loss=None if own else loss, **kwargs)
        self.uses_own_loss = own
        if own and self.loss_is_mean:
            # Past Keras's tracking, as its own tracker is: a metric is no part of the model.
            object.__setattr__(self, "_loss_tracker", fitting.MeanOfBatches(name="loss"))

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, for saving."""
        config = super().get_compile_config()
        return {**config, "loss": "auto"} if config and self.uses_own_loss else config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was, its optimizer ready to take on the saved state."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.fit`; labels are y, or stand among the inputs."""
        return super().fit(fitting.plain(x), fitting.plain(y), *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`; labels are y, or stand among the inputs."""
        return super().evaluate(fitting.plain(x), fitting.plain(y), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`; the answer is the model's output with numpy's arrays in it."""
        found = super().predict(fitting.plain(x), *args, **kwargs)
        return self.output_class(**found) if isinstance(found, dict) else found

    def predict_on_batch(self, x: Any) -> Any:
        """As `keras.Model.predict_on_batch`; the answer is the model's output with numpy's arrays in it."""
        found = super().predict_on_batch(fitting.plain(x))
        return self.output_class(**found) if isinstance(found, dict) else found

    def train_step(self, *state_and_data: Any) -> Any:
        """One step: the labels go where the loss looks for them. (On JAX the state comes before the data.)"""
        *state, data = state_and_data
        return super().train_step(*state, fitting.with_labels_inside(self, data))

    def test_step(self, *state_and_data: Any) -> Any:
        """The same without learning."""
        *state, data = state_and_data
        return super().test_step(*state, fitting.with_labels_inside(self, data))

    def predict_step(self, *state_and_data: Any) -> Any:
        """The outputs as a plain dictionary, whose parts Keras puts together from all batches."""
        found = super().predict_step(*state_and_data)
        if isinstance(found, tuple) and len(state_and_data) == 2:  # on JAX: the outputs, the state
            outputs, state = found
            return (dict(outputs) if isinstance(outputs, Mapping) else outputs), state
        return dict(found) if isinstance(found, Mapping) else found

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The model's own loss, or the compiled one of the labels and the output that they are for."""
        if self.uses_own_loss:
            loss = fitting.own_loss(y_pred.loss, sample_weight)
            for other in self.losses:
                loss = loss + ops.sum(other)
            return loss
        y, y_pred = fitting.matched(self, x, y, y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The metrics, of the labels and the output that they are for."""
        y, y_pred = fitting.matched(self, x, y, y_pred)
        return super().compute_metrics(x, y, y_pred, sample_weight)
