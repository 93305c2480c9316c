"""From files, tables and datasets to rows: dictionaries of columns that know the place they were read from.

Read `columns` first (what a row is), then `reading` (which file is read how).
"""

from __future__ import annotations

from bertlab.rows.columns import (
    COLUMN_NAMES,
    DataError,
    Row,
    column_name,
    column_of,
    guessed_columns,
    listed,
    place_of,
    text_columns,
    texts_of,
    unread_texts,
)  # fmt: skip
from bertlab.rows.lines import chunks, lines
from bertlab.rows.reading import documents, read

__all__ = [
    "COLUMN_NAMES", "DataError", "Row", "chunks", "column_name", "column_of", "documents", "guessed_columns", "lines",
    "listed", "place_of", "read", "text_columns", "texts_of", "unread_texts",
]  # fmt: skip
