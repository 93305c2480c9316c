"""From text to numbers: WordPiece, readable and fast, and what they share.

Read `wordpiece` first: the algorithm as data, with every step of its way.
"""

from __future__ import annotations

from bertlab.tokenizer.tokenizers import AutoTokenizer, BatchEncoding, BertTokenizer, BertTokenizerFast
from bertlab.tokenizer.wordpiece import Chunk, WordPiece, longest_match

__all__ = [
    "AutoTokenizer",
    "BatchEncoding",
    "BertTokenizer",
    "BertTokenizerFast",
    "Chunk",
    "WordPiece",
    "longest_match",
]
