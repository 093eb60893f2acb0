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
from worker.ipaas.login import COMPANY, LOGIN, REFRESH, LoggedIn
from worker.jobs.calls import Api
from worker.jobs.errors import AnswerUnreadable, IPaaSCredentialsRefused, LinkNotRecorded, SyncError
from worker.jobs.intents import Trouble
from worker.ledger.guard import ReadOnly
from worker.sandbox.faults import Fault
from worker.sandbox.sso import COMPANY_ID, EMAIL, PASSWORD

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
    with pytest.raises(AnswerUnreadable, match="the answer to the login holds no token"):
        source(sandbox, clock).customer(ID)


@pytest.mark.parametrize("fault", [Fault(path="sso/", status=503), Fault(path="sso/", cut="before")])
def test_a_login_that_is_not_answered_is_an_outage(sandbox: RunningSandbox, clock: Clock, fault: Fault) -> None:
    """It is tried again at the next call."""
    ipaas = source(sandbox, clock)
    sandbox.sandbox.add_fault(fault)
    with pytest.raises(SyncError):
        ipaas.customer(ID)
    sandbox.sandbox.clear_faults()
    assert ipaas.customer(ID).id == ID
