"""What came of a demonstration, and whether that is right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.demo.changes import FAULTS
from worker.demo.triggers import REFUSED_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.demo.audit import Audit
    from worker.demo.tally import Tally
    from worker.ledger import Refusal


@dataclass(frozen=True)
class Result:
    """What came of a demonstration."""

    first: Tally
    """After the first load."""
    changed: Tally
    """Of the changed customers, after the second round."""
    refusals: Sequence[Refusal]
    faults: Counter[int | None]
    """The faults that calls met: by HTTP status, None for a cut connection."""
    audit: Audit

    @property
    def mismatches(self) -> list[str]:
        """Everything that is not as it should be."""
        created, linked = self.first.customers["created"], self.audit.linked
        found = list(self.audit.mismatches)
        if created != linked:
            found.append(f"the ledger says {created} created, iPaaS.com holds {linked} links")
        if Counter(refusal.code for refusal in self.refusals) != Counter(REFUSED_CODES):
            found.append(f"other triggers were refused than {', '.join(REFUSED_CODES)}")
        if self.faults.total() != (wanted := sum(fault.times or 0 for fault in FAULTS)):
            found.append(f"{self.faults.total()} calls met a fault, not {wanted}")
        return found
