"""The table of how far each connection's throttle is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.ledger.figures import Use

COLUMNS: Final = ["Connection", "queued", "under way", "calls to Stamped.io", "calls to iPaaS.com"]


def lines(uses: Iterable[Use]) -> Iterator[tuple[str, ...]]:
    """A line for each connection."""
    for use in uses:
        yield (
            str(use.system_id),
            f"{use.queued:,}",
            f"{use.under_way:,} of {use.concurrent:,}",
            _calls(use.stamped_calls, use.stamped_limit, use.stamped_seconds),
            _calls(use.ipaas_calls, use.ipaas_limit, use.ipaas_seconds),
        )


def _calls(calls: int, limit: int | None, seconds: float | None) -> str:
    return f"{calls:,} of {limit:,} in {seconds:,.0f} s" if limit and seconds else "no limit"
