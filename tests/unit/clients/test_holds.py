"""Which holds of a store end by what its subscription says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.clients.holds import News, can_be_mended, is_ended
from worker.jobs.catalogue import Failure
from worker.ledger.hold import Hold

NOW = datetime(2026, 11, 27, tzinfo=UTC)
IPAAS, STAMPED = "ipaas", "stamped"


def hold(code: str, api: str) -> Hold:
    """A hold of this kind."""
    return Hold(4021, Failure(code), NOW, NOW, 60, api)


@pytest.mark.parametrize(
    ("code", "api", "ends"),
    [
        ("subscription-incomplete", IPAAS, set(News)),
        ("ipaas-credentials-refused", IPAAS, {News.READABLE, News.OTHER}),
        ("ipaas-system-refused", IPAAS, {News.READABLE, News.OTHER}),
        ("stamped-credentials-refused", STAMPED, {News.OTHER}),
        ("host-not-found", STAMPED, {News.OTHER}),
        ("stamped-unreachable", STAMPED, {News.OTHER}),
    ],
)
def test_a_hold_ends_by_news_about_what_began_it(code: str, api: str, ends: set[News]) -> None:
    """Whatever began it may be mended now."""
    assert {news for news in News if is_ended(hold(code, api), news)} == ends
    assert can_be_mended(hold(code, api))


@pytest.mark.parametrize(
    ("code", "api"),
    [("stamped-calls-limited", STAMPED), ("ipaas-calls-limited", IPAAS), ("ipaas-unreachable", IPAAS)],
)
def test_no_value_of_a_subscription_ends_any_other_hold(code: str, api: str) -> None:
    """It ends by itself."""
    assert not any(is_ended(hold(code, api), news) for news in News)
    assert not can_be_mended(hold(code, api))
