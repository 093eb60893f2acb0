"""What is shown of the name of a task that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tasks.unknown import KINDS_NOTED, UnknownTasks, detail_of, shape_of
from worker.jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from worker.ledger import Ledger, Refusal


class KeptLedger:
    """A ledger that keeps refusals alone, unless it is away."""

    def __init__(self) -> None:
        self.kept: list[Refusal] = []
        self.is_away = False

    def refuse(self, refusal: Refusal) -> None:
        """Keep one."""
        if self.is_away:
            raise LedgerUnavailable
        self.kept.append(refusal)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("stamped.accept_triger", "stamped.accept_x"),
        ("tasks.accept_trigger", "x.accept_trigger"),
        ("stamped.accept-trigger", "stamped.x"),
        ("zoe@example.com", "x.x"),
        ("Zoë Müller", "x"),
        ("", "nothing"),
        ("..", ".."),
        ("x." * 500, "x." * 32),
    ],
)
def test_only_words_of_our_tasks_are_shown_of_a_name(name: str, shape: str) -> None:
    """Anything can stand in it."""
    assert shape_of(name) == shape


def test_what_was_probably_meant_is_said() -> None:
    """If any of our tasks is like it."""
    assert detail_of("stamped.accept_triger") == (
        "it asks for stamped.accept_x, in which x stands for any other word; stamped.accept_trigger is probably meant"
    )
    assert detail_of("zoe@example.com") == "it asks for x.x, in which x stands for any other word"


def test_kinds_of_names_are_noted_once_and_no_more_than_some() -> None:
    """However many messages come, with however many names."""
    ledger = KeptLedger()
    unknown = UnknownTasks(lambda: cast("Ledger", ledger))
    for _ in range(100):
        unknown.add("stamped.accept_triger")
    assert [each.place for each in ledger.kept] == ["message of stamped.accept_x"]
    for number in range(100):
        unknown.add("stamped" + ".x" * number)
    assert len(ledger.kept) == KINDS_NOTED + 1


def test_a_message_is_dropped_although_the_ledger_is_away() -> None:
    """It cannot be noted, and nothing else is to be done."""
    ledger = KeptLedger()
    ledger.is_away = True
    error = UnknownTasks(lambda: cast("Ledger", ledger)).add("stamped.swep")
    assert error.failure.code == "task-unknown"
