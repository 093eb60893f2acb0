"""What Redis refuses is told as what it is, however its answer reaches us."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import redis
from redis._parsers.base import BaseParser

from tests.redis_rights import rule
from worker.jobs.errors import LedgerRefuses, LedgerUnavailable, SyncError
from worker.ledger import ScriptFailed
from worker.ledger.redis_errors import REFUSALS, SILENCES, error_of, in_words, passes
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Callable

Raised = TypeVar("Raised", bound=BaseException)

IN_SCRIPT_7 = " script: 79ecc731c997f3a3a579c4366504d7a36d977ba1, on @user_script:12."
IN_SCRIPT_6 = "ERR Error running script (call to f_79ecc731c997f3a3a579c4366504d7a36d977ba1): @user_script:12: "
SECRET = "zoe@example.com"
GUIDE = (Path(__file__).parents[3] / "docs" / "redis.md").read_text("utf-8")


class Answered(redis.Connection):
    """A connection over a socket that is open already."""

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._given = sock

    def _connect(self) -> socket.socket:
        return self._given

    def on_connect(self) -> None:
        """Greet nobody."""
        parser: Any = self._parser
        parser.on_connect(self)

    def on_connect_check_health(self, *_: Any, **__: Any) -> None:
        """As above."""
        self.on_connect()


def answered(text: str, *, in_pipeline: bool = False) -> redis.RedisError:
    """The client's error for an answer of Redis, made by the client itself."""
    client: Any = redis.Redis()
    error: redis.RedisError = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    if in_pipeline:
        client.pipeline().annotate_exception(error, 1, ("EVALSHA", "79ec", 1, SECRET))
    return error


