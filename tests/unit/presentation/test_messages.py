"""Messages that a person would call the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.presentation.records import failed
from worker.jobs.catalogue import Failure
from worker.presentation.messages import LONGEST, normalised, sub_groups

CODE = "customer-write-failed"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('Email "zoe" is taken', "Email “…” is taken"),
        ("Email 'a b' is taken", "Email “…” is taken"),
        ("Customer 150713 of 4021: 3.5 s", "Customer # of #: # s"),
        ("id 6f0c2b6e-0000-4000-8000-000000000017 and 5e884898da28047151d0e56f8dc6292773603d0d", "id … and …"),
        ("Name [masked] is too\n long", "Name […] is too long"),
        ("decade facade feedback", "decade facade feedback"),
        ("", ""),
        ("x" * 1000, "x" * LONGEST),
    ],
)
def test_what_differs_from_one_customer_to_the_next_is_left_out(message: str, shown: str) -> None:
    """Ids, numbers, what is quoted and what was masked; words stay."""
    assert normalised(message) == shown


def test_sub_groups_are_by_status_and_message() -> None:
    """The largest first, each with a name that is always the same."""
    records = [failed(str(number), Failure(CODE, 422, f"Email {number} is taken")) for number in range(1, 4)]
    records += [failed("9", Failure(CODE, 400, "Email 9 is taken")), failed("8", Failure(CODE))]
    first, second, third = sub_groups(records)
    assert (first.words, len(first.records), first.key) == ("HTTP 422: Email # is taken", 3, sub_groups(records)[0].key)
    assert {second.words, third.words} == {"HTTP 400: Email # is taken", "no message"}
    assert len({first.key, second.key, third.key}) == 3
    assert sub_groups([replace(records[0], failure=None)]) == []
