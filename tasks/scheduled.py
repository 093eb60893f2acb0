"""Tasks that beat calls."""

from __future__ import annotations

import logging
from traceback import format_tb
from typing import Any

from tasks.jobs import RefusingTask
from worker.jobs.errors import InternalError, SyncError

log = logging.getLogger(__name__)


class ScheduledTask(RefusingTask):
    """A task that beat calls. It returns counts; if all are 0, it found nothing to do, and Flower does not show it."""

    abstract = True
    Request = "tasks.telling:ToldIfNews"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it. Raises InternalError for what nobody foresaw: the text of that can hold anything."""
        try:
            return super().__call__(*args, **kwargs)
        except SyncError:
            raise
        except Exception as error:  # noqa: BLE001 - it is reported, as our own fault
            # Not log.exception, for the same reason: the trace alone is logged.
            log.error("%s: a fault of this software\n%s", self.name, "".join(format_tb(error.__traceback__)))  # noqa: TRY400
            raise InternalError.of(error) from None
