"""The media type of a file, by its name."""

from __future__ import annotations

import mimetypes
import os

_TYPES = {
    **mimetypes.MimeTypes().types_map[True],
    # What the library of some Pythons lacks, or has under an older name.
    ".js": "text/javascript",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".gz": "application/gzip",
}


def media_type(name: bytes) -> bytes:
    """The media type for a file's name; the same on every machine, since no file of the system is asked."""
    _, extension = os.path.splitext(name.decode("latin-1"))
    found = _TYPES.get(extension.lower(), "application/octet-stream")
    return (f"{found}; charset=utf-8" if found.startswith("text/") else found).encode("ascii")
