"""Faults that can be asked for: a list of rules, of which the first that fits a call is the one it meets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator, model_validator

from worker.sandbox.messages import Answer, Api, Request
from worker.sandbox.shapes import Shape, reshape

if TYPE_CHECKING:
    from collections.abc import Callable

HeaderText = Annotated[str, StringConstraints(pattern=r"^[ -~]*$")]


class Fault(BaseModel):
    """One rule: which calls, how many of them, and what befalls them.

    What befalls a call is one of `status`, `cut` and `shape`, or none of them where only `delay_seconds` is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api: Api | None = None
    """The API whose calls it hits; both without one."""
    method: str | None = None
    path: str = ""
    """A regular expression that is searched in the path without its query string; empty is every path."""
    times: int | None = Field(default=None, ge=1)
    """How many calls it hits, or how many are left; without end where it is None."""

    status: int | None = Field(default=None, ge=200, le=599)
    """The call does nothing and is answered so."""
    body: JsonValue = None
    """The body for `status`: a text as it is, anything else as JSON; a message without one."""
    headers: dict[str, HeaderText] = {}
    """More headers for `status`, such as Retry-After, in seconds or as a date."""

    delay_seconds: float = Field(default=0, ge=0)
    """The call does what it asks for at once; the answer, or the cut, comes that much later."""

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
        """Whether the rule fits a call."""
        return (
            self.api in (None, request.api)
            and (self.method is None or self.method.upper() == request.method)
            and re.search(self.path, request.path) is not None
        )

    def answer(self, act: Callable[[], Answer]) -> Answer:
        """What a call meets that the rule fits; `act` does what the call asks for."""
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

    def after_one(self) -> list[Fault]:
        """What is left of the rule once it has hit a call: the rule, or nothing."""
        if self.times is None:
            return [self]
        return [self.model_copy(update={"times": self.times - 1})] if self.times > 1 else []


class Faults:
    """The rules in force, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def take(self, request: Request) -> Fault | None:
        """The rule that a call meets, which is then one hit shorter."""
        for place, rule in enumerate(self.rules):
            if rule.hits(request):
                self.rules[place : place + 1] = rule.after_one()
                return rule
        return None
