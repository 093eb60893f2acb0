"""Pages whose address has something wrong in it: each says all of it in words, and shows the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.html import text_of
from tests.integration.jobs import FAILURE, JOB, claimed
from tests.integration.monitor_stage import Monitor, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

GROUP = f"/error-logs/{JOB.kind}/{JOB.system_id}/{FAILURE.code}"
NO_NUMBER = "is not a whole number of at most 19 digits that does not begin with 0"
UNKNOWN = "Connection 9 is not configured, and never had a job."
PAGES = ["/connections", "/activity", "/activity/events", "/error-logs", GROUP]


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger holds one failed job."""
    stage.ledger.fail(claimed(stage.ledger), (), FAILURE)
    with serving() as monitor:
        yield monitor


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "/connections?state=lost&unchanged=x",
            ["state: lost is not one of held, paused", f"unchanged: x {NO_NUMBER}"],
        ),
        ("/error-logs?system=x&rerun=-1", [f"connection: x {NO_NUMBER}", f"rerun: -1 {NO_NUMBER}"]),
        ("/activity?begins=x&state=lost", ["page: it is no link to a later page", "state: lost is not one of queued"]),
        ("/activity?since=2026-01-02&until=2026-01-01", ["from: it is later than to, 2026-01-01, so neither of them"]),
        ("/activity/events?since=2026-01-02&until=2026-01-01", ["from: it is later than to, 2026-01-01"]),
        ("/activity/events?begins=1-2-3&source=x", ["page: it is no link to a later page", "source: x is not one of"]),
        (f"{GROUP}?message=x&page=9", ["message: no job of this group has it", "page: there is no page 9, so this is"]),
        (f"{GROUP}?page=0", ["page: there is no page 0, so this is page 1"]),
    ],
)
def test_what_is_ignored_is_said_and_the_rest_shows(path: str, said: list[str], monitor: Monitor) -> None:
    """All at once."""
    text = monitor.text(path)
    assert [each for each in said if f"Ignored in the address: {each}" not in text] == []
    assert text.count("Ignored in the address: ") == len(said)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query", ["%FF=%FE", "sytem=4021", "system=%00", "zoe%40example.com=1", "a=1&a=2", "x=" + "9" * 999]
)
def test_what_no_page_knows_is_said_on_each(path: str, query: str, monitor: Monitor) -> None:
    """Also what is no text; an address in it is not repeated, and nothing is an error of Flower's."""
    text = monitor.text(f"{path}?{query}")
    assert text.count("Ignored in the address: ") == 1
    assert "example.com" not in text.partition("Ignored")[2]


@pytest.mark.parametrize("path", ["/activity", "/activity/events", "/error-logs"])
def test_a_connection_that_nobody_knows_is_said(path: str, stage: Stage, monitor: Monitor) -> None:
    """Nothing fits it, which looks like good news otherwise. One that once had a job is known."""
    assert UNKNOWN in monitor.text(f"{path}?system=9")
    stage.ledger.request(type(JOB)(JOB.kind, 9, "1"))
    assert UNKNOWN not in monitor.text(f"{path}?system=9")


@pytest.mark.parametrize("path", ["/activity", "/activity/events"])
def test_a_misspelt_code_is_said(path: str, monitor: Monitor) -> None:
    """With where to find the right one."""
    text = monitor.text(f"{path}?code=emial-missing")
    assert "No error of this release has the code emial-missing; stamped-sync errors lists them." in text


@pytest.mark.parametrize("path", ["/activity", "/activity/events"])
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-01-31T08:30-05:00", "2026-01-31T13:30"),
        ("2026-01-31", "2026-01-31T00:00"),
        ("2026-01-31T08:30:15.5", "2026-01-31T08:30:15"),
        ("soon", "soon"),
    ],
)
def test_a_time_is_in_its_field_as_a_browser_takes_it(path: str, given: str, shown: str, monitor: Monitor) -> None:
    """Otherwise the field would be empty, and the next press of Filter would drop it; a wrong one stays as it is."""
    filters = next(form for form in monitor.forms(f"{path}?since={given}") if "since" in form.fields)
    assert filters.fields["since"] == shown


@pytest.mark.parametrize("path", ["/activity/jobs.csv", "/activity/events.csv"])
def test_a_table_is_refused_with_all_faults(path: str, monitor: Monitor) -> None:
    """No page would say what it lacks, or has too much."""
    answer = monitor.get(f"{path}?since=2026-01-02&until=2026-01-01&system=x")
    assert answer.status_code == 400
    words = text_of(answer.text)
    assert f"The filter has faults: connection: x {NO_NUMBER}; from: it is later than to, 2026-01-01" in words