DISCARDED = "EXECABORT Transaction discarded because of: "
OUTAGES = [
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY", True),
    ("OOM command not allowed when used memory > 'maxmemory'.", "OOM", True),
    (f"OOM command not allowed when used memory > 'maxmemory'.{IN_SCRIPT_7}", "OOM", True),
    (f"{IN_SCRIPT_6}@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.", "OOM", True),
    ("READONLY You can't write against a read only replica.", "READONLY", True),
    (f"{IN_SCRIPT_6}@user_script: 12: -READONLY You can't write against a read only replica.", "READONLY", True),
    ("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "UNBLOCKED", True),
    (
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "MISCONF",
        True,
    ),
    ("MISCONF Errors writing to the AOF file: No space left on device", "MISCONF", True),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN", True),
    ("LOADING Redis is loading the dataset in memory", "LOADING", True),
    (f"NOREPLICAS Not enough good replicas to write.{IN_SCRIPT_7}", "NOREPLICAS", True),
    ("ERR max number of clients reached", "MAXCLIENTS", True),
    (f"ERR Script killed by user with SCRIPT KILL...{IN_SCRIPT_7}", "KILLED", True),
    ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN", False),
    ("MOVED 3999 127.0.0.1:6381", "MOVED", False),
    ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", False),
    (f"ERR Script attempted to access a non local key in a cluster node{IN_SCRIPT_7}", "CROSSSLOT", False),
    ("ERR SELECT is not allowed in cluster mode", "CROSSSLOT", False),
    ("NOAUTH Authentication required.", "NOAUTH", False),
    ("WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS", False),
    ("ERR invalid password", "WRONGPASS", False),
    ("DENIED Redis is running in protected mode because protected mode is enabled", "DENIED", False),
    ("NOPERM this user has no permissions to run the 'set' command", "NOPERM", False),
    (f"{DISCARDED}NOPERM User worker has no permissions to run the 'exec' command", "NOPERM", False),
    (f"{DISCARDED}this user has no permissions to run the 'exec' command", "NOPERM", False),
    (f"{DISCARDED}OOM command not allowed when used memory > 'maxmemory'.", "OOM", True),
    (f"ERR The user executing the script can't run this command or subcommand{IN_SCRIPT_7}", "NOPERM", False),
    (
        f"{IN_SCRIPT_6}@user_script: 12: The user executing the script can't access at least one of the keys",
        "NOPERM",
        False,
    ),
    ("ERR ACL failure in script: No permissions to access a key script: on @user_script:12.", "NOPERM", False),
    ("ERR DB index is out of range", "DB", False),
    ("ERR unknown command `HELLO`, with args beginning with: `3`, ", "NOPROTO", False),
    ("ERR unknown command 'EVALSHA', with args beginning with: 'zoe@example.com' ", "COMMAND", False),
    (f"ERR Unknown Redis command called from script{IN_SCRIPT_7}", "COMMAND", False),
]


@pytest.mark.parametrize("in_pipeline", [False, True], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize(("text", "code", "may_pass"), OUTAGES)
def test_refusal_is_told_with_what_to_do(text: str, code: str, may_pass: bool, in_pipeline: bool) -> None:
    """By a command, a script and a pipeline, from each version; and nothing of the answer but its first word."""
    error = answered(text, in_pipeline=in_pipeline)
    failed = error_of(error, "claim")
    assert isinstance(failed, LedgerRefuses)
    assert failed.failure.code == "redis-refuses"
    assert failed.failure.detail == f"it {REFUSALS[code].words} ({code}): {REFUSALS[code].resolution}"
    assert passes(error) is may_pass
    assert SECRET not in f"{failed} {failed!r}"


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_is_a_sentence(code: str) -> None:
    """It goes on after "Redis" and "It", and its resolution does not repeat what follows it."""
    refusal = REFUSALS[code]
    assert refusal.words[0].islower()
    assert refusal.resolution[0].islower() or refusal.resolution.startswith("`")
    assert not (refusal.words + refusal.resolution).endswith((".", ":"))


@pytest.mark.parametrize("text", [f"QUARANTINED {SECRET} may not", "ERR upstream failure", "no word at all", ""])
def test_unknown_refusal_is_told_by_its_first_word_alone(text: str) -> None:
    """A proxy or a later release can say anything."""
    failed = error_of(answered(text), "claim")
    assert isinstance(failed, LedgerRefuses)
    assert failed.failure.detail in {"it refuses (QUARANTINED): read Redis' log", "it refuses (ERR): read Redis' log"}


@pytest.mark.parametrize("in_pipeline", [False, True], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"ERR user_script:12: Expected value but found {SECRET}{IN_SCRIPT_7}", "ERR in the script claim, line 12"),
        (
            f"ERR user_script:12: attempt to index local '{SECRET}' script: on @user_script:12.",
            "ERR in the script claim, line 12",
        ),
        (f"{IN_SCRIPT_6}user_script:12: attempt to index local '{SECRET}'", "ERR in the script claim, line 12"),
        (f"{IN_SCRIPT_6}ERR value is not an integer or out of range", "ERR in the script claim, line 12"),
        (f"{IN_SCRIPT_6}WRONGTYPE Operation against a key", "WRONGTYPE in the script claim, line 12"),
        (f"WRONGTYPE Operation against a key{IN_SCRIPT_7}", "WRONGTYPE in the script claim, line 12"),
        (
            "ERR Error compiling script (new function): user_script:7: unexpected symbol",
            "ERR in the script claim, line 7",
        ),
        ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT in the script claim"),
    ],
)
def test_fault_of_a_script_is_ours_and_no_outage(text: str, place: str, in_pipeline: bool) -> None:
    """It has the script and the line, and nothing of what the script was working on."""
    failed = error_of(answered(text, in_pipeline=in_pipeline), "claim")
    assert isinstance(failed, ScriptFailed)
    assert not isinstance(failed, LedgerUnavailable)
    assert (failed.failure.code, failed.failure.detail) == ("internal-error", place)
    assert SECRET not in f"{failed} {failed!r}"


def test_fault_of_a_command_is_ours_too() -> None:
    """A key that holds something else, or an argument that the client can't send."""
    assert (
        error_of(answered("WRONGTYPE Operation against a key")).failure.detail == "WRONGTYPE in a command of the ledger"
    )
    assert isinstance(error_of(redis.DataError(f"Invalid input: {SECRET}")), ScriptFailed)


def _from(cause: BaseException, error: Raised) -> Raised:
    error.__context__ = cause
    return error


def _unverified() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate in certificate chain"
    return error


SILENT = [
    (
        _from(ConnectionRefusedError(), redis.ConnectionError("Error 111")),
        "can't be reached, as nothing listens there",
        True,
    ),
    (_from(socket.gaierror(), redis.ConnectionError("Error -2")), "can't be found by its host name", True),
    (
        _from(_unverified(), redis.ConnectionError("Error 1")),
        "shows a certificate that is not trusted (self-signed certificate in certificate chain)",
        False,
    ),
    (
        _from(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), redis.ConnectionError("Error 1")),
        "can't agree with us on TLS",
        False,
    ),
    (redis.TimeoutError("Timeout reading from socket"), "gives no answer in time", True),
    (
        _from(TimeoutError("_ssl.c:989: The handshake operation timed out"), redis.TimeoutError()),
        "gives no answer to TLS: write redis:// in STAMPED_SYNC_REDIS_URL if it has no TLS",
        True,
    ),
    (redis.ConnectionError(f"Connection closed by {SECRET}"), "ends the connection without an answer", True),
    (redis.InvalidResponse(f"Protocol Error: {SECRET}"), "is not what answers there", True),
]


