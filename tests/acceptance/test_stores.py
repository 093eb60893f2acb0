"""Two stores on one worker, one of which is in trouble: the other's jobs run as if alone, and the first recovers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.app import app
from worker.job import Job, Kind
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sandbox.server import Sandbox, serve
from worker.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ILL, WELL = 1, 2
COUNT = 30
OUTAGE_SECONDS = 8
TROUBLES = {
    "an outage": Fault(api="stamped", status=503),
    "refused credentials": Fault(api="stamped", status=401),
    "too many calls": Fault(api="stamped", status=429, headers={"Retry-After": "3"}),
    "cut connections": Fault(api="stamped", cut="before"),
    "refused token": Fault(api="ipaas", status=403),
}


def customers() -> list[dict[str, object]]:
    """Customers of a store, from 1 on."""
    return [{"id": str(number), "email_address": f"c{number}@example.com"} for number in range(1, COUNT + 1)]


def jobs(system_id: int) -> list[Job]:
    """The jobs of all customers of a store."""
    return [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(1, COUNT + 1)]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_store_in_trouble_delays_no_other_and_recovers_by_itself(tmp_path: Path, redis_url: str, trouble: str) -> None:
    """The other's jobs finish during the trouble; then the first's do, none failed, after a handful of calls."""
    with serve(Sandbox(customers(), systems=(ILL,))) as ill, serve(Sandbox(customers(), systems=(WELL,))) as well:
        connections = parts.write_connections(tmp_path, ill.url, system_id=ILL)
        both = connections.read_text(encoding="utf-8") + "\n"
        parts.write_connections(tmp_path, well.url, system_id=WELL)
        connections.write_text(both + connections.read_text(encoding="utf-8"), encoding="utf-8")
        env = parts.environment(redis_url, connections, STAMPED_SYNC_HOLD_FIRST_SECONDS="1")
        app.conf.broker_url = redis_url
        app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
        ledger = app.runtime.ledger

        def settled(system_id: int) -> bool:
            records = ledger.records(jobs(system_id))
            return all(record and record.has_settled(1) for record in records)

        with parts.worker_process(env, tmp_path / "worker.log"), parts.beat_process(env, tmp_path / "beat.log"):
            ill.sandbox.add_fault(TROUBLES[trouble])
            for job in jobs(ILL):
                ledger.request(job)
            until = time.monotonic() + OUTAGE_SECONDS
            parts.eventually(lambda: any(hold.system_id == ILL for hold in ledger.holds()))
            for job in jobs(WELL):
                ledger.request(job)
            parts.eventually(lambda: settled(WELL))
            assert not settled(ILL)
            parts.eventually(lambda: time.monotonic() > until)
            calls_in_trouble = [call for call in ill.sandbox.calls if call.api == TROUBLES[trouble].api]
            ill.sandbox.clear_faults()
            parts.eventually(lambda: settled(ILL))
        assert ledger.counts(Kind.CUSTOMER).failed == 0
        assert len(ill.sandbox.stamped_customers) == len(well.sandbox.stamped_customers) == COUNT
        # Ten at a time until the first answer, then one at a time at growing distances.
        assert len(calls_in_trouble) <= 20
