"""How far a reader goes with one job: the calls of our functions, and the files that they are in."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tasks import reconcile_subscription, submit, transfer_customer
from tests import parts
from tests.integration.stage import EMAIL, ID, JOB, run
from tests.steps import counted_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.stage import Stage
    from tests.steps import Steps

MOST_CALLS = 120
MOST_FILES = 16
TRIGGER = {
    "id": "a1b2c3d4",
    "notifications": [{"scope": "customer/updated", "destination": str(parts.SYSTEM), "id": ID, "tracking_guid": ""}],
}


def steps_of(act: Callable[[], object]) -> Steps:
    """What an act calls."""
    with counted_steps() as steps:
        act()
    return steps


def told(name: str, steps: Steps) -> str:
    """The numbers, and what is called most."""
    most = "\n".join(f"  {count:3} {file} {call}" for (file, call), count in Counter(steps.calls).most_common(400))
    return f"{name}: {len(steps.calls)} calls in {len(steps.files)} files\n{most}"


def test_transfer_is_short(stage: Stage, redis_url: str) -> None:
    """An update, a create and a reconciliation take few functions, in few files."""
    stage.map_subscription(value=True)
    stage.build(redis_url)
    out = []
    for name in ("create", "update", "update"):
        out.append(told("submit", steps_of(lambda: submit(TRIGGER))))
        out.append(told(name, steps_of(lambda: run(transfer_customer, parts.SYSTEM, ID))))
        out.append(told("reconcile", steps_of(lambda: run(reconcile_subscription, parts.SYSTEM, ID))))
    print("\n".join(out))
