"""Faults that can be asked for: which calls they hit, how often, and what happens."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from worker.sandbox.faults import Fault
from worker.sandbox.messages import Answer, Request
from worker.sandbox.server import Sandbox

if TYPE_CHECKING:
    from worker.sandbox.shapes import Shape

AUTHORIZATION = f"Basic {b64encode(b'sandbox-public:sandbox-private').decode()}"
CREATE = Request("POST", "/api/v2/270392/dashboard/customers/add", {}, AUTHORIZATION, b'{"email": "zoe@example.com"}')
SEARCH = Request("GET", "/api/v2/270392/dashboard/customers", {}, AUTHORIZATION)
READ_ONE = Request("GET", "/api/v2/270392/dashboard/customers/143491", {}, AUTHORIZATION)
READ = Request("GET", "/customers/v2/Customer/1", {}, "Bearer sandbox-token")


@pytest.fixture
def sandbox() -> Sandbox:
    """One customer in iPaaS.com, none in Stamped.io."""
    return Sandbox([{"id": "1"}])


def reshaped(sandbox: Sandbox, request: Request, shape: Shape) -> Answer:
    """The answer to a call that meets this shape."""
    sandbox.add_fault(Fault(shape=shape, times=1))
    return sandbox.answer(request)


@pytest.mark.parametrize(
    ("rule", "is_hit"),
    [
        ({}, True),
        ({"api": "stamped"}, True),
        ({"api": "ipaas"}, False),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": "customers/add$"}, True),
        ({"path": r"customers/\d+"}, False),
        ({"api": "stamped", "method": "GET", "path": "add"}, False),
    ],
)
def test_a_rule_hits_the_calls_that_fit_all_it_says(sandbox: Sandbox, rule: dict[str, Any], *, is_hit: bool) -> None:
    """What a rule leaves out fits every call."""
    sandbox.add_fault(Fault(**rule, status=503))
    assert sandbox.answer(CREATE).status == (503 if is_hit else 200)


def test_a_rule_hits_as_often_as_it_says(sandbox: Sandbox) -> None:
    """Calls that it does not fit do not use it up, and once used up it is gone."""
    sandbox.add_fault(Fault(api="stamped", times=2, status=500))
    statuses = [sandbox.answer(call).status for call in (READ, CREATE, CREATE, CREATE)]
    assert (statuses, sandbox.faults) == ([200, 500, 500, 200], [])


def test_a_rule_without_times_hits_without_end(sandbox: Sandbox) -> None:
    """It stays until the faults are cleared."""
    sandbox.add_fault(Fault(status=500))
    hit = [sandbox.answer(CREATE).status for _ in range(5)]
    sandbox.clear_faults()
    assert (hit, sandbox.answer(CREATE).status) == ([500] * 5, 200)


def test_the_first_rule_that_fits_is_the_one(sandbox: Sandbox) -> None:
    """The next one is met when the first is used up."""
    sandbox.add_fault(Fault(times=1, status=429))
    sandbox.add_fault(Fault(times=1, status=503))
    assert [sandbox.answer(CREATE).status for _ in range(3)] == [429, 503, 200]


def test_a_status_does_nothing_and_carries_body_and_headers(sandbox: Sandbox) -> None:
    """The customer is not created."""
    sandbox.add_fault(Fault(status=429, body={"error": "slow down"}, headers={"Retry-After": "7"}))
    answer = sandbox.answer(CREATE)
    assert (answer.status, answer.value, answer.all_headers["Retry-After"]) == (429, {"error": "slow down"}, "7")
    assert sandbox.stamped_customers == {}


def test_a_text_body_is_sent_as_it_is(sandbox: Sandbox) -> None:
    """It is not quoted as JSON."""
    sandbox.add_fault(Fault(status=502, body="Bad Gateway"))
    answer = sandbox.answer(CREATE)
    assert (answer.content, answer.all_headers["Content-Type"]) == (b"Bad Gateway", "text/plain; charset=utf-8")


def test_a_cut_before_does_nothing(sandbox: Sandbox) -> None:
    """The connection is closed; the log has no status."""
    sandbox.add_fault(Fault(cut="before"))
    assert sandbox.answer(CREATE).is_cut
    assert (sandbox.stamped_customers, sandbox.calls[0].status) == ({}, None)


def test_a_cut_after_does_what_was_asked(sandbox: Sandbox) -> None:
    """The customer is created, though nobody is told."""
    sandbox.add_fault(Fault(cut="after"))
    assert sandbox.answer(CREATE).is_cut
    assert (list(sandbox.stamped_customers), sandbox.calls[0].status) == (["143491"], None)


def test_a_delayed_call_does_what_was_asked_at_once(sandbox: Sandbox) -> None:
    """Only the answer is late."""
    sandbox.add_fault(Fault(delay_seconds=9))
    answer = sandbox.answer(CREATE)
    assert (answer.delay_seconds, list(sandbox.stamped_customers)) == (9, ["143491"])


@pytest.mark.parametrize(
    ("shape", "key"), [("nested-customer", "customer"), ("nested-result", "result"), ("nested-data", "data")]
)
def test_a_customer_can_be_nested(sandbox: Sandbox, shape: Shape, key: str) -> None:
    """It stands under the shape's key."""
    assert reshaped(sandbox, CREATE, shape).value == {key: sandbox.stamped_customers["143491"]}


