"""The settings that come from the environment and from a `.env` file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker.faults import ConfigurationError, Fault, example_of, problem_of, wrong

PREFIX = "STAMPED_SYNC_"
DOTENV = ".env"

REDIS_SCHEMES = ("redis", "rediss")
USER_INFO = re.compile(r"^(\w+://)([^:/?#]*:)?[^/?#]*@")
DATABASE = re.compile(r"(/[0-9]*)?")
PASSWORD_OPTION = re.compile(r"(?<=[?&])(password=)[^&]*", re.IGNORECASE)


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _comma_separated(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


PositiveInt = Annotated[int, Field(gt=0)]
Minutes = Annotated[tuple[PositiveInt, ...], NoDecode, BeforeValidator(_comma_separated)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]


class Settings(BaseSettings):
    """Every setting with its default; each is read from its environment variable, else from `.env`.

    An empty variable counts as not set, so that `NAME=${NAME:-}` in a compose file keeps the default.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,
        description="The Redis (or Valkey) that holds the ledger and the queues: redis:// or rediss://.",
    )
    connections: Path = Field(
        default=Path("connections.toml"), description="The connections file; the paths in it are relative to it."
    )
    done_days: int = Field(default=7, gt=0, le=3650, description="Days that a finished job stays in the ledger.")
    failed_days: int = Field(
        default=30, gt=0, le=3650, description="Days that a failed job stays in the ledger, open to re-run."
    )
    fast_retries: int = Field(
        default=4, ge=0, le=20, description="Retries within seconds, before those of `slow_retry_minutes`."
    )
    slow_retry_minutes: Minutes = Field(
        default=(20, 60, 120),
        description="Minutes to wait before each of the later retries, separated by commas; then the job has failed.",
    )
    hold_first_seconds: float = Field(
        default=5,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds that a store is first held after refused credentials or an outage; then twice as long "
        "each time.",
    )
    hold_longest_seconds: float = Field(
        default=600,
        gt=0,
        le=86400,
        allow_inf_nan=False,
        description="Seconds that a store is held at the longest, unless it asks for more, up to a day.",
    )
    hold_after_errors: int = Field(
        default=3, gt=0, le=1000, description="Outages (no answer, or 5xx) in a row after which a store is held."
    )
    connect_timeout_seconds: float = Field(
        default=5, gt=0, le=300, allow_inf_nan=False, description="Seconds to wait for a connection to an API."
    )
    read_timeout_seconds: float = Field(
        default=15, gt=0, le=300, allow_inf_nan=False, description="Seconds to wait for an API's answer."
    )
    lease_seconds: int = Field(
        default=45,
        gt=0,
        le=3600,
        validate_default=True,
        description="Seconds that a worker holds a job for one API call; a killed worker's job is free after them. "
        "Longer than the connect timeout and twice the read timeout.",
    )
    concurrency: int = Field(default=20, gt=0, le=1000, description="Threads of one worker.")
    sweep_seconds: int = Field(
        default=5,
        gt=0,
        le=3600,
        description="Seconds between two looks for jobs that are due or whose message is lost.",
    )
    lost_after_seconds: int = Field(
        default=30,
        gt=0,
        le=86400,
        description="Seconds that a job's message is waited for before it can count as lost.",
    )
    subscription_retry_minutes: int = Field(
        default=60, gt=0, le=1440, description="Minutes between two scheduled retries of the failed subscription jobs."
    )
    subscription_retry_days: int = Field(
        default=7, gt=0, le=3650, description="Days for which failed subscription jobs are retried by the schedule."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="Form of the log lines: json, text, or auto (text on a terminal, json elsewhere)."
    )
    log_level: LogLevel = Field(
        default="INFO", description="The least level that is logged: DEBUG, INFO, WARNING or ERROR."
    )
    data: Path = Field(
        default=Path("stamped-sync-data"),
        description="The folder where `stamped-sync up` keeps its own data: an embedded Valkey's and Flower's login.",
    )
    flower_user: str = Field(default="operator", description="The user of Flower's login under `stamped-sync up`.")
    flower_password: SecretStr | None = Field(
        default=None,
        examples=["a-long-password"],
        description="The password of that login, without a comma; without it, one is made and kept in the data folder.",
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="SENTRY_DSN",
        examples=["https://key@sentry.example.com/1"],
        description="Where errors are reported; without it, nothing is sent to Sentry.",
    )
    sentry_environment: str = Field(
        default="production", validation_alias="SENTRY_ENVIRONMENT", description="The environment's name in Sentry."
    )

    @property
    def redis_url_shown(self) -> str:
        """The Redis URL as it may be printed: without its password."""
        return PASSWORD_OPTION.sub(r"\1***", USER_INFO.sub(r"\1\2***@", self.redis_url))

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_usable(cls, url: str) -> str:
        if not _is_redis_url(url):
            raise wrong(
                "must be a redis:// or rediss:// URL with a host; the database is a number and special characters in a "
                "password are percent-encoded"
            )
        return url

    @field_validator("lease_seconds")
    @classmethod
    def _lease_covers_one_call(cls, lease: int, info: ValidationInfo) -> int:
        """Else another worker could take a job while its call still runs (design: the ledger protocol)."""
        call = info.data.get("connect_timeout_seconds", 0) + 2 * info.data.get("read_timeout_seconds", 0)
        if lease <= call:
            example = f"{PREFIX}LEASE_SECONDS={int(call) + 10}"
            raise wrong(f"must be above the connect timeout and twice the read timeout, {call:g} seconds", example)
        return lease

    @field_validator("flower_user")
    @classmethod
    def _user_is_usable(cls, user: str) -> str:
        """Flower separates user and password with a colon, and logins with commas."""
        if not re.fullmatch(r"[^\s:,]+", user):
            raise wrong("must not hold a colon, a comma or a space")
        return user

    @field_validator("flower_password")
    @classmethod
    def _password_is_usable(cls, password: SecretStr | None) -> SecretStr | None:
        """Flower separates logins with commas."""
        if password is not None and "," in password.get_secret_value():
            raise wrong("must not hold a comma")
        return password

    @field_validator("sentry_dsn")
    @classmethod
    def _dsn_is_usable(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is not None and not _is_sentry_dsn(dsn.get_secret_value()):
            raise wrong("must be the DSN that Sentry shows for the project")
        return dsn


def load_settings() -> Settings:
    """Read the settings; raises ConfigurationError with one fault for each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(_faults(error)) from None
    except UnicodeDecodeError:
        raise ConfigurationError([_dotenv_fault()]) from None


def environment() -> dict[str, str]:
    """The process's environment over what `.env` holds: where `{ env = … }` of the connections file looks."""
    try:
        held = dotenv_values(DOTENV)
    except UnicodeDecodeError:
        raise ConfigurationError([_dotenv_fault()]) from None
    return {name: value for name, value in held.items() if value is not None} | dict(os.environ)


def variable(field: str) -> str:
    """The environment variable that sets a field of Settings."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _faults(error: ValidationError) -> list[Fault]:
    fields = {variable(name): name for name in Settings.model_fields}
    faults: dict[str, Fault] = {}
    for each in error.errors(include_url=False, include_input=False):
        place = str(each["loc"][0])
        name = place if place in fields else variable(place)
        example = example_of(each, f"{name}={_right_value(fields[name])}")
        faults.setdefault(name, Fault("environment", name, problem_of(each), example))
    return list(faults.values())


def _right_value(field: str) -> str:
    info = Settings.model_fields[field]
    right = info.examples[0] if info.examples else info.default
    return ",".join(map(str, right)) if isinstance(right, tuple) else str(right)


def _dotenv_fault() -> Fault:
    return Fault(DOTENV, "", "is not UTF-8 text", f"{PREFIX}CONNECTIONS=connections.toml")


def _is_redis_url(url: str) -> bool:
    """Strict about `@` and `#` behind the host: there they are the rest of a password that was not percent-encoded."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in REDIS_SCHEMES or parts.fragment or "@" in parts.path + parts.query:
        return False
    return bool(parts.hostname) and DATABASE.fullmatch(parts.path) is not None


def _is_sentry_dsn(dsn: str) -> bool:
    try:
        parts = urlsplit(dsn)
        _ = parts.port
    except ValueError:
        return False
    project = parts.path.rpartition("/")[2]
    return parts.scheme in {"http", "https"} and bool(parts.hostname and parts.username) and project.isdecimal()
