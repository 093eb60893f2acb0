"""When a store reads its subscription, and what it goes by meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from tests.unit.clock import Clock
from worker.clients.holds import News
from worker.clients.store import AGAIN_SECONDS, GOOD_SECONDS, JUST_READ_SECONDS, Store
from worker.connections import Connection
from worker.ipaas.endpoint import IPaaSEndpoint
from worker.ipaas.subscription import Subscription
from worker.jobs.errors import IPaaSUnavailable, LedgerUnavailable, SubscriptionIncomplete
from worker.ledger import ClaimLost, Throttled
from worker.stamped.endpoint import StampedGiven

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from worker.stamped.endpoint import StampedEndpoint

URL = "https://stamped.io"


def connection(**stamped: Any) -> Connection:
    """A connection whose file says this of Stamped.io."""
    endpoint = IPaaSEndpoint(api_url="https://api.ipaas.com", token=SecretStr("token"))
    return Connection(system_id=4021, ipaas=endpoint, stamped=StampedGiven(**stamped))


class Source:
    """iPaaS.com, whose subscription has a private key; or it raises an error."""

    def __init__(self) -> None:
        self.key, self.store_hash = "private-1", "1"
        self.error: Exception | None = None
        self.calls = 0
        self.answers = threading.Event()
        self.answers.set()

    def subscription(self, wanted: Collection[str]) -> Subscription:
        """The settings, once it `answers`."""
        self.calls += 1
        assert self.answers.wait(10)
        if self.error:
            raise self.error
        settings = {"API Url": URL, "API User": "pub", "API Password": self.key, "API Store Hash": self.store_hash}
        return Subscription.read(settings, wanted)


class Stage:
    """A store, its source and what it has told."""

    def __init__(self, given: Connection | None = None) -> None:
        self.clock, self.source = Clock(), Source()
        self.news: list[News] = []
        self.store = Store(
            given or connection(),
            self._connect,
            on_read=lambda _, news: self.news.append(news),
            call_seconds=10,
            clock=self.clock,
        )

    def _connect(self, endpoint: StampedEndpoint) -> Any:
        return endpoint.private_key.get_secret_value(), object()

    @property
    def ask(self) -> Callable[[], Any]:
        """What reads the subscription."""
        return lambda: self.source

    @property
    def key(self) -> Any:
        """The key by which the store is called now. Raises what reading raises."""
        api: Any = self.store.get(self.ask).api
        return api[0]


@pytest.fixture(name="stage")
def _stage() -> Stage:
    return Stage()


def test_a_whole_connection_reads_nothing() -> None:
    """Its file says it all."""
    whole = {"api_url": URL, "public_key": "pub", "private_key": SecretStr("private-0"), "store_hash": "1"}
    stage = Stage(connection(**whole))
    assert (stage.key, stage.store.is_due, stage.store.is_of_file) == ("private-0", False, True)
    assert stage.store.read_now(stage.ask) is False
    assert stage.store.has_other_keys(stage.ask, stage.store.get(stage.ask).api) is False
    assert stage.source.calls == 0


def test_what_was_read_is_good_for_ten_minutes(stage: Stage) -> None:
    """Then the next caller reads it again; the same keys keep their client."""
    api = stage.store.get(stage.ask).api
    stage.clock.now += GOOD_SECONDS - 1
    assert (stage.store.get(stage.ask).api, stage.source.calls, stage.store.is_due) == (api, 1, False)
    stage.clock.now += 2
    assert (stage.store.get(stage.ask).api, stage.source.calls) == (api, 2)
    assert stage.news == [News.READABLE, News.NONE]


def test_other_keys_are_told(stage: Stage) -> None:
    """So that a hold for the old ones can end."""
    assert stage.key == "private-1"
    stage.source.key = "private-2"
    stage.clock.now += GOOD_SECONDS
    assert (stage.key, stage.news) == ("private-2", [News.READABLE, News.OTHER])


@pytest.mark.parametrize("error", [IPaaSUnavailable(), SubscriptionIncomplete("API Url is missing"), Throttled()])
def test_the_old_values_go_on_if_new_ones_cannot_be_had(stage: Stage, error: Exception) -> None:
    """And nobody asks again for a minute."""
    assert stage.key == "private-1"
    stage.source.error = error
    stage.clock.now += GOOD_SECONDS
    assert (stage.key, stage.key, stage.source.calls) == ("private-1", "private-1", 2)
    stage.clock.now += AGAIN_SECONDS
    assert (stage.key, stage.source.calls) == ("private-1", 3)


@pytest.mark.parametrize("error", [ClaimLost(), LedgerUnavailable()])
def test_a_job_that_may_not_go_on_does_not(stage: Stage, error: Exception) -> None:
    """Another worker may have it."""
    assert stage.key == "private-1"
    stage.source.error = error
    stage.clock.now += GOOD_SECONDS
    with pytest.raises(type(error)):
        _ = stage.key


def test_without_any_values_each_caller_asks(stage: Stage) -> None:
    """A job that was given another job's error would have made no call, and be at fault for it."""
    stage.source.error = IPaaSUnavailable()
    for _ in range(2):
        with pytest.raises(IPaaSUnavailable):
            _ = stage.key
    assert stage.source.calls == 2


