"""The pages warn of an API key that expires soon, and take what a subscription says without showing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.html import text_of
from tests.integration.monitor_stage import serving
from tests.integration.stage import ID, transferred
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from tests.integration.stage import Stage


@pytest.mark.parametrize("page", ["/activity", "/manual-sync"])
@pytest.mark.parametrize(("days", "is_shown"), [(3, True), (90, False)])
def test_an_api_key_that_expires_soon_is_shown(
    stage: Stage, redis_url: str, page: str, days: int, is_shown: bool
) -> None:
    """With what to do about it."""
    day = datetime.now(UTC).date() + timedelta(days=days)
    text = parts.connection(stage.url).replace(' token = "', f' token_expires = {day}, token = "')
    (stage.folder / "connections.toml").write_text(text, encoding="utf-8")
    stage.build(redis_url)
    with serving() as monitor:
        warning = f"4021 Sandbox 4021: its iPaaS.com API key expires on {day}, in 3 days"
        assert (warning in monitor.text(page)) is is_shown


@pytest.fixture(name="open_stage")
def _open_stage(stage: Stage, redis_url: str) -> Stage:
    """The stage with a connection that leaves everything to the subscription, even its name."""
    (stage.folder / "connections.toml").write_text(parts.open_connection(stage.url), encoding="utf-8")
    stage.build(redis_url)
    return stage


def test_a_connection_without_a_name_is_shown_by_its_system_id(open_stage: Stage) -> None:
    """On every page."""
    transferred(open_stage)
    with serving() as monitor:
        for page in ("/manual-sync", "/activity", f"/activity/customer/4021/{ID}"):
            assert "4021" in monitor.text(page)
        assert "Connection (4021)" in monitor.text("/manual-sync")
        assert "Connection (4021)" in monitor.text("/activity")


def test_a_connection_without_a_name_is_still_configured(open_stage: Stage) -> None:
    """Its failed jobs can be run again."""
    open_stage.refuse(422)
    transferred(open_stage)
    with serving() as monitor:
        shown = monitor.text("/error-logs")
    assert "Connection (4021)" in shown
    assert "not configured any more" not in shown


def test_a_preview_reads_the_subscription(open_stage: Stage) -> None:
    """Flower has no worker's thread that would."""
    with serving() as monitor:
        fields = {"system": str(parts.SYSTEM), "ids": ID} | monitor.token()
        shown = text_of(monitor.post("/manual-sync/preview", fields).text)
    assert "zoe@example.com" in shown
    assert open_stage.called.count(str(parts.SYSTEM)) == 1


def test_no_page_shows_what_the_subscription_says(open_stage: Stage) -> None:
    """Also not while the connection is held for a setting that is wrong, or for a refusal that repeats the keys."""
    keys = ("sandbox-public", parts.PRIVATE_KEY)
    echo = {"message": f"the keys are {keys}"}
    for fault in (
        Fault(path="Subscription/", status=401, body=echo),
        Fault(
            path="Subscription/",
            status=200,
            body={"id": parts.SYSTEM, "settings": {"API Private Key": f"{keys[1]} {keys[0]}"}},
        ),
    ):
        open_stage.sandbox.add_fault(fault)
        open_stage.ledger.release(parts.SYSTEM)
        transferred(open_stage)
        with serving() as monitor:
            pages = ["/manual-sync", "/activity", f"/activity/customer/4021/{ID}", "/error-logs", "/metrics"]
            shown = "".join(monitor.get(page).text for page in pages)
            fields = {"system": str(parts.SYSTEM), "ids": ID} | monitor.token()
            shown += monitor.post("/manual-sync/preview", fields).text
        assert "has been held since" in shown
        assert [key for key in keys if key in shown] == []
        open_stage.sandbox.clear_faults()
