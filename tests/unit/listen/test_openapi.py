"""The front door's document says what the front door answers."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator

from worker.jobs.errors import LedgerUnavailable, ScopeUnsupported, TriggerMalformed
from worker.listen import answers
from worker.listen.front_door import OPENAPI
from worker.presentation.verdicts import error_as_json
from worker.sync.triggers import MOST_NOTIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = json.loads(OPENAPI)
SCHEMAS = DOCUMENT["components"]["schemas"]


def contents(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each content of a request or an answer, with its place."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in pairs:
        if name == "application/json":
            yield place, each
        else:
            yield from contents(each, f"{place}/{name}")


def examples(content: Any) -> list[Any]:
    """The examples of a content."""
    return [content["example"]] if "example" in content else [each["value"] for each in content["examples"].values()]


CONTENTS = {place: content for place, content in contents(DOCUMENT) if "/openapi.json/" not in place}


@pytest.mark.parametrize("place", CONTENTS)
def test_each_content_has_an_example_of_its_schema(place: str) -> None:
    """A reader sees what it looks like."""
    content = CONTENTS[place]
    validator = OAS31Validator({**content["schema"], "components": DOCUMENT["components"]})
    assert examples(content)
    for example in examples(content):
        validator.validate(example)


def test_examples_of_errors_are_the_errors() -> None:
    """Word for word, each that the front door has of HTTP, and those of the catalogue."""
    shown = [example for content in CONTENTS.values() for example in examples(content)]
    errors = [answers.error(status) for status in answers.ERRORS if status != HTTPStatus.BAD_REQUEST]
    malformed = TriggerMalformed("`notifications` is not a list of at least one notification. It begins: {}")
    errors += [error_as_json(malformed.failure), error_as_json(LedgerUnavailable().failure)]
    assert not [error for error in errors if error not in shown]
    refusal = error_as_json(ScopeUnsupported("`scope` customer/deleted is not supported").failure)
    refused = [each for example in shown for each in example.get("verdicts", ()) if not each["accepted"]]
    assert refused == [{"position": position, "accepted": False, **refusal} for position in (2, 1)]


@pytest.mark.parametrize(
    "verdict",
    [
        {"position": 1, "accepted": True},
        {"position": 1, "accepted": False},
        {"position": 1, "accepted": True, "code": "trigger-off", "message": "no", "resolution": "none"},
        {"position": 0, "accepted": False, "code": "trigger-off", "message": "no", "resolution": "none"},
    ],
    ids=str,
)
def test_verdict_without_what_it_must_say_is_none(verdict: dict[str, Any]) -> None:
    """An accepted one says what the ledger holds, a refused one why."""
    schema = {"$ref": "#/components/schemas/Verdicts", "components": DOCUMENT["components"]}
    assert not OAS31Validator(schema).is_valid({"verdicts": [verdict]})


def test_numbers_of_the_document_are_those_of_the_code() -> None:
    """How many notifications a trigger may have, and the seconds of Retry-After."""
    assert SCHEMAS["Trigger"]["properties"]["notifications"]["maxItems"] == MOST_NOTIFICATIONS
    assert DOCUMENT["components"]["headers"]["RetryAfter"]["example"] == answers.RETRY_AFTER_SECONDS
