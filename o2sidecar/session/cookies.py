"""Cookies on the wire: the Cookie field taken apart, Set-Cookie values, and the session's cookie with its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Literal

from attrs import evolve, field, frozen
from attrs.validators import in_, matches_re

from o2sidecar.refusals import OwnFault
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session

SameSite = Literal["", "lax", "strict", "none"]

Cookies = list[tuple[str, str]]
"""Names and values of a Cookie field, in order; names may repeat."""

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_NAME = re.compile(_TCHAR + r"+")
_COOKIE_OCTETS = re.compile(r"[!#-+\--:<-\[\]-~]*")
"""RFC 6265 §4.1.1: no control characters, blanks, quotes, commas, semicolons or backslashes."""
_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_READABLE = bytes(set(range(0x20, 0x7F)) - set(b'";\\'))
"""What a value may hold that somebody else set: blanks and commas too."""
_NO_DELIMITERS = r"[ -:<-~]*"
_DELETED = "Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"


def parse_cookies(header_values: Iterable[bytes], *, limit: int = 500) -> Cookies:
    """The cookies of a request's Cookie fields, at most `limit` of them; whatever is no cookie is passed over."""
    found: Cookies = []
    for header in header_values:
        for pair in header.split(b";"):
            name, equals, value = pair.strip(b" \t").partition(b"=")
            if not equals or not name or name.translate(None, _TOKEN):
                continue
            if len(value) > 1 and value[:1] == value[-1:] == b'"':
                value = value[1:-1]
            if not value.translate(None, _READABLE):
                found.append((name.decode("ascii"), value.decode("ascii")))
                if len(found) == limit:
                    return found
    return found


def _dotless(domains: Iterable[str]) -> tuple[str, ...]:
    return tuple(domain.removeprefix("*").removeprefix(".").lower() for domain in domains)


def _bare(host: str) -> str:
    return re.sub(r":[0-9]*$", "", host).lower()


