"""The control plane: the sandbox's state, log, faults and limits over HTTP, without a login.

    GET    /sandbox/state            customers of both sides, links by system, stores by store hash
    POST   /sandbox/clear            back to the state in which it was built
    GET    /sandbox/calls            the log: api, method, path, status (null: cut), at (seconds), customer_id
    DELETE /sandbox/calls            empties the log
    GET    /sandbox/faults           the rules in force, with the times left
    POST   /sandbox/faults           one more rule, the JSON of a `Fault`, e.g.
                                     {"api": "stamped", "path": "customers/add", "times": 2,
                                      "status": 429, "headers": {"Retry-After": "3"}}
    DELETE /sandbox/faults           takes all rules back
    GET    /sandbox/deviations       what Stamped.io does otherwise than is assumed
    PUT    /sandbox/deviations       a list of all of them, e.g. ["search-ignored"]; `Deviation` names them
    PUT    /sandbox/customers/{id}   creates or replaces a customer of iPaaS.com
    PATCH  /sandbox/customers/{id}   changes some of its fields
    DELETE /sandbox/customers/{id}   removes it, with its links
    DELETE /sandbox/stamped/{id}     removes a customer of Stamped.io; its link stays
    PUT    /sandbox/rate-limit       {"api": "stamped", "limit": 500, "seconds": 60}; limit null lifts it

A change answers 204, a body that is not right 400 with a message, an unknown id 404.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from worker.sandbox.deviations import Deviation
from worker.sandbox.faults import Fault
from worker.sandbox.messages import Answer, Api, JsonObject, Request

if TYPE_CHECKING:
    from worker.sandbox.sandbox import Sandbox

PREFIX = "/sandbox/"

DEVIATIONS = TypeAdapter(list[Deviation])

_DONE = Answer(status=204, text="")


class RateLimitRule(BaseModel):
    """The body that sets or lifts a rate limit."""

    model_config = ConfigDict(extra="forbid")

    api: Api
    limit: int | None = Field(ge=1)
    seconds: float = Field(default=60, gt=0)


class Control:
    """Answers the calls of the control plane."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Answer:
        """Do what the call asks for; what is wrong with it is said with 400 or 404."""
        try:
            return self._answer(request)
        except ValidationError as reason:
            return Answer({"message": _said(reason)}, 400)
        except KeyError:
            return Answer({"message": "There is no such customer."}, 404)

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911 - one return for each resource
        match request.segments[1:]:
            case ["state"] if request.method == "GET":
                return Answer(self._state())
            case ["clear"] if request.method == "POST":
                self._sandbox.clear()
                return _DONE
            case ["calls"]:
                return self._calls(request)
            case ["faults"]:
                return self._faults(request)
            case ["deviations"]:
                return self._deviations(request)
            case ["customers", customer_id]:
                return self._customer(customer_id, request)
            case ["stamped", customer_id] if request.method == "DELETE":
                self._sandbox.delete_stamped_customer(customer_id)
                return _DONE
            case ["rate-limit"] if request.method == "PUT":
                return self._rate_limit(request)
        return _no_resource()

    def _state(self) -> JsonObject:
        sandbox = self._sandbox
        return {
            "ipaas": {"customers": sandbox.customers, "links": sandbox.links},
            "stamped": {sandbox.store_hash: {"customers": sandbox.stamped_customers}},
        }

    def _calls(self, request: Request) -> Answer:
        match request.method:
            case "GET":
                return Answer([asdict(call) for call in self._sandbox.calls])
            case "DELETE":
                self._sandbox.forget_calls()
                return _DONE
        return _no_resource()

    def _faults(self, request: Request) -> Answer:
        match request.method:
            case "GET":
                return Answer([fault.model_dump(mode="json") for fault in self._sandbox.faults])
            case "POST":
                self._sandbox.add_fault(Fault.model_validate_json(request.body))
                return _DONE
            case "DELETE":
                self._sandbox.clear_faults()
                return _DONE
        return _no_resource()

    def _deviations(self, request: Request) -> Answer:
        match request.method:
            case "GET":
                return Answer(sorted(self._sandbox.deviations))
            case "PUT":
                self._sandbox.deviate(*DEVIATIONS.validate_json(request.body))
                return _DONE
        return _no_resource()

    def _customer(self, customer_id: str, request: Request) -> Answer:
        if request.method == "DELETE":
            self._sandbox.delete_customer(customer_id)
            return _DONE
        fields = request.json_object()
        if fields is None:
            return Answer({"message": "The body is not a JSON object."}, 400)
        match request.method:
            case "PUT":
                self._sandbox.put_customer({**fields, "id": customer_id})
                return _DONE
            case "PATCH":
                self._sandbox.patch_customer(customer_id, fields)
                return _DONE
        return _no_resource()

    def _rate_limit(self, request: Request) -> Answer:
        rule = RateLimitRule.model_validate_json(request.body)
        self._sandbox.set_rate_limit(rule.api, rule.limit, rule.seconds)
        return _DONE


def _said(reason: ValidationError) -> str:
    faults = ("{}: {}".format(".".join(map(str, fault["loc"])) or "body", fault["msg"]) for fault in reason.errors())
    return "; ".join(faults)


def _no_resource() -> Answer:
    return Answer({"message": "There is no such resource; the module worker.sandbox.control lists them."}, 404)
