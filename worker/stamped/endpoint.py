"""What is known of a connection's Stamped.io store: where it is, and its keys."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from worker.config.faults import wrong
from worker.config.values import ApiUrl, Part, PublicKey, Secret, StoreHash


class StampedGiven(Part):
    """What the connections file says; what it leaves out, the iPaaS.com subscription says."""

    api_url: ApiUrl | None = None
    public_key: PublicKey | None = Field(None, repr=False)
    private_key: Secret | None = None
    store_hash: StoreHash | None = None

    @field_validator("public_key", "private_key")
    @classmethod
    def _with_address(cls, key: Any, info: ValidationInfo) -> Any:
        if key is not None and info.data.get("api_url", "it is wrong, which is said already") is None:
            raise wrong("needs api_url beside it, or this key would be sent to whatever address the subscription names")
        return key


class StampedEndpoint(Part):
    """Stamped.io's API as one connection calls it: the keys are the user and password of HTTP Basic."""

    api_url: ApiUrl
    public_key: PublicKey = Field(repr=False)
    private_key: Secret
    store_hash: StoreHash
