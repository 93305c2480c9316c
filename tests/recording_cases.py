"""The names of all hook points, and a pass that can be listened to."""

import torch
from model_cases import (
    LAYERS,
    inputs,
)

from bertlab.recording import HookPoint

PROBS = "encoder.layer.1.attention.self.probs"


EMBEDDINGS = [f"embeddings.{name}" for name in ("word", "position", "token_type", "sum", "norm", "hidden")]


def attention(layer, kind="attention"):
    own = [f"self.{name}" for name in ("q", "k", "v", "scores", "probs", "context")]
    own += [f"output.{name}" for name in ("projected", "residual", "normed")]
    return [f"encoder.layer.{layer}.{kind}.{name}" for name in own]


def feed_forward(layer):
    own = "intermediate.preactivation intermediate.activated output.projected output.residual hidden"
    return [f"encoder.layer.{layer}.{name}" for name in own.split()]


ENCODER = EMBEDDINGS + [name for layer in range(LAYERS) for name in attention(layer) + feed_forward(layer)]


VOCABULARY_HEAD = [f"cls.predictions.{name}" for name in ("transform.activated", "transform.normed", "logits")]


def run(model, name="BertModel", **options):
    with torch.no_grad():
        return model(**inputs(name), **options)


def listeners(model):
    return [n for n, point in model.named_modules() if isinstance(point, HookPoint) and point.listened]
