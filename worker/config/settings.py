"""The settings, which come from the environment and from a `.env` file: the one place of every default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from worker.config import listen_tokens as tokens
from worker.config.environment import PREFIX, Environment, environment, warn_of_misspelt
from worker.config.faults import ConfigurationError, Fault, checked, fault_of, wrong
from worker.config.flower_login import problems_of
from worker.config.redis_url import RedisUrl, RedisUrlWrong

UNTYPABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and the surrogates that Python makes of bytes that are not UTF-8."""
USABLE_PASSWORD = "UTF-8 text without a comma, a line break or another control character"  # noqa: S105 - a rule


def is_usable_password(text: str) -> bool:
    """Whether a text can be a password of Flower, which separates logins with commas."""
    return not ("," in text or UNTYPABLE.search(text))


def http_url(text: str) -> SplitResult | None:
    """The parts of an http:// or https:// URL with a host; None if the text is not such a URL."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None


def _is_sentry_dsn(dsn: str) -> bool:
    parts = http_url(dsn)
    return bool(parts and parts.username and parts.path.rpartition("/")[2].isdecimal())


def _usable_logins(logins: SecretStr) -> SecretStr:
    if problems := list(problems_of(logins.get_secret_value().split(","))):
        raise wrong("; ".join(problems))
    return logins


def _usable_tokens(text: SecretStr) -> SecretStr:
    given = tokens.tokens_in(text.get_secret_value())
    if problems := list(tokens.problems_of(given)) or ([] if given else ["holds no token"]):
        raise wrong("; ".join(problems))
    return text


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _comma_separated(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


WEEK_MINUTES = 7 * 24 * 60
Minutes = Annotated[tuple[Annotated[int, Field(gt=0, le=WEEK_MINUTES)], ...], BeforeValidator(_comma_separated)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
User = Annotated[
    str,
    checked(
        lambda user: re.fullmatch(r"[^\s:,]+", user) and not UNTYPABLE.search(user),
        "must be UTF-8 text without a colon, a comma, a space or a control character",
    ),
]
"""Flower separates user and password with a colon, and logins with commas. The others can't be typed."""
Password = Annotated[SecretStr, checked(is_usable_password, f"must be {USABLE_PASSWORD}")]
ListenTokens = Annotated[SecretStr, AfterValidator(_usable_tokens)]
Logins = Annotated[SecretStr, AfterValidator(_usable_logins)]
SentryDsn = Annotated[SecretStr, checked(_is_sentry_dsn, "must be the DSN that Sentry shows for the project")]


