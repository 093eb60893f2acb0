"""How far an initialize has come, in Redis: so that it goes on where it stopped, whatever stopped it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from worker.effects import Effect
from worker.jobs.progress import Known, Progress, ProgressLost, Selection, TakenOver
from worker.ledger.met import Met
from worker.ledger.records import moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.ledger.scripting import Scripts

LEASE_SECONDS: Final = 60
"""How long whoever is at a catch-up may note nothing, before another goes on: longer than one call."""
LOST: Final = ["lost"]


class ProgressBook:
    """The progress of each connection's initialize, one for each selection of customers.

    All raise LedgerUnavailable when Redis does not answer.
    """

    def __init__(self, scripts: Scripts, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = prefix
        self._met = Met(scripts)

    def begin(self, system_id: int, selection: Selection, *, restart: bool = False) -> Progress:
        """Go on with an initialize that was interrupted, or begin a new one: always with `restart`.

        Another process that is at it is stopped by that at its next step.
        """
        key = self._key(system_id, selection)
        if restart and (old := self.all_of([system_id], selection)[0]):
            self._met.forget(key, old)
        answer = self._scripts.run(Effect.BEGIN_INITIALIZE, [key], [uuid.uuid4().hex, int(restart)])
        return _read(system_id, selection, answer)

    def begin_catch_up(self, system_id: int, every_seconds: float) -> Progress | None:
        """Begin a connection's catch-up or go on with it, where one is due and nobody is at it; else None."""
        keys = [self._key(system_id, Selection.CATCH_UP)]
        args: list[str | int] = [uuid.uuid4().hex, int(every_seconds * 1000), LEASE_SECONDS * 1000]
        answer = self._scripts.run(Effect.BEGIN_CATCH_UP, keys, args)
        return _read(system_id, Selection.CATCH_UP, answer) if answer else None

    def look(self, progress: Progress, jobs: Mapping[str, str]) -> Known:
        """What is known of customers, each with the key of its job."""
        return self._met.look(self._key(progress.system_id, progress.selection), progress, jobs)

    def advance(self, progress: Progress, met: Sequence[str] = (), *, ended: bool = False) -> Progress:
        """Note how far it has come, and whom it has met since.

        Raises TakenOver where another process has begun since, and ProgressLost.
        """
        key = self._key(progress.system_id, progress.selection)
        args: list[str | int] = [progress.token, progress.position, progress.requested, int(ended), *met]
        answer = self._scripts.run(Effect.ADVANCE_INITIALIZE, [key], args)
        if not answer or answer == LOST:
            raise ProgressLost if answer else TakenOver
        if ended:
            self._met.forget(key, progress)
        return _read(progress.system_id, progress.selection, answer)

    def all_of(self, system_ids: Sequence[int], selection: Selection) -> list[Progress | None]:
        """The progress of several connections in one round trip; None if nothing has begun yet."""
        pipeline = self._scripts.pipeline()
        for system_id in system_ids:
            pipeline.hgetall(self._key(system_id, selection))
        with available():
            found = pipeline.execute()
        return [
            _of(system_id, selection, fields) if "started_at" in fields else None
            for system_id, fields in zip(system_ids, found, strict=True)
        ]

    def _key(self, system_id: int, selection: Selection) -> str:
        return f"{self._prefix}initialize:{system_id}:{selection}"


def _read(system_id: int, selection: Selection, answer: list[str]) -> Progress:
    return _of(system_id, selection, dict(zip(answer[::2], answer[1::2], strict=True)))


def _of(system_id: int, selection: Selection, fields: Mapping[str, str]) -> Progress:
    return Progress(
        system_id=system_id,
        selection=selection,
        token=fields["token"],
        position=fields["position"],
        requested=int(fields["requested"]),
        started_at=moment(fields["started_at"]),
        ended_at=moment(fields.get("ended_at")),
        last_ended_at=moment(fields.get("last_ended_at")),
        last_requested=int(fields.get("last_requested", 0)),
        run=fields.get("run", ""),
        past=tuple(fields[name] for name in ("past", "older") if name in fields),
    )
