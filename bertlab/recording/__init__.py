"""Recording and editing the values that pass through a module, by their names. Knows nothing of BERT."""

from __future__ import annotations

from bertlab.recording.hooks import Edit, HookPoint, Recording, anybody_listens, edit, hook_names, record

__all__ = [
    "Edit",
    "HookPoint",
    "Recording",
    "anybody_listens",
    "edit",
    "hook_names",
    "record",
]
