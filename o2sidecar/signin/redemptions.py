"""Codes that are being redeemed or were just now: whoever brings one twice gets the outcome of the first time.

A code is good for once (RFC 6749 §4.1.2), and a provider that sees it again takes back what it gave for it. A person
who clicks twice, or whose browser repeats the callback, has done nothing wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256

from o2sidecar.session.session import Session
from o2sidecar.shared_call import SharedCalls

_KEPT_FOR = 60.0
_MOST = 512


class Redemptions:
    """Redeems codes, each once. Only successes are remembered: a minute, and 512 of them."""

    def __init__(self) -> None:
        self._under_way: SharedCalls[Session] = SharedCalls()
        self._done: dict[bytes, tuple[float, Session]] = {}

    async def of(self, login: bytes, redeem: Callable[[], Awaitable[Session]], now: float) -> Session:
        """What redeeming comes to. `login`: the login's secret with the code; who has both is the same browser.

        It goes on though the one who asked goes away: the code would be spent for nothing.
        """
        key = sha256(login).digest()
        self._forget(now)
        done = self._done.get(key)
        if done is not None:
            return done[1]

        async def once() -> Session:
            session = await redeem()
            self._done[key] = (now, session)
            return session

        return await self._under_way(key, once)

    def _forget(self, now: float) -> None:
        # They stand in the order of their age.
        while self._done:
            oldest = next(iter(self._done))
            if len(self._done) < _MOST and self._done[oldest][0] > now - _KEPT_FOR:
                break
            del self._done[oldest]
