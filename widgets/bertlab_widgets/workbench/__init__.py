"""The one state behind all the panels: a text, what is selected in it, what is done to it, and what the model says.

Read `workbench` first, then `encoding`.
"""

from .calls import Around
from .checks import SelectionError, needs_word_head
from .code import CORPUS, ablation_code, conditions, heads_named, heads_off, input_code, lab_code, words_code
from .encoding import Encoding, encode, token_names, word_numbers
from .lock import ModelLock
from .results import Result
from .together import Together
from .watched import last_word, mask_id, watched_place
from .workbench import Workbench

__all__ = [
    "Around",
    "CORPUS",
    "Encoding",
    "ModelLock",
    "Result",
    "SelectionError",
    "Together",
    "Workbench",
    "ablation_code",
    "conditions",
    "encode",
    "heads_named",
    "heads_off",
    "input_code",
    "lab_code",
    "last_word",
    "mask_id",
    "needs_word_head",
    "token_names",
    "watched_place",
    "word_numbers",
    "words_code",
]
