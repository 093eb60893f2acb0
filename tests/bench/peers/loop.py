"""Bare loops without a queue, which run until they are killed: `python -m tests.bench.peers.loop CLIENT THREADS`."""

from __future__ import annotations

import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Final

from tests.bench.fake_apis import FIRST_ID
from tests.bench.peers import clients
from tests.bench.peers.transferring import transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS: Final = {
    "requests": clients.by_requests,
    "urllib3": clients.by_urllib3,
    "http.client": clients.by_http_client,
}


def run(client: str, customer_ids: Iterator[int]) -> None:
    """Transfer one customer after the other."""
    call = CLIENTS[client]()
    for customer_id in customer_ids:
        transfer(call, customer_id)


def main(client: str, threads: int) -> None:
    """Run the loop in one thread, or in several that share the customers."""
    customer_ids = count(FIRST_ID)
    if threads == 1:
        run(client, customer_ids)
    running = [threading.Thread(target=run, args=(client, customer_ids)) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
