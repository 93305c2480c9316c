"""Jupyter in headless Chromium: the harness of the browser tests and of the benchmarks that need a browser."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def jupyterlab(folder: Path, port: int) -> list[str]:
    """The command that runs JupyterLab on a folder; Notebook 7 and Voila come with it if installed."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
    ]


class Jupyter:
    """One Jupyter server on this machine, with settings and notebooks of its own."""

    def __init__(self, home: Path, *python_path: Path, command=jupyterlab):
        self.home, self.folder = home, home / "notebooks"
        self.folder.mkdir(parents=True)
        for name, value in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        port, self.token = free_port(), secrets.token_hex(8)
        self.url = f"http://127.0.0.1:{port}"
        places = {
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        environment = {
            **os.environ,
            **{name: str(home / place) for name, place in places.items()},
            "JUPYTER_TOKEN": self.token,
            "PYTHONPATH": os.pathsep.join(map(str, [ROOT, ROOT / "widgets", *python_path])),
        }
        self.log = home / "log"
        self.process = subprocess.Popen(
            command(self.folder, port),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def request(self, path: str, method: str = "GET"):
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def wait(self, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                self.request("/api/status")
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for kernel in self.request("/api/kernels"):
                self.request(f"/api/kernels/{kernel['id']}", "DELETE")
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def write(self, name: str, cells: list[str]) -> None:
        """A notebook of code cells."""
        (self.folder / name).write_text(
            json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "id": f"cell{i}",
                            "metadata": {},
                            "execution_count": None,
                            "outputs": [],
                            "source": source,
                        }
                        for i, source in enumerate(cells)
                    ],
                    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            )
        )


@contextlib.contextmanager
def jupyter(*python_path: Path, command=jupyterlab):
    with tempfile.TemporaryDirectory(prefix="bertlab_jupyter_", ignore_cleanup_errors=True) as home:
        server = Jupyter(Path(home), *python_path, command=command)
        try:
            server.wait()
            yield server
        finally:
            server.stop()


def is_local(url: str) -> bool:
    return url.startswith(("data:", "blob:", "about:", "file:")) or "//127.0.0.1" in url or "//localhost" in url


class Notebook:
    """One notebook in one browser page: runs its cells, and notes what it asked the network for."""

    def __init__(self, page):
        self.page, self.left_the_machine, self.console, self.received = page, [], [], 0
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        page.route("**/*", self._route)

    def _route(self, route) -> None:
        if is_local(route.request.url):
            route.continue_()
        else:
            self.left_the_machine.append(route.request.url)
            route.abort("internetdisconnected")

    def _count(self, data) -> None:
        self.received += len(data)

    def open(self, server: Jupyter, name: str, view: str = "doc/tree") -> None:
        """Open a notebook and wait for its kernel; `view` is where the front end shows one document."""
        self.page.goto(f"{server.url}/{view}/{name}?token={server.token}")
        self.page.wait_for_function(
            """() => { const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.sessionContext?.isReady && panel.sessionContext.session?.kernel?.status === 'idle'; }""",
            timeout=60_000,
        )

    def run(self, index: int) -> None:
        """Run one code cell and wait until the kernel is idle."""
        failed = self.page.evaluate(
            """async index => {
            const panel = window.jupyterapp.shell.currentWidget;
            const cell = panel.content.widgets[index], before = cell.model.executionCount;
            panel.content.activeCellIndex = index;
            await window.jupyterapp.commands.execute('notebook:run-cell');
            const outputs = cell.model.outputs.toJSON();
            return outputs.filter(output => output.output_type === 'error').map(output => output.evalue);
        }""",
            index,
        )
        assert not failed, failed

    def cells(self) -> list[str]:
        """The ids of the notebook's cells, in order."""
        return self.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.id)")

    def python(self, code: str) -> str:
        """Run code in the notebook's kernel, outside its cells; returns what it printed."""
        return self.page.evaluate(
            """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({code, store_history: false});
            let text = '';
            future.onIOPub = message => { if (message.header.msg_type === 'stream') text += message.content.text;
                                          if (message.header.msg_type === 'error') text += message.content.evalue; };
            await future.done;
            return text;
        }""",
            code,
        )
