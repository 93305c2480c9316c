"""Small models whose answers are known: no layers, the word decides; and folders with something unusual in them."""

import json

import torch

import bertlab

SPECIAL = "[PAD] [UNK] [CLS] [SEP] [MASK]".split()
WORDS = [*SPECIAL, *"the cat sat on mat . , angela merkel met paris un ##believ ##able don ' t".split()]


def with_vocabulary(folder, words):
    (folder / "vocab.txt").write_text("".join(word + "\n" for word in words), encoding="utf-8")
    return folder


def random_model(folder, kind="BertForPreTraining", words=WORDS, changes=None, tokenizer=None, **fields):
    """A tiny model of random weights; `changes` are made in the config.json that it is saved with."""
    torch.manual_seed(0)
    shape = dict(vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
    config = bertlab.BertConfig(**{**shape, "intermediate_size": 32, "max_position_embeddings": 64, **fields})
    getattr(bertlab, kind)(config).save_pretrained(folder)
    if changes:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps({**values, **changes}), encoding="utf-8")
    if tokenizer is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return with_vocabulary(folder, words)


def tagger(folder, tags, labels):
    """A tagger that gives each word of `tags` its tag."""
    words = [*SPECIAL, *tags]
    shape = dict(vocab_size=len(words), hidden_size=32, num_hidden_layers=0, num_attention_heads=2)
    model = bertlab.BertForTokenClassification(
        bertlab.BertConfig(**shape, intermediate_size=8, id2label=dict(enumerate(labels)))
    )
    with torch.no_grad():
        for parameter in model.bert.embeddings.parameters():
            parameter.zero_()
        model.bert.embeddings.LayerNorm.weight.fill_(1.0)
        model.bert.embeddings.word_embeddings.weight.copy_(torch.eye(len(words), 32))
        model.classifier.weight.zero_()
        for place, tag in enumerate(tags.values()):
            model.classifier.weight[labels.index(tag), len(SPECIAL) + place] = 10.0
    model.save_pretrained(folder)
    return with_vocabulary(folder, words)
