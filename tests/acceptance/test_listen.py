"""The front door: each body gets its status and its verdicts, and what it has accepted is in the ledger."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import parts
from tests.acceptance.front_door import SENDER, TOKEN, Door, front_door
from tests.acceptance.scene import ID, Scene, scene
from tests.acceptance.test_changing_list import server
from tests.integration.jobs import FAILURE
from worker.jobs.job import Job, Kind
from worker.listen.door import MOST_AT_A_TIME
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox
from worker.sync.triggers import LONGEST_TRIGGER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM = str(parts.SYSTEM)
JOB = Job(Kind.CUSTOMER, parts.SYSTEM, ID)
MALFORMED = "trigger-malformed"


@pytest.fixture
def door(opened: Door, made: Scene) -> Door:
    """One before an empty ledger."""
    made.clear()
    return opened


def notification(customer_id: object = ID, system_id: object = SYSTEM, scope: object = "customer/updated") -> Any:
    """One notification of a trigger."""
    return {"id": customer_id, "destination": system_id, "scope": scope, "tracking_guid": "0a8e5f3c"}


def trigger(*notifications: object) -> dict[str, Any]:
    """A trigger of iPaaS.com."""
    return {"id": "6f0c", "attempt": 0, "notifications": list(notifications)}


def test_each_notification_has_its_verdict(door: Door, made: Scene) -> None:
    """In the trigger's order, once the ledger holds what was accepted."""
    answer = door.post(
        trigger(notification(), notification(scope="customer/deleted"), notification(2, 77), notification())
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (202, "application/json; charset=utf-8")
    first, second, third, fourth = answer.json()["verdicts"]
    taken = {"accepted": True, "system_id": parts.SYSTEM, "customer_id": ID}
    assert first == {"position": 1, **taken, "coalesced": False}
    assert fourth == {"position": 4, **taken, "coalesced": True}
    assert (second["position"], second["accepted"], second["code"]) == (2, False, "scope-unsupported")
    assert (third["position"], third["accepted"], third["code"]) == (3, False, "connection-unknown")
    assert second["message"]
    assert second["resolution"]
    assert made.ledger.record(JOB)
    assert {each.code for each in made.ledger.refusals()} == {"scope-unsupported", "connection-unknown"}


def test_sending_twice_does_no_harm_and_says_so(door: Door, made: Scene) -> None:
    """The second one is coalesced: there is one job, and one run of it."""
    answers = [door.post(trigger(notification())).json()["verdicts"][0]["coalesced"] for _ in range(3)]
    assert answers == [False, True, True]
    assert made.ledger.counts(Kind.CUSTOMER).sent == 1
    claim = made.ledger.claim(JOB)
    running = [door.post(trigger(notification())).json()["verdicts"][0]["coalesced"] for _ in range(2)]
    assert running == [False, True]  # another run will begin, for both of them
    made.ledger.fail(claim, (), FAILURE)
    assert made.ledger.counts(Kind.CUSTOMER).failed == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"args": [{"notifications": []}]}',
        b'{"notifications": []}',
        b'{"notifications": {}}',
        b'{"notifications": null}',
        b"\xff\xfe",
        b'{"notifications": [' + b"[" * 100_000,
        b'{"notifications": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: body[:24].decode(errors="replace"),
)
def test_what_cannot_be_read_is_told_and_noted(door: Door, made: Scene, body: bytes) -> None:
    """The operator sees it, too."""
    answer = door.post(data=body)
    assert (answer.status_code, answer.json()["code"]) == (400, MALFORMED)
    assert set(answer.json()) == {"code", "message", "resolution"}
    assert [each.code for each in made.ledger.refusals()] == [MALFORMED]
    assert made.ledger.figures().refusals.count == 1


