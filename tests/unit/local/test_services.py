"""The worker, beat and Flower as child processes, before they are started."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from worker.local.services import Login, Setting

SECRET = "hunter2"
SETTING = Setting({"IPAAS_TOKEN": SECRET}, Path(), files=Path())


def test_no_secret_of_the_environment_shows_in_a_representation() -> None:
    """A traceback or a log line shows representations."""
    login = Login("operator", SecretStr(SECRET))
    parts = [SETTING, login, *SETTING.services(5555, login)]
    assert [part for part in parts if SECRET in repr(part)] == []


def test_every_service_gets_the_environment() -> None:
    """What is not shown is there all the same."""
    login = Login("operator", SecretStr(SECRET))
    *others, flower = SETTING.services(5555, login, workers=2)
    assert [child.name for child in others] == ["worker1", "worker2", "beat"]
    assert {child.environment["IPAAS_TOKEN"] for child in (*others, flower)} == {SECRET}
    assert flower.environment["FLOWER_BASIC_AUTH"] == "operator:hunter2"
