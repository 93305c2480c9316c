"""Following a run from a terminal: its log, its bar, and an end that loses nothing when it is asked to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bertlab.command.out import free_name
from bertlab.training import StepRecord, TrainingError

STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}  # exit status by signal, as shells count


def first_process() -> bool:
    """Whether this is the process that writes: the only one, or the first of torchrun's."""
    return int(os.environ.get("RANK", 0)) == 0


def follow(
    records: Generator[StepRecord, bool | None, None], options: argparse.Namespace, out: Path, resume: bool
) -> int:
    """Train to the end, logging every step.

    Returns:
        0 at the end; 1 if training could not go on, which is said on stderr; 130 or 143 if a signal asked to stop:
        then the step is finished and a checkpoint written first.
    """
    from tqdm import tqdm

    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        asked = stack.enter_context(_asked_to_stop())
        log = bar = board = None
        if first_process():
            log = stack.enter_context(_Log(_log_file(options, out, resume)))
            quiet = options.quiet or not sys.stderr.isatty()
            form = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
            bar = stack.enter_context(tqdm(total=1.0, disable=quiet, bar_format=form))
            if options.tensorboard:
                board = _board(options.tensorboard)
                stack.callback(board.close)
        try:
            record = next(records, None)
            while record is not None:
                if log is not None:
                    log.write(record)
                    _show(record, bar, tqdm.write)
                    if board is not None:
                        _plot(board, record)
                step = record.step
                try:
                    record = records.send(bool(asked))
                except StopIteration:
                    break
        except TrainingError as error:
            print(f"bertlab: {error}", file=sys.stderr)
            return 1
        if asked and record is not None and record.progress < 1.0:
            print(f"bertlab: stopped after step {step}; the same command goes on from there", file=sys.stderr)
            return STOPPED[asked[0]]
    return 0


@contextmanager
def _asked_to_stop() -> Iterator[list[signal.Signals]]:
    """The signals so far that ask to stop; the second one does not wait for the end of a step."""
    asked: list[signal.Signals] = []

    def note(number: int, frame: Any) -> None:
        asked.append(signal.Signals(number))
        if len(asked) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    former = {number: signal.signal(number, note) for number in STOPPED}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _log_file(options: argparse.Namespace, out: Path, resume: bool) -> Path:
    """Where the steps go; a run that starts anew puts the log of the former one aside."""
    path = Path(options.log_file or out / "log.jsonl")
    if not resume and path.exists():
        os.rename(path, free_name(path.parent, f"{path.stem}.former", path.suffix))
    return path


class _Log:
    """JSON lines, one a step; an error in writing names the file."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> _Log:
        self.stream = open(self.path, "a", encoding="utf-8")
        return self

    def __exit__(self, *error: Any) -> None:
        self.stream.close()

    def write(self, record: StepRecord) -> None:
        """Add a step."""
        try:
            self.stream.write(json.dumps(record.to_dict()) + "\n")
            self.stream.flush()
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}, so the log of the run ends here", str(self.path)) from error


def _show(record: StepRecord, bar: Any, write: Any) -> None:
    bar.update(record.progress - bar.n)
    bar.set_postfix_str(f"step {record.step}, loss {record.loss:.3f}, {record.tokens_per_second:.0f} tokens/s")
    if record.evaluation:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in record.evaluation.items())
        write(f"step {record.step}: {figures}")
    if record.message:
        write(record.message)


def _board(folder: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ImportError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter(folder)


def _plot(board: Any, record: StepRecord) -> None:
    for name, value in record.losses.items():
        board.add_scalar(f"loss/{name}", value, record.step)
    for name in ("learning_rate", "gradient_norm", "tokens_per_second"):
        board.add_scalar(name, getattr(record, name), record.step)
    for name, value in (record.evaluation or {}).items():
        board.add_scalar(f"evaluation/{name}", value, record.step)
