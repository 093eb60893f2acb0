"""The control plane of the sandbox over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from worker.sandbox.server import RunningSandbox, Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 30
CUSTOMER = {"id": "150713", "email_address": "zoe@example.com", "external_ids": None}


@pytest.fixture
def running() -> Iterator[RunningSandbox]:
    """A sandbox with one customer."""
    with serve(Sandbox([CUSTOMER])) as running:
        yield running


def control(running: RunningSandbox, method: str, path: str, body: object = None) -> requests.Response:
    """Call the control plane, without any login."""
    return requests.request(method, f"{running.url}/sandbox/{path}", json=body, timeout=SECONDS)


def create(running: RunningSandbox) -> requests.Response:
    """Create a customer in Stamped.io."""
    url = f"{running.url}/api/v2/270392/dashboard/customers/add"
    keys = ("sandbox-public", "sandbox-private")
    return requests.post(url, json={"email": "zoe@example.com"}, auth=keys, timeout=SECONDS)


def test_the_state_shows_both_sides(running: RunningSandbox) -> None:
    """Customers and links of iPaaS.com, and customers by store."""
    created = create(running).json()
    assert control(running, "GET", "state").json() == {
        "ipaas": {"customers": {"150713": CUSTOMER}, "links": {"4021": {}}},
        "stamped": {"270392": {"customers": {"143491": created}}},
    }


def test_the_calls_are_listed_and_forgotten(running: RunningSandbox) -> None:
    """The control plane's own calls are not among them."""
    create(running)
    (call,) = control(running, "GET", "calls").json()
    control(running, "DELETE", "calls")
    assert call.pop("at") > 0
    assert call == {
        "api": "stamped",
        "method": "POST",
        "path": "/api/v2/270392/dashboard/customers/add",
        "status": 200,
        "customer_id": "143491",
    }
    assert control(running, "GET", "calls").json() == []


def test_a_fault_is_asked_for_listed_and_taken_back(running: RunningSandbox) -> None:
    """The list shows the times that are left."""
    control(running, "POST", "faults", {"api": "stamped", "times": 2, "status": 503})
    status = create(running).status_code
    (left,) = control(running, "GET", "faults").json()
    control(running, "DELETE", "faults")
    assert (status, left["times"], create(running).status_code) == (503, 1, 200)


def test_a_customer_is_put_changed_and_deleted(running: RunningSandbox) -> None:
    """The id of the path counts, whatever the body says."""
    control(running, "PUT", "customers/7", {"id": "8", "first_name": "Zoë"})
    control(running, "PATCH", "customers/7", {"last_name": "Carter"})
    put = running.sandbox.customers["7"]
    deleted = control(running, "DELETE", "customers/7").status_code
    assert put == {"id": "7", "first_name": "Zoë", "last_name": "Carter"}
    assert (deleted, list(running.sandbox.customers)) == (204, ["150713"])


def test_a_customer_of_stamped_is_deleted(running: RunningSandbox) -> None:
    """As a person can do it there."""
    create(running)
    assert control(running, "DELETE", "stamped/143491").status_code == 204
    assert running.sandbox.stamped_customers == {}


def test_a_mapping_collection_is_put(running: RunningSandbox) -> None:
    """iPaaS.com answers it as it is, until the sandbox is cleared."""
    url = f"{running.url}/subscriptions/v2/MappingCollection/7"
    login = {"Authorization": "Bearer sandbox-token"}
    assert control(running, "PUT", "collections/7", {"mappings": []}).status_code == 204
    put = requests.get(url, headers=login, timeout=30)
    control(running, "POST", "clear")
    assert (put.json(), requests.get(url, headers=login, timeout=30).status_code) == ({"mappings": []}, 404)


def test_a_rate_limit_is_set_and_lifted(running: RunningSandbox) -> None:
    """A limit of null lifts it."""
    control(running, "PUT", "rate-limit", {"api": "stamped", "limit": 1, "seconds": 3600})
    limited = [create(running).status_code for _ in range(2)]
    control(running, "PUT", "rate-limit", {"api": "stamped", "limit": None})
    assert (limited, create(running).status_code) == ([200, 429], 200)


def test_clear_goes_back_to_the_start(running: RunningSandbox) -> None:
    """Whatever was written is gone."""
    create(running)
    assert control(running, "POST", "clear").status_code == 204
    assert (running.sandbox.stamped_customers, running.sandbox.calls) == ({}, [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", {"status": 99}, 400),
        ("POST", "faults", {}, 400),
        ("POST", "faults", [], 400),
        ("PUT", "rate-limit", {"api": "other", "limit": 1}, 400),
        ("PUT", "rate-limit", {"api": "ipaas", "limit": 0}, 400),
        ("PUT", "customers/7", [], 400),
        ("PUT", "collections/7", [], 400),
        ("DELETE", "collections/7", None, 404),
        ("PATCH", "customers/1", {}, 404),
        ("DELETE", "customers/1", None, 404),
        ("DELETE", "stamped/1", None, 404),
        ("POST", "customers/150713", {}, 404),
        ("PUT", "calls", {}, 404),
        ("PUT", "faults", {}, 404),
        ("GET", "nothing", None, 404),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_message(
    running: RunningSandbox, method: str, path: str, body: object, status: int
) -> None:
    """A wrong body is answered 400, an unknown id or path 404."""
    answer = control(running, method, path, body)
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)


def test_deviations_are_asked_for_and_taken_back(running: RunningSandbox) -> None:
    """All at once; one that there is not is refused with those that there are."""
    assert control(running, "PUT", "deviations", ["search-ignored", "page-ignored"]).status_code == 204
    assert control(running, "GET", "deviations").json() == ["page-ignored", "search-ignored"]
    refused = control(running, "PUT", "deviations", ["search-ignore"])
    assert (refused.status_code, "'search-ignored'" in refused.json()["message"]) == (400, True)
    control(running, "PUT", "deviations", [])
    assert running.sandbox.deviations == frozenset()
    assert control(running, "DELETE", "deviations").status_code == 404
