"""Plain `pytest` runs the notebooks too, and everything runs offline on one thread.

The nbval options stand here and not in `addopts`, so that an environment without nbval runs the tests too.
"""

import importlib.util
import os
from pathlib import Path

ROOT = Path(__file__).parent

# Before torch is imported, and inherited by the kernels: one thread gives the same last digits everywhere.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Kernels and other child processes test this checkout, as pytest itself does (see pyproject.toml).
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT), str(ROOT / "widgets"), *filter(None, [os.environ.get("PYTHONPATH")])]
)


# A chapter whose extra is not installed is left out.
collect_ignore = [] if importlib.util.find_spec("jax") else ["notebooks/17_two_frameworks.ipynb"]


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("nbval"):
        return
    option = config.option
    if not option.nbval:  # --nbval, which checks every output, is the caller's choice
        option.nbval_lax = True
    if not option.nbval_kernel_name:
        option.nbval_current_env = True
    if option.nbval_cell_timeout == 2000:  # nbval's own default
        option.nbval_cell_timeout = 120
    if option.nbval_sanitize_with is None:
        option.nbval_sanitize_with = str(ROOT / "tests" / "nbval_sanitize.cfg")
