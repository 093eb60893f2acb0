"""Writes a mapping file: whole or not at all, and only one that can be read."""

from __future__ import annotations

import codecs
import os
import re
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from worker.config.faults import ConfigurationError
from worker.mapping.mapping import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONNECTION: Final = re.compile(
    rb"""^[ \t]*(\[?\[[ \t]*["']?connection["']?[ \t]*[\].]|["']?connection["']?[ \t]*=)""", re.MULTILINE
)
"""What every connections file holds: `[[connection]]` in one of its spellings, or `connection = [`."""
EXISTS: Final = "exists: name another file with --output, or add --force to replace it"


class NotWritable(Exception):
    """The file can't be written; the text of this error says why, and what to do."""


def refuse_unwritable(path: Path, *, replaces: bool) -> None:
    """Raise NotWritable if there is something at the path that must not be replaced, or no folder for it."""
    for problem in _problems(path, replaces=replaces):
        raise NotWritable(f"{path} {problem}")


def _problems(path: Path, *, replaces: bool) -> Iterator[str]:
    try:
        if path.is_dir():
            yield "is a folder: name a file in it"
        elif path.exists() and not path.is_file():
            yield "is a device or a pipe: name a file"
        elif (path.exists() or path.is_symlink()) and not replaces:
            yield EXISTS
        elif path.exists() and not os.access(path, os.R_OK):
            yield "can't be read, so it is not replaced: name another file with --output"
        elif replaces and _holds_connections(path):
            yield "holds connections, which can't be replaced by a mapping: name another file with --output"
        elif not path.resolve().parent.is_dir():
            yield "is in a folder that does not exist: make the folder first"
    except (OSError, ValueError, RuntimeError):  # a name that is too long or has a NUL, a link that leads to itself
        yield "is not the name of a file: correct it"


def _holds_connections(path: Path) -> bool:
    """Whether a file that exists is a connections file, even one that is not valid TOML just now."""
    if not path.is_file():
        return False
    return bool(CONNECTION.search(path.read_bytes().removeprefix(codecs.BOM_UTF8).replace(b"\r", b"\n")))


def write_mapping(path: Path, text: str, *, replaces: bool) -> Mapping:
    """Write a mapping file, and answer what can be read from it. Raises NotWritable, and then nothing has changed.

    The text is written beside the file and read back; only then does it take the file's place. A link stays a link.
    """
    refuse_unwritable(path, replaces=replaces)
    target = path.resolve()
    draft = target.with_name(f".{uuid.uuid4().hex}.toml")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mapping = Mapping.read(draft)
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o777)
        if replaces:
            refuse_unwritable(path, replaces=True)  # somebody may have put something else there meanwhile
            draft.replace(target)
        else:
            _publish(draft, target)
    except FileExistsError:
        raise NotWritable(f"{path} {EXISTS}") from None
    except OSError as error:
        raise NotWritable(f"{path} can't be written: {(error.strerror or type(error).__name__).lower()}") from None
    except ConfigurationError as error:
        problems = "; ".join(f"{fault.key}: {fault.problem}" for fault in error.faults)
        raise NotWritable(f"{path} would not be a mapping file: {problems}") from None
    finally:
        with suppress(OSError):
            draft.unlink()
    return mapping


def _publish(draft: Path, target: Path) -> None:
    """Give the draft its name. Raises FileExistsError if somebody else has made a file of that name meanwhile."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:  # the file system has no links: an empty file holds the name until the draft takes its place
        target.open("x").close()
        draft.replace(target)
