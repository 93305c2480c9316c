"""Both tokenizers beside those of the installed transformers, in one run: interleaved rounds, medians, ratios.

    python benchmarks/tokenization.py [--text FILE] [--vocabulary vocab.txt] [--sentences 10000] [--rounds 5]

Every sentence is encoded once a round, all in one call, without padding. The readable tokenizer remembers the
words it has met, so it starts each round anew, with nothing remembered; "warm" is a second pass over the same
sentences. transformers 4 has a readable ("slow") tokenizer to compare with, transformers 5 has only the fast one.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from pathlib import Path

# The checkout's bertlab is measured, also when another one is installed.
sys.path[0] = str(Path(__file__).parents[1])

SHIPPED_VOCABULARY = Path(__file__).parents[1] / "bertlab" / "shipped" / "bertlab-mini" / "vocab.txt"


def made_sentences(vocabulary: list[str], count: int) -> list[str]:
    """Sentences of words of the vocabulary, the first ones most often, with inflections and punctuation."""
    generator = random.Random(0)
    words = [token for token in vocabulary if token.isalpha() and len(token) > 1]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    endings = ["", "", "", "", "s", "ed", "ing", "'s", "-like"]
    sentences = []
    for _ in range(count):
        chosen = generator.choices(words, weights, k=generator.randint(6, 28))
        sentence = " ".join(word + generator.choice(endings) for word in chosen)
        sentences.append(sentence.capitalize() + generator.choice([".", ".", "?", "!", " (1998), 3.5%."]))
    return sentences


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a file with a sentence a line; without it they are made up")
    parser.add_argument("--vocabulary", type=Path, default=SHIPPED_VOCABULARY)
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import transformers

    from bertlab.tokenizer import BertTokenizer, BertTokenizerFast

    vocabulary = arguments.vocabulary.read_text(encoding="utf-8").split("\n")
    if arguments.text:
        lines = arguments.text.read_text(encoding="utf-8").splitlines()
        sentences = [line for line in lines if line.strip()][: arguments.sentences]
    else:
        sentences = made_sentences(vocabulary, arguments.sentences)

    path = str(arguments.vocabulary)
    has_slow = int(transformers.__version__.split(".")[0]) < 5
    their_fast = transformers.BertTokenizerFast(path) if has_slow else transformers.BertTokenizer(vocab=path)
    our_fast = BertTokenizerFast(path)
    assert our_fast(sentences[:200])["input_ids"] == their_fast(sentences[:200])["input_ids"]
    contenders = {"fast, transformers": their_fast, "fast, bertlab": our_fast}
    if has_slow:
        contenders["readable, transformers"] = transformers.BertTokenizer(path)

    times: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        contenders["readable, bertlab"] = readable = BertTokenizer(path)
        for name, tokenizer in contenders.items():
            times.setdefault(name, []).append(seconds(lambda tokenizer=tokenizer: tokenizer(sentences)))
        times.setdefault("readable, bertlab, warm", []).append(seconds(lambda readable=readable: readable(sentences)))

    print(f"{len(sentences)} sentences, {arguments.rounds} rounds, transformers {transformers.__version__}")
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        kind = name.split(",")[0]
        peer = medians.get(f"{kind}, transformers")
        ratio = f"{median / peer:6.2f}" if peer else "     -"
        print(f"{name:<26} {median * 1000:8.0f} ms  {ratio} of transformers' {kind}")


if __name__ == "__main__":
    main()
