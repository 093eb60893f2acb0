"""What went wrong with Redis, in words that say what to do.

Redis refuses for reasons that have nothing to do with each other: a full memory, a replica, a wrong password. Each has
its words here. An answer is recognised by its first word alone: the rest can hold anything.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import redis

from worker.jobs.errors import InternalError, LedgerRefuses, LedgerUnavailable, SyncError

URL: Final = "STAMPED_SYNC_REDIS_URL"


class ScriptFailed(InternalError):
    """A script of the ledger, or a command on one of its keys, failed by itself: a fault of ours, and no outage."""


@dataclass(frozen=True)
class Refusal:
    """One way in which Redis refuses."""

    words: str
    """What Redis does or is, as the rest of a sentence that begins with it."""
    resolution: str
    passes: bool = False
    """Whether it can pass without anybody changing the configuration: a process that starts waits for that."""


CLUSTER: Final = "CROSSSLOT"
RIGHTS: Final = "NOPERM"
DATABASE: Final = "DB"
FULL: Final = "OOM"
DISK: Final = "MISCONF"
COMMAND: Final = "COMMAND"
QUEUE: Final = "QUEUE"
CLIENTS: Final = "MAXCLIENTS"
KILLED: Final = "KILLED"
ABORTED: Final = "EXECABORT"
NO_SCRIPT: Final = "NOSCRIPT"
"""Redis' names for what it refuses, and names of our own for what it says in sentences alone."""

_CLUSTER: Final = Refusal("is a cluster, which can't hold the ledger", "use a Redis or Valkey with cluster mode off")
_AWAY: Final = "wait until it is back; if it lasts, read Redis' log"

REFUSALS: Final = {
    "BUSY": Refusal(
        "is busy with a long script of somebody's",
        "wait for its end, or end it by SCRIPT KILL; give this software a Redis of its own",
        passes=True,
    ),
    FULL: Refusal(
        "has reached its maxmemory and takes no writes",
        "raise maxmemory, or remove what does not belong to this software",
        passes=True,
    ),
    "READONLY": Refusal(
        "is a replica, which takes no writes",
        f"wait for the failover to end, or name the primary in {URL}",
        passes=True,
    ),
    "UNBLOCKED": Refusal(
        "has become a replica", f"wait for the failover to end, or name the primary in {URL}", passes=True
    ),
    DISK: Refusal(
        "can't save its data to its disk and takes no writes",
        "make room on its disk, or give it back the right to write there; its log says which",
        passes=True,
    ),
    "MASTERDOWN": Refusal("is a replica that has lost its primary", f"wait, or name the primary in {URL}", passes=True),
    "LOADING": Refusal("is still loading its data", "wait until it has", passes=True),
    "NOREPLICAS": Refusal(
        "has too few replicas to take writes", "bring its replicas back, or lower min-replicas-to-write", passes=True
    ),
    "TRYAGAIN": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
    "MOVED": _CLUSTER,
    "ASK": _CLUSTER,
    CLUSTER: _CLUSTER,
    CLIENTS: Refusal(
        "has no connection left", "raise maxclients, or end clients that are not this software's", passes=True
    ),
    KILLED: Refusal("was made to end a script by SCRIPT KILL", "nothing: it is run again", passes=True),
    "NOAUTH": Refusal("wants a password", f"put it into {URL}, as redis://USER:PASSWORD@HOST"),
    "WRONGPASS": Refusal("does not accept the user or the password", f"correct them in {URL}"),
    "AUTH": Refusal("has no password, but one was given", f"take it out of {URL}, or set it in Redis"),
    "DENIED": Refusal("accepts connections of its own machine alone", "set a password in Redis, and protected-mode no"),
    RIGHTS: Refusal(
        "does not give its user all the rights that are needed", "`stamped-sync check` names those that are missing"
    ),
    DATABASE: Refusal("has no database with this number", f"correct the number behind the host in {URL}"),
    QUEUE: Refusal(
        "takes no message into a queue",
        "`stamped-sync check` names the right that is missing, or the data of another software that is in the way",
        passes=True,
    ),
    COMMAND: Refusal(
        "does not know a command that is needed",
        "use Redis 6.2 or newer, or Valkey, without renamed or forbidden commands",
    ),
    "NOPROTO": Refusal("is too old", "use Redis 6.2 or newer, or Valkey"),
}

IN_SENTENCES: Final = (
    (re.compile(r"max number of clients"), CLIENTS),
    (re.compile(r"invalid DB index|DB index is out of range"), DATABASE),
    (re.compile(r"SELECT is not allowed in cluster mode|.*ttempted to access a non local key in a cluster"), CLUSTER),
    (re.compile(r"ACL failure in script|The user executing the script can't "), RIGHTS),
    (re.compile(r"(this user|User \S+) has no permissions "), RIGHTS),
    (re.compile(r"unknown command .HELLO\b"), "NOPROTO"),
    (re.compile(r"unknown command|Unknown (Redis )?command called from"), COMMAND),
    (re.compile(r"Script killed by user"), KILLED),
    (re.compile(r"EXEC without MULTI"), ABORTED),
    (re.compile(r"invalid password"), "WRONGPASS"),
    (re.compile(r"AUTH <password> called without|Client sent AUTH, but no password"), "AUTH"),
    (re.compile(r"wrong number of arguments for '(auth|hello)'", re.IGNORECASE), "NOPROTO"),
)
"""Refusals that begin with ERR and go on in a sentence."""

