"""Every path to a GPU, rehearsed on a device that refuses what CUDA refuses: the same numbers as on the CPU."""

import copy
import inspect
from types import SimpleNamespace

import pretend_device
import pytest
import torch
from accelerator_cases import assert_alike
from analysis_cases import small_lab
from model_cases import HEAD_MODELS, inputs, labels, tiny
from pretend_device import PretendTensor, moved

import bertlab
from bertlab import analysis, devices
from bertlab.adapters import add_lora, load_adapter, merge_lora, save_adapter
from bertlab.model import heads as task_heads
from bertlab.training.arranging import Randomness

pytestmark = pytest.mark.skipif(not pretend_device.AVAILABLE, reason="this torch takes no device written in Python")


CPU = torch.device("cpu")


def test_the_pretend_device_refuses_what_a_gpu_refuses(accelerator):
    here = torch.ones(3, device=accelerator)
    assert isinstance(here, PretendTensor) and here.device == accelerator
    for operation in (lambda: here + torch.ones(3), lambda: torch.cat([here, torch.ones(3)]), lambda: here.numpy()):
        with pytest.raises((RuntimeError, TypeError), match="two devices|no numpy array"):
            operation()
    assert (here * torch.tensor(2.0))[torch.tensor([0, 2])].cpu().tolist() == [2.0, 2.0]
    assert here.cpu().device == CPU and torch.zeros(2).to(accelerator).device == accelerator


@pytest.mark.parametrize("name", ["BertModel", *HEAD_MODELS])
def test_models_compute_and_learn_there(accelerator, name):
    plain, batch, wanted = tiny(name), inputs(name), {} if name == "BertModel" else labels(name)
    there = moved(copy.deepcopy(plain))
    put = {key: value.to(accelerator) for key, value in {**batch, **wanted}.items()}
    answer, expected = there(**put), plain(**batch, **wanted)
    assert_alike(answer, expected)
    for output in (answer, expected):
        (output.loss if wanted else output.last_hidden_state.square().sum()).backward()
    for (parameter_name, ours), theirs in zip(there.named_parameters(), plain.parameters()):
        if theirs.grad is not None:
            assert ours.grad.device == accelerator, parameter_name
            assert_alike(ours.grad, theirs.grad, 1e-3)


@pytest.mark.parametrize("options", [{"position_embedding_type": "relative_key_query"}, {"is_decoder": True}])
def test_relative_positions_and_a_cache_stay_there(accelerator, options):
    plain = tiny(**options)
    there, ids = moved(copy.deepcopy(plain)), torch.tensor([[2, 5, 7, 9]])
    assert_alike(there(ids.to(accelerator)), plain(ids))
    if plain.config.is_decoder:
        past = there(ids[:, :3].to(accelerator)).past_key_values
        last = there(ids[:, 3:].to(accelerator), past_key_values=past).last_hidden_state
        assert_alike(last, plain(ids).last_hidden_state[:, 3:])


def test_padding_is_skipped_there_too(accelerator):
    plain = tiny()
    there = moved(copy.deepcopy(plain))
    plain.skip_padding = there.skip_padding = True
    assert_alike(there(**{name: value.to(accelerator) for name, value in inputs().items()}), plain(**inputs()))


def test_head_masks_embeddings_and_pruning_may_come_from_the_cpu_or_not(accelerator):
    plain = tiny()
    plain.prune_heads({0: [1]})
    there = moved(copy.deepcopy(plain))
    there.resize_token_embeddings(plain.config.vocab_size + 3)
    assert there.get_input_embeddings().weight.device == accelerator
    batch = {name: value.to(accelerator) for name, value in inputs().items()}
    assert_alike(there(**batch), plain(**inputs()))


