"""What Flower logs when it asks the workers how they are and none answers: one line, and no warning.

It asks at its own start, with four questions at once, and waits a second. Workers that start at the same time, as under
`up`, are not there yet. It asks again whenever somebody opens its pages about workers, so nothing is missing then.
"""

from __future__ import annotations

import logging
import math
from typing import Final

ASKING: Final = logging.getLogger("flower.inspector")
UNANSWERED: Final = "Inspect method %s failed"
PLAIN: Final = "no worker has answered Flower yet; it asks again when somebody opens Workers"
SECONDS: Final = 60.0
"""For how long the line stands for those that follow it."""


class Unanswered(logging.Filter):
    """Turns the warnings of unanswered questions into one line; real errors pass as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        if record.msg != UNANSWERED:
            return True
        if record.created < self._said_at + SECONDS:
            return False
        self._said_at = record.created
        record.msg, record.args = PLAIN, ()
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return ASKING.isEnabledFor(logging.INFO)
