"""The front door's document: it is valid, a client made from it works, and every answer is one that it names."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests import parts
from tests.acceptance.front_door import SENDER, TOKEN, Door, front_door
from tests.acceptance.scene import ID, Scene
from tests.acceptance.scene import trigger as trigger_of
from tests.integration.monitor_stage import serving
from tests.integration.stage import NOWHERE, Stage
from worker.jobs.catalogue import CATALOGUE
from worker.sync.triggers import LONGEST_TRIGGER_BYTES

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = "front_door_client"
MALFORMED, STRANGER = "trigger-malformed", "sender-unknown"


@pytest.fixture(scope="module")
def door(opened: Door) -> Door:
    """One for all tests, whatever the ledger holds."""
    return opened


@pytest.fixture(scope="module")
def document(door: Door) -> Any:
    """The document that it serves."""
    return door.get("/openapi.json").json()


def assert_promised(document: Any, answer: requests.Response) -> None:
    """Its status is in the document for this path and method, its body is of that schema, and its headers are there."""
    request = answer.request
    operation = document["paths"][request.path_url][str(request.method).lower()]
    promised = resolved(document, operation["responses"][str(answer.status_code)])
    [(media, content)] = promised["content"].items()
    body = answer.json() if media == "application/json" else answer.text
    OAS31Validator({**content["schema"], "components": document["components"]}).validate(body)
    assert answer.headers["Content-Type"].startswith(media)
    assert promised.get("headers", {}).keys() <= answer.headers.keys()
    for name, header in promised.get("headers", {}).items():
        told = resolved(document, header)["schema"]
        value = answer.headers[name]
        OAS31Validator(told).validate(int(value) if told.get("type") == "integer" else value)


def resolved(document: Any, value: Any) -> Any:
    """What stands there, or what is referred to."""
    for name in value.get("$ref", "#").split("/")[1:]:
        value = document[name] if name == "components" else value[name]
        document = value
    return value


# The document ---------------------------------------------------------------------------------------------------------


def test_document_is_valid(document: Any) -> None:
    """By the validator of OpenAPI's own schema."""
    validate(document)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_other_paths_answer_as_the_document_says(door: Door, document: Any, path: str) -> None:
    """By GET, and by HEAD without a body."""
    assert_promised(document, door.get(path))
    answer = requests.head(f"{door.url}{path}", timeout=parts.PATIENCE_SECONDS)
    assert (answer.status_code, answer.text) == (200, "")
    assert set(document["paths"][path]) == {"get", "head"}


@pytest.mark.parametrize(
    ("method", "path", "code"), [("PUT", "/triggers", "method-not-allowed"), ("GET", "/", "not-found")]
)
def test_other_requests_get_the_error_of_the_document(
    door: Door, document: Any, method: str, path: str, code: str
) -> None:
    """What has no place of its own in it: 404 and 405."""
    answer = requests.request(method, f"{door.url}{path}", timeout=parts.PATIENCE_SECONDS)
    promised = document["components"]["responses"]["Other"]["content"]["application/json"]["examples"][code]["value"]
    assert answer.json() == promised


def test_redis_that_is_away_is_in_the_document(made: Scene, document: Any, tmp_path: Path) -> None:
    """503 with the seconds of Retry-After, of a trigger and of the readiness."""
    with front_door(made.env | {"STAMPED_SYNC_REDIS_URL": NOWHERE}, tmp_path) as door:
        for answer in (door.post(trigger_of()), door.get("/readyz")):
            assert answer.status_code == 503
            assert_promised(document, answer)


# A client made from it ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client_folder(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a client, made from what the door serves."""
    folder = tmp_path_factory.mktemp("client")
    (config := folder / "config.json").write_text(
        json.dumps({"post_hooks": []})
    )  # nobody reads it: it stays unformatted
    command = [sys.executable, "-m", "openapi_python_client", "generate", f"--url={door.url}/openapi.json"]
    options = ["--meta=none", f"--output-path={folder / CLIENT}", f"--config={config}", "--fail-on-warning"]
    made = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.fixture
