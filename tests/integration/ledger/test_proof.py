"""A Redis is proved by doing what a worker does: every fault at once, in words with the fix, and nothing is left."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests import parts
from tests.proofs.processes import SERVERS, Server
from tests.proofs.troubles import TROUBLES, Trouble
from tests.redis_rights import commands, keys, rule
from worker.config.faults import ConfigurationError
from worker.config.redis_url import RedisUrl
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind
from worker.jobs.progress import Selection
from worker.ledger import Ledger
from worker.ledger.proving.proof import Proof, refuse_unfit
from worker.ledger.proving.proof import prove as prove_url
from worker.ledger.proving.trials import HARMLESS, channels, ledger_commands
from worker.local.valkey import embedded_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "STAMPED_SYNC_REDIS_URL"
ASKED = ("+info", "+config|get", "+acl|whoami")
"""What is asked of a Redis beside what is done with it."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps its data, as an operator should have it."""
    with Server(request.param, tmp_path_factory.mktemp(request.param)).running() as running:
        yield running


@contextlib.contextmanager
def user(server: Server, *rights: str) -> Iterator[str]:
    """A user with these rights alone; the URL with its login."""
    server.client.execute_command("ACL", "SETUSER", "worker", "reset", "on", ">hidden", "resetchannels", *rights)  # type: ignore[no-untyped-call]
    yield server.url.replace("//", "//worker:hidden@")
    server.client.acl_deluser("worker")


def prove(url: str) -> Proof:
    """What is found at a URL."""
    return prove_url(RedisUrl.read(url))


def words(proof: Proof) -> str:
    """Everything that was found."""
    return "\n".join(map(str, proof.findings))


def test_right_redis_is_clean_and_keeps_nothing(server: Server) -> None:
    """Nothing is found, and nothing is left."""
    proof = prove(server.url)
    assert proof.findings == ()
    assert re.fullmatch(r"(Redis|Valkey) \d+\.\d+\.\d+", proof.server)
    assert server.client.keys("*") == []
    assert server.client.pubsub_channels() == []


def test_redis_at_work_is_left_as_it_was(server: Server) -> None:
    """Messages in its queues, in hand and in its bindings stay in their order."""
    held: dict[str, Any] = {"customers": ["a", "b"], "upkeep": ["c"]}
    for name, messages in held.items():
        server.client.rpush(name, *messages)
    server.client.hset("unacked", "tag", "message")
    server.client.set("unacked_mutex", "somebody", px=60_000)
    server.client.sadd("_kombu.binding.customers", "member")
    assert prove(server.url).findings == ()
    assert {name: server.client.lrange(name, 0, -1) for name in held} == held
    assert server.client.hgetall("unacked") == {"tag": "message"}
    assert server.client.get("unacked_mutex") == "somebody"
    assert server.client.smembers("_kombu.binding.customers") == {"member"}
    server.client.flushall()


# Rights --------------------------------------------------------------------------------------------------------------


def test_least_rights_are_enough(server: Server) -> None:
    """Those of the operator's guide, with what is asked beside them."""
    with user(server, *rule(0).split(), *ASKED) as url:
        assert prove(url).findings == ()


@pytest.mark.parametrize(
    "right", [*(f"+{name.lower()}" for name in commands()), *map("~{}".format, keys()), *map("&{}".format, channels(0))]
)
def test_each_right_that_is_missing_is_named(server: Server, right: str) -> None:
    """As the line to be typed into Redis, which then is enough."""
    rights = [each for each in rule(0).split() if each != right]
    with user(server, *rights, *ASKED) as url:
        proof = prove(url)
        # Nothing is selected in database 0.
        assert [each.passes for each in proof.errors] == ([] if right == "+select" else [False]), words(proof)
        if proof.errors:
            assert right in proof.errors[0].fix.split(), words(proof)
            server.client.execute_command(*proof.errors[0].fix.split())  # type: ignore[no-untyped-call]
        assert prove(url).findings == ()


@pytest.mark.parametrize(
    ("rights", "named"),
    [
        (["~*", "+@all"], ["&/0.celery.pidbox", "&/0.celeryev/*", "&/0.celeryev/worker.*"]),
        (["~stamped-sync:*", "&*", "+@all"], ["~customers*", "~_kombu.binding*", "~unacked*", "~*.celery.pidbox*"]),
        (["~*", "&*", "+@read"], ["+evalsha", "+set", "+hset", "+zadd", "+lpush", "+brpop", "+multi", "+publish"]),
        (["~customers", "&*", "+@all"], ["~stamped-sync:*", "~customers*"]),
    ],
    ids=["no channels", "the ledger's keys alone", "reading alone", "exact names"],
)
def test_all_rights_that_are_missing_are_named_at_once(server: Server, rights: list[str], named: list[str]) -> None:
    """Not the first one only; and whoever lacks them."""
    with user(server, *rights) as url:
        (error,) = prove(url).errors
        assert error.problem.startswith("does not give its user worker all rights")
        assert set(named) <= set(error.fix.removeprefix("ACL SETUSER worker ").split())


