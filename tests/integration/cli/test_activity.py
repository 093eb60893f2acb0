"""What happened, and what a person changes of a connection, on the console."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.jobs import CALLS, FAILURE, JOB, OTHER, claimed
from worker.jobs.asking import Asker, Source
from worker.jobs.job import Action, Next
from worker.ledger import Ledger
from worker.ledger.memory.event import EventFilter

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    import redis

ANNA = Asker(Source.RERUN, "anna")


class Console:
    """The commands of an installation, whose ledger remembers a customer created and another failed."""

    def __init__(self, client: redis.Redis, url: str, folder: Path) -> None:
        self.ledger = Ledger(client)
        self._env = parts.environment(url, parts.write_connections(folder, "http://127.0.0.1:9"))
        self._folder = folder
        self.ledger.request(JOB)
        self.ledger.complete(self.ledger.claim(JOB), CALLS, Action.CREATED, "143491")
        self.ledger.request(OTHER, ANNA)
        self.ledger.fail(self.ledger.claim(OTHER), CALLS, FAILURE)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What a command answers."""
        return parts.console(self._env, self._folder, *command)

    def json(self, *command: str) -> list[dict[str, Any]]:
        """The same as a program reads it."""
        done = self.run(*command, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def console(client: redis.Redis, redis_url: str, tmp_path: Path) -> Console:
    """Those."""
    return Console(client, redis_url, tmp_path)


def test_activity_shows_the_newest_first(console: Console) -> None:
    """Each in a line."""
    header, failed, created = console.run("activity").stdout.splitlines()
    assert re.fullmatch(r"When \(\S+\) +Customer +Outcome +Source +Took", header.strip())
    assert "customer 4021/150714" in failed
    assert "failed, Customer create or update failed (customer-write-failed)" in " ".join(failed.split())
    assert "re-run by anna" in failed
    assert " created " in created


def test_activity_for_a_program(console: Console) -> None:
    """Everything that is remembered of an attempt."""
    failed, created = console.json("activity")
    assert (failed["outcome"], failed["source"], failed["user"]) == ("failed", "re-run", "anna")
    assert failed["error"]["code"] == "customer-write-failed"
    assert (created["stamped_id"], created["error"], created["source"]) == ("143491", None, "trigger")
    assert len(created["calls"]) == len(CALLS)


@pytest.mark.parametrize(
    ("options", "customers"),
    [
        (["--customer", "150713"], ["150713"]),
        (["--system", "4021"], ["150714", "150713"]),
        (["--system", "4022"], []),
        (["--source", "re-run"], ["150714"]),
        (["--outcome", "created"], ["150713"]),
        (["--code", "customer-write-failed"], ["150714"]),
        (["--stamped", "143491"], ["150713"]),
        (["--tracking", "none"], []),
        (["--since", "1h"], ["150714", "150713"]),
        (["--since", "2 min", "--until", "1min"], []),
        (["--until", "1d"], []),
        (["--since", "2020-01-01"], ["150714", "150713"]),
        (["--limit", "1"], ["150714"]),
    ],
)
def test_each_option_narrows_it(console: Console, options: list[str], customers: list[str]) -> None:
    """By what it is about, and by time."""
    assert [each["customer_id"] for each in console.json("activity", *options)] == customers


def test_times_are_those_of_this_machine(console: Console) -> None:
    """Unless they name their zone."""
    now = datetime.now(UTC)
    for since, count in ((now - timedelta(minutes=5), 2), (now + timedelta(minutes=5), 0)):
        for text in (since.isoformat(), since.astimezone().replace(tzinfo=None).isoformat()):
            assert len(console.json("activity", "--since", text)) == count


@pytest.mark.parametrize("text", ["soon", "-1h", "99999999999d", "999999d", "2026-13-01", "", "1 year"])
def test_a_time_that_is_none_is_said(console: Console, text: str) -> None:
    """With how to write one."""
    done = console.run("activity", "--since", text)
    assert done.returncode == 2
    assert "is not a time. Write 2026-01-31T08:30, or how long ago" in " ".join(done.stderr.split())


def test_activity_as_a_table(console: Console) -> None:
    """For a spreadsheet."""
    done = console.run("activity", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["outcome"] for row in rows] == ["failed", "created"]
    assert console.run("activity", "--csv", "--json").returncode == 2


def test_nothing_that_fits(console: Console) -> None:
    """Is said, and no error."""
    done = console.run("activity", "--outcome", "lost")
    assert (done.returncode, "No event fits" in done.stdout) == (0, True)


def test_until_before_since_is_refused(console: Console) -> None:
    """An empty list would look as if nothing had happened."""
    done = console.run("activity", "--since", "1h", "--until", "2h")
    assert (done.returncode, "--until is earlier than --since" in done.stderr) == (2, True)


def test_history_of_a_healthy_customer(console: Console) -> None:
    """As it stands, and its whole life."""
    text = console.run("history", "150713").stdout
    for words in ("Customer 4021/150713: done", "1 event, the newest first", "created in 0.00", ", trigger"):
        assert words in text, text
    [shown] = console.json("history", "150713")
    assert (shown["state"], shown["attempts"][0]["outcome"], shown["attempts"][0]["source"]) == (
        *("done", "created", "trigger"),
    )


def test_history_says_that_a_subscription_needed_no_attempt(console: Console) -> None:
    """Its customer's transfer found it as it has to be."""
    console.ledger.complete(claimed(console.ledger), CALLS, Action.UPDATED, "143491", Next.UNCHANGED)
    text = " ".join(console.run("history", "150713", "--kind", "subscription").stdout.split())
    assert "Subscription 4021/150713: done" in text
    assert ": its customer's transfer found the subscription as it has to be" in text
    assert console.json("history", "150713", "--kind", "subscription")[0]["attempts"] == []


def test_history_goes_on_when_the_job_is_gone(console: Console) -> None:
    """Discarded, with who did it and why."""
    done = console.run("failures", "discard", "150714", "--yes", "--reason", "a test, ask zoe@example.com")
    assert done.returncode == 0
    text = console.run("history", "150714").stdout
    assert "Customer 4021/150714: no longer kept" in text
    assert "discarded, person by " in text
    assert "a test, ask " in text
    assert "zoe@example.com" not in text
    assert console.json("history", "150714")[0]["state"] == "missing"
    assert console.run("history", "1").returncode == 1


def test_pause_and_resume(console: Console) -> None:
    """Each says what is so now, and changes nothing that is so already."""
    done = console.run("pause", "4021", "--reason", "the store moves")
    assert (done.returncode, "Connection 4021 is paused" in done.stdout) == (0, True)
    again = console.run("pause", "4021")
    assert (again.returncode, "is paused already" in again.stderr) == (1, True)
    assert "(by " in (held := console.run("holds", "release", "4021")).stderr
    assert held.returncode == 1
    assert "somebody resumes it" in console.run("holds", "list").stdout
    assert console.json("holds", "list")[0]["until"] is None
    assert console.json("connections")[0]["standing"]["state"] == "paused"
    assert console.run("resume", "4021").returncode == 0
    assert (not_paused := console.run("resume", "4021")).returncode == 1
    assert "is not paused" in not_paused.stderr
    events = console.ledger.events.page(EventFilter(source=Source.PERSON)).events
    assert [(each.outcome, each.note) for each in events] == [("resumed", ""), ("paused", "the store moves")]
    assert all(each.asker.user for each in events)


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_connection_that_nobody_knows(console: Console, command: str) -> None:
    """Is named, with those that there are."""
    done = console.run(command, "5000")
    assert (done.returncode, "4021" in done.stderr) == (2, True)


def test_connections_tell_how_each_stands(console: Console) -> None:
    """The same as on the Connections page."""
    text = " ".join(console.run("connections").stdout.split())
    for words in (
        "State well",
        "Waiting 0 jobs",
        "Last hour 1 finished, 1 failure",
        "Throttle in use",
        "Last success 20",
    ):
        assert words in text, text
    [shown] = console.json("connections")
    assert shown["standing"]["hour"] == shown["standing"]["day"] == {"finished": 1, "failed": 1}


def test_connections_without_redis(console: Console, tmp_path: Path) -> None:
    """What the file says is shown all the same, and why there is no more, once."""
    env = parts.environment("redis://127.0.0.1:9/0", tmp_path / "connections.toml")
    done = parts.console(env, tmp_path, "connections", "--json")
    assert (done.returncode, json.loads(done.stdout)["standing"]) == (0, None)
    assert done.stderr.count("Redis does not answer at redis://127.0.0.1:9/0") == 1
    assert done.stderr.endswith("Only what the file says is shown.\n")
    assert console.ledger.ping() is None  # type: ignore[func-returns-value]


def test_a_manual_sync_is_remembered(console: Console) -> None:
    """With who asked for it, how many, and the customer if it is one."""
    assert console.run("sync", "150715").returncode == 0
    assert console.run("sync", "150716", "150717").returncode == 0
    several, one = console.json("activity", "--source", "manual-sync")
    assert (one["customer_id"], one["outcome"]) == ("150715", "requested")
    assert (several["customer_id"], several["note"], several["system_id"]) == (None, "2 jobs", 4021)


def test_a_rerun_is_remembered(console: Console) -> None:
    """Of the jobs that were chosen."""
    assert console.run("failures", "rerun", "150714", "--yes").returncode == 0
    [requested] = console.json("activity", "--outcome", "requested")
    assert (requested["source"], requested["customer_id"]) == ("re-run", "150714")
