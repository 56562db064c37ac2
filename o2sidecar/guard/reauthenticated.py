"""Serves routes that ask for a fresh sign-in only with a session of one; everything else it passes on.

HOT where routes ask for that: `serve` stands behind the guard; it is one look-up for all other paths. Nobody else has
it on the way.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from o2sidecar.guard.passes import Passes
from o2sidecar.guard.session_guard import Answerer
from o2sidecar.http.exchange import Exchange, Served
from o2sidecar.policy.reauth_routes import ReauthRoutes, Requirement
from o2sidecar.refusals import NotPermitted, ReauthenticationNeeded, Refusal
from o2sidecar.session.session import Session


@frozen(kw_only=True)
class FreshRoutes:
    """Says why a session will not do for a request; `now` is in seconds since the epoch."""

    routes: ReauthRoutes
    passes: Passes
    now: Callable[[], float]

    def refusal(self, exchange: Exchange, session: Session) -> Refusal | None:
        """For the request itself; `None` if it will do, or if the request needs no session at all."""
        asked = self.routes.of(exchange.method, exchange.path)
        if asked is None or asked.is_met(session, self.now()) or self.passes.open(exchange):
            return None
        return _needed(asked)

    def refusal_for_asker(self, exchange: Exchange, session: Session) -> Refusal | None:
        """For the request that a trusted proxy asks about; its method is not known, and may be any.

        Where nobody says which path that is (`X-Forwarded-Uri`), it may be any as well. Then it is refused outright:
        a login would not know what to ask for, and be in vain.
        """
        uri = self.passes.asked_uri(exchange)
        asked = self.routes.of(None, uri.partition("?")[0].encode()) if uri else self.routes.anywhere
        if asked is None or asked.is_met(session, self.now()) or self.passes.open_for_asker(exchange):
            return None
        if not uri:
            detail = "no trusted proxy says by X-Forwarded-Uri which path it asks about (reauth_routes)"
            return NotPermitted(reason="route_unknown", detail=detail)
        return _needed(asked)


class Reauthenticated:
    """Stands before what is guarded."""

    def __init__(self, inner: Served, *, fresh: FreshRoutes, answers: Answerer) -> None:
        self._inner = inner
        self._fresh = fresh
        self._answers = answers

    def serve(self, exchange: Exchange) -> None:
        """Pass on, or have the person sign in again. The session stays: it is good elsewhere."""
        identity = exchange.identity
        refusal = None if identity is None else self._fresh.refusal(exchange, identity.session)
        if identity is None or refusal is None:
            self._inner.serve(exchange)
            return
        # What has not come about outlives nothing.
        exchange.stands = None
        self._answers.refuse(exchange, refusal, identity.session.name)


def _needed(asked: Requirement) -> ReauthenticationNeeded:
    return ReauthenticationNeeded(asked=asked.parameters, detail=f"the route asks for {asked.parameters}")
