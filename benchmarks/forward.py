"""The forward pass of BERT-base beside the installed transformers: `python benchmarks/forward.py`.

Both models have the same random weights, and their outputs are compared before anything is timed.
"""

from __future__ import annotations

import copy

import torch
import transformers
from timing import batch, bert_base, interleaved, options, report, start

import bertlab


def both(name: str, sizes: dict[str, int]):
    """`(ours, theirs with sdpa, theirs eager)` with equal weights, in eval mode."""
    config = transformers.BertConfig(**sizes)
    theirs = getattr(transformers, name)._from_config(config, attn_implementation="sdpa").eval()
    eager = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    eager.load_state_dict(theirs.state_dict())
    ours = getattr(bertlab, name)(bertlab.BertConfig(**sizes)).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, eager


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    arguments = parser.parse_args()
    start(arguments)
    sizes = bert_base(arguments.small)
    rows, length = arguments.batch, arguments.length
    ours, theirs, eager = both("BertModel", sizes)
    vocabulary = ours.config.vocab_size
    whole = batch(rows, length, vocabulary)
    mixed = batch(rows, length, vocabulary, shortest=min(16, length))
    print(f"transformers {transformers.__version__}, {rows} x {length} tokens, BertModel with random weights")

    def run(model, inputs, **extra):
        return lambda: model(**inputs, **extra)

    with torch.inference_mode():
        torch.testing.assert_close(ours(**whole)[0], theirs(**whole)[0], rtol=1e-4, atol=1e-4)
        times = interleaved({"bertlab": run(ours, whole), "transformers sdpa": run(theirs, whole)}, arguments.rounds)
        report("float32, nobody listening", times, "transformers sdpa")

        skipping = copy.deepcopy(ours)
        skipping.skip_padding = True
        seen = mixed["attention_mask"].bool()
        torch.testing.assert_close(skipping(**mixed)[0][seen], theirs(**mixed)[0][seen], rtol=1e-4, atol=1e-4)
        times = interleaved(
            {
                "bertlab, skip_padding": run(skipping, mixed),
                "bertlab": run(ours, mixed),
                "transformers sdpa": run(theirs, mixed),
            },
            arguments.rounds,
        )
        share = mixed["attention_mask"].float().mean().item()
        report(f"lengths 16 to {length} in one padded batch ({share:.0%} real tokens)", times, "transformers sdpa")

        half, theirs_half = copy.deepcopy(ours).bfloat16(), copy.deepcopy(theirs).bfloat16()
        times = interleaved(
            {
                "bertlab bfloat16": run(half, whole),
                "transformers bfloat16": run(theirs_half, whole),
                "transformers sdpa float32": run(theirs, whole),
            },
            arguments.rounds,
        )
        report("bfloat16", times, "transformers sdpa float32")

        everything = dict(output_hidden_states=True, output_attentions=True)
        times = interleaved(
            {"bertlab": run(ours, whole, **everything), "transformers eager": run(eager, whole, **everything)},
            arguments.rounds,
        )
        report("returning all hidden states and attention", times, "transformers eager")

        ours, theirs, _ = both("BertForMaskedLM", sizes)
        times = interleaved({"bertlab": run(ours, whole), "transformers sdpa": run(theirs, whole)}, arguments.rounds)
        report("with the masked-language head", times, "transformers sdpa")


if __name__ == "__main__":
    main()
