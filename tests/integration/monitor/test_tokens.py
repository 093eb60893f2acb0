"""The pages warn of an iPaaS.com API key that expires soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.monitor_stage import serving

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


def test_a_connection_without_a_name_is_shown_by_its_system_id(stage: Stage, redis_url: str) -> None:
    """On every page."""
    (stage.folder / "connections.toml").write_text(parts.open_connection(stage.url), encoding="utf-8")
    stage.build(redis_url)
    with serving() as monitor:
        assert [option for form in monitor.forms("/manual-sync") for option in [form.fields.get("system")]]
        assert "4021" in monitor.text("/manual-sync")
        for page in ("/activity", "/error-logs"):
            monitor.text(page)
