"""What an answer means: a row for each shape, and never an exception."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.http.answers import Answer, Exchange, read
from worker.jobs.intents import Intent, Trouble

ACCEPTED, NOT_YET, CUSTOMERS = (Intent.ACCEPTED, None), (Intent.NOT_YET, None), (Intent.CUSTOMERS, None)
CREDENTIALS, LIMITED = (Intent.STORES, Trouble.CREDENTIALS), (Intent.STORES, Trouble.LIMITED)
UNAVAILABLE, UNREADABLE = (Intent.STORES, Trouble.UNAVAILABLE), (Intent.STORES, Trouble.UNREADABLE)
SYSTEM = (Intent.STORES, Trouble.SYSTEM)

PAGE = b"<html><title>Down for maintenance</title></html>"
ZOE = {"id": 143491, "email": "zoe@example.com", "firstName": "Zo\u00eb", "isSubscribed": True}
CUSTOMER = {"id": "8", "email_address": "zoe@example.com", "comment": "see VALD-1001", "custom_fields": []}


def answer(body: object, status: int = 200, reason: str = "", **headers: str) -> Answer:
    """What an answer with this body means; bytes are sent as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return read(Exchange(status, content, named, reason), has_codes=True)


def meaning(body: object, status: int = 200, reason: str = "", **headers: str) -> tuple[Intent, Trouble | None]:
    """Its intent and its trouble."""
    found = answer(body, status, reason, **headers)
    return found.intent, found.trouble


@pytest.mark.parametrize(("status", "words"), [(200, ""), (202, "note: later"), (206, "note: later")])
def test_words_are_kept_of_whatever_is_not_done(status: int, words: str) -> None:
    """Of a plain object, too: only of what is done nobody needs them."""
    assert answer({"note": "later"}, status).words == words


# By status -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, ACCEPTED) for status in (200, 201, 203, 204, 299)),
        (202, NOT_YET),
        (206, UNREADABLE),
        *((status, UNREADABLE) for status in (100, 101, 199, 300, 301, 302, 303, 304, 307, 308, 399, 600, 700, 999)),
        *((status, CREDENTIALS) for status in (401, 403)),
        (429, LIMITED),
        *((status, CUSTOMERS) for status in (400, 404, 409, 410, 412, 413, 414, 422, 423, 424, 428, 431)),
        *((status, UNAVAILABLE) for status in (402, 405, 406, 407, 408, 415, 418, 421, 425, 426, 451, 499)),
        *((status, UNAVAILABLE) for status in (500, 501, 502, 503, 504, *range(520, 531), 599)),
    ],
)
def test_status_of_a_json_answer_says_what_it_means(status: int, expected: tuple[Intent, Trouble | None]) -> None:
    """One record's own fault, or what would meet any customer."""
    assert meaning({"message": "no"}, status) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, ACCEPTED) for status in (200, 201, 204)),
        (202, NOT_YET),
        *((status, UNREADABLE) for status in (302, 400, 409, 412, 413, 414, 422, 423, 424, 428, 431)),
        *((status, CUSTOMERS) for status in (404, 410)),
        *((status, CREDENTIALS) for status in (401, 403)),
        (429, LIMITED),
        *((status, UNAVAILABLE) for status in (405, 408, 500, 503, 522)),
    ],
)
def test_answer_without_a_body_says_less(status: int, expected: tuple[Intent, Trouble | None]) -> None:
    """A refusal without words can be anybody's; that nothing is there needs none."""
    assert meaning(b"", status) == expected


@pytest.mark.parametrize("status", [200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 422, 500, 503, 522])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PAGE, "text/html"),
        (PAGE, "application/json"),
        (b"Please sign in", "text/html"),
        (b'{"message": "cut', "application/json"),
        (b'{"name": "Jos\xe9"}', "application/json"),
        (b'{"customer_number": 1e99999999999999999999', "application/json"),
        (b"{}", "application/json; charset=klingon"),
    ],
)
def test_page_or_unreadable_body_is_the_stores_whatever_its_status(status: int, body: bytes, content_type: str) -> None:
    """A proxy's 404 says nothing of a customer, and its 403 nothing of a key."""
    assert meaning(body, status, Content_Type=content_type) == UNREADABLE


@pytest.mark.parametrize("body", [PAGE, b"cut {", {"code": "VALD-1001"}, b""])
def test_limit_is_a_limit_whatever_comes_with_it(body: object) -> None:
    """Cloudflare answers 429 with a page."""
    assert meaning(body, 429) == LIMITED


