"""How far an initialize has come, in Redis: so that it goes on where it stopped, whatever stopped it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from worker.effects import Effect
from worker.ledger.records import moment
from worker.progress import Progress, Selection, TakenOver

if TYPE_CHECKING:
    from worker.ledger.scripting import Scripts


class ProgressBook:
    """The progress of each connection's initialize, one for each selection of customers.

    All raise LedgerUnavailable when Redis does not answer.
    """

    def __init__(self, scripts: Scripts, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = prefix

    def begin(self, system_id: int, selection: Selection, *, restart: bool = False) -> Progress:
        """Go on with an initialize that was interrupted, or begin a new one: always with `restart`.

        Another process that is at it is stopped by that at its next step.
        """
        keys = [self._key(system_id, selection)]
        answer = self._scripts.run(Effect.BEGIN_INITIALIZE, keys, [uuid.uuid4().hex, int(restart)])
        return _read(system_id, selection, answer)

    def advance(self, progress: Progress, *, ended: bool = False) -> Progress:
        """Note how far it has come. Raises TakenOver where another process has begun since."""
        keys = [self._key(progress.system_id, progress.selection)]
        args: list[str | int] = [progress.token, progress.position, progress.requested, int(ended)]
        answer = self._scripts.run(Effect.ADVANCE_INITIALIZE, keys, args)
        if not answer:
            raise TakenOver
        return _read(progress.system_id, progress.selection, answer)

    def _key(self, system_id: int, selection: Selection) -> str:
        return f"{self._prefix}initialize:{system_id}:{selection}"


def _read(system_id: int, selection: Selection, answer: list[str]) -> Progress:
    fields = dict(zip(answer[::2], answer[1::2], strict=True))
    return Progress(
        system_id=system_id,
        selection=selection,
        token=fields["token"],
        position=fields["position"],
        requested=int(fields["requested"]),
        started_at=moment(fields["started_at"]),
        ended_at=moment(fields.get("ended_at")),
        last_ended_at=moment(fields.get("last_ended_at")),
    )
