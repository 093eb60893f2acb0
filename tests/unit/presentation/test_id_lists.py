"""Lists with a header are read as CSV, and all others as they always were."""

from __future__ import annotations

import io
import time

import pytest

from worker.presentation.id_lists import in_lines
from worker.presentation.ids import UNDECODED, Checked, checked


def read(text: str | bytes) -> Checked:
    """What a list holds, opened as a file is."""
    content = text.encode() if isinstance(text, str) else text
    return checked(in_lines(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", UNDECODED), "a.csv"))


def ids(text: str | bytes) -> list[str]:
    """The ids in a list without a fault."""
    found = read(text)
    assert found.faults == []
    return found.ids()


def fault(text: str | bytes) -> str:
    """The one fault of a list."""
    [found] = read(text).faults
    return found


@pytest.mark.parametrize("name", ["id", "ID", " Id ", "customerid", "CustomerId", "customer_id", "Customer ID", '"id"'])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_column_is_found_by_its_name(name: str, separator: str) -> None:
    """In any case, and behind each of the separators."""
    rows = [["name", name, "e-mail"], ["Zoë", "1", "z@example.com"], ["1, 2", '"2"', ""]]
    quoted = [[f'"{cell}"' if cell == "1, 2" else cell for cell in row] for row in rows]
    assert ids("\n".join(map(separator.join, quoted))) == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "id\n1\n2\n",
        "id\r\n1\r\n2\r\n",
        "id\r1\r2",
        "\ufeffid,name\n1,x\n2,y",
        '\ufeff"id","name"\n"1","x"\n"2","y"',
        "\n\n# exported on Monday\nid,name\n1,x\n\n2,y",
        "id;a,b;c,d\n1;x,y;z\n2",
        'comment,id\n"two\nlines, and a ""quote""",1\n"#",2',
        "id, name\n1, Zoë # not a comment\n2, x",
        "id,name,\n1,x,\n2,y,\n,,\n , , \n",
        "id,name\n1,x\0y\n2,z",
        "id,name\n1,J\u00f6rg\n2,x".encode("latin-1"),
    ],
)
def test_rows_are_read_as_software_writes_them(text: str | bytes) -> None:
    """With any end of a line, a byte order mark, quotes, empty rows and odd cells in the other columns."""
    assert ids(text) == ["1", "2"]


@pytest.mark.parametrize("text", ["1,2\n3", "1\t2 # x\n3", "# id, name\n1\n2 3", "1;2"])
def test_list_without_a_header_is_read_as_always(text: str) -> None:
    """Blanks and commas separate ids, # starts a comment, and ; is no separator."""
    found = read(text)
    if ";" in text:
        assert found.faults == [
            "a.csv, line 1: '1;2' is not a whole number of 1 to 19 digits that does not start with 0"
        ]
    else:
        assert found.ids() == ["1", "2", "3"]


def test_line_that_begins_with_a_hash_is_a_comment_and_so_is_the_rest_after_a_blank() -> None:
    """Whatever stands in it, also indented."""
    assert read("# 4, 5 and zoe\n1 # 6\n  # 7\n2\t#8\n#\n3").ids() == ["1", "2", "3"]


def test_hash_inside_an_entry_is_a_letter() -> None:
    """It cuts no id to another one, and no address, in which it may stand."""
    assert read("150713#2").faults == [
        "a.csv, line 1: '150713#2' is not a whole number of 1 to 19 digits that does not start with 0"
    ]
    assert [str(each.text) for each in read("zoe#shop@example.com").to_look_up] == ["zoe#shop@example.com"]


def test_lines_after_a_header_are_rows() -> None:
    """A column may begin with #, so nothing of a table is taken for a comment."""
    assert read("id\n1\n# 2").faults == [
        "a.csv, line 3: '# 2' is not a whole number of 1 to 19 digits that does not start with 0"
    ]


@pytest.mark.parametrize("text", ["x\n1", "Zoë\nMax", "name id\n1"])
def test_one_word_is_no_header(text: str) -> None:
    """It is told as what is no id."""
    assert "is not a whole number" in read(text).faults[0]


@pytest.mark.parametrize("text", ["id", "id,name", "id;name\n", "id\n\n\n"])
def test_header_alone_names_nobody(text: str) -> None:
    """Without a fault: whoever reads it says that there is no id."""
    assert read(text) == Checked([], [])


