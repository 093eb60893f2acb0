"""No e-mail address, name, comment or secret is left in Redis, in the logs or in Flower, whatever the APIs answer."""

from __future__ import annotations

import base64
import http.client
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import requests

from tests import parts
from tests.acceptance.scene import PLENTY, Scene, customer, scene, trigger
from worker.jobs.job import Job, Kind
from worker.local.ports import free_port
from worker.sandbox.customers import sample_customers
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

PEOPLE = [held for held in sample_customers(150) if (held.get("email_address") or "").strip()]
OTHERS = [customer(held["id"]) for held in PEOPLE[6:]]
"""The jobs of those whose calls meet no fault."""
SECRETS = (parts.TOKEN, parts.PRIVATE_KEY, "flower-password")
PLACES = ("redis", "worker.log", "beat.log", "flower.log", "flower", "sync")
ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
"""A character as JSON writes it, or JSON within JSON."""


def words(person: dict[str, Any]) -> Iterator[str]:
    """What must not be found of a customer: its e-mail address, and names and comments long enough to be telling."""
    names = [person.get(field) or "" for field in ("first_name", "last_name", "comment")]
    yield (person.get("email_address") or "").strip()
    yield from (name.strip() for name in names if len(name.strip()) > 3)


PERSONAL_DATA = {word for person in PEOPLE for word in words(person) if word}


def found(text: str, words: Sequence[str] | set[str]) -> set[str]:
    """Those of the words that the text holds, plain or as JSON or a URL writes them; addresses in any case."""
    plain = unquote(ESCAPE.sub(lambda escaped: chr(int(escaped[1], 16)), text))
    folded = plain.casefold()
    return {word for word in words if word in plain or ("@" in word and word.casefold() in folded)}


# What is looked through ----------------------------------------------------------------------------------------------


def dump(client: redis.Redis) -> str:
    """Every key and value, with the bodies of messages decoded."""
    return "\n".join(f"{key}: {value(client, str(key))}" for key in client.scan_iter())


def value(client: redis.Redis, key: str) -> object:
    """What a key holds."""
    match client.type(key):
        case "hash":
            return client.hgetall(key)
        case "list":
            return [decoded(str(message)) for message in client.lrange(key, 0, -1)]
        case "set":
            return client.smembers(key)
        case "zset":
            return client.zrange(key, 0, -1, withscores=True)
        case "string":
            return client.dump(key)  # the marks of events are no text
        case "none":
            return "gone meanwhile"
    raise AssertionError(key)


def decoded(message: str) -> str:
    """A message of Celery's with its body in plain text; any other entry of a list, an event, as it is."""
    entry = json.loads(message)
    return message if isinstance(entry, list) else message + base64.b64decode(entry.get("body", "")).decode()


