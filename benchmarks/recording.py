"""What recording costs: `python benchmarks/recording.py`.

Recording every hook point is compared with bertlab's own pass that returns attention weights, and with
TransformerLens' `run_with_cache` where TransformerLens is installed.
"""

from __future__ import annotations

import torch
from timing import batch, bert_base, interleaved, options, report, start

import bertlab
from bertlab import record


def transformer_lens_model(sizes: dict[str, int]):
    """A BERT with a masked-language head in TransformerLens' bridge, or None and why not."""
    try:
        import transformers
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError as error:
        return None, f"TransformerLens is not installed ({error})"
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        transformers.BertForMaskedLM(transformers.BertConfig(**sizes)).save_pretrained(folder)
        try:
            return TransformerBridge.boot_transformers(folder, device="cpu"), ""
        except Exception as error:  # its loader's own requirements, which change from version to version
            return None, f"TransformerLens could not load a local BERT ({type(error).__name__}: {error})"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    arguments = parser.parse_args()
    start(arguments)
    sizes = bert_base(arguments.small)
    model = bertlab.BertModel(bertlab.BertConfig(**sizes)).eval()
    inputs = batch(arguments.batch, arguments.length, model.config.vocab_size)

    def recorded(model, names="*"):
        def run():
            with record(model, names) as recording:
                model(**inputs)
            return recording

        return run

    with torch.inference_mode():
        times = interleaved(
            {
                "recording every hook point": recorded(model),
                "recording *.probs": recorded(model, "*.probs"),
                "recording *.hidden": recorded(model, "*.hidden"),
                "nobody listening": lambda: model(**inputs),
                "returning attention weights": lambda: model(**inputs, output_attentions=True),
            },
            arguments.rounds,
        )
        megabytes = sum(value.nbytes for value in recorded(model)().values()) / 1e6
        title = f"BertModel, {arguments.batch} x {arguments.length} tokens, {megabytes:.0f} MB recorded"
        report(title, times, "returning attention weights")

        masked = bertlab.BertForMaskedLM(bertlab.BertConfig(**sizes)).eval()
        lens, reason = transformer_lens_model(sizes)
        if lens is None:
            print(f"\nno comparison with run_with_cache: {reason}")
            return
        times = interleaved(
            {
                "bertlab, every hook point": recorded(masked),
                "TransformerLens run_with_cache": lambda: lens.run_with_cache(inputs["input_ids"]),
                "TransformerLens forward": lambda: lens(inputs["input_ids"]),
            },
            max(3, arguments.rounds // 3),
        )
        report("BertForMaskedLM, everything recorded", times, "TransformerLens run_with_cache")


if __name__ == "__main__":
    main()
