"""The least rights that a user of Redis needs, as the operator's guide has them; tests show that each is needed."""

from __future__ import annotations

from typing import Final

from worker.ledger.proving.trials import LEDGER_KEYS, QUEUE_COMMANDS, channels, ledger_commands, queue_trials

DIRECT_COMMANDS: Final = (
    *("PING", "SELECT", "EVALSHA", "SCRIPT|EXISTS", "SCRIPT|LOAD", "MULTI", "EXEC", "WATCH", "UNWATCH"),
    *("BRPOP", "PUBLISH", "PSUBSCRIBE", "PUNSUBSCRIBE"),
)
"""What can't be tried in a script, and is tried by doing what the worker does."""


def commands() -> tuple[str, ...]:
    """Every command that is needed, as a rule names it."""
    return tuple(sorted({*ledger_commands(), *QUEUE_COMMANDS, *DIRECT_COMMANDS}))


def keys() -> tuple[str, ...]:
    """The patterns of all keys that are needed."""
    return tuple(dict.fromkeys([LEDGER_KEYS, *(trial.keys for trial in queue_trials("", 0))]))


def rule(db: int) -> str:
    """The least rights that a user needs, as they stand in `ACL SETUSER`."""
    names = [f"+{command.lower()}" for command in commands()]
    return " ".join([*(f"~{each}" for each in keys()), *(f"&{each}" for each in channels(db)), *names])
