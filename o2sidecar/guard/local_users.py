"""Local users: people with a name and a password here, beside those whom the provider knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from o2sidecar.policy.guesses import Guesses
from o2sidecar.refusals import SessionEnded
from o2sidecar.session.session import Session


class PasswordFile(Protocol):
    """Where the users are listed."""

    def entry(self, user: str) -> str:
        """What stands for a user's password; it changes when that does, and is empty without such a user."""

    async def admits(self, user: str, password: str) -> bool:
        """Whether this is the password of a user; may raise `Busy`."""


class Renewing(Protocol):
    """Renews sessions, as `Provider` does."""

    async def refresh(self, session: Session) -> Session | None:
        """A renewed session, or `None`; raises `SessionEnded`."""


class LocalUsers:
    """Makes sessions of local users, and renews them; those of other people are the provider's.

    `guesses`: how often a password may be wrong. `groups`: those of every local user. `user_is_email`: the user's name
    stands in the place of an email, too. `mark`: the provider that their sessions name; empty: none.
    """

    def __init__(
        self,
        listed: PasswordFile,
        *,
        provider: Renewing,
        now: Callable[[], float],
        guesses: Guesses,
        groups: Iterable[str] = (),
        user_is_email: bool = False,
        mark: str = "",
    ) -> None:
        self._listed = listed
        self._provider = provider
        self._now = now
        self._guesses = guesses
        self._groups = tuple(groups)
        self._user_is_email = user_is_email
        self._mark = mark

    async def session(self, user: str, password: str, address: str) -> Session | None:
        """The session of a user with this password; `None` if there is none. `address`: where they are.

        Raises `TooManyGuesses` after too many wrong ones, and `Busy` while too many are compared.
        """
        if not user:
            return None
        self._guesses.begin(user, address)
        if not await self._listed.admits(user, password):
            return None
        self._guesses.succeeded(user, address)
        email = user if self._user_is_email else ""
        return Session(created_at=self._now(), user=user, email=email, groups=self._groups, provider=self._mark)

    def standing(self, user: str) -> Callable[[], bool]:
        """Tells later whether a user is still listed, with the password of now."""
        entry = self._listed.entry(user)
        return lambda: entry != "" and self._listed.entry(user) == entry

    def knows(self, user: str) -> bool:
        """Whether a user is listed."""
        return self._listed.entry(user) != ""

    async def refresh(self, session: Session) -> Session | None:
        """See `Renewing`. A session without tokens is a local user's: good while they are listed."""
        if session.has_tokens:
            return await self._provider.refresh(session)
        if not self._listed.entry(session.user):
            raise SessionEnded(detail="the user is not in the htpasswd_file any more")
        return None
