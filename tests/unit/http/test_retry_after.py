"""How long an API asks to wait, and how far that is believed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.http.retry_after import LEAST_SECONDS, LONGEST_SECONDS, seconds_asked

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = NOW.timestamp()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("2.5", 2.5),
        ("0", LEAST_SECONDS),
        ("0.02", LEAST_SECONDS),
        ("-5", LEAST_SECONDS),
        (f"{EPOCH + 20:.0f}", 20),
        (f"{EPOCH + 20.5}", 20.5),
        (f"{(EPOCH + 20) * 1000:.0f}", 20),
        (f"{EPOCH - 20:.0f}", LEAST_SECONDS),
        ("864000", LONGEST_SECONDS),
        ("99999999999", LONGEST_SECONDS),
        ("Wed, 01 Jul 2026 12:02:00 GMT", 120),
        ("Wed, 01 Jul 2026 14:02:00 +0200", 120),
        ("Wed, 01 Jul 2026 12:02:00", 120),
        ("Wednesday, 01-Jul-26 12:02:00 GMT", 120),
        ("Wed, 01 Jul 2026 11:00:00 GMT", LEAST_SECONDS),
        ("Mon, 01 Jan 0001 00:00:00 +2359", LEAST_SECONDS),
        ("Thu, 01 Jan 2099 00:00:00 GMT", LONGEST_SECONDS),
    ],
)
def test_wait_is_a_number_a_date_or_a_time_since_1970(value: str, seconds: float) -> None:
    """Never less than a second, and never more than an hour."""
    assert seconds_asked(value, "", NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "soon", "nan", "inf", "-inf", "3 seconds", "{}", "0x10", "1e300"),
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2030 00:00:00 +99999999999999",
        "Mon, 99 Jan 2030 99:99:99 GMT",
    ],
)
def test_header_that_says_nothing_is_no_wish(value: str) -> None:
    """Garbage is no wish to wait, and no error."""
    assert seconds_asked(value, "", NOW) is None


@pytest.mark.parametrize("date", ["Wed, 01 Jul 2026 11:58:30 GMT", "Wed, 01 Jul 2026 13:58:30 +0200"])
def test_time_is_counted_from_the_answers_own_date(date: str) -> None:
    """A machine whose clock is wrong by minutes waits as long as the API asked."""
    assert seconds_asked("Wed, 01 Jul 2026 11:58:50 GMT", date, NOW) == 20
    assert seconds_asked(f"{EPOCH - 70:.0f}", date, NOW) == 20
    assert seconds_asked("20", date, NOW) == 20


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Jan 2030 99:99:99 GMT"])
def test_date_that_says_nothing_is_this_machines(date: str) -> None:
    """An answer need not have one."""
    assert seconds_asked("Wed, 01 Jul 2026 12:00:20 GMT", date, NOW) == 20


@given(
    st.one_of(
        st.text(),
        st.integers().map(str),
        st.floats().map(str),
        st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
        st.from_regex(r"Mon, [0-9]{1,3} Jan [0-9]{1,20} [0-9]{1,3}:[0-9]{2}:[0-9]{2} [+-][0-9]{1,15}", fullmatch=True),
    ),
    st.one_of(st.text(), st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT"))),
)
def test_wait_is_always_plausible(value: str, date: str) -> None:
    """Whatever the two headers hold."""
    seconds = seconds_asked(value, date, NOW)
    assert seconds is None or LEAST_SECONDS <= seconds <= LONGEST_SECONDS
