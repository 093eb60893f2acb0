"""Both APIs as a worker reaches them: in the place of the wire, so that real calls, readings and clients run on it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.parts import TIMEOUTS
from tests.simulation.actors import Killed
from tests.simulation.chance import Fault
from tests.simulation.weather import kinds_of
from tests.simulation.world import CALL_MS, STORE_HASH, Call, World
from worker.http.adapter import Pools
from worker.http.answers import Answer, Exchange
from worker.http.client import ApiClient
from worker.jobs.calls import Api
from worker.jobs.intents import Trouble
from worker.sandbox.messages import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.stage import Stage
    from worker.effects import Effect
    from worker.ledger import Ledger


class SimulatedApi(ApiClient):
    """One API of one connection."""

    def __init__(self, side: str, system_id: int, world: World, stage: Stage, ledger: Ledger) -> None:
        super().__init__(
            {api.key: api for api in Api}[side],
            "http://simulated",
            "",
            pools=Pools(TIMEOUTS),
            has_codes=side == "ipaas",
        )
        self._side = side
        self._system_id = system_id
        self._world = world
        self._stage = stage
        self._ledger = ledger
        self._effect: Effect | None = None
        self._route = ""

    def call(
        self,
        method: str,
        route: str,
        values: Mapping[str, object] | None = None,
        *,
        effect: Effect | None = None,
        **options: Any,
    ) -> Answer:
        """Make one call; others may act before it arrives and before its answer does."""
        self._effect, self._route = effect, f"{method} {route}"  # nobody else acts before they are read
        return super().call(method, route, values, effect=effect, **options)

    def _exchange(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object, longest_bytes: int
    ) -> Exchange:
        del longest_bytes
        is_stamped = self._side == "stamped"
        base = f"/api/v2/{STORE_HASH}/" if is_stamped else "/"
        token = f"Basic {b64encode(b':').decode()}" if is_stamped else "Bearer "
        content = json.dumps(body).encode()
        request = Request(method, base + unquote(path), query or {}, token, content)
        actor = self._stage.actor
        assert actor
        call = Call(
            api=self._side,
            system_id=self._system_id,
            route=self._route,
            request=request,
            effect=self._effect,
            claim=actor.claim,
            job_key=self._ledger.key(actor.claim.job) if actor.claim else "",
            late_until_ms=self._stage.clock.now_ms + CALL_MS,
        )
        try:
            return self._travel(call, self._stage.chance.first(*kinds_of(call)))
        finally:
            actor.deadline = None

    def _travel(self, call: Call, fault: Fault | None) -> Exchange:
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
            self._world.weather.trouble(call)
            return Exchange(fault="simulated: no answer in time", trouble=Trouble.SILENT)
        return Exchange(answer.status, answer.content, answer.all_headers)
