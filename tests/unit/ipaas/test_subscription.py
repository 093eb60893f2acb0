"""A subscription's settings are read as the connections file's values are, and no error about them shows a value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from worker.http.answers import Answer, Exchange
from worker.http.answers import read as read_answer
from worker.ipaas.subscription import NAMES, Subscription, is_about, name_in, settings_in, without_words
from worker.jobs.errors import SubscriptionIncomplete
from worker.jobs.intents import Intent, Trouble

SETTINGS = {
    "API Url": "https://stamped.io",
    "API Public Key": "pub-1",
    "API Private Key": "private-1",
    "API Store Hash": "270392",
    "API Throttle Limit": "250",
    "API Throttle Seconds": "30",
    "Concurrent Connections": "4",
}


def read(*wanted: str, **changes: Any) -> Subscription:
    """What is read of the settings with some changes; a space in a name is an underscore here, and None removes it."""
    changed = {name.replace("_", " "): value for name, value in changes.items()}
    return Subscription.read({**SETTINGS, **changed}, wanted or NAMES)


def problem(**changes: Any) -> str:
    """What is wrong with the settings."""
    with pytest.raises(SubscriptionIncomplete) as raised:
        read(**changes)
    assert (raised.value.intent, raised.value.trouble) == (Intent.STORES, Trouble.SETTINGS)
    assert raised.value.__context__ is None
    return raised.value.failure.detail


def test_every_setting_is_read() -> None:
    """Numbers come as texts."""
    found = read()
    assert (found.api_url, found.public_key, found.store_hash) == ("https://stamped.io", "pub-1", "270392")
    assert found.private_key
    assert found.private_key.get_secret_value() == "private-1"
    assert (found.limit, found.seconds, found.concurrent) == (250, 30, 4)


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_api_user_and_api_password_stand_in_for_the_keys(empty: str | None) -> None:
    """They are twins: whichever is filled in."""
    twins = {"API_Public_Key": empty, "API_Private_Key": empty, "API_User": "pub-2", "API_Password": "private-2"}
    found = read(**twins)
    assert found.private_key
    assert (found.public_key, found.private_key.get_secret_value()) == ("pub-2", "private-2")


def test_keys_are_taken_in_pairs() -> None:
    """One key of each pair could belong to different stores; but what is there is better than nothing."""
    found = read(API_Private_Key=None, API_User="pub-2", API_Password="private-2")
    assert found.private_key
    assert (found.public_key, found.private_key.get_secret_value()) == ("pub-2", "private-2")
    assert problem(API_Private_Key=None, API_Password="private-2") == "API Private Key is missing"


def test_a_key_that_is_wanted_alone_is_taken_by_either_name() -> None:
    """The connections file has the other one."""
    found = read("private_key", API_Private_Key=None, API_Password="private-2")
    assert found.private_key
    assert found.private_key.get_secret_value() == "private-2"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080"])
def test_keys_go_unencrypted_to_this_machine_alone(host: str) -> None:
    """For a sandbox; any other address must be https."""
    assert read(API_Url=f"http://{host}").api_url == f"http://{host}"


def test_names_are_compared_without_case_and_values_without_blanks() -> None:
    """People type them."""
    found = Subscription.read({" api store hash": " 270392 "}, ["store_hash"])
    assert found.store_hash == "270392"


@pytest.mark.parametrize("url", ["https://stamped.io/", "https://stamped.io/api/v2", "https://stamped.io/api/v2/"])
def test_an_address_may_end_with_the_path_that_every_call_has(url: str) -> None:
    """It must not be there twice."""
    assert read(API_Url=url).api_url == "https://stamped.io"


@pytest.mark.parametrize("number", [500, 500.0, Decimal("500.0"), "500", " 500 ", "500.0", "500.", "+500", "0500"])
def test_numbers_may_be_written_in_any_way(number: object) -> None:
    """As numbers, as JSON has them, or as texts."""
    assert read(API_Throttle_Limit=number).limit == 500


def test_texts_may_be_numbers() -> None:
    """A store hash of digits alone, or a key of them, may lose its quotes on the way."""
    found = read(API_Store_Hash=270392, API_Public_Key=12345, API_Private_Key=67890)
    assert found.private_key
    assert (found.store_hash, found.public_key) == ("270392", "12345")
    assert found.private_key.get_secret_value() == "67890"


def test_a_throttle_that_is_not_set_is_left_open() -> None:
    """Then the usual one is in force."""
    found = read(API_Throttle_Limit="", API_Throttle_Seconds=None)
    assert (found.limit, found.seconds) == (None, None)


def test_what_the_file_says_is_not_looked_at() -> None:
    """A wrong value in iPaaS.com does no harm if it is not used."""
    assert read("public_key", API_Url="nowhere", API_Store_Hash=None) == Subscription(public_key="pub-1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"API_Store_Hash": None}, "API Store Hash is missing"),
        ({"API_Store_Hash": "27/03"}, "API Store Hash must be letters, digits, dots, hyphens and underscores alone"),
        ({"API_Store_Hash": True}, "API Store Hash must be text"),
        ({"API_Store_Hash": ["27"]}, "API Store Hash must be text"),
        ({"API_Url": {"a": "b"}}, "API Url must be text"),
        ({"API_Private_Key": False}, "API Private Key must be text"),
        ({"API_Url": "stamped.io"}, "API Url must be an http:// or https:// URL with a host"),
        ({"API_Url": "http://stamped.io"}, "API Url must be an https:// URL"),
        ({"API_Url": "https://u:hunter2@stamped.io"}, "API Url must be an http:// or https:// URL with a host"),
        ({"API_Public_Key": "pub:hunter2"}, "API Public Key must hold no colon"),
        ({"API_Private_Key": "hunter2 hunter2"}, "API Private Key holds a character"),
        ({"API_Private_Key": ["hunter2"]}, "API Private Key must be text"),
        ({"API_Private_Key": {"file": "/etc/passwd"}}, "API Private Key must be text"),
        ({"API_Private_Key": {"env": "HOME"}}, "API Private Key must be text"),
        ({"API_Throttle_Limit": "4"}, "API Throttle Limit must be 5 or more"),
        ({"API_Throttle_Limit": "many"}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Limit": "-5"}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Limit": -5}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Limit": "1,000"}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Limit": "7.5"}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Limit": Decimal("7.5")}, "API Throttle Limit must be a whole number of 1 or more"),
        ({"API_Throttle_Seconds": "0"}, "API Throttle Seconds must be a whole number of 1 or more"),
        ({"Concurrent_Connections": "9" * 5000}, "Concurrent Connections must be a whole number of 1 or more"),
        ({"Concurrent_Connections": True}, "Concurrent Connections must be a whole number of 1 or more"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(changes: dict[str, Any], words: str) -> None:
    """By the name that it has in iPaaS.com."""
    found = problem(**changes)
    assert found.startswith(words)
    assert "quotes" not in found
    assert "hunter2" not in found


def test_all_that_is_wrong_is_said_at_once() -> None:
    """One look is enough."""
    found = problem(API_Store_Hash=None, API_Private_Key="", API_Throttle_Limit="x", API_Url="x")
    assert [each.partition(" is ")[0].partition(" must ")[0] for each in found.split("; ")] == [
        "API Private Key",
        "API Store Hash",
        "API Url",
        "API Throttle Limit",
    ]


def test_nothing_that_is_read_shows_its_keys() -> None:
    """Wherever it is printed."""
    assert not [key for key in ("pub-1", "private-1") if key in f"{read()} {read()!r}"]


# The answer -----------------------------------------------------------------------------------------------------------


def test_what_is_said_of_a_refusal_is_not_shown_but_for_its_code() -> None:
    """It may repeat the settings."""
    answer = Answer(500, Intent.STORES, Trouble.UNAVAILABLE, words="the key is hunter2", code="INTL-1000")
    assert without_words(answer).words == "INTL-1000"


def test_words_of_ours_stay() -> None:
    """If nothing came, they say why."""
    answer = Answer(None, Intent.STORES, Trouble.SILENT, words="no answer in time", has_own_words=True)
    assert without_words(answer) is answer


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (200, b"<html><title>the key is hunter2</title></html>", ""),
        (302, b"", "redirects to another address"),
        (500, b'{"message": "hunter2"}', ""),
        (401, b"hunter2", ""),
    ],
)
def test_nothing_that_came_over_the_wire_is_shown(status: int, content: bytes, words: str) -> None:
    """Neither a page's title nor a reason phrase nor a message; what we say about it is."""
    answer = read_answer(Exchange(status, content, {}, "hunter2"), has_codes=True)
    assert without_words(answer).words == words


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (404, "NFND-1003", Trouble.SYSTEM),
        (404, "", Trouble.UNAVAILABLE),
        (400, "VALD-1001", Trouble.UNAVAILABLE),
    ],
)
def test_a_refusal_is_the_stores(status: int, code: str, trouble: Trouble) -> None:
    """No customer fails for a subscription that can't be read."""
    answer = without_words(Answer(status, Intent.CUSTOMERS, code=code))
    assert (answer.intent, answer.trouble) == (Intent.STORES, trouble)


