"""What Prometheus reads: the ledger's metrics, and the alerts and the dashboard that rest on them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from tests import parts
from tests.integration.jobs import JOB, take_message
from tests.integration.monitor_stage import serving
from tests.integration.stage import NOWHERE
from tests.parts import PATIENCE_SECONDS
from worker.app import app
from worker.config.settings import Settings
from worker.connections import Connections
from worker.handover import limits_of
from worker.jobs.calls import Api, MadeCall
from worker.jobs.catalogue import Failure
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Action, Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Refusal
from worker.ledger.processes import Process
from worker.listen.metrics import Metrics
from worker.monitor.metrics import LedgerCollector
from worker.runtime import Runtime

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.integration.stage import Stage

PROMETHEUS = parts.ROOT / "deploy" / "prometheus"
DASHBOARD = parts.ROOT / "deploy" / "grafana" / "stamped-sync.json"
NAME = re.compile(r"\b(?:stamped_sync|flower)_\w+")
BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")
LABEL = re.compile(r"(\w+)=\"")
REFUSED_CALL = [MadeCall(Api.STAMPED, "GET", "x", None, 0)]
MADE = [MadeCall(Api.STAMPED, "POST", "customers/add", 200, 120), MadeCall(Api.IPAAS, "GET", "x", None, 1500)]


@pytest.fixture
def runtime(redis_url: str, client: redis.Redis, tmp_path: Path) -> Runtime:
    """An installation with one connection and an empty ledger."""
    client.flushdb()
    built = Runtime.build(
        Settings(redis_url=redis_url, connections=parts.write_connections(tmp_path, "http://127.0.0.1:9"))
    )
    return replace(built, ledger=Ledger(client, stores=limits_of(built.connections)))


def job(number: int) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, parts.SYSTEM, str(number))


def busy(ledger: Ledger) -> None:
    """One job done, one failed, one that met a hold, and so one queued."""
    ledger.request_all([job(1), job(2), job(3)])
    take_message(ledger, job(1))
    take_message(ledger, job(2))
    ledger.complete(ledger.claim(job(1)), MADE, Action.CREATED, "143491")
    ledger.fail(ledger.claim(job(2)), (), Failure("email-missing"))
    refused = Failure("stamped-credentials-refused", 401)
    ledger.hold(ledger.claim(job(3)), REFUSED_CALL, refused, Pause(3600, 3600))
    ledger.processes.note(Process("host/1", "worker", "1.0", "3f9a12", ("connections.toml: it has a fault",)))


def scraped(runtime: Runtime) -> str:
    """What a scrape reads."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(lambda: runtime.ledger, lambda: runtime.connections))
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    "line",
    [
        "stamped_sync_up 1.0",
        "stamped_sync_configuration_faults 1.0",
        'stamped_sync_processes{configuration="3f9a12",role="worker",version="1.0"} 1.0',
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
        'stamped_sync_throttle_limit{api="Stamped.io",connection="4021"} 500.0',
        'stamped_sync_throttle_used{api="Stamped.io",connection="4021"} 2.0',
        'stamped_sync_connection_queued{connection="4021"} 1.0',
        'stamped_sync_oldest_queued_seconds{connection="4021",kind="subscription"} 0.0',
        'stamped_sync_swept_total{found="lost",kind="subscription"} 0.0',
        'stamped_sync_queue_messages{queue="customers"} 1.0',
        "stamped_sync_listed_refusals 1.0",
        'stamped_sync_refused_notifications_total{code="trigger-malformed"} 1000.0',
        'stamped_sync_refused_notifications_total{code="trigger-off"} 0.0',
        'stamped_sync_vanished_jobs{connection="4021",kind="customer"} 5.0',
        'stamped_sync_vanished_jobs{connection="4021",kind="subscription"} 0.0',
        'stamped_sync_vanished_jobs{connection="",kind="subscription"} 2.0',
    ],
)
def test_scrape_shows_the_ledger(runtime: Runtime, client: redis.Redis, line: str) -> None:
    """States and counts, by names and labels that Prometheus' users expect."""
    busy(runtime.ledger)
    runtime.ledger.refuse(Refusal("trigger-malformed", "", "6f0c", 1, "4021", "customer/created", "1"))
    counts = {"refused|trigger-malformed": 1000, "born|customer|4021": 8, "born|subscription|4021": 0}
    client.hset("stamped-sync:totals", mapping=counts | {"vanished|subscription": 2})  # type: ignore[arg-type]
    assert line in scraped(runtime).splitlines()