def client(client_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client."""
    monkeypatch.syspath_prepend(client_folder)
    return importlib.import_module(CLIENT)


def handed_over(client: Any, door: Door, trigger: dict[str, Any], token: str = TOKEN) -> tuple[int, Any]:
    """The status and the value that the client makes of the answer."""
    call = importlib.import_module(f"{CLIENT}.api.default.hand_over")
    models = importlib.import_module(f"{CLIENT}.models")
    with client.AuthenticatedClient(base_url=door.url, token=token) as sender:
        answer = call.sync_detailed(client=sender, body=models.Trigger.from_dict(trigger))
    return int(answer.status_code), answer.parsed


def test_client_hands_a_trigger_over_and_gets_verdicts(client: Any, door: Door, made: Scene) -> None:
    """The accepted and the refused one each as what it is."""
    made.clear()
    trigger = trigger_of()
    trigger["notifications"] += trigger_of(scope="customer/deleted")["notifications"] * 2
    status, found = handed_over(client, door, trigger)
    accepted, *refused = found.verdicts
    assert [status, type(accepted).__name__, *(type(each).__name__ for each in refused)] == [
        202, "Accepted", "Refused", "Refused"
    ]  # fmt: skip
    assert (accepted.customer_id, accepted.system_id, accepted.coalesced) == (ID, parts.SYSTEM, False)
    assert [(each.position, each.code) for each in refused] == [(2, "scope-unsupported"), (3, "scope-unsupported")]


def test_client_gets_what_is_refused(client: Any, door: Door) -> None:
    """Verdicts if each notification was refused, an error if the trigger can't be read or the token is wrong."""
    status, found = handed_over(client, door, trigger_of(system_id=77))
    assert (status, [each.code for each in found.verdicts]) == (422, ["connection-unknown"])
    status, found = handed_over(client, door, {"id": "6f0c", "notifications": []})
    assert (status, type(found).__name__, found.code) == (400, "Error", MALFORMED)
    status, found = handed_over(client, door, trigger_of(), token="none-that-is-known")
    assert (status, type(found).__name__, found.code) == (401, "Error", "unauthorized")


def test_client_asks_whether_the_door_is_ready(client: Any, door: Door) -> None:
    """Without a token."""
    call = importlib.import_module(f"{CLIENT}.api.default.is_ready")
    with client.Client(base_url=door.url) as sender:
        assert call.sync(client=sender).ready is True


# Wrong bodies ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A request that is refused: what it gets, and what the operator reads about it."""

    status: int
    shown: str
    body: bytes = json.dumps(trigger_of()).encode()
    headers: dict[str, str] = field(default_factory=lambda: SENDER)
    code: str = MALFORMED


NO_LIST = "`notifications` is not a list of at least one notification. It begins: "
WRONG = {
    "no body": Wrong(400, "it is not JSON: Expecting value, line 1 column 1. It begins: nothing", b""),
    "no notifications": Wrong(400, f"{NO_LIST}{{}}", b"{}"),
    "no list": Wrong(400, f'{NO_LIST}{{"notifications": x}}', b'{"notifications": 5}'),
    "arguments of a task": Wrong(400, f'{NO_LIST}{{"args": [{{"id": x}}]}}', b'{"args": [{"id": 4711}]}'),
    "half of it": Wrong(400, 'It begins: {"notifications": [', b'{"notifications": ['),
    "unreadable bytes": Wrong(400, "it is not UTF-8", b"\xc3\x28\xa0\xa1"),
    "a form": Wrong(400, "It begins: x=x", b"notifications=4711"),
    "all of it refused": Wrong(
        422, "`scope` customer/deleted is not supported",
        json.dumps(trigger_of(scope="customer/deleted")).encode(), code="scope-unsupported",
    ),
    "too long": Wrong(413, "it is longer than 2 MB", b" " * (LONGEST_TRIGGER_BYTES + 1)),
    "compressed": Wrong(415, "it is compressed", headers={**SENDER, "Content-Encoding": "gzip"}),
    "no token": Wrong(401, "it sent no token", headers={}, code=STRANGER),
    "wrong token": Wrong(
        401, "its token is not known here", headers={"Authorization": f"Bearer {TOKEN[:-1]}"}, code=STRANGER
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_gets_an_answer_that_the_document_names(door: Door, document: Any, wrong: Wrong) -> None:
    """Its status, and a body of the schema that it has for it."""
    answer = door.post(data=wrong.body, headers=wrong.headers)
    assert answer.status_code == wrong.status
    assert_promised(document, answer)


def test_operator_sees_each_that_was_refused(made: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Error Logs, with what was wrong and nothing of what was in it; a stranger who goes on is shown once."""
    made.clear()
    Stage(made.folder, made.url, made.sandbox, made.client, monkeypatch).build(made.env["STAMPED_SYNC_REDIS_URL"])
    with front_door(made.env, tmp_path) as door, serving() as monitor:
        for wrong in WRONG.values():
            door.post(data=wrong.body, headers=wrong.headers)
        for wrong in [each for each in WRONG.values() if each.code == STRANGER] * 5:
            door.post(data=wrong.body, headers=wrong.headers)
        parts.eventually(lambda: len(made.ledger.refusals()) == len(WRONG), progress=made.ledger.refusals)
        page = monitor.text("/error-logs")
        assert not [wrong for wrong in WRONG.values() if wrong.shown.replace("`", "") not in page]
        assert not [wrong for wrong in WRONG.values() if CATALOGUE[wrong.code].title not in page]
        assert not [word for word in ("4711", TOKEN[:-1]) if word in page]
        assert door.end() == 0  # whatever was to be noted is
    assert len(made.ledger.refusals()) == len(WRONG)
    assert "a trigger of an unknown sender: refused, sender-unknown: " in door.log.read_text()
