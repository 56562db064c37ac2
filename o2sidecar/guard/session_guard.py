"""SessionGuard: request -> session -> policy -> inner resource, or a refusal.

HOT: `serve` and `_decide`. They stand in the path of every request; no Deferred and no JSON on the way of a
signed-in one.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.passes import Passes
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.guard.time_left import TimeLeft
from o2sidecar.http.exchange import Exchange, Served
from o2sidecar.http.twisted_web.resources import TwistedResource, exchange_of
from o2sidecar.policy.provenance import Admitting
from o2sidecar.refusals import NotPermitted, NotSignedIn, OtherProvider, Refusal, StoreUnavailable
from o2sidecar.session.session import Session


class Answerer(Protocol):
    """Answers requests that are not served."""

    def not_signed_in(self, exchange: Exchange) -> None:
        """Offer a way to sign in: a page, a redirect, or 401 for scripts."""

    def refuse(self, exchange: Exchange, refusal: Refusal, who: str = "") -> None:
        """Say why not; `who`: whose session it is that is refused."""


class RouteRules(Protocol):
    """What some routes ask of a session that may pass."""

    def refusal(self, exchange: Exchange, session: Session) -> Refusal | None:
        """Why it will not do for this request; `None` if it will."""


class SessionGuard(Resource):
    """Wraps a resource so that only requests with an admitted session, and those for public paths, reach it.

    It is transparent to the path: the inner resource sees the request as if the guard were not there. In a plain
    `Site` it is rendered; behind our own channel it is served; the decisions are the same code. `time_left`: tells the
    resource how long the session still lasts; without it nobody does. `routes`: what is asked of sessions behind the
    guard for some routes, which what goes on has to meet as well.
    """

    isLeaf = True

    def __init__(
        self,
        inner: IResource | Served,
        *,
        sessions: SessionFinder,
        admission: Admitting,
        passes: Passes,
        answers: Answerer,
        time_left: TimeLeft | None = None,
        routes: RouteRules | None = None,
    ) -> None:
        super().__init__()
        self._inner: Served = inner if hasattr(inner, "serve") else TwistedResource(inner)
        self._sessions = sessions
        self._admission = admission
        self._passes = passes
        self._answers = answers
        self._time_left = time_left
        self._routes = routes
        self._successor: SessionGuard | None = None

    def render(self, request: Request) -> int:
        """Serve a request of a plain `Site`."""
        self.serve(exchange_of(request))
        return NOT_DONE_YET

    def serve(self, exchange: Exchange) -> None:
        """Pass the request on or refuse it, after its session was renewed if that is due."""
        self._sessions.settle(exchange, self._decide, self._give_up)

    def _decide(self, exchange: Exchange, opened: Opened | None) -> None:
        if opened is None:
            self._sessions.take_cookies(exchange)
            if self._passes.open(exchange):
                self._inner.serve(exchange)
            else:
                self._answers.not_signed_in(exchange)
            return
        refusal = self._admission.refusal(opened.session)
        if refusal is not None:
            self._not_admitted(exchange, refusal, opened.session.name)
            return
        if opened.renewed:
            self._sessions.give_cookie(exchange, opened)
        exchange.identity = opened.identity if self._time_left is None else self._time_left.told(opened)
        # What comes of it may outlive the session: a tunnel, or a stream of events.
        exchange.stands = partial(self._stands, opened)
        self._inner.serve(exchange)

    def make_way(self, successor: SessionGuard) -> None:
        """Have another guard, by newer settings, judge whether what was let pass here may go on."""
        self._successor = successor

    def _stands(self, opened: Opened, exchange: Exchange) -> bool:
        """Whether a request that passed with a session would pass now."""
        guard = self
        while guard._successor is not None:
            guard = guard._successor
        opened_now = guard._sessions.as_of_now(opened)
        if opened_now is None or guard._admission.refusal(opened_now.session) is not None:
            return False
        return guard._routes is None or guard._routes.refusal(exchange, opened_now.session) is None

    def _not_admitted(self, exchange: Exchange, refusal: NotPermitted, who: str) -> None:
        if self._passes.open(exchange):
            self._inner.serve(exchange)
            return
        if not isinstance(refusal, OtherProvider):
            # That one is still good elsewhere under the same domain.
            self._sessions.take_cookies(exchange)
        self._answers.refuse(exchange, refusal, who)

    def _give_up(self, exchange: Exchange, refusal: Refusal) -> None:
        if isinstance(refusal, (StoreUnavailable, NotSignedIn)) and self._passes.open(exchange):
            # Nobody can tell whose the request is, and nobody needs to know.
            self._inner.serve(exchange)
        else:
            self._answers.refuse(exchange, refusal)
