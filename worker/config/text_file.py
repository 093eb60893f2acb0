"""Reads a text file that a person wrote, and says in a sentence why it can't be read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

MEGABYTE: Final = 1024 * 1024
KILOBYTE: Final = 1024
NOT_UTF8: Final = "is not UTF-8 text: save it in UTF-8"


class Unreadable(Exception):
    """The file exists but can't be read; the text of this error says why, and what to do."""


class Files:
    """Some files as they were when they were read, by their content: times and links say too little of a change."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, bytes | Exception]] = {}

    def found(self, path: Path, longest: int) -> bytes | Exception:
        """What is in a file, or why it can't be read. It is read once, so that all who name it get the same."""
        if path not in self._seen:
            self._seen[path] = longest, _found(path, longest)
        return self._seen[path][1]

    def have_changed(self) -> bool:
        """Whether any of them is another one now, has come or has gone."""
        return any(_differ(_found(path, longest), was) for path, (longest, was) in self._seen.items())


def read_text(path: Path, longest: int, files: Files | None = None) -> str:
    """The text of a file in UTF-8 of at most `longest` bytes; that of /dev/null is empty.

    Raises FileNotFoundError if there is no file, and Unreadable. Pipes and devices are not opened, since reading them
    may never end. What was found is noted in `files`.
    """
    found = _found(path, longest) if files is None else files.found(path, longest)
    if isinstance(found, bytes):
        return decoded(found)
    if isinstance(found, FileNotFoundError):
        if path.is_symlink():
            raise Unreadable("is a link to a file that does not exist: make that file, or remove the link")
        raise found
    if isinstance(found, OSError):
        raise Unreadable(_problem(found))
    if isinstance(found, ValueError):
        raise Unreadable("is not the name of a file: correct it")
    raise found


def _found(path: Path, longest: int) -> bytes | Exception:
    """The content of a file, or why there is none."""
    try:
        return _content(path, longest)
    except (OSError, ValueError, Unreadable) as error:
        return error


def _differ(found: bytes | Exception, was: bytes | Exception) -> bool:
    return repr(found) != repr(was) if isinstance(found, Exception) else found != was


def _content(path: Path, longest: int) -> bytes:
    found = path.stat()
    if _is_null(found):
        return b""
    if stat.S_ISDIR(found.st_mode):
        raise Unreadable("is a folder: name a file instead, or put one in its place")
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("is a device or a pipe: name a file instead, or put one in its place")
    with path.open("rb") as file:
        content = file.read(longest + 1)
    if len(content) > longest:
        raise Unreadable(f"is larger than {_size(longest)}: put the right file in its place")
    return content


def _is_null(found: os.stat_result) -> bool:
    """Whether it is /dev/null under any name: containers get it in place of a file that is hidden from them."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == Path(os.devnull).stat().st_rdev


def decoded(content: bytes) -> str:
    """The text in UTF-8 of a file, or of a piece of it. Raises Unreadable."""
    if b"\0" in content:
        raise Unreadable("is not text but binary data, or is text in UTF-16: save it as text in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(NOT_UTF8) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _problem(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"may not be read by the user {os.geteuid()}: give that user the right, with chown or chmod"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself: remove it, or put a file in its place"
    return f"cannot be read: {(error.strerror or type(error).__name__).lower()}"


def _size(longest: int) -> str:
    return f"{longest // MEGABYTE} MB" if longest >= MEGABYTE else f"{longest // KILOBYTE} KB"
