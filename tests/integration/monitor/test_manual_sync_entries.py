"""What Manual Sync takes beside lists of ids: e-mail addresses and CSV; and what it says of duplicates."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tasks import transfer_customer
from tests.integration.html import text_of
from tests.integration.jobs import calls_of
from tests.integration.monitor_stage import Monitor, serving
from tests.integration.stage import EMAIL, ID, JOB, NOWHERE, Stage, run
from tests.parts import PATIENCE_SECONDS, SYSTEM
from worker.by_hand.emails import LookUp
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.monitor.lanes import Lanes
from worker.presentation.ids import MOST_EMAILS
from worker.web.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    import requests

FORM = "/manual-sync"
PREVIEW = "/manual-sync/preview"
SUBMIT = "/manual-sync/submit"
MAX, NOBODY = "max+news@example.com", "nobody@example.com"
OTHER = "150714"


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower on the stage, where a second customer has an address."""
    stage.sandbox.put_customer({"id": OTHER, "email_address": MAX})
    with serving() as monitor:
        yield monitor


def sent(monitor: Monitor, path: str, ids: str = "", file: bytes | None = None, **more: str) -> requests.Response:
    """What comes of the form."""
    files = None if file is None else {"file": ("customers.csv", file)}
    fields = {"system": str(SYSTEM), "ids": ids} | more
    return monitor.post(path, fields | monitor.token(), files=files)


def wanted(stage: Stage, *customer_ids: str) -> list[int]:
    """How often each customer was asked for."""
    records = stage.ledger.records([Job(Kind.CUSTOMER, SYSTEM, each) for each in customer_ids])
    return [record.wanted if record else 0 for record in records]


def looked_up(stage: Stage) -> int:
    """How many addresses iPaaS.com was asked for."""
    return stage.called.count("Customers")


# Addresses -----------------------------------------------------------------------------------------------------------


def test_submit_takes_addresses_among_ids(stage: Stage, monitor: Monitor) -> None:
    """From the field and the file; each is looked up once, and its customer requested."""
    answer = sent(monitor, SUBMIT, f"{EMAIL}\n151000", f"id\n{MAX}\n{EMAIL}".encode())
    assert answer.status_code == 303
    assert (wanted(stage, ID, OTHER, "151000"), looked_up(stage)) == ([1, 1, 1], 2)


def test_preview_puts_ids_in_the_place_of_addresses(stage: Stage, monitor: Monitor) -> None:
    """Submit then looks nobody up again, and requests exactly those who were shown."""
    answer = sent(monitor, PREVIEW, f"{MAX.upper()} {ID}")
    assert f">{OTHER}\n{ID}</textarea>" in answer.text
    assert "would create a customer in Stamped.io" in text_of(answer.text)
    assert wanted(stage, OTHER, ID) == [0, 0]


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_all_faults_are_told_at_once(stage: Stage, monitor: Monitor, path: str) -> None:
    """Of ids and of addresses, with their places; what was pasted is still there, and nowhere else."""
    stage.sandbox.put_customer({"id": "20", "email_address": MAX})
    typed = f"{ID}, {NOBODY}\nabc\nzoe@@example.com"
    answer = sent(monitor, path, typed, f"name;id\nMax;{MAX}\nZoe;".encode())
    page = text_of(answer.text)
    assert answer.status_code == 400
    for said in (
        "Customer IDs, line 1, entry 2: no customer in iPaaS.com has this e-mail address",
        "Customer IDs, line 2: 'abc'",
        "Customer IDs, line 3: looks like an e-mail address, but is none",
        f"customers.csv, line 2: 2 customers in iPaaS.com have this e-mail address: {OTHER}, 20.",
        "customers.csv, line 3: the cell in the column of the ids is empty",
    ):
        assert said in page
    assert typed in answer.text
    assert answer.text.count("@") == typed.count("@")
    assert wanted(stage, ID, OTHER, "20") == [0, 0, 0]


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_too_many_addresses_are_refused_before_the_first_call(stage: Stage, monitor: Monitor, path: str) -> None:
    """With what to do instead."""
    answer = sent(monitor, path, " ".join(f"{number}@example.com" for number in range(MOST_EMAILS + 1)))
    assert answer.status_code == 400
    assert "101 e-mail addresses are more than the 100 that are looked up at once" in text_of(answer.text)
    assert stage.called == []


