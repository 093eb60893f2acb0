"""The tables of docs/reference, made from the code: `python -m tests.tables` writes them into the pages.

Each page is an introduction, written by hand, and the one table behind it.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tests.parts import ROOT
from worker.config.settings import Settings, variable
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.errors import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES: Final = ROOT / "docs" / "reference"


def errors_table() -> str:
    """The error catalogue."""
    rows = [
        f"| `{code}` | {kind.entry.title} | {kind.entry.cause} | {kind.entry.resolution} | {kind.retried.sentence} |"
        for code, kind in ((code, KINDS[code]) for code in CATALOGUE)
    ]
    return "\n".join(["| code | title | cause | what to do | retried |", "| --- | --- | --- | --- | --- |", *rows])


def settings_table() -> str:
    """The settings, with their defaults."""
    texts = meanings(Settings)
    rows = [
        f"| `{variable(name)}` | {_shown(field.get_default())} | {texts[name]} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


TABLES: Final[dict[str, Callable[[], str]]] = {"errors.md": errors_table, "settings.md": settings_table}
"""The page of each table."""


def write() -> None:
    """Put each table into its page, in place of the one that is there."""
    for name, table in TABLES.items():
        page = PAGES / name
        introduction = page.read_text(encoding="utf-8").partition("\n| ")[0]
        page.write_text(f"{introduction}\n{table()}\n", encoding="utf-8")


def meanings(model: type) -> dict[str, str]:
    """The text under each field of a class, by the field's name."""
    (body,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _shown(default: object) -> str:
    if default is None or default == "":
        return ""
    return f"`{','.join(map(str, default)) if isinstance(default, tuple) else default}`"


if __name__ == "__main__":
    write()
