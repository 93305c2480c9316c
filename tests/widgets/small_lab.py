"""A small model of random weights behind a real Lab: what the panels' tests look at."""

import tempfile
from pathlib import Path

import torch

from bertlab.lab import Lab
from bertlab.model import BertConfig, BertForPreTraining
from bertlab.tokenizer import BertTokenizerFast

WORDS = """the cat sat on mat dog chased tree up capital of france is paris london animal did not cross street because
it was too tired ran a river bank muddy she grass down un ##aff ##able embed ##ding ##s in 1818 who wrote word [UNK]"""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'|"
LAYERS, HEADS = 3, 4


def vocabulary() -> list[str]:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS[:26])]
    return list(dict.fromkeys([*pieces, *WORDS.split()]))


def chinese_vocabulary() -> list[str]:
    """The 3755 commonest Chinese characters, punctuation, digits and letters; no English word but "it"."""
    rows, columns = range(0xB0, 0xD8), range(0xA1, 0xFF)
    common = [bytes([row, column]).decode("gb2312", "ignore") for row in rows for column in columns]
    letters = [piece for piece in vocabulary() if len(piece.removeprefix("##")) == 1 or piece.startswith("[")]
    return [*letters, *(f"##{digit}" for digit in "0123456789"), *"，。？！：；", *filter(None, common), "it"]


def small_lab(max_positions: int = 64, without: str = "", pieces: list[str] | None = None) -> Lab:
    """3 layers of 4 heads, 24 wide: no two sizes are equal, and every weight is drawn with the same seed.

    `without` is a piece that the vocabulary lacks; `pieces` are another vocabulary.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(piece for piece in pieces or vocabulary() if piece != without), encoding="utf8")
        tokenizer = BertTokenizerFast(vocab_file=str(path), model_max_length=max_positions)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=40,
        max_position_embeddings=max_positions,
        initializer_range=0.6,
    )
    return Lab(BertForPreTraining(config).eval(), tokenizer, name="small")
