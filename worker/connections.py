"""The connections file: each iPaaS.com subscription joined to its Stamped.io store."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from worker.config.environment import Environment, environment
from worker.config.faults import ConfigurationError, Fault, fault_of, shown, unknown_key, without_secret, wrong
from worker.config.text_file import Files
from worker.config.toml_file import Table, examples, read_tables, repeated
from worker.config.values import Concurrent, Limit, Part, Place
from worker.ipaas.endpoint import IPaaSEndpoint, ReadThrottle
from worker.ledger.limits import USUAL_CALLS, USUAL_CONCURRENT
from worker.mapping.mapping import Mapping
from worker.stamped.endpoint import StampedEndpoint, StampedGiven

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from worker.ipaas.subscription import Subscription

Scope = Literal["customer/created", "customer/updated"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""The outbound triggers that a connection can switch on (contract: outbound scopes, C)."""
CREATED, UPDATED = SCOPES

SHOWN_AT_MOST: Final = 10
"""How many connections a sentence names."""

NO_MAPPING: Final = (
    "there is no file {path}: make it with `stamped-sync mapping --example > {path}`, or take this line out until "
    "`stamped-sync mapping --import` has written it"
)

EXAMPLE: Final = (Path(__file__).parent / "config" / "connections.example.toml").read_text(encoding="utf-8")
"""A connections file with every key. It loads once its three variables are set."""


@dataclass(frozen=True)
class _Origin(Place):
    """The connections file that is being read, and the faults found so far in it and in the mapping files it names."""

    faults: list[Fault] = field(default_factory=list)
    mappings: dict[Path, Mapping] = field(default_factory=dict)

    def fault(self, key: str, problem: str, example: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(str(self.path), key, problem, example))

    def mapping(self, name: str) -> Mapping:
        """The mapping of a file. Several connections may share it; its faults are noted once."""
        path = self.folder / name
        if path not in self.mappings:
            try:
                self.mappings[path] = Mapping.read(path, self.files)
            except FileNotFoundError:
                raise wrong(NO_MAPPING.format(path=path)) from None
            except ConfigurationError as error:
                if whole := next((fault for fault in error.faults if not fault.key), None):  # it is no text file
                    raise wrong(f"{path} {whole.problem}", 'mapping = "mapping.toml"') from None
                self.faults.extend(error.faults)
                self.mappings[path] = Mapping.default()  # never used: load_connections raises the faults
        return self.mappings[path]


# What a connection holds ---------------------------------------------------------------------------------------------


def _origin(info: ValidationInfo) -> _Origin:
    """The file that is being read; a connection that is built in Python refers to the current folder."""
    return info.context if isinstance(info.context, _Origin) else _Origin(Path(), Environment(os.environ))


