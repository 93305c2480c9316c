"""A tokenizer's files, written so that bertlab and transformers read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertlab.files import write_whole
from bertlab.tokenizer.files import checked_prefix, token_to_saved, write_json
from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD


def save_tokenizer(
    tokenizer: Any, folder: Path, filename_prefix: str | None, legacy_format: bool | None
) -> tuple[str, ...]:
    """What `save_pretrained` of a tokenizer does; the paths of the files."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is a file; save_pretrained takes a folder")
    prefix = checked_prefix(filename_prefix)
    folder.mkdir(parents=True, exist_ok=True)
    added = tokenizer.added_tokens_decoder
    config = dict(tokenizer._further) | {"tokenizer_class": "BertTokenizer"} | tokenizer._saved_options()
    config |= tokenizer.special_tokens_map
    config |= {
        "model_max_length": tokenizer.model_max_length,
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "added_tokens_decoder": {str(token_id): asdict(token) for token_id, token in added.items()},
    }
    for name, value in (("padding_side", tokenizer.padding_side), ("truncation_side", tokenizer.truncation_side)):
        if value != "right":
            config[name] = value
    if tokenizer.split_special_tokens:
        config["split_special_tokens"] = True
    if tokenizer.model_input_names != type(tokenizer).model_input_names:
        config["model_input_names"] = tokenizer.model_input_names
    special = {name: token_to_saved(token) for name, token in tokenizer.special_tokens_map_extended.items()}
    files = [folder / f"{prefix}tokenizer_config.json", folder / f"{prefix}special_tokens_map.json"]
    write_json(files[0], config)
    write_json(files[1], special)
    files += tokenizer._save_tokens(folder, prefix, legacy_format)
    return tuple(map(str, files))


def saved_tokens(tokenizer: Any, folder: Path, prefix: str) -> list[Path]:
    """Write vocab.txt, and added_tokens.json if there are tokens beyond the vocabulary."""
    beyond = {str(token): token_id for token_id, token in tokenizer.added_tokens_decoder.items()}
    beyond = {token: token_id for token, token_id in beyond.items() if token_id >= tokenizer.vocab_size}
    files = [Path(tokenizer.save_vocabulary(str(folder), prefix.rstrip("-") or None)[0])]
    if beyond:
        files.append(folder / f"{prefix}added_tokens.json")
        write_json(files[-1], beyond)
    return files


def write_vocabulary(vocabulary: Mapping[str, int], target: Path, filename_prefix: str | None) -> Path:
    """Write a vocabulary, a token a line, to vocab.txt in a folder (or to a file)."""
    prefix = checked_prefix(filename_prefix)
    path = target / f"{prefix}vocab.txt" if target.is_dir() else target.with_name(prefix + target.name)
    tokens = sorted(vocabulary.items(), key=lambda item: item[1])
    for line, (token, token_id) in enumerate(tokens):
        if token_id != line or "\n" in token or "\r" in token:
            raise ValueError(
                f"vocab.txt cannot hold the token {token!r} with id {token_id}: ids are line numbers without "
                "gaps, and no token has a line end; BertTokenizerFast.save_pretrained(folder, "
                "legacy_format=False) writes tokenizer.json alone"
            )
    write_whole(path, "".join(f"{token}\n" for token, _ in tokens))
    return path


def unusual_options(clean_text: bool, prefix: str, most_characters: int) -> dict[str, Any]:
    """The options that other tools do not know, saved only where they matter."""
    options = {"clean_text": clean_text, "wordpieces_prefix": prefix, "max_input_chars_per_word": most_characters}
    usual = {"clean_text": True, "wordpieces_prefix": "##", "max_input_chars_per_word": MAX_CHARACTERS_PER_WORD}
    return {name: value for name, value in options.items() if value != usual[name]}