def test_header_without_the_column_names_those_that_there_are() -> None:
    """One fault, not one for each line."""
    assert fault("name;E-mail\nZoë;z@example.com\nMax;m@example.com") == (
        "a.csv, line 1: looks like a header, and no column of it is named id: 'name', 'E-mail'. "
        "Name the one with the ids so, or give ids alone"
    )


def test_header_with_two_columns_of_ids_names_them_all() -> None:
    """Which one is meant is not guessed."""
    assert fault("id,name,Customer_ID\n1,x,2") == (
        "a.csv, line 1: is a header with 2 columns for the id, of which there must be one: 'id', 'name', "
        "'Customer_ID'. Rename or remove the others"
    )


def test_many_and_odd_columns_do_not_flood_the_screen() -> None:
    """Nor steer the terminal."""
    found = fault(",".join(["\x1b[2Ja" + "b" * 100] * 500))
    assert "\x1b" not in found
    assert found.count("…") == 12
    assert "and 488 others" in found


@pytest.mark.parametrize("cell", ["150713", "zoe@example.com", "zoe%40example.com"])
def test_line_that_is_half_a_header_drops_nobody(cell: str) -> None:
    """Read as a header, it would hide the one who stands in it."""
    found = fault(f"id,{cell}\n1,2")
    assert "has a column named id like a header, and yet an id or an e-mail address beside it" in found
    assert "zoe" not in found


def test_faults_name_the_lines_of_their_rows() -> None:
    """Whatever stands between them."""
    rows = ["name,id", '"two', 'lines",1', "", "Zoë,", "Max", "a,b,2", "x,zoe", "y,3,,", "z,zoe@@example.com"]
    found = read("\n".join(rows))
    assert [each.partition(": ")[0] for each in found.faults] == [f"a.csv, line {n}" for n in (5, 6, 7, 8, 10)]
    assert found.ids() == ["1", "3"]
    assert "the cell in the column of the ids is empty" in found.faults[0]
    assert "quote the cells with commas" in found.faults[2]
    assert "'zoe' is not a whole number" in found.faults[3]


@pytest.mark.parametrize("rows", ['"Zoë,1\nMax,2', '"Zoë" Müller,1\nMax,2', f"{'x' * 1_000_000},1\nMax,2"])
def test_row_that_can_not_be_read_is_told(rows: str) -> None:
    """An open quotation mark would otherwise hide everybody behind it."""
    assert "a.csv, line 2: can't be read as CSV" in read(f"name,id\n{rows}").faults[0]


def test_row_that_can_not_be_read_does_not_hide_the_others() -> None:
    """All faults are told at once."""
    found = read(f'name,id\n{"x" * 1_000_000},1\n"a"b,2\nMax,x\nZoë,3')
    assert [each.partition(": ")[0] for each in found.faults] == [f"a.csv, line {n}" for n in (2, 3, 4)]
    assert found.ids() == ["3"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("id,name\n1,x".encode("utf-16"), "is text in UTF-16"),
        ("id,stra\u00dfe\n1,x".encode("latin-1"), "is not UTF-8 text"),
        ("id\nj\u00fcrgen@example.com".encode("latin-1"), "is not UTF-8 text"),
        (b"id\n1\0", "is not text but binary data"),
    ],
)
def test_another_encoding_is_told_once(content: bytes, why: str) -> None:
    """If it matters: what stands in other columns does not."""
    found = read(content)
    assert (found.is_text, found.fault_count) == (False, 1)
    assert why in found.faults[0]


def test_address_may_stand_in_the_column() -> None:
    """It is looked up like one in a list."""
    [email] = read("id,name\nzoe@example.com,Zoë").to_look_up
    assert (email.text, email.place) == ("zoe@example.com", "a.csv, line 2")


def test_address_that_shares_its_line_has_a_number() -> None:
    """The fault must not repeat it, and yet say which one it is."""
    emails = read("1, zoe@example.com max@example.com\nann@example.com").to_look_up
    assert [each.place for each in emails] == ["a.csv, line 1, entry 2", "a.csv, line 1, entry 3", "a.csv, line 2"]


@pytest.mark.parametrize("line", ["x" * 4_000_000, "a," * 500_000, "1," * 500_000, "id," * 300_000, '"' * 1_000_000])
def test_long_line_is_read_in_a_moment(line: str) -> None:
    """As long as a page takes; the time grows with its length alone."""
    began = time.process_time()
    read(line)
    assert time.process_time() - began < 20
