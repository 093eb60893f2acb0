"""The README's tables are those of the code."""

from __future__ import annotations

import pytest

from tests.parts import ROOT
from worker.errors import CATALOGUE, Retried
from worker.settings import Settings, variable

RETRIED = {
    Retried.ALWAYS: "yes",
    Retried.BY_STATUS: "on 408, 429, 5xx and no answer",
    Retried.HELD: "while its connection is held",
    Retried.NEVER: "no",
}


def errors_table() -> str:
    """The catalogue as the README shows it."""
    rows = [
        f"| `{entry.code}` | {entry.title} | {entry.cause} | {entry.resolution} | {RETRIED[entry.retried]} |"
        for entry in CATALOGUE.values()
    ]
    return "\n".join(["| code | title | cause | what to do | retried |", "| --- | --- | --- | --- | --- |", *rows])


def settings_table() -> str:
    """The settings as the README shows them."""
    rows = [
        f"| `{variable(name)}` | {_shown(field.get_default())} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def _shown(default: object) -> str:
    if default is None or default == "":
        return ""
    return f"`{','.join(map(str, default)) if isinstance(default, tuple) else default}`"


@pytest.mark.parametrize("table", [errors_table, settings_table])
def test_readme_shows_the_table(table: object) -> None:
    """A changed error or setting shows in the README."""
    assert callable(table)
    assert str(table()) in (ROOT / "README.md").read_text(encoding="utf-8")
