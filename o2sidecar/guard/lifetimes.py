"""How long sessions last: since they were sealed, since the login, and since they were in use last."""

from __future__ import annotations

from math import inf

from attrs import evolve, frozen

from o2sidecar.session.session import Session

_NOTED = 10
"""How many times within the idle limit the use of a session is noted, at most."""


@frozen(kw_only=True)
class Lifetimes:
    """The limits of sessions, in seconds; `inf` for none.

    Attributes:
        sealed: since a session's cookie was made, or renewed.
        absolute: since the login, however often the session was renewed.
        idle: since it was in use.
    """

    sealed: float
    absolute: float = inf
    idle: float = inf

    def begun(self, session: Session, now: float) -> Session:
        """A session that begins, with what the limits are counted from."""
        if self.absolute < inf:
            session = evolve(session, began_at=now)
        return self.used(session, now)

    def used(self, session: Session, now: float) -> Session:
        """The session, in use just now."""
        return evolve(session, seen_at=now) if self.idle < inf else session

    def renewed(self, session: Session, before: Session) -> Session:
        """A session that was renewed and began when it did; one that does not tell began when it was sealed."""
        if self.absolute == inf or session.began_at is not None:
            return session
        return evolve(session, began_at=before.created_at)

    def ends_at(self, session: Session, since: float) -> float:
        """When it is over, in seconds since the epoch; `since`: when it was sealed."""
        began = since if session.began_at is None else session.began_at
        seen = since if session.seen_at is None else session.seen_at
        return min(since + self.sealed, began + self.absolute, seen + self.idle)

    def note_at(self, session: Session, since: float) -> float:
        """When it is to be noted anew that the session is in use."""
        return (since if session.seen_at is None else session.seen_at) + self.idle / _NOTED


NO_LIMITS = Lifetimes(sealed=inf)
