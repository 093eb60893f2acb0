"""What is probably a mistake in the connections file is said in words, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.connections import EXAMPLE, load_connections
from worker.presentation.cautions import cautions

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"IPAAS_TOKEN": "token-1", "STAMPED_PUBLIC_KEY": "pub-1", "STAMPED_PRIVATE_KEY": "private-1"}


def connection(system_id: int, name: str, store: str, more: str = "", url: str = "https://stamped.io") -> str:
    """One connection of a file."""
    return f"""[[connection]]
system_id = {system_id}
name = "{name}"
{more}
ipaas = {{ api_url = "https://api.ipaas.com", token = "token-1" }}
stamped = {{ api_url = "{url}", public_key = "pub-1", private_key = "private-1", store_hash = "{store}" }}
"""


def said(folder: Path, *connections: str) -> list[str]:
    """What is said of a file of these connections."""
    (file := folder / "connections.toml").write_text("".join(connections), encoding="utf-8")
    return list(cautions(load_connections(file, ENVIRON)))


def test_nothing_is_said_of_connections_that_differ(tmp_path: Path) -> None:
    """The same hash on another host is another store."""
    other = connection(3, "C", "a", url="https://stamped.example")
    assert said(tmp_path, connection(1, "A", "a"), connection(2, "B", "b"), other) == []


def test_empty_triggers_are_told(tmp_path: Path) -> None:
    """They work, but hardly anybody wants them."""
    (text,) = said(tmp_path, connection(1, "Acme", "a", "triggers = []"))
    assert text == "1 Acme: triggers is empty, so only Manual Sync and `initialize` transfer customers"


def test_store_of_the_example_is_told(tmp_path: Path) -> None:
    """Whoever copied the example may have left it in."""
    (text,) = said(tmp_path, EXAMPLE)
    assert text == "4021 Acme EU: the store hash is still that of the example; put in the store's own"


def test_one_key_in_both_places_is_told(tmp_path: Path) -> None:
    """Stamped.io would refuse it, and whoever copied it sees no difference."""
    (text,) = said(tmp_path, connection(1, "Acme", "a").replace("private-1", "pub-1"))
    assert text == "1 Acme: the private key is the same as the public one; Stamped.io shows both, side by side"


@pytest.mark.parametrize(("first", "second"), [("Acme", "Acme"), ("Acme", " ACME ")])
def test_same_name_is_told(first: str, second: str, tmp_path: Path) -> None:
    """In upper or lower case."""
    (text,) = said(tmp_path, connection(1, first, "a"), connection(2, second, "b"))
    assert text == "1 and 2 have one name, Acme: give each its own, so that nobody confuses them"


@pytest.mark.parametrize("url", ["https://stamped.io", "https://Stamped.IO/"])
def test_same_store_is_told(url: str, tmp_path: Path) -> None:
    """However the host is written."""
    (text,) = said(tmp_path, connection(1, "A", "a"), connection(2, "B", "a", url=url))
    assert text.startswith("1 and 2 have one Stamped.io store, a: each has a throttle of its own")


def test_many_that_are_alike_are_told_in_one_sentence(tmp_path: Path) -> None:
    """A thousand connections of one store would fill the screen otherwise."""
    names, stores = said(tmp_path, *(connection(number, "A", "a") for number in range(1, 14)))
    assert names.startswith("1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 others have one name, A: ")
    assert stores.startswith("1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 others have one Stamped.io store, a: ")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]", "https://stamped.io"])
def test_http_to_this_machine_needs_no_word(tmp_path: Path, url: str) -> None:
    """Nobody is on the way."""
    assert said(tmp_path, connection(1, "Acme", "a", url=url)) == []


def test_http_to_another_machine_is_told(tmp_path: Path) -> None:
    """Of either API."""
    text = connection(1, "Acme", "a", url="http://stamped.io").replace("https://api", "http://api")
    assert said(tmp_path, text) == [
        f"1 Acme: {each} is called by http, so whoever is on the way can read its keys; use https"
        for each in ("iPaaS.com", "Stamped.io")
    ]
