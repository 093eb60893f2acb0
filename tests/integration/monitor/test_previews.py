"""Previews on the page while APIs are slow: nobody else waits for them, and whoever does is told."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import parts
from tests.integration import raw_server
from tests.integration.html import text_of
from tests.integration.jobs import JOB, calls_of
from tests.integration.monitor_stage import LOGIN, Monitor, serving
from tests.integration.raw_server import RawServer, http
from tests.integration.stage import EMAIL, ID, Stage
from tests.parts import PATIENCE_SECONDS
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, State
from worker.jobs.retries import Pause
from worker.monitor.lanes import Lanes
from worker.monitor.previews import PREVIEWED, Previewing
from worker.web.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREVIEW = "/manual-sync/preview"
SUBMIT = "/manual-sync/submit"
IDS = [str(800 + number) for number in range(PREVIEWED)]
QUICK_PATHS = ["/activity", "/activity/counts", "/error-logs", "/manual-sync", "/metrics", "/healthcheck", "/workers"]


class SlowApi:
    """iPaaS.com, which answers once the test lets it, and Stamped.io, which is never asked."""

    def __init__(self, server: RawServer) -> None:
        self.url = server.url
        self.asked = threading.Semaphore(0)
        self.answers = threading.Event()
        server.answer = self._answer
        self.requests = server.requests

    def _answer(self, _: bytes) -> Iterable[bytes]:
        self.asked.release()
        self.answers.wait(PATIENCE_SECONDS)
        yield http(b'{"code": "NFND-1001", "message": "none"}', "404 Not Found")

    def wait_until_asked(self) -> None:
        """Wait until a call waits for its answer."""
        assert self.asked.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def api() -> Iterator[SlowApi]:
    """An API that keeps its callers waiting."""
    for server in raw_server.serving():
        slow = SlowApi(server)
        yield slow
        slow.answers.set()


@pytest.fixture
def lanes() -> Lanes:
    """Two previews at a time, and a place to wait."""
    return Lanes(previews=Lane("previews", threads=2, places=1, full="Too many look at previews."))


@pytest.fixture
def monitor(stage: Stage, api: SlowApi, lanes: Lanes, redis_url: str) -> Iterator[Monitor]:
    """Flower, whose only connection is the one to the slow API."""
    parts.write_connections(stage.folder, api.url)
    stage.build(redis_url)
    with serving(lanes=lanes) as monitor:
        yield monitor


class Crowd:
    """People who send the form at the same time."""

    def __init__(self, monitor: Monitor) -> None:
        self.url = monitor.url
        self.session = requests.Session()
        self.session.auth = LOGIN
        self.session.get(f"{self.url}/activity", timeout=PATIENCE_SECONDS)
        self.cookies = self.session.cookies.get_dict()

    @property
    def fields(self) -> dict[str, str]:
        """The form, filled in."""
        return {"system": str(parts.SYSTEM), "ids": "\n".join(IDS), "_xsrf": str(self.cookies["_xsrf"])}

    def preview(self) -> requests.Response:
        """Press Preview."""
        url, fields = f"{self.url}{PREVIEW}", self.fields
        return requests.post(url, fields, auth=LOGIN, cookies=self.cookies, timeout=PATIENCE_SECONDS)

    def preview_and_hang_up(self) -> socket.socket:
        """Press Preview over a connection that can be closed before the answer."""
        body = "&".join(f"{name}={value}" for name, value in self.fields.items()).replace("\n", "+").replace("|", "%7C")
        host, _, port = self.url.removeprefix("http://").partition(":")
        head = [
            f"POST {PREVIEW} HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: Basic {b64encode(':'.join(LOGIN).encode()).decode()}",
            f"Cookie: _xsrf={self.cookies['_xsrf']}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        ]
        caller = socket.create_connection((host, int(port)), PATIENCE_SECONDS)
        caller.sendall("\r\n".join([*head, "", body]).encode())
        return caller


@pytest.fixture
def crowd(monitor: Monitor) -> Iterator[Crowd]:
    """People with a login."""
    crowd = Crowd(monitor)
    yield crowd
    crowd.session.close()


@pytest.fixture
def begun(stage: Stage) -> threading.Semaphore:
    """Counts the previews that have found a thread or a place to wait for one."""
    begun = threading.Semaphore(0)

    class Noted(Previewing):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            begun.release()

    stage.patch.setattr("worker.monitor.manual_sync.Previewing", Noted)
    return begun


def wait_for(begun: threading.Semaphore, count: int) -> None:
    """Wait until this many more previews have begun."""
    assert all(begun.acquire(timeout=PATIENCE_SECONDS) for _ in range(count))


def test_slow_previews_make_no_other_page_wait(
    monitor: Monitor, crowd: Crowd, api: SlowApi, begun: threading.Semaphore
) -> None:
    """Nor a scrape, nor a small change; a preview too many is told to come again, and keeps its ids."""
    with ThreadPoolExecutor() as aside:
        waiting = [aside.submit(crowd.preview) for _ in range(3)]
        wait_for(begun, 3)
        refused = crowd.preview()
        assert refused.status_code == 503
        assert "Too many look at previews." in text_of(refused.text)
        assert f"{IDS[0]}\n" in refused.text
        assert {path: monitor.get(path).status_code for path in QUICK_PATHS} == dict.fromkeys(QUICK_PATHS, 200)
        submitted = monitor.post(SUBMIT, crowd.fields | monitor.token())
        assert submitted.status_code == 303
        assert not any(each.done() for each in waiting)
        api.answers.set()
        assert {each.result().status_code for each in waiting} == {200}


def test_preview_shows_at_its_deadline_what_was_read(
    stage: Stage, monitor: Monitor, crowd: Crowd, api: SlowApi
) -> None:
    """And names those that were not read; its thread is free after the call that it had begun."""
    stage.patch.setattr("worker.monitor.previews.DEADLINE_SECONDS", 2)
    with ThreadPoolExecutor() as aside:
        sent = aside.submit(crowd.preview)
        api.wait_until_asked()
        page = text_of(sent.result().text)
    assert f"None of {PREVIEWED} customers were read. The 2 seconds that a preview may take are over." in page
    assert f"Not read: {', '.join(IDS)}" in page
    stage.patch.setattr("worker.monitor.previews.DEADLINE_SECONDS", 30)
    api.answers.set()
    for _ in range(5):
        answer = monitor.post(PREVIEW, form(monitor, IDS[:1]))
        assert (answer.status_code, CATALOGUE["customer-not-found"].title in answer.text) == (200, True)
    assert len(api.requests) == 1 + 5


def test_preview_that_never_had_its_turn_says_so(stage: Stage, monitor: Monitor, crowd: Crowd, api: SlowApi) -> None:
    """Others took all the time."""
    with ThreadPoolExecutor() as aside:
        waiting = [aside.submit(crowd.preview) for _ in range(2)]
        for _ in range(2):
            api.wait_until_asked()
        stage.patch.setattr("worker.monitor.previews.DEADLINE_SECONDS", 0.2)
        page = text_of(monitor.post(PREVIEW, form(monitor, IDS)).text)
        assert "Other previews took all" in page
        api.answers.set()
        assert len([each.result() for each in waiting]) == 2


def test_who_hangs_up_leaves_the_place_to_another(
    stage: Stage, crowd: Crowd, api: SlowApi, begun: threading.Semaphore, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the preview waits or runs: nobody else is refused for it, and it makes no further call."""
    callers = [crowd.preview_and_hang_up() for _ in range(3)]
    wait_for(begun, 3)
    for _ in range(2):
        api.wait_until_asked()
    assert crowd.preview().status_code == 503
    for caller in callers:
        caller.close()
    stage.patch.setattr("worker.monitor.previews.DEADLINE_SECONDS", 0.1)
    waited = parts.eventually(lambda: let_in(crowd))
    assert "Other previews took all" in waited.text
    api.answers.set()
    stage.patch.setattr("worker.monitor.previews.DEADLINE_SECONDS", 30)
    page = parts.eventually(lambda: let_in(crowd))
    assert f"Customer {IDS[-1]}" in page.text
    assert len(api.requests) == 2 + PREVIEWED
    assert not [each for each in caplog.records if each.levelname == "ERROR" and each.name != "tornado.access"]