def flower_tasks(port: int) -> str:
    """What Flower's API says of all tasks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=parts.PATIENCE_SECONDS)
    login = base64.b64encode(b"operator:flower-password").decode()
    try:
        connection.request("GET", "/api/tasks?limit=10000", headers={"Authorization": f"Basic {login}"})
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError:
        return ""
    finally:
        connection.close()
    return text if answer.status == http.client.OK else ""


# What happens before -------------------------------------------------------------------------------------------------


def transfer_one(stage: Scene, person: dict[str, Any], fault: Fault, kind: Kind = Kind.CUSTOMER) -> None:
    """Transfer one customer while calls meet a fault; wait until its job of that kind has come to something."""
    stage.sandbox.add_fault(fault)
    stage.request(customer(person["id"]))
    job = Job(kind, parts.SYSTEM, person["id"])
    stage.eventually(lambda: (record := stage.ledger.record(job)) and (record.failure or record.has_settled(1)))
    stage.sandbox.clear_faults()


def transfer_with_faults(stage: Scene) -> None:
    """Refusals that echo what they were sent, an address in a search, and a retry that rests."""
    refused, not_read, searched, resting, not_unsubscribed = PEOPLE[:5]
    transfer_one(stage, refused, Fault(path="customers/add$", status=422, body=echo(*words(refused))))
    transfer_one(stage, not_read, Fault(path="Customer/", status=400, body=echo(not_read["email_address"])))
    transfer_one(stage, searched, Fault(path="customers/add$", shape="string"))
    rest = {"Retry-After": "90"}
    transfer_one(stage, resting, Fault(path="customers/add$", status=503, body=echo(*words(resting)), headers=rest))
    refusal = Fault(path="survey/", status=404, body=echo(not_unsubscribed["email_address"]))
    transfer_one(stage, not_unsubscribed, refusal, Kind.SUBSCRIPTION)
    stage.submit(trigger(refused["first_name"]), trigger(scope=f"customer/{refused['email_address']}"))


def sync_by_email(stage: Scene, port: int, talkative: dict[str, str]) -> str:
    """Ask for customers by their addresses, on the console and in Flower; what the command said, and where Flower led.

    One is found, one is nobody's, and iPaaS.com refuses one with words that repeat it.
    """
    on_console, in_flower = (person["email_address"].strip() for person in PEOPLE[7:9])
    said = [stage.console("sync", text=text, **talkative) for text in (on_console, f"{on_console}\nnobody+{in_flower}")]
    url, login = f"http://127.0.0.1:{port}/manual-sync", ("operator", "flower-password")
    with requests.Session() as browser:
        browser.auth = login
        browser.get(url, timeout=parts.PATIENCE_SECONDS)
        form = {"system": str(parts.SYSTEM), "ids": in_flower, "_xsrf": str(browser.cookies["_xsrf"])}

        def submitted(ids: str) -> requests.Response:
            fields = form | {"ids": ids}
            return browser.post(f"{url}/submit", fields, timeout=parts.PATIENCE_SECONDS, allow_redirects=False)

        led_to = submitted(in_flower)
        refused = [submitted(f"nobody+{in_flower}")]
        stage.sandbox.add_fault(Fault(path="Customers$", status=400, body=echo(in_flower)))
        refused.append(submitted(in_flower))
        stage.sandbox.clear_faults()
    assert [each.returncode for each in said] == [0, 2]
    assert [led_to.status_code, *(each.status_code for each in refused)] == [303, 400, 400]
    return "\n".join([*(each.stdout + each.stderr for each in said), led_to.headers["Location"]])


def dump_of_hold(stage: Scene, person: dict[str, Any]) -> str:
    """What Redis holds while a store is held for an answer that echoes what it was sent."""
    stage.sandbox.add_fault(Fault(path="customers/add$", status=401, body=echo(*words(person))))
    job = customer(person["id"])
    stage.request(job)
    stage.eventually(stage.ledger.holds)
    held = dump(stage.client)
    stage.sandbox.clear_faults()
    stage.settled(job)
    return held


def echo(*words: str) -> dict[str, str]:
    """A refusal's body that repeats what the API knows of the customer."""
    return {"message": f"not accepted: {', '.join(words)}"}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the transfer of the sample customers leaves behind, by the place where it is left; at the most talkative."""
    folder, port = tmp_path_factory.mktemp("privacy"), free_port()
    talkative = {"STAMPED_SYNC_LOG_LEVEL": "DEBUG", "STAMPED_SYNC_HOLD_FIRST_SECONDS": "1"}
    with parts.valkey() as redis_url, scene(redis_url, folder, Sandbox(PEOPLE)) as stage:
        parts.write_connections(folder, stage.url, subscription=False, more=PLENTY)
        env = stage.env | talkative
        with (
            parts.flower_process(env, folder / "flower.log", port, "operator:flower-password"),
            stage.running(**talkative),
        ):
            parts.eventually(lambda: flower_tasks(port))
            held = dump_of_hold(stage, PEOPLE[5])
            transfer_with_faults(stage)
            stage.request(*OTHERS)
            stage.eventually(lambda: stage.ledger.counts(Kind.SUBSCRIPTION).done >= len(OTHERS))
            said = sync_by_email(stage, port, talkative)
            tasks = flower_tasks(port)
        stage.request(*OTHERS[:20])  # those that the store may get stay in the queue, the others wait for their turn
        yield {"redis": held + dump(stage.client), "flower": tasks, "sync": said} | {
            name: (folder / name).read_text(encoding="utf-8") for name in PLACES if name.endswith(".log")
        }


class TestTraces:
    """What is looked through, and how, is what it should be."""

    @pytest.mark.parametrize(
        "text", ["Zoë, zoe@example.com", r"Zo\u00eb, ZOE@example.com", r"Zo\\u00eb zoe%40example.com"]
    )
    def test_search_finds_what_is_there(self, text: str) -> None:
        """Plain, in capitals, and as JSON, JSON within JSON or a URL writes it."""
        assert found(text, ["Zoë", "zoe@example.com", "Meyer"]) == {"Zoë", "zoe@example.com"}

    def test_every_place_holds_what_it_should(self, traces: dict[str, str]) -> None:
        """Jobs in every state in which they can rest; a hold; refusals; calls; tasks."""
        assert all(code in traces["redis"] for code in ("customer-write-failed", "subscription-failed", "[masked]"))
        assert all(state in traces["redis"] for state in ("'done'", "'failed'", "'waiting'", "'sent'", "'queued'"))
        assert f"stamped-sync:hold:{parts.SYSTEM}" in traces["redis"]
        assert all(code in traces["redis"] for code in ("customer-id-invalid", "scope-unsupported"))
        assert f'[[{parts.SYSTEM}, "{OTHERS[0].customer_id}"' in traces["redis"]
        assert "dashboard/customers/add" in traces["worker.log"]
        assert "stamped.reconcile_subscription" in traces["flower"]
        assert all(
            words in traces["sync"] for words in ("1 customer requested", "this e-mail address", "/manual-sync/")
        )


@pytest.mark.parametrize("place", PLACES)
def test_no_personal_data_is_left(traces: dict[str, str], place: str) -> None:
    """Neither e-mail addresses nor names nor comments of the sample customers."""
    assert found(traces[place], PERSONAL_DATA) == set()


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_left(traces: dict[str, str], place: str) -> None:
    """Neither the token nor the key nor Flower's password."""
    assert found(traces[place], SECRETS) == set()
