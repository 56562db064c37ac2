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

Due = Callable[[Session], bool]
"""Whether a session is to be renewed."""


class TicketRenewal:
    """Renews sessions in a store.

    `lock_time`: as the store's. `lifetimes`: of the sessions.
    `patience`: seconds to wait for somebody else who renews the same session.
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

    async def renew(self, ticket: Ticket, seen: Stored, due: Due) -> Stored | None:
        """The session as it is stored afterwards, which may be as it was; `None` if it is over.

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
        return await self._while_locked(lock, seen, due)

    async def _while_locked(self, lock: Lock, seen: Stored, due: Due) -> Stored | None:
        # The provider may take longer than the lock lasts.
        holding = LoopingCall(self._hold, lock)
        holding.clock = self._clock
        holding.start(self._lock_time / 3, now=False)
        try:
            # Somebody may have renewed it before the lock was ours.
            stored = await self._store.load(lock.ticket, seen)
            if stored is None or not due(stored.session):
                return stored
            return await self._renewed(lock.ticket, stored)
        finally:
            holding.stop()
            await self._release(lock)

    async def _renewed(self, ticket: Ticket, stored: Stored) -> Stored | None:
        try:
            session = await self._provider.ask(stored.session)
        except SessionEnded:
            await self._store.remove(ticket)
            return None
        if session is None:
            return stored
        if session.created_at is None:
            session = evolve(session, created_at=self._clock.seconds())
        session = self._lifetimes.renewed(session, stored.session)
        return await self._store.replace(ticket, stored, session) or await self._store.load(ticket)

    async def _hold(self, lock: Lock) -> None:
        # What is stored is compared before it is replaced, lock or no lock.
        with suppress(StoreUnavailable):
            await self._store.extend(lock)

    async def _release(self, lock: Lock) -> None:
        # It ends by itself.
        with suppress(StoreUnavailable):
            await self._store.release(lock)
