"""Tries creates and updates, and what a read shows of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker.contract.answers import answered, id_of, is_single_path
from worker.contract.assumptions import write_key
from worker.contract.shapes import names_of, shape, written
from worker.contract.subject import READ_NAMES, has
from worker.mapping.rows import EMAIL_DESTINATIONS, WIRE_NAMES
from worker.stamped.answers import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.contract.exchange import Seen
    from worker.contract.findings import Findings
    from worker.contract.shapes import Fields
    from worker.contract.subject import Subject

TOO_LITTLE_SHOWN = "a read shows too little of what was written"


def try_create(subject: Subject, findings: Findings) -> bool:
    """Create the customer, and judge the answer; whether its id is known then."""
    seen = subject.create(subject.values(1))
    if not seen.is_ok:
        findings.because = f"a create is answered {seen.told}"
        findings.judge_answer("create.answer", seen, holds=False)
        return False
    told = _judge_create(seen, subject, findings)
    is_its_own = subject.use(told)
    if told:
        findings.judge("create.id", "it is not the id of the customer", holds=is_its_own)
    if is_its_own or any(map(subject.use, subject.eventually(lambda: subject.found(1, 0)) or ())):
        return True
    findings.because = "the test customer's id is not known: neither the create nor a search shows it"
    return False


def _judge_create(seen: Seen, subject: Subject, findings: Findings) -> str | None:
    """Judge where the customer stands in the answer: the id that it has there."""
    path, customer = answered(seen.body, subject.email) or ((), None)
    is_right = customer is not None and is_single_path(path)
    where = f"; the customer is in {written(path)}" if customer else ""
    findings.judge("create.answer", f"{seen.told}{where}", holds=is_right)
    told = id_of(customer)
    findings.judge("create.id", seen.told, holds=told is not None)
    return told


def try_read(subject: Subject, findings: Findings) -> None:
    """Read the new customer back, and judge the answer and each field."""
    values = subject.values(1)
    customer = subject.read_with(values, values)
    seen = subject.exchange.read(subject.stamped_id)
    path, answer = answered(seen.body, subject.email) or ((), None)
    is_right = answer is not None and is_single_path(path) and id_of(answer) == subject.stamped_id
    findings.judge_answer("read.answer", seen, holds=is_right)
    number = customer.get("id", customer.get("customerId"))
    is_number = isinstance(number, int) and not isinstance(number, bool)
    findings.judge("read.id", f"it is {shape(number)}", holds=is_number)
    state = f"it is {shape(customer[STATE])}" if STATE in customer else f"there is none in {shape(customer)}"
    findings.judge("read.subscribed", state, holds=isinstance(customer.get(STATE), bool))
    for destination, value in values.items():
        _judge_field(destination, value, customer, subject, findings)


def _judge_field(destination: str, value: str, customer: Fields, subject: Subject, findings: Findings) -> None:
    key, name = write_key(WIRE_NAMES[destination]), READ_NAMES[destination]
    places = names_of(customer, value)
    if has(customer, destination, value):
        findings.judge(key, "", holds=True)
        if destination not in EMAIL_DESTINATIONS:
            subject.shown.append(destination)
    elif any(_plain(place) == _plain(name) for place in places):
        findings.judge(key, "", holds=True)  # taken, and read under another name
    elif name not in customer:
        findings.leave_open(key, f"a customer that is read has no `{name}`: {shape(customer)}")
    else:
        is_elsewhere = places and destination not in EMAIL_DESTINATIONS
        elsewhere = f"; it is in `{'`, `'.join(places)}`" if is_elsewhere else ""
        seen = f"`{name}` of the customer is {shape(customer[name])}, and not what was sent{elsewhere}"
        findings.judge(key, seen, holds=False)


def _plain(name: str) -> str:
    """A name as it is spelt in any style."""
    return re.sub(r"[^a-z]", "", name.lower())


def try_create_again(subject: Subject, findings: Findings) -> None:
    """Create once more with the same address: nobody else may come of it, and the customer has the new values."""
    values = subject.values(2)
    seen = subject.create(values)
    if not seen.is_ok:
        findings.judge_answer("create.match", seen, holds=False)
        findings.leave_open("create.update", f"it is answered {seen.told}")
        return
    ids = _ids_after(seen, subject)
    others = ", ".join(sorted(ids - {subject.stamped_id}))
    if ids:
        findings.judge("create.match", f"it makes customer {others} beside {subject.stamped_id}", holds=not others)
    else:
        findings.leave_open("create.match", "it answers without an id, and no search finds the customer")
    subject.note(sorted(ids))
    _judge_change("create.update", values, subject.shown, subject, findings)


def _ids_after(seen: Seen, subject: Subject) -> set[str]:
    """The customers with the address, by the answer to a create, or else by a search."""
    _, customer = answered(seen.body, subject.email) or ((), None)
    told = id_of(customer)
    return {told} if told and subject.read(told) else subject.found(1, 0)


def try_update(subject: Subject, findings: Findings) -> None:
    """Update the customer with all fields but one."""
    left = subject.shown[1:][-1:]
    values = {name: value for name, value in subject.values(3).items() if name not in left}
    before = subject.read() or {}
    seen = subject.update(values)
    if not seen.is_ok:
        findings.judge_answer("update.sent", seen, holds=False)
        findings.leave_open("update.others", f"an update is answered {seen.told}")
        return
    after = _judge_change(
        "update.sent", values, [name for name in subject.shown if name not in left], subject, findings
    )
    if not left:
        findings.leave_open("update.others", TOO_LITTLE_SHOWN)
        return
    name = READ_NAMES[left[0]]
    seen_then = f"`{name}`, which it was not sent, was {shape(before.get(name))} and is {shape(after.get(name))}"
    findings.judge("update.others", seen_then, holds=after.get(name) == before.get(name))


def _judge_change(
    key: str, values: Mapping[str, str], destinations: list[str], subject: Subject, findings: Findings
) -> Fields:
    """Judge whether a read shows what was sent to these destinations: what it shows."""
    customer = subject.read_with(values, destinations)
    kept = [f"`{READ_NAMES[name]}`" for name in destinations if not has(customer, name, values[name])]
    if destinations:
        findings.judge(key, f"it is accepted, and {', '.join(kept)} of the customer stays as it was", holds=not kept)
    else:
        findings.leave_open(key, TOO_LITTLE_SHOWN)
    return customer
