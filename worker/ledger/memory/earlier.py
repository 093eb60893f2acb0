"""Attempts as releases before the memory kept them: in a list of the job's, and the first of them in the job's row."""

from __future__ import annotations

import json
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from worker.ledger import keys
from worker.ledger.scripting import in_one_trip

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from worker.jobs.job import Job

HISTORY = "history"


def attempts_of(client: redis.Redis, job: Job) -> list[str]:
    """The attempts of a job that such a release has kept, the newest first, as entries of events.

    Raises LedgerUnavailable.
    """
    listed = keys.of(HISTORY, job.kind, keys.member_of(job))
    entries, row = in_one_trip(client, lambda trip: (trip.lrange(listed, 0, -1), trip.hgetall(keys.row_of(job))))
    attempts = [*map(json.loads, reversed(entries)), *_first(row)]
    return [_as_event(job, each) for each in attempts]


def _first(row: Mapping[str, str]) -> list[dict[str, Any]]:
    """A job's first attempt, if it is in its row: `first`, and its calls from `call1` on."""
    if "first" not in row:
        return []
    began, ms, outcome, by = row["first"].split(" ", 3)
    calls = list(map(_call, takewhile(bool, (row.get(f"call{place}", "") for place in count(1)))))
    return [
        {"at": int(began), "ms": int(ms), "outcome": outcome, "worker": json.loads(by), "error": None, "calls": calls}
    ]


def _call(text: str) -> list[Any]:
    api, method, route, status, ms = text.split(" ")
    return [api, method, route, None if status == "-" else int(status), int(ms)]


def _as_event(job: Job, attempt: Mapping[str, Any]) -> str:
    error, calls = attempt["error"], attempt["calls"]
    ended, code = attempt["at"] + attempt["ms"], error["code"] if error else ""
    what = attempt["ms"], job.kind, str(job.system_id), job.customer_id, attempt["outcome"], code
    shape: Any = [], [call[:3] for call in calls]
    ends = [number for _, _, _, status, ms, *_ in calls for number in (status or 0, ms)]
    return json.dumps([ended, *what, "", "", attempt["worker"], "", "", shape, ends, error, ""])
