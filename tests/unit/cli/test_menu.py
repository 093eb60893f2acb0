"""The menu of commands."""

from __future__ import annotations

from datetime import timedelta

import click
import pytest

from worker.cli.menu import COMMANDS, menu
from worker.presentation.times import lasting


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_itself(name: str) -> None:
    """Each says in its help how it ends, or has subcommands that do."""
    context = click.Context(menu)
    command = menu.get_command(context, name)
    assert command
    taught = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for each in taught:
        help_text = each.get_help(click.Context(each))
        assert "Exit codes: 0" in help_text
        assert "Example" in help_text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (7_200, "2 h"), (172_800, "2 days")],
)
def test_spans_are_told_in_their_greatest_unit(seconds: int, expected: str) -> None:
    """Nobody reads 5,400 seconds with ease."""
    assert lasting(timedelta(seconds=seconds)) == expected
