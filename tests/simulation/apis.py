"""Both APIs as a worker reaches them: in the place of `worker.http.Api`, so that the real clients run on it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from tests.simulation.actors import Killed
from tests.simulation.chance import Fault
from tests.simulation.world import CALL_MS, STORE_HASH, Call, World
from worker.errors import IPaaSUnreachable, StampedUnreachable
from worker.http import Answer, Api
from worker.sandbox.messages import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.stage import Stage
    from worker.effects import Effect
    from worker.ledger import Ledger

ANY_CALL = (
    Fault.CALL_NOT_MADE,
    Fault.ANSWER_LOST,
    Fault.LATE_5XX,
    Fault.STATUS_5XX,
    Fault.STATUS_429,
    Fault.STATUS_401,
    Fault.STATUS_422,
    Fault.STATUS_408,
)


class SimulatedApi(Api):
    """One API of one connection."""

    def __init__(self, name: str, system_id: int, world: World, stage: Stage, ledger: Ledger) -> None:
        self.name = name
        self._system_id = system_id
        self._world = world
        self._stage = stage
        self._ledger = ledger

    def call(
        self,
        method: str,
        route: str,
        values: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        effect: Effect | None = None,
    ) -> Answer:
        """Make one call; others may act before it arrives and before its answer does."""
        is_stamped = self.name == "stamped"
        base = f"/api/v2/{STORE_HASH}/" if is_stamped else "/"
        token = f"Basic {b64encode(b':').decode()}" if is_stamped else "Bearer "
        content = json.dumps(body).encode()
        request = Request(method, base + route.format_map(values or {}), query or {}, token, content)
        actor = self._stage.actor
        assert actor
        assert actor.claim
        until = self._stage.clock.now_ms + CALL_MS
        call = Call(self.name, self._system_id, request, effect, actor.claim, self._ledger.key(actor.claim.job), until)
        kinds = (Fault.ANSWER_EMPTY, *ANY_CALL) if is_stamped and effect else ANY_CALL
        try:
            return self._travel(call, self._stage.chance.first(*kinds))
        finally:
            actor.deadline = None

    def _travel(self, call: Call, fault: Fault | None) -> Answer:
        self._world.leave(call)
        try:
            self._stage.pause(f"on the way: {call}", within_ms=CALL_MS)
        except Killed:
            self._world.abandon(call)
            raise
        try:
            answer = None if fault is Fault.CALL_NOT_MADE else self._world.arrive(call, fault)
            self._stage.pause(f"on the way back: {call}", within_ms=call.late_until_ms - self._stage.clock.now_ms)
        finally:
            self._world.end(call)
        if answer is None or fault is Fault.ANSWER_LOST:
            self._stage.note(f"{call}: {fault}")
            self._world.troubled[call.claim.job] += 1
            raise StampedUnreachable if self.name == "stamped" else IPaaSUnreachable
        return Answer(answer.status, answer.value, answer.headers)
