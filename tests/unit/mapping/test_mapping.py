"""The mapping: what of a customer is sent, whether it should be subscribed, and what is said of empty fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.ipaas.customer import Customer
from worker.jobs.catalogue import Failure
from worker.jobs.errors import (
    EmailInvalid,
    EmailMissing,
    RequiredFieldEmpty,
    SubscriptionValueInvalid,
    SyncError,
    ValueNotTranslated,
)
from worker.mapping.mapping import Mapped, Mapping
from worker.mapping.rows import SOURCES, SUBSCRIPTION, WIRE_NAMES, Level, Row, RowType, folded

if TYPE_CHECKING:
    from pathlib import Path

EMAIL_ROW = Row(RowType.FIELD, "Email", "EmailAddress", level=Level.REQUIRED)
FULL = {
    "id": "150713",
    "customer_number": "C-1001",
    "email_address": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "comment": "Likes tea.",
}


def _customer(**changes: Any) -> Customer:
    return Customer.read({**FULL, **changes})


def _with_custom_fields(**values: Any) -> Customer:
    fields = [{"custom_field_name": name, "value": value} for name, value in values.items()]
    return _customer(custom_fields=fields)


def _mapping(*rows: Row) -> Mapping:
    return Mapping((EMAIL_ROW, *rows))


def _field(destination: str, source: str, level: Level = Level.OPTIONAL) -> Row:
    return Row(RowType.FIELD, destination, source, level=level)


# The default template ------------------------------------------------------------------------------------------------


def test_the_default_mapping_is_the_specifications_table_row_for_row() -> None:
    """Source, destination, level and the description's first words."""
    rows = [
        (row.type.value, row.source, row.destination, row.level.value, row.description.split(". ")[0])
        for row in Mapping.default().rows
    ]
    assert rows == [
        ("Field", "CustomerNumber", "externalId", "optional", "Optional"),
        ("Field", "EmailAddress", "CustomerEmail", "optional", "Optional"),
        ("Field", "EmailAddress", "Email", "required", "Required"),
        ("Field", "FirstName", "FirstName", "recommended", "Recommended"),
        ("Field", "LastName", "LastName", "recommended", "Recommended"),
        ("Field", "Comment", "Notes", "optional", "Optional"),
    ]


def test_the_default_mapping_fills_every_field() -> None:
    """Under the names of Stamped.io's write body."""
    mapped = Mapping.default().apply(_customer())
    assert mapped.payload == {
        "externalId": "C-1001",
        "customerEmail": "ada@example.com",
        "email": "ada@example.com",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "notes": "Likes tea.",
    }
    assert mapped.warnings == ()


def test_the_default_mapping_leaves_the_subscription_alone() -> None:
    """IsSubscribed is not a row of it."""
    mapping = Mapping.default()
    assert not mapping.maps_subscription
    assert mapping.static_subscription is None
    assert mapping.apply(_customer()).subscription is None


def test_the_default_mapping_is_read_once() -> None:
    """Connections without a mapping of their own share it."""
    assert Mapping.default() is Mapping.default()


def test_a_mapping_file_replaces_the_default(tmp_path: Path) -> None:
    """Only its own rows are sent."""
    file = tmp_path / "mapping.toml"
    file.write_text('[[row]]\ntype = "Field"\nsource = "EmailAddress"\ndestination = "Email"\n')
    assert Mapping.read(file).apply(_customer()).payload == {"email": "ada@example.com"}


# Values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [None, "", " ", "\t\r\n", "\u00a0"])
def test_an_empty_value_is_omitted_and_never_sent(empty: str | None) -> None:
    """Null, nothing and only whitespace are all empty."""
    payload = Mapping.default().apply(_customer(comment=empty, customer_number=empty)).payload
    assert "notes" not in payload
    assert "externalId" not in payload


@pytest.mark.parametrize(
    "text", ["zoe@example.com", "\ufeffzoe@example.com ", "zo\u200be@example.com", "mailto:zoe@example.com"]
)
def test_one_person_is_sent_with_one_spelling(text: str) -> None:
    """Else Stamped.io, which matches by e-mail, would make a customer of each."""
    payload = Mapping.default().apply(_customer(email_address=text)).payload
    assert (payload["email"], payload["customerEmail"]) == ("zoe@example.com", "zoe@example.com")


