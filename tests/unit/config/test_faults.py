"""A fault suggests what was probably meant, and nothing that makes no sense."""

from __future__ import annotations

import pytest

from worker.config.faults import nearest, unknown
from worker.mapping.file import SOURCE_NAMES
from worker.mapping.rows import DESTINATIONS


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EmailAdress", "EmailAddress"),
        ("emailaddress", "EmailAddress"),
        ("Email", "EmailAddress"),
        ("customer", "CustomerNumber"),
        ("Fristname", "FirstName"),
        ("Comments", "Comment"),
        ("CreatedDate", "CreatedDateTime"),
        ("UpdatedDateTme", "UpdatedDateTime"),
        ("CustomFields.", "CustomFields.<name>"),
        ("CustomerComment", "Comment"),
        ("Name", ""),
        ("Date", ""),
        ("DateTime", ""),
        ("Country", ""),
        ("Phone", ""),
        ("Zip", ""),
        ("Na", ""),
        ("I", ""),
        ("", ""),
        (5, ""),
        (None, ""),
    ],
)
def test_source_is_suggested_only_where_one_was_probably_meant(name: object, meant: str) -> None:
    """A part of several names, or of none, could mean anything."""
    assert nearest(name, SOURCE_NAMES) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Note", "Notes"), ("ExternalId", "externalId"), ("Subscribed", "IsSubscribed"), ("Name", ""), ("Phone", "")],
)
def test_destination_is_suggested_only_where_one_was_probably_meant(name: str, meant: str) -> None:
    """The same rule."""
    assert nearest(name, DESTINATIONS) == meant


def test_all_known_names_are_listed_where_none_is_suggested() -> None:
    """Whoever wrote it can choose."""
    assert unknown("Phone", "destination", DESTINATIONS) == (
        f"'Phone' is not a destination; use one of {', '.join(DESTINATIONS)}"
    )
