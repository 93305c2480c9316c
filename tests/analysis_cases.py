"""What the tests of bertlab.analysis share: a small lab on words, and batches for each head."""

import torch
from model_cases import tiny

import bertlab
from bertlab.lab import Lab

WORDS = "the cat dog sat on a mat paris is capital of france who ##s ##ing ran house red big . , ? ! he she".split()


def small_lab(folder, **changes):
    """A lab of 3 layers x 4 heads with random weights, so large that predictions differ."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = bertlab.BertTokenizerFast(folder / "vocab.txt", model_max_length=31)
    sizes = {"vocab_size": len(vocabulary), "type_vocab_size": 2, **changes}
    return Lab(tiny("BertForPreTraining", **sizes), tokenizer, name="small")


def largest_difference(one, other):
    """The largest absolute difference of two tensors of the same shape."""
    assert one.shape == other.shape, f"{tuple(one.shape)} is not {tuple(other.shape)}"
    return float((one.detach().double() - other.detach().double()).abs().max())


def row(batch, number):
    """One text of a batch."""
    return {name: value[number : number + 1] for name, value in batch.items()}


def run(model, batch):
    """The model's output, without gradients."""
    with torch.no_grad():
        return model(**batch)
