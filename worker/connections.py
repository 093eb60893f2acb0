"""The connections file: each iPaaS.com subscription joined to its Stamped.io store."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

from pydantic import (
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

from worker.config.environment import DOTENV, Environment, environment
from worker.config.faults import ConfigurationError, Fault, checked, fault_of, unknown_key, wrong
from worker.config.secret import read_secret
from worker.config.settings import http_url
from worker.config.text_file import Files
from worker.config.toml_file import Table, examples, read_tables, repeated
from worker.ledger.limits import USUAL_CALLS, USUAL_CONCURRENT, USUAL_SECONDS
from worker.mapping.mapping import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

Scope = Literal["customer/created", "customer/updated"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""The outbound triggers that a connection can switch on (contract: outbound scopes, C)."""
CREATED, UPDATED = SCOPES

LEAST_LIMIT: Final = 5
"""The most calls of one API that any job needs."""

SHOWN_AT_MOST: Final = 10
"""How many connections a sentence names."""

EXAMPLE: Final = (Path(__file__).parent / "config" / "connections.example.toml").read_text(encoding="utf-8")
"""A connections file with every key. It loads once its three variables are set."""


@dataclass(frozen=True)
class _Origin:
    """The connections file that is being read, and the faults found so far in it and in the mapping files it names."""

    path: Path
    environ: Environment
    faults: list[Fault] = field(default_factory=list)
    files: Files = field(default_factory=Files)
    secrets: list[str] = field(default_factory=list, repr=False)
    mappings: dict[Path, Mapping] = field(default_factory=dict)

    def fault(self, key: str, problem: str, example: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(str(self.path), key, problem, example))

    def mapping(self, name: str) -> Mapping:
        """The mapping of a file. Several connections may share it; its faults are noted once."""
        path = self.path.parent / name
        if path not in self.mappings:
            try:
                self.mappings[path] = Mapping.read(path, self.files)
            except FileNotFoundError:
                raise wrong(f"there is no file {path}: make it, or leave this line out until it is there") from None
            except ConfigurationError as error:
                self.faults.extend(error.faults)
                self.mappings[path] = Mapping.default()  # never used: load_connections raises the faults
        return self.mappings[path]


# What a connection holds ---------------------------------------------------------------------------------------------


def _origin(info: ValidationInfo) -> _Origin:
    """The file that is being read; a connection that is built in Python refers to the current folder."""
    return info.context if isinstance(info.context, _Origin) else _Origin(Path(), Environment(os.environ))


def _resolved(value: Any, info: ValidationInfo) -> str:
    origin = _origin(info)
    secret = read_secret(value, origin.path.parent, origin.environ, origin.files)
    origin.secrets.append(secret)
    return secret


def _checked_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not _is_plain_url(value):
        raise wrong("must be an http:// or https:// URL with a host, and without credentials, query or spaces")
    return value.rstrip("/")


@cache  # most connections are of the same few hosts
def _is_plain_url(text: str) -> bool:
    parts = http_url(text)
    return parts is not None and "@" not in parts.netloc and text.isprintable() and not re.search(r"[ \\?#]", text)


