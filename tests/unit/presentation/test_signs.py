"""Text on an output whose encoding lacks some of its signs."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from worker.presentation.signs import IN_ASCII, Signs

OURS = "✓ done \N{EN DASH} or ✗ failed…"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", OURS),
        ("ascii", "ok done - or x failed..."),
        ("latin-1", "ok done - or x failed..."),
        ("cp1252", "ok done \N{EN DASH} or x failed…"),
        ("cp437", "ok done - or x failed..."),
        ("koi8-r", "ok done - or x failed..."),
        ("cp932", "ok done - or x failed…"),
    ],
)
def test_a_sign_that_the_encoding_lacks_becomes_an_ascii_one(encoding: str, shown: str) -> None:
    """The others stay as they are."""
    assert Signs(encoding).readable(OURS) == shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_every_sign_is_in_ascii_and_a_bar_keeps_its_length(encoding: str) -> None:
    """What draws over itself would otherwise leave something behind."""
    for code, instead in IN_ASCII.items():
        assert str(instead).isascii()
        if chr(code) in "━╸╺⠋⠏│─":
            assert len(Signs(encoding).readable(chr(code))) == 1


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", r"Zo\xeb \u0416 \U0001f389"), ("latin-1", r"Zoë \u0416 \U0001f389")]
)
def test_data_that_cannot_be_shown_stays_readable(encoding: str, shown: str) -> None:
    """It is escaped; nothing becomes a question mark."""
    assert Signs(encoding).readable("Zoë Ж 🎉") == shown


def test_bytes_of_an_argument_that_are_no_text_are_escaped() -> None:
    """Python hands them over as lone surrogates, which UTF-8 has not."""
    assert Signs("utf-8").readable("zo\udceb") == r"zo\udceb"


def test_a_stream_is_asked_for_its_encoding() -> None:
    """One without an encoding is taken for the least."""
    assert Signs.of(io.TextIOWrapper(io.BytesIO(), "latin-1")).encoding == "latin-1"
    assert Signs.of(io.StringIO()).encoding == "ascii"


PROGRAM = (
    "import sys; from worker.presentation.signs import Signs; "
    r"print(ascii(Signs.of(sys.stdout).readable('\u2713 Zo\xeb')))"
)


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"LANG": "C"}, "ok Zo\u00eb"),
        ({}, "ok Zo\u00eb"),
        ({"LC_ALL": "POSIX"}, "ok Zo\u00eb"),
        ({"LC_CTYPE": "C"}, "ok Zo\u00eb"),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, "ok Zo\u00eb"),
        ({"LANG": "C.UTF-8"}, "\u2713 Zo\u00eb"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "\u2713 Zo\u00eb"),
        ({"LANG": "C", "PYTHONUTF8": "1"}, "\u2713 Zo\u00eb"),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, "\u2713 Zo\u00eb"),
        ({"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, r"ok Zo\xeb"),
        ({"LANG": "C", "PYTHONIOENCODING": "ascii"}, r"ok Zo\xeb"),
    ],
)
def test_no_meaning_hangs_on_the_encoding_that_python_guesses(variables: dict[str, str], shown: str) -> None:
    """In the C locale Python writes UTF-8 in the hope that it is shown: data is, signs are ASCII."""
    ours = {"LANG", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE"}
    env = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("LC_")}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=env | variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii(shown)