@pytest.mark.parametrize(("error", "words", "may_pass"), SILENT)
def test_silence_is_told_by_its_cause(error: redis.RedisError, words: str, may_pass: bool) -> None:
    """What does not answer is no refusal; a certificate does not become trusted by waiting."""
    failed = error_of(error)
    assert type(failed) is LedgerUnavailable
    assert failed.failure.detail.startswith(f"it {words}")
    assert passes(error) is may_pass
    assert SECRET not in str(failed)


def test_error_of_an_api_is_not_taken_for_one_of_redis() -> None:
    """Redis is lost while the refusal of an API's certificate is written down."""
    error = _from(_from(_unverified(), RuntimeError()), redis.ConnectionError("Connection closed by server."))
    assert error_of(error).failure.detail.startswith("it ends the connection without an answer")
    assert passes(error)


def test_words_go_on_after_redis() -> None:
    """The log, the command line and `check` say the same."""
    assert in_words(answered("OOM command not allowed")).startswith(
        "has reached its maxmemory and takes no writes (OOM): "
    )


def test_the_ledger_raises_what_is_told() -> None:
    """With the client's error behind it."""
    with pytest.raises(LedgerRefuses) as raised, available():
        raise answered("LOADING Redis is loading the dataset in memory")
    assert isinstance(raised.value.__cause__, redis.BusyLoadingError)


def test_bytes_that_no_redis_sends_are_no_answer_of_one() -> None:
    """Whatever the client raises over them; no connection of the ledger looks at each answer for it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = redis.Redis.from_pool(redis.ConnectionPool(Answered, sock=ours))
        theirs.sendall(b":nonsense\r\n")
        with pytest.raises(LedgerUnavailable, match="is not what answers there") as raised, available():
            client.get("key")
    assert isinstance(raised.value.__cause__, ValueError)


def test_fault_of_our_own_is_not_taken_for_one_of_redis() -> None:
    """Its trace must be seen."""
    with pytest.raises(ValueError, match="invalid literal"), available():
        int("ours")


@pytest.mark.parametrize(
    ("ask", "fault"),
    [
        (lambda client: client.zadd("key", [1, 2]), AttributeError),
        (lambda client: client.set("key", "\ud83d"), UnicodeEncodeError),
        (lambda client: client.pipeline().set("key", "\ud83d").execute(), UnicodeEncodeError),
    ],
    ids=["a list for a dict", "half an emoji", "half an emoji in a transaction"],
)
def test_what_the_client_can_not_send_is_our_fault(ask: Callable[[Any], object], fault: type[Exception]) -> None:
    """Although its code raises the error, no answer was read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = redis.Redis.from_pool(redis.ConnectionPool(Answered, sock=ours))
        with pytest.raises(fault), available():
            ask(client)


@pytest.mark.parametrize("code", REFUSALS)
def test_operators_guide_has_the_refusal(code: str) -> None:
    """Whoever reads these words in a log finds them there, with the same resolution."""
    (row,) = [line for line in GUIDE.splitlines() if line.startswith("| ") and f"`{code}`" in line]
    assert row.split(" | ")[0] == f"| {REFUSALS[code].words}"
    assert row.endswith(f" | {REFUSALS[code].resolution} |")


@pytest.mark.parametrize("words", [words for _, words, _ in SILENCES])
def test_operators_guide_has_the_silence(words: str) -> None:
    """What is said where no answer comes stands there too."""
    assert f"| {words} |" in GUIDE


def test_operators_guide_has_the_least_rights() -> None:
    """Word for word, as they are to be typed into Redis."""
    assert rule(0) in " ".join(GUIDE.replace("\\\n", "").split())


def test_every_error_that_is_told_is_of_the_catalogue() -> None:
    """Whatever happens."""
    assert all(
        isinstance(error_of(error), SyncError)
        for error in (redis.exceptions.LockError(), redis.RedisError(), redis.WatchError())
    )
