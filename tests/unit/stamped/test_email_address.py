"""E-mail addresses: one spelling for one person, and the rule of mail for two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.jobs.errors import EmailInvalid
from worker.stamped.email_address import CLEAN, cleaned, is_same_mailbox

ZOE = "zoe@example.com"


@pytest.mark.parametrize(
    "text",
    [
        *(ZOE, f" {ZOE}\r\n", f"\u00a0{ZOE}\u3000", f"\ufeff{ZOE}", f"{ZOE}\ufeff", "zo\u200be@example.com"),
        *("zoe@exam\u00adple.com", "zoe\u2060@example.com", "\u202azoe@example.com\u202c", "zoe@example.com\ufe0f"),
        *(
            f"mailto:{ZOE}",
            f"MAILTO: {ZOE}",
            f"mailto:{ZOE}?subject=Hi",
            "mailto:zoe%40example.com",
            f"\u200bmailto:{ZOE}",
            f"mailto://{ZOE}",
        ),
        *("zo\u3164e@example.com", "zo\u2800e@example.com", "zo\u115fe@example.com", "zo\U000e0041e@example.com"),
        *(f"{ZOE}.", "zoe@example\u3002com", "zoe@example\uff0ecom\uff0e"),
    ],
)
def test_one_person_has_one_spelling(text: str) -> None:
    """What nobody sees, and what a link puts in front, is no part of an address."""
    assert cleaned(text) == ZOE


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Zoe@Example.COM", "Zoe@Example.COM"),
        ("zoe.m+shop@mail.example.co.uk", "zoe.m+shop@mail.example.co.uk"),
        ('"zoe m"@example.com', '"zoe m"@example.com'),
        ("zoe@[192.0.2.1]", "zoe@[192.0.2.1]"),
        ("zoe@[IPv6:2001:db8::1]", "zoe@[IPv6:2001:db8::1]"),
        ("zoë@bücher.example", "zoë@bücher.example"),
        ("zoe\u0308@example.com", "zoë@example.com"),
        ("o'neil/x=y@example.com", "o'neil/x=y@example.com"),
        ("", ""),
        ("\u200b \ufeff", ""),
    ],
)
def test_address_is_left_as_it_is(text: str, address: str) -> None:
    """Whatever else an address may hold; composed letters and single ones are one."""
    assert cleaned(text) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("zoe", "there is no @ in it"),
        ("zoe\uff20example.com", "there is no @ in it"),
        ("@example.com", "nothing stands before the @"),
        ("zoe@", "nothing stands behind the @"),
        ("zo e@example.com", "character 3 of it is U+0020 (space)"),
        ("a@example.com; b@example.com", "character 2 of it is U+0040 (commercial at)"),
        ("a@example.com,b", "character 14 of it is U+002C (comma)"),
        ("Zoe <zoe@example.com>", "character 4 of it is U+0020 (space)"),
        ("<zoe@example.com>", "character 1 of it is U+003C (less-than sign)"),
        ("zo\x07e@example.com", "character 3 of it is U+0007 (a control character)"),
        ("zo\ud83de@example.com", "character 3 of it is U+D83D (half a character)"),
        ("zoe@exam\u00a0ple.com", "character 9 of it is U+00A0 (no-break space)"),
        ('zo"e@example.com', "character 3 of it is U+0022 (quotation mark)"),
        ("zo\ue000e@example.com", "character 3 of it is U+E000 (a control character)"),
        ("zo\ufffde@example.com", "character 3 of it is U+FFFD (replacement character)"),
        ("zo\ufffce@example.com", "character 3 of it is U+FFFC (object replacement character)"),
        ("\u212aim@example.com", "character 1 of it is U+212A (kelvin sign)"),
        ("zoe@.", "nothing stands behind the @"),
    ],
)
def test_what_no_address_can_hold_is_named(text: str, words: str) -> None:
    """By its number and place, and nothing else of the address."""
    with pytest.raises(EmailInvalid) as raised:
        cleaned(text)
    assert raised.value.failure.detail == words


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (ZOE, ZOE, True),
        (ZOE, "ZOE@Example.COM", True),
        (ZOE, " zoe@example.com\u200b", True),
        ("zoë@example.com", "zoe\u0308@example.com", True),
        ("zoe@BÜCHER.example", "zoe@bücher.example", True),
        ("zoe@bücher\u3002example.", "zoe@bücher.example", True),
        ("straße@example.com", "strasse@example.com", False),
        ("ZOË@example.com", "zoë@example.com", False),
        ("zoe@straße.example", "zoe@strasse.example", False),
        ("\u017foe@example.com", "soe@example.com", False),
        ("İ@example.com", "i@example.com", False),
        ("\u212aim@example.com", "kim@example.com", False),
        ("zoe@example.com", "zoe@example.org", False),
        ("zoe+a@example.com", "zoe@example.com", False),
        ("z.oe@gmail.com", "zoe@gmail.com", False),
        ("", ZOE, False),
    ],
)
def test_two_mailboxes_are_told_apart(one: str, other: str, is_same: bool) -> None:
    """The domain has no case; of the local part only ASCII letters have one that does not count."""
    assert is_same_mailbox(one, other) is is_same
    assert is_same_mailbox(other, one) is is_same


@given(st.text())
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    """An address that can be sent, or an error that repeats nothing of the text."""
    try:
        address = cleaned(text)
    except EmailInvalid:
        return
    assert address == "" or "@" in address
    assert cleaned(address) == address
    assert address.encode().decode() == address
    assert is_same_mailbox(text, address)


@given(st.from_regex(CLEAN, fullmatch=True))
def test_clean_address_needs_no_cleaning(address: str) -> None:
    """What is taken for clean at first sight is so at the second."""
    assert cleaned(address) == address