@pytest.mark.parametrize("text", ["zoe", "a@b.example; c@d.example", "zo\ud83de@example.com"])
def test_what_is_no_address_is_the_customers_own_error(text: str) -> None:
    """It names the source and the character and nothing else; half an emoji is never written on in an address."""
    with pytest.raises(EmailInvalid) as raised:
        Mapping.default().apply(_customer(email_address=text))
    assert raised.value.failure.detail.startswith("EmailAddress: ")
    assert text not in str(raised.value)


@pytest.mark.parametrize("text", ["\u200b", " \ufeff "])
def test_address_that_nobody_sees_is_missing(text: str) -> None:
    """As one of blanks is."""
    with pytest.raises(EmailMissing):
        Mapping.default().apply(_customer(email_address=text))


def test_optional_address_that_is_none_is_left_out() -> None:
    """The customer has another one."""
    mapping = Mapping((_field("Email", "EmailAddress"), _field("CustomerEmail", "Company")))
    assert mapping.apply(_customer(company="Acme")).payload == {"email": FULL["email_address"]}


def test_half_an_emoji_is_sent_as_a_question_mark() -> None:
    """A comment that was cut to a length can end in one; it could not be sent on as UTF-8."""
    assert Mapping.default().apply(_customer(comment="Thanks \ud83d")).payload["notes"] == "Thanks ?"


@given(st.text())
def test_every_text_can_be_sent_on(text: str) -> None:
    """Whatever iPaaS.com answers: what is sent can be written as UTF-8, and whole text stays as it is."""
    sent = Mapping.default().apply(_customer(comment=text)).payload.get("notes", "")
    assert sent.encode().decode() == sent
    assert sent == text or "?" in sent or not text.strip()


@pytest.mark.parametrize(
    ("resubscribe", "current", "desired", "is_new", "keeps"),
    [
        (True, True, True, False, True),
        (True, False, True, False, False),
        (True, None, True, False, False),
        (False, False, True, False, True),
        (False, False, True, True, False),
        (False, None, True, False, True),
        (False, None, True, True, False),
        (False, True, True, False, True),
        (False, True, False, False, False),
        (False, False, False, False, True),
        (False, None, False, False, False),
    ],
)
def test_who_unsubscribed_stays_so_where_the_row_says_it(
    resubscribe: bool, current: bool | None, desired: bool, is_new: bool, keeps: bool
) -> None:
    """A new customer is subscribed, and unsubscribing always works."""
    row = Row(RowType.STATIC, SUBSCRIPTION, value=desired, resubscribe=resubscribe)
    assert Mapping((*Mapping.default().rows, row)).keeps(current, desired, is_new=is_new) is keeps


def test_whitespace_around_an_email_address_is_trimmed() -> None:
    """For both of the e-mail destinations."""
    payload = Mapping.default().apply(_customer(email_address=" ada@example.com\n")).payload
    assert (payload["email"], payload["customerEmail"]) == ("ada@example.com", "ada@example.com")


@pytest.mark.parametrize("text", [" Ada ", "Ada\nAugusta", "Ольга", "😀", "O'Brien <b>"])
def test_other_texts_are_sent_as_they_are(text: str) -> None:
    """The mapping corrects nothing."""
    assert Mapping.default().apply(_customer(first_name=text)).payload["firstName"] == text


@pytest.mark.parametrize(("source", "attribute"), SOURCES.items())
def test_every_source_reads_its_field(source: str, attribute: str) -> None:
    """Rows name the fields in PascalCase."""
    customer = _customer(**{attribute: "seen@example.com"})
    assert _mapping(_field("Notes", source)).apply(customer).payload["notes"] == "seen@example.com"


@pytest.mark.parametrize(("destination", "wire_name"), WIRE_NAMES.items())
def test_every_destination_is_sent_under_its_wire_name(destination: str, wire_name: str) -> None:
    """As the contract's write body has them."""
    mapping = Mapping((_field(destination, "CustomerNumber"),))
    assert mapping.apply(_customer(customer_number="c@example.com")).payload == {wire_name: "c@example.com"}


def test_a_static_row_sends_its_value_for_every_customer() -> None:
    """Whatever the customer holds."""
    mapping = _mapping(Row(RowType.STATIC, "Notes", value="from iPaaS.com"))
    assert mapping.apply(_customer(comment="other")).payload["notes"] == "from iPaaS.com"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ([("Tier", "gold")], "gold"),
        ([("tier", "gold")], "gold"),
        ([("TIER", "upper"), ("Tier", "exact")], "exact"),
        ([("TIER", "first"), ("tier", "second")], "first"),
        ([("TIER", "upper"), ("Tier", None)], None),
        ([("Tier", 5)], "5"),
        ([(None, "gold"), ("Tiers", "gold")], None),
        ([], None),
    ],
)
def test_a_custom_field_is_found_by_its_name_exactly_or_else_in_any_case(
    fields: list[tuple[str | None, Any]], value: str | None
) -> None:
    """An exact name wins, even where its value is empty."""
    customer = _customer(custom_fields=[{"custom_field_name": name, "value": held} for name, held in fields])
    assert _mapping(_field("Notes", "CustomFields.Tier")).apply(customer).payload.get("notes") == value


