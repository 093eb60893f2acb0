"""What the command line says of people who unsubscribe by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.cli.connections import mapping_in_short
from worker.cli.mapping import subscription_in_words
from worker.mapping.mapping import Mapping
from worker.mapping.rows import Row, RowType

DEFAULT = Mapping.default()
FIELD = Row(RowType.FIELD, "IsSubscribed", source="CustomFields.Newsletter")
KEEPING = replace(FIELD, resubscribe=False)
NOBODY = Row(RowType.STATIC, "IsSubscribed", value=False)


def mapping(row: Row | None) -> Mapping:
    """The default mapping with a row for the subscription."""
    return Mapping((*DEFAULT.rows, row)) if row else DEFAULT


@pytest.mark.parametrize(
    ("row", "words", "in_short"),
    [
        (None, "left unchanged", "6 rows, subscription not mapped"),
        (FIELD, "also those who have unsubscribed in Stamped.io by themselves", "7 rows, subscription mapped"),
        (
            KEEPING,
            "Whoever has unsubscribed in Stamped.io stays unsubscribed.",
            "7 rows, subscription mapped, without subscribing anybody again",
        ),
        (NOBODY, "Every customer that is transferred is unsubscribed.", "7 rows, subscription mapped"),
    ],
)
def test_what_becomes_of_those_who_unsubscribed_is_told(row: Row | None, words: str, in_short: str) -> None:
    """Nobody has to find out by losing them."""
    assert words in subscription_in_words(mapping(row))
    assert mapping_in_short(mapping(row)) == in_short
