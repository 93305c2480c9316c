"""What every panel is made of: the `Panel` class, its exports, long work, presets, words, the joining of modules.

Read `panel` first, and `linked`, on which it stands; `masks/` beside this room is a short panel.
"""

from .export import EXPORTS, font_families, png
from .job import Job, Stopped
from .linked import guarded
from .looks import NO_TEXT, Look, LookPanel, checked_cell
from .module import ModuleError, joined, module_text, page_text, speech, style_text, widget_text
from .panel import Panel, untrained_reason
from .presets import load_presets, positions_of, word_spans
from .reading import CHINESE, ENGLISH, is_chinese
from .shares import graded_share
from .state import SHARED, plain, state_of
from .states import StatesPanel, state_name, where
from .twins import outputs, publish, view_of
from .words import (
    counted,
    full_stop,
    guessed_number,
    html_table,
    in_a_row,
    listed,
    moved,
    percent,
    points,
    quoted,
    sentence_case,
    shortened,
    signed,
    significant,
    slug,
)

__all__ = [
    "CHINESE",
    "ENGLISH",
    "EXPORTS",
    "Job",
    "Look",
    "LookPanel",
    "ModuleError",
    "NO_TEXT",
    "Panel",
    "SHARED",
    "StatesPanel",
    "Stopped",
    "checked_cell",
    "counted",
    "font_families",
    "full_stop",
    "graded_share",
    "guarded",
    "guessed_number",
    "html_table",
    "in_a_row",
    "is_chinese",
    "joined",
    "listed",
    "load_presets",
    "module_text",
    "moved",
    "outputs",
    "page_text",
    "percent",
    "plain",
    "png",
    "points",
    "positions_of",
    "publish",
    "quoted",
    "sentence_case",
    "shortened",
    "signed",
    "significant",
    "slug",
    "speech",
    "state_name",
    "state_of",
    "style_text",
    "untrained_reason",
    "view_of",
    "where",
    "widget_text",
    "word_spans",
]
