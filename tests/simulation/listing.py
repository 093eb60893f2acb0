"""iPaaS.com's list while it is read: customers are inserted into it and deleted from it, and nothing is triggered.

Some worlds have one; chance of its own decides about it, so that the others stay the worlds that they were.
"""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Final

from tests.simulation.chance import Fault

if TYPE_CHECKING:
    from tests.simulation.stage import Stage
    from worker.sandbox.ipaas import Source

FIRST_ID: Final = 800_001
SEEDS: Final = (7, frozenset({1, 3, 5}))
"""The worlds that have one: by what their seeds leave when divided by the first number."""


class Listing:
    """The customers whom nothing but a list shows."""

    def __init__(self, seed: int, stage: Stage, source: Source) -> None:
        self._stage = stage
        self._source = source
        self.random = random.Random(f"list {seed}")  # noqa: S311 - it must be the same again
        self.is_there = seed % SEEDS[0] in SEEDS[1]
        self._ids = count(FIRST_ID)
        self._odds = self.random.choice((0.05, 0.2, 0.6))
        self.inserted = 0
        """How many have ever been on it whom nothing triggers."""
        self.always = set[str]()
        """Those who are on the list since somebody began to watch it."""
        if self.is_there:
            source.page_size = self.random.randint(1, 3)
            source.are_missing_paged = self.random.random() < 1 / 2
            for _ in range(self.random.randint(3, 12)):
                self._insert()

    def watch(self) -> None:
        """Note who is on the list from now on."""
        self.always = {*self._source.customers}

    @property
    def ids(self) -> list[str]:
        """Those who are on it now, and whom nothing triggers."""
        return [each for each in self._source.customers if int(each) >= FIRST_ID]

    def drift(self) -> None:
        """Change the list before it is read, perhaps."""
        while self.is_there and not self._stage.chance.is_calm and self.random.random() < self._odds:
            self._stage.chance.happened[Fault.LIST_DRIFT] += 1
            self.random.choice((self._insert, self._delete, self._delete))()

    def _insert(self) -> None:
        self.inserted += 1
        source, customer_id = self._source, str(next(self._ids))
        facts = {"customer_number": f"C-{customer_id}", "email_address": f"l{customer_id}@example.com"}
        source.put({"id": customer_id, "first_name": "Listed", **facts})
        order = list(source.customers)[:-1]
        order.insert(self.random.choice((0, len(order), self.random.randint(0, len(order)))), customer_id)
        source.customers = {each: source.customers[each] for each in order}
        self._stage.note(f"customer {customer_id} is inserted into the list as number {order.index(customer_id) + 1}")

    def _delete(self) -> None:
        """Only one whom nobody triggers: those of the triggers are looked for in the end."""
        mortal = [each for each in self.ids if int(each) % 3]
        if mortal:
            customer_id = self.random.choice(mortal)
            self._source.delete(customer_id)
            self.always.discard(customer_id)
            self._stage.note(f"customer {customer_id} is deleted from the list")
