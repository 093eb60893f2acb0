"""Messages that ask for a task that there is not: an operator sees them, as their sender learns nothing of it.

Flower's REST call answers 200 for any name. Anybody may send any number of such messages, with any name, so each kind
of name is noted once in a while, with how many came, and of a name only those words are shown that our tasks have.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from worker.config.faults import nearest
from worker.handover import hand_over, report_refusals
from worker.jobs.errors import TaskUnknown
from worker.jobs.routes import TASKS
from worker.ledger import LedgerUnavailable
from worker.presentation.wording import counted
from worker.sync.triggers import Refused
from worker.telemetry.seldom import SAID_EVERY_SECONDS, Seldom

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Ledger

log = logging.getLogger(__name__)

KINDS_NOTED: Final = 20
"""How many kinds of names a worker tells apart."""
LONGEST_NAME: Final = 64
"""How much of a name is looked at."""
WORD: Final = re.compile(r"[^._]+")
WORDS: Final = frozenset(word for task in TASKS for word in WORD.findall(task))
"""The words of our tasks' names."""


class UnknownTasks:
    """Those of one worker. `add` is called by Celery's consumer alone."""

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger
        self._seldom = Seldom(KINDS_NOTED)

    def add(self, name: str) -> TaskUnknown:
        """Log such a message, and note it unless one of its kind was noted lately; answers what is wrong with it."""
        shape = shape_of(name)
        log.warning("A message is dropped, as no task is called %s", shape)
        error, count = TaskUnknown(detail_of(name)), self._seldom.count(shape)
        if count:
            self._note(TaskUnknown(detail_of(name, count)), shape)
        return error

    def _note(self, error: TaskUnknown, shape: str) -> None:
        refused = Refused(error, shape, 0)
        try:
            report_refusals(hand_over([refused], self._ledger()))
        except LedgerUnavailable as silent:
            log.warning("message of %s: not noted, %s", shape, silent)


def shape_of(name: str) -> str:
    """A name, with an x for each word of it that is none of our tasks' names."""
    return WORD.sub(lambda word: word[0] if word[0] in WORDS else "x", name[:LONGEST_NAME]) or "nothing"


def detail_of(name: str, count: int = 0) -> str:
    """What is wrong with a name, and how many messages of its kind came since it was noted last."""
    meant = nearest(name[:LONGEST_NAME], TASKS)
    hint = f"; {meant} is probably meant" if meant else ""
    since = f". {counted(count, 'such message')} came since this was noted last" if count > 1 else ""
    often = f". This is noted once in {SAID_EVERY_SECONDS / 60:.0f} minutes" if count else ""
    return f"it asks for {shape_of(name)}, in which x stands for any other word{hint}{since}{often}"