@pytest.mark.parametrize(
    "notifications",
    [
        [notification(scope="customer/deleted")],
        [notification(system_id=77), notification(customer_id="zoe@example.com")],
        [5],
        [notification(scope=None), {}],
    ],
    ids=str,
)
def test_trigger_of_which_nothing_is_accepted_is_told(door: Door, made: Scene, notifications: list[Any]) -> None:
    """Its verdicts say why, and name nobody."""
    answer = door.post(trigger(*notifications))
    assert answer.status_code == 422
    assert [each["accepted"] for each in answer.json()["verdicts"]] == [False] * len(notifications)
    assert "zoe@" not in answer.text
    assert len(made.ledger.refusals()) == len(notifications)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer ä€".encode()},
        {"X-Token": TOKEN},
    ],
    ids=str,
)
def test_nobody_is_let_in_without_a_token(door: Door, made: Scene, headers: dict[str, Any]) -> None:
    """Nothing of the body is looked at."""
    answer = door.post(trigger(notification()), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert made.ledger.counts(Kind.CUSTOMER).sent == 0


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("length", [LONGEST_TRIGGER_BYTES + 1, 3 * LONGEST_TRIGGER_BYTES])
def test_body_that_is_too_long_is_refused(door: Door, length: int, is_chunked: bool) -> None:
    """However its length is told; the door goes on."""
    body = b" " * length
    answer = door.post(data=iter([body]) if is_chunked else body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert door.get("/healthz").ok


def test_body_that_is_too_long_is_answered_to_any_client(door: Door) -> None:
    """One that sends it all before it reads, and then the next one on the same connection."""
    host, port = door.url.removeprefix("http://").split(":")
    for _ in range(5):
        connection = http.client.HTTPConnection(host, int(port), timeout=parts.PATIENCE_SECONDS)
        connection.request("POST", "/triggers", b" " * 6_000_000, SENDER)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "body-too-large")
        connection.close()


@pytest.mark.parametrize(
    "head",
    [
        f"Authorization: Bearer {TOKEN}\x01\r\nHost: a",
        "Host: zoe@example.com/",
        "Host: a\r\nContent-Length: zoe@example.com",
        f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {'9' * 5000}",
    ],
)
def test_header_that_cannot_be_read_is_in_no_log(door: Door, head: str) -> None:
    """It may be a token, or somebody's address."""
    with sent(door, f"POST /triggers HTTP/1.1\r\n{head}\r\n\r\n".encode("latin-1")) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 4")
    with sent(door, b"ZOE.SMITH /zoe HTTP/1.1\r\nHost: a\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 40")
    parts.eventually(lambda: "another method another path: 40" in door.log.read_text())
    log = door.log.read_text().casefold()
    assert not [word for word in (TOKEN, "zoe", "traceback") if word in log]


@contextlib.contextmanager
def sent(door: Door, text: bytes) -> Iterator[socket.socket]:
    """A connection over which this was sent."""
    host, port = door.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), parts.PATIENCE_SECONDS) as connection:
        connection.sendall(text)
        yield connection


def test_body_as_long_as_allowed_is_taken(door: Door) -> None:
    """Two megabytes of it."""
    text = json.dumps(trigger(notification())).encode()
    answer = door.post(data=text + b" " * (LONGEST_TRIGGER_BYTES - len(text)))
    assert answer.status_code == 202


def test_compressed_body_is_refused(door: Door) -> None:
    """It would not be read as what it is."""
    answer = door.post(data=b"\x1f\x8b", headers={**SENDER, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding-unsupported")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/triggers", 405),
        ("PUT", "/triggers", 405),
        ("DELETE", "/triggers", 405),
        ("POST", "/healthz", 405),
        ("GET", "/", 404),
        ("POST", "/trigger?who=zoe@example.com", 404),
        ("GET", "/triggers/", 404),
        ("HEAD", "/healthz", 200),
        ("HEAD", "/readyz", 200),
    ],
)
def test_other_requests_are_answered_as_http_wants_it(door: Door, method: str, path: str, status: int) -> None:
    """Errors in the same form as all others."""
    answer = requests.request(method, f"{door.url}{path}", headers=SENDER, timeout=parts.PATIENCE_SECONDS)
    assert answer.status_code == status
    assert ("Allow" in answer.headers) == (status == 405)
    if status != 200:
        assert set(answer.json()) == {"code", "message", "resolution"}


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"POST /triggers HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /triggers HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /triggers HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /triggers HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda text: repr(text[:60]),
)
def test_what_is_no_http_ends_its_connection_alone(door: Door, text: bytes) -> None:
    """Without a traceback in the log."""
    with sent(door, text) as connection:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert door.get("/healthz").ok
    assert "Traceback" not in door.log.read_text()


def test_log_has_a_line_for_each_trigger_and_nothing_of_its_body(door: Door) -> None:
    """Who sent it, and what became of it."""
    door.post(trigger(notification("zoe@example.com"), notification(), {"first_name": "Zoë", "id": "4711@example.com"}))
    door.get("/triggers?email=zoe@example.com")
    log = door.log.read_text()
    assert "POST /triggers: 202 in " in log
    assert "shop, 1 accepted, 2 refused" in log
    assert not [word for word in ("zoe@", "4711", "Zo", TOKEN) if word in log]


