"""Weather: an API answers everybody with something that is none of its answers, and then works again.

All that waited arrives, nothing fails, and nobody has to do anything.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tests import parts
from tests.proofs.processes import worker
from tests.proofs.result import Result
from tests.proofs.stage import DEFAULTS, customers, stage
from tests.proofs.truth import compare, failed_by_code, person
from worker.jobs import calls
from worker.jobs.job import Kind
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from worker.sandbox.messages import Api

PAGE: Final = "<!doctype html><html><head><title>Down for maintenance</title></head><body>Back soon</body></html>"
HTML: Final = {"Content-Type": "text/html"}
TEXT: Final = {"Content-Type": "text/plain"}
JSON: Final = {"Content-Type": "application/json"}

TITLES = {api.key: str(api) for api in calls.Api}


def of_api(api: Api) -> dict[str, Fault]:
    """What can befall every call to an API."""
    answered = partial(Fault, api=api)
    weather = {
        "a web page with 200": answered(status=200, body=PAGE, headers=HTML),
        "a web page with 403": answered(status=403, body=PAGE, headers=HTML),
        "a web page with 404": answered(status=404, body=PAGE, headers=HTML),
        "a web page for what it has done": answered(shape="html"),
        "a plain text with 200": answered(status=200, body="Down for maintenance", headers=TEXT),
        "a redirect": answered(status=302, body="", headers={"Location": "https://sign-in.example.com/"}),
        "522": answered(status=522, body="error code: 522", headers=TEXT),
        "JSON that is cut": answered(status=200, body='{"id": 1, "first_na', headers=JSON),
        "half an emoji in a 503": answered(status=503, body='{"message": "Try later \\ud83d"}', headers=JSON),
    }
    return {f"{TITLES[api]} answers {what}": fault for what, fault in weather.items()}


WEATHER: Final = {
    **of_api("stamped"),
    **of_api("ipaas"),
    # By somebody in the API's place, so that no link is recorded: else the next attempt would find it, and be done.
    "the link call is answered a web page": Fault(
        path="UpdateExternalId$", status=200, body="<!doctype html><p>Sign in", headers={"Content-Type": "text/html"}
    ),
}
AT_ONCE: Final = 4
"""How many weathers are gone through side by side: their workers mostly wait."""


@dataclass(frozen=True)
class Passed:
    """What became of a backlog in one weather."""

    met: int
    """How many calls met it."""
    done_before: int
    """Jobs that were done before it was over."""
    seconds: float
    """How long after it was over the last job was done."""
    wrong: str
    """What is not as it must be."""


def prove(
    folder: Path,
    *,
    count: int = 25,
    seconds: float = 20,
    weather: Mapping[str, Fault] = WEATHER,
    env: Mapping[str, str] = DEFAULTS,
) -> Result:
    """Let a backlog meet each weather for a while."""
    result = Result(f"Weather: {count} customers wait, {seconds:.0f} s of each")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        passed = pool.map(
            lambda numbered: survive(folder / str(numbered[0]), numbered[1], count, seconds, env),
            enumerate(weather.values()),
        )
        for name, each in zip(weather, passed, strict=True):
            result.say(f"{name:<52} met {each.met:>3} times, all arrived {each.seconds:>4.1f} s after it was over")
            result.must(not each.wrong, f"{name}: {each.wrong}")
            result.must(each.met > 0 and not each.done_before, f"{name}: that was no weather")
    return result


def survive(folder: Path, fault: Fault, count: int, seconds: float, env: Mapping[str, str]) -> Passed:
    """Let a backlog meet one weather."""
    sandbox = Sandbox([person(number) for number in range(1, count + 1)])
    sandbox.add_fault(fault)
    with stage(folder, sandbox, **env) as made:
        made.request(customers(count))
        each = worker(made.env, folder, "worker")
        with each.running():
            parts.eventually(lambda: meeting(sandbox, fault))
            time.sleep(seconds)
            met, done_before = meeting(sandbox, fault), made.ledger.counts(Kind.CUSTOMER).done
            sandbox.clear_faults()
            over = time.monotonic()
            left = made.rest()
            took = time.monotonic() - over
            crashed = each.child.poll() is not None
        failed = dict(failed_by_code(made.ledger))
    sides = compare(sandbox, sandbox.customers)
    is_right = sides.is_clean and not (left or failed or crashed)
    wrong = "" if is_right else f"{sides}, left {left}, failed {failed}, crashed {crashed}"
    return Passed(met, done_before, took, wrong)


def meeting(sandbox: Sandbox, fault: Fault) -> int:
    """How many calls met the weather."""
    found = (re.search(fault.path, call.path) for call in sandbox.calls if fault.api in {None, call.api})
    return sum(each is not None for each in found)
