"""What is configured and where the jobs stand, on the console."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import CALLS, calls_of, take_message
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Refusal, StoreLimits
from worker.mapping.mapping import Mapping

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

JOBS = [Job(Kind.CUSTOMER, 4021, customer_id) for customer_id in ("1", "2", "3")]


def prepared(client: redis.Redis) -> Ledger:
    """A ledger with a job that rests, one that has a message, and one that waits for its turn."""
    ledger = Ledger(client, stores={4021: StoreLimits(concurrent=1)})
    ledger.request_all(JOBS)
    take_message(ledger, JOBS[0])
    ledger.defer(ledger.claim(JOBS[0]), calls_of(0, 1), 1200, Failure("stamped-unreachable"), carried=False)
    return ledger


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation whose mapping subscribes everybody."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:9", subscription=True))


def test_the_menu_needs_no_celery(env: dict[str, str]) -> None:
    """`stamped-sync --help` answers at once."""
    code = "import sys; from worker.cli.menu import menu; menu(['--help'], standalone_mode=False); "
    loaded = "print([name for name in sys.modules if name.split('.')[0] in ('celery', 'kombu', 'redis')])"
    done = subprocess.run([sys.executable, "-c", code + loaded], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_an_unknown_command_is_wrong_usage(env: dict[str, str], tmp_path: Path) -> None:
    """Code 2, and the nearest one."""
    done = parts.console(env, tmp_path, "synk")
    assert (done.returncode, "Did you mean 'sync'?" in done.stderr) == (2, True)


def test_status_counts_jobs_and_messages(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """What waits for a retry, for its turn, or for a worker, and how far the throttle is used."""
    prepared(client)
    shown = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)
    assert shown["jobs"]["customer"] == {"queued": 1, "sent": 1, "running": 0, "waiting": 1, "done": 0, "failed": 0}
    [throttle] = shown["throttles"]
    assert (throttle["system_id"], throttle["queued"], throttle["under_way"]) == (4021, 1, 1)
    assert (throttle["stamped_calls"], throttle["ipaas_limit"], shown["holds"]) == (2, None, [])
    assert shown["queues"] == {"customers": 1, "subscriptions": 0, "upkeep": 0}
    assert shown["oldest_queued"]["customer"]
    assert shown["next_due"]["customer"]
    assert shown["settings"]["slow_retry_minutes"] == [20, 60, 120]


def test_status_on_screen_is_plain(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """A person sees the oldest job, the next retry and the throttle."""
    prepared(client)
    shown = parts.console(env, tmp_path, "status").stdout
    for words in ("Oldest customer job that waits for its turn", "First customer retry", "after stamped-unreachable"):
        assert words in shown
    assert "2 of 500 in 60 s" in shown


def test_status_and_check_show_a_hold(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """The reason, since when, until when, and what to do."""
    ledger = prepared(client)
    failure = Failure("stamped-credentials-refused", http_status=401)
    ledger.hold(ledger.claim(JOBS[1]), CALLS, failure, Pause(3600, 3600))
    [hold] = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["holds"]
    assert (hold["system_id"], hold["error"]["code"], hold["error"]["http_status"]) == (4021, failure.code, 401)
    shown = " ".join(parts.console(env, tmp_path, "status").stdout.split())
    assert failure.entry.title in shown
    assert failure.entry.resolution in shown
    checked = parts.console(env, tmp_path, "check")
    assert (checked.returncode, "4021: held since" in checked.stdout) == (1, True)


@pytest.mark.parametrize("command", ["status", "check", "connections"])
def test_an_api_key_that_has_expired_is_shown(
    command: str, redis_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """And what to do about it."""
    path = tmp_path / "connections.toml"
    text = parts.connection(sandbox.url).replace(' token = "', ' token_expires = 2001-02-03, token = "')
    path.write_text(text, encoding="utf-8")
    env = parts.environment(redis_url, path)
    done = parts.console(env, tmp_path, command)
    shown = " ".join((done.stdout + done.stderr).split())
    assert "! 4021 Sandbox 4021: its iPaaS.com API key expired on 2001-02-03; it can't be extended" in shown
    assert done.returncode == 0
    found = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)
    assert found["tokens"] == [{"system_id": 4021, "expires": "2001-02-03"}]


def test_status_tells_what_has_vanished_and_what_to_do(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """Nothing is said where nothing has."""
    prepared(client)
    client.hset("stamped-sync:totals", "vanished|customer", 0)
    assert "vanished" not in parts.console(env, tmp_path, "status").stdout
    client.hset("stamped-sync:totals", "vanished|customer", 8)
    shown = " ".join(parts.console(env, tmp_path, "status").stdout.split())
    assert "8 jobs whose record alone was missing vanished from Redis" in shown
    assert "maxmemory-policy to noeviction" in shown
    assert json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["vanished"] == 8


def test_status_tells_how_many_were_refused_and_how_many_are_listed(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """The list has an end, the count has none."""
    prepared(client).refuse(Refusal("trigger-off", "", "6f0c", 1, "4021", "customer/created", "1"))
    client.hset("stamped-sync:totals", "refused|trigger-off", 1000)
    assert "1,000, of which 1 is listed" in parts.console(env, tmp_path, "status").stdout
    shown = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)
    assert (shown["refusals"], shown["refusals_listed"]) == (1000, 1)


def test_status_tells_the_oldest_job_whatever_is_asked_for_later(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """A debug job goes to the front of the queue, but it has not waited for longest."""
    prepared(client)
    oldest = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["oldest_queued"]
    prepared_again = Ledger(client, stores={4021: StoreLimits(concurrent=1)})
    prepared_again.request_all([Job(Kind.CUSTOMER, 4021, str(number)) for number in range(4, 9)], debug=True)
    assert json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["oldest_queued"] == oldest


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_connections_show_no_secret(options: list[str], env: dict[str, str], tmp_path: Path) -> None:
    """Addresses, store hash, triggers, mapping and throttle; never a key or token."""
    done = parts.console(env, tmp_path, "connections", *options)
    assert done.returncode == 0
    assert "270392" in done.stdout
    for secret in (parts.TOKEN, parts.PRIVATE_KEY, "sandbox-public"):
        assert secret not in done.stdout


def test_the_example_is_printed_without_any_configuration(tmp_path: Path) -> None:
    """It is where an integrator starts."""
    done = parts.console(
        parts.environment("redis://127.0.0.1:9/0", tmp_path / "none.toml"), tmp_path, "connections", "--example"
    )
    assert (done.returncode, done.stdout.count("[[connection]]")) == (0, 2)


@pytest.mark.parametrize("command", ["mapping", "status"])
def test_tables_that_are_piped_end_where_their_text_ends(command: str, env: dict[str, str], tmp_path: Path) -> None:
    """No blanks behind it, and prose is broken into lines that can be read."""
    lines = parts.console(env, tmp_path, command).stdout.splitlines()
    table = lines[: lines.index("")]
    assert len(table) > 2
    assert [line for line in table if line != line.rstrip() or len(line) > 120] == []


def test_the_mapping_in_force_is_shown(env: dict[str, str], tmp_path: Path) -> None:
    """Row by row, a Static value as it is written."""
    done = parts.console(env, tmp_path, "mapping")
    assert done.returncode == 0
    for words in ("EmailAddress", "CustomerEmail", "recommended", "Static", "true", "IsSubscribed"):
        assert words in done.stdout


def test_one_error_is_shown_in_full(env: dict[str, str], tmp_path: Path) -> None:
    """Message, cause and resolution."""
    done = parts.console(env, tmp_path, "errors", "email-missing")
    shown, entry = " ".join(done.stdout.split()), CATALOGUE["email-missing"]
    for words in (entry.title, entry.message, entry.cause, entry.resolution):
        assert words in shown


def test_all_errors_are_shown_in_json(env: dict[str, str], tmp_path: Path) -> None:
    """An object a line, in the catalogue's order."""
    done = parts.console(env, tmp_path, "errors", "--json")
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == list(CATALOGUE)


