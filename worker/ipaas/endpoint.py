"""What the connections file says of iPaaS.com's API: its address, and what opens it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from worker.config.faults import checked, wrong
from worker.config.values import ApiUrl, Limit, Part, Seconds, Secret, Typed
from worker.ledger.limits import USUAL_SECONDS

WARN_DAYS: Final = 14
"""How long before an API key expires every screen warns of it."""
ClientId = Annotated[
    str, checked(re.compile(r"[!-~]{1,200}").fullmatch, "must be visible ASCII characters, without blanks")
]
CompanyId = Annotated[
    str, checked(re.compile(r"[A-Za-z0-9-]{1,64}").fullmatch, "must be letters, digits and hyphens alone")
]


class ReadThrottle(Part):
    """At most `limit` calls to iPaaS.com in any window of `seconds`."""

    limit: Limit
    seconds: Seconds = USUAL_SECONDS


class Login(Part):
    """A person's login, for whoever has no API key: iPaaS.com makes a token of it that lives for an hour."""

    email: Annotated[Typed, checked(lambda text: "@" in text, "must be an e-mail address")]
    password: Typed
    company_id: CompanyId


class IPaaSEndpoint(Part):
    """iPaaS.com's API as one connection calls it: with an API key, or with the token of a login."""

    api_url: ApiUrl
    login: Login | None = None
    token: Secret | None = Field(None, validate_default=True)
    token_expires: Annotated[date, Field(strict=True)] | None = None
    """When the API key expires: iPaaS.com does not say it to whoever has the key."""
    client_id: ClientId | None = None
    throttle: ReadThrottle | None = None

    def is_called_otherwise(self, other: IPaaSEndpoint) -> bool:
        """Whether it is called by another address, or opened by something else."""
        return any(getattr(self, each) != getattr(other, each) for each in ("api_url", "login", "token", "client_id"))

    @field_validator("token")
    @classmethod
    def _one_of_both(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "login" not in info.data:  # it is wrong, which is said already
            return token
        if token is None and info.data["login"] is None:
            raise PydanticCustomError("missing", "is missing")
        return token

    @field_validator("token_expires")
    @classmethod
    def _of_token(cls, day: date | None, info: ValidationInfo) -> date | None:
        if day and info.data.get("login"):
            raise wrong("belongs to token: a login has no such day")
        return day

    @property
    def expires_at(self) -> datetime | None:
        """When the API key expires: that day's first moment by UTC, which is early rather than late."""
        day = self.token_expires
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None

    def expiry_in_words(self, today: date) -> str:
        """That the API key expires soon, or has expired; an empty text as long as nobody need act."""
        day = self.token_expires
        if day is None or (days := (day - today).days) > WARN_DAYS:
            return ""
        if days < 0:
            return f"expired on {day}"
        return f"expires on {day}, " + {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