def test_no_connection_means_no_look_up(stage: Stage, monitor: Monitor) -> None:
    """There is nobody to ask; the address is still there."""
    answer = sent(monitor, SUBMIT, EMAIL, system="")
    assert (answer.status_code, f"{EMAIL}</textarea>" in answer.text) == (400, True)
    assert stage.called == []


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_trouble_of_ipaas_is_told_with_what_to_do(stage: Stage, monitor: Monitor, path: str) -> None:
    """In the words of the catalogue; nothing is requested, and the form is as it was sent."""
    stage.refuse(401, path="Customers$")
    answer = sent(monitor, path, f"{ID} {EMAIL}")
    entry = CATALOGUE["ipaas-credentials-refused"]
    assert answer.status_code == 503
    for said in (
        "could not be looked up, and nothing was requested",
        entry.message.removesuffix("."),
        entry.resolution,
    ):
        assert said.replace("`", "") in text_of(answer.text)
    assert f"{ID} {EMAIL}</textarea>" in answer.text
    assert answer.text.count("@") == 1
    assert wanted(stage, ID) == [0]


def test_held_connection_is_told_and_not_called(stage: Stage, monitor: Monitor) -> None:
    """As a preview tells it."""
    stage.ledger.request(JOB)
    failure = Failure("ipaas-credentials-refused", 401)
    stage.ledger.hold(stage.ledger.claim(JOB), calls_of(1, 0, Intent.STORES), failure, Pause(3600, 3600))
    answer = sent(monitor, SUBMIT, EMAIL)
    assert "(ipaas-credentials-refused)" in text_of(answer.text)
    assert stage.called == []


def test_redis_that_is_away_is_told_after_a_look_up(stage: Stage, monitor: Monitor) -> None:
    """It is needed for the request, not for the look-up; the ids are kept for the next try."""
    stage.move_ledger(NOWHERE)
    answer = sent(monitor, SUBMIT, EMAIL)
    assert answer.status_code == 503
    assert f"{ID}</textarea>" in answer.text


def test_look_up_ends_at_its_deadline(stage: Stage, monitor: Monitor) -> None:
    """It is said how far it came, and makes no further call."""
    stage.patch.setattr("worker.monitor.manual_sync.LOOK_UP_SECONDS", 0.2)
    go_on, ended = threading.Event(), threading.Event()
    run_all = LookUp.run

    def slow(look_up: LookUp) -> Any:
        assert go_on.wait(PATIENCE_SECONDS)
        try:
            return run_all(look_up)
        finally:
            ended.set()

    stage.patch.setattr(LookUp, "run", slow)
    answer = sent(monitor, SUBMIT, f"{EMAIL} {MAX}")
    assert answer.status_code == 503
    assert "Only 0 of 2 e-mail addresses could be looked up in 0 seconds, and nothing" in text_of(answer.text)
    go_on.set()
    assert ended.wait(PATIENCE_SECONDS)
    assert (stage.called, wanted(stage, ID)) == ([], [0])


def test_look_up_too_many_is_refused_and_ids_are_not(stage: Stage) -> None:
    """Look-ups have threads of their own."""
    lanes = Lanes(look_ups=Lane("look-ups", threads=1, places=0, full="Too many look up."))
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: LookUp) -> Any:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)

    stage.patch.setattr(LookUp, "run", slow)
    with serving(lanes=lanes) as monitor:
        other = Monitor(monitor.url, None, None)  # type: ignore[arg-type] # a browser of its own
        first = threading.Thread(target=sent, args=(other, SUBMIT, EMAIL))
        first.start()
        assert begun.wait(PATIENCE_SECONDS)
        refused = sent(monitor, SUBMIT, EMAIL)
        assert "Too many look up." in text_of(refused.text)
        assert sent(monitor, SUBMIT, ID).status_code == 303
        go_on.set()
        first.join(PATIENCE_SECONDS)
        other.close()


