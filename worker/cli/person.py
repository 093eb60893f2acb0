"""Who runs a command."""

from __future__ import annotations

import getpass


def person() -> str:
    """The user's name on this machine; empty where there is none, as in a container with a number alone."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