# Levels --------------------------------------------------------------------------------------------------------------


def test_an_empty_recommended_field_is_transferred_with_a_warning() -> None:
    """The warning names the field alone."""
    mapped = Mapping.default().apply(_customer(first_name=None))
    assert mapped.warnings == ("FirstName is recommended and its source FirstName is empty",)
    assert mapped.payload["lastName"] == "Lovelace"


def test_an_empty_optional_field_is_silent() -> None:
    """It is only omitted."""
    assert Mapping.default().apply(_customer(comment=None)).warnings == ()


def test_an_empty_required_field_fails_and_names_the_row() -> None:
    """All such rows at once, none of their values."""
    mapping = _mapping(
        _field("FirstName", "FirstName", Level.REQUIRED), _field("Notes", "CustomFields.Tier", Level.REQUIRED)
    )
    with pytest.raises(RequiredFieldEmpty) as raised:
        mapping.apply(_customer(first_name=" "))
    assert raised.value.failure.detail == (
        "FirstName is required and its source FirstName is empty; "
        "Notes is required and its source CustomFields.Tier is empty"
    )


@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_a_customer_without_an_email_address_fails(empty: str | None) -> None:
    """Before anything else that the customer lacks."""
    mapping = _mapping(_field("FirstName", "FirstName", Level.REQUIRED))
    with pytest.raises(EmailMissing):
        mapping.apply(_customer(email_address=empty, first_name=None))


# Subscription --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [True, False])
def test_a_static_subscription_holds_for_every_customer(value: bool) -> None:
    """It is known without any customer too."""
    mapping = _mapping(Row(RowType.STATIC, "IsSubscribed", value=value))
    assert mapping.maps_subscription
    assert mapping.static_subscription is value
    assert mapping.apply(_customer()).subscription is value
    assert mapping.subscription(_customer()) is value


@pytest.mark.parametrize("row", [_field("IsSubscribed", "CustomFields.News"), _field("IsSubscribed", "Comment")])
def test_a_field_row_for_the_subscription_has_no_static_value(row: Row) -> None:
    """It is mapped, but depends on the customer."""
    mapping = _mapping(row)
    assert mapping.maps_subscription
    assert mapping.static_subscription is None


@pytest.mark.parametrize(
    ("value", "subscription"),
    [
        *((word, True) for word in ("true", "True", " TRUE ", "yes", "Yes", "on", "1", 1, True)),
        *((word, False) for word in ("false", "False", "no", "NO", "off", "0", 0, False)),
        *((empty, None) for empty in (None, "", "  ")),
    ],
)
def test_a_field_row_reads_boolean_like_texts(value: object, subscription: bool | None) -> None:
    """True, false, or empty: then the subscription is left as it is."""
    mapping = _mapping(_field("IsSubscribed", "CustomFields.News"))
    customer = _with_custom_fields(News=value)
    assert mapping.subscription(customer) is subscription
    assert mapping.apply(customer).subscription is subscription


@pytest.mark.parametrize("value", ["maybe", "2", "ja", "truee", "-1", "1.0"])
def test_any_other_subscription_value_is_an_error_without_the_value(value: str) -> None:
    """The error names the source field alone."""
    mapping = _mapping(_field("IsSubscribed", "CustomFields.News"))
    with pytest.raises(SubscriptionValueInvalid) as raised:
        mapping.subscription(_with_custom_fields(News=value))
    assert raised.value.failure.detail == "CustomFields.News holds neither true nor false"


@pytest.mark.parametrize("level", Level)
def test_a_subscription_that_is_not_clear_keeps_no_customer_from_being_sent(level: Level) -> None:
    """The payload is whole, nothing counts as empty, and the failure is told beside it."""
    mapping = _mapping(_field("IsSubscribed", "CustomFields.News", level))
    mapped = mapping.apply(_with_custom_fields(News="maybe"))
    assert (mapped.payload, mapped.subscription, mapped.warnings) == ({"email": "ada@example.com"}, None, ())
    assert mapped.unclear_subscription == Failure(
        "subscription-value-invalid", detail="CustomFields.News holds neither true nor false"
    )


