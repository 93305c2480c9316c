"""Reading and writing a tokenizer's files: vocab.txt, tokenizer.json, tokenizer_config.json and their kin."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bertlab.files import read_json, write_whole
from bertlab.tokenizer.classes import cuts_as_bert, warn_of_class
from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD
from bertlab.tokenizer.pipeline import most_characters, normalizer_options, unusual_steps
from bertlab.tokenizer.tokens import SPECIAL_NAMES, AddedToken
from bertlab.tokenizer.vocabulary import check_ids, vocabulary_of_json

# What tokenizer_config.json may say of how a text is treated, and what kinds of values these are.
_SWITCHES = ("do_lower_case", "tokenize_chinese_chars", "strip_accents", "do_basic_tokenize", "clean_text")


def read_arguments(folder: Path, options: dict[str, Any], fast: bool) -> dict[str, Any]:
    """The arguments for a tokenizer's constructor from the files of a folder; `options` go before them.

    How a text is treated is said by `options`, else by tokenizer_config.json, else by tokenizer.json. Added tokens
    come from `added_tokens_decoder` in tokenizer_config.json or, in older and newer folders that lack it, from
    special_tokens_map.json, added_tokens.json and tokenizer.json.
    """
    vocab_file, tokenizer_file = folder / "vocab.txt", folder / "tokenizer.json"
    if not vocab_file.is_file() and not tokenizer_file.is_file():
        raise FileNotFoundError(
            f"{str(folder)!r} holds no tokenizer: it has neither vocab.txt nor tokenizer.json; save one there with "
            "tokenizer.save_pretrained, or load the tokenizer from the folder of the model it belongs to."
            + _hint(folder)
        )
    config_file = folder / "tokenizer_config.json"
    arguments = read_json(config_file) if config_file.is_file() else {}
    _check_config(arguments, config_file)
    kind = warn_of_class(folder, arguments)
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
        if isinstance(tokens, (str, dict)) or not isinstance(tokens, Iterable):
            raise ValueError(f"in {str(config_file)!r}, additional_special_tokens is no list of tokens: {tokens!r}")
        arguments["additional_special_tokens"] = [saved_to_token(token, config_file) for token in tokens]
    arguments["added_tokens_decoder"] = added
    from_slow = arguments.pop("from_slow", False)
    arguments = _with_pipeline(folder, arguments, options, fast and not from_slow, kind)
    if "do_lower_case" not in arguments and "vocab_file" in arguments:
        if not cuts_as_bert(kind):
            arguments["do_lower_case"] = False  # the other classes keep the case, unless they say otherwise
        elif arguments["vocab_file"] == vocab_file:
            _warn_of_capitals(vocab_file)
    return arguments


def arguments_of_file(path: Path, options: dict[str, Any], fast: bool) -> dict[str, Any]:
    """The arguments for a tokenizer's constructor from one file, a vocab.txt or a tokenizer.json."""
    if path.suffix != ".json":
        return {"vocab_file": path} | options
    pipeline = read_json(path)
    vocabulary_of_json(path)  # says what is wrong with it
    if fast:
        return {"tokenizer_file": path} | options
    unusual = unusual_steps(pipeline)
    if unusual:
        raise ValueError(
            _said_of(path, unusual) + "; the readable BertTokenizer cannot follow it, use BertTokenizerFast"
        )
    length = {"max_input_chars_per_word": most_characters(pipeline)}
    return {"vocab_file": path} | normalizer_options(pipeline) | length | options


def _said_of(path: Path, unusual: list[str]) -> str:
    return f"{str(path)!r} does not cut texts as BERT's tokenizer: {' and '.join(unusual)}"


def _with_pipeline(
    folder: Path, arguments: dict[str, Any], options: Mapping[str, Any], from_json: bool, kind: str | None
) -> dict[str, Any]:
    """The arguments with the file that the vocabulary is read from, and what tokenizer.json says of the text."""
    vocab_file, tokenizer_file = folder / "vocab.txt", folder / "tokenizer.json"
    if not tokenizer_file.is_file():
        return arguments | {"vocab_file": vocab_file}
    pipeline = read_json(tokenizer_file)
    unusual = unusual_steps(pipeline)
    if kind is not None and kind.startswith("PreTrainedTokenizer"):  # a special token that nobody names is none
        vocabulary = vocabulary_of_json(tokenizer_file)
        unnamed = [name for name in ("sep_token", "pad_token", "cls_token", "mask_token") if name not in arguments]
        arguments |= {name: None for name in unnamed if f"[{name[:-6].upper()}]" not in vocabulary}
    if from_json:
        switched = [name for name in _SWITCHES if name in options]
        if unusual and switched:
            warnings.warn(
                f"{', '.join(switched)} {'has' if len(switched) == 1 else 'have'} no effect with "
                f"{str(tokenizer_file)!r}, for {' and '.join(unusual)}",
                stacklevel=4,
            )
        return arguments | {"tokenizer_file": tokenizer_file}
    if unusual:
        said = _said_of(tokenizer_file, unusual)
        if not vocab_file.is_file():
            raise ValueError(f"{said}; the readable BertTokenizer cannot follow it, use BertTokenizerFast")
        warnings.warn(
            f"{said}; what BertTokenizer makes of vocab.txt can be other pieces, use BertTokenizerFast for the same",
            stacklevel=4,
        )
    arguments = normalizer_options(pipeline) | arguments
    if most_characters(pipeline) != MAX_CHARACTERS_PER_WORD:
        arguments = {"max_input_chars_per_word": most_characters(pipeline)} | arguments
    return arguments | {"vocab_file": vocab_file if vocab_file.is_file() else tokenizer_file}


