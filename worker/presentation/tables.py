"""Tables to download, for spreadsheets: CSV. No cell begins as a formula does."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import TYPE_CHECKING, Final

from worker.presentation.times import as_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.ledger import Record

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
JOB_COLUMNS: Final = (
    *("system_id", "kind", "customer_id", "state", "action", "code", "http_status", "message", "attempts"),
    *("stamped_id", "changed_at", "due", "tracking_id"),
)
"""Of a table of jobs."""


def as_csv(*rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines."""
    text = io.StringIO()
    csv.writer(text).writerows(map(_cell, row) for row in chain(*rows))
    return text.getvalue()


def table_of_jobs(records: Iterable[Record], *, with_header: bool = False) -> str:
    """Jobs as they stand, as lines."""
    return as_csv(([JOB_COLUMNS] if with_header else []), map(_job, records))


def _job(record: Record) -> Sequence[object]:
    failure, job = record.failure, record.job
    error = (failure.code, failure.http_status, failure.detail) if failure else ("", "", "")
    return (
        *(job.system_id, job.kind, job.customer_id, record.state, record.action, *error, record.attempt),
        *(record.stamped_id, as_iso(record.changed_at), as_iso(record.due), record.tracking_guid),
    )


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
