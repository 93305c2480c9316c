"""Looking inside BERT with numbers: tensors in, tensors out.

What heads do and what a prediction rests on:

- `attention`: what heads look at, over one text or a corpus; norm-weighted attention, rollout, flow
- `dependencies`: heads against grammar
- `ablation`, `patching`, `pruning`: heads switched off, values of one run put into another, edges cut, heads removed
- `attribution`, `explanations`: which tokens a prediction rests on, whether that is true, and how the methods agree
- `targets`: which number of the output is meant

What hidden states hold:

- `embeddings`: word, position and segment vectors as they add up, and what the order of the words does
- `lens`: every layer read through the model's own head
- `similarity`: why two sentences are alike, token by token
- `geometry`, `neighbours`, `probing`, `neurons`: clouds of vectors, nearest contexts, what can be read from them, the
  words and contexts of single neurons
- `words`: all of it by words instead of pieces

Whole sets and whole models:

- `architecture`: parts, weights and their statistics, what passes between them, the lines of source
- `scoring`: sentences, minimal pairs and cloze items by pseudo-log-likelihood
- `errors`: where a classifier goes wrong in a set
- `compare`: two models side by side

Functions of tensors take a model and a batch (a mapping of the model's arguments); functions of texts take a `Lab`.
Layers, heads and places count from 0, heads as before pruning (NaN where one is gone); hidden states are numbered from
0, the embeddings, to the number of layers. Models run in eval mode here, and come back as they were.
"""

from bertlab.analysis import (
    ablation,
    architecture,
    attention,
    attribution,
    compare,
    dependencies,
    embeddings,
    errors,
    explanations,
    geometry,
    lens,
    neighbours,
    neurons,
    patching,
    probing,
    pruning,
    scoring,
    similarity,
    targets,
    words,
)
from bertlab.analysis.passes import evaluating
from bertlab.analysis.states import POOLINGS, embed

__all__ = [
    "POOLINGS", "ablation", "architecture", "attention", "attribution", "compare", "dependencies", "embed",
    "embeddings", "errors", "evaluating", "explanations", "geometry", "lens", "neighbours", "neurons", "patching",
    "probing", "pruning", "scoring", "similarity", "targets", "words",
]  # fmt: skip
