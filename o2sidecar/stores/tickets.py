"""Sessions under their tickets in Redis: kept, loaded, replaced by whoever saw them last, and removed for good."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.stores.resp import Reply
from o2sidecar.stores.server import Commands, RedisRefused

T = TypeVar("T")

_REPLACE = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
_EXTEND = b"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = b"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
"""Each is about one key, so that a cluster can run them."""
_LOOK_EVERY = 5.0
_MOST_OWED = 10_000


@frozen(kw_only=True)
class Stored:
    """A session as it is stored; `value`: the bytes there, by which a later value is told from this one."""

    session: Session
    value: bytes = field(repr=False)


@frozen(kw_only=True)
class Lock:
    """The right to renew a session, for a while; `token`: by which it is known as ours."""

    ticket: Ticket
    token: bytes = field(repr=False)


class TicketStore:
    """Stores sessions.

    `lifetime`: seconds that one is kept; 0: for ever. `lock_time`: seconds after which a lock ends whose holder is
    gone. `deadline`: seconds that any of this may take, whatever happens. `random(n)` gives n bytes that nobody can
    guess.
    """

    _log = Logger()

    def __init__(
        self,
        redis: Commands,
        *,
        clock: IReactorTime,
        lifetime: float,
        lock_time: float,
        deadline: float,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.redis = redis
        self._clock = clock
        self._lifetime = b"%d" % (lifetime * 1000)
        self._lock_time = b"%d" % (lock_time * 1000)
        self._deadline = deadline
        self._random = random
        self._trouble = ""
        self._owed: dict[str, None] = {}
        self._looks = LoopingCall(self._look)
        self._looks.clock = clock

    def turn_to(self, *, lifetime: float) -> None:
        """Keep what is stored from now on for another time, in seconds."""
        self._lifetime = b"%d" % (lifetime * 1000)

    def trouble(self) -> str:
        """Why nothing can be stored or loaded just now, as far as is known; empty if it can."""
        return self._trouble

    async def start(self) -> None:
        """Look whether the store answers, and from then on regularly, until `stop`; never raises."""
        self._looks.start(_LOOK_EVERY, now=False).addErrback(
            lambda failure: self._log.failure("looking for the session store failed", failure=failure)
        )
        await self._look()

    def stop(self) -> None:
        """End all connections."""
        if self._looks.running:
            self._looks.stop()
        self.redis.close()

    async def load(self, ticket: Ticket, seen: Stored | None = None) -> Stored | None:
        """The session of a ticket, `None` if there is none any more; `seen` itself if that is what is still stored.

        Raises `StoreUnavailable`, and `CookieRefused` if what is stored was not sealed with this ticket.
        """
        if ticket.id in self._owed:
            return None
        value = await self._ask(ticket.id, b"GET", ticket.id.encode())
        if not isinstance(value, bytes):
            return None
        if seen is not None and value == seen.value:
            return seen
        return Stored(session=ticket.open(value), value=value)

    async def keep(self, ticket: Ticket, session: Session) -> Stored:
        """Store a new session; raises `StoreUnavailable`."""
        value = ticket.seal(session, self._random)
        expiry = (b"PX", self._lifetime) if self._lifetime != b"0" else ()
        await self._ask(ticket.id, b"SET", ticket.id.encode(), value, *expiry)
        return Stored(session=session, value=value)

    async def replace(
        self, ticket: Ticket, seen: Stored, session: Session, *, lifetime: float | None = None
    ) -> Stored | None:
        """Store a session in the place of the one that was seen; `None` if that is not there any more.

        So a session that was signed out meanwhile does not come back, and what somebody else renewed stays. `lifetime`:
        seconds that it is kept, if not the usual ones. Raises `StoreUnavailable`.
        """
        kept = self._lifetime if lifetime is None else b"%d" % (lifetime * 1000)
        value = ticket.seal(session, self._random)
        done = await self._run(_REPLACE, ticket.id, seen.value, value, kept)
        return Stored(session=session, value=value) if done == 1 else None

    async def remove(self, ticket: Ticket) -> None:
        """End a session everywhere. Where the store does not answer it is still no session here, and is removed later.

        Raises `StoreUnavailable` then.
        """
        try:
            await self._ask(ticket.id, b"DEL", ticket.id.encode())
        except StoreUnavailable:
            if len(self._owed) < _MOST_OWED:
                self._owed[ticket.id] = None
            raise

    async def lock(self, ticket: Ticket) -> Lock | None:
        """The lock of a session, `None` if somebody else has it; raises `StoreUnavailable`."""
        lock = Lock(ticket=ticket, token=self._random(16).hex().encode())
        words = (b"SET", ticket.lock_id.encode(), lock.token, b"NX", b"PX", self._lock_time)
        return lock if await self._ask(ticket.lock_id, *words) is not None else None

    async def extend(self, lock: Lock) -> bool:
        """Have a lock that is ours begin anew; whether it was. Raises `StoreUnavailable`."""
        return await self._run(_EXTEND, lock.ticket.lock_id, lock.token, self._lock_time) == 1

    async def release(self, lock: Lock) -> None:
        """Give a lock back; raises `StoreUnavailable`, and then it ends by itself."""
        await self._run(_RELEASE, lock.ticket.lock_id, lock.token)

    async def try_out(self, name: str) -> None:
        """Do all that sessions need with a ticket for the cookie of that name, and leave nothing behind.

        Raises `StoreUnavailable` if the store does not do it all.
        """
        ticket, session = Ticket.issue(name, self._random), Session(created_at=self._clock.seconds())
        await self.keep(ticket, session)
        stored, lock = await self.load(ticket), await self.lock(ticket)
        if stored is None or lock is None or await self.replace(ticket, stored, session) is None:
            raise StoreUnavailable(detail="Redis: what was stored there is not there")
        await self.release(lock)
        await self.remove(ticket)

    async def _run(self, script: bytes, key: str, *arguments: bytes) -> Reply:
        return await self._ask(key, b"EVAL", script, b"1", key.encode(), *arguments)

    async def _ask(self, key: str, *words: bytes) -> Reply:
        return await self._bounded(self.redis.ask(key.encode(), *words))

    async def _bounded(self, asked: Coroutine[Deferred[Any], Any, T]) -> T:
        """What the store says, or `StoreUnavailable`, in time; whichever it is, it is what is known of the store."""
        try:
            reply = await Deferred.fromCoroutine(asked).addTimeout(self._deadline, self._clock)
        except StoreUnavailable as error:
            self._note(error.detail)
            raise
        except RedisRefused as refused:
            self._note(f"Redis says: {refused}")
            raise StoreUnavailable(detail=self._trouble) from None
        except TimedOut:
            self._note(f"Redis: no answer within {self._deadline:g} s")
            raise StoreUnavailable(detail=self._trouble) from None
        self._note("")
        return reply

    def _note(self, trouble: str) -> None:
        if trouble and not self._trouble:
            self._log.warn("the session store cannot be reached: {trouble}", trouble=trouble)
        elif self._trouble and not trouble:
            self._log.info("the session store can be reached again")
        self._trouble = trouble

    async def _look(self) -> None:
        try:
            await self._bounded(self.redis.ping())
            for id in list(self._owed):
                await self._ask(id, b"DEL", id.encode())
                self._owed.pop(id, None)
        except StoreUnavailable:
            pass  # it is noted
