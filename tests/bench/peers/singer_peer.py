"""A Singer target on Meltano's SDK. The tap is this module too: it hands over ids, from the last bookmark on."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final

from singer_sdk import RecordSink, Target

from tests.bench.fake_apis import FIRST_ID
from tests.bench.peers.clients import transfer_by_requests

STATE: Final = Path("singer-state.json")
RECORDS_PER_STATE: Final = 100
SCHEMA: Final = {"properties": {"id": {"type": "integer"}}}


class CustomerSink(RecordSink):
    """Writes customers to Stamped.io."""

    def process_record(self, record: dict[str, Any], _: dict[str, Any]) -> None:
        """Transfer a customer."""
        transfer_by_requests(record["id"])


class StampedTarget(Target):
    """The target."""

    name = "target-bench"
    default_sink_class = CustomerSink
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}


def tap() -> None:
    """Print customers for ever, as Singer messages."""
    say({"type": "SCHEMA", "stream": "customers", "schema": SCHEMA, "key_properties": ["id"]})
    first = FIRST_ID
    with suppress(OSError):
        first = json.loads(STATE.read_text("utf-8"))["customers"] + 1
    for place, customer_id in enumerate(count(first), start=1):
        say({"type": "RECORD", "stream": "customers", "record": {"id": customer_id}})
        if place % RECORDS_PER_STATE == 0:
            say({"type": "STATE", "value": {"customers": customer_id}})


def say(message: dict[str, Any]) -> None:
    """Print a message."""
    print(json.dumps(message))


def run() -> None:
    """Run tap and target, and keep each bookmark that the target prints, as Meltano does."""
    command = [sys.executable, "-m", "tests.bench.peers.singer_peer"]
    with (
        subprocess.Popen([*command, "tap"], stdout=subprocess.PIPE) as source,
        subprocess.Popen([*command, "target"], stdin=source.stdout, stdout=subprocess.PIPE, text=True) as target,
    ):
        for line in target.stdout or ():
            STATE.write_text(line, "utf-8")


if __name__ == "__main__":
    {"tap": tap, "target": StampedTarget.cli, "run": run}[sys.argv.pop(1)]()
