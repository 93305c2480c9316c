"""What the tests of recipes stand on."""

import gzip
import json

import pytest

from training_cases import reviews, stories, tiny_base, tiny_tokenizer  # isort: skip
from recipe_cases import put


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with a little of each set that the tiny recipe wants."""
    folder = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("wikipedia_simple", "storybooks")):
        rows = [{"id": str(n), "title": "", "text": "\n".join(told)} for n, told in enumerate(stories(30, number))]
        put(folder, f"{name}/docs.jsonl.gz", rows)
    put(folder, "tatoeba_en/sentences.tsv.gz", [])
    for number, name in enumerate(("sentence_polarity", "sentiment_uci", "imdb_counterfactual")):
        put(folder, f"{name}/train.jsonl.gz", reviews(20, number))
        put(folder, f"{name}/dev.jsonl", reviews(8, number + 10))
    entities = [{"tokens": ["anna", "saw", "rome"], "tags": ["B-PER", "O", "B-MISC"]}] * 6
    for name in ("ner_uner_ewt", "ner_wikigold"):
        put(folder, f"{name}/train.jsonl.gz", entities)
        put(folder, f"{name}/dev.jsonl.gz", entities)
    paragraph = {"context": "anna saw it . the film was good .", "qas": []}
    for number, answer in enumerate(("anna", "it", "good")):
        start = paragraph["context"].index(answer)
        answers = [{"text": answer, "answer_start": start}]
        paragraph["qas"].append({"id": str(number), "question": f"who {answer} ?", "answers": answers})
    content = json.dumps({"data": [{"title": "", "paragraphs": [paragraph]}]}).encode()
    for split in ("train-v1.1", "train-v2.0", "dev-v1.1", "dev-v2.0"):
        (folder / "squad").mkdir(exist_ok=True)
        (folder / "squad" / f"{split}.json.gz").write_bytes(gzip.compress(content))
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    return tiny_base(folder, tiny_tokenizer(folder))
