"""What an API answers in bad weather, and what is noted of it: for whom it was bad, and whether others got through."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.chance import Fault
from worker.sandbox.messages import Answer

if TYPE_CHECKING:
    import random

    from tests.simulation.world import Call
    from worker.jobs.job import Job

STATUSES: Final = {
    Fault.STATUS_5XX: (500, 502, 503, 504, 520, 522, 530),
    Fault.STATUS_408: (408,),
    Fault.STATUS_422: (400, 422),
    Fault.STATUS_401: (401, 403),
    Fault.STATUS_429: (429,),
}
"""The refusals by status: the call arrives and has no effect."""
PAGE: Final = "<html><title>Down for maintenance</title></html>"
HTML: Final = {"Content-Type": "text/html"}
NOBODY: Final = {
    "GET customers/v2/Customer/{id}": Answer({"code": "NFND-1001", "message": "There is no such customer."}, 404),
    "GET dashboard/customers/{id}": Answer({"message": "There is no such customer."}, 404),
    "GET dashboard/customers": Answer([]),
}
"""What the reads answer that may not show yet what is there."""
OF_ANY_CALL: Final = (
    Fault.CALL_NOT_MADE,
    Fault.ANSWER_LOST,
    Fault.LATE_5XX,
    Fault.STATUS_5XX,
    Fault.STATUS_429,
    Fault.STATUS_401,
    Fault.STATUS_422,
    Fault.STATUS_408,
    Fault.WEB_PAGE,
    Fault.REDIRECT,
    Fault.UNREADABLE,
    Fault.TROUBLE_INSIDE,
)
OF_WRITES: Final = (Fault.ANSWER_EMPTY, Fault.REFUSED_INSIDE, Fault.TAKEN_DOWN)
OF_CUSTOMERS: Final = (Fault.ANOTHERS_RECORD,)
OF_LAGGING: Final = (Fault.NOT_THERE_YET,)

CUSTOMERS: Final = frozenset(
    {
        "GET customers/v2/Customer/{id}",
        "GET dashboard/customers/{id}",
        "POST dashboard/customers/{id}",
        "POST dashboard/customers/add",
    }
)
"""The calls that are answered with one customer's record."""


def kinds_of(call: Call) -> tuple[Fault, ...]:
    """What a call can meet."""
    return (
        *OF_ANY_CALL,
        *(OF_WRITES if call.effect else ()),
        *(OF_CUSTOMERS if call.route in CUSTOMERS else ()),
        *(OF_LAGGING if call.route in NOBODY else ()),
    )


UNREADABLE: Final = (
    '{"id": 143',
    b'{"first_name": "Jos\xe9"}',
    "[1, 2",
    b"\xff\xfe\x00",
    "Down for maintenance",
    "Down",
)
REFUSED: Final = (
    {"success": False, "message": "injected"},
    {"Success": "false"},
    {"results": [{"success": False}]},
    {"isError": True},
    False,
    "error: injected",
)
INSIDE: Final = ({"status": 503, "message": "try again"}, {"data": {"statusCode": 429}}, {"code": "500", "error": "no"})
WORDS: Final = ('{"message": "injected"}', r'{"message": "half an emoji \ud83d"}')


@dataclass
class Weather:
    """How the calls of each job were answered."""

    refused: Counter[Job] = field(default_factory=Counter)
    """Calls of a job that were refused for its own sake."""
    troubled: Counter[Job] = field(default_factory=Counter)
    """Calls of a job that met trouble of the whole store, although the same call was answered well since its last."""
    not_yet: Counter[Job] = field(default_factory=Counter)
    """Calls of a job whose answer a short delay explains."""
    deaths: Counter[Job] = field(default_factory=Counter)
    """Runs of a job that ended without a word to the ledger."""
    _well: Counter[tuple[int, str]] = field(default_factory=Counter)
    _met: dict[Job, tuple[str, int]] = field(default_factory=dict)

    def well(self, call: Call) -> None:
        """A call of a job was answered as it should be."""
        self._well[call.system_id, call.route] += 1

    def trouble(self, call: Call) -> None:
        """A call met trouble that would meet any customer."""
        if call.claim is None:
            return
        job, known = call.claim.job, self._well[call.system_id, call.route]
        route, before = self._met.get(job, ("", 0))
        self.troubled[job] += route == call.route and known > before
        self._met[job] = call.route, known

    def noted(self, call: Call, fault: Fault, answer: Answer) -> Answer:
        """Note what kind of answer a fault makes; the same answer."""
        if call.claim is None:
            return answer
        job = call.claim.job
        if fault in {Fault.STATUS_422, Fault.REFUSED_INSIDE}:
            self.refused[job] += 1
            self.well(call)
        elif fault in {Fault.NOT_THERE_YET, Fault.TAKEN_DOWN}:
            self.not_yet[job] += 1
            self.refused[job] += fault is Fault.NOT_THERE_YET and not (call.claim.is_triggered or call.claim.is_fresh)
        else:
            self.trouble(call)
        return answer


def refusal(call: Call, fault: Fault, dice: random.Random) -> Answer | None:
    """The answer to a call that has no effect; None where the fault lets it have one."""
    if fault in STATUSES:
        headers = {"Retry-After": str(dice.choice((1, 5, 30, 90)))} if fault is Fault.STATUS_429 else {}
        return Answer(status=dice.choice(STATUSES[fault]), headers=headers, text=dice.choice(WORDS))
    answers = {
        Fault.WEB_PAGE: lambda: Answer(status=dice.choice((200, 403, 404, 503)), text=PAGE, headers=HTML),
        Fault.REDIRECT: lambda: Answer(status=302, text="", headers={"Location": "https://status.example"}),
        Fault.UNREADABLE: lambda: _unreadable(dice),
        Fault.TROUBLE_INSIDE: lambda: Answer(dice.choice(INSIDE)),
        Fault.REFUSED_INSIDE: lambda: Answer(dice.choice(REFUSED)),
        Fault.NOT_THERE_YET: lambda: NOBODY[call.route],
    }
    return answers[fault]() if fault in answers else None


def _unreadable(dice: random.Random) -> Answer:
    content = dice.choice(UNREADABLE)
    text = content if isinstance(content, str) else content.decode("latin-1")
    status, headers = dice.choice((200, 400, 500, 404)), {"Content-Type": "application/json"}
    return RawAnswer(text=text, status=status, headers=headers)


class RawAnswer(Answer):
    """An answer whose text stands for its bytes."""

    @property
    def content(self) -> bytes:
        """The bytes."""
        return (self.text or "").encode("latin-1")


def anothers(answer: Answer, dice: random.Random) -> Answer:
    """The same answer with the record of somebody else."""
    value: Any = json.loads(json.dumps(answer.value))
    if isinstance(value, dict) and "id" in value:
        number = dice.randint(900_000, 900_009)
        value |= {"id": type(value["id"])(number), "customer_number": f"C-{number}"}
        value |= {name: f"{number}@example.com" for name in ("email", "email_address") if name in value}
    return Answer(value, answer.status, answer.headers)