@pytest.mark.parametrize("rights", [[], ["+ping"], ["~*", "&*", "+@all", "-@scripting", "-select"]])
def test_lines_typed_into_redis_are_enough(server: Server, rights: list[str]) -> None:
    """A missing right can hide others, but they come to an end."""
    with user(server, *rights) as url:
        for _ in range(4):
            for error in prove(f"{url[:-1]}1").errors:
                server.client.execute_command(*error.fix.split())  # type: ignore[no-untyped-call]
        assert prove(f"{url[:-1]}1").errors == ()


def test_what_can_not_be_asked_is_a_warning(server: Server) -> None:
    """A managed service that forbids INFO and CONFIG can still be right."""
    with user(server, *rule(0).split()) as url:
        proof = prove(url)
        assert (proof.errors, proof.server) == ((), "")
        assert "does not let its INFO be read" in words(proof)
    with user(server, *rule(0).split(), "+info") as url:
        assert prove(url).findings == ()  # INFO alone tells of eviction and of the append-only file


def test_every_command_of_the_scripts_can_be_tried() -> None:
    """One more command in a script is one more line in the table."""
    assert set(ledger_commands()) <= set(HARMLESS)


# What Redis is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected", "is_error"),
    [
        ({"maxmemory-policy": "allkeys-lru", "maxmemory": "1gb"}, "evicts accepted jobs when it is full", True),
        ({"maxmemory-policy": "allkeys-random", "maxmemory": "1gb"}, "maxmemory-policy allkeys-random", True),
        ({"maxmemory-policy": "allkeys-lru"}, "evicts accepted jobs when it is full", False),
        (
            {"maxmemory-policy": "volatile-ttl", "maxmemory": "1gb"},
            "forgets Manual Sync's batches and whom an initialize has met",
            False,
        ),
        ({"appendonly": "no", "save": ""}, "keeps its data in memory alone", False),
        ({"appendonly": "no", "save": "3600 1"}, "saves its data only now and then", False),
    ],
)
def test_loss_that_would_come_one_day_is_told_today(
    server: Server, settings: dict[str, str], expected: str, is_error: bool
) -> None:
    """Eviction under a limit is an error: accepted jobs would vanish. The others are warnings."""
    before = {name: str(server.client.config_get(name)[name]) for name in settings}
    try:
        for name, value in settings.items():
            server.client.config_set(name, value)
        proof = prove(server.url)
        assert expected in words(proof)
        assert [each.is_error for each in proof.findings] == [is_error]
        assert bool(proof.unfit) is is_error
    finally:
        for name, value in before.items():
            server.client.config_set(name, value)


def test_only_what_the_warning_names_can_expire(server: Server) -> None:
    """Jobs that wait, run, have ended or failed have no time to live, nor has anything else of a store."""
    server.client.flushall()  # what other tests tried, some of which expires
    ledger = Ledger(server.client)
    for number in range(1, 5):
        ledger.request(Job(Kind.CUSTOMER, 4021, str(number)))
    ledger.complete(ledger.claim(Job(Kind.CUSTOMER, 4021, "1")), [], Action.CREATED, "7")
    ledger.fail(ledger.claim(Job(Kind.CUSTOMER, 4021, "2")), [], Failure("email-missing"))
    ledger.claim(Job(Kind.CUSTOMER, 4021, "3"))
    ledger.batches.add(ledger.batches.begin(4021), {Job(Kind.CUSTOMER, 4021, "4"): 1})
    ledger.progress.advance(ledger.progress.begin(4021, Selection.ALL), ["4"])
    expiring = {key for key in server.client.scan_iter("*") if server.client.ttl(key) >= 0}
    assert expiring
    assert not [key for key in expiring if not re.match(r"stamped-sync:(batch|initialize:4021:all:met):", key)]
    server.client.flushall()


def test_memory_that_is_nearly_full_is_told(server: Server) -> None:
    """Before writes are refused."""
    server.client.setrange("filling", 20_000_000, "x")  # 8 % of an empty server are too few for the proof itself
    server.client.config_set("maxmemory", int(server.client.info("memory")["used_memory"] * 1.08))
    proof = prove(server.url)
    server.client.config_set("maxmemory", 0)
    server.client.delete("filling")
    assert re.search(r"has used 9\d% of its maxmemory", words(proof))
    assert proof.errors == ()