QUESTIONS = {
    "encode": lambda lab: lab.encode("the cat", "a dog").input_ids,
    "record": lambda lab: dict(lab.record("the cat sat")),
    "embed": lambda lab: lab.embed(["the cat sat", "paris"]),
    "fill_mask": lambda lab: lab.fill_mask("the [MASK] sat on a [MASK] ."),
    "next_sentence": lambda lab: lab.next_sentence("the cat sat .", "paris is big ."),
    "score": lambda lab: lab.score("the cat sat"),
    "classify": lambda lab: lab.classify("a good film", task="sentiment"),
    "similarity": lambda lab: lab.similarity("the cat", "the dog"),
    "tag": lambda lab: lab.tag("angela merkel is in paris", task="ner"),
    "answer": lambda lab: lab.answer("where is merkel ?", "angela merkel is in paris ."),
    "choose": lambda lab: lab.choose("the cat sat on", ["a mat", "paris"]),
    "generate": lambda lab: lab.generate("the cat", max_new_tokens=4),
    "rewrite": lambda lab: lab.rewrite("the cat sat on a mat", task="seq2seq"),
    "sound": lambda lab: lab.sound(lab.model(**lab.encode("the cat")).prediction_logits),
}  # fmt: skip


OF_NO_DEVICE = (
    "add_task check_length device forget is_built is_trained mask_id prompt_ids reseed start_ids task_model tasks"
).split()


@pytest.fixture(scope="module")
def shipped():
    return bertlab.load(device="cpu")


@pytest.fixture(scope="module")
def shipped_there():
    with pretend_device.plugged_in():
        lab = bertlab.load(device="pretend")
        moved(lab.model)
        lab.model.tie_weights()
        return lab


def test_every_question_to_a_lab_is_rehearsed():
    methods = [name for name in vars(bertlab.lab.Lab) if not name.startswith("_")]
    assert sorted(methods) == sorted([*QUESTIONS, *OF_NO_DEVICE])


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_lab_answers_alike_there(accelerator, shipped, shipped_there, name):
    assert shipped_there.device == accelerator
    assert_alike(QUESTIONS[name](shipped_there), QUESTIONS[name](shipped), 2e-3)


def test_recordings_stay_there_or_come_back_and_edits_happen_there(accelerator, tmp_path):
    plain = tiny()
    there = moved(copy.deepcopy(plain))
    batch = {name: value.to(accelerator) for name, value in inputs().items()}
    with bertlab.record(plain) as expected, bertlab.edit(plain, {"*.probs": lambda probs: probs.flip(1)}):
        plain(**inputs())
    with bertlab.record(there) as recording, bertlab.edit(there, {"*.probs": lambda probs: probs.flip(1)}):
        there(**batch)
    assert all(value.device == accelerator for value in recording.values())
    assert_alike(dict(recording), dict(expected))
    recording.save(tmp_path / "values.safetensors")
    assert_alike(dict(bertlab.Recording.load(tmp_path / "values.safetensors")), dict(expected))
    with bertlab.record(there, "*.probs", device="cpu") as fetched:
        there(**batch)
    assert all(value.device == CPU for value in fetched.values())


def test_an_adapter_is_merged_saved_and_opened_there(accelerator, tmp_path):
    plain = add_lora(tiny("BertForSequenceClassification"), rank=2, generator=torch.Generator().manual_seed(0))
    there = moved(copy.deepcopy(plain))
    batch = {name: value.to(accelerator) for name, value in inputs().items()}
    assert_alike(there(**batch), plain(**inputs()))
    save_adapter(there, tmp_path, task="mood", base="a tiny one")
    base = moved(tiny("BertForPreTraining"))
    again = load_adapter(tmp_path, base, share=True, check_base=False)
    assert {parameter.device for parameter in again.parameters()} == {accelerator}
    again(**batch)
    assert_alike(merge_lora(there)(**batch), plain(**inputs()))


MASKED = "the cat [MASK] on a mat ."


TEXTS = ["the cat sat on a mat .", "paris is the capital of france !", "who ran , a big red dog ?"]


TREES = """1\tthe\tthe\tDET\t_\t_\t2\tdet\t_\t_
2\tcats\tcat\tNOUN\t_\t_\t3\tnsubj\t_\t_
3\tsat\tsit\tVERB\t_\t_\t0\troot\t_\t_

"""