YES_OR_NO = {"ja": True, "nein": False}


@pytest.mark.parametrize(
    ("row", "held", "expected"),
    [
        ({"translate": YES_OR_NO}, "Ja", True),
        ({"translate": YES_OR_NO}, " NEIN ", False),
        ({"translate": YES_OR_NO}, "", None),
        ({"translate": YES_OR_NO, "default": False}, " ", False),
        ({"translate": YES_OR_NO, "otherwise": False}, "vielleicht", False),
        ({"translate": YES_OR_NO, "otherwise": False}, "yes", False),
        ({"translate": YES_OR_NO, "otherwise": False}, " True", True),
        ({"translate": YES_OR_NO, "otherwise": True}, "false", False),
        ({"translate": YES_OR_NO}, "true", True),
        ({"translate": {"true": False, "ja": True}}, "true", False),
        ({"default": True}, None, True),
        ({"default": False}, "yes", True),
    ],
)
def test_subscription_can_be_translated_and_have_a_default(
    row: dict[str, Any], held: str | None, expected: bool | None
) -> None:
    """The default is for an empty source alone, and false is one, too. True and false mean what they say."""
    mapping = Mapping((EMAIL_ROW, Row(RowType.FIELD, "IsSubscribed", "Company", **row)))
    assert mapping.subscription(_customer(company=held)) is expected


@pytest.mark.parametrize("held", ["oui", "vielleicht", "0"])
def test_text_that_is_not_translated_is_an_error_without_the_text(held: str) -> None:
    """Also one that IsSubscribed would know by itself: the row says which texts there are."""
    row = Row(RowType.FIELD, "IsSubscribed", "Company", translate=YES_OR_NO)
    with pytest.raises(SubscriptionValueInvalid, match="Company holds what translate does not name") as raised:
        Mapping((EMAIL_ROW, row)).subscription(_customer(company=held))
    assert held not in str(raised.value)
    notes = Row(RowType.FIELD, "Notes", "Company", translate={"ja": "yes"})
    with pytest.raises(ValueNotTranslated, match="Company holds what translate does not name"):
        Mapping((EMAIL_ROW, notes)).apply(_customer(company=held))


@pytest.mark.parametrize(
    ("row", "held", "expected"),
    [
        ({"translate": {"ja": "yes"}}, "JA", "yes"),
        ({"translate": {"ja": "yes"}, "otherwise": "?"}, "x", "?"),
        ({"default": "none"}, " ", "none"),
        ({"default": "none"}, "x", "x"),
        ({"translate": {"ja": "yes"}}, None, None),
    ],
)
def test_text_can_be_translated_and_have_a_default(row: dict[str, Any], held: str | None, expected: str | None) -> None:
    """An empty source that has no default is left out."""
    mapping = Mapping((EMAIL_ROW, Row(RowType.FIELD, "Notes", "Company", **row)))
    assert mapping.apply(_customer(company=held)).payload.get("notes") == expected


@pytest.mark.parametrize("value", [["yes"], [], {"is": "yes"}, {}])
@pytest.mark.parametrize("source", ["Company", "CustomFields.Opt in"])
def test_list_or_object_for_the_subscription_is_an_error_and_not_empty(value: object, source: str) -> None:
    """Whatever the row's default."""
    shown = {"email_address": "a@b.example", "company": value}
    shown["custom_fields"] = [{"custom_field_name": "opt in", "value": value}]
    mapping = Mapping((EMAIL_ROW, Row(RowType.FIELD, "IsSubscribed", source, default=True)))
    mapped = mapping.apply(Customer.read(shown))
    assert mapped.subscription is None
    assert mapped.unclear_subscription
    assert mapped.unclear_subscription.detail == f"{source} can't be read: it is a list, an object or spelt otherwise"


