"""Renews a stored session: once, however many sidecars share the store, and never over what somebody else did.

Whoever has the session's lock asks the provider; the others wait for what it stores, and go on with the session as it
is if that takes long. The lock is oauth2-proxy's, so that both may serve one fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from o2sidecar.guard.lifetimes import NO_LIMITS, Lifetimes
from o2sidecar.guard.renewing import Renewals
from o2sidecar.refusals import SessionEnded, StoreUnavailable
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.stores.tickets import Lock, Stored, TicketStore

_LOOK_EVERY = 0.1
_NOTES = 5
"""Most notes of use that a renewed session is stored over."""

Due = Callable[[Session], bool]
"""Whether a session is to be renewed."""


class TicketRenewal:
    """Renews sessions in a store.

    `lock_time`: as the store's. `lifetimes`: of the sessions. `patience`: seconds to wait for somebody else who renews
    the same session.
    """

    _log = Logger()

    def __init__(
        self,
        store: TicketStore,
        *,
        provider: Renewals,
        clock: IReactorTime,
        lock_time: float,
        lifetimes: Lifetimes = NO_LIMITS,
        patience: float = 5.0,
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._lock_time = lock_time
        self._patience = patience
        self._lifetimes = lifetimes

    async def renew(self, ticket: Ticket, seen: Stored, due: Due, *, in_use: bool = True) -> Stored | None:
        """The session as it is stored afterwards, which may be as it was; `None` if it is over.

        `in_use`: whether somebody uses it, which is noted with it.

        Raises `StoreUnavailable`, and `OwnFault` where the provider could not be asked.
        """
        gives_up = self._clock.seconds() + self._patience
        lock = await self._store.lock(ticket)
        while lock is None:
            if self._clock.seconds() >= gives_up:
                self._log.warn("the session of {name} is being renewed for too long", name=seen.session.name)
                return seen
            await deferLater(self._clock, _LOOK_EVERY)
            stored = await self._store.load(ticket, seen)
            if stored is None or not due(stored.session):
                return stored
            lock = await self._store.lock(ticket)
        return await self._while_locked(lock, seen, due, in_use)

    async def note(self, ticket: Ticket, seen: Stored) -> Stored | None:
        """Note that a session is in use; the session as it is stored afterwards, `None` if it is over.

        Where somebody holds its lock nothing is noted: they are about to renew it. Raises `StoreUnavailable`.
        """
        lock = await self._store.lock(ticket)
        if lock is None:
            return seen
        try:
            noted = self._lifetimes.used(seen.session, self._clock.seconds())
            return await self._store.replace(ticket, seen, noted) or await self._store.load(ticket)
        finally:
            await self._release(lock)

    async def _while_locked(self, lock: Lock, seen: Stored, due: Due, in_use: bool) -> Stored | None:
        # The provider may take longer than the lock lasts.
        holding = LoopingCall(self._hold, lock)
        holding.clock = self._clock
        holding.start(self._lock_time / 3, now=False)
        try:
            # Somebody may have renewed it before the lock was ours.
            stored = await self._store.load(lock.ticket, seen)
            if stored is None or not due(stored.session):
                return stored
            return await self._renewed(lock.ticket, stored, in_use)
        finally:
            holding.stop()
            await self._release(lock)

    async def _renewed(self, ticket: Ticket, stored: Stored, in_use: bool) -> Stored | None:
        try:
            session = await self._provider.ask(stored.session)
        except SessionEnded:
            await self._store.remove(ticket)
            return None
        if session is None:
            return stored
        if session.created_at is None:
            session = evolve(session, created_at=self._clock.seconds())
        session = evolve(self._lifetimes.renewed(session, stored.session), seen_at=stored.session.seen_at)
        if in_use:
            session = self._lifetimes.used(session, self._clock.seconds())
        return await self._replaced(ticket, stored, session)

    async def _replaced(self, ticket: Ticket, seen: Stored, session: Session) -> Stored | None:
        """What is stored after a session was to take the place of the one that was seen.

        Where its use was noted meanwhile, the tokens are those that were given back for new ones: it takes that place,
        too, or the person would be signed out with a spent refresh token.
        """
        for _ in range(_NOTES):
            replaced = await self._store.replace(ticket, seen, session)
            if replaced is not None:
                return replaced
            there = await self._store.load(ticket)
            if there is None or _grant(there.session) != _grant(seen.session):
                return there
            noted = max(session.seen_at or 0, there.session.seen_at or 0)
            seen, session = there, evolve(session, seen_at=noted or None)
        return seen

    async def _hold(self, lock: Lock) -> None:
        # What is stored is compared before it is replaced, lock or no lock.
        with suppress(StoreUnavailable):
            await self._store.extend(lock)

    async def _release(self, lock: Lock) -> None:
        # It ends by itself.
        with suppress(StoreUnavailable):
            await self._store.release(lock)


def _grant(session: Session) -> tuple[float | None, str, str]:
    """What is another after a renewal, and the same after a note of use."""
    return session.created_at, session.access_token, session.refresh_token