# What is left behind -------------------------------------------------------------------------------------------------


def test_address_is_left_nowhere(
    stage: Stage, monitor: Monitor, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in Redis nor in a log line nor in the address of a page, whatever becomes of it."""
    caplog.set_level(logging.DEBUG)
    sent(monitor, SUBMIT, NOBODY)
    sent(monitor, PREVIEW, MAX)
    path = sent(monitor, SUBMIT, f"{EMAIL} {MAX}").headers["Location"]
    stage.refuse(400, path="Customers$")
    sent(monitor, SUBMIT, EMAIL)
    stage.sandbox.clear_faults()
    run(transfer_customer, SYSTEM, ID)
    monitor.text(path)
    lines = [each.getMessage() + str(each.exc_info or "") for each in caplog.records if not _is_of_urllib3(each)]
    held = [f"{key}{client.dump(key)!r}" for key in client.scan_iter()]
    assert any("manual-sync" in each for each in lines)
    assert any("batch" in each for each in held)
    for each in (*lines, *held, path):
        assert "example.com" not in unquote(each)


def _is_of_urllib3(record: logging.LogRecord) -> bool:
    """Whether a line is one of those that every process of ours silences; see `worker.telemetry.logs`."""
    return record.name.startswith("urllib3")


# CSV and duplicates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [f"name,id\nZoë,{ID}", f'\ufeffID;name\r\n{ID};"a;b"\r\n', f"id\tname\n{ID}\tx"])
def test_csv_is_read_by_its_column(stage: Stage, monitor: Monitor, content: str) -> None:
    """As a file, or pasted."""
    assert sent(monitor, SUBMIT, file=content.encode()).status_code == 303
    assert sent(monitor, SUBMIT, content).status_code == 303
    assert wanted(stage, ID) == [2]


def test_csv_without_the_column_is_told_with_its_columns(monitor: Monitor) -> None:
    """One fault, in which nothing can be markup."""
    answer = sent(monitor, SUBMIT, file=b"<b>name</b>,mail\nZoe,x\n")
    assert "no column of it is named id: &#x27;&lt;b&gt;name&lt;/b&gt;&#x27;" in answer.text.replace("&#39;", "&#x27;")
    assert "<b>name" not in answer.text


def test_progress_says_how_many_duplicates_were_dropped(stage: Stage, monitor: Monitor, client: redis.Redis) -> None:
    """By id and by address; also when it is loaded again."""
    path = sent(monitor, SUBMIT, f"{ID} {ID} {EMAIL} {OTHER} {MAX}").headers["Location"]
    for _ in range(2):
        assert "3 entries named a customer that was named before, and were dropped." in monitor.text(path)
    assert client.hget(f"stamped-sync:batch:{path.rpartition('/')[2]}", "dropped") == "3"
    assert wanted(stage, ID, OTHER) == [1, 1]


def test_preview_says_how_many_duplicates_were_dropped(monitor: Monitor) -> None:
    """They are gone from the field too."""
    answer = sent(monitor, PREVIEW, f"{ID} {EMAIL}")
    assert "1 entry named a customer that was named before, and was dropped." in text_of(answer.text)
    assert f">{ID}</textarea>" in answer.text


def test_nothing_is_said_of_duplicates_that_there_are_not(monitor: Monitor) -> None:
    """Neither before nor after."""
    assert "dropped" not in monitor.text(sent(monitor, SUBMIT, f"{ID} {MAX}").headers["Location"])
    assert "dropped" not in text_of(sent(monitor, PREVIEW, f"{ID} {MAX}").text)


def test_form_says_what_it_takes(monitor: Monitor) -> None:
    """Beside the fields."""
    page = monitor.text(FORM)
    assert (
        f"An e-mail address is looked up in iPaaS.com, if exactly one customer has it; {MOST_EMAILS} at most." in page
    )
    assert "CSV whose first line is a header with one column named id" in page
