"""What the panels that look inside compute, beside what people use for it today, in one process, taking turns.

    python benchmarks/inside.py patching        # the map of layers x positions, beside one pass for each of its cells
    python benchmarks/inside.py similarity      # two sentences, all layers
    python benchmarks/inside.py predicting      # 1,000 short rows, beside transformers' pipeline, batch for batch
    python benchmarks/inside.py searching       # 5,000 sentences indexed; one exact search in 50,000 x 768
    python benchmarks/inside.py gradients       # integrated gradients, 32 steps

Maps and gradients are of bertlab-mini and of 12 x 768 with random weights, which take as long as trained ones. Patching
is compared with TransformerLens where it is installed, else with the same loop over transformers' model: every cell a
forward pass with a hook in it. Results are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable

import torch
from timing import bert_base, interleaved, options, report, start

import bertlab
from bertlab.analysis import attribution, errors, neighbours, patching, similarity, targets
from bertlab.data import samples

PLACE, TOKEN = 16, 99  # what is asked of a text of 32 tokens


def random_model(small: bool) -> bertlab.BertForMaskedLM:
    """12 x 768 with weights large enough that patches matter."""
    config = bertlab.BertConfig(**bert_base(small), initializer_range=0.05)
    return bertlab.BertForMaskedLM(config).eval()


def pair(model: bertlab.BertForMaskedLM, tokens: int = 32) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Two texts of random tokens that differ in one of them."""
    ids = torch.randint(1000 % model.config.vocab_size, model.config.vocab_size, (1, tokens))
    corrupt = ids.clone()
    corrupt[0, 5] = 7
    return {"input_ids": ids}, {"input_ids": corrupt}


def patching_map(arguments: argparse.Namespace) -> None:
    target = targets.masked_token(PLACE, TOKEN)
    models = {"12 x 768": random_model(arguments.small)}
    if not arguments.small:
        models["bertlab-mini"] = bertlab.BertForMaskedLM.from_pretrained("bertlab-mini")
    for name, model in models.items():
        clean, corrupt = pair(model)
        ours, plain = patching.patch(model, clean, corrupt, target), plain_map(model, clean, corrupt)
        difference = float((ours.effect - plain().T).abs().max())
        print(f"\n{name}: the largest difference of the two maps is {difference:.1e}")
        candidates = {
            "one pass a cell": plain,
            "bertlab": lambda model=model, pair=(clean, corrupt): patching.patch(model, *pair, target),
        }
        report(f"patching, {name}, 32 tokens", interleaved(candidates, arguments.rounds, 0), "one pass a cell")


def plain_map(model: bertlab.BertForMaskedLM, clean: dict, corrupt: dict) -> Callable[[], torch.Tensor]:
    """The same grid in TransformerLens, or with hooks on transformers' model: (positions, hidden states)."""
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        theirs = transformers.BertForMaskedLM.from_pretrained(folder).eval()
        lens = transformer_lens_model(folder)
    layers, length = len(model.bert.encoder.layer), clean["input_ids"].shape[1]

    def grid(run: Callable[[int, int], float], ends: tuple[float, float]) -> torch.Tensor:
        cells = [[(run(state, place) - ends[1]) / (ends[0] - ends[1]) for state in range(layers + 1)]
                 for place in range(length)]  # fmt: skip
        return torch.tensor(cells)

    @torch.no_grad()
    def by_hooks() -> torch.Tensor:
        states = theirs(**clean, output_hidden_states=True).hidden_states
        modules = [theirs.bert.embeddings, *theirs.bert.encoder.layer]

        def value() -> float:
            return float(theirs(**corrupt).logits[0, PLACE, TOKEN])

        def run(state: int, place: int) -> float:
            def put_in(module, given, output):
                hidden = (output[0] if isinstance(output, tuple) else output).clone()
                hidden[:, place] = states[state][:, place]
                return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

            handle = modules[state].register_forward_hook(put_in)
            try:
                return value()
            finally:
                handle.remove()

        return grid(run, (float(theirs(**clean).logits[0, PLACE, TOKEN]), value()))

    @torch.no_grad()
    def by_lens() -> torch.Tensor:
        names = ["blocks.0.hook_in", *(f"blocks.{layer}.hook_out" for layer in range(layers))]
        logits, cache = lens.run_with_cache(clean["input_ids"], names_filter=lambda name: name in names)

        def run(state: int, place: int) -> float:
            def put_in(value, hook):
                value[:, place] = cache[names[state]][:, place]
                return value

            found = lens.run_with_hooks(corrupt["input_ids"], fwd_hooks=[(names[state], put_in)])
            return float(found[0, PLACE, TOKEN])

        return grid(run, (float(logits[0, PLACE, TOKEN]), float(lens(corrupt["input_ids"])[0, PLACE, TOKEN])))

    print("beside " + ("transformers' model with hooks" if lens is None else "TransformerLens"))
    return by_hooks if lens is None else by_lens


