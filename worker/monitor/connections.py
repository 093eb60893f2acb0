"""Connections: where each store stands, who needs attention first; with Pause, Resume and the end of a hold."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tornado.web import HTTPError, authenticated

from worker.jobs.asking import Asker, Source
from worker.jobs.job import CUSTOMER_ID
from worker.monitor.change import ChangePage
from worker.monitor.page import NOT_FOUND, Page
from worker.presentation.bars import bars, in_short
from worker.presentation.stores import Standing, StoreRow, rows_of, summary
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

SHOWN_AT_MOST: Final = 200
LONGEST_REASON: Final = 200
OF_ONE: Final = rf"/connections/({CUSTOMER_ID.pattern})"
TOO_LONG: Final = f"The reason has more than {LONGEST_REASON} characters. Nothing was changed."


class RootPage(Page):
    """The address without a path: it leads to the first page."""

    @authenticated
    async def get(self) -> None:
        """Lead there."""
        self.redirect(self.reverse_url("connections"))


class ConnectionsPage(Page):
    """A row for each connection."""

    @authenticated
    async def get(self) -> None:
        """Show those whose name or system id holds what is looked for, and that stand as is chosen."""
        address = self.address("name", "state", "unchanged")
        looked_for, unchanged = address.text("name"), address.count("unchanged")
        standing = address.choice("state", tuple(Standing)) or ""
        rows = await self.aside(self._rows)
        fits = [
            row
            for row in rows
            if looked_for.casefold() in f"{row.system_id} {row.name}".casefold() and standing in {"", row.standing}
        ]
        self.render_page(
            "connections.html",
            "connections",
            rows=fits[:SHOWN_AT_MOST],
            left_out=max(len(fits) - SHOWN_AT_MOST, 0),
            all_rows=rows,
            looked_for=looked_for,
            unchanged=unchanged,
            faults=address.faults,
            standing=standing,
            summary=summary(rows),
            standings=list(Standing),
            now=datetime.now(UTC),
            bars=bars,
            in_short=in_short,
        )

    def _rows(self) -> list[StoreRow]:
        runtime = self.runtime
        return rows_of(runtime.ledger, runtime.connections)


class _OfOne(ChangePage):
    """Changes one connection, and goes back to all of them."""

    def known(self, name: str) -> int:
        """The system id in the address. Raises HTTPError 404 if nobody knows that connection."""
        system_id = int(name)
        if system_id not in self.names and system_id not in self.ledger.systems():
            raise HTTPError(NOT_FOUND, f"There is no connection {system_id}.")
        return system_id

    async def do(self, name: str, change: Callable[[int, Asker], bool], done: str) -> None:
        """Make the change, and go back to the connection's row; the page says if it was so already."""
        asker = Asker(Source.PERSON, self.user)
        system_id = await self.aside(self.known, name)
        is_changed = await self.aside(change, system_id, asker)
        if is_changed:
            log.info("connection %d: %s, as somebody asked on the Connections page", system_id, done)
        self.go_to("connections", query=f"{'' if is_changed else f'?unchanged={system_id}'}#connection-{system_id}")


class PauseConnection(_OfOne):
    """Pause: its jobs wait until somebody resumes it."""

    async def form(self, *names: str) -> None:
        """Ask why."""
        await self._ask(*names)

    async def change(self, name: str) -> None:
        """Pause it."""
        reason = self.get_body_argument("reason", "").strip()
        if len(reason) > LONGEST_REASON:
            self.set_status(HTTPStatus.BAD_REQUEST)
            await self._ask(name, TOO_LONG)
            return
        await self.do(name, lambda system_id, asker: self.ledger.pause(system_id, asker, masked(reason)), "paused")

    async def _ask(self, name: str, fault: str = "") -> None:
        system_id = await self.aside(self.known, name)
        title = self.names.get(system_id, "Not configured")
        longest = LONGEST_REASON
        self.render_page("pause.html", "connections", system_id=system_id, name=title, fault=fault, longest=longest)


class ResumeConnection(_OfOne):
    """Resume: its jobs go on in their order."""

    async def change(self, name: str) -> None:
        """Resume it."""
        await self.do(name, self.ledger.resume, "resumed")


class ReleaseConnection(_OfOne):
    """End the hold: its jobs go on at once."""

    async def change(self, name: str) -> None:
        """Release it."""
        await self.do(name, self.ledger.release, "released")
