"""The small JavaScript modules of the kit and of the panels, run by node's own test runner."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bertlab_widgets import panel as panels
from bertlab_widgets.panel import percent

NODE = shutil.which("node")
WIDGETS = Path(panels.__file__).parent.parent
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.skipif(NODE is None, reason="the tests of the JavaScript need node")
def test_the_helpers_of_the_panels_javascript():
    numbers = [0, 1, 0.7123, 0.0712, 0.00712, 3.4e-8, 0.99996, 0.9968, 0.000071, 0.0999, 0.5, 1 / 3, 0.12, 0.995]
    numbers += [0.125, 0.0625]  # halves, which Python and JavaScript round apart
    environment = {
        **os.environ,
        "BERTLAB_WIDGETS": str(WIDGETS),
        "BERTLAB_PERCENTS": json.dumps([[p, percent(p)] for p in numbers]),
    }
    command = [NODE, "--test", *map(str, TESTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
