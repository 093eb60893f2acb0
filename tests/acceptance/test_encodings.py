"""What every command says can be read on any terminal: no meaning is lost where the encoding lacks a sign."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.processes import own_environment
from worker.cli.menu import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

ID = "150713"
ENCODINGS = {
    "C locale": {"LANG": "C"},
    "POSIX": {"LC_ALL": "POSIX"},
    "C locale, taken at its word": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "ASCII, strictly": {"PYTHONIOENCODING": "ascii:strict"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "Windows": {"PYTHONIOENCODING": "cp1252"},
    "DOS": {"PYTHONIOENCODING": "cp437"},
}
"""What a terminal's encoding can come from, by what it is."""
LOCALE = ("LANG", "LC_", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE")
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def with_encoding(env: dict[str, str], name: str) -> dict[str, str]:
    """An environment with this encoding."""
    return {key: value for key, value in env.items() if not key.startswith(LOCALE)} | ENCODINGS[name]


def said(env: dict[str, str], folder: Path, *arguments: str) -> tuple[int, bytes]:
    """The exit code of a command, and both its outputs."""
    command = parts.console_command(*arguments)
    done = subprocess.run(command, env=env, cwd=folder, input=b"", capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that the sandbox answers."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_good_and_what_is_not_is_told_apart(encoding: str, env: dict[str, str], tmp_path: Path) -> None:
    """`ok` and `x` stand where ✓ and ✗ can't."""
    env = with_encoding(env | {"STAMPED_SYNC_REDIS_URL": "redis://127.0.0.1:9/0"}, encoding)
    code, shown = said(env, tmp_path, "check")
    marks = [line.split(b" ")[0] for line in shown.splitlines() if line[:1].strip()]
    assert (code, marks) == (1, [b"ok", b"x", b"ok", b"ok", b"ok"])
    assert shown.isascii()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_data_is_shown_or_escaped(encoding: str, env: dict[str, str], tmp_path: Path) -> None:
    """In the encoding of the terminal; where it lacks a letter, the letter's number stands for it."""
    code, shown = said(with_encoding(env, encoding), tmp_path, "preview", ID)
    codec = {"C locale": "utf-8", "POSIX": "utf-8", "Latin-1": "latin-1", "Windows": "cp1252", "DOS": "cp437"}
    name = "Zoë".encode(codec.get(encoding, "ascii"), "backslashreplace")
    assert (code, name in shown, b"?" in shown) == (0, True, False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_can_be_read(name: str, tmp_path: Path) -> None:
    """Nothing in it is a question mark that was another sign."""
    env = own_environment(PYTHONPATH=str(parts.ROOT))
    code, shown = said(with_encoding(env, "ASCII"), tmp_path, name, "--help")
    assert (code, shown.isascii(), b"?" in shown) == (0, True, False)


@pytest.mark.parametrize("encoding", ["C locale", "Windows"])
@pytest.mark.parametrize("command", ["mapping", "connections"])
def test_an_example_can_be_read_back_whatever_the_terminal(command: str, encoding: str, tmp_path: Path) -> None:
    """A configuration file is UTF-8, and so is what is printed to become one."""
    env = with_encoding(own_environment(PYTHONPATH=str(parts.ROOT)), encoding)
    code, shown = said(env, tmp_path, command, "--example")
    assert (code, shown.isascii(), b"?" in shown) == (0, True, False)


def test_a_terminal_of_ascii_gets_bars_and_spinners_of_ascii(tmp_path: Path) -> None:
    """The demonstration from beginning to end, as a person sees it."""
    env = own_environment(PYTHONPATH=str(parts.ROOT), TERM="xterm", TMPDIR=str(tmp_path))
    code, shown = on_a_terminal(with_encoding(env, "C locale"), "demo", "--customers", "20")
    text = ESCAPE.sub(b"", shown)
    assert (code, text.isascii()) == (0, True)
    assert [b"ok Valkey" in text, b"ok Stamped.io holds" in text, b"-- " in text] == [True] * 3
    assert b"?" not in text


def test_a_name_is_shown_on_a_terminal_as_it_is(env: dict[str, str], tmp_path: Path) -> None:
    """Brackets in it are no markup, and nothing in it steers the terminal."""
    path = tmp_path / "connections.toml"
    path.write_text(path.read_text().replace('name = "Sandbox 4021"', r'name = "Zoë [/EU] [red]\u001b[2J"'))
    code, shown = on_a_terminal(env | {"TERM": "xterm"}, "check")
    assert (code, "4021 Zoë [/EU] [red] [2J, mapping" in shown.decode(), b"\x1b[2J" in shown) == (0, True, False)


def on_a_terminal(env: dict[str, str], *arguments: str) -> tuple[int, bytes]:
    """What a command draws on a terminal, and how it ends."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(parts.console_command(*arguments), env=env, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        drawn = bytearray()
        while piece := _piece(mine):
            drawn += piece
    os.close(mine)
    return running.returncode, bytes(drawn)


def _piece(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""
