"""What must be true once the storm is over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests import parts
from worker.ipaas.customer import Customer
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Job, Kind, State
from worker.ledger.keys import PREFIX
from worker.ledger.upkeep import LOSSES_ALLOWED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import redis

    from tests.simulation.stage import Stage
    from tests.simulation.world import World
    from worker.connections import Connections
    from worker.ledger import Ledger, Limit, Record, StoreLimits

TROUBLES = 3
"""A job fails by trouble of its store only where others got through between this many of its attempts. It is granted
five, of which those may count that others were under way with when the trouble began."""
AFTERWARDS_MS = 20 * 60 * 1000
"""Longer than any window and any reserve: no slot may be left after it."""


def check_failed(stage: Stage, ledger: Ledger, world: World) -> None:
    """A job fails for a reason of the catalogue, and only where a fault was injected that is not tried again."""
    for record in (record for kind in Kind for record in parts.in_state(ledger, State.FAILED, kind)):
        code = record.failure.code if record.failure else ""
        if code not in CATALOGUE or code == "internal-error":
            stage.violated(f"{record.job} failed as {code or 'nothing'}")
        elif not _may_have_failed(record, code, world):
            stage.violated(f"{record.job} failed without cause: {record.failure}")


def check_customers(stage: Stage, world: World, accepted: Iterable[Job], connections: Connections) -> None:
    """Every accepted customer is in the store as mapped: once, linked, subscribed as mapped."""
    accepted = sorted(accepted, key=str)
    for job in accepted:
        for wrong in _faults_of(job, world, connections):
            stage.violated(f"{job}: {wrong}")
    for system_id, store in world.stores.items():
        copies = Counter(customer["externalId"] for customer in store.customers.values())
        for number, count in sorted(copies.items()):
            if count > 1:
                stage.violated(f"store {system_id} has {count} customers for {number}")
        wanted = sum(job.system_id == system_id for job in accepted)
        if len(copies) > wanted + world.listing.inserted:
            stage.violated(f"store {system_id} has {len(copies)} customers where {wanted} were asked for")


def check_listed(stage: Stage, world: World) -> None:
    """Every customer who is on the list alone is in each store, with a link."""
    for system_id, store in world.stores.items():
        for customer_id in world.listing.ids:
            found = store.by_email(world.source.customers[customer_id]["email_address"])
            if found is None or world.source.link(system_id, customer_id) != str(found["id"]):
                stage.violated(f"left out by the catch-ups of store {system_id}: {customer_id}")


def check_throttle(stage: Stage, world: World, stores: Mapping[int, StoreLimits]) -> None:
    """No window held more calls than the limit, by the times at which the calls arrived."""
    for (api, system_id), times in sorted(world.arrivals.items()):
        limit: Limit | None = getattr(stores[system_id], api)
        if limit is None:
            continue
        for first, last in zip(times, times[limit.calls :], strict=False):
            if last - first < limit.seconds * 1000:
                stage.violated(f"{api} of store {system_id} got {limit.calls + 1} calls in {last - first} ms")
                break


def check_ledger(stage: Stage, client: redis.Redis, ledger: Ledger, stores: Mapping[int, StoreLimits]) -> None:
    """Each job is in the index of its state and no other; no store has an admitted job or a slot left."""
    jobs: dict[str, Any] = {key.split(":", 2)[2]: client.hget(key, "state") for key in _keys(client, "job:*")}
    places = [(state, place) for state in State for place in _places(client, state)]
    found = Counter(place for _, place in places)
    for job, state in sorted(jobs.items()):
        if found[job] != 1 or (state, job) not in places:
            stage.violated(f"{job} is {state} and in {[at for at, place in places if place == job]}")
    if stray := sorted(set(found) - set(jobs)):
        stage.violated(f"in an index without a job: {stray}")
    now = stage.clock.now_ms
    for system_id in stores:
        ledger.admit(system_id)
        if admitted := client.smembers(f"{PREFIX}admitted:{system_id}"):
            stage.violated(f"store {system_id} still has admitted: {admitted}")
        for api in ("stamped", "ipaas"):
            if left := client.zcount(f"{PREFIX}slots:{api}:{system_id}", now, "+inf"):
                stage.violated(f"store {system_id} has {left} slots of {api} left")


def is_gone(record: Record, world: World) -> bool:
    """Whether a job has failed as its customer was deleted from iPaaS.com, perhaps between its calls."""
    is_missing = record.failure is not None and record.failure.code in {"customer-not-found", "link-not-recorded"}
    return is_missing and record.job.customer_id not in world.source.customers


def _may_have_failed(record: Record, code: str, world: World) -> bool:
    if is_gone(record, world):
        return True
    if code == "worker-lost":
        return world.weather.deaths[record.job] > LOSSES_ALLOWED
    weather, job = world.weather, record.job
    return weather.refused[job] > 0 or weather.troubled[job] + weather.not_yet[job] >= TROUBLES


def _faults_of(job: Job, world: World, connections: Connections) -> Iterator[str]:
    customer = Customer.read(world.source.customers[job.customer_id])
    mapped = connections[job.system_id].mapping.apply(customer)
    found = world.stores[job.system_id].by_email(mapped.payload["email"])
    if found is None:
        yield "not in the store"
        return
    if stale := {name: found[name] for name, value in mapped.payload.items() if found[name] != value}:
        yield f"stale: {stale}"
    if (link := world.source.link(job.system_id, job.customer_id)) != str(found["id"]):
        yield f"linked to {link}, but is {found['id']}"
    if mapped.subscription is not None and found["isSubscribed"] is not mapped.subscription:
        yield f"isSubscribed is {found['isSubscribed']}"


def _keys(client: redis.Redis, pattern: str) -> list[str]:
    keys: Any = client.keys(PREFIX + pattern)
    return sorted(keys)


def _places(client: redis.Redis, state: State) -> Iterator[str]:
    """The jobs in the indexes of a state, as `<kind>:<member>`."""
    for key in _keys(client, f"{state}:*"):
        kind = key.removeprefix(PREFIX).split(":")[1]
        members: Any = client.zrange(key, 0, -1)
        yield from (f"{kind}:{member}" for member in members)
