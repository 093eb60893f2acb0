"""A mapping file is written whole or not at all, and only one that can be read takes the place of another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worker.mapping.mapping import DEFAULT
from worker.mapping.writing import NotWritable, refuse_unwritable, write_mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = DEFAULT.read_text(encoding="utf-8")


def names(folder: Path) -> list[str]:
    """What a folder holds."""
    return sorted(path.name for path in folder.iterdir())


IN_THE_WAY: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file": (lambda path: path.write_text("mine"), "exists: name another file with --output, or add --force"),
    "a link to a file": (lambda path: path.symlink_to(DEFAULT), "exists: name another file with --output"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "exists: name another file with --output"),
    "a folder": (lambda path: path.mkdir(), "is a folder: name a file in it"),
    "a pipe": (os.mkfifo, "is a device or a pipe: name a file"),
    "a device": (lambda path: path.symlink_to("/dev/null"), "is a device or a pipe: name a file"),
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_is_in_the_way_is_left_alone(name: str, tmp_path: Path) -> None:
    """And named, with what to do."""
    make, words = IN_THE_WAY[name]
    make(path := tmp_path / "mapping.toml")
    before = path.lstat()
    with pytest.raises(NotWritable) as raised:
        write_mapping(path, TEXT, replaces=False)
    assert str(raised.value).startswith(f"{path} {words}")
    assert (path.lstat(), names(tmp_path)) == (before, ["mapping.toml"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none/mapping.toml", "is in a folder that does not exist: make the folder first"),
        ("file/mapping.toml", "is in a folder that does not exist: make the folder first"),
        ("loop", "is not the name of a file: correct it"),
        ("a\0b", "is not the name of a file: correct it"),
        ("a" * 300, "is not the name of a file: correct it"),
        (".", "is a folder: name a file in it"),
    ],
)
@pytest.mark.parametrize("replaces", [True, False])
def test_path_where_no_file_can_be_is_refused(name: str, words: str, replaces: bool, tmp_path: Path) -> None:
    """Also with consent."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    if name == "loop" and not replaces:
        words = "exists"
    with pytest.raises(NotWritable, match=words):
        refuse_unwritable(tmp_path / name, replaces=replaces)


def test_file_is_written_and_answered_as_it_is_read(tmp_path: Path) -> None:
    """With the rights that any new file has here, and nothing beside it."""
    (tmp_path / "usual").touch()
    mapping = write_mapping(path := tmp_path / "mapping.toml", TEXT, replaces=False)
    assert (len(mapping.rows), path.read_text(encoding="utf-8")) == (6, TEXT)
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert names(tmp_path) == ["mapping.toml", "usual"]


def test_file_that_is_replaced_keeps_its_rights_and_its_links(tmp_path: Path) -> None:
    """Whoever could read it before still can."""
    (tmp_path / "real.toml").write_text("mine")
    (tmp_path / "real.toml").chmod(0o640)
    (link := tmp_path / "mapping.toml").symlink_to("real.toml")
    write_mapping(link, TEXT, replaces=True)
    assert (link.is_symlink(), link.read_text(encoding="utf-8")) == (True, TEXT)
    assert link.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "held",
    [
        b"[[connection]]\nsystem_id = 1\n",
        b"# mine\r\n  [[ connection ]]",
        b"# mine\r[[connection]]",
        b"\xef\xbb\xbf[[connection]]",
        b"[[connection]\nbroken",
        b'[["connection"]]',
        b"connection = [{ system_id = 1 }]",
        b'[[connection]]\nname = "Zo\xeb"',
    ],
)
def test_file_that_holds_connections_is_never_replaced(held: bytes, tmp_path: Path) -> None:
    """Also through a link, and if the file is broken or not in UTF-8."""
    (file := tmp_path / "connections.toml").write_bytes(held)
    (link := tmp_path / "mapping.toml").symlink_to(file)
    for path in (file, link):
        with pytest.raises(NotWritable, match="holds connections, which can't be replaced by a mapping: name another"):
            write_mapping(path, TEXT, replaces=True)
    assert file.read_bytes() == held


@pytest.mark.parametrize("held", ["[[row]]\n# connection = 5", 'description = "connection = x"', "[connections]"])
def test_other_file_that_speaks_of_connections_is_replaced(held: str, tmp_path: Path) -> None:
    """A mapping file may."""
    (path := tmp_path / "mapping.toml").write_text(held)
    write_mapping(path, TEXT, replaces=True)
    assert path.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("has_links", [True, False])
def test_file_that_is_made_meanwhile_is_left_alone(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the last moment, also on a file system without links."""
    path, link = tmp_path / "mapping.toml", os.link

    def late(draft: Path, target: Path) -> None:
        path.write_text("mine")
        if not has_links:
            raise PermissionError(1, "Operation not permitted")
        link(draft, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(NotWritable, match="exists: name another file with --output, or add --force"):
        write_mapping(path, TEXT, replaces=False)
    assert (path.read_text(), names(tmp_path)) == ("mine", ["mapping.toml"])


def test_file_is_written_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a USB stick."""

    def refuse(*_: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_mapping(path := tmp_path / "mapping.toml", TEXT, replaces=False)
    assert (path.read_text(encoding="utf-8"), names(tmp_path)) == (TEXT, ["mapping.toml"])


@pytest.mark.parametrize("text", ["", "[[row", '[[row]]\ntype = "Field"'])
def test_text_that_is_no_mapping_replaces_nothing(text: str, tmp_path: Path) -> None:
    """It is read back before it takes the file's place."""
    (path := tmp_path / "mapping.toml").write_text("mine")
    with pytest.raises(NotWritable, match="would not be a mapping file"):
        write_mapping(path, text, replaces=True)
    assert (path.read_text(), names(tmp_path)) == ("mine", ["mapping.toml"])


def test_disk_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a full one does; no half file is left."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match="can't be written: no space left on device"):
        write_mapping(tmp_path / "mapping.toml", TEXT, replaces=False)
    assert names(tmp_path) == []
