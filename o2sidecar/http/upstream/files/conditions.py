"""Validators and conditional requests: whether a client has what it asks for already (RFC 9110 §8.8, §13)."""

from __future__ import annotations

import re
from wsgiref.handlers import format_date_time

from attrs import frozen
from twisted.web.http import stringToDatetime

from o2sidecar.http.exchange import Exchange, HeaderFields

_ENTITY_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_SAFE = frozenset({b"GET", b"HEAD"})


@frozen(kw_only=True)
class Validators:
    """What tells one state of a file from another.

    Attributes:
        etag: a strong entity tag, with its quotes (§8.8.3).
        modified: seconds since the epoch, never in the future (§8.8.2.1).
    """

    etag: bytes
    modified: int

    @classmethod
    def of(cls, size: int, modified: int, now: float) -> Validators:
        """Of a file's size and the time of its last change (nanoseconds); `now` in seconds."""
        return cls(etag=b'"%x-%x"' % (modified, size), modified=min(modified // 10**9, int(now)))

    @property
    def fields(self) -> HeaderFields:
        """ETag and Last-Modified."""
        return [(b"ETag", self.etag), (b"Last-Modified", format_date_time(self.modified).encode("ascii"))]

    def status(self, exchange: Exchange) -> int:
        """200 where the request is to be served, 304 or 412 where a condition decides (§13.2.2, steps 1 to 4)."""
        matches, differs = exchange.values(b"if-match"), exchange.values(b"if-none-match")
        # 1. If-Match, which compares strongly.
        if matches:
            if not self._listed(matches, weak=False):
                return 412
        # 2. Without it, If-Unmodified-Since.
        elif (date := _date(exchange.header(b"if-unmodified-since"))) is not None and self.modified > date:
            return 412
        # 3. If-None-Match, which compares weakly.
        if differs:
            if self._listed(differs, weak=True):
                return 304 if exchange.method in _SAFE else 412
        # 4. Without it, If-Modified-Since.
        elif exchange.method in _SAFE and (date := _date(exchange.header(b"if-modified-since"))) is not None:
            return 304 if self.modified <= date else 200
        return 200

    def allow_range(self, exchange: Exchange) -> bool:
        """Whether Range counts: there is no If-Range, or what it names is this state (§13.1.5).

        A date does not do: we cannot know that nothing changed twice in its second (§8.8.2.2), and a client that got
        a tag has to name that.
        """
        return exchange.header(b"if-range") in (None, self.etag)

    def _listed(self, values: list[bytes], *, weak: bool) -> bool:
        """Whether the tag is in a list of tags, or the list is `*`, which any state fits (§8.8.3.2)."""
        if values == [b"*"]:
            return True
        tags = [found for value in values for found in _ENTITY_TAG.findall(value)]
        return any(tag == self.etag and (weak or not mark) for mark, tag in tags)


def _date(value: bytes | None) -> int | None:
    """An HTTP-date in any of its three forms (§5.6.7); a condition with anything else is ignored."""
    if value is None:
        return None
    try:
        date: int = stringToDatetime(value)
    except (ValueError, IndexError):
        return None
    return date
