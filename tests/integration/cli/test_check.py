"""Proofs and previews on the console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.jobs.catalogue import Failure
from worker.jobs.retries import Pause
from worker.ledger import Ledger
from worker.local.ports import free_port
from worker.presentation.wording import printable
from worker.sandbox.faults import Fault
from worker.sandbox.sso import EMAIL, PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

ID = "150713"
READS = {"GET"}


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation whose mapping subscribes everybody."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url, subscription=True))


# Check ---------------------------------------------------------------------------------------------------------------


def test_check_proves_everything(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """One line for each proof, and nothing is written; the server of the tests keeps nothing on disk, which is told."""
    done = parts.console(env, tmp_path, "check")
    assert done.returncode == 0
    assert [line[0] for line in done.stdout.splitlines()] == ["✓", "✓", "!", "✓", "✓", "✓"]
    assert "! Redis keeps its data in memory alone: a restart loses every job: set appendonly yes" in done.stdout
    assert {call.method for call in sandbox.sandbox.calls} == READS


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"token": "wrong"}, "ipaas-credentials-refused"),
        ({"private_key": "wrong"}, "stamped-credentials-refused"),
        ({"ipaas_url": "http://no-such-host.invalid"}, "host-not-found"),
        ({"stamped_url": "http://127.0.0.1:9"}, "stamped-unreachable"),
    ],
)
def test_check_tells_what_fails_and_goes_on(
    wrong: dict[str, str], code: str, redis_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The other proofs are made all the same."""
    path = tmp_path / "connections.toml"
    path.write_text(parts.connection(sandbox.url, **wrong), encoding="utf-8")  # type: ignore[arg-type]
    done = parts.console(parts.environment(redis_url, path), tmp_path, "check")
    marks = [line[0] for line in done.stdout.splitlines() if line[0] in "✓✗"]
    assert (done.returncode, marks.count("✓"), marks.count("✗")) == (1, 4, 1)
    assert code in done.stdout
    assert "Resolution:" in done.stdout


def test_store_that_a_subscription_says_is_compared_too(
    redis_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The file alone does not show that two connections have one store; what it shows is told once."""
    both = [parts.open_connection(sandbox.url), parts.connection(sandbox.url, system_id=4022)]
    (path := tmp_path / "connections.toml").write_text("\n".join(both), encoding="utf-8")
    env = parts.environment(redis_url, path)
    assert "have one Stamped.io store" in parts.console(env, tmp_path, "check").stdout
    both = [parts.connection(sandbox.url, system_id=system_id) for system_id in (4021, 4022)]
    path.write_text("\n".join(both), encoding="utf-8")
    assert parts.console(env, tmp_path, "check").stdout.count("have one Stamped.io store") == 1


def test_check_goes_on_without_redis(env: dict[str, str], tmp_path: Path) -> None:
    """The connections can be proved before there is a Redis."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": "redis://127.0.0.1:9/0"}, tmp_path, "check")
    assert (done.returncode, done.stdout.count("✓"), done.stdout.count("✗")) == (1, 4, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[connection", "not valid TOML"),
        ("[[connection]]\nsystemid = 1", "did you mean system_id?"),
        ('[[connection]]\nipaas = { token = { env = "NOT_SET" } }', "environment variable NOT_SET is not set"),
    ],
    ids=["broken", "unknown key", "missing secret"],
)
def test_a_wrong_configuration_is_told(text: str, words: str, redis_url: str, tmp_path: Path) -> None:
    """File, key, what is wrong and an example of right: code 2. Redis is checked all the same."""
    path = tmp_path / "connections.toml"
    path.write_text(text, encoding="utf-8")
    done = parts.console(parts.environment(redis_url, path), tmp_path, "check")
    assert (done.returncode, done.stdout.splitlines()[0][:10]) == (2, "✓ Redis: r")
    assert str(path) in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_in_place_of_the_connections_file_is_told(env: dict[str, str], tmp_path: Path) -> None:
    """With the right fix: nobody should remove it."""
    done = parts.console(env | {"STAMPED_SYNC_CONNECTIONS": "/"}, tmp_path, "check")
    assert (done.returncode, done.stdout[:10], "remove" in done.stderr) == (2, "✓ Redis: r", False)
    assert "/: is a folder: name a file instead, or put one in its place" in done.stderr


@pytest.mark.parametrize("command", ["check", "status", "up"])
def test_a_login_of_flower_that_nobody_could_use_is_told(command: str, env: dict[str, str], tmp_path: Path) -> None:
    """With its line in `.env`, before anything starts."""
    (tmp_path / ".env").write_text("FLOWER_BASIC_AUTH=hunter2\n")
    done = parts.console(env, tmp_path, command, *(["--flower-port", str(free_port())] if command == "up" else []))
    assert (done.returncode, done.stdout, "hunter2" in done.stderr) == (2, "", False)
    assert ".env: line 1, FLOWER_BASIC_AUTH: must be a user and a password with a colon between" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("command", ["check", "status"])