TARGET = analysis.targets.masked_token(3, 7)


def metric(output):
    return TARGET(output)


def batches(lab):
    return dict(lab.encode(MASKED)), dict(lab.encode("the dog [MASK] on a mat ."))


def recorded(lab):
    return lab.record(TEXTS[0])


def points(lab, seed=0):
    return torch.randn(11, 5, generator=torch.Generator().manual_seed(seed)).to(lab.device)


def judged(lab):
    mood = task_heads.BertForSequenceClassification(copy.deepcopy(lab.model.config))
    mood.bert.load_state_dict({name: value.cpu() for name, value in lab.model.bert.state_dict().items()})
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        mood.classifier.weight.copy_(torch.randn(mood.classifier.weight.shape, generator=generator))
    mood = moved(mood) if lab.device.type == pretend_device.KIND else mood
    lab.add_task("mood", mood.eval())
    return [{"text": text, "label": "LABEL_0"} for text in TEXTS]


def switched(lab, switch):
    with switch:
        return lab.model(**batches(lab)[0]).prediction_logits


def attended(lab):
    output = lab.model(**lab.encode(TEXTS[0]), output_attentions=True)
    special = torch.zeros(output.attentions[0].shape[0], output.attentions[0].shape[-1], dtype=torch.bool)
    special[:, 0] = special[:, -1] = True
    return analysis.attention.statistics(output.attentions, special.to(lab.device), model=lab.model)


def probed(lab):
    rows = [{"tokens": text.split(), "tags": ["A" if len(w) > 2 else "B" for w in text.split()]} for text in TEXTS * 3]
    return analysis.probing.probe_layers(lab, rows)


def lens_of(lab):
    return analysis.lens.layer_logits(lab.model, recorded(lab))


