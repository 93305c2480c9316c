"""From files, tables and datasets to rows: dictionaries of columns that know the place they were read from.

Read `columns` first (what a row is), then `reading` (which file is read how).
"""

from __future__ import annotations

from bertlab.rows.columns import COLUMN_NAMES, DataError, Row, column_of, place_of
from bertlab.rows.lines import chunks, lines
from bertlab.rows.reading import documents, read

__all__ = ["COLUMN_NAMES", "DataError", "Row", "chunks", "column_of", "documents", "lines", "place_of", "read"]
