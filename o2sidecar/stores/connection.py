"""One connection to a Redis server: commands go out as they come, replies come back in the same order, or it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from o2sidecar.http.client_tls import why_lost
from o2sidecar.stores.resp import NoRedis, Replies, Reply, command


class ConnectionGone(Exception):
    """A connection has ended before a reply came; the text says why. `slow`: since the reply took too long."""

    def __init__(self, why: str, *, slow: bool = False) -> None:
        super().__init__(why)
        self.slow = slow


class RedisConnection(Protocol):
    """Asks a server, any number of questions at a time up to `waiting`.

    `patience`: seconds until a reply must be there; then the connection is of no more use, for a later reply could
    not be told from the next one's. `most`: bytes that a value may have. `ended`: told once that nothing can be asked
    any more.
    """

    def __init__(
        self,
        *,
        clock: IReactorTime,
        patience: float,
        most: int,
        waiting: int,
        ended: Callable[[RedisConnection], None],
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._limit = waiting
        self._ended = ended
        self._replies = Replies(most)
        self._waiting: deque[tuple[float, Deferred[Reply]]] = deque()
        self._timer: IDelayedCall | None = None
        self._gone: ConnectionGone | None = None
        self.used_at = clock.seconds()

    @property
    def usable(self) -> bool:
        """Whether something can be asked."""
        return self._gone is None

    def ask(self, *words: bytes) -> Deferred[Reply]:
        """A command's reply; fails with `ConnectionGone`."""
        asked: Deferred[Reply] = Deferred(lambda _: None)
        if self._gone is None and len(self._waiting) >= self._limit:
            asked.errback(ConnectionGone(f"{self._limit} questions wait for the server already", slow=True))
        elif self._gone is not None or self.transport is None:
            asked.errback(self._gone or ConnectionGone("it does not stand yet"))
        else:
            self.used_at = self._clock.seconds()
            self._waiting.append((self.used_at + self._patience, asked))
            if self._timer is None:
                self._watch()
            self.transport.write(command(*words))
        return asked

    def close(self, why: str = "closed") -> None:
        """End it now; those who wait are told why."""
        self._end(ConnectionGone(why))

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the server's replies."""
        if self._gone is not None:
            return
        try:
            replies = self._replies.feed(data)
        except NoRedis as error:
            self._end(ConnectionGone(f"no Redis server speaks like this: {error}"))
            return
        for reply in replies:
            if not self._waiting:
                self._end(ConnectionGone("the server answers what nobody asked"))
                return
            _, asked = self._waiting.popleft()
            if not asked.called:
                asked.callback(reply)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell all who wait."""
        self.transport = None
        self._end(ConnectionGone(why_lost(reason)))

    def _watch(self) -> None:
        """One timer for all questions: the oldest is the first to be late."""
        due, _ = self._waiting[0]
        self._timer = self._clock.callLater(max(0.0, due - self._clock.seconds()), self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiting:
            due, _ = self._waiting[0]
            if due <= self._clock.seconds():
                self._end(ConnectionGone(f"no answer within {self._patience:g} s", slow=True))
            else:
                self._watch()

    def _end(self, gone: ConnectionGone) -> None:
        if self._gone is not None:
            return
        self._gone = gone
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transport is not None:
            cast("ITCPTransport", self.transport).abortConnection()
        self._ended(self)
        waiting, self._waiting = self._waiting, deque()
        for _, asked in waiting:
            if not asked.called:
                asked.errback(gone)
