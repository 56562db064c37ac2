"""Several providers as one: each session is renewed by the provider that began it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import evolve, frozen

from o2sidecar.providers.registrations import Registrations
from o2sidecar.refusals import SessionEnded
from o2sidecar.session.session import Session


@frozen
class SeveralProviders:
    """The providers of all registrations; `now` is in seconds since the epoch."""

    registrations: Registrations
    now: Callable[[], float]

    async def refresh(self, session: Session) -> Session | None:
        """See `Provider`. What no provider here began stays as it is until its tokens end: others may renew it."""
        registration = self.registrations.of(session)
        if registration is None:
            if session.expires_on is not None and session.expires_on <= self.now():
                raise SessionEnded(detail=f"its tokens have ended, and no provider here is called {session.provider!r}")
            return None
        renewed = await registration.provider.refresh(session)
        return renewed and evolve(renewed, provider=session.provider)

    def trouble(self) -> str:
        """Why nobody could sign in at all so far; empty if one of them lets people in."""
        return _all_of(each.provider.trouble() for each in self.registrations)

    def trouble_now(self) -> str:
        """Why nobody can sign in just now: as `trouble`, or since none of them answered when it was asked last."""
        return _all_of(each.provider.trouble() or each.unanswered() for each in self.registrations)


def _all_of(troubles: Iterable[str]) -> str:
    found = list(troubles)
    return "; ".join(found) if all(found) else ""
