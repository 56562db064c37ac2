"""How often passwords may be guessed: so many failures a user and an address within a period (security.md D10)."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

from attrs import define

from o2sidecar.refusals import TooManyGuesses

V = TypeVar("V")

_REMEMBERED = 10_000
_AT_HOME = 30 * 86400.0
"""Seconds for which a user who signed in somewhere is at home there: longer than sessions live."""
_NETWORK = 64
"""Bits of an IPv6 address that name a customer; the rest is theirs to choose."""


@define
class _Failures:
    count: int
    until: float


class Guesses:
    """Counts failures, and refuses further tries when there were too many.

    `per_user`, `per_address`: failures within `period` seconds from the first; 0: any number. Where a user has signed
    in before, neither counts: whoever guesses must not lock anybody out. A try counts as soon as it is begun, so that
    many at once are no way round. `remembered`: users, addresses and pairs of them that are kept, by a hash, each; of
    more, the oldest are forgotten. `now` gives seconds.
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
        self._now = now
        self._remembered = remembered
        self._users = _Limit(per_user, period, remembered)
        self._addresses = _Limit(per_address, period, remembered)
        self._at_home: dict[bytes, float] = {}
        self._key = os.urandom(32)

    def begin(self, user: str, address: str) -> None:
        """A password is about to be compared; raises `TooManyGuesses` if it must not be just now.

        `address`: where the user is, as text; one that is no IP address (a unix socket's) is nobody's in particular,
        and is not counted.
        """
        now, network = self._now(), _network(address)
        if self._at_home.get(self._hash(user, network), 0) > now:
            return
        limits = [(self._users, self._hash(user))]
        if network:
            limits.append((self._addresses, self._hash(network)))
        if any(limit.reached(key, now) for limit, key in limits):
            raise TooManyGuesses
        for limit, key in limits:
            limit.count(key, now)

    def succeeded(self, user: str, address: str) -> None:
        """The password was right: the try that was begun was no guess, and the user is at home there."""
        now, network = self._now(), _network(address)
        home = self._hash(user, network)
        if self._at_home.get(home, 0) <= now:
            self._users.take_back(self._hash(user))
            self._addresses.take_back(self._hash(network))
        if network:
            _keep(self._at_home, home, now + _AT_HOME, self._remembered)

    def _hash(self, *texts: str) -> bytes:
        """What stands for names of any length, made up by anybody."""
        return blake2b("\0".join(texts).encode(), key=self._key, digest_size=16).digest()


class _Limit:
    """The failures of one kind of key."""

    def __init__(self, most: int, period: float, remembered: int) -> None:
        self._most = most
        self._period = period
        self._remembered = remembered
        self._failures: dict[bytes, _Failures] = {}

    def reached(self, key: bytes, now: float) -> bool:
        """Whether there were too many."""
        found = self._failures.get(key)
        return bool(self._most) and found is not None and found.until > now and found.count >= self._most

    def count(self, key: bytes, now: float) -> None:
        """Note one."""
        found = self._failures.get(key)
        if found is None or found.until <= now:
            _keep(self._failures, key, _Failures(1, now + self._period), self._remembered)
        else:
            found.count += 1

    def take_back(self, key: bytes) -> None:
        """One that was noted was none."""
        found = self._failures.get(key)
        if found is not None and found.count:
            found.count -= 1


def _network(address: str) -> str:
    """What of an address cannot be chosen by who has it; empty if it is no IP address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> (128 - _NETWORK))
    return str(parsed)


def _keep(kept: dict[bytes, V], key: bytes, value: V, most: int) -> None:
    """Keep it as the youngest, and let go of the oldest of too many."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
