"""What a row is: columns by name, and the place it was read from. Errors about data name that place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# The names under which sets usually carry their columns. The first one is bertlab's own: where it is there, it counts;
# of the others only one may be there. Case, blanks and _ do not matter.
COLUMN_NAMES = {
    "text": ("text", "text_a", "text1", "sentence", "sentence1", "sentence_a", "premise", "question1", "first",
             "#1 string", "question", "query", "claim", "content", "review", "tweet", "comment", "comment_text"),
    "pair": ("pair", "text_pair", "text_b", "text2", "sentence2", "sentence_b", "hypothesis", "question2", "second",
             "#2 string", "passage", "evidence"),
    "label": ("label", "labels", "score", "class", "gold_label", "is_duplicate", "quality", "stars", "rating",
              "similarity_score", "relatedness_score", "target", "category"),
    "tokens": ("tokens", "words"),
    "tags": ("tags", "upos", "pos_tags", "ner_tags", "chunk_tags", "xpos", "ner", "pos", "labels"),
    "prompt": ("prompt", "premise", "text", "sentence1", "context", "ctx"),
    "endings": ("endings", "choices"),
}  # fmt: skip

# Two texts that belong together, where one of the names alone could mean something else.
PAIRS = (
    ("text_a", "text_b"), ("text", "text_pair"), ("text", "pair"), ("sentence1", "sentence2"),
    ("premise", "hypothesis"), ("question1", "question2"), ("first", "second"), ("question", "sentence"),
    ("question", "passage"), ("question", "answer"), ("question", "context"), ("query", "passage"),
    ("query", "document"), ("claim", "evidence"), ("sentence_a", "sentence_b"), ("#1 string", "#2 string"),
    ("title", "body"),
)  # fmt: skip

KNOWN_NAMES = frozenset(name for names in COLUMN_NAMES.values() for name in names) | {"context", "answers"}


class DataError(ValueError):
    """Something in the data is not as it should be; the message names file, line and column."""


class Row(dict):
    """One example: a dictionary of columns that remembers the place it was read from.

    Attributes:
        place: file and line, or whatever names it.
        names: of columns that hold numbers of classes, the names of the classes, where the source knows them.
    """

    def __init__(self, columns: Mapping[str, Any], place: str = "", names: Mapping[str, list[str]] | None = None):
        super().__init__(columns)
        self.place = place
        self.names = names or {}


def place_of(row: Mapping[str, Any]) -> str:
    """File and line that a row was read from, where it knows them."""
    return getattr(row, "place", "") or "a row"


def column_name(row: Mapping[str, Any], name: str) -> str | None:
    """The column of a row that is meant by a name: the one of that name, or of the only alias; None if there is none.

    Raises:
        DataError: several columns could be meant.
    """
    if name in row:
        return name
    found = _aliases(row, name)
    if len(found) > 1 and any(not _same(row[found[0]], row[other]) for other in found[1:]):
        named = " and ".join(map(repr, found)) if len(found) == 2 else ", ".join(map(repr, found))
        raise DataError(
            f"{place_of(row)}: the columns {named} could all be meant by {name!r}; say which one, such as "
            f"columns={{{name!r}: {found[0]!r}}}"
        )
    return found[0] if found else None


def _aliases(row: Mapping[str, Any], name: str) -> list[str]:
    given = {_plain(column): column for column in row if isinstance(column, str)}
    return [given[_plain(alias)] for alias in COLUMN_NAMES.get(name, (name,)) if _plain(alias) in given]


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).lower()


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:  # arrays
        return False


def column_of(row: Mapping[str, Any], name: str, kind: Any = None, required: bool = True) -> Any:
    """The value of a column, found under its name or an alias; of arrays, the list.

    Raises:
        DataError: there is no such column, or several; or its value is of another type than `kind`.
    """
    column = column_name(row, name)
    if column is not None:
        value = listed(row[column])
        if kind is not None and not isinstance(value, kind):
            raise DataError(
                f"{place_of(row)}, column {column!r}: {value!r:.60} is of the type {type(value).__name__}, "
                f"but it must be {_kind_name(kind)}"
            )
        return value
    if not required:
        return None
    names = COLUMN_NAMES.get(name, (name,))
    known = " or ".join(map(repr, names[:6])) + (" ..." if len(names) > 6 else "")
    raise DataError(
        f"{place_of(row)}: no column {known}; it has {', '.join(map(repr, row)) or 'none'}; "
        f"name it with columns={{{name!r}: ...}}"
    )


def listed(value: Any) -> Any:
    """Arrays and tensors as lists and numbers of Python; everything else as it is."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    return value


