"""An operator at work: a real browser, Flower, worker and sandbox."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from selenium.webdriver.common.by import By

from tests import parts
from tests.acceptance.browser import BROWSERS, PASSWORD, USER, Browser, browser, flower
from tests.acceptance.scene import ID, ZOE, Scene, customer, person, scene
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import State
from worker.ledger import Refusal
from worker.monitor.change import LARGEST_BYTES
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS: Final = [person(str(number)) for number in range(1, 9)]
NO_EMAIL = {"email_address": ""}
NO_EMAIL_ENTRY = CATALOGUE["email-missing"]


@pytest.fixture(scope="module")
def stage(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A worker, a beat and a sandbox with some customers, two of whom have no e-mail address."""
    sandbox = Sandbox([ZOE, *OTHERS])
    with scene(valkey_url, tmp_path_factory.mktemp("browser"), sandbox) as built, built.running():
        yield built


@pytest.fixture(params=BROWSERS)
def page(request: pytest.FixtureRequest, monitor: str, stage: Scene) -> Iterator[Browser]:
    """A browser that has logged in, before an empty ledger."""
    stage.clear()
    customers: list[dict[str, Any]] = [ZOE, *OTHERS]
    for each in customers:
        stage.sandbox.put_customer(each)
    with browser(request.param, monitor, stage.folder) as opened:
        yield opened


def without_email(stage: Scene) -> str:
    """Let the customer fail for its missing address; the address that it had."""
    had = str(stage.sandbox.customers[ID]["email_address"])
    stage.sandbox.patch_customer(ID, NO_EMAIL)
    stage.request(customer())
    assert stage.settled(customer()).state is State.FAILED
    return had


def test_failed_customer_is_found_by_its_cause_put_right_and_run_again(page: Browser, stage: Scene) -> None:
    """From Error Logs to the job's page, Re-run, and done."""
    had = without_email(stage)
    page.open("/error-logs")
    page.read("The source field that is mapped to Email is empty for this customer.")
    page.picture("error-logs")
    page.press(ID)
    page.read("Customer has no email address")
    page.picture("failed-job")
    stage.sandbox.patch_customer(ID, {"email_address": had})
    page.press("Re-run")
    page.read("created")
    assert stage.settled(customer()).state is State.DONE


def test_failed_task_is_run_again_from_its_own_page(page: Browser, stage: Scene) -> None:
    """Flower's page of the task has a Re-run too."""
    had = without_email(stage)
    stage.sandbox.patch_customer(ID, {"email_address": had})
    open_failed_task(page)
    page.picture("failed-task")
    page.press("Re-run")
    page.read("created")
    assert stage.settled(customer()).state is State.DONE


def test_job_that_was_carried_on_with_is_a_task_of_its_own(page: Browser, stage: Scene) -> None:
    """A worker ran it without a message; Flower shows its row and its page, and runs it again."""
    had = str(stage.sandbox.customers[ID]["email_address"])
    stage.sandbox.patch_customer(ID, NO_EMAIL)
    crowd = [person(str(number)) for number in range(101, 131)]
    for each in crowd:
        stage.sandbox.put_customer(each)
    before = messages_pushed(stage)
    stage.request(*(customer(str(each["id"])) for each in crowd), customer())
    assert stage.settled(customer()).state is State.FAILED
    assert messages_pushed(stage) - before <= len(crowd)
    stage.sandbox.patch_customer(ID, {"email_address": had})
    open_failed_task(page)
    for words in ("stamped.transfer_customer", f"({parts.SYSTEM}, '{ID}')", "FAILURE", "Received", "Started", "Worker"):
        page.read(words)
    for words in ("What happened\n", f"{NO_EMAIL_ENTRY.title} (email-missing)\n", f"\nCause: {NO_EMAIL_ENTRY.cause}\n"):
        page.read(words)

    page.press("Re-run")
    page.read("created")
    assert stage.settled(customer()).state is State.DONE


def messages_pushed(stage: Scene) -> int:
    """How many messages were pushed onto queues so far."""
    stats: Any = stage.client.info("commandstats")
    return int(stats.get("cmdstat_lpush", {}).get("calls", 0))


def open_failed_task(page: Browser) -> None:
    """Open the page of the newest failed task from Flower's list, once Flower has heard of it."""
    parts.eventually(lambda: failed_tasks(page))
    page.open("/tasks?state=FAILURE")
    page.driver.get(parts.eventually(lambda: failed_task(page)))


def failed_tasks(page: Browser) -> object:
    """The failed tasks that Flower knows of."""
    url, login = f"{page.url}/api/tasks?state=FAILURE", (USER, PASSWORD)
    return requests.get(url, auth=login, timeout=parts.PATIENCE_SECONDS).json()


