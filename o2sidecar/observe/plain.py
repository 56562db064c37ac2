"""Makes texts from outside harmless for a log line: nothing breaks the line, nothing secret stays in it."""

from __future__ import annotations

import re
from collections.abc import Callable

_UNSAFE = re.compile(r'[\x00-\x1f"\\\x7f-\x9f\u2028\u2029]')
_BREAKING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET_PARAMETERS = re.compile(
    rb"([?&](?:code|state|access_token|id_token|refresh_token|id_token_hint|client_secret|password|token)=)[^&#]*",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """The text with control characters, quotes and backslashes escaped, so that it stays one field of one line."""
    if text.isalnum() or not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode().replace('"', '\\"'), text)


def plain_bytes(data: bytes) -> str:
    """The same of bytes, of which each is a character."""
    return plain(data.decode("latin-1"))


def plain_uri(target: bytes) -> str:
    r"""A request target, masked and plain; `"` and `\` as they should have come (RFC 3986 §2)."""
    return plain_bytes(masked(target).replace(b'"', b"%22").replace(b"\\", b"%5C"))


class PlainTexts(dict[bytes, str]):
    """Bytes from outside to their plain text, for what comes again and again (hosts, user agents, paths); bounded."""

    def __init__(self, shown: Callable[[bytes], str] = plain_bytes, *, size: int = 1024, longest: int = 256) -> None:
        """`shown`: makes the text. `size`: how many are remembered. `longest`: the bytes of one that is."""
        super().__init__()
        self._shown = shown
        self._size = size
        self._longest = longest

    def __missing__(self, data: bytes) -> str:
        text = self._shown(data)
        if len(data) <= self._longest:
            if len(self) >= self._size:
                self.clear()
            self[data] = text
        return text


def one_line(text: str) -> str:
    """The text with control characters escaped, so that it stays one line; for what is no field among others."""
    return _BREAKING.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def masked(target: bytes) -> bytes:
    """A request target with the values of parameters that carry codes, states and tokens replaced by `***`."""
    if b"?" not in target:
        return target
    return _SECRET_PARAMETERS.sub(rb"\1***", target)
