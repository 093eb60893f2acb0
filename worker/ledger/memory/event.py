"""What the memory holds: plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from worker.jobs.asking import Asker, Source
from worker.jobs.calls import Api, MadeCall
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind
from worker.ledger.records import run_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.ledger.scripting import Args

REQUESTED: Final = "requested"
PAUSED: Final = "paused"
RESUMED: Final = "resumed"
RELEASED: Final = "released"
"""What people do, as the outcome of an event."""
NO_SHAPE: Final = "[[], []]"


@dataclass(frozen=True, slots=True)
class Event:
    """One attempt of a job that has ended, or one change by a person."""

    ended_at: datetime
    ms: int
    kind: Kind | None
    """None if it is about no job."""
    system_id: int | None
    """None if it is about no connection, or about several."""
    customer_id: str
    outcome: str
    """Of an attempt an action, or `waiting`, `held`, `throttled`, `queued`, `failed` or `lost`; else what was done."""
    code: str
    asker: Asker
    """Who asked for it."""
    worker: str
    configuration: str
    """The fingerprint of the configuration that it was run by."""
    tracking_guid: str
    stamped_id: str
    sent: tuple[str, ...]
    """The names of the fields that were sent to Stamped.io."""
    calls: list[MadeCall]
    failure: Failure | None
    note: str
    """Of a person's change, what there is to say of it: a reason, a number."""

    @classmethod
    def read(cls, text: str, shapes: Mapping[str, str]) -> Self:
        """The event in an entry; `shapes`: those that entries name in short, as JSON."""
        ended, ms, kind, system, customer, outcome, code, source, user, *more = json.loads(text)
        by, tracking, stamped, shape, ends, error, note = more
        sent, calls = json.loads(shapes.get(shape) or NO_SHAPE) if isinstance(shape, str) else shape
        worker, configuration = run_by(by)
        return cls(
            ended_at=datetime.fromtimestamp(ended / 1000, UTC),
            ms=ms,
            kind=Kind(kind) if kind else None,
            system_id=int(system) if system else None,
            customer_id=customer,
            outcome=outcome,
            code=code,
            asker=Asker.read(source, user),
            worker=worker,
            configuration=configuration,
            tracking_guid=tracking,
            stamped_id=stamped,
            sent=tuple(sent),
            calls=[
                MadeCall(Api(api), method, route, status or None, ms)
                for (api, method, route), status, ms in zip(calls, ends[::2], ends[1::2], strict=False)
            ],
            failure=Failure(**error) if error else None,
            note=note,
        )

    @property
    def began_at(self) -> datetime:
        """When the attempt began."""
        return self.ended_at - timedelta(milliseconds=self.ms)

    @property
    def job(self) -> Job | None:
        """The job that it is about, if it is about one."""
        is_of_job = self.kind and self.system_id is not None and self.customer_id
        return Job(self.kind, self.system_id, self.customer_id) if is_of_job else None  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant; what is not given does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    system_id: int | None = None
    kind: Kind | None = None
    customer_id: str = ""
    tracking_guid: str = ""
    stamped_id: str = ""
    code: str = ""
    outcome: str = ""
    source: Source | None = None

    def holds(self, event: Event) -> bool:
        """Whether an event is meant."""
        return (
            (self.system_id is None or event.system_id == self.system_id)
            and (self.kind is None or event.kind is self.kind)
            and self.customer_id in {"", event.customer_id}
            and self.tracking_guid in {"", event.tracking_guid}
            and self.stamped_id in {"", event.stamped_id}
            and self.code in {"", event.code}
            and self.outcome in {"", event.outcome}
            and (self.source is None or event.asker.source is self.source)
            and (self.since is None or event.ended_at >= self.since)
            and (self.until is None or event.ended_at <= self.until)
        )

    @property
    def args(self) -> Args:
        """What is looked for, as `events.lua` takes it."""
        system = "" if self.system_id is None else self.system_id
        return [
            system,
            self.customer_id,
            self.tracking_guid,
            self.stamped_id,
            self.code,
            self.outcome,
            self.source or "",
        ]


@dataclass(frozen=True, slots=True)
class Change:
    """What a person has changed, other than by asking for one job's run."""

    outcome: str
    asker: Asker
    system_id: int | None = None
    job: Job | None = None
    code: str = ""
    note: str = ""

    @classmethod
    def requested(cls, asker: Asker, jobs: Sequence[Job]) -> Self:
        """That somebody has asked for these jobs."""
        if len(jobs) == 1:
            return cls(REQUESTED, asker, job=jobs[0])
        systems = {job.system_id for job in jobs}
        return cls(REQUESTED, asker, systems.pop() if len(systems) == 1 else None, note=f"{len(jobs):,} jobs")