def test_ready_says_whether_a_trigger_would_be_taken(door: Door) -> None:
    """Redis answers, and the configuration is valid."""
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_metrics_count_answers_verdicts_and_seconds(made: Scene, tmp_path: Any) -> None:
    """Without a token, and without anything about a customer or a sender; all that may come is there from the start."""
    made.clear()
    with front_door(made.env, tmp_path) as door:
        before = door.get("/metrics")
        assert before.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        for line in (
            *('answers_total{path="/triggers",status="202"} 0.0', 'answers_total{path="/triggers",status="503"} 0.0'),
            *('verdicts_total{code="scope-unsupported",verdict="refused"} 0.0', "answer_seconds_count 0.0"),
        ):
            assert f"stamped_sync_listen_{line}\n" in before.text
        for _ in range(2):
            door.post(trigger(notification(), notification(scope="customer/deleted")))
        door.post(data=b"{")
        door.post(headers={})
        door.get("/zoe@example.com")
        shown = door.get("/metrics").text
    for line in (
        'answers_total{path="/triggers",status="202"} 2.0',
        'answers_total{path="/triggers",status="400"} 1.0',
        'answers_total{path="/triggers",status="401"} 1.0',
        'answers_total{path="another path",status="404"} 1.0',
        'verdicts_total{code="",verdict="accepted"} 1.0',
        'verdicts_total{code="",verdict="coalesced"} 1.0',
        'verdicts_total{code="scope-unsupported",verdict="refused"} 2.0',
        'verdicts_total{code="trigger-malformed",verdict="refused"} 1.0',
        'answer_seconds_bucket{le="+Inf"} 4.0',
    ):
        assert f"stamped_sync_listen_{line}\n" in shown
    assert not [word for word in ("zoe", ID, "shop", TOKEN) if word in shown]


def test_document_is_one_of_openapi(door: Door) -> None:
    """It names every status that a trigger can get."""
    document = door.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {"/triggers", "/healthz", "/readyz", "/metrics", "/openapi.json"}
    statuses = {"202", "400", "401", "413", "415", "422", "500", "503", "default"}
    assert set(document["paths"]["/triggers"]["post"]["responses"]) == statuses


# Its life -------------------------------------------------------------------------------------------------------------


def test_connection_that_was_just_added_is_known(made: Scene, tmp_path: Any) -> None:
    """The files are read again for it; a broken one is not taken, and is not ready."""
    made.clear()
    path = parts.write_connections(tmp_path, made.url)
    env = made.env | {"STAMPED_SYNC_CONNECTIONS": str(path), "STAMPED_SYNC_RELOAD_SECONDS": "0.3"}
    with front_door(env, tmp_path) as door:
        assert door.post(trigger(notification(system_id=4022))).status_code == 422
        path.write_text("\n".join(parts.connection(made.url, system_id=each) for each in (parts.SYSTEM, 4022)))
        assert door.post(trigger(notification(system_id=4022))).status_code == 202
        path.write_text("nonsense")
        parts.eventually(lambda: door.get("/readyz").status_code == 503, progress=door.log.read_text)
        assert door.get("/readyz").json() == {
            "ready": False, "redis_answers": True, "configuration_is_valid": False
        }  # fmt: skip
        assert door.post(trigger(notification(system_id=4022))).status_code == 202
        roles = [each.role for each in made.ledger.processes.running() if each.role == "listen"]
        assert roles


