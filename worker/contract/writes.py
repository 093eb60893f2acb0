"""Tries creates and updates, and what a read shows of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker.contract.shapes import answered, id_of, in_words, is_ok, is_single_path, names_of, shape, written
from worker.contract.subject import READ_NAMES, has
from worker.mapping.rows import EMAIL_DESTINATIONS, WIRE_NAMES
from worker.stamped.answers import IDS, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.contract.shapes import Fields
    from worker.contract.subject import Subject
    from worker.http.answers import Answer

TOO_LITTLE_SHOWN = "a read shows too little of what was written"


def try_create(subject: Subject) -> bool:
    """Create the customer and judge the answer: whether its id is known then."""
    seen = subject.create(subject.values(1))
    if not is_ok(seen):
        subject.findings.because = f"a create is answered {in_words(seen)}"
        subject.findings.judge_answer("create.answer", seen, holds=False)
        return False
    stamped_id = _judge_create(seen, subject)
    is_its_own = subject.use(stamped_id)
    if stamped_id:
        subject.findings.judge("create.id", "it is not the id of the customer", holds=is_its_own)
    if is_its_own or any(map(subject.use, subject.eventually(subject.found) or ())):
        return True
    subject.findings.because = "the test customer's id is not known: neither the create nor a search shows it"
    return False


def _judge_create(seen: Answer, subject: Subject) -> str | None:
    """Judge where the customer is in the answer: the id that it has there."""
    path, customer = answered(seen.body, subject.email) or ((), None)
    is_right = customer is not None and is_single_path(path)
    where = f"; the customer is in {written(path)}" if customer else ""
    subject.findings.judge("create.answer", f"{in_words(seen)}{where}", holds=is_right)
    stamped_id = id_of(customer)
    subject.findings.judge("create.id", in_words(seen), holds=stamped_id is not None)
    return stamped_id


def try_read(subject: Subject) -> None:
    """Read the new customer back, and judge the answer and each field."""
    values = subject.values(1)
    customer = subject.read_with(values, values)
    seen = subject.exchange.read(subject.stamped_id)
    path, answer = answered(seen.body, subject.email) or ((), None)
    is_right = answer is not None and is_single_path(path) and id_of(answer) == subject.stamped_id
    subject.findings.judge_answer("read.answer", seen, holds=is_right)
    number = next((customer[name] for name in IDS if name in customer), None)
    is_number = isinstance(number, int) and not isinstance(number, bool)
    subject.findings.judge("read.id", f"it is {shape(number)}", holds=is_number)
    state = f"it is {shape(customer[STATE])}" if STATE in customer else f"there is none in {shape(customer)}"
    subject.findings.judge("read.subscribed", state, holds=isinstance(customer.get(STATE), bool))
    for destination, value in values.items():
        _judge_field(destination, value, customer, subject)


def _judge_field(destination: str, value: str, customer: Fields, subject: Subject) -> None:
    key, name = f"write.{WIRE_NAMES[destination]}", READ_NAMES[destination]
    places = names_of(customer, value)
    is_there = has(customer, destination, value)
    if is_there and destination not in EMAIL_DESTINATIONS:
        subject.shown.append(destination)
    if is_there or any(_plain(place) == _plain(name) for place in places):  # or it is taken, and read by another name
        subject.findings.judge(key, "", holds=True)
    elif name not in customer:
        subject.findings.leave_open(key, f"a customer that is read has no `{name}`: {shape(customer)}")
    else:
        is_elsewhere = places and destination not in EMAIL_DESTINATIONS
        elsewhere = f"; it is in `{'`, `'.join(places)}`" if is_elsewhere else ""
        seen = f"`{name}` of the customer is {shape(customer[name])}, and not what was sent{elsewhere}"
        subject.findings.judge(key, seen, holds=False)


def _plain(name: str) -> str:
    """A name without its style: firstName, first_name and FirstName are the same."""
    return re.sub(r"[^a-z]", "", name.lower())


def try_create_again(subject: Subject) -> None:
    """Create once more with the same address: nobody else may come of it, and the customer has the new values."""
    values = subject.values(2)
    seen = subject.create(values)
    if not is_ok(seen):
        subject.findings.judge_answer("create.match", seen, holds=False)
        subject.findings.leave_open("create.update", f"it is answered {in_words(seen)}")
        return
    ids = _ids_after(seen, subject)
    others = ", ".join(sorted(ids - {subject.stamped_id}))
    if ids:
        subject.findings.judge(
            "create.match", f"it makes customer {others} beside {subject.stamped_id}", holds=not others
        )
    else:
        subject.findings.leave_open("create.match", "it answers without an id, and no search finds the customer")
    subject.note(sorted(ids))
    _judge_change("create.update", values, subject)


def _ids_after(seen: Answer, subject: Subject) -> set[str]:
    """The customers with the address, by the answer to a create, or else by a search."""
    _, customer = answered(seen.body, subject.email) or ((), None)
    stamped_id = id_of(customer)
    return {stamped_id} if stamped_id and subject.read(stamped_id) else subject.found()


def try_update(subject: Subject) -> None:
    """Update the customer with all fields but one."""
    left = subject.shown[1:][-1:]
    values = {name: value for name, value in subject.values(3).items() if name not in left}
    before = subject.read() or {}
    seen = subject.update(values)
    if not is_ok(seen):
        subject.findings.judge_answer("update.sent", seen, holds=False)
        subject.findings.leave_open("update.others", f"an update is answered {in_words(seen)}")
        return
    after = _judge_change("update.sent", values, subject)
    if not left:
        subject.findings.leave_open("update.others", TOO_LITTLE_SHOWN)
        return
    name = READ_NAMES[left[0]]
    seen_then = f"`{name}`, which it was not sent, was {shape(before.get(name))} and is {shape(after.get(name))}"
    subject.findings.judge("update.others", seen_then, holds=after.get(name) == before.get(name))


def _judge_change(key: str, values: Mapping[str, str], subject: Subject) -> Fields:
    """Judge whether a read shows what was sent, as far as it shows such fields: what it shows."""
    destinations = [name for name in subject.shown if name in values]
    customer = subject.read_with(values, destinations)
    kept = [f"`{READ_NAMES[name]}`" for name in destinations if not has(customer, name, values[name])]
    if destinations:
        subject.findings.judge(
            key, f"it is accepted, and {', '.join(kept)} of the customer stays as it was", holds=not kept
        )
    else:
        subject.findings.leave_open(key, TOO_LITTLE_SHOWN)
    return customer
