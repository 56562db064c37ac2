"""Who is asking: a person who looks at a page, or a script that wants a status."""

from __future__ import annotations

import re
from typing import Protocol

_SENT_BY_SCRIPTS = re.compile(rb"application/(?:[a-z0-9.-]+\+)?json|application/grpc(?:[-+][a-z0-9.+-]+)?")
_READ_BY_SCRIPTS = re.compile(_SENT_BY_SCRIPTS.pattern + rb"|text/event-stream")
_SHOWN = (b"document", b"iframe", b"frame", b"embed", b"object")


class Asking(Protocol):
    """What must be known of a request to tell."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field, `name` in lower case; `None` if it is absent."""

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, `name` in lower case, in order."""


def expects_page(facts: Asking) -> bool:
    """Whether an answer to this request is looked at by a person; if nothing tells, it is.

    Scripts are told by what they accept or send (RFC 9110 §12.5.1, §8.3), by Fetch Metadata (a request that is not a
    navigation), by `X-Requested-With`, and by asking for another protocol.
    """
    accepted = b",".join(facts.values(b"accept")).split(b",")
    if any(_READ_BY_SCRIPTS.fullmatch(_media_type(item)) for item in accepted):
        return False
    if _SENT_BY_SCRIPTS.fullmatch(_media_type(facts.header(b"content-type"))):
        return False
    if _word(facts.header(b"x-requested-with")) == b"xmlhttprequest" or facts.header(b"upgrade") is not None:
        return False
    mode, destination = _word(facts.header(b"sec-fetch-mode")), _word(facts.header(b"sec-fetch-dest"))
    return mode in (b"", b"navigate") and destination in (b"", *_SHOWN)


def navigates(facts: Asking) -> bool:
    """Whether a browser goes to a page with this request, for all that can be told: nothing else says so by chance.

    Browsers that send no Fetch Metadata, or none over plain http, are told by accepting HTML in so many words.
    """
    mode = _word(facts.header(b"sec-fetch-mode"))
    accepted = b",".join(facts.values(b"accept")).split(b",")
    reads_html = any(_media_type(item) == b"text/html" for item in accepted)
    return (mode == b"navigate" or (not mode and reads_html)) and expects_page(facts)


def _media_type(value: bytes | None) -> bytes:
    """The type and subtype, without parameters, in lower case (RFC 9110 §8.3.1)."""
    return _word((value or b"").partition(b";")[0])


def _word(value: bytes | None) -> bytes:
    return (value or b"").strip(b" \t").lower()
