"""Seeds that once found a fault in the product. They run first, for ever."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PastFailure:
    """A seed, and the fault that it found."""

    seed: int
    fault: str


PAST_FAILURES = (
    PastFailure(91, "A slot ran out while its job's message still waited in the queue, so that others got it too."),
    PastFailure(4, "A job that needed a slot more than usual ended in a TypeError instead of waiting for its turn."),
    PastFailure(1784, "A job that came to need more slots than the limit allows was never admitted again."),
    PastFailure(
        254, "A worker that stood still before its claim ran a job by the mapping from before it had been changed."
    ),
)
