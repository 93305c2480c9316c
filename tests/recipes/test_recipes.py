"""The recipe in its tiny version, on text that is generated here, and what the recipes make of data folders."""

import functools
import gzip
import json
import random
import re
import shutil

import numpy as np
import pytest
import torch

from bertlab.adapters import EncoderDecoder, add_lora, load_adapter, save_adapter
from bertlab.adapters.store import adapter_state
from bertlab.model import BertForMultipleChoice, BertForNextSentencePrediction, BertForPreTraining
from bertlab.recipes import joint
from bertlab.recipes.__main__ import main
from bertlab.recipes.calibration import centre_thresholds, set_temperature
from bertlab.recipes.mini import load_recipe
from bertlab.recipes.reorder import warm_start
from bertlab.recipes.sets import TASKS, continuations, following, load_task
from bertlab.recipes.tasks import begin_with, calibrate_task, task_settings, train_task
from bertlab.training import Settings, predict

from training_cases import reviews, tiny_tokenizer  # isort: skip
from recipe_cases import ONE_STEP, put


def test_one_command_makes_the_whole_folder_and_repeats_nothing(data, start, tmp_path, capsys):
    command = ["mini", "--tiny", "--data", str(data), "--start", str(start), "--out", str(tmp_path / "made")]
    assert main(command) == 0
    capsys.readouterr()
    out = tmp_path / "made"
    assert {"config.json", "vocab.txt", "model.safetensors", "figures.json"} <= {p.name for p in out.iterdir()}
    figures = json.loads((out / "figures.json").read_text())
    assert set(figures) == {"pretraining", "joint", "sentiment", "ner", "qa", "seq2seq"}
    assert figures["joint"]["steps"] == 4 and set(figures["joint"]["dev"]) == set(figures["pretraining"]["dev"])
    assert set(figures["pretraining"]["dev"]) == {"wikipedia_simple", "storybooks", "sentence_polarity"}
    assert "accuracy" in figures["sentiment"]["dev"]["sentence_polarity"]
    assert figures["sentiment"]["guessing"]["chance"] == 50.0
    base = BertForPreTraining.from_pretrained(out)
    for task in ("sentiment", "ner", "qa"):
        model = load_adapter(out / "tasks" / task, base, share=True)
        about = json.loads((out / "tasks" / task / "config.json").read_text())["bertlab"]
        assert type(model).__name__ == about["class"]
    assert EncoderDecoder.load_decoder(out / "tasks" / "seq2seq", base.bert)
    before = (out / "model.safetensors").read_bytes()
    assert main(command) == 0  # the checkpoints of the stages are finished: nothing is trained again
    assert (out / "model.safetensors").read_bytes() == before
    told = capsys.readouterr().out
    assert "pretraining 1" not in told and '"part": "joint"' not in told
    again = json.loads((out / "figures.json").read_text())
    assert [again["joint"][name] for name in ("steps", "seconds")] == [
        figures["joint"][name] for name in ("steps", "seconds")
    ]


