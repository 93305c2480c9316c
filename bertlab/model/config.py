"""BertConfig: the numbers that describe a BERT, and their JSON."""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertlab.files import CONFIG_FILES, read_json, resolve, take_options, write_whole
from bertlab.numbers import as_whole, is_number, is_whole, plain

POSITION_EMBEDDING_TYPES = ("absolute", "relative_key", "relative_key_query")
MOST_PARAMETERS = 10**11
MOST_LAYERS, MOST_LABELS = 1000, 1_000_000  # beyond them a file is broken, and building would take forever
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")

# Fields that every published checkpoint's config may carry beside those of BERT itself, with the documented defaults.
COMMON_DEFAULTS: dict[str, Any] = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "torchscript": False,
    "torch_dtype": None,
    "use_bfloat16": False,
    "tf_legacy_loss": False,
    "pruned_heads": {},
    "tie_word_embeddings": True,
    "is_encoder_decoder": False,
    "is_decoder": False,
    "cross_attention_hidden_size": None,
    "add_cross_attention": False,
    "tie_encoder_decoder": False,
    "chunk_size_feed_forward": 0,
    "architectures": None,
    "finetuning_task": None,
    "tokenizer_class": None,
    "prefix": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "sep_token_id": None,
    "decoder_start_token_id": None,
    "task_specific_params": None,
    "problem_type": None,
}


