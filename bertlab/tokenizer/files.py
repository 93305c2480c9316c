"""Reading and writing a tokenizer's files: vocab.txt, tokenizer.json, tokenizer_config.json and their kin."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bertlab.files import read_json, write_whole
from bertlab.tokenizer.tokens import SPECIAL_NAMES, AddedToken


def read_vocabulary(source: str | os.PathLike | Mapping[str, int], unk_token: str = "[UNK]") -> dict[str, int]:
    """The tokens and ids of a vocab.txt (a token a line, its number the id), of a tokenizer.json, or of a mapping.

    Lines end at line feeds only and are not stripped: a blank or an unusual line separator can be a token.
    Raises FileNotFoundError, or ValueError for a file that is not UTF-8, repeats a token or lacks `unk_token`.
    """
    if isinstance(source, Mapping):
        vocabulary = dict(source)
        place = "The vocabulary"
        _check_ids(vocabulary, place)
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        place = repr(str(path))
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no vocabulary file {place}; give the path of a vocab.txt, or load a tokenizer by name or "
                "folder with from_pretrained."
            )
        if path.suffix == ".json":
            vocabulary = vocabulary_of_json(path)
        else:
            vocabulary = _read_lines(path)
    else:
        raise TypeError(f"A vocabulary is a path or a mapping from tokens to ids, not {type(source).__name__}.")
    if unk_token not in vocabulary:
        raise ValueError(
            f"{place} has no {unk_token!r} among its {len(vocabulary)} tokens, so unknown words would have no id; "
            "add it, or name the vocabulary's own with unk_token=..."
        )
    return vocabulary


def _read_lines(path: Path) -> dict[str, int]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The vocabulary {str(path)!r} is not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8, "
            "or check that it is the right file."
        ) from None
    if text.startswith("\ufeff"):
        raise ValueError(
            f"The vocabulary {str(path)!r} begins with a byte order mark, which would be part of its first token; "
            "save it as UTF-8 without one."
        )
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    vocabulary: dict[str, int] = {}
    for number, token in enumerate(lines):
        if token in vocabulary:
            raise ValueError(
                f"The vocabulary {str(path)!r} has {token!r} twice, in lines {vocabulary[token] + 1} and {number + 1}; "
                "every token needs one id, so remove or rename one of them."
            )
        vocabulary[token] = number
    return vocabulary


def vocabulary_of_json(path: Path) -> dict[str, int]:
    """The WordPiece vocabulary of a tokenizer.json."""
    model = read_json(path).get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict) or "merges" in model:
        kind = model.get("type") if isinstance(model, dict) else None
        raise ValueError(
            f"{str(path)!r} holds no WordPiece vocabulary (its model is {kind!r}); BERT's tokenizers need one."
        )
    _check_ids(model["vocab"], repr(str(path)))
    return model["vocab"]


def _check_ids(vocabulary: Mapping[str, int], place: str) -> None:
    for token, token_id in vocabulary.items():
        if not isinstance(token, str) or type(token_id) is not int or token_id < 0:
            raise ValueError(f"{place} maps {token!r} to {token_id!r}; it must map strings to ids from 0 on.")
    if len(set(vocabulary.values())) < len(vocabulary):
        raise ValueError(f"{place} gives one id to two tokens; every token needs its own.")


def read_arguments(folder: Path, options: dict[str, Any], fast: bool) -> dict[str, Any]:
    """The arguments for a tokenizer's constructor from the files of a folder; `options` go before them.

    Added tokens come from `added_tokens_decoder` in tokenizer_config.json or, in older and newer folders that
    lack it, from special_tokens_map.json, added_tokens.json and tokenizer.json.
    """
    vocab_file, tokenizer_file = folder / "vocab.txt", folder / "tokenizer.json"
    if not vocab_file.is_file() and not tokenizer_file.is_file():
        raise FileNotFoundError(
            f"{str(folder)!r} holds no tokenizer: it has neither vocab.txt nor tokenizer.json; save one there with "
            "tokenizer.save_pretrained, or load the tokenizer from the folder of the model it belongs to."
        )
    config_file = folder / "tokenizer_config.json"
    arguments = read_json(config_file) if config_file.is_file() else {}
    # "tokenizer_class" and "backend" name the writer's own classes
    for name in ("tokenizer_class", "init_inputs", "vocab_file", "tokenizer_file", "name_or_path", "backend"):
        arguments.pop(name, None)
    further_special = arguments.pop("extra_special_tokens", None)
    if further_special and not arguments.get("additional_special_tokens"):
        values = further_special.values() if isinstance(further_special, dict) else further_special
        arguments["additional_special_tokens"] = list(values)
    added: dict[int, AddedToken] = {}
    saved_added = arguments.pop("added_tokens_decoder", None)
    special = {name: value for name, value in arguments.items() if name in SPECIAL_NAMES}
    if saved_added is not None:
        added = _added_tokens(saved_added, config_file)
    else:
        arguments |= _special_tokens_map(folder, options, arguments)
        added |= _legacy_added_tokens(folder, [*special.values(), *arguments.values()])
        if tokenizer_file.is_file():
            added |= _added_tokens_of_json(tokenizer_file)
    arguments |= options
    by_content = {token.content: token for token in added.values()}
    for name in SPECIAL_NAMES:
        if name in arguments and arguments[name] is not None:
            token = saved_to_token(arguments[name], config_file)
            arguments[name] = by_content.get(str(token), token)
    if arguments.get("additional_special_tokens"):
        tokens = arguments["additional_special_tokens"]
        arguments["additional_special_tokens"] = [saved_to_token(token, config_file) for token in tokens]
    arguments["added_tokens_decoder"] = added
    if fast and tokenizer_file.is_file() and not arguments.pop("from_slow", False):
        arguments["tokenizer_file"] = tokenizer_file
    elif vocab_file.is_file():
        arguments["vocab_file"] = vocab_file
    else:
        arguments["vocab_file"] = tokenizer_file
        arguments = _normalizer_options(tokenizer_file) | arguments
    arguments.pop("from_slow", None)
    return arguments


def _special_tokens_map(folder: Path, options: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    path = folder / "special_tokens_map.json"
    if not path.is_file():
        return {}
    found: dict[str, Any] = {}
    for name, value in read_json(path).items():
        if options.get(name):
            continue
        if isinstance(value, dict):
            value = saved_to_token(value | {"special": True}, path)
        elif name == "additional_special_tokens" and isinstance(value, list):
            present = list(arguments.get(name) or [])
            names = [str(saved_to_token(token, path)) for token in present]
            for token in value:
                token = saved_to_token(token | {"special": True} if isinstance(token, dict) else token, path)
                if str(token) not in names:
                    present.append(token)
            value = present
        found[name] = value
    return found


def _legacy_added_tokens(folder: Path, specials: Iterable[Any]) -> dict[int, AddedToken]:
    path = folder / "added_tokens.json"
    if not path.is_file():
        return {}
    special_contents = set()
    for value in specials:
        for token in value if isinstance(value, list) else [value]:
            special_contents.add(token.get("content") if isinstance(token, dict) else str(token))
    tokens = read_json(path)
    _check_ids(tokens, repr(str(path)))
    return {token_id: AddedToken(content, special=content in special_contents) for content, token_id in tokens.items()}


def _added_tokens_of_json(path: Path) -> dict[int, AddedToken]:
    entries = read_json(path).get("added_tokens") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"In {str(path)!r}, added_tokens is not a list of tokens; the file is damaged.")
    return _added_tokens({entry.get("id"): entry for entry in entries}, path)


def _added_tokens(saved: Any, path: Path) -> dict[int, AddedToken]:
    if not isinstance(saved, Mapping):
        raise ValueError(f"In {str(path)!r}, added_tokens_decoder does not map ids to tokens; the file is damaged.")
    added = {}
    for token_id, token in saved.items():
        if not str(token_id).isdecimal():
            raise ValueError(f"In {str(path)!r}, an added token has the id {token_id!r}; ids are whole numbers.")
        token = saved_to_token(token, path)
        added[int(token_id)] = AddedToken(token) if isinstance(token, str) else token
    return added


def _normalizer_options(path: Path) -> dict[str, Any]:
    """How a tokenizer.json says to treat the text, for the readable tokenizer of a folder without vocab.txt."""
    normalizer = read_json(path).get("normalizer")
    if not isinstance(normalizer, dict) or normalizer.get("type") != "BertNormalizer":
        return {}
    names = {
        "lowercase": "do_lower_case",
        "handle_chinese_chars": "tokenize_chinese_chars",
        "strip_accents": "strip_accents",
        "clean_text": "clean_text",
    }
    return {ours: normalizer[theirs] for theirs, ours in names.items() if theirs in normalizer}


def saved_to_token(value: Any, path: Path) -> str | AddedToken:
    """A special token as a file has it: a string, or a mapping with its content and options."""
    if isinstance(value, dict):
        if not isinstance(value.get("content"), str):
            raise ValueError(f"In {str(path)!r}, a token has no content: {value}; the file is damaged.")
        names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
        return AddedToken(**{name: value[name] for name in names if name in value})
    if isinstance(value, str) or hasattr(value, "content"):
        return value
    raise ValueError(f"In {str(path)!r}, {value!r} stands where a token should; the file is damaged.")


def token_to_saved(value: Any) -> Any:
    """The other way round, for special_tokens_map.json."""
    if isinstance(value, list):
        return [token_to_saved(token) for token in value]
    if isinstance(value, str):
        return value
    names = ("content", "lstrip", "normalized", "rstrip", "single_word")
    return {name: getattr(value, name) for name in names}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, sorted and readable, whole or not at all."""
    write_whole(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def checked_prefix(filename_prefix: str | None) -> str:
    """The prefix of file names with its dash; ValueError if it would lead out of the folder."""
    if not filename_prefix:
        return ""
    if Path(filename_prefix).name != filename_prefix or "\\" in filename_prefix:
        raise ValueError(f"{filename_prefix!r} is no prefix of a file name: it holds a folder.")
    return filename_prefix + "-"
