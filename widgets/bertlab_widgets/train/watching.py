"""What a model says about the texts that are watched while it learns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from bertlab.data import Task, column_of
from bertlab.language import say
from bertlab.nano import EncoderDecoder
from bertlab.training import predict

from ..workbench import token_names
from .rows import described

SHOWN_TEXTS = 5


def watch_task(
    model: nn.Module, tokenizer: Any, task: Task, texts: Sequence[tuple[str, str]], held_out: Sequence[Mapping]
) -> list[dict]:
    """What a model says about some texts and two held-out examples: "rows" of (label, value), or "said" in words."""
    rows, cards = [], []

    def add(row: dict, text: str, pair: str, truth: Any = None):
        rows.append(row)
        cards.append({"text": text, "pair": pair, "truth": truth})

    for text, pair in texts:
        if task.kind == "tagging":
            add({"tokens": re.findall(r"\w+|[^\w\s]", text) or [text]}, text, "")
        elif task.kind == "qa":
            if pair:
                add({"question": text, "context": pair}, text, pair)
        elif task.kind == "choice":
            if " | " in pair:
                add({"prompt": text, "endings": [part.strip() for part in pair.split(" | ")]}, text, pair)
        elif task.kind != "next_sentence" or pair:
            add({"text": text, **({"pair": pair} if pair else {})}, text, pair)
    for row in held_out[: max(0, min(2, SHOWN_TEXTS - len(rows)))]:
        text, pair, truth = described(row, task)
        asked = {
            name: value for name, value in row.items() if name not in ("label", "labels", "tags", "answers", "score")
        }
        add(asked, text, pair, truth)
    if not rows:
        return []
    for card, row, answer in zip(cards, rows, predict(model, tokenizer, rows, task)):
        if task.kind == "regression":
            card["rows"] = [(say("score"), float(answer))]
        elif task.kind == "tagging":
            words = column_of(row, "tokens")
            card["said"] = " ".join(f"{word} [{tag}]" if tag != "O" else word for word, tag in zip(words, answer))
        elif task.kind == "qa":
            card["said"] = answer or say("(no answer)")
        else:
            labels = task.labels or (("next", "random") if task.kind == "next_sentence" else column_of(row, "endings"))
            pairs = sorted(zip(map(str, labels), map(float, answer)), key=lambda pair: -pair[1])
            card["rows"] = pairs[:4] if len(pairs) > 4 else list(zip(map(str, labels), map(float, answer)))
    return cards


@torch.inference_mode()
def watch_masked(model: nn.Module, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> list[dict]:
    """The likeliest tokens at the first [MASK] of each text, or at its last word where it has none."""
    cards, device = [], next(model.parameters()).device
    for text, pair in texts:
        ids = tokenizer(text, truncation=True, max_length=model.config.max_position_embeddings, return_tensors="pt")[
            "input_ids"
        ]
        if tokenizer.mask_token_id is None or tokenizer.mask_token_id >= model.config.vocab_size:
            continue  # nothing can be hidden, and a typed [MASK] has no row in the model
        places = (ids[0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
        names, truth = tokenizer.convert_ids_to_tokens(ids[0].tolist()), None
        if not places:
            places = [i for i, name in enumerate(names) if name[:1].isalnum() or name.startswith("##")][-1:]
            if not places:
                continue
            truth = names[places[0]]
            ids[0, places[0]] = tokenizer.mask_token_id
        hidden = model.bert(ids.to(device)).last_hidden_state[0, places[0]]
        probabilities = model.cls.predictions(hidden).float().softmax(-1).cpu()
        best = probabilities.topk(4)
        rows = list(zip(token_names(tokenizer, best.indices.tolist()), best.values.tolist()))
        if truth is not None and truth not in dict(rows):
            rows = [*rows[:3], (truth, float(probabilities[tokenizer.convert_tokens_to_ids(truth)]))]
        cards.append({"text": text, "pair": pair, "truth": truth, "rows": rows, "place": places[0]})
    return cards


def reversal_ids(model: EncoderDecoder, tokenizer: Any, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of a text (1, source) and of what the model writes for it, from [CLS] on (1, target)."""
    source = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")["input_ids"].to(model.device)
    written = model.write(source, torch.ones_like(source), tokenizer, min(24, source.shape[1] + 2))
    end = (written[0] == tokenizer.sep_token_id).nonzero().flatten().tolist()
    written = written[:, : end[0]] if end else written
    return source, torch.cat([torch.full((1, 1), tokenizer.cls_token_id, device=source.device), written], dim=1)


def watch_reversal(model: EncoderDecoder, tokenizer: Any, texts: Sequence[tuple[str, str]]) -> list[dict]:
    """What the decoder writes for each text, beside the text backwards."""
    cards = []
    for text, _ in texts:
        source, target = reversal_ids(model, tokenizer, text)
        letters = tokenizer.convert_ids_to_tokens(source[0, 1:-1].tolist())
        written = tokenizer.convert_ids_to_tokens(target[0, 1:].tolist())
        cards.append(
            {
                "text": text,
                "pair": "",
                "said": " ".join(written) or say("(nothing)"),
                "truth": " ".join(reversed(letters)),
            }
        )
    return cards
