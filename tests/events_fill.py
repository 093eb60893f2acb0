"""Writes a great many events, as `worker/ledger/scripts/_events.lua` would have, for tests and measurements."""

from __future__ import annotations

import json
import random
import struct
import time
from typing import TYPE_CHECKING, Any, Final

from worker.ledger.keys import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

CHUNK: Final = 4096
DAY_MS: Final = 24 * 60 * 60 * 1000
SLOT_MS: Final = 10 * 60 * 1000
MARKS: Final = "<IIIIIHBB"
OUTCOMES: Final = {"created": 1, "updated": 2, "failed": 9, "waiting": 6}
SOURCES: Final = {"trigger": 1, "manual-sync": 2, "re-run": 3, "schedule": 6}
CODES: Final = ("email-missing", "customer-write-failed", "stamped-unreachable")
SHAPE: Final = [["email", "firstName", "lastName"], [["iPaaS.com", "GET", "customers/v2/Customer/{id}"]]]


def fill_events(client: redis.Redis, count: int, systems: Sequence[int], days: int = 7) -> None:
    """Events of the last days, always the same but for their times, the last of them now."""
    chance, now = random.Random(4021), int(time.time() * 1000)  # noqa: S311 - nothing is to be kept secret
    step, client_raw = days * DAY_MS / count, client
    client_raw.hset(f"{PREFIX}shapes", "12ab34cd", json.dumps(SHAPE))
    tallies: dict[str, dict[str, int]] = {}
    entries: list[str] = []
    marks = bytearray()
    for number in range(count):
        at = round(now - (count - 1 - number) * step)
        entry, mark, system, letter = _event(chance, number, at, systems)
        entries.append(entry)
        marks += mark
        if letter:
            name = f"{at % DAY_MS // SLOT_MS}{letter}"
            for whose in (system, "all"):
                fields = tallies.setdefault(f"{PREFIX}tally:{whose}:{at // DAY_MS}", {})
                fields[name] = fields.get(name, 0) + 1
        if len(entries) == CHUNK or number == count - 1:
            chunk = number // CHUNK + 1
            pipeline = client.pipeline(transaction=False)
            pipeline.rpush(f"{PREFIX}events:asked:{chunk}", *entries)
            pipeline.set(f"{PREFIX}marks:asked:{chunk}", bytes(marks))
            pipeline.zadd(f"{PREFIX}chunks:asked", {str(chunk): round(at - (len(entries) - 1) * step)})
            pipeline.set(f"{PREFIX}chunk:asked", chunk + (len(entries) == CHUNK))
            pipeline.execute()
            entries, marks = [], bytearray()
    pipeline = client.pipeline(transaction=False)
    for key, fields in tallies.items():
        pipeline.hset(key, mapping=dict[Any, Any](fields))
    pipeline.sadd(f"{PREFIX}systems", *systems)
    pipeline.execute()


def _event(chance: random.Random, number: int, at: int, systems: Sequence[int]) -> tuple[str, bytes, int, str]:
    """An event: its entry, its marks, its connection, and how it is counted."""
    system, customer = systems[number * 7 % len(systems)], str(150_000 + number % 200_003)
    outcome = chance.choices(list(OUTCOMES), (20, 75, 3, 2))[0]
    source = chance.choices(list(SOURCES), (90, 4, 1, 5))[0]
    code = chance.choice(CODES) if outcome in {"failed", "waiting"} else ""
    guid, stamped = f"6f0c2b6e-0000-4000-8000-{number:012x}", str(140_000_000 + int(customer))
    error = {"code": code, "http_status": 422, "detail": "Name is too long"} if code else None
    user = "anna" if source in {"manual-sync", "re-run"} else ""
    entry = [at, chance.randrange(40, 900), "customer", str(system), customer, outcome, code, source, user]
    entry += ["worker-1/3824 18f5e6", guid, stamped, "12ab34cd", [200, 53], error, ""]
    marked = (int(str(text)[-8:], 16) for text in (system, customer, guid, stamped))
    mark = struct.pack(MARKS, at // 1000, *marked, mark_of_code(code), OUTCOMES[outcome], SOURCES[source])
    return json.dumps(entry, separators=(",", ":")), mark, system, {"failed": "f", "waiting": ""}.get(outcome, "d")


def mark_of_code(code: str) -> int:
    """The mark of an error's code: see `_events.lua`."""
    mark = 0
    for byte in code.encode():
        mark = (mark * 31 + byte) % 65_521
    return mark
