"""The connection to the queue: by the one rule for Redis URLs, and alive through whatever Redis does."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis
from kombu.exceptions import OperationalError
from kombu.utils.json import dumps, loads

from tests.proofs.processes import SERVERS, Server
from tests.proofs.troubles import TROUBLES, Trouble
from worker.app import VISIBILITY_TIMEOUT_SECONDS, app
from worker.broker import Transport
from worker.config.redis_url import RedisUrl
from worker.jobs import routes
from worker.ledger import Ledger, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.broker import Connection


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the test's own, which it may trouble."""
    with Server(SERVERS[-1], tmp_path_factory.mktemp("broker")).running() as running:
        yield running


def message(tag: str, task: str = routes.ACCEPT_TRIGGER) -> str:
    """A message as it lies in a queue."""
    properties = {"delivery_tag": tag, "delivery_info": {"exchange": "", "routing_key": "customers"}}
    properties["body_encoding"] = "base64"
    return str(
        dumps({"body": "e30=", "headers": {"task": task}, "properties": properties, "content-encoding": "utf-8"})
    )


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_app_connects_through_our_transport(scheme: str) -> None:
    """The transport is ours, and the URL that Flower shows keeps its scheme."""
    with app.connection_for_write(f"{scheme}://127.0.0.1:1/0") as connection:
        assert isinstance(connection.transport, Transport)
        assert connection.as_uri().startswith(f"{scheme}://")


@pytest.mark.parametrize(
    "form",
    [
        " {url} ",
        "{url}?db=3",
        "{url}?client_name=sync",
        "{url}?health_check_interval=20",
        "{url}?socket_timeout=5&socket_connect_timeout=2",
        "{url}?ssl=false",
        "REDIS{rest}",
        "redis://default:hidden%40%2Fhere@{place}/2",
        "redis://:hidden%40%2Fhere@{place}",
        "redis://[::1]:{port}/0",
    ],
)
def test_every_form_of_the_url_works_for_both_clients(server: Server, form: str) -> None:
    """The ledger and the queue write into the same database of the same Redis."""
    place = server.url.removeprefix("redis://").removesuffix("/0")
    base = f"redis://{place}/3" if "db=3" in form else f"redis://{place}"
    text = form.format(url=base, rest=base.removeprefix("redis"), place=place, port=place.rpartition(":")[2])
    server.client.config_set("requirepass", "hidden@/here" if "hidden" in form else "")
    try:
        with app.connection_for_write(text) as connection, connect(text) as ledgers:
            connection.ensure_connection(max_retries=0)
            Ledger(ledgers).ping()
            connection.default_channel.client.set("both", "1")  # type: ignore[attr-defined]
            assert ledgers.get("both") == "1"
            url = RedisUrl.read(text)
            clients: Any = ledgers.client_list()
            assert {each["db"] for each in clients} >= {str(url.db)}
            if name := url.options.get("client_name"):
                assert [each["name"] for each in clients].count(name) >= 2
    finally:
        server.client.config_set("requirepass", "")


def test_connection_that_was_given_up_ends_in_errors_of_the_connection_alone(redis_url: str) -> None:
    """Redis goes away while a job runs: the worker gives up half-way, closes once more, and acknowledges late."""
    connection = app.connection_for_write(redis_url)
    channel: Any = connection.default_channel
    channel.qos._delivered["tag"] = None  # noqa: SLF001 - a message in hand
    channel._disconnect_pools()  # noqa: SLF001 - what closing it comes to where Redis refuses connections, and then:
    connection.transport.client = None
    connection.close()
    with pytest.raises(connection.connection_errors):
        channel.basic_ack("tag")


REFUSING = [each for each in TROUBLES if each.words and each.name != "a restart"]


@pytest.mark.parametrize("trouble", REFUSING, ids=lambda trouble: trouble.name)
def test_connection_to_a_redis_that_refuses_is_waited_for(server: Server, trouble: Trouble) -> None:
    """It answers a ping, most of the time; a connection is only made once it takes writes again."""
    lines: list[object] = []
    with (
        trouble.bring(server, 0),
        app.connection_for_read(server.url) as connection,
        pytest.raises(OperationalError),
    ):
        connection.ensure_connection(lambda *error: lines.append(error), max_retries=1, interval_start=0)
    with app.connection_for_read(server.url) as connection:
        connection.ensure_connection(max_retries=3)
    assert lines == []  # Celery's own, one for each try


@pytest.mark.parametrize("trouble", REFUSING, ids=lambda trouble: trouble.name)
def test_message_that_can_not_be_acknowledged_is_let_go(server: Server, trouble: Trouble) -> None:
    """Else it would count as one in hand for ever, and a few of them stop a worker."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        channel.basic_qos(0, 1, False)
        server.client.lpush("customers", message("one"))
        held = channel.basic_get("customers")
        assert not channel.qos.can_consume()
        with trouble.bring(server, 0), pytest.raises(connection.connection_errors):
            held.ack()
        assert channel.qos.can_consume()


@contextmanager
def one_taken(server: Server) -> Iterator[tuple[Any, Any]]:
    """A channel, and a message that was taken from the queue through it."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        server.client.lpush("customers", message("one"))
        yield channel, channel.basic_get("customers")


