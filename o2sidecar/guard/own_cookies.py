"""The session cookies of a request: which they are, by which bytes they are known, and how an answer takes them away.

HOT: `key`. Its fast way takes the one session cookie out of the field by its name; whatever is not that plain (split
cookies, repeated names, quotes) is parsed.
"""

from __future__ import annotations

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding
from o2sidecar.session.cookies import Cookies, SessionCookie, parse_cookies

_BEFORE_A_COOKIE = b"; \t"


class OwnCookies:
    """Finds the cookies of a session by their names."""

    def __init__(self, cookie: SessionCookie, forwarding: Forwarding) -> None:
        self._cookie = cookie
        self._forwarding = forwarding
        self._name = cookie.attributes.name.encode("ascii")
        self._assignment = self._name + b"="

    def key(self, exchange: Exchange) -> bytes:
        """The bytes that decide which session a request brings: its session cookies and nothing else; empty without."""
        fields = exchange.values(b"cookie")
        if not fields:
            return b""
        field = fields[0] if len(fields) == 1 else b"; ".join(fields)
        start = field.find(self._assignment)
        if start >= 0 and (not start or field[start - 1] in _BEFORE_A_COOKIE) and field.count(self._name) == 1:
            end = field.find(b";", start)
            return field[start:] if end < 0 else field[start:end]
        if self._name not in field:
            return b""
        cookies = parse_cookies([field])
        ours = self._cookie.presented(cookies)
        return "; ".join(f"{name}={value}" for name, value in cookies if name in ours).encode()

    def cookies(self, exchange: Exchange) -> Cookies:
        """All cookies of the request."""
        return parse_cookies(exchange.values(b"cookie"))

    def presented(self, exchange: Exchange) -> list[str]:
        """The names of the session's cookies that the request brought."""
        return self._cookie.presented(self.cookies(exchange))

    def host(self, exchange: Exchange) -> str:
        """Whose cookies these are."""
        return self._forwarding.host(exchange)

    def take(self, exchange: Exchange) -> None:
        """Have the answer delete every session cookie that the request brought; does nothing where there is none."""
        self._take(exchange, self.presented(exchange))

    def take_all(self, exchange: Exchange) -> None:
        """Have the answer delete those of pending logins as well."""
        self._take(exchange, self._cookie.ours(self.cookies(exchange)))

    def _take(self, exchange: Exchange, names: list[str]) -> None:
        if names:
            cleared = self._cookie.clear(self.host(exchange), names)
            fields = [(b"Set-Cookie", value) for value in cleared]
            exchange.also.extend(field for field in fields if field not in exchange.also)