ANALYSIS = {
    "ablation.ablate": lambda lab: switched(lab, analysis.ablation.ablate(lab.model, {0: [1]})),
    "ablation.sweep": lambda lab: analysis.ablation.sweep(lab.model, batches(lab)[0], metric),
    "ablation.effect_grid": lambda lab: analysis.ablation.effect_grid(
        analysis.ablation.sweep(lab.model, batches(lab)[0], metric), 3, 4
    ),
    "ablation.gradient_importance": lambda lab: analysis.ablation.gradient_importance(
        lab.model, batches(lab)[0], metric
    ),
    "ablation.corpus_means": lambda lab: analysis.ablation.corpus_means(lab, TEXTS),
    "architecture.weights": lambda lab: [len(weight.shape) for weight in analysis.architecture.weights(lab.model)],
    "architecture.parts": lambda lab: [part.count for part in analysis.architecture.parts(lab.model)],
    "architecture.statistics": lambda lab: analysis.architecture.statistics(lab.model.bert.pooler.dense.weight),
    "architecture.passing": lambda lab: str(analysis.architecture.passing(lab.model, batches(lab)[0])),
    "architecture.lengths": lambda lab: analysis.architecture.lengths(lab.model, batches(lab)[0]),
    "attention.statistics": attended,
    "attention.over_corpus": lambda lab: analysis.attention.over_corpus(lab, TEXTS),
    "attention.stream_corpus": lambda lab: analysis.attention.stream_corpus(lab, TEXTS),
    "attention.kinds_of": lambda lab: str(analysis.attention.kinds_of(attended(lab))),
    "attention.patterns_of": lambda lab: str(analysis.attention.patterns_of(attended(lab))),
    "attribution.gradient_x_input": lambda lab: analysis.attribution.gradient_x_input(
        lab.model, batches(lab)[0], TARGET
    ),
    "attribution.integrated_gradients": lambda lab: analysis.attribution.integrated_gradients(
        lab.model, batches(lab)[0], TARGET, steps=4
    ),
    "attribution.occlusion": lambda lab: analysis.attribution.occlusion(lab.model, batches(lab)[0], TARGET),
    "attribution.faithfulness": lambda lab: analysis.attribution.faithfulness(
        lab.model, batches(lab)[0], TARGET,
        analysis.attribution.gradient_x_input(lab.model, batches(lab)[0], TARGET).scores, random_orders=2,
    ),
    "compare.models": lambda lab: analysis.compare.models(lab, lab, TEXTS),
    "dependencies.heads": lambda lab: analysis.dependencies.heads(lab, TREES),
    "embeddings.parts": lambda lab: analysis.embeddings.parts(lab.model, batches(lab)[0]),
    "embeddings.position_similarity": lambda lab: analysis.embeddings.position_similarity(lab.model),
    "embeddings.rearranged": lambda lab: analysis.embeddings.rearranged(
        lab.model, dict(lab.encode("the cat sat")), [0, 2, 1, 3, 4]
    ),
    "embeddings.nearest_words": lambda lab: analysis.embeddings.nearest_words(lab.model, 7, 3),
    "errors.table": lambda lab: analysis.errors.table(lab, judged(lab), "mood"),
    "errors.stream": lambda lab: analysis.errors.stream(lab, judged(lab), "mood"),
    "explanations.compare": lambda lab: analysis.explanations.compare(lab.model, batches(lab)[0], TARGET, steps=3),
    "geometry.pca": lambda lab: analysis.geometry.pca(points(lab), 2).explained,
    "geometry.cka": lambda lab: analysis.geometry.cka(points(lab), points(lab, 1)),
    "geometry.anisotropy": lambda lab: analysis.geometry.anisotropy(points(lab)),
    "geometry.align": lambda lab: analysis.geometry.align(points(lab), points(lab, 1)),
    "geometry.separation": lambda lab: analysis.geometry.separation(points(lab), list("aabbabababb"), shuffles=20),
    "lens.layer_logits": lens_of,
    "lens.view": lambda lab: analysis.lens.view(lens_of(lab)),
    "neurons.words": lambda lab: analysis.neurons.words(lab.model, 1, 2, 3),
    "neurons.strongest": lambda lab: analysis.neurons.strongest(lab, TEXTS, 1, 2),
    "neurons.ablate": lambda lab: switched(lab, analysis.neurons.ablate(lab.model, [(0, 1)])),
    "patching.patch": lambda lab: analysis.patching.patch(lab.model, *batches(lab), metric),
    "patching.stream_patches": lambda lab: analysis.patching.stream_patches(lab.model, *batches(lab), metric),
    "patching.patch_all": lambda lab: analysis.patching.patch_all(lab.model, *batches(lab), metric),
    "patching.knock_out": lambda lab: analysis.patching.knock_out(
        lab.model, batches(lab)[0], metric, [(0, None, 2, 1)]
    ),
    "probing.probe": lambda lab: analysis.probing.probe(points(lab), list("aabbabababb")),
    "probing.probe_layers": probed,
    "probing.each_layer": probed,
    "pruning.curve": lambda lab: analysis.pruning.curve(lab.model, batches(lab)[0], metric),
    "scoring.score": lambda lab: analysis.scoring.score(lab, TEXTS),
    "scoring.stream_scores": lambda lab: analysis.scoring.stream_scores(lab, TEXTS),
    "scoring.minimal_pairs": lambda lab: analysis.scoring.minimal_pairs(lab, [(TEXTS[0], TEXTS[1])]),
    "scoring.stream_minimal_pairs": lambda lab: analysis.scoring.stream_minimal_pairs(lab, [(TEXTS[0], TEXTS[1])]),
    "scoring.cloze": lambda lab: analysis.scoring.cloze(lab, [("the [MASK] sat", "cat")]),
    "similarity.explain": lambda lab: analysis.similarity.explain(lab, TEXTS[0], TEXTS[1], words=True),
    "similarity.explain_layers": lambda lab: analysis.similarity.explain_layers(lab, TEXTS[0], TEXTS[1]),
    "similarity.matrix": lambda lab: analysis.similarity.matrix(lab, TEXTS),
    "similarity.matrices": lambda lab: analysis.similarity.matrices(lab, TEXTS),
    "targets.evaluate": lambda lab: analysis.targets.evaluate(lab.model, batches(lab)[0], TARGET),
    "targets.resolved": lambda lab: analysis.targets.evaluate(
        lab.model, batches(lab)[0],
        analysis.targets.resolved(lab.model, batches(lab)[0], analysis.targets.masked_token(3)),
    ),
    "words.merge": lambda lab: analysis.words.merge(
        recorded(lab).attention(0)[0], analysis.words.of(lab.encode(TEXTS[0]))
    ),
    "words.total": lambda lab: analysis.words.total(points(lab)[0], [0, 0, 1, 2, 2]),
    "neighbours.Index": lambda lab: analysis.neighbours.Index(lab, TEXTS).nearest(TEXTS[0], 2, 3),
    "embed": lambda lab: analysis.embed(lab, TEXTS, pooling="max"),
}  # fmt: skip


