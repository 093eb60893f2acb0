"""The lanes of a Flower: how much of each sort of work it takes at a time, and what it says beyond that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from worker.web.lanes import Lane

PAGES_FULL: Final = "Flower is reading as many pages as it can at once. Wait a moment, then load the page again."
SCRAPES_FULL: Final = "Earlier scrapes have not ended yet."
FORMS_FULL: Final = (
    "Flower is reading as many forms as it can at once. Nothing was changed: wait a moment, then send it again."
)
CHANGES_FULL: Final = (
    "Flower is making as many large changes as it can at once. Nothing was changed: wait a minute, then send it again."
)
PREVIEWS_FULL: Final = (
    "Flower is making as many previews as it can at once. Wait half a minute, then press Preview again."
)
LOOK_UPS_FULL: Final = (
    "Flower is looking up as many e-mail addresses as it can at once. Nothing was requested: wait a minute, then send "
    "it again, or give ids."
)


@dataclass(frozen=True)
class Lanes:
    """The lanes of one Flower."""

    pages: Lane = field(default_factory=lambda: Lane("pages", threads=8, places=64, full=PAGES_FULL))
    """Reads Redis for a page, and makes small changes."""
    scrapes: Lane = field(default_factory=lambda: Lane("scrapes", threads=1, places=7, full=SCRAPES_FULL))
    """Reads Redis for Prometheus, one scrape after the other: they need no login, so they must not overload Redis."""
    forms: Lane = field(default_factory=lambda: Lane("forms", threads=2, places=16, full=FORMS_FULL))
    """Reads what was sent, which may be a list of many ids."""
    changes: Lane = field(default_factory=lambda: Lane("changes", threads=3, places=5, full=CHANGES_FULL))
    """Changes many jobs."""
    previews: Lane = field(default_factory=lambda: Lane("previews", threads=4, places=8, full=PREVIEWS_FULL))
    """Reads the APIs, which may be slow."""
    look_ups: Lane = field(default_factory=lambda: Lane("look-ups", threads=3, places=6, full=LOOK_UPS_FULL))
    """Looks up e-mail addresses in iPaaS.com, which may be as slow, before something is requested or previewed."""
