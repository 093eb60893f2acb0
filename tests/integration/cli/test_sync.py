"""Manual Sync on the console, with a real Valkey and the sandbox, and without a worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from worker.jobs.job import Job, Kind
from worker.ledger import Ledger

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

ID = "150713"


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation whose mapping unsubscribes everybody."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url, subscription=False))


def wanted(client: redis.Redis, *customer_ids: str) -> list[int]:
    """How often each customer was asked for."""
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, customer_id) for customer_id in customer_ids]
    return [record.wanted if record else 0 for record in Ledger(client).records(jobs)]


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines of a command."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ids_come_from_arguments_and_files(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """Both are requested, each id once."""
    (tmp_path / "ids.txt").write_text("2, 3\n# 4\n1\n", encoding="utf-8")
    done = parts.console(env, tmp_path, "sync", "1", "--file", "ids.txt")
    assert (done.returncode, wanted(client, "1", "2", "3", "4")) == (0, [1, 1, 1, 0])
    assert done.stdout.startswith("3 customers requested.")


@pytest.mark.parametrize("arguments", [[], ["--file", "-"]])
def test_ids_come_from_standard_input(
    arguments: list[str], env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """A pipe is read where nothing else is given, and where - names it."""
    done = parts.console(env, tmp_path, "sync", *arguments, text="1\n2\n")
    assert (done.returncode, wanted(client, "1", "2")) == (0, [1, 1])


def test_json_without_wait_tells_the_present_state(env: dict[str, str], tmp_path: Path) -> None:
    """A job that no worker has started yet is sent."""
    [line] = lines(parts.console(env, tmp_path, "sync", ID, "--json"))
    assert line == {
        "system_id": parts.SYSTEM,
        "customer_id": ID,
        "kind": "customer",
        "state": "sent",
        "action": None,
        "stamped_id": None,
        "error": None,
    }


def test_one_bad_id_stops_all_of_them(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """Every bad id is told with its place, and nothing is requested."""
    (tmp_path / "ids.txt").write_text("1\n15/0713\nzoe@@example.com\n", encoding="utf-8")
    done = parts.console(env, tmp_path, "sync", "abc", "-f", "ids.txt")
    assert done.returncode == 2
    for text in (
        "argument 1: 'abc'",
        "ids.txt, line 2: '15/0713'",
        "ids.txt, line 3: looks like an e-mail address, but is none: character 4 of it is U+0040 (commercial at)",
        "Resolution",
    ):
        assert text in done.stderr
    assert "zoe" not in done.stderr
    assert wanted(client, "1") == [0]


def test_csv_with_a_header_is_read_by_its_column(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """As a spreadsheet writes it; what else the file holds goes nowhere, and duplicates are counted."""
    rows = ["\ufeffName;E-mail;Customer_ID", '"Müller; Zoë";zoe@example.com;1', "Max;;2", "Zoë;x@example.com;1", ";;"]
    (tmp_path / "customers.csv").write_text("\r\n".join(rows), encoding="utf-8", newline="")
    done = parts.console(env, tmp_path, "sync", "2", "--file", "customers.csv")
    assert (done.returncode, wanted(client, "1", "2")) == (0, [1, 1])
    assert done.stdout.startswith("2 customers requested.")
    assert done.stderr == "2 duplicates dropped.\n"


def test_rows_without_an_id_stop_all_of_them(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """Each is told with its line."""
    done = parts.console(env, tmp_path, "sync", text="id,name\n1,Zoë\n,Max\n2\n3,a,b\n")
    assert done.returncode == 2
    assert "standard input, line 3: the cell in the column of the ids is empty" in done.stderr
    assert "standard input, line 5: has more cells than the header has columns" in done.stderr
    assert "Error: 2 faults found; nothing was requested." in done.stderr
    assert "Copy the id" not in done.stderr
    assert wanted(client, "1", "2", "3") == [0, 0, 0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("150713\nZoë\nChloë\n".encode("latin-1"), "ids.txt, line 2: is not UTF-8 text: save it in UTF-8"),
        (
            "150713\n150714\n".encode("utf-16"),
            "ids.txt, line 1: is not text but binary data, or is text in UTF-16",
        ),
    ],
    ids=["Latin-1", "UTF-16"],
)
@pytest.mark.parametrize("is_piped", [False, True], ids=["file", "piped"])
def test_a_list_in_another_encoding_is_told(
    content: bytes, words: str, is_piped: bool, env: dict[str, str], tmp_path: Path
) -> None:
    """As of any other file: once, and with its own fix."""
    (tmp_path / "ids.txt").write_bytes(content)
    done = parts.console(env, tmp_path, "sync", *([] if is_piped else ["-f", "ids.txt"]), text=content)
    assert done.returncode == 2
    assert words.replace("ids.txt", "standard input" if is_piped else "ids.txt") in done.stderr
    assert (done.stderr.count("in UTF-8"), "Copy the id" in done.stderr) == (1, False)


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_no_id_at_all_is_wrong_usage(text: str, env: dict[str, str], tmp_path: Path) -> None:
    """An empty list is told, not passed over."""
    done = parts.console(env, tmp_path, "sync", text=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no id" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["sync", ID, "--system", "9"], ["preview", ID, "--system", "9"], ["holds", "release", "9"]],
    ids=" ".join,
)
def test_an_unknown_system_is_told_with_those_that_exist(
    arguments: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    """Whoever mistyped sees the right one, and what to do next."""
    done = parts.console(env, tmp_path, *arguments)
    assert done.returncode == 2
    assert "connection-unknown" in done.stderr
    assert "for this system id: 9; configured: 4021 Sandbox 4021" in done.stderr
    assert "Then run the command or send the trigger again." in done.stderr


def test_several_connections_need_a_choice(redis_url: str, tmp_path: Path) -> None:
    """The system is never guessed."""
    path = parts.write_connections(tmp_path, "http://127.0.0.1:9", more=parts.connection("http://x", system_id=4022))
    done = parts.console(parts.environment(redis_url, path), tmp_path, "sync", ID)
    assert done.returncode == 2
    assert "4022 Sandbox 4022" in done.stderr


def test_redis_down_is_told_without_the_password(env: dict[str, str], tmp_path: Path) -> None:
    """The address and the variable that sets it, and no traceback."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": "redis://:secret@127.0.0.1:9/0"}, tmp_path, "sync", ID)
    assert done.returncode == 2
    assert "Redis does not answer at redis://:***@127.0.0.1:9/0" in done.stderr
    assert "STAMPED_SYNC_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
