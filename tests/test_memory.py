"""Memory that was freed: it serves the next recording, and goes back to the system after a quiet while."""

import gc
import os
import subprocess
import sys

import pytest
import torch
from model_cases import tiny

from bertlab import memory, record

glibc = pytest.mark.skipif(memory._of_c_library("mallopt") is None, reason="the C library has no mallopt")

# Several recordings of about 110 MB, in a fresh process: what is printed are pages that the system had to give.
RECORDINGS = """
import resource, sys, threading, torch, bertlab
torch.set_num_threads(1)
faults = lambda: resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
config = bertlab.BertConfig(hidden_size=256, num_hidden_layers=3, num_attention_heads=4, intermediate_size=1024)
model = bertlab.BertModel(config).eval()
ids = torch.randint(1, 30000, (9, 131))
def recorded():
    before = faults()
    with torch.inference_mode(), bertlab.record(model) as recording:
        model(input_ids=ids)
    return faults() - before
def several():
    print(*[recorded() for _ in range(5)])
if sys.argv[1] == "thread":
    thread = threading.Thread(target=several)
    thread.start(), thread.join()
else:
    several()
"""


def pages_of_five_recordings(where, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", "LD_PRE"))}
    done = subprocess.run(
        [sys.executable, "-c", RECORDINGS, where],
        capture_output=True, text=True, timeout=300, env=clean | environment, check=True,
    )  # fmt: skip
    return [int(count) for count in done.stdout.split()]


@glibc
@pytest.mark.parametrize("where", ["main", "thread"])
def test_the_next_recording_takes_the_memory_of_the_last(where):
    first, *_, last = pages_of_five_recordings(where)
    assert first > 10_000 and last < first / 5, (first, last)


@glibc
def test_what_the_user_has_set_stays():
    first, *_, last = pages_of_five_recordings("main", MALLOC_TRIM_THRESHOLD_="100000")
    assert last > first / 5, (first, last)


@pytest.fixture
def given_back(monkeypatch):
    """How often memory was given back; a quiet while is over at once."""
    calls = []
    if memory._timer is not None:  # that of another test
        memory._timer.cancel()
    monkeypatch.setattr(memory, "_timer", None)
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: True)
    monkeypatch.setattr(memory, "give_back_memory", lambda: calls.append(None))
    monkeypatch.setattr(memory, "QUIET", 0.01)
    return calls


def wait_for_the_timer():
    if memory._timer is not None:
        memory._timer.join()


def test_memory_goes_back_once_after_a_quiet_while(given_back, monkeypatch):
    monkeypatch.setattr(memory, "QUIET", 0.5)
    for _ in range(3):
        memory.give_back_later(memory.LARGE)
    wait_for_the_timer()
    assert len(given_back) == 1


def test_a_large_recording_that_is_dropped_gives_back_its_memory(given_back, monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 1)
    model = tiny().eval()
    with record(model, "*.probs") as recording:
        model(torch.tensor([[2, 5, 7]]))
    assert memory._timer is None and not given_back
    del recording
    gc.collect()
    wait_for_the_timer()
    assert len(given_back) == 1


def test_a_small_recording_asks_for_nothing(given_back):
    model = tiny().eval()
    with record(model) as recording:
        model(torch.tensor([[2, 5, 7]]))
    del recording
    gc.collect()
    assert memory._timer is None and not given_back


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(memory, "_timer", None)
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    memory.keep_freed_memory.cache_clear()
    try:
        assert memory.keep_freed_memory() is False
        memory.give_back_memory()
        memory.give_back_later(10 * memory.LARGE)
        assert memory._timer is None
    finally:
        memory.keep_freed_memory.cache_clear()
