"""What became of each notification of a trigger, for a program: the front door's answer, and `trigger --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.sync.triggers import Accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.catalogue import Failure
    from worker.sync.triggers import Verdict


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """A verdict for each notification, in the trigger's order."""
    return {"verdicts": [_one(position, each) for position, each in enumerate(verdicts, start=1)]}


def error_as_json(failure: Failure) -> dict[str, Any]:
    """Why there is no verdict, or none that accepts."""
    return {"code": failure.code, "message": failure.message, "resolution": failure.entry.resolution}


def _one(position: int, verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, Accepted):
        return {
            "position": position,
            "accepted": True,
            "system_id": verdict.job.system_id,
            "customer_id": verdict.job.customer_id,
            "coalesced": verdict.is_coalesced,
        }
    return {"position": position, "accepted": False, **error_as_json(verdict.error.failure)}
