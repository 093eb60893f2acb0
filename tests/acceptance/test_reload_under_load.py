"""Every kind of change under load, with a worker, beat and Flower that are never restarted."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest
import requests

from tests import parts
from tests.acceptance.scene import PLENTY, Scene, customer, person, scene, trigger
from tests.acceptance.test_reload import FAST, OTHER, taken, write
from worker.jobs.job import Kind
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEOPLE = [person(str(number)) for number in range(1, 201)]
LOGIN = "operator:a-long-password"
PER_SECOND = 20


@pytest.fixture
def running(redis_url: str, tmp_path: Path) -> Iterator[tuple[Scene, str]]:
    """A scene with a worker, a beat and Flower; and Flower's address."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(scene(redis_url, tmp_path, Sandbox(PEOPLE, systems=(parts.SYSTEM, OTHER))))
        (tmp_path / "key").write_text(parts.PRIVATE_KEY)
        write(made, own(made))
        stack.enter_context(made.running(**FAST))
        stack.enter_context(parts.flower_process(made.env | FAST, tmp_path / "flower.log", port, LOGIN))
        made.eventually(lambda: [each.role for each in made.ledger.processes.running()] == ["worker", "beat", "flower"])
        yield made, f"http://{LOGIN}@127.0.0.1:{port}"


def own(made: Scene, *more: str) -> str:
    """The first connection, whose private key is in a file."""
    more = more or (PLENTY,)
    text = parts.connection(made.url, more="\n".join(more))
    return text.replace(f'private_key = "{parts.PRIVATE_KEY}"', 'private_key = { file = "key" }')


class Load:
    """Triggers for one customer after the other, as fast as a busy shop sends them."""

    def __init__(self, made: Scene) -> None:
        self._made = made
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _go_on(self) -> None:
        for each in itertools.cycle(PEOPLE):
            if self._stopping.wait(1 / PER_SECOND):
                return
            self._made.submit(trigger(each["id"]))
            self.sent += 1


def test_every_change_is_taken_under_load(running: tuple[Scene, str]) -> None:
    """No job fails or is lost; the status, the pages and the metrics tell what is wrong while it is."""
    made, flower = running
    other = parts.connection(made.url, system_id=OTHER, more=PLENTY)
    with Load(made) as load:
        made.eventually(lambda: load.sent >= PER_SECOND)
        # The mapping is flipped.
        with taken(made):
            parts.write_mapping(made.folder, subscription=True)
            write(made, own(made, PLENTY, 'mapping = "mapping.toml"'))
        made.eventually(lambda: any(each["isSubscribed"] for each in made.sandbox.stamped_customers.values()))
        # The throttle is lowered.
        with taken(made):
            write(made, own(made, 'mapping = "mapping.toml"', "throttle = { limit = 40, seconds = 2 }"))
        time.sleep(2)  # what was under way ends, and counts no longer
        made.sandbox.forget_calls()
        time.sleep(4)
        times = sorted(call.at for call in made.sandbox.calls if call.api == "stamped")
        assert all(later - first >= 2 for first, later in zip(times, times[40:], strict=False))
        # The key is rotated, first in Stamped.io.
        with taken(made):
            write(made, own(made, PLENTY, 'mapping = "mapping.toml"'))
        made.sandbox.change_keys("sandbox-public", "rotated")
        made.eventually(made.ledger.holds)
        with taken(made):
            (made.folder / "key").write_text("rotated")
        made.eventually(lambda: not made.ledger.holds())
        # A connection is added, and then removed.
        with taken(made):
            write(made, own(made, PLENTY, 'mapping = "mapping.toml"'), other.replace(parts.PRIVATE_KEY, "rotated"))
        made.submit(*(trigger(str(number), system_id=OTHER) for number in range(1, 11)))
        made.eventually(lambda: made.done([customer(str(number), OTHER) for number in range(1, 11)]) == 10)
        with taken(made):
            write(made, own(made, PLENTY, 'mapping = "mapping.toml"'))
        # A broken file is written, and mended.
        write(made, own(made, "throttle = { limt = 5 }"))
        made.eventually(lambda: all(each.faults for each in made.ledger.processes.running()))
        assert "did you mean limit?" in made.console("status").stdout
        made.eventually(lambda: "did you mean limit?" in requests.get(f"{flower}/activity", timeout=60).text)
        assert "stamped_sync_configuration_faults 1.0" in requests.get(f"{flower}/metrics", timeout=60).text
        before = len(made.sandbox.calls)
        made.eventually(lambda: len(made.sandbox.calls) > before)
        write(made, own(made, PLENTY, 'mapping = "mapping.toml"'))
        made.eventually(lambda: not any(each.faults for each in made.ledger.processes.running()))
    everybody = [customer(str(number)) for number in range(1, min(load.sent, len(PEOPLE)) + 1)]
    made.eventually(lambda: made.done(everybody) == len(everybody))
    for kind in Kind:
        assert made.ledger.counts(kind).failed == 0
    assert made.ledger.refused().count == 0
    assert (made.folder / "worker.log").read_text().count("ready.") == 1
    for name in ("worker", "beat", "flower"):
        assert "rotated" not in (made.folder / f"{name}.log").read_text()