def test_a_broken_dotenv_is_told(command: str, env: dict[str, str], tmp_path: Path) -> None:
    """Each fault in it with its line, and none of what could be a secret: code 2."""
    (tmp_path / ".env").write_text('IPAAS_TOKEN="hunter2\n\nhunter2\nSTAMPED_SYNC_DONE_DAYS=hunter2\n')
    done = parts.console(env, tmp_path, command)
    assert (done.returncode, done.stdout, "hunter2" in done.stderr) == (2, "", False)
    for place in (".env: line 1, IPAAS_TOKEN: ", ".env: line 3: ", ".env: line 4, STAMPED_SYNC_DONE_DAYS: "):
        assert place in done.stderr


# Preview -------------------------------------------------------------------------------------------------------------


def test_preview_shows_what_a_transfer_would_do(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """The payload, the kind of write and the subscription; nothing is written."""
    done = parts.console(env, tmp_path, "preview", ID, "--json")
    assert json.loads(done.stdout) == {
        "system_id": 4021,
        "customer_id": ID,
        "action": "create",
        "stamped_id": None,
        "payload": {
            "externalId": "C-713",
            "customerEmail": "zoe@example.com",
            "email": "zoe@example.com",
            "firstName": "Zoë",
            "lastName": "Müller",
            "notes": "Prefers tea",
        },
        "warnings": [],
        "subscription": {"action": "subscribe", "is_subscribed": None, "error": None},
    }
    assert {call.method for call in sandbox.sandbox.calls} == READS


def test_preview_on_screen_is_plain(env: dict[str, str], tmp_path: Path) -> None:
    """A person reads what would be sent."""
    done = parts.console(env, tmp_path, "preview", ID)
    assert done.returncode == 0
    for words in ("would create a customer", "would subscribe", "firstName", "Zoë"):
        assert words in done.stdout


def test_preview_tells_a_subscription_that_would_fail_beside_the_payload(
    env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The customer would be transferred all the same; code 1, as of a sync that waits for both jobs."""
    parts.write_rows(
        tmp_path / "mapping.toml", 'type = "Field"\nsource = "CustomFields.News"\ndestination = "IsSubscribed"'
    )
    sandbox.sandbox.patch_customer(ID, {"custom_fields": [{"custom_field_name": "News", "value": "perhaps"}]})
    done = parts.console(env, tmp_path, "preview", ID)
    assert done.returncode == 1
    for words in ("would create a customer", "(subscription-value-invalid)", "Resolution:", "firstName", "Zoë"):
        assert words in done.stdout
    assert "perhaps" not in done.stdout
    shown = json.loads(parts.console(env, tmp_path, "preview", ID, "--json").stdout)["subscription"]
    assert (shown["action"], shown["error"]["code"]) == ("fail", "subscription-value-invalid")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(api="ipaas", shape="html"), (1, "answer-unreadable")),
        (Fault(api="stamped", shape="html"), (1, "answer-unreadable")),
        (Fault(api="ipaas", cut="before"), (1, "ipaas-unreachable")),
        (Fault(api="stamped", status=500), (1, "stamped-read-failed")),
    ],
    ids=["web page of iPaaS.com", "web page of Stamped.io", "no answer", "outage"],
)
def test_preview_tells_what_kept_it_from_reading(
    fault: Fault, expected: tuple[int, str], env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """Code 2 where the configuration is to blame, else 1."""
    sandbox.sandbox.add_fault(fault)
    done = parts.console(env, tmp_path, "preview", ID)
    exit_code, code = expected
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert code in done.stderr


def test_preview_of_a_host_that_does_not_exist_is_a_fault_of_the_configuration(redis_url: str, tmp_path: Path) -> None:
    """Somebody mistyped the address."""
    path = parts.write_connections(tmp_path, "http://no-such-host.invalid")
    done = parts.console(parts.environment(redis_url, path), tmp_path, "preview", ID)
    assert (done.returncode, "host-not-found" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [["preview"], ["failures", "show"]], ids=" ".join)
@pytest.mark.parametrize("text", ["abc", "150713/../1", "\x1b[2J"])
def test_what_is_no_id_is_refused_and_repeated(
    command: list[str], text: str, env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """A slash in an id never becomes a part of a path, and nothing in it steers the terminal."""
    done = parts.console(env, tmp_path, *command, text)
    assert (done.returncode, sandbox.sandbox.calls) == (2, [])
    assert f"'{printable(text)}' is not a whole number of 1 to 19 digits" in done.stderr


@pytest.mark.parametrize("command", [["preview"], ["failures", "show"], ["sync"]], ids=" ".join)
def test_an_id_in_another_encoding_is_told(command: list[str], env: dict[str, str], tmp_path: Path) -> None:
    """By every command that takes one, and without the advice to copy it from iPaaS.com."""
    done = parts.console(env, tmp_path, *command, "\udcff1")
    assert (done.returncode, "is not UTF-8 text: save it in UTF-8" in done.stderr) == (2, True)
    assert "Copy the id" not in done.stderr


# From the subscription -----------------------------------------------------------------------------------------------


@pytest.fixture(name="open_env")
def _open_env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that leaves Stamped.io to the subscription."""
    path = tmp_path / "connections.toml"
    path.write_text(parts.open_connection(sandbox.url), encoding="utf-8")
    return parts.environment(redis_url, path)


def test_check_says_what_the_subscription_says(
    open_env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """But for its secrets."""
    done = parts.console(open_env, tmp_path, "check")
    assert done.returncode == 0
    said = f"API address {sandbox.url}, keys, 500 calls in 60 s, 10 at once"
    assert f"✓ 4021, subscription: {said}" in done.stdout
    assert "✓ 4021, Stamped.io credentials: store hash 270392" in done.stdout
    assert "sandbox-p" not in done.stdout + done.stderr


def test_check_names_the_setting_that_is_missing(
    open_env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """And where to enter it."""
    sandbox.sandbox.change_settings({"API Store Hash": None})
    done = parts.console(open_env, tmp_path, "check")
    assert done.returncode == 1
    assert "✗ 4021, subscription: Subscription lacks a setting (subscription-incomplete)" in done.stdout
    assert "API Store Hash is missing" in done.stdout
    assert done.stdout.count("(subscription-incomplete)") == 1
    assert "Stamped.io credentials" not in done.stdout


def test_check_says_once_that_ipaas_does_not_answer(
    open_env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """What the subscription would say can't be known then, and nor can the keys be tried."""
    sandbox.sandbox.add_fault(Fault(api="ipaas", cut="before"))
    done = parts.console(open_env, tmp_path, "check")
    assert done.returncode == 1
    assert done.stdout.count("(ipaas-unreachable)") == 1
    assert "Stamped.io credentials" not in done.stdout


def test_check_says_the_cause_of_a_hold_once(
    open_env: dict[str, str], sandbox: RunningSandbox, client: redis.Redis, tmp_path: Path
) -> None:
    """It has just been met again, most likely."""
    sandbox.sandbox.add_fault(Fault(api="ipaas", cut="before"))
    Ledger(client).hold_store(parts.SYSTEM, "ipaas", Failure("ipaas-unreachable"), Pause(60, 60))
    said = parts.console(open_env, tmp_path, "check").stdout
    assert "✗ 4021: held since " in said
    assert said.count("Resolution: ") == 1


def test_connections_says_what_comes_from_the_subscription(open_env: dict[str, str], tmp_path: Path) -> None:
    """Without a call."""
    shown = parts.console(open_env, tmp_path, "connections").stdout
    assert "From the subscription" in shown
    assert "API address, public key, private key, store hash" in " ".join(shown.split())
    (as_json,) = map(json.loads, parts.console(open_env, tmp_path, "connections", "--json").stdout.splitlines())
    assert as_json["stamped"] == {"api_url": None, "store_hash": None}
    assert "private_key" in as_json["from_subscription"]


@pytest.mark.parametrize("is_login", [False, True])
def test_connections_says_what_opens_ipaas(open_env: dict[str, str], tmp_path: Path, *, is_login: bool) -> None:
    """An API key with its last day, or a login, and the client id; never a secret."""
    url = "https://api.ipaas.com"
    text = parts.login_connection(url) if is_login else parts.open_connection(url)
    more = "" if is_login else ', token_expires = 2099-02-01, client_id = "0a1b"'
    text = text.replace(f'api_url = "{url}"', f'api_url = "{url}"{more}')
    (tmp_path / "connections.toml").write_text(text, encoding="utf-8")
    shown = parts.console(open_env, tmp_path, "connections").stdout
    as_json = parts.console(open_env, tmp_path, "connections", "--json").stdout
    assert json.loads(as_json)["ipaas"] == {
        "api_url": url,
        "opened_by": "login" if is_login else "API key",
        "token_expires": None if is_login else "2099-02-01",
        "client_id": None if is_login else "0a1b",
    }
    words = "login" if is_login else "API key until 2099-02-01, client id 0a1b"
    assert f"{url}, {words}" in " ".join(shown.split())
    assert not [each for each in (parts.TOKEN, PASSWORD, EMAIL) if each in shown + as_json]


@pytest.mark.parametrize(
    "command",
    [
        ["preview", ID],
        ["initialize", "--dry-run"],
        ["check", "--write", "--email", "test@example.com", "--yes"],
    ],
    ids=lambda each: each[0],
)
def test_commands_work_with_what_the_subscription_says(
    command: list[str], open_env: dict[str, str], tmp_path: Path
) -> None:
    """As with a connection whose file says it all."""
    done = parts.console(open_env, tmp_path, *command)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stdout + done.stderr
