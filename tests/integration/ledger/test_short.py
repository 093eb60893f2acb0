"""What a transfer asks of the ledger is a short way through few functions: a reader follows it in two files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, JOB
from tests.steps import counted_steps
from worker.effects import Effect
from worker.jobs.job import Action, Next
from worker.ledger import Ledger, StoreLimits, connect
from worker.ledger.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.ledger import Claim

HOT = {"worker/ledger/ledger.py", "worker/ledger/scripting.py"}
GUARD = "worker/ledger/guard.py"
MOST_CALLS = 4
"""Of our functions, in one operation of the ledger, itself included."""
SUBSCRIPTION = JOB.subscription
COMPLETE = Action.CREATED, "97", Next.SUBSCRIPTION


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    """A ledger as a worker has it, which has used its scripts before."""
    with connect(redis_url) as client:
        made = Ledger(client, stores={JOB.system_id: StoreLimits()})
        for effect in (Effect.CLAIM, Effect.RENEW, Effect.COMPLETE):
            assert made._scripts._scripts[effect].script  # noqa: SLF001 - made when it is first asked for
        assert made._scripts.limits_of(JOB.system_id), made._by[""]  # noqa: SLF001 - as above
        shape = (), tuple((call.api, call.method, call.route) for call in CALLS)
        assert made._shapes[shape]  # noqa: SLF001 - as above
        yield made


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("claim", lambda ledger, _: ledger.claim(SUBSCRIPTION)),
        ("renew", lambda ledger, claim: ledger.renew(claim)),
        ("renew a write", lambda ledger, claim: ledger.renew(claim, extra_call="stamped", writes=True)),
        ("complete", lambda ledger, claim: ledger.complete(claim, CALLS, *COMPLETE)),
    ],
)
def test_ledger_calls_few_of_our_functions(
    ledger: Ledger, name: str, operation: Callable[[Ledger, Claim], object]
) -> None:
    """If nobody is a witness and Redis is well; a message that is owed is read in one of them."""
    ledger.request_all([JOB, SUBSCRIPTION])
    claim = ledger.claim(JOB)
    with counted_steps() as steps:
        operation(ledger, claim)
    assert len(steps.calls) <= MOST_CALLS, (name, steps.calls)
    assert steps.files <= HOT


@pytest.mark.parametrize(
    ("is_write", "late", "before_the_ledger"), [(False, False, 1), (False, True, 2), (True, False, 2)]
)
def test_gate_asks_the_ledger_at_once(ledger: Ledger, is_write: bool, late: bool, before_the_ledger: int) -> None:
    """A read that the lease covers asks it nothing."""
    ledger.request(JOB)
    claim = ledger.claim(JOB)
    asked_at = -math.inf if late else math.inf
    with counted_steps() as begun:
        guard = Guard(ledger, claim, asked_at=asked_at, lease_seconds=45, call_seconds=20)
    assert [name for _, name in begun.calls] == ["Guard.__init__"]
    with counted_steps() as steps:
        (guard.source.before_write if is_write else guard.source.before_read)()
    ours = [file for file, _ in steps.calls if file == GUARD]
    assert len(ours) == before_the_ledger, steps.calls
    assert steps.files <= {GUARD, *HOT}
