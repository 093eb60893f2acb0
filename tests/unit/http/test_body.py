"""A body from its bytes to a value, and to an API's own words on an error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.http.body import Body, Unreadable, body_of, header, help_in, words_of

JSON = "application/json"
NAME = '{"name": "José “Zoë”"}'


def read(content: bytes, content_type: str = JSON) -> Any:
    """The value in some bytes of a content type."""
    return body_of(content, {"content-TYPE": content_type}).value


def refused(content: bytes, content_type: str = JSON) -> str:
    """Why some bytes can't be read."""
    with pytest.raises(Unreadable) as raised:
        read(content, content_type)
    return str(raised.value)


# From bytes to a value -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"id": 1}', {"id": 1}),
        (b'\xef\xbb\xbf{"id": 1}', {"id": 1}),
        (b' "143491"\n', "143491"),
        (b"null", None),
        (b"", None),
        (b" \r\n", None),
        (b'{"a": 12345.0}', {"a": Decimal("12345.0")}),
        (b'{"a": 0.00000001, "b": 1.5e-9}', {"a": "0.00000001", "b": "0.0000000015"}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'"half an emoji \\ud83d"', "half an emoji \ud83d"),
    ],
)
def test_body_is_json_or_nothing(content: bytes, value: object) -> None:
    """Numbers keep the digits they were written with; what is no number is no value."""
    assert read(content) == value


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/plain; charset=utf-8", "???"])
def test_text_that_is_no_json_is_a_text(content_type: str) -> None:
    """Whatever type it says it has, unless that is JSON."""
    assert body_of(b"OK", {"Content-Type": content_type}) == Body("OK", is_json=False)
    assert body_of(b"1" * 5000, {"Content-Type": content_type}).value == "1" * 5000


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", JSON),
        ("utf-8", f"{JSON}; charset=utf-8"),
        ("utf-8", f'{JSON}; charset="UTF-8"'),
        ("utf-8-sig", JSON),
        ("utf-16", JSON),
        ("utf-32", JSON),
        ("utf-16", f"{JSON}; charset=utf-16"),
        ("utf-16-le", f"{JSON}; charset=UTF-16LE"),
        ("cp1252", f"{JSON}; charset=windows-1252"),
        ("cp1252", f"{JSON}; charset=ISO-8859-1"),
        ("cp1252", f"{JSON};charset=latin1"),
        ("utf-8-sig", f"{JSON}; charset=iso-8859-1"),
        ("gb18030", f"{JSON}; charset=gb18030"),
    ],
)
def test_charset_is_honoured(encoding: str, content_type: str) -> None:
    """That of a byte order mark, else what the answer says, else UTF-8; who says Latin-1 may mean Windows' quotes."""
    assert read(NAME.encode(encoding), content_type) == json.loads(NAME)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"name": "Jos\xe9"}', JSON),
        (b'{"name": "Jos\xe9"}', f"{JSON}; charset=utf-8"),
        (b'{"name": "Jos\xe9"}', f"{JSON}; charset=ascii"),
        (b'{"name": "Jos\xe9"}', "text/plain"),
        (b"\xff\xfe\x00", JSON),
        (b"{}", f"{JSON}; charset=klingon"),
        (b"{}", f"{JSON}; charset=zlib"),
        (b"{}", f"{JSON}; charset=rot13"),
        (b"{}", f"{JSON}; charset=punycode"),
        (b"{}", f"{JSON}; charset=unicode_escape"),
        (b"{}", f"{JSON}; charset=\x00"),
        (b"{}", f"{JSON}; charset=undefined"),
    ],
)
def test_what_cannot_be_decoded_is_unreadable(content: bytes, content_type: str) -> None:
    """It is never a text with holes, which would be written on."""
    assert "charset" in refused(content, content_type)


@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        (b"<html></html>", "text/html"),
        (b"<html></html>", JSON),
        (b"\n <!DOCTYPE html>", ""),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        (b"Please wait", "text/html; charset=utf-8"),
        (b"<HEAD>", "text/plain"),
    ],
)
def test_web_page_is_unreadable(page: bytes, content_type: str) -> None:
    """Whatever it says it is."""
    assert refused(page, content_type) == "a web page"


