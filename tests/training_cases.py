"""A tiny tokenizer, tiny models and small labelled sets that the training tests share."""

import random
from pathlib import Path

import torch

from bertlab.model import BertConfig, BertForPreTraining
from bertlab.tokenizer import BertTokenizerFast

GOOD = "good great fine nice lovely".split()
BAD = "bad awful poor nasty ugly".split()
THINGS = "film book song meal town house train game".split()
NAMES = "anna berlin paris otto rome".split()
OTHER = "the a was is and it very we saw in of ? . , who what ##s ##ing play walk".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def vocabulary_file(folder):
    """A vocab.txt of a few dozen words."""
    path = Path(folder) / "vocab.txt"
    letters = list("abcdefghijklmnopqrstuvwxyz")
    pieces = [*SPECIAL, *GOOD, *BAD, *THINGS, *NAMES, *OTHER, *letters, *(f"##{letter}" for letter in letters)]
    path.write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    return path


def tiny_tokenizer(folder):
    return BertTokenizerFast(vocab_file=str(vocabulary_file(folder)))


def tiny_config(tokenizer, **fields):
    return BertConfig(
        **{
            "vocab_size": len(tokenizer), "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 28, "max_position_embeddings": 64, "initializer_range": 0.2, **fields,
        }
    )  # fmt: skip


def tiny_base(folder, tokenizer, **fields):
    """A folder with a tiny BertForPreTraining and its tokenizer."""
    torch.manual_seed(7)
    BertForPreTraining(tiny_config(tokenizer, **fields)).save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return folder


def reviews(count, seed=0):
    """Sentences whose label is whether their adjective is a good one."""
    generator = random.Random(seed)
    rows = []
    for _ in range(count):
        label = generator.randrange(2)
        word = generator.choice(GOOD if label else BAD)
        rows.append({"text": f"the {generator.choice(THINGS)} was very {word} .", "label": label})
    return rows


def stories(count, seed=0):
    """Documents of sentences that keep to one thing, so that there is something to learn."""
    generator = random.Random(seed)
    documents = []
    for _ in range(count):
        thing, words = generator.choice(THINGS), generator.choice((GOOD, BAD))
        documents.append(
            [f"the {thing} was {generator.choice(words)} and very {generator.choice(words)} ." for _ in range(5)]
        )
    return documents