def test_a_model_and_its_adapters_are_trained_on_together(data, start, tmp_path, capsys):
    made = tmp_path / "made"
    shutil.copytree(start, made)
    for task in ("sentiment", "ner", "qa"):
        train_task(task, data, made, made, settings=ONE_STEP, limit=40)
    command = ["joint", "--recipe", "tiny", "--data", str(data), "--base", str(made), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert '"part": "joint", "step": 4' in capsys.readouterr().out
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert set(figures) == {"joint", "sentiment", "ner", "qa"}
    former, trained = (BertForPreTraining.from_pretrained(folder) for folder in (made, tmp_path / "out"))
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(former.get_parameter(name), trained.get_parameter(name))
    with pytest.raises(ValueError, match="trained on other weights"):
        load_adapter(tmp_path / "out" / "tasks" / "ner", former)
    for task in ("sentiment", "ner", "qa"):
        member = load_adapter(tmp_path / "out" / "tasks" / task, trained, share=True)
        own = [name for name in adapter_state(member) if ".lora_" not in name]
        assert not any("embeddings" in name for name in own), "the encoder is stored once"


def test_a_further_joint_run_with_another_seed_learns_from_other_batches_first(data, start, tmp_path, monkeypatch):
    for task in ("sentiment", "ner", "qa"):
        train_task(task, data, start, tmp_path, settings=ONE_STEP, limit=40)
    shutil.copytree(start, tmp_path, dirs_exist_ok=True)
    first_batches = []

    def looked_at(base, members, streams, shares, **settings):
        first_batches.append({name: next(streams[name].batches) for name in ("text", "sentences", "sentiment")})
        raise InterruptedError

    monkeypatch.setattr(joint, "train_jointly", looked_at)
    recipe = load_recipe("tiny")
    for seed in (1, 1, 2):
        recipe["joint"]["settings"]["seed"] = seed
        put(tmp_path, "recipe.json", [recipe])
        with pytest.raises(InterruptedError):
            main(["joint", "--recipe", str(tmp_path / "recipe.json"), "--data", str(data), "--base", str(tmp_path),
                  "--out", str(tmp_path / "out")])  # fmt: skip
    once, again, otherwise = first_batches
    assert once == again
    assert all(once[name] != otherwise[name] for name in once)


def test_a_decoder_goes_on_from_an_earlier_one(data, start, tmp_path):
    command = ["task", "seq2seq", "--data", str(data), "--base", str(start), "--out", str(tmp_path), "--limit", "40"]
    command += ["--steps", "1", "--set", "batch_size=4", "--set", "begin_with=seq2seq"]
    for former in (None, "seq2seq"):
        assert main(command) == 0
        figures = json.loads((tmp_path / "figures.json").read_text())["seq2seq"]
        assert figures["settings"]["begin_with"] == former


def test_one_task_can_be_trained_alone(data, start, tmp_path, capsys):
    command = ["task", "sentiment", "--data", str(data), "--base", str(start), "--out", str(tmp_path), "--steps", "2"]
    assert main([*command, "--rank", "2", "--set", "max_length=16", "--set", 'precision="float32"']) == 0
    about = json.loads((tmp_path / "tasks" / "sentiment" / "config.json").read_text())["bertlab"]
    assert about["lora"]["rank"] == 2 and "embeddings.word_embeddings" in about["lora"]["targets"]
    assert about["max_length"] == 16 and about["base"] == "bertlab-mini"
    assert json.loads(capsys.readouterr().out)["steps"] == 2


@pytest.mark.parametrize("name", ["mini", "gpu", "tiny"])
def test_every_recipe_is_whole(name):
    recipe = load_recipe(name)
    assert set(recipe["tasks"]) <= {*TASKS, "seq2seq"}
    former = {task: task_settings(task).get("begin_with") for task in recipe["tasks"]}
    for task, first in former.items():
        assert first not in former or recipe["tasks"].index(first) < recipe["tasks"].index(task)
    joint = recipe["joint"]
    Settings.from_dict(joint["settings"])
    assert set(joint["tasks"]) <= set(recipe["tasks"])
    for options in (*joint["texts"].values(), *joint["tasks"].values()):
        assert options["share"] > 0 and options["batch_size"] >= 1
        assert set(options.get("texts", {})) <= set(recipe["texts"])
    for stage in recipe["stages"]:
        own = {key: value for key, value in stage.items() if key != "max_length"}
        shared = {key: value for key, value in recipe["pretraining"].items() if key != "mask_rate"}
        Settings.from_dict({**shared, **own})
    assert sum(recipe["texts"].values()) > 0


def test_every_task_has_valid_settings():
    for name in TASKS:
        options = task_settings(name)
        assert options.pop("lora")["rank"] >= 1
        assert options.pop("begin_with", name) in TASKS
        options.pop("max_length", None)
        Settings.from_dict(options)


def test_entities_of_unshared_types_are_left_out(data):
    sets = load_task("ner", data)
    assert sets.train[0]["tags"] == ["B-PER", "O", "O"]


def test_unknown_tasks_and_missing_sets_are_named(data):
    with pytest.raises(LookupError, match="no recipe for the task 'chess'"):
        load_task("chess", data)
    with pytest.raises(FileNotFoundError, match="no train part of the set 'snli_small'"):
        load_task("inference", data)


def test_continuations_hold_the_next_sentence_once():
    told = [[f"document {d} sentence {s}" for s in range(12)] for d in range(8)]
    rows = continuations(told, 3, random.Random(0))
    assert len(rows) > 10
    for row in rows:
        last, right = row["prompt"].split("document ")[-1].strip(), row["endings"][row["label"]]
        document, sentence = last.split()[0], int(last.split()[-1])
        assert right == f"document {document} sentence {sentence + 1}"
        assert len(set(row["endings"])) == 4


def test_pairs_follow_when_their_label_is_0():
    told = [[f"{d}.{s}" for s in range(9)] for d in range(20)]
    rows = following(told, random.Random(0), 3)
    for row in rows:
        document, sentence = row["text"].split()[-1].split(".")
        follows = row["pair"].split()[0] == f"{document}.{int(sentence) + 1}"
        assert row["label"] == (0 if follows else 1)
    assert 0.35 < sum(row["label"] for row in rows) / len(rows) < 0.65


def test_more_documents_give_more_pairs_to_learn_from_and_the_same_to_test_on(tmp_path):
    sets = []
    for count in (4000, 4100):
        told = [{"text": "\n".join(f"text {number} line {line}" for line in range(4))} for number in range(count)]
        for name in ("wikipedia_simple", "wikipedia_en", "books_standardebooks", "storybooks"):
            put(tmp_path, f"{name}/docs.jsonl.gz", told)
        sets.append(load_task("next_sentence", tmp_path))
    few, many = sets
    assert few.dev == many.dev and len(many.train) == len(few.train) + 4 * 100
    tested = {line for row in many.dev["held-out text"] for line in _lines(row)}
    assert tested and not tested & {line for row in many.train for line in _lines(row)}


def _lines(row):
    return re.findall(r"text \d+ line \d+", f"{row['text']} {row['pair']}")


def test_thresholds_are_moved_to_one_half(start):
    from bertlab.data import Task
    from bertlab.model import BertForSequenceClassification

    tokenizer = tiny_tokenizer(start)
    task = Task("multilabel", ("a", "b"), max_length=16)
    model = BertForSequenceClassification.from_pretrained(start, num_labels=2).eval()
    with torch.no_grad():
        model.classifier.bias += torch.tensor([-2.0, 1.0])
    rows = [{"text": row["text"], "labels": [0] if row["label"] else [1]} for row in reviews(80)]
    before = np.stack(predict(model, tokenizer, rows, task))
    thresholds = centre_thresholds(model, tokenizer, rows, task, fewest=5)
    after = np.stack(predict(model, tokenizer, rows, task))
    assert ((after >= 0.5) == (before >= np.array(thresholds))).mean() > 0.99


def test_a_temperature_makes_a_classifier_as_sure_as_it_is_right_and_changes_no_answer(start):
    from bertlab.data import Task
    from bertlab.model import BertForSequenceClassification

    tokenizer, generator = tiny_tokenizer(start), np.random.default_rng(0)
    task = Task("classification", ("a", "b", "c"), max_length=16)
    model = BertForSequenceClassification.from_pretrained(start, num_labels=3, **task.config()).eval()
    with torch.no_grad():
        model.classifier.weight *= 5.0
    texts = [f"{row['text']} {row['text']}" for row in reviews(300)]
    honest = np.stack(predict(model, tokenizer, [{"text": text} for text in texts], task))
    labels = [generator.choice(3, p=p / p.sum()) for p in honest.astype(np.float64)]
    rows = [{"text": text, "label": int(label)} for text, label in zip(texts, labels)]
    with torch.no_grad():
        model.classifier.weight *= 4.0
        model.classifier.bias *= 4.0
    too_sure = np.stack(predict(model, tokenizer, rows, task))
    assert set_temperature(model, tokenizer, rows, task) == pytest.approx(4.0, rel=0.35)
    mended = np.stack(predict(model, tokenizer, rows, task))
    assert (mended.argmax(1) == too_sure.argmax(1)).all() and mended.max(1).mean() < too_sure.max(1).mean()
    assert abs(mended.max(1).mean() - honest.max(1).mean()) < 0.05


def test_a_stored_adapter_can_be_calibrated(data, start, tmp_path, capsys):
    options = {**ONE_STEP, "steps": 30, "learning_rate": 2e-2}
    before = train_task("sentiment", data, start, tmp_path, settings=options, limit=20)
    folder = tmp_path / "tasks" / "sentiment"
    sure = load_adapter(folder, start)
    with torch.no_grad():  # what a mean or a longer training may do to it
        sure.classifier.weight *= 4.0
        sure.classifier.bias *= 4.0
    details = json.loads((folder / "config.json").read_text())["bertlab"]
    details = {name: details[name] for name in ("kind", "max_length", "stride", "metric")}
    save_adapter(sure, folder, task="sentiment", base="bertlab-mini", details=details)
    command = ["calibrate", "sentiment", "--data", str(data), "--base", str(start), "--out", str(tmp_path)]
    assert main(command) == 0
    capsys.readouterr()
    after = json.loads((tmp_path / "figures.json").read_text())["sentiment"]
    assert after["steps"] == 30 and after["rows"] == before["rows"]
    assert after["dev"]["sentence_polarity"]["accuracy"] == before["dev"]["sentence_polarity"]["accuracy"]
    losses = {name: sum(scores["loss"] for scores in figures["dev"].values()) for name, figures in
              (("before", before), ("after", after))}  # fmt: skip
    assert losses["after"] == pytest.approx(losses["before"], rel=0.02)
    assert json.loads((folder / "config.json").read_text())["bertlab"]["max_length"] == details["max_length"]
    with pytest.raises(FileNotFoundError, match="holds no adapter"):
        calibrate_task("sentiment", data, start, tmp_path / "elsewhere", base_name="bertlab-mini")
    with pytest.raises(ValueError, match="ner is a task of the kind tagging"):
        calibrate_task("ner", data, start, tmp_path, base_name="bertlab-mini")


def test_teachers_judge_further_sentences(data, start, tmp_path):
    from bertlab.data import Task
    from bertlab.recipes.silver import add_silver_labels

    opinions = [{"text": f"{row['text']} {number}", "label": 1} for number, row in enumerate(reviews(12, 5))]
    put(tmp_path, "subjectivity/train.jsonl.gz", [*opinions, opinions[0], {"text": "it is a film .", "label": 0}])
    text = "\n".join(["too short"] + [f"{n} {row['text']} and so on and on" for n, row in enumerate(reviews(9, 6))])
    put(tmp_path, "movie_reviews/train.jsonl.gz", [{"text": text, "label": 1}])
    judged = {}
    for teachers in (1, 2):
        sets = load_task("sentiment", data)
        sets.task = Task("classification", ("negative", "positive"), max_length=32)
        people = list(sets.train)
        add_silver_labels(sets, tmp_path, start, teachers=teachers, steps=3)
        assert sets.train[: 2 * len(people)] == people * 2
        silver = sets.train[2 * len(people) :]
        assert len({row["text"] for row in silver}) == len(silver) == 12 + 9
        assert all(sum(row["label"]) == pytest.approx(1.0) for row in silver)
        judged[teachers] = [row["label"] for row in silver]
    assert judged[1] != judged[2]


def test_an_adapter_learns_what_teachers_judged(data, start, tmp_path, monkeypatch):
    from bertlab.recipes import silver, tasks

    put(
        data,
        "subjectivity/train.jsonl.gz",
        [{"text": f"{n} {row['text']}", "label": 1} for n, row in enumerate(reviews(9))],
    )
    put(data, "movie_reviews/train.jsonl.gz", [{"text": "it was a very good film and book .", "label": 1}])
    monkeypatch.setitem(tasks.SILVER, "sentiment", functools.partial(silver.add_silver_labels, teachers=1, steps=1))
    for _ in range(2):  # the second time by what was kept
        figures = train_task(
            "sentiment", data, start, tmp_path, settings=ONE_STEP, teacher=start, silver=tmp_path / "silver"
        )
    assert figures["rows"] == 2 * 60 + 9 + 1 and figures["sources"][-2:] == ["subjectivity", "movie_reviews"]
    assert figures["guessing"]["chance"] == 50.0


def test_what_a_teacher_labelled_is_kept_for_the_same_teacher_and_limit_only(data, start, tmp_path, monkeypatch):
    from bertlab.recipes import tasks

    asked = []

    def label(sets, data, teacher, limit):
        asked.append((str(teacher), limit))
        sets.train = sets.train[:1]

    monkeypatch.setitem(tasks.SILVER, "sentiment", label)
    for teacher, limit in ((start, 5), (start, 5), (start, 6), (start.parent, 6)):
        sets = tasks.prepared_sets("sentiment", data, limit=limit, teacher=teacher, silver=tmp_path)
        assert len(sets.train) == 1
    assert asked == [(str(start), 5), (str(start), 6), (str(start.parent), 6)]


def test_a_teacher_scores_further_pairs(data, start):
    from bertlab.data import Row, Task
    from bertlab.recipes import silver
    from bertlab.recipes.sets import TaskSets

    put(data, "snli_small/train.jsonl.gz", [{"text_a": "the film was good .", "text_b": "the film was bad ."}] * 5)
    (data / "tatoeba_en").mkdir(exist_ok=True)
    lines = [f"the {row['text']} and the book was very good .\tsomebody" for row in reviews(40)]
    (data / "tatoeba_en" / "sentences.tsv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    people = [
        Row({"text_a": row["text"], "text_b": "the film", "score": float(n % 6)}) for n, row in enumerate(reviews(9))
    ]
    sets = TaskSets(Task("regression"), list(people), {})
    silver.add_silver_pairs(sets, data, start, limit=40, pairs=40)
    assert sets.train[:9] == people and len(sets.train) > 3 * 9 + 10
    assert all(0.0 <= row["score"] <= 5.0 for row in sets.train)


def test_sentences_are_embedded_alike_alone_and_in_a_batch(start):
    from bertlab.model import BertModel
    from bertlab.recipes.silver import embed

    model, tokenizer = BertModel.from_pretrained(start), tiny_tokenizer(start)
    together = embed(model, tokenizer, ["the film", "the book was very good ."])
    alone = embed(model, tokenizer, ["the film"])
    torch.testing.assert_close(together[:1], alone)
    torch.testing.assert_close(together.norm(dim=-1), torch.ones(2))


def test_a_choice_begins_with_what_the_next_sentence_adapter_knows(start, tmp_path):
    torch.manual_seed(0)
    former = BertForNextSentencePrediction.from_pretrained(start)
    add_lora(former, rank=2, alpha=4)
    with torch.no_grad():
        for name, parameter in former.named_parameters():
            if "lora_" in name or "pooler" in name:
                parameter.normal_(0, 0.1)
    save_adapter(former, tmp_path, task="next_sentence", base=str(start), dtype=torch.float32)
    model = BertForMultipleChoice.from_pretrained(start)
    add_lora(model, rank=3, alpha=4)
    begin_with(model, tmp_path, start)
    ids = torch.randint(5, 40, (1, 3, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        chosen = model.eval()(ids).logits[0].softmax(-1)
        is_next, random_ = former.eval()(ids[0]).logits.unbind(-1)
    torch.testing.assert_close(chosen, (is_next - random_).softmax(-1))


def test_the_decoder_begins_with_places_self_attention_and_words_of_the_reader(start):
    reader = BertForPreTraining.from_pretrained(start)
    model = EncoderDecoder.with_small_decoder(reader.bert)
    warm_start(model, reader)
    hidden = torch.randn(3, reader.config.hidden_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model.decoder.cls.predictions(hidden), reader.cls.predictions(hidden))
    own, read = model.decoder.bert.encoder.layer[1], reader.bert.encoder.layer[1]
    torch.testing.assert_close(own.attention.self.query.weight, read.attention.self.query.weight)
    assert not torch.equal(own.crossattention.self.query.weight, read.attention.self.query.weight)
