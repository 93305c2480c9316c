"""What the analysis costs: each part beside the plain way to the same numbers, in one run.

    python benchmarks/analysis.py [--layers 12 --heads 12 --hidden 768] [--tokens 32] [--rounds 3] [--threads 2]
    python benchmarks/analysis.py --pairs minimal_pairs.jsonl.gz [--count 500]       # how long a set of pairs takes
    python benchmarks/analysis.py --pairs minimal_pairs.jsonl.gz --count 0           # and its accuracy, on all of it

The model of the first form has random weights, which take as long as trained ones. Rounds are interleaved; figures are
medians of seconds. Plain ways: one forward pass a head for the sweep, one pass a step for integrated gradients, one
`lab.score` a sentence for pseudo-log-likelihoods. The second form runs the shipped model on every so many-th pair of a
file of JSON lines with `sentence_good`, `sentence_bad` and `UID`, as BLiMP has them.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Run as a script, this folder would come first, and benchmarks/tokenizers.py would pass for the package `tokenizers`.
sys.path[0] = str(Path(__file__).parents[1])

import torch  # noqa: E402

import bertlab  # noqa: E402
from bertlab.analysis import ablation, attention, attribution, lens, scoring, targets  # noqa: E402
from bertlab.data import read  # noqa: E402


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(name: str, rounds: int, ours: Callable[[], object], plain: Callable[[], object] | None = None) -> None:
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(rounds):
        times["ours"].append(seconds(ours))
        if plain is not None:
            times["plain"].append(seconds(plain))
    mine = statistics.median(times["ours"])
    line = f"{name:<44} {mine:8.3f} s"
    if plain is not None:
        other = statistics.median(times["plain"])
        line += f"   plain {other:8.3f} s   {other / mine:5.2f} x"
    print(line, flush=True)


def measure(arguments: argparse.Namespace) -> None:
    config = bertlab.BertConfig(
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        hidden_size=arguments.hidden,
        intermediate_size=4 * arguments.hidden,
    )
    torch.manual_seed(0)
    model = bertlab.BertForPreTraining(config).eval()
    ids = torch.randint(1000, config.vocab_size, (1, arguments.tokens))
    batch = {"input_ids": ids, "token_type_ids": torch.zeros_like(ids), "attention_mask": torch.ones_like(ids)}
    target = targets.masked_token(arguments.tokens // 2, 2000, "log_probability")

    @torch.no_grad()
    def one_head_at_a_time() -> None:
        for layer, head in itertools.product(range(arguments.layers), range(arguments.heads)):
            with ablation.ablate(model, [(layer, head)]):
                target(model(**batch))

    def one_step_at_a_time() -> None:
        vectors = model.get_input_embeddings()(ids).detach()
        for step in range(32):
            at = (vectors * (step + 0.5) / 32).requires_grad_()
            rest = {name: value for name, value in batch.items() if name != "input_ids"}
            torch.autograd.grad(target(model(inputs_embeds=at, **rest)).sum(), at)

    print(
        f"{arguments.layers} x {arguments.hidden}, {arguments.heads} heads, {arguments.tokens} tokens, "
        f"{torch.get_num_threads()} threads, {model.device}, medians of {arguments.rounds}"
    )
    rounds = arguments.rounds
    heads = arguments.layers * arguments.heads
    compare(f"sweep over {heads} heads", rounds, lambda: list(ablation.sweep(model, batch, target)), one_head_at_a_time)
    steps = iter(ablation.sweep(model, batch, target))
    compare("its first head", 1, lambda: next(steps))
    compare("between two heads: how long Stop waits, at most", 1, lambda: max_wait(steps))
    compare(
        "integrated gradients, 32 steps",
        rounds,
        lambda: attribution.integrated_gradients(model, batch, target),
        one_step_at_a_time,
    )
    compare("gradient x input", rounds, lambda: attribution.gradient_x_input(model, batch, target))
    compare("occlusion of every token", rounds, lambda: attribution.occlusion(model, batch, target))
    compare("lens at one place", rounds, lambda: lens.layer_logits(model, batch, places=[arguments.tokens // 2]))
    compare("norm-weighted attention", rounds, lambda: attention.norm_weighted(model, batch))
    compare(
        "the same with residual and LayerNorm",
        rounds,
        lambda: attention.norm_weighted(model, batch, residual=True, layer_norm=True),
    )
    with torch.no_grad(), bertlab.record(model, "*.probs") as recording:
        model(**batch)
    special = torch.zeros(arguments.tokens, dtype=torch.bool)
    compare("statistics of every head", rounds, lambda: attention.statistics(recording, special))
    compare("rollout", rounds, lambda: attention.rollout(recording))


def max_wait(steps) -> None:
    """Take as many heads as run together, so that the time is that of one pass."""
    first = next(steps)
    for effect in steps:
        if effect.layer != first.layer:
            break


def score_pairs(arguments: argparse.Namespace) -> None:
    lab = bertlab.load(device=arguments.device, dtype=getattr(torch, arguments.dtype))
    rows = [(row["sentence_good"], row["sentence_bad"], row.get("UID", "all")) for row in read(Path(arguments.pairs))]
    every = max(1, len(rows) // arguments.count) if arguments.count else 1
    pairs = rows[::every]
    print(f"{lab}\n{len(pairs)} of {len(rows)} pairs, {torch.get_num_threads()} threads", flush=True)
    some = [text for pair in pairs[:40] for text in pair[:2]]
    compare(f"{len(some)} sentences", 3, lambda: scoring.score(lab, some), lambda: [lab.score(text) for text in some])
    start, result = time.perf_counter(), scoring.MinimalPairs()
    for result in scoring.stream_minimal_pairs(lab, pairs):
        done = len(result.margins)
        spent = time.perf_counter() - start
        print(
            f"{done} pairs in {spent:.0f} s: accuracy {result.accuracy:.4f}; all {len(rows)} take about "
            f"{spent / done * len(rows) / 60:.0f} min",
            flush=True,
        )
    for name, accuracy in sorted(result.by_phenomenon.items(), key=lambda item: item[1]):
        print(f"  {accuracy:.3f}  {name} ({result.total[name]})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch; as it chooses when left out")
    parser.add_argument("--pairs", help="a file of minimal pairs, JSON lines")
    parser.add_argument("--count", type=int, default=500, help="how many pairs, spread over the file; 0 for all")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32", help="of the shipped model, such as bfloat16")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    score_pairs(arguments) if arguments.pairs else measure(arguments)


if __name__ == "__main__":
    main()
