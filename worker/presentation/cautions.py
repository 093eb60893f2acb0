"""What is probably a mistake in the connections file, but works."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import tomli

from worker.config.values import is_readable_on_the_way
from worker.connections import EXAMPLE, SHOWN_AT_MOST
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from worker.connections import Connection, Connections


def cautions(connections: Connections) -> Iterator[str]:
    """Each probable mistake in words: of one connection, and what several have in common."""
    for each in connections:
        named = each.label
        if not each.triggers:
            yield f"{named}: triggers is empty, so only Manual Sync and `initialize` transfer customers"
        if _store(each) == _example_store():
            yield f"{named}: the store hash is still that of the example; put in the store's own"
        if (key := each.stamped.private_key) and key.get_secret_value() == each.stamped.public_key:
            yield f"{named}: the private key is the same as the public one; Stamped.io shows both, side by side"
        for name, url in (("iPaaS.com", each.ipaas.api_url), ("Stamped.io", each.stamped.api_url)):
            if url and is_readable_on_the_way(url):
                yield f"{named}: {name} is called by http, so whoever is on the way can read its keys; use https"
    yield from connections.expiring()
    for alike in _alike((each for each in connections if each.name), lambda each: each.name.casefold()):
        yield f"{_ids(alike)} have one name, {alike[0].name}: give each its own, so that nobody confuses them"
    yield from sharing(connections)


def sharing(connections: Iterable[Connection]) -> Iterator[str]:
    """Which of the connections have one Stamped.io store, as far as they say which one they have."""
    for alike in _alike((each for each in connections if all(_store(each))), _store):
        yield (
            f"{_ids(alike)} have one Stamped.io store, {alike[0].stamped.store_hash}: each has a throttle of its own, "
            "and a customer who is in several is written by all of them"
        )


def _alike(connections: Iterable[Connection], key: Callable[[Connection], Hashable]) -> Iterator[list[Connection]]:
    """The connections that have something in common, together."""
    groups: dict[Hashable, list[Connection]] = {}
    for each in connections:
        groups.setdefault(key(each), []).append(each)
    return (group for group in groups.values() if len(group) > 1)


def _ids(connections: Sequence[Connection]) -> str:
    """Their system ids, of which some are named: `4021, 4022 and 4023`."""
    ids = [str(each.system_id) for each in connections[:SHOWN_AT_MOST]]
    more = len(connections) - len(ids)
    last = counted(more, "other") if more else ids.pop()
    return f"{', '.join(ids)} and {last}"


def _store(connection: Connection) -> tuple[str, str]:
    """Which store it is, as far as it is said: its address, in lower case as host names are, and the store hash."""
    return (connection.stamped.api_url or "").casefold(), connection.stamped.store_hash or ""


@cache
def _example_store() -> tuple[str, str]:
    stamped = tomli.loads(EXAMPLE)["connection"][0]["stamped"]
    return stamped["api_url"], stamped["store_hash"]
