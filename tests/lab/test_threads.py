"""A lab that is asked in one thread while another one sweeps, edits or records on it answers as if it were alone."""

import threading

import pytest
import torch
from analysis_cases import small_lab

import bertlab
from bertlab.analysis import ablation, targets

TEXT, MASKED = "the cat sat on a mat .", "the cat [MASK] on a mat ."
QUESTIONS = {
    "fill_mask": lambda lab: [(fill.token, fill.probability) for fill in lab.fill_mask(MASKED)[0]],
    "record": lambda lab: [value.clone() for value in lab.record(TEXT).values()],
    "score": lambda lab: lab.score(TEXT).total,
    "embed": lambda lab: lab.embed([TEXT, MASKED]),
    "next_sentence": lambda lab: lab.next_sentence(TEXT, MASKED).is_next,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


def sweeping(lab, stop):
    batch = lab.encode(MASKED)
    while not stop.is_set():
        for _ in ablation.sweep(lab.model, batch, targets.masked_token(3, 7)):
            if stop.is_set():
                break


def editing(lab, stop):
    while not stop.is_set():
        with bertlab.edit(lab.model, {"*.probs": torch.zeros_like}), bertlab.record(lab.model) as recording:
            lab.model(**lab.encode("paris is big ."))
        if recording["encoder.layer.0.attention.self.probs"].any():
            raise AssertionError("an edit was not heard in its own thread")


def alike(one, other):
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, torch.Tensor):
        return torch.allclose(one, other, atol=1e-5)
    return one == other if isinstance(one, str) else one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("beside", [sweeping, editing])
@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_are_answered_as_if_nobody_else_were_there(lab, name, beside):
    alone, failed, stop = QUESTIONS[name](lab), [], threading.Event()

    def other():
        try:
            beside(lab, stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        answers = [QUESTIONS[name](lab) for _ in range(12)]
    finally:
        stop.set()
        thread.join()
    assert not failed, failed
    assert all(alike(answer, alone) for answer in answers)
