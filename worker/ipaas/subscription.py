"""A subscription's settings in iPaaS.com: where its Stamped.io store is, both keys of it, and its throttle.

The answer holds secrets. So of what iPaaS.com says when it refuses this call, the code alone is shown, and an error
about the settings names them and never a value.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from worker.config.environment import Environment
from worker.config.faults import checked, fault_of, wrong
from worker.config.secret import as_secret
from worker.config.values import NO_COLON, ApiUrl, Concurrent, Limit, Seconds, StoreHash, is_readable_on_the_way
from worker.http.body import fields_of, text_of
from worker.jobs.errors import SubscriptionIncomplete
from worker.jobs.intents import Intent, Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import ErrorDetails

    from worker.http.answers import Answer

ROUTE: Final = "subscriptions/v2/Subscription/{id}"
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "api_url": ("API Url",),
    "public_key": ("API Public Key", "API User"),
    "private_key": ("API Private Key", "API Password"),
    "store_hash": ("API Store Hash",),
    "limit": ("API Throttle Limit",),
    "seconds": ("API Throttle Seconds",),
    "concurrent": ("Concurrent Connections",),
}
"""The settings by what they are in the connections file (contract: C); the second name is the twin of the first."""
KEYS: Final = ("public_key", "private_key")
NEEDED: Final = ("api_url", "public_key", "private_key", "store_hash")
"""Those without which the store can't be called; the throttle has defaults."""
API_PATH: Final = "/api/v2"
"""What `API Url` may end with. Assumed: our own base URL has it, and it must not be there twice."""
LONGEST_NAME: Final = 200
NOT_FOUND: Final = "no subscription was found: iPaaS.com is not all there, or the system_id is wrong"
"""What is said of a 404 without iPaaS.com's code, which a gateway can send as well."""
WHOLE: Final = re.compile(r"[+-]?[0-9]+(\.0*)?")
LONGEST_NUMBER: Final = 20
"""Characters of a number: far more than any has that is allowed."""
MUST_BE_TEXT: Final = "must be text"
MUST_BE_WHOLE: Final = "must be a whole number of 1 or more"
WORDS: Final = {"string_type": MUST_BE_TEXT, "int_type": MUST_BE_WHOLE, "greater_than": MUST_BE_WHOLE}
"""What is said of pydantic's error types here: the words of the connections file speak of how TOML is written."""


def _text(value: Any) -> Any:
    """A text, which JSON may have as a number."""
    return value if isinstance(value, bool) else text_of(value) or value


def _key(value: Any) -> str:
    text = value if isinstance(value, SecretStr) else _text(value)
    if not isinstance(text, str | SecretStr):
        raise wrong(MUST_BE_TEXT)
    return as_secret(text if isinstance(text, str) else text.get_secret_value(), Environment({}))


def _url(value: Any) -> Any:
    return value.rstrip("/").removesuffix(API_PATH) if isinstance(value, str) else value


ENCRYPTED: Final = checked(
    lambda url: not is_readable_on_the_way(url), "must be an https:// URL, as the store's keys are sent there"
)


def _number(value: Any) -> Any:
    """Numbers come as texts (contract: A), perhaps as 500.0."""
    text = _text(value)
    is_whole = isinstance(text, str) and len(text) <= LONGEST_NUMBER and WHOLE.fullmatch(text)
    return int(Decimal(text)) if is_whole else value


