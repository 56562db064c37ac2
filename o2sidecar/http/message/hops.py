"""Which fields a message takes along to the next hop (RFC 9110 §7.6.1).

HOT: `end_to_end` looks at every field of every message.
"""

from __future__ import annotations

from o2sidecar.http.message.fields import Field
from o2sidecar.identity import folded

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"proxy-authentication-info",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""What concerns one connection only."""

FRAMING = frozenset({b"content-length", b"transfer-encoding"})
"""What is written anew from what was parsed."""

_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade"})
"""Connection options that name no field that would be passed on anyway."""


def end_to_end(fields: list[Field], dropped: frozenset[bytes]) -> list[bytes]:
    """The lines that go on, without their line ends. `dropped`: folded names of those that do not."""
    return [field.line for field in fields if field.folded not in dropped]


def nominated(options: list[bytes]) -> frozenset[bytes]:
    """The folded names of the fields that a message's Connection options remove from it.

    Host cannot be removed: it is written by whoever sends the message, as are framing and identity (F5, F6).
    """
    if not options or _OPTIONS.issuperset(options):
        return _NOTHING
    return frozenset(map(folded, options)) - _OPTIONS - {b"host"}


_NOTHING: frozenset[bytes] = frozenset()
