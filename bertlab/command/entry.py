"""The `bertlab` command.

Only what a command needs is imported, when it runs: `bertlab --help` must answer at once, and `bertlab lab`
must not wait for torch. The commands that train live in `bertlab.command`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bertlab import __version__, language
from bertlab.command.spoken import SpokenHelp
from bertlab.language import mark, say

DESCRIPTION = mark("""\
See inside BERT: an interactive workbench and course in Jupyter.

start here:
  bertlab lab                 open the notebooks, beginning with the tour
  bertlab info                what this machine and this installation offer
""")

EPILOG = mark("""\
`bertlab COMMAND --help` explains a command and shows examples.
In Python:  import bertlab; lab = bertlab.load(); lab.fill_mask("The capital of [MASK] is Paris.")
""")

LAB_DESCRIPTION = mark("""\
Open JupyterLab on a working copy of the notebooks, at 00_tour.ipynb.

The copy lies in FOLDER, ./bertlab-notebooks unless you name another. Its exercises are open, and solutions/
holds the same chapters solved. A notebook that you changed is never overwritten: when bertlab has a newer
version of it, that one is written beside it as NAME.new.ipynb.
--language opens the course in another language, in ./bertlab-notebooks-LANGUAGE: panels and checks speak it,
and chapters that are translated come in place of the English ones, which then lie in en/.
Stop with Ctrl-C. Nothing here needs a network. As root, as in a container, JupyterLab gets --allow-root.
""")

LAB_EPILOG = mark("""\
examples:
  bertlab lab                              the copy in ./bertlab-notebooks
  bertlab lab ~/course --port 9000         another folder, another port (when taken, the next free one)
  bertlab lab --language zh                panels, checks and translated chapters in Chinese
  bertlab lab --no-browser                 print the address only, as on a remote machine
  bertlab lab --copy-only                  only make the copy: for VS Code, Notebook 7 or Voila
  bertlab lab -- --ip=0.0.0.0              everything after -- goes to JupyterLab as it is
""")

INFO_DESCRIPTION = """\
Print the versions of bertlab and of what it stands on, the devices and number formats of this machine, and
the shape of a model: the one that ships with bertlab, or MODEL, a folder or a name in the Hub's local cache.
Include this output when you report a problem. Nothing is downloaded.
"""

CONVERT_DESCRIPTION = """\
Read a checkpoint of PyTorch, TensorFlow (1 and 2) or Flax, and write it into a folder in the format of another
framework: configuration, vocabulary and weights. What was written is read again and compared, value by value.
SOURCE is a folder, the shipped model or a name on the Hub; TARGET is made when it does not exist.
`--to onnx` writes the model itself as a graph that other programs run, batch and sequence open; it is run at other
lengths and compared where onnxruntime is installed. `--record` makes what hook points see outputs too.
"""

CONVERT_EPILOG = """\
examples:
  bertlab convert uncased_L-2_H-128_A-2 bert-tiny --to safetensors     what Google published in 2018
  bertlab convert my-bert my-bert --to h5                              TensorFlow's weights beside the others
  bertlab convert bertlab-mini mini-flax --to msgpack                  for Flax
  bertlab convert bertlab-mini mini-onnx --to onnx                     for a web page, or any program with ONNX
  bertlab convert bertlab-mini mini-onnx --to onnx --record "*.probs"  with the attention as outputs
"""

COURSE_DESCRIPTION = """\
Write the chapters for a grader, made from the solved ones: for nbgrader a course folder with source/ and its
configuration, for otter-grader notebooks in the format of `otter assign`. Each exercise is worth POINTS.
"""

COURSE_EPILOG = """\
examples:
  bertlab course --for nbgrader my-course         then, in my-course: nbgrader generate_assignment 03_attention
  bertlab course --for otter my-course 03         then: otter assign my-course/03_attention/03_attention.ipynb dist
"""

REPORT_DESCRIPTION = """\
Grade a folder of submitted notebooks without a server, and write report.html, report.csv (exercise by student) and
mistakes.csv, the most common mistakes first. FOLDER has a folder for each student, or notebooks with the student's
name in theirs. Each submission runs in a process of its own with limits on time, memory, processes and files; on
Linux it has no network and writes into a copy of its folder alone. What a machine cannot hold is said.
It marks; it does not look for copied answers, and an answer that sets out to cheat the check can.
"""

REPORT_EPILOG = """\
examples:
  bertlab report submitted                              into submitted-report
  bertlab report submitted 03 08 --out marks            two chapters
  bertlab report submitted --seconds 300 --memory 2048  at most 5 minutes and 2 GB for each notebook
