"""The connections file: each iPaaS.com subscription joined to its Stamped.io store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from worker.config.faults import ConfigurationError, Fault, example_of, nearest, problem_of, unknown, wrong
from worker.config.secret import read_secret
from worker.config.settings import environment
from worker.config.text_file import is_missing
from worker.config.toml_file import read_toml
from worker.ledger.limits import USUAL_CALLS, USUAL_CONCURRENT, USUAL_SECONDS
from worker.mapping.mapping import Mapping, load_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as Environment

Scope = Literal["customer/created", "customer/updated"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""The outbound triggers that a connection can switch on (contract: outbound scopes, C)."""

LEAST_LIMIT = 5
"""No job needs more calls of one API, however it goes."""
STORE_HASH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

EXAMPLE = """\
# The connections of stamped-customer-sync, one [[connection]] for each iPaaS.com subscription.
# Paths are relative to this file. A secret is text, { env = "NAME" } or { file = "path" }.
# `stamped-sync check` proves every connection.

[[connection]]
system_id = 4021                                      # the subscription's id in iPaaS.com
name = "Acme EU"
triggers = ["customer/created", "customer/updated"]   # those that are on; Manual Sync works regardless
# mapping = "mapping.toml"                            # without it: the specification's default template
# warn_shared = true                                  # look for customers who share one Stamped.io customer
ipaas = { api_url = "https://api.ipaas.com", token = { env = "IPAAS_TOKEN" } }
throttle = { limit = 500, seconds = 60, concurrent = 10 }

[connection.stamped]
api_url = "https://stamped.io"
public_key = { env = "STAMPED_PUBLIC_KEY" }
private_key = { env = "STAMPED_PRIVATE_KEY" }         # or { file = "/run/secrets/stamped_private_key" }
store_hash = "270392"
"""
"""A connections file that loads once its three variables are set."""

EXAMPLES = {
    "connection": "[[connection]]",
    "system_id": "system_id = 4021",
    "name": 'name = "Acme EU"',
    "triggers": 'triggers = ["customer/created", "customer/updated"]',
    "mapping": 'mapping = "mapping.toml"',
    "ipaas": 'ipaas = { api_url = "https://api.ipaas.com", token = { env = "IPAAS_TOKEN" } }',
    "ipaas.api_url": 'api_url = "https://api.ipaas.com"',
    "ipaas.token": 'token = { env = "IPAAS_TOKEN" }',
    "ipaas.throttle": "throttle = { limit = 1000, seconds = 60 }",
    "ipaas.throttle.limit": "limit = 1000",
    "ipaas.throttle.seconds": "seconds = 60",
    "stamped": 'stamped = { api_url = "https://stamped.io", public_key = { env = "STAMPED_PUBLIC_KEY" }, '
    'private_key = { env = "STAMPED_PRIVATE_KEY" }, store_hash = "270392" }',
    "stamped.api_url": 'api_url = "https://stamped.io"',
    "stamped.public_key": 'public_key = { env = "STAMPED_PUBLIC_KEY" }',
    "stamped.private_key": 'private_key = { file = "/run/secrets/stamped_private_key" }',
    "stamped.store_hash": 'store_hash = "270392"',
    "throttle": "throttle = { limit = 500, seconds = 60, concurrent = 10 }",
    "throttle.limit": "limit = 500",
    "throttle.seconds": "seconds = 60",
    "throttle.concurrent": "concurrent = 10",
    "warn_shared": "warn_shared = true",
}


@dataclass(frozen=True)
class _Origin:
    """Where a connections file stands, and the faults found so far in it and in the mapping files it names."""

    file: str
    folder: Path
    environ: Environment[str, str]
    faults: list[Fault] = field(default_factory=list)
    mappings: dict[Path, Mapping] = field(default_factory=dict)

    def mapping(self, path: Path) -> Mapping:
        """The mapping of a file, which several connections may share; its faults are gathered once."""
        if path not in self.mappings:
            self.mappings[path] = self._read_mapping(path)
        return self.mappings[path]

    def _read_mapping(self, path: Path) -> Mapping:
        try:
            return load_mapping(path)
        except ConfigurationError as error:
            self.faults.extend(error.faults)
            return Mapping.default()  # never used: the faults are raised once the whole file is read


