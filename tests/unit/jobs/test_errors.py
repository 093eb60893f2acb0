"""The error catalogue, and the errors that carry its entries."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from worker.jobs import errors
from worker.jobs.catalogue import CATALOGUE, LONGEST_SHOWN, Concerns, Failure
from worker.jobs.errors import (
    KINDS,
    CustomerWriteFailed,
    InternalError,
    SyncError,
    WorkerLost,
)
from worker.jobs.intents import Intent, Retried, Trouble

ERRORS = list(KINDS.values())


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_is_complete(code: str) -> None:
    """Title, message, cause and resolution are sentences for people, on one line each."""
    entry = CATALOGUE[code]
    assert entry.code == code
    for text in (entry.message, entry.cause, entry.resolution):
        assert text.endswith(".")
        assert "\n" not in text
        assert "  " not in text
    assert entry.title
    assert not entry.title.endswith(".")


def test_every_entry_has_one_class_and_every_class_one_entry() -> None:
    """An entry that nothing raises, or an error that is not in the catalogue, fails here."""
    assert KINDS.keys() == CATALOGUE.keys()


SPECIFIED = {
    "customer-write-failed": """
        An error occurred while sending the customer to Stamped.io, including the HTTP status code and the message
        returned by Stamped.io.

        The integration called Stamped.io to create or update the customer and Stamped.io returned an error response.
        Common causes are invalid or expired credentials, an incorrect store identifier, a malformed or rejected value
        on the customer, or Stamped.io being temporarily unavailable.

        Confirm the Stamped.io credentials and store identifier on the subscription are correct and active. Review the
        customer's mapped values (in particular the email address) for anything Stamped.io would reject. Re-run the
        transfer from the Manual Sync page. If the error persists and the cause is not a credential or data issue,
        contact iPaaS.com Support.""",
    "subscription-failed": """
        An error occurred running the call to subscribe/unsubscribe.

        After creating or updating the customer, the integration made a follow-up call to set the customer's survey and
        review-email subscription state, and Stamped.io returned an error (the status code and Stamped.io's message are
        included in the logged error). This step runs only when the subscription field is mapped and the desired state
        differs from the customer's current state in Stamped.io.

        Confirm the customer has a valid email address mapped, since the subscribe and unsubscribe operations identify
        the customer by email. Confirm the Stamped.io credentials are active, then re-run the transfer. If the error
        continues, contact iPaaS.com Support.""",
}
"""The specification's two entries: message, description and resolution."""


@pytest.mark.parametrize("code", SPECIFIED)
def test_the_specifications_entries_keep_their_words(code: str) -> None:
    """Both entries of its error messages, word for word."""
    entry = CATALOGUE[code]
    words = [" ".join(text.split()) for text in SPECIFIED[code].split("\n\n")]
    assert [entry.message, entry.cause, entry.resolution] == words


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("customer-write-failed", "Customer create or update failed"),
        ("subscription-failed", "Subscribe or unsubscribe failed"),
    ],
)
def test_the_specifications_entries_keep_their_titles(code: str, title: str) -> None:
    """An operator finds them under the names that the article gives them."""
    assert CATALOGUE[code].title == title


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (Failure("email-missing"), "{}."),
        (Failure("email-missing", detail="Email is empty"), "{}: Email is empty"),
        (Failure("email-missing", 422), "{}: HTTP 422"),
        (Failure("email-missing", 422, "is invalid"), "{}: HTTP 422: is invalid"),
    ],
)
def test_message_has_the_status_and_the_apis_words_behind_it(failure: Failure, message: str) -> None:
    """After a colon, as they go on in lower case; what is not known is not shown."""
    assert failure.message == message.format(CATALOGUE["email-missing"].message.removesuffix("."))


def test_failure_as_json_is_what_the_command_line_prints() -> None:
    """The `error` object of `--json`."""
    entry = CATALOGUE["customer-write-failed"]
    assert Failure("customer-write-failed", 422, "taken").as_json() == {
        "code": "customer-write-failed",
        "title": entry.title,
        "message": f"{entry.message.removesuffix('.')}: HTTP 422: taken",
        "cause": entry.cause,
        "resolution": entry.resolution,
        "http_status": 422,
    }


def test_code_of_another_version_reads_as_a_fault() -> None:
    """A failure that an older version wrote into the ledger can still be shown."""
    assert Failure("no-longer-there").entry is InternalError.entry


@pytest.mark.parametrize("kind", ERRORS)
def test_error_means_what_its_group_says(kind: type[SyncError]) -> None:
    """If no answer was read for it: what happens next is that of its group, and the catalogue says the same."""
    meant = {
        Retried.ALWAYS: {Intent.STORES},
        Retried.HELD: {Intent.STORES},
        Retried.BY_ANSWER: {Intent.CUSTOMERS},
        Retried.SOON: {Intent.NOT_YET},
        Retried.NEVER: {Intent.CUSTOMERS, Intent.OURS},
    }
    assert kind("why").intent in meant[kind.retried]
    assert (kind("why").intent is Intent.OURS) is (kind in {InternalError, WorkerLost})


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("intent", Intent)
def test_error_of_an_answer_means_what_the_answer_meant(kind: type[SyncError], intent: Intent) -> None:
    """Nothing else decides, least of all a status or a text."""
    error = kind("try again later", http_status=422, intent=intent, trouble=Trouble.UNAVAILABLE)
    assert (error.intent, error.trouble) == (intent, Trouble.UNAVAILABLE)


def test_long_words_are_cut_but_for_the_jobs_own_page() -> None:
    """A log line stays short; what is left out of it is not lost."""
    failure = Failure("customer-write-failed", 422, "x" * 1000)
    assert failure.message.endswith(f" HTTP 422: {'x' * LONGEST_SHOWN}…")
    assert failure.whole_message.endswith(f" HTTP 422: {'x' * 1000}")


@pytest.mark.parametrize("concerns", Concerns)
def test_every_error_says_where_its_cause_lies(concerns: Concerns) -> None:
    """Each place has its errors."""
    assert [entry for entry in CATALOGUE.values() if entry.concerns is concerns]


@pytest.mark.parametrize("kind", ERRORS)
def test_error_survives_the_way_to_another_process(kind: type[SyncError]) -> None:
    """Celery pickles what a task raises; one that can't be read back would show in Flower as something else."""
    error = pickle.loads(pickle.dumps(kind("why", http_status=429, retry_after=3.0, intent=Intent.STORES)))  # noqa: S301 - our own bytes
    assert (type(error), error.failure, error.retry_after) == (kind, Failure(kind.entry.code, 429, "why"), 3.0)
    assert error.intent is Intent.STORES


def test_error_shows_its_entry_everywhere() -> None:
    """As a text in the log and as a representation in Flower: code, message, status and the API's words."""
    error = CustomerWriteFailed("taken", http_status=422)
    assert str(error) == f"customer-write-failed: {error.entry.message.removesuffix('.')}: HTTP 422: taken"
    assert repr(error) == f"CustomerWriteFailed({str(error)!r})"


def test_catalogue_is_the_file_in_its_order() -> None:
    """The table of docs/reference follows `errors.toml`."""
    lines = Path(errors.__file__).with_name("errors.toml").read_text(encoding="utf-8").splitlines()
    assert [line.strip("[]") for line in lines if line.startswith("[")] == list(CATALOGUE)