@pytest.mark.parametrize(
    ("series", "labels"),
    [
        (r'attempt_seconds_bucket{kind="customer",le', "0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 +Inf"),
        (r'attempt_seconds_bucket{kind="subscription",le', "0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 +Inf"),
        (r"swept_total{found", "due due dead dead lost lost"),
        (
            r"refused_notifications_total{code",
            (
                "trigger-malformed sender-unknown task-unknown customer-id-invalid connection-unknown scope-unsupported"
                " trigger-off"
            ),
        ),
    ],
)
def test_scrape_shows_each_series_from_the_start(runtime: Runtime, series: str, labels: str) -> None:
    """Those of an empty ledger too: nobody counted anything yet."""
    found = re.findall(re.escape(series) + r'="([^"]+)"', scraped(runtime))
    assert sorted(found) == sorted(labels.split())


def test_scrape_shows_how_long_an_api_key_lives(runtime: Runtime) -> None:
    """Of the connections that say when it expires."""
    assert "stamped_sync_token_expires_seconds{" not in scraped(runtime)
    connection = runtime.connection(parts.SYSTEM)
    endpoint = connection.ipaas.model_copy(update={"token_expires": date(2001, 1, 1)})
    connections = Connections([connection.model_copy(update={"ipaas": endpoint})])
    shown = scraped(replace(runtime, connections=connections))
    assert 'stamped_sync_token_expires_seconds{connection="4021"} -' in shown


def test_scrape_names_no_customer(runtime: Runtime) -> None:
    """Not even by an id."""
    runtime.ledger.request(Job(Kind.CUSTOMER, parts.SYSTEM, "987654321"))
    runtime.ledger.fail(
        runtime.ledger.claim(Job(Kind.CUSTOMER, parts.SYSTEM, "987654321")), (), Failure("email-missing", None, "zoe")
    )
    shown = scraped(runtime)
    assert "email-missing" in shown
    assert not any(words in shown for words in ("987654321", "zoe", "143491"))


def test_scrape_without_redis_says_so(tmp_path: Path) -> None:
    """It answers, with nothing but that."""
    connections = parts.write_connections(tmp_path, "http://127.0.0.1:9")
    runtime = Runtime.build(Settings(redis_url="redis://127.0.0.1:9/0", connections=connections))
    assert NAME.findall(scraped(runtime))[-1:] == ["stamped_sync_up"]
    assert "stamped_sync_up 0.0" in scraped(runtime)


def test_metrics_need_no_login(stage: Stage) -> None:
    """Prometheus reads Flower's own and the ledger's in one scrape."""
    stage.ledger.request(JOB)
    with serving() as monitor:
        monitor.see("task-succeeded", uuid="a", name="stamped.sweep", runtime=0.1)
        answer = monitor.get("/metrics", login=None)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert 'stamped_sync_jobs{kind="customer",state="sent"}' in answer.text
    assert 'flower_events_total{task="stamped.sweep",type="task-succeeded",worker="worker-1"}' in answer.text


def test_metrics_without_redis_or_configuration_are_answered(stage: Stage) -> None:
    """Prometheus learns what is wrong from the metrics, not from an error page."""
    with serving() as monitor:
        stage.move_ledger(NOWHERE)
        without_redis = monitor.get("/metrics", login=None)
        stage.patch.setenv("STAMPED_SYNC_CONNECTIONS", str(stage.folder / "nowhere.toml"))
        stage.patch.setitem(app.__dict__, "settings", app.runtime.settings.model_copy(update={"redis_url": NOWHERE}))
        stage.patch.delitem(app.__dict__, "runtime")
        without_configuration = monitor.get("/metrics", login=None)
    for answer in (without_redis, without_configuration):
        assert answer.status_code == 200
        assert "stamped_sync_up 0.0" in answer.text.splitlines()


