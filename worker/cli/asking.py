"""Asks before something is done that can't be undone."""

from __future__ import annotations

import sys

import click

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def require_somebody(question: str) -> None:
    """Raise click's UsageError if there is no terminal, and so nobody who could answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: add --yes.")


def confirmed(question: str) -> bool:
    """Whether somebody says yes. Raises click's UsageError if there is nobody."""
    require_somebody(question)
    return click.confirm(question, err=True)
