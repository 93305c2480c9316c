"""What the training commands do with the folder they are given: nothing is overwritten, mixed, or handed out as new."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bertlab
from bertlab.adapters import base_of, load_adapter, save_merged
from bertlab.command import main
from bertlab.data import Corpus
from bertlab.model import heads as task_heads
from bertlab.training import alone_in, checkpoints, read_progress

from training_cases import reviews, stories, tiny_base, tiny_tokenizer  # isort: skip

QUICK = ["--device", "cpu", "--precision", "float32", "--quiet"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    return tiny_base(folder, tiny_tokenizer(folder))


@pytest.fixture(scope="module")
def other_base(base, tmp_path_factory):
    """A base of the same shape with other weights."""
    folder = tmp_path_factory.mktemp("other")
    model = task_heads.BertForPreTraining.from_pretrained(base)
    model.bert.encoder.layer[1].output.dense.weight.data[3, 4] += 0.01
    model.save_pretrained(folder)
    shutil.copy(base / "vocab.txt", folder)
    return folder


def run(*arguments):
    return main([str(argument) for argument in arguments])


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def finetune(data, base, out, *more, steps=6):
    return ["finetune", data, "--kind", "classification", "--base", base, "--out", out, "--max-length", 16,
            "--labels", 0, 1, "--steps", steps, "--checkpoint-every", 2, *QUICK, *more]  # fmt: skip


def pretrain(text, base, out, *more, steps=4):
    return ["pretrain", text, "--base", base, "--out", out, "--steps", steps, "--batch-size", 8, "--max-length", 30,
            *QUICK, *more]  # fmt: skip


def weights(folder):
    return (Path(folder) / "model.safetensors").read_bytes()


@pytest.fixture
def data(tmp_path):
    return write_rows(tmp_path / "reviews.jsonl", reviews(40))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join("\n".join(document) for document in stories(30)))
    return path


# ------------------------------------------------------------------------------------------- whose a run is


def test_a_finished_run_says_so_and_keeps_its_model(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*finetune(data, base, out)) == 0
    before = weights(out)
    capsys.readouterr()
    assert run(*finetune(data, base, out)) == 0
    captured = capsys.readouterr()
    assert "has finished already (step 6), so nothing is trained" in captured.err and "UserWarning" not in captured.err
    assert weights(out) == before and not list(out.glob("former*"))


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("changed", ["labels", "more rows", "text", "base", "settings", "dev"])
def test_another_run_is_refused_and_never_handed_out(changed, finished, data, base, other_base, tmp_path, capsys):
    out, dev = tmp_path / "out", write_rows(tmp_path / "dev.jsonl", reviews(9, seed=1))
    assert run(*finetune(data, base, out, "--dev", dev)) == 0
    before = weights(out)
    if not finished:  # as a kill leaves it
        shutil.rmtree(checkpoints(out / "checkpoints")[-1])
        for name in ("model.safetensors", "config.json"):
            (out / name).unlink()
    rows, start, more = reviews(40), base, []
    if changed == "labels":
        write_rows(data, [{**row, "label": 1 - row["label"]} for row in rows])
    elif changed == "more rows":
        write_rows(data, rows * 3)
    elif changed == "text":
        write_rows(data, [*rows[:-1], {**rows[-1], "text": "the film was very good ."}])
    elif changed == "base":
        start = other_base
    elif changed == "settings":
        more = ["--seed", 1]
    else:
        write_rows(dev, reviews(9, seed=2))
    capsys.readouterr()
    assert run(*finetune(data, start, out, "--dev", dev, *more)) == 1
    words = {"base": "another model", "settings": "seed=0, now it is 1", "dev": "other evaluation data"}
    error = capsys.readouterr().err
    assert words.get(changed, "other training data") in error and "--no-resume" in error and "Traceback" not in error
    assert not finished or weights(out) == before


def test_starting_anew_puts_the_former_run_aside_and_is_what_the_next_call_goes_on_with(data, base, tmp_path):
    out = tmp_path / "out"
    assert run(*finetune(data, base, out, steps=6)) == 0
    former = weights(out)
    write_rows(data, reviews(40, seed=7))
    command = [*finetune(data, base, out, steps=4)]
    assert run(*command, "--no-resume") == 0
    assert read_progress(out / "checkpoints")["step"] == 4
    assert [path.name for path in checkpoints(out / "checkpoints")] == ["checkpoint-00000002", "checkpoint-00000004"]
    assert [path.name for path in checkpoints(out / "checkpoints" / "former-1")] == [
        "checkpoint-00000004", "checkpoint-00000006",
    ]  # fmt: skip
    assert weights(out) != former and weights(out / "former-1") == former
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2, 3, 4]
    new = weights(out)
    assert run(*command) == 0
    assert weights(out) == new


def test_an_adapter_and_a_whole_model_do_not_meet_in_one_folder(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*finetune(data, base, out, "--lora", 2)) == 0
    assert run(*finetune(data, base, out)) == 1
    assert "another model" in capsys.readouterr().err
    assert run(*finetune(data, base, out, "--no-resume")) == 0
    assert (out / "model.safetensors").exists() and not (out / "adapter.safetensors").exists()
    assert (out / "former-1" / "adapter.safetensors").exists()
    assert run(*finetune(data, base, out, "--lora", 2)) == 1
    assert run(*finetune(data, base, out, "--lora", 2, "--no-resume")) == 0
    assert (out / "adapter.safetensors").exists() and not (out / "model.safetensors").exists()
    assert load_adapter(out).config.num_labels == 2


@pytest.mark.parametrize("spelling", ["itself", "dotted", "link", "no-resume"])
def test_the_base_is_never_the_out(spelling, data, text, tmp_path, capsys):
    base = tiny_base(tmp_path / "base", tiny_tokenizer(tmp_path))
    before = weights(base)
    out = {"dotted": base / ".." / "base", "link": tmp_path / "link"}.get(spelling, base)
    (tmp_path / "link").symlink_to(base)
    more = ["--no-resume"] if spelling == "no-resume" else []
    for command in (finetune(data, base, out), finetune(data, base, out, "--lora", 2), pretrain(text, base, out)):
        assert run(*command, *more) == 1
        assert "and would overwrite it: give another --out" in capsys.readouterr().err
    assert weights(base) == before


def test_a_folder_with_another_model_is_not_taken_over(data, base, other_base, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(other_base, out)
    assert run(*finetune(data, base, out)) == 1
    assert "holds model.safetensors of another run already" in capsys.readouterr().err
    assert weights(out) == weights(other_base)
    assert run(*finetune(data, base, out, "--no-resume")) == 0
    assert weights(out / "former-1") == weights(other_base)


def test_a_log_is_not_written_into_the_data(data, base, tmp_path, capsys):
    before = data.read_bytes()
    assert run(*finetune(data, base, tmp_path / "out", "--log-file", data)) == 1
    assert "is read by this command too" in capsys.readouterr().err and data.read_bytes() == before


# ------------------------------------------------------------------------------------------------- the corpus


def test_the_tokenised_text_belongs_to_its_text_and_vocabulary(text, base, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*pretrain(text, base, out)) == 0
    about = json.loads((out / "corpus" / "sources.json").read_text())
    stat, content = text.stat(), text.read_text()
    text.write_text(content.replace("film", "book"))  # as long as before, and as old
    os.utime(text, (stat.st_atime, stat.st_mtime))
    assert run(*pretrain(text, base, out)) == 1
    assert "other training data" in capsys.readouterr().err
    assert json.loads((out / "corpus" / "sources.json").read_text()) != about
    text.write_text(content)
    assert run(*pretrain(text, base, out)) == 0, "the first text again: the run of the checkpoint"
    turned = tmp_path / "turned"
    shutil.copytree(base, turned)
    words = (base / "vocab.txt").read_text().split("\n")
    words[10], words[11] = words[11], words[10]
    (turned / "vocab.txt").write_text("\n".join(words))
    (turned / "tokenizer.json").unlink(missing_ok=True)
    assert run(*pretrain(text, turned, out)) == 1
    assert "another vocabulary" in capsys.readouterr().err


def test_a_corpus_whose_building_was_cut_off_is_built_again(text, base, tmp_path):
    out = tmp_path / "out"
    assert run(*pretrain(text, base, out)) == 0
    whole = (out / "corpus" / "ids.bin").read_bytes()
    shutil.rmtree(out / "checkpoints")
    for path in out.glob("*.*"):
        path.unlink()
    (out / "corpus" / "ids.bin").write_bytes(whole[:100])
    (out / ".corpus.unfinished").mkdir()
    (out / ".corpus.unfinished" / "ids.bin").write_bytes(b"half")
    assert run(*pretrain(text, base, out)) == 0
    assert (out / "corpus" / "ids.bin").read_bytes() == whole and not (out / ".corpus.unfinished").exists()


def test_building_a_corpus_over_another_one_keeps_the_old_until_the_new_is_whole(base, tmp_path):
    tokenizer = tiny_tokenizer(tmp_path)
    corpus = Corpus.build(stories(5), tokenizer, tmp_path / "corpus")
    first = corpus[0]

    with pytest.raises(TypeError):
        Corpus.build([*stories(9, seed=3), [None]], tokenizer, tmp_path / "corpus", chunk=2)
    assert Corpus.open(tmp_path / "corpus")[0] == first == corpus[0]
    Corpus.build(stories(9, seed=3), tokenizer, tmp_path / "corpus")
    assert corpus[0] == first, "what is open stays as it is"
    assert len(Corpus.open(tmp_path / "corpus")) == 9


# ------------------------------------------------------------------------------------------ numbers and signals


@pytest.mark.parametrize(
    "option, message",
    [
        (["--max-length", 0], "--max-length is 0"),
        (["--max-length", -3], "--max-length is -3"),
        (["--mask-rate", 0], "--mask-rate is 0.0"),
        (["--mask-rate", 1.5], "--mask-rate is 1.5"),
        (["--mask-rate", "nan"], "--mask-rate is nan"),
        (["--set", "folder=elsewhere"], "checkpoints go to OUT/checkpoints"),
    ],
)
def test_an_option_of_0_is_not_none(option, message, text, base, tmp_path, capsys):
    assert run(*pretrain(text, base, tmp_path / "out"), *option) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_resume_may_be_set_like_any_setting(data, base, tmp_path):
    out = tmp_path / "out"
    assert run(*finetune(data, base, out)) == 0
    assert run(*finetune(data, base, out, "--set", "resume=false")) == 0
    assert (out / "checkpoints" / "former-1").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="signals are a POSIX thing")
@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_a_checkpoint_to_go_on_from(number, status, data, base, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bertlab.command", *finetune(data, base, out, steps=100_000)]
    command[command.index("--checkpoint-every") + 1] = 50_000
    process = subprocess.Popen(
        [str(word) for word in command], stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    log, deadline = out / "log.jsonl", time.monotonic() + 120
    while not (log.is_file() and log.read_text().count("\n") > 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1]
    step = read_progress(out / "checkpoints")["step"]
    assert process.returncode == status and f"stopped after step {step}; the same command goes on" in error
    assert step == json.loads(log.read_text().splitlines()[-1])["step"]


def test_two_commands_do_not_work_in_one_folder(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    with alone_in(out):
        assert run(*finetune(data, base, out)) == 1
    assert "at work in" in capsys.readouterr().err
    assert run(*finetune(data, base, out)) == 0


def test_another_process_in_the_folder_is_named(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    code = f"""
import sys
from bertlab.training import alone_in
with alone_in({str(out)!r}):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    assert run(*finetune(data, base, out)) == 1
    assert f"another run (process {holder.pid}) is at work in {out}" in capsys.readouterr().err
    holder.kill()
    holder.wait()
    assert run(*finetune(data, base, out)) == 0, "a lock ends with its process"