"""

SITE_DESCRIPTION = """\
Run the chapters and write the course as static pages: each panel as a page of its own that answers to what was
computed beforehand, with search, for a phone too. Nothing in them asks a network; put FOLDER on any web server, or
open FOLDER/index.html. Exercises stand there open; with --solutions their solutions are folded under them.
"""

SITE_EPILOG = """\
examples:
  bertlab site course-site                    all chapters; a chapter takes a minute or two
  bertlab site course-site 01 03              two of them
  python -m http.server -d course-site        look at it
"""

# The commands of `bertlab.command`. Their lines of help stand here, so that help needs no torch.
TRAINING_COMMANDS = {
    "pretrain": mark("train an encoder on plain text: masked words and next sentences"),
    "finetune": mark("train a task head, or an adapter, on labelled examples"),
    "evaluate": mark("measure a model on a labelled set or on held-out text"),
}

SHIPPED = "bertlab-mini"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `bertlab` command with these arguments (those of the process by default).

    Returns:
        The exit status: 0 done, 1 the command could not do its work, 2 wrong command line, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    arguments, passed_on = _split_at_dashes(arguments)
    command = next((word for word in arguments if not word.startswith("-")), None)
    try:
        parser, commands = _parser(load_training=command in TRAINING_COMMANDS)
        if command is None and not arguments:
            parser.print_help()
            return 0
        if command is not None and command not in commands:
            return _unknown_command(command, commands)
        options = parser.parse_args(arguments)
        if passed_on is not None and command != "lab":
            parser.error(say("only `bertlab lab` passes arguments on after --"))
        options.passed_on = passed_on or []
        with _plain_warnings():
            return options.run(options) or 0
    except KeyboardInterrupt:
        print(say("bertlab: interrupted"), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader went away, as in `bertlab info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, LookupError, OSError, ImportError) as error:
        if os.environ.get("BERTLAB_TRACEBACK"):
            raise
        print(f"bertlab: {_sentence(error)}", file=sys.stderr)
        print(say("(BERTLAB_TRACEBACK=1 shows where this came from)"), file=sys.stderr)
        return 1


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """What bertlab warns of as sentences, without the line of code that gave them; of several processes, once."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, UserWarning):
                print(f"bertlab: {message}", file=sys.stderr)
            else:
                others(message, category, *place, **more)

        if os.environ.get("RANK", "0") == "0":
            warnings.showwarning = show
        else:
            warnings.simplefilter("ignore")
        yield


