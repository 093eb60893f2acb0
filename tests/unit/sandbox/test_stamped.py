"""Stamped.io in the sandbox: one store of customers, unique by e-mail address."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from worker.sandbox.messages import Answer, Request
from worker.sandbox.server import Sandbox

if TYPE_CHECKING:
    from worker.sandbox.deviations import Deviation

AUTHORIZATION = f"Basic {b64encode(b'sandbox-public:sandbox-private').decode()}"
ADD = "dashboard/customers/add"


@pytest.fixture
def sandbox() -> Sandbox:
    """An empty store."""
    return Sandbox()


def get(sandbox: Sandbox, path: str, **query: str) -> Answer:
    """Read with the right keys."""
    return sandbox.answer(Request("GET", f"/api/v2/270392/{path}", query, AUTHORIZATION))


def post(sandbox: Sandbox, path: str, **body: object) -> Answer:
    """Write with the right keys."""
    return sandbox.answer(Request("POST", f"/api/v2/270392/{path}", {}, AUTHORIZATION, json.dumps(body).encode()))


def test_a_new_customer_gets_an_id_and_starts_subscribed(sandbox: Sandbox) -> None:
    """Ids are numbers from 143491 on; fields that were not sent are null."""
    customer = json.loads(post(sandbox, ADD, email="zoe@example.com", firstName="Zoë", unknown=1).content)
    assert (customer["id"], customer["email"], customer["firstName"]) == (143491, "zoe@example.com", "Zoë")
    assert (customer["isSubscribed"], customer["notes"]) == (True, None)
    assert "unknown" not in customer
    assert customer["dateCreated"] <= customer["dateUpdated"]


@pytest.mark.parametrize("email", ["zoe@example.com", "ZOE@Example.COM", "  zoe@example.com "])
def test_a_known_address_updates_its_customer(sandbox: Sandbox, email: str) -> None:
    """Addresses are compared without case and surrounding blanks; what is not sent stays."""
    post(sandbox, ADD, email="zoe@example.com", firstName="Zoë", notes="kept")
    post(sandbox, ADD, email=email, firstName="Zoe")
    (customer,) = sandbox.stamped_customers.values()
    assert (customer["id"], customer["firstName"], customer["notes"]) == (143491, "Zoe", "kept")


@pytest.mark.parametrize("email", [None, "", "  ", 5])
def test_a_customer_without_an_address_is_refused(sandbox: Sandbox, email: object) -> None:
    """A create without an e-mail address is answered 422 with a message."""
    answer = post(sandbox, ADD, email=email, firstName="Zoë")
    assert (answer.status, answer.value) == (422, {"message": "The email field is required."})
    assert sandbox.stamped_customers == {}


def test_an_update_changes_the_fields_sent_and_no_others(sandbox: Sandbox) -> None:
    """The id, the address and the subscription stay."""
    post(sandbox, ADD, email="zoe@example.com", firstName="Zoë", lastName="Carter")
    post(sandbox, "dashboard/customers/143491", lastName="Brown")
    customer = sandbox.stamped_customers["143491"]
    assert (customer["email"], customer["firstName"], customer["lastName"]) == ("zoe@example.com", "Zoë", "Brown")


def test_an_update_can_change_the_address(sandbox: Sandbox) -> None:
    """The customer is known by the new address and no longer by the old one."""
    post(sandbox, ADD, email="old@example.com")
    post(sandbox, "dashboard/customers/143491", email="new@example.com")
    assert post(sandbox, "survey/subscribe", email="old@example.com").status == 404
    assert post(sandbox, "survey/subscribe", email="new@example.com").status == 200


@pytest.mark.parametrize("email", ["", None, "TAKEN@example.com"])
def test_an_update_to_no_address_or_a_taken_one_is_refused(sandbox: Sandbox, email: object) -> None:
    """The customer stays as it was."""
    post(sandbox, ADD, email="zoe@example.com")
    post(sandbox, ADD, email="taken@example.com")
    assert post(sandbox, "dashboard/customers/143491", email=email).status == 422
    assert sandbox.stamped_customers["143491"]["email"] == "zoe@example.com"


def test_an_unknown_customer_is_neither_updated_nor_read(sandbox: Sandbox) -> None:
    """Both are answered 404."""
    assert post(sandbox, "dashboard/customers/1", email="zoe@example.com").status == 404
    assert get(sandbox, "dashboard/customers/1").status == 404


def test_one_customer_is_read_by_its_id(sandbox: Sandbox) -> None:
    """The answer is the customer, flat."""
    post(sandbox, ADD, email="zoe@example.com")
    assert get(sandbox, "dashboard/customers/143491").value == sandbox.stamped_customers["143491"]


def test_a_search_finds_every_address_that_contains_the_text(sandbox: Sandbox) -> None:
    """It is up to the caller to take the exact match."""
    for email in ("zoe@example.com", "chloe.zoe@example.com", "max@example.com"):
        post(sandbox, ADD, email=email)
    found = json.loads(get(sandbox, "dashboard/customers", search="ZOE@example.com", page="1").content)
    assert [entry["customer"]["id"] for entry in found["results"]] == [143491, 143492]


def test_a_search_comes_in_pages(sandbox: Sandbox) -> None:
    """The 51st customer is alone on the second page."""
    for number in range(51):
        post(sandbox, ADD, email=f"{number}@example.com")
    found = json.loads(get(sandbox, "dashboard/customers", page="2").content)
    assert [entry["customer"]["email"] for entry in found["results"]] == ["50@example.com"]


def test_a_page_that_is_no_number_is_refused(sandbox: Sandbox) -> None:
    """Pages count from 1."""
    assert get(sandbox, "dashboard/customers", page="0").status == 400


def test_the_subscription_is_set_by_address(sandbox: Sandbox) -> None:
    """Unsubscribe and subscribe show in the customer."""
    post(sandbox, ADD, email="zoe@example.com")
    post(sandbox, "survey/unsubscribe", email=" Zoe@example.com")
    after_unsubscribe = sandbox.stamped_customers["143491"]["isSubscribed"]
    post(sandbox, "survey/subscribe", email="zoe@example.com")
    assert (after_unsubscribe, sandbox.stamped_customers["143491"]["isSubscribed"]) == (False, True)


def test_a_subscription_of_an_unknown_address_is_answered_404_with_the_address(sandbox: Sandbox) -> None:
    """Like a real API, the message may repeat personal data, which the worker must mask."""
    answer = post(sandbox, "survey/subscribe", email="nobody@example.com")
    assert answer.status == 404
    assert b"nobody@example.com" in answer.content


@pytest.mark.parametrize("body", [{}, {"email": None}, {"email": " "}, {"email": 5}])
def test_a_subscription_without_an_address_is_refused(sandbox: Sandbox, body: dict[str, object]) -> None:
    """It is answered 400."""
    assert post(sandbox, "survey/unsubscribe", **body).status == 400


@pytest.mark.parametrize("path", [ADD, "dashboard/customers/143491", "survey/subscribe"])
@pytest.mark.parametrize("body", [b"", b"[1]", b"email=zoe"])
def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, path: str, body: bytes) -> None:
    """Only a JSON object is taken."""
    assert sandbox.answer(Request("POST", f"/api/v2/270392/{path}", {}, AUTHORIZATION, body)).status == 400


def test_wrong_keys_are_refused(sandbox: Sandbox) -> None:
    """They are answered 401, whatever the store hash."""
    request = Request("GET", "/api/v2/1/dashboard/customers", {}, "Basic d3Jvbmc6a2V5cw==")
    assert sandbox.answer(request).status == 401


@pytest.mark.parametrize("path", ["/api/v2/1/dashboard/customers", "/api/v2/270392/dashboard", "/api/v1/x", "/api/"])
def test_another_store_hash_or_path_is_answered_404(sandbox: Sandbox, path: str) -> None:
    """The keys are right, but there is nothing."""
    answer = sandbox.answer(Request("GET", path, {}, AUTHORIZATION))
    assert answer.status == 404
    assert "message" in json.loads(answer.content)


def test_a_removed_customer_is_created_anew_with_another_id(sandbox: Sandbox) -> None:
    """Ids are never used twice."""
    post(sandbox, ADD, email="zoe@example.com")
    sandbox.delete_stamped_customer("143491")
    post(sandbox, ADD, email="zoe@example.com")
    assert list(sandbox.stamped_customers) == ["143492"]


def test_the_log_names_the_customer_that_was_written(sandbox: Sandbox) -> None:
    """A create and a subscription show the id that their effect made known."""
    post(sandbox, ADD, email="zoe@example.com")
    post(sandbox, "survey/subscribe", email="zoe@example.com")
    get(sandbox, "dashboard/customers/1")
    assert [(call.api, call.customer_id) for call in sandbox.calls] == [
        ("stamped", "143491"),
        ("stamped", "143491"),
        ("stamped", "1"),
    ]


# What the real one may do otherwise -----------------------------------------------------------------------------------


def test_a_write_may_take_other_names(sandbox: Sandbox) -> None:
    """Those that are assumed are passed over then."""
    sandbox.deviate("other-names")
    post(sandbox, ADD, email="zoe@example.com", firstName="Zoë", last_name="Müller")
    (customer,) = sandbox.stamped_customers.values()
    assert (customer["firstName"], customer["lastName"]) == (None, "Müller")


def test_an_update_may_empty_what_it_is_not_sent(sandbox: Sandbox) -> None:
    """Or change nothing at all."""
    post(sandbox, ADD, email="zoe@example.com", firstName="Zoë", notes="tea")
    sandbox.deviate("whole-update")
    changed = post(sandbox, "dashboard/customers/143491", email="zoe@example.com", firstName="Zoe").value
    sandbox.deviate("update-ignored")
    kept = post(sandbox, "dashboard/customers/143491", firstName="Z").value
    assert isinstance(changed, dict)
    assert isinstance(kept, dict)
    assert (changed["firstName"], changed["notes"], kept["firstName"]) == ("Zoe", None, "Zoe")


@pytest.mark.parametrize(
    ("deviation", "status", "names"),
    [
        ("duplicate-made", 200, ["Zoë", "Zoe"]),
        ("duplicate-refused", 409, ["Zoë"]),
        ("duplicate-unchanged", 200, ["Zoë"]),
    ],
)
def test_a_known_address_may_be_met_otherwise(
    sandbox: Sandbox, deviation: Deviation, status: int, names: list[str]
) -> None:
    """By another customer, a refusal, or nothing."""
    post(sandbox, ADD, email="zoe@example.com", firstName="Zoë")
    sandbox.deviate(deviation)
    assert post(sandbox, ADD, email="zoe@example.com", firstName="Zoe").status == status
    assert [each["firstName"] for each in sandbox.stamped_customers.values()] == names


@pytest.mark.parametrize(
    ("deviation", "pages"),
    [
        ("search-ignored", [400, 1, 0]),
        ("page-from-zero", [0, 0, 0]),
        ("page-ignored", [400, 0, 0]),
        ("page-zero-fails", [500, 0, 0]),
        ("nobody-is-missing", [400, 404, 404]),
    ],
)
def test_a_list_may_be_searched_and_paged_otherwise(sandbox: Sandbox, deviation: Deviation, pages: list[int]) -> None:
    """For nobody's address, on the pages 0, 1 and 2: how many there are, or the status of a refusal."""
    post(sandbox, ADD, email="zoe@example.com")
    sandbox.deviate(deviation)
    answers = [get(sandbox, "dashboard/customers", search="nobody@example.com", page=str(page)) for page in range(3)]
    assert [len(each.value["results"]) if each.is_success else each.status for each in answers] == pages  # type: ignore[index]