FIRST_WORD: Final = re.compile(r"-?([A-Z][A-Z0-9]{1,31})(?:\s+|$)")
IN_PIPELINE: Final = re.compile(r"\ACommand # \d+ .*of pipeline caused error: ", re.DOTALL)
"""What redis-py puts in front, with the command's arguments."""
IN_TRANSACTION: Final = re.compile(r"\A(?:EXECABORT )?Transaction discarded because of: ")
"""What Redis puts in front of why it refuses EXEC itself."""
IN_SCRIPT: Final = re.compile(r"(?:Error running script \(call to \w+\): )?(?:@user_script: ?\d+: )*")
"""What Redis 6 puts in front of what a command in a script was answered."""
OF_A_SCRIPT: Final = re.compile(r"user_script|Error (?:running|compiling) script")
SCRIPT_LINE: Final = re.compile(r"user_script: ?(\d+)")
OURS: Final = ("WRONGTYPE", NO_SCRIPT, "ERR")
"""What only a fault of ours, in a script or on a key, is answered with."""


SILENCES: Final[tuple[tuple[type[BaseException], str, str], ...]] = (
    (redis.InvalidResponse, "is not what answers there", f"correct {URL}"),
    (socket.gaierror, "can't be found by its host name", f"correct it in {URL}, or this machine's name resolution"),
    (ConnectionRefusedError, "can't be reached, as nothing listens there", f"start it, or correct {URL}"),
    (FileNotFoundError, "can't be reached, as a file of our certificates is missing", f"put it where {URL} names it"),
    (redis.TimeoutError, "gives no answer in time", _AWAY),
    (TimeoutError, "gives no answer in time", _AWAY),
)
"""What the client raises, or raises from, if no answer comes."""


def error_of(error: redis.RedisError, script: str = "") -> SyncError:
    """The error of the catalogue for one of the client's; `script` is the one that was run."""
    code = code_of(error)
    if isinstance(error, redis.DataError) or (code and _is_ours(error, code)):
        return ScriptFailed(_place(error, code or type(error).__name__, script))
    if code is None:
        return LedgerUnavailable(f"it {in_words(error)}")
    return LedgerRefuses(f"it {in_words(error)}")


def in_words(error: BaseException) -> str:
    """What Redis does, and what to do about it: the rest of a sentence that begins with Redis or it."""
    code = code_of(error) if isinstance(error, redis.RedisError) else None
    if code is None:
        words, resolution = _silence(error)
        return f"{words}: {resolution}"
    known = REFUSALS.get(code)
    return f"{known.words} ({code}): {known.resolution}" if known else f"refuses ({code}): read Redis' log"


def passes(error: redis.RedisError) -> bool:
    """Whether it can pass without anybody changing the configuration."""
    if (code := code_of(error)) is None:
        return not isinstance(_cause(error), ssl.SSLError)
    known = REFUSALS.get(code)
    return known.passes if known else True


def code_of(error: redis.RedisError) -> str | None:
    """The name of what Redis answered; None if it did not answer."""
    status = getattr(error, "status_code", None)
    if not (status or isinstance(error, redis.ResponseError)):
        return None
    answer = IN_PIPELINE.sub("", str(error))
    reason = IN_TRANSACTION.sub("", answer)
    word, rest = _first_word(f"{status} {answer}" if status and reason == answer else reason)
    return word if word not in {"", "ERR"} else _of_sentence(rest)


def _first_word(answer: str) -> tuple[str, str]:
    found = FIRST_WORD.match(answer)
    return (found.group(1), answer[found.end() :]) if found else ("", answer)


def _of_sentence(answer: str) -> str:
    """The name of what is said behind ERR, be it by Redis or by a command in a script."""
    inner = answer[IN_SCRIPT.match(answer).end() :]  # type: ignore[union-attr] # it matches nothing too
    for pattern, code in IN_SENTENCES:
        if pattern.match(inner):
            return code
    return (_first_word(inner)[0] if inner != answer else "") or "ERR"


def _is_ours(error: redis.RedisError, code: str) -> bool:
    """ERR alone can be anybody's, of a proxy too; only with the mark of a script it is ours."""
    return code in OURS and (code != "ERR" or OF_A_SCRIPT.search(str(error)) is not None)


def _place(error: redis.RedisError, code: str, script: str) -> str:
    line = SCRIPT_LINE.search(str(error))
    place = f"the script {script or 'of another command'}" if script or line else "a command of the ledger"
    return f"{code} in {place}{f', line {line.group(1)}' if line else ''}"


# No answer ------------------------------------------------------------------------------------------------------------


def _silence(error: BaseException) -> tuple[str, str]:
    """What is known of an answer that did not come, and what to do."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLError):
        return _about_tls(cause)
    if isinstance(cause, TimeoutError) and "handshake" in str(cause):
        return "gives no answer to TLS", f"write redis:// in {URL} if it has no TLS; if it has, wait"
    for kind, words, resolution in SILENCES:
        if isinstance(error, kind) or isinstance(cause, kind):
            return words, resolution
    return (
        "ends the connection without an answer",
        f"{_AWAY}, and see if it is a Redis, and if it wants TLS (rediss://)",
    )


def _about_tls(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"shows a certificate that is not trusted ({getattr(error, 'verify_message', '').rstrip('.')})"
        return words, f"name its CA by ssl_ca_certs in {URL}, and the host by the name in the certificate"
    words = f"can't agree with us on TLS ({getattr(error, 'reason', None) or 'no reason given'})"
    return words, f"write redis:// in {URL} if it has no TLS, or name a certificate that it accepts by ssl_certfile"


def _cause(error: BaseException) -> BaseException | None:
    """What the client met. No further back: there may be the error of an API, during which the client was called."""
    return error.__cause__ or error.__context__
