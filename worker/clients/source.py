"""The iPaaS.com API of one connection: with its API key, or with the token of a login."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from worker.http.client import ApiClient
from worker.ipaas.login import LoggedIn
from worker.jobs.calls import Api
from worker.jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from worker.connections import Connection
    from worker.effects import Witness
    from worker.http.adapter import Pools
    from worker.http.client import CalledApi
    from worker.ledger import Ledger

APART_SECONDS: Final = 1.0
"""How far apart the processes of a fleet log in."""


def connect_source(connection: Connection, pools: Pools, witness: Witness, ledger: Ledger) -> CalledApi:
    """The API, without any call yet."""
    endpoint = connection.ipaas
    login, client_id = endpoint.login, endpoint.client_id
    secrets = [each.get_secret_value() for each in (login.email, login.password)] if login else []

    def connect(authorization: str) -> ApiClient:
        return ApiClient(
            Api.IPAAS,
            endpoint.api_url,
            authorization,
            secrets=secrets,
            headers={"X-Client-Id": client_id} if client_id else {},
            has_codes=True,
            pools=pools,
            witness=witness,
        )

    def is_our_turn() -> bool:
        with suppress(LedgerUnavailable):  # a check needs no Redis
            return ledger.is_due(f"login:{connection.system_id}", APART_SECONDS)
        return True

    if login:
        return LoggedIn(login, connect, is_our_turn=is_our_turn, call_seconds=pools.timeouts.call)
    return connect(f"Bearer {endpoint.token.get_secret_value()}" if endpoint.token else "")