WITHOUT_TENSORS = (
    "architecture.source architecture.find architecture.count_of architecture.bytes_of "
    "dependencies.read_dependencies errors.table_of errors.calibration errors.labels_of errors.tasks_of "
    "neighbours.special_ids "
    "probing.control_labels scoring.mask_id targets.masked_token targets.next_sentence targets.label targets.tag "
    "targets.choice targets.answer_start targets.answer_end targets.one_number words.of words.names words.members"
).split()


def test_every_function_of_the_analysis_is_rehearsed():
    for name in analysis.__all__:
        module = getattr(analysis, name)
        if inspect.ismodule(module):
            own = [f"{name}.{key}" for key, value in vars(module).items()
                   if inspect.isfunction(value) and value.__module__ == module.__name__ and key[0] != "_"]  # fmt: skip
            missing = [function for function in own if function not in ANALYSIS and function not in WITHOUT_TENSORS]
            assert not missing, missing


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    here = small_lab(tmp_path_factory.mktemp("lab"))
    with pretend_device.plugged_in():
        there = small_lab(tmp_path_factory.mktemp("lab"))
        moved(there.model)
    return SimpleNamespace(here=here, there=there)


@pytest.mark.parametrize("name", ANALYSIS)
def test_the_analysis_finds_the_same_there(accelerator, labs, name):
    assert labs.there.device == accelerator
    assert_alike(ANALYSIS[name](labs.there), ANALYSIS[name](labs.here), 1e-3)


def test_only_cuda_pins_memory_and_is_asked_for_its_capability(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: pinned.append(self) or self)
    batch = {"input_ids": torch.ones(1, 2)}
    for kind, count in (("cpu", 0), ("mps", 0), ("pretend", 0), ("cuda", 1)):
        if kind == "pretend":
            device = SimpleNamespace(type="pretend")
        else:
            device = torch.device(kind)
        assert devices.ready_to_copy(batch, device) == batch and len(pinned) == count
    for major, expected in ((7, False), (8, True), (9, True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, major=major: (major, 0))
        assert devices.multiplies_bfloat16(torch.device("cuda")) is expected
    assert not devices.multiplies_bfloat16(CPU) and not devices.multiplies_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("kind, module", [("cuda", torch.cuda), ("mps", torch.mps)])
def test_the_generator_of_a_gpu_is_lent_to_a_step_and_handed_back(monkeypatch, kind, module):
    state = {"now": torch.tensor([1])}
    monkeypatch.setattr(module, "get_rng_state", lambda *device: state["now"])
    monkeypatch.setattr(module, "set_rng_state", lambda new, *device: state.update(now=new))
    monkeypatch.setattr(torch, "manual_seed", lambda seed: state.update(now=torch.tensor([seed])))
    randomness = Randomness(7, torch.device(kind))
    assert state["now"].item() == 1 and randomness.state[kind].item() == 7
    with randomness.lent():
        assert state["now"].item() == 7
        state["now"] = torch.tensor([8])  # a kernel drew
    assert state["now"].item() == 1 and randomness.state[kind].item() == 8
    randomness.state = {"cpu": torch.get_rng_state()}  # of a checkpoint from a CPU
    with randomness.lent():
        assert state["now"].item() == 1
