"""Reading a mapping file: what it gives, and that every fault in it is named at once."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from worker.config.faults import ConfigurationError, Fault
from worker.mapping.file import read_rows
from worker.mapping.rows import Level, RowType

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = {"type": "Field", "source": "EmailAddress", "destination": "Email"}


def _toml(*rows: dict[str, Any]) -> str:
    """The rows as TOML; texts, booleans and tables of them are all that they hold."""
    return "\n".join(
        "\n".join(["[[row]]", *(f"{key} = {_value(value)}" for key, value in row.items()), ""]) for row in rows
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_value(name)} = {_value(each)}' for name, each in value.items())} }}"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _faults(tmp_path: Path, text: str) -> list[Fault]:
    file = tmp_path / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read_rows(file)
    assert {fault.file for fault in raised.value.faults} == {str(file)}
    return list(raised.value.faults)


def _field(**changes: object) -> dict[str, object]:
    return {"type": "Field", "source": "Company", "destination": "Notes", **changes}


def _static(**changes: object) -> dict[str, object]:
    return {"type": "Static", "value": "from iPaaS.com", "destination": "Notes", **changes}


def _without(row: dict[str, object], key: str) -> dict[str, object]:
    return {held: value for held, value in row.items() if held != key}


def test_rows_are_read_in_order_with_their_defaults(tmp_path: Path) -> None:
    """A row is optional unless it says otherwise, and Email is always required."""
    file = tmp_path / "mapping.toml"
    file.write_text(_toml(EMAIL, _field(level="recommended", description="Why"), _static(destination="LastName")))
    email, notes, last_name = read_rows(file)
    assert (email.type, email.source, email.level) == (RowType.FIELD, "EmailAddress", Level.REQUIRED)
    assert (notes.level, notes.description) == (Level.RECOMMENDED, "Why")
    assert (last_name.type, last_name.value, last_name.level) == (RowType.STATIC, "from iPaaS.com", Level.OPTIONAL)


@pytest.mark.parametrize(
    ("value", "read"), [(True, True), (False, False), ("true", True), ("false", False), (" True ", True)]
)
def test_a_static_subscription_is_read_as_a_boolean(tmp_path: Path, value: object, read: bool) -> None:
    """Both as TOML's own and as the text that iPaaS.com shows."""
    file = tmp_path / "mapping.toml"
    file.write_text(_toml(EMAIL, _static(destination="IsSubscribed", value=value)))
    assert read_rows(file)[1].value is read


def test_what_is_sent_instead_is_read_as_the_destination_needs_it(tmp_path: Path) -> None:
    """Texts, or true and false; the texts of a source are compared without blanks, in upper or lower case."""
    file = tmp_path / "mapping.toml"
    notes = _field(translate={" Ja": "yes", "NEIN": "no"}, otherwise="?", default="none")
    opted = _field(destination="IsSubscribed", translate={"Ja": "True", "Nein": False}, otherwise=False, default="true")
    file.write_text(_toml(EMAIL, notes, opted))
    _, first, second = read_rows(file)
    assert (first.translate, first.otherwise, first.default) == ({"ja": "yes", "nein": "no"}, "?", "none")
    assert (second.translate, second.otherwise, second.default) == ({"ja": True, "nein": False}, False, True)


@pytest.mark.parametrize("name", ["CreatedDate{}ime", "UpdatedDate{}ime"])
def test_former_spelling_of_a_source_still_loads(tmp_path: Path, name: str) -> None:
    """The one of earlier releases; it is shown as iPaaS.com spells it."""
    file = tmp_path / "mapping.toml"
    file.write_text(_toml(EMAIL, _field(source=name.format("t"))))
    assert read_rows(file)[1].source == name.format("T")


@pytest.mark.parametrize("source", ["CustomFields.Newsletter", "CustomFields.Opt in?", "CustomFields.a.b"])
def test_any_custom_field_can_be_a_source(tmp_path: Path, source: str) -> None:
    """Its name is taken as it is."""
    file = tmp_path / "mapping.toml"
    file.write_text(_toml(EMAIL, _field(source=source)))
    assert read_rows(file)[1].source == source