def _loaded_mapping(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise wrong("must be the path of a mapping file, in quotes")
    return _origin(info).mapping(value)


def _known_scopes(value: Any) -> Any:
    """Tells every name that is no trigger. None is suggested: a delete is not meant to be an update."""
    names = value if isinstance(value, list) else []
    if problems := [f"{shown(each)} is not a trigger" for each in names if each not in SCOPES]:
        raise wrong(f"{', '.join(problems)}; use {' or '.join(SCOPES)}")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SystemId = Annotated[int, Field(strict=True, gt=0, le=2**53)]


class Throttle(ReadThrottle):
    """At most `limit` calls to the store in any window of `seconds`, and `concurrent` of them at once."""

    limit: Limit = USUAL_CALLS
    concurrent: Concurrent = USUAL_CONCURRENT


RATE: Final = frozenset({"limit", "seconds"})


class Connection(Part):
    """One iPaaS.com subscription joined to one Stamped.io store."""

    system_id: SystemId
    name: Name = ""
    """Without one, the connection is called by its system id."""
    triggers: Annotated[frozenset[Scope], BeforeValidator(_known_scopes)] = frozenset(SCOPES)
    mapping: Annotated[InstanceOf[Mapping], BeforeValidator(_loaded_mapping)] = Field(default_factory=Mapping.default)
    ipaas: IPaaSEndpoint
    stamped: StampedGiven = StampedGiven()
    throttle: Throttle = Throttle()
    warn_shared: Annotated[bool, Field(strict=True)] = False
    """Whether each create looks up in iPaaS.com who else is linked to the Stamped.io customer, to warn of it."""

    @property
    def label(self) -> str:
        """The system id and the name, by which every screen names the connection."""
        return f"{self.system_id} {self.name}".rstrip()

    @property
    def title(self) -> str:
        """The name, for whoever shows the system id beside it."""
        return self.name or "Connection"

    @property
    def unsaid(self) -> frozenset[str]:
        """What the file leaves out and the subscription says, by key; nothing if the file has all of `stamped`."""
        stamped = {key for key in StampedGiven.model_fields if getattr(self.stamped, key) is None}
        if not stamped:
            return frozenset()
        said = self.throttle.model_fields_set
        # A rate is one value: the file's limit in the subscription's seconds would be neither's.
        said = said | RATE if said & RATE else said
        return frozenset({*stamped, *(Throttle.model_fields.keys() - said)})

    @property
    def endpoint(self) -> StampedEndpoint:
        """Where and how Stamped.io is called. There is one if `stamped` is whole."""
        # Not validated again: a secret that was found is no longer a text in which a mistake would be looked for.
        return StampedEndpoint.model_construct(**dict(self.stamped))

    def joined(self, subscription: Subscription) -> Connection:
        """The connection with what its file leaves out. What the file says wins, key by key; a rate is one key."""
        said = {key: value for key, value in subscription if value is not None and key in self.unsaid}
        stamped = {key: value for key, value in said.items() if key in StampedGiven.model_fields}
        throttle = {key: value for key, value in said.items() if key in Throttle.model_fields}
        parts = {
            "stamped": self.stamped.model_copy(update=stamped),
            "throttle": self.throttle.model_copy(update=throttle),
        }
        return self.model_copy(update=parts)

    @property
    def catches_up(self) -> bool:
        """Whether new customers are transferred by themselves, and a search finds those whose trigger was lost."""
        return CREATED in self.triggers


def is_called_otherwise(before: Connection, now: Connection | None) -> bool:
    """Whether one of a connection's APIs has another address or other keys than before, or the connection is gone."""
    return now is None or before.stamped != now.stamped or now.ipaas.is_called_otherwise(before.ipaas)


class Connections:
    """The connections by system id, in the order of the file. They do not change after they are read."""

    def __init__(self, connections: Iterable[Connection], fingerprint: str = "") -> None:
        self._by_system_id = {connection.system_id: connection for connection in connections}
        self.fingerprint = fingerprint
        """Six digits that differ if anything differs in the files that the connections were read from."""

    def expiring(self) -> Iterator[str]:
        """Whose iPaaS.com API key expires within two weeks, or has expired, and what to do about it."""
        today = datetime.now(UTC).date()
        for each in self:
            if words := each.ipaas.expiry_in_words(today):
                yield f"{each.label}: its iPaaS.com API key {words}; it can't be extended: make a new one in iPaaS.com"

    def __getitem__(self, system_id: int) -> Connection:
        return self._by_system_id[system_id]

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._by_system_id.values())

    def __len__(self) -> int:
        return len(self._by_system_id)

    def __str__(self) -> str:
        """Some of them, and how many more there are."""
        names = [each.label for each in self]
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
    origin = _Origin(path, environ, files, faults=list(environ.faults))
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
    return Connections(filter(None, connections), _fingerprint(tables, origin))


def _fingerprint(tables: Sequence[Table], origin: _Origin) -> str:
    """A keyed hash of what the files say: the connections, their mappings and, as its key, their secrets.

    It says nothing of the secrets: keys are too long to be guessed, and its 24 bits are too few to tell guesses apart.
    """
    key = hashlib.sha256("\n".join(origin.secrets).encode()).digest()
    said = json.dumps([tables, [repr(each.rows) for each in origin.mappings.values()]], sort_keys=True, default=str)
    return hashlib.blake2b(said.encode(), key=key, digest_size=3).hexdigest()


def _connection(table: Table, number: int, origin: _Origin) -> Connection | None:
    # Whatever else is wrong with the two.
    if isinstance(ipaas := table.get("ipaas"), dict) and {"login", "token"} <= ipaas.keys():
        problem = "stands beside a login: keep one of both"
        origin.fault(f"connection {number}, ipaas.token", problem, key_examples()["ipaas"]["token"])
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
    named = key if key in (examples_here := key_examples()[".".join(tables)]) else without_secret(key)
    place = f"{place}, {'.'.join([*tables, named])}"
    if error["type"] != "extra_forbidden":
        return fault_of(error, file, place, examples_here[key])
    if tables and key in (own := key_examples()[""]):
        return Fault(file, place, "belongs to [[connection]], above its tables", own[key])
    return unknown_key(file, place, key, examples_here)
