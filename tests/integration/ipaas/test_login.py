"""iPaaS.com by a login, on the sandbox: when it logs in, renews and logs in anew, and that the login stays hidden."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests import parts
from worker.http.adapter import Pools
from worker.http.client import ApiClient
from worker.ipaas.client import IPaaS
from worker.ipaas.endpoint import Login
from worker.ipaas.login import (
    COMPANY,
    FIRST_REFUSED_SECONDS,
    LOGIN,
    LONGEST_REFUSED_SECONDS,
    REFRESH,
    RENEWAL_PAUSE_SECONDS,
    LoggedIn,
)
from worker.jobs.calls import Api
from worker.jobs.errors import (
    AnswerUnreadable,
    IPaaSCredentialsRefused,
    IPaaSUnreachable,
    LinkNotRecorded,
    SyncError,
)
from worker.jobs.intents import Trouble
from worker.jobs.job import Job, Kind
from worker.ledger.guard import ReadOnly
from worker.sandbox.faults import Fault
from worker.sandbox.sso import COMPANY_ID, EMAIL, PASSWORD
from worker.telemetry.logs import Attempt, running

if TYPE_CHECKING:
    from worker.sandbox.server import RunningSandbox

ID = "150713"
HOUR = 60 * 60


class Writing(ReadOnly):
    """A gate that lets writes through."""

    def before_write(self) -> None:
        """Let it through."""


@dataclass
class Clock:
    """Time that a test lets pass."""

    now: float = 0.0

    def __call__(self) -> float:
        """What time it is."""
        return self.now


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


def source(sandbox: RunningSandbox, clock: Clock, password: str = PASSWORD, company_id: str = COMPANY_ID) -> IPaaS:
    """iPaaS.com by the sandbox's login, but for what is given otherwise."""
    pools = Pools(parts.TIMEOUTS)
    login = Login(email=SecretStr(EMAIL), password=SecretStr(password), company_id=company_id)

    def connect(authorization: str) -> ApiClient:
        return ApiClient(Api.IPAAS, sandbox.url, authorization, secrets=[EMAIL, password], has_codes=True, pools=pools)

    return IPaaS(LoggedIn(login, connect, clock=clock), Writing(), system_id=parts.SYSTEM, tracking_guid="0a8e")


def logins(sandbox: RunningSandbox) -> list[str]:
    """The calls about a login since the last look."""
    names = {LOGIN: "login", COMPANY.format(company_id=COMPANY_ID): "company", REFRESH: "refresh"}
    made = [call.path.strip("/") for call in sandbox.sandbox.calls]
    sandbox.sandbox.forget_calls()
    return [names[each] for each in made if each in names]


def test_first_call_logs_in_and_the_next_ones_use_its_token(sandbox: RunningSandbox, clock: Clock) -> None:
    """With the token that sees the company's data."""
    ipaas = source(sandbox, clock)
    assert ipaas.customer(ID).email_address == "zoe@example.com"
    ipaas.customer(ID)
    assert logins(sandbox) == ["login", "company"]


def test_a_token_is_renewed_before_its_hour_is_over(sandbox: RunningSandbox, clock: Clock) -> None:
    """Once, and the next time from the new one."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    logins(sandbox)
    for _ in range(2):
        clock.now += HOUR - 300
        ipaas.customer(ID)
        ipaas.customer(ID)
        assert logins(sandbox) == ["refresh"]


def test_a_renewal_that_is_refused_is_a_login(sandbox: RunningSandbox, clock: Clock) -> None:
    """The token died before, or the renewal is not what is assumed of it."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    sandbox.sandbox.end_logins()
    logins(sandbox)
    clock.now += HOUR + 60
    ipaas.customer(ID)
    assert logins(sandbox) == ["refresh", "login", "company"]


def test_a_token_that_dies_early_costs_one_login(sandbox: RunningSandbox, clock: Clock) -> None:
    """The read that meets it is made again."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    clock.now += 120
    sandbox.sandbox.end_logins()
    logins(sandbox)
    assert ipaas.customer(ID).id == ID
    assert logins(sandbox) == ["login", "company"]


def test_a_fresh_token_that_is_refused_costs_none(sandbox: RunningSandbox, clock: Clock) -> None:
    """It lacks rights, and another one would lack them, too."""
    ipaas = source(sandbox, clock)
    sandbox.sandbox.add_fault(Fault(path="Customer/", status=401))
    with pytest.raises(IPaaSCredentialsRefused):
        ipaas.customer(ID)
    assert logins(sandbox) == ["login", "company"]
    with pytest.raises(IPaaSCredentialsRefused):  # nor does each job that comes
        ipaas.customer(ID)
    assert logins(sandbox) == []
    sandbox.sandbox.clear_faults()
    clock.now += 31
    assert ipaas.customer(ID).id == ID  # it may have died early, though
    assert logins(sandbox) == ["login", "company"]


def test_a_write_never_logs_in(sandbox: RunningSandbox, clock: Clock) -> None:
    """A login takes longer than the claim that covers the write; the next read makes it."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    clock.now += 120
    sandbox.sandbox.end_logins()
    logins(sandbox)
    with pytest.raises(LinkNotRecorded) as raised:
        ipaas.record_link(ID, "143491")
    assert (raised.value.trouble, logins(sandbox)) == (Trouble.CREDENTIALS, [])
    ipaas.customer(ID)
    ipaas.record_link(ID, "143491")
    assert logins(sandbox) == ["login", "company"]