@pytest.mark.parametrize(
    ("row", "key", "problem"),
    [
        (_field(source="EmailAdress"), "source", "'EmailAdress' is not a source; did you mean EmailAddress?"),
        (_field(source="firstname"), "source", "'firstname' is not a source; did you mean FirstName?"),
        (_field(source="Zip"), "source", "'Zip' is not a source; use one of Id, CustomerNumber"),
        (
            _field(source="CustomFields."),
            "source",
            "'CustomFields.' is not a source; did you mean CustomFields.<name>?",
        ),
        (_field(source="CustomFields. "), "source", "'CustomFields. ' is not a source"),
        (
            _field(source="customfields.News"),
            "source",
            "'customfields.News' is not a source; did you mean CustomFields.<",
        ),
        (_field(source=5), "source", "5 is not a source; use one of"),
        (_without(_field(), "source"), "source", "is missing"),
        (_field(value="x"), "value", "a Field row has a source and no value"),
        (_field(destination="Note"), "destination", "'Note' is not a destination; did you mean Notes?"),
        (
            _field(destination="ExternalId"),
            "destination",
            "'ExternalId' is not a destination; did you mean externalId?",
        ),
        (_field(destination=["Email"]), "destination", "['Email'] is not a destination"),
        (_without(_field(), "destination"), "destination", "is missing"),
        (_field(type="field"), "type", "'field' is not a type; did you mean Field?"),
        (_without(_field(), "type"), "type", "is missing"),
        (_field(level="mandatory"), "level", "'mandatory' is not a level; use one of required, recommended, optional"),
        (_field(level="require"), "level", "'require' is not a level; did you mean required?"),
        (_field(level=[1]), "level", "[1] is not a level"),
        (_field(description=5), "description", "must be text in quotes"),
        (_field(sorce="x"), "sorce", "'sorce' is not a known key; did you mean source?"),
        (_static(source="Company"), "source", "a Static row has a value and no source"),
        (_without(_static(), "value"), "value", "is missing"),
        (_static(value=5), "value", "must be text in quotes, and not empty"),
        (_static(value=True), "value", "must be text in quotes, and not empty"),
        (_static(value=" "), "value", "must be text in quotes, and not empty"),
        (_static(destination="CustomerEmail"), "type", "CustomerEmail cannot be Static"),
        (_static(destination="IsSubscribed", value="yes"), "value", "must be true or false"),
        (_static(destination="IsSubscribed", value=1), "value", "must be true or false"),
        (_without(_static(destination="IsSubscribed"), "value"), "value", "is missing"),
        (_field(destination="Email"), "destination", "Email is already filled by row 1"),
        (_field(source="Country"), "source", "'Country' is not a source; use one of"),
        (_field(source="Name"), "source", "'Name' is not a source; use one of"),
        (_field(source="Email"), "source", "'Email' is not a source; did you mean EmailAddress?"),
        (_field(default=5), "default", "must be text in quotes, and not empty"),
        (_field(default=" "), "default", "must be text in quotes, and not empty"),
        (_field(destination="IsSubscribed", default="maybe"), "default", "must be true or false"),
        (_field(translate={}), "translate", "must be a table that is not empty"),
        (_field(translate="Ja"), "translate", "must be a table that is not empty"),
        (_field(translate={"Ja": True}), "translate", "'Ja' must be text in quotes, and not empty"),
        (_field(translate={" ": "x"}), "translate", "holds an empty text"),
        (_field(translate={"Ja": "x", " jA": "y"}), "translate", "holds 'Ja' and ' jA', which count as the same"),
        (_field(destination="IsSubscribed", translate={"Ja": 1}), "translate", "'Ja' must be true or false"),
        (_field(otherwise="x"), "otherwise", "belongs beside translate"),
        (_field(translate={"Ja": "x"}, otherwise=1), "otherwise", "must be text in quotes, and not empty"),
        (_static(default="x"), "default", "belongs in a Field row"),
        (_static(translate={"Ja": "x"}), "translate", "belongs in a Field row"),
        (_static(otherwise="x"), "otherwise", "belongs in a Field row"),
        (_field(destination="CustomerEmail", default="x"), "default", "does not fit CustomerEmail: many customers"),
        (_field(destination="CustomerEmail", translate={"a": "b"}), "translate", "does not fit CustomerEmail"),
    ],
)
def test_a_wrong_row_is_a_fault_that_says_what_is_right(
    tmp_path: Path, row: dict[str, object], key: str, problem: str
) -> None:
    """The fault names the row and its key, and says what is wrong."""
    (fault,) = _faults(tmp_path, _toml(EMAIL, row))
    assert fault.key == f"row 2, {key}"
    assert fault.problem.startswith(problem)
    assert tomllib.loads(fault.example)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            _static(destination="Email", value="a@b.example"),
            "Email cannot be Static: every customer would become the same one",
        ),
        ({**EMAIL, "level": "optional"}, "must be required for Email"),
        ({**EMAIL, "level": "recommended"}, "must be required for Email"),
    ],
)
def test_email_is_a_required_field_row(tmp_path: Path, row: dict[str, object], problem: str) -> None:
    """Stamped.io creates and matches customers by it."""
    (fault,) = _faults(tmp_path, _toml(row))
    assert fault.problem.startswith(problem)
    assert fault.example


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["no row fills Email"]),
        ("[row]\ntype = 1", ["must be a list of tables, each under [[row]] in two brackets"]),
        ("row = [1]", ["must be a list of tables, each under [[row]] in two brackets"]),
        ("[[rows]]\n", ["'rows' is not a known key; did you mean row?", "no row fills Email"]),
        ("[[row]\n", ["is not valid TOML: "]),
    ],
)
def test_a_file_without_a_row_for_email_is_a_fault(tmp_path: Path, text: str, problems: list[str]) -> None:
    """A misspelt heading is named as such."""
    faults = _faults(tmp_path, text)
    assert len(faults) == len(problems)
    assert all(fault.problem.startswith(problem) for fault, problem in zip(faults, problems, strict=True))


