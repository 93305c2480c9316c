"""Files that are something else than their name says: pointers, web pages, archives, nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

_ARCHIVES = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
}


def mistaken(path: str | os.PathLike) -> str | None:
    """What a file is in place of what was expected, and what to do about it; None where nothing tells.

    Known are pointers of Git LFS, web pages, error messages of servers, archives, and files without content.
    """
    with open(Path(path), "rb") as file:
        start = file.read(1024)
    if not start:
        return "is empty; download or copy it again"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"version https://git-lfs.github.com/spec/"):
        return (
            "is only a pointer of Git LFS, which names the file that the weights or words are in; "
            "run `git lfs pull` in its folder, or download the file itself"
        )
    if text.lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")) and b"<" in text:
        return (
            "is a web page (HTML), not the file itself; download the file, whose address on the Hub has `resolve` "
            "where the page has `blob`"
        )
    if text.lower().startswith((b"entry not found", b"repository not found", b"invalid username or password")):
        return f"holds the answer of a server, {text[:60].decode(errors='replace').strip()!r}; download it again"
    for mark, what in _ARCHIVES.items():
        if start.startswith(mark):
            return f"is {what}; unpack it first"
    return None
