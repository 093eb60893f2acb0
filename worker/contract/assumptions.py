"""The assumptions about Stamped.io's API, each with the place in the code where one edit corrects it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from worker.mapping.rows import WIRE_NAMES

ROOT = Path(__file__).parents[2]
"""The folder that holds the package, installed or not."""


@dataclass(frozen=True)
class Assumption:
    """One thing that is assumed, and where the code relies on it."""

    key: str
    says: str
    file: str
    """The file in the package, from the folder that holds it."""
    anchor: str
    """A piece of the line that is to be corrected."""

    @cached_property
    def place(self) -> str:
        """File and line; the file alone if it has changed so much that the line is not found."""
        lines = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        found = next((number for number, line in enumerate(lines, start=1) if self.anchor in line), None)
        return f"{self.file}:{found}" if found else self.file


def write_key(name: str) -> str:
    """The key of the assumption that a write takes this name."""
    return f"write.{name}"


ROWS, STAMPED, ANSWERS = "worker/mapping/rows.py", "worker/stamped/client.py", "worker/stamped/answers.py"
JOBS, ANY_OUTCOME, ANY_BODY = "worker/jobs/job.py", "worker/http/outcome.py", "worker/http/body.py"

ASSUMPTIONS: Final = (
    *(Assumption(write_key(name), f"A write takes `{name}`", ROWS, f'"{name}"') for name in WIRE_NAMES.values()),
    Assumption("create.answer", "A create answers with the customer", ANY_BODY, "ENVELOPES:"),
    Assumption("create.id", "The customer's id is in that answer, as `id` or `customerId`", ANSWERS, '"customerId"'),
    Assumption(
        "create.match", "A create with a known e-mail address answers with its customer", STAMPED, "def create("
    ),
    Assumption("create.update", "A create with a known e-mail address updates its customer", STAMPED, "def create("),
    Assumption("read.answer", "A read answers with the customer that was asked for", ANSWERS, "def customer_in("),
    Assumption("read.id", "The customer's id is a number", JOBS, "STAMPED_ID ="),
    Assumption("read.subscribed", "`isSubscribed` of a customer is a boolean", ANSWERS, "STATE ="),
    Assumption("update.sent", "An update changes the fields that it is sent", STAMPED, "def update("),
    Assumption("update.others", "An update leaves the other fields as they are", STAMPED, "def update("),
    Assumption("list.answer", "A list holds the customers where they are looked for", ANY_BODY, "LISTS:"),
    Assumption("search.finds", "`search` finds a customer by the e-mail address", STAMPED, "SEARCH:"),
    Assumption("search.only", "`search` finds nobody by an address that nobody has", STAMPED, "SEARCH:"),
    Assumption("page.first", "`page` counts from 1", STAMPED, "PAGE:"),
    Assumption("survey.subscribe", "`survey/subscribe` takes `email`, and subscribes", STAMPED, "SURVEY_EMAIL:"),
    Assumption("survey.unsubscribe", "`survey/unsubscribe` takes `email`, and unsubscribes", STAMPED, "SURVEY_EMAIL:"),
    Assumption(
        "error.status", "A read of a customer that does not exist answers 404", ANY_OUTCOME, "REFUSED, NOT_FOUND"
    ),
    Assumption(
        "error.body", "An error has its words in `message`, `error`, `errors` or `title`", ANY_BODY, "MESSAGE_FIELDS"
    ),
)
