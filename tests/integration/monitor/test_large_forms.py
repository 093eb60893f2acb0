"""What is sent to Flower's pages: bounded, read in a thread, and refused in words."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests
from tornado.httputil import parse_body_arguments

from tests import parts
from tests.integration.html import text_of
from tests.integration.jobs import JOB
from tests.integration.monitor_stage import LOGIN, WRONG_LOGIN, Monitor, serving
from tests.integration.stage import ID, Stage
from tests.parts import PATIENCE_SECONDS
from worker.monitor import change
from worker.monitor.change import LARGEST_BYTES, MEGABYTE
from worker.monitor.manual_sync import MOST_IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

PREVIEW = "/manual-sync/preview"
SUBMIT = "/manual-sync/submit"
TOO_LONG = "The list is longer than the 4 MB that this page takes at once. Split it, or use stamped-sync sync --file"
BEYOND_TORNADO = 120 * MEGABYTE
"""Tornado itself takes no more than 100 MB."""


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:  # noqa: ARG001 - Flower stands on it
    """Flower on the stage."""
    with serving() as monitor:
        yield monitor


def form(monitor: Monitor, ids: str = ID) -> dict[str, str]:
    """The form, filled in."""
    return {"system": str(parts.SYSTEM), "ids": ids} | monitor.token()


@pytest.mark.parametrize("size", [LARGEST_BYTES + 1, BEYOND_TORNADO])
@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_file_that_is_too_large_is_refused_in_words(stage: Stage, monitor: Monitor, path: str, size: int) -> None:
    """On the page with the form; nothing is requested and nothing read."""
    answer = monitor.post(path, form(monitor), files={"file": ("ids.txt", b"1" * size)})
    assert answer.status_code == 413
    assert TOO_LONG in text_of(answer.text)
    assert stage.ledger.record(JOB) is None
    assert not stage.sandbox.calls


def test_paste_that_is_too_large_is_refused_in_words(monitor: Monitor) -> None:
    """However it is sent."""
    fields = form(monitor, "1" * LARGEST_BYTES)
    for files in (None, {"file": ("", b"")}):
        answer = monitor.post(SUBMIT, fields, files=files)
        assert (answer.status_code, TOO_LONG in text_of(answer.text)) == (413, True)


def test_as_many_ids_as_the_page_takes_fit(stage: Stage, monitor: Monitor) -> None:
    """With the longest numbers and a line each."""
    stage.patch.setattr("worker.monitor.manual_sync.Submission.submit", lambda *_, **__: None)
    stage.patch.setattr("worker.monitor.manual_sync.SubmitBatch.redirect", lambda self, *_, **__: self.finish("taken"))
    ids = "\r\n".join(str(10**18 + number) for number in range(MOST_IDS))
    assert monitor.post(SUBMIT, form(monitor, ids), files={"file": ("", b"")}).text == "taken"


def test_other_forms_are_bounded_alike(monitor: Monitor) -> None:
    """Nobody's reason has a million letters."""
    answer = monitor.post("/rerun", monitor.token() | {"kind": "x" * LARGEST_BYTES})
    assert answer.status_code == 413
    assert "this page takes 4 MB at once, and more was sent" in text_of(answer.text)


def test_form_is_read_in_a_thread_of_its_own(stage: Stage, monitor: Monitor) -> None:
    """Flower answers others meanwhile."""
    reading, let_go = threading.Event(), threading.Event()

    def slow(*args: object) -> None:
        reading.set()
        assert let_go.wait(PATIENCE_SECONDS)
        parse_body_arguments(*args)  # type: ignore[arg-type] # as they come

    stage.patch.setattr(change, "parse_body_arguments", slow)
    fields = form(monitor)
    sending = threading.Thread(target=monitor.post, args=(SUBMIT, fields))
    sending.start()
    assert reading.wait(PATIENCE_SECONDS)
    assert requests.get(f"{monitor.url}/healthcheck", timeout=PATIENCE_SECONDS).text == "OK"
    assert requests.get(f"{monitor.url}/activity", auth=LOGIN, timeout=PATIENCE_SECONDS).status_code == 200
    let_go.set()
    sending.join(PATIENCE_SECONDS)
    assert stage.ledger.record(JOB)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"x"),
        ("application/x-www-form-urlencoded", b"a&" * 2000),
        ("application/json", b"{}"),
        ("", b"\xff\xfe"),
    ],
)
def test_what_is_no_form_is_refused_in_words(monitor: Monitor, kind: str, body: bytes) -> None:
    """By whoever writes a program for it."""
    monitor.token()
    answer = requests.post(
        monitor.url + SUBMIT, body, headers={"Content-Type": kind}, auth=LOGIN, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code in {400, 403}
    assert "Nothing was changed" in text_of(answer.text)


@pytest.mark.parametrize("login", [None, WRONG_LOGIN], ids=["none", "wrong"])
def test_nothing_is_kept_of_what_comes_without_the_login(monitor: Monitor, login: tuple[str, str] | None) -> None:
    """It is asked for all the same."""
    answer = monitor.post(SUBMIT, {"ids": "1" * MEGABYTE}, login)
    assert (answer.status_code, answer.text) == (401, "Access denied")


def test_flowers_own_pages_take_no_more(monitor: Monitor) -> None:
    """They read it before they ask for a login, in the loop that all pages share."""
    answer = requests.post(f"{monitor.url}/api/tasks", b"x" * (LARGEST_BYTES + 1), timeout=PATIENCE_SECONDS)
    assert answer.status_code == 400
