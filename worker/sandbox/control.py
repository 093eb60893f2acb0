"""The control plane: the sandbox's state, log, faults and limits over HTTP, without a login.

    GET    /sandbox/state            the customers of both sides, links by system, stores by store hash
    POST   /sandbox/clear            goes back to the state in which the sandbox started
    GET    /sandbox/calls            the log: api, method, path, status (null: cut), at (seconds), customer_id
    DELETE /sandbox/calls            empties the log
    GET    /sandbox/faults           the rules in force, with the times left
    POST   /sandbox/faults           adds a rule, the JSON of a `Fault`, for example
                                     {"api": "stamped", "path": "customers/add", "times": 2,
                                      "status": 429, "headers": {"Retry-After": "3"}}
    DELETE /sandbox/faults           removes all rules
    GET    /sandbox/deviations       what Stamped.io does differently from what we assume
    PUT    /sandbox/deviations       replaces them all by a list, for example ["search-ignored"]; `Deviation` names them
    PUT    /sandbox/customers/{id}   creates or replaces a customer of iPaaS.com
    PATCH  /sandbox/customers/{id}   changes some of its fields
    DELETE /sandbox/customers/{id}   removes it, with its links
    PUT    /sandbox/collections/{id} creates or replaces a mapping collection of iPaaS.com; it begins with 5120
    DELETE /sandbox/stamped/{id}     removes a customer of Stamped.io; its link stays
    PATCH  /sandbox/settings         changes settings of every subscription, for example
                                     {"API Private Key": "new", "API Throttle Limit": "250"}; null removes one
    PUT    /sandbox/keys             {"public_key": "sandbox-public", "private_key": "new"}: what Stamped.io takes
                                     from now on, and no other; to rotate a key, change it in the settings, too
    DELETE /sandbox/logins           lets every token of a login die; the login is in the module worker.sandbox.sso
    PUT    /sandbox/rate-limit       {"api": "stamped", "limit": 500, "seconds": 60}; a limit of null lifts it

A change is answered 204, a wrong body 400 with a message, and an unknown id or path 404 with a message.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from worker.sandbox.deviations import Deviation
from worker.sandbox.faults import Fault
from worker.sandbox.messages import Answer, Api, Refused, Request

if TYPE_CHECKING:
    from worker.sandbox.sandbox import Sandbox

PREFIX = "/sandbox/"

DEVIATIONS = TypeAdapter(list[Deviation])


class RateLimitRule(BaseModel):
    """The body that sets or lifts a rate limit."""

    model_config = ConfigDict(extra="forbid")

    api: Api
    limit: int | None = Field(ge=1)
    seconds: float = Field(default=60, gt=0)


class Keys(BaseModel):
    """The body that changes the keys of the store."""

    model_config = ConfigDict(extra="forbid")

    public_key: str = Field(min_length=1)
    private_key: str = Field(min_length=1)


class Control:
    """Answers the calls of the control plane."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Answer:
        """Do what the call asks for, or answer 400 or 404 with what is wrong."""
        try:
            if request.method == "GET":
                return Answer(self._shown(request.segments[1:]))
            self._change(request)
        except Refused as refused:
            return refused.answer
        except ValidationError as reason:
            return Answer({"message": _in_words(reason)}, 400)
        except KeyError:
            return Answer({"message": "There is no such customer."}, 404)
        return Answer(status=204, text="")

    def _shown(self, path: list[str]) -> object:
        sandbox = self._sandbox
        match path:
            case ["state"]:
                return {
                    "ipaas": {"customers": sandbox.customers, "links": sandbox.links},
                    "stamped": {sandbox.store_hash: {"customers": sandbox.stamped_customers}},
                }
            case ["calls"]:
                return [asdict(call) for call in sandbox.calls]
            case ["faults"]:
                return [fault.model_dump(mode="json") for fault in sandbox.faults]
            case ["deviations"]:
                return sorted(sandbox.deviations)
        raise _no_resource()

    def _change(self, request: Request) -> None:  # noqa: C901 - one case for each call
        sandbox = self._sandbox
        match request.method, request.segments[1:]:
            case "POST", ["clear"]:
                sandbox.clear()
            case "DELETE", ["calls"]:
                sandbox.forget_calls()
            case "POST", ["faults"]:
                sandbox.add_fault(Fault.model_validate_json(request.body))
            case "DELETE", ["faults"]:
                sandbox.clear_faults()
            case "PUT", ["deviations"]:
                sandbox.deviate(*DEVIATIONS.validate_json(request.body))
            case "PUT", ["rate-limit"]:
                rule = RateLimitRule.model_validate_json(request.body)
                sandbox.set_rate_limit(rule.api, rule.limit, rule.seconds)
            case "DELETE", ["stamped", customer_id]:
                sandbox.delete_stamped_customer(customer_id)
            case "PUT", ["collections", collection_id]:
                sandbox.put_collection(collection_id, request.json_object())
            case method, [("settings" | "keys" | "logins") as what]:
                self._change_login(method, what, request)
            case method, ["customers", customer_id]:
                self._change_customer(method, customer_id, request)
            case _:
                raise _no_resource()

    def _change_login(self, method: str, what: str, request: Request) -> None:
        """Change what opens the store or iPaaS.com, or what the subscriptions say of the store."""
        match method, what:
            case "DELETE", "logins":
                self._sandbox.end_logins()
            case "PATCH", "settings":
                self._sandbox.change_settings(request.json_object())
            case "PUT", "keys":
                keys = Keys.model_validate_json(request.body)
                self._sandbox.change_keys(keys.public_key, keys.private_key)
            case _:
                raise _no_resource()

    def _change_customer(self, method: str, customer_id: str, request: Request) -> None:
        match method:
            case "PUT":
                self._sandbox.put_customer({**request.json_object(), "id": customer_id})
            case "PATCH":
                self._sandbox.patch_customer(customer_id, request.json_object())
            case "DELETE":
                self._sandbox.delete_customer(customer_id)
            case _:
                raise _no_resource()


def _in_words(reason: ValidationError) -> str:
    faults = ("{}: {}".format(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in reason.errors())
    return "; ".join(faults)


def _no_resource() -> Refused:
    return Refused(404, "There is no such resource; the module worker.sandbox.control lists them.")
