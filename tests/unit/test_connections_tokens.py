"""What opens iPaaS.com: an API key that may expire, or a login, exactly one of both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from worker.config.faults import ConfigurationError, Fault
from worker.connections import Connection, Connections, load_connections
from worker.presentation.cautions import cautions

if TYPE_CHECKING:
    from pathlib import Path

URL = 'api_url = "https://api.ipaas.com"'
LOGIN = 'login = { email = "zoe@example.com", password = "two words ✓", company_id = "77" }'
TODAY = date(2027, 1, 20)


def load(folder: Path, *ipaas: str) -> Connections:
    """A file of one connection with these keys in `ipaas`."""
    file = folder / "connections.toml"
    file.write_text(f"[[connection]]\nsystem_id = 4021\nipaas = {{ {', '.join([URL, *ipaas])} }}\n", encoding="utf-8")
    return load_connections(file, {"PASSWORD": "from the environment"})


def only(folder: Path, *ipaas: str) -> Connection:
    """The connection of such a file."""
    (connection,) = load(folder, *ipaas)
    return connection


def fault(folder: Path, *ipaas: str) -> Fault:
    """The one thing that is wrong with such a file."""
    with pytest.raises(ConfigurationError) as raised:
        load(folder, *ipaas)
    (found,) = raised.value.faults
    return found


# A login --------------------------------------------------------------------------------------------------------------


def test_a_login_stands_in_for_an_api_key(tmp_path: Path) -> None:
    """A password can be any line."""
    login = only(tmp_path, LOGIN).ipaas.login
    assert login
    assert (login.email.get_secret_value(), login.password.get_secret_value()) == ("zoe@example.com", "two words ✓")
    assert login.company_id == "77"


def test_a_login_can_be_in_the_environment(tmp_path: Path) -> None:
    """As every secret can."""
    login = only(tmp_path, LOGIN.replace('"two words ✓"', '{ env = "PASSWORD" }')).ipaas.login
    assert login
    assert login.password.get_secret_value() == "from the environment"


def test_a_login_is_never_printed(tmp_path: Path) -> None:
    """Neither the e-mail address nor the password."""
    connection = only(tmp_path, LOGIN)
    printed = f"{connection} {connection!r} {connection.ipaas!r}"
    assert "zoe@" not in printed
    assert "two words" not in printed


@pytest.mark.parametrize(
    ("ipaas", "key", "problem"),
    [
        ([], "ipaas.token", "is missing"),
        (['token = "token-1"', LOGIN], "ipaas.token", "stands beside a login: keep one of both"),
        (['login = "zoe"'], "ipaas.login", "must be a table"),
        (['login = { email = "z@x", password = "x" }'], "ipaas.login.company_id", "is missing"),
        ([LOGIN.replace("zoe@example.com", "zoe")], "ipaas.login.email", "must be an e-mail address"),
        ([LOGIN.replace("two words ✓", "")], "ipaas.login.password", "the secret is empty"),
        ([LOGIN.replace("two words ✓", "a\\nb")], "ipaas.login.password", "the secret holds a line break"),
        ([LOGIN.replace("two words ✓", "$IPAAS_PASSWORD")], "ipaas.login.password", "the secret is a variable such as"),
        ([LOGIN.replace("two words ✓", "${PASSWORD}")], "ipaas.login.password", "the secret is a variable such as"),
        ([LOGIN, "token_expires = 2027-02-01"], "ipaas.token_expires", "belongs to token: a login has no such day"),
        ([LOGIN.replace('"77"', '"7/7"')], "ipaas.login.company_id", "must be letters, digits and hyphens alone"),
        ([LOGIN.replace("password", "pasword")], "ipaas.login.pasword", "'pasword' is not a known key"),
        (['token = "t-1"', 'token_expires = "2027-02-01"'], "ipaas.token_expires", "must be a day without quotes"),
        (['token = "t-1"', "token_expires = 2027"], "ipaas.token_expires", "must be a day without quotes"),
        (['token = "t-1"', "token_expires = 2027-02-01T10:00:00"], "ipaas.token_expires", "must be a day"),
        (['token = "t-1"', 'client_id = "a b"'], "ipaas.client_id", "must be visible ASCII characters"),
        (['token = "t-1"', 'client_id = "a\\nb"'], "ipaas.client_id", "must be visible ASCII characters"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, ipaas: list[str], key: str, problem: str) -> None:
    """With an example of right, and never with a secret."""
    if "pasword" in key:
        with pytest.raises(ConfigurationError, match="did you mean password"):
            load(tmp_path, *ipaas)
        return
    found = fault(tmp_path, *ipaas)
    assert (found.key, found.problem[: len(problem)]) == (f"connection 1, {key}", problem)
    assert found.example


@pytest.mark.parametrize("token", ["token-1", "$TOKEN", ""])
@pytest.mark.parametrize("password", ["two words ✓", ""])
def test_token_beside_a_login_is_told_whatever_else_is_wrong_with_them(
    tmp_path: Path, token: str, password: str
) -> None:
    """All at once: whoever mends a fault must not meet the next one only then."""
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, f'token = "{token}"', LOGIN.replace("two words ✓", password))
    told = [fault.key for fault in raised.value.faults if fault.problem == "stands beside a login: keep one of both"]
    others = [fault.key for fault in raised.value.faults if "keep one of both" not in fault.problem]
    assert told == ["connection 1, ipaas.token"]
    wrongs = {"ipaas.token": token != "token-1", "ipaas.login.password": not password}
    assert sorted(others) == sorted(f"connection 1, {key}" for key, is_wrong in wrongs.items() if is_wrong)


# The end of an API key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2027, 2, 4), ""),
        (date(2027, 2, 3), "expires on 2027-02-03, in 14 days"),
        (date(2027, 1, 21), "expires on 2027-01-21, tomorrow"),
        (date(2027, 1, 20), "expires on 2027-01-20, today"),
        (date(2027, 1, 19), "expired on 2027-01-19"),
    ],
)
def test_an_api_keys_end_is_said_from_two_weeks_before_on(tmp_path: Path, day: date, words: str) -> None:
    """And after it."""
    assert only(tmp_path, 'token = "t-1"', f"token_expires = {day}").ipaas.expiry_in_words(TODAY) == words


def test_an_api_key_that_never_expires_needs_no_word(tmp_path: Path) -> None:
    """Or one whose end nobody has noted."""
    assert only(tmp_path, 'token = "t-1"').ipaas.expiry_in_words(TODAY) == ""


def test_the_warning_is_one_of_the_cautions(tmp_path: Path) -> None:
    """So `check` and `connections` have it, with what to do."""
    soon = datetime.now(UTC).date() + timedelta(days=3)
    (caution,) = cautions(load(tmp_path, 'token = "t-1"', f"token_expires = {soon}"))
    assert caution == (
        f"4021: its iPaaS.com API key expires on {soon}, in 3 days; it can't be extended: make a new one in iPaaS.com"
    )
