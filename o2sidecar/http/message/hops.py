"""Which fields a message takes along to the next hop, decided once per name (RFC 9110 §7.6.1).

HOT: `FieldFates` is asked for every field of every message; it is one look-up.
"""

from __future__ import annotations

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


class FieldFates(dict[bytes, bytes]):
    """Field names as they come, to the beginning of the line that they become: `Name: `, or nothing at all.

    `dropped`: folded names that go no further. Bounded.
    """

    def __init__(self, dropped: frozenset[bytes], size: int = 1024) -> None:
        super().__init__()
        self._dropped = dropped
        self._size = size

    def __missing__(self, name: bytes) -> bytes:
        fate = b"" if folded(name) in self._dropped else name + b": "
        if len(name) <= 64:
            if len(self) >= self._size:
                self.clear()
            self[name] = fate
        return fate

    def lines(self, names: list[bytes], contents: list[bytes], nominated: frozenset[bytes]) -> list[bytes]:
        """The lines that go on, without their line ends. `nominated`: lower-case names that Connection lists."""
        fate = self.__getitem__
        if not nominated:
            return [start + value for start, value in zip(map(fate, names), contents, strict=True) if start]
        return [
            start + value
            for name, value in zip(names, contents, strict=True)
            if (start := fate(name)) and name.lower() not in nominated
        ]


def nominated(options: list[bytes]) -> frozenset[bytes]:
    """The lower-case field names that a message's Connection options remove from it.

    Host cannot be removed: it is written by whoever sends the message, as are framing and identity (F5, F6).
    """
    if not options or _OPTIONS.issuperset(options):
        return _NOTHING
    return frozenset(options) - _OPTIONS - {b"host"}


_NOTHING: frozenset[bytes] = frozenset()
