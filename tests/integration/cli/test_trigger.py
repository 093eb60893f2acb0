"""Handing triggers over on the console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.jobs.job import Job, Kind
from worker.ledger import Ledger
from worker.sync.triggers import LONGEST_TRIGGER_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    import redis

GOOD = {"id": "150713", "destination": "4021", "scope": "customer/updated", "tracking_guid": "0a8e0a8e"}


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation in which customer/created is switched off."""
    path = parts.write_connections(tmp_path, "http://127.0.0.1:9")
    path.write_text(
        parts.connection("http://127.0.0.1:9", more="").replace(
            "system_id = 4021", 'system_id = 4021\ntriggers = ["customer/updated"]'
        ),
        encoding="utf-8",
    )
    return parts.environment(redis_url, path)


def trigger(*notifications: object) -> str:
    """The text of a trigger."""
    return json.dumps({"id": "6f0c", "attempt": 0, "notifications": notifications})


def test_a_trigger_is_in_the_ledger_when_the_command_ends(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """It is accepted, from a file."""
    (tmp_path / "trigger.json").write_text(trigger(GOOD), encoding="utf-8")
    done = parts.console(env, tmp_path, "trigger", "trigger.json")
    assert (done.returncode, done.stdout) == (0, "✓ 1 accepted: customer 4021/150713\n")
    assert Ledger(client).record(Job(Kind.CUSTOMER, 4021, "150713"))


def test_each_notification_is_judged_on_its_own(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """One that is refused does not keep the others back."""
    bad = [GOOD | {"scope": "customer/deleted"}, {"destination": "4021", "scope": "customer/updated"}]
    done = parts.console(env, tmp_path, "trigger", text=trigger(bad[0], GOOD, bad[1]))
    assert done.returncode == 2
    for words in ("✗ 1 refused", "scope-unsupported", "✓ 2 accepted", "✗ 3 refused", "`id` is missing", "Resolution"):
        assert words in done.stdout
    assert Ledger(client).refused().count == 2


def test_the_file_of_a_fault_is_named(env: dict[str, str], tmp_path: Path) -> None:
    """Of one notification, and of what is no trigger at all."""
    (tmp_path / "one.json").write_text(trigger(GOOD, {"scope": 1}), encoding="utf-8")
    (tmp_path / "two.json").write_bytes('{"id": "Zoë"}'.encode("latin-1"))
    words = "✗ 2 refused: one.json: Trigger cannot be read (trigger-malformed)\n"
    assert words in parts.console(env, tmp_path, "trigger", "one.json").stdout
    words = 'sends: two.json: it is not UTF-8 text: save it in UTF-8. It begins: {"id": "x'
    done = parts.console(env, tmp_path, "trigger", "two.json")
    assert (done.returncode, words in done.stderr) == (2, True)
    assert "sends: standard input: it is not JSON" in parts.console(env, tmp_path, "trigger", text="Zoe").stderr


def test_a_trigger_that_is_switched_off_is_noted(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """That is no error, and nothing is transferred."""
    done = parts.console(env, tmp_path, "trigger", text=trigger(GOOD | {"scope": "customer/created"}))
    assert (done.returncode, "1 noted" in done.stdout) == (0, True)
    assert Ledger(client).record(Job(Kind.CUSTOMER, 4021, "150713")) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"notifications": []}',
        b"[" * 100_000,
        b'{"id": ' + b"1" * 5_000 + b"}",
        b" " * (LONGEST_TRIGGER_BYTES + 1),
        b"0" * 10_000_000,
    ],
    ids=["empty", "cut", "no text", "list", "null", "no notification", "deep", "long number", "too long", "10 MB"],
)
def test_what_is_no_trigger_is_refused_in_words(text: bytes, env: dict[str, str], tmp_path: Path) -> None:
    """Whatever arrives, nobody sees a traceback."""
    done = parts.console(env, tmp_path, "trigger", text=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Trigger cannot be read (trigger-malformed)" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_email_address_in_a_trigger_is_not_shown(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """It is neither printed nor kept."""
    done = parts.console(env, tmp_path, "trigger", text=trigger(GOOD | {"id": "zoe@example.com"}))
    assert done.returncode == 2
    assert "zoe@example.com" not in done.stdout + done.stderr + str(Ledger(client).refusals())


# For programs ---------------------------------------------------------------------------------------------------------


def test_json_is_what_the_front_door_answers(env: dict[str, str], tmp_path: Path) -> None:
    """A verdict for each notification, with the same exit codes."""
    text = trigger(GOOD, {**GOOD, "scope": "customer/deleted"}, GOOD)
    done = parts.console(env, tmp_path, "trigger", "--json", text=text)
    first, second, third = json.loads(done.stdout)["verdicts"]
    taken = {"accepted": True, "system_id": parts.SYSTEM, "customer_id": "150713"}
    assert done.returncode == 2
    assert first == {"position": 1, **taken, "coalesced": False}
    assert third == {"position": 3, **taken, "coalesced": True}
    assert set(second) == {"position", "accepted", "code", "message", "resolution"}
    assert parts.console(env, tmp_path, "trigger", "--json", text=trigger(GOOD)).returncode == 0


def test_what_cannot_be_read_is_an_error_for_programs_too(env: dict[str, str], tmp_path: Path) -> None:
    """In one line."""
    done = parts.console(env, tmp_path, "trigger", "--json", text="{")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (2, "trigger-malformed")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_redis_that_is_away_is_a_temporary_failure(env: dict[str, str], tmp_path: Path, options: list[str]) -> None:
    """Upstream sends it again; that is another exit code than that of a refusal."""
    away = env | {"STAMPED_SYNC_REDIS_URL": "redis://127.0.0.1:9/0"}
    done = parts.console(away, tmp_path, "trigger", *options, text=trigger(GOOD))
    assert done.returncode == 75
    assert "nothing listens there" in done.stderr
    assert "Traceback" not in done.stderr
    if options:
        assert set(json.loads(done.stdout)) == {"code", "message", "resolution"}
