"""iPaaS.com's API by a person's login: its token lives for an hour, in memory alone, and is renewed before it dies.

Contract: C the three calls and the hour; A what they answer, and that a renewed token still sees its company's data.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from worker.http.body import fields_of
from worker.http.client import ApiClient
from worker.jobs.calls import Api
from worker.jobs.intents import Intent, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.http.answers import Answer
    from worker.ipaas.endpoint import Login

LOGIN: Final = "sso/v2/Auth/Login"
COMPANY: Final = "sso/v2/User/ChangeCompany/{company_id}"
REFRESH: Final = "sso/v2/Auth/Refresh"
TOKEN_FIELDS: Final = ("accesstoken", "token", "jwt", "bearertoken")
"""The fields that can hold a token, without case and underscores; it can also be the whole answer. Assumed: correct
them here."""
ENVELOPES: Final = ("data", "result")
TOKEN: Final = re.compile(r"[!-~]{8,16000}")
RENEWED_SECONDS: Final = 50 * 60.0
"""How old a token is when it is renewed. It dies after an hour."""
FRESH_SECONDS: Final = 60.0
"""A token that is refused so soon after it was made lacks rights, and another one would lack them, too."""
TURN_SECONDS: Final = 5.0
"""How long a process waits for its turn to log in, at most: the lease of its job must not end meanwhile."""
PAUSE_SECONDS: Final = 0.2
UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Held:
    """A token, as the API that is called with it."""

    api: ApiClient
    since: float


class LoggedIn(ApiClient):
    """iPaaS.com's API, called with the token of a login.

    If that can't be had, a call is answered as the login was: whoever calls learns of it as of any other refusal.
    """

    def __init__(
        self,
        login: Login,
        connect: Callable[[str], ApiClient],
        *,
        is_our_turn: Callable[[], bool] = lambda: True,
        call_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`connect` makes a client of an `Authorization` header. `is_our_turn` keeps a fleet from logging in at once.

        `call_seconds` is how long one call takes at most.
        """
        self.api = Api.IPAAS
        self._login = login
        self._connect = connect
        self._is_our_turn = is_our_turn
        self._call_seconds = call_seconds
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._dead: Held | None = None
        """The token that was refused last."""

    def call(self, method: str, *args: Any, **more: Any) -> Answer:
        """Make one call: see `ApiClient.call`. A read that meets a dead token is made again with a new one, once."""
        reads = method == "GET"
        held = self._ready(renews=reads)
        if not isinstance(held, Held):
            return held
        answer = held.api.call(method, *args, **more)
        if not _is_dead(answer) or self._age(held) < FRESH_SECONDS:
            return answer
        self._dead = held
        if not reads:  # a login takes longer than the claim that covers a write: the next read makes it
            return answer
        again = self._ready(renews=True)
        return again.api.call(method, *args, **more) if isinstance(again, Held) else again

    def _ready(self, *, renews: bool) -> Held | Answer:
        """A token that lives, or why there is none. One thread at a time gets one, and the others wait for it.

        Unless it `renews`, the one at hand will do.
        """
        held = self._held
        if held and (self._lives(held) or not renews):
            return held
        is_ours = self._lock.acquire(timeout=self._call_seconds)
        try:
            held = self._held
            if held and self._lives(held):
                return held
            new = (self._renewed(held) if held and held is not self._dead else None) or self._logged_in()
            if isinstance(new, Held):
                self._held = new
            return new
        finally:
            if is_ours:
                self._lock.release()

    def _lives(self, held: Held) -> bool:
        return held is not self._dead and self._age(held) < RENEWED_SECONDS

    def _age(self, held: Held) -> float:
        return self._clock() - held.since

    def _renewed(self, held: Held) -> Held | None:
        """The next token for one that still lives; None if it must be logged in anew."""
        since = self._clock()
        token = token_in(held.api.call("POST", REFRESH, takes_text=True))
        return self._with(token, since) if token else None

    def _logged_in(self) -> Held | Answer:
        """A token that sees the company's data, or the answer that says why there is none."""
        self._wait_for_turn()
        since = self._clock()
        body = {
            "email_address": self._login.email.get_secret_value(),
            "password": self._login.password.get_secret_value(),
        }
        answer = self._connect("").call("POST", LOGIN, body=body, takes_text=True)
        token = token_in(answer)
        if token is None:
            return refused(answer, "the login")
        first = self._with(token, since)
        answer = first.api.call("GET", COMPANY, {"company_id": self._login.company_id}, takes_text=True)
        token = token_in(answer)
        return self._with(token, since) if token else refused(answer, "the login's company_id")

    def _with(self, token: str, since: float) -> Held:
        return Held(self._connect(f"Bearer {token}"), since)

    def _wait_for_turn(self) -> None:
        until = self._clock() + TURN_SECONDS
        while not self._is_our_turn() and self._clock() < until:
            self._sleep(PAUSE_SECONDS)


def _is_dead(answer: Answer) -> bool:
    """Whether a token was refused itself, and not what it may do."""
    return answer.trouble is Trouble.CREDENTIALS and (answer.status == UNAUTHORIZED or answer.code.startswith("AUTH-"))


def token_in(answer: Answer) -> str | None:
    """The token in an answer: a text alone, or in one of the fields; None if there is none."""
    return _token(answer.body) if answer.is_accepted else None


def _token(value: Any, depth: int = 2) -> str | None:
    if isinstance(value, str):
        text = value.strip().strip('"').removeprefix("Bearer ")
        return text if TOKEN.fullmatch(text) else None
    if not isinstance(value, dict):
        return None
    fields = fields_of(value)
    texts = (fields[name] for name in TOKEN_FIELDS if isinstance(fields.get(name), str))
    inner = (fields[name] for name in ENVELOPES if depth and name in fields)
    return next(filter(None, (_token(each, depth - 1) for each in (*texts, *inner))), None)


def refused(answer: Answer, what: str) -> Answer:
    """The answer to a call that could not be made, as `what` was refused: it names that, and nothing that came back.

    The answer to a login can hold a token, and an error may repeat what was sent.
    """
    if answer.has_own_words:
        return answer
    if answer.is_accepted:
        return answer.unreadable(f"the answer to {what} holds no token")
    code = f": {answer.code}" if answer.code else ""
    answer = replace(answer, body=None, words=f"{what} was refused{code}", has_own_words=True)
    if answer.intent is Intent.STORES:
        return answer
    trouble = Trouble.UNAVAILABLE if answer.is_queued else Trouble.CREDENTIALS
    return replace(answer, intent=Intent.STORES, trouble=trouble)
