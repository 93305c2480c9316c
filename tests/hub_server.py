"""A small HTTP server on loopback that answers for model files as the Hugging Face Hub does.

It serves `/<name>/resolve/<revision>/<file>` with etags, commit headers and the Hub's error codes; large
files are redirected to a second host name, as the Hub does with its content delivery network. It keeps a log
of the requests, and can be told to fail.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote

LARGE = (".safetensors", ".bin", ".h5", ".msgpack")


@dataclass
class ServedModel:
    """One model: its revisions (name -> commit), and the files of every commit (name -> content)."""

    revisions: dict[str, str]
    commits: dict[str, dict[str, bytes]]
    token: str | None = None  # when set, requests must carry it
    gated: bool = False


@dataclass
class Request:
    method: str
    path: str
    host: str
    authorization: str | None
    range: str | None


@dataclass
class HubServer:
    """Serves `models` at `.address` while used as a context manager."""

    models: dict[str, ServedModel] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    downloaded: list[str] = field(default_factory=list)  # names of the files whose content was sent, in order
    status: int | None = None  # answer everything with this status
    cut_after: int | None = None  # break off the next download of a large file after so many bytes
    etag: str | None = None  # tell this ETag of every file
    sent_instead: bytes | None = None  # send this in place of the content of large files
    moved: dict[str, str] = field(default_factory=dict)  # old model name -> new one, by a relative redirect

    def __enter__(self) -> HubServer:
        server = self

        class Handler(_Handler):
            hub = server

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, name: str, files: dict[str, bytes], revision: str = "main", **options) -> str:
        """Make a commit of these files the newest of a revision; the commit."""
        digest = hashlib.sha1(repr((name, revision, sorted(files.items()))).encode()).hexdigest()
        model = self.models.setdefault(name, ServedModel({}, {}, **options))
        model.revisions[revision] = digest
        model.commits[digest] = dict(files)
        return digest


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        headers = self.headers
        self.hub.requests.append(
            Request(
                self.command,
                unquote(self.path),
                headers.get("Host", ""),
                headers.get("Authorization"),
                headers.get("Range"),
            )
        )
        if self.hub.status is not None:
            return self.send(self.hub.status)
        path = unquote(self.path.split("?")[0]).removeprefix(self.hub.address)  # a proxy is sent the full address
        if path.startswith("/cdn/"):
            commit_and_file = path.removeprefix("/cdn/")
            for model in self.hub.models.values():
                for commit, files in model.commits.items():
                    file_name = commit_and_file.removeprefix(commit + "/")
                    if commit_and_file.startswith(commit) and file_name in files:
                        return self.send_content(self.hub.sent_instead or files[file_name])
            return self.send(404)
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        if name in self.hub.moved:
            return self.send(307, {"Location": f"/{self.hub.moved[name]}/resolve/{rest}"})
        model = self.hub.models.get(name)
        if model is None:
            return self.send(401, {"X-Error-Code": "RepoNotFound"})
        if model.token is not None and self.headers.get("Authorization") != f"Bearer {model.token}":
            if model.gated:
                return self.send(403, {"X-Error-Code": "GatedRepo"})
            return self.send(401, {"X-Error-Code": "RepoNotFound"})
        revision, _, file_name = rest.partition("/")
        commit = revision if revision in model.commits else model.revisions.get(revision)
        if commit is None:
            return self.send(404, {"X-Error-Code": "RevisionNotFound"})
        content = model.commits[commit].get(file_name)
        if content is None:
            return self.send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        common = {"X-Repo-Commit": commit}
        etag = f'"{self.hub.etag or hashlib.sha256(content).hexdigest()}"'
        if file_name.endswith(LARGE):
            common |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(content))}
            return self.send(302, common | {"Location": f"http://localhost:{self.hub.port}/cdn/{commit}/{file_name}"})
        self.send_content(content, common | {"ETag": etag})

    def send(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send_content(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        """The content, or the part that the Range header asks for; broken off where `cut_after` says."""
        if self.command == "GET":
            self.hub.downloaded.append(unquote(self.path).rsplit("/", 1)[-1])
        status, headers = 200, dict(headers or {}) | {"Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status, content = 206, content[start:]
        headers["Content-Length"] = str(len(content))
        if self.hub.cut_after is None or self.command != "GET" or "/cdn/" not in self.path:
            return self.send(status, headers, content)
        cut, self.hub.cut_after = self.hub.cut_after, None
        self.send(status, headers, content[:cut])
        self.close_connection = True

    def log_message(self, *_) -> None:
        """Nothing on the console."""
