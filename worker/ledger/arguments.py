"""What the scripts are told of an attempt: codes, numbers, and text that they pass through unread."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.calls import MadeCall
    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Consent


def of_failure(failure: Failure) -> tuple[str, str]:
    """An error as the scripts take it: whole, which they pass through unread, and its code."""
    return json.dumps(asdict(failure)), failure.code


def of_consent(consent: Consent | None) -> tuple[int, str]:
    """What is known of a customer's consent, as the scripts take it: see `note_consent` in `_job.lua`."""
    return (int(consent.is_new), consent.created) if consent else (0, "")


def of_calls(made: Sequence[MadeCall]) -> str:
    """The calls as the scripts take them: see `calls_of` in `_store.lua`."""
    calls = [(call.api, call.method, call.route, call.status, call.ms, int(call.is_well)) for call in made]
    return json.dumps(calls, separators=(",", ":"))
