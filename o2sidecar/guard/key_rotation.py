"""Rotates the keys of cookies without signing anybody out, however many sidecars learn of a new secret one by one.

A secret that is new here opens cookies at once, since another sidecar may seal with it already, and seals only when
all of them have had the time to learn of it. Whatever sealed before goes on opening.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from o2sidecar.session.keys import CookieKey, KeyRing

_KEPT = 3
"""How many keys that sealed once go on opening, beside those that the settings name."""


class KeyRotation:
    """Keeps a ring's keys. `settle`: seconds from when a new secret opens until it seals."""

    _log = Logger()

    def __init__(self, ring: KeyRing, *, clock: IReactorTime, settle: float) -> None:
        """`ring`: its first key seals, the others are accepted."""
        self._ring = ring
        self._clock = clock
        self._settle = settle
        self._sealing, *accepted = ring.keys
        self._accepted = tuple(accepted)
        self._former: tuple[CookieKey, ...] = ()
        self._coming: CookieKey | None = None
        self._change: IDelayedCall | None = None

    @property
    def latest(self) -> CookieKey:
        """The key that seals, or will when all have had the time to learn of it."""
        return self._sealing if self._coming is None else self._coming

    def turn_to(self, secret: str) -> None:
        """Seal with another secret when all have had the time to learn of it; `ValueError` if it makes no key."""
        key = CookieKey.from_text(secret)
        self.stop()
        if self._coming is not None:
            self._former = self._with_former(self._coming)
        self._coming = None if key == self._sealing else key
        if self._coming is not None:
            self._change = self._clock.callLater(self._settle, self._take_over)
        self._publish()

    def accept(self, secrets: Sequence[str]) -> None:
        """Open what was sealed with any of these, too; `ValueError` if one makes no key."""
        self._accepted = tuple(map(CookieKey.from_text, secrets))
        self._publish()

    def stop(self) -> None:
        """Wait for nothing any more."""
        if self._change is not None and self._change.active():
            self._change.cancel()
        self._change = None

    def _take_over(self) -> None:
        if self._coming is not None:
            self._former = self._with_former(self._sealing)
            self._sealing, self._coming = self._coming, None
            self._publish()
            self._log.info("cookies are sealed with the new secret from now on, and opened with the former one, too")

    def _with_former(self, key: CookieKey) -> tuple[CookieKey, ...]:
        return (key, *(each for each in self._former if each != key))[:_KEPT]

    def _publish(self) -> None:
        coming = () if self._coming is None else (self._coming,)
        keys = (self._sealing, *coming, *self._accepted, *self._former)
        self._ring.replace([key for place, key in enumerate(keys) if key not in keys[:place]])
