"""The tokens of the front door: what can be one, and whose a request holds."""

from __future__ import annotations

import pytest

from worker.config.faults import ConfigurationError
from worker.config.listen_tokens import Tokens, problems_of, tokens_in
from worker.config.settings import load_settings

LONG = "0123456789abcdef"
TOKENS = [f"shop:{LONG}", f"shop:new-{LONG}", f"other:other-{LONG}"]


def test_tokens_are_separated_by_commas_and_lines() -> None:
    """A comment and an empty line are none."""
    text = f"# whoever sends\n shop:{LONG}, shop:new-{LONG}\r\n\n  # more\nother:other-{LONG}\n"
    assert tokens_in(text) == TOKENS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LONG, "must be a name and a token with a colon between"),
        (f":{LONG}", "must be a name and a token with a colon between"),
        ("shop:", "must be a name and a token with a colon between"),
        (f"shöp:{LONG}", "must have a name of letters, digits, . - and _ alone, 40 at most"),
        (f"{'s' * 41}:{LONG}", "must have a name of letters, digits, . - and _ alone, 40 at most"),
        ("shop:0123456789abcde", "has fewer than 16 characters behind the colon, and could be guessed"),
        ("shop:a-long-random-token", "is that of the examples, which everybody knows"),
        (f"shop:{LONG} x", "holds a blank, or a character that no header can"),
        (f"shop:{LONG}ä", "holds a blank, or a character that no header can"),
        (f"a:{LONG},b:{LONG}", "token 2 of 2: is another name's as well: give each sender its own"),
        (f"a:{LONG},b", "token 2 of 2: must be a name and a token with a colon between"),
    ],
)
def test_what_nobody_could_use_is_told_without_the_token(text: str, problem: str) -> None:
    """By its number."""
    assert list(problems_of(tokens_in(text))) == [problem]


def test_one_name_may_have_several_tokens() -> None:
    """For as long as a sender changes from one to the next."""
    assert list(problems_of(TOKENS)) == []


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f"Bearer {LONG}", "shop"),
        (f"bearer  new-{LONG} ", "shop"),
        (f"BEARER other-{LONG}", "other"),
        (f"Basic {LONG}", None),
        (LONG, None),
        (f"Bearer {LONG[:-1]}", None),
        (f"Bearer {LONG}x", None),
        (f"Bearer shop:{LONG}", None),
        ("Bearer", None),
        ("", None),
        ("Bearer \udcff", None),
        ("Bearer ä€", None),
    ],
)
def test_header_holds_the_token_of_a_name(header: str, name: str | None) -> None:
    """Whatever else it holds is nobody's."""
    assert Tokens(TOKENS).name_of(header) == name


def test_wrong_tokens_are_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an example, and without the token."""
    monkeypatch.setenv("STAMPED_SYNC_LISTEN_TOKENS", f"shop:{LONG},secret")
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    (fault,) = raised.value.faults
    assert fault.key == "STAMPED_SYNC_LISTEN_TOKENS"
    assert fault.problem == "token 2 of 2: must be a name and a token with a colon between"
    assert fault.example == "STAMPED_SYNC_LISTEN_TOKENS=listener:…"
    assert "secret" not in str(fault)
