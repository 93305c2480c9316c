"""Trees of parameters: drawn at the start, and made from or into the tensors of a checkpoint.

A tree is nested dictionaries with JAX arrays as leaves, laid out as Flax laid out BERT's:
`params["bert"]["encoder"]["layer"]["0"]["attention"]["self"]["query"]["kernel"]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import torch

from bertlab.files import foreign_name, own_name
from bertlab.model import BertConfig

Tree = dict[str, Any]
Path = tuple[str, ...]


def initial_params(rng: jax.Array, config: BertConfig, pooled: bool, parts: tuple[str, ...]) -> Tree:
    """Draw all parameters: normal with `initializer_range`, but the heads' own kernels by LeCun's rule, as in Flax.

    Args:
        rng: JAX's key.
        config: the shape of the model.
        pooled: whether there is a pooler.
        parts: of the head, none for the bare model: predictions, seq_relationship, classifier_N, qa_outputs_N.
    """
    draws = iter(jax.random.split(rng, 16 * (config.num_hidden_layers + 2)))
    normal, lecun = jax.nn.initializers.normal(config.initializer_range), jax.nn.initializers.lecun_normal()
    hidden, inner = config.hidden_size, config.intermediate_size

    def table(rows: int) -> Tree:
        return {"embedding": normal(next(draws), (rows, hidden))}

    def linear(size: int, features: int, draw: Any = normal) -> Tree:
        return {"kernel": draw(next(draws), (size, features)), "bias": jnp.zeros(features)}

    def norm() -> Tree:
        return {"scale": jnp.ones(hidden), "bias": jnp.zeros(hidden)}

    def attention() -> Tree:
        heads = {name: linear(hidden, hidden) for name in ("query", "key", "value")}
        return {"self": heads, "output": {"dense": linear(hidden, hidden), "LayerNorm": norm()}}

    def layer() -> Tree:
        crossing = {"crossattention": attention()} if config.add_cross_attention else {}
        output = {"dense": linear(inner, hidden), "LayerNorm": norm()}
        return {
            "attention": attention(),
            **crossing,
            "intermediate": {"dense": linear(hidden, inner)},
            "output": output,
        }

    bert = {
        "embeddings": {
            "word_embeddings": table(config.vocab_size),
            "position_embeddings": table(config.max_position_embeddings),
            "token_type_embeddings": table(config.type_vocab_size),
            "LayerNorm": norm(),
        },
        "encoder": {"layer": {str(i): layer() for i in range(config.num_hidden_layers)}},
    }
    if pooled:
        bert["pooler"] = {"dense": linear(hidden, hidden)}
    if not parts:
        return bert
    tree: Tree = {"bert": bert}
    if "predictions" in parts:
        transform = {"dense": linear(hidden, hidden, lecun), "LayerNorm": norm()}
        tree["cls"] = {"predictions": {"transform": transform, "bias": jnp.zeros(config.vocab_size)}}
        if not config.tie_word_embeddings:
            tree["cls"]["predictions"]["decoder"] = {"kernel": lecun(next(draws), (hidden, config.vocab_size))}
    if "seq_relationship" in parts:
        tree.setdefault("cls", {})["seq_relationship"] = linear(hidden, 2, lecun)
    if "classifier" in parts:
        tree["classifier"] = linear(hidden, config.num_labels, lecun)
    if "choice" in parts:
        tree["classifier"] = linear(hidden, 1, lecun)
    if "qa_outputs" in parts:
        tree["qa_outputs"] = linear(hidden, config.num_labels, lecun)
    return tree


def flat(tree: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, leaf) for every leaf, in the order of the tree."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, (*path, name))
        else:
            yield (*path, name), value


def nested(leaves: Mapping[Path, Any]) -> Tree:
    """The tree with these leaves."""
    tree: Tree = {}
    for (*branches, last), value in leaves.items():
        place = tree
        for branch in branches:
            place = place.setdefault(branch, {})
        place[last] = value
    return tree


def from_tensors(state: Mapping[str, torch.Tensor], bare: bool) -> tuple[dict[Path, jax.Array], list[str]]:
    """A checkpoint with the own names -> (leaves by path, the names that Flax has no place for).

    Args:
        state: tensors by name; those of the bare model may lack its prefix.
        bare: leave the prefix `bert` away.
    """
    leaves, unknown = {}, []
    for name, tensor in state.items():
        found = foreign_name(name, "Flax") or foreign_name(f"bert.{name}", "Flax")
        if found is None:
            unknown.append(name)
            continue
        path = tuple(found[0].split("/"))
        if bare and path[0] != "bert":
            unknown.append(name)
        else:
            leaves[path[1:] if bare else path] = _as_array(tensor.t() if found[1] else tensor)
    return leaves, unknown


def into_tensors(tree: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The other way: a tree, with `bert` or bare -> tensors with the own names.

    Raises:
        ValueError: for a leaf that is none of BERT's.
    """
    state = {}
    for path, value in flat(tree):
        found = own_name("/".join(path), "Flax")
        if found is None:
            raise ValueError(f"the parameter {'/'.join(path)} is none of a BERT's; save it yourself, beside the model")
        array = np.asarray(value)
        is_bfloat16 = array.dtype == ml_dtypes.bfloat16
        tensor = torch.from_numpy(np.array(array.view(np.int16) if is_bfloat16 else array))
        tensor = tensor.view(torch.bfloat16) if is_bfloat16 else tensor
        state[found[0]] = tensor.t() if found[1] else tensor
    return state


def _as_array(tensor: torch.Tensor) -> jax.Array:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:  # which numpy knows only through ml_dtypes
        return jnp.array(tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16))
    return jnp.array(tensor.numpy())