def test_all_faults_of_a_file_are_raised_at_once(tmp_path: Path) -> None:
    """One reading is enough to put the file right."""
    faults = _faults(tmp_path, _toml(_field(source="Nmae", level="high"), {"colour": "red"}))
    assert [fault.key for fault in faults] == [
        "row 1, level",
        "row 1, source",
        "row 2, colour",
        "row 2, type",
        "row 2, destination",
        "row",
    ]


@pytest.mark.parametrize("kind", [{}, {"type": "Feld"}, {"type": 5}], ids=str)
def test_row_of_a_wrong_type_is_checked_by_what_else_it_says(tmp_path: Path, kind: dict[str, object]) -> None:
    """A row with a source is meant as a Field row, one with a value as a Static one."""
    field = {**kind, "source": "Zip", "destination": "Notes", "translate": {"a": 5}}
    static = {**kind, "value": "maybe", "destination": "IsSubscribed"}
    neither = {**kind, "destination": "FirstName"}
    keys = [fault.key for fault in _faults(tmp_path, _toml(EMAIL, field, static, neither))]
    assert keys == ["row 2, type", "row 2, source", "row 2, translate", "row 3, type", "row 3, value", "row 4, type"]


@pytest.mark.parametrize(
    ("kind", "destination", "problem", "example"),
    [
        ("FieldWithDefault", "Notes", "is a Field row with a default", 'default = "none"'),
        ("Lookup Translation", "Notes", "is a Field row with translate", 'translate = { "Ja" = "yes", "Nein" = "no" }'),
        ("lookuptranslation", "IsSubscribed", "with translate", 'translate = { "Ja" = true, "Nein" = false }'),
        ("Dynamic Formula", "Notes", "a formula is C#", 'source = "EmailAddress"'),
        ("Regex Translation", "IsSubscribed", "no regular expressions", 'translate = { "Ja" = true, "Nein" = false }'),
    ],
)
def test_type_of_ipaas_is_told_what_it_is_here(
    tmp_path: Path, kind: str, destination: str, problem: str, example: str
) -> None:
    """With an example that its destination takes."""
    fault, *_ = _faults(tmp_path, _toml(EMAIL, _field(type=kind, destination=destination)))
    assert (fault.key, problem in fault.problem, fault.example) == ("row 2, type", True, example)
