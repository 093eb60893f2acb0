"""The demonstration: it ends by itself, tells the truth, shows no e-mail address and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
import requests

from tests import parts
from tests.acceptance.processes import alive, children_of, own_environment, started
from worker.jobs.job import live_link
from worker.sandbox.customers import sample_customers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

CUSTOMERS = 120
PARTS = 4
"""Valkey, the worker, beat and Flower."""

ENDINGS = {signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGINT: 128 + signal.SIGINT}
"""How a demonstration can be ended from outside, and the exit code that tells it."""
if sys.platform == "linux":  # elsewhere nothing can end the children of a process that is killed
    ENDINGS[signal.SIGKILL] = -signal.SIGKILL


@dataclass(frozen=True)
class Kept:
    """A demonstration that is over and left running."""

    process: subprocess.Popen[bytes]
    shown: str

    def found(self, pattern: str) -> str:
        """The part of what it showed that the pattern's group matches."""
        match = re.search(pattern, self.shown)
        assert match, f"{pattern} in {self.shown}"
        return match[1]

    def number(self, title: str) -> int:
        """A number of the first load's column."""
        return int(self.found(rf"{title} +(\d+)"))

    @property
    def folder(self) -> Path:
        """The temporary folder with the configuration and the logs."""
        return Path(self.found("CONNECTIONS=(.+)")).parent