@pytest.mark.parametrize("request_", [READ_ONE, SEARCH])
def test_customers_can_come_as_each_kind_of_list(sandbox: Sandbox, request_: Request) -> None:
    """One customer becomes a list of one, a page of customers a list of another kind."""
    sandbox.answer(CREATE)
    customer = sandbox.stamped_customers["143491"]
    assert reshaped(sandbox, request_, "list-bare").value == [customer]
    assert reshaped(sandbox, request_, "list-customers").value == {"customers": [customer]}
    assert reshaped(sandbox, request_, "list-results").value == {"results": [{"customer": customer}]}


def test_the_subscription_can_be_left_out(sandbox: Sandbox) -> None:
    """Everything else of the customer is there."""
    customer = json.loads(reshaped(sandbox, CREATE, "no-subscription").content)
    assert ("isSubscribed" in customer, customer["email"]) == (False, "zoe@example.com")


def test_the_subscription_can_be_left_out_of_a_list(sandbox: Sandbox) -> None:
    """No customer of the page shows it."""
    sandbox.answer(CREATE)
    found = json.loads(reshaped(sandbox, SEARCH, "no-subscription").content)
    assert [("isSubscribed" in entry["customer"], entry["customer"]["id"]) for entry in found["results"]] == [
        (False, 143491)
    ]


def test_the_subscription_can_be_a_text(sandbox: Sandbox) -> None:
    """It is `true` in quotes."""
    assert json.loads(reshaped(sandbox, CREATE, "text-subscription").content)["isSubscribed"] == "true"


def test_a_shape_without_anything_to_change_changes_nothing(sandbox: Sandbox) -> None:
    """A customer of iPaaS.com has no subscription state."""
    assert reshaped(sandbox, READ, "text-subscription").value == {"id": "1"}


@pytest.mark.parametrize(
    ("shape", "content_type", "start"),
    [
        ("empty", "application/json", b""),
        ("string", "application/json; charset=utf-8", b'"OK"'),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
    ],
)
def test_an_answer_can_be_no_object_at_all(sandbox: Sandbox, shape: Shape, content_type: str, start: bytes) -> None:
    """The call has done what was asked, with status 200."""
    answer = reshaped(sandbox, CREATE, shape)
    assert (answer.status, answer.all_headers["Content-Type"]) == (200, content_type)
    assert answer.content.startswith(start)
    assert (answer.content == b"") == (start == b"")
    assert list(sandbox.stamped_customers) == ["143491"]


def test_a_huge_answer_is_padded_to_more_than_20_mb(sandbox: Sandbox) -> None:
    """The padding is streamed, so that it is not held in memory."""
    assert reshaped(sandbox, CREATE, "huge").padding_bytes > 20 * 1024 * 1024


def test_a_refusal_keeps_its_shape(sandbox: Sandbox) -> None:
    """Only successes come in odd shapes."""
    sandbox.add_fault(Fault(shape="empty"))
    assert sandbox.answer(Request("GET", "/customers/v2/Customer/2", {}, "Bearer sandbox-token")).value is not None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "one of status, cut, shape and delay_seconds is needed"),
        ({"status": 500, "cut": "after"}, "only one of status, cut and shape can happen, not status and cut"),
        ({"shape": "empty", "body": "x"}, "body and headers need a status"),
        ({"status": 500, "path": "("}, "not a regular expression"),
        ({"status": 99}, "greater than or equal to 200"),
        ({"status": 500, "times": 0}, "greater than or equal to 1"),
        ({"status": 500, "headers": {"X": "a\r\nb"}}, "should match pattern"),
        ({"status": 500, "patch": "x"}, "Extra inputs are not permitted"),
        ({"shape": "round"}, "Input should be 'empty'"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], said: str) -> None:
    """The error says why."""
    with pytest.raises(ValidationError, match=said):
        Fault(**rule)


def test_a_refused_call_over_the_rate_limit_uses_no_rule_up(sandbox: Sandbox) -> None:
    """The limit stands before the faults."""
    sandbox.set_rate_limit("stamped", 1, seconds=60)
    sandbox.answer(CREATE)
    sandbox.add_fault(Fault(status=500, times=1))
    assert (sandbox.answer(CREATE).status, len(sandbox.faults)) == (429, 1)