@pytest.mark.parametrize(
    "body", [b"default backend - 404", b"404 page not found", b"Not Found", b"no healthy upstream", b"Down", b"OK"]
)
@pytest.mark.parametrize("status", [200, 201, 400, 404, 409, 410, 422])
def test_plain_text_is_no_word_of_the_api_on_a_record(status: int, body: bytes) -> None:
    """A gateway in front of an API that is away answers so."""
    found = answer(body, status, Content_Type="text/plain")
    assert (found.intent, found.trouble) == UNREADABLE
    assert (found.is_missing, found.words) == (False, body.decode())


def test_call_that_is_answered_with_a_text_takes_one() -> None:
    """Of a success alone."""
    read_text = partial(read, takes_text=True)
    assert read_text(Exchange(200, b"DELETED:143491")).body == "DELETED:143491"
    assert read_text(Exchange(404, b"default backend - 404")).trouble is Trouble.UNREADABLE


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("body", [{"message": "no"}, b""])
def test_record_that_is_not_there_is_missing(status: int, body: object) -> None:
    """By a JSON answer, or one without a body."""
    assert answer(body, status).is_missing
    assert not answer(body, 400).is_missing


def test_nothing_that_is_missing_names_the_whole_api_where_no_record_was_asked_for() -> None:
    """A create that is answered 404 has the wrong address, and every other create would too; a code knows better."""
    for body in ({"message": "There is no such store."}, b""):
        found = answer(body, 404).of_no_record
        assert (found.intent, found.trouble) == UNAVAILABLE
    assert answer(ZOE).of_no_record.is_accepted
    assert answer({"code": "NFND-1005"}, 404).of_no_record.is_missing


@pytest.mark.parametrize(
    ("exchange", "trouble"),
    [
        (Exchange(fault="host: no answer in time", trouble=Trouble.SILENT), Trouble.SILENT),
        (Exchange(fault="host cannot be resolved", trouble=Trouble.UNRESOLVED), Trouble.UNRESOLVED),
        (Exchange(200, fault="host answered more than 16 MB", trouble=Trouble.UNREADABLE), Trouble.UNREADABLE),
        (Exchange(), Trouble.SILENT),
    ],
)
def test_no_answer_is_the_stores(exchange: Exchange, trouble: Trouble) -> None:
    """In words of ours."""
    found = read(exchange)
    assert (found.intent, found.trouble, found.words) == (Intent.STORES, trouble, exchange.fault)


# By iPaaS.com's codes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((f"AUTH-{number}", CREDENTIALS) for number in (1001, 1002, 1003, 1004)),
        ("AUTZ-1001", CREDENTIALS),
        ("VALD-1001", CUSTOMERS),
        ("VALD-1017", SYSTEM),
        ("VALD-1023", SYSTEM),
        ("BIZL-2001", CUSTOMERS),
        ("NFND-1005", CUSTOMERS),
        ("INTL-1000", UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("status", [200, 202, 400, 404, 409, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"code": "{}", "message": "no"},
        {"error_code": "{}"},
        {"errorCode": "{}", "title": "no"},
        {"message": "{} no"},
        {"message": "no ({})"},
        {"Message": "{} no"},
        {"Error_Code": "{}"},
        {"error": {"code": "{}", "message": "no"}},
        {"errors": [{"code": "{}"}]},
        {"data": {"error": {"code": "{}"}}},
        [{"code": "{}", "message": "no"}],
        "{}: no",
    ],
)
def test_code_means_the_same_wherever_it_stands(
    code: str, status: int, body: object, expected: tuple[Intent, Trouble | None]
) -> None:
    """Whatever the status says; it is kept and shown."""
    found = answer(json.loads(json.dumps(body).replace("{}", code)), status)
    assert (found.intent, found.trouble) == expected
    assert (found.code, code in found.words) == (code, True)
    assert found.is_missing is code.startswith("NFND")


def test_code_is_read_in_the_reason_phrase_and_in_a_deep_body() -> None:
    """First-party code reads the reason phrase too; an error may hold its code anywhere."""
    assert answer(b"", 500, reason="INTL-1000 Try again").code == "INTL-1000"
    assert meaning({"problem": {"inner": {"id": "auth-1001"}}}, 400) == CREDENTIALS
    assert meaning({"reason": "INTL-1000: boom"}, 400) == UNAVAILABLE
    assert meaning(["INTL-1000: boom"], 400) == UNAVAILABLE
    assert meaning({"innerException": {"text": "INTL-1000"}}, 400) == UNAVAILABLE
    assert meaning({"success": False, "reason": "INTL-1000: boom"}) == UNAVAILABLE
    assert meaning({"errorMessage": "AUTH-1001: token expired"}) == CREDENTIALS
    assert answer({"message": "no"}, 400, reason="VALD-1001").words == "VALD-1001: no"