def test_web_page_is_told_by_its_title() -> None:
    """A maintenance page is told from a login; a title of pages is not."""
    assert (
        refused(b"<html><title> Down for\n maintenance &amp; more</title>") == "a web page: Down for maintenance & more"
    )
    assert len(refused(b"<html><title>" + b"x" * 400 + b"</title>")) < 200


@pytest.mark.parametrize("content", [b'{"id": 1', b"[1, 2", b'"143491', b"{}{}", b'{"a": 1e}', b"{" * 100_000])
@pytest.mark.parametrize("content_type", [JSON, "", "text/plain", "application/problem+json"])
def test_json_that_is_cut_is_unreadable(content: bytes, content_type: str) -> None:
    """A number or an id could be the beginning of another."""
    assert refused(content, content_type) == "the answer is not JSON, or was cut"


@given(st.binary(max_size=200), st.text(max_size=60))
def test_reading_a_body_never_raises_anything_else(content: bytes, content_type: str) -> None:
    """Whatever bytes of whatever type: a value, or Unreadable, which repeats nothing of them."""
    try:
        body = body_of(content, {"Content-Type": content_type})
    except Unreadable:
        return
    assert isinstance(words_of(body.value), str)


def test_header_is_found_in_any_case() -> None:
    """HTTP's names have none."""
    assert header({"x-pagination": "{}"}, "X-Pagination") == "{}"
    assert header({}, "X-Pagination") == ""


# An API's own words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "Email is taken"}, "Email is taken"),
        ({"error": "Email is taken"}, "Email is taken"),
        ({"errors": ["Email is taken", "Name is long"]}, "Email is taken; Name is long"),
        ({"title": "Bad Request"}, "Bad Request"),
        ({"detail": "Email is taken"}, "Email is taken"),
        ({"message": "", "error": "Email is taken"}, "Email is taken"),
        ({"message": "first", "error": "second", "errors": ["third"]}, "first"),
        ({"error": {"code": "VALD-1001", "message": "Email is taken"}}, "Email is taken"),
        ({"title": "One or more errors", "errors": {"Email": ["is taken", "is long"]}}, "Email: is taken; is long"),
        ([{"message": "Email is taken"}, {"error": "Name is long"}], "Email is taken; Name is long"),
        ({"reason": "Email is taken", "field": "email"}, "reason: Email is taken; field: email"),
        ({"reason": 'He said "hi"\n'}, 'reason: He said "hi"\n'),
        ("Email is taken", "Email is taken"),
        ("<html><body>Zoë</body></html>", "a web page"),
        ("  <!doctype html>", "a web page"),
        ({"message": "<html>Zoë</html>"}, "a web page"),
        ({"message": "<b>Email</b> is taken"}, "<b>Email</b> is taken"),
        ({"message": "<email> is not an address"}, "<email> is not an address"),
        ("< 2 characters", "< 2 characters"),
        ({"message": 42}, "42"),
        (None, ""),
        ("", ""),
        ({}, ""),
        ([], ""),
        (42, "42"),
        (False, "False"),
    ],
)
def test_message_is_found_in_every_shape(body: object, message: str) -> None:
    """Under `message`, `error`, `errors`, `title` or `detail`, else all that the body says, as text and not as JSON."""
    assert words_of(body) == message


def test_message_of_a_deep_body_ends_somewhere() -> None:
    """An error that is nested ten thousand times is cut short."""
    body: Any = "bottom"
    for _ in range(5_000):
        body = {"error": [body]}
    assert words_of(body) == "…"
    for _ in range(5_000):
        body = {"other": body}
    assert words_of(body).endswith("…")


@pytest.mark.parametrize(
    ("body", "link"),
    [
        ({"help_link": "https://help.ipaas.com/VALD-1001"}, "https://help.ipaas.com/VALD-1001"),
        ({"help": "https://help.ipaas.com/VALD-1001"}, "https://help.ipaas.com/VALD-1001"),
        ({"help": "ask somebody"}, ""),
        ({"help": "javascript:alert(1)"}, ""),
        ({"help": 5}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_help_is_a_link(body: object, link: str) -> None:
    """And nothing else."""
    assert help_in(body) == link


ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["message", "error", "errors", "title", "detail"]), inner, max_size=4),
    ),
)


@given(ANY_JSON)
def test_reading_a_message_never_raises(body: object) -> None:
    """Whatever an API says of an error."""
    assert isinstance(words_of(body), str)
    assert isinstance(help_in(body), str)
