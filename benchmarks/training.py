"""Steps of `finetune` beside transformers' Trainer, bfloat16 beside float32, and how well the machine is used.

    python benchmarks/training.py                 BERT-base, 16 texts of 128 tokens
    python benchmarks/training.py --small         a toy, to see that the benchmark itself works
    python benchmarks/training.py --part use      only the pre-training of the shipped size

Both trainers have the same weights, data, batch size, AdamW and precision, and take turns step by step.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time

import torch
from timing import bert_base, interleaved, options, report, start

import bertlab
from bertlab.data import Task
from bertlab.training import finetune, pretrain

MINI = dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)


class Words:
    """A stand-in for a tokenizer whose texts are ids in letters, so that every text has the length it should."""

    cls_token_id, sep_token_id, pad_token_id, mask_token_id, unk_token_id = 101, 102, 0, 103, 100

    def __init__(self, vocabulary: int):
        self.vocabulary = vocabulary

    def __len__(self) -> int:
        return self.vocabulary

    def __call__(self, texts, add_special_tokens=False, return_offsets_mapping=False):
        return {"input_ids": [[int(word) for word in text.split()] for text in texts]}


def texts(count: int, length: int, vocabulary: int) -> list[str]:
    ids = torch.randint(104, vocabulary, (count, length - 2), generator=torch.Generator().manual_seed(0))
    return [" ".join(map(str, row)) for row in ids.tolist()]


def our_steps(model, rows, batch: int, length: int, vocabulary: int, precision: str):
    """A function that takes one step of `finetune`."""
    task = Task("classification", ("0", "1"), max_length=length)
    steps = finetune(
        model, Words(vocabulary), rows, task, steps=100_000, batch_size=batch, learning_rate=5e-5, precision=precision
    )
    return lambda: next(steps)


class TrainerSteps:
    """transformers' Trainer, stopped after every step until it is called again."""

    def __init__(self, model, ids: torch.Tensor, labels: torch.Tensor, batch: int):
        import transformers

        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)
        outer = self

        class Pause(transformers.TrainerCallback):
            def on_step_end(self, *arguments, **more):
                outer.done.release()
                outer.go.acquire()

        examples = [
            {"input_ids": row, "attention_mask": torch.ones_like(row), "labels": label}
            for row, label in zip(ids, labels, strict=True)
        ]
        arguments = transformers.TrainingArguments(
            tempfile.mkdtemp(), per_device_train_batch_size=batch, max_steps=100_000, logging_strategy="no",
            save_strategy="no", report_to=[], disable_tqdm=True, use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        trainer = transformers.Trainer(model, arguments, train_dataset=examples, callbacks=[Pause()])
        threads = torch.get_num_threads()

        def train():
            torch.set_num_threads(threads)
            self.go.acquire()
            trainer.train()

        threading.Thread(target=train, daemon=True).start()

    def __call__(self) -> None:
        self.go.release()
        self.done.acquire()


def against_trainer(arguments) -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    sizes, batch, length = bert_base(arguments.small), arguments.batch, arguments.length
    config = transformers.BertConfig(**sizes, num_labels=2)
    theirs = transformers.BertForSequenceClassification._from_config(config, attn_implementation="sdpa")
    written = texts(batch * 8, length, config.vocab_size)
    labels = torch.arange(len(written)) % 2
    rows = [{"text": text, "label": int(label)} for text, label in zip(written, labels, strict=True)]
    ids = torch.tensor([[101, *map(int, text.split()), 102] for text in written])

    def ours():
        model = bertlab.BertForSequenceClassification(bertlab.BertConfig(**sizes, num_labels=2))
        model.load_state_dict(theirs.state_dict())
        return model

    print(f"transformers {transformers.__version__}, fine-tuning, {batch} x {length} tokens a step")
    candidates = {"finetune": our_steps(ours(), rows, batch, length, config.vocab_size, "float32")}
    if arguments.part in ("all", "trainer"):
        candidates["Trainer"] = TrainerSteps(theirs, ids, labels, batch)
    if arguments.part in ("all", "bfloat16"):
        candidates["finetune, bfloat16"] = our_steps(ours(), rows, batch, length, config.vocab_size, "bfloat16")
    times = interleaved(candidates, arguments.rounds)
    if "Trainer" in times:
        report("one step, against the Trainer", times, "Trainer")
    if "finetune, bfloat16" in times:
        report("one step, against float32", times, "finetune")


def flops(config: bertlab.BertConfig, sequences: int, length: int, masked: int) -> float:
    """Floating-point operations of one pre-training step: 2 for each multiplication, backward twice forward."""
    width, tokens = config.hidden_size, sequences * length
    layer = 2 * tokens * (4 * width * width + 2 * width * config.intermediate_size) + 4 * tokens * length * width
    head = 2 * masked * (width * width + width * config.vocab_size) + 2 * sequences * width * width
    return 3.0 * (config.num_hidden_layers * layer + head)


def matrix_peak(dtype: torch.dtype, device: str, size: int) -> float:
    """Operations a second of the best of some large matrix products."""
    best = 0.0
    left = torch.randn(size, size, device=device, dtype=dtype)
    right = torch.randn(size, size, device=device, dtype=dtype)
    for _ in range(6):
        began = time.perf_counter()
        for _ in range(3):
            left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 3 * 2 * size**3 / (time.perf_counter() - began))
    return best


