"""Variables that were probably meant for a setting are warned of, and nothing else is."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from tests.parts import ROOT
from worker.config import faults
from worker.config.environment import ELSEWHERE, misspelt
from worker.config.settings import Settings, load_settings, variable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = {variable(name) for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A process that has warned of nothing yet, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    faults.log_once.cache_clear()
    yield
    faults.log_once.cache_clear()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STAMPED_SYNC_DONE_DAY", "STAMPED_SYNC_DONE_DAYS"),
        ("STAMPED_SYNC_REDISURL", "STAMPED_SYNC_REDIS_URL"),
        ("STAMPED_SYNC_URL", "STAMPED_SYNC_REDIS_URL"),
        ("STAMPED_SYNC_LEASE", "STAMPED_SYNC_LEASE_SECONDS"),
        ("STAMPED_SYNC_XYZZY", ""),
        ("STAMPED_SNYC_REDIS_URL", "STAMPED_SYNC_REDIS_URL"),
        ("STAMPEDSYNC_CONNECTIONS", "STAMPED_SYNC_CONNECTIONS"),
        ("SENTRY_DNS", "SENTRY_DSN"),
        ("SENTRY_ENVIROMENT", "SENTRY_ENVIRONMENT"),
    ],
)
def test_a_misspelt_setting_is_found_with_the_nearest(name: str, meant: str) -> None:
    """By what stands behind the prefix, which all have in common."""
    assert dict(misspelt({name: "1"}, NAMES)) == {name: meant}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "1") for name in sorted(NAMES | ELSEWHERE)),
        ("STAMPED_PRIVATE_KEY", "key"),
        ("STAMPED_REDIS_URL", "redis://elsewhere/0"),
        ("SENTRY_RELEASE", "1.0"),
        ("SENTRY_DSN_FRONTEND", "https://key@sentry.example.com/1"),
        ("SENTRY_DSN2", "https://key@sentry.example.com/2"),
        ("SENTRY_AUTH_TOKEN", "token"),
        ("REDIS_URL", "redis://elsewhere/0"),
        ("STAMPED_SYNC_SERVICE_HOST", "10.0.0.1"),
        ("STAMPED_SYNC_SERVICE_PORT_HTTP", "80"),
        ("STAMPED_SYNC_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("STAMPED_SYNC_REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_nothing_else_is_found(name: str, value: str) -> None:
    """Neither the settings, nor what other software reads, nor what Kubernetes sets for a service of our name."""
    assert dict(misspelt({name: value}, NAMES)) == {}


def test_a_neighbour_of_a_setting_that_is_set_is_no_misspelling() -> None:
    """Whoever set both knows the right one."""
    assert dict(misspelt({"SENTRY_DNS": "1", "SENTRY_DSN": "1"}, NAMES)) == {}


def test_every_variable_of_ours_is_known() -> None:
    """What any file of the project reads under the prefix is a setting, or is named here."""
    found = set()
    for folder in ("worker", "tasks", "deploy", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".md", ".yml", ".toml", ".html", ".lua", ".sh"} or path.name == "Dockerfile":
                found |= set(re.findall(r"\bSTAMPED_SYNC_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    for name in ("README.md", "Makefile", "docker-compose.yml", ".env.example"):
        found |= set(re.findall(r"\bSTAMPED_SYNC_[A-Z_]*[A-Z]\b", (ROOT / name).read_text(encoding="utf-8")))
    assert dict(misspelt(dict.fromkeys(found, "1"), NAMES)) == {}


def test_settings_warn_once_and_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From the environment and from `.env`."""
    monkeypatch.setenv("STAMPED_SYNC_DONE_DAY", "3")
    (tmp_path / ".env").write_text("STAMPED_SYNC_SWEEP=1\nSTAMPED_SYNC_FAILED_DAYS=9\n")
    assert [load_settings().failed_days for _ in range(2)] == [9, 9]
    assert caplog.messages == [
        "STAMPED_SYNC_SWEEP is not a setting and is ignored; did you mean STAMPED_SYNC_SWEEP_SECONDS?",
        "STAMPED_SYNC_DONE_DAY is not a setting and is ignored; did you mean STAMPED_SYNC_DONE_DAYS?",
    ]


def test_a_secret_of_the_connections_file_is_no_misspelling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its variables may be called anything."""
    monkeypatch.setenv("STAMPED_SYNC_TOKEN", "secret-word")
    (tmp_path / "connections.toml").write_text('ipaas = { token = { env = "STAMPED_SYNC_TOKEN" } }')
    load_settings()
    assert caplog.messages == []


def test_nothing_is_told_before_there_is_a_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker reads its settings before its log is set up, and once more then."""
    monkeypatch.setenv("STAMPED_SYNC_DONE_DAY", "3")
    root = logging.getLogger()
    with monkeypatch.context() as no_log:
        no_log.setattr(root, "handlers", [])
        load_settings()
    assert caplog.messages == []
    load_settings()
    assert len(caplog.messages) == 1