def test_token_that_is_replaced_in_its_file_needs_no_restart(made: Scene, tmp_path: Any) -> None:
    """A file with a fault is not taken."""
    (file := tmp_path / "tokens").write_text(f"# senders\nfirst:1-{TOKEN}\n")
    env = {"STAMPED_SYNC_LISTEN_TOKENS_FILE": str(file), "STAMPED_SYNC_LISTEN_TOKENS": ""}
    with front_door(made.env | {"STAMPED_SYNC_RELOAD_SECONDS": "0.3"}, tmp_path, **env) as door:

        def lets_in(token: str) -> bool:
            return door.post(trigger(notification()), headers={"Authorization": f"Bearer {token}"}).status_code == 202

        assert lets_in(f"1-{TOKEN}")
        assert not lets_in(f"2-{TOKEN}")
        file.write_text(f"second:2-{TOKEN}\n")
        parts.eventually(lambda: lets_in(f"2-{TOKEN}"), progress=door.log.read_text)
        assert not lets_in(f"1-{TOKEN}")
        file.write_text("second:2\n")
        parts.eventually(lambda: lets_in(f"2-{TOKEN}") and "not taken" in door.log.read_text(), progress=time.monotonic)
        assert not door.get("/readyz").json()["configuration_is_valid"]
        file.write_text("# nobody\n")
        parts.eventually(lambda: not lets_in(f"2-{TOKEN}"), progress=door.log.read_text)
        assert door.get("/readyz").json()["ready"]
        assert f"2-{TOKEN}" not in door.log.read_text()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"STAMPED_SYNC_LISTEN_TOKENS": ""}, "no token is set, so nobody could hand over a trigger"),
        ({"STAMPED_SYNC_LISTEN_TOKENS": "x"}, "must be a name and a token with a colon between"),
        ({"STAMPED_SYNC_LISTEN_TOKENS_FILE": "no/file"}, "no/file: there is no such file"),
        ({"STAMPED_SYNC_LISTEN_TOKENS_FILE": "/"}, "/: is a folder"),
        ({"STAMPED_SYNC_LISTEN_TOKENS": " , "}, "holds no token"),
        ({"STAMPED_SYNC_LISTEN_TOKENS": "shop:a-long-random-token"}, "is that of the examples"),
        ({"STAMPED_SYNC_CONNECTIONS": "no.toml"}, "no.toml: there is no such file"),
    ],
    ids=str,
)
def test_it_does_not_start_without_what_it_needs(made: Scene, more: dict[str, str], words: str) -> None:
    """In words, with code 2."""
    done = made.console("listen", "--port=0", **{"STAMPED_SYNC_LISTEN_TOKENS": f"shop:{TOKEN}", **more})
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_port_that_is_taken_is_told(made: Scene, opened: Door) -> None:
    """And an address that is not this machine's."""
    tokens = {"STAMPED_SYNC_LISTEN_TOKENS": f"shop:{TOKEN}"}
    port = opened.url.rpartition(":")[2]
    done = made.console("listen", f"--port={port}", **tokens)
    assert (done.returncode, "can't be used" in done.stderr) == (2, True)
    for host in ("192.0.2.1", "..", "no such host"):
        done = made.console("listen", f"--host={host}", **tokens)
        assert (done.returncode, "can't be used" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_redis_that_is_away_is_told_until_it_is_back(tmp_path: Any) -> None:
    """With the seconds after which to send it again; the same process goes on."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        with server(tmp_path, port):
            made = stack.enter_context(scene(f"redis://127.0.0.1:{port}/0", tmp_path, Sandbox([])))
            door = stack.enter_context(front_door(made.env, tmp_path))
            assert door.post(trigger(notification(1))).status_code == 202
        answer = door.post(trigger(notification()))
        assert (answer.status_code, answer.json()["code"]) == (503, "redis-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert door.get("/readyz").status_code == 503
        assert door.get("/healthz").ok
        with server(tmp_path, port):
            parts.eventually(lambda: door.post(trigger(notification())).status_code == 202, progress=time.monotonic)
            assert made.ledger.record(JOB)


def test_what_has_begun_is_answered_before_it_ends(made: Scene, tmp_path: Any) -> None:
    """SIGTERM while a trigger arrives, is taken and is answered: its sender learns all that the ledger holds."""
    made.clear()
    body = json.dumps(trigger(*map(notification, range(1, 5001)))).encode()
    with front_door(made.env, tmp_path) as door:
        host, port = door.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=parts.PATIENCE_SECONDS)
        connection.putrequest("POST", "/triggers")
        for name, value in {**SENDER, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:1000])
        parts.eventually(lambda: door.get("/healthz").ok)
        ended: list[int] = []
        ending = threading.Thread(target=lambda: ended.append(door.end()))
        ending.start()
        parts.eventually(lambda: not listens(host, int(port)), progress=time.monotonic)
        connection.send(body[1000:])
        answer = connection.getresponse()
        time.sleep(0.5)  # a sender that takes its time to read
        verdicts = json.loads(answer.read())["verdicts"]
        connection.close()
        ending.join()
    assert (answer.status, len(verdicts), ended) == (202, 5000, [0])
    counts = made.ledger.counts(Kind.CUSTOMER)
    assert counts.queued + counts.sent == 5000


def listens(host: str, port: int) -> bool:
    """Whether anybody can still connect."""
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def test_no_more_triggers_are_received_at_a_time_than_there_is_room_for(door: Door) -> None:
    """The next one is told when to come again; whoever goes away makes room."""
    host, port = door.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_AT_A_TIME):
            connection = stack.enter_context(socket.create_connection((host, int(port)), parts.PATIENCE_SECONDS))
            head = f"POST /triggers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n"
            connection.sendall(head.encode())
        parts.eventually(lambda: door.post(trigger(notification())).status_code == 503, progress=time.monotonic)
        answer = door.post(trigger(notification()))
        assert (answer.json()["code"], int(answer.headers["Retry-After"]) > 0) == ("busy", True)
    parts.eventually(lambda: door.post(trigger(notification())).status_code == 202, progress=time.monotonic)
