"""What the values of a connection must be, wherever they stand: in the connections file or in iPaaS.com."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from worker.config.environment import Environment
from worker.config.faults import checked, wrong
from worker.config.secret import read_password, read_secret
from worker.config.settings import http_url
from worker.config.text_file import Files

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_LIMIT: Final = 5
"""The most calls of one API that any job needs."""


class Part(BaseModel):
    """A table of the connections file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class Place:
    """The file that is being read, and the variables that its secrets can be in."""

    path: Path
    environ: Environment
    files: Files = field(default_factory=Files)
    """Those that were read."""
    secrets: list[str] = field(default_factory=list, repr=False)
    """Those that were found."""

    @cached_property
    def folder(self) -> Path:
        """That of the file, from which the paths in it start."""
        return self.path.parent


def _resolved(value: Any, info: ValidationInfo) -> str:
    """A secret's text."""
    return _kept(read_secret, value, info)


def _typed(value: Any, info: ValidationInfo) -> str:
    """The text of a secret that a person types."""
    return _kept(read_password, value, info)


def _kept(read: Callable[[Any, Path, Environment, Files], str], value: Any, info: ValidationInfo) -> str:
    """A secret that is read and noted. What is built in Python refers to the current folder."""
    place = info.context if isinstance(info.context, Place) else Place(Path(), Environment(os.environ))
    secret = read(value, place.folder, place.environ, place.files)
    place.secrets.append(secret)
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


@cache
def is_readable_on_the_way(url: str) -> bool:
    """Whether keys go to this address without encryption, and leave the machine."""
    parts = http_url(url)
    return parts is not None and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ApiUrl = Annotated[str, BeforeValidator(_checked_url)]
NO_COLON = checked(lambda key: ":" not in key, "must hold no colon: is the private key in it?")
"""The public key is the user of HTTP Basic, which ends at the first colon."""
Secret = Annotated[SecretStr, BeforeValidator(_resolved)]
Typed = Annotated[SecretStr, BeforeValidator(_typed)]
PublicKey = Annotated[str, BeforeValidator(_resolved), NO_COLON]
PLAIN = checked(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*").fullmatch, "must be letters, digits, dots, hyphens and underscores alone"
)
StoreHash = Annotated[str, PLAIN]
"""It becomes a part of the path of every call (contract: Stamped.io's base, C)."""
Seconds = Annotated[int, Field(strict=True, gt=0, le=24 * 60 * 60)]
Concurrent = Annotated[int, Field(strict=True, gt=0, le=10_000)]
ENOUGH = checked(
    lambda limit: limit >= LEAST_LIMIT,
    f"must be {LEAST_LIMIT} or more, the calls of one job; for a lower rate, raise seconds as well",
)
Limit = Annotated[int, Field(strict=True, gt=0, le=1_000_000), ENOUGH]
"""A job waits until the throttle has room for all its calls: with a lower limit, some would wait for ever."""
