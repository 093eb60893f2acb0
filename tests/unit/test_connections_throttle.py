"""The throttles of a connection, as its file sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config.faults import ConfigurationError
from worker.connections import Connection, load_connections

if TYPE_CHECKING:
    from pathlib import Path

CONNECTION = """
[[connection]]
system_id = 4021
name = "Acme EU"
{throttle}

[connection.ipaas]
api_url = "https://api.ipaas.com"
token = "token-1"
{reads}

[connection.stamped]
api_url = "https://stamped.io"
public_key = "pub-1"
private_key = "private-1"
store_hash = "270392"
"""
FEWER_THAN_A_JOB = "must be 5 or more, the calls of one job; for a lower rate, raise seconds as well"


def load(folder: Path, throttle: str = "", reads: str = "") -> Connection:
    """A connection with this throttle for Stamped.io, and this one for reads of iPaaS.com."""
    lines = {name: f"throttle = {given}" if given else "" for name, given in (("throttle", throttle), ("reads", reads))}
    path = folder / "connections.toml"
    path.write_text(CONNECTION.format(**lines), encoding="utf-8")
    return load_connections(path, {})[4021]


@pytest.mark.parametrize(
    ("given", "limit", "seconds"), [("{ limit = 100, seconds = 10 }", 100, 10), ("{ limit = 5 }", 5, 60)]
)
def test_reads_of_ipaas_have_a_throttle_of_their_own(tmp_path: Path, given: str, limit: int, seconds: int) -> None:
    """Per minute where nothing else is said; that of the store stays as it is."""
    connection = load(tmp_path, reads=given)
    assert connection.ipaas.throttle
    assert (connection.ipaas.throttle.limit, connection.ipaas.throttle.seconds) == (limit, seconds)
    assert connection.throttle.limit == 500


def test_reads_of_ipaas_are_not_throttled_by_default(tmp_path: Path) -> None:
    """A throttle is Stamped.io's alone where nothing else is said."""
    assert load(tmp_path, throttle="{ limit = 100 }").ipaas.throttle is None


@pytest.mark.parametrize(
    ("key", "given", "problem", "example"),
    [
        ("throttle.limit", "{ limit = 4 }", FEWER_THAN_A_JOB, "limit = 500"),
        ("ipaas.throttle.limit", "{ limit = 4 }", FEWER_THAN_A_JOB, "limit = 1000"),
        ("throttle.limit", "{ limit = 0 }", "must be above 0", "limit = 500"),
        ("ipaas.throttle.limit", "{ limit = 0 }", "must be above 0", "limit = 1000"),
        ("ipaas.throttle.limit", "{ seconds = 60 }", "is missing", "limit = 1000"),
        ("ipaas.throttle.limit", '{ limit = "5" }', "must be a whole number", "limit = 1000"),
        ("ipaas.throttle.seconds", "{ limit = 5, seconds = 0 }", "must be above 0", "seconds = 60"),
        (
            "ipaas.throttle.limits",
            "{ limit = 5, limits = 5 }",
            "'limits' is not a known key; did you mean limit?",
            "limit = 1000",
        ),
        (
            "ipaas.throttle.concurrent",
            "{ limit = 5, concurrent = 1 }",
            "'concurrent' is not a known key; use one of limit, seconds",
            "limit = 1000",
        ),
        ("ipaas.throttle", "100", "must be a table", "throttle = { limit = 1000, seconds = 60 }"),
    ],
)
def test_a_wrong_throttle_is_a_fault_that_says_what_is_right(
    tmp_path: Path, key: str, given: str, problem: str, example: str
) -> None:
    """The fault names the key, and gives an example for this very API."""
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, **{"reads" if key.startswith("ipaas") else "throttle": given})
    (fault,) = raised.value.faults
    assert (fault.key, fault.problem, fault.example) == (f"connection 1, {key}", problem, example)


@pytest.mark.parametrize("limit", [5, 6])
def test_a_limit_of_the_calls_of_one_job_is_enough(tmp_path: Path, limit: int) -> None:
    """A job that needs them all can run."""
    connection = load(tmp_path, f"{{ limit = {limit} }}", f"{{ limit = {limit} }}")
    assert connection.ipaas.throttle
    assert (connection.throttle.limit, connection.ipaas.throttle.limit) == (limit, limit)
