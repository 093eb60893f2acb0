"""A store that is held, or that a person has paused: plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.jobs.catalogue import Failure
from worker.jobs.errors import ConnectionPaused
from worker.ledger.records import run_by

if TYPE_CHECKING:
    from collections.abc import Mapping

FOR_EVER: Final = timedelta(days=36_500)
"""How long a pause lasts if nobody ends it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A store that is paused until a time, or that was and has yet to prove itself."""

    system_id: int
    failure: Failure
    since: datetime
    until: datetime
    seconds_left: float = field(compare=False)
    """By Redis' clock, when it was looked at; the clock of whoever looks may be another."""
    api: str = ""
    """The API whose answers began it."""
    fingerprint: str = ""
    """Of the configuration by which the trouble was met last; empty of an earlier release's."""
    is_of_reading: bool = False
    """Whether it began with who read the store's subscription, and no job has met other trouble since."""
    is_paused: bool = False
    """Whether a person has paused the store: then it lasts until somebody resumes it."""
    is_limited: bool = False
    """Whether an API has asked for a pause that is not over: nobody must call it meanwhile, nor end the hold."""

    @classmethod
    def read(cls, system_id: int, fields: Mapping[str, str], now: datetime) -> Hold | None:
        """The hold in a store's hash, or None if the store is not held."""
        if "until" not in fields:
            return None
        since, until = (datetime.fromtimestamp(float(fields[name]) / 1000, UTC) for name in ("since", "until"))
        return cls(
            system_id,
            Failure(**json.loads(fields["error"])),
            since,
            until,
            (until - now).total_seconds(),
            fields.get("api", ""),
            run_by(json.loads(fields.get("by", '""')))[1],
            is_of_reading="reading" in fields,
            is_limited=float(fields.get("limited_until", 0)) > now.timestamp() * 1000,
        )

    @classmethod
    def of_pause(cls, system_id: int, text: str, now: datetime) -> Hold:
        """The pause of a store, as the ledger has it."""
        at, _, as_json = text.partition(" ")
        noted, since = json.loads(as_json), datetime.fromtimestamp(float(at) / 1000, UTC)
        who = f"by {noted['user']}" if noted["user"] else ""
        failure = Failure(ConnectionPaused.entry.code, detail=": ".join(filter(None, [who, noted["reason"]])))
        until = since + FOR_EVER
        return cls(system_id, failure, since, until, (until - now).total_seconds(), is_paused=True)

    @property
    def ends_at(self) -> datetime | None:
        """Until when it lasts; None if a person must end it."""
        return None if self.is_paused else self.until

    @property
    def until_ms(self) -> int:
        """Until when it lasts, as the ledger has it: milliseconds since the epoch."""
        return round(self.until.timestamp() * 1000)

    @property
    def is_over(self) -> bool:
        """Its time has run out: the store proves itself now, with one job at a time."""
        return self.seconds_left <= 0

    @property
    def code(self) -> str:
        """The catalogue's code of the error that began it."""
        return self.failure.code