@pytest.mark.parametrize(
    ("source", "shown", "is_clear"),
    [
        ("Company", {"Company": "yes"}, False),
        ("UpdatedDateTime", {"updatedDateTime": "yes"}, False),
        ("Company", {"Company": None}, True),
        ("Company", {"companyName": "yes"}, True),
        ("CustomFields.News", {"customFields": [{"custom_field_name": "News", "value": "yes"}]}, False),
        ("CustomFields.News", {"custom_fields": [{"custom_field_name": "News", "Value": "yes"}]}, False),
        ("CustomFields.News", {"custom_fields": [{"customFieldName": "News", "value": "yes"}]}, False),
        ("CustomFields.News", {"custom_fields": [{"custom_field_name": "News"}]}, True),
    ],
)
def test_field_that_is_spelt_otherwise_is_no_empty_subscription(
    source: str, shown: dict[str, Any], is_clear: bool
) -> None:
    """An answer may leave fields out, but such a one is there."""
    mapping = Mapping((EMAIL_ROW, Row(RowType.FIELD, "IsSubscribed", source, default=False)))
    mapped = mapping.apply(Customer.read({"email_address": "a@b.example", **shown}))
    assert (mapped.subscription, bool(mapped.unclear_subscription)) == ((False, False) if is_clear else (None, True))


def _subscription(custom_fields: object, **row: Any) -> tuple[bool | None, str]:
    """What a customer's custom fields say of the subscription, and why they do not."""
    shown = Customer.read({**FULL, "custom_fields": custom_fields})
    mapped = Mapping((EMAIL_ROW, Row(RowType.FIELD, "IsSubscribed", "CustomFields.Newsletter", **row))).apply(shown)
    return mapped.subscription, mapped.unclear_subscription.detail if mapped.unclear_subscription else ""


def _named(name: object, value: object = "yes") -> dict[str, object]:
    return {"custom_field_name": name, "value": value}


MODES: list[dict[str, Any]] = [
    {},
    {"default": False},
    {"default": True},
    {"level": Level.REQUIRED},
    {"translate": {"ja": True}, "otherwise": False, "default": False},
]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    "custom_fields",
    [
        {"Newsletter": "yes"},
        {},
        "yes",
        5,
        True,
        ["Newsletter"],
        [None],
        [["Newsletter", "yes"]],
        [[_named("Newsletter")]],
        [_named("Newsletter", ["yes"])],
        [_named("Newsletter", {"value": "yes"})],
        [_named("Newsletter", float("nan"))],
        [_named(["Newsletter"])],
        [_named({"name": "Newsletter"})],
        [_named(None)],
        [_named(" ")],
        [{"value": "yes"}],
        [{"value": ["yes"]}],
        [{"name": "Newsletter", "data": "yes"}],
        [_named("Tier"), _named(["Newsletter"])],
        [_named("Newsletter", ""), _named(["Newsletter"])],
        [_named("Newsletter", None), "x"],
        [_named("Newsletter", "yes"), _named("newsletter", ["no"])],
    ],
    ids=str,
)
def test_what_can_not_be_read_is_never_an_empty_subscription(custom_fields: object, mode: dict[str, Any]) -> None:
    """Neither the default nor `otherwise` is taken for it, and a required row does not call it empty."""
    subscription, why = _subscription(custom_fields, **mode)
    assert subscription is None
    assert why.startswith("CustomFields.Newsletter ")
    assert "yes" not in why


@pytest.mark.parametrize(
    "custom_fields",
    [
        None,
        [],
        [_named("Tier", ["gold"])],
        [_named("Newsletter", " ")],
        [_named("Newsletter", None)],
        [_named(None, "")],
    ],
    ids=str,
)
def test_what_is_surely_empty_takes_the_default(custom_fields: object) -> None:
    """Other fields may hold what they like."""
    assert _subscription(custom_fields, default=False) == (False, "")
    assert _subscription(custom_fields) == (None, "")


def test_odd_field_is_harmless_if_the_one_that_counts_is_filled() -> None:
    """It was found, so nothing hides it."""
    assert _subscription([_named("Newsletter"), _named(["x"]), "y"], default=False) == (True, "")


@pytest.mark.parametrize(
    "name", [" Newsletter ", "NEWSLETTER", "\ufeffNewsletter", "News\u200bletter", "\xa0Newsletter", "\uff2eewsletter"]
)
def test_name_that_looks_the_same_is_the_same(name: str) -> None:
    """Otherwise the field would not be found, and the default would be taken."""
    assert _subscription([_named(name)], default=False) == (True, "")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_named("Newsletter", "yes"), _named("newsletter", "no")),
        (_named("Newsletter", "yes"), _named("Newsletter", "no")),
        (_named("NEWSLETTER", "yes"), _named("newsletter", "off")),
        (_named("Newsletter", ""), _named("newsletter", "yes")),
        (_named("Newsletter", None), _named("Newsletter ", "yes")),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_custom_fields_of_one_name_that_differ_are_an_error(
    first: dict[str, object], second: dict[str, object], turned: bool
) -> None:
    """Whichever comes first, and whichever is spelt exactly."""
    fields = [second, first] if turned else [first, second]
    why = "CustomFields.Newsletter is there several times, and what it says differs"
    assert _subscription(fields, default=False) == (None, why)