def _loaded_mapping(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise wrong("must be the path of a mapping file, in quotes")
    return _origin(info).mapping(value)


ApiUrl = Annotated[str, BeforeValidator(_checked_url)]
Secret = Annotated[SecretStr, BeforeValidator(_resolved)]
NO_COLON = checked(lambda key: ":" not in key, "must hold no colon: is the private key in it?")
PublicKey = Annotated[str, BeforeValidator(_resolved), NO_COLON]
"""It is the user of HTTP Basic, which ends at the first colon."""
PLAIN = checked(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*").fullmatch, "must be letters, digits, dots, hyphens and underscores alone"
)
StoreHash = Annotated[str, PLAIN]
"""It becomes a part of the path of every call (contract: Stamped.io's base, C)."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SystemId = Annotated[int, Field(strict=True, gt=0, le=2**53)]
Seconds = Annotated[int, Field(strict=True, gt=0, le=24 * 60 * 60)]
Concurrent = Annotated[int, Field(strict=True, gt=0, le=10_000)]
ENOUGH = checked(
    lambda limit: limit >= LEAST_LIMIT,
    f"must be {LEAST_LIMIT} or more, the calls of one job; for a lower rate, raise seconds as well",
)
Limit = Annotated[int, Field(strict=True, gt=0, le=1_000_000), ENOUGH]
"""A job waits until the throttle has room for all its calls: with a lower limit, some would wait for ever."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ReadThrottle(_Part):
    """At most `limit` calls to iPaaS.com in any window of `seconds`."""

    limit: Limit
    seconds: Seconds = USUAL_SECONDS


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


class Throttle(ReadThrottle):
    """At most `limit` calls to the store in any window of `seconds`, and `concurrent` of them at once."""

    limit: Limit = USUAL_CALLS
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

    @property
    def catches_up(self) -> bool:
        """Whether new customers are transferred by themselves, and a search finds those whose trigger was lost."""
        return CREATED in self.triggers


class Connections:
    """The connections by system id, in the order of the file. They do not change after they are read."""

    def __init__(self, connections: Iterable[Connection], fingerprint: str = "") -> None:
        self._by_system_id = {connection.system_id: connection for connection in connections}
        self.fingerprint = fingerprint
        """Six digits that differ if anything differs in the files that the connections were read from."""

    def __getitem__(self, system_id: int) -> Connection:
        return self._by_system_id[system_id]

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._by_system_id.values())

    def __len__(self) -> int:
        return len(self._by_system_id)

    def __str__(self) -> str:
        """Some of them, and how many more there are."""
        names = [f"{each.system_id} {each.name}" for each in self]
        more = len(names) - SHOWN_AT_MOST
        return ", ".join(names[:SHOWN_AT_MOST]) + (f", and {more:,} more" if more > 0 else "")

    def get(self, system_id: int) -> Connection | None:
        """The connection of a system id, or None."""
        return self._by_system_id.get(system_id)


# Reading the file ----------------------------------------------------------------------------------------------------


def load_connections(path: Path, variables: dict[str, str] | None = None, *, files: Files | None = None) -> Connections:
    """Read a connections file and the mappings it names; raises ConfigurationError with all their faults.

    `{ env = … }` looks at `variables`: by default those of the process and of `.env`. Every file that is read, `.env`
    and those of secrets too, is noted in `files`, also if there are faults.
    """
    files = Files() if files is None else files
    environ = environment(files) if variables is None else Environment(variables)
    origin = _Origin(path, environ, list(environ.faults), files)
    try:
        tables, faults = read_tables(path, "connection", files)
    except FileNotFoundError:
        example = f"stamped-sync connections --example > {path}"
        raise ConfigurationError([*origin.faults, Fault(str(path), "", "there is no such file", example)]) from None
    origin.faults.extend(faults)
    if not tables:
        origin.fault("connection", "there is no connection", "[[connection]]")
    connections = [_connection(table, number, origin) for number, table in enumerate(tables, start=1)]
    for number, system_id, first in repeated(tables, "system_id"):
        problem = f"{system_id} is already the system_id of connection {first}"
        origin.fault(f"connection {number}, system_id", problem, key_examples()[""]["system_id"])
    if origin.faults:
        raise ConfigurationError(origin.faults)
    return Connections(filter(None, connections), _fingerprint(origin))


def _fingerprint(origin: _Origin) -> str:
    """A keyed hash of all that was read. The secrets are its key, so that it says nothing of them.

    It has 24 bits: enough to tell configurations apart, and too few to try secrets by.
    """
    key = hashlib.sha256("\n".join(origin.secrets).encode()).digest()
    return hashlib.blake2b(
        "\n".join(origin.files.digests_but(Path(DOTENV))).encode(), key=key, digest_size=3
    ).hexdigest()


def _connection(table: Table, number: int, origin: _Origin) -> Connection | None:
    try:
        return Connection.model_validate(table, context=origin)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        origin.faults.extend(_fault(each, f"connection {number}", str(origin.path)) for each in details)
        return None


@cache
def key_examples() -> dict[str, dict[str, str]]:
    """An example of each key, by the path of its table: an empty text for the connection itself, `ipaas.throttle`."""
    return examples(EXAMPLE, "connection")


def _fault(error: ErrorDetails, place: str, file: str) -> Fault:
    *tables, key = [part for part in error["loc"] if isinstance(part, str)]
    place, examples_here = f"{place}, {'.'.join([*tables, key])}", key_examples()[".".join(tables)]
    if error["type"] != "extra_forbidden":
        return fault_of(error, file, place, examples_here[key])
    if tables and key in (own := key_examples()[""]):
        return Fault(file, place, "belongs to [[connection]], above its tables", own[key])
    return unknown_key(file, place, key, examples_here)