@pytest.mark.parametrize("comment", ["said AUTH-1001", "AUTH-1001 was said", "AUTH-1"])
def test_code_in_a_record_that_a_refusal_repeats_is_none(comment: str) -> None:
    """One customer's comment holds no store."""
    body = {"message": "locked", "record": {"comment": comment}}
    assert (meaning(body, 422), answer(body, 422).code) == (CUSTOMERS, "")


@pytest.mark.parametrize("body", [CUSTOMER, [CUSTOMER], {"data": [CUSTOMER]}, "143491", {"comment": "AUTH-1001"}])
def test_code_in_a_record_is_no_error(body: object) -> None:
    """A customer's comment can hold anything."""
    found = answer(body)
    assert (found.intent, found.code) == (Intent.ACCEPTED, "")


def test_codes_are_iPaaS_coms_alone() -> None:  # noqa: N802 - the name of the API
    """Stamped.io may repeat a customer's comment."""
    found = read(Exchange(422, b'{"message": "INTL-1000 is not allowed in notes"}'))
    assert (found.intent, found.code) == (Intent.CUSTOMERS, "")


# A refusal inside a success ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"success": False, "message": "try again"}, CUSTOMERS),
        ({"success": False}, CUSTOMERS),
        ({"success": "false", "message": "no"}, CUSTOMERS),
        ({"success": 0}, CUSTOMERS),
        ({"ok": False, "error": "no"}, CUSTOMERS),
        ({"isSuccess": False}, CUSTOMERS),
        ({"Success": False, "Message": "try again"}, CUSTOMERS),
        ({"is_success": "failed"}, CUSTOMERS),
        ({"result": False}, CUSTOMERS),
        ({"status": False}, CUSTOMERS),
        (False, CUSTOMERS),
        ("error: try again", CUSTOMERS),
        ({"isError": True, "message": "no"}, CUSTOMERS),
        ({"hasErrors": "true"}, CUSTOMERS),
        ({"failed": 1}, CUSTOMERS),
        ({"failed": ["zoe"]}, CUSTOMERS),
        ({"Errors": ["x"]}, CUSTOMERS),
        ({"errorCode": "E17"}, CUSTOMERS),
        ({"status": "rejected"}, CUSTOMERS),
        ({"outcome": "Failure: no"}, CUSTOMERS),
        ({"status": "422 Unprocessable Entity"}, CUSTOMERS),
        ({"Data": {"StatusCode": 503}}, UNAVAILABLE),
        ([{"id": 1, "success": False}], CUSTOMERS),
        ({"results": [{"success": True}, {"success": False}]}, CUSTOMERS),
        ({"data": {"results": [{"email": "zoe@example.com", "error": "no"}]}}, CUSTOMERS),
        ('{"success": false}', CUSTOMERS),
        (["Invalid e-mail"], CUSTOMERS),
        ([{"code": "invalid", "message": "bad"}], CUSTOMERS),
        ({"success": "not now"}, CUSTOMERS),
        ({"results": [{"email": "zoe@example.com", "status": "error"}]}, CUSTOMERS),
        ({"results": [{"statusCode": 503}]}, UNAVAILABLE),
        ({"id": "x1", "email": "zoe@example.com", "status": "failed"}, CUSTOMERS),
        ({"data": False}, CUSTOMERS),
        ([False], CUSTOMERS),
        (["error"], CUSTOMERS),
        ("Unauthorized", CUSTOMERS),
        ({"status": "not found"}, CUSTOMERS),
        ({"status": "cancelled"}, CUSTOMERS),
        ({"validationErrors": ["no"]}, CUSTOMERS),
        ({"httpStatusCode": 422}, CUSTOMERS),
        (b'{"status": 400.0}', CUSTOMERS),
        ({"message": "Failed to unsubscribe"}, CUSTOMERS),
        ({"meta": {"success": False}}, CUSTOMERS),
        ({"error": {"code": 503, "message": "no"}}, UNAVAILABLE),
        ({"errors": [{"status": "429"}]}, LIMITED),
        ({"succeeded": "No"}, CUSTOMERS),
        ({"data": {"success": False, "message": "no"}}, CUSTOMERS),
        ({"result": {"success": False}}, CUSTOMERS),
        ({"error": "Email is taken"}, CUSTOMERS),
        ({"error": {"message": "no"}}, CUSTOMERS),
        ({"errors": ["Email is taken"]}, CUSTOMERS),
        ({"errors": {"email": ["is taken"]}}, CUSTOMERS),
        ({"errorMessage": "no"}, CUSTOMERS),
        ({"status": "error", "message": "no"}, CUSTOMERS),
        ({"status": "Failed"}, CUSTOMERS),
        ([{"success": False, "message": "no"}], CUSTOMERS),
        ({**ZOE, "success": False, "message": "no"}, CUSTOMERS),
        ({"customer": ZOE, "errors": ["Notes are too long"]}, CUSTOMERS),
        ({"success": False, "statusCode": 401}, CREDENTIALS),
        ({"status": 403, "message": "no"}, CREDENTIALS),
        ({"status": "503", "message": "no"}, UNAVAILABLE),
        ({"error": {"message": "no"}, "code": 429}, LIMITED),
        ({"status_code": 404}, CUSTOMERS),
        ({"httpStatus": 422}, CUSTOMERS),
        ({"status": "queued", "id": 7}, NOT_YET),
        ({"data": {"state": "in progress"}}, NOT_YET),
        ({"id": 7, "message": "Queued for later"}, NOT_YET),
    ],
)
def test_refusal_inside_a_success_is_one(body: object, expected: tuple[Intent, Trouble | None]) -> None:
    """By a flag, a list of errors, or the status that the answer should have had."""
    assert meaning(body) == expected
    assert meaning(body, 201) == expected


