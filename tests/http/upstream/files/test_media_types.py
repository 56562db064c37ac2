"""Tests of media types."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.upstream.files.media_types import media_type


class MediaTypeTests(SynchronousTestCase):
    """Names to types."""

    def test_types(self) -> None:
        """What web sites are made of; text is UTF-8; what is packed stays packed; what is not known is bytes."""
        for name, found in {
            b"a.txt": b"text/plain; charset=utf-8",
            b"index.html": b"text/html; charset=utf-8",
            b"A.HTML": b"text/html; charset=utf-8",
            b"sub.d/b.json": b"application/json",
            b"app.js": b"text/javascript; charset=utf-8",
            b"app.mjs": b"text/javascript; charset=utf-8",
            b"app.css": b"text/css; charset=utf-8",
            b"a.svg": b"image/svg+xml",
            b"a.woff2": b"font/woff2",
            b"a.wasm": b"application/wasm",
            b"a.tar.gz": b"application/gzip",
            b"README": b"application/octet-stream",
            b"a.\xff": b"application/octet-stream",
            b"sub.html/a": b"application/octet-stream",
        }.items():
            self.assertEqual(media_type(name), found, name)
