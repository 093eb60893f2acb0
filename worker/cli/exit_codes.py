"""The exit codes of every command."""

from __future__ import annotations

from typing import Final

ALL_WELL: Final = 0
FAILED: Final = 1
WRONG: Final = 2
"""Wrong usage or configuration: whoever ran the command can put it right."""