def let_in(crowd: Crowd) -> requests.Response | None:
    """A preview that found a place; None if it was refused."""
    answer = crowd.preview()
    return answer if answer.status_code == 200 else None


def form(monitor: Monitor, ids: list[str]) -> dict[str, str]:
    """The form, filled in."""
    return {"system": str(parts.SYSTEM), "ids": "\n".join(ids)} | monitor.token()


# What a hold and a throttle let be read ------------------------------------------------------------------------------


@pytest.fixture
def quick(stage: Stage) -> Iterator[Monitor]:
    """Flower in front of APIs that answer at once."""
    stage.patch.setattr("worker.by_hand.previews.PATIENCE_SECONDS", 0.3)
    with serving() as monitor:
        yield monitor


def test_preview_stops_at_the_throttle_and_shows_what_it_read(stage: Stage, quick: Monitor) -> None:
    """It says when to come again."""
    stage.limit(5)
    ids = [ID, *IDS[:7]]
    for each in ids:
        stage.sandbox.put_customer({"id": each, "email_address": f"{each}@example.com", "external_ids": []})
    page = text_of(quick.post(PREVIEW, form(quick, ids)).text)
    entry = CATALOGUE["throttle-used-up"]
    assert "5 of 8 customers were read." in page
    assert f"Could not be read: {entry.title}" in page
    assert "the next call is free in" in page
    assert "800@example.com" in page
    assert sum(call.api == "stamped" for call in stage.sandbox.calls) == 5


