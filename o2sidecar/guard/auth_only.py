"""The auth endpoint: yes or no for a proxy in front that asks (nginx auth_request, Istio ext_authz, Traefik).

It answers 202 with the identity, 401 without a session, 403 when the query's own constraints are not met; never a
page, never a redirect.
"""

from __future__ import annotations

from http import HTTPStatus

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.guard.current import CurrentSession
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.passes import Passes
from o2sidecar.guard.reauthenticated import FreshRoutes
from o2sidecar.http.exchange import PLAIN_TEXT, Exchange
from o2sidecar.http.twisted_web.resources import exchange_of
from o2sidecar.policy.admission import Constraints
from o2sidecar.refusals import NotSignedIn, ReauthenticationNeeded, Refusal, StoreUnavailable


class AuthOnly(Resource):
    """Answers whether a request would pass.

    `semicolons`: whether they separate the constraints in its query. `fresh`: which routes ask for a fresh sign-in;
    `None`: none does.
    """

    isLeaf = True

    def __init__(
        self, *, current: CurrentSession, passes: Passes, semicolons: bool = False, fresh: FreshRoutes | None = None
    ) -> None:
        super().__init__()
        self._current = current
        self._passes = passes
        self._semicolons = semicolons
        self.fresh = fresh

    def render(self, request: Request) -> int:
        """Serve a request of a plain `Site`."""
        self.serve(exchange_of(request))
        return NOT_DONE_YET

    def serve(self, exchange: Exchange) -> None:
        """Answer 202, 401 or 403, after the session was renewed if that is due."""
        self._current.sessions.settle(exchange, self._decide, self._give_up)

    def _decide(self, exchange: Exchange, opened: Opened | None) -> None:
        identity = self._current.admit(exchange, opened)
        _, _, query = exchange.target.partition(b"?")
        if self._semicolons:
            query = query.replace(b";", b"&")
        if identity is None:
            self._without_session(exchange)
        elif query and not Constraints.from_query(query).admit(identity.session):
            exchange.reason = "constraint_not_met"
            exchange.answer(403, PLAIN_TEXT, b"Forbidden\n")
        elif self.fresh and (refusal := self.fresh.refusal_for_asker(exchange, identity.session)):
            if isinstance(refusal, ReauthenticationNeeded):
                exchange.also.append((b"WWW-Authenticate", refusal.challenge))
            self._refuse(exchange, refusal)
        else:
            exchange.answer(202, list(identity.auth_fields))

    def _without_session(self, exchange: Exchange) -> None:
        if self._passes.open_for_asker(exchange):
            exchange.answer(202, [])
        else:
            exchange.reason = "no_session"
            exchange.answer(401, PLAIN_TEXT, b"Unauthorized\n")

    def _give_up(self, exchange: Exchange, refusal: Refusal) -> None:
        if isinstance(refusal, (StoreUnavailable, NotSignedIn)) and self._passes.open_for_asker(exchange):
            exchange.answer(202, [])
        else:
            self._refuse(exchange, refusal)

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        exchange.reason = refusal.reason
        exchange.answer(refusal.status, PLAIN_TEXT, f"{HTTPStatus(refusal.status).phrase}\n".encode("ascii"))
