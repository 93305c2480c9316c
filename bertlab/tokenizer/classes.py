"""The class of tokenizers that a folder names: those that cut texts as BERT's, and a warning for all others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertlab.files import CONFIG_FILES, read_json

# Without "Fast"; all of them inherit BERT's tokenizer unchanged, and the last two say nothing of how they cut.
CUT_AS_BERT = frozenset(
    "BertTokenizer DistilBertTokenizer ElectraTokenizer MobileBertTokenizer LayoutLMTokenizer SqueezeBertTokenizer "
    "ConvBertTokenizer RetriBertTokenizer RealmTokenizer SplinterTokenizer LxmertTokenizer DPRContextEncoderTokenizer "
    "DPRQuestionEncoderTokenizer DPRReaderTokenizer TokenizersBackend PreTrainedTokenizer".split()
)


def named_class(folder: Path, tokenizer_config: Mapping[str, Any]) -> str | None:
    """The class that tokenizer_config.json names, or else config.json; None where neither does."""
    name = tokenizer_config.get("tokenizer_class")
    if name is None:
        path = next((folder / name for name in CONFIG_FILES if (folder / name).is_file()), None)
        name = None if path is None else read_json(path).get("tokenizer_class")
    return name if isinstance(name, str) and name else None


def cuts_as_bert(name: str | None) -> bool:
    """Whether tokenizers of this class make the pieces that BERT's tokenizer makes, as far as their name tells."""
    return name is None or name.removesuffix("Fast") in CUT_AS_BERT


def warn_of_class(folder: Path, tokenizer_config: Mapping[str, Any]) -> str | None:
    """Warn where a folder names a tokenizer of another kind, or one with code of its own; returns the class's name."""
    name = named_class(folder, tokenizer_config)
    if not cuts_as_bert(name):
        warnings.warn(
            f"{str(folder)!r} names the tokenizer class {name}, which cuts texts in another way than BERT's tokenizers "
            "do; the pieces, and all that a model makes of them, can be wrong: cut texts with that class",
            stacklevel=3,
        )
    elif isinstance(tokenizer_config.get("auto_map"), dict) and tokenizer_config["auto_map"].get("AutoTokenizer"):
        warnings.warn(
            f"{str(folder)!r} comes with code of its own for its tokenizer, which is never run here; BERT's tokenizer "
            "is used instead, and its pieces can be others",
            stacklevel=3,
        )
    return name
