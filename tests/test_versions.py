"""The oldest versions that are tried are those that pyproject.toml allows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_the_oldest_versions_are_where_the_ranges_begin():
    requirements = pytest.importorskip("packaging.requirements")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL).group(1)
    needed = {found.name: found for found in map(requirements.Requirement, re.findall(r'"([^"]+)"', block))}
    oldest = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "lowest.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert oldest.pop("ipython_genutils")
    assert oldest.keys() == needed.keys()
    for name, version in oldest.items():
        (bound,) = needed[name].specifier
        assert bound.operator == ">=" and needed[name].specifier.contains(version)
        assert version.split(".")[:2] == bound.version.split(".")[:2], f"{name}: {version} is tried for {bound}"
