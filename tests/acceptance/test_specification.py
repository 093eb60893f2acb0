"""The specification's *Testing & Validation* procedures, and what else it promises, on a real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer, person, scene, trigger
from worker.jobs.job import Action
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPDATES_ALONE, ALL_OFF = 4022, 4023
DONE = {"system_id": parts.SYSTEM, "customer_id": ID, "state": "done", "error": None}
CREATED = DONE | {"kind": "customer", "action": "created", "stamped_id": "143491"}
UPDATED = CREATED | {"action": "updated"}
SUBSCRIPTION = DONE | {"kind": "subscription", "stamped_id": "143491"}


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene with a worker, and connections with some of the triggers off."""
    sandbox = Sandbox([ZOE], systems=(parts.SYSTEM, UPDATES_ALONE, ALL_OFF))
    with scene(valkey_url, tmp_path_factory.mktemp("specification"), sandbox) as built:
        more = [
            parts.connection(built.url, system_id=UPDATES_ALONE, more='triggers = ["customer/updated"]'),
            parts.connection(built.url, system_id=ALL_OFF, more="triggers = []"),
        ]
        parts.write_connections(built.folder, built.url, more="\n".join(more))
        with built.running():
            yield built


@pytest.fixture
def stage(started: Scene) -> Scene:
    """The scene with nothing on it but the customer 150713."""
    started.clear()
    return started


class TestTestingAndValidation:
    """The three procedures, word for word."""

    def test_manual_sync_of_a_customer_id_makes_the_customer_appear_in_stamped_io(self, stage: Scene) -> None:
        """The first procedure.

        From the Manual Sync page, transfer a single customer by iPaaS.com Customer ID and confirm the customer
        appears in Stamped.io with the mapped fields populated.
        """
        assert stage.sync(ID, "--system", str(parts.SYSTEM)) == [CREATED]
        (appeared,) = stage.sandbox.stamped_customers.values()
        mapped = {name: appeared[name] for name in ("externalId", "customerEmail", "email", "firstName", "lastName")}
        assert mapped == {
            "externalId": "C-713",
            "customerEmail": "zoe@example.com",
            "email": "zoe@example.com",
            "firstName": "Zoë",
            "lastName": "Müller",
        }
        assert appeared["notes"] == "Prefers tea"

    def test_running_it_again_updates_the_same_stamped_io_customer(self, stage: Scene) -> None:
        """The second procedure.

        Confirm the external-ID link is recorded by re-running the transfer and verifying the same Stamped.io
        customer is updated rather than duplicated.
        """
        system = ("--system", str(parts.SYSTEM))
        first = stage.sync(ID, *system)
        assert stage.sandbox.links[parts.SYSTEM] == {ID: "143491"}
        stage.sandbox.patch_customer(ID, {"last_name": "Meyer"})
        assert (first, stage.sync(ID, *system)) == ([CREATED], [UPDATED])
        (only,) = stage.sandbox.stamped_customers.values()
        assert (only["id"], only["lastName"]) == (143491, "Meyer")

    def test_flipping_the_static_subscription_value_reverses_the_subscription_state(self, tmp_path: Path) -> None:
        """The third procedure.

        Map the subscription field to a Static value and confirm the customer's subscription state in Stamped.io
        changes accordingly, then flip the value and confirm it reverses.
        """
        came_to: list[object] = []
        states: list[bool] = []
        with parts.valkey() as redis_url, scene(redis_url, tmp_path, Sandbox([ZOE])) as stage:
            for value in (False, True, False):
                parts.write_connections(tmp_path, stage.url, subscription=value)
                with stage.worker():  # a worker reads the configuration when it starts
                    came_to += stage.sync(ID)
                states.append(stage.linked()["isSubscribed"])
            calls = stage.calls()
        assert came_to == [
            CREATED,
            SUBSCRIPTION | {"action": "unsubscribed"},
            UPDATED,
            SUBSCRIPTION | {"action": "subscribed"},
            UPDATED,
            SUBSCRIPTION | {"action": "unsubscribed"},
        ]
        assert states == [False, True, False]
        assert [call for call in calls if "subscribe" in call] == ["unsubscribe", "subscribe", "unsubscribe"]


class TestCalls:
    """No call is made that is not owed."""

    def test_first_and_second_run_make_exactly_these_calls(self, stage: Scene) -> None:
        """One read, one look-up, one create and one link; then one read and one update."""
        job = customer()
        stage.settled(job, stage.request(job)[job])
        assert stage.calls() == ["read", "look up", "create", "link"]
        stage.settled(job, stage.request(job)[job])
        assert stage.calls() == ["read", "update"]

    def test_link_that_the_record_does_not_show_is_looked_up(self, stage: Scene) -> None:
        """`external_ids` may be absent though the link exists."""
        job = customer()
        stage.settled(job, stage.request(job)[job])
        stage.sandbox.patch_customer(ID, {"external_ids": None})
        stage.calls()
        assert stage.settled(job, stage.request(job)[job]).action == Action.UPDATED
        assert stage.calls() == ["read", "look up", "update"]

    def test_subscription_that_is_as_mapped_needs_no_call(self, tmp_path: Path) -> None:
        """A new customer is subscribed in the sandbox: with a Static true its state is told by the create's answer."""
        with parts.valkey() as redis_url, scene(redis_url, tmp_path, Sandbox([ZOE])) as stage:
            parts.write_connections(tmp_path, stage.url, subscription=True)
            with stage.worker():
                assert stage.sync(ID) == [CREATED, SUBSCRIPTION | {"action": "unchanged"}]
            assert stage.calls() == ["read", "look up", "create", "link"]

    def test_unmapped_subscription_is_left_unchanged(self, stage: Scene) -> None:
        """When the field is not mapped, the existing subscription state in Stamped.io is left unchanged."""
        job = customer()
        assert stage.settled(job, stage.request(job)[job]).subscription_version == 0
        assert stage.ledger.record(job.subscription) is None
        assert stage.linked()["isSubscribed"] is True


