"""A mapping collection is imported on the console, from the sandbox and from servers that answer anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.raw_server import RawServer, http, serving
from worker.mapping.mapping import Mapping
from worker.sandbox.faults import Fault
from worker.sandbox.ipaas import sample_collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

NO_REDIS = "redis://127.0.0.1:9/0"
IMPORT = ("mapping", "--import", "5120")


@pytest.fixture
def env(sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an integrator who has started no Redis yet."""
    return parts.environment(NO_REDIS, parts.write_connections(tmp_path, sandbox.url))


@pytest.fixture(name="server")
def _server() -> Iterator[RawServer]:
    """A server of bare bytes."""
    yield from serving()


def collection(*rows: object, **more: object) -> dict[str, Any]:
    """The sandbox's collection with further rows and fields."""
    sample = sample_collection()
    return {**sample, "mappings": [*sample["mappings"], *rows], **more}


def test_collection_is_written_and_used(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """One read, no Redis; once the connection names the file, it is in force."""
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ mapping.toml: 7 rows, read back without a fault" in done.stdout
    assert 'mapping = "mapping.toml"' in done.stdout
    assert "A transfer subscribes every customer for whom IsSubscribed is true" in done.stdout
    assert [call.path for call in sandbox.sandbox.calls] == ["/subscriptions/v2/MappingCollection/5120"]
    assert Mapping.read(tmp_path / "mapping.toml").static_subscription is True
    file = tmp_path / "connections.toml"
    file.write_text(file.read_text().replace("name =", 'mapping = "mapping.toml"\nname ='))
    assert "Static" in parts.console(env, tmp_path, "mapping").stdout


def test_connection_that_names_the_file_too_early_is_told_what_to_do(env: dict[str, str], tmp_path: Path) -> None:
    """No command runs then, not even the import; the example does, and makes the file."""
    file = tmp_path / "connections.toml"
    file.write_text(file.read_text().replace("name =", 'mapping = "mapping.toml"\nname ='))
    done = parts.console(env, tmp_path, *IMPORT)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "or take this line out until `stamped-sync mapping --import` has written it" in said
    assert parts.console(env, tmp_path, "mapping", "--example").returncode == 0


def test_row_with_a_condition_is_not_written(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """It would subscribe everybody."""
    sample = sample_collection()
    sample["mappings"][-1] |= {"filter": 'CustomFields.Consent == "yes"'}
    sandbox.sandbox.put_collection("5120", sample)
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "its filter is not empty: it is for some customers alone" in " ".join(done.stderr.split())
    assert not (tmp_path / "mapping.toml").exists()


def test_file_that_exists_is_replaced_only_by_consent(env: dict[str, str], tmp_path: Path) -> None:
    """Nothing is asked of iPaaS.com before; another name needs no consent."""
    (mine := tmp_path / "mapping.toml").write_text("mine")
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, mine.read_text()) == (2, "mine")
    assert "name another file with --output, or add --force to replace it" in done.stderr
    (tmp_path / "mappings").mkdir()
    elsewhere = parts.console(env, tmp_path, *IMPORT, "--output", "mappings/eu.toml")
    assert (elsewhere.returncode, 'mapping = "mappings/eu.toml"' in elsewhere.stdout) == (0, True)
    assert parts.console(env, tmp_path, *IMPORT, "--force").returncode == 0
    assert len(Mapping.read(mine).rows) == 7


def test_collection_that_cannot_be_carried_over_writes_nothing(
    env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """Every reason at once, also with consent to replace the file that is there."""
    formula = {
        "mapping_type_name": "Dynamic Formula",
        "source_value": 'return "zoe@example.com\x1b[2J";',
        "destination_field": "Notes",
    }
    sandbox.sandbox.put_collection("5120", collection(formula, 5, filter="CustomerNumber > 5", name="Acme"))
    (mine := tmp_path / "mapping.toml").write_text("mine")
    done = parts.console(env, tmp_path, *IMPORT, "--force")
    assert (done.returncode, done.stdout, mine.read_text()) == (1, "", "mine")
    for words in (
        "✗ The mapping collection 5120 can't be imported, and nothing was written:",
        'Not carried over from iPaaS.com\'s answer, collection: "name".',
        "filter: is not empty",
        'row 8 ("Dynamic Formula", source "return ',
        "row 9: is not an object.",
        "Notes is already filled by row 6",
        "start from what `stamped-sync mapping --example` prints",
    ):
        assert words in done.stderr
    assert "zoe@" not in done.stderr
    assert "\x1b" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["connections.toml", "mapping.toml"]


def test_not_more_than_can_be_read_is_shown(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """A broken answer may be wrong in every one of its rows; the others are counted."""
    sandbox.sandbox.put_collection("5120", collection(*range(450)))
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, "and 250 more problems." in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) < 210


def test_collection_that_does_not_exist_is_told(env: dict[str, str], tmp_path: Path) -> None:
    """With the connection that was asked."""
    done = parts.console(env, tmp_path, "mapping", "--import", "77")
    assert (done.returncode, done.stdout) == (1, "")
    assert "iPaaS.com has no mapping collection 77 for 4021." in done.stderr
    assert not (tmp_path / "mapping.toml").exists()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(api="ipaas", shape="html"), "answer-unreadable"),
        (Fault(api="ipaas", cut="before"), "ipaas-unreachable"),
        (Fault(api="ipaas", status=500), "ipaas-read-failed"),
    ],
    ids=["web page", "no answer", "outage"],
)
def test_error_of_the_api_is_told(
    fault: Fault, code: str, env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """With its cause and what to do."""
    sandbox.sandbox.add_fault(fault)
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, code in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert not (tmp_path / "mapping.toml").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"x"',
        b"5",
        b"",
        b'{"mappings": 5}',
        b'{"mappings": {"a": 1}}',
        b'{"mappings": [[], 1, "x", null, {"mapping_type_name": {}}]}',
        b'{"mappings": [{"mapping_type_name": "Field", "source_value": 1e400, "destination_field": 7}]}',
        b'{"filter": ' + b"[" * 500 + b"]" * 500 + b', "mappings": []}',
        json.dumps({"mappings": [{"mapping_type_name": "Static", "source_value": "x" * 1_000_000}]}).encode(),
        b'{"mappings": [{"mapping_type_name": "Static", "source_value": "\\ud800", "destination_field": "Notes"}]}',
    ],
)
def test_answer_of_any_kind_is_an_error_in_words(body: bytes, server: RawServer, tmp_path: Path) -> None:
    """Never a traceback, and never a file."""
    server.answer = lambda _: [http(body)]
    env = parts.environment(NO_REDIS, parts.write_connections(tmp_path, server.url))
    done = parts.console(env, tmp_path, *IMPORT)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    assert 0 < len(done.stderr) < 5_000
    assert [path.name for path in tmp_path.iterdir()] == ["connections.toml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--force"], "--output and --force belong to --import."),
        (["--output", "x.toml"], "--output and --force belong to --import."),
        (["--example", "--import", "5120"], "Choose either --example or --import."),
        (["--import", "a/../b"], "must be the id of a mapping collection"),
        (["--import", ""], "must be the id of a mapping collection"),
        (["--import", "5120", "--output", "none/x.toml"], "is in a folder that does not exist: make the folder first."),
        (["--import", "5120", "--output", "."], "is a folder: name a file in it."),
        (["--import", "5120", "--output", "connections.toml", "--force"], "holds connections, which can't be replaced"),
        (["--import", "5120"], "There are several connections; choose one with --system N"),
        (["--import", "5120", "--system", "7"], "connection-unknown"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], words: str, env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """Code 2, before anything is read."""
    parts.write_connections(tmp_path, sandbox.url, more=parts.connection(sandbox.url, system_id=4022))
    done = parts.console(env, tmp_path, "mapping", *arguments)
    assert (done.returncode, words in " ".join(done.stderr.split()), sandbox.sandbox.calls) == (2, True, [])
