"""Personal data never stays in an API's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.masking import LONGEST, MASK, masked

ADDRESS = "zoe.mueller+shop@mail.example.co.uk"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"The email {ADDRESS} is taken", f"The email {MASK} is taken"),
        (f"<{ADDRESS}>", f"<{MASK}>"),
        (f"email={ADDRESS}&page=1", f"email={MASK}&page=1"),
        (f"mailto:{ADDRESS}", f"mailto:{MASK}"),
        (f'{{"email":"{ADDRESS}"}}', f'{{"email":"{MASK}"}}'),
        (f"a@b.example,{ADDRESS};c@d.example", f"{MASK},{MASK};{MASK}"),
        ("search=zoe%40example.com", f"search={MASK}"),
        (r"zoe\u0040example.com", MASK),
        ("zoë.müller@bücher.example", MASK),
        ("ZOE@EXAMPLE.COM", MASK),
        ("zoe@localhost", MASK),
        ("zoe@[192.0.2.1]", MASK),
        ('"zoe müller"@example.com', MASK),
        ("nobody is named here", "nobody is named here"),
        ("", ""),
    ],
)
def test_email_addresses_are_masked(text: str, shown: str) -> None:
    """In every form in which an API repeats one."""
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("Name 'Zoë' is invalid", "Zoë", f"Name '{MASK}' is invalid"),
        ("Name 'ZOË' is invalid", "zoë", f"Name '{MASK}' is invalid"),
        ("Name 'Zoë' is invalid", "  Zoë ", f"Name '{MASK}' is invalid"),
        ("Notes: two lines of a comment.", "two\r\nlines  of a\tcomment.", f"Notes: {MASK}"),
        ("Notes: two\nlines", "two lines", f"Notes: {MASK}"),
        ("Anna and Ann", "Ann", f"Anna and {MASK}"),
        ("(a+b)*[c]", "(a+b)*[c]", MASK),
        ("C-713 exists", "C-713", f"{MASK} exists"),
        ("a b c", "b", "a b c"),
        ("an empty value", "", "an empty value"),
    ],
)
def test_values_of_the_customer_are_masked(text: str, value: str, shown: str) -> None:
    """Whole words of what was sent are masked, whatever their case and the white space in them."""
    assert masked(text, [value]) == shown


def test_longer_values_are_masked_first() -> None:
    """A value that is a part of another one does not save the rest of it."""
    assert masked("Zoë Müller-Lüdenscheidt", ["Müller", "Müller-Lüdenscheidt"]) == f"Zoë {MASK}"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("Zoë is invalid", "Zoë Müller", f"{MASK} is invalid"),
        ("no Müller here", "Zoë von Müller", f"no {MASK} here"),
        ("user zoe.m exists", "zoe.m@example.com", f"user {MASK} exists"),
        ("Notes: Prefers tea over cof...", "Prefers tea over coffee", f"Notes: {MASK}..."),
        ("...over coffee at home, no", "Prefers tea over coffee at home", f"...{MASK}, no"),
        ("the value is too long", "the tea is better than the coffee of all cafés", "the value is too long"),
    ],
)
def test_parts_of_a_value_that_tell_are_masked(text: str, value: str, shown: str) -> None:
    """The words of a name, the name in an address and any longer quote, but not the words of a sentence."""
    assert masked(text, [value]) == shown


def test_message_is_one_line_of_bounded_length() -> None:
    """A log line stays a line."""
    text = masked("line\n" * 200)
    assert (len(text), "\n" in text, text.endswith("…")) == (LONGEST + 1, False, True)


def test_nothing_is_cut_off_before_it_is_masked() -> None:
    """A value that begins before the cut and ends behind it is not shown in part."""
    comment = "secret " * 200
    assert "secret" not in masked(f"Notes are too long: {comment}", [comment])


def test_text_of_many_megabytes_takes_no_time() -> None:
    """The work grows with the text and not with its square: this one would take hours."""
    assert masked("x" * 4_000_000) == "x" * LONGEST + "…"
    assert masked("x " * 2_000_000, ["x y " * 200_000]).endswith("…")


LOCAL = st.from_regex(r"[a-z0-9!#$%*+^_`|~.-]{1,20}", fullmatch=True).filter(lambda text: "%40" not in text)
DOMAIN = st.from_regex(r"[a-z0-9-]{1,15}(\.[a-z]{2,6}){1,2}", fullmatch=True)


@given(before=st.text(max_size=20), local=LOCAL, domain=DOMAIN, after=st.text(max_size=20))
def test_no_email_address_gets_through(before: str, local: str, domain: str, after: str) -> None:
    """Whatever stands around it."""
    assert f"{local}@{domain}" not in masked(f"{before}{local}@{domain}{after}")


@given(text=st.text(max_size=200), values=st.lists(st.text(max_size=20), max_size=5))
def test_masking_never_raises_and_never_grows(text: str, values: list[str]) -> None:
    """Any text and any values, in any language."""
    assert len(masked(text, values)) <= LONGEST + 1
