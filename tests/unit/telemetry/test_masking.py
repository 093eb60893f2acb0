"""Personal data never stays in an API's words."""

from __future__ import annotations

import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.telemetry.masking import LONGEST, MASK, masked, without

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


def test_address_of_somebody_else_at_the_same_domain_is_masked_as_a_whole() -> None:
    """The domain is a part of the customer's own address, but what stands before it is a name."""
    assert masked("taken by john.smith@company.example", ["zoe@company.example"]) == f"taken by {MASK}"


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
    text = masked("line\n" * 2000)
    assert (len(text), "\n" in text, text.endswith("…")) == (LONGEST + 1, False, True)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("O&#x27;Neil is bad", "O'Neil", f"{MASK} is bad"),
        ("O&amp;#39;Neil is bad", "O'Neil", f"{MASK} is bad"),
        (r"Zo\u00eb is bad", "Zoë", f"{MASK} is bad"),
        (r"Zo\\u00eb is bad", "Zoë", f"{MASK} is bad"),
        (r"Zo\xc3\xab is bad", "Zoë", f"{MASK} is bad"),
        ("Zo%C3%AB is bad", "Zoë", f"{MASK} is bad"),
        ("Zo%EB is bad", "Zoë", f"{MASK} is bad"),
        ("Zo%25C3%25AB is bad", "Zoë", f"{MASK} is bad"),
        ("Zo=C3=AB is bad", "Zoë", f"{MASK} is bad"),
        ("Zo%u00EB is bad", "Zoë", f"{MASK} is bad"),
        ("=?UTF-8?B?Wm/Dqw==?= is bad", "Zoë", f"{MASK} is bad"),
        ("=?utf-8?q?Zo=C3=AB?= is bad", "Zoë", f"{MASK} is bad"),
        ("=?klingon?q?Zo=C3=AB?= is bad", "Zoë", f"=?klingon?q?{MASK}?= is bad"),
        ("Zo&euml; is bad", "Zoë", f"{MASK} is bad"),
        ("Zoe\u0308 is bad", "Zoë", f"{MASK} is bad"),
        ("Zoë is bad", "Zoe\u0308", f"{MASK} is bad"),
        ("ZOE is bad", "Zoë", f"{MASK} is bad"),
        ("Zo\u200bë is bad", "Zoë", f"{MASK} is bad"),
        ("ZoÃ« is bad", "Zoë", f"{MASK} is bad"),
        ("Zo? is bad", "Zoë", f"{MASK} is bad"),
        ("M\ufffdller is bad", "Müller", f"{MASK} is bad"),
        ("Mueller is bad", "Müller", f"{MASK} is bad"),
        ("customerZoë is bad", "Zoë", f"customer{MASK} is bad"),
        ("user_zoë is bad", "Zoë", f"user_{MASK} is bad"),
        ("zoëmüller is bad", "Zoë Müller", f"{MASK} is bad"),
        ("xmüllerx is bad", "Zoë Müller", f"x{MASK}x is bad"),
        ("STRASSE 5 is bad", "Straße 5", f"{MASK} is bad"),
        ("zoe%2Bshop%40example.com is bad", "zoe+shop@example.com", f"{MASK} is bad"),
        ("Tom is no customer", "Tom", f"{MASK} is no customer"),
    ],
)
def test_value_is_masked_in_whatever_spelling_it_comes_back(text: str, value: str, shown: str) -> None:
    """Escaped once or more, composed or not, garbled, spelt out, or joined to another word."""
    assert masked(text, [value]) == shown


@pytest.mark.parametrize("text", ["half an emoji \ud83d", r"half an emoji \ud83d", "\x1b[31mred", "a\0b", "\udc00"])
def test_words_can_be_written_anywhere(text: str) -> None:
    """As UTF-8, on a terminal, in a log."""
    shown = masked(text)
    assert shown.encode().decode() == shown
    assert shown.isprintable()


def test_nothing_is_cut_off_before_it_is_masked() -> None:
    """A value that begins before the cut and ends behind it is not shown in part."""
    comment = "secret " * 2000
    assert "secret" not in masked(f"Notes are too long: {comment}", [comment])


def test_long_comment_is_masked_in_short_text_and_long() -> None:
    """However often its pieces are alike; compared place by place, this would take minutes."""
    comment = "lorem ipsum dolor sit amet " * 10_000
    assert masked(f"Too long: {comment[:40]}", [comment]) == f"Too long:{MASK}"
    assert masked(f"Too long: {comment[13:]}", [comment]).startswith(f"Too long: {MASK}")


def test_text_of_many_megabytes_takes_no_time() -> None:
    """The work grows with the text and not with its square: this one would take hours."""
    assert masked("x" * 4_000_000) == "x" * LONGEST + "…"
    assert masked("x " * 2_000_000, ["x y " * 200_000]).endswith("…")


@pytest.mark.parametrize("sign", ["\\", "&amp;amp;\\", "%", "%u", "=?", "\\u", "\\x", "=?a?q?", "@", "&#"])
def test_text_of_nothing_but_escapes_takes_little_longer_than_any_other(sign: str) -> None:
    """A look for an escape begins once for a run of signs, not at each of them: it would take 1,000 times as long."""
    length = 16_000
    assert quickest(sign * (length // len(sign))) < 100 * quickest("Zoe is bad" * (length // 10))


def quickest(text: str) -> float:
    """The CPU seconds that masking takes, at best."""
    return min(timeit.repeat(lambda: masked(text, ["Zoe"]), timer=time.process_time, number=1, repeat=5))


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


@pytest.mark.parametrize("value", ["Иван Петров", "山田 太郎", "Анна-Мария", "Иван A", "Ия"])
def test_what_is_left_of_a_name_without_its_letters_masks_nothing(value: str) -> None:
    """A charset that lacks all of them leaves a blank or a hyphen, which stand in every text."""
    text = "HTTP 422: the address-book is full. A name is missing."
    assert masked(text, [value]) == text


SECRET = "sk-3f/9a+77=c1/0123456789abc"


@pytest.mark.parametrize(
    "said",
    [
        "bad key sk-3f/9a+77=c1/0123456789abc",
        "bad key SK-3F%2F9A%2B77%3DC1%2F0123456789ABC.",
        r"bad key sk-3f\/9a+77=c1\/0123456789abc",
        "bad key k-3f/9a+77=c1/012345678",
        "&#115;k-3f/9a+77=c1/0123456789abc",
    ],
)
def test_secret_that_is_repeated_is_masked(said: str) -> None:
    """Whole, escaped, or cut a little; a text without it stays as it is."""
    assert "9a" not in without([SECRET], said).casefold()
    assert without([SECRET], "half an emoji \ud83d = it's the key") == "half an emoji \ud83d = it's the key"
