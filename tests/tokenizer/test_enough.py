"""A long text of which only the beginning is wanted: the same outcome, and hardly any memory."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from bertlab import BertTokenizer, BertTokenizerFast
from bertlab.tokenizer import enough, fast, readable

TOKENS = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat on mat . , e ##e 中 国 a ##a cafe".split()
PARTS = [
    "the", "cat ", " sat", ".", ",,", "é", "e\u0301", "\u0301", "中国", "  ", "\n", "[MASK]", "[new one]", "[new",
    "\u200b",
    "aaa", "a" * 120, "\ud800", "İ", "ß",
]  # fmt: skip
KINDS = [BertTokenizer, BertTokenizerFast]


@pytest.fixture(params=KINDS, ids=["readable", "fast"])
def tokenizer(request):
    made = request.param({token: number for number, token in enumerate(TOKENS)})
    made.add_tokens(["[new one]"])
    return made


def outcome(tokenizer, *texts, **options):
    try:
        batch = tokenizer(*texts, return_offsets_mapping=True, return_length=True, **options)
    except ValueError as error:
        return str(error)
    return dict(batch), batch.tokens(), batch.word_ids(), batch.sequence_ids()


@pytest.mark.filterwarnings("ignore:.*tokens are to go")
@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
def test_a_beginning_gives_what_the_whole_text_gives(tokenizer, strategy, monkeypatch):
    chance = random.Random(11)
    for _ in range(60):
        texts = ["".join(chance.choices(PARTS, k=chance.choice([3, 40, 400]))) for _ in range(chance.choice([1, 2]))]
        options = {
            "truncation": strategy if len(texts) == 2 else chance.choice(["longest_first", "only_first"]),
            "max_length": chance.choice([3, 7, 16]),
            "add_special_tokens": chance.random() < 0.8,
        }
        monkeypatch.setattr(enough, "LONG", 10**9)
        monkeypatch.setattr(fast, "LONG", 10**9)
        monkeypatch.setattr(readable, "LONG", 10**9)
        whole = outcome(tokenizer, *texts, **options)
        monkeypatch.setattr(enough, "LONG", 20)
        monkeypatch.setattr(fast, "LONG", 20)
        monkeypatch.setattr(readable, "LONG", 20)
        monkeypatch.setattr(enough, "SHORTEST", 24)
        assert outcome(tokenizer, *texts, **options) == whole, (texts, options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_beginning_of_a_list_of_words_will_do(kind, monkeypatch):
    tokenizer = kind({token: number for number, token in enumerate(TOKENS)})
    words = ["the", "cat", "", "sat.", "[MASK]", "aaa"] * 20
    options = {"is_split_into_words": True, "truncation": True, "max_length": 9}
    whole = outcome(tokenizer, words, **options)
    monkeypatch.setattr(enough, "LONG", 20)
    monkeypatch.setattr(fast, "LONG", 20)
    monkeypatch.setattr(readable, "LONG", 20)
    monkeypatch.setattr(enough, "SHORTEST", 4)
    assert outcome(tokenizer, words, **options) == whole


MEMORY = """
import resource, sys
import bertlab
words = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat".split()
tokenizer = getattr(bertlab, sys.argv[1])({word: at for at, word in enumerate(words)})
text = "the cat, " * (20_000_000 // 9)
tokenizer("the cat", truncation=True, max_length=128)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
batch = tokenizer([text, "the cat"], ["the", text], truncation=True, max_length=128, padding=True)
assert [len(row) for row in batch["input_ids"]] == [128, 128]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("kind", ["BertTokenizer", "BertTokenizerFast"])
def test_twenty_megabytes_cut_at_128_tokens_take_little_memory(kind):
    root = Path(enough.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", MEMORY, kind], capture_output=True, text=True, timeout=300, cwd=root)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200  # MB


def test_half_a_million_characters_without_an_end_are_no_word(tokenizer):
    for text in ("é" * 1_200_000, "the cat " + "e\u0301" * 700_000):
        for options in ({}, {"truncation": True, "max_length": 5}):
            with pytest.raises(ValueError, match="from character 0 on|from character 500000 on"):
                tokenizer(text, **options)
            with pytest.raises(ValueError, match="no words; is it a text"):
                tokenizer("the", text, **options)
    assert len(tokenizer("中" * 1_200_000, truncation=True, max_length=5)["input_ids"]) == 5
