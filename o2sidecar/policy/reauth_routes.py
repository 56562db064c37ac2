"""Routes that ask for a fresh sign-in, or for one of a certain kind: which requests, and what they ask for.

What is asked are `max_age` and `acr_values` of OpenID Connect Core 1.0 §3.1.2.1. A route protects here, where a public
path opens: what cannot be told for certain is protected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import Protocol

from attrs import evolve, field, frozen

from o2sidecar.durations import parse_duration
from o2sidecar.policy.paths import readings
from o2sidecar.policy.pattern import Pattern

SHORTEST = 30.0
"""Seconds of a `max_age`. A shorter one could be over before the page has come, and people would never arrive."""

_LONGEST_ACR = 256
_ACR = re.compile(r"[!#-\[\]-~]+")
"""What stands in a list with blanks, and in quotes of a header (RFC 9110 §5.6.4), as it is."""
_ROUTE = re.compile(r"(?:([A-Za-z-]*)(!?)=)?(.*)", re.DOTALL)
_MEMORABLE = 512


class Authenticated(Protocol):
    """What a session tells of the authentication behind it."""

    @property
    def authenticated_at(self) -> float | None:
        """When it was, in seconds since the epoch; `None` if nobody said."""

    @property
    def acr(self) -> str:
        """Its class (acr)."""


@frozen(kw_only=True)
class Requirement:
    """What is asked. `acr_values`: one of them has to be had; `None`: any will do. Empty: nothing would."""

    max_age: float = inf
    acr_values: tuple[str, ...] | None = None

    def and_also(self, other: Requirement) -> Requirement:
        """Both at once."""
        mine, others = self.acr_values, other.acr_values
        both = others if mine is None else mine if others is None else tuple(acr for acr in mine if acr in others)
        return Requirement(max_age=min(self.max_age, other.max_age), acr_values=both)

    def is_recent(self, session: Authenticated, now: float) -> bool:
        """Whether the authentication is not too long ago; `now` in seconds since the epoch."""
        if self.max_age == inf:
            return True
        return session.authenticated_at is not None and now - session.authenticated_at <= self.max_age

    def is_of_kind(self, session: Authenticated) -> bool:
        """Whether its class is one of those asked for."""
        return self.acr_values is None or session.acr in self.acr_values

    def is_met(self, session: Authenticated, now: float) -> bool:
        """Whether a session may pass."""
        return self.is_of_kind(session) and self.is_recent(session, now)

    @property
    def parameters(self) -> dict[str, str]:
        """How a request asks for it, of a provider, or of a client (RFC 9470 §3)."""
        asked = {"max_age": str(int(self.max_age))} if self.max_age < inf else {}
        return asked | ({"acr_values": " ".join(self.acr_values)} if self.acr_values else {})


@frozen(kw_only=True)
class ReauthRoute:
    """One rule: a method (empty: any), a pattern that must match, or must not, and what is asked there."""

    method: bytes
    negated: bool
    pattern: Pattern
    requirement: Requirement

    @classmethod
    def parse(cls, text: str) -> ReauthRoute:
        """Of `[METHOD][!]=PATTERN max_age=5m acr=urn:x acr=urn:y`; raises `ValueError` that says what is wrong."""
        route, *words = text.split() or [""]
        found = _ROUTE.fullmatch(route)
        assert found is not None, "the expression takes any text"
        if not found[3]:
            raise ValueError(f"the route {text!r} has no pattern; if every path is meant, write ^/")
        if not words:
            raise ValueError(f"the route {text!r} asks for nothing: add max_age=5m, or acr= with a class")
        return cls(
            method=(found[1] or "").upper().encode("ascii"),
            negated=bool(found[2]),
            # Where apps take /Admin for /admin, so does this; "all but" leaves out no more than it says.
            pattern=Pattern(found[3] if found[2] else f"(?i){found[3]}"),
            requirement=_requirement(words, text),
        )

    def asks(self, method: bytes | None, texts: Iterable[str]) -> bool:
        """Whether it is about a path in any reading of it; `method`: `None` if nobody knows."""
        # Apps answer a HEAD by what they do for a GET (RFC 9110 §9.3.2).
        is_meant = method is None or self.method in {b"", method, b"GET" if method == b"HEAD" else method}
        return is_meant and any(self.pattern.found_in(text) is not self.negated for text in texts)


def _requirement(words: Sequence[str], route: str) -> Requirement:
    asked = Requirement()
    for word in words:
        name, _, value = word.partition("=")
        if name == "max_age" and asked.max_age == inf:
            asked = evolve(asked, max_age=_max_age(value, route))
        elif name == "acr" and _ACR.fullmatch(value) and len(value) <= _LONGEST_ACR:
            asked = evolve(asked, acr_values=(*(asked.acr_values or ()), value))
        else:
            raise ValueError(f"the route {route!r} asks for {word!r}: write max_age=5m once, or acr= with a class")
    return asked


def _max_age(value: str, route: str) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise ValueError(f"the route {route!r} has a max_age that cannot be used: {value!r} {error}") from None
    if not SHORTEST <= seconds < inf:
        raise ValueError(f"the route {route!r} has a max_age of less than {SHORTEST:g} seconds")
    return seconds


@frozen(kw_only=True)
class ReauthRoutes:
    """What requests ask for, by their method and path; `remembered`: how many answers are kept."""

    routes: tuple[ReauthRoute, ...]
    remembered: int = 1024
    _answers: dict[tuple[bytes | None, bytes], Requirement | None] = field(
        init=False, factory=dict, eq=False, repr=False
    )

    @classmethod
    def parse(cls, texts: Sequence[str]) -> ReauthRoutes:
        """Of the option `reauth_routes`; raises `ValueError` that names every route that cannot be used."""
        parsed, problems = [], []
        for text in texts:
            try:
                parsed.append(ReauthRoute.parse(text))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return cls(routes=tuple(parsed))

    def of(self, method: bytes | None, path: bytes) -> Requirement | None:
        """What a request for this path (percent-encoded, without query) asks for; `None`: nothing.

        All routes count that are about it. A path that is not the same to everybody who reads it may be any: it asks
        for whatever is asked anywhere.
        """
        key = (method, path)
        if key in self._answers:
            return self._answers[key]
        texts = readings(path)
        found = [route for route in self.routes if not texts or route.asks(method, texts)]
        answer = _all_of(found) if found else None
        if len(self._answers) >= self.remembered:
            self._answers.clear()
        if len(path) <= _MEMORABLE:
            self._answers[key] = answer
        return answer

    @property
    def anywhere(self) -> Requirement:
        """All that is asked at any path, for a request whose path nobody knows."""
        return _all_of(self.routes)


def _all_of(routes: Iterable[ReauthRoute]) -> Requirement:
    asked = Requirement()
    for route in routes:
        asked = asked.and_also(route.requirement)
    return asked
