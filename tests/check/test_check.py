"""Every check knows a right answer from wrong ones, names the kind of mistake, and never raises; student copies."""

import ast
import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from bertlab.check import __main__ as command
from bertlab.check import check, exercises, student_copy
from bertlab.check.chapter_01 import matched
from bertlab.check.chapter_03 import TEXTS, on_padding
from bertlab.check.chapter_05 import likelihoods, recalls
from bertlab.check.chapter_10 import library_span, library_windows
from bertlab.check.student import BEGIN, END, without_solutions
from bertlab.check.verdict import _CHECKS, Differs, Verdict, exercise, shipped_lab
from bertlab.data import mask_tokens
from bertlab.samples import samples

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


# ------------------------------------------------------------------------------------------- answers to try


def shortest_match(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(start + 1, len(word) + 1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return ["[UNK]"]
        found.append(prefix + word[start : ends[0]])
        start = ends[0]
    return found if len(word) <= 100 else ["[UNK]"]


def without_limit(word, vocabulary):
    return matched(word, vocabulary) if len(word) <= 100 else ["x"] * len(word)


def partly_unknown(word, vocabulary):
    pieces = matched(word, vocabulary)
    return ["a", "[UNK]"] if pieces == ["[UNK]"] and word.startswith("a") else pieces


def cut(text, limit, count=-2):
    spans = shipped_lab().tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text[spans[: limit + count][-1][1] :]


def split(x, heads):
    batch, sequence, hidden = x.shape
    return x.view(batch, sequence, heads, hidden // heads).transpose(1, 2)


def attend(q, k, v, blocked, scale=None, axis=-1):
    scores = q @ k.transpose(-1, -2) / (scale or math.sqrt(q.shape[-1]))
    probs = (scores + blocked).softmax(axis)
    return probs, probs @ v


def attend_unmasked(q, k, v, blocked):
    return attend(q, k, v, 0)


def mask(ids, special, generator, **shares):
    options = {"mask_token_id": 103, "vocab_size": 30522, "generator": generator, **shares}
    return tuple(mask_tokens(ids, special=special, **options))


def mask_special_too(ids, special, generator):
    return mask(ids, torch.zeros_like(special), generator)


def label_everything(ids, special, generator):
    return mask(ids, special, generator)[0], torch.where(special, -100, ids)


def label_what_is_hidden(ids, special, generator):
    hidden, labels = mask(ids, special, generator)
    return hidden, torch.where(labels != -100, hidden, -100)


def features(texts, weigh=True):
    batch = shipped_lab().tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = shipped_lab().model.bert(**batch).last_hidden_state
    real = batch["attention_mask"].unsqueeze(-1)
    return (hidden * real).sum(1) / real.sum(1) if weigh else hidden.mean(1)


def first_tokens(texts):
    batch = shipped_lab().tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return shipped_lab().model.bert(**batch).last_hidden_state[:, 0]


def softmax_loss(logits, targets):
    return -(targets * logits.log_softmax(-1)).sum(-1).mean()


def fragile_loss(logits, targets):
    p = logits.sigmoid()
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


def best_constant(scores):
    mean = sum(scores) / len(scores)
    return mean, sum((score - mean) ** 2 for score in scores) / len(scores)


def choices(prompts, endings, order="repeat", flat=False):
    count = len(endings[0])
    repeated = [p for p in prompts for _ in range(count)] if order == "repeat" else list(prompts) * count
    batch = shipped_lab().tokenizer(repeated, [e for row in endings for e in row], padding=True, return_tensors="pt")
    return dict(batch) if flat else {name: value.view(len(prompts), count, -1) for name, value in batch.items()}


def stride_as_step(length, size, overlap):
    starts = range(0, max(1, length - size + max(1, overlap)), max(1, overlap))
    return [(start, min(start + size, length)) for start in starts]


def windows_with_a_gap(length, size, overlap):
    return library_windows(length, size, overlap)[:1]


def two_maxima(start, end, inside, longest):
    low = torch.tensor(-1e9)
    return int(torch.where(inside, start, low).argmax()), int(torch.where(inside, end, low).argmax())


def anywhere(start, end, inside, longest):
    return library_span(start, end, torch.ones_like(inside), longest)


def majority(labels):
    return max(labels.count(label) for label in set(labels)) / len(labels)


def mask_in_place(ids, special, generator):
    hidden, labels = mask(ids, special, generator)
    ids.copy_(hidden)
    return ids, labels


RIGHT = {
    "01.1": lambda: matched,
    "01.2": lambda: "antidisestablishmentarianism",
    "01.3": lambda: ("Zoë", "zoe"),
    "01.4": lambda: lambda text, limit: cut(text, limit),
    "03.1": lambda: split,
    "03.2": lambda: attend,
    "03.3": lambda: on_padding()[0],
    "05.1": lambda: mask,
    "05.2": lambda: lambda sentence: likelihoods(sentence)["right"],
    "05.3": lambda: recalls()[0],
    "08.1": lambda: majority,
    "08.2": lambda: features,
    "08.3": lambda: functional.binary_cross_entropy_with_logits,
    "08.4": lambda: best_constant,
    "10.1": lambda: choices,
    "10.2": lambda: library_windows,
    "10.3": lambda: library_span,
}

# (exercise, what is wrong, the answer, a word of the hint or the message)
WRONG = [
    ("01.1", "the shortest piece", lambda: shortest_match, "longest"),
    ("01.1", "no ##", lambda: lambda w, v: [p.removeprefix("##") for p in matched(w, v)], "prefix"),
    ("01.1", "a part unknown", lambda: partly_unknown, "whole word"),
    ("01.1", "words of any length", lambda: without_limit, "100 characters"),
    ("01.1", "a string", lambda: lambda w, v: " ".join(matched(w, v)), "list of pieces"),
    ("01.1", "a function that raises", lambda: lambda w, v: v["no such piece"], "KeyError"),
    ("01.1", "a function without return", lambda: lambda w, v: None, "return"),
    ("01.1", "no function", lambda: ["un", "##aff"], "function"),
    ("01.2", "a whole word", lambda: "house", "five or more"),
    ("01.2", "an unknown word", lambda: "ꙮꙮꙮꙮꙮ", "unknown"),
    ("01.2", "two words", lambda: "two words", "one word"),
    ("01.2", "no string", lambda: 5, "one word"),
    ("01.3", "capitals only", lambda: ("Polish", "polish"), "capitals"),
    ("01.3", "different words", lambda: ("one", "two"), "tell them apart"),
    ("01.3", "unknown ones", lambda: ("☃", "𝔹"), "[UNK]"),
    ("01.3", "one text", lambda: "x", "two texts"),
    ("01.4", "special tokens forgotten", lambda: lambda text, limit: cut(text, limit, 0), "[CLS] and [SEP]"),
    ("01.4", "words", lambda: lambda text, limit: " ".join(text.split()[limit - 2 :]), "tokens, not words"),
    ("01.4", "nothing", lambda: lambda text, limit: "", "last token"),
    ("03.1", "view alone", lambda: lambda x, n: x.reshape(x.shape[0], n, x.shape[1], -1), "split the last axis"),
    ("03.1", "axes not swapped", lambda: lambda x, n: x.view(*x.shape[:2], n, -1), "swap two"),
    ("03.2", "not scaled", lambda: lambda q, k, v, b: attend(q, k, v, b, scale=1), "not scaled"),
    ("03.2", "scaled by the size", lambda: lambda q, k, v, b: attend(q, k, v, b, scale=32), "root"),
    ("03.2", "softmax over queries", lambda: lambda q, k, v, b: attend(q, k, v, b, axis=-2), "over the keys"),
    ("03.2", "no mask", lambda: attend_unmasked, "mask is not used"),
    ("03.2", "the weights alone", lambda: lambda q, k, v, b: attend(q, k, v, b)[0], "pair"),
    ("03.3", "mask still on", lambda: torch.zeros(6, 12), "mask was still on"),
    ("03.3", "[PAD] queries too", lambda: on_padding()[1], "leave them out"),
    ("03.3", "one number", lambda: float(on_padding()[0].mean()), "each layer"),
    ("03.3", "words", lambda: "half", "numbers"),
    ("05.1", "all of them [MASK]", lambda: lambda *a: mask(*a, masked=1.0, randomized=0.0), "random token"),
    ("05.1", "twice as many", lambda: lambda *a: mask(*a, rate=0.3), "15 % are asked for"),
    ("05.1", "special tokens too", lambda: mask_special_too, "special"),
    ("05.1", "labels everywhere", lambda: label_everything, "chosen"),
    ("05.1", "labels from the hidden ids", lambda: label_what_is_hidden, "before you change"),
    ("05.1", "its arguments changed", lambda: mask_in_place, "changed its argument"),
    ("05.1", "ids alone", lambda: lambda *a: mask(*a)[0], "pair"),
    *[
        ("05.2", name, lambda name=name: lambda sentence: likelihoods(sentence)[name], word)
        for name, word in [
            ("unmasked", "visible"),
            ("together", "one at a time"),
            ("special", "[CLS]"),
            ("mean", "mean"),
            ("bits", "bits"),
            ("negative", "sign"),
        ]
    ],
    ("05.3", "per cent", lambda: recalls()[0] * 100, "percent"),
    ("05.3", "the train items", lambda: recalls("train")[0], "train"),
    ("05.3", "how many", lambda: recalls()[0] * 70, "divide by the number of gaps"),
    ("05.3", "divided by 100", lambda: recalls()[0] * 70 / 100, "divide by the number of gaps"),
    ("05.3", "the gaps that are missed", lambda: 1 - recalls()[0], "missed"),
    ("05.3", "far off", lambda: 2.0, "not the library's"),
    ("08.1", "one over the labels", lambda: lambda labels: 1 / len(set(labels)), "equally frequent"),
    ("08.1", "per cent", lambda: lambda labels: 100 * majority(labels), "percent"),
    ("08.2", "padding averaged", lambda: lambda texts: features(texts, weigh=False), "[PAD]"),
    ("08.2", "[CLS]", lambda: first_tokens, "mean over all"),
    ("08.3", "softmax", lambda: softmax_loss, "compete"),
    ("08.3", "the sum", lambda: lambda a, b: functional.binary_cross_entropy_with_logits(a, b, reduction="sum"), "sum"),
    ("08.3", "log of a sigmoid", lambda: fragile_loss, "logsigmoid"),
    ("08.4", "the median", lambda: lambda s: (sorted(s)[(len(s) - 1) // 2], best_constant(s)[1]), "median"),
    ("08.4", "the root", lambda: lambda s: (best_constant(s)[0], best_constant(s)[1] ** 0.5), "root"),
    ("10.1", "flat", lambda: lambda p, e: choices(p, e, flat=True), "flat"),
    ("10.1", "prompts mixed up", lambda: lambda p, e: choices(p, e, order="tile"), "repeated"),
    ("10.1", "no dictionary", lambda: lambda p, e: choices(p, e)["input_ids"], "dictionary"),
    ("10.2", "the stride as the step", lambda: stride_as_step, "share"),
    ("10.2", "the first window only", lambda: windows_with_a_gap, "in no window"),
    ("10.2", "numbers", lambda: lambda length, size, overlap: [1, 2], "(start, end)"),
    ("10.3", "two maxima", lambda: two_maxima, "before it begins"),
    ("10.3", "outside of the text", lambda: anywhere, "leaves the context"),
    ("10.3", "too long", lambda: lambda s, e, i, n: library_span(s, e, i, 100), "too long"),
]


# -------------------------------------------------------------------------------------------------- checks


def test_every_exercise_has_a_right_and_a_wrong_answer_here():
    assert exercises() == sorted(RIGHT) == sorted({number for number, *_ in WRONG})


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_a_right_answer_is_correct(number):
    verdict = check(number, RIGHT[number]())
    assert verdict.correct, verdict
    assert not verdict.hint


@pytest.mark.parametrize("number, what, answer, word", WRONG, ids=[f"{number} {what}" for number, what, *_ in WRONG])
def test_a_wrong_answer_differs_and_the_mistake_is_named(number, what, answer, word):
    verdict = check(number, answer())
    assert verdict.state == "differs", verdict
    assert verdict.message
    assert word in f"{verdict.message} {verdict.hint}", verdict


@pytest.mark.parametrize("number", sorted(RIGHT))
@pytest.mark.parametrize(
    "answer",
    [None, 3, "text", [], {}, object(), float("nan"), lambda *a: object()],
    ids=lambda value: type(value).__name__,
)
def test_no_answer_of_any_kind_raises(number, answer):
    assert check(number, answer).state == "differs"


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_what_is_not_answered_yet_is_to_do(number):
    assert check(number).state == check(number, ...).state == "todo"
    if callable(RIGHT[number]()):
        assert check(number, lambda *arguments: ...).state == "todo"


def test_a_function_that_is_not_implemented_is_to_do():
    def not_yet(word, vocabulary):
        raise NotImplementedError

    assert check("01.1", not_yet).state == "todo"


def test_an_unknown_number_gets_the_nearest_one_suggested():
    verdict = check("3.2", attend)
    assert verdict.state == "unknown"
    assert "03.2" in verdict.message


def test_an_answer_that_is_interrupted_says_so(monkeypatch):
    def endless(word, vocabulary):
        raise KeyboardInterrupt

    assert "interrupted" in check("01.1", endless).message


def test_a_broken_check_is_a_verdict_too(monkeypatch):
    monkeypatch.setattr("bertlab.check.verdict._CHECKS", dict(_CHECKS))
    monkeypatch.setitem(_CHECKS, "99.1", lambda answer: 1 / 0)
    assert check("99.1", 1).state in ("differs", "unknown")


def test_a_check_does_not_let_an_answer_change_its_arguments():
    def changing(q, k, v, blocked):
        result = attend(q.clone(), k.clone(), v.clone(), blocked)
        q.zero_(), v.zero_()
        return result

    assert check("03.2", changing).correct
    assert check("03.2", attend).correct


def test_the_verdict_folds_its_hint_and_escapes_what_it_shows():
    verdict = Verdict("03.2", "differs", "probs <b>differ</b>", "Scale & mask.")
    page = verdict._repr_html_()
    assert "<details><summary>Hint</summary>Scale &amp; mask.</details>" in page
    assert "<b>differ</b>" not in page
    assert "Scale" not in repr(verdict)
    assert repr(Verdict("03.2", "todo")) == "○ 03.2 todo"


@pytest.mark.parametrize("state", ["todo", "correct", "differs", "unknown"])
@pytest.mark.parametrize("paper", ["#ffffff", "#111111", "#212121"])
def test_a_verdict_is_read_on_light_and_on_dark_paper(state, paper):
    page = Verdict("03.2", state, "a message")._repr_html_()
    (coloured,) = re.findall(r'<span style="color:(#\w{6})">(.)</span>', page)
    assert not coloured[1].isalnum(), "words keep the page's own ink"
    light, dark = sorted((luminance(coloured[0]), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11: marks


def luminance(colour):
    """The relative luminance of WCAG."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_an_exercise_is_registered_by_its_number():
    @exercise("99.9")
    def always_wrong(answer):
        raise Differs("no.", "a hint")

    try:
        assert check("99.9", 1) == Verdict("99.9", "differs", "no.", "a hint")
    finally:
        del _CHECKS["99.9"]


# ------------------------------------------------------------------------------------------ student copies


def code_of(text):
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def test_a_solution_in_a_function_becomes_a_stub():
    source = f"def f(x):\n    {BEGIN}\n    y = x + 1\n    return y\n    {END}\n"
    assert without_solutions(source) == "def f(x):\n    return ...  # your code here"


def test_a_solution_that_assigns_becomes_a_stub_of_the_last_name():
    assert without_solutions(f"{BEGIN}\na = 1\nb = a\n{END}\nprint(1)") == "b = ...  # your answer here\nprint(1)"


@pytest.mark.parametrize(
    "source", [f"{BEGIN}\na = 1", f"a = 1\n{END}", f"{BEGIN}\n{BEGIN}\na = 1\n{END}", f"{BEGIN}\nprint(1)\n{END}"]
)
def test_solutions_that_do_not_fit_are_named(source):
    with pytest.raises(ValueError, match="the cell: "):
        without_solutions(source)


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 3}'])
def test_what_is_no_notebook_is_refused(text):
    with pytest.raises(ValueError, match="no notebook"):
        student_copy(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_student_copy_holds_no_solution_and_no_output(path):
    text = path.read_text(encoding="utf-8")
    copy = student_copy(text)
    assert BEGIN not in copy and END not in copy
    for code in code_of(copy):
        ast.parse(code)
    assert not any(cell.get("outputs") for cell in json.loads(copy)["cells"])
    assert copy.count("return ...") + copy.count("= ...") == text.count(BEGIN)


def test_every_exercise_stands_in_its_chapter_and_its_stub_is_to_do():
    found = set()
    for path in NOTEBOOKS:
        stubs = {}
        for code in code_of(student_copy(path.read_text(encoding="utf-8"))):
            if re.search(r"(return|=) \.\.\.", code):
                tree = [node for node in ast.parse(code).body if isinstance(node, (ast.FunctionDef, ast.Assign))]
                tree = [node for node in tree if "..." in ast.unparse(node)]
                exec(compile(ast.Module(tree, []), path.name, "exec"), stubs)
            call = re.fullmatch(r'check\("(\d\d\.\d)", (\w+)\)', code.strip())
            if call:
                number, name = call.groups()
                assert path.stem.startswith(number[:2])
                assert check(number, stubs[name]).state == "todo"
                found.add(number)
    assert found == set(exercises())


def test_the_command_writes_copies_and_keeps_what_is_there(tmp_path, capsys):
    solved, students = tmp_path / "solved", tmp_path / "students"
    solved.mkdir()
    cell = {"cell_type": "code", "source": [f"{BEGIN}\n", "a = 1\n", END], "outputs": [1], "execution_count": 1}
    (solved / "01.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert command.main([str(solved), str(students)]) == 0
    assert "a = ..." in (students / "01.ipynb").read_text()
    (students / "01.ipynb").write_text("mine")
    command.main([str(solved), str(students)])
    assert (students / "01.ipynb").read_text() == "mine"
    assert "kept" in capsys.readouterr().out
    command.main([str(solved), str(students), "--force"])
    assert "a = ..." in (students / "01.ipynb").read_text()


def test_the_command_refuses_to_write_over_the_solved_notebooks(tmp_path):
    (tmp_path / "01.ipynb").write_text("{}")
    with pytest.raises(SystemExit):
        command.main([str(tmp_path), str(tmp_path)])
    assert (tmp_path / "01.ipynb").read_text() == "{}"


def test_the_texts_of_the_attention_chapter_are_those_of_its_check():
    notebook = (ROOT / "notebooks" / "03_attention.ipynb").read_text(encoding="utf-8")
    assert all(json.dumps(text)[1:-1] in notebook for text in TEXTS)


def test_the_recall_is_that_of_the_dev_items():
    lab, rows = shipped_lab(), samples("cloze", "dev")
    hits = [bool({c.token for c in lab.fill_mask(row["text"])[0]} & set(row["answers"])) for row in rows]
    assert recalls()[0] == sum(hits) / len(rows)


def test_a_number_that_is_the_whole_answer_is_not_told():
    verdict = check("05.3", 0.123)
    assert f"{recalls()[0]:.4f}"[:5] not in verdict.message + verdict.hint


class Hostile:
    """Whatever is asked of it raises, its own message included."""

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __eq__ = __hash__ = __iter__ = __len__ = __float__ = __getattr__ = __call__ = lambda self, *_: exit("no")


class Mute(Exception):
    def __str__(self):
        raise KeyError("no")


def leaves(*_):
    raise SystemExit


def falls_silent(*_):
    raise Mute


@pytest.mark.parametrize("number", exercises())
@pytest.mark.parametrize("answer", [Hostile(), leaves, falls_silent], ids=["hostile", "leaves", "silent"])
def test_no_answer_makes_a_check_raise(number, answer):
    verdict = check(number, answer)
    assert not verdict.correct
    assert verdict.points(2) == 0


def test_half_of_an_answer_earns_half_of_the_points():
    def no_context(q, k, v, blocked):
        probs = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + blocked).softmax(-1)
        return probs, v

    assert check("03.2", no_context).points(2) == 1.0
