"""Looking inside BERT with numbers: tensors in, tensors out.

- `attention`: what heads look at, over one text or a corpus; norm-weighted attention, rollout, flow
- `ablation`: heads switched off, one set of them or every head in turn
- `lens`: every layer read through the model's own head
- `attribution`: which tokens a prediction rests on, and whether that is true
- `scoring`: sentences, minimal pairs and cloze items by pseudo-log-likelihood
- `targets`: which number of the output is meant, for ablation and attribution

Functions of tensors take a model and a batch (a mapping of the model's arguments); functions of texts take a `Lab`.
Layers, heads and places count from 0. Models run in eval mode here, and come back as they were.
"""

from bertlab.analysis import ablation, attention, attribution, lens, scoring, targets

__all__ = ["ablation", "attention", "attribution", "lens", "scoring", "targets"]