# --------------------------------------------------------------------------------------------- opening adapters


def test_the_adapter_of_a_command_opens_on_its_base_and_merged(data, base, other_base, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(base, "start")
    assert run(*finetune(data, "start", "out", "--lora", 2, "--learning-rate", 0.01)) == 0
    assert "bertlab.load('out') opens it on its base, start" in capsys.readouterr().out
    monkeypatch.chdir(ROOT)
    lab = bertlab.load(tmp_path / "out", device="cpu")
    answer = lab.classify("the film was very good .", task="classification")
    merged = save_merged(tmp_path / "out", tmp_path / "merged")
    again = task_heads.BertForSequenceClassification.from_pretrained(merged).eval()
    inputs = lab.tokenizer("the film was very good .", return_tensors="pt")
    expected = again(**inputs).logits.softmax(-1)[0].tolist()
    assert [answer.probabilities[label] for label in ("0", "1")] == pytest.approx(expected, abs=1e-5)
    shutil.rmtree(tmp_path / "start")
    with pytest.raises(OSError, match="adapter for the model in .*start, which is not there any more"):
        bertlab.load(tmp_path / "out")
    shutil.copytree(other_base, tmp_path / "start")
    with pytest.raises(ValueError, match="trained on other weights"):
        bertlab.load(tmp_path / "out")
    shutil.move(tmp_path / "start", tmp_path / "elsewhere")
    shutil.copytree(base, tmp_path / "both" / "start")
    shutil.move(tmp_path / "out", tmp_path / "both" / "out")
    assert base_of(tmp_path / "both" / "out") == str(tmp_path / "both" / "start")
