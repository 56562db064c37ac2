"""Tests for where to listen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.listeners import Listener


class ListenerTests(SynchronousTestCase):
    """The forms of `http_address`."""

    def test_forms(self) -> None:
        """Host and port, unix socket and descriptor are read."""
        for text, listener in {
            "127.0.0.1:4180": Listener(host="127.0.0.1", port=4180),
            ":4180": Listener(host="", port=4180),
            "localhost:0": Listener(host="localhost", port=0),
            "[::1]:80": Listener(host="::1", port=80),
            "http://0.0.0.0:4180": Listener(host="0.0.0.0", port=4180),
            "http://a:1/": Listener(host="a", port=1),
            "unix:///run/a.sock": Listener(path="/run/a.sock"),
            "unix:/run/a.sock": Listener(path="/run/a.sock"),
            "unix:///run/a.sock,mode=0660": Listener(path="/run/a.sock", mode=0o660),
            "fd:3": Listener(descriptor=3),
        }.items():
            self.assertEqual(Listener.parse(text), listener, text)

    def test_secure(self) -> None:
        """The same forms are read for https, with its own scheme."""
        for text in ("a:443", "https://a:443"):
            self.assertEqual(Listener.parse(text, secure=True), Listener(host="a", port=443, secure=True))
        self.assertTrue(Listener.parse("unix:///s", secure=True).secure)
        self.assertTrue(Listener.parse("fd:3", secure=True).secure)
        self.assertRaises(ValueError, Listener.parse, "http://a:443", secure=True)

    def test_refused(self) -> None:
        """Everything else is refused."""
        for text in (
            "",
            "4180",
            "a",
            "a:",
            "a:65536",
            "a:b",
            "https://a:1",
            "::1:80",
            "fd:x",
            "unix:",
            "a b:1",
            "a:1\n",
            "unix://a,mode=9",
        ):
            self.assertRaises(ValueError, Listener.parse, text)

    @given(st.text(max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is a listener or a `ValueError`."""
        try:
            listener = Listener.parse(text)
        except ValueError:
            return
        self.assertTrue(listener.path or listener.descriptor is not None or 0 <= listener.port < 65536)
