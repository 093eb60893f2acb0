"""How long each script of the ledger keeps Redis busy, by Redis' own slow log of a real worker's calls."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

FOLDER: Final = ROOT / "worker" / "ledger" / "scripts"
ENTRIES: Final = 50_000


@contextmanager
def timed(client: redis.Redis) -> Iterator[dict[str, float]]:
    """The median milliseconds of each script that was called in the block, by its name."""
    found: dict[str, float] = {}
    client.config_set("slowlog-max-len", ENTRIES)
    client.config_set("slowlog-log-slower-than", 0)
    client.slowlog_reset()
    yield found
    client.config_set("slowlog-log-slower-than", -1)
    log: Any = client.slowlog_get(ENTRIES)
    times = defaultdict[str, list[float]](list)
    for entry in log:
        name, _, rest = entry["command"].partition(b" ")
        if name.upper() == b"EVALSHA":
            times[rest.split()[0].decode()].append(entry["duration"] / 1000)
    found |= {name_of(client, sha): median(each) for sha, each in times.items()}


def name_of(client: redis.Redis, sha: str) -> str:
    """The file of a script that Redis knows by its hash; the hash if it is in none."""
    ask: Any = client.execute_command
    shown = ask("SCRIPT", "SHOW", sha)
    body = shown.decode() if isinstance(shown, bytes) else str(shown)
    files = (path for path in FOLDER.glob("*.lua") if not path.stem.startswith("_"))
    return next((path.stem for path in files if path.read_text("utf-8").strip() in body), sha[:8])
