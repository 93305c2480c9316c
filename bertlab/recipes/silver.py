"""Further examples that a teacher labels instead of people (Thakur et al. 2021; Xie et al. 2020).

The free sets for similarity and sentiment are small. The encoder that pre-training started from knows more of both
than is left after pre-training, so it scores pairs of free sentences, and, fine-tuned first, judges free sentences.
The new model learns its judgement beside the people's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from bertlab.data import Row, length_sorted_batches
from bertlab.model import BertForSequenceClassification, BertModel
from bertlab.recipes.sets import TaskSets, part, texts
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import finetune, predict


@torch.inference_mode()
def embed(teacher: BertModel, tokenizer, sentences: Sequence[str], max_length: int = 64) -> torch.Tensor:
    """(sentences, hidden): mean of the last hidden states over the tokens, of length 1."""
    ids = tokenizer(list(sentences), truncation=True, max_length=max_length)["input_ids"]
    embedded = torch.zeros(len(ids), teacher.config.hidden_size)
    for numbers in length_sorted_batches([len(one) for one in ids], 128):
        batch = tokenizer.pad({"input_ids": [ids[number] for number in numbers]}, return_tensors="pt")
        hidden = teacher(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        embedded[numbers] = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    return embedded


def add_silver_pairs(
    sets: TaskSets,
    data: str | Path,
    teacher: str | Path,
    limit: int | None = None,
    pairs: int = 12_000,
    seed: int = 0,
) -> None:
    """Add pairs that the teacher scored to the training rows; the people's pairs come three times for that.

    The pairs are premises and hypotheses, neighbours among everyday and encyclopedic sentences, and some random
    ones. Cosines become scores by the line that fits the people's training pairs best.
    """
    generator = random.Random(seed)
    tokenizer = BertTokenizerFast.from_pretrained(str(teacher))
    model = BertModel.from_pretrained(str(teacher))
    model.skip_padding = True
    gold = list(sets.train)
    given = [(row["text_a"], row["text_b"]) for row in gold]
    candidates = [(row["text_a"], row["text_b"]) for row in part(Path(data), "snli_small", "train", limit)]
    generator.shuffle(candidates)
    candidates = candidates[: pairs // 3]
    pool = [document[0] for document in texts(Path(data), "tatoeba_en", limit or 12_000) if len(document[0]) > 25]
    for document in texts(Path(data), "wikipedia_simple", limit or 6_000):
        pool += [sentence for sentence in document[:3] if 30 < len(sentence) < 160]
    generator.shuffle(pool)
    pool = pool[: 2 * pairs]
    embedded = embed(model, tokenizer, pool)
    for start in range(0, len(pool), 1000):
        cosines = embedded[start : start + 1000] @ embedded.T  # (1000, pool)
        cosines[torch.arange(len(cosines)), torch.arange(start, start + len(cosines))] = -1.0
        nearest = cosines.topk(min(20, len(pool) - 1), dim=1).indices
        for number, neighbours in enumerate(nearest.tolist(), start=start):
            if generator.random() < 0.3:
                rank = int(len(neighbours) * generator.random() ** 2)  # mostly the nearest ones
                candidates.append((pool[number], pool[neighbours[rank]]))
    candidates += [(generator.choice(pool), generator.choice(pool)) for _ in range(pairs // 20)]
    everything = given + candidates
    first = embed(model, tokenizer, [one for one, _ in everything])
    second = embed(model, tokenizer, [two for _, two in everything])
    cosines = (first * second).sum(-1)  # (pairs,)
    scores = torch.tensor([float(row["score"]) for row in gold])
    known = torch.stack([cosines[: len(gold)], torch.ones(len(gold))], dim=1)
    slope, shift = torch.linalg.lstsq(known, scores[:, None]).solution.flatten().tolist()
    silver = [
        Row({"text_a": one, "text_b": two, "score": min(5.0, max(0.0, slope * cosine + shift))}, "silver pair")
        for (one, two), cosine in zip(candidates, cosines[len(gold) :].tolist())
    ]
    sets.train = gold * 3 + silver
    sets.sources += ["snli_small", "tatoeba_en", "wikipedia_simple"]


def add_silver_labels(
    sets: TaskSets,
    data: str | Path,
    teacher: str | Path,
    limit: int | None = None,
    sentences: int = 40_000,
    teachers: int = 3,
    steps: int = 900,
    seed: int = 0,
) -> None:
    """Add sentences of film reviews with what teachers find probable on the mean.

    A teacher is fine-tuned on sentences that have the label of the review they are from, which is often but not always
    theirs, then on the training rows. Probabilities tell more than the likeliest label: what is open stays open (Hinton
    et al. 2015, section 2). The people's rows come twice beside them.
    """
    tokenizer = BertTokenizerFast.from_pretrained(str(teacher))
    reviewed = [
        Row({"text": sentence, "label": review["label"]}, review.place)
        for review in part(Path(data), "movie_reviews", "train", limit)
        for sentence in review["text"].split("\n")
        if 6 <= sentence.count(" ") < 45
    ]
    opinions = [row["text"] for row in part(Path(data), "subjectivity", "train", limit) if row["label"] == 1]
    opinions = list(dict.fromkeys(opinions + [row["text"] for row in reviewed]))
    random.Random(seed).shuffle(opinions)
    rows = [Row({"text": text}, "silver sentence") for text in opinions[:sentences]]
    judgements = []
    for own_seed in range(seed, seed + teachers):  # one's slips are not another's
        torch.manual_seed(own_seed)
        model = BertForSequenceClassification.from_pretrained(str(teacher), **sets.task.config())
        settings: dict[str, Any] = {
            "steps": steps,
            "learning_rate": 1e-4,
            "warmup": 0.06,
            "dropout": 0.1,
            "seed": own_seed,
        }
        for examples in (reviewed, sets.train):
            for _ in finetune(model, tokenizer, examples, sets.task, **settings):
                pass
        judgements.append(np.stack(predict(model, tokenizer, rows, sets.task)))
    probabilities = np.stack(judgements).mean(axis=0, dtype=np.float64)  # (rows, labels)
    silver = [Row({**row, "label": label}, row.place) for row, label in zip(rows, probabilities.tolist(), strict=True)]
    sets.train = sets.train * 2 + silver
    sets.sources += ["subjectivity", "movie_reviews"]
