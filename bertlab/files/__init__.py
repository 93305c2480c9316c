"""Files and folders: what is written is written whole, what is read is checked, what has a name is found.

Read `whole` first, then `hub` (from a name to files) and `checkpoint` (from files to weights).
"""

from __future__ import annotations

from bertlab.files.hub import resolve, shipped_models
from bertlab.files.whole import read_json, write_whole

__all__ = [
    "read_json",
    "resolve",
    "shipped_models",
    "write_whole",
]
