"""Counts the calls of our own functions, and the files that they are in, while something runs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ROOT = str(Path(__file__).parent.parent)
OURS = (f"{ROOT}/worker/", f"{ROOT}/tasks/")
WIRE = ("worker/http/adapter.py", "worker/http/wire.py")
"""What `requests` and urllib3 call in the course of a call: whoever follows a job stops before them."""


@dataclass
class Steps:
    """What was called, in its order: the file and the function of each call."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def files(self) -> set[str]:
        """The files that these functions are in."""
        return {file for file, _ in self.calls}


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Note each call of a function of `worker` or `tasks` that this thread makes in the block.

    The loops of comprehensions are not calls of a function; each time that a generator goes on is one. The bytes on the
    wire are left out.
    """
    steps = Steps()

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS) and code.co_name not in COMPREHENSIONS:
            file = code.co_filename.removeprefix(f"{ROOT}/")
            if file not in WIRE:
                steps.calls.append((file, code.co_qualname))

    sys.setprofile(note)
    try:
        yield steps
    finally:
        sys.setprofile(None)


COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
