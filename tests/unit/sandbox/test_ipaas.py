"""iPaaS.com in the sandbox: customers, external ids and subscriptions."""

from __future__ import annotations

import json

import pytest

from worker.sandbox.ipaas import Source
from worker.sandbox.ipaas_api import IPaaSApi
from worker.sandbox.messages import Answer, JsonObject, Request
from worker.sandbox.server import Sandbox

AUTHORIZATION = "Bearer sandbox-token"
LOOK_UP = "/customers/v2/External/LookupExternal/150713/4021/customer"
LINK = {"table_name": "customer", "system_id": 4021, "external_id": "143491", "internal_id": "150713"}
OTHER_LINK = {"id": "9", "system_id": 3990, "system_name": "Shop", "external_id": "77", "internal_id": "150713"}


@pytest.fixture
def sandbox() -> Sandbox:
    """One customer without a link."""
    return Sandbox([{"id": "150713", "email_address": "zoe@example.com"}])


def get(sandbox: Sandbox, path: str, **query: str) -> Answer:
    """Read with the right token."""
    return sandbox.answer(Request("GET", path, query, AUTHORIZATION))


def update_external_id(sandbox: Sandbox, body: JsonObject) -> Answer:
    """Record a link with the right token."""
    path = "/customers/v2/External/UpdateExternalId"
    return sandbox.answer(Request("POST", path, {}, AUTHORIZATION, json.dumps(body).encode()))


def test_a_customer_is_answered_as_it_was_put(sandbox: Sandbox) -> None:
    """Absent fields stay absent."""
    assert get(sandbox, "/customers/v2/Customer/150713").value == {"id": "150713", "email_address": "zoe@example.com"}


@pytest.mark.parametrize(
    "path",
    [
        "/customers/v2/Customer/1",
        "/customers/v2/Customer/150713/more",
        "/subscriptions/v2/Subscription/1",
        "/subscriptions/v2/MappingCollection/1",
        f"/subscriptions/v2/Subscription/{'9' * 5000}",
        "/customers/v2/External/Missing/1/customer",
        "/customers/v2/External/LookupExternal/150713/x/customer",
        "/",
    ],
)
def test_what_is_unknown_is_answered_404_with_a_message(sandbox: Sandbox, path: str) -> None:
    """An unknown customer, system or path has an error body."""
    answer = get(sandbox, path)
    assert answer.status == 404
    assert "message" in json.loads(answer.content)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer other", "Basic sandbox-token"])
def test_a_wrong_token_is_refused(sandbox: Sandbox, authorization: str) -> None:
    """Anything but the token is answered 401."""
    assert sandbox.answer(Request("GET", "/customers/v2/Customer/150713", {}, authorization)).status == 401


def test_the_list_comes_in_pages_of_100() -> None:
    """The header says which page it is and how many there are."""
    sandbox = Sandbox({"id": str(number)} for number in range(101))
    answer = get(sandbox, "/customers/v2/Customers", pageNumber="2")
    assert answer.value == [{"id": "100"}]
    assert json.loads(answer.headers["X-Pagination"]) == {"current_Page": 2, "total_Pages": 2}


def test_the_list_starts_with_page_1(sandbox: Sandbox) -> None:
    """Without a page number the first page is answered."""
    answer = get(sandbox, "/customers/v2/Customers")
    assert json.loads(answer.headers["X-Pagination"]) == {"current_Page": 1, "total_Pages": 1}


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "9" * 5000])
def test_a_page_that_is_no_number_from_1_on_is_refused(sandbox: Sandbox, page: str) -> None:
    """A page number that makes no sense is answered 400."""
    assert get(sandbox, "/customers/v2/Customers", pageNumber=page).status == 400


def test_a_recorded_link_is_found_by_look_up(sandbox: Sandbox) -> None:
    """The look-up answers the external id as a JSON text, and 404 before there is one."""
    before = get(sandbox, LOOK_UP)
    update_external_id(sandbox, LINK)
    assert (before.status, get(sandbox, LOOK_UP).content) == (404, b'"143491"')


def test_a_recorded_link_shows_in_the_customer(sandbox: Sandbox) -> None:
    """The customer's external ids hold the new one, beside those of other systems."""
    sandbox.patch_customer("150713", {"external_ids": [OTHER_LINK]})
    update_external_id(sandbox, LINK)
    shown = sandbox.customers["150713"]["external_ids"]
    assert [(held["system_id"], held["external_id"]) for held in shown] == [(3990, "77"), (4021, "143491")]


def test_a_link_is_updated_in_place(sandbox: Sandbox) -> None:
    """A second external id for the same system replaces the first."""
    update_external_id(sandbox, LINK)
    update_external_id(sandbox, {**LINK, "external_id": "143492"})
    assert sandbox.links[4021] == {"150713": "143492"}
    assert [held["external_id"] for held in sandbox.customers["150713"]["external_ids"]] == ["143492"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**LINK, "table_name": "order"}, 400),
        ({**LINK, "system_id": 1}, 400),
        ({**LINK, "external_id": " "}, 400),
        ({**LINK, "external_id": None}, 400),
        ({**LINK, "internal_id": "1"}, 404),
        ({}, 400),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(sandbox: Sandbox, body: JsonObject, status: int) -> None:
    """Nothing is recorded for a wrong table, system, external id or customer."""
    assert update_external_id(sandbox, body).status == status
    assert sandbox.links[4021] == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    """Only a JSON object is taken."""
    path = "/customers/v2/External/UpdateExternalId"
    assert sandbox.answer(Request("POST", path, {}, AUTHORIZATION, body)).status == 400


