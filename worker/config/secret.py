"""A secret of the connections file: the text itself, `{ env = "NAME" }` or `{ file = "path" }`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from worker.config.environment import DOTENV
from worker.config.faults import nearest, unknown, wrong
from worker.config.text_file import KILOBYTE, Files, Unreadable, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from worker.config.environment import Environment

PLACES = ("env", "file")
LONGEST_BYTES = 64 * KILOBYTE
"""Far more than any key has."""
UNREPLACED = (
    re.compile(r"\$\w+|\$?\{.*\}|\$\(.*\)|%\w+%"),
    "is a variable such as $NAME, which nothing replaces here",
)
"""What no password is either."""
MISTAKES = {
    UNREPLACED[0]: UNREPLACED[1],
    re.compile(r"(?i:(authorization:? *)?(bearer|basic)([ :].*)?)"): (
        "begins with Bearer or Basic: leave that word out, it is added by itself"
    ),
    re.compile(
        r"(?i:<.*>|(your|my)[a-z_ -]*(token|key|secret|password)([_ -]?here)?|(change|replace)[_ -]?me|todo"
        r"|(pubkey-|key-)?(x[x-]{2,}|\*{3,}|\.{3,}))"
    ): "is a placeholder, and no key",
    re.compile(r"[A-Z][A-Z0-9_]*_(TOKEN|KEY|SECRET|PASSWORD)"): "is the name of a variable, and not its value",
}
"""What people write in the place of a key, as a whole, and what is said of it, without repeating it.

A key is random letters, digits and signs, which may begin with any word: so a placeholder is words from end to end.
"""
ANY_MISTAKE = re.compile("|".join(each.pattern for each in MISTAKES))
"""For one look instead of many: a file can have thousands of keys, and nearly none of them is a mistake."""
WORDS_PATH = r"(~|\.{1,2})?/?[a-z_.-]+(/[a-z_.-]+)+|~?/[a-z_.-]+"
"""A path of words alone: no key looks so."""
REFERENCES = {
    re.compile(rf"(?i:file) ?[:=].*|@.*|[A-Za-z]:[\\/].*|[a-z_-]+\.(txt|key|pem|json|env)|{WORDS_PATH}"): (
        "is a path, and not what the file holds",
        '{ file = "path" }',
    ),
    re.compile(
        r"(?i:(process\.|os\.)?env(iron(ment)?)?) ?[:=.(\[{].*|(?i:vault|secret|secrets|aws|arn|ssm|op) ?:.*"
        r"|[a-z][a-z0-9+.-]*://.*"
    ): ("is a reference, and no key", '{ env = "NAME" }'),
}
"""What people write into the connections file itself, and what would be right there. Elsewhere it may be a key."""
VARIABLE = re.compile(r"[A-Z]+|(?=[A-Z0-9_]{1,64}$)[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
"""What a variable of a secret is called."""
FILE = re.compile(r"[A-Za-z_-]{1,40}|[\w-]{1,60}\.[a-z]{2,5}")
"""What the file of a secret may be called without a folder: words, or a name with an ending; no key looks so."""
UNNAMED = "(its name is not shown, as it may be the secret itself)"
FORMS = 'must be text, { env = "NAME" } or { file = "path" }'


def read_password(value: Any, folder: Path, environ: Environment, files: Files | None = None) -> str:
    """The text of a secret that a person has chosen, which can be any line. Raises the validator's error."""
    text, place = _text_and_place(value, folder, environ, files)
    if not text:
        raise wrong(f"{place} is empty")
    if UNREPLACED[0].fullmatch(text.strip()):
        raise wrong(f"{place} {UNREPLACED[1]}")
    if not text.isprintable():
        raise wrong(f"{place} holds a line break or another character that nobody can type")
    return text


def read_secret(value: Any, folder: Path, environ: Environment, files: Files | None = None) -> str:
    """The secret's text, in whichever way it is given. Raises the validator's error if there is none.

    A secret goes into an HTTP header, so it must be printable ASCII without a space. A placeholder, a key that was cut
    off or a line break is found here, before any call.
    """
    text, place = _text_and_place(value, folder, environ, files)
    for pattern, (problem, example) in REFERENCES.items() if isinstance(value, str) else ():
        if pattern.fullmatch(text.strip()):
            raise wrong(f"{place} {problem}", example)
    return as_secret(text, environ, place)


def as_secret(text: str, environ: Environment, place: str = "the secret") -> str:
    """A text that is used as a secret. Raises the validator's error if it can't be one."""
    if not text:
        raise wrong(f"{place} is empty")
    if problem := _mistake(text, environ):
        raise wrong(f"{place} {problem}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong(f"{place} holds a character that a key never has, such as a space, a line break or an ellipsis")
    return text


def _mistake(text: str, environ: Environment) -> str:
    """What is said of a text that is no key but a mistake; empty if it may be a key."""
    if text in environ.variables:
        return "is the name of a variable, and not its value"
    if not ANY_MISTAKE.fullmatch(text.strip()):
        return ""
    return next(problem for mistake, problem in MISTAKES.items() if mistake.fullmatch(text.strip()))


def _text_and_place(value: Any, folder: Path, environ: Environment, files: Files | None) -> tuple[str, str]:
    if isinstance(value, str | SecretStr):
        return value if isinstance(value, str) else value.get_secret_value(), "the secret"
    place, name = _reference(value)
    if place == "file":
        return _from_file(name, folder, files)
    if name not in environ.variables:
        is_name = VARIABLE.fullmatch(name)
        problem = f"environment variable {name if is_name else UNNAMED} is not set, and not in {DOTENV} here either"
        raise wrong(problem, f"{name if is_name else 'IPAAS_TOKEN'}=… as a line of {DOTENV}")
    line = environ.lines.get(name.upper())
    return environ.variables[name], f"environment variable {name}{f' ({DOTENV}, line {line})' if line else ''}"


def _reference(value: Any) -> tuple[str, str]:
    """The one key of a secret's table, and the name that it holds."""
    if not isinstance(value, dict) or len(value) != 1:
        raise wrong(FORMS)
    place, name = next(iter(value.items()))
    if place not in PLACES:
        raise wrong(unknown(place, "place for a secret", PLACES) if nearest(place, PLACES) else FORMS)
    if not isinstance(name, str) or not name:
        raise wrong(FORMS)
    return place, name


def _from_file(name: str, folder: Path, files: Files | None) -> tuple[str, str]:
    path = folder / name
    is_in_folder = path.parent != folder and os.path.isdir(path.parent)  # noqa: PTH112 - it raises nothing
    is_place = FILE.fullmatch(name) or re.fullmatch(WORDS_PATH, name) or is_in_folder
    shown = path if is_place else UNNAMED
    try:
        return read_text(path, LONGEST_BYTES, files).rstrip("\n"), f"file {shown}"
    except FileNotFoundError:
        raise wrong(f"there is no file {shown}: make it, or correct the path", '{ file = "path" }') from None
    except Unreadable as error:
        raise wrong(f"file {shown} {error}") from None
