"""The reference that tools/reference.py makes from the docstrings shows every public name."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def reference():
    specification = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_door_says_what_it_offers(reference):
    for module in reference.public_modules():
        assert reference.public_names(module), f"{module} offers nothing"


def test_every_public_name_stands_in_the_reference(reference, tmp_path):
    pytest.importorskip("pdoc")
    pytest.importorskip("anywidget")
    reference.write(tmp_path)
    for module in reference.public_modules():
        page = (tmp_path / f"{module.replace('.', '/')}.html").read_text(encoding="utf-8")
        shown = set(re.findall(r'<section id="([^"]+)"', page))
        submodules = {name.rpartition("/")[2] for name in re.findall(r'href="([\w/]+)\.html"', page)}
        missing = [name for name in reference.public_names(module) if name not in shown | submodules]
        assert not missing, f"{module} lacks {', '.join(missing)}"
