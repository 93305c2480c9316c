"""The model of a task on a lab's encoder: with a trained head where there is one, else with one of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bertlab.adapters import EncoderDecoder, fresh_head, is_decoder_folder, load_adapter, merge_lora
from bertlab.model import BertConfig, BertPreTrainedModel, undrawn_weights
from bertlab.model import heads as task_heads
from bertlab.tasks import KnownTask


def from_folder(folder: Path, base: BertPreTrainedModel) -> BertPreTrainedModel | EncoderDecoder:
    """The model of an adapter's folder, or of one with a decoder; it shares the weights of the base."""
    if is_decoder_folder(folder):
        return EncoderDecoder.load_decoder(folder, base.bert)
    return merge_lora(load_adapter(folder, base, share=True))


def untrained(known: KnownTask, base: BertPreTrainedModel) -> BertPreTrainedModel | EncoderDecoder:
    """A model whose head has random weights, on the base's own encoder (shared, not copied)."""
    if not hasattr(task_heads, known.model_class):
        return EncoderDecoder.with_small_decoder(base.bert)
    config = BertConfig.from_dict(base.config.to_dict())
    if known.labels:
        config.id2label = dict(enumerate(known.labels))
        config.label2id = {label: number for number, label in enumerate(known.labels)}
    config.problem_type = known.problem_type
    config.is_decoder = known.model_class == "BertLMHeadModel"
    return fresh_head(getattr(task_heads, known.model_class), config, base)


def made_ready(model: Any) -> Any:
    """A lab's model in eval mode, padding left out, outputs with names whatever the checkpoint's config wants."""
    model.base_model.skip_padding = True
    for config in {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}.values():
        config.return_dict, config.torchscript = True, False
    return model.eval()


def heads_on_encoder(model: Any, base: Any) -> task_heads.BertForPreTraining:
    """The very encoder of a trained model under the pre-training heads of `base`, nothing copied.

    Where the trained model has pre-training heads of its own, or no pooler, these or the base's stand there.
    """
    with torch.device("meta"), undrawn_weights():
        view = task_heads.BertForPreTraining(BertConfig.from_dict(base.config.to_dict()))
    encoder = model.base_model
    view.bert.embeddings, view.bert.encoder = encoder.embeddings, encoder.encoder
    view.bert.pooler = encoder.pooler if encoder.pooler is not None else base.bert.pooler
    view.cls = model.cls if isinstance(model, task_heads.BertForPreTraining) else base.cls
    view.loading_report = base.loading_report
    view.config.name_or_path = base.config.name_or_path
    return view
