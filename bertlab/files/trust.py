"""What a server may tell: names that stay inside the cache, and files that are what it announced.

The names of a mirror's answers (the ETag of a file, the commit of a model) become names of files in the local cache,
and huggingface_hub takes them as they come.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PLAIN = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,199}")
_lock = threading.RLock()


class UntrustedAnswerError(ValueError):
    """A server's answer that would lead out of the cache, or a file that is not the announced one."""


@contextmanager
def checked_answers() -> Iterator[None]:
    """While huggingface_hub downloads, its answers on files are checked before it takes names from them."""
    from huggingface_hub import file_download

    with _lock:
        original = file_download.get_hf_file_metadata

        def checked(*arguments: Any, **options: Any) -> Any:
            answer = original(*arguments, **options)
            for what, name in (("ETag", answer.etag), ("commit", answer.commit_hash)):
                if name is not None and not _PLAIN.fullmatch(name):
                    raise UntrustedAnswerError(
                        f"the server named {name[:80]!r} as the {what} of a file, which could lead out of the cache; "
                        "do not trust it"
                    )
            return answer

        file_download.get_hf_file_metadata = checked
        try:
            yield
        finally:
            file_download.get_hf_file_metadata = original


def verify(path: Path) -> None:
    """Compare a downloaded file of the cache with its hash, where the name that the server gave is one.

    Raises:
        UntrustedAnswerError: it is another file; it has been removed.
    """
    blob = path.resolve()
    announced = blob.name.lower()
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", announced):
        return
    if announced not in _hashes(blob, "sha256" if len(announced) == 64 else "sha1"):
        path.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
        raise UntrustedAnswerError(
            f"the downloaded {path.name} is not the file that the server announced, for its hash is another; download "
            "it again, and check the network and the mirror between"
        )


def _hashes(path: Path, kind: str) -> set[str]:
    """The hash of a file's content, and for sha1 also that of git, which counts a header in."""
    plain, of_git = hashlib.new(kind), hashlib.new(kind)
    of_git.update(f"blob {path.stat().st_size}\0".encode())
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            plain.update(block)
            if kind == "sha1":
                of_git.update(block)
    return {plain.hexdigest(), of_git.hexdigest()} if kind == "sha1" else {plain.hexdigest()}
