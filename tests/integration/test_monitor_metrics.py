"""What Prometheus reads: the ledger's metrics, and the alerts and the dashboard that rest on them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from tests import parts
from worker.calls import MadeCall
from worker.errors import Failure
from worker.job import Action, Job, Kind
from worker.monitor.metrics import LedgerCollector
from worker.retries import Pause
from worker.runtime import Runtime
from worker.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.ledger import Ledger

PROMETHEUS = parts.ROOT / "deploy" / "prometheus"
DASHBOARD = parts.ROOT / "deploy" / "grafana" / "stamped-sync.json"
NAME = re.compile(r"\bstamped_sync_\w+")
MADE = [MadeCall("Stamped.io", "POST", "customers/add", 200, 120), MadeCall("iPaaS.com", "GET", "x", None, 1500)]


@pytest.fixture
def runtime(redis_url: str, client: redis.Redis, tmp_path: Path) -> Runtime:
    """An installation with one connection and an empty ledger."""
    client.flushdb()
    return Runtime.build(
        Settings(redis_url=redis_url, connections=parts.write_connections(tmp_path, "http://127.0.0.1:9"))
    )


def job(number: int) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, parts.SYSTEM, str(number))


def busy(ledger: Ledger) -> None:
    """One job done, one failed, one that met a hold, and so one queued."""
    ledger.request_all([job(1), job(2), job(3)])
    ledger.complete(ledger.claim(job(1)), {"stamped": 1}, Action.CREATED, "143491", made=MADE)
    ledger.fail(ledger.claim(job(2)), {}, Failure("email-missing"))
    refused = Failure("stamped-credentials-refused", 401)
    ledger.hold(ledger.claim(job(3)), {"stamped": 1}, refused, Pause(3600, 3600))


def scraped(runtime: Runtime) -> str:
    """What a scrape reads."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(lambda: runtime))
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    "line",
    [
        "stamped_sync_up 1.0",
        'stamped_sync_jobs{kind="customer",state="queued"} 1.0',
        'stamped_sync_jobs{kind="customer",state="done"} 1.0',
        'stamped_sync_failed_jobs{code="email-missing",connection="4021",kind="customer"} 1.0',
        'stamped_sync_hold{code="stamped-credentials-refused",connection="4021"} 1.0',
        'stamped_sync_holds_total{code="stamped-credentials-refused",connection="4021"} 1.0',
        'stamped_sync_attempts_total{code="",kind="customer",outcome="created"} 1.0',
        'stamped_sync_attempts_total{code="email-missing",kind="customer",outcome="failed"} 1.0',
        'stamped_sync_api_calls_total{api="Stamped.io",method="POST",status="2xx"} 1.0',
        'stamped_sync_api_calls_total{api="iPaaS.com",method="GET",status="none"} 1.0',
        'stamped_sync_api_call_seconds_total{api="iPaaS.com"} 1.5',
        'stamped_sync_attempt_seconds_count{kind="customer"} 3.0',
        'stamped_sync_attempt_seconds_bucket{kind="customer",le="30.0"} 3.0',
        'stamped_sync_throttle_limit{api="stamped",connection="4021"} 500.0',
        'stamped_sync_throttle_used{api="stamped",connection="4021"} 2.0',
        'stamped_sync_connection_queued{connection="4021"} 1.0',
        'stamped_sync_queue_messages{queue="customers"} 0.0',
    ],
)
def test_scrape_shows_the_ledger(runtime: Runtime, line: str) -> None:
    """States and counts, by names and labels that Prometheus' users expect."""
    busy(runtime.ledger)
    assert line in scraped(runtime).splitlines()


def test_scrape_names_no_customer(runtime: Runtime) -> None:
    """Not even by an id."""
    runtime.ledger.request(Job(Kind.CUSTOMER, parts.SYSTEM, "987654321"))
    runtime.ledger.fail(
        runtime.ledger.claim(Job(Kind.CUSTOMER, parts.SYSTEM, "987654321")), {}, Failure("email-missing", None, "zoe")
    )
    shown = scraped(runtime)
    assert "email-missing" in shown
    assert not any(told in shown for told in ("987654321", "zoe", "143491"))


def test_scrape_without_redis_says_so(tmp_path: Path) -> None:
    """It answers, with nothing but that."""
    connections = parts.write_connections(tmp_path, "http://127.0.0.1:9")
    runtime = Runtime.build(Settings(redis_url="redis://127.0.0.1:9/0", connections=connections))
    assert NAME.findall(scraped(runtime))[-1:] == ["stamped_sync_up"]
    assert "stamped_sync_up 0.0" in scraped(runtime)


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard"])
def test_what_is_asked_for_is_there(runtime: Runtime, file: str) -> None:
    """Each metric that an alert or a panel names is one that a scrape shows."""
    busy(runtime.ledger)
    runtime.ledger.request(job(9))
    shown = scraped(runtime)
    known = set(NAME.findall(shown)) | {"stamped_sync_swept_total"}  # that one shows once a sweep has found something
    assert set(NAME.findall("\n".join(expressions(file)))) <= known


def expressions(file: str) -> list[str]:
    """The queries of the alerts or of the dashboard."""
    if file == "dashboard":
        panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        return [target["expr"] for panel in panels for target in panel["targets"]]
    groups: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / file).read_text("utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The rules."""
    groups: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_alert_waits_and_says_what_to_do(rule: dict[str, Any]) -> None:
    """None flaps, each has its place in the operator's guide."""
    file, _, heading = rule["annotations"]["runbook"].partition("#")
    guide = (parts.ROOT / file).read_text("utf-8").splitlines()
    assert rule["for"]
    assert heading in {line.lstrip("# ").lower() for line in guide if line.startswith("#")}


def test_alerts_fire_when_they_must() -> None:
    """Each alert has a case; Prometheus' own tool, where it is there, runs them. `.ci/run` installs it."""
    cases = PROMETHEUS / "alerts.test.yml"
    assert all(f'alertname="{rule["alert"]}"' in cases.read_text("utf-8") for rule in alerts())
    for promtool in filter(shutil.which, ["promtool"]):
        command = [promtool, "test", "rules", str(cases)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
