"""Recording and editing the values that pass through a module, by their names.

Read `hooks` first, which knows nothing of BERT; `recording` is what one gets, `names` spells the names of a BERT's
values.
"""

from __future__ import annotations

from bertlab.recording import names
from bertlab.recording.hooks import Edit, HookPoint, anybody_hooks, anybody_listens, edit, hook_names, hooked, record
from bertlab.recording.recording import Recording

__all__ = [
    "Edit",
    "HookPoint",
    "Recording",
    "anybody_hooks",
    "anybody_listens",
    "edit",
    "hook_names",
    "hooked",
    "names",
    "record",
]