class TestWhatIsSent:
    """Only mapped values, matched by link and e-mail."""

    def test_update_sends_only_mapped_values(self, stage: Scene) -> None:
        """A field that is empty in iPaaS.com is omitted: Stamped.io keeps what it had."""
        job = customer()
        stage.settled(job, stage.request(job)[job])
        stage.sandbox.patch_customer(ID, {"first_name": "Zora", "last_name": None, "comment": "  "})
        stage.settled(job, stage.request(job)[job])
        held = stage.linked()
        assert (held["firstName"], held["lastName"], held["notes"]) == ("Zora", "Müller", "Prefers tea")

    def test_customer_with_an_existing_email_updates_that_customer(self, stage: Scene) -> None:
        """Stamped.io matches by e-mail address; case and surrounding blanks do not make another one."""
        stage.sandbox.put_customer(person("150714", email_address=" ZOE@example.com ", first_name="Z."))
        first, second = customer(), customer("150714")
        for job in (first, second):
            assert stage.settled(job, stage.request(job)[job]).stamped_id == "143491"
        assert stage.sandbox.links[parts.SYSTEM] == {ID: "143491", "150714": "143491"}
        assert len(stage.sandbox.stamped_customers) == 1
        assert stage.linked()["firstName"] == "Z."

    def test_deleted_link_counts_as_no_link(self, stage: Scene) -> None:
        """An external id `DELETED:…` does not route an update: the customer is created and linked anew."""
        marked = {"system_id": parts.SYSTEM, "external_id": "DELETED:143001", "internal_id": ID}
        stage.sandbox.patch_customer(ID, {"external_ids": [marked]})
        job = customer()
        assert stage.settled(job, stage.request(job)[job]).action == Action.CREATED
        assert stage.calls() == ["read", "look up", "create", "link"]
        assert stage.sandbox.links[parts.SYSTEM] == {ID: "143491"}

    def test_link_whose_stamped_io_customer_is_gone_is_healed(self, stage: Scene) -> None:
        """The customer is created anew and linked anew, in the same run."""
        job = customer()
        stage.settled(job, stage.request(job)[job])
        stage.sandbox.delete_stamped_customer("143491")
        stage.calls()
        healed = stage.settled(job, stage.request(job)[job])
        assert (healed.action, healed.stamped_id) == (Action.CREATED, "143492")
        assert stage.calls() == ["read", "update", "create", "link"]
        assert stage.linked()["email"] == "zoe@example.com"


class TestTriggers:
    """Create and Update start transfers; everything else starts none."""

    @pytest.mark.parametrize("scope", ["customer/created", "customer/updated"])
    def test_enabled_trigger_transfers_the_customer(self, stage: Scene, scope: str) -> None:
        """Whether it is a create or an update depends on the link alone, not on the trigger."""
        stage.submit(trigger(scope=scope))
        assert stage.settled(customer()).action == Action.CREATED
        stage.submit(trigger(scope=scope))
        assert stage.settled(customer(), 2).action == Action.UPDATED

    @pytest.mark.parametrize(
        ("scope", "system_id", "code"),
        [
            ("customer/deleted", parts.SYSTEM, "scope-unsupported"),
            ("product/updated", parts.SYSTEM, "scope-unsupported"),
            ("customer/created", UPDATES_ALONE, "trigger-off"),
            ("customer/updated", ALL_OFF, "trigger-off"),
        ],
    )
    def test_other_trigger_calls_nothing(self, stage: Scene, scope: str, system_id: int, code: str) -> None:
        """It is noted with its reason; the next one goes on."""
        stage.submit(trigger(scope=scope, system_id=system_id), trigger())
        stage.settled(customer())
        assert [refusal.code for refusal in stage.eventually(stage.ledger.refusals)] == [code]
        assert stage.calls() == ["read", "look up", "create", "link"]

    def test_manual_sync_works_with_every_trigger_off(self, stage: Scene) -> None:
        """Manual Sync is available at any time regardless of the outbound triggers."""
        job = customer(system_id=ALL_OFF)
        assert stage.settled(job, stage.request(job)[job]).action == Action.CREATED
        assert stage.linked(system_id=ALL_OFF)["firstName"] == "Zoë"
