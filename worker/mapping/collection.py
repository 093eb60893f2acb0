"""A mapping collection of iPaaS.com: the names of what it holds, and how its values are compared and shown.

All of these names are assumed (contract: MappingCollection, A): correct them here alone. It is also assumed that a
Static row has its value in `source_value`, and that a custom field is named there as in a mapping file: `CustomFields.`
and its name.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Final

from worker.telemetry.masking import masked

ROWS, CHILDREN, SYNC_TYPE = "mappings", "children", "sync_type"
FILTERS: Final = ("filter", "error_filter")
"""The fields of a collection, and of each of its children."""
TYPE, SOURCE, DESTINATION = "mapping_type_name", "source_value", "destination_field"
DEFAULT, TRANSLATIONS = "default_value", "translation_collection_id"
"""The fields of each of its rows."""
OF_COLLECTION: Final = frozenset({"id", ROWS, CHILDREN, SYNC_TYPE, *FILTERS})
OF_ROW: Final = frozenset({"id", TYPE, SOURCE, DESTINATION, DEFAULT, TRANSLATIONS})
"""The fields that are looked at, in a collection and in a row; what has another one is told of it."""

SWITCHED_OFF: Final = frozenset(
    {"off", "inactive", "notactive", "disabled", "notenabled", "deactivated", "deleted", "archived", "suspended"}
)
"""What a field says, as `key` has it, if the row or collection that holds it is switched off."""
OFF_NAMES: Final = (
    "disabled",
    "inactive",
    "notactive",
    "notenabled",
    "deactivated",
    "deleted",
    "archived",
    "suspended",
    "skip",
)
ON_NAMES: Final = ("active", "enabled")
CONDITION_NAMES: Final = ("filter", "condition", "criteri", "expression", "predicate")
"""Parts of the names, as `key` has them, that a switch or a condition probably has."""
YES: Final = frozenset({"true", "yes", "on", "1", "y", "active", "enabled"})
NO: Final = frozenset({"false", "no", "off", "0", "n"})
"""What a switch says, as `key` has it."""


class Kind(StrEnum):
    """The types of rows, as `mapping_type_name` has them."""

    FIELD = "Field"
    WITH_DEFAULT = "FieldWithDefault"
    STATIC = "Static"
    LOOKUP = "Lookup Translation"
    FORMULA = "Dynamic Formula"
    REGEX = "Regex Translation"


SYNC_TYPES: Final = frozenset({"", "addupdate", "addorupdate", "addandupdate", "createupdate", "createorupdate"})
"""What `sync_type` says, as `key` has it, if it is what this software does."""
DELETES: Final = "delete"
"""A part of what it says if it deletes."""

SHOWN: Final = 60
"""Characters of a text that are shown."""
LOOKED_AT: Final = 1_000
"""Characters that are looked at for it: more than are shown, because masks shorten a text."""


def key(value: object) -> str:
    """A word without case and signs, by which what a field says is compared."""
    if value is None or isinstance(value, list | dict):
        return "" if is_empty(value) else "?"
    return re.sub(r"[\W_]", "", str(value)).casefold()


def name_key(value: object) -> str:
    """A name without case, blanks, `_` and `-`, by which it is compared. Any other sign may change what is meant."""
    if value is None or isinstance(value, list | dict):
        return "" if is_empty(value) else "?"
    return re.sub(r"[\s_-]", "", str(value)).casefold()


KINDS: Final = {name_key(kind): kind for kind in Kind}


def is_empty(value: object) -> bool:
    """Whether a field holds nothing. False and 0 are something."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def kind_of(value: object) -> str:
    """What a value is, in words."""
    names = {bool: "true or false", str: "text", list: "a list", dict: "an object", type(None): "missing"}
    return names.get(type(value), "a number")


def shown(value: object) -> str:
    """A value in words: a text in quotes, and as `cut` has it."""
    return json.dumps(cut(value), ensure_ascii=False) if isinstance(value, str) else cut(value)


def cut(value: object) -> str:
    """A value on one line, short, and without e-mail addresses."""
    if isinstance(value, list | dict):
        return kind_of(value)
    text = masked(str(value).lower() if isinstance(value, bool) else str(value)[:LOOKED_AT])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
