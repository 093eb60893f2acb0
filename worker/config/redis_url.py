"""The Redis URL, read once: it says how the ledger, the queue and Flower reach Redis.

    redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE][?OPTION=VALUE&…]      rediss:// over TLS

The clients of the ledger and of the queue read such a URL differently: what works for one is a TypeError, or an
unverified certificate, for the other. So neither of them gets the URL; both get their arguments from `RedisUrl`.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from worker.config.faults import unknown

if TYPE_CHECKING:
    from collections.abc import Callable

PORT: Final = 6379
SCHEMES: Final = {"redis": False, "rediss": True}
"""Whether a scheme means TLS."""
OTHER_SCHEMES: Final = {"valkey": "redis", "valkeys": "rediss"}
"""Schemes of other programs, and what is written here instead."""
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
VERIFIED: Final = "required"
VERIFICATIONS: Final = {f"{prefix}{each}": each for prefix in ("", "cert_") for each in (VERIFIED, "optional", "none")}
YES_OR_NO: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
EXAMPLE: Final = "redis://:PASSWORD@cache.example.com:6379/0"
TLS_EXAMPLE: Final = "rediss://:PASSWORD@cache.example.com:6379/0?ssl_ca_certs=/etc/ssl/redis-ca.pem"
ENCODED: Final = "special characters in the password are percent-encoded, such as %40 for @"

LABEL: Final = r"[A-Za-z0-9_-]{1,63}"
HOST: Final = re.compile(rf"{LABEL}(\.{LABEL})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
"""A name, an IPv4 address, or an IPv6 address. No other name can be looked up."""
DATABASE: Final = re.compile(r"/?|/[0-9]{1,9}")
OPTION: Final = re.compile(r"[A-Za-z_]{1,40}")
CLIENT_NAME: Final = re.compile(r"[!-~]{1,64}")


class RedisUrlWrong(ValueError):
    """The URL can't be used; its text says what is wrong and never quotes a value, which may be the password."""

    example = EXAMPLE


class RedisOptionWrong(RedisUrlWrong):
    """An option of the URL can't be used."""

    example = TLS_EXAMPLE


