"""Sessions of requests that are kept in a store, for which their cookies are tickets.

HOT: `settle` up to the first `decide`: the cookie's bytes are looked up, as in `Sessions`, and what is found is
believed for a moment. All else is the side road: one question to the store, however many requests wait for the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import floor

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.guard.held import Held, Holding, Trust
from o2sidecar.guard.opened import Opened, OpenedSessions
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.sessions import Sessions
from o2sidecar.guard.ticket_renewal import TicketRenewal
from o2sidecar.http.exchange import Exchange
from o2sidecar.identity import IdentityHeaders
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.kept_groups import ALL_GROUPS, KeptGroups
from o2sidecar.refusals import NotSignedIn, OwnFault, Refusal, StoreUnavailable, WhyLost
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import Presented, TicketCookie
from o2sidecar.shared_call import SharedCalls
from o2sidecar.stores.revocation_list import RevocationList
from o2sidecar.stores.tickets import Stored, TicketStore

_Decide = Callable[[Exchange, Opened | None], None]
_GiveUp = Callable[[Exchange, Refusal], None]


class StoredSessions:
    """Finds, renews and ends the sessions that requests bring tickets for.

    `sealed`: finds and makes the sessions of those who have no ticket; without it they have none. `bridges`: whether it
    makes them also for those who could not be given a ticket while the store was away; else nobody is signed in then.
    `revoked`: the sessions that were ended before their time. `groups`: those that are kept.
    """

    _log = Logger()

    def __init__(
        self,
        store: TicketStore,
        *,
        tickets: TicketCookie,
        own: OwnCookies,
        headers: IdentityHeaders,
        renewal: TicketRenewal,
        clock: IReactorTime,
        trust: Trust,
        revoked: RevocationList,
        sealed: Sessions | None = None,
        bridges: bool = True,
        groups: KeptGroups = ALL_GROUPS,
        remembered: int = 4096,
        counts: SessionCounts | None = None,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._own = own
        self._renewal = renewal
        self._now = clock.seconds
        self._trust = trust
        self._revoked = revoked
        self._revocations = revoked.revocations
        self.sealed = sealed
        self._bridge = sealed if bridges else None
        self._groups = groups
        self._opened = OpenedSessions(remembered)
        tickets.ring.on_change(self._opened.forget_untouched)
        self._counts = counts or SessionCounts()
        self._holding = Holding(headers=headers, trust=trust, now=self._now, counts=self._counts)
        self._questions: SharedCalls[Opened | None] = SharedCalls()

    def settle(self, exchange: Exchange, decide: _Decide, give_up: _GiveUp) -> None:
        """See `SessionFinder`."""
        key = self._own.key(exchange)
        if not key:
            decide(exchange, None)
            return
        opened = self._opened.get(key)
        if opened is not None and opened.due_at > self._now():
            self._counts.remembered += 1
            if opened.checked != self._revocations.generation:
                self._check(opened)
            decide(exchange, None if opened.ended else opened)
            return
        try:
            presented = self._read(exchange)
        except CookieRefused as refused:
            if self.sealed is None:
                self._counts.refused.add(refused.reason)
            presented = []
        if presented:
            asked = self._ask(key, presented)
            asked.addCallback(lambda found: decide(exchange, found))
            asked.addErrback(self._broken, exchange, give_up)
        elif self.sealed is not None:
            self._settle_sealed(self.sealed, exchange, decide, give_up)
        else:
            decide(exchange, None)

    def _settle_sealed(self, sealed: Sessions, exchange: Exchange, decide: _Decide, give_up: _GiveUp) -> None:
        looked = Deferred.fromCoroutine(self._revoked.current())
        if self._store.trouble():
            # Nobody waits for a store that is away; what is in the list then counts once it is back.
            sealed.settle(exchange, decide, give_up)
        else:
            looked.addCallback(lambda _: sealed.settle(exchange, decide, give_up))
            looked.addErrback(self._broken, exchange, give_up)

    async def look(self, exchange: Exchange) -> Opened | None:
        """See `SessionFinder`."""
        for each in self._presented(exchange):
            with suppress(CookieRefused):
                stored = await self._store.load(each.ticket)
                if stored is None or not stored.session.names_somebody:
                    continue
                await self._revoked.current()
                held = self._holding.made(self._own.key(exchange), each, stored, None)
                if held.expires_at > self._now() and not self._revocations.ends(stored.session):
                    return evolve(held, due_at=held.renew_at)
        return await self.sealed.look(exchange) if self.sealed else None

    async def why_none(self, exchange: Exchange) -> WhyLost:
        """See `SessionFinder`. A ticket that opens nothing was lost, whoever lost what it is for."""
        why: WhyLost = "missing"
        try:
            presented = self._read(exchange)
        except CookieRefused as refused:
            presented, why = [], refused.reason
        if not presented:
            return await self.sealed.why_none(exchange) if self.sealed else why
        for each in presented:
            with suppress(CookieRefused):
                if await self._store.load(each.ticket) is not None:
                    return "ended"
        return "lost"

    def as_of_now(self, opened: Opened) -> Opened | None:
        """See `SessionFinder`. The store is asked if that is due; what it says counts the next time."""
        if not isinstance(opened, Held):
            return self.sealed.as_of_now(opened) if self.sealed else None
        known = self._opened.get(opened.key) or opened
        self._check(known)
        if known.ended or known.expires_at <= self._now():
            return None
        if known.due_at <= self._now():
            # While the store is away it stays as it was, until it expires.
            self._ask(opened.key, [opened.presented], in_use=False).addErrback(lambda failure: failure.trap(Refusal))
        return known

    async def issue(self, exchange: Exchange, session: Session) -> list[bytes]:
        """See `SessionFinder`. What the browser had a ticket for before is over (security.md S1)."""
        now = self._now()
        session = self._holding.lifetimes.begun(self._groups.of(session), now)
        session = session if session.created_at is not None else evolve(session, created_at=now)
        ticket = Ticket.issue(self._tickets.attributes.name)
        try:
            await self._store.keep(ticket, session)
        except StoreUnavailable:
            if self._bridge is None:
                raise
            try:
                return await self._bridge.issue(exchange, session)
            except OwnFault as too_large:
                raise StoreUnavailable(detail=f"{self._store.trouble()}; {too_large}") from None
        await self.drop(exchange)
        return self._written(exchange, ticket, session)

    async def drop(self, exchange: Exchange) -> None:
        """End what the browser has tickets for, and another session takes the place of."""
        for earlier in self._presented(exchange):
            await self._removed(earlier.ticket)

    async def take_in(self, session: Session) -> Held:
        """Keep a session that was in cookies, which the browser is to be given a ticket for; raises
        `StoreUnavailable`.
        """
        ticket = Ticket.issue(self._tickets.attributes.name)
        stored = await self._store.keep(ticket, session)
        presented = Presented(ticket=ticket, signed_at=floor(session.created_at or 0))
        held = self._holding.made(ticket.id.encode(), presented, stored, None)
        return evolve(held, renewed=True, due_at=self._now() + self._trust.believed)

    async def leave(self, held: Held, *, lingering: float) -> Session | None:
        """A session that goes to cookies; `None` if it is over. Requests that are under way find it for a while.

        `lingering`: how long, in seconds. Raises `StoreUnavailable`.
        """
        ticket = held.presented.ticket
        stored = await self._store.replace(ticket, held.stored, held.session, lifetime=lingering)
        stored = stored or await self._store.load(ticket)
        return stored.session if stored else None

    def give_cookie(self, exchange: Exchange, opened: Opened) -> None:
        """See `SessionFinder`."""
        if isinstance(opened, Held):
            values = self._written(exchange, opened.presented.ticket, opened.session)
            exchange.also.extend((b"Set-Cookie", value) for value in values)
        elif self.sealed is not None:
            self.sealed.give_cookie(exchange, opened)

    async def end(self, exchange: Exchange) -> Session | None:
        """See `SessionFinder`: every ticket that the request brought is worth nothing from now on, anywhere."""
        presented = self._presented(exchange)
        if not presented:
            if self.sealed is not None:
                return await self.sealed.end(exchange)
            self.take_cookies(exchange)
            return None
        self.take_cookies(exchange)
        self._forget(self._own.key(exchange))
        session = await self._first(presented)
        if not all([await self._removed(each.ticket) for each in presented]):
            raise StoreUnavailable(
                sentence="You are signed out in this browser. Elsewhere your session ends a little later: where"
                " sessions are kept cannot be reached just now.",
                detail=self._store.trouble(),
            )
        return session

    def take_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._own.take(exchange)

    def take_all_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._own.take_all(exchange)

    def _check(self, opened: Opened) -> None:
        """Whether a session was revoked, now that something was."""
        if self._revocations.ends(opened.session):
            opened.ended = True
        else:
            opened.checked = self._revocations.generation

    def _read(self, exchange: Exchange) -> list[Presented]:
        return self._tickets.read(self._own.cookies(exchange), self._now())

    def _presented(self, exchange: Exchange) -> list[Presented]:
        try:
            return self._read(exchange)
        except CookieRefused:
            return []

    def _ask(self, key: bytes, presented: list[Presented], *, in_use: bool = True) -> Deferred[Opened | None]:
        return self._questions(key, lambda: self._found(key, presented, in_use))

    async def _found(self, key: bytes, presented: list[Presented], in_use: bool) -> Opened | None:
        """The session of the first ticket that has one, renewed if that is due."""
        known = self._opened.get(key)
        held = known if isinstance(known, Held) and not known.ended else None
        reason = "ended"
        for each in presented:
            try:
                seen = held.stored if held and held.presented.ticket == each.ticket else None
                stored = await self._store.load(each.ticket, seen)
            except CookieRefused as refused:
                self._log.warn("what is stored under a ticket is not the session that was issued with it")
                reason = refused.reason
                continue
            if stored is None:
                continue
            await self._revoked.current()
            if self._revocations.ends(stored.session):
                continue
            if not stored.session.names_somebody:
                reason = "nobody"
                continue
            return await self._believed(self._holding.made(key, each, stored, held), in_use)
        self._counts.refused.add(reason)
        self._forget(key)
        return None

    async def _believed(self, opened: Held, in_use: bool) -> Opened | None:
        key, presented, stored = opened.key, opened.presented, opened.stored
        if opened.expires_at <= self._now():
            self._counts.refused.add("expired")
            self._forget(key)
            return None
        if opened.renew_at <= self._now():
            renewed = await self._renewal.renew(presented.ticket, stored, self._holding.is_due, in_use=in_use)
            # That may have taken a while.
            await self._revoked.current()
            if renewed is None or self._revocations.ends(renewed.session):
                self._over(key)
                return None
            again = self._now() + self._trust.retry_period if self._holding.is_due(renewed.session) else 0
            opened = evolve(
                self._holding.made(key, presented, renewed, None), renew_at=max(again, self._holding.renew_at(renewed))
            )
        elif in_use and self._holding.note_at(opened) <= self._now():
            noted = await self._noted(presented.ticket, stored)
            if noted is None:
                self._over(key)
                return None
            opened = evolve(self._holding.made(key, presented, noted, opened), renew_at=opened.renew_at)
        opened.due_at = self._holding.believed_until(opened)
        self._opened.keep(opened)
        return opened

    def _over(self, key: bytes) -> None:
        self._counts.refused.add("ended")
        self._forget(key)

    async def _noted(self, ticket: Ticket, stored: Stored) -> Stored | None:
        """The session, noted to be in use if the store can be asked for that."""
        try:
            return await self._renewal.note(ticket, stored)
        except StoreUnavailable:
            return stored

    def _forget(self, key: bytes) -> None:
        """Have what is known of a session say that it is over, so that what still runs with it can end."""
        known = self._opened.get(key)
        if known is not None:
            self._opened.keep(evolve(known, ended=True, due_at=self._now() + self._trust.believed))

    def _written(self, exchange: Exchange, ticket: Ticket, session: Session) -> list[bytes]:
        created_at = self._now() if session.created_at is None else session.created_at
        return self._tickets.write(ticket, created_at, self._own.host(exchange), self._own.presented(exchange))

    async def _first(self, presented: list[Presented]) -> Session | None:
        """The session of the first ticket that has one, as far as can be told just now."""
        for each in presented:
            with suppress(StoreUnavailable, CookieRefused):
                stored = await self._store.load(each.ticket)
                if stored is not None:
                    return stored.session
        return None

    async def _removed(self, ticket: Ticket) -> bool:
        """Whether a session is gone from the store; it will be."""
        try:
            await self._store.remove(ticket)
        except StoreUnavailable:
            return False
        return True

    def _broken(self, failure: Failure, exchange: Exchange, give_up: _GiveUp) -> None:
        refusal = failure.value
        if isinstance(refusal, StoreUnavailable) and self._bridge is not None:
            refusal = NotSignedIn(detail=refusal.detail)
        if not isinstance(refusal, Refusal):
            self._log.failure("a request could not be judged", failure=failure)
            refusal = OwnFault()
        give_up(exchange, refusal)