def transformer_lens_model(folder: str):
    """The model of a folder in TransformerLens' bridge, or None."""
    try:
        from transformer_lens.model_bridge import TransformerBridge

        return TransformerBridge.boot_transformers(folder, device="cpu")
    except Exception as error:  # not installed, or another version than it wants
        print(f"no TransformerLens: {type(error).__name__}: {error}")
        return None


def similar(arguments: argparse.Namespace) -> None:
    lab = bertlab.load()
    a, b = "A man is playing the flute on the pavement.", "A band is giving a concert in a park near the river."
    candidates = {
        "all layers, words": lambda: similarity.explain_layers(lab, a, b, words=True),
        "one layer": lambda: similarity.explain(lab, a, b),
    }
    report("similarity of two sentences, bertlab-mini", interleaved(candidates, arguments.rounds), "one layer")


def predicting(arguments: argparse.Namespace) -> None:
    """The shipped head for sentiment, saved as a model that both open."""
    import transformers

    lab = bertlab.load()
    texts = [row[name] for task in ("sentiment", "topics", "pairs", "similarity") for row in samples(task)
             for name in ("text", "text_a", "text_b") if name in row]  # fmt: skip
    random.Random(0).shuffle(texts)
    texts = list(dict.fromkeys(texts))[: 40 if arguments.small else 1000]
    rows = [{"text": text, "label": 0} for text in texts]
    model = lab.task_model("sentiment")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        lab.tokenizer.save_pretrained(folder)
        pipeline = transformers.pipeline("text-classification", model=folder, device="cpu")

    def theirs() -> list[str]:
        return [answer["label"] for answer in pipeline(texts, batch_size=32)]

    def ours() -> list[str]:
        return [row.prediction for row in errors.table(lab, rows, "sentiment", batch_size=32).rows]

    def streamed() -> list[str]:
        found = (errors.stream(lab, rows[at : at + 32], "sentiment", labelled=False) for at in range(0, len(rows), 32))
        return [row.prediction for part in found for row in part]

    same = sum(one == other for one, other in zip(ours(), theirs()))
    print(f"{same} of {len(rows)} predictions are the same")
    ways = {
        "transformers' pipeline": theirs,
        "bertlab, with losses and confusion": ours,
        "as DataPanel streams them": streamed,
    }
    times = interleaved(ways, arguments.rounds, 1)
    report(f"{len(rows)} short rows, 32 a batch", times, "transformers' pipeline")


def searching(arguments: argparse.Namespace) -> None:
    import time

    lab = bertlab.load()
    texts = [row["text"] for row in samples("topics")]
    texts = (texts * (1 + 5000 // len(texts)))[: 50 if arguments.small else 5000]
    began = time.perf_counter()
    index = neighbours.Index(lab, texts)
    print(f"{len(texts)} sentences, {len(index)} tokens indexed in {time.perf_counter() - began:.1f} s")
    vectors = torch.nn.functional.normalize(torch.randn(1000 if arguments.small else 50_000, 768), dim=1)
    index.vectors = vectors
    index._where, index._ids = [(0, 1)] * len(vectors), [1] * len(vectors)
    asked = torch.randn(768)
    times = interleaved({"search": lambda: index.search(asked, 20)}, arguments.rounds)
    report(f"the 20 nearest of {len(vectors)} x 768, exactly", times, "search")


def gradients(arguments: argparse.Namespace) -> None:
    model = random_model(arguments.small)
    batch, _ = pair(model)
    target = targets.masked_token(PLACE, TOKEN)
    vectors = model.get_input_embeddings()(batch["input_ids"]).detach()

    def one_step_at_a_time() -> None:
        for step in range(32):
            at = (vectors * (step + 0.5) / 32).requires_grad_()
            torch.autograd.grad(target(model(inputs_embeds=at)).sum(), at)

    candidates = {
        "one step at a time": one_step_at_a_time,
        "bertlab": lambda: attribution.integrated_gradients(model, batch, target),
    }
    times = interleaved(candidates, arguments.rounds, 1)
    report("integrated gradients, 32 steps, 12 x 768, 32 tokens", times, "one step at a time")


PARTS = {
    "patching": patching_map, "similarity": similar, "predicting": predicting, "searching": searching,
    "gradients": gradients,
}  # fmt: skip


def main() -> None:
    parser = options(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("what", nargs="?", choices=PARTS, help="all of it when left out")
    arguments = parser.parse_args()
    start(arguments)
    for name in [arguments.what] if arguments.what else PARTS:
        PARTS[name](arguments)


if __name__ == "__main__":
    main()
