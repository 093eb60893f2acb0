"""What a client of the sandbox sees of the faults that were asked for."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from worker.sandbox.faults import Fault
from worker.sandbox.server import RunningSandbox, Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 30
LONG_SECONDS = 600


@pytest.fixture
def running() -> Iterator[RunningSandbox]:
    """A sandbox without customers."""
    with serve(Sandbox()) as running:
        yield running


def create(running: RunningSandbox, read_seconds: float = SECONDS) -> requests.Response:
    """Create a customer in Stamped.io."""
    return requests.post(
        f"{running.url}/api/v2/270392/dashboard/customers/add",
        json={"email": "zoe@example.com"},
        auth=("sandbox-public", "sandbox-private"),
        timeout=(SECONDS, read_seconds),
    )


@pytest.mark.parametrize(("cut", "created"), [("before", []), ("after", ["143491"])])
def test_a_cut_connection_has_no_answer(running: RunningSandbox, cut: str, created: list[str]) -> None:
    """The client sees a broken connection; whether the customer exists depends on the moment."""
    running.sandbox.add_fault(Fault.model_validate({"cut": cut, "times": 1}))
    with pytest.raises(requests.ConnectionError):
        create(running)
    assert list(running.sandbox.stamped_customers) == created
    assert create(running).status_code == 200


def test_a_delayed_answer_comes(running: RunningSandbox) -> None:
    """It is the answer that would have come at once."""
    running.sandbox.add_fault(Fault(delay_seconds=0.05, times=1))
    assert create(running).json()["id"] == 143491


def test_a_delayed_cut_has_no_answer(running: RunningSandbox) -> None:
    """The connection stays open for a while and then breaks."""
    running.sandbox.add_fault(Fault(delay_seconds=0.05, cut="before"))
    with pytest.raises(requests.ConnectionError):
        create(running)
    assert running.sandbox.stamped_customers == {}


def test_a_client_that_gives_up_waiting_has_created_the_customer(running: RunningSandbox) -> None:
    """The effect comes at once, and the sandbox goes on serving others."""
    running.sandbox.add_fault(Fault(delay_seconds=0.5, times=1))
    with pytest.raises(requests.ReadTimeout):
        create(running, read_seconds=0.05)
    running.sandbox.add_fault(Fault(delay_seconds=0.6, times=1))
    assert (create(running).status_code, list(running.sandbox.stamped_customers)) == (200, ["143491"])


def test_a_delayed_call_does_not_hold_up_others(running: RunningSandbox) -> None:
    """A second call is answered while the first waits, and closing ends the wait."""
    running.sandbox.add_fault(Fault(delay_seconds=LONG_SECONDS, times=1))
    broken: list[Exception] = []

    def wait_for_answer() -> None:
        try:
            create(running, read_seconds=LONG_SECONDS)
        except requests.ConnectionError as error:
            broken.append(error)

    waiting = threading.Thread(target=wait_for_answer)
    waiting.start()
    while not running.sandbox.calls:
        waiting.join(0.01)
    assert create(running).status_code == 200
    running.close()
    waiting.join(SECONDS)
    assert len(broken) == 1


def test_a_huge_answer_is_streamed_without_its_length(running: RunningSandbox) -> None:
    """It is more than 20 MB, and JSON all the same."""
    running.sandbox.add_fault(Fault(shape="huge"))
    answer = create(running)
    assert "Content-Length" not in answer.headers
    assert len(answer.content) > 20 * 1024 * 1024
    assert json.loads(answer.content)["id"] == 143491


def test_a_client_may_hang_up_on_a_huge_answer(running: RunningSandbox) -> None:
    """The sandbox goes on serving others."""
    running.sandbox.add_fault(Fault(shape="huge", times=1))
    url = f"{running.url}/api/v2/270392/dashboard/customers"
    with requests.get(url, auth=("sandbox-public", "sandbox-private"), stream=True, timeout=SECONDS) as answer:
        assert answer.raw.read(1000).startswith(b'{"results"')
    assert create(running).status_code == 200


def test_an_empty_answer_has_no_bytes(running: RunningSandbox) -> None:
    """The status is 200 and the length 0."""
    running.sandbox.add_fault(Fault(shape="empty"))
    answer = create(running)
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_429_carries_its_date(running: RunningSandbox) -> None:
    """Retry-After may be a date."""
    date = "Wed, 21 Oct 2037 07:28:00 GMT"
    running.sandbox.add_fault(Fault(status=429, headers={"Retry-After": date}))
    answer = create(running)
    assert (answer.status_code, answer.reason, answer.headers["Retry-After"]) == (429, "Too Many Requests", date)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(running: RunningSandbox, status: int) -> None:
    """The connection is of use afterwards."""
    running.sandbox.add_fault(Fault(status=status, times=1))
    with requests.Session() as session:
        url = f"{running.url}/customers/v2/Customers"
        answers = [session.get(url, timeout=SECONDS) for _ in range(2)]
    assert [(answer.status_code, bool(answer.content)) for answer in answers] == [(status, False), (401, True)]
