"""Flower's logins: whether each can be used, and whether a browser knows one."""

from __future__ import annotations

import unicodedata
from base64 import b64encode

import pytest

from worker.monitor.login import faults_of, known_user

UMLAUTS = "operator:pässwört"
GOOD = [
    UMLAUTS,
    "operator:correct horse battery",
    "operator: secret ",
    "operator:s3cret: or not",
    "Zoë Müller:パスワード",
    "a:b",
]


def composed(login: str) -> str:
    """The login with each letter as one character."""
    return unicodedata.normalize("NFC", login)


def decomposed(login: str) -> str:
    """The login with letters and their dots as two characters."""
    return unicodedata.normalize("NFD", login)


def basic(login: str | bytes, scheme: str = "Basic") -> str:
    """The header that a client sends."""
    return f"{scheme} {b64encode(login if isinstance(login, bytes) else login.encode()).decode()}"


@pytest.mark.parametrize("login", GOOD)
def test_login_of_any_letters_can_be_used(login: str) -> None:
    """With blanks and colons in its password too."""
    assert list(faults_of([login, "other:login"])) == []
    assert known_user([login], basic(login))
    assert known_user(["other:login", login], basic(login))
    assert not known_user([login], basic(f"{login}x"))


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("operator", "must be a user and a password with a colon between; a comma begins the next login"),
        (":secret", "has no user before the colon"),
        ("operator:", "has no password behind the colon"),
        (" operator:secret", "must not begin or end its user with a blank"),
        ("operator :secret", "must not begin or end its user with a blank"),
        ("operator:secret\n", "holds a line break or another control character"),
        ("oper\x00ator:secret", "holds a line break or another control character"),
        ("operator:p\udce4ss", "is not UTF-8 text"),
    ],
)
def test_login_that_nobody_could_use_is_told(login: str, problem: str) -> None:
    """Without a word of it: it is a secret."""
    (fault,) = faults_of([login])
    assert (fault.problem, fault.key) == (problem, "")
    assert "secret" not in str(fault)
    (second,) = faults_of([UMLAUTS, login])
    assert second.problem == f"login 2 of 2: {problem}"


@pytest.mark.parametrize("kept", [composed(UMLAUTS), decomposed(UMLAUTS)])
@pytest.mark.parametrize(
    "sent", [composed(UMLAUTS).encode(), decomposed(UMLAUTS).encode(), composed(UMLAUTS).encode("iso-8859-1")]
)
def test_letters_are_the_same_however_they_are_sent(kept: str, sent: bytes) -> None:
    """Some systems compose them otherwise, and some clients write ISO-8859-1."""
    assert known_user([kept], basic(sent))


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic "])
def test_name_of_the_scheme_has_any_case(scheme: str) -> None:
    """As its standard says."""
    assert known_user([UMLAUTS], basic(UMLAUTS, scheme))


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic \xe4\xff",
        "Basic =",
        "Basic Og==",
        "Basic YQ",
        basic(b"\xff\xfe\x00:\xff"),
        basic("pässwört"),
        basic("operator:p\u0000"),
        basic(UMLAUTS, "Bearer"),
        "Bearer x",
        f"{basic(UMLAUTS)} {basic(UMLAUTS)}",
        f"{basic(UMLAUTS)}, Basic x",
    ],
)
def test_whatever_else_is_sent_is_no_login(header: str) -> None:
    """It is refused, and no error of the server."""
    assert not known_user([UMLAUTS, "operator:secret"], header)


def test_nobody_knows_a_login_where_there_is_none() -> None:
    """An empty one is no login either."""
    assert not known_user([], basic(":"))
