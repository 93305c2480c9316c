"""What all functions of the analysis have in common: they leave lab, tokenizer and random numbers as they were, see the
edits around them, and stop when their progress says so."""

import copy
import random

import numpy as np
import pytest
import torch
from analysis_cases import small_lab

from bertlab import bugs
from bertlab.analysis import (
    ablation,
    attention,
    attribution,
    compare,
    dependencies,
    errors,
    explanations,
    lens,
    neighbours,
    neurons,
    patching,
    probing,
    pruning,
    scoring,
    similarity,
    targets,
)
from bertlab.recording import HookPoint, edit, names, record

CLEAN, CORRUPT = "the cats sat on a mat", "the dogs ran on a house"
TEXTS = ["the cats sat on a mat.", "a dog ran", "he"]
TARGET = targets.masked_token(2, 11, "log_probability")
TREES = "1\tthe\t_\t_\t_\t_\t2\tdet\t_\t_\n2\tcats\t_\t_\t_\t_\t3\tnsubj\t_\t_\n3\tsat\t_\t_\t_\t_\t0\troot\t_\t_\n"
TAGGED = [{"tokens": ["the", "cats", "sat"], "tags": ["D", "N", "V"]}, {"tokens": ["a", "dog"], "tags": ["D", "N"]}] * 4
LABELLED = [{"text": "he ran", "label": "positive"}, {"text": "a dog sat on", "label": "negative"}]


def pairs(lab):
    return lab.model, lab.tokenizer(CLEAN, return_tensors="pt"), lab.tokenizer(CORRUPT, return_tensors="pt"), TARGET


def batch(lab):
    return lab.model, lab.tokenizer(CLEAN, return_tensors="pt")


