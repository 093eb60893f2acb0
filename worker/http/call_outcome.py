"""What an answer's body says about the call: a code of iPaaS.com, a refusal inside a success, the status it names.

Stamped.io promises none of these shapes (contract: "Read answers leniently", A), so names and words are read in any
spelling. Only `worker.http.answers` decides what they mean.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from worker.http.body import ENVELOPES_DEPTH, LISTS, MESSAGE_FIELDS, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.http.body import Fields

ACCEPTED: Final = 202
REFUSED, NOT_FOUND, GONE, TOO_MANY = 400, 404, 410, 429
OF_SERVERS: Final = range(500, 600)
OF_ONE_RECORD: Final = frozenset({REFUSED, NOT_FOUND, 409, GONE, 412, 413, 414, 422, 423, 424, 428, 431})
"""Statuses that one record can cause. Every other error would meet any customer: no such method, payment due, …"""

CODE: Final = re.compile(r"\b(AUTH|AUTZ|VALD|BIZL|NFND|INTL)-[0-9]{4}\b", re.IGNORECASE)
"""An error code of iPaaS.com (contract: C)."""
CODE_FIELDS: Final = ("code", "errorcode")
"""The fields of such a code; it may also be part of the message or of the reason phrase (contract: A)."""
CODES_DEPTH: Final = 4

# The names below are compared without case and underscores. All are assumed: correct them here.
FLAGS: Final = ("success", "issuccess", "succeeded", "successful", "issuccessful", "ok")
"""Flags that say whether the call worked."""
STATES: Final = ("status", "state", "result", "outcome", "code", "data")
"""The fields that can hold a call's outcome, as a word or as false."""
STATUS_FIELDS: Final = ("status", "statuscode", "httpstatus", "httpstatuscode")
"""Fields of a body that can hold the call's true status. `code` can too, but it can also be the API's own number."""
ERROR_FIELDS: Final = (
    *("error", "errors", "errormessage", "errormessages", "errorcode", "validationerrors", "exceptionmessage"),
    *("iserror", "haserror", "haserrors", "failed", "failure", "failures"),
)
NO_ERROR: Final = re.compile(r"(?:no(?:ne| errors?| problems?)|null|n/?a|false|ok|success|200|[0.]*)", re.IGNORECASE)
RECORD_FIELDS: Final = frozenset(
    {
        *("firstname", "lastname", "issubscribed", "notes", "datecreated"),
        *("customernumber", "comment", "categoryid", "customfields", "externalids"),
        *("createddatetime", "updateddatetime", "settings", "integrationid"),
    }
)
"""With one of these beside its id, an object is a record, and its `status` is the customer's, not the call's."""
IDS: Final = frozenset({"id", "customerid"})
OF_CUSTOMERS: Final = frozenset({"comment", "notes", "firstname", "lastname", "company", "value"})
"""Fields whose texts customers write, so that any word can stand there."""
EMAIL_FIELDS: Final = frozenset({"email", "customeremail", "emailaddress"})
STATUS: Final = re.compile(r"\s*([45][0-9]{2})(?:\.0*)?(?![\w.-])", re.ASCII)
YES: Final = re.compile(r"\s*(?:true|yes|ok|success\w*|succeeded|done|1)(?![\w-])", re.IGNORECASE | re.ASCII)
NO: Final = re.compile(r"\s*(?:false|no|not|0)(?![\w-])", re.IGNORECASE | re.ASCII)
FAILURE: Final = re.compile(
    r"\s*(?:errors?|fail(?:s|ed|ure)?|reject(?:s|ed)|refused|denied|declined|invalid|unsuccessful|aborted|cancell?ed"
    r"|exception|time(?:d[ _-]?)?out|unauthori[sz]ed|forbidden|bad[ _-]request|ko"
    r"|not[ _-]?(?:ok|successful|found|allowed))(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
"""A text that begins with one of these words speaks of a failure."""
PENDING: Final = re.compile(
    r"\s*(?:pending|processing|queued|scheduled|in[ _-]progress)(?![\w-])", re.IGNORECASE | re.ASCII
)
SPEAKING: Final = frozenset(
    (*FLAGS, *STATES, *STATUS_FIELDS, *ERROR_FIELDS, *CODE_FIELDS, *MESSAGE_FIELDS, *LISTS),
)
"""An object without any of these says nothing about the call. Most customers are answered in such an object."""
MOST_ENTRIES: Final = 20
"""How many entries of a list are looked at: the outcome of a call has only a few, a list of customers many."""


# iPaaS.com's error codes ----------------------------------------------------------------------------------------------


def code_in(value: Any, levels: Sequence[Fields], reason: str, *, is_error: bool) -> str:
    """The code of iPaaS.com in an answer: in its error fields and, if the answer is an error, at the start of any text.

    Texts that customers write are left out: a comment can hold a code and is no error.
    """
    found = [map(CODE.search, _error_texts(value, levels))]
    if is_error:
        found += [map(CODE.match, _all_texts(value, CODES_DEPTH, but=OF_CUSTOMERS)), map(CODE.search, [reason])]
    return next((match[0].upper() for match in chain(*found) if match), "")


def _error_texts(value: Any, levels: Sequence[Fields]) -> Iterator[str]:
    """The texts in the fields that hold an error's code or words."""
    if isinstance(value, str) or _is_list_of_sentences(value):
        yield from _all_texts(value, 1)
    for level in levels:
        for name in (*CODE_FIELDS, *MESSAGE_FIELDS, *ERROR_FIELDS):
            yield from _all_texts(level.get(name), CODES_DEPTH)


def _all_texts(value: Any, depth: int, but: frozenset[str] = frozenset()) -> Iterator[str]:
    """All texts in a value, except those in the fields `but`."""
    if isinstance(value, str):
        yield value
    if isinstance(value, dict):
        inner: Iterable[Any] = (held for name, held in fields_of(value).items() if name not in but)
    else:
        inner = value if isinstance(value, list) else ()
    if depth:
        for each in inner:
            yield from _all_texts(each, depth - 1, but)


# A refusal inside a body ----------------------------------------------------------------------------------------------


def refused_as(value: Any, levels: Sequence[Fields]) -> int | None:
    """The status that a success should have had: an error's if its body refuses, 202 if the call was only queued."""
    if value is False or (isinstance(value, str) and FAILURE.match(value)) or _is_list_of_refusals(value):
        return REFUSED
    of_levels = ((_refused_status if _is_record(level) else _outcome_of)(level) for level in levels)
    of_entries = (_outcome_of(entry) for entry in _entries(value, levels))
    return next(filter(None, chain(of_levels, (status for status in of_entries if status != ACCEPTED))), None)


def _outcome_of(level: Fields) -> int | None:
    """The status of what one object says about the call."""
    status = _status_in(level) or _status_of(level.get("code")) or _status_in_error(level)
    states = [level.get(name) for name in STATES]
    is_done = any(YES.match(str(level.get(name))) for name in (*FLAGS, *STATES))
    words = [word for word in (*states, None if is_done else level.get("message")) if isinstance(word, str)]
    if any(state is False for state in states) or any(map(FAILURE.match, words)):
        return status or REFUSED
    is_pending = any(map(PENDING.match, words)) or "accepted" in map(str.lower, words)
    return status or _refused_status(level) or (ACCEPTED if is_pending else None)


def _refused_status(level: Fields) -> int | None:
    """The status of a refusal, if a flag or an error field says that it is one."""
    is_no = any(_is_no(level[name]) for name in FLAGS if name in level)
    return REFUSED if is_no or any(_is_error(level.get(name)) for name in ERROR_FIELDS) else None


def named_by_store(levels: Sequence[Fields]) -> int | None:
    """The status that an error's body names, if it would meet any customer: a gateway may pass a 503 on as a 400."""
    named = chain.from_iterable((_status_in(level), _status_in_error(level)) for level in levels)
    return next((status for status in named if status and status not in OF_ONE_RECORD), None)


def _entries(value: Any, levels: Sequence[Fields]) -> Iterator[Fields]:
    """The first entries of each list in an answer, without customers: a call can answer with several outcomes."""
    lists = [value, *(level.get(name) for level in levels for name in LISTS)]
    for each in lists:
        if isinstance(each, list):
            found = (fields_of(entry) for entry in each[:MOST_ENTRIES] if isinstance(entry, dict))
            yield from (entry for entry in found if not (_is_record(entry) or _has_email(entry)))


def _is_record(level: Fields) -> bool:
    return not IDS.isdisjoint(level) and not RECORD_FIELDS.isdisjoint(level)


def _has_email(level: Fields) -> bool:
    return not IDS.isdisjoint(level) and not EMAIL_FIELDS.isdisjoint(level)


def _is_list_of_sentences(value: Any) -> bool:
    """Whether it is a bare list of sentences, such as errors. Ids hold no blanks, so a list of ids is none."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and " " in each for each in value)


def _is_list_of_refusals(value: Any) -> bool:
    """Whether it is a bare list of sentences, or holds only words of failure and false."""
    if not isinstance(value, list) or not value:
        return False
    no_words = (each is False or (isinstance(each, str) and FAILURE.match(each)) for each in value[:MOST_ENTRIES])
    return _is_list_of_sentences(value) or all(no_words)


def _status_in(level: Fields) -> int | None:
    return next(filter(None, (_status_of(level.get(name)) for name in STATUS_FIELDS)), None)


def _status_in_error(level: Fields) -> int | None:
    """The status that an error field names. Its `code` counts only if it is 429 or 5xx: others can be the API's own."""
    errors = (level.get(name) for name in ("error", "errors"))
    first = (each[0] if isinstance(each, list) and each else each for each in errors)
    for each in first:
        fields = fields_of(each) if isinstance(each, dict) else {}
        code = _status_of(fields.get("code")) or 0
        if status := _status_in(fields) or (code if code == TOO_MANY or code in OF_SERVERS else None):
            return status
    return None


def _status_of(value: Any) -> int | None:
    """An error status, as a number or at the start of a text."""
    is_text = isinstance(value, int | str | Decimal) and not isinstance(value, bool)
    found = STATUS.match(str(value)) if is_text else None
    return int(found[1]) if found else None


def _is_no(value: Any) -> bool:
    return bool(NO.match(value) or FAILURE.match(value)) if isinstance(value, str) else bool(value == 0)


def _is_error(value: Any, depth: int = ENVELOPES_DEPTH) -> bool:
    """Whether a value is an error. Empty lists, empty texts, false and words such as "none" are not."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None or depth == 0:
        return value is not None and not NO_ERROR.fullmatch(str(value).strip())
    return any(_is_error(each, depth - 1) for each in inner)