def test_flower_answers_others_while_a_scrape_waits(stage: Stage) -> None:
    """Redis that is slow to answer does not stop the operator's screen."""
    slow = Slow()
    stage.patch.setitem(app.__dict__, "runtime", slow)
    with serving() as monitor, ThreadPoolExecutor() as aside:
        scrape = aside.submit(requests.get, f"{monitor.url}/metrics", timeout=PATIENCE_SECONDS)
        assert slow.is_read.wait(PATIENCE_SECONDS)
        assert requests.get(f"{monitor.url}/healthcheck", timeout=PATIENCE_SECONDS).text == "OK"
        assert not scrape.done()
        slow.answers.set()
        assert "stamped_sync_up 0.0" in scrape.result(PATIENCE_SECONDS).text


class Slow:
    """An installation whose ledger keeps whoever reads it waiting."""

    def __init__(self) -> None:
        self.is_read = threading.Event()
        self.answers = threading.Event()

    @property
    def ledger(self) -> Ledger:
        """The ledger, which does not answer in the end."""
        self.is_read.set()
        assert self.answers.wait(PATIENCE_SECONDS)
        raise LedgerUnavailable


def test_calls_and_limits_of_an_api_share_its_name(runtime: Runtime) -> None:
    """A query can put the one beside the other."""
    busy(runtime.ledger)
    shown = scraped(runtime)
    apis = {
        name: set(re.findall(rf'stamped_sync_{name}{{api="(.+?)"', shown))
        for name in ("throttle_limit", "api_calls_total")
    }
    assert apis["throttle_limit"] == {"Stamped.io"} < apis["api_calls_total"]


@pytest.mark.parametrize("asked", ["alerts", "dashboard"])
def test_what_is_asked_for_is_there(stage: Stage, asked: str) -> None:
    """Each metric that an alert or a panel names, with the labels that it names, is Flower's or the front door's."""
    busy(stage.ledger)
    with serving() as monitor:
        monitor.see("task-succeeded", uuid="a", name="stamped.sweep", runtime=0.1)
        shown = monitor.get("/metrics", login=None).text + Metrics().text().decode()
    known = set(NAME.findall(shown))
    queries = {"alerts": alerts, "dashboard": panels}[asked]()
    assert queries
    assert {name for query in queries for name in NAME.findall(query)} <= known
    labels = {label for query in queries for group in BY.findall(query) for label in group.split(", ") if label}
    assert labels <= set(LABEL.findall(shown))


def alerts() -> list[str]:
    """What the alerts ask for."""
    groups: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def panels() -> list[str]:
    """What the dashboard's panels ask for."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [target["expr"] for panel in found for target in panel["targets"]]


def promtool(*arguments: str, given: str = "") -> None:
    """Let Prometheus' own tool judge, if it is installed; `.ci/run` installs it."""
    for program in parts.installed("promtool"):
        done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_alerts_fire_when_they_must() -> None:
    """Each alone in its case, none while all is well."""
    promtool("test", "rules", str(PROMETHEUS / "alerts.test.yml"))


def test_example_is_one_that_prometheus_takes() -> None:
    """With the rules that it names."""
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


def test_panels_ask_what_prometheus_understands(tmp_path: Path) -> None:
    """Each query, as if it were a rule."""
    rules = [{"record": f"panel_{number}", "expr": query} for number, query in enumerate(panels())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(file))


def test_metrics_keep_to_prometheus_conventions(runtime: Runtime) -> None:
    """Names, units and help texts."""
    busy(runtime.ledger)
    promtool("check", "metrics", given=scraped(runtime))
    promtool("check", "metrics", given=Metrics().text().decode())