def environment(folder: Path) -> dict[str, str]:
    """An environment whose temporary files go to a folder of the test's own."""
    (folder / "temporary").mkdir()
    return own_environment(PYTHONPATH=str(parts.ROOT), TMPDIR=str(folder / "temporary"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """`demo --keep` once its summary is out."""
    folder = tmp_path_factory.mktemp("kept")
    arguments = ["demo", "--keep", "--customers", str(CUSTOMERS)]
    with started(arguments, environment(folder), folder) as process:
        shown = parts.eventually(lambda: _text_with(folder / "out", "export STAMPED_SYNC_CONNECTIONS=", process))
        yield Kept(process, shown)
        process.send_signal(signal.SIGINT)
        assert process.wait(parts.PATIENCE_SECONDS) == 0


@pytest.fixture(scope="module")
def domains() -> list[bytes]:
    """What every e-mail address of the sample customers ends in."""
    emails = (customer.get("email_address") or "" for customer in sample_customers(CUSTOMERS))
    return sorted({b"@" + email.strip().lower().rpartition("@")[2].encode() for email in emails if email.strip()})


def test_it_ends_by_itself_with_code_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The whole demonstration, as `make demo` runs it."""
    with started(["demo"], environment(tmp_path), tmp_path) as process:
        children = parts.eventually(lambda: _all_children(process))
        assert process.wait(parts.PATIENCE_SECONDS) == 0, (tmp_path / "err").read_text()
    assert "every one linked" in (tmp_path / "out").read_text()
    assert (tmp_path / "err").read_text() == ""
    assert alive(children) == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_its_summary_agrees_with_what_the_sandbox_holds(kept: Kept) -> None:
    """Created, failed and held are the sandbox's own numbers."""
    state = requests.get(kept.found(r"Sandbox +(http\S+)") + "/sandbox/state", timeout=parts.PATIENCE_SECONDS).json()
    links = [link for link in state["ipaas"]["links"][str(parts.SYSTEM)].values() if live_link(link)]
    held: dict[str, Any] = state["stamped"]["270392"]["customers"]
    assert kept.number("Customers created") == len(links)
    assert kept.number("Customers created") + kept.number("Customers failed") == CUSTOMERS
    assert int(kept.found(r"holds (\d+) customers, every one linked")) == len(held) == len(set(links))


def test_it_shows_every_outcome(kept: Kept) -> None:
    """Created, updated, subscribed, unsubscribed, left alone, failed, refused, and faults that passed."""
    rows = dict(re.findall(r"^(\w[\w ]+?) +(\d+ +\d+)$", kept.shown, re.MULTILINE))
    counts = {title: sum(map(int, numbers.split())) for title, numbers in rows.items()}
    assert counts.keys() == {
        "Customers created",
        "Customers updated",
        "Customers failed",
        "Subscriptions left alone",
        "Subscribed",
        "Unsubscribed",
        "Triggers refused",
    }
    assert all(counts.values()), counts
    for words in ("(email-missing)", "(scope-unsupported)", "(connection-unknown)", "(trigger-malformed)", "HTTP 429"):
        assert words in kept.shown


def test_no_email_address_is_in_redis(kept: Kept, domains: list[bytes]) -> None:
    """A dump of everything that Redis holds afterwards."""
    with redis.Redis.from_url(kept.found("REDIS_URL=(.+)"), decode_responses=True) as client:
        client.config_set("rdbcompression", "no")
        client.save()
        dump = (Path(client.config_get("dir")["dir"]) / "dump.rdb").read_bytes().lower()
    assert b"150713" in dump
    assert [domain for domain in domains if domain in dump] == []


def test_no_email_address_is_in_the_logs(kept: Kept, domains: list[bytes]) -> None:
    """The logs of all processes."""
    logs = b"".join(path.read_bytes().lower() for path in kept.folder.glob("*.log"))
    assert b"customer 4021/150713: created" in logs
    assert [domain for domain in domains if domain in logs] == []


def test_no_email_address_is_in_flower(kept: Kept, domains: list[bytes]) -> None:
    """Flower's API shows every task to who has the login, and nothing to who has not."""
    tasks = kept.found(r"Flower +(http\S+)") + "/api/tasks"
    user, password = kept.found(r"login (\S+ / \S+)").split(" / ")
    shown = requests.get(tasks, auth=(user, password), timeout=parts.PATIENCE_SECONDS)
    assert "stamped.transfer_customer" in shown.text
    assert [domain for domain in domains if domain in shown.content.lower()] == []
    assert requests.get(tasks, timeout=parts.PATIENCE_SECONDS).status_code == requests.codes.unauthorized


@pytest.mark.parametrize(("number", "code"), ENDINGS.items(), ids=str)
def test_no_child_outlives_it_however_it_is_ended(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ended from outside in the middle of its work."""
    with started(["demo"], environment(tmp_path), tmp_path) as process:
        children = parts.eventually(lambda: _all_children(process))
        process.send_signal(number)
        assert process.wait(parts.PATIENCE_SECONDS) == code
    assert parts.eventually(lambda: not alive(children))


def test_a_part_that_dies_ends_it_with_code_1_and_the_end_of_its_log(tmp_path: Path) -> None:
    """The worker is killed while it works."""
    with started(["demo", "--customers", "5000"], environment(tmp_path), tmp_path) as process:
        children: dict[int, str] = parts.eventually(lambda: _all_children(process))
        parts.eventually(lambda: _text_with(tmp_path / "out", "First load: ", process))
        os.kill(next(pid for pid, command in children.items() if "worker.app worker" in command), signal.SIGKILL)
        assert process.wait(parts.PATIENCE_SECONDS) == 1
    words = (tmp_path / "err").read_text()
    assert "worker ended with signal 9" in words
    assert "The end of worker.log" in words
    assert alive(children) == []


def _all_children(process: subprocess.Popen[bytes]) -> dict[int, str] | None:
    """The children, once all of them run their own program."""
    children = children_of(process.pid)
    is_whole = len(children) == PARTS and not any("worker.local.tied" in command for command in children.values())
    return children if is_whole else None


def _text_with(path: Path, expected: str, process: subprocess.Popen[bytes]) -> str | None:
    """The text of a file, once it holds what is expected; the process must not end before."""
    text = path.read_text()
    assert process.poll() is None, path.with_name("err").read_text()
    return text if expected in text else None
