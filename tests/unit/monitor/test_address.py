"""What an address asks for, and what is said of what is wrong in it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from worker.jobs.job import State
from worker.monitor.address import Address, Query

NAMES = ("system", "customer", "state", "code", "since", "until", "tracking", "begins")


def address(**given: str | list[str]) -> Address:
    """One that gives these values."""
    lists = {name: [value] if isinstance(value, str) else value for name, value in given.items()}
    return Address({name: [each.encode() for each in values] for name, values in lists.items()}, NAMES)


def test_what_is_right_is_taken() -> None:
    """Without blanks around it; what is not given is not there."""
    found = address(system=" 4021 ", state="failed", since="2026-11-27T08:30", until="2026-11-27T08:30", begins="x")
    assert (found.count("system"), found.choice("state", tuple(State))) == (4021, State.FAILED)
    assert found.span() == (datetime(2026, 11, 27, 8, 30, tzinfo=UTC),) * 2
    assert (found.number("customer"), found.code(), found.text("tracking")) == ("", "", "")
    assert found.link("begins", lambda text: text == "x") == "x"
    assert (found.faults, found.doubts) == ([], [])


def test_all_faults_are_said_at_once() -> None:
    """Each with the name that the value has on the page, and with what is wrong."""
    found = address(system="x", customer="07", state="lost", since="soon", begins="?", sytem="4021")
    found.count("system"), found.number("customer"), found.choice("state", tuple(State)), found.span()
    found.link("begins", str.isdigit)
    assert [each.partition(" is not")[0] for each in found.faults] == [
        "sytem: this page knows nothing of this name",
        "connection: x",
        "customer id: 07",
        "state: lost",
        "from: soon",
        "page: it is no link to a later page, so this is the first",
    ]


def test_from_after_to_is_a_fault_and_neither_counts() -> None:
    """In whatever zone each is given."""
    found = address(since="2026-11-27T08:30", until="2026-11-27T09:30+02:00")
    assert found.span() == (None, None)
    assert found.faults == ["from: it is later than to, 2026-11-27T09:30+02:00, so neither of them counts"]


def test_a_value_that_is_given_twice_counts_once_and_is_said() -> None:
    """Unless both are the same."""
    found = address(state=["failed", "done"], system=["1", "1"])
    assert found.text("state") == "done"
    assert found.faults == ["state: it is given 2 times, so that only the last counts"]


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x00b", b"x" * 101, "a\u202eb".encode()])
def test_what_cannot_be_shown_is_a_fault(value: bytes) -> None:
    """Bytes that are no text, control characters, and what is longer than anything that is looked for."""
    found = Address({"tracking": [value]}, NAMES)
    assert found.text("tracking") == ""
    assert found.faults == ["tracking id: it has more than 100 characters, or some that cannot be shown"]


@pytest.mark.parametrize("value", ["zoe@example.com", "zoe%40example.com"])
def test_no_address_is_repeated(value: str) -> None:
    """A page would show it to whoever looks over a shoulder, and a picture of it to everybody."""
    found = address(customer=value, **{"zoe@example.com": "1"})
    assert found.number("customer") == ""
    assert len(found.faults) == 2
    assert not any("zoe" in each for each in found.faults)


def test_a_code_that_no_error_has_is_looked_for_and_doubted() -> None:
    """A job of an older release may have it."""
    found = address(code="emial-missing")
    assert found.code() == "emial-missing"
    assert found.doubts == ["No error of this release has the code emial-missing; `stamped-sync errors` lists them"]


def test_times_are_of_the_viewers_zone() -> None:
    """Unless they name their own."""
    found = Address({"since": [b"2026-11-27T08:30"]}, NAMES, ZoneInfo("Asia/Kathmandu"))
    assert found.time("since") == datetime(2026, 11, 27, 2, 45, tzinfo=UTC)


def test_a_link_keeps_what_was_given() -> None:
    """Also what is wrong, so that its form still shows it; an empty value takes a field out."""
    query = Query({"state": "failed", "system": "x"}, None, [])
    assert query.link(state="", code="a b") == "?system=x&code=a+b"
    assert (query.doubting("why").doubts, query.doubting("").doubts) == (["why"], ())
