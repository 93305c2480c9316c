"""The shape of the house: which module may import which, what is documented, what an import costs."""

import ast
import dataclasses
import graphlib
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A room imports only rooms that stand above it. A room is a folder, or a module that stands alone.
ORDER = """
    language numbers devices memory outputs metrics files recording samples rows tasks data masking tokenizer generation
    model export jax keras adapters training nano nano_data recipes analysis bugs lab check grading command
""".split()

EXTRAS = ("jax", "keras")  # rooms that need more than bertlab does

LIBRARY = sorted((ROOT / "bertlab").rglob("*.py"))
PANELS = sorted((ROOT / "widgets" / "bertlab_widgets").rglob("*.py"))

# What only a part of the library may import, wherever the import stands.
CONFINED = {
    "matplotlib": set(),
    "IPython": {"bertlab.grading.worker"},
    "ipywidgets": set(),
    "anywidget": set(),
    "bertlab_widgets": set(),
    "transformers": set(),
    "jupyterlab": {"bertlab.command.course"},
}


def module_name(path):
    root = ROOT / "widgets" if path in PANELS else ROOT
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def name_of(path):
    return str(path.relative_to(ROOT))


def imports(path):
    """Every module that a file names in an import, at the top or inside a function, with the line."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module, node.lineno
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def part(module):
    """`bertlab.analysis.lens` -> `analysis`; None for the package itself and for names that are no module."""
    if module.count(".") == 0:
        return None
    name = module.split(".")[1]
    return name if (ROOT / "bertlab" / name).is_dir() or (ROOT / "bertlab" / f"{name}.py").is_file() else None


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_a_module_imports_only_what_stands_above_it(path):
    own = part(module_name(path))
    if own is None:  # bertlab/__init__.py offers everything
        return
    assert own in ORDER, f"{own} has no place in ORDER (tests/test_house.py); give it the lowest that works"
    for module, line in imports(path):
        if module.split(".")[0] == "bertlab" and part(module) not in (None, own):
            assert ORDER.index(part(module)) < ORDER.index(own), f"{name_of(path)}:{line} imports {module}"


def test_no_modules_import_each_other_in_a_circle():
    modules = {module_name(path): path for path in [*LIBRARY, *PANELS] if module_name(path).count(".")}
    graph = {
        name: {target for target, _ in imports(path) if target in modules and not name.startswith(target)}
        for name, path in modules.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_leaves_the_notebook_and_transformers_alone(path):
    for module, line in imports(path):
        allowed = CONFINED.get(module.split(".")[0])
        assert allowed is None or module_name(path) in allowed, f"{name_of(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", PANELS, ids=name_of)
def test_the_panels_need_neither_transformers_nor_a_global_plotting_state(path):
    for module, line in imports(path):
        avoided = re.match(r"transformers\b|matplotlib\.pyplot\b", module)
        assert not avoided, f"{name_of(path)}:{line} imports {module}"


def test_the_tokenizer_algorithm_needs_only_the_standard_library():
    algorithm = ["wordpiece", "steps", "pieces", "tokens"]
    itself = {f"bertlab.tokenizer.{name}" for name in algorithm}
    for name in algorithm:
        for module, line in imports(ROOT / "bertlab" / "tokenizer" / f"{name}.py"):
            own = any(module == part or module.startswith(f"{part}.") for part in itself)
            assert own or module.split(".")[0] in sys.stdlib_module_names, f"{name}.py:{line} imports {module}"


def test_the_hooks_know_nothing_of_bert():
    names = [module for module, _ in imports(ROOT / "bertlab" / "recording" / "hooks.py")]
    own = ("bertlab.recording.recording", "bertlab.memory")
    assert not [name for name in names if name.startswith("bertlab") and not name.startswith(own)]


def undocumented(module):
    """The public names that a module defines, and those of its classes, that nothing explains."""
    if not module.__doc__:
        yield "the module itself"
    for name, value in vars(module).items():
        if name[0] == "_" or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            generated = dataclasses.is_dataclass(value) and (value.__doc__ or "").startswith(f"{name}(")
            if not value.__doc__ or generated:
                yield name
            for member, definition in vars(value).items():
                described = isinstance(definition, (property, classmethod, staticmethod))
                if member[0] == "_" or not (described or inspect.isfunction(definition)):
                    continue
                named = isinstance(definition, property) and f"`{member}`" in (value.__doc__ or "")
                if not named and not inspect.getdoc(getattr(value, member)):  # its bases count too
                    yield f"{name}.{member}"
        elif inspect.isfunction(value) and not inspect.getdoc(value):
            yield name


@pytest.mark.parametrize("path", [*LIBRARY, *PANELS], ids=name_of)
def test_every_public_name_is_documented(path):
    if path in PANELS:
        pytest.importorskip("anywidget")
    if part(module_name(path)) in EXTRAS:
        pytest.importorskip(f"bertlab.{part(module_name(path))}", exc_type=ImportError)
    bare = list(undocumented(importlib.import_module(module_name(path))))
    assert not bare, f"{name_of(path)} lacks a docstring on: {', '.join(bare)}"


@pytest.mark.parametrize("path", [*LIBRARY, *PANELS], ids=name_of)
def test_input_is_checked_with_errors_and_results_are_returned(path):
    talks_to_a_terminal = path.stem in ("entry", "train", "following", "__main__")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Assert), f"{name_of(path)}:{node.lineno}: raise, do not assert"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not talks_to_a_terminal:
            assert node.func.id != "print", f"{name_of(path)}:{node.lineno} prints"


MOST_LINES, LONGEST_LINE, LONGEST_FUNCTION = 450, 120, 80
OTHERS_WORK = ROOT / "widgets" / "bertlab_widgets" / "heads" / "vendor"
AROUND = sorted(path for folder in ("tests", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
JAVASCRIPT_AND_CSS = [
    path
    for path in sorted((ROOT / "widgets" / "bertlab_widgets").rglob("*"))
    if path.suffix in (".js", ".css") and OTHERS_WORK not in path.parents
]


@pytest.mark.parametrize("path", [*LIBRARY, *PANELS, *AROUND, *JAVASCRIPT_AND_CSS], ids=name_of)
def test_a_file_is_read_in_one_sitting(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES, f"{name_of(path)} has {len(lines)} lines: it holds several trades"
    wide = [number for number, line in enumerate(lines, start=1) if len(line) > LONGEST_LINE]
    assert not wide, f"{name_of(path)} has lines above {LONGEST_LINE} characters: {wide}"


@pytest.mark.parametrize("path", [*LIBRARY, *PANELS], ids=name_of)
def test_a_function_stands_on_two_screens(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{name_of(path)}:{node.lineno} {node.name} has {length} lines"


def test_importing_bertlab_is_light():
    heavy = "transformers tokenizers matplotlib IPython ipywidgets huggingface_hub sklearn".split()
    code = f"import sys, bertlab; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"


def test_every_public_name_of_the_package_can_be_imported():
    import bertlab

    for name in bertlab.__all__:
        assert getattr(bertlab, name) is not None, name
    assert set(bertlab.__all__) <= set(dir(bertlab))


def test_the_package_is_marked_as_typed():
    assert (ROOT / "bertlab" / "py.typed").is_file()


def test_the_known_good_versions_meet_the_requirements():
    requirements = pytest.importorskip("packaging.requirements")
    canonical = pytest.importorskip("packaging.utils").canonicalize_name
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(
        r"^(?:dependencies|lab|test|dev|jax|keras|formats|onnx) = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL
    )
    needed = [requirements.Requirement(line) for line in re.findall(r'"([^"]+)"', " ".join(lists))]
    known = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            known.setdefault(canonical(requirements.Requirement(line).name), []).append(line)
    for python in ("3.10", "3.11", "3.12", "3.13"):
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        for requirement in needed:
            if requirement.name == "bertlab":
                continue
            pins = [requirements.Requirement(line) for line in known.get(canonical(requirement.name), [])]
            pins = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
            assert len(pins) == 1, f"constraints.txt names {requirement.name} {len(pins)} times for {python}"
            version = str(pins[0].specifier).removeprefix("==")
            assert requirement.specifier.contains(version), f"{requirement} but {pins[0]} for Python {python}"
