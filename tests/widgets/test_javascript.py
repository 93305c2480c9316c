"""The pure helpers of the panels' JavaScript, run by node's own test runner."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bertlab_widgets.base import module_text, percent

NODE = shutil.which("node")
SCRIPTS = ("heads", "tokens", "masks", "training")


@pytest.mark.skipif(NODE is None, reason="the tests of the JavaScript need node")
def test_the_helpers_of_the_panels_javascript(tmp_path):
    for script in SCRIPTS:
        (tmp_path / f"{script}.mjs").write_text(module_text(f"{script}.js"), encoding="utf8")
    numbers = [0, 1, 0.7123, 0.0712, 0.00712, 3.4e-8, 0.99996, 0.9968, 0.000071, 0.0999, 0.5, 1 / 3, 0.12, 0.995]
    numbers += [0.125, 0.0625]  # halves, which Python and JavaScript round apart
    environment = {
        **os.environ,
        "BERTLAB_MODULES": str(tmp_path),
        "BERTLAB_PERCENTS": json.dumps([[p, percent(p)] for p in numbers]),
    }
    tests = Path(__file__).with_name("panels.test.mjs")
    done = subprocess.run([NODE, "--test", str(tests)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_panel_is_one_plain_module_that_imports_nothing(script):
    text = module_text(f"{script}.js")
    assert "import " not in text.replace("// ", "").split("export default")[0].replace("no imports", "")
    assert "http://" not in text and "https://" not in text
