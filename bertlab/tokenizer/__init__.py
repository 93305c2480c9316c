"""From text to numbers: WordPiece, readable and fast, and what they share.

Read `wordpiece` first: the algorithm as data, with every step of its way (`steps`, then `pieces`); then `readable`,
the documented class around it, and `encoding` and `batch`, what it returns.
"""

from __future__ import annotations

from bertlab.tokenizer.auto import AutoTokenizer
from bertlab.tokenizer.backend import without_surrogates
from bertlab.tokenizer.batch import BatchEncoding
from bertlab.tokenizer.fast import BertTokenizerFast
from bertlab.tokenizer.graph import GraphPieces
from bertlab.tokenizer.graph_tokenizer import GRAPH_OPTIONS, GraphTokenizer
from bertlab.tokenizer.pieces import longest_match
from bertlab.tokenizer.readable import BertTokenizer
from bertlab.tokenizer.steps import Chunk
from bertlab.tokenizer.tokens import AddedToken
from bertlab.tokenizer.wordpiece import Trace, WordPiece

__all__ = [
    "AddedToken",
    "AutoTokenizer",
    "BatchEncoding",
    "BertTokenizer",
    "BertTokenizerFast",
    "Chunk",
    "GRAPH_OPTIONS",
    "GraphPieces",
    "GraphTokenizer",
    "Trace",
    "WordPiece",
    "longest_match",
    "without_surrogates",
]
