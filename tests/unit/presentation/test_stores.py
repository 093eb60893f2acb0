"""Where a connection stands, in a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from worker.jobs.calls import Api
from worker.jobs.catalogue import Failure
from worker.jobs.job import Kind
from worker.ledger import Counts, Hold, Limit, StoreLimits
from worker.ledger.memory.events import Tallies
from worker.ledger.views.figures import Figures, StoreFigures
from worker.ledger.views.totals import Presence, Refusals
from worker.presentation.stores import Standing, rows_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOBODY = Counts(0, 0, 0, 0, 0, 0)
LIMITS = StoreLimits(stamped=Limit(100, 60))
STORE = StoreFigures(
    system_id=1,
    counts=dict.fromkeys(Kind, NOBODY),
    oldest_queued=dict.fromkeys(Kind),
    under_way=0,
    calls={Api.STAMPED: 0, Api.IPAAS: 0},
    hold=None,
    presence={kind: Presence(0, 0) for kind in Kind},
)
FAILURE = Failure("stamped-unreachable")
HOLD = Hold(1, FAILURE, NOW, NOW + timedelta(minutes=5), 300)
WAITS = {Kind.CUSTOMER: Counts(3, 0, 0, 2, 0, 0), Kind.SUBSCRIPTION: NOBODY}


class Connection:
    """As much of one as a row needs."""

    def __init__(self, system_id: int) -> None:
        self.system_id = system_id


class Ledger:
    """As much of it as the rows need."""

    def __init__(self, *stores: StoreFigures, is_named: bool = True) -> None:
        self.stores = {each.system_id: each for each in stores}
        self.limits = dict.fromkeys(self.stores, LIMITS) if is_named else {}
        self.events = self

    def figures(self) -> Figures:
        """Where the stores stand."""
        return Figures(self.stores, NOW, self.limits, {}, {}, Refusals({}, 0), {}, None)

    def tallies(self, systems: list[int], *_: object) -> dict[int, Tallies]:
        """Nothing has ended."""
        return {each: Tallies([0, 0], [0, 0]) for each in systems}

    def last_done(self) -> dict[int, datetime]:
        """Nothing ever did."""
        return {}


def waiting(minutes: float) -> dict[Kind, datetime | None]:
    """A customer job has waited so long."""
    return {Kind.CUSTOMER: NOW - timedelta(minutes=minutes), Kind.SUBSCRIPTION: None}


def standing(*, is_named: bool = True, **facts: Any) -> Standing:
    """How one store stands."""
    ledger: Any = Ledger(replace(STORE, **facts), is_named=is_named)
    connections: Any = [Connection(1)] if is_named else []
    [row] = rows_of(ledger, connections)
    return row.standing


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Standing.WELL),
        ({"counts": WAITS, "oldest_queued": waiting(0.5)}, Standing.WELL),
        ({"counts": WAITS, "oldest_queued": waiting(2)}, Standing.BEHIND),
        (
            {"counts": WAITS, "oldest_queued": waiting(0.5), "calls": {Api.STAMPED: 95, Api.IPAAS: 0}},
            Standing.THROTTLED,
        ),
        ({"calls": {Api.STAMPED: 100, Api.IPAAS: 0}}, Standing.WELL),
        ({"counts": WAITS, "oldest_queued": waiting(2), "is_named": False}, Standing.DRIFTED),
        ({"counts": WAITS, "hold": HOLD, "is_named": False}, Standing.HELD),
        ({"hold": replace(HOLD, is_paused=True)}, Standing.PAUSED),
    ],
)
def test_one_word_for_each(facts: dict[str, Any], expected: Standing) -> None:
    """The gravest counts."""
    assert standing(**facts) is expected


def test_who_needs_attention_comes_first() -> None:
    """Then who has waited longest."""

    def stores() -> Iterator[StoreFigures]:
        yield replace(STORE, system_id=1)
        yield replace(STORE, system_id=2, oldest_queued=waiting(2))
        yield replace(STORE, system_id=3, hold=replace(HOLD, is_paused=True))
        yield replace(STORE, system_id=4, oldest_queued=waiting(9))
        yield replace(STORE, system_id=5, hold=HOLD)
        yield replace(STORE, system_id=6, counts=WAITS)

    ledger: Any = Ledger(*stores())
    connections: Any = [Connection(number) for number in range(1, 7)]
    rows = rows_of(ledger, connections)
    assert [row.system_id for row in rows] == [5, 3, 4, 2, 1, 6]
    assert rows[-1].waiting == 5
    found = {str(each): count for each, count in summary(rows).items() if count}
    assert found == {"held": 1, "paused": 1, "behind": 2, "well": 2}
    assert rows[0].why(NOW) == "Stamped.io does not answer"
    assert rows[2].why(NOW) == "a job has waited 9 min"
