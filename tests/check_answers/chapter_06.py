"""06 Next sentence: right answers, and the typical wrong ones with a word of the hint or message."""

from bertlab.check.verdict import shipped_lab


def pair_ids(first, second):
    batch = shipped_lab().tokenizer(first, second)
    return batch["input_ids"], batch["token_type_ids"]


def first_separator_with_the_second(first, second):
    ids, types = pair_ids(first, second)
    middle = types.index(1) - 1
    return ids, types[:middle] + [1] * (len(ids) - middle)


def all_zeros(first, second):
    ids, types = pair_ids(first, second)
    return ids, [0] * len(types)


def no_separator_between(first, second):
    ids, types = pair_ids(first, second)
    middle = types.index(1) - 1
    return ids[:middle] + ids[middle + 1 :], types[:middle] + types[middle + 1 :]


def both_shares(positives, negatives):
    return (sum(positives) / len(positives) + 1 - sum(negatives) / len(negatives)) / 2


def pooled(positives, negatives):
    return (sum(positives) + len(negatives) - sum(negatives)) / (len(positives) + len(negatives))


RIGHT = {
    "06.1": lambda: lambda logits: logits.softmax(-1)[:, 0],
    "06.2": lambda: pair_ids,
    "06.3": lambda: both_shares,
}

WRONG = [
    ("06.1", "label 1", lambda: lambda logits: logits.softmax(-1)[:, 1], "random"),
    ("06.1", "a sigmoid", lambda: lambda logits: logits.sigmoid()[:, 0], "softmax over both"),
    ("06.1", "the logit", lambda: lambda logits: logits[:, 0], "probability was asked"),
    ("06.1", "both columns", lambda: lambda logits: logits.softmax(-1), "keep the first"),
    ("06.1", "over the pairs", lambda: lambda logits: logits.softmax(0)[:, 0], "differs most"),
    ("06.2", "the first [SEP] with the second text", lambda: first_separator_with_the_second, "closes the first"),
    ("06.2", "types of zero", lambda: all_zeros, "those of the second text are 1"),
    ("06.2", "no [SEP] between", lambda: no_separator_between, "Between the texts"),
    ("06.2", "ids alone", lambda: lambda a, b: pair_ids(a, b)[0], "(ids, types)"),
    ("06.3", "all together", lambda: pooled, "one half"),
    ("06.3", "negatives the wrong way round", lambda: lambda p, n: both_shares(p, [not x for x in n]), "False is"),
    ("06.3", "per cent", lambda: lambda p, n: 100 * both_shares(p, n), "percent"),
]
