"""Assembles what routes ask for that want a fresh sign-in, where there are some."""

from __future__ import annotations

from o2sidecar.assembly.edge import Edge
from o2sidecar.guard.passes import Passes
from o2sidecar.guard.reauthenticated import FreshRoutes, Reauthenticated
from o2sidecar.guard.session_guard import Answerer
from o2sidecar.http.exchange import Served
from o2sidecar.policy.reauth_routes import ReauthRoutes
from o2sidecar.settings.options import Settings
from o2sidecar.signin.fresh_logins import Reauthentication


def fresh_routes_of(settings: Settings, passes: Passes, edge: Edge) -> FreshRoutes | None:
    """What judges requests."""
    if not settings.reauth_routes:
        return None
    return FreshRoutes(routes=ReauthRoutes.parse(settings.reauth_routes), passes=passes, now=edge.now)


def reauthenticated(inner: Served, fresh: FreshRoutes | None, answers: Answerer) -> Served:
    """What is guarded, behind what judges requests; nothing stands before it where nobody asks for that."""
    return inner if fresh is None else Reauthenticated(inner, fresh=fresh, answers=answers)


def reauthentication_of(settings: Settings, edge: Edge) -> Reauthentication | None:
    """What judges logins."""
    if not settings.reauth_routes:
        return None
    return Reauthentication(
        routes=ReauthRoutes.parse(settings.reauth_routes),
        prefix=settings.proxy_prefix,
        now=edge.now,
        skew=settings.clock_skew,
    )