def failed_task(page: Browser) -> str | None:
    """The address of the newest failed task in Flower's list."""
    links = page.driver.find_elements("css selector", "a[href*='/task/']")
    return next((link.get_attribute("href") for link in links), None)


def test_three_ids_are_previewed_and_synced(page: Browser, stage: Scene) -> None:
    """Manual Sync shows what it would do, does it, and follows exactly these."""
    page.open("/manual-sync")
    page.write("ids", "1, 2\n3")
    page.press("Preview")
    page.read("Preview: nothing was written")
    page.picture("preview")
    assert stage.sandbox.stamped_customers == {}
    page.press("Submit")
    page.read("3 of 3 ended, all well.")
    page.picture("manual-sync")
    assert len(stage.sandbox.stamped_customers) == 3


@pytest.mark.parametrize("name", BROWSERS)
def test_login_of_any_letters_lets_a_browser_in(name: str, stage: Scene) -> None:
    """With umlauts, a colon and blanks in its password."""
    with flower(stage, "zoë", "pässwört: 1 2") as url, browser(name, url, stage.folder) as opened:
        opened.open("/error-logs")
        opened.read("What failed, in one group for each error")


def test_what_operators_must_know_is_told_on_top(page: Browser, stage: Scene) -> None:
    """Jobs that Redis lost, and what was refused."""
    for number in range(3):
        stage.ledger.refuse(Refusal("scope-unsupported", "", "6f0c", number, "4021", "customer/deleted", str(number)))
    stage.client.hset("stamped-sync:totals", mapping={"born|customer|4021": 1360, "refused|scope-unsupported": 1000})
    page.open("/activity")
    page.read("1,360 jobs of connection 4021 vanished from Redis")
    page.read("1,000, of which 3 are listed.")
    assert list(page.sizes()) == ["desktop", "phone"]


def test_misspelt_task_is_shown_though_flower_takes_it(page: Browser) -> None:
    """Flower's REST call answers 200 to any name, so its sender learns nothing."""
    url, login = f"{page.url}/api/task/send-task/stamped.accept_triger", (USER, PASSWORD)
    answer = requests.post(url, json={"args": [{}]}, auth=login, timeout=parts.PATIENCE_SECONDS)
    assert answer.ok

    def shown() -> bool:
        page.open("/error-logs")
        return "it asks for stamped.accept_x" in page.text()

    parts.eventually(shown)
    page.read("stamped.accept_trigger is probably meant")
    page.open(f"/task/{answer.json()['task-id']}")
    page.read(CATALOGUE["task-unknown"].title)


def test_preview_that_can_read_no_more_shows_the_rest(page: Browser, stage: Scene) -> None:
    """Those that it read, and the ids of the others."""
    stage.sandbox.add_fault(Fault(path="Customer/3$", status=401, body={"message": "expired"}))
    page.open("/manual-sync")
    page.write("ids", "1 2 3 4 5")
    page.press("Preview")
    page.read("2 of 5 customers were read.")
    page.read("Could not be read: iPaaS.com refused the credentials")
    assert list(page.sizes()) == ["desktop", "phone"]


def test_large_file_is_refused_before_it_is_sent(page: Browser, stage: Scene) -> None:
    """The browser says so beside the field."""
    large = stage.folder / "large.txt"
    large.write_text("1\n" * LARGEST_BYTES, encoding="utf-8")
    page.open("/manual-sync")
    page.write("file", str(large))
    field = page.driver.find_element("name", "file")
    parts.eventually(lambda: "larger than the page takes" in str(field.get_property("validationMessage")))
    page.press("Preview")
    assert "/preview" not in page.driver.current_url


def test_activity_is_filtered(page: Browser, stage: Scene) -> None:
    """By state, and the filter is in the address."""
    without_email(stage)
    stage.request(*(customer(str(number)) for number in range(1, 9)))
    for number in range(1, 9):
        stage.settled(customer(str(number)))
    page.open("/activity")
    page.read("email-missing")
    page.picture("activity")
    page.choose("state", "failed")
    page.press("Filter")
    page.read(ID)
    assert "state=failed" in page.driver.current_url
    assert "created" not in page.text()


PAGES: Final = [
    *("/connections", f"/connections/{parts.SYSTEM}/pause", "/activity", "/activity/events", "/error-logs"),
    *(f"/error-logs/customer/{parts.SYSTEM}/email-missing", f"/activity/customer/{parts.SYSTEM}/{ID}", "/manual-sync"),
    *(f"/activity/customer/{parts.SYSTEM}/{ID}/discard", "/time-zone", "/workers", "/tasks", "/broker"),
]
"""Every page that needs no more than one failed job, Flower's own among them."""


