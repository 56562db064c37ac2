"""The current session of a request at an own endpoint: renewed if that is due, and only of people who may pass."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.defer import Deferred

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.guard.time_left import TimeLeft
from o2sidecar.http.exchange import Exchange
from o2sidecar.identity import Identity
from o2sidecar.policy.provenance import Admitting
from o2sidecar.refusals import OtherProvider


@frozen(kw_only=True)
class CurrentSession:
    """Finds who asks. Cookies follow the finding: a renewed session's is given, one that does not count is taken.

    `time_left`: adds to the identity how long the session still lasts, where that is wanted.
    """

    sessions: SessionFinder
    admission: Admitting
    time_left: TimeLeft | None = None

    def admit(self, exchange: Exchange, opened: Opened | None) -> Identity | None:
        """Whose the settled session is, noted on the exchange; `None` without one that may pass."""
        refusal = self.admission.refusal(opened.session) if opened else None
        if opened is None or refusal is not None:
            if not isinstance(refusal, OtherProvider):
                # That one is still good elsewhere under the same domain.
                self.sessions.take_cookies(exchange)
            return None
        if opened.renewed:
            self.sessions.give_cookie(exchange, opened)
        exchange.identity = opened.identity if self.time_left is None else self.time_left.told(opened)
        return exchange.identity

    async def look(self, exchange: Exchange) -> Opened | None:
        """The request's session if it may pass, without renewing it or taking its cookies."""
        opened = await self.sessions.look(exchange)
        return None if opened is None or self.admission.refusal(opened.session) is not None else opened

    async def identity(self, exchange: Exchange) -> Identity | None:
        """Whose the request's session is, after the provider was asked if that is due."""
        settled: Deferred[Opened | None] = Deferred()
        self.sessions.settle(
            exchange,
            lambda _, opened: settled.callback(opened),
            lambda _, refusal: settled.errback(refusal),
        )
        return self.admit(exchange, await settled)
