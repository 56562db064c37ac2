"""Which of a person's groups a session keeps: all of them, or those that a rule asks for."""

from __future__ import annotations

from attrs import evolve, frozen

from o2sidecar.session.session import Session


@frozen(kw_only=True)
class KeptGroups:
    """`needed`: the groups that some rule asks for; `None`: all are kept."""

    needed: frozenset[str] | None = None

    def of(self, session: Session) -> Session:
        """The session without the groups that nobody asks for, in the order that the provider gave."""
        if self.needed is None:
            return session
        kept = tuple(group for group in session.groups if group in self.needed)
        return session if kept == session.groups else evolve(session, groups=kept)


ALL_GROUPS = KeptGroups()