def _parser(load_training: bool) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser and the names of its commands; the training commands in full only when one is to run."""
    parser = argparse.ArgumentParser(
        prog="bertlab",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=SpokenHelp,
    )
    parser.add_argument("--version", action="version", version=f"bertlab {__version__}")
    subparsers = parser.add_subparsers(title=mark("commands"), dest="command", metavar="COMMAND", required=True)

    lab = _command(subparsers, "lab", mark("open JupyterLab on the notebooks"), LAB_DESCRIPTION, LAB_EPILOG)
    lab.add_argument("folder", nargs="?", metavar="FOLDER", help=mark("the copy (default: ./bertlab-notebooks)"))
    lab.add_argument("--language", metavar="LANGUAGE", help=mark("such as zh (default: BERTLAB_LANGUAGE, or English)"))
    lab.add_argument("--port", type=_port, help=mark("the port to listen on (default: 8888, or the next free one)"))
    lab.add_argument("--no-browser", action="store_true", help=mark("do not open a browser; print the address"))
    lab.add_argument("--copy-only", action="store_true", help=mark("bring the copy up to date and stop"))
    lab.set_defaults(run=run_lab)

    info = _command(subparsers, "info", mark("print versions, devices and a model's shape"), INFO_DESCRIPTION)
    info.add_argument("model", nargs="?", metavar="MODEL", default=SHIPPED, help=f"default: {SHIPPED}")
    info.set_defaults(run=run_info)

    convert = _command(
        subparsers,
        "convert",
        mark("write a checkpoint in the format of another framework"),
        CONVERT_DESCRIPTION,
        CONVERT_EPILOG,
    )
    convert.add_argument("source", metavar="SOURCE", help="the checkpoint to read")
    convert.add_argument("target", metavar="TARGET", help="the folder to write into")
    formats = ("safetensors", "bin", "h5", "msgpack", "onnx")
    convert.add_argument("--to", required=True, choices=formats, help="the format")
    convert.add_argument(
        "--record", metavar="NAMES", action="append", default=[],
        help="with --to onnx: hook points whose values are outputs too, as in bertlab.record; several times if need be",
    )  # fmt: skip
    convert.set_defaults(run=run_convert)

    course = _command(
        subparsers, "course", mark("the chapters for nbgrader or otter"), COURSE_DESCRIPTION, COURSE_EPILOG
    )
    course.add_argument("folder", metavar="FOLDER", help="where to write; made when it does not exist")
    course.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 03_attention, or 03 (default: all)")
    course.add_argument("--for", dest="kind", required=True, choices=("nbgrader", "otter"), help="the grader")
    course.add_argument("--points", type=_count, default=2, help="of each exercise (default: 2)")
    course.set_defaults(run=run_course)

    report = _command(
        subparsers, "report", mark("grade a folder of submitted notebooks"), REPORT_DESCRIPTION, REPORT_EPILOG
    )
    report.add_argument("folder", metavar="FOLDER", help="the submissions")
    report.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 03_attention, or 03 (default: all)")
    report.add_argument("--out", metavar="OUT", help="where the report goes (default: FOLDER-report)")
    report.add_argument("--points", type=_count, default=2, help="of each exercise (default: 2)")
    report.add_argument("--seconds", type=_count, default=600, help="of one notebook (default: 600)")
    report.add_argument("--cell-seconds", type=_count, default=120, help="of one cell (default: 120)")
    report.add_argument("--memory", type=_count, default=4096, help="of one notebook, in megabytes (default: 4096)")
    report.set_defaults(run=run_report)

    site = _command(subparsers, "site", mark("write the course as static pages"), SITE_DESCRIPTION, SITE_EPILOG)
    site.add_argument("folder", metavar="FOLDER", help="where to write; made when it does not exist")
    site.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 03_attention, or 03 (default: all)")
    site.add_argument("--solutions", action="store_true", help="show the solutions, folded")
    site.set_defaults(run=run_site)

    if load_training:
        from bertlab.command.train import add_commands

        add_commands(subparsers)
    else:
        for name, line in TRAINING_COMMANDS.items():
            subparsers.add_parser(name, help=line)
    return parser, list(subparsers.choices)


def _command(
    subparsers: argparse._SubParsersAction, name: str, line: str, description: str, epilog: str | None = None
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=line,
        description=description,
        epilog=epilog,
        formatter_class=SpokenHelp,
    )


def run_lab(options: argparse.Namespace) -> int:
    """`bertlab lab`: copy the notebooks, then run JupyterLab until it is stopped."""
    from bertlab.command import course as launcher

    if options.language:
        language.use(options.language)
    report = launcher.copy_notebooks(options.folder, language=language.current())
    for line in report.lines():
        print(line, flush=True)
    if options.copy_only:
        first = launcher.FIRST_NOTEBOOK
        print(say("The notebooks lie in {folder}; begin with {first}.", folder=report.folder, first=first))
        if language.current() != language.SOURCE:
            code = language.current()
            print(
                say(
                    "Start your Jupyter with BERTLAB_LANGUAGE={code}, so that all panels and checks speak it.",
                    code=code,
                )
            )
        return 0
    if launcher.runs_as_root():
        print(
            say(
                "You are root, so JupyterLab gets --allow-root: what runs in a notebook may change everything on this "
                "machine. Outside a container, start it as another user."
            ),
            file=sys.stderr,
        )
    print(say("Opening JupyterLab on {folder}; stop it with Ctrl-C.", folder=report.folder), flush=True)
    launcher.open_lab(report.folder, options.port, not options.no_browser, options.passed_on)
    return 0


def run_info(options: argparse.Namespace) -> int:
    """`bertlab info`: versions, devices, and the model."""
    from bertlab.command import info

    for line in info.report(options.model):
        print(line, flush=True)
    return 0


def run_course(options: argparse.Namespace) -> int:
    """`bertlab course`: the chapters as a grader wants them."""
    from bertlab.command.course import notebook_source
    from bertlab.grading import release

    written = release(options.kind, notebook_source(), options.folder, options.chapters, options.points)
    for path in written:
        print(f"wrote {path}")
    first = written[0]
    then = (
        f"in {options.folder}: nbgrader generate_assignment {first.stem}" if options.kind == "nbgrader"
        else f"otter assign {first} {first.parent / 'dist'}"
    )  # fmt: skip
    print(f"Next, {then}")
    return 0


def run_report(options: argparse.Namespace) -> int:
    """`bertlab report`: marks for a folder of submissions."""
    from pathlib import Path

    from bertlab.command.course import notebook_source
    from bertlab.grading import Limits, grade, plain, write_report

    folder = Path(options.folder).expanduser()
    limits = Limits(seconds=options.seconds, cell_seconds=options.cell_seconds, megabytes=options.memory)
    marks = grade(folder, notebook_source(), options.chapters, limits, lambda line: print(plain(line), flush=True))
    out = Path(options.out) if options.out else folder.with_name(f"{folder.resolve().name}-report")
    for path in write_report(marks, out, options.points):
        print(f"wrote {path}")
    for student, note in marks.notes:
        print(f"{plain(student)}: {plain(note)}", file=sys.stderr)
    if marks.lacking:
        print(
            f"Not held on this machine: {', '.join(marks.lacking)}. Grade strangers' notebooks on a Linux machine that "
            "has user namespaces.",
            file=sys.stderr,
        )
    return 0


def run_site(options: argparse.Namespace) -> int:
    """`bertlab site`: the course as static pages."""
    import importlib

    from bertlab.command.course import docs_source, notebook_source

    build = importlib.import_module("bertlab_widgets.site").build  # the panels' side; no room of bertlab needs panels
    index = build(
        notebook_source(), options.folder, options.chapters, options.solutions, docs_source(),
        lambda line: print(line, flush=True),
    )  # fmt: skip
    print(f"The course is in {index}; put its folder on any web server.")
    return 0


def run_convert(options: argparse.Namespace) -> int:
    """`bertlab convert`: write, read again, and say so."""
    if options.to == "onnx":
        return _convert_to_onnx(options)
    if options.record:
        raise ValueError(f"--record goes with --to onnx, not with --to {options.to}, which holds weights alone")
    from bertlab.command.convert import convert

    path, tensors = convert(options.source, options.target, options.to)
    size = path.stat().st_size / 1e6
    print(f"{path} holds {tensors} tensors ({size:.1f} MB); read again, every value is the same", flush=True)
    return 0


def _convert_to_onnx(options: argparse.Namespace) -> int:
    from bertlab.export import is_checkable, onnx_folder

    path, names = onnx_folder(options.source, options.target, options.record)
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    checked = (
        "run with onnxruntime at other lengths, they are the model's to 1e-4" if is_checkable()
        else "they were not compared, for onnxruntime is not installed"
    )  # fmt: skip
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB) has the outputs {shown}; {checked}", flush=True)
    return 0


def _unknown_command(command: str, commands: list[str]) -> int:
    nearest = difflib.get_close_matches(command.lower(), commands, n=1, cutoff=0.5)
    suggestion = say(" Did you mean `bertlab {command}`?", command=nearest[0]) if nearest else ""
    sentence = say(
        "bertlab: there is no command {command!r}.{suggestion} The commands are {commands}; `bertlab --help` explains "
        "them.",
        command=command,
        suggestion=suggestion,
        commands=", ".join(commands),
    )
    print(sentence, file=sys.stderr)
    return 2


def _split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str] | None]:
    """What stands before a bare `--`, and what after it (None when there is none)."""
    if "--" not in arguments:
        return arguments, None
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(say("{text!r} is not a port; give a whole number from 1 to 65535", text=text))
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} was given; give a whole number from 1 up")
    return int(text)


def _sentence(error: Exception) -> str:
    """The message of an error for a person; those of KeyError and of the operating system need a little help."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
