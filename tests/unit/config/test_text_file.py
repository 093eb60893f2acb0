"""Reading a text file that a person has put there, whatever they have put there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from worker.config.text_file import KILOBYTE, MEGABYTE, Unreadable, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 4 * KILOBYTE


def sparse(path: Path, size: int) -> None:
    """A file of a size that takes no room."""
    path.touch()
    os.truncate(path, size)


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link to a file that does not exist"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "is a link that leads back to itself"),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), "is a device or a pipe"),
    "a terminal": (lambda path: path.symlink_to("/dev/tty"), "is a device or a pipe"),
    "a pipe that nobody writes to": (os.mkfifo, "is a device or a pipe"),
    "too much": (lambda path: path.write_bytes(b"a" * (LONGEST + 1)), "is larger than 4 KB"),
    "far too much": (lambda path: sparse(path, 10 * 1024 * MEGABYTE), "is larger than 4 KB"),
    "another encoding": (lambda path: path.write_bytes("Zoë".encode("latin-1")), "is not UTF-8 text"),
    "UTF-16": (lambda path: path.write_bytes("Zoë".encode("utf-16")), "is not text but binary data, or"),
    "binary data": (lambda path: path.write_bytes(b"\x7fELF\0\1"), "is not text but binary data"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_text_file_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    """It says what is wrong and what to do; nothing is waited for and nothing fills the memory."""
    make, problem = UNREADABLE[name]
    make(path := tmp_path / "file")
    with pytest.raises(Unreadable) as raised:
        read_text(path, LONGEST)
    assert str(raised.value).startswith(problem)
    assert ": " in str(raised.value)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "file/below"], ids=["a null", "too long", "below a file"])
def test_a_path_that_can_be_none_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    """It comes from a person's file too."""
    (tmp_path / "file").touch()
    with pytest.raises(Unreadable):
        read_text(tmp_path / name, LONGEST)


def test_a_file_that_this_user_may_not_read_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the user. Root may read every file, so the test only acts as if it might not."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(Unreadable, match=f"may not be read by the user {os.geteuid()}: give that user the right"):
        read_text(tmp_path / "file", LONGEST)


def test_a_file_that_is_not_there_is_no_fault_yet(tmp_path: Path) -> None:
    """Whoever asks for it knows whether it has to be."""
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "file", LONGEST)


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    """It hides a file from a container."""
    (tmp_path / "file").symlink_to(os.devnull)
    assert read_text(tmp_path / "file", LONGEST) == ""


def test_text_is_read_whatever_editor_has_written_it(tmp_path: Path) -> None:
    """With a byte order mark, and with the line ends of any system."""
    (tmp_path / "file").write_bytes("\ufeffZoë\r\nMüller\rend\n".encode())
    assert read_text(tmp_path / "file", LONGEST) == "Zoë\nMüller\nend\n"
