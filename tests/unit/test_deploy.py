"""The deployment files: what must be true of them before Docker reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("worker", "beat", "flower", "listen")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")


def dockerfile_stages() -> list[list[tuple[str, str]]]:
    """The Dockerfile's instructions as (name, arguments), a list for each stage."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = [[]]
    for name, arguments in lines:
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, arguments))
    return stages[1:]


def arguments_of(instruction: str, stage: list[tuple[str, str]]) -> list[str]:
    """The arguments of each instruction of that name in a stage."""
    return [arguments for name, arguments in stage if name == instruction]


def pins(lock: str) -> dict[str, str]:
    """The packages of a lock file with their versions."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def test_compose_has_every_process_of_the_software() -> None:
    """Redis, the worker, beat, Flower and the front door are there, each with the command that starts it."""
    commands = {name: " ".join(service["command"]) for name, service in SERVICES.items()}
    assert commands.keys() == {"redis", *OURS}
    assert commands["worker"] == "celery -A worker.app worker"
    assert commands["beat"] == "celery -A worker.app beat --schedule /tmp/celerybeat-schedule"
    assert commands["flower"] == "celery -A worker.app flower --port=5555"
    assert commands["listen"] == "stamped-sync listen --host 0.0.0.0 --port 8080"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root(name: str) -> None:
    """Every service names its user, holds no capability and cannot gain any."""
    service = SERVICES[name]
    assert service["user"] in {"redis", "10001:10001"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_comes_back_after_a_crash(name: str) -> None:
    """A service that ends is started again unless somebody stopped it."""
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_redis_loses_no_job() -> None:
    """Redis writes to an append-only file on a volume, synced every second, and evicts nothing."""
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes --appendfsync everysec --maxmemory-policy noeviction" in command
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]
    assert "redis-data" in COMPOSE["volumes"]


def test_redis_is_reached_by_the_other_services_alone() -> None:
    """Redis publishes no port; the others start once it answers."""
    assert "ports" not in SERVICES["redis"]
    assert "redis-cli ping" in SERVICES["redis"]["healthcheck"]["test"][1]
    assert {SERVICES[name]["depends_on"]["redis"]["condition"] for name in OURS} == {"service_healthy"}


def test_flower_does_not_start_without_a_login() -> None:
    """Compose refuses an empty or missing login, and only Flower gets it."""
    assert SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    assert [name for name in OURS if "FLOWER_BASIC_AUTH" in SERVICES[name]["environment"]] == ["flower"]


def test_flower_is_published_on_this_machine_alone() -> None:
    """The login goes over the wire unencrypted, so the port is bound to the loopback address."""
    assert SERVICES["flower"]["ports"] == ["127.0.0.1:5555:5555"]


@pytest.mark.parametrize("name", OURS)
def test_configuration_is_mounted_read_only_as_a_folder(name: str) -> None:
    """No service can write it, each sees a file that is replaced in it, and no secret is in its environment."""
    service = SERVICES[name]
    assert service["volumes"] == ["./config:/etc/stamped-sync:ro"]
    assert service["environment"]["STAMPED_SYNC_CONNECTIONS"] == "/etc/stamped-sync/connections.toml"
    secrets = [each for each in service["environment"] if "TOKEN" in each or "KEY" in each]
    assert [each for each in secrets if not each.endswith("_FILE")] == []


def test_example_environment_names_every_variable_that_compose_reads() -> None:
    """What docker-compose.yml takes from .env is in .env.example."""
    read = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
    offered = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert read == offered


def test_compose_builds_the_version_of_the_package() -> None:
    """The image's tag is the version in pyproject.toml."""
    version = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert [f"stamped-customer-sync:{found}" for found in version] == [SERVICES["worker"]["image"]]


def test_image_ends_as_an_ordinary_user() -> None:
    """The last user of the final stage is a number that is not root's."""
    assert arguments_of("USER", dockerfile_stages()[-1]) == ["10001:10001"]


def test_image_installs_only_what_is_locked_by_hash() -> None:
    """Every pip call of the build either checks hashes or reaches no index."""
    calls = [call for run in arguments_of("RUN", dockerfile_stages()[0]) for call in run.split("&&") if "pip " in call]
    installing = [call for call in calls if " install " in call or " wheel " in call]
    assert len(installing) == 4
    assert all("--no-deps" in call for call in installing)
    assert all("--require-hashes" in call or "--no-index" in call for call in installing)


def test_final_image_takes_the_finished_environment_alone() -> None:
    """Nothing is installed in the final stage: it copies the environment, without what built it."""
    final = dockerfile_stages()[-1]
    assert arguments_of("COPY", final) == ["--from=build /opt/stamped-sync /opt/stamped-sync"]
    assert not [run for run in arguments_of("RUN", final) if "pip" in run or "apt" in run]


def test_image_pins_one_python_for_all_stages() -> None:
    """The base image is a slim Python, pinned to its patch version."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert re.search(r"^ARG PYTHON_TAG=\d+\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert {stage[0][1].split()[0] for stage in dockerfile_stages()} == {"python:${PYTHON_TAG}"}


def test_image_stops_warmly_and_has_a_health_check() -> None:
    """A stop is a SIGTERM, and the health check is the command line's status."""
    final = dockerfile_stages()[-1]
    assert arguments_of("STOPSIGNAL", final) == ["SIGTERM"]
    assert arguments_of("HEALTHCHECK", final)[0].endswith('CMD ["stamped-sync", "status", "--json"]')


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash_and_no_place(lock: str) -> None:
    """Each package is pinned with a hash, and nothing says where it is fetched from."""
    text = (ROOT / lock).read_text("utf-8")
    entries = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(entries) == len(pins(lock)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--(extra-)?index|--find-links|^[./]", text, re.MULTILINE)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_what_runs_is_what_was_tested(lock: str) -> None:
    """The image's packages are in the development lock too, at the same versions."""
    assert pins(lock).items() <= pins("requirements-dev.lock").items()
