"""One call for all who wait: whoever asks while it is under way gets its outcome."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Runs `function` at most once at a time."""

    def __init__(self, function: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> None:
        self._function = function
        self._running = False
        self._call: Deferred[None] | None = None
        self._waiting: list[Deferred[T]] = []

    @property
    def under_way(self) -> bool:
        """Whether a call is under way."""
        return self._running

    def __call__(self) -> Deferred[T]:
        """The outcome of the call under way, or of a new one. A waiter that is cancelled leaves the others waiting."""
        waiter: Deferred[T] = Deferred(lambda _: None)
        self._waiting.append(waiter)
        if not self._running:
            self._running = True
            call = Deferred.fromCoroutine(self._function())
            self._call = call.addBoth(self._finished)
        return waiter

    def stop(self) -> None:
        """Give up the call under way; those who wait for it get what it makes of that."""
        if self._running and self._call is not None:
            self._call.cancel()

    def _finished(self, outcome: T | Failure) -> None:
        self._running = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if waiter.called:
                continue
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)


class SharedCalls(Generic[T]):
    """The same by a key: of each key's calls at most one runs at a time."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, SharedCall[T]] = {}

    def __call__(self, key: bytes, function: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """The outcome of the key's call under way, or of one of `function`."""
        call = self._under_way.get(key)
        if call is None:
            call = self._under_way[key] = SharedCall(lambda: self._once(key, function))
        return call()

    async def _once(self, key: bytes, function: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> T:
        try:
            return await function()
        finally:
            del self._under_way[key]
