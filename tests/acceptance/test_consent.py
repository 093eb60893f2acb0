"""What becomes of people who unsubscribed by themselves, and of customers who share one Stamped.io customer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer, person, scene
from worker.jobs.job import Action, State
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.ledger import Record

DEFAULT, KEEPING, WARNING = parts.SYSTEM, 4022, 4023
ROW = 'type = "Field"\nsource = "CustomFields.Newsletter"\ndestination = "IsSubscribed"'
OTHER = "150714"


def wants(*, newsletter: bool) -> dict[str, object]:
    """Zoë, and whether she gets the newsletter in iPaaS.com."""
    return ZOE | {"custom_fields": [{"custom_field_name": "Newsletter", "value": newsletter}]}


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A worker, and connections that differ in what becomes of consent."""
    sandbox = Sandbox([wants(newsletter=True)], systems=(DEFAULT, KEEPING, WARNING))
    with scene(valkey_url, tmp_path_factory.mktemp("consent"), sandbox) as built:
        parts.write_rows(built.folder / "default.toml", ROW)
        parts.write_rows(built.folder / "keeping.toml", f"{ROW}\nresubscribe = false")
        connections = [
            parts.connection(built.url, system_id=DEFAULT, more='mapping = "default.toml"'),
            parts.connection(built.url, system_id=KEEPING, more='mapping = "keeping.toml"'),
            parts.connection(built.url, system_id=WARNING, more="warn_shared = true"),
        ]
        (built.folder / "connections.toml").write_text("\n".join(connections), encoding="utf-8")
        with built.running():
            yield built


@pytest.fixture
def stage(started: Scene) -> Scene:
    """The scene with nothing on it but the customer 150713, who gets the newsletter."""
    started.clear()
    started.sandbox.deviate()
    return started


def transferred(stage: Scene, system_id: int, customer_id: str = ID) -> Record:
    """The customer's job once it and the subscription job behind it have ended."""
    job = customer(customer_id, system_id)
    record = stage.settled(job, stage.request(job)[job])
    assert record.state is State.DONE
    if record.subscription_version:
        stage.settled(job.subscription, record.subscription_version)
    return record


def unsubscribed_by_themselves(stage: Scene, system_id: int) -> dict[str, object]:
    """A customer who was carried over, and then unsubscribed in a review e-mail."""
    transferred(stage, system_id)
    held = stage.linked(system_id=system_id)
    held["isSubscribed"] = False
    stage.calls()
    return held


def test_by_default_what_is_mapped_is_set(stage: Scene) -> None:
    """On create and update: also for whoever unsubscribed, as the documents say."""
    unsubscribed_by_themselves(stage, DEFAULT)
    transferred(stage, DEFAULT)
    assert stage.calls()[-1] == "subscribe"
    assert stage.linked()["isSubscribed"] is True


def test_whoever_unsubscribed_is_never_subscribed_again(stage: Scene) -> None:
    """With `resubscribe = false`, and the update stays two calls."""
    unsubscribed_by_themselves(stage, KEEPING)
    stage.sandbox.patch_customer(ID, {"first_name": "Zora"})
    transferred(stage, KEEPING)
    assert stage.calls() == ["read", "update"]
    held = stage.linked(system_id=KEEPING)
    assert (held["firstName"], held["isSubscribed"]) == ("Zora", False)


def test_whoever_unsubscribed_stays_so_when_the_link_is_lost(stage: Scene) -> None:
    """The create finds the same customer by the e-mail address: nobody new."""
    unsubscribed_by_themselves(stage, KEEPING)
    stage.sandbox.patch_customer(ID, {"external_ids": []})
    stage.sandbox.unlink(KEEPING, ID)
    assert transferred(stage, KEEPING).action == Action.CREATED
    assert stage.linked(system_id=KEEPING)["isSubscribed"] is False


@pytest.mark.parametrize("system_id", [DEFAULT, KEEPING])
def test_new_customer_is_subscribed_whatever_it_starts_as(stage: Scene, system_id: int) -> None:
    """Who has just come has not unsubscribed."""
    stage.sandbox.deviate("unsubscribed-at-first")
    transferred(stage, system_id)
    assert stage.linked(system_id=system_id)["isSubscribed"] is True


@pytest.mark.parametrize("system_id", [DEFAULT, KEEPING])
def test_unsubscribing_always_works(stage: Scene, system_id: int) -> None:
    """Whoever no longer gets the newsletter gets no surveys."""
    transferred(stage, system_id)
    stage.sandbox.put_customer(wants(newsletter=False))
    transferred(stage, system_id)
    assert stage.linked(system_id=system_id)["isSubscribed"] is False


def test_preview_says_what_becomes_of_the_subscription(stage: Scene) -> None:
    """Before anything is done."""
    unsubscribed_by_themselves(stage, KEEPING)
    printed = stage.console("preview", ID, "--system", str(KEEPING)).stdout
    assert "left unsubscribed" in " ".join(printed.split())


# Two customers, one in Stamped.io ------------------------------------------------------------------------------------


def share(stage: Scene, system_id: int) -> Record:
    """Two iPaaS.com customers with one e-mail address are carried over: the job of the second."""
    stage.sandbox.put_customer(person(OTHER, email_address="ZOE@example.com", first_name="Z."))
    transferred(stage, system_id)
    stage.calls()
    return transferred(stage, system_id, OTHER)


def test_customers_who_share_one_are_warned_of(stage: Scene) -> None:
    """With `warn_shared`, for one read more: a warning with both, and the job keeps it."""
    record = share(stage, WARNING)
    assert stage.calls() == ["read", "look up", "create", "link", "look who"]
    assert record.shared_with == ID
    lines = [line for line in stage.log.read_text(encoding="utf-8").splitlines() if '"outcome": "shared"' in line]
    printed = json.loads(lines[-1])
    expected = f"customer {WARNING}/{OTHER}: Stamped.io customer {record.stamped_id} is linked to customer {ID} too"
    assert (printed["level"], printed["message"].startswith(expected)) == ("WARNING", True)


def test_without_the_setting_nobody_looks(stage: Scene) -> None:
    """A create stays at four calls."""
    assert share(stage, DEFAULT).shared_with is None
    assert stage.calls()[:4] == ["read", "look up", "create", "link"]


def test_customer_who_shares_with_nobody_is_no_warning(stage: Scene) -> None:
    """Nobody is linked to a new customer yet."""
    assert transferred(stage, WARNING).shared_with is None
    assert stage.calls() == ["read", "look up", "create", "link", "look who"]
