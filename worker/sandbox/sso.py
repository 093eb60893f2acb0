"""Logins of iPaaS.com: a person's token sees no data until it is changed for one of a company.

Contract: C the three calls, A what they take beside the login's fields and what they answer.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from worker.sandbox.messages import Answer, Refused

if TYPE_CHECKING:
    from worker.sandbox.messages import Request

EMAIL = "integrator@example.com"
PASSWORD = "sandbox password"  # noqa: S105 - opens nothing but the sandbox
COMPANY_ID = "77"
BEARER = "Bearer "


class SignIn:
    """The tokens that live."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._of_person: set[str] = set()
        self.of_company: set[str] = set()
        """Those that see data."""

    def end(self) -> None:
        """Let every token die."""
        self._of_person.clear()
        self.of_company.clear()

    def answer(self, request: Request) -> Answer:
        """Log in, change the company or renew a token. Raises Refused."""
        match request.method, request.segments[2:]:
            case "POST", ["Auth", "Login"]:
                return self._log_in(request)
            case "GET", ["User", "ChangeCompany", company_id]:
                self._require(request, self._of_person)
                if company_id != COMPANY_ID:
                    raise Refused(403, "There is no such company.", code="AUTH-1004")
                return self._new(self.of_company, "company")
            case "POST", ["Auth", "Refresh"]:
                self._require(request, self.of_company)
                return self._new(self.of_company, "company")
        raise Refused(404, "There is no such resource.", code="NFND-1000")

    def _log_in(self, request: Request) -> Answer:
        login = request.json_object(code="VALD-1002")
        if (login.get("email_address"), login.get("password")) != (EMAIL, PASSWORD):
            # It repeats the login on purpose: whoever shows an API's message must mask it first.
            raise Refused(400, f"Nobody has the login {login}.", code="AUTH-1002")
        return self._new(self._of_person, "person")

    def _require(self, request: Request, tokens: set[str]) -> None:
        if request.authorization.removeprefix(BEARER) not in tokens:
            raise Refused(401, "The access token is missing or not valid.", code="AUTH-1001")

    def _new(self, tokens: set[str], name: str) -> Answer:
        token = f"sandbox-{name}-token-{next(self._numbers)}"
        tokens.add(token)
        return Answer({"token": token})