@dataclass(frozen=True)
class RedisUrl:
    """Where Redis is, and how it is reached."""

    host: str
    port: int = PORT
    db: int = 0
    username: str | None = field(default=None, repr=False)
    """It may be a password whose colon was left out, so it is not shown either."""
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    """Only those that the URL gives, in the types that the clients take."""

    @classmethod
    def read(cls, text: str) -> RedisUrl:
        """Read a URL. Raises RedisUrlWrong."""
        parts = _split(text.strip())
        options = _options(parts.query)
        url = cls(
            host=_host(parts),
            port=parts.port or PORT,
            db=_database(parts, options.pop("db", None)),
            username=_decoded(parts.username),
            password=_decoded(parts.password),
            is_tls=_is_tls(parts, ssl_option=options.pop("ssl", None)),
            options=options,
        )
        _check_tls(url)
        return url

    @property
    def shown(self) -> str:
        """The URL to be printed: without its password, and without a user who has none, which may be the password."""
        user = quote(self.username or "", safe="") if self.password else ""
        login = f"{user}:***@" if self.password else "***@" if self.username else ""
        options = "&".join(f"{name}={_shown(value)}" for name, value in self.options.items())
        return f"{self._scheme}://{login}{self._place}{'?' if options else ''}{options}"

    @property
    def plain(self) -> str:
        """The URL without its options, which the queue's client can't read. It holds the password."""
        password = f":{quote(self.password, safe='')}" if self.password else ""
        login = f"{quote(self.username or '', safe='')}{password}@" if self.username or password else ""
        return f"{self._scheme}://{login}{self._place}"

    @property
    def tls(self) -> dict[str, Any]:
        """The arguments of a connection over TLS, verified unless the URL says otherwise; empty without TLS."""
        if not self.is_tls:
            return {}
        given = {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        verification = given.get("ssl_cert_reqs", VERIFIED)
        return {"ssl_cert_reqs": verification, "ssl_check_hostname": verification != "none"} | given

    @property
    def manner(self) -> dict[str, Any]:
        """The arguments that are neither a place nor TLS, such as how long to wait and the client's name."""
        given = {name: value for name, value in self.options.items() if not name.startswith("ssl_")}
        return {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": ANSWER_SECONDS} | given

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments of a connection of redis-py."""
        place = {"host": self.host, "port": self.port, "db": self.db}
        return place | {"username": self.username, "password": self.password} | self.manner | self.tls

    @property
    def _scheme(self) -> str:
        return "rediss" if self.is_tls else "redis"

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.db}"


# The parts of the URL ------------------------------------------------------------------------------------------------


def _split(text: str) -> SplitResult:
    """The parts, if no piece of the password can have got into another part: a later message might show it."""
    if any(char.isspace() or not char.isprintable() for char in text):
        raise RedisUrlWrong(f"must not hold blanks or line breaks; {ENCODED}")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise RedisUrlWrong(f"has no host and port that can be read; {ENCODED}") from None
    if parts.scheme not in SCHEMES:
        raise RedisUrlWrong(_about_scheme(parts.scheme))
    if parts.fragment or "@" in parts.path + parts.query or parts.path.count("/") > 1:
        raise RedisUrlWrong(f"must end with the number of the database and options; {ENCODED}")
    return parts


def _about_scheme(scheme: str) -> str:
    if scheme in OTHER_SCHEMES:
        return f"must be a redis:// or rediss:// URL: write {OTHER_SCHEMES[scheme]}:// for {scheme}://"
    return "must be a redis:// or rediss:// URL with a host, without quotation marks"


def _host(parts: SplitResult) -> str:
    if not (parts.hostname and HOST.fullmatch(parts.hostname)):
        raise RedisUrlWrong(f"must be a redis:// or rediss:// URL with the name or address of one host; {ENCODED}")
    if parts.port == 0:
        raise RedisUrlWrong("must have a port from 1 to 65535")
    return parts.hostname


def _database(parts: SplitResult, option: int | None) -> int:
    if not DATABASE.fullmatch(parts.path):
        raise RedisUrlWrong(f"must be a redis:// or rediss:// URL whose database is a number; {ENCODED}")
    path = int(parts.path[1:]) if len(parts.path) > 1 else None
    if None not in (path, option) and path != option:
        raise RedisUrlWrong("names two databases, one behind the host and one as the option db; leave one out")
    return path if path is not None else option or 0


def _decoded(text: str | None) -> str | None:
    try:
        return unquote(text, errors="strict") if text else None
    except UnicodeDecodeError:
        raise RedisUrlWrong(f"holds a percent-encoding that is not UTF-8; {ENCODED}") from None


def _is_tls(parts: SplitResult, *, ssl_option: bool | None) -> bool:
    if SCHEMES[parts.scheme] and ssl_option is False:
        raise RedisUrlWrong("asks for TLS by rediss:// and against it by ssl=false; write redis:// without TLS")
    return SCHEMES[parts.scheme] or bool(ssl_option)


# The options ---------------------------------------------------------------------------------------------------------


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not OPTION.fullmatch(name):
            raise RedisUrlWrong(f"must have options of the form name=value behind the question mark; {ENCODED}")
        if name in {"username", "password"}:
            raise RedisUrlWrong(f"must have {name} before the host, not among the options")
        if name not in READERS:
            raise RedisOptionWrong(unknown(name, "known option of the Redis URL", list(READERS)))
        if name in options:
            raise RedisOptionWrong(f"gives the option {name} twice")
        options[name] = _value(name, value)
    return options


def _value(name: str, text: str) -> Any:
    try:
        return READERS[name](text)
    except ValueError as error:
        raise RedisOptionWrong(f"has an option {name} that {error}") from None


def _number(lowest: float, highest: float, *, is_whole: bool = False) -> Callable[[str], float]:
    form = re.compile(r"[0-9]{1,12}" if is_whole else r"[0-9]{1,6}(\.[0-9]{1,6})?")
    kind = "a whole number" if is_whole else "a number of seconds"

    def read(text: str) -> float:
        if not (form.fullmatch(text) and lowest <= float(text) <= highest):
            raise ValueError(f"must be {kind} from {lowest} to {highest}")
        return int(text) if is_whole else float(text)

    return read


def _one_of(known: dict[str, Any], named: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text.lower() not in known:
            raise ValueError(f"must be {named}")
        return known[text.lower()]

    return read


def _client_name(text: str) -> str:
    if not CLIENT_NAME.fullmatch(text):
        raise ValueError("must be a name of at most 64 letters, digits and signs")
    return text


def _file(text: str) -> str:
    try:
        Path(text).read_bytes()
    except (OSError, ValueError):
        raise ValueError("names a file that can't be read") from None
    return text


READERS: Final[dict[str, Callable[[str], Any]]] = {
    "db": _number(0, 999_999_999, is_whole=True),
    "client_name": _client_name,
    "health_check_interval": _number(1, 3600, is_whole=True),
    "socket_timeout": _number(1, 300),
    "socket_connect_timeout": _number(0.1, 300),
    "ssl": _one_of(YES_OR_NO, "true or false"),
    "ssl_cert_reqs": _one_of(VERIFICATIONS, "required, optional or none"),
    "ssl_check_hostname": _one_of(YES_OR_NO, "true or false"),
    "ssl_ca_certs": _file,
    "ssl_certfile": _file,
    "ssl_keyfile": _file,
}
"""Every option, with what reads its value."""


# TLS -----------------------------------------------------------------------------------------------------------------


def _check_tls(url: RedisUrl) -> None:
    """Refuse options that would be ignored, and files that TLS can't use: whoever sets them relies on them."""
    given = [name for name in url.options if name.startswith("ssl_")]
    if given and not url.is_tls:
        raise RedisOptionWrong(f"has the option {given[0]} without TLS; write rediss:// for a connection with TLS")
    if url.tls.get("ssl_cert_reqs") == "none" and url.tls.get("ssl_check_hostname"):
        raise RedisOptionWrong("checks the host name of a certificate that ssl_cert_reqs=none does not verify")
    if "ssl_keyfile" in given and "ssl_certfile" not in given:
        raise RedisOptionWrong("has the option ssl_keyfile without ssl_certfile")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if path := url.tls.get("ssl_ca_certs"):
        _load("ssl_ca_certs", "holds no certificate", lambda: context.load_verify_locations(path))
    if path := url.tls.get("ssl_certfile"):
        key = url.tls.get("ssl_keyfile")
        # An encrypted key would ask for its password on the terminal; the empty one refuses it instead.
        fitting = "holds no certificate that goes with an unencrypted key, its own or that of ssl_keyfile"
        _load("ssl_certfile", fitting, lambda: context.load_cert_chain(path, key, password=""))


def _load(name: str, otherwise: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise RedisOptionWrong(f"has an option {name} whose file {otherwise}") from None


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
