"""The five intents: what an answer of one of the two APIs means for the job that asked.

`worker.http.answers` turns each exchange into one of them. After that, retries, holds, failures, the log, Sentry and
the screens branch on the intent alone, never on a status or a text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Intent(StrEnum):
    """What an answer means."""

    ACCEPTED = "accepted"
    """The API did what it was asked to, and answered about the record that was asked for."""
    NOT_YET = "not yet"
    """A short delay explains it: the job is tried again for some minutes."""
    CUSTOMERS = "the customer's"
    """The API refuses this one record: the job fails at once, with the API's words."""
    STORES = "the store's"
    """It would meet any customer: no job fails for it while it lasts."""
    OURS = "ours"
    """Nobody foresaw it: a fault of this software, never shown as an outage of Redis or of an API."""


class InWords(StrEnum):
    """Names, each with a sentence that people see in its place."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """The name, which is all of its value: a look-up by the value needs no sentence."""
        name = str.__new__(cls, value)
        name._value_ = value
        name.sentence = sentence
        return name


class Retried(InWords):
    """Whether, and how, the worker retries automatically; the sentences answer "Is it retried automatically?"."""

    ALWAYS = "always", "yes"
    BY_ANSWER = "by answer", "unless the API refuses this one customer"
    SOON = "soon", "for some minutes"
    HELD = "held", "while its connection is held"
    NEVER = "never", "no"


class Trouble(StrEnum):
    """What is wrong with a whole store or with iPaaS.com; it decides which error a hold names."""

    SILENT = "no answer"
    UNRESOLVED = "host not found"
    CREDENTIALS = "credentials refused"
    SYSTEM = "system id refused"
    SETTINGS = "settings incomplete"
    LIMITED = "too many calls"
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"


NEEDS_A_PERSON = frozenset({Trouble.CREDENTIALS, Trouble.SYSTEM, Trouble.SETTINGS})
"""The trouble that does not pass by itself: a command or page that waits for the connection stops waiting at once."""
