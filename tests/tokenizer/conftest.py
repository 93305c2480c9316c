"""What the tests of tokenizer stand on."""

import pytest
from vocabulary_cases import KINDS, TOKENS

from bertlab.tokenizer import BertTokenizer, BertTokenizerFast


@pytest.fixture(scope="module")
def vocab_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in TOKENS), encoding="utf-8")
    return path


@pytest.fixture(params=KINDS, ids=["readable", "fast"])
def tokenizer(request, vocab_file):
    return request.param(vocab_file)


@pytest.fixture
def readable(vocab_file):
    return BertTokenizer(vocab_file)


@pytest.fixture
def fast(vocab_file):
    return BertTokenizerFast(vocab_file)
