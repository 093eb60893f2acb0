"""Who is compared: what each runs, with how many processes and threads."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Final

from worker.config.cores import cores

BIN: Final = Path(sys.executable).parent
PEERS: Final = "tests.bench.peers"


@dataclass(frozen=True)
class Contestant:
    """One of those who are compared."""

    name: str
    title: str
    module: str
    """Where its `enqueue` is; empty if it has no queue."""
    command: tuple[str, ...]
    threads: int = 20
    """How many customers it transfers at once, in all processes together."""
    processes: int = 1
    copies: int = 1
    """How often the command is started; a command may also start several processes itself."""
    most_a_second: int = 2500
    """More than it does at no latency: as many jobs are put into its queue for each second."""
    packages: tuple[str, ...] = ()

    @property
    def has_queue(self) -> bool:
        """Whether it takes its customers from a queue in Redis."""
        return bool(self.module)

    @property
    def is_ours(self) -> bool:
        """Whether it is this worker."""
        return self.module == "ours"

    @property
    def kind(self) -> str:
        """What it is shown as: `ours`, `peer` or `floor`."""
        if self.is_ours:
            return "ours"
        return "floor" if self.name.startswith("loop-") else "peer"

    def commands(self) -> list[list[str]]:
        """Its command lines: those who need names get one each."""
        return [
            [part.replace("{copy}", str(copy + 1)).replace("{core}", core) for part in self.command]
            for copy, core in zip(range(self.copies), cycle(map(str, cores())), strict=False)
        ]


def _bin(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(BIN / name), *arguments)


def _loop(client: str, threads: int) -> Contestant:
    title = f"bare {client} loop, {threads} thread{'s' if threads > 1 else ''}"
    command = (sys.executable, "-m", f"{PEERS}.loop", client, str(threads))
    package = () if client == "http.client" else (client,)
    return Contestant(f"loop-{client}-{threads}", title, "", command, threads, packages=package)


def _celery(name: str, title: str, *options: str, threads: int = 20, processes: int = 1, copies: int = 1) -> Contestant:
    command = _bin("celery", "-A", f"{PEERS}.celery_peer", "worker", "-n", "w{copy}@%h", *options)
    packages = ("celery", "requests")
    return Contestant(name, title, "celery_peer", command, threads, processes, copies, 900, packages)


def _ours(name: str, title: str, processes: int, *, is_kept: bool = True) -> Contestant:
    command = _bin("celery", "-A", "worker.app", "worker", "-n", "w{copy}@%h")
    if is_kept:  # as `stamped-sync up` does for workers that fill the cores
        command = ("/usr/bin/env", "STAMPED_SYNC_CORE={core}", *command)
    return Contestant(name, title, "ours", command, 20, processes, processes, packages=("celery", "requests"))


def _dramatiq(name: str, processes: int, threads: int) -> Contestant:
    command = _bin("dramatiq", f"{PEERS}.dramatiq_peer", "--processes", str(processes), "--threads", str(threads))
    title = f"Dramatiq, {processes} × {threads} threads"
    packages = ("dramatiq", "requests")
    return Contestant(name, title, "dramatiq_peer", command, processes * threads, processes, packages=packages)


def _taskiq(name: str, title: str, module: str, processes: int) -> Contestant:
    workers = ("--workers", str(processes), "--max-async-tasks", str(20 // processes))
    command = _bin("taskiq", "worker", f"{PEERS}.{module}:broker", *workers)
    packages = ("taskiq", "taskiq-redis", "aiohttp")
    return Contestant(name, title, module, command, 20, processes, packages=packages)


def _saq(name: str, processes: int) -> Contestant:
    command = _bin("saq", f"{PEERS}.saq_peer.settings", "--workers", str(processes))
    title = f"SAQ + aiohttp, {processes} × {20 // processes}"
    return Contestant(name, title, "saq_peer", command, 20, processes, packages=("saq", "aiohttp"))


def _kept(peer: Contestant) -> Contestant:
    """A peer that is kept to one core, as this worker is."""
    command = ("/usr/bin/taskset", "-c", "{core}", *peer.command)
    return replace(peer, name=f"{peer.name}-kept", title=f"{peer.title}, kept to a core", command=command)


REFERENCE: Final = _loop("requests", 1)
"""What CPU time is compared with."""
OURS: Final = _ours("ours", "this worker, 1 × 20 threads", 1)
ALL: Final = (
    REFERENCE,
    _loop("requests", 20),
    _loop("urllib3", 1),
    _loop("urllib3", 20),
    _loop("http.client", 1),
    _loop("http.client", 20),
    OURS,
    _ours("ours-2", "this worker, 2 × 10 threads", 2),
    _ours("ours-free", "this worker, 1 × 20, kept to no core", 1, is_kept=False),
    _celery("celery-threads", "Celery, 1 × 20 threads", "-P", "threads", "-c", "20"),
    _celery("celery-threads-2", "Celery, 2 × 10 threads", "-P", "threads", "-c", "10", processes=2, copies=2),
    _celery("celery-prefork", "Celery, prefork 20", "-P", "prefork", "-c", "20", processes=20),
    _celery("celery-prefork-2", "Celery, prefork 2", "-P", "prefork", "-c", "2", threads=2, processes=2),
    _kept(_celery("celery-threads", "Celery, 1 × 20 threads", "-P", "threads", "-c", "20")),
    _dramatiq("dramatiq", 1, 20),
    _kept(_dramatiq("dramatiq", 1, 20)),
    _dramatiq("dramatiq-2", 2, 10),
    _taskiq("taskiq", "taskiq (list) + aiohttp, 1 × 20", "taskiq_peer", 1),
    _taskiq("taskiq-2", "taskiq (list) + aiohttp, 2 × 10", "taskiq_peer", 2),
    _taskiq("taskiq-stream", "taskiq (stream) + aiohttp, 1 × 20", "taskiq_stream_peer", 1),
    _saq("saq", 1),
    _saq("saq-2", 2),
    Contestant(
        "rq", "RQ, pool of 20", "rq_peer",
        _bin("rq", "worker-pool", "-q", "-n", "20", "-w", "rq.worker.SimpleWorker", "-u", "{redis}"),
        processes=20, most_a_second=400, packages=("rq", "requests"),
    ),
    Contestant(
        "huey", "Huey, 1 × 20 threads", "huey_peer",
        _bin("huey_consumer", f"{PEERS}.huey_peer.huey", "-w", "20", "-q"),
        most_a_second=900, packages=("huey", "requests"),
    ),
    Contestant(
        "arq", "arq + httpx, 1 × 20", "arq_peer", _bin("arq", f"{PEERS}.arq_peer.WorkerSettings"),
        most_a_second=600, packages=("arq", "httpx"),
    ),
    Contestant(
        "singer", "Singer target (Meltano SDK)", "", (sys.executable, "-m", f"{PEERS}.singer_peer", "run"),
        threads=1, processes=1, packages=("singer-sdk", "requests"),
    ),
)  # fmt: skip
