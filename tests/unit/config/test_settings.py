"""Settings: read from the environment and `.env`, refused with one fault for each variable that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import worker.config.environment
from tests.tables import meanings
from worker.config.environment import environment
from worker.config.faults import ConfigurationError, Fault
from worker.config.settings import Settings, load_settings, variable
from worker.config.text_file import read_text


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine, and no `.env` of the current folder."""
    for name in [name for name in os.environ if name.startswith(("STAMPED_SYNC_", "SENTRY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _faults() -> tuple[Fault, ...]:
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    return raised.value.faults


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing has to be set to start."""
    settings = load_settings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.connections == Path("connections.toml")
    assert (settings.done_days, settings.failed_days) == (7, 30)
    assert settings.slow_retry_minutes == (20, 60, 120)
    assert settings.sentry_dsn is None


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("STAMPED_SYNC_REDIS_URL", "rediss://cache.example:6380/2", "redis_url", "rediss://cache.example:6380/2"),
        ("STAMPED_SYNC_REDIS_URL", " redis://cache.example ", "redis_url_shown", "redis://cache.example:6379/0"),
        ("STAMPED_SYNC_CONNECTIONS", "/etc/stores.toml", "connections", Path("/etc/stores.toml")),
        ("STAMPED_SYNC_SLOW_RETRY_MINUTES", "1, 5,10", "slow_retry_minutes", (1, 5, 10)),
        ("STAMPED_SYNC_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("STAMPED_SYNC_DONE_DAYS", "", "done_days", 7),
        ("SENTRY_ENVIRONMENT", "staging", "sentry_environment", "staging"),
    ],
)
def test_a_variable_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, field: str, value: object
) -> None:
    """Each variable is read in its own type; an empty one keeps the default."""
    monkeypatch.setenv(name, text)
    assert getattr(load_settings(), field) == value


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`.env` gives what the environment does not."""
    (tmp_path / ".env").write_text("STAMPED_SYNC_DONE_DAYS=3\nSTAMPED_SYNC_FAILED_DAYS=9\nANOTHER=1\n")
    monkeypatch.setenv("STAMPED_SYNC_FAILED_DAYS", "10")
    settings = load_settings()
    assert (settings.done_days, settings.failed_days) == (3, 10)


def test_secrets_are_looked_up_in_the_environment_and_in_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The connections file's `{ env = … }` finds what `.env` holds; an empty variable hides nothing."""
    (tmp_path / ".env").write_text("IPAAS_TOKEN=held\nSTAMPED_KEY=held\nOTHER_KEY=held\n")
    monkeypatch.setenv("STAMPED_KEY", "given")
    monkeypatch.setenv("OTHER_KEY", "")
    held = environment().variables
    assert (held["IPAAS_TOKEN"], held["STAMPED_KEY"], held["OTHER_KEY"]) == ("held", "given", "held")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("STAMPED_SYNC_DONE_DAYS", "a week", "must be a whole number"),
        ("STAMPED_SYNC_DONE_DAYS", "0", "must be above 0"),
        ("STAMPED_SYNC_FAST_RETRIES", "-1", "must be at least 0"),
        ("STAMPED_SYNC_CONCURRENCY", "1001", "must be at most 1000"),
        ("STAMPED_SYNC_CONNECT_TIMEOUT_SECONDS", "nan", "must be a number"),
        ("STAMPED_SYNC_READ_TIMEOUT_SECONDS", "3600", "must be at most 300"),
        ("STAMPED_SYNC_READ_TIMEOUT_SECONDS", "0", "must be above 0"),
        ("STAMPED_SYNC_SLOW_RETRY_MINUTES", "20,soon,later", "must be a whole number"),
        ("STAMPED_SYNC_SLOW_RETRY_MINUTES", "20,10081", "must be at most 10080"),
        ("STAMPED_SYNC_DONE_DAYS", "\udcff", "must be UTF-8 text"),
        ("STAMPED_SYNC_LOG_FORMAT", "xml", "must be 'auto', 'json' or 'text'"),
        ("STAMPED_SYNC_LEASE_SECONDS", "20", "must be above the connect and the read timeout together, 20"),
        ("STAMPED_SYNC_REDIS_URL", "http://127.0.0.1:6379", "must be a redis://"),
        ("STAMPED_SYNC_REDIS_URL", "redis://cache:port/0", "has no host and port"),
        ("STAMPED_SYNC_REDIS_URL", "redis://cache?max_connections=5", "'max_connections' is not a known option"),
        (
            "STAMPED_SYNC_REDIS_URL",
            "rediss://cache?ssl_ca_certs=/no/such/file",
            "has an option ssl_ca_certs that names",
        ),
        ("SENTRY_DSN", "sentry.example.com", "must be the DSN"),
    ],
)
def test_a_wrong_variable_is_one_fault_with_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    """The fault names the variable, says what is wrong and shows what is right."""
    monkeypatch.setenv(name, text)
    (fault,) = _faults()
    assert (fault.file, fault.key) == ("environment", name)
    assert fault.problem.startswith(problem)
    assert fault.example.startswith(f"{name}=")


def test_the_example_of_a_short_lease_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeouts that the default lease does not cover are refused, and the example would cover them."""
    monkeypatch.setenv("STAMPED_SYNC_READ_TIMEOUT_SECONDS", "60")
    (fault,) = _faults()
    assert fault.example == "STAMPED_SYNC_LEASE_SECONDS=75"


def test_all_wrong_variables_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading is enough to put everything right."""
    monkeypatch.setenv("STAMPED_SYNC_DONE_DAYS", "0")
    monkeypatch.setenv("STAMPED_SYNC_SWEEP_SECONDS", "often")
    assert {fault.key for fault in _faults()} == {"STAMPED_SYNC_DONE_DAYS", "STAMPED_SYNC_SWEEP_SECONDS"}


def test_a_dotenv_file_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are named, not thrown as a traceback, by whoever reads the file."""
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    (fault,) = _faults()
    assert (fault.file, fault.problem) == (".env", "is not UTF-8 text: save it in UTF-8")
    assert environment().faults == [fault]


BROKEN_LINES = [
    ('STAMPED_SYNC_LOG_LEVEL="DEBUG\n', "line 1, STAMPED_SYNC_LOG_LEVEL", "has a quote that is not closed"),
    ("\n\n# a remark\n\nexport A='x\n", "line 5, A", "has a quote that is not closed"),
    ('A="x" y\n', "line 1, A", "has a quote that is not closed, or text behind it"),
    ("A=1\n\nno line at all\n", "line 3", "is not of the form NAME=value"),
    ("A=1\nSTAMPED_SYNC_DONE_DAYS\n", "line 2", "is not of the form NAME=value"),
    ("c2VjcmV0='", "line 1", "is not of the form NAME=value"),
]


@pytest.mark.parametrize(("text", "key", "problem"), BROKEN_LINES)
def test_a_line_of_dotenv_that_cannot_be_read_is_a_fault(tmp_path: Path, text: str, key: str, problem: str) -> None:
    """Its default would be used silently. The fault shows nothing of it but the name: the rest may be a secret."""
    (tmp_path / ".env").write_text(text)
    (fault,) = _faults()
    assert (fault.file, fault.key) == (".env", key)
    assert fault.problem.startswith(problem)
    assert environment().faults == [fault]


def test_faults_of_dotenv_name_its_line_and_come_with_all_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Broken lines, wrong values of lines, and wrong values of the process, which hide those of the file."""
    lines = ["A=1", "stamped_sync_concurrency=many", "B='", "", "STAMPED_SYNC_DONE_DAYS=1", "STAMPED_SYNC_DONE_DAYS=0"]
    (tmp_path / ".env").write_text("\n".join([*lines, "STAMPED_SYNC_SWEEP_SECONDS=1"]))
    monkeypatch.setenv("STAMPED_SYNC_SWEEP_SECONDS", "often")
    monkeypatch.setenv("STAMPED_SYNC_CONCURRENCY", "")
    assert {str(fault).partition(": must")[0] for fault in _faults()} == {
        '.env: line 3, B: has a quote that is not closed, or text behind it (for example: NAME="value")',
        ".env: line 2, STAMPED_SYNC_CONCURRENCY",
        ".env: line 6, STAMPED_SYNC_DONE_DAYS",
        "environment: STAMPED_SYNC_SWEEP_SECONDS",
    }


def test_dotenv_is_read_once_however_many_faults_name_its_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The lines come with the variables."""
    (tmp_path / ".env").write_text("".join(f"{variable(name)}=,\n" for name in Settings.model_fields))
    reads: list[Path] = []

    def read(path: Path, *more: Any) -> str:
        reads.append(path)
        return read_text(path, *more)

    monkeypatch.setattr(worker.config.environment, "read_text", read)
    assert sum(fault.file == ".env" for fault in _faults()) > 10
    assert reads == [Path(".env")]


def test_a_dotenv_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As an editor of Windows leaves it: the first variable counts like any other."""
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfSTAMPED_SYNC_DONE_DAYS=3\r\nSTAMPED_SYNC_FAILED_DAYS=9\r\n")
    assert (load_settings().done_days, load_settings().failed_days) == (3, 9)


def test_a_variable_is_found_whatever_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """As people write them in files."""
    monkeypatch.setenv("stamped_sync_done_days", "3")
    assert load_settings().done_days == 3


def test_an_empty_variable_keeps_what_dotenv_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It counts as not set."""
    (tmp_path / ".env").write_text("STAMPED_SYNC_DONE_DAYS=3\n")
    monkeypatch.setenv("STAMPED_SYNC_DONE_DAYS", "")
    assert load_settings().done_days == 3


def test_the_redis_url_is_shown_without_its_password() -> None:
    """Neither the URL that is shown nor the settings' own text holds the password."""
    settings = Settings(redis_url="redis://worker:hunter2@cache/1")
    assert settings.redis_url_shown == "redis://worker:***@cache:6379/1"
    assert "hunter2" not in f"{settings!r} {settings.redis!r}"


def test_a_redis_url_that_is_refused_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password in the wrong place."""
    monkeypatch.setenv("STAMPED_SYNC_REDIS_URL", "redis://:hun/ter2@cache/0")
    (fault,) = _faults()
    assert "percent-encoded" in fault.problem
    assert "ter2" not in str(fault)


def test_the_sentry_dsn_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a key."""
    monkeypatch.setenv("SENTRY_DSN", "https://hunter2@sentry.example.com/7")
    settings = load_settings()
    assert settings.sentry_dsn is not None
    assert "hunter2" not in f"{settings!r} {settings}"


def test_every_setting_has_a_description_and_a_variable() -> None:
    """The table of docs/reference is made of them."""
    described = {variable(name): text for name, text in meanings(Settings).items()}
    assert described.keys() == {variable(name) for name in Settings.model_fields}
    assert all(described.values())
    others = {"FLOWER_BASIC_AUTH", "SENTRY_DSN", "SENTRY_ENVIRONMENT"}
    assert {name for name in described if not name.startswith("STAMPED_SYNC_")} == others


def test_settings_are_never_changed() -> None:
    """A setting has one value for the life of a process."""
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.done_days = 1  # type: ignore[misc]