class Settings(BaseModel):
    """Every setting with its default; `load_settings` reads them from their environment variables and `.env`.

    The text under each setting is what docs/reference/settings.md says of it.
    """

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
    )

    redis_url: str = Field(default="redis://127.0.0.1:6379/0", repr=False)
    """The Redis or Valkey with the ledger and the queues: redis://, or rediss:// for verified TLS."""
    connections: Path = Path("connections.toml")
    """The connections file; the paths in it are relative to it."""
    done_days: int = Field(default=7, gt=0, le=3650)
    """Days that a finished job stays in the ledger."""
    failed_days: int = Field(default=30, gt=0, le=3650)
    """Days that a failed job stays in the ledger, open to re-run."""
    events: int = Field(default=1_000_000, ge=10_000, le=100_000_000)
    """Events that are remembered at most, for `done_days`: every ended attempt, and every change by a person. As many
    again of what an initialize or a catch-up asked for, so that these push no others out. Each takes about 250 bytes of
    Redis."""
    fast_retries: int = Field(default=4, ge=0, le=20)
    """Retries within seconds, before those of `slow_retry_minutes`."""
    slow_retry_minutes: Minutes = (20, 60, 120)
    """Minutes to wait before each of the later retries, separated by commas; then the job has failed."""
    hold_first_seconds: float = Field(default=5, gt=0, le=3600)
    """Seconds that a store is first held after refused credentials or an outage; then twice as long each time."""
    hold_longest_seconds: float = Field(default=600, gt=0, le=86400)
    """The most seconds that a store is held, unless it asks for more itself, up to a day."""
    hold_after_errors: int = Field(default=3, gt=0, le=1000)
    """Jobs in a row that must fail for a reason that would stop any customer; then their store is held."""
    connect_timeout_seconds: float = Field(default=5, gt=0, le=300)
    """Seconds to wait for a connection to an API."""
    read_timeout_seconds: float = Field(default=15, gt=0, le=300)
    """Seconds to wait for an API's answer."""
    lease_seconds: int = Field(default=45, gt=0, le=3600, validate_default=True)
    """Seconds that a job stays with the worker that took it, renewed before each API call; after a kill, others wait as
    long. Longer than the connect and the read timeout together."""
    concurrency: int = Field(default=20, gt=0, le=1000)
    """Threads of one worker."""
    core: int | None = Field(default=None, ge=0, examples=[0])
    """The core, counted from 0, that a worker keeps to (Linux only): its threads take turns anyway, and faster so. `up`
    does not use it: it gives each of its workers one, if they fill the cores."""
    carry_on_jobs: int = Field(default=5, gt=0, le=1000)
    """Jobs of a store that a thread runs one after the other at most while messages wait; then it is another's turn."""
    carry_on_seconds: float = Field(default=0.25, ge=0, le=60)
    """Seconds after which it is another's turn, even if it has run fewer jobs."""
    reload_seconds: float = Field(default=5, gt=0, le=3600)
    """Seconds between two looks whether the connections file, a mapping file or a secret has changed."""
    sweep_seconds: int = Field(default=5, gt=0, le=3600)
    """Seconds between two searches for jobs that are due or whose message is lost."""
    lost_after_seconds: int = Field(default=30, gt=0, le=86400)
    """Seconds to wait for a job's message before it can count as lost."""
    subscription_retry_minutes: int = Field(default=60, gt=0, le=1440)
    """Minutes between two scheduled retries of the failed subscription jobs."""
    subscription_retry_days: int = Field(default=7, gt=0, le=3650)
    """Days for which failed subscription jobs are retried by the schedule."""
    catch_up_hours: float = Field(default=24, ge=0, le=8760)
    """Hours between two searches for customers without a link, for each connection with the trigger customer/created; 0
    switches them off."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """Format of the log lines: json, text, or auto (text on a terminal, json elsewhere)."""
    log_level: LogLevel = "INFO"
    """The lowest level that is logged: DEBUG, INFO, WARNING or ERROR."""
    data: Path = Path("stamped-sync-data")
    """The folder where `stamped-sync up` keeps its own data: an embedded Valkey's and Flower's login."""
    flower_user: User = "operator"
    """The user of Flower's login under `stamped-sync up`."""
    flower_password: Password | None = Field(default=None, examples=["a-long-password"])
    """The password of that login, without a comma; if not set, one is made and kept in the data folder."""
    flower_basic_auth: Logins | None = Field(
        default=None, validation_alias="FLOWER_BASIC_AUTH", examples=["operator:a-long-password"]
    )
    """The login of a Flower started without `stamped-sync up`, as user:password; several are separated by commas."""
    listen_tokens: ListenTokens | None = Field(default=None, examples=["listener:…"])
    """The tokens of those who hand triggers over to `stamped-sync listen`, each as name:token, separated by commas. A
    name shows in the log, and may have several tokens."""
    listen_tokens_file: Path | None = Field(default=None, examples=["secrets/listen-tokens"])
    """A file of such tokens, one in each line; a change of it is taken without a restart."""
    sentry_dsn: SentryDsn | None = Field(
        default=None, validation_alias="SENTRY_DSN", examples=["https://key@sentry.example.com/1"]
    )
    """Where errors are reported; if not set, nothing is sent to Sentry."""
    sentry_environment: str = Field(default="production", validation_alias="SENTRY_ENVIRONMENT")
    """The environment's name in Sentry."""

    @property
    def redis(self) -> RedisUrl:
        """The Redis URL in its parts; every client gets its arguments from them."""
        return RedisUrl.read(self.redis_url)

    @property
    def redis_url_shown(self) -> str:
        """The Redis URL as it may be printed: without its password."""
        return self.redis.shown

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_usable(cls, text: str) -> str:
        try:
            RedisUrl.read(text)
        except RedisUrlWrong as problem:
            raise wrong(str(problem), f"{PREFIX}REDIS_URL={problem.example}") from None
        return text.strip()

    @field_validator("lease_seconds")
    @classmethod
    def _lease_covers_one_call(cls, lease: int, info: ValidationInfo) -> int:
        """A shorter lease would let another worker take a job while its call still runs."""
        call = info.data.get("connect_timeout_seconds", 0) + info.data.get("read_timeout_seconds", 0)
        if lease <= call:
            example = f"{PREFIX}LEASE_SECONDS={int(call) + 10}"
            raise wrong(f"must be above the connect and the read timeout together, {call:g} seconds", example)
        return lease


def load_settings() -> Settings:
    """Read the settings, each from its environment variable, else from `.env`.

    An empty variable counts as not set, so that `NAME=${NAME:-}` in a compose file keeps the default. Raises
    ConfigurationError with one fault for each variable that is wrong, and for each line of `.env` that is.
    """
    environ = environment()
    given = {name.upper(): value for name, value in environ.variables.items() if value}
    fields = {variable(name): name for name in Settings.model_fields}
    try:
        settings = Settings.model_validate({fields[name]: given[name] for name in fields.keys() & given.keys()})
    except ValidationError as error:
        raise ConfigurationError([*environ.faults, *_faults(error, environ)]) from None
    if environ.faults:
        raise ConfigurationError(environ.faults)
    warn_of_misspelt(given, fields.keys(), settings.connections)
    return settings


def variable(field: str) -> str:
    """The environment variable that sets a field of Settings."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _faults(error: ValidationError, environ: Environment) -> list[Fault]:
    fields = {variable(name): name for name in Settings.model_fields}
    faults: dict[str, Fault] = {}
    for each in error.errors(include_url=False, include_input=False):
        place = str(each["loc"][0])
        name = place if place in fields else variable(place)
        faults.setdefault(name, fault_of(each, *environ.place_of(name), f"{name}={_right_value(fields[name])}"))
    return list(faults.values())


def _right_value(field: str) -> str:
    info = Settings.model_fields[field]
    right = info.examples[0] if info.examples else info.default
    return ",".join(map(str, right)) if isinstance(right, tuple) else str(right)
