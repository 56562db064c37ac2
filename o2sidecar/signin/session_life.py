"""Tells the scripts of a page how long its person's session lasts, so that they can have it renewed in time.

Looking does not lengthen a session: a page that is left open would keep it alive for ever. A POST asks for what any
request to the app would bring about: the session is renewed with the provider if that is due.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any

from attrs import frozen

from o2sidecar.guard.opened import Opened
from o2sidecar.http.exchange import PLAIN_TEXT, Exchange
from o2sidecar.identity import Identity

_METHODS = (b"GET", b"HEAD", b"POST")


@frozen(kw_only=True)
class SessionLife:
    """Answers the session endpoint.

    `look`: gives a request's session if it may pass, and changes nothing. `renew`: finds it as requests to the app do.
    `login_url`: where a login begins.
    """

    look: Callable[[Exchange], Awaitable[Opened | None]]
    renew: Callable[[Exchange], Awaitable[Identity | None]]
    now: Callable[[], float]
    login_url: str

    async def answer(self, exchange: Exchange) -> None:
        """Tell; 200 for nobody's session too, for that is an answer and no error."""
        if exchange.method not in _METHODS:
            exchange.answer(405, [*PLAIN_TEXT, (b"Allow", b", ".join(_METHODS))], b"Method Not Allowed\n")
            return
        if exchange.method == b"POST":
            await self.renew(exchange)
        opened = await self.look(exchange)
        told = self._told(opened) if opened else {"authenticated": False, "login_url": self.login_url}
        exchange.answer(200, [(b"Content-Type", b"application/json")], json.dumps(told, default=str).encode("ascii"))

    def _told(self, opened: Opened) -> dict[str, Any]:
        """Never a token (security.md X5). Seconds are `null` where there is no end, or nothing to be renewed."""
        session = opened.session
        told: dict[str, Any] = {
            "authenticated": True,
            "user": session.user,
            "email": session.email,
            "expires_in": self._seconds_until(opened.expires_at),
            "expires_at": int(opened.expires_at) if isfinite(opened.expires_at) else None,
            "refresh_in": self._seconds_until(opened.due_at),
        }
        if session.preferred_username:
            told["preferred_username"] = session.preferred_username
        if session.groups:
            told["groups"] = list(session.groups)
        return told

    def _seconds_until(self, moment: float) -> int | None:
        return max(0, int(moment - self.now())) if isfinite(moment) else None
