"""What is known of a session in a store, and how long that counts."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import define, evolve, field, frozen

from o2sidecar.guard.lifetimes import Lifetimes
from o2sidecar.guard.opened import Opened
from o2sidecar.identity import IdentityHeaders
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.session.session import Session
from o2sidecar.session.ticket_cookie import Presented
from o2sidecar.stores.tickets import Stored


@define(kw_only=True)
class Held(Opened):
    """A session that a ticket opened. `due_at`: until when it is believed. `renew_at`: when it is to be renewed."""

    presented: Presented
    stored: Stored
    renew_at: float


@frozen(kw_only=True)
class Trust:
    """How long what is known of a stored session counts, in seconds.

    Attributes:
        lifetime: of a ticket, from the signature of its cookie.
        believed: until the store is asked again whether the session is still there.
        refresh_period: age at which it is renewed with the provider.
        absolute: of a session, from the login.
        idle: of a session, from its last use.
        jitter: most seconds that a session is renewed ahead of its time.
        random: gives a number from 0 up to 1, by which it is.
        retry_period: until the provider is asked again when it told nothing new.
    """

    lifetime: float
    believed: float
    refresh_period: float = inf
    absolute: float = inf
    idle: float = inf
    jitter: float = 0
    random: Callable[[], float] = lambda: 0
    retry_period: float = 60


@frozen(kw_only=True)
class Holding:
    """Makes what is known of stored sessions."""

    headers: IdentityHeaders
    trust: Trust
    now: Callable[[], float]
    counts: SessionCounts
    lifetimes: Lifetimes = field(init=False)

    @lifetimes.default
    def _of_trust(self) -> Lifetimes:
        return Lifetimes(sealed=self.trust.lifetime, absolute=self.trust.absolute, idle=self.trust.idle)

    def made(self, key: bytes, presented: Presented, stored: Stored, held: Held | None) -> Held:
        """What is known of a stored session; what was known already, where the same is still stored."""
        if held is not None and held.stored is stored:
            return evolve(held)
        self.counts.opened += 1
        session = stored.session
        return Held(
            key=key,
            session=session,
            identity=self.headers.identify(session),
            expires_at=self.lifetimes.ends_at(session, presented.signed_at),
            due_at=0,
            # The session was renewed since its ticket was signed, here or elsewhere; the cookie is to live as long.
            renewed=presented.aged
            or (session.created_at is not None and session.created_at >= presented.signed_at + 1),
            presented=presented,
            stored=stored,
            renew_at=self.renew_at(stored),
        )

    def believed_until(self, held: Held) -> float:
        """When the store is to be asked again, or something is to be done about the session."""
        now, note_at = self.now(), self.note_at(held)
        believed = min(now + self.trust.believed, held.renew_at, held.expires_at)
        return min(believed, note_at) if note_at > now else believed

    def renew_at(self, stored: Stored) -> float:
        """When this sidecar renews a session: at its time, or somewhat ahead of it."""
        created_at = stored.session.created_at
        ahead = self.trust.jitter * self.trust.random()
        return (self.now() if created_at is None else created_at) + self.trust.refresh_period - ahead

    def is_due(self, session: Session) -> bool:
        """Whether it may be renewed: some sidecar's time for it may have come."""
        soonest = self.trust.refresh_period - self.trust.jitter
        return session.created_at is not None and session.created_at + soonest <= self.now()

    def note_at(self, held: Held) -> float:
        """When it is to be noted that the session is in use."""
        return self.lifetimes.note_at(held.session, held.presented.signed_at)
