"""Two stores on one worker, one of which is in trouble: the other's jobs run as if alone, and the first recovers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.rerunning import rerun_all
from worker.app import app
from worker.config.settings import Settings
from worker.jobs.job import Job, Kind
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sandbox.server import Sandbox, serve

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


def build_runtime(folder: Path, redis_url: str, ill_url: str, well_url: str) -> Runtime:
    """Configure two connections, one for each sandbox, for this process and for a worker."""
    connections = parts.write_connections(
        folder, ill_url, system_id=ILL, more=parts.connection(well_url, system_id=WELL)
    )
    app.conf.update(broker_url=redis_url)
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    return app.runtime


def settled(system_id: int) -> bool:
    """Whether all jobs of a store have settled."""
    records = app.runtime.ledger.records(jobs(system_id))
    return all(record and record.has_settled(1) for record in records)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_store_in_trouble_delays_no_other_and_recovers_by_itself(tmp_path: Path, redis_url: str, trouble: str) -> None:
    """The other's jobs finish during the trouble; then the first's do, none failed, after a handful of calls."""
    fault = TROUBLES[trouble]
    with serve(Sandbox(customers(), systems=(ILL,))) as ill, serve(Sandbox(customers(), systems=(WELL,))) as well:
        runtime = build_runtime(tmp_path, redis_url, ill.url, well.url)
        env = parts.environment(redis_url, runtime.settings.connections, STAMPED_SYNC_HOLD_FIRST_SECONDS="1")
        with parts.worker_process(env, tmp_path / "worker.log"), parts.beat_process(env, tmp_path / "beat.log"):
            ill.sandbox.add_fault(fault)
            rerun_all(jobs(ILL))
            until = time.monotonic() + OUTAGE_SECONDS
            parts.eventually(runtime.ledger.holds)
            rerun_all(jobs(WELL))
            parts.eventually(lambda: settled(WELL))
            assert not settled(ILL)
            parts.eventually(lambda: time.monotonic() > until)
            assert [hold.system_id for hold in runtime.ledger.holds()] == [ILL]
            calls_in_trouble = [call for call in ill.sandbox.calls if call.api == fault.api]
            ill.sandbox.clear_faults()
            parts.eventually(lambda: settled(ILL))
    assert runtime.ledger.counts(Kind.CUSTOMER).failed == 0
    assert len(ill.sandbox.stamped_customers) == len(well.sandbox.stamped_customers) == COUNT
    # Ten at a time until the first answer, then one at a time at growing distances.
    assert len(calls_in_trouble) <= 20
