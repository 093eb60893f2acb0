"""What runs for hours outlives an outage of minutes, and says so; what no waiting mends ends it at once."""

from __future__ import annotations

import pytest

from worker.jobs.errors import AnswerUnreadable, IPaaSCredentialsRefused, SyncError
from worker.jobs.intents import Trouble
from worker.sync.patience import PATIENCE, patiently


class Api:
    """Raises an error so many times, and answers then."""

    def __init__(self, error: SyncError, times: int) -> None:
        self.error = error
        self.left = times
        self.rests: list[float] = []

    def call(self) -> str:
        """Answer."""
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"

    def rest(self, error: SyncError, seconds: float) -> None:
        """Rest."""
        assert error is self.error
        self.rests.append(seconds)


def test_outage_is_waited_for() -> None:
    """Each time longer, up to a minute."""
    api = Api(AnswerUnreadable("a web page"), PATIENCE.fast)
    assert patiently(api.call, api.rest) == "answer"
    assert len(api.rests) == PATIENCE.fast
    assert max(api.rests) <= 60


def test_outage_that_lasts_is_told_in_the_end() -> None:
    """Whoever started it has to know."""
    api = Api(AnswerUnreadable("a web page"), PATIENCE.fast + 1)
    with pytest.raises(AnswerUnreadable):
        patiently(api.call, api.rest)
    assert api.left == 0


def test_api_that_asks_for_time_gets_it() -> None:
    """Its Retry-After is never undercut."""
    api = Api(AnswerUnreadable("a web page", retry_after=90), 1)
    patiently(api.call, api.rest)
    assert api.rests == [90]


def test_what_needs_a_person_is_told_at_once() -> None:
    """No waiting mends refused credentials."""
    api = Api(IPaaSCredentialsRefused(trouble=Trouble.CREDENTIALS), 1)
    with pytest.raises(IPaaSCredentialsRefused):
        patiently(api.call, api.rest)
    assert api.rests == []
