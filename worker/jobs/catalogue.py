"""The error catalogue: the texts of each error that people can see. `worker.jobs.errors` says what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import tomli

INTERNAL: Final = "internal-error"
LONGEST_SHOWN: Final = 300
"""How many characters of an API's own words lists, log lines and Sentry show; a job's own page shows them all."""


class Concerns(StrEnum):
    """Where the cause lies, which also says who can fix it."""

    CONFIGURATION = "configuration"
    DATA = "data"
    SERVICE = "service"


@dataclass(frozen=True)
class Entry:
    """One entry of the catalogue, as it shows in the log, Sentry, Flower, the command line and the documents."""

    code: str
    title: str
    message: str
    cause: str
    resolution: str
    concerns: Concerns

    @property
    def is_of_configuration(self) -> bool:
        """Whether whoever runs this software can put its cause right in the configuration."""
        return self.concerns is Concerns.CONFIGURATION


def _catalogue() -> dict[str, Entry]:
    texts = tomli.loads(Path(__file__).with_name("errors.toml").read_text(encoding="utf-8"))
    return {
        code: Entry(code, **text | {"concerns": Concerns(text.get("concerns", Concerns.SERVICE))})
        for code, text in texts.items()
    }


CATALOGUE = _catalogue()
"""Every entry by its code, in the order of `errors.toml`, which holds the texts."""


@dataclass(frozen=True)
class Failure:
    """One error that happened, as the ledger keeps it: the code, the HTTP status and the masked detail."""

    code: str
    http_status: int | None = None
    detail: str = ""
    """The API's own words, or what is wrong on our side. It is not shortened, and can be several pages long."""

    @property
    def entry(self) -> Entry:
        """The catalogue's entry, or that of an internal error if only an older version knew the code."""
        return CATALOGUE.get(self.code, CATALOGUE[INTERNAL])

    @property
    def headline(self) -> str:
        """The error in short: its title and its code."""
        return f"{self.entry.title} ({self.code})"

    @property
    def message(self) -> str:
        """The entry's message, followed by the HTTP status and the beginning of the API's own words."""
        is_long = len(self.detail) > LONGEST_SHOWN
        return self._message(f"{self.detail[:LONGEST_SHOWN]}…" if is_long else self.detail)

    @property
    def whole_message(self) -> str:
        """The same with all of the API's own words, for places that show a single job."""
        return self._message(self.detail)

    def _message(self, detail: str) -> str:
        more = [f"HTTP {self.http_status}"] if self.http_status else []
        more += [detail] if detail else []
        return ": ".join([self.entry.message.removesuffix("."), *more]) if more else self.entry.message

    def as_json(self) -> dict[str, str | int | None]:
        """The `error` object of the command line's JSON."""
        return {
            "code": self.code,
            "title": self.entry.title,
            "message": self.whole_message,
            "cause": self.entry.cause,
            "resolution": self.entry.resolution,
            "http_status": self.http_status,
        }
