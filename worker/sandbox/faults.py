"""Why a call is not answered as usual: a rate limit, and faults that can be asked for."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator, model_validator

from worker.sandbox.messages import Answer, Api, Request
from worker.sandbox.shapes import Shape, reshape

if TYPE_CHECKING:
    from collections.abc import Callable

HeaderText = Annotated[str, StringConstraints(pattern=r"^[ -~]*$")]


class RateLimit:
    """A limit as an API enforces it: no window of `seconds`, wherever it starts, holds more than `limit` calls.

    Only the calls that it lets through count.
    """

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ValueError if the limit or the seconds are not above 0."""
        if limit < 1 or seconds <= 0:
            raise ValueError("limit and seconds must be above 0")
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._passed: deque[float] = deque()

    def wait_seconds(self) -> float:
        """Let a call through and return 0, or return how long it must wait."""
        now = self._clock()
        while self._passed and self._passed[0] <= now - self.seconds:
            self._passed.popleft()
        if len(self._passed) >= self.limit:
            return self._passed[0] + self.seconds - now
        self._passed.append(now)
        return 0


def too_many_calls(wait_seconds: float) -> Answer:
    """The refusal of a call, with the whole seconds after which another can pass."""
    retry_after = max(1, math.ceil(wait_seconds))
    return Answer({"message": "Too many calls."}, 429, {"Retry-After": str(retry_after)})


class Fault(BaseModel):
    """One rule: which calls it hits, how many of them, and what happens to them.

    What happens is one of `status`, `cut` and `shape`, or none of these if only `delay_seconds` is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api: Api | None = None
    """The API whose calls it hits; None is both."""
    method: str | None = None
    path: str = ""
    """A regular expression to search for in the path without its query string; empty is every path."""
    times: int | None = Field(default=None, ge=1)
    """How many more calls it hits; None is every call until the faults are cleared."""

    status: int | None = Field(default=None, ge=200, le=599)
    """The call does nothing and is answered with this HTTP status."""
    body: JsonValue = None
    """The body for `status`: a text as it is, anything else as JSON; None is a short message."""
    headers: dict[str, HeaderText] = {}
    """More headers for `status`, such as Retry-After in seconds or as a date."""

    delay_seconds: float = Field(default=0, ge=0)
    """The call does what it asks for at once; the answer, or the cut, comes this much later."""

    cut: Literal["before", "after"] | None = None
    """The connection is closed without an answer, before or after the call has done what it asks for."""

    shape: Shape | None = None
    """The call does what it asks for, and a success is answered in this shape."""

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as reason:
            raise ValueError(f"not a regular expression: {reason}") from reason
        return path

    @model_validator(mode="after")
    def _says_what_happens(self) -> Self:
        asked = [name for name in ("status", "cut", "shape") if getattr(self, name) is not None]
        if len(asked) > 1:
            raise ValueError(f"only one of status, cut and shape can happen, not {' and '.join(asked)}")
        if not asked and not self.delay_seconds:
            raise ValueError("one of status, cut, shape and delay_seconds is needed")
        if self.status is None and (self.body is not None or self.headers):
            raise ValueError("body and headers need a status")
        return self

    def hits(self, request: Request) -> bool:
        """Whether the rule is for this call."""
        return (
            self.api in (None, request.api)
            and (self.method is None or self.method.upper() == request.method)
            and re.search(self.path, request.path) is not None
        )

    def answer(self, act: Callable[[], Answer]) -> Answer:
        """The answer to a call that the rule hits; `act` does what the call asks for."""
        return replace(self._answer(act), delay_seconds=self.delay_seconds)

    def _answer(self, act: Callable[[], Answer]) -> Answer:
        if self.status is not None:
            return self._canned(self.status)
        if self.cut == "before":
            return Answer(is_cut=True)
        answer = replace(act(), is_cut=self.cut == "after")
        return reshape(answer, self.shape) if self.shape else answer

    def _canned(self, status: int) -> Answer:
        if isinstance(self.body, str):
            return Answer(status=status, headers=self.headers, text=self.body)
        message = {"message": f"The sandbox was asked to answer HTTP {status}."}
        return Answer(message if self.body is None else self.body, status, self.headers)


def take(rules: list[Fault], request: Request) -> Fault | None:
    """The first rule that hits a call; what is left of it takes its place in the list."""
    for place, rule in enumerate(rules):
        if rule.hits(request):
            if rule.times:
                left = rule.model_copy(update={"times": rule.times - 1})
                rules[place : place + 1] = [left] if left.times else []
            return rule
    return None