# What a connection holds ---------------------------------------------------------------------------------------------


def _origin(info: ValidationInfo) -> _Origin:
    """The file that is being read; a connection that is built in Python refers to the current folder."""
    return info.context if isinstance(info.context, _Origin) else _Origin("", Path(), os.environ)


def _resolved(value: Any, info: ValidationInfo) -> str:
    origin = _origin(info)
    return read_secret(value, origin.folder, origin.environ)


def _checked_url(value: Any) -> Any:
    if isinstance(value, str) and not _is_api_url(value):
        raise wrong("must be an http:// or https:// URL with a host, and without credentials, query or spaces")
    return value.rstrip("/") if isinstance(value, str) else value


def _is_api_url(url: str) -> bool:
    if not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    has_more = "@" in parts.netloc or "?" in url or "#" in url
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_more


def _loaded_mapping(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise wrong("must be the path of a mapping file, in quotes")
    path = _origin(info).folder / value
    if is_missing(path):
        raise wrong(f"there is no file {path}")
    return _origin(info).mapping(path)


def _checked_store_hash(value: str) -> str:
    """A store hash becomes a part of every path that is called (contract: Stamped.io's base, C)."""
    if not STORE_HASH.fullmatch(value):
        raise wrong("must be letters, digits, dots, hyphens and underscores alone")
    return value


def _checked_public_key(value: str) -> str:
    """It is the user of HTTP's Basic credentials, which end at the first colon."""
    if ":" in value:
        raise wrong("must hold no colon: is the private key in it?")
    return value


def _checked_limit(limit: int) -> int:
    """A job gets all its calls or waits for them: one that needs more than the limit could never run."""
    if limit < LEAST_LIMIT:
        raise wrong(f"must be {LEAST_LIMIT} or more, the calls of one job; for a lower rate, raise seconds as well")
    return limit


ApiUrl = Annotated[str, BeforeValidator(_checked_url)]
PublicKey = Annotated[str, BeforeValidator(_resolved), AfterValidator(_checked_public_key)]
Secret = Annotated[SecretStr, BeforeValidator(_resolved)]
StoreHash = Annotated[str, AfterValidator(_checked_store_hash)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SystemId = Annotated[int, Field(strict=True, gt=0, le=2**53)]
Seconds = Annotated[int, Field(strict=True, gt=0, le=24 * 60 * 60)]
Concurrent = Annotated[int, Field(strict=True, gt=0, le=10_000)]
Limit = Annotated[int, Field(strict=True, gt=0, le=1_000_000), AfterValidator(_checked_limit)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ReadThrottle(_Part):
    """At most `limit` calls to iPaaS.com in any window of `seconds`."""

    limit: Limit
    seconds: Seconds = 60


class IPaaSEndpoint(_Part):
    """iPaaS.com's API as one connection calls it."""

    api_url: ApiUrl
    token: Secret
    throttle: ReadThrottle | None = None


class StampedEndpoint(_Part):
    """Stamped.io's API as one connection calls it: the keys are the user and password of HTTP Basic."""

    api_url: ApiUrl
    public_key: PublicKey = Field(repr=False)
    private_key: Secret
    store_hash: StoreHash


class Throttle(_Part):
    """At most `limit` calls to the store in any window of `seconds`, and `concurrent` of them at once."""

    limit: Limit = USUAL_CALLS
    seconds: Seconds = USUAL_SECONDS
    concurrent: Concurrent = USUAL_CONCURRENT


class Connection(_Part):
    """One iPaaS.com subscription joined to one Stamped.io store."""

    system_id: SystemId
    name: Name
    triggers: frozenset[Scope] = frozenset(SCOPES)
    mapping: Annotated[InstanceOf[Mapping], BeforeValidator(_loaded_mapping)] = Field(default_factory=Mapping.default)
    ipaas: IPaaSEndpoint
    stamped: StampedEndpoint
    throttle: Throttle = Throttle()
    warn_shared: Annotated[bool, Field(strict=True)] = False
    """Whether each create looks up in iPaaS.com who else is linked to the Stamped.io customer, to warn of it."""


class Connections:
    """The connections by system id, in the order of the file; never changed once read."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._by_system_id = {connection.system_id: connection for connection in connections}

    def __getitem__(self, system_id: int) -> Connection:
        return self._by_system_id[system_id]

    def __contains__(self, system_id: object) -> bool:
        return system_id in self._by_system_id

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._by_system_id.values())

    def __len__(self) -> int:
        return len(self._by_system_id)

    def get(self, system_id: int) -> Connection | None:
        """The connection of a system id, or None."""
        return self._by_system_id.get(system_id)


# Reading the file ----------------------------------------------------------------------------------------------------


def load_connections(path: Path, environ: Environment[str, str] | None = None) -> Connections:
    """Read a connections file and the mappings it names; raises ConfigurationError with all their faults.

    `environ` is where `{ env = … }` looks: by default the process's environment and `.env`.
    """
    origin = _Origin(str(path), path.parent, environment() if environ is None else environ)
    document = read_toml(path, if_missing=f"stamped-sync connections --example > {path}")
    tables = document.get("connection", [])
    origin.faults.extend(_document_faults(document, origin.file))
    if not isinstance(tables, list):
        raise ConfigurationError(origin.faults)
    connections = [_connection(table, number, origin) for number, table in enumerate(tables, start=1)]
    origin.faults.extend(_repeated(tables, origin.file))
    if origin.faults:
        raise ConfigurationError(origin.faults)
    return Connections(connection for connection in connections if connection)


def _document_faults(document: dict[str, Any], file: str) -> Iterator[Fault]:
    example = EXAMPLES["connection"]
    for key in document:
        if key != "connection":
            yield Fault(file, key, unknown(key, "known key", ["connection"]), example)
    tables = document.get("connection", [])
    if not isinstance(tables, list):
        yield Fault(file, "connection", "must be a list of tables, each under [[connection]] in two brackets", example)
    elif not tables:
        yield Fault(file, "connection", "there is no connection", example)


def _repeated(tables: list[Any], file: str) -> Iterator[Fault]:
    ids = [table.get("system_id") if isinstance(table, dict) else None for table in tables]
    for number, system_id in enumerate(ids, start=1):
        first = ids.index(system_id) + 1
        if system_id is not None and first < number:
            problem = f"{system_id} is already the system_id of connection {first}"
            yield Fault(file, f"connection {number}, system_id", problem, EXAMPLES["system_id"])


def _connection(table: Any, number: int, origin: _Origin) -> Connection | None:
    try:
        return Connection.model_validate(table, context=origin)
    except ValidationError as error:
        origin.faults.extend(_faults(error, number, origin.file))
        return None


def _faults(error: ValidationError, number: int, file: str) -> Iterator[Fault]:
    for each in error.errors(include_url=False, include_input=False):
        path = [part for part in each["loc"] if isinstance(part, str)]
        place = f"connection {number}, {'.'.join(path)}" if path else f"connection {number}"
        if each["type"] == "extra_forbidden":
            yield _unknown_key(file, place, path)
        else:
            example = example_of(each, EXAMPLES[".".join(path) or "connection"])
            yield Fault(file, place, problem_of(each), example)


def _unknown_key(file: str, place: str, path: list[str]) -> Fault:
    *table, key = path
    if table and key in Connection.model_fields:
        return Fault(file, place, "belongs to [[connection]], above its tables", EXAMPLES[key])
    known = _known_keys(table)
    right = nearest(key, known) or known[0]
    return Fault(file, place, unknown(key, "known key", known), EXAMPLES[".".join([*table, right])])


def _known_keys(path: list[str]) -> list[str]:
    """The keys of the table at this path of a connection."""
    part: Any = Connection
    for key in path:
        annotation = part.model_fields[key].annotation
        part = next(iter(get_args(annotation)), annotation)  # of one that may be left out: what it is, without None
    return list(part.model_fields)
