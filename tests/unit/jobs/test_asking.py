"""Who asks: a source, and a user's name as it is remembered."""

from __future__ import annotations

import pytest

from worker.jobs.asking import Asker, Source, user_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("anna", "anna"),
        ("jane.doe@example.com", "jane.doe"),
        (" anna maria ", "anna maria"),
        ("Zoë", "Zoë"),
        ("a\nb\x1b[31m", "ab[31m"),
        ("\udcff", "?"),
        ("x" * 500, "x" * 64),
        ("@", ""),
    ],
)
def test_a_name_is_short_and_no_address(given: str, kept: str) -> None:
    """And can be written anywhere."""
    assert user_name(given) == kept


@pytest.mark.parametrize("source", list(Source))
def test_asker_in_words_and_for_the_scripts(source: Source) -> None:
    """A source alone, or with a name, in which blanks may be."""
    asker = Asker(source, "anna maria")
    assert str(asker) == f"{source} anna maria".strip()
    assert asker.words.endswith(" by anna maria")
    assert "-sync" not in asker.words
    assert Asker.read(source, "anna maria") == asker