class Subscription(BaseModel):
    """What a subscription says of the values that were asked for. None is what it need not say, and does not."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    api_url: Annotated[ApiUrl, BeforeValidator(_url), ENCRYPTED] | None = None
    public_key: Annotated[str, BeforeValidator(_key), NO_COLON] | None = Field(None, repr=False)
    private_key: Annotated[SecretStr, BeforeValidator(_key)] | None = None
    store_hash: Annotated[StoreHash, BeforeValidator(_text)] | None = None
    limit: Annotated[Limit, BeforeValidator(_number)] | None = None
    seconds: Annotated[Seconds, BeforeValidator(_number)] | None = None
    concurrent: Annotated[Concurrent, BeforeValidator(_number)] | None = None

    @classmethod
    def read(cls, settings: Mapping[str, Any], wanted: Collection[str]) -> Subscription:
        """What the settings say of the `wanted` values, and of no other. Raises SubscriptionIncomplete.

        Their names are compared without case. Texts lose the blanks around them, and an empty one counts as missing.
        """
        by_name = {name.strip().casefold(): value for name, value in settings.items()}
        found = {each: _value(by_name, NAMES[each][0]) for each in NAMES if each in wanted}
        twin, keys = _keys(by_name, [each for each in KEYS if each in wanted])
        found |= keys
        given = {each: value for each, value in found.items() if value is not None}
        names = {each: NAMES[each][twin if each in KEYS else 0] for each in NEEDED}
        missing = [f"{name} is missing" for each, name in names.items() if each in wanted and each not in given]
        try:
            read = cls.model_validate(given)
        except ValidationError as error:
            wrongs = [*map(_in_words, error.errors(include_url=False, include_input=False))]
        else:
            if not missing:
                return read
            wrongs = []
        # Outside of the block that caught it: the cause of an error is shown with it, and pydantic's knows the values.
        raise SubscriptionIncomplete("; ".join([*missing, *wrongs]), trouble=Trouble.SETTINGS)


def _keys(by_name: Mapping[str, Any], wanted: Collection[str]) -> tuple[int, dict[str, Any]]:
    """The keys by one pair of their names: the first of which none is missing, or else the first of which one is there.

    A key of one pair with one of the other could belong to different stores. Answers which pair it is, too.
    """
    pairs = [(twin, {each: _value(by_name, NAMES[each][twin]) for each in wanted}) for twin in (0, 1)]
    return max(pairs, key=lambda pair: sum(value is not None for value in pair[1].values()))


def _value(by_name: Mapping[str, Any], name: str) -> Any:
    """A setting without the blanks around it, or None if it is empty or not there."""
    value = by_name.get(name.casefold())
    value = value.strip() if isinstance(value, str) else value
    return None if value == "" else value


def _in_words(error: ErrorDetails) -> str:
    """A wrong setting, by the name that it has in iPaaS.com."""
    name = NAMES[str(error["loc"][0])][0]
    problem = WORDS.get(error["type"]) or fault_of(error, "", "", "").problem
    return f"{name} {problem.removeprefix('the secret ')}"


# The answer -----------------------------------------------------------------------------------------------------------


def without_words(answer: Answer) -> Answer:
    """The answer without the API's words. A refusal would meet any customer: the call is about none."""
    if answer.is_missing and not answer.code:
        answer = replace(answer, words=NOT_FOUND, has_own_words=True)
    if not answer.has_own_words:
        answer = replace(answer, words=answer.code)
    if answer.intent in {Intent.ACCEPTED, Intent.STORES}:
        return answer
    trouble = Trouble.SYSTEM if answer.is_missing and answer.code else Trouble.UNAVAILABLE
    return replace(answer, intent=Intent.STORES, trouble=trouble)


def is_about(answer: Answer, system_id: int) -> bool:
    """Whether an accepted answer is this subscription. It must say so: another one's keys lead to another store."""
    return isinstance(answer.body, dict) and text_of(fields_of(answer.body).get("id")) == str(system_id)


def name_in(body: Mapping[str, Any]) -> str:
    """The subscription's name in one line, or an empty text."""
    name = body.get("name")
    return " ".join(_shown(name))[:LONGEST_NAME] if isinstance(name, str) else ""


def settings_in(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings, a name with each value (contract: C); None if there is no such object."""
    settings = body.get("settings")
    return settings if isinstance(settings, dict) else None


def _shown(text: str) -> Iterator[str]:
    return ("".join(filter(str.isprintable, word)) for word in text.split())