def test_acknowledged_message_is_gone(server: Server) -> None:
    """From the queue, and from those in hand; until then Redis has it, as it may be all there is of a trigger."""
    with one_taken(server) as (_, held):
        assert server.client.hkeys("unacked") == ["one"]
        held.ack()
        assert server.client.exists("unacked", "unacked_index", "customers") == 0


@pytest.mark.parametrize("task", routes.TASK_OF.values())
def test_wake_up_costs_redis_nothing_but_its_pop(server: Server, task: str) -> None:
    """It counts as in hand until it is acknowledged, but only here; no trouble of Redis keeps it there."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        channel.basic_qos(0, 1, False)
        server.client.lpush("customers", message("one", task))
        held = channel.basic_get("customers")
        assert not channel.qos.can_consume()
        assert server.client.exists("customers", "unacked", "unacked_index") == 0
        server.client.config_resetstat()
        held.ack()
        assert channel.qos.can_consume()
        commands: Any = server.client.info("commandstats")
        assert set(commands) <= {"cmdstat_config|resetstat"}


@pytest.mark.parametrize("task", [routes.TRANSFER_CUSTOMER, routes.ACCEPT_TRIGGER])
def test_channel_gives_back_what_was_not_acknowledged(server: Server, task: str) -> None:
    """A worker that is stopped: what it took and did not begin is the next that others take, as it was."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        server.client.lpush("customers", *(message(tag, task) for tag in ("one", "two", "three")))
        channel.basic_get("customers").ack()
        held = channel.basic_get("customers")
        channel.close()
    assert server.client.exists("unacked", "unacked_index") == 0
    texts = cast("list[str]", server.client.lrange("customers", 0, -1))
    assert [loads(text)["properties"]["delivery_tag"] for text in texts] == ["three", "two"]
    with app.connection_for_read(server.url) as connection:
        again = _channel(connection).basic_get("customers")
        assert (again.body, again.headers["task"]) == (held.body, task)
        again.ack()


def test_rejected_wake_up_is_the_last_again(server: Server) -> None:
    """If a task asks for that: Celery does where it can't send a retry."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        server.client.lpush("customers", *(message(tag, routes.TRANSFER_CUSTOMER) for tag in ("one", "two")))
        channel.basic_get("customers").requeue()
        assert [channel.basic_get("customers").delivery_tag for _ in range(2)] == ["two", "one"]


def test_message_that_a_worker_of_the_last_release_left_is_delivered(server: Server) -> None:
    """That release noted wake-ups in Redis, too: after the visibility timeout they come back."""
    server.client.flushall()
    left = loads(message("left", routes.TRANSFER_CUSTOMER))
    server.client.hset("unacked", "left", dumps([left, "", "customers"]))
    server.client.zadd("unacked_index", {"left": time.time() - VISIBILITY_TIMEOUT_SECONDS - 1})
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        channel.qos.restore_visible(interval=1)
        assert channel.basic_get("customers").delivery_tag == "left"
        assert server.client.exists("unacked", "unacked_index") == 0


def _channel(connection: Connection) -> Any:
    return connection.default_channel


def test_refusals_are_errors_of_the_connection() -> None:
    """Celery makes those anew; as errors of the channel they end a worker."""
    for error in (redis.ReadOnlyError, redis.OutOfMemoryError, redis.ResponseError, redis.exceptions.NoPermissionError):
        assert issubclass(error, Transport.connection_errors)


def test_message_that_this_worker_still_holds_is_not_delivered_again(server: Server) -> None:
    """However long its task takes, or its countdown is."""
    with one_taken(server) as (channel, held):
        server.client.zadd("unacked_index", {"one": time.time() - VISIBILITY_TIMEOUT_SECONDS - 1})
        channel.qos.restore_visible(interval=1)
        assert server.client.exists("customers") == 0
        held.ack()
        assert server.client.exists("unacked", "unacked_index") == 0


@pytest.mark.parametrize("task", [["stamped.transfer_customer"], {}, None, 7])
def test_message_whose_task_is_no_name_gets_one(server: Server, task: object) -> None:
    """Anybody may push anything, and Celery ends a worker over a name that is a list."""
    server.client.flushall()
    with app.connection_for_read(server.url) as connection:
        channel = _channel(connection)
        text = loads(message("one"))
        text["headers"]["task"] = task
        server.client.lpush("customers", dumps(text))
        assert channel.basic_get("customers").headers["task"] == "no name of a task"
        assert server.client.hkeys("unacked") == ["one"]
        channel.qos.ack("one")
