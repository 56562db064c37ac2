"""Identity to header lines: what the app and the browser are told, and the names that a client may never send.

A *header rule* says where one field's values come from. The legacy options (`pass_user_headers`, `set_xauthrequest`
and so on) are rewritten to such rules in `o2sidecar.settings`; the structured file states them directly.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from attrs import field, frozen

from o2sidecar.oauth.claims import reach
from o2sidecar.session.session import Session

_TEXTS = frozenset({"access_token", "id_token", "refresh_token", "email", "user", "preferred_username"})
"""Claims that are one text of the session."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@frozen(kw_only=True)
class HeaderSource:
    """Where one value of a field comes from: a claim of the session, or a fixed text.

    With `basic_auth_password`, the value is `Basic` credentials of the claim and that password (RFC 7617).
    """

    claim: str = ""
    prefix: str = ""
    basic_auth_password: str = field(default="", repr=False)
    value: str = field(default="", repr=False)

    def values(self, session: Session) -> list[str]:
        """The texts that this source gives for a session; none where the claim is absent or empty."""
        if not self.claim:
            return [self.value]
        texts = [text for text in claim_texts(session, self.claim) if text]
        if self.basic_auth_password:
            return [
                "Basic " + base64.b64encode(f"{text}:{self.basic_auth_password}".encode()).decode() for text in texts
            ]
        return [self.prefix + text for text in texts]


@frozen(kw_only=True)
class HeaderRule:
    """One field that is set from a session; the client's own field of that name is removed unless `preserve`."""

    name: str
    sources: tuple[HeaderSource, ...]
    preserve: bool = False
    field_name: bytes = field(init=False, repr=False)
    value: Callable[[Session], str] = field(init=False, repr=False, eq=False)
    """All sources' values for a session joined by a comma; empty if there is none."""

    @field_name.default
    def _encoded(self) -> bytes:
        return self.name.encode()

    def passes(self, claim: str) -> bool:
        """Whether a claim is among what this field tells."""
        return any(source.claim == claim for source in self.sources)

    @value.default
    def _way_to_the_value(self) -> Callable[[Session], str]:
        # Most rules pass on one claim as it is; the long way costs four times as much.
        if len(self.sources) == 1 and self.sources[0] == HeaderSource(claim=self.sources[0].claim):
            return _short_way(self.sources[0].claim) or self._joined
        return self._joined

    def _joined(self, session: Session) -> str:
        return ",".join(text for source in self.sources for text in source.values(session))


def _short_way(claim: str) -> Callable[[Session], str] | None:
    """A function that gives what `claim_texts` does, joined, for claims that the session has under just that name."""
    if claim in _TEXTS:
        return attrgetter(claim)
    if claim == "groups":
        return lambda session: ",".join(filter(None, session.groups))
    return None


@frozen(kw_only=True)
class Identity:
    """Who a request comes from, with the header lines ready made."""

    session: Session
    request_fields: tuple[tuple[bytes, bytes], ...]
    """What the app gets."""
    request_lines: bytes
    """The same as lines, each ended by CRLF."""
    response_fields: tuple[tuple[bytes, bytes], ...]
    """What the browser gets with the app's answer."""
    auth_fields: tuple[tuple[bytes, bytes], ...]
    """What the answer of the auth endpoint carries."""


def folded(name: bytes) -> bytes:
    """A field name as the worst of origins reads it: case folded and `_` for `-` (CGI and WSGI merge the two)."""
    return name.lower().replace(b"_", b"-")


TIME_LEFT = b"X-Session-Expires-In"
"""The field in which an app may be told how many seconds a session still has."""

RESERVED = frozenset(
    {
        b"gap-auth",
        b"gap-signature",
        folded(TIME_LEFT),
        *(
            f"{family}-{claim}".encode()
            for family in ("x-forwarded", "x-auth-request")
            for claim in ("user", "email", "groups", "preferred-username", "access-token", "id-token")
        ),
    }
)
"""Folded names of what tells who somebody is, and for how long. Only we may set them, whatever the options say.

See RFC 9700 §4.13.
"""


@frozen(kw_only=True)
class IdentityHeaders:
    """Makes identities, and knows which names a client may not send.

    `request_rules`: fields for the app. `response_rules`: fields for the browser with the app's answer.
    `auth_rules`: fields of the auth endpoint's answer, for the proxy in front that asked.
    """

    request_rules: tuple[HeaderRule, ...]
    response_rules: tuple[HeaderRule, ...]
    auth_rules: tuple[HeaderRule, ...]
    gap_auth: bool = True
    """Whether answers tell the browser who is signed in by `GAP-Auth`, as oauth2-proxy's do."""

    def identify(self, session: Session) -> Identity:
        """The identity of a session."""
        request_fields = _fields(self.request_rules, session)
        marks = _field(b"GAP-Auth", session.name) if self.gap_auth else ()
        return Identity(
            session=session,
            request_fields=request_fields,
            request_lines=b"".join([b"%s: %s\r\n" % field for field in request_fields]),
            response_fields=(*marks, *_fields(self.response_rules, session)),
            auth_fields=(*marks, *_fields(self.auth_rules, session)),
        )

    def reserved(self) -> frozenset[bytes]:
        """Folded names that are removed from every client request, signed in or not."""
        return RESERVED | {folded(rule.name.encode()) for rule in self.request_rules if not rule.preserve}

    def preserved(self) -> frozenset[bytes]:
        """Folded names whose client value stays in front of the session's, joined by a comma."""
        return frozenset(folded(rule.name.encode()) for rule in self.request_rules if rule.preserve) - RESERVED


def _fields(rules: Sequence[HeaderRule], session: Session) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([field for rule in rules for field in _field(rule.field_name, rule.value(session))])


def _field(name: bytes, text: str) -> tuple[tuple[bytes, bytes], ...]:
    """The field, if there is something to say."""
    value = text.strip()
    if not value.isprintable():
        # RFC 9110 §5.5: no control characters in a field value; a claim that holds some loses them.
        value = _CONTROL.sub(" ", value).strip()
    return ((name, value.encode()),) if value else ()


def claim_texts(session: Session, claim: str) -> list[str]:
    """A claim of a session as texts; a dotted path reaches into objects of `additional_claims`."""
    if claim in _TIMES:
        seconds = getattr(session, claim)
        return [] if seconds is None else [datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")]
    if claim == "groups":
        return list(session.groups)
    if claim == "name" and claim not in session.additional_claims:
        return [session.name]
    if claim in _TEXTS:
        return [str(getattr(session, claim))]
    return _texts(reach(session.additional_claims, claim))


_TIMES = frozenset({"created_at", "expires_on"})


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)]
