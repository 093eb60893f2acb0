"""Which triggers that nobody read are noted for the operator, and how often."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.clock import Clock
from worker.jobs.errors import LedgerUnavailable
from worker.listen import answers
from worker.listen.notes import Notes, error_of
from worker.telemetry.seldom import SAID_EVERY_SECONDS

if TYPE_CHECKING:
    from worker.ledger import Ledger, Refusal

UNKNOWN = HTTPStatus.UNAUTHORIZED


class KeptLedger:
    """A ledger that keeps refusals alone, unless it is away."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.is_away = False

    def refuse(self, refusal: Refusal) -> None:
        """Keep what was wrong."""
        if self.is_away:
            raise LedgerUnavailable
        self.kept.append(refusal.detail.partition(".")[0])


def add(notes: Notes, *added: tuple[HTTPStatus, bool]) -> None:
    """Note these one after another."""

    async def adding() -> None:
        for status, has_token in added:
            notes.add(status, has_token=has_token)
            await asyncio.get_running_loop().run_in_executor(notes._lane._pool, lambda: None)  # noqa: SLF001 - it was written

    asyncio.run(adding())


@pytest.fixture
def ledger() -> KeptLedger:
    """An empty one."""
    return KeptLedger()


@pytest.fixture
def clock() -> Clock:
    """It stands still."""
    return Clock()


@pytest.fixture
def notes(ledger: KeptLedger, clock: Clock) -> Notes:
    """Those of a process."""
    return Notes(lambda: cast("Ledger", ledger), clock)


def test_strangers_are_noted_once_in_ten_minutes(notes: Notes, ledger: KeptLedger, clock: Clock) -> None:
    """Those without a token, and those with another, each for themselves: nobody can fill the page."""
    add(notes, *[(UNKNOWN, False), (UNKNOWN, True)] * 3)
    assert ledger.kept == ["it sent no token", "its token is not known here"]
    clock.now += SAID_EVERY_SECONDS
    add(notes, (UNKNOWN, True), (UNKNOWN, True))
    assert ledger.kept[2:] == ["its token is not known here"]


def test_each_trigger_of_a_known_sender_is_noted(notes: Notes, ledger: KeptLedger) -> None:
    """Too long or compressed: each is one that is transferred by nobody."""
    add(notes, *[(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, True), (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, True)] * 2)
    assert ledger.kept == ["it is longer than 2 MB", "it is compressed"] * 2


def test_redis_that_is_away_keeps_no_note_and_harms_nothing(notes: Notes, ledger: KeptLedger) -> None:
    """The next one is noted."""
    ledger.is_away = True
    add(notes, (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, True))
    ledger.is_away = False
    add(notes, (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, True))
    assert ledger.kept == ["it is compressed"]


@pytest.mark.parametrize("status", answers.ERRORS)
def test_what_is_refused_for_good_is_noted(status: HTTPStatus) -> None:
    """Of a trigger that nobody read; one that is sent again by itself is not, nor a request for another path."""
    noted: Any = error_of(status, has_token=True)
    assert (noted is not None) == (status in {401, 413, 415})