WITH_PROGRESS = {
    "embed": lambda lab, **told: lab.embed(TEXTS, **told),
    "matrix": lambda lab, **told: similarity.matrix(lab, TEXTS, **told),
    **{
        f"patch {what}": lambda lab, what=what, **told: patching.patch(*pairs(lab), what=what, **told).effect
        for what in patching.COMPONENTS
    },
    **{
        f"curve by {by}": lambda lab, by=by, **told: pruning.curve(*batch(lab), TARGET, by=by, **told).values
        for by in pruning.ORDERS
    },
    "probe_layers": lambda lab, **told: [one.accuracy for one in probing.probe_layers(lab, TAGGED, **told)],
    "Index": lambda lab, **told: [n.place for n in neighbours.Index(lab, TEXTS, **told).nearest("a dog", 2, 4)],
    "strongest": lambda lab, **told: [c.place for n in neurons.strongest(lab, TEXTS, 1, 2, **told) for c in n],
    "explanations": lambda lab, **told: explanations.compare(*batch(lab), TARGET, **told).scores["effect"],
    "models": lambda lab, **told: compare.models(lab, lab, TEXTS, **told).cosine,
    "dependencies": lambda lab, **told: dependencies.heads(lab, TREES, **told)["det"].accuracies,
    "table": lambda lab, **told: [row.loss for row in errors.table(lab, LABELLED, "sentiment", **told).rows],
    "score": lambda lab, **told: [one.total for one in scoring.score(lab, TEXTS, **told)],
    "cloze": lambda lab, **told: scoring.cloze(lab, [("the [MASK] ran", "dog")], **told).answers[0].probability,
    "over_corpus": lambda lab, **told: attention.over_corpus(lab, TEXTS, **told).entropy,
    "corpus_means": lambda lab, **told: ablation.corpus_means(lab, TEXTS, **told)[1],
    "integrated_gradients": lambda lab, **told: attribution.integrated_gradients(*batch(lab), TARGET, **told).scores,
    "occlusion": lambda lab, **told: attribution.occlusion(*batch(lab), TARGET, **told).scores,
}
OTHERS = {
    "explain": lambda lab: similarity.explain(lab, *TEXTS[:2], words=True).pairs,
    "explain_layers": lambda lab: similarity.explain_layers(lab, *TEXTS[:2])[2].pairs,
    "patch_all": lambda lab: patching.patch_all(*pairs(lab)),
    "knock_out": lambda lab: patching.knock_out(*batch(lab), TARGET, [(0, None, 2, 3)], renormalise=True).value,
    "gradient_importance": lambda lab: ablation.gradient_importance(*batch(lab), TARGET),
    "sweep": lambda lab: ablation.effect_grid(ablation.sweep(*batch(lab), TARGET, how="mean"), 3, 4),
    "neurons.words": lambda lab: [word.logit for word in neurons.words(lab.model, 1, 3, 4)],
    "lens": lambda lab: lens.layer_logits(*batch(lab), places=[2]),
    "norm_weighted": lambda lab: attention.norm_weighted(*batch(lab))[1],
    "gradient_x_input": lambda lab: attribution.gradient_x_input(*batch(lab), TARGET).scores,
    **{name: lambda lab, name=name: bugs.try_on(lab, CLEAN, name).after for name in bugs.MISTAKES},
}
EVERYTHING = WITH_PROGRESS | OTHERS


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab with pruned heads and dropout, half of which is in training mode, to be put back so."""
    lab = small_lab(tmp_path_factory.mktemp("lab"), hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.3)
    lab.model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    lab.reseed("sentiment", 3)
    lab.model.bert.encoder.layer[1].train()
    lab.model.cls.train()
    lab.task_model("sentiment").train()
    return lab


def state_of(lab):
    """Everything that a call could leave behind."""
    modules = [*lab.model.modules(), *lab.task_model("sentiment").modules()]
    points = [module for module in modules if isinstance(module, HookPoint)]
    return {
        "weights": [(name, value.sum().item(), value.requires_grad) for name, value in lab.model.named_parameters()],
        "gradients": [value.grad is None for value in lab.model.parameters()],
        "modes": [module.training for module in modules],
        "heads": copy.deepcopy(lab.model.config.to_dict()),
        "hooks": [(len(point.edits), len(point.recorders)) for point in points],
        "torch hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        "random numbers": (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),
        "tokenizer": (lab.tokenizer.padding_side, lab.tokenizer("he ran a")["input_ids"], len(lab.tokenizer)),
        "others": (lab.tasks, torch.is_grad_enabled(), sorted(lab.adapters)),
    }


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.allclose(one.double(), other.double(), atol=1e-5, equal_nan=True)
    return one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_call_leaves_no_trace_and_has_no_dropout(lab, name):
    before = state_of(lab)
    one, other = EVERYTHING[name](lab), EVERYTHING[name](lab)
    assert same(one, other)
    assert not (isinstance(one, torch.Tensor) and one.requires_grad)
    after = state_of(lab)
    assert [what for what in before if before[what] != after[what]] == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_edits_and_recordings_around_a_call_stay_and_count(lab, name):
    halved = {names.hidden(1): lambda hidden: hidden * 0.5}
    with edit(lab.model, halved), ablation.ablate(lab.model, [(1, 2)]), record(lab.model, names.probs()):
        before = state_of(lab)
        inside = EVERYTHING[name](lab)
        after = state_of(lab)
    assert [what for what in before if before[what] != after[what]] == []
    alone = {
        "patch_all",
        "neurons.words",
        "table",
        "softmax_twice",
        "models",
        "dependencies",
        "probe_layers",
        "strongest",
        "Index",
    }
    if name not in alone:  # these need not change with the hidden states of such a small model
        assert not same(inside, EVERYTHING[name](lab)), "the edits had no effect"


@pytest.mark.parametrize("name", WITH_PROGRESS)
def test_progress_rises_to_one_and_what_it_raises_stops_the_work(lab, name):
    told = []
    WITH_PROGRESS[name](lab, progress=told.append)
    assert told == sorted(told) and told[-1] == 1 and told[0] > 0
    before = state_of(lab)

    def stop(share):
        raise InterruptedError(share)

    with pytest.raises(InterruptedError):
        WITH_PROGRESS[name](lab, progress=stop)
    after = state_of(lab)
    assert [what for what in before if before[what] != after[what]] == []