def test_a_404_without_a_code_says_what_it_can_mean() -> None:
    """A gateway sends one while iPaaS.com is down."""
    assert "or the system_id is wrong" in without_words(Answer(404, Intent.CUSTOMERS, words="hunter2")).words


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *(({"id": 4021}, True), ({"id": "4021"}, True), ({"Id": 4021}, True)),
        *(
            ({"name": "x"}, False),
            ({"id": 7}, False),
            ({"Id": 7}, False),
            ({"id": None}, False),
            ({}, False),
            ([], False),
        ),
    ],
)
def test_the_answer_must_be_about_the_subscription(body: Any, expected: bool) -> None:
    """And say so, as another one's keys lead to another store."""
    assert is_about(Answer(200, Intent.ACCEPTED, body=body), 4021) is expected


@pytest.mark.parametrize("settings", [None, [], "text", 1])
def test_settings_are_an_object(settings: Any) -> None:
    """Anything else is no settings."""
    assert settings_in({"settings": settings}) is None


@pytest.mark.parametrize(
    ("name", "shown"), [("  Acme\nEU ", "Acme EU"), (None, ""), (5, ""), ("a" * 300, "a" * 200), ("\x1b[1mA", "[1mA")]
)
def test_a_name_is_one_line(name: Any, shown: str) -> None:
    """It goes to a terminal."""
    assert name_in({"name": name}) == shown
