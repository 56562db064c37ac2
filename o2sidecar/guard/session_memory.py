"""What is known of sessions in this process and in none of their cookies; it outlives a change of settings."""

from __future__ import annotations

from collections.abc import Callable

from o2sidecar.guard.opened import Opened, OpenedSessions
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.shared_call import SharedCalls

Make = Callable[[bytes, Session], Opened]
"""Makes what is kept of a session, by the cookie's bytes."""


class SessionMemory:
    """The memory of sessions in cookies, which those who find sessions by one settings leave to those of the next.

    Attributes:
        opened: sessions by their cookies' bytes.
        renewals: what the provider is being asked just now.
        retries: until when it is not to be asked again, by access token.
        spent: until when a session outlives its refresh token, by that.
        most: how many are kept of each of the last two.
    """

    def __init__(self, ring: KeyRing, *, most: int = 4096) -> None:
        self.opened = OpenedSessions(most)
        self.renewals: SharedCalls[Opened | None] = SharedCalls()
        self.retries: dict[str, float] = {}
        self.spent: dict[str, float] = {}
        self.most = most
        self._make: Make | None = None
        # What was sealed with a key that seals no more is to be sealed anew.
        ring.on_change(self.opened.forget_untouched)

    def make(self, key: bytes, session: Session) -> Opened:
        """What is to be kept of a session by the settings of now, also where those before began to ask about it."""
        assert self._make is not None
        return self._make(key, session)

    def turn_to(self, make: Make) -> None:
        """Have sessions be kept by other settings from now on: other headers, other limits."""
        self._make = make
        self.opened.make_anew(make)
