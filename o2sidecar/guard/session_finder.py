"""What finds the session of a request: by its cookies, or by its Authorization field before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from o2sidecar.guard.opened import Opened
from o2sidecar.http.exchange import Exchange
from o2sidecar.refusals import Refusal, WhyLost
from o2sidecar.session.session import Session


class SessionFinder(Protocol):
    """Finds sessions, and gives and takes their cookies."""

    def settle(
        self,
        exchange: Exchange,
        decide: Callable[[Exchange, Opened | None], None],
        give_up: Callable[[Exchange, Refusal], None],
    ) -> None:
        """Find the request's session and go on with `decide`, at once unless somebody has to be asked.

        `give_up` must answer when that cannot be found out, or the request is to be refused without more ado.
        """

    async def look(self, exchange: Exchange) -> Opened | None:
        """The session of the request's cookies as it is; `None` without one. Nobody's is renewed by being looked at.

        `Opened.due_at` is when it is to be renewed. Raises `StoreUnavailable`.
        """

    async def why_none(self, exchange: Exchange) -> WhyLost:
        """Why the request's cookies are no session, in one word.

        Raises `StoreUnavailable`.
        """

    def as_of_now(self, opened: Opened) -> Opened | None:
        """A session that was found before, as it is now; `None` if it is over."""

    async def issue(self, exchange: Exchange, session: Session) -> list[bytes]:
        """Begin a session: the Set-Cookie values that give it to the browser, in the place of what it has.

        Raises a `Refusal` if it cannot be kept.
        """

    def give_cookie(self, exchange: Exchange, opened: Opened) -> None:
        """Have the answer carry a renewed session's cookie."""

    async def end(self, exchange: Exchange) -> Session | None:
        """End the request's session wherever it is kept, and have the answer delete its cookies; gives what it was.

        Raises `StoreUnavailable` if it may go on elsewhere; the cookies are deleted all the same.
        """

    def take_cookies(self, exchange: Exchange) -> None:
        """Have the answer delete every session cookie that the request brought."""

    def take_all_cookies(self, exchange: Exchange) -> None:
        """Have the answer delete every cookie of ours that the request may have brought."""
