"""What a tokenizer.json does to a text, and what of it is not BERT's: the readable tokenizer knows BERT's alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD

# How a BertNormalizer calls the options of the tokenizers.
_OPTIONS = {
    "lowercase": "do_lower_case",
    "handle_chinese_chars": "tokenize_chinese_chars",
    "strip_accents": "strip_accents",
    "clean_text": "clean_text",
}


def normalizer_options(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """How the normalizer of a tokenizer.json treats the text, as options of the tokenizers; empty for other kinds."""
    normalizer = _alone(pipeline.get("normalizer"), "normalizers")
    if not isinstance(normalizer, dict) or normalizer.get("type") != "BertNormalizer":
        return {}
    return {ours: normalizer[theirs] for theirs, ours in _OPTIONS.items() if theirs in normalizer}


def unusual_steps(pipeline: Mapping[str, Any]) -> list[str]:
    """What in a tokenizer.json makes other pieces than BERT's tokenizer, in words; empty if nothing does."""
    found = []
    normalizer = _alone(pipeline.get("normalizer"), "normalizers")
    if not normalizer_options(pipeline):
        found.append(f"its normalizer is {_named(normalizer)}")
    splitter = _alone(pipeline.get("pre_tokenizer"), "pretokenizers")
    if not isinstance(splitter, dict) or splitter.get("type") != "BertPreTokenizer":
        found.append(f"its pre-tokenizer is {_named(splitter)}")
    model = pipeline.get("model")
    kind = model.get("type", "WordPiece") if isinstance(model, dict) else None
    if kind != "WordPiece":
        found.append(f"its model is {kind}")
    return found


def lowercases(pipeline: Mapping[str, Any]) -> bool:
    """Whether the normalizer of a tokenizer.json lowercases, of whatever kind it is."""
    options = normalizer_options(pipeline)
    normalizer = pipeline.get("normalizer")
    return options["do_lower_case"] if "do_lower_case" in options else "'Lowercase'" in repr(normalizer)


def most_characters(pipeline: Mapping[str, Any]) -> int:
    """The length beyond which a word is unknown."""
    model = pipeline.get("model")
    most = model.get("max_input_chars_per_word") if isinstance(model, dict) else None
    return most if type(most) is int and most > 0 else MAX_CHARACTERS_PER_WORD


def _alone(step: Any, name: str) -> Any:
    """The one step of a sequence of one."""
    if isinstance(step, dict) and step.get("type") == "Sequence":
        steps = step.get(name)
        if isinstance(steps, list) and len(steps) == 1:
            return steps[0]
    return step


def _named(step: Any) -> str:
    """The kind of a step: its type, and those of the steps in a sequence."""
    if not isinstance(step, dict):
        return "missing" if step is None else repr(step)[:60]
    inner = step.get("normalizers") or step.get("pretokenizers")
    if step.get("type") == "Sequence" and isinstance(inner, list):
        return f"a sequence of {', '.join(_named(one) for one in inner[:8])}"
    return str(step.get("type"))[:60]
