"""Who runs a command."""

from __future__ import annotations

import getpass

from worker.jobs.asking import user_name


def person() -> str:
    """The user's name on this machine; empty where there is none, as in a container with a number alone."""
    try:
        return user_name(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""
