"""The README's tables are those of the code."""

from __future__ import annotations

import re

import pytest

from tests.parts import ROOT
from worker.config.settings import Settings, variable
from worker.contract.assumptions import ASSUMPTIONS
from worker.jobs.catalogue import CATALOGUE, Retried

RETRIED = {
    Retried.ALWAYS: "yes",
    Retried.BY_ANSWER: "unless it is this customer that is refused",
    Retried.SOON: "for some minutes",
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


def test_readme_names_the_files_that_check_write_names() -> None:
    """In its sample of what `check --write` shows; the lines change too often."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sample = readme[readme.index("✓ A write takes") :].partition("```")[0]
    shown = [each for each in ASSUMPTIONS if f" {each.says}" in sample]
    assert len(shown) == 3
    assert sorted(re.findall(r"(worker/[\w/]+\.py):…", sample)) == sorted(each.file for each in shown)
