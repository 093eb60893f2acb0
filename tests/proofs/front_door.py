"""The front door: many senders, while one of its processes is killed again and again and Redis restarts."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TYPE_CHECKING

import requests

from tests import parts
from tests.proofs.processes import Restartable, python, worker
from tests.proofs.result import Result, percentile
from tests.proofs.stage import stage
from tests.proofs.truth import compare, failed_by_code, person
from worker.local.ports import HOST, is_free
from worker.sandbox.sandbox import Sandbox

OWN = 20_000, 30_000

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.proofs.processes import Server

DOORS = 2
TOKEN = "0123456789abcdef-token"
ACCEPTED = 202
AGAIN_SECONDS = 0.05
ANSWER_SECONDS = 60
REDIS_AWAY_SECONDS = 0.5


class Senders:
    """Upstream: each takes one customer after the other and sends the trigger until somebody answers 202."""

    def __init__(self, urls: list[str], count: int) -> None:
        self._urls = urls
        self._waiting: Queue[int] = Queue()
        for number in range(1, count + 1):
            self._waiting.put(number)
        self._lock = threading.Lock()
        self.accepted: list[str] = []
        self.seconds: list[float] = []
        """How long each answer of 202 took."""
        self.sent_again = 0
        self.odd: set[int] = set()
        """Answers other than 202 and 503."""

    def send(self, number: int) -> None:
        """Send until nobody is left, beginning at another door each."""
        urls = itertools.islice(itertools.cycle(self._urls), number, None)
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            with contextlib.suppress(Empty):
                while True:
                    self._send(session, urls, str(self._waiting.get_nowait()))

    def _send(self, session: requests.Session, urls: Iterator[str], customer_id: str) -> None:
        notification = {"id": customer_id, "destination": str(parts.SYSTEM), "scope": "customer/updated"}
        for url in urls:
            began = time.monotonic()
            status = self._status(session, url, {"id": "proof", "notifications": [notification]})
            with self._lock:
                if status == ACCEPTED:
                    self.seconds.append(time.monotonic() - began)
                    self.accepted.append(customer_id)
                    return
                self.sent_again += 1
                if status not in {None, requests.codes.unavailable}:
                    self.odd.add(status)
            time.sleep(AGAIN_SECONDS)

    def _status(self, session: requests.Session, url: str, trigger: object) -> int | None:
        try:
            return session.post(f"{url}/triggers", json=trigger, timeout=ANSWER_SECONDS).status_code
        except requests.RequestException:
            return None


@dataclass
class Plan:
    """How much is done."""

    count: int = 10_000
    clients: int = 50
    restarts: int = 2
    """Of Redis."""
    kill_seconds: float = 1.0
    """How often a front door is killed, one after the other."""


def prove(folder: Path, plan: Plan | None = None) -> Result:
    """Hand over customers while front doors are killed; everyone that got its 202 must be carried over."""
    plan, result = plan or Plan(), Result("The front door among kills")
    sandbox = Sandbox([person(number) for number in range(1, plan.count + 1)])
    with stage(folder, sandbox) as made, contextlib.ExitStack() as stack:
        ports = _own_ports(DOORS)
        doors = [_door(made.env, folder, port) for port in ports]
        for each in (worker(made.env, folder, "worker"), *doors):
            stack.enter_context(each.running())
        senders = Senders([f"http://{HOST}:{port}" for port in ports], plan.count)
        began = time.monotonic()
        kills, restarts = _among_kills(senders, doors, made.server, plan)
        seconds = time.monotonic() - began
        left = made.rest()
        failed = failed_by_code(made.ledger)
    sides = compare(sandbox, senders.accepted)
    result.say(f"{plan.count:,} notifications by {plan.clients} clients to {DOORS} front doors")
    result.say(f"{kills} front doors killed, {restarts} restarts of Redis")
    p50, p99 = (percentile(senders.seconds, each) for each in (50, 99))
    result.say(f"{plan.count / seconds:,.0f} a second; an answer takes p50 {p50:.3f} s, p99 {p99:.3f} s")
    result.say(f"sent again {senders.sent_again:,} times; {sides}, failed {dict(failed) or 'none'}")
    result.must(len(senders.accepted) == len(set(senders.accepted)) == plan.count, "not everybody got a 202")
    result.must(sides.is_clean, str(sides))
    result.must(not senders.odd, f"answers that are no 202 and no 503: {senders.odd}")
    result.must(not left and not failed, f"jobs left {left}, failed {dict(failed)}")
    result.must(kills > 0 and restarts == plan.restarts, "nothing was killed, or Redis not restarted: that is no load")
    result.must(not any(each.crashed for each in doors), "a front door had ended by itself")
    return result


def _among_kills(senders: Senders, doors: list[Restartable], server: Server, plan: Plan) -> tuple[int, int]:
    """Let everybody send, and kill meanwhile; how many front doors were killed, and how often Redis restarted."""
    threads = [threading.Thread(target=senders.send, args=[number]) for number in range(plan.clients)]
    for each in threads:
        each.start()
    restarts = 0
    for kills, door in enumerate(itertools.cycle(doors)):
        time.sleep(plan.kill_seconds)
        if not any(each.is_alive() for each in threads):
            return kills, restarts
        door.kill()
        door.start()
        if restarts < plan.restarts and len(senders.accepted) >= plan.count * (restarts + 1) // (plan.restarts + 1):
            restarts += 1
            server.restart(REDIS_AWAY_SECONDS)
    raise AssertionError("`cycle` has no end")


def _door(env: dict[str, str], folder: Path, port: int) -> Restartable:
    tokens = {"STAMPED_SYNC_LISTEN_TOKENS": f"proof:{TOKEN}"}
    command = python("-m", "worker.cli", "listen", f"--port={port}")
    return Restartable(command, env | tokens, folder / f"listen-{port}.log")


def _own_ports(count: int) -> list[int]:
    """Ports that no other test gets while a front door is down: a system hands out higher ones by itself."""
    return random.sample([port for port in range(*OWN) if is_free(port)], count)
