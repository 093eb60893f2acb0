"""What is read of an API's answer, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from worker.http import LONGEST_RETRY_AFTER_SECONDS, Answer, Timeouts, retry_after

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
DAY = LONGEST_RETRY_AFTER_SECONDS


def answer(body: object, status: int = 422, **headers: str) -> Answer:
    """An answer with this body."""
    return Answer(status, body, CaseInsensitiveDict({name.replace("_", "-"): text for name, text in headers.items()}))


# Retry-After ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("2.5", 2.5),
        ("0", 0),
        ("-5", 0),
        ("99999999999", DAY),
        ("1e300", DAY),
        ("Wed, 01 Jul 2026 12:02:00 GMT", 120),
        ("Wed, 01 Jul 2026 14:02:00 +0200", 120),
        ("Wed, 01 Jul 2026 12:02:00", 120),
        ("Wednesday, 01-Jul-26 12:02:00 GMT", 120),
        ("Wed, 01 Jul 2026 11:00:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", DAY),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float) -> None:
    """Neither in the past nor beyond a day."""
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " ", "soon", "nan", "inf", "-inf", "3 seconds", "{}", "0x10"),
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2030 00:00:00 +99999999999999",
        "Mon, 99 Jan 2030 99:99:99 GMT",
    ],
)
def test_retry_after_that_says_nothing_is_none(value: str | None) -> None:
    """Garbage is no wish to wait, and no error."""
    assert retry_after(value, NOW) is None


@given(
    st.one_of(
        st.text(),
        st.integers().map(str),
        st.floats().map(str),
        st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
        st.from_regex(r"Mon, [0-9]{1,3} Jan [0-9]{1,20} [0-9]{1,3}:[0-9]{2}:[0-9]{2} [+-][0-9]{1,15}", fullmatch=True),
    )
)
def test_retry_after_is_never_negative_and_never_over_a_day(value: str) -> None:
    """Whatever the header holds."""
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= DAY


def test_answer_tells_its_retry_after() -> None:
    """A date is taken relative to now; upper and lower case of the header are alike."""
    date = (datetime.now(UTC) + timedelta(days=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert answer("", 429, retry_after=date).retry_after == DAY
    assert answer("", 429).retry_after is None


# An API's own words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "Email is taken"}, "Email is taken"),
        ({"error": "Email is taken"}, "Email is taken"),
        ({"errors": ["Email is taken", "Name is long"]}, "Email is taken; Name is long"),
        ({"title": "Bad Request"}, "Bad Request"),
        ({"message": "", "error": "Email is taken"}, "Email is taken"),
        ({"message": "first", "error": "second", "errors": ["third"]}, "first"),
        ({"error": {"code": "VALD-1001", "message": "Email is taken"}}, "Email is taken"),
        ({"title": "One or more errors", "errors": {"Email": ["is taken", "is long"]}}, "Email: is taken; is long"),
        ([{"message": "Email is taken"}, {"error": "Name is long"}], "Email is taken; Name is long"),
        ({"code": "VALD-1001", "detail": "Email is taken"}, "code: VALD-1001; detail: Email is taken"),
        ({"detail": 'He said "hi"\n'}, 'detail: He said "hi"\n'),
        ("Email is taken", "Email is taken"),
        ("<html><body>Zoë</body></html>", "a web page"),
        ("  <!doctype html>", "a web page"),
        ({"message": "<html>Zoë</html>"}, "a web page"),
        ({"message": 42}, "42"),
        (None, ""),
        ("", ""),
        ({}, ""),
        ([], ""),
        (42, "42"),
        (False, "False"),
    ],
)
def test_message_is_found_in_every_shape(body: object, message: str) -> None:
    """Under `message`, `error`, `errors` or `title`, else all that the body says, as text and not as JSON."""
    assert answer(body).message == message


def test_message_of_a_deep_body_ends_somewhere() -> None:
    """An error that is nested ten thousand times is cut short."""
    body: Any = "bottom"
    for _ in range(5_000):
        body = {"error": [body]}
    assert answer(body).message == "…"
    for _ in range(5_000):
        body = {"other": body}
    assert answer(body).message.endswith("…")


ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["message", "error", "errors", "title", "detail"]), inner, max_size=4),
    ),
)


@given(ANY_JSON)
def test_reading_a_message_never_raises(body: object) -> None:
    """Whatever an API says of an error."""
    assert isinstance(answer(body).message, str)


@pytest.mark.parametrize(("status", "is_ok"), [(199, False), (200, True), (204, True), (299, True), (300, False)])
def test_success_is_2xx(status: int, is_ok: bool) -> None:
    """And nothing else."""
    assert answer(None, status).is_ok is is_ok


def test_call_is_bounded_by_connecting_and_two_reads() -> None:
    """What a lease must cover: the wait for the answer, and the last byte that may come as late again."""
    assert Timeouts(connect=5, read=15).call == 35