@frozen(kw_only=True)
class CookieAttributes:
    """What a cookie of ours is called, and how browsers are to keep it (RFC 6265 §4.1.2).

    `domains`: where it may be shared; the one that fits the request's host is chosen. `expire`: its life in seconds;
    0: until the browser is closed. `samesite`: empty for no such attribute.
    """

    name: str = field(validator=matches_re(_TCHAR + "{1,240}"))
    path: str = field(default="/", validator=matches_re("/" + _NO_DELIMITERS))
    domains: tuple[str, ...] = field(default=(), converter=_dotless)
    expire: float = 0
    secure: bool = True
    httponly: bool = True
    samesite: SameSite = field(default="", validator=in_(("", "lax", "strict", "none")))

    @domains.validator
    def _are_domains(self, attribute: object, domains: tuple[str, ...]) -> None:
        for domain in domains:
            if not re.fullmatch(r"[a-z0-9._:\[\]-]+", domain):
                raise ValueError(f"{domain!r} is no domain that a cookie can have")

    def set_cookie(self, name: str, value: str, host: str) -> bytes:
        """A Set-Cookie value; `host` is the request's host, with or without a port.

        Raises `ValueError` if the value holds what a cookie cannot hold.
        """
        if not _COOKIE_OCTETS.fullmatch(value) or not _NAME.fullmatch(name):
            raise ValueError(f"no cookie can have this value or name: {name!r}")
        lifetime = f"; Max-Age={int(self.expire)}" if self.expire else ""
        return f"{name}={value}{self._where(name, host)}{lifetime}{self._how()}".encode("ascii")

    def delete_cookie(self, name: str, host: str) -> bytes:
        """The Set-Cookie value that makes browsers forget a cookie that `set_cookie` made."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"no cookie can have this name: {name!r}")
        return f"{name}={self._where(name, host)}; {_DELETED}{self._how()}".encode("ascii")

    def fits(self, host: str) -> bool:
        """Whether browsers take these cookies from a host, with or without a port: it is in the domain they get."""
        domain, bare = self._domain(self.name, host), _bare(host)
        return not domain or bare == domain or bare.endswith("." + domain)

    def _where(self, name: str, host: str) -> str:
        domain = self._domain(name, host)
        return f"; Path={self.path}" + (f"; Domain={domain}" if domain else "")

    def _how(self) -> str:
        return (
            ("; HttpOnly" if self.httponly else "")
            + ("; Secure" if self.secure else "")
            + (f"; SameSite={self.samesite.capitalize()}" if self.samesite else "")
        )

    def _domain(self, name: str, host: str) -> str:
        """The longest domain that the host is in; the shortest one if it is in none (as oauth2-proxy has it)."""
        # RFC 6265bis §4.1.3.2: a cookie whose name begins so belongs to one host.
        if not self.domains or name.lower().startswith("__host-"):
            return ""
        bare = _bare(host)
        fitting = [domain for domain in self.domains if bare == domain or bare.endswith("." + domain)]
        return max(fitting, key=len) if fitting else min(self.domains, key=len)


@frozen(kw_only=True)
class Carried:
    """A session as cookies carried it. `aged`: it is to be sealed anew, since another key seals by now."""

    session: Session
    aged: bool


@frozen(kw_only=True)
class SessionCookie:
    """The cookie that carries a session, or the numbered parts of one that is too long for a single cookie.

    `minimal`: leave the tokens out. `parts`: most parts that are written or read. `line`: longest Set-Cookie value,
    in characters. `replaces`: whether parts take the place of a whole cookie, which is else left to the browser as
    oauth2-proxy does. `tries`: most cookies of the same name that are opened in search for a good one.
    """

    attributes: CookieAttributes
    codec: SessionCodec
    minimal: bool = False
    parts: int = 16
    line: int = 4000
    replaces: bool = False
    tries: int = 4
    _own: re.Pattern[bytes] = field(init=False, repr=False)
    _prefix: bytes = field(init=False, repr=False)
    _names: frozenset[str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        name = self.attributes.name.encode("ascii")
        own = rb"[ \t]*" + re.escape(name) + rb"(?:_[0-9]+|(?:_[A-Za-z0-9_-]{8})?_csrf)?[ \t]*(?:=|$)"
        object.__setattr__(self, "_own", re.compile(own))
        object.__setattr__(self, "_prefix", name)
        object.__setattr__(self, "_names", frozenset({self.attributes.name, *map(self._part, range(self.parts))}))

    def read(self, cookies: Cookies, now: float) -> Session | None:
        """The session that the cookies of a request carry; see `carried`."""
        carried = self.carried(cookies, now)
        return carried.session if carried else None

    def carried(self, cookies: Cookies, now: float) -> Carried | None:
        """What the session cookies of a request carry; `None` if there is none among them.

        Raises `CookieRefused` if there are some, but no good one. Where a name comes several times (a sibling host
        may have planted one), the youngest good session counts. So it does where a whole cookie and parts come: a
        session that grew leaves its old cookie behind, and the whole one counts if both are of one age.
        """
        name = self.attributes.name
        values = self._values(cookies)
        whole = [(name, value) for value in values.get(name, [])[: self.tries]]
        parts = self._joined(values)
        if not whole and not parts:
            return None
        opened = self._opened(whole or parts, now)
        if whole and parts:
            with suppress(CookieRefused):
                opened += self._opened(parts, now)
        session, (name, value) = max(opened, key=lambda pair: pair[0].created_at or 0)
        return Carried(session=session, aged=self.codec.is_aged(name, value))

    def _opened(self, candidates: Cookies, now: float) -> list[tuple[Session, tuple[str, str]]]:
        """The good ones among sealed values, each with its name and value; raises `CookieRefused` if there is none."""
        opened, refused = [], CookieRefused("malformed")
        for name, value in candidates:
            try:
                opened.append((self.codec.decode(name, value, now), (name, value)))
            except CookieRefused as error:
                refused = error
        if not opened:
            raise refused
        return opened

    def presented(self, cookies: Cookies) -> list[str]:
        """The names among a request's cookies that are ours to delete: the session's and its parts', each once."""
        own = {self.attributes.name, *map(self._part, range(100))}
        return list(dict.fromkeys(name for name, _ in cookies if name in own))

    def ours(self, cookies: Cookies, *, limit: int = 200) -> list[str]:
        """All names that only we give, each once: the session's, its parts' and those of pending logins."""
        names = dict.fromkeys(name for name, _ in cookies if self._own.fullmatch(name.encode("ascii")))
        return list(names)[:limit]

    def write(self, session: Session, host: str, presented: Sequence[str], now: float) -> list[bytes]:
        """The Set-Cookie values that give a session to a browser, and take away what it has of another one.

        `host`: the request's host. `presented`: the names that the request came with. `now`, in seconds since the
        epoch, is when the session begins if it does not say so. Raises `OwnFault` if it is too large for cookies.
        """
        return self.give(self.pieces(self.kept(session, now), host), host, presented)

    def kept(self, session: Session, now: float) -> Session:
        """What cookies keep of a session; `now`: when it begins if it does not say so."""
        kept = evolve(session, created_at=now if session.created_at is None else session.created_at)
        return evolve(kept, access_token="", id_token="", refresh_token="") if self.minimal else kept

    def pieces(self, kept: Session, host: str) -> Cookies:
        """The cookies that hold a session, one or its parts; raises `OwnFault` if it is too large for them."""
        return self._split(self.codec.encode(self.attributes.name, kept), host)

    def give(self, pieces: Cookies, host: str, presented: Sequence[str]) -> list[bytes]:
        """The Set-Cookie values that give these to a browser, and take away what it has of another session."""
        # Where the whole cookie stays, `read` prefers the younger.
        written = {name for name, _ in pieces} | (set() if self.replaces else {self.attributes.name})
        return [self.attributes.set_cookie(name, value, host) for name, value in pieces] + self.clear(
            host, [name for name in presented if name not in written]
        )

    def clear(self, host: str, presented: Sequence[str]) -> list[bytes]:
        """The Set-Cookie values that take the presented names away, each once."""
        return [self.attributes.delete_cookie(name, host) for name in dict.fromkeys(presented)]

    def strip(self, header: bytes) -> bytes:
        """A Cookie field without our session, its parts and pending logins; the others stay byte for byte.

        HOT: called for every request that goes to the app. Empty if no cookie is left.
        """
        if self._prefix not in header:
            return header
        own = self._own.match
        pairs = header.split(b";")
        kept = [pair for pair in pairs if own(pair) is None]
        return header if len(kept) == len(pairs) else b";".join(kept).strip(b" \t")

    def _part(self, index: int) -> str:
        return f"{self.attributes.name}_{index}"

    def _values(self, cookies: Cookies) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for name, value in cookies:
            if name in self._names:
                values.setdefault(name, []).append(value)
        return values

    def _joined(self, values: dict[str, list[str]]) -> Cookies:
        """The parts up to the first gap, joined; where parts come several times, the first of each, then the second.

        A part that is alone was signed under its own name, as oauth2-proxy has it.
        """
        present: list[list[str]] = []
        while (part := self._part(len(present))) in values:
            present.append(values[part])
        if not present:
            return []
        name = self.attributes.name if len(present) > 1 else self._part(0)
        rows = min(max(map(len, present)), self.tries)
        return [(name, "".join(part[min(row, len(part) - 1)] for part in present)) for row in range(rows)]

    def _split(self, value: str, host: str) -> Cookies:
        """The cookies that hold a value: one, or parts that fill their lines exactly."""
        name = self.attributes.name
        if self._room(name, host) >= len(value):
            return [(name, value)]
        pieces: Cookies = []
        while value:
            part = self._part(len(pieces))
            room = self._room(part, host)
            if len(pieces) == self.parts or room < 1:
                raise OwnFault(
                    reason="session_too_large",
                    sentence="Your session does not fit into cookies. Please tell the operator of this site.",
                    detail=f"a session needs more than {self.parts} cookies; session_cookie_minimal makes it smaller",
                )
            pieces.append((part, value[:room]))
            value = value[room:]
        return pieces

    def _room(self, name: str, host: str) -> int:
        return self.line - len(self.attributes.set_cookie(name, "", host))
