"""Ids and e-mail addresses are told apart from whatever is neither."""

from __future__ import annotations

import pytest

from worker.presentation.ids import MOST_EMAILS, Email, Given, LookedUp, checked, dropped_in_words

ZOE, MAX = Email("zoe@example.com", ""), Email("max@example.com", "")


def given(*texts: str) -> list[Given]:
    """Texts at numbered places."""
    return [Given(each, f"line {number}") for number, each in enumerate(texts, start=1)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("zoe@example.com", "zoe@example.com"),
        (" Zoe@Example.COM ", "Zoe@Example.COM"),
        ("zoe+news@example.com", "zoe+news@example.com"),
        ("mailto:zoe@example.com?subject=x", "zoe@example.com"),
        ("mailto:zoe%40example.com", "zoe@example.com"),
        ("\u200bzoe@example.com", "zoe@example.com"),
        ("jürgen@münchen.example", "jürgen@münchen.example"),
        ("zoe@xn--mnchen-3ya.example", "zoe@xn--mnchen-3ya.example"),
        ('"zoe @ home"@example.com', '"zoe @ home"@example.com'),
        ("zoe@[192.0.2.1]", "zoe@[192.0.2.1]"),
    ],
)
def test_address_is_taken_as_it_is_looked_up(text: str, address: str) -> None:
    """Without what people type around it."""
    found = checked(given(text))
    assert (found.entries, found.faults) == ([Email(address, "")], [])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zoe@", "nothing stands behind the @"),
        ("@zoe", "nothing stands before the @"),
        ("zoe@zoe@example.com", "character 4 of it is U+0040 (commercial at)"),
        ("<zoe@example.com>", "character 1 of it is U+003C (less-than sign)"),
        ("zoe\0zoe@example.com", "is not text but binary data"),
        ("zoe\x1b[2J@example.com", "a control character"),
        ("zoe\udcfc@example.com", "is not UTF-8 text"),
        ("zoe%40example.com", "there is no @ in it"),
        ("zoe\uff20example.com", "there is no @ in it"),
        ("mailto:?to=zoe@example.com", "there is nothing in it"),
        (f"zoe@{'zoe' * 400_000}", "it has more than 320 characters"),
    ],
)
def test_what_is_no_address_is_told_and_not_repeated(text: str, why: str) -> None:
    """It may be somebody's all the same."""
    [fault] = checked(given(text)).faults
    assert fault.startswith("line 1: ")
    assert why in fault
    assert "zoe" not in fault


def test_address_shows_in_no_text_of_ours() -> None:
    """Whatever an error or a log line makes of these values."""
    found = checked(given("zoe@example.com"))
    for each in (found, given("zoe@example.com"), LookedUp({ZOE: "1"})):
        assert "zoe" not in repr(each)


def test_where_addresses_are_not_looked_up_they_are_faults() -> None:
    """As in `failures rerun`."""
    found = checked(given("1", "zoe@example.com"), takes_emails=False)
    assert (found.ids(), found.to_look_up) == (["1"], [])
    assert found.faults == [
        "line 2: looks like an e-mail address, which is not looked up here: give the iPaaS.com Customer ID"
    ]


def test_ids_come_in_the_order_in_which_they_were_given() -> None:
    """Those of addresses too."""
    found = checked(given("3", "zoe@example.com", "1"))
    assert found.ids(LookedUp({ZOE: "2"})) == ["3", "2", "1"]


def test_duplicates_are_counted_however_they_are_given() -> None:
    """By an id, by an address, and by both."""
    found = checked(given("1", "1", "zoe@example.com", "zoe@example.com", "max@example.com", "ZOE@example.com"))
    shouted = Email("ZOE@example.com", "")
    ids = found.ids(LookedUp({ZOE: "1", MAX: "2", shouted: "1"}))
    assert (ids, found.dropped(ids)) == (["1", "2"], 4)


def test_more_addresses_than_are_looked_up_at_once_are_a_fault() -> None:
    """It says what to do; none of them is looked up."""
    texts = [f"{number}@example.com" for number in range(MOST_EMAILS + 1)]
    assert len(checked(given(*texts[1:], texts[1])).to_look_up) == MOST_EMAILS
    found = checked(given(*texts, *["x"] * 30))
    assert found.to_look_up == []
    assert found.faults[-1].startswith(
        "101 e-mail addresses are more than the 100 that are looked up at once. Give them"
    )
    assert (found.fault_count, found.faults_left_out) == (31, 10)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 entry named a customer that was named before, and was dropped."),
        (3, "3 entries named a customer that was named before, and were dropped."),
    ],
)
def test_dropped_entries_are_told(count: int, words: str) -> None:
    """In a sentence."""
    assert dropped_in_words(count) == words
