"""What the pages' templates show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.catalogue import Failure
from worker.presentation.times import lasting

if TYPE_CHECKING:
    from worker.jobs.catalogue import Entry

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
NUMBER: Final = re.compile(r"(?<=\d) (?=(?:s|min|h|days|finished|failures?)\b)")
"""The blank between a number and its unit."""
CODE: Final = re.compile(r"`([^`]+)`")


def or_dash(value: Any) -> str:
    """A value in a cell; a dash if there is none."""
    return str(value) if value not in (None, "") else "\N{EN DASH}"


def ago(moment: datetime | None) -> str:
    """How long ago that is, or how far ahead."""
    if moment is None:
        return ""
    since = datetime.now(UTC) - moment
    return unbroken(f"{lasting(since)} ago" if since.total_seconds() >= 0 else f"in {lasting(-since)}")


def unbroken(text: str) -> str:
    """A text in which no line ends between a number and its unit."""
    return NUMBER.sub(NO_BREAK, text)


def entry_of(code: str) -> Entry:
    """The catalogue's entry for an error code."""
    return Failure(code).entry


def marked(text: str) -> str:
    """A text as HTML, with everything between backticks as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def number(count: int) -> str:
    """A count with commas between its thousands."""
    return f"{count:,}"
