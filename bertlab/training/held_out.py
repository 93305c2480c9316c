"""How good masked words, next sentences and written targets are on held-out text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab.adapters import EncoderDecoder
from bertlab.data import (
    IGNORED,
    collate_pretraining,
    length,
    length_sorted_batches,
    mask_tokens,
    pretraining_features,
)
from bertlab.training.evaluation import autocast, in_eval_mode
from bertlab.training.objectives import gather_masked, pretraining_logits


@torch.inference_mode()
def evaluate_pretraining(
    model: nn.Module,
    corpus: Sequence,
    tokenizer: Any,
    *,
    max_length: int = 128,
    batch_size: int = 64,
    sequences: int = 1000,
    rate: float = 0.15,
    seed: int = 1234,
    precision: str = "auto",
) -> dict[str, float]:
    """Masked words and next sentences on held-out text, under masks and pairs that only `seed` decides.

    Returns masked_loss (nats), masked_top1, masked_top5 and next_sentence_accuracy in percent.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    drawn = pretraining_features(corpus, tokenizer, max_length, seed=seed, pairs=len(corpus) > 1)
    features = list(itertools.islice(drawn, sequences))
    loss = first = fifth = masked = right = asked = 0.0
    with in_eval_mode(model), autocast(model, device, precision):
        for numbers in length_sorted_batches([length(feature) for feature in features], batch_size):
            batch = collate_pretraining([features[number] for number in numbers], tokenizer.pad_token_id)
            batch = gather_masked(mask_batch(batch, tokenizer, rate=rate, generator=generator))
            batch = {name: value.to(device) for name, value in batch.items()}
            masked_logits, pair_logits = pretraining_logits(model, batch)
            labels = batch["masked_labels"]
            loss += float(F.cross_entropy(masked_logits.float(), labels, reduction="sum"))
            best = masked_logits.topk(min(5, masked_logits.shape[-1]), dim=-1).indices == labels[:, None]
            first, fifth = first + float(best[:, 0].sum()), fifth + float(best.any(dim=1).sum())
            masked += len(labels)
            known = batch["next_sentence_label"] != IGNORED
            right += float((pair_logits.argmax(dim=-1) == batch["next_sentence_label"])[known].sum())
            asked += float(known.sum())
    masked = max(1.0, masked)
    scores = {
        "masked_loss": loss / masked, "masked_top1": 100 * first / masked, "masked_top5": 100 * fifth / masked,
    }  # fmt: skip
    if asked:
        scores["next_sentence_accuracy"] = 100 * right / asked
    return scores


@torch.no_grad()
def sequence_accuracy(model: EncoderDecoder, tokenizer: Any, batch: Mapping[str, Tensor]) -> dict[str, float]:
    """How well an `EncoderDecoder` writes the targets of a batch (see `sequence_batch`).

    Returns loss (nats), tokens (predicted rightly given the right ones before them, in percent) and accuracy
    (targets written without a fault, one token after the other, in percent).
    """
    batch = {name: value.to(model.device) for name, value in batch.items()}
    labels = batch["labels"]
    with in_eval_mode(model):
        logits = model(batch["input_ids"], batch["attention_mask"], batch["decoder_input_ids"]).logits.float()
        written = model.write(batch["input_ids"], batch["attention_mask"], tokenizer, labels.shape[1])
    written = F.pad(written, (0, labels.shape[1] - written.shape[1]), value=tokenizer.pad_token_id)
    asked = labels != IGNORED
    right = (written == labels) | ~asked
    return {
        "loss": float(F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)),
        "accuracy": 100 * float(right.all(dim=1).float().mean()),
        "tokens": 100 * float((logits.argmax(-1) == labels)[asked].float().mean()),
    }


def mask_batch(
    batch: Mapping[str, Tensor],
    tokenizer: Any,
    *,
    rate: float,
    generator: torch.Generator,
    words: Tensor | None = None,
) -> dict[str, Tensor]:
    """A collated batch with masked input_ids and labels (batch, sequence)."""
    input_ids = batch["input_ids"]
    special = batch["attention_mask"] == 0
    for token_id in (tokenizer.cls_token_id, tokenizer.sep_token_id):
        special |= input_ids == token_id
    masked = mask_tokens(
        input_ids, mask_token_id=tokenizer.mask_token_id, vocab_size=len(tokenizer), special=special, rate=rate,
        words=words, generator=generator,
    )  # fmt: skip
    return {**batch, "input_ids": masked.input_ids, "labels": masked.labels}