def test_every_page_can_be_used_without_seeing_it_or_with_weak_eyes(page: Browser, stage: Scene) -> None:
    """Axe finds nothing, at each width and in each theme; and no page is too wide."""
    without_email(stage)
    stage.ledger.refuse(Refusal("scope-unsupported", "", "trigger-1", 1, str(parts.SYSTEM), "customer/deleted", ID))
    stage.ledger.pause(parts.SYSTEM)
    found: dict[tuple[str, str, str], list[str]] = {}
    for path in PAGES:
        page.open(path)
        found |= {(path, size, theme): faults for size, theme, faults in page.violations() if faults}
    stage.ledger.resume(parts.SYSTEM)
    assert found == {}


BESIDE: Final = """
const left = (cell) => {
  const text = document.createRange();
  text.selectNodeContents(cell);
  return Math.round(text.getBoundingClientRect().left);
};
const cells = document.querySelectorAll(".dataTables_scrollBody tbody tr:first-child td");
return [...document.querySelectorAll(".dataTables_scrollHead th")]
  .filter((head, place) => cells[place].textContent && Math.abs(left(head) - left(cells[place])) > 1)
  .map((head) => head.textContent);
"""
"""The columns of a table of Flower's whose heading does not begin above its cells."""


@pytest.mark.parametrize("path", ["/tasks", "/workers"])
def test_flowers_own_tables_stand_below_their_headings(path: str, page: Browser, stage: Scene) -> None:
    """At each width, also with rows that came in since the table was drawn first."""
    without_email(stage)
    parts.eventually(lambda: failed_tasks(page))
    page.open(path)
    page.read("celery@")
    assert {size: page.driver.execute_script(BESIDE) for size in page.sizes()} == {"desktop": [], "phone": []}


def received(page: Browser) -> tuple[str, str, datetime]:
    """What Flower's list of tasks says of when the newest came: the heading, the time, and the time that is meant."""
    page.open("/tasks")
    page.read("stamped.transfer_customer")
    heading = page.driver.find_element(By.CSS_SELECTOR, ".dataTables_scrollHead th[data-column=received]")
    cell = page.driver.find_element(By.CSS_SELECTOR, "tbody time")
    meant = datetime.fromisoformat(str(cell.get_attribute("datetime")))
    return str(heading.get_attribute("textContent")), cell.text.partition(".")[0], meant


def test_flowers_own_pages_show_the_chosen_zone(page: Browser, stage: Scene) -> None:
    """The list of tasks in its column, and Workers in when it was updated."""
    without_email(stage)
    parts.eventually(lambda: failed_tasks(page))
    page.open("/time-zone?back=/workers")
    page.choose("name", "Asia/Kathmandu")
    page.press("Use it")
    parts.eventually(lambda: re.search(r"Updated \d\d:\d\d:\d\d Asia/Kathmandu", page.text()))
    heading, shown, meant = received(page)
    there = meant + timedelta(hours=5, minutes=45)
    assert (heading, shown) == ("Received (Asia/Kathmandu)", f"{there:%Y-%m-%d %H:%M:%S}")


def test_a_zone_that_flowers_script_is_too_old_for_is_shown_as_utc(page: Browser, stage: Scene) -> None:
    """And not in the browser's own under that name; this one is from 2025."""
    without_email(stage)
    parts.eventually(lambda: failed_tasks(page))
    page.driver.add_cookie({"name": "stamped_zone", "value": "America.Coyhaique"})
    heading, shown, meant = received(page)
    assert (heading, shown) == ("Received (UTC)", f"{meant:%Y-%m-%d %H:%M:%S}")


def test_a_store_is_paused_and_resumed(page: Browser, stage: Scene) -> None:
    """From the first page, with a reason; meanwhile its jobs wait, and then they go on."""
    page.open("/")
    page.picture("connections")
    page.press("Pause")
    page.write("reason", "the store moves")
    page.press("Pause")
    page.read("the store moves")
    stage.request(customer())
    assert stage.ledger.hold_of(parts.SYSTEM)
    page.press("Resume")
    page.read("well")
    assert stage.settled(customer()).state is State.DONE
    page.open("/activity/events")
    page.read("resumed")
    page.picture("events")
    assert f"by {USER}" in page.text()


def test_ticked_jobs_are_run_again(page: Browser, stage: Scene) -> None:
    """From a group's page, and followed on the page of their progress."""
    had = without_email(stage)
    page.open("/error-logs")
    page.press("Show jobs")
    page.read("Acknowledge")
    page.picture("error-group")
    stage.sandbox.patch_customer(ID, {"email_address": had})
    page.driver.find_element(By.NAME, "job").click()
    page.press("Re-run ticked")
    page.read("1 of 1 ended, all well.")
    assert stage.settled(customer()).state is State.DONE
