"""What the connections file says of iPaaS.com's API."""

from __future__ import annotations

from worker.config.values import ApiUrl, Limit, Part, Seconds, Secret
from worker.ledger.limits import USUAL_SECONDS


class ReadThrottle(Part):
    """At most `limit` calls to iPaaS.com in any window of `seconds`."""

    limit: Limit
    seconds: Seconds = USUAL_SECONDS


class IPaaSEndpoint(Part):
    """iPaaS.com's API as one connection calls it."""

    api_url: ApiUrl
    token: Secret
    throttle: ReadThrottle | None = None
