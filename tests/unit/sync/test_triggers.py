"""Triggers: each notification is accepted or refused on its own, and nothing personal is kept of one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.connections import SCOPES, Connection, Connections
from worker.jobs.errors import (
    ConnectionUnknown,
    CustomerIdInvalid,
    ScopeUnsupported,
    SyncError,
    TriggerMalformed,
    TriggerOff,
)
from worker.jobs.job import NO_ID, Job, Kind
from worker.sync.triggers import LONGEST_TRIGGER_BYTES, Accepted, Refused, judge, shape_of

GUID = "0a8e4a1c-7d5e-4d0f-9f0a-111111111111"
JOB = Job(Kind.CUSTOMER, 4021, "150713")
EMAIL = "zoe@example.com"


def connection(system_id: int, *triggers: str) -> Connection:
    """A connection with these outbound triggers switched on."""
    return Connection.model_validate(
        {
            "system_id": system_id,
            "name": "Acme",
            "triggers": triggers,
            "ipaas": {"api_url": "https://api.ipaas.com", "token": "t"},
            "stamped": {
                "api_url": "https://stamped.io",
                "public_key": "p",
                "private_key": "k",
                "store_hash": "270392",
            },
        }
    )


CONNECTIONS = Connections([connection(4021, *SCOPES), connection(4022, "customer/created"), connection(4023)])


def notification(**changes: Any) -> dict[str, Any]:
    """One notification as iPaaS.com sends it (contract: Trigger)."""
    plain = {
        "action": None,
        "id": "150713",
        "external_id": None,
        "destination": "4021",
        "scope": "customer/updated",
        "type": None,
        "tracking_guid": GUID,
    }
    return plain | changes


def trigger(*notifications: object) -> dict[str, Any]:
    """One trigger."""
    return {"id": "6f0c", "attempt": 0, "notifications": list(notifications)}


def accepted(**changes: Any) -> Accepted:
    """The verdict on a notification that must be accepted."""
    (verdict,) = judge(trigger(notification(**changes)), CONNECTIONS)
    assert isinstance(verdict, Accepted)
    return verdict


def refused(body: object) -> Refused:
    """The verdict on a trigger whose only notification must be refused."""
    (verdict,) = judge(body, CONNECTIONS)
    assert isinstance(verdict, Refused)
    return verdict


@pytest.mark.parametrize("body", [trigger(notification()), json.dumps(trigger(notification()))])
def test_notification_becomes_a_customer_job(body: object) -> None:
    """From JSON text as from the value in it, with the tracking id that iPaaS.com gave."""
    assert judge(body, CONNECTIONS) == [Accepted(JOB, GUID, debug=False)]


def test_text_in_bytes_is_read() -> None:
    """A listener may hand over the body of a request as it came, with the byte order mark of some senders."""
    body = json.dumps(trigger(notification()))
    assert judge(body.encode("utf-8-sig"), CONNECTIONS) == judge(body.encode(), CONNECTIONS) == judge(body, CONNECTIONS)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("suffix", "debug"), [("", False), ("/debug", True)])
def test_create_and_update_are_the_scopes(scope: str, suffix: str, debug: bool) -> None:
    """Both ask for the same job; `/debug` marks it."""
    assert accepted(scope=scope + suffix) == Accepted(JOB, GUID, debug)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 150713},
        {"id": " 150713 "},
        {"destination": 4021},
        {"destination": " 4021"},
        {"scope": " customer/created"},
    ],
)
def test_numbers_and_blanks_are_read_leniently(changes: dict[str, Any]) -> None:
    """An id is the same as a number, and with blanks around it."""
    assert accepted(**changes).job == JOB


@pytest.mark.parametrize("guid", [None, "", 5, [], "short", EMAIL, "g" * 36, "0" * 65, "0a8e4a1c\n"])
def test_odd_tracking_guid_is_left_out(guid: object) -> None:
    """It becomes a query parameter and a log field, so what is no such id is not taken over; the job is."""
    assert accepted(tracking_guid=guid) == Accepted(JOB, "", debug=False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "customer/deleted"}, ScopeUnsupported),
        ({"scope": "customer/deleted/debug"}, ScopeUnsupported),
        ({"scope": "order/created"}, ScopeUnsupported),
        ({"scope": "customer/updated/debug/debug"}, ScopeUnsupported),
        ({"scope": "Customer/Updated"}, ScopeUnsupported),
        ({"scope": ""}, ScopeUnsupported),
        ({"scope": None}, TriggerMalformed),
        ({"scope": ["customer/updated"]}, TriggerMalformed),
        ({"destination": None}, TriggerMalformed),
        ({"destination": ""}, TriggerMalformed),
        ({"destination": "9999"}, ConnectionUnknown),
        ({"destination": "Acme"}, ConnectionUnknown),
        ({"destination": "٤٠٢١"}, ConnectionUnknown),
        ({"destination": "9" * 30}, ConnectionUnknown),
        ({"destination": True}, ConnectionUnknown),
        ({"destination": [4021]}, ConnectionUnknown),
        ({"id": None}, TriggerMalformed),
        ({"id": ""}, TriggerMalformed),
        ({"id": "15/0713"}, CustomerIdInvalid),
        ({"id": ".."}, CustomerIdInvalid),
        ({"id": "abc"}, CustomerIdInvalid),
        ({"id": 1.5}, CustomerIdInvalid),
        ({"id": {"id": 1}}, CustomerIdInvalid),
        ({"destination": "4022"}, TriggerOff),
        ({"destination": "4022", "scope": "customer/updated/debug"}, TriggerOff),
        ({"destination": "4023", "scope": "customer/created"}, TriggerOff),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(changes: dict[str, Any], error: type[SyncError]) -> None:
    """Each reason is an entry of the catalogue."""
    verdict = refused(trigger(notification(**changes)))
    assert (type(verdict.error), verdict.position) == (error, 1)


@pytest.mark.parametrize("field", ["scope", "destination", "id"])
def test_missing_field_is_named(field: str) -> None:
    """The refusal says which field a listener left out."""
    broken = {name: value for name, value in notification().items() if name != field}
    assert refused(trigger(broken)).error.failure.detail == f"`{field}` is missing"


@pytest.mark.parametrize(
    ("changes", "error", "detail"),
    [
        ({"scope": 1}, TriggerMalformed, "`scope` is not a text in quotes"),
        ({"scope": "customer/deleted"}, ScopeUnsupported, "`scope` customer/deleted is not supported"),
        ({"scope": EMAIL}, ScopeUnsupported, "`scope` is not supported"),
        ({"destination": "9999"}, ConnectionUnknown, "`destination` 9999 is not configured"),
        ({"destination": [4021]}, ConnectionUnknown, "`destination` is not a system id"),
        ({"destination": "4022"}, TriggerOff, "`scope` customer/updated is switched off"),
        ({"destination": None, "id": ""}, TriggerMalformed, "`destination` is missing; `id` is missing"),
        (
            {"scope": "customer/deleted", "destination": None},
            ScopeUnsupported,
            "`scope` customer/deleted is not supported; `destination` is missing",
        ),
        (
            {"scope": {}, "destination": 1, "id": "zoe"},
            TriggerMalformed,
            f"`scope` is not a text in quotes; `destination` 1 is not configured; `id` {NO_ID}",
        ),
    ],
)
def test_everything_that_is_wrong_is_named_at_once(
    changes: dict[str, Any], error: type[SyncError], detail: str
) -> None:
    """One refusal is enough to put a listener right; its code is that of the first fault."""
    verdict = refused(trigger(notification(**changes)))
    assert (type(verdict.error), verdict.error.failure.detail) == (error, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "it is not JSON: Expecting value, line 1 column 1"),
        ("<html>", "it is not JSON: Expecting value, line 1 column 1"),
        ('{"notifications": [', "it is not JSON: Expecting value, line 1 column 20"),
        (b"\xff\xff\xff", "it is not UTF-8 text: save it in UTF-8"),
        ("[" * 100_000, "it is nested too deeply"),
        pytest.param("1" * 5000, "a number in it is too long", id="5000 digits"),
        pytest.param("1" * (LONGEST_TRIGGER_BYTES + 1), "it is longer than 2 MB", id="2 MB"),
        ("null", "it is not a JSON object"),
        ("[]", "it is not a JSON object"),
        (None, "it is not a JSON object"),
        ({}, "`notifications` is not a list of at least one notification"),
        ({"notifications": []}, "`notifications` is not a list of at least one notification"),
        ({"notifications": {"id": "150713"}}, "`notifications` is not a list of at least one notification"),
    ],
)
def test_trigger_that_cannot_be_read_is_one_refusal(body: object, detail: str) -> None:
    """It stands for the whole trigger and says what is wrong, with nothing of the text."""
    verdict = refused(body)
    told, begins, _ = verdict.error.failure.detail.partition(". It begins: ")
    assert (type(verdict.error), told, verdict.position) == (TriggerMalformed, detail, 0)
    assert begins


def test_each_notification_is_judged_on_its_own() -> None:
    """One that is refused takes no other with it, and says which it is and what it asked for."""
    body = trigger(notification(id="1"), notification(scope="customer/deleted"), "nonsense", notification(id="4"))
    first, second, third, fourth = judge(body, CONNECTIONS)
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert (second.trigger_id, second.position, second.system_id, second.scope, second.customer_id) == (
        "6f0c",
        2,
        "4021",
        "customer/deleted",
        "150713",
    )
    assert isinstance(third, Refused)
    assert (type(third.error), third.position) == (TriggerMalformed, 3)
    assert isinstance(fourth, Accepted)
    assert (first.job.customer_id, fourth.job.customer_id) == ("1", "4")


def test_refused_notification_keeps_nothing_personal() -> None:
    """What could hold an address or a sentence is left out of the refusal."""
    body = trigger(notification(scope=EMAIL, destination=EMAIL, id=EMAIL, tracking_guid=EMAIL))
    verdict = refused(body | {"id": EMAIL})
    assert EMAIL not in f"{verdict} {verdict.error} {verdict.error!r}"


ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just(EMAIL)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
NOTIFICATIONS = st.fixed_dictionaries(
    {},
    optional={
        "id": ANY_JSON,
        "destination": st.one_of(st.just("4021"), ANY_JSON),
        "scope": st.one_of(st.sampled_from(["customer/updated", "customer/deleted"]), ANY_JSON),
        "tracking_guid": ANY_JSON,
    },
)


@given(trigger_id=ANY_JSON, notifications=st.lists(st.one_of(NOTIFICATIONS, ANY_JSON), min_size=1, max_size=4))
def test_judging_never_raises_and_keeps_no_address(trigger_id: object, notifications: list[object]) -> None:
    """Whatever the notifications hold, each gets its verdict, in their order, and none repeats an address."""
    verdicts = judge({"id": trigger_id, "notifications": notifications}, CONNECTIONS)
    assert len(verdicts) == len(notifications)
    assert EMAIL not in str(verdicts)
    positions = [verdict.position for verdict in verdicts if isinstance(verdict, Refused)]
    assert positions == [n for n, verdict in enumerate(verdicts, start=1) if isinstance(verdict, Refused)]


@given(st.one_of(st.text(), st.binary(), ANY_JSON))
def test_judging_any_body_never_raises(body: object) -> None:
    """Whatever is handed over, the answer is a list of verdicts."""
    assert judge(body, CONNECTIONS)


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [pytest.param(nested(10_000), id="deep list"), pytest.param(10**5000, id="5000 digits")]
)
def test_values_that_have_no_text_are_refused(value: object) -> None:
    """A listener in Python may hand over values that Python itself refuses to write out."""
    assert isinstance(refused(trigger(notification(destination=value))).error, ConnectionUnknown)
    assert isinstance(refused(trigger(notification(id=value))).error, CustomerIdInvalid)
    assert refused(trigger(notification(scope=None)) | {"id": value}).trigger_id == ""


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", "nothing"),
        (b" \n", "nothing"),
        (b"\x00\x01", "x"),
        (
            '{"args": [{"notifications": [{"id": "zoe@example.com", "first_name": "Zoë"}]}]}'.encode(),
            '{"args": [{"notifications": [{"id": "x@x.x", "x": "x"}]}]}',
        ),
        (b"notifications=4711&id=zoe", "x=x&x=x"),
        ('"id_4711" __a__', '"x" x'),
        (b"\xff\xfeZo\xc3\xab", "x"),
        ('{"n": "मीरा कुमारी", "m": "⠵⠕⠑ Ⓩ🅉 שָׁלוֹם"}', '{"x": "x x", "x": "x x x"}'),
        ('{"\udcff": "Zoë"}', '{"x": "x"}'),
        ({"notifications": {"a b": 5}}, '{"notifications": {"x x": x}}'),
        ([1, {1}], '[x, "?"]'),
        ({(1, 2): 3}, "nothing that could be shown"),
    ],
    ids=str,
)
def test_how_an_unreadable_trigger_begins_is_told_without_what_it_holds(body: object, shape: str) -> None:
    """Whoever looks for what sends it sees its form, and nobody's name or address."""
    assert shape_of(body) == shape


@given(st.text())
def test_no_letter_or_digit_of_an_unreadable_trigger_is_told(text: str) -> None:
    """Whatever the language."""
    shape = shape_of(text.replace('"', "'"))
    assert shape == "nothing" or set(shape) <= {*"x[]{}()<>':;,.=&?@/\\ -"}


def test_trigger_of_more_than_ten_thousand_notifications_is_one_refusal() -> None:
    """Each would be a line in the log and a step of Redis, and two megabytes hold a million of them."""
    verdict = refused({"notifications": [0] * 10_001})
    assert verdict.position == 0
    assert verdict.error.failure.detail.startswith("it has 10,001 notifications, and 10,000 are the most")
    assert len(judge({"notifications": [0] * 10_000}, CONNECTIONS)) == 10_000
