"""The connection to the queue: what Celery meets that still uses one that was given up."""

from __future__ import annotations

from typing import Any

import pytest

from worker.app import app
from worker.broker import Transport


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_app_connects_through_our_transport(scheme: str) -> None:
    """The transport is ours, and the URL that Flower shows keeps its scheme."""
    with app.connection_for_write(f"{scheme}://127.0.0.1:1/0") as connection:
        assert isinstance(connection.transport, Transport)
        assert connection.as_uri().startswith(f"{scheme}://")


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