@pytest.mark.parametrize(
    "body",
    [
        *(ZOE, [ZOE], {"customer": ZOE}, {"results": [{"customer": ZOE}]}, "OK", None, {}, [], True, 7),
        {**ZOE, "success": True, "errors": [], "error": None},
        {"success": True, "message": "Customer updated"},
        {"success": "true", "errors": {}, "errorMessage": ""},
        {"errors": {"email": []}, "error": False},
        {"status": "success"},
        {"status": 200, "data": ZOE},
        {"code": 0, "error": "none"},
        {"isError": False, "errorCode": 0, "failed": 0, "failures": []},
        {"results": [{"success": True, "status": "pending"}, ZOE]},
        {"result": True, "status": 0, "errorCode": "OK"},
        {"message": "No problem", "state": "noted"},
        {"success": "OK", "meta": {"page": 1}, "code": "SUCCESS"},
        {"success": None},
        [{"id": 2, "email": "x@example.com", "error": "bounced"}, ZOE],
        {"results": [{"id": 2, "email": "x@example.com", "failed": 2}]},
        [{**CUSTOMER, "ok": False}],
        {"customerId": 5, "email": "x@example.com", "state": "NO"},
        {"id": 5, "state": "NO", "firstName": "A"},
        {"id": 4021, "name": "Acme", "status": "Pending", "settings": {}},
        {"id": "8", "first_name": "A", "status": "Invalid"},
        {"success": "You have been subscribed"},
        {"success": "200"},
        {"success": True, "code": "0"},
        {"code": "0", "message": "ok", "errorCode": "00", "errorMessage": "N/A"},
        {"errors": 0.0},
        {"error": "No errors"},
        *("No problem", "NO-143", "invalid-1", "0-1"),
        {"status": "No problem"},
        {"success": True, "message": "Processing complete"},
        ["150713", "150714"],
        {**ZOE, "status": "failed"},
        {"message": "The error was corrected"},
    ],
)
def test_success_stays_one(body: object) -> None:
    """Empty errors are none; what a customer's record says of the customer is no word on the call."""
    assert meaning(body) == ACCEPTED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": 503, "message": "no"}}, UNAVAILABLE),
        ({"errors": [{"status": "429"}]}, LIMITED),
        ({"error": {"code": 422, "message": "no"}}, CUSTOMERS),
        ({"error": "503 is no e-mail address"}, CUSTOMERS),
        ({"status": 503, "message": "up"}, UNAVAILABLE),
        ({"statusCode": 401, "message": "Unauthorized"}, CREDENTIALS),
        ({"errors": [{"code": 499, "message": "name too long"}]}, CUSTOMERS),
        ({"error": {"code": 402}}, CUSTOMERS),
    ],
)
def test_gateway_that_passes_an_error_on_names_its_status(
    body: object, expected: tuple[Intent, Trouble | None]
) -> None:
    """Of a 503 that comes as a 400 nobody's record is the cause."""
    assert meaning(body, 400) == expected


