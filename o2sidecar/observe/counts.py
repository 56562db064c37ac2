"""Counts what happens, in plain numbers that are added to as it happens and read when somebody asks.

HOT: `RequestCounts.record` runs once per request; the rest are numbers that others add to. What names a number is
never what a client, an app or a provider sent: a name is one of a few, or a word of the program's own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

from attrs import field, frozen

from o2sidecar.http.exchange import Exchange

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes that durations are counted in, in seconds; they are oauth2-proxy's."""

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "connect", "trace", "notify")
"""The methods that are counted by their name, as oauth2-proxy writes them."""

OTHER = "other"
"""What stands for a reason that has no place of its own."""

_FAILURES = (
    *("internal_error", "too_many_connections"),
    *("upstream_unreachable", "upstream_timeout", "upstream_lost", "upstream_invalid"),
)
"""Reasons that are told of before they are first given: an alert sees a number grow, not one that appears."""

_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Durations:
    """How many took how long: one count for each of `BOUNDS` and one for what took longer, and the sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """One more took so long."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Reasons(dict[str, int]):
    """How often each reason was given. Those beyond `most`, and what is no word, are counted together as `other`.

    `known`: reasons that are told of before they are given.
    """

    def __init__(self, known: Iterable[str] = (), *, most: int = 100) -> None:
        super().__init__(dict.fromkeys(known, 0))
        self._most = most

    def add(self, reason: str) -> None:
        """One more for this reason."""
        if reason not in self and (len(self) >= self._most or not _REASON.fullmatch(reason)):
            reason = OTHER
        self[reason] = self.get(reason, 0) + 1


class RequestCounts:
    """Requests that were answered, broken off or refused.

    `then`: takes note of each request after it was counted. `health_checks`: paths whose requests are not counted
    where they are answered here, as oauth2-proxy has it (CONTRACT §1).
    """

    def __init__(
        self, *, then: Callable[[Exchange, int, int, float], None], health_checks: Iterable[bytes] = ()
    ) -> None:
        self.by_status: dict[int, int] = {}
        self.by_method = {method: Durations() for method in METHODS}
        self.of_other_methods = Durations()
        self.refusals = Reasons(_FAILURES)
        self.body_bytes = 0
        self.turn_to(then=then, health_checks=health_checks)
        self._durations = {method.upper().encode(): durations for method, durations in self.by_method.items()}

    def turn_to(
        self, *, then: Callable[[Exchange, int, int, float], None], health_checks: Iterable[bytes] = ()
    ) -> None:
        """Go on with another that takes note, and other health checks."""
        self._then = then
        self._health_checks = frozenset(health_checks)

    def record(self, exchange: Exchange, status: int, size: int, duration: float) -> None:
        """Count a request: `size` is the answer's body in bytes, `duration` in seconds."""
        reason = exchange.reason
        if reason or exchange.upstream or exchange.path not in self._health_checks:
            by_status = self.by_status
            by_status[status] = by_status.get(status, 0) + 1
            durations = self._durations.get(exchange.method, self.of_other_methods)
            durations.counts[bisect_left(BOUNDS, duration)] += 1
            durations.seconds += duration
            self.body_bytes += size
            if reason:
                self.refusals.add(reason)
        self._then(exchange, status, size, duration)


class SessionCounts:
    """Sessions that came with requests.

    Attributes:
        remembered: how often one was found among those opened before.
        opened: how often one was read from its cookie.
        refused: how often one did not count, by the reason.
        renewals: how often the provider was asked about one, by what came of it.
    """

    __slots__ = ("opened", "refused", "remembered", "renewals")

    def __init__(self) -> None:
        self.remembered = 0
        self.opened = 0
        self.refused = Reasons(("malformed", "signature", "expired", "future", "content", "nobody", "ended"))
        self.renewals = dict.fromkeys(("renewed", "unchanged", "ended", "failed"), 0)


class SignInCounts:
    """Logins.

    Attributes:
        begun: how often a browser was sent to the provider.
        ended: how often one came back, by what came of it.
    """

    __slots__ = ("begun", "ended")

    def __init__(self) -> None:
        self.begun = 0
        self.ended = dict.fromkeys(("success", "repeated", "denied", "failed", "provider_failed", "error"), 0)


class ProviderCounts:
    """Questions to the provider: how long they took, and how many by what came of them."""

    __slots__ = ("asked", "durations")

    def __init__(self) -> None:
        self.asked = dict.fromkeys(("answered", "overloaded", "unanswered"), 0)
        self.durations = Durations()


@frozen(kw_only=True)
class Counts:
    """All that is counted in one process, but for what its connections count themselves."""

    requests: RequestCounts
    sessions: SessionCounts = field(factory=SessionCounts)
    sign_ins: SignInCounts = field(factory=SignInCounts)
    provider: ProviderCounts = field(factory=ProviderCounts)
