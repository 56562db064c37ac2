"""Sessions in cookies, and in a store those that are too large for that; each moves when it is renewed.

HOT: `settle`: one look-up more than for sessions in cookies alone.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.held import Held
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.sessions import Sessions
from o2sidecar.guard.stored_sessions import StoredSessions
from o2sidecar.http.exchange import Exchange
from o2sidecar.refusals import OwnFault, Refusal, StoreUnavailable, WhyLost
from o2sidecar.session.session import Session
from o2sidecar.shared_call import SharedCalls
from o2sidecar.stores.revocation_list import RevocationList

_Decide = Callable[[Exchange, Opened | None], None]
_GiveUp = Callable[[Exchange, Refusal], None]

_LINGERING = 60.0
"""Seconds that a session which left the store can still be found there, by requests that were under way."""


class SpillingSessions:
    """Finds, renews and ends sessions of both kinds.

    `sealed`: those in cookies. `stored`: those in the store; it asks `sealed` where there is no ticket. `budget`: what
    tells one kind from the other, whenever the browser is to be given a session. `remembered`: for how many that is
    known.
    """

    _log = Logger()

    def __init__(
        self,
        sealed: Sessions,
        stored: StoredSessions,
        *,
        own: OwnCookies,
        budget: CookieBudget,
        revoked: RevocationList,
        now: Callable[[], float],
        remembered: int = 4096,
    ) -> None:
        self._sealed = sealed
        self._stored = stored
        self._own = own
        self._budget = budget
        self._revoked = revoked
        self._now = now
        self._remembered = remembered
        self._judged: dict[bytes, tuple[Session, Opened | None]] = {}
        self._moves: SharedCalls[Opened | None] = SharedCalls()

    def settle(self, exchange: Exchange, decide: _Decide, give_up: _GiveUp) -> None:
        """See `SessionFinder`."""

        def weigh(exchange: Exchange, opened: Opened | None) -> None:
            if opened is None or not opened.renewed:
                decide(exchange, opened)
            else:
                self._placed(exchange, opened, decide, give_up)

        if self._sealed.knows(self._own.key(exchange)):
            if self._revoked.is_due:
                # What is in the list of those that are over counts from the next request on.
                Deferred.fromCoroutine(self._revoked.current())
            self._sealed.settle(exchange, weigh, give_up)
        else:
            self._stored.settle(exchange, weigh, give_up)

    async def look(self, exchange: Exchange) -> Opened | None:
        """See `SessionFinder`."""
        return await self._stored.look(exchange)

    async def why_none(self, exchange: Exchange) -> WhyLost:
        """See `SessionFinder`."""
        return await self._stored.why_none(exchange)

    def as_of_now(self, opened: Opened) -> Opened | None:
        """See `SessionFinder`."""
        return self._stored.as_of_now(opened)

    async def issue(self, exchange: Exchange, session: Session) -> list[bytes]:
        """See `SessionFinder`. What the browser had a ticket for before is over (security.md S1)."""
        kept = self._budget.cookie.kept(self._budget.groups.of(session), self._now())
        if not self._holds(exchange, kept):
            return await self._stored.issue(exchange, kept)
        written = await self._sealed.issue(exchange, kept)
        await self._stored.drop(exchange)
        return written

    def give_cookie(self, exchange: Exchange, opened: Opened) -> None:
        """See `SessionFinder`."""
        self._stored.give_cookie(exchange, opened)

    async def end(self, exchange: Exchange) -> Session | None:
        """See `SessionFinder`. A session that had been in cookies before it was stored ends there, too."""
        is_sealed = self._sealed.knows(self._own.key(exchange))
        session = await self._stored.end(exchange)
        if session is not None and not is_sealed:
            await self._sealed.end_copies(session)
        return session

    def take_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._own.take(exchange)

    def take_all_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._own.take_all(exchange)

    def _holds(self, exchange: Exchange, session: Session) -> bool:
        return self._budget.holds(session, self._own.host(exchange), self._now())

    def _placed(self, exchange: Exchange, opened: Opened, decide: _Decide, give_up: _GiveUp) -> None:
        """Go on with a session that the browser is to be given, where it belongs by its size."""
        session, moved = self._judged.get(opened.key, (None, None))
        if session is opened.session:
            decide(exchange, moved or opened)
        elif self._holds(exchange, opened.session) is not isinstance(opened, Held):
            self._judge(opened, None)
            decide(exchange, opened)
        else:
            move = self._moves(opened.key, lambda: self._moved(opened))
            move.addCallback(lambda moved: decide(exchange, moved))
            move.addErrback(self._broken, exchange, give_up)

    def _judge(self, opened: Opened, moved: Opened | None) -> None:
        if len(self._judged) >= self._remembered:
            self._judged.clear()
        self._judged[opened.key] = opened.session, moved

    async def _moved(self, opened: Opened) -> Opened | None:
        """The session in its new place, or where it is while the store is away; `None` if it is over."""
        moved: Opened
        try:
            if isinstance(opened, Held):
                session = await self._stored.leave(opened, lingering=_LINGERING)
                if session is None:
                    return None
                moved = self._sealed.take_in(opened.key, session)
            else:
                moved = await self._stored.take_in(self._budget.cookie.kept(opened.session, self._now()))
        except StoreUnavailable:
            return opened
        self._judge(opened, moved)
        return moved

    def _broken(self, failure: Failure, exchange: Exchange, give_up: _GiveUp) -> None:
        if not isinstance(failure.value, Refusal):
            self._log.failure("a request could not be judged", failure=failure)
        give_up(exchange, failure.value if isinstance(failure.value, Refusal) else OwnFault())