def texts_of(row: Mapping[str, Any]) -> tuple[str, str | None]:
    """The text of a row, and its second text where there is one.

    Columns named "text" and "pair" count first, as `columns=` sets them ({"pair": None} for a text alone); then names
    that belong together, such as question and sentence, or a name with 1 and the same with 2; then one name alone.

    Raises:
        DataError: there is no text; several columns could be meant; or a second text has no place.
    """
    first, second = text_columns(row)
    if first is None:
        column_of(row, "text", str)  # says what is missing
    text = _text(row, first, str)
    return text, None if second is None else _text(row, second, (str, type(None)))


# What the kinds of tasks read, by bertlab's own names of the columns.
_READ_BY = {
    "tagging": ("tokens", "tags"), "choice": ("prompt", "endings", "label"), "causal": ("text",), "qa": (),
}  # fmt: skip


def guessed_columns(row: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The columns that a kind of task reads under another name than bertlab's own: {"text": "review"}."""
    found: dict[str, str | None] = {}
    try:
        if kind in _READ_BY:
            found = {name: column_name(row, name) for name in _READ_BY[kind]}
        else:
            found["text"], found["pair"] = text_columns(row)
            found["label"] = column_name(row, "label")
    except DataError:  # whoever reads it says what is wrong
        return {}
    return {name: column for name, column in found.items() if column is not None and _plain(column) != _plain(name)}


def unread_texts(row: Mapping[str, Any]) -> list[str]:
    """The columns of a row that hold several words and are no text, pair or label of it: titles, perhaps."""
    read = {*text_columns(row), *_aliases(row, "label")}
    known = [row[column] for column in read if column is not None]  # under another name, too
    return [
        column for column, value in row.items()
        if column not in read and isinstance(value, str) and value.count(" ") > 2 and value not in known
    ]  # fmt: skip


def text_columns(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The columns that `texts_of` reads: of the text and of the second one, None where there is none.

    Raises:
        DataError: several columns could be meant, or a second text has no place.
    """
    if "text" in row and "pair" in row:
        return "text", "pair"
    found = list(dict.fromkeys(_pairs(row)))
    if "text" in row and len(found) == 1 and _same(row["text"], row[found[0][0]]):
        return "text", found[0][1]
    own = [
        pair for pair in found if (pair[0] == "text" or "text" not in row) and (pair[1] == "pair" or "pair" not in row)
    ]
    if len(own) == 1 and (len(found) == 1 or "text" in own[0] or "pair" in own[0]):
        return own[0]
    if found:
        shown = " or ".join(f"{one!r} with {two!r}" for one, two in found)
        raise DataError(
            f"{place_of(row)}: {shown} could be the two texts{', or text alone' * ('text' in row)}; say which, such as "
            f"columns={{'text': {found[0][0]!r}, 'pair': {found[0][1]!r}}}, or 'pair': None for a text alone"
        )
    first, second = column_name(row, "text"), column_name(row, "pair")
    if first is not None and second is None:
        _refuse_a_second(row, first)
    return first, second


def _pairs(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The pairs of columns with two texts: by the names that are known, and by 1 and 2, a and b at their ends."""
    given = {_plain(name): name for name, value in row.items() if isinstance(name, str) and _is_text(value)}
    for one, two in PAIRS:
        if _plain(one) in given and _plain(two) in given:
            yield given[_plain(one)], given[_plain(two)]
    for name, column in given.items():
        match = re.fullmatch(r"(.*[a-z])(1|a)", name)
        second = match[1] + {"1": "2", "a": "b"}[match[2]] if match else f"{name}2"
        if second in given and not re.match("label|id|idx|score|class", name):
            yield column, given[second]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not re.fullmatch(r"[-+\d.,:%\s]*", value)


# Beside a text, a column of one of these names is a second one.
_OTHER_TEXTS = (
    "question", "query", "claim", "premise", "sentence", "sentence1", "text_a", "context", "answer", "document",
    "response", *COLUMN_NAMES["pair"],
)  # fmt: skip


def _refuse_a_second(row: Mapping[str, Any], first: str) -> None:
    """A second text, by the name of its column, is not dropped in silence."""
    names = {_plain(name) for name in _OTHER_TEXTS}
    for column, value in row.items():
        if column != first and isinstance(column, str) and _plain(column) in names and _is_text(value):
            if not _same(value, row[first]):
                raise DataError(
                    f"{place_of(row)}: {first!r} holds a text, and so does {column!r}; say what to read with "
                    f"columns={{'text': {first!r}, 'pair': {column!r}}}, or 'pair': None for a text alone"
                )


def _text(row: Mapping[str, Any], column: str, kind: Any) -> str:
    value = row[column]
    if not isinstance(value, kind):
        raise DataError(
            f"{place_of(row)}, column {column!r}: {value!r:.60} is of the type {type(value).__name__}, "
            f"but it must be {_kind_name(kind)}"
        )
    return value


def _kind_name(kind: Any) -> str:
    names = {str: "a text", list: "a list", type(None): "nothing"}
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(dict.fromkeys(names.get(one, one.__name__) for one in kinds))
