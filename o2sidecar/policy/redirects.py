"""Redirect targets: where a person may be sent after signing in or out (RFC 9700 §4.11.1: no open redirector)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from attrs import field, frozen

from o2sidecar.policy.paths import canonical_path

_UNSEEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Controls, and halves of characters, which no encoding has."""
_PATH_END = re.compile(r"[?#]")
_ABSOLUTE = re.compile(
    r"https?://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#].*)?"
)
"""No user information, no percent-encoding or backslash in the authority, ASCII only (RFC 3986 §3.2)."""
_ENTRY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]/\\@?#\s]+)(?::(?P<port>[0-9]{1,5}|\*))?")
_KEPT = "%/:?#[]@!$&'()*+,;=~"
"""RFC 3986 §2.2: delimiters, and percent-encodings as they are."""


@frozen(kw_only=True)
class _Domain:
    """An entry of the whitelist: a host, or with a leading dot a host and all below it; `port` may be `*`."""

    host: str
    below: bool
    port: str

    @classmethod
    def parse(cls, entry: str) -> _Domain:
        """Of an entry; raises `ValueError` that names one that is no domain."""
        found = _ENTRY.fullmatch(entry.strip())
        if found is None:
            raise ValueError(f"{entry!r} is no domain; write example.com, .example.com or example.com:8443")
        host = found["host"].removeprefix("*")
        return cls(host=host.removeprefix(".").lower(), below=host.startswith("."), port=found["port"] or "")

    def has(self, host: str, port: str) -> bool:
        """Whether a host in lower case is allowed with this port; empty: with none in the URL."""
        if self.port not in ("*", port):
            return False
        return host == self.host or (self.below and host.endswith("." + self.host))


def _domains(entries: Iterable[str]) -> tuple[_Domain, ...]:
    return tuple(_Domain.parse(entry) for entry in entries)


@frozen(kw_only=True)
class Redirects:
    """Tells targets that may be followed, on our own host and on the whitelist, from those that lead elsewhere.

    `whitelist_domains`: each a host, or `.host` or `*.host` for the host and all below it, also with `:port` or `:*`;
    without a port it means URLs without one. `ValueError` names an entry that is none of these. `prefix`: under which
    our own endpoints are. `redirect_length_limit`: longer targets are not followed.
    """

    whitelist_domains: tuple[_Domain, ...] = field(default=(), converter=_domains)
    prefix: str = "/oauth2"
    redirect_length_limit: int = 2048

    def safe(self, text: str) -> bool:
        """Whether a browser that follows this text stays on our host or goes to a host of the whitelist."""
        if not text or len(text) > self.redirect_length_limit or _UNSEEN.search(text):
            return False
        if text.startswith("/"):
            return _is_local(text)
        found = _ABSOLUTE.fullmatch(text)
        if found is None:
            return False
        host, port = found["host"].lower(), found["port"] or ""
        return any(domain.has(host, port) for domain in self.whitelist_domains)

    def first(self, candidates: Iterable[str], *, own_endpoints: bool = False) -> str:
        """The first candidate that is safe; `/` if none is.

        `own_endpoints`: whether it may be one of our endpoints that send people on. After signing in it may not, for
        they would be sent round in circles.
        """
        for candidate in candidates:
            if self.safe(candidate) and (own_endpoints or not self.sends_on(candidate)):
                return candidate
        return "/"

    def sends_on(self, target: str) -> bool:
        """Whether a safe target is an endpoint that begins, ends or undoes a login."""
        found = _ABSOLUTE.fullmatch(target)
        path = (found["rest"] or "/") if found else target
        path = _PATH_END.split(path, maxsplit=1)[0]
        path = canonical_path(path.encode("utf-8", "replace")) or path
        if path.startswith(f"{self.prefix}/callback/"):
            return True
        return path in {f"{self.prefix}/{name}" for name in ("start", "callback", "sign_in", "sign_out")}


def _is_local(text: str) -> bool:
    """Whether a target that starts with a slash has a path that no browser takes for another host.

    Browsers read a backslash as a slash (WHATWG URL, special schemes), and two slashes at the start as a host; so no
    backslash, empty segment or dot segment, not even with blanks in it. The query and the fragment may hold anything.
    """
    path = _PATH_END.split(text, maxsplit=1)[0]
    *segments, last = path[1:].split("/")
    return (
        "\\" not in path
        and not any(segment.strip() in ("", ".", "..") for segment in segments)
        and last.strip() not in (".", "..")
    )


def location(text: str) -> bytes:
    """A Location value (RFC 9110 §10.2.2) for a safe target: what a URI cannot hold is percent-encoded in UTF-8.

    Encodings that are there stay as they are. Controls never come through, whatever the text.
    """
    return quote(text, safe=_KEPT, errors="replace").encode("ascii")
