"""How often passwords may be guessed: so many failures a user and an address within a period (security.md D10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import define

from o2sidecar.refusals import TooManyGuesses

K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED = 10_000


@define
class _Failures:
    count: int
    until: float


class Guesses:
    """Counts failures, and refuses further tries when there were too many.

    `per_user`, `per_address`: failures within `period` seconds from the first; 0: any number. Where a user has signed
    in, the first does not count: whoever guesses elsewhere must not lock them out. `remembered`: users and addresses
    whose failures are kept, each; of more, the oldest are forgotten. `now` gives seconds.
    """

    def __init__(
        self,
        *,
        per_user: int,
        per_address: int,
        period: float,
        now: Callable[[], float],
        remembered: int = _REMEMBERED,
    ) -> None:
        self._period = period
        self._now = now
        self._remembered = remembered
        self._users = _Limit(per_user)
        self._addresses = _Limit(per_address)
        self._at_home: dict[tuple[str, str], float] = {}

    def check(self, user: str, address: str) -> None:
        """Raise `TooManyGuesses` if a user's password must not be tried from this address just now."""
        now = self._now()
        at_home = self._at_home.get((user, address), 0) > now
        if self._addresses.reached(address, now) or (not at_home and self._users.reached(user, now)):
            raise TooManyGuesses

    def failed(self, user: str, address: str) -> None:
        """A password was wrong, or there is no such user."""
        now = self._now()
        for limit, key in ((self._users, user), (self._addresses, address)):
            limit.count(key, now, now + self._period, self._remembered)

    def succeeded(self, user: str, address: str) -> None:
        """A user has signed in from an address."""
        _keep(self._at_home, (user, address), self._now() + self._period, self._remembered)


class _Limit:
    """The failures of one kind of key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._failures: dict[str, _Failures] = {}

    def reached(self, key: str, now: float) -> bool:
        """Whether there were too many."""
        found = self._failures.get(key)
        return bool(self._most) and found is not None and found.until > now and found.count >= self._most

    def count(self, key: str, now: float, until: float, remembered: int) -> None:
        """Note one."""
        found = self._failures.get(key)
        if found is None or found.until <= now:
            _keep(self._failures, key, _Failures(1, until), remembered)
        else:
            found.count += 1


def _keep(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep it as the youngest, and let go of the oldest of too many."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
