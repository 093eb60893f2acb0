"""Who has an e-mail address is believed as far as the answer shows it."""

from __future__ import annotations

import pytest

from worker.ipaas.customer_list import Match, Matches
from worker.jobs.errors import AnswerUnreadable
from worker.sync.by_email import Found, find

ZOE = "zoe@example.com"


class FakeSource:
    """iPaaS.com with one answer."""

    def __init__(self, *customers: Match, has_more: bool = False) -> None:
        self._matches = Matches(customers, has_more=has_more)

    def customers_with(self, email: str) -> Matches:
        """The answer."""
        assert email == ZOE
        return self._matches


@pytest.mark.parametrize("email", [ZOE, "ZOE@Example.com", " zoe@example.com ", "mailto:zoe@example.com"])
def test_only_customer_with_the_address_is_found(email: str) -> None:
    """However its record writes the address."""
    assert find(ZOE, FakeSource(Match("1", email))).only == "1"


def test_nobody_is_nobody() -> None:
    """An empty answer is no error."""
    assert find(ZOE, FakeSource()) == Found(())


def test_several_customers_are_all_named() -> None:
    """None of them is chosen."""
    found = find(ZOE, FakeSource(Match("1", ZOE), Match("2", ZOE), Match("1", ZOE)))
    assert (found, found.only) == (Found(("1", "2")), None)


def test_customer_that_is_answered_twice_is_one() -> None:
    """A list may repeat itself."""
    assert find(ZOE, FakeSource(Match("1", ZOE), Match("1", ZOE))).only == "1"


def test_further_pages_mean_further_customers() -> None:
    """The one on the first page is not the only one."""
    found = find(ZOE, FakeSource(Match("1", ZOE), has_more=True))
    assert (found.ids, found.only) == (("1",), None)


@pytest.mark.parametrize("email", ["max@example.com", "zoe@example.org", "zoé@example.com", "zoe+1@example.com"])
@pytest.mark.parametrize("others", [(), (Match("1", ZOE),)])
def test_answer_with_anybody_else_proves_nothing(email: str, others: tuple[Match, ...]) -> None:
    """iPaaS.com has not searched: whom it leaves out is not known. The error names nobody."""
    with pytest.raises(AnswerUnreadable) as raised:
        find(ZOE, FakeSource(*others, Match("2", email)))
    assert "@" not in str(raised.value)


def test_empty_page_before_others_is_unreadable() -> None:
    """It does not say that there is nobody."""
    with pytest.raises(AnswerUnreadable):
        find(ZOE, FakeSource(has_more=True))