def test_a_link_that_the_record_does_not_show_is_still_found(sandbox: Sandbox) -> None:
    """A customer that is put anew without external ids keeps its link for the look-up."""
    update_external_id(sandbox, LINK)
    sandbox.put_customer({"id": "150713"})
    assert "external_ids" not in sandbox.customers["150713"]
    assert get(sandbox, LOOK_UP).value == "143491"


def test_customers_without_a_live_link_are_missing() -> None:
    """A deleted link counts as none."""
    held = [{"system_id": "4021", "external_id": "DELETED:1"}], [{"system_id": "4021", "external_id": "2"}], None
    sandbox = Sandbox({"id": str(number), "external_ids": ids} for number, ids in enumerate(held))
    assert get(sandbox, "/customers/v2/External/Missing/4021/customer").value == ["0", "2"]


def test_a_deleted_customer_is_gone_with_its_links(sandbox: Sandbox) -> None:
    """Neither the customer nor its link can be read afterwards."""
    update_external_id(sandbox, LINK)
    sandbox.delete_customer("150713")
    assert (get(sandbox, "/customers/v2/Customer/150713").status, sandbox.links[4021]) == (404, {})


def test_a_subscription_has_an_id_a_name_and_settings(sandbox: Sandbox) -> None:
    """The settings carry the throttle."""
    subscription = json.loads(get(sandbox, "/subscriptions/v2/Subscription/4021").content)
    assert (subscription["id"], subscription["settings"]["API Throttle Limit"]) == (4021, "500")
    assert subscription["name"]


@pytest.mark.parametrize("external_ids", ["x", 5, [None, "x", {"system_id": "x"}, {"system_id": 4021}]])
def test_odd_external_ids_of_a_customer_make_no_link(sandbox: Sandbox, external_ids: object) -> None:
    """Only an entry with a system and an external id is a link."""
    sandbox.patch_customer("150713", {"external_ids": external_ids})
    assert sandbox.links == {4021: {}}


def test_clear_goes_back_to_the_first_customers(sandbox: Sandbox) -> None:
    """Changes, links and the log of calls are gone."""
    update_external_id(sandbox, LINK)
    sandbox.put_customer({"id": "2"})
    sandbox.clear()
    assert sandbox.customers == {"150713": {"id": "150713", "email_address": "zoe@example.com"}}
    assert (sandbox.links, sandbox.calls) == ({4021: {}}, [])


def test_the_log_names_the_customer_of_a_call(sandbox: Sandbox) -> None:
    """The id is taken from the path, or from the body of the call that records a link."""
    get(sandbox, "/customers/v2/Customer/150713")
    get(sandbox, LOOK_UP)
    update_external_id(sandbox, LINK)
    get(sandbox, "/customers/v2/Customers")
    assert [call.customer_id for call in sandbox.calls] == ["150713", "150713", "150713", None]
    assert [call.status for call in sandbox.calls] == [200, 404, 200, 200]


def test_customers_without_a_link_can_come_in_pages() -> None:
    """Whether they do is unknown; without pages, all are in one answer."""
    source = Source([4021], page_size=2, are_missing_paged=True)
    for number in range(1, 6):
        source.put({"id": str(number)})
    api, path = IPaaSApi(source, "sandbox-token"), "/customers/v2/External/Missing/4021/customer"
    first = api.answer(Request("GET", path, {}, AUTHORIZATION))
    last = api.answer(Request("GET", path, {"pageNumber": "3"}, AUTHORIZATION))
    assert (first.value, last.value) == (["1", "2"], ["5"])
    assert json.loads(last.headers["X-Pagination"]) == {"current_Page": 3, "total_Pages": 3}


def test_customers_are_found_by_their_address(sandbox: Sandbox) -> None:
    """All of them, in any case, as a page of the list (contract: `action=equals`)."""
    sandbox.put_customer({"id": "150714", "email_address": "Zoe@Example.com"})
    sandbox.put_customer({"id": "150715", "email_address": None})
    sandbox.put_customer({"id": "150716", "email_address": "zoe+news@example.com"})
    answer = get(sandbox, "/customers/v2/Customers", action="equals", EmailAddress="zoe@example.com")
    assert [each["id"] for each in answer.value] == ["150713", "150714"]  # type: ignore[attr-defined] # a list
    assert json.loads(answer.headers["X-Pagination"]) == {"current_Page": 1, "total_Pages": 1}
    assert get(sandbox, "/customers/v2/Customers", action="equals", EmailAddress="max@example.com").value == []


@pytest.mark.parametrize("query", [{"action": "contains", "EmailAddress": "zoe"}, {"action": "equals"}])
def test_another_search_is_refused(sandbox: Sandbox, query: dict[str, str]) -> None:
    """It is never answered with all customers."""
    assert get(sandbox, "/customers/v2/Customers", **query).status == 400
