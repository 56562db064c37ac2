"""Tests for upstreams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.upstreams import Upstream, doubles


class UpstreamTests(SynchronousTestCase):
    """The URLs of `upstreams`."""

    def test_http(self) -> None:
        """A URL gives scheme, host, port, and the path that says which requests go there."""
        upstream = Upstream.parse("http://App.example:8080/api/")
        self.assertEqual((upstream.scheme, upstream.host, upstream.port), ("http", "app.example", 8080))
        self.assertEqual((upstream.id, upstream.path, upstream.authority), ("/api/", "/api/", "app.example:8080"))

    def test_defaults(self) -> None:
        """No path means all paths, no port that of the scheme, which the authority leaves out."""
        for uri, port in {"http://a": 80, "https://a": 443}.items():
            upstream = Upstream.parse(uri)
            self.assertEqual((upstream.path, upstream.port, upstream.authority), ("/", port, "a"))
        self.assertEqual(Upstream.parse("https://a:80/").authority, "a:80")

    def test_ipv6(self) -> None:
        """An IPv6 address loses its brackets, and has them in the authority."""
        upstream = Upstream.parse("http://[::1]:8080/")
        self.assertEqual((upstream.host, upstream.authority), ("::1", "[::1]:8080"))
        self.assertEqual(Upstream.parse("http://[fe80::1%eth0]/").host, "fe80::1%eth0")

    def test_unix(self) -> None:
        """A unix socket takes all paths, and its Host is localhost."""
        upstream = Upstream.parse("unix:///run/app.sock")
        self.assertEqual((upstream.scheme, upstream.socket, upstream.path), ("unix", "/run/app.sock", "/"))
        self.assertEqual(upstream.authority, "localhost")

    def test_static(self) -> None:
        """A fixed answer has a status; what is none means 200."""
        for uri, status in {
            "static://202": 202,
            "static://404/": 404,
            "static://abc": 200,
            "static://999": 200,
        }.items():
            self.assertEqual((Upstream.parse(uri).status, Upstream.parse(uri).path), (status, "/"))

    def test_file(self) -> None:
        """A folder gets the requests that its fragment names, or those for its own path (up-file)."""
        upstream = Upstream.parse("file:///srv/my%20www/#/files/")
        self.assertEqual((upstream.scheme, upstream.folder, upstream.path), ("file", "/srv/my www/", "/files/"))
        self.assertEqual(upstream.id, "/files/")
        self.assertEqual(Upstream.parse("file:///srv/www/").path, "/srv/www/")

    def test_refused(self) -> None:
        """Other schemes and URLs that say more than a place are refused."""
        for uri, words in {
            "gopher://x/": '"gopher"',
            "127.0.0.1:8080": "none of http",
            "": "none of http",
            "file:///srv#x/": "must begin with a slash",
            "file:///srv#/ä/": "in ASCII",
            "file:///srv?a#/x/": "absolute path of a folder",
            "file://srv/www#/x/": "absolute path of a folder",
            "file:srv#/x/": "absolute path of a folder",
            "file://": "absolute path of a folder",
            "file:///a%00b#/x/": "absolute path of a folder",
            "http://": "lacks a host",
            "http://a:0/": "lacks a host",
            "http://a b/": "lacks a host",
            "http://a..b/": "lacks a host",
            "http://%61/": "lacks a host",
            "http://a\\b/": "lacks a host",
            "http://ä.example/": "in ASCII",
            "http://a/ä/": 'the path "/ä/" must',
            "http://a:99999/": "below 65536",
            "http://a:x/": "below 65536",
            "http://[a/": "is no URL",
            "http://a/?q": "must end with its path",
            "http://a/#f": "must end with its path",
            "unix://run/app.sock": "absolute path",
            "unix:": "absolute path",
        }.items():
            self.assertIn(words, str(self.assertRaises(ValueError, Upstream.parse, uri)), uri)

    def test_password(self) -> None:
        """A URL with user and password is refused without showing them."""
        for uri in ("http://u:hunter2@a/", "http://u:hunter2@[a/", "http://u:hunter2@a:x/", "unix://u:hunter2@a/b"):
            self.assertNotIn("hunter2", str(self.assertRaises(ValueError, Upstream.parse, uri)))

    def test_doubles(self) -> None:
        """Ids and paths that are there twice are told."""
        a, b = Upstream.parse("http://a/x"), Upstream.parse("http://b/y")
        self.assertEqual(doubles([a, b]), [])
        self.assertEqual(
            doubles([a, b, a]),
            ['more than one upstream has the id "/x"', 'more than one upstream has the path "/x"'],
        )

    @given(st.text(max_size=30) | st.text(max_size=20).map("http://{}".format) | st.text().map("file:///{}".format))
    def test_any_text(self, uri: str) -> None:
        """Any text is an upstream or a `ValueError`."""
        try:
            upstream = Upstream.parse(uri)
        except ValueError:
            return
        self.assertTrue(upstream.host or upstream.socket or upstream.folder or upstream.scheme == "static")
