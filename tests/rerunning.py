"""Asking for jobs by hand, as an operator's page does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import parts
from worker.app import app
from worker.handover import run_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.job import Job


def rerun_all(jobs: Sequence[Job]) -> dict[Job, int]:
    """Ask for jobs by the ledger of this process: the version that is wanted of each."""
    return run_all(jobs, app.runtime.ledger, parts.BY_HAND)