@pytest.mark.parametrize(("first", "second"), [("yes", "TRUE"), ("no", ""), ("", None), (0, False)])
def test_custom_fields_of_one_name_that_agree_are_clear(first: object, second: object) -> None:
    """By what they mean."""
    fields = [_named("Newsletter", first), _named("newsletter", second)]
    assert _subscription(fields, default=False) == (first == "yes", "")


@pytest.mark.parametrize("text", ["Mo\u0308chte", "M\xf6chte", "m\xf6chte\u200b", "\xa0M\xd6CHTE", "\ufeffm\xf6chte"])
def test_text_that_looks_the_same_is_translated_the_same(text: str) -> None:
    """Otherwise `otherwise` would unsubscribe whoever wants the newsletter."""
    row = {"translate": {folded("M\xf6chte"): True}, "otherwise": False}
    assert _subscription([_named("Newsletter", text)], **row) == (True, "")


def test_an_empty_recommended_subscription_is_a_warning() -> None:
    """Like any other row of its level."""
    mapping = _mapping(_field("IsSubscribed", "CustomFields.News", Level.RECOMMENDED))
    assert mapping.apply(_customer()).warnings == (
        "IsSubscribed is recommended and its source CustomFields.News is empty",
    )


def test_an_empty_required_subscription_fails() -> None:
    """In the transfer and in the reconcile alike."""
    mapping = _mapping(_field("IsSubscribed", "CustomFields.News", Level.REQUIRED))
    with pytest.raises(RequiredFieldEmpty):
        mapping.apply(_customer())
    with pytest.raises(RequiredFieldEmpty):
        mapping.subscription(_customer())


def test_the_subscription_is_not_a_part_of_the_payload() -> None:
    """It is set by a call of its own."""
    mapping = _mapping(Row(RowType.STATIC, "IsSubscribed", value=True))
    assert mapping.apply(_customer()).payload == {"email": "ada@example.com"}


# Whatever comes ------------------------------------------------------------------------------------------------------

_values = st.none() | st.text(max_size=8) | st.sampled_from(["true", "NO", " ", "a@b.example", "\u200b"])
_custom_fields = st.lists(
    st.fixed_dictionaries({"custom_field_name": st.sampled_from(["News", "NEWS", "Tier", None]), "value": _values}),
    max_size=4,
)
_customers = st.builds(Customer, custom_fields=_custom_fields, **dict.fromkeys(SOURCES.values(), _values))
_sources = st.sampled_from([*SOURCES, "CustomFields.News", "CustomFields.Tier"])
_levels = st.sampled_from(list(Level))
_rows = st.builds(Row, st.just(RowType.FIELD), st.sampled_from([*WIRE_NAMES, "IsSubscribed"]), _sources, level=_levels)
_mappings = st.lists(_rows, unique_by=lambda row: row.destination, min_size=1).map(lambda rows: Mapping(tuple(rows)))


CODES = {"email-missing", "email-invalid", "required-field-empty"}


def _outcome(mapping: Mapping, customer: Customer) -> Mapped | SyncError:
    """What a mapping makes of a customer; an error that is not in the catalogue goes through."""
    try:
        return mapping.apply(customer)
    except SyncError as error:
        return error


@given(_mappings, _customers)
def test_any_customer_gives_a_payload_without_empties_or_a_catalogue_error(
    mapping: Mapping, customer: Customer
) -> None:
    """No customer can make the mapping fail in an unforeseen way."""
    outcome = _outcome(mapping, customer)
    if isinstance(outcome, Mapped):
        assert all(value.strip() for value in outcome.payload.values())
        assert outcome.payload.keys() <= set(WIRE_NAMES.values())
    else:
        assert outcome.entry.code in CODES


@given(_mappings, st.sets(st.sampled_from(list(SOURCES.values()))))
def test_neither_warnings_nor_errors_ever_show_a_value(mapping: Mapping, filled: set[str]) -> None:
    """A customer's data stays out of logs and ledger."""
    customer = Customer.read(dict.fromkeys(filled, "hunter2"))
    outcome = _outcome(mapping, customer)
    shown = " ".join(outcome.warnings) if isinstance(outcome, Mapped) else str(outcome)
    assert "hunter2" not in shown