def _check_config(arguments: dict[str, Any], path: Path) -> None:
    """Refuse values of tokenizer_config.json that would be taken for something else; null means not given."""
    for name in _SWITCHES:
        value = arguments.get(name)
        if value is None and name != "strip_accents":
            arguments.pop(name, None)
        elif value is not None and value not in (True, False):
            raise ValueError(f"in {str(path)!r}, {name} is {value!r}; it must be true or false")
    length = arguments.get("model_max_length")
    if length is not None and (isinstance(length, bool) or not isinstance(length, (int, float)) or not length > 0):
        raise ValueError(f"in {str(path)!r}, model_max_length is {length!r}; it must be a number above 0")


def _warn_of_capitals(vocab_file: Path) -> None:
    """Warn where nothing says whether to lowercase, and lowercasing would miss many of a vocabulary's tokens."""
    try:
        lines = vocab_file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        return  # reading the vocabulary says so
    tokens = [token for token in lines if token and token[0] != "["]
    capital = [token for token in tokens if token != token.lower()]
    if len(tokens) > 4 and len(capital) > 0.05 * len(tokens):
        warnings.warn(
            f"{len(capital)} of the {len(tokens)} tokens in {str(vocab_file)!r} have capitals, such as {capital[0]!r}, "
            "and nothing says whether to keep the case, so texts are lowercased; pass do_lower_case=False for a cased "
            "model",
            stacklevel=4,
        )


def _hint(folder: Path) -> str:
    """A sentence on vocabularies under other names, such as those of the first years."""
    near = sorted(path.name for path in folder.glob("*vocab*.txt"))
    return f" Its {near[0]} may be one: rename it to vocab.txt, or give its path." if near else ""


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
        elif name in SPECIAL_NAMES and value is not None:
            value = saved_to_token(value, path)
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
    check_ids(tokens, repr(str(path)))
    return {token_id: AddedToken(content, special=content in special_contents) for content, token_id in tokens.items()}


def _added_tokens_of_json(path: Path) -> dict[int, AddedToken]:
    entries = read_json(path).get("added_tokens") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"in {str(path)!r}, added_tokens is not a list of tokens; the file is damaged")
    return _added_tokens({entry.get("id"): entry for entry in entries}, path)


def _added_tokens(saved: Any, path: Path) -> dict[int, AddedToken]:
    if not isinstance(saved, Mapping):
        raise ValueError(f"in {str(path)!r}, added_tokens_decoder does not map ids to tokens; the file is damaged")
    added = {}
    for token_id, token in saved.items():
        if not str(token_id).isdecimal():
            raise ValueError(f"in {str(path)!r}, an added token has the id {token_id!r}; ids are whole numbers")
        token = saved_to_token(token, path)
        added[int(token_id)] = AddedToken(token) if isinstance(token, str) else token
    return added


def saved_to_token(value: Any, path: Path) -> str | AddedToken:
    """A special token as a file has it: a string, or a mapping with its content and options."""
    content = value.get("content") if isinstance(value, dict) else value
    if isinstance(content, str) and not content.isascii() and re.search("[\ud800-\udfff]", content):
        raise ValueError(f"in {str(path)!r}, the token {content!r} holds half a character; the file is damaged")
    if isinstance(value, dict):
        if not isinstance(value.get("content"), str):
            raise ValueError(f"in {str(path)!r}, a token has no content: {value}; the file is damaged")
        names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
        return AddedToken(**{name: value[name] for name in names if name in value})
    if isinstance(value, str) or hasattr(value, "content"):
        return value
    raise ValueError(f"in {str(path)!r}, {value!r} stands where a token should; the file is damaged")


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
        raise ValueError(f"{filename_prefix!r} is no prefix of a file name: it holds a folder")
    return filename_prefix + "-"
