"""How much room a session may take among the cookies of a browser, and what takes it where that is too much."""

from __future__ import annotations

from twisted.logger import Logger

from o2sidecar.policy.kept_groups import ALL_GROUPS, KeptGroups
from o2sidecar.refusals import OwnFault
from o2sidecar.session.cookies import Cookies, SessionCookie
from o2sidecar.session.packing import sizes
from o2sidecar.session.session import Session

_BETWEEN = len("=") + len("; ")


class CookieBudget:
    """A number of bytes in the Cookie field that a session should not exceed.

    `limit`: 0 for no such number. `groups`: those that sessions keep of their person's.

    Nothing is refused by it: what is beyond it goes somewhere else, where there is something else. What a session needs
    its room for is logged once.
    """

    _log = Logger()

    def __init__(self, cookie: SessionCookie, limit: int = 0, *, groups: KeptGroups = ALL_GROUPS) -> None:
        self.cookie = cookie
        self.groups = groups
        self._limit = limit
        self._said = False

    def pieces(self, session: Session, host: str, now: float) -> Cookies:
        """The cookies that hold a session, within the budget or not; raises `OwnFault` if no number of them can."""
        pieces, _ = self._weighed(session, host, now)
        return pieces

    def holds(self, session: Session, host: str, now: float) -> bool:
        """Whether a session fits into cookies, and within the budget."""
        try:
            _, within = self._weighed(session, host, now)
        except OwnFault:
            return False
        return within

    def _weighed(self, session: Session, host: str, now: float) -> tuple[Cookies, bool]:
        kept = self.cookie.kept(session, now)
        try:
            pieces = self.cookie.pieces(kept, host)
        except OwnFault:
            self._say("the session of {name} does not fit into cookies", kept)
            raise
        size = sum(len(name) + len(value) + _BETWEEN for name, value in pieces)
        within = not self._limit or size <= self._limit
        if not within:
            self._say("the session of {name} takes {size} bytes in cookies, above session_cookie_budget", kept, size)
        return pieces, within

    def _say(self, what: str, session: Session, size: int = 0) -> None:
        if self._said:
            return
        self._said = True
        largest = sorted(sizes(session).items(), key=lambda part: part[1], reverse=True)
        parts = ", ".join(f"{name} {number}" for name, number in largest)
        self._log.warn(
            what + ". Its parts, in bytes before they are compressed: {parts}. Later ones like it are not logged.",
            name=session.name,
            size=size,
            parts=parts,
        )