class BertConfig:
    """Describes a BERT (Devlin et al. 2019, section 3); the defaults are those of `bert-base-uncased`.

    The documented fields are keyword arguments. Any other keyword becomes an attribute too, so that what a
    published `config.json` carries survives a round trip. `num_labels` is a view of `id2label`.

    Raises:
        ValueError: for a `problem_type` that does not exist, or an `id2label` that is not keyed by numbers.
    """

    model_type = "bert"

    # COMMON_DEFAULTS, as far as a BERT goes by them.
    return_dict: bool
    output_hidden_states: bool
    output_attentions: bool
    torchscript: bool
    torch_dtype: Any
    pruned_heads: dict[int, list[int]]
    tie_word_embeddings: bool
    is_decoder: bool
    add_cross_attention: bool
    chunk_size_feed_forward: int
    architectures: list[str] | None
    problem_type: str | None

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: Any = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **kwargs: Any,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.pad_token_id = pad_token_id
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache
        self.classifier_dropout = classifier_dropout

        kwargs.pop("model_type", None)
        kwargs.pop("transformers_version", None)
        dtype = kwargs.pop("dtype", None)  # the newer spelling of torch_dtype
        self._name_or_path = str(kwargs.pop("_name_or_path", "") or kwargs.pop("name_or_path", ""))
        id2label, label2id = kwargs.pop("id2label", None), kwargs.pop("label2id", None)
        num_labels = kwargs.pop("num_labels", None)
        for name, default in COMMON_DEFAULTS.items():
            setattr(self, name, kwargs.pop(name, copy.copy(default)))
        for name, value in kwargs.items():
            _check_name(name)
            setattr(self, name, value)

        if self.torch_dtype is None:
            self.torch_dtype = dtype
        self.torch_dtype = _as_torch_dtype(self.torch_dtype)
        if self.problem_type is not None and self.problem_type not in PROBLEM_TYPES:
            raise ValueError(f"problem_type is {self.problem_type!r}; allowed are {', '.join(PROBLEM_TYPES)}, or None")
        self.pruned_heads = _pruned_heads(self.pruned_heads)
        if id2label is not None:
            self.id2label = _keyed_by_number(id2label)
            self.label2id = _agreeing(label2id, self.id2label)
            if num_labels is not None and num_labels != len(self.id2label):
                raise ValueError(
                    f"num_labels is {num_labels} but id2label names {len(self.id2label)} labels; give one of them"
                )
        else:
            self.num_labels = 2 if num_labels is None else num_labels
            if label2id is not None:
                self.label2id = {str(name): int(number) for name, number in dict(label2id).items()}

    def __setattr__(self, name: str, value: Any) -> None:
        """numpy's numbers are kept as Python's, so that they can be saved."""
        super().__setattr__(name, plain(value) if type(value).__module__ == "numpy" else value)

    @property
    def num_labels(self) -> int:
        """How many labels a classification head tells apart; setting it names them LABEL_0, LABEL_1, ..."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, number: int) -> None:
        given, number = number, as_whole(number)
        if number is None or not 0 <= number <= MOST_LABELS:
            raise ValueError(f"num_labels is {given!r}; it must be a whole number from 0 to {MOST_LABELS}")
        if getattr(self, "id2label", None) is None or len(self.id2label) != number:
            self.id2label = {i: f"LABEL_{i}" for i in range(number)}
            self.label2id = {name: i for i, name in self.id2label.items()}

    @property
    def use_return_dict(self) -> bool:
        """Whether models answer with named outputs by default."""
        return self.return_dict and not self.torchscript

    @property
    def name_or_path(self) -> str:
        """Where the configuration came from: a folder, or a name on the Hub."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str) -> None:
        self._name_or_path = str(value)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several fields at once."""
        for name, value in values.items():
            setattr(self, name, value)

    def check(self) -> None:
        """Say what makes a model with this configuration impossible.

        Raises:
            ValueError: naming the field, its value and what is allowed.
        """
        for name in (
            "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "max_position_embeddings",
            "type_vocab_size",
        ):  # fmt: skip
            value = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise ValueError(f"{name} is {value!r}; it must be a whole number of at least 1")
        if not is_whole(self.num_hidden_layers) or not 0 <= self.num_hidden_layers <= MOST_LAYERS:
            raise ValueError(
                f"num_hidden_layers is {self.num_hidden_layers!r}; it must be a whole number from 0 to {MOST_LAYERS}"
            )
        if not is_whole(self.chunk_size_feed_forward) or self.chunk_size_feed_forward < 0:
            raise ValueError(
                f"chunk_size_feed_forward is {self.chunk_size_feed_forward!r}; it must be a whole number, 0 for none"
            )
        if self.hidden_size % self.num_attention_heads and not hasattr(self, "embedding_size"):
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}; "
                "every head gets an equal share of the hidden vector, so choose numbers that divide"
            )
        if self.position_embedding_type not in POSITION_EMBEDDING_TYPES:
            raise ValueError(
                f"position_embedding_type is {self.position_embedding_type!r}; "
                f"allowed are {', '.join(POSITION_EMBEDDING_TYPES)}"
            )
        if self.pad_token_id is not None:
            if not is_whole(self.pad_token_id) or not -self.vocab_size <= self.pad_token_id < self.vocab_size:
                raise ValueError(f"pad_token_id is {self.pad_token_id!r}, outside the vocabulary of {self.vocab_size}")
        for name in ("initializer_range", "layer_norm_eps"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                raise ValueError(f"{name} is {value!r}; it must be a number, 0 or more")
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"):
            value = getattr(self, name)
            if name == "classifier_dropout" and value is None:
                continue
            if not is_number(value) or not 0 <= value <= 1:
                raise ValueError(f"{name} is {value!r}; a probability lies between 0 and 1")

        if self._about_how_many_parameters() > MOST_PARAMETERS:
            sizes = ("vocab_size", "hidden_size", "intermediate_size", "max_position_embeddings", "type_vocab_size")
            name = max(sizes, key=lambda size: getattr(self, size))
            raise ValueError(
                f"{name} is {_shown(getattr(self, name))}, and the model would have more than {MOST_PARAMETERS:.0e} "
                "parameters; one of the sizes in the configuration is wrong"
            )

    def _about_how_many_parameters(self) -> int:
        """Embeddings and layers, without biases and heads."""
        embeddings = self.vocab_size + self.max_position_embeddings + self.type_vocab_size
        layer = 4 * self.hidden_size + 2 * self.intermediate_size
        return self.hidden_size * (embeddings + self.num_hidden_layers * layer)

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain Python values, ready for JSON but for `id2label`'s numeric keys."""
        values = copy.deepcopy({name: value for name, value in vars(self).items() if name != "torch_dtype"})
        values = plain(values)
        values["torch_dtype"] = _dtype_name(self.torch_dtype)
        values["model_type"] = self.model_type
        return values

    def to_diff_dict(self) -> dict[str, Any]:
        """Only BERT's own fields and those that differ from their default: what `save_pretrained` writes."""
        default = BertConfig().to_dict()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in default
            or value != default[name]
            or (name not in COMMON_DEFAULTS and name not in ("id2label", "label2id", "_name_or_path"))
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        """The configuration as JSON text; a callable activation cannot be written and raises TypeError."""
        values = self.to_diff_dict() if use_diff else self.to_dict()
        if not isinstance(values["hidden_act"], str):
            raise TypeError("hidden_act is a function, which JSON cannot hold; name the activation before saving")
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    def to_json_file(self, path: str | os.PathLike, use_diff: bool = True) -> None:
        """Write `to_json_string` to a file."""
        write_whole(path, self.to_json_string(use_diff))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], return_unused_kwargs: bool = False, **overrides: Any):
        """Build from plain values; keyword arguments win over them.

        With `return_unused_kwargs` the answer is `(config, keywords that name no field)`.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"a configuration is a mapping of field names to values, not a {type(values).__name__}")
        id2label, number = values.get("id2label"), values.get("num_labels")
        if id2label is not None and number is not None:  # old training scripts left both in a config.json
            if len(_keyed_by_number(id2label)) != number:
                warnings.warn(
                    f"num_labels is {number} but id2label names {len(id2label)} labels; id2label counts", stacklevel=2
                )
            values = {name: value for name, value in values.items() if name != "num_labels"}
        config = cls(**values)
        unused = {}
        for name, value in overrides.items():
            if name in ("id2label",):
                config.id2label = _keyed_by_number(value)
                config.label2id = _agreeing(overrides.get("label2id"), config.id2label)
                number = overrides.get("num_labels", len(config.id2label))
                if number != len(config.id2label):
                    raise ValueError(
                        f"num_labels is {number} but id2label names {len(config.id2label)} labels; give one of them"
                    )
            elif hasattr(config, name) or not return_unused_kwargs:
                if name == "torch_dtype":
                    value = _as_torch_dtype(value)
                if name == "pruned_heads":
                    value = _pruned_heads(value)
                if name not in ("num_labels", "name_or_path"):
                    _check_name(name)
                setattr(config, name, value)
            else:
                unused[name] = value
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def from_json_file(cls, path: str | os.PathLike) -> BertConfig:
        """Read a `config.json`."""
        return cls.from_dict(read_json(path))

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, return_unused_kwargs: bool = False, **kwargs: Any
    ):
        """Read the configuration of a folder, a `config.json`, the shipped model or a name on the Hub.

        A folder of TensorFlow 1 has a `bert_config.json` in its place.

        Keyword arguments that `resolve` knows (`revision`, `cache_dir`, `token`, ...) say where to look, all
        others override fields.

        Raises:
            OSError: when there is no such folder, file or name.
            ValueError: when the file is not JSON, or describes a model that is not a BERT.
        """
        where = take_options(kwargs)
        path = Path(pretrained_model_name_or_path).expanduser()
        if not path.is_file():
            folder = resolve(pretrained_model_name_or_path, files="config", **where)
            paths = [folder / name for name in CONFIG_FILES]
            path = next((path for path in paths if path.is_file()), paths[0])
        if not path.is_file():
            raise OSError(f"{path.parent} holds no config.json; a model folder needs one beside its weights")
        values = read_json(path)
        model_type = values.get("model_type", "bert")
        if model_type != "bert":
            raise ValueError(f"{path} describes a model of type {model_type!r}; bertlab reads BERT models ('bert')")
        values["_name_or_path"] = str(pretrained_model_name_or_path)
        return cls.from_dict(values, return_unused_kwargs=return_unused_kwargs, **kwargs)

    def save_pretrained(self, save_directory: str | os.PathLike) -> None:
        """Write `config.json` into a folder, which is made when it does not exist."""
        text = self.to_json_string()
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "config.json", text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BertConfig) and self.to_dict() == other.to_dict()

    __hash__ = None

    def __repr__(self) -> str:
        values = {name: value if _is_json(value) else repr(value) for name, value in self.to_diff_dict().items()}
        return f"{type(self).__name__} {json.dumps(values, indent=2, sort_keys=True)}"


def _check_name(name: str) -> None:
    """Refuse a field whose name is that of a method, which it would replace."""
    if hasattr(BertConfig, name):
        raise ValueError(f"{name!r} is a method of BertConfig and cannot be a field; remove it from config.json")


def _keyed_by_number(id2label: Mapping[Any, Any]) -> dict[int, str]:
    """Labels by their number; names that are no texts become such, and null the usual LABEL_0, LABEL_1, ..."""
    try:
        named = {int(number): label for number, label in id2label.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"id2label maps numbers to names, like {{0: 'negative'}}; given was {id2label!r}") from error
    return {number: f"LABEL_{number}" if label is None else str(label) for number, label in named.items()}


def _agreeing(label2id: Mapping[Any, Any] | None, id2label: Mapping[int, str]) -> dict[str, int]:
    """`label2id` where it says the same as `id2label`; else what follows from that, with a warning."""
    follows = {label: number for number, label in id2label.items()}
    if len(follows) < len(id2label):
        twice = next(label for number, label in id2label.items() if follows[label] != number)
        warnings.warn(
            f"id2label gives the name {twice!r} to several labels, which names cannot tell apart", stacklevel=3
        )
    if not label2id:
        return follows
    try:
        given = {str(label): int(number) for label, number in label2id.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"label2id maps names to numbers, like {{'negative': 0}}; given was {label2id!r}") from error
    if any(given.get(label) != number for label, number in follows.items()):
        usual = all(label == f"LABEL_{number}" for label, number in given.items())
        if not usual:
            warnings.warn(
                f"label2id {_short(given)} contradicts id2label {_short(dict(id2label))}; id2label counts",
                stacklevel=3,
            )
        return follows
    return given


def _shown(number: int) -> str:
    return str(number) if number < 10**18 else "a number of more than 18 digits"


def _short(labels: Mapping[Any, Any]) -> str:
    text = str(labels)
    return text if len(text) <= 120 else text[:120] + "...}"


def _pruned_heads(heads: Mapping[Any, Any] | None) -> dict[int, list[int]]:
    try:
        return {int(layer): [int(head) for head in of_layer] for layer, of_layer in (heads or {}).items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"pruned_heads maps layers to heads, like {{2: [0, 3]}}; given was {heads!r}") from error


def _as_torch_dtype(value: Any) -> Any:
    """'float16' and 'torch.float16' -> torch.float16; anything else stays."""
    if value is None or value == "auto":
        return value
    import torch

    dtype = getattr(torch, value.removeprefix("torch."), None) if isinstance(value, str) else value
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"torch_dtype is {value!r}; give the name of a torch type such as 'float32' or 'bfloat16'")
    return dtype


def _dtype_name(dtype: Any) -> str | None:
    return None if dtype is None else str(dtype).removeprefix("torch.")


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list, tuple, dict))