@pytest.mark.parametrize("trouble", [each for each in TROUBLES if each.words], ids=lambda trouble: trouble.name)
def test_trouble_that_passes_is_an_error_until_it_is_over(server: Server, trouble: Trouble) -> None:
    """It is told in the words of the log, and nobody has to change anything."""
    with trouble.bring(server, 0.5):
        proof = prove(server.url)
    assert trouble.words in words(proof)
    assert proof.errors
    assert proof.unfit == ()
    parts.eventually(lambda: prove(server.url).findings == ())


def test_keys_of_another_software_are_named(server: Server) -> None:
    """Two programs with the same names in one database."""
    server.client.set("unacked", "something else")
    proof = prove(server.url)
    server.client.delete("unacked")
    assert words(proof) == f"holds data of another software under unacked*: name a database of its own in {URL}"


@pytest.mark.parametrize(
    ("login", "database", "expected"),
    [
        ("worker:wrong@", "0", "does not accept the user or the password (WRONGPASS)"),
        ("", "99", "has no database with this number (DB)"),
    ],
)
def test_url_that_is_wrong_is_told(server: Server, login: str, database: str, expected: str) -> None:
    """These do not pass: somebody must correct them."""
    proof = prove(f"{server.url[:-1]}{database}".replace("//", f"//{login}"))
    assert expected in words(proof)
    assert proof.unfit == proof.errors != ()


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("has_slots", [False, True])
def test_cluster_is_refused(tmp_path: Path, name: str, has_slots: bool) -> None:
    """Also one of a single node, where most commands work."""
    with Server(name, tmp_path, cluster=True).running() as server:
        if has_slots:
            server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
            parts.eventually(lambda: "ok" in str(server.client.execute_command("CLUSTER", "INFO")))  # type: ignore[no-untyped-call]
        proof = prove(server.url)
        with user(server, *rule(0).split()) as url:
            blind = prove(url)
    for each in (proof, blind):
        assert "is a cluster, which can't hold the ledger" in words(each)
        assert each.unfit


@pytest.mark.parametrize("name", SERVERS)
def test_password_that_is_wanted_is_told(tmp_path: Path, name: str) -> None:
    """Redis has one, and the URL does not."""
    with Server(name, tmp_path).running() as server:
        server.client.config_set("requirepass", "hidden")
        proof = prove(server.url)
        assert "wants a password (NOAUTH): put it into STAMPED_SYNC_REDIS_URL" in words(proof)
        server.client.config_set("requirepass", "")


# Where it is used ----------------------------------------------------------------------------------------------------


def test_unfit_redis_is_a_fault_of_the_configuration(server: Server) -> None:
    """With its address and without its password; one that is merely full is not."""
    with user(server, "~*", "+@all") as url, pytest.raises(ConfigurationError) as raised:
        refuse_unfit(RedisUrl.read(url))
    assert str(raised.value).startswith("Redis: redis://worker:***@127.0.0.1:")
    assert "&/0.celeryev/*" in str(raised.value)
    server.client.config_set("maxmemory", 1)
    refuse_unfit(RedisUrl.read(server.url))
    server.client.config_set("maxmemory", 0)


def test_embedded_valkey_that_keeps_its_data_is_clean(tmp_path: Path) -> None:
    """That of `up` and of `demo`."""
    with embedded_valkey(data=tmp_path / "valkey") as url:
        assert prove(url).findings == ()


@pytest.mark.parametrize("name", parts.installed("redis-server"))
def test_redis_of_the_compose_file_is_clean(tmp_path: Path, name: str) -> None:
    """With the options that stand there."""
    import yaml  # noqa: PLC0415 - for this test alone

    service = yaml.safe_load((parts.ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["redis"]
    with parts.redis_server(tmp_path, *service["command"][1:], name=name) as url:
        assert prove(url).findings == ()


def test_redis_that_is_away_is_a_finding_too() -> None:
    """Nothing is raised, whatever happens."""
    (finding,) = prove("redis://127.0.0.1:1/0").findings
    assert str(finding) == f"can't be reached, as nothing listens there: start it, or correct {URL}"
    assert finding.passes


def test_connection_that_is_cut_in_the_middle_is_a_finding(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that ends while it is proved."""

    def cut(*_: object, **__: object) -> None:
        raise redis.ConnectionError("Connection closed by server.")

    monkeypatch.setattr(redis.Redis, "evalsha", cut)
    assert [each.passes for each in prove(server.url).errors] == [True]