def machine_use(arguments) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = bert_base(True) if arguments.small else MINI
    config = bertlab.BertConfig(**sizes)
    model = bertlab.BertForPreTraining(config).to(device)
    sequences, length = arguments.sequences, arguments.length
    generator = torch.Generator().manual_seed(0)
    documents = [
        torch.randint(104, config.vocab_size, (40, 24), generator=generator).tolist()
        for _ in range(max(64, sequences // 2))
    ]
    steps = pretrain(
        model, Words(config.vocab_size), documents, max_length=length, steps=100_000, batch_size=sequences,
        precision=arguments.precision, dropout=0.0, compile=arguments.compile,
    )  # fmt: skip
    dtype = torch.float32 if arguments.precision == "float32" else torch.bfloat16
    for _ in range(3):
        next(steps)
    used, peaks, rates = [], [], []
    for _ in range(arguments.rounds):
        peak = matrix_peak(dtype, device, 512 if arguments.small else 8192 if device == "cuda" else 1536)
        began = time.perf_counter()
        record = next(steps)
        seconds = time.perf_counter() - began
        tokens = record.tokens_per_second * seconds
        done = flops(config, round(tokens / length), length, round(0.15 * tokens))
        used.append(done / seconds / peak)
        peaks.append(peak)
        rates.append(tokens / seconds)
    print(f"\npre-training, {sequences} sequences of up to {length} tokens, {arguments.precision}, {device}")
    print(f"  measured matrix peak   {statistics.median(peaks) / 1e12:9.3f} TFLOP/s")
    print(f"  tokens a second        {statistics.median(rates):9.0f}")
    print(f"  model FLOPs use        {100 * statistics.median(used):9.1f} %")


def main() -> None:
    parser = options(__doc__, rounds=7)
    parser.add_argument("--part", choices=("all", "trainer", "bfloat16", "use"), default="all")
    parser.add_argument("--batch", type=int, default=16, help="texts of a fine-tuning step (default %(default)s)")
    parser.add_argument("--length", type=int, default=128, help="tokens of a text (default %(default)s)")
    parser.add_argument("--sequences", type=int, default=32, help="of a pre-training step (default %(default)s)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16", help="of --part use")
    parser.add_argument("--compile", action="store_true", help="of --part use: torch.compile the layers")
    arguments = parser.parse_args()
    start(arguments)
    if arguments.part != "use":
        against_trainer(arguments)
    if arguments.part in ("all", "use"):
        machine_use(arguments)


if __name__ == "__main__":
    main()
