"""What holds for every page of ours: the login, the frame that Flower gives it, and what it says in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flower.urls
import pytest

from tests.integration.html import text_of
from tests.integration.jobs import JOB
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, serving
from tests.integration.stage import NOWHERE
from worker.app import app
from worker.monitor.change import ChangePage
from worker.monitor.install import INSERTED, REPLACED, TEMPLATES, Templates, routes, with_piece
from worker.monitor.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

FLOWERS = flower.urls.settings["template_path"]
PAGES = ["/connections", "/activity", "/activity/counts", "/activity/events", "/activity/events.csv", "/error-logs"]
PAGES += ["/activity/customer/4021/150713", "/manual-sync"]


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger holds one job."""
    stage.ledger.request(JOB)
    with serving() as monitor:
        yield monitor


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("login", [None, WRONG_LOGIN], ids=["none", "wrong"])
def test_no_page_is_shown_without_the_login(path: str, login: tuple[str, str] | None, monitor: Monitor) -> None:
    """Flower's own login guards ours too, and nothing of the page is in the answer."""
    answer = monitor.get(path, login)
    assert (answer.status_code, answer.text) == (401, "Access denied")


def test_whatever_changes_something_is_guarded_as_a_change() -> None:
    """A page with a POST that forgot its guard is found here."""
    unguarded = [
        route.regex.pattern
        for route in routes()
        if issubclass(route.handler_class, Page)
        and route.handler_class.post is not Page.post
        and route.handler_class.post is not ChangePage.post
    ]
    assert unguarded == []


@pytest.mark.parametrize("template", sorted({*INSERTED, *REPLACED}))
def test_flowers_templates_hold_the_places_where_ours_go(template: str) -> None:
    """Another Flower than the pinned one may have other templates; loading one without the place is an error."""
    pieces = [*INSERTED.get(template, {}).values(), *REPLACED.get(template, {}).values()]
    assert pieces
    assert all((TEMPLATES / piece).is_file() for piece in pieces)
    assert Templates(FLOWERS).load(template).name == template


def test_another_flower_is_noticed() -> None:
    """A template without the place is an error, not a page without the button."""
    with pytest.raises(LookupError, match="another version"):
        with_piece("<p>", "<div>", "task-rerun.html")


@pytest.mark.parametrize("path", ["/tasks", "/activity"])
def test_the_pages_are_tabs_of_flower(path: str, monitor: Monitor) -> None:
    """On Flower's own pages as on ours."""
    assert "Connections Activity Error Logs Manual Sync Workers Tasks Broker" in monitor.text(path)


def test_the_tab_of_the_page_is_marked(monitor: Monitor) -> None:
    """Also for whoever hears the page instead of seeing it; so is the view of Activity."""
    assert monitor.get("/error-logs").text.count('aria-current="page"') == 1
    assert monitor.get("/activity").text.count('aria-current="page"') == 2


def test_no_other_site_can_frame_a_page(monitor: Monitor) -> None:
    """Otherwise it could trick somebody into pressing a button that they do not see."""
    headers = monitor.get("/activity").headers
    assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")


@pytest.mark.parametrize("asset", ["stamped.css", "stamped.js"])
def test_the_assets_are_served_and_asked_for_again(asset: str, monitor: Monitor) -> None:
    """So that after an update nobody sees an old one."""
    answer = monitor.get(f"/stamped/{asset}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_nothing_is_loaded_from_elsewhere() -> None:
    """An operator's screen works in a network of its own."""
    files = [path for folder in ("templates", "static") for path in (TEMPLATES.parent / folder).iterdir()]
    assert files
    assert [path.name for path in files if "//" in path.read_text(encoding="utf-8").replace("// ", "")] == []


@pytest.mark.parametrize("path", PAGES[:4])
def test_redis_that_does_not_answer_is_told(path: str, stage: Stage, monitor: Monitor) -> None:
    """With what to do, instead of an error page."""
    stage.move_ledger(NOWHERE)
    answer = monitor.get(path)
    assert answer.status_code == 503
    for words in ("Redis does not answer", "STAMPED_SYNC_REDIS_URL", "Resolution"):
        assert words in text_of(answer.text)


def test_a_wrong_configuration_is_told(stage: Stage, monitor: Monitor) -> None:
    """With every fault, in the words of the command line."""
    stage.patch.setenv("STAMPED_SYNC_CONNECTIONS", str(stage.folder / "nowhere.toml"))
    stage.patch.delitem(app.__dict__, "runtime")
    answer = monitor.get("/activity")
    assert answer.status_code == 503
    assert "nowhere.toml" in text_of(answer.text)


def test_a_prefix_moves_the_pages(stage: Stage) -> None:
    """Behind a proxy, Flower lives below a path: so do the pages, what they load and where their links lead."""
    stage.ledger.request(JOB)
    with serving(url_prefix="monitor") as monitor:
        page = monitor.get("/monitor/activity").text
        assert 'href="/monitor/activity/customer/4021/150713"' in page
        assert 'href="/monitor/stamped/stamped.css"' in page
        assert monitor.get("/monitor/stamped/stamped.js").status_code == 200
        answer = monitor.submit("/monitor/activity/customer/4021/150713", "/monitor/rerun")
        assert answer.headers["Location"] == "/monitor/activity/customer/4021/150713"
