"""The ids that a person gives."""

from __future__ import annotations

import io

import click
import pytest

from worker.cli.ids import FaultsFound, one_customer, one_id, read_customers, read_ids, refuse_faults
from worker.jobs.errors import CustomerIdInvalid
from worker.presentation.ids import Email, LookedUp
from worker.presentation.screen import Screen


def named(text: str, name: str = "ids.txt") -> io.TextIOWrapper:
    """A file that is open."""
    file = io.BytesIO(text.encode())
    file.name = name
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")


def test_ids_are_separated_by_blanks_commas_and_lines() -> None:
    """However a list is written, its ids are found."""
    file = named("1, 2\t3\r\n\n4,\n")
    assert read_ids(["5,6", " 7 "], [file], Screen()) == ["5", "6", "7", "1", "2", "3", "4"]


def test_comments_and_a_byte_order_mark_are_no_ids() -> None:
    """A file that was written by hand, or by a spreadsheet, can be read."""
    assert read_ids([], [named("\ufeff1 # the first, 99\n# 98\n2")], Screen()) == ["1", "2"]


def test_each_id_is_taken_once_in_the_given_order() -> None:
    """Duplicates run once."""
    assert read_ids(["2", "1", "2"], [named("1\n3")], Screen()) == ["2", "1", "3"]


def test_all_bad_ids_are_shown_with_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    """One reading is enough to put a file right."""
    with pytest.raises(CustomerIdInvalid) as refused:
        read_ids(["1/2"], [named("1\nzoe@example.com\n-3")], Screen())
    shown = capsys.readouterr().err
    for place in ("argument 1: '1/2'", "ids.txt, line 2: looks like an e-mail address", "ids.txt, line 3: '-3'"):
        assert place in shown
    assert "3 faults" in refused.value.failure.detail


def test_a_bad_id_stays_out_of_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no id may be anything: it is for the terminal alone."""
    with pytest.raises(CustomerIdInvalid) as refused:
        read_ids(["zoe"], [], Screen())
    assert "zoe" in capsys.readouterr().err
    assert "zoe" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["zoe@example.com", "zoe@", "@zoe", "mailto:zoe%40example.com", "zoe\uff20example.com"]
)
def test_an_e_mail_address_is_not_even_shown_on_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal shows may end up in a log."""
    with pytest.raises(CustomerIdInvalid):
        read_ids([text], [], Screen())
    assert "zoe" not in capsys.readouterr().err
    with pytest.raises(click.BadParameter) as refused:
        one_id(text)
    assert "zoe" not in str(refused.value)


def test_one_customer_is_an_id_or_an_address() -> None:
    """As `preview` takes it; an address is cleaned of what people type around it."""
    assert one_customer(" 150713 ") == "150713"
    assert one_customer("mailto:zoe@example.com ") == Email("zoe@example.com", "")


@pytest.mark.parametrize("text", ["zoe@@example.com", "@example.com", "zoe @", "mailto:?to=zoe@example.com", "zoe%40x"])
def test_what_is_no_address_either_is_wrong_usage(text: str) -> None:
    """Nothing of it is repeated."""
    with pytest.raises(click.BadParameter, match="looks like an e-mail address, but is none") as refused:
        one_customer(text)
    assert "zoe" not in str(refused.value)


def test_faults_of_addresses_are_shown_with_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    """All at once. If all could be read, it is no matter of ids."""
    given = read_customers(["zoe@example.com", "x"], [])
    found = LookedUp({}, ["argument 1: nobody has it."])
    with pytest.raises(CustomerIdInvalid, match="2 faults"):
        refuse_faults(Screen(), given, found)
    assert capsys.readouterr().err.splitlines()[0].startswith("✗ argument 2: 'x'")
    with pytest.raises(FaultsFound, match="1 fault found; nothing was requested") as refused:
        refuse_faults(Screen(), read_customers(["zoe@example.com"], []), found)
    assert refused.value.exit_code == 2


def test_a_long_bad_id_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no list of ids does not flood the terminal with one line."""
    with pytest.raises(CustomerIdInvalid):
        read_ids(["x" * 10_000], [], Screen())
    assert f"'{'x' * 40}…'" in capsys.readouterr().err


def test_a_bad_id_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are not printed."""
    with pytest.raises(CustomerIdInvalid):
        read_ids(["\x1b[2J"], [], Screen())
    assert "\x1b" not in capsys.readouterr().err


def test_an_empty_list_is_wrong_usage() -> None:
    """Nothing to do is said, not passed over."""
    with pytest.raises(click.UsageError):
        read_ids([], [named("# none\n")], Screen())


def test_of_many_bad_ids_the_first_are_shown_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no list of ids at all does not flood the terminal."""
    with pytest.raises(CustomerIdInvalid) as refused:
        read_ids([], [named("\n".join(["x"] * 1_025))], Screen())
    shown = capsys.readouterr().err
    assert (shown.count("'x'"), "… and 1,005 more" in shown) == (20, True)
    assert "1,025 faults" in refused.value.failure.detail
