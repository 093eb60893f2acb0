"""How people are told what the configuration is, what has changed in it, and which processes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.connections import Connection, Connections
    from worker.ledger.processes import Process

PARTS: Final = {
    "name": "another name",
    "triggers": "other triggers",
    "mapping": "another mapping",
    "ipaas": "another key, address or throttle of iPaaS.com",
    "stamped": "other keys or another address of Stamped.io",
    "throttle": "another throttle",
    "warn_shared": "another warn_shared",
}
"""What of a connection can change, by its keys in the connections file."""
SHOWN: Final = 10
"""How many connections or processes a sentence names."""


def agreement(processes: Sequence[Process], fingerprint: str) -> str:
    """By what the processes run, if all run by the files as they stand."""
    if not processes:
        return f"{fingerprint}; no worker, beat or Flower runs by it" if fingerprint else ""
    count = counted(len(processes), "process", "processes")
    return f"{fingerprint}, by which {count} {'runs' if len(processes) == 1 else 'run'}"


def differences(old: Connections, new: Connections) -> str:
    """What has changed from one configuration to another, by names alone."""
    parts = [
        *(f"{_named(each)} is new" for each in new if old.get(each.system_id) is None),
        *(f"{_named(each)} is gone, and its jobs wait" for each in old if new.get(each.system_id) is None),
        *(f"{_named(each)} has {changed}" for each in new if (changed := _changed(old, each))),
    ]
    more = len(parts) - SHOWN
    return ", ".join(parts[:SHOWN]) + (f", and {more:,} more" if more > 0 else "") or "the same connections"


def _named(connection: Connection) -> str:
    return f"connection {connection.label}"


def _changed(old: Connections, new: Connection) -> str:
    before = old.get(new.system_id)
    return " and ".join(PARTS[each] for each in PARTS if before and getattr(before, each) != getattr(new, each))


def drift(processes: Sequence[Process], fingerprint: str = "", file: str = "the connections file") -> list[str]:
    """Where processes differ, in sentences; none if all agree. `fingerprint`: of the file at hand."""
    return [*_of_faults(processes), *others(processes, fingerprint, file), *_of_releases(processes)]


def _of_faults(processes: Sequence[Process]) -> list[str]:
    """Which processes have met faults, and those faults."""
    groups: dict[tuple[str, ...], list[Process]] = {}
    for process in processes:
        groups.setdefault(process.faults, []).append(process)
    groups.pop((), None)
    said = []
    for faults, met in groups.items():
        whose = f"all {len(met):,} processes" if 1 < len(met) == len(processes) else _some(met)
        go = "goes" if len(met) == 1 else "go"
        by = "on by the configuration before" if any(each.fingerprint for each in met) else "by none"
        said.append(f"The files have faults, so {whose} {go} {by}:")
        said.extend(faults)
    return said


def others(processes: Sequence[Process], fingerprint: str = "", file: str = "the connections file") -> list[str]:
    """Which processes run by another configuration than others, or than that of the file."""
    groups: dict[str, list[Process]] = {}
    for process in processes:
        if process.fingerprint or not process.faults:  # of the others, `_of_faults` says that they run by none
            groups.setdefault(process.fingerprint, []).append(process)
    different = [each for each in groups if each != fingerprint]
    if not different or (len(groups) == 1 and not fingerprint):
        return []
    own = [f"{file} is {fingerprint}"] if fingerprint else []
    words = [f"{_some(groups[each])} {_verb(groups[each])} {each or 'no configuration yet'}" for each in different]
    # All by one, and only the file is another: it was changed a moment ago, most likely.
    seconds = max((each.interval_seconds for each in processes), default=0.0)
    is_new = own and seconds and len(groups) == 1
    soon = f"A change is taken within {seconds:.0f} s; if this lasts, give" if is_new else "Give"
    return [f"Configurations differ: {', '.join([*own, *words])}. {soon} all machines the same files."]


def _of_releases(processes: Sequence[Process]) -> list[str]:
    releases: dict[str, list[Process]] = {}
    for process in processes:
        releases.setdefault(process.version, []).append(process)
    if len(releases) <= 1:
        return []
    words = [f"{_some(those)} {'is' if len(those) == 1 else 'are'} {release}" for release, those in releases.items()]
    return [f"Releases differ: {', '.join(words)}."]


def _verb(processes: Sequence[Process]) -> str:
    return "runs by" if len(processes) == 1 else "run by"


def _some(processes: Iterable[Process]) -> str:
    names = list(map(str, processes))
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {counted(more, 'other')}" if more > 0 else "")