def test_pages_may_count_from_zero(sandbox: Sandbox) -> None:
    """The first page is page 0 then."""
    post(sandbox, ADD, email="zoe@example.com")
    sandbox.deviate("page-from-zero")
    answers = [get(sandbox, "dashboard/customers", search="zoe@example.com", page=str(page)) for page in range(2)]
    assert [len(each.value["results"]) for each in answers] == [1, 0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("deviation", "shown"),
    [("search-by-name", []), ("list-without-emails", [None]), ("list-masks-emails", ["z***@example.com"])],
)
def test_a_list_may_not_show_who_has_an_address(
    sandbox: Sandbox, deviation: Deviation, shown: list[str | None]
) -> None:
    """Somebody has it all the same."""
    post(sandbox, ADD, email="zoe@example.com")
    sandbox.deviate(deviation)
    found = get(sandbox, "dashboard/customers", search="zoe@example.com", page="1").value
    assert [each["customer"].get("email") for each in found["results"]] == shown  # type: ignore[index]


def test_a_survey_call_may_take_another_name_or_do_nothing(sandbox: Sandbox) -> None:
    """And it keeps to what is assumed again once that is asked for."""
    post(sandbox, ADD, email="zoe@example.com")
    sandbox.deviate("survey-by-customer-email")
    assert post(sandbox, "survey/unsubscribe", email="zoe@example.com").status == 400
    sandbox.deviate("survey-ignored")
    assert post(sandbox, "survey/unsubscribe", email="zoe@example.com").status == 200
    assert sandbox.stamped_customers["143491"]["isSubscribed"] is True
    sandbox.deviate()
    post(sandbox, "survey/unsubscribe", email="zoe@example.com")
    assert sandbox.stamped_customers["143491"]["isSubscribed"] is False
