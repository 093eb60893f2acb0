"""How far a reader goes with one job: the calls of our own functions, and the files that they are in."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tasks import reconcile_subscription, submit, transfer_customer
from tests import parts
from tests.integration.stage import EMAIL, ID, run
from tests.steps import counted_steps
from worker.jobs.routes import SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.stage import Stage
    from tests.steps import Steps

MOST_CALLS = 120
MOST_FILES = 17
TRIGGER = {"id": "a1b2c3d4", "notifications": [{"scope": "customer/updated", "destination": "4021", "id": ID}]}


def steps_of(act: Callable[[], object]) -> Steps:
    """What an act calls."""
    with counted_steps() as steps:
        act()
    return steps


def shown(steps: Steps) -> str:
    """The numbers, and each call by how often it is made."""
    calls = "\n".join(f"{count:4} {file} {name}" for (file, name), count in Counter(steps.calls).most_common())
    return f"{len(steps.calls)} calls in {len(steps.files)} files\n{calls}"


@pytest.fixture
def warm(stage: Stage, redis_url: str) -> Stage:
    """A stage on which a customer was created and subscribed, and everything that is made once was made."""
    stage.sandbox.deviate("unsubscribed-at-first")
    stage.map_subscription(value=True)
    stage.build(redis_url)
    submit(TRIGGER)
    run(transfer_customer, parts.SYSTEM, ID)
    run(reconcile_subscription, parts.SYSTEM, ID)
    assert stage.called[-1] == "subscribe"
    submit(TRIGGER)
    run(transfer_customer, parts.SYSTEM, ID)
    return stage


def is_short(steps: Steps) -> bool:
    """Whether one reader follows it in one sitting."""
    return len(steps.calls) <= MOST_CALLS and len(steps.files) <= MOST_FILES


def test_one_job_is_short(warm: Stage) -> None:
    """To ask for it, to transfer the customer, and to reconcile the subscription."""
    steps = steps_of(lambda: submit(TRIGGER))
    assert is_short(steps), shown(steps)
    steps = steps_of(lambda: run(transfer_customer, parts.SYSTEM, ID))
    assert warm.called[-2:] == [ID, "143491"]
    assert is_short(steps), shown(steps)
    submit(TRIGGER)
    warm.sandbox._store.subscribe(EMAIL, is_subscribed=False)  # noqa: SLF001 - what people do in it themselves
    steps = steps_of(lambda: run(transfer_customer, parts.SYSTEM, ID))
    assert is_short(steps), shown(steps)
    assert warm.messages(SUBSCRIPTIONS)
    steps = steps_of(lambda: run(reconcile_subscription, parts.SYSTEM, ID))
    assert warm.called[-1] == "subscribe"
    assert is_short(steps), shown(steps)