def test_preview_of_a_held_connection_says_until_when(stage: Stage, quick: Monitor) -> None:
    """It says why, and makes no call of an API that is held."""
    other = Job(Kind.CUSTOMER, parts.SYSTEM, "1")
    stage.ledger.request(other)
    failure = Failure("ipaas-credentials-refused", 401)
    stage.ledger.hold(stage.ledger.claim(other), calls_of(1, 0, Intent.STORES), failure, Pause(3600, 3600))
    page = text_of(quick.post(PREVIEW, form(quick, [ID])).text)
    assert f"Could not be read: {CATALOGUE['connection-held'].title}" in page
    assert "(ipaas-credentials-refused)" in page
    assert EMAIL not in page
    assert not stage.sandbox.calls


def test_long_submit_makes_no_preview_and_no_page_wait(stage: Stage, api: SlowApi, redis_url: str) -> None:
    """It has threads of its own; one too many is refused with an explanation, and nothing of it is done."""
    parts.write_connections(stage.folder, api.url)
    stage.build(redis_url)
    api.answers.set()
    let_go = threading.Event()
    begun = threading.Semaphore(0)

    def submit(*_: object, **__: object) -> None:
        begun.release()
        assert let_go.wait(PATIENCE_SECONDS)

    stage.patch.setattr("worker.monitor.manual_sync.Submission.submit", submit)
    lanes = Lanes(changes=Lane("changes", threads=1, places=0, full="One is being made."))
    with serving(lanes=lanes) as monitor, ThreadPoolExecutor() as aside:
        many = form(monitor, [str(number) for number in range(1, 1001)])
        waiting = aside.submit(monitor.post, SUBMIT, many)
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        other = Monitor(monitor.url, None, None)  # type: ignore[arg-type] # a browser of its own
        refused = other.post(SUBMIT, form(other, [str(number) for number in range(1, 1001)]))
        assert (refused.status_code, "One is being made." in text_of(refused.text)) == (503, True)
        assert {other.get(path).status_code for path in QUICK_PATHS} == {200}
        assert other.post(PREVIEW, form(other, IDS)).status_code == 200
        let_go.set()
        waiting.result()
        other.close()
    assert stage.ledger.record(JOB) is None
    assert stage.ledger.figures().by_state()[State.QUEUED] == 0