def test_refusal_keeps_the_apis_words() -> None:
    """Whoever reads the failure reads them."""
    assert answer({"success": False, "message": "try again"}).words == "try again"
    assert answer({"success": False}).words == "success: False"
    assert answer(ZOE).words == ""


# Its words, its wishes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ({"message": "Email is taken"}, "Unprocessable", "Email is taken"),
        (b"", "Email is taken", "Email is taken"),
        ({"code": "VALD-1001", "message": "Email is taken"}, "", "VALD-1001: Email is taken"),
        ({"code": "VALD-1001"}, "", "code: VALD-1001"),
        (
            {"code": "VALD-1001", "message": "no", "help_link": "https://help.ipaas.com/1001"},
            "",
            "VALD-1001: no (https://help.ipaas.com/1001)",
        ),
        ({"message": "<b>Email</b> is taken"}, "", "<b>Email</b> is taken"),
        ({"message": "x" * 1000}, "", "x" * 1000),
    ],
)
def test_words_have_code_message_and_help(body: object, reason: str, words: str) -> None:
    """All that an API says, to its end."""
    assert answer(body, 422, reason).words == words


def test_answer_tells_its_retry_after() -> None:
    """By the answer's own date; upper and lower case of the headers are alike."""
    date = {"date": "Wed, 01 Jul 2026 12:00:00 GMT", "retry_after": "Wed, 01 Jul 2026 12:02:00 GMT"}
    assert answer(b"", 429, **date).retry_after == 120
    assert answer(PAGE, 503, Retry_After="7").retry_after == 7
    assert answer(b"", 429).retry_after is None


def test_nothing_of_the_body_shows_in_the_answers_text() -> None:
    """It may show in the trace of an unforeseen error."""
    assert "zoe" not in repr(answer(ZOE)) + repr(answer({"message": "zoe"}, 422)) + repr(Exchange(200, b"zoe"))


# Whatever comes over the wire ----------------------------------------------------------------------------------------

NAMES = ["message", "error", "errors", "title", "detail", "code", "success", "status", "data", "result", "id", "email"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["AUTH-1001", "INTL-1000", "NFND-1005", "false", "queued", "error", "404", "503", "\ud83d"]),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text()), inner, max_size=4)
    ),
    max_leaves=12,
)
CONTENT = st.one_of(
    st.binary(max_size=300),
    ANY_JSON.map(lambda value: json.dumps(value).encode()),
    ANY_JSON.map(lambda value: json.dumps(value).encode("utf-16")),
    st.just(b"[" * 100_000),
    st.just(b'{"error":' * 3000 + b"1" + b"}" * 3000),
    ANY_JSON.map(lambda value: json.dumps([value, 1]).encode().replace(b", 1]", b", 1e99999999999999999999]")),
    ANY_JSON.map(lambda value: json.dumps(json.dumps(value)).encode()),
)
HEADERS = st.dictionaries(
    st.one_of(st.sampled_from(["Content-Type", "Retry-After", "Date"]), st.text(max_size=20)), st.text(max_size=60)
)


def check(found: Answer) -> None:
    """An answer that a job can go by, whatever was read."""
    assert isinstance(found.intent, Intent)
    assert (found.trouble is not None) == (found.intent is Intent.STORES)
    assert isinstance(found.words, str)
    assert found.intent is not Intent.OURS
    assert found.retry_after is None or found.retry_after > 0
    assert found.is_accepted <= (found.status is not None and 200 <= found.status < 300)


@given(status=st.integers(-1, 1100), content=CONTENT, headers=HEADERS, reason=st.text(), has_codes=st.booleans())
def test_reading_an_answer_never_raises(
    status: int, content: bytes, headers: dict[str, str], reason: str, *, has_codes: bool
) -> None:
    """No bytes, status or headers do anything but mean one of the intents."""
    found = read(Exchange(status, content, headers, reason), has_codes=has_codes)
    check(found)
    check(found.of_no_record)
    check(found.unreadable("it is another record"))


@given(value=ANY_JSON)
def test_error_status_is_never_a_success(value: Any) -> None:
    """Nothing that a body says makes one of it."""
    content = json.dumps(value).encode()
    for status in (302, 400, 401, 404, 422, 429, 500, 522):
        assert read(Exchange(status, content), has_codes=True).intent in {Intent.CUSTOMERS, Intent.STORES}
