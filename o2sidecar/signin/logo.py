"""The operator's logo on the sign-in page: a link, or a picture that travels inside the page."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from urllib.parse import urlsplit

from attrs import field, frozen

_TYPES = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}


@frozen
class Logo:
    """A picture by its URL. Without one our own mark is shown, or nothing at all with `shown` false."""

    url: str = field(default="", repr=False)
    shown: bool = True

    @classmethod
    def from_url(cls, url: str) -> Logo:
        """A picture that browsers fetch; raises `ValueError` unless it is an absolute https or http URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or not url.isascii() or set(url) & _DELIMITERS:
            raise ValueError(f"the logo {url!r} is neither a file nor an URL that begins with https:// or http://")
        return cls(url)

    @classmethod
    def from_file(cls, name: str, content: bytes, *, most: int = 512 * 1024) -> Logo:
        """A picture that is put into the page, its type by its name's ending.

        Raises `ValueError` for another type than svg, png, jpg or jpeg, and for more than `most` bytes.
        """
        ending = name.rpartition(".")[2].lower()
        kind = _TYPES.get(ending)
        if kind is None:
            raise ValueError(f"the logo {name!r} is of an unknown type .{ending}; there are svg, png, jpg and jpeg")
        if len(content) > most:
            raise ValueError(f"the logo {name!r} has {len(content)} bytes; at most {most} go into a page")
        return cls(f"data:{kind};base64,{b64encode(content).decode('ascii')}")

    @property
    def markup(self) -> str:
        """The picture as HTML, for templates that ask for it; empty if there is none."""
        return f'<img src="{escape(self.url)}" alt="Logo">' if self.url else ""

    @property
    def origins(self) -> list[str]:
        """What an image policy must allow beside data URLs (CSP 3 §2.3.1)."""
        parts = urlsplit(self.url)
        return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


_DELIMITERS = set(" \t\r\n;,'\"")
"""What would end a source or a directive of a Content-Security-Policy."""

OUR_MARK = Logo()
NO_LOGO = Logo(shown=False)
