"""iPaaS.com's API by a person's login: its token lives for an hour, in memory alone, and is renewed before it dies.

Contract: C the three calls and the hour; A what they answer, and that a renewed token still sees its company's data.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from worker.http.answers import Answer
from worker.http.body import fields_of
from worker.jobs.calls import Api, MadeCall
from worker.jobs.intents import Intent, Trouble
from worker.telemetry.logs import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.http.client import ApiClient
    from worker.ipaas.endpoint import Login

LOGIN: Final = "sso/v2/Auth/Login"
COMPANY: Final = "sso/v2/User/ChangeCompany/{company_id}"
REFRESH: Final = "sso/v2/Auth/Refresh"
TOKEN_FIELDS: Final = ("accesstoken", "token", "jwt", "bearertoken")
"""The fields that can hold a token, without case and underscores; it can also be the whole answer. Assumed: correct
them here."""
ENVELOPES: Final = ("data", "result")
TOKEN: Final = re.compile(r"[!-~]{8,16000}")
NO_WORD: Final = re.compile(r".*\d.*|.{20,}", re.DOTALL)
"""What a token that is the whole answer looks like: a word alone, such as "Unauthorized", is none."""
REFUSES: Final = re.compile(
    r"error|failed|failure|unauthori[sz]ed|forbidden|invalid|denied|refused|expired|locked|unavailable", re.IGNORECASE
)
"""What stands in a refusal without blanks, such as `Error401`."""
LONGEST_REFUSAL: Final = 100
"""A longer text is a token, in which any letters can follow each other."""
RENEWED_SECONDS: Final = 50 * 60.0
"""How old a token is when somebody first tries to renew it. It dies after an hour."""
LAST_SECONDS: Final = 58 * 60.0
"""From this age on, everybody waits for the next token. Before it, whatever goes wrong, the old one goes on."""
RENEWAL_PAUSE_SECONDS: Final = 60.0
"""How long nobody tries again after a renewal that failed."""
FRESH_SECONDS: Final = 60.0
"""A token that is refused so soon after it was made lacks rights, and another one would lack them, too."""
FIRST_REFUSED_SECONDS: Final = 30.0
LONGEST_REFUSED_SECONDS: Final = 10 * 60.0
"""How long a refused login is not tried again, at first and at most: iPaaS.com could lock the account."""
TURN_SECONDS: Final = 5.0
"""How long a process waits for its turn to log in, at most: the lease of its job must not end meanwhile."""
PAUSE_SECONDS: Final = 0.2
UNAUTHORIZED: Final = 401
TOO_LONG: Final = Answer(
    None, Intent.STORES, Trouble.SILENT, words="another job's login to iPaaS.com takes too long", has_own_words=True
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, as the API that is called with it."""

    api: ApiClient
    since: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a login was refused, and until when nobody tries it again."""

    answer: Answer
    seconds: float
    until: float


class LoggedIn:
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
        self._token: Token | None = None
        self._dead: Token | None = None
        """The token that was refused last."""
        self._refusal: Refusal | None = None
        self._renews_at = 0.0
        """When a renewal may be tried again."""

    def call(self, method: str, *args: Any, **more: Any) -> Answer:
        """Make one call: see `ApiClient.call`. A read that meets a dead token is made again with a new one, once."""
        reads = method == "GET"
        token = self._ready(renews=reads)
        if not isinstance(token, Token):
            return token
        answer = token.api.call(method, *args, **more)
        if not _is_dead(answer):
            return answer
        self._dead = token
        if self._age(token) < FRESH_SECONDS:  # another one would lack rights, too, if that is why
            self._remember(answer)
            return answer
        if not reads:  # a login takes longer than the claim that covers a write: the next read makes it
            return answer
        again = self._ready(renews=True)
        return again.api.call(method, *args, **more) if isinstance(again, Token) else again

    def _ready(self, *, renews: bool) -> Token | Answer:
        """A token that lives, or why there is none. Unless it `renews`, the one at hand will do."""
        token = self._token
        if token and (not renews or self._lives(token, RENEWED_SECONDS)):
            return token
        if token and self._lives(token, LAST_SECONDS):
            return self._renewed_in_time(token)
        return self._next()

    def _renewed_in_time(self, token: Token) -> Token:
        """The next token if it is to be had now, and otherwise the old one, which still lives."""
        if self._clock() < self._renews_at or not self._lock.acquire(blocking=False):
            return token
        try:
            if self._token is token:
                self._renews_at = self._clock() + RENEWAL_PAUSE_SECONDS
                self._token = self._renewed(token) or token
            return self._token or token
        finally:
            self._lock.release()

    def _next(self) -> Token | Answer:
        """Another token than one that is dead or about to die. One thread gets it, and the others wait for it.

        They wait no longer than one call takes, as their jobs' leases end. Nobody logs in beside another thread.
        """
        if not self._lock.acquire(timeout=self._call_seconds):
            return self._noted(TOO_LONG)
        try:
            token, refusal = self._token, self._refusal
            if token and self._lives(token, RENEWED_SECONDS):
                return token
            if refusal and self._clock() < refusal.until:
                return self._noted(refusal.answer)
            new = (self._renewed(token) if token and token is not self._dead else None) or self._logged_in()
            if isinstance(new, Token):
                self._token, self._refusal = new, None
            else:
                self._remember(new)
            return new
        finally:
            self._lock.release()

    def _remember(self, answer: Answer) -> None:
        """Keep a refusal, of the login or of a fresh token: the longer, the more often in a row. An outage passes."""
        if answer.trouble not in {Trouble.CREDENTIALS, Trouble.UNREADABLE}:
            return
        last = self._refusal if answer.trouble is Trouble.CREDENTIALS else None
        seconds = min(2 * last.seconds, LONGEST_REFUSED_SECONDS) if last else FIRST_REFUSED_SECONDS
        self._refusal = Refusal(answer, seconds, self._clock() + seconds)

    def _noted(self, answer: Answer) -> Answer:
        """An answer that was not asked for anew. It is noted as a call: without one, the trouble would be the job's."""
        if attempt := running.get():
            attempt.calls.append(MadeCall(self.api, "POST", LOGIN, answer.status, 0, answer.intent))
        return answer

    def _lives(self, token: Token, seconds: float) -> bool:
        return token is not self._dead and self._age(token) < seconds

    def _age(self, token: Token) -> float:
        return self._clock() - token.since

    def _renewed(self, token: Token) -> Token | None:
        """The next token for one that still lives; None if it must be logged in anew."""
        since = self._clock()
        text = token_in(token.api.call("POST", REFRESH, takes_text=True))
        return self._with(text, since) if text else None

    def _logged_in(self) -> Token | Answer:
        """A token that sees the company's data, or the answer that says why there is none."""
        self._wait_for_turn()
        since = self._clock()
        body = {
            "email_address": self._login.email.get_secret_value(),
            "password": self._login.password.get_secret_value(),
        }
        answer = self._connect("").call("POST", LOGIN, body=body, takes_text=True)
        text = token_in(answer)
        if text is None:
            return refused(answer, "the login")
        first = self._with(text, since)
        answer = first.api.call("GET", COMPANY, {"company_id": self._login.company_id}, takes_text=True)
        text = token_in(answer)
        return self._with(text, since) if text else refused(answer, "the login's company_id")

    def _with(self, text: str, since: float) -> Token:
        return Token(self._connect(f"Bearer {text}"), since)

    def _wait_for_turn(self) -> None:
        until = self._clock() + TURN_SECONDS
        while not self._is_our_turn() and self._clock() < until:
            self._sleep(PAUSE_SECONDS)


def _is_dead(answer: Answer) -> bool:
    """Whether a token was refused itself, and not what it may do."""
    return answer.trouble is Trouble.CREDENTIALS and (answer.status == UNAUTHORIZED or answer.code.startswith("AUTH-"))


def token_in(answer: Answer) -> str | None:
    """The token in an answer: a text alone, or in one of the fields; None if there is none."""
    if not answer.is_accepted:
        return None
    token = _token(answer.body)
    return token if token and (isinstance(answer.body, dict) or not _is_word(token)) else None


def _is_word(text: str) -> bool:
    """Whether a text that is the whole answer says something, instead of being a token."""
    return not NO_WORD.fullmatch(text) or (len(text) <= LONGEST_REFUSAL and bool(REFUSES.search(text)))


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
        return replace(answer.unreadable(f"the answer to {what} holds no token"), body=None)
    code = f": {answer.code}" if answer.code else ""
    answer = replace(answer, body=None, words=f"{what} was refused{code}", has_own_words=True)
    if answer.intent is Intent.STORES:
        return answer
    trouble = Trouble.UNAVAILABLE if answer.is_queued else Trouble.CREDENTIALS
    return replace(answer, intent=Intent.STORES, trouble=trouble)
