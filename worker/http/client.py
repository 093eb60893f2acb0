"""Calls an HTTP API: the one place where `requests` is used.

There is one `ApiClient` per connection and API, shared by all threads. TCP connections are kept alive. A call
always ends with an `Answer`, whatever happens on the way. No exception of the network library leaves this module,
because its text can hold addresses and bodies.

Each call has a fixed time limit, so that a job's lease can cover it: some seconds to connect
(`worker.http.connecting`), and some from sending the request to the last byte of the answer, headers and body.
`requests` and urllib3 alone would only limit the wait for each byte.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3

from worker.effects import Effect, Moment, Witness, nobody
from worker.http.adapter import BoundedAdapter
from worker.http.answers import Exchange, read
from worker.http.connecting import why_no_answer
from worker.jobs.calls import Api, MadeCall
from worker.jobs.intents import Intent, Trouble
from worker.telemetry.logs import calls, log_call, running
from worker.telemetry.masking import without

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from worker.http.adapter import Pools
    from worker.http.answers import Answer
    from worker.http.api_errors import ApiErrors
    from worker.jobs.calls import Gate
    from worker.jobs.errors import SyncError

SHORTEST_GZIP_BYTES = 18
"""The length of gzip's header and trailer together."""
LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ApiClient:
    """One API with its base URL and its `Authorization` header."""

    def __init__(
        self,
        api: Api,
        base_url: str,
        authorization: str,
        *,
        pools: Pools,
        secrets: Collection[str] = (),
        headers: Mapping[str, str] = NO_HEADERS,
        has_codes: bool = False,
        witness: Witness = nobody,
    ) -> None:
        """`authorization`: empty if the calls have none. `secrets`: what else must reach nobody, such as its parts.

        `has_codes`: its answers may hold iPaaS.com's error codes.
        """
        self.api = api
        self._host = urlsplit(base_url).hostname or ""
        self._secrets = [each for each in (*secrets, authorization.rpartition(" ")[2]) if each]
        self._has_codes = has_codes
        self._witness = None if witness is nobody else witness
        login = {"Authorization": authorization} if authorization else {}
        self._headers: Any = {**login, "Accept": "application/json", **headers}
        # Made once, at the first call: it raises RequestException if the base URL leads nowhere.
        self._adapter = functools.cache(functools.partial(BoundedAdapter, base_url, pools))

    def call(
        self,
        method: str,
        route: str,
        values: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        effect: Effect | None = None,
        longest_bytes: int = LONGEST_ANSWER_BYTES,
        takes_text: bool = False,
    ) -> Answer:
        """Make one call. `route` is a path with `{names}` that `values` fill; only the route is logged.

        `effect` names what a call changes; any answer counts as proof that it may have happened. `takes_text`: the
        answer may be plain text instead of JSON.
        """
        path = route.format_map({name: quote(str(value), safe="") for name, value in (values or {}).items()})
        started = time.monotonic()
        if effect and self._witness:
            self._witness(effect, Moment.BEFORE)
        exchange = self._exchange(method, path, query, body, longest_bytes)
        answer = read(exchange, has_codes=self._has_codes, takes_text=takes_text)
        if answer.words:  # our login must reach nobody, even if the API repeats it
            answer = replace(answer, words=without(self._secrets, answer.words))
        if effect and self._witness and answer.status is not None:
            self._witness(effect, Moment.AFTER)
        # Noted before the answer is judged: whatever error follows, the job's history and its hold know this call.
        ms = round((time.monotonic() - started) * 1000)
        sent = tuple(body) if self.api is Api.STAMPED and isinstance(body, dict) else ()
        call = MadeCall(self.api, method, route, answer.status, ms, answer.intent, sent)
        if attempt := running.get():
            attempt.calls.append(call)
        if (attempt and attempt.debug) or calls.isEnabledFor(logging.DEBUG):
            log_call(call)
        return answer

    def _exchange(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object, longest_bytes: int
    ) -> Exchange:
        request = self._prepared(method, f"{path}?{urlencode(query)}" if query else path, body)
        # No session: it would follow redirects, and a login page elsewhere could pass for the API's answer.
        try:
            adapter = self._adapter()
            response = adapter.exchange(request)
            content = _content(response, longest_bytes)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            trouble, words = why_no_answer(error)
            return Exchange(fault=f"{self._host}{words}", trouble=trouble)
        if content is None:
            fault = f"{self._host} answered more than {longest_bytes >> 20} MB"
            return Exchange(response.status, fault=fault, trouble=Trouble.UNREADABLE)
        return Exchange(response.status, content, dict(response.headers), response.reason or "")

    def _prepared(self, method: str, target: str, body: object) -> requests.PreparedRequest:
        """A request for the API's adapter, made here, as `requests` would take its URL apart each time."""
        request = requests.PreparedRequest()
        request.method, request.url, request.headers = method, target, self._headers
        if body is not None:
            request.body = json.dumps(body, allow_nan=False).encode()
            length = str(len(request.body))
            request.headers = self._headers | {"Content-Type": "application/json", "Content-Length": length}
        elif method != "GET":
            request.headers = self._headers | {"Content-Length": "0"}
        return request


class CalledApi(Protocol):
    """An API that can be called: an `ApiClient`, or one that gets its `Authorization` by itself."""

    api: Api

    def call(self, method: str, *args: Any, **more: Any) -> Answer:
        """Make one call: see `ApiClient.call`."""


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """One API as one job sees it: every call passes the gate."""

    errors: ClassVar[ApiErrors]
    read_failed: ClassVar[type[SyncError]]
    """The error of a refused read, if there is no more precise one."""

    api: CalledApi
    gate: Gate
    personal: set[str] = field(default_factory=set)
    """What the job knows about its customer; all of it is masked in what the API says about an error."""

    def read(
        self, route: str, query: Mapping[str, str] | None = None, *, takes_text: bool = False, **values: object
    ) -> Answer:
        """Make a call that changes nothing. Raises what the gate raises."""
        self.gate.before_read()
        return self.api.call("GET", route, values, query=query, takes_text=takes_text)

    def checked(self, answer: Answer) -> Answer:
        """The answer of a read, if it was accepted; otherwise raises its error."""
        if answer.intent is not Intent.ACCEPTED:
            raise self.errors.of_read(answer, self.read_failed, self.personal)
        return answer

    def unreadable(self, answer: Answer, reason: str) -> SyncError:
        """The error of an accepted answer that is not about what was asked for."""
        return self.errors.of_read(answer.unreadable(reason), self.read_failed, self.personal)


def _content(response: urllib3.HTTPResponse, longest_bytes: int) -> bytes | None:
    """The whole content of an answer, decompressed; None if it is longer than allowed. Raises DecodeError."""
    content = bytearray()
    try:
        while chunk := response.read1(CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > longest_bytes:
                return None
            if response.length_remaining == 0 and "Content-Encoding" not in response.headers:
                break  # that was all, so there is no need to ask for the end
        if not content and 0 < response.tell() < SHORTEST_GZIP_BYTES:  # urllib3 takes cut gzip for an empty body
            raise urllib3.exceptions.DecodeError
        return bytes(content)
    finally:  # a connection that has not been read to its end is closed, any other one has been given back
        response.close()
        response.release_conn()
