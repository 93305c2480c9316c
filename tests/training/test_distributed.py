"""Two processes under torchrun give the loss curve of one process on the same global batch."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch.distributed

from bertlab.adapters import add_lora, save_adapter
from bertlab.data import Task
from bertlab.model import BertForSequenceClassification

from training_cases import reviews, stories, tiny_base, tiny_tokenizer  # isort: skip

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="needs torch with gloo"
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    return tiny_base(folder, tiny_tokenizer(folder), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def run(arguments, processes, out):
    """The command line in this many processes; the log of its steps."""
    start(["-m", "bertlab.command.entry", *arguments, "--out", out], processes, out.parent)
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def start(command, processes, folder):
    """Python with these arguments in this many processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-addr=127.0.0.1",
                f"--master-port={port}"] if processes > 1 else []  # fmt: skip
    command = [sys.executable, *launcher, *map(str, command)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]


def losses(records):
    return [value for record in records for value in record["losses"].values()]


def options(base, steps):
    return ["--device", "cpu", "--precision", "float32", "--batch-size", 7, "--steps", steps, "--learning-rate", 1e-3]


def test_finetuning_in_two_processes_is_finetuning_in_one(base, tmp_path):
    data = tmp_path / "reviews.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in reviews(40)))
    command = ["finetune", data, "--kind", "classification", "--base", base, "--max-length", 16, "--dev", data]
    command += [*options(base, 8), "--evaluate-every", 4]
    one = run(command, 1, tmp_path / "one")
    two = run(command, 2, tmp_path / "two")
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    assert [record["step"] for record in two] == list(range(1, 9))
    assert two[3]["evaluation"]["loss"] == pytest.approx(one[3]["evaluation"]["loss"], rel=1e-4)


def test_pretraining_in_two_processes_resumes_and_equals_one(base, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join("\n".join(document) for document in stories(30)))
    command = ["pretrain", text, "--base", base, "--max-length", 30, *options(base, 6), "--accumulation", 2]
    one = run(command, 1, tmp_path / "one")
    two = run(command, 2, tmp_path / "two")
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    saved = sorted((tmp_path / "two" / "checkpoints").iterdir())
    assert len(saved) == 2
    for file in saved[-1].iterdir():
        file.unlink()
    saved[-1].rmdir()
    again = run(command, 2, tmp_path / "two")
    assert losses(again[len(two) :]) == pytest.approx(losses(two[5:]), rel=1e-6)


JOINT = """
import itertools, json, os, sys
from bertlab.data import Task
from bertlab.adapters import load_adapter
from bertlab.model import BertForPreTraining
from bertlab.tokenizer import BertTokenizerFast
from bertlab.data import Corpus
from bertlab.training import pretraining_stream, task_stream, train_jointly

base, adapter, data, out = sys.argv[1:]
tokenizer, model = BertTokenizerFast.from_pretrained(base), BertForPreTraining.from_pretrained(base)
member = load_adapter(adapter, model, share=True)
model.requires_grad_(True)
given = json.load(open(data))
corpus = Corpus.build(given["stories"], tokenizer)
task = Task("classification", ("bad", "good"), max_length=16)
streams = {
    "text": pretraining_stream(model, tokenizer, corpus, max_length=30, batch_size=6),
    "reviews": task_stream(member, tokenizer, given["reviews"], task, batch_size=7)[0],
}
options = {"steps": 8, "learning_rate": 1e-3, "precision": "float32"}
losses = [record.losses for record in
          train_jointly(model, {"reviews": member}, streams, {"text": 1, "reviews": 1}, **options)]
if int(os.environ.get("RANK", 0)) == 0:
    json.dump(losses, open(out, "w"))
"""


def test_streams_joined_in_two_processes_are_those_of_one(base, tmp_path):
    model = BertForSequenceClassification.from_pretrained(base, **Task("classification", ("bad", "good")).config())
    add_lora(model, rank=2, generator=torch.Generator().manual_seed(0))
    adapter = save_adapter(model, tmp_path / "adapter", task="reviews", base=str(base))
    (tmp_path / "joint.py").write_text(JOINT)
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"stories": stories(30), "reviews": reviews(40)}))
    results = []
    for processes in (1, 2):
        out = tmp_path / f"losses{processes}.json"
        start([tmp_path / "joint.py", base, adapter, data, out], processes, tmp_path)
        results.append(json.loads(out.read_text()))
    one, two = results
    assert {name for step in one for name in step} == {"text/masked", "text/next_sentence", "reviews/classification"}
    assert two == [pytest.approx(step, rel=1e-4) for step in one]
