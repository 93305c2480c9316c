"""Edits and recordings belong to the thread or task that asked for them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from model_cases import inputs, tiny

from bertlab import edit, hook_names, record
from bertlab.recording import anybody_listens


def run(model, seed=1):
    with torch.no_grad():
        return model(**inputs(seed=seed)).last_hidden_state


def in_a_thread(function, *args):
    # event loops also run there, since a browser test may have left one of its own in the main thread
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


def test_another_thread_neither_sees_nor_feels_them():
    model = tiny()
    clean = run(model)
    with record(model) as recording, edit(model, {"*.hidden": torch.zeros_like}):
        assert torch.equal(in_a_thread(run, model), clean)
        assert not in_a_thread(anybody_listens, model) and anybody_listens(model)
        assert len(recording) == 0
        assert not torch.equal(run(model), clean)
        assert set(recording) == set(hook_names(model))


def test_many_threads_record_what_is_theirs():
    model, wrong = tiny(), []
    wanted = [run(model, seed) for seed in range(4)]
    ready = threading.Barrier(4)

    def look(seed):
        ready.wait()
        for number in range(25):
            if seed == 0 and number % 2:
                with edit(model, {"*.probs": torch.zeros_like}):
                    run(model, seed)
                continue
            with record(model, "*.hidden") as recording:
                found = run(model, seed)
            if not (torch.equal(found, wanted[seed]) and torch.equal(recording.hidden(-1), wanted[seed])):
                wrong.append((seed, number))

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert all(not (point.edits or point.recorders) for point in model.modules() if hasattr(point, "recorders"))


def test_tasks_of_one_thread_are_kept_apart_and_hand_down_what_is_theirs():
    model = tiny()
    clean = run(model)

    async def edited(started, go):
        with edit(model, {"*.hidden": torch.zeros_like}):
            started.set()
            await go.wait()
            inside = run(model)
            return inside, await asyncio.to_thread(run, model)

    async def both():
        started, go = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(edited(started, go))
        await started.wait()
        beside = run(model)
        go.set()
        return beside, *await task

    beside, inside, handed_down = in_a_thread(asyncio.run, both())
    assert torch.equal(beside, clean)
    assert not torch.equal(inside, clean) and torch.equal(inside, handed_down)


def test_what_a_cell_leaves_open_is_heard_in_the_next_ones():
    model = tiny()
    opened = record(model)

    async def cell():
        return opened.__enter__()

    async def next_cell():
        return run(model)

    def notebook():
        recording = asyncio.run(cell())
        asyncio.run(next_cell())
        assert len(recording) == len(hook_names(model))
        opened.__exit__(None, None, None)
        assert not anybody_listens(model)

    in_a_thread(notebook)


def test_they_may_be_closed_in_another_order_and_another_thread():
    model = tiny()
    first, second = record(model), edit(model, {"*.q": torch.zeros_like})
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert anybody_listens(model)
    in_a_thread(second.__exit__, None, None, None)
    assert not anybody_listens(model)