def test_an_unknown_error_code_is_told_with_the_known_ones(env: dict[str, str], tmp_path: Path) -> None:
    """Whoever mistyped sees the right one."""
    done = parts.console(env, tmp_path, "errors", "email-mising")
    assert (done.returncode, "did you mean email-missing?" in done.stderr) == (2, True)


def test_the_version_is_told(env: dict[str, str], tmp_path: Path) -> None:
    """For whoever reports a fault."""
    done = parts.console(env, tmp_path, "--version")
    assert (done.returncode, done.stdout.startswith("stamped-sync")) == (0, True)


@pytest.mark.parametrize("arguments", [["status"], ["errors", "--json"], ["--help"]])
def test_an_output_that_cannot_be_written_is_told_in_one_line(
    arguments: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    """As on a full disk: code 1, and no traceback, not even when the interpreter ends."""
    command = parts.console_command(*arguments)
    with (tmp_path / "connections.toml").open("rb") as only_to_read:
        done = subprocess.run(
            command, env=env, cwd=tmp_path, stdout=only_to_read, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "standard output: bad file descriptor\n")


def test_a_redis_that_refuses_is_not_said_to_be_down(env: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """Nobody is sent to start what runs already; the kind of fault is named."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": f"{redis_url.removesuffix('/0')}/99"}, tmp_path, "status")
    assert (done.returncode, "start it" in done.stderr) == (2, False)
    assert "Redis refuses at redis://" in done.stderr


def test_the_default_mapping_is_printed_as_a_file_to_edit(tmp_path: Path) -> None:
    """It can be read back as it is, and with a row behind it; no configuration is needed."""
    env = parts.environment("redis://127.0.0.1:9/0", tmp_path / "none.toml")
    done = parts.console(env, tmp_path, "mapping", "--example")
    file = tmp_path / "mapping.toml"
    file.write_text(f'{done.stdout}\n[[row]]\ntype = "Static"\nvalue = true\ndestination = "IsSubscribed"', "utf-8")
    assert (done.returncode, Mapping.read(file).static_subscription) == (0, True)


def test_a_table_in_a_file_is_as_wide_as_it_must_be(env: dict[str, str], tmp_path: Path) -> None:
    """Whoever searches it finds each row on one line, even where colours are forced."""
    done = parts.console(env | {"FORCE_COLOR": "1", "COLUMNS": "40"}, tmp_path, "errors")
    lines = done.stdout.splitlines()
    assert all(any(entry.code in line and entry.title in line for line in lines) for entry in CATALOGUE.values())