def test_many_threads_log_in_once(sandbox: RunningSandbox, clock: Clock) -> None:
    """The others wait for the one that does."""
    ipaas = source(sandbox, clock)
    threads = [threading.Thread(target=ipaas.customer, args=[ID]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert logins(sandbox) == ["login", "company"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "hunter2 hunter2"}, "the login was refused: AUTH-1002"),
        ({"company_id": "78"}, "the login's company_id was refused: AUTH-1004"),
    ],
)
def test_a_refused_login_is_named_and_never_shown(
    sandbox: RunningSandbox, clock: Clock, changes: dict[str, str], words: str
) -> None:
    """The sandbox repeats in its message what it was sent."""
    with pytest.raises(IPaaSCredentialsRefused) as raised:
        source(sandbox, clock, **changes).customer(ID)
    assert raised.value.failure.detail == words
    assert "hunter2" not in f"{raised.value!r} {raised.value}"


def test_an_answer_without_a_token_is_unreadable(sandbox: RunningSandbox, clock: Clock) -> None:
    """A page in its place, for one."""
    sandbox.sandbox.add_fault(Fault(path="Auth/Login", status=200, body={"user": "hunter2"}))
    ipaas = source(sandbox, clock)
    for _ in range(3):  # the password is sent once
        with pytest.raises(AnswerUnreadable, match="the answer to the login holds no token"):
            ipaas.customer(ID)
    assert logins(sandbox) == ["login"]


@pytest.mark.parametrize("fault", [Fault(path="sso/", status=503), Fault(path="sso/", cut="before")])
def test_a_login_that_is_not_answered_is_an_outage(sandbox: RunningSandbox, clock: Clock, fault: Fault) -> None:
    """It is tried again at the next call."""
    ipaas = source(sandbox, clock)
    sandbox.sandbox.add_fault(fault)
    with pytest.raises(SyncError):
        ipaas.customer(ID)
    sandbox.sandbox.clear_faults()
    assert ipaas.customer(ID).id == ID


# Trouble with the login -----------------------------------------------------------------------------------------------


def refused(ipaas: IPaaS) -> None:
    """Meet the refusal of the login."""
    with pytest.raises(IPaaSCredentialsRefused, match="the login was refused"):
        ipaas.customer(ID)


def test_a_refused_login_is_not_tried_by_each_thread(sandbox: RunningSandbox, clock: Clock) -> None:
    """iPaaS.com could lock the account: whoever waited gets the first one's answer."""
    ipaas = source(sandbox, clock, password="hunter2 hunter2")
    threads = [threading.Thread(target=refused, args=[ipaas]) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert logins(sandbox) == ["login"]


def test_a_login_that_stays_refused_is_tried_ever_later(sandbox: RunningSandbox, clock: Clock) -> None:
    """Up to a longest time."""
    ipaas = source(sandbox, clock, password="hunter2 hunter2")
    refused(ipaas)
    assert logins(sandbox) == ["login"]
    seconds = FIRST_REFUSED_SECONDS
    for _ in range(7):
        clock.now += seconds - 1
        refused(ipaas)
        assert logins(sandbox) == []
        clock.now += 1
        refused(ipaas)
        assert logins(sandbox) == ["login"]
        seconds = min(2 * seconds, LONGEST_REFUSED_SECONDS)


def test_an_answer_that_is_remembered_is_noted_as_a_call(sandbox: RunningSandbox, clock: Clock) -> None:
    """Trouble without any call would be the job's own."""
    ipaas = source(sandbox, clock, password="hunter2 hunter2")
    refused(ipaas)
    attempt = Attempt(Job(Kind.CUSTOMER, parts.SYSTEM, ID), "", "0a8e", False, 1)
    token = running.set(attempt)
    try:
        refused(ipaas)
    finally:
        running.reset(token)
    assert [(call.api, call.route, call.status) for call in attempt.calls] == [(Api.IPAAS, LOGIN, 400)]


@pytest.mark.parametrize("fault", [Fault(path="sso/", status=503), Fault(path="sso/", cut="before")])
def test_a_token_that_still_lives_goes_on_if_it_cannot_be_renewed(
    sandbox: RunningSandbox, clock: Clock, fault: Fault
) -> None:
    """And it is tried again, but not by each call."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    logins(sandbox)
    sandbox.sandbox.add_fault(fault)
    clock.now += 51 * 60
    for _ in range(3):
        assert ipaas.customer(ID).id == ID
    assert logins(sandbox) == ["refresh"]
    sandbox.sandbox.clear_faults()
    clock.now += RENEWAL_PAUSE_SECONDS
    ipaas.customer(ID)
    ipaas.customer(ID)
    assert logins(sandbox) == ["refresh"]


def test_nobody_waits_for_a_renewal_as_long_as_the_token_lives(sandbox: RunningSandbox, clock: Clock) -> None:
    """Whoever lacks the lock goes on with the old one."""
    ipaas = source(sandbox, clock)
    ipaas.customer(ID)
    clock.now += 51 * 60
    assert isinstance(ipaas.api, LoggedIn)
    with ipaas.api._lock:  # noqa: SLF001 - as another thread has it
        assert ipaas.customer(ID).id == ID


def test_nobody_logs_in_beside_another_thread(sandbox: RunningSandbox, clock: Clock) -> None:
    """Whoever has waited as long as one call takes is answered that none came."""
    ipaas = source(sandbox, clock)
    assert isinstance(ipaas.api, LoggedIn)
    ipaas.api._call_seconds = 0.01  # noqa: SLF001 - a test's patience
    with ipaas.api._lock, pytest.raises(IPaaSUnreachable, match="takes too long"):  # noqa: SLF001 - as above
        ipaas.customer(ID)
    assert logins(sandbox) == []
