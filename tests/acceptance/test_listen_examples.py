"""The examples of docs/reference/triggers.md hand triggers over, run as they stand by curl, Node and Java."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.acceptance.front_door import TOKEN, Door, front_door
from tests.acceptance.scene import ID, Scene, scene
from tests.acceptance.test_changing_list import server
from tests.parts import ROOT
from worker.jobs.job import Job, Kind
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "reference" / "triggers.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
NOTIFICATION = '{"id": "150713", "destination": "4021", "scope": "customer/updated"}'
GOOD = f'{{"id": "6f0c", "attempt": 0, "notifications": [{NOTIFICATION}]}}'
BAD = '{"id": "6f0c", "args": []}'
MAIN = """
public static void main(String[] arguments) throws Exception {
    var answer = handOver(arguments[0]);
    System.out.println(answer.statusCode() + " " + answer.body());
}"""


def example(language: str, door: Door, begins: str = "") -> str:
    """The page's example in that language, for this door."""
    (found,) = re.findall(f"```{language}\n({begins}.*?)```", PAGE, re.DOTALL)[:1]
    assert ADDRESS in found
    return str(found).replace(ADDRESS, door.url)


def node(folder: Path, door: Door, trigger: str) -> list[str]:
    """What runs the Node example."""
    (file := folder / "example.mjs").write_text(f"{example('js', door)}\nconsole.log(await handOver({trigger}));\n")
    return ["node", str(file)]


def java(folder: Path, door: Door, trigger: str) -> list[str]:
    """What runs the Java example: its imports, and its other lines in a class."""
    imports, lines = example("java", door).split("\n\n", maxsplit=1)
    (file := folder / "Example.java").write_text(f"{imports}\nclass Example {{\n{lines}{MAIN}\n}}\n")
    return ["java", str(file), trigger]


def name_of(language: Callable[..., list[str]]) -> str:
    """The language's name, for its test's."""
    return language.__name__


PROGRAMS = {"node": node, "javac": java}
"""What runs each language; for Java it needs the compiler, too."""
LANGUAGES = pytest.mark.parametrize("language", [PROGRAMS[each] for each in parts.installed(*PROGRAMS)], ids=name_of)


@pytest.fixture
def port() -> int:
    """Where Redis is."""
    return free_port()


@pytest.fixture
def made(tmp_path: Path, port: int) -> Iterator[tuple[Scene, Door, contextlib.ExitStack]]:
    """A scene, its door, and a Redis that ends with the stack."""
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as redis:
        redis.enter_context(server(tmp_path, port))
        made = stack.enter_context(scene(f"redis://127.0.0.1:{port}/0", tmp_path, Sandbox([])))
        yield made, stack.enter_context(front_door(made.env, tmp_path)), redis


@contextlib.contextmanager
def begun(command: list[str], token: str = TOKEN) -> Iterator[subprocess.Popen[str]]:
    """The example, as it runs; it would go on for ever if nobody took its trigger."""
    env = os.environ | {"LISTEN_TOKEN": token}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(command: list[str], token: str = TOKEN) -> str:
    """What the example prints, run to its end."""
    with begun(command, token) as process:
        return said(process)


def said(process: subprocess.Popen[str]) -> str:
    """What it prints."""
    output, _ = process.communicate(timeout=parts.PATIENCE_SECONDS)
    assert process.returncode == 0, output
    return output


@LANGUAGES
def test_example_hands_over_and_tells_what_is_refused(language: Any, made: Any, tmp_path: Path) -> None:
    """A trigger, one that can't be read, and one with a wrong token."""
    scene, door, _ = made
    good = ended(language(tmp_path, door, GOOD))
    assert "202" in good
    assert "verdicts" in good
    assert scene.ledger.record(Job(Kind.CUSTOMER, parts.SYSTEM, ID))
    bad = ended(language(tmp_path, door, BAD))
    assert ("400" in bad, "trigger-malformed" in bad) == (True, True)
    stranger = ended(language(tmp_path, door, GOOD), token="none-that-is-known")
    assert ("401" in stranger, "unauthorized" in stranger) == (True, True)


@LANGUAGES
def test_example_sends_again_until_redis_is_back(language: Any, made: Any, port: int, tmp_path: Path) -> None:
    """It goes on for as long as it is told 503."""
    scene, door, redis = made
    redis.close()
    with begun(language(tmp_path, door, GOOD)) as process:
        parts.eventually(lambda: door.log.read_text().count("POST /triggers: 503") > 1, progress=time.monotonic)
        assert process.poll() is None
        with server(tmp_path, port):
            assert "202" in said(process)
            assert scene.ledger.record(Job(Kind.CUSTOMER, parts.SYSTEM, ID))


@pytest.mark.parametrize("curl", parts.installed("curl"))
def test_curl_example_hands_over(made: Any, curl: str) -> None:
    """The one that is to be pasted into a shell."""
    _, door, _ = made
    answer = ended(["sh", "-c", example("sh", door, f"{curl} http://127.0.0.1:8080/triggers")])
    assert '"accepted": true' in answer
