"""What the tests of training stand on."""

import pytest

from bertlab.data import Corpus

from training_cases import stories, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="module")
def corpus(tokenizer):
    return Corpus.build(stories(40), tokenizer)
