"""Assembles what finds the sessions of requests: in their cookies, or where the tickets in these lead."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.lasting import Lasting
from o2sidecar.guard import Sessions
from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.local_users import Renewing
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.identity import IdentityHeaders
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_rules import spills
from o2sidecar.stores.revocation_list import RevocationList


@frozen(kw_only=True)
class Finding:
    """What finding sessions takes. `budget`: the room for them in cookies, and what is kept of them."""

    settings: Settings
    budget: CookieBudget
    headers: IdentityHeaders
    provider: Renewing
    edge: Edge
    lasting: Lasting
    revoked: RevocationList
    around: Surroundings

    def finder(self) -> tuple[SessionFinder, Sessions | None]:
        """What finds sessions, and of it what finds those in cookies."""
        if self.lasting.store is None:
            sealed = self.sealed()
            return sealed, sealed
        from o2sidecar.assembly.stores import spilling_sessions_of, stored_sessions_of  # noqa: PLC0415

        if spills(self.settings):
            sealed = self.sealed()
            return spilling_sessions_of(self, self.lasting.store, sealed), sealed
        bridge = self.sealed() if self.settings.redis_outage == "cookie-fallback" else None
        return stored_sessions_of(self, self.lasting.store, bridge), bridge

    def sealed(self) -> Sessions:
        """What finds sessions in cookies."""
        settings, random = self.settings, self.around.random
        return Sessions(
            headers=self.headers,
            provider=self.provider,
            forwarding=self.edge.forwarding,
            now=self.edge.now,
            lifetime=settings.cookie_expire,
            absolute_lifetime=settings.session_absolute_lifetime,
            idle_limit=settings.session_idle_limit,
            revoked=self.revoked,
            # oauth2-proxy takes the cookie away and nothing more; what relies on that is not to notice the change.
            ends_copies=settings.defaults == "o2sidecar" or self.revoked.shared,
            refresh_period=settings.cookie_refresh,
            jitter=lambda: random() * min(settings.cookie_refresh_jitter, settings.cookie_refresh / 10),
            grace=settings.refresh_grace,
            cookie=self.budget.cookie,
            budget=self.budget,
            memory=self.lasting.memory,
            counts=self.edge.counts.sessions,
        )