def test_many_callers_at_the_start_are_one_call(stage: Stage) -> None:
    """The others wait for it."""
    stage.source.answers.clear()
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(stage.key)) for _ in range(5)]
    for each in threads:
        each.start()
    stage.source.answers.set()
    for each in threads:
        each.join()
    assert (keys, stage.source.calls) == (["private-1"] * 5, 1)


def test_later_callers_do_not_wait_for_the_one_who_reads(stage: Stage) -> None:
    """They go on with the old values."""
    assert stage.key == "private-1"
    stage.clock.now += GOOD_SECONDS
    stage.source.answers.clear()
    reader = threading.Thread(target=lambda: stage.key)
    reader.start()
    while stage.source.calls < 2:
        pass
    assert stage.key == "private-1"
    stage.source.answers.set()
    reader.join()
    assert stage.source.calls == 2


def test_refused_keys_are_read_again_at_once(stage: Stage) -> None:
    """Once for all who meet them at that moment."""
    refused = stage.store.get(stage.ask).api
    stage.clock.now += JUST_READ_SECONDS
    assert stage.store.has_other_keys(stage.ask, refused) is False
    assert stage.store.has_other_keys(stage.ask, refused) is False
    assert stage.source.calls == 2
    stage.source.key = "private-2"
    stage.clock.now += JUST_READ_SECONDS
    assert stage.store.has_other_keys(stage.ask, refused) is True
    assert stage.store.has_other_keys(stage.ask, refused) is True
    assert (stage.source.calls, stage.news) == (3, [News.READABLE, News.NONE, News.OTHER])


def test_refused_keys_stay_if_iPaaS_does_not_answer(stage: Stage) -> None:  # noqa: N802 - its name
    """The hold for the keys says what is wrong."""
    refused = stage.store.get(stage.ask).api
    stage.source.error = IPaaSUnavailable()
    stage.clock.now += JUST_READ_SECONDS
    assert stage.store.has_other_keys(stage.ask, refused) is False


def test_a_redis_that_is_away_spoils_no_preview() -> None:
    """Whoever tells it of the limits meets that; the values are there all the same."""
    stage = Stage()

    def away(*_: object) -> None:
        raise LedgerUnavailable

    stage.store = Store(connection(), stage._connect, on_read=away, call_seconds=1, clock=stage.clock)  # noqa: SLF001 - its own
    assert stage.key == "private-1"


def test_that_a_subscription_can_be_read_again_is_news(stage: Stage) -> None:
    """What kept it from being read can have held the store."""
    assert stage.key == "private-1"
    stage.source.error = IPaaSUnavailable()
    stage.clock.now += JUST_READ_SECONDS
    assert stage.store.read_now(stage.ask) is False
    stage.source.error = None
    assert stage.store.read_now(stage.ask) is True
    assert stage.news == [News.READABLE, News.READABLE]


def test_nothing_is_read_again_before_it_was_read(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing that goes on, so the log must not say so; and the store is as due as before."""
    stage.source.error = IPaaSUnavailable()
    assert (stage.store.read_now(stage.ask), stage.store.is_read, stage.store.is_due) == (False, False, True)
    assert caplog.text == ""


def test_another_store_is_said_with_both_store_hashes(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """From then on customers go to another store, which somebody may not have meant."""
    assert stage.key == "private-1"
    stage.source.store_hash = "2"
    stage.clock.now += GOOD_SECONDS
    assert stage.key == "private-1"
    assert "its subscription names another store: store hash 2 instead of 1" in caplog.text
